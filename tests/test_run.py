"""Runs: shapes, dtypes, layouts, records, out, steps."""

import pickle

import numpy as np
import pytest
from cases import currents, same_bits

import fastlif

F4, F8 = np.float32, np.float64


@pytest.fixture
def neuron():
    return fastlif.LIF(R=5.1, C=5e-3, time_step=1e-3, threshold=0.7)


@pytest.mark.parametrize("population", [(), (1,), (7,), (3, 5), (2, 3, 4), (1, 4, 1)])
def test_the_population_may_have_any_axes(neuron, population):
    current = currents(np.random.default_rng(0), (40, *population))
    run = neuron.run(current)
    assert run.membrane.shape == run.spikes.shape == (40, *population)
    assert run.final.mem.shape == population
    flat = neuron.run(current.reshape(40, -1))
    assert same_bits(run.membrane.reshape(40, -1), flat.membrane)
    assert same_bits(run.spikes.reshape(40, -1), flat.spikes)


def test_current_parameters_and_initial_broadcast_to_the_population():
    rng = np.random.default_rng(0)
    current = currents(rng, (30, 1, 4))
    R = rng.uniform(4, 6, (3, 1)).astype(F4)
    initial = rng.uniform(0, 1, (2, 1, 1)).astype(F4)
    run = fastlif.LIF(R=R).run(current, initial)
    assert run.membrane.shape == (30, 2, 3, 4)
    for a, b, c in np.ndindex(2, 3, 4):
        alone = fastlif.LIF(R=R[b, 0]).run(current[:, 0, c], initial[a, 0, 0])
        assert same_bits(alone.membrane, run.membrane[:, a, b, c])


LAYOUTS = {
    "fortran": np.asfortranarray,
    "time last": lambda a: np.moveaxis(np.ascontiguousarray(np.moveaxis(a, 0, -1)), -1, 0),
    "every second neuron": lambda a: np.repeat(a, 2, axis=-1)[..., ::2],
    "every third step": lambda a: np.repeat(a, 3, axis=0)[::3],
    "backwards in time": lambda a: a[::-1].copy()[::-1],
    "backwards in space": lambda a: a[..., ::-1].copy()[..., ::-1],
    "part of more neurons": lambda a: np.concatenate((a, a), axis=-1)[..., : a.shape[-1]],
    "byte-swapped": lambda a: a.astype(a.dtype.newbyteorder()),
    "read-only": lambda a: np.lib.stride_tricks.as_strided(a, writeable=False),
    "unaligned": lambda a: np.frombuffer(b"x" + a.tobytes(), a.dtype, offset=1).reshape(a.shape),
    "a list": lambda a: a.tolist(),
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("shape", [(50, 700), (50, 20, 35), (300, 3)])
def test_any_layout_gives_the_same_bits(neuron, layout, shape):
    current = currents(np.random.default_rng(0), shape)
    given = LAYOUTS[layout](current)
    assert np.array_equal(given, current)
    initial = F4(0.5)
    run = neuron.run(given, initial)
    expected = neuron.run(current, initial)
    assert same_bits(run.membrane, expected.membrane)
    assert same_bits(run.spikes, expected.spikes)


@pytest.mark.parametrize("axes", [(0,), (1,), (2,), (1, 2), (0, 1), (0, 2)])
def test_broadcast_views_equal_their_copies(neuron, axes):
    shape = (60, 20, 30)
    small = [1 if k in axes else n for k, n in enumerate(shape)]
    view = np.broadcast_to(currents(np.random.default_rng(0), small), shape)
    run, expected = neuron.run(view), neuron.run(view.copy())
    assert same_bits(run.membrane, expected.membrane)
    assert same_bits(run.spikes, expected.spikes)


@pytest.mark.parametrize("shape", [(), (6,), (2, 3)])
def test_steps_means_a_constant_current(neuron, shape):
    current = np.random.default_rng(0).uniform(0, 0.6, shape).astype(F4)
    run = neuron.run(current, steps=150)
    expected = neuron.run(np.broadcast_to(current, (150, *shape)).copy())
    assert run.spikes.any()
    assert same_bits(run.membrane, expected.membrane)
    assert same_bits(run.spikes, expected.spikes)


def test_steps_with_parameters_per_neuron():
    R = np.linspace(4, 8, 2000, dtype=F4)
    current = np.linspace(0, 0.5, 2000, dtype=F4)
    run = fastlif.Lapicque(R=R, C=5e-3, time_step=1e-3).run(current, steps=100)
    expected = fastlif.Lapicque(R=R, C=5e-3, time_step=1e-3).run(np.tile(current, (100, 1)))
    assert run.spikes.any()
    assert same_bits(run.membrane, expected.membrane)


@pytest.mark.parametrize(
    ("current", "initial", "dtype"),
    [
        (F4([1, 2]), None, F4),
        (F8([1, 2]), None, F8),
        (F4([1, 2]), 0.5, F4),
        (F4([1, 2]), 1, F4),
        (F4([1, 2]), F8(0.5), F8),
        (F8([1, 2]), F4(0.5), F8),
        (np.float16([1, 2]), None, F4),
        (np.array([1, 2], np.int64), None, F4),
        (np.array([1, 2], np.uint8), 0.5, F4),
        (np.array([True, False]), None, F4),
        (np.array([1, 2], ">f8"), None, F8),
        ([1.0, 2.0], None, F8),
        ([1.0, 2.0], F4(0.5), F4),
        ([F4(1), F4(2)], None, F4),
        ([1, 2], None, F4),
    ],
)
def test_the_dtype_follows_the_arrays(neuron, current, initial, dtype):
    run = neuron.run(current, initial)
    assert run.membrane.dtype == run.final.mem.dtype == dtype
    assert run.spikes.dtype == np.bool_
    spk, mem = neuron(current, initial)
    assert mem.dtype == dtype
    assert spk.dtype == np.bool_


def test_parameters_do_not_widen():
    neuron = fastlif.LIF(R=np.linspace(4, 6, 3), threshold=np.float64(0.5))
    assert neuron.run(np.ones((4, 3), F4)).membrane.dtype == F4


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.int64, np.bool_, np.float16])
def test_narrow_inputs_compute_as_float32(neuron, dtype):
    current = (currents(np.random.default_rng(0), (70, 600)) * 4).astype(dtype)
    run, expected = neuron.run(current), neuron.run(current.astype(F4))
    assert run.spikes.any()
    assert same_bits(run.membrane, expected.membrane)


@pytest.mark.parametrize("record", ["membrane", "spikes", ("spikes", "membrane"), (), ["spikes"]])
def test_only_requested_records_are_stored(neuron, record):
    current = currents(np.random.default_rng(0), (40, 9))
    everything = neuron.run(current)
    run = neuron.run(current, record=record)
    names = (record,) if isinstance(record, str) else record
    for name in ("membrane", "spikes"):
        if name in names:
            assert same_bits(getattr(run, name), getattr(everything, name))
        else:
            assert getattr(run, name) is None
    assert same_bits(run.final.mem, everything.final.mem)


OUTS = {
    "plain": lambda shape, dtype: np.empty(shape, dtype),
    "fortran": lambda shape, dtype: np.empty(shape, dtype, order="F"),
    "wider rows": lambda shape, dtype: np.empty((*shape[:-1], shape[-1] + 5), dtype)[..., 5:],
    "every second row": lambda shape, dtype: np.empty((2 * shape[0], *shape[1:]), dtype)[::2],
    "byte-swapped": lambda shape, dtype: np.empty(shape, np.dtype(dtype).newbyteorder()),
}


@pytest.mark.parametrize("layout", OUTS)
@pytest.mark.parametrize("shape", [(50, 700), (50, 20, 35)])
def test_out_is_filled_and_returned(neuron, layout, shape):
    current = currents(np.random.default_rng(0), shape)
    expected = neuron.run(current)
    out = {"membrane": OUTS[layout](shape, F4), "spikes": OUTS[layout](shape, np.bool_)}
    run = neuron.run(current, out=out)
    assert run.membrane is out["membrane"]
    assert run.spikes is out["spikes"]
    assert np.array_equal(run.membrane, expected.membrane)
    assert np.array_equal(run.spikes, expected.spikes)


def test_out_may_contain_some_of_the_records(neuron):
    current = currents(np.random.default_rng(0), (50, 7))
    membrane = np.empty((50, 7), F4)
    run = neuron.run(current, record=("membrane", "spikes"), out={"membrane": membrane})
    assert run.membrane is membrane
    assert same_bits(run.spikes, neuron.run(current).spikes)


def test_out_may_be_a_memory_mapped_file(neuron, tmp_path):
    current = currents(np.random.default_rng(0), (50, 70))
    file = np.memmap(tmp_path / "membrane", F4, "w+", shape=(50, 70))
    neuron.run(current, record="membrane", out={"membrane": file})
    file.flush()
    expected = neuron.run(current).membrane
    assert np.array_equal(np.fromfile(tmp_path / "membrane", F4).reshape(50, 70), expected)


def test_interleaved_arrays_do_not_overlap(neuron):
    both = np.zeros((50, 20), F4)
    both[:, ::2] = currents(np.random.default_rng(0), (50, 10))
    expected = neuron.run(both[:, ::2].copy())
    run = neuron.run(both[:, ::2], out={"membrane": both[:, 1::2]})
    assert np.array_equal(run.membrane, expected.membrane)


def test_the_last_row_of_out_may_be_the_next_initial_state(neuron):
    current = currents(np.random.default_rng(0), (100, 7))
    expected = neuron.run(current)
    out = {"membrane": np.empty((50, 7), F4)}
    first = neuron.run(current[:50], out=out)
    second = neuron.run(current[50:], initial=first.membrane[-1], out=out)
    assert np.array_equal(second.membrane, expected.membrane[50:])


@pytest.mark.parametrize("shape", [(0, 5), (5, 0), (0, 0), (0,), (3, 0, 4)])
def test_empty_runs(neuron, shape):
    run = neuron.run(np.ones(shape, F4), initial=0.25)
    assert run.membrane.shape == run.spikes.shape == shape
    assert run.final.mem.shape == shape[1:]
    assert (run.final.mem == F4(0.25)).all()
    assert neuron.run(F4(1), steps=0).membrane.shape == (0,)
    assert neuron.run(np.ones(0, F4), steps=4).membrane.shape == (4, 0)


def test_inputs_are_not_modified(neuron):
    current, initial = currents(np.random.default_rng(0), (50, 7)), np.full(7, 0.5, F4)
    before = current.copy(), initial.copy()
    neuron.run(current, initial)
    neuron(current[0], initial)
    assert np.array_equal(current, before[0])
    assert np.array_equal(initial, before[1])


def test_a_current_longer_than_one_kernel_call_equals_its_parts(neuron):
    series = currents(np.random.default_rng(0), 5_000_000)
    run = neuron.run(series, record="spikes")
    first = neuron.run(series[:4_100_000], record="spikes")
    second = neuron.run(series[4_100_000:], first.final, record="spikes")
    assert np.array_equal(run.spikes, np.concatenate((first.spikes, second.spikes)))
    assert same_bits(run.final.mem, second.final.mem)


def test_progress_is_reported_until_the_end(neuron):
    told = []
    neuron.run(np.ones((50, 70), F4), progress=lambda done, total: told.append((done, total)))
    assert told[-1] == (3500, 3500)
    assert told == sorted(told)


def test_progress_shows_a_bar(neuron, capsys):
    neuron.run(np.ones((50, 70), F4), progress=True)
    assert "100%" in capsys.readouterr().err


@pytest.mark.parametrize("cls", [fastlif.LIF, fastlif.Lapicque, fastlif.Leaky])
def test_neurons_are_immutable_and_can_be_pickled(cls):
    given = {"beta": 0.9} if cls is not fastlif.LIF else {"R": np.array([4.0, 5.0])}
    neuron = cls(threshold=0.6, reset_mechanism="zero", **given)
    again = pickle.loads(pickle.dumps(neuron))
    current = currents(np.random.default_rng(0), (50, 2))
    assert same_bits(again.run(current).membrane, neuron.run(current).membrane)
    with pytest.raises(AttributeError):
        neuron.threshold = 2.0
    assert "threshold=0.6" in repr(neuron)


def test_a_neuron_keeps_a_copy_of_its_arrays():
    R = np.array([4.0, 5.0])
    neuron = fastlif.LIF(R=R)
    R[:] = 1.0
    assert list(neuron.R) == [4.0, 5.0]
    with pytest.raises(ValueError, match="read-only"):
        neuron.R[0] = 1.0


def test_integers_are_rounded_once():
    value = 2**60 + 2**36 + 1  # rounded to float64 first, it would lie between two float32 numbers
    neuron = fastlif.Leaky(beta=0.5, threshold=np.inf, reset_mechanism="none")
    expected = np.full(1, value).astype(F4)
    assert neuron.run(np.full((1, 2), value)).membrane[0, 0] == expected
    assert neuron.run(np.int64(value), steps=1).membrane == expected
    assert neuron.run(np.zeros((1, 1), F4), np.array([value])).membrane == expected / 2
    assert neuron(np.array([value]))[1] == expected


def test_a_run_tells_what_it_recorded():
    run = fastlif.LIF(refractory=2).run(np.zeros((4, 3), np.float32), record=("spikes", "events"))
    assert repr(run) == (
        "<Run with membrane: not recorded; spikes: bool (4, 3); packed: not recorded; "
        "counts: not recorded; events: 0 spikes; final: mem and refractory>"
    )
    with pytest.raises(TypeError, match=r"^initial must be .* got a Run; pass its final state"):
        fastlif.LIF().run(0.3, steps=3, initial=run)
