"""Runs and events in NPZ files."""

from typing import Any, NamedTuple

import numpy as np
import pytest
from cases import same_bits

import fastlif
from fastlif import Events, Run, State
from fastlif.execution import storage

RNG = np.random.default_rng(0)
CURRENT = RNG.uniform(0, 0.6, (60, 3, 5)).astype(np.float32)
ALL = ("membrane", "spikes", "packed", "counts", "events")
LIF = fastlif.LIF(R=5.1, C=5e-3, order="at_once", refractory=2)
RUNS = {
    "all records": lambda: LIF.run(CURRENT, record=ALL),
    "one record": lambda: LIF.run(CURRENT, record="counts"),
    "float64": lambda: LIF.run(CURRENT.astype(np.float64), record=ALL),
    "one neuron": lambda: LIF.run(CURRENT[:, 0, 0], record=ALL),
    "no steps": lambda: LIF.run(CURRENT[:0], record=ALL),
    "no neurons": lambda: LIF.run(CURRENT[:, :0], record=ALL),
    "several spikes": lambda: fastlif.presets.sinabs_lif(tau_mem=10.0).run(
        CURRENT * 60, record=("spikes", "events")
    ),
    "synaptic current": lambda: fastlif.presets.norse_lif().run(CURRENT),
}


def assert_same(a, b):
    assert type(a) is type(b)
    if isinstance(a, tuple):
        for x, y in zip(a, b, strict=True):
            assert_same(x, y)
    elif isinstance(a, np.ndarray):
        assert same_bits(a, b)
    else:
        assert a == b


@pytest.mark.parametrize("kind", RUNS)
def test_a_run_is_loaded_as_it_was_saved(kind, tmp_path):
    run = RUNS[kind]()
    run.save(tmp_path / "run.npz")
    assert_same(Run.load(tmp_path / "run.npz"), run)
    if run.events is not None:
        run.events.save(str(tmp_path / "events"))  # no extension is added
        assert_same(Events.load(str(tmp_path / "events")), run.events)


def test_a_loaded_run_continues(tmp_path):
    whole = LIF.run(CURRENT)
    LIF.run(CURRENT[:25]).save(tmp_path / "run.npz")
    rest = LIF.run(CURRENT[25:], initial=Run.load(tmp_path / "run.npz").final)
    assert same_bits(rest.membrane, whole.membrane[25:])


def test_numpy_reads_the_files(tmp_path):
    run = LIF.run(CURRENT, record=("spikes", "events"))
    run.save(tmp_path / "run.npz")
    with np.load(tmp_path / "run.npz") as file:
        names = {"fastlif", "spikes", "events.step", "events.neuron", "final.mem"}
        assert set(file.files) == names | {"final.refractory", "final.steps"}
        assert same_bits(file["events.step"], run.events.step)


def test_any_array_of_numbers_is_saved(tmp_path):
    mem = np.asfortranarray(RNG.random((4, 3))).astype(">f4")
    run = Run(None, CURRENT[:, ::2].astype(np.int32).T, None, None, None, State(mem))
    run.save(tmp_path / "run.npz")
    loaded = Run.load(tmp_path / "run.npz")
    assert loaded.final.mem.dtype == mem.dtype
    assert np.array_equal(loaded.final.mem, mem)
    assert np.array_equal(loaded.spikes, run.spikes)


def test_fields_that_are_numbers(tmp_path, monkeypatch):
    class Counted(NamedTuple):
        mem: Any
        steps: int = 0

    monkeypatch.setitem(storage._NESTED, "final", Counted)
    run = Run(None, None, None, None, None, Counted(np.array(0.5, np.float32), 7))
    run.save(tmp_path / "run.npz")
    assert_same(Run.load(tmp_path / "run.npz"), run)


def test_what_cannot_be_saved_leaves_no_file(tmp_path):
    with pytest.raises(TypeError, match=r"step must be an array of numbers, got dtype object"):
        Events(np.array([None]), np.array([0])).save(tmp_path / "events.npz")
    assert not list(tmp_path.iterdir())


def test_files_that_hold_something_else(tmp_path):
    path = tmp_path / "file.npz"
    LIF.run(CURRENT).save(path)
    with pytest.raises(ValueError, match=r"file.npz' must hold Events, got Run"):
        Events.load(path)
    np.savez(path, a=1)
    with pytest.raises(ValueError, match="must hold Run, got another file"):
        Run.load(path)
    np.savez(path, fastlif="Events", step=[1], neuron=[2], depth=[3])
    with pytest.raises(ValueError, match="holds depth, which this version of fastlif does not kno"):
        Events.load(path)
    np.savez(path, fastlif="Events", step=np.array([None]), neuron=[2])
    with pytest.raises(ValueError, match="is not a file that fastlif saved"):
        Events.load(path)
    np.save(path.with_suffix(".npy"), CURRENT)
    for content in (b"", b"text", b"PK\x03\x04 damaged", path.with_suffix(".npy").read_bytes()):
        path.write_bytes(content)
        with pytest.raises(ValueError, match="is not a file that fastlif saved"):
            Run.load(path)
    with pytest.raises(FileNotFoundError):
        Run.load(tmp_path / "absent.npz")
