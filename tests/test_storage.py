"""Runs and events in NPZ files."""

import zipfile
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


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"fastlif": "Run"}, "final is missing"),
        ({"fastlif": "Run", "final.steps": 3}, r"final\.mem is missing"),
        ({"fastlif": "Run", "final.mem": 0.5, "events.step": [1]}, r"events\.neuron is missing"),
        ({"fastlif": "Events", "step": [1]}, "neuron is missing"),
        ({"fastlif": "Events", "step": [1], "neuron": ["a"]},
         r"neuron must be an array of numbers, got dtype <U1"),
        ({"fastlif": "Run", "final.mem": 0.5, "final.steps": 1.5},
         r"final\.steps must be a whole number, got .*1\.5"),
        ({"fastlif": "Run", "final.mem": 0.5, "final.steps": [1, 2]},
         r"final\.steps must be a whole number, got an array of shape \(2,\)"),
        ({"fastlif": "Run", "final.mem": 0.5, "membrane.x": 1}, r"holds membrane\.x, which"),
        ({"fastlif": "Run", "final.mem": 0.5, "events": 1}, "holds events, which"),
    ],
)  # fmt: skip
def test_files_that_are_incomplete(arrays, message, tmp_path):
    path = tmp_path / "file.npz"
    np.savez(path, **arrays)
    with pytest.raises(ValueError, match=rf"file\.npz' (is incomplete or damaged: )?{message}"):
        {"Run": Run, "Events": Events}[arrays["fastlif"]].load(path)


def test_damaged_files(tmp_path):
    path = tmp_path / "run.npz"
    LIF.run(CURRENT).save(path)
    whole = path.read_bytes()
    directory = whole.rfind(b"PK\1\2")  # the entry of the last array
    for place, value in ((8, 1), (8, 32), (10, 99), (6, 255)):  # encrypted, patched, ...
        damaged = bytearray(whole)
        damaged[directory + place] = value
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match=r"run\.npz' is not a file that fastlif saved"):
            Run.load(path)
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("fastlif", "Run")
    with pytest.raises(ValueError, match="must hold Run, got"):
        Run.load(path)


def test_a_file_remains_if_it_cannot_be_replaced(tmp_path, monkeypatch):
    path = tmp_path / "run.npz"
    run = LIF.run(CURRENT)
    run.save(path)
    path.chmod(0o640)
    link = tmp_path / "link.npz"
    link.symlink_to(path)

    def full(file, **arrays):
        file.write(b"PK")
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(np, "savez", full)
        with pytest.raises(OSError, match="No space left"):
            LIF.run(CURRENT[:5]).save(link)
        with pytest.raises(OSError, match="No space left"):
            run.save(tmp_path / "new.npz")
    assert_same(Run.load(path), run)
    assert sorted(tmp_path.iterdir()) == [link, path]
    LIF.run(CURRENT[:5]).save(link)
    assert link.is_symlink()
    assert path.stat().st_mode & 0o777 == 0o640
    assert Run.load(path).final.steps == 5


def test_names_may_be_as_long_as_the_file_system_permits(tmp_path):
    path = tmp_path / ("n" * 255)
    LIF.run(CURRENT[:5]).save(path)
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_is_not_replaced(tmp_path):
    with pytest.raises(IsADirectoryError):
        LIF.run(CURRENT).save(tmp_path)
    with pytest.raises(FileNotFoundError):
        LIF.run(CURRENT).save(tmp_path / "absent" / "run.npz")
