"""The formats of spikes, their statistics and their distances, compared with plain NumPy."""

import itertools
import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import fastlif
from fastlif import Events, spikes
from fastlif.execution import parallel
from fastlif.spikes import loops

DT = 1e-3
SHAPES = [
    (1, 1), (5, 1), (7, 8), (3, 63), (9, 64), (4, 65), (11, 200), (300, 513), (6, 3, 5), (5,),
    (4, 2, 1, 33), (0, 4), (4, 0), (0, 0), (3, 0, 2),
]  # fmt: skip


def drawn(shape, density=0.2, seed=0):
    return np.random.default_rng(seed).random(shape) < density


def formats(dense):
    """Return the three formats, made by NumPy, and what must be given with each."""
    flat = dense.reshape(len(dense), int(np.prod(dense.shape[1:])))
    known = {"steps": len(dense), "population": dense.shape[1:]}
    return {
        "dense": (dense, {}),
        "packed": (np.packbits(flat, axis=1, bitorder="little"), {"population": dense.shape[1:]}),
        "events": (Events(*np.nonzero(flat)), known),
    }


def same(a, b):
    return a.dtype == b.dtype and a.shape == b.shape and np.array_equal(a, b, equal_nan=True)


@pytest.mark.parametrize("density", [0, 0.05, 0.9, 1])
@pytest.mark.parametrize("shape", SHAPES)
def test_each_format_converts_to_each_other(shape, density):
    made = formats(drawn(shape, density))
    for value, known in made.values():
        assert same(spikes.to_dense(value, **known), made["dense"][0])
        assert same(spikes.to_packed(value, **known), made["packed"][0])
        events = spikes.to_events(value, **known)
        assert isinstance(events, Events)
        assert all(map(same, events, made["events"][0]))
        numbers = spikes.to_dense(value, **known, dtype=np.int32)
        assert same(numbers, made["dense"][0].astype(np.int32))


@given(st.integers(0, 40), st.integers(0, 150), st.floats(0, 1), st.integers(0, 99))
def test_conversion_loses_nothing(steps, size, density, seed):
    dense = drawn((steps, size), density, seed)
    events = spikes.to_events(spikes.to_packed(dense), population=size)
    assert same(spikes.to_dense(events, steps=steps, population=size), dense)


def test_conversion_in_blocks_and_threads(monkeypatch):
    monkeypatch.setattr(loops, "_BLOCK", 1000)
    monkeypatch.setattr(loops, "_WORTH_A_THREAD", 1)
    monkeypatch.setenv(parallel.ENVIRONMENT, "3")
    for shape in [(100, 333), (100, 7, 9), (50, 5000)]:
        test_each_format_converts_to_each_other(shape, 0.1)
    test_several_spikes_per_step(np.int32)


LAYOUTS = {
    "Fortran order": np.asfortranarray,
    "strided": lambda a: np.repeat(a, 2, axis=-1)[..., ::2],
    "reversed": lambda a: a[::-1].copy()[::-1],
    "byte-swapped": lambda a: a.astype(a.dtype.newbyteorder()),
    "unaligned": lambda a: (
        np.frombuffer(b"." + a.tobytes(), np.uint8)[1:].view(a.dtype).reshape(a.shape)
    ),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_any_layout(layout):
    dense = drawn((40, 6, 23))
    for value, known in formats(dense).values():
        arrays = [LAYOUTS[layout](a) for a in (value if isinstance(value, tuple) else [value])]
        for array in arrays:
            array.flags.writeable = False
        value = Events(*arrays) if len(arrays) == 2 else arrays[0]
        before = [a.copy() for a in arrays]
        assert same(spikes.to_dense(value, **known).astype(bool), dense)
        assert same(spikes.counts(value, **known), dense.sum(0))
        assert all(map(same, arrays, before))


def test_bools_that_are_not_0_or_1():
    """NumPy lets them exist, as views of bytes."""
    odd = np.tile(np.uint8([0, 2, 255, 1]), (3, 40)).view(np.bool_)
    assert same(spikes.to_packed(odd), np.packbits(odd, axis=1, bitorder="little"))
    assert len(spikes.to_events(odd).step) == 360


@pytest.mark.parametrize("dtype", [np.int8, np.int32, np.int64])
def test_several_spikes_per_step(dtype):
    numbers = np.random.default_rng(0).integers(0, 3, (50, 4, 20)).astype(dtype)
    flat = numbers.reshape(50, 80)
    events = spikes.to_events(numbers)
    assert same(events.step, np.repeat(np.nonzero(flat)[0], flat[flat > 0]))
    assert same(events.neuron, np.repeat(np.nonzero(flat)[1], flat[flat > 0]))
    known = {"steps": 50, "population": (4, 20)}
    assert same(spikes.to_dense(events, **known, dtype=np.int32), numbers.astype(np.int32))
    assert same(spikes.counts(events, population=(4, 20)), numbers.sum(0, dtype=np.int64))
    assert same(spikes.counts(numbers), numbers.sum(0, dtype=np.int64))
    message = f"neuron {events.neuron[1]} has several spikes in step 0"
    for value in (numbers, events):
        for convert in (spikes.to_dense, spikes.to_packed):
            with pytest.raises(ValueError, match=message):
                convert(value, **known)


def test_numbers_of_spikes_that_are_at_most_1_can_be_bools():
    dense = drawn((9, 30))
    assert same(spikes.to_dense(dense.astype(np.int32)), dense)
    assert same(spikes.to_packed(dense.astype(np.int32)), spikes.to_packed(dense))


def reference(dense, dt=DT):
    """Return the trains and all statistics, neuron by neuron."""
    flat = dense.reshape(len(dense), -1)
    trains = [np.repeat(np.arange(len(flat)), column) + 1.0 for column in flat.T]
    gaps = [np.diff(train) for train in trains]
    population = dense.shape[1:]
    return {
        "trains": [train * dt for train in trains],
        "intervals": [g * dt for g in gaps],
        "counts": dense.sum(0, dtype=np.int64),
        "rates": dense.sum(0) / (len(dense) * dt),
        "cv": np.array(
            [g.std() / g.mean() if len(g) and g.any() else np.nan for g in gaps]
        ).reshape(population),
        "first_spikes": np.array([t[0] * dt if len(t) else np.nan for t in trains]).reshape(
            population
        ),
        "population_rate": np.array(
            [dense[t : t + 7].mean() / dt for t in range(0, len(dense), 7)]
        ),
    }


def statistics(value, **known):
    return {
        "trains": spikes.trains(value, DT, **known),
        "intervals": spikes.intervals(value, DT, **known),
        "counts": spikes.counts(value, **known),
        "rates": spikes.rates(value, DT, **known),
        "cv": spikes.cv(value, **known),
        "first_spikes": spikes.first_spikes(value, DT, **known),
        "population_rate": spikes.population_rate(value, DT, 7, **known),
    }


def equal(a, b, rtol=1e-12):
    if isinstance(a, list):
        return len(a) == len(b) and all(equal(x, y, rtol) for x, y in zip(a, b, strict=True))
    return (
        a.dtype == b.dtype
        and a.shape == b.shape
        and np.allclose(a, b, rtol=rtol, atol=0, equal_nan=True)
    )


@pytest.mark.parametrize("shape", [(40, 30), (100, 3, 7), (50,), (1, 5), (20, 1)])
@pytest.mark.parametrize("density", [0, 0.03, 0.5])
def test_statistics(shape, density):
    dense = drawn(shape, density)
    expected = reference(dense)
    results = [statistics(value, **known) for value, known in formats(dense).values()]
    for name, value in expected.items():
        assert equal(results[0][name], value), name
    for other in results[1:]:  # bit for bit
        for name, value in results[0].items():
            assert equal(other[name], value, rtol=0), name


def test_statistics_of_several_spikes_per_step():
    numbers = np.random.default_rng(0).integers(0, 3, (50, 20)).astype(np.int32)
    numbers[:, 3] = 0
    numbers[:, 4] = 0
    numbers[8, 4] = 2  # simultaneous spikes only
    expected = reference(numbers)
    for value, known in [
        (numbers, {}),
        (spikes.to_events(numbers), {"steps": 50, "population": 20}),
    ]:
        results = statistics(value, **known)
        assert all(equal(results[name], value) for name, value in expected.items())


def test_statistics_of_nothing():
    for shape in [(0, 3), (4, 0), (0, 0), (0,)]:
        dense = np.zeros(shape, np.bool_)
        for value, known in formats(dense).values():
            results = statistics(value, **known)
            assert results["counts"].shape == results["cv"].shape == shape[1:]
            assert len(results["trains"]) == int(np.prod(shape[1:]))
            assert results["population_rate"].shape == (-(-shape[0] // 7),)
            if not shape[0]:
                assert np.isnan(results["rates"]).all()


def test_times_and_offsets():
    events = Events([0, 2, 2, 5], [1, 0, 1, 1])
    assert spikes.times(events, 0.5).tolist() == [0.5, 1.5, 1.5, 3.0]
    offsets = np.float32([0.5, 0.25, 1, 0])
    known = {"population": 3, "offsets": offsets}
    assert spikes.times(events, 2, offsets=offsets).tolist() == [1, 4.5, 6, 10]
    trains = spikes.trains(events, 2, **known)
    assert [t.tolist() for t in trains] == [[4.5], [1, 6, 10], []]
    assert [t.tolist() for t in spikes.intervals(events, 2, **known)] == [[], [5, 4], []]
    assert np.array_equal(spikes.first_spikes(events, 2, **known), [4.5, 1, np.nan], True)
    assert spikes.cv(events, **known)[1] == 0.5 / 4.5
    dense = spikes.to_dense(events, steps=6, population=3)
    assert spikes.times(dense, 2, offsets=offsets).tolist() == [1, 4.5, 6, 10]
    assert spikes.times(spikes.to_packed(dense), 2, offsets=offsets).tolist() == [1, 4.5, 6, 10]


def test_an_offset_of_one_changes_nothing():
    dense = drawn((40, 30))
    ones = np.ones(dense.sum())
    for a, b in zip(spikes.trains(dense, DT), spikes.trains(dense, DT, offsets=ones), strict=True):
        assert same(a, b)


# --- runs -----------------------------------------------------------------------------------------

CURRENT = np.random.default_rng(0).uniform(0, 0.6, (200, 3, 11)).astype(np.float32)
NEURON = fastlif.LIF(R=5.1, C=5e-3, time_step=DT, order="at_once")
RECORDS = ["spikes", "packed", "events"]


@pytest.mark.parametrize("record", RECORDS + list(itertools.combinations(RECORDS, 2)))
def test_runs(record):
    dense = NEURON.run(CURRENT).spikes
    assert dense.any()
    run = NEURON.run(CURRENT, record=record)
    known = {"steps": 200} if record == "events" else {}
    results = statistics(run, **known)
    assert all(equal(results[name], value) for name, value in reference(dense).items())
    assert same(spikes.to_dense(run, **known), dense)
    assert same(spikes.to_packed(run, **known), formats(dense)["packed"][0])
    assert all(map(same, spikes.to_events(run), formats(dense)["events"][0]))


def test_a_run_of_one_neuron_and_one_that_recorded_some():
    run = NEURON.run(CURRENT[:, 0, 0], record=("spikes", "packed", "events"))
    assert spikes.counts(run).shape == ()
    assert spikes.counts(run) == run.spikes.sum()
    chosen = NEURON.run(CURRENT, record="spikes", neurons=[4, 2])
    assert same(spikes.counts(chosen), chosen.spikes.sum(0))


def test_a_run_that_recorded_counts():
    run = NEURON.run(CURRENT, record="counts")
    assert same(spikes.counts(run), run.counts)
    assert same(spikes.counts(run, population=33), run.counts.ravel())
    assert same(spikes.rates(run, DT, steps=200), run.counts / (200 * DT))
    run = NEURON.run(CURRENT, record=("counts", "spikes"), neurons=[4, 2])
    assert same(spikes.rates(run, DT), run.counts / (200 * DT))


def test_a_run_with_several_spikes_per_step():
    neuron = fastlif.presets.sinabs_lif(tau_mem=10.0)
    run = neuron.run(CURRENT * 60, record=("spikes", "events"))
    assert run.spikes.max() > 1
    assert same(spikes.to_dense(run, dtype=np.int32), run.spikes)
    assert same(spikes.counts(run), spikes.counts(run.spikes))


# --- distances ------------------------------------------------------------------------------------


def van_rossum(a, b, tau):
    """Sum over all pairs of spikes."""
    if np.isinf(tau):
        return float(abs(len(a) - len(b)))

    def product(x, y):
        return np.exp(-np.abs(x[:, None] - y) / tau).sum()

    return np.sqrt(max(0, product(a, a) + product(b, b) - 2 * product(a, b)))


def victor_purpura(a, b, cost):
    """Fill the whole table."""
    table = np.zeros((len(a) + 1, len(b) + 1))
    table[:, 0], table[0] = np.arange(len(a) + 1), np.arange(len(b) + 1)
    for i, j in np.ndindex(len(a), len(b)):
        shift = 0 if a[i] == b[j] else cost * abs(a[i] - b[j])
        table[i + 1, j + 1] = min(table[i, j + 1] + 1, table[i + 1, j] + 1, table[i, j] + shift)
    return table[-1, -1]


DISTANCES = [
    *((spikes.van_rossum, van_rossum, {"tau": tau}) for tau in (1e-4, 3e-3, 1.0, np.inf)),
    *((spikes.victor_purpura, victor_purpura, {"cost": c}) for c in (0, 50.0, 1e4, np.inf)),
]


@pytest.mark.parametrize(("distance", "plain", "parameter"), DISTANCES)
def test_distances(distance, plain, parameter, monkeypatch):
    dense = drawn((60, 2, 70), 0.1)
    dense[:, 0, :2] = False  # silent
    dense[:, 1, 5] = dense[:, 1, 4]
    other = drawn((60, 2, 70), 0.1, seed=1)
    (value,) = parameter.values()
    trains, others = spikes.trains(dense, DT), spikes.trains(other, DT)
    matrix = np.array([[plain(a, b, value) for b in trains] for a in trains])
    paired = np.array([plain(a, b, value) for a, b in zip(trains, others, strict=True)])
    for (a, known), (b, _) in zip(formats(dense).values(), formats(other).values(), strict=True):
        found = distance(a, time_step=DT, **parameter, **known)
        np.testing.assert_allclose(found, matrix, rtol=1e-9, atol=1e-7)
        assert np.array_equal(found, found.T)
        assert found[74, 75] == 0 == found[0, 1]
        found = distance(a, b, time_step=DT, **parameter, **known)
        np.testing.assert_allclose(found, paired.reshape(2, 70), rtol=1e-9, atol=1e-7)
        assert not distance(a, a, time_step=DT, **parameter, **known).any()
    several = distance(dense, time_step=DT, **parameter)
    monkeypatch.setenv(parallel.ENVIRONMENT, "1")
    assert np.array_equal(several, distance(dense, time_step=DT, **parameter))


def test_distances_of_nothing():
    for distance, _, parameter in DISTANCES:
        assert distance(np.zeros((5, 0), bool), time_step=1, **parameter).shape == (0, 0)
        assert not distance(np.zeros((0, 4), bool), time_step=1, **parameter).any()


def test_distances_with_offsets():
    events, later = Events([3], [0]), Events([3], [0])
    found = spikes.victor_purpura(
        events, later, time_step=1, cost=0.5, population=1, offsets=[0.25], other_offsets=[0.75]
    )
    assert found.tolist() == [0.25]


# --- bad input ------------------------------------------------------------------------------------

DENSE = np.zeros((4, 9), np.bool_)
WRONG = [
    (lambda: spikes.counts(np.zeros((3, 2))), TypeError, "must be a Run, Events, .* float64"),
    (lambda: spikes.counts(np.zeros((3, 2), np.uint16)), TypeError, "spikes must be a Run.*uint16"),
    (lambda: spikes.counts(None), TypeError, "spikes must be a number or an array"),
    (lambda: spikes.counts(np.True_), ValueError, "without a time axis"),
    (lambda: spikes.counts(np.int32([[0, -2]])), ValueError, "from 0 to 2147483647, got -2"),
    (lambda: spikes.counts([[0, 2**31]]), ValueError, "from 0 to 2147483647, got 2147483648"),
    (lambda: spikes.counts(([1], [2], [3])), TypeError, "got a tuple of 3"),
    (lambda: spikes.counts(([1], [2])), ValueError, "population must be given.*events"),
    (lambda: spikes.counts(np.zeros((3, 2), np.uint8)), ValueError, "population must .*packed"),
    (lambda: spikes.rates(([1], [2]), DT, population=3), ValueError, "steps must be given"),
    (lambda: spikes.to_dense(([1], [2]), population=3), ValueError, "steps must be given"),
    (lambda: spikes.to_packed(([1], [2]), steps=3), ValueError, "population must be given"),
    (lambda: spikes.to_events(([1, 2], [2])), ValueError, "same length, got 2 and 1"),
    (lambda: spikes.to_events(([2, 1], [0, 0])), ValueError, "sorted by step.*step 1 .*at 1"),
    (lambda: spikes.to_events(([1, 1], [3, 2])), ValueError, "sorted by step.*neuron 2 at 1"),
    (lambda: spikes.to_events(([-1], [3])), ValueError, "spikes.step must not be negative, got -1"),
    (lambda: spikes.to_events(([1], [-3])), ValueError, "spikes.neuron must not be neg.*-3 at 0"),
    (lambda: spikes.counts(([1], [3]), population=3), ValueError, "from 0 to 2, got 3 at 0"),
    (lambda: spikes.to_events(([5], [3]), steps=5), ValueError, "step must be from 0 to 4, got 5"),
    (lambda: spikes.to_events(([1.0], [3])), TypeError, "spikes.step must be a vector of integers"),
    (lambda: spikes.to_events(([[1]], [3])), TypeError, "spikes.step must be a vector of integers"),
    (lambda: spikes.to_events((np.uint64([2**63]), [3])), ValueError, "must fit into int64"),
    (lambda: spikes.to_dense(DENSE, steps=3), ValueError, "steps must be 4, .* got 3"),
    (lambda: spikes.to_dense(DENSE, population=8), ValueError, r"must be \(9,\).* got \(8,\)"),
    (lambda: spikes.to_dense(DENSE, dtype=np.float32), TypeError, "bool or int32, got float32"),
    (lambda: spikes.counts(np.zeros((3, 2), np.uint8), population=9, steps=4), ValueError,
     "steps must be 3"),
    (lambda: spikes.counts(np.zeros((3, 9), np.uint8), population=9), ValueError,
     r"must have 2 bytes per step .* got 9; for dense spikes, pass spikes.view\(bool\)"),
    (lambda: spikes.counts(np.zeros(3, np.uint8)), ValueError, r"shape \(T, ceil\(N/8\)\), got"),
    (lambda: spikes.counts(np.uint8([[0, 2]]), population=9), ValueError, "beyond the population"),
    (lambda: spikes.counts(DENSE, population=-1), ValueError, "population must be at least 0"),
    (lambda: spikes.counts(DENSE, population=(3, 3)), ValueError, r"must be \(9,\)"),
    (lambda: spikes.counts(DENSE, population=1.5), TypeError, "population must be a whole number"),
    (lambda: spikes.counts(DENSE, steps=-1), ValueError, "steps must be at least 0, got -1"),
    (lambda: spikes.rates(DENSE, 0), ValueError, "time_step must be greater than 0"),
    (lambda: spikes.trains(DENSE, np.full(9, DT)), TypeError, "time_step must be a single number"),
    (lambda: spikes.population_rate(DENSE, 1, 0), ValueError, "window must be at least 1, got 0"),
    (lambda: spikes.times(([1], [2]), 1, offsets=[1.5]), ValueError, "from 0 to 1.*got 1.5 at 0"),
    (lambda: spikes.times(([1], [2]), 1, offsets=[np.nan]), ValueError, "from 0 to 1.*got nan"),
    (lambda: spikes.times(([1], [2]), 1, offsets=[0.5, 1]), ValueError, "one value per spike, 1"),
    (lambda: spikes.times(DENSE, 1, offsets=[0.5]), ValueError, "one value per spike, 0, got 1"),
    (lambda: spikes.times(([1], [2]), 1, offsets=[1]), TypeError, "offsets must be a vector of fl"),
    (lambda: spikes.times(([1, 1], [2, 2]), 1, offsets=[0.5, 0.4]), ValueError, "then offset"),
    (lambda: spikes.van_rossum(DENSE, time_step=1, tau=0), ValueError, "tau must be greater than"),
    (lambda: spikes.van_rossum(DENSE, time_step=1, tau=np.nan), ValueError, "tau must not be NaN"),
    (lambda: spikes.van_rossum(DENSE, time_step=1, tau=[1.0]), TypeError, "tau must be a single"),
    (lambda: spikes.victor_purpura(DENSE, time_step=1, cost=-1), ValueError, "cost must not be"),
    (lambda: spikes.van_rossum(DENSE, DENSE[:, :8], time_step=1, tau=1), ValueError,
     r"other must have the population \(9,\), as spikes, got \(8,\)"),
    (lambda: spikes.van_rossum(DENSE, other_offsets=[], time_step=1, tau=1), ValueError,
     "other_offsets is given, but other is not"),
    (lambda: spikes.van_rossum(DENSE, DENSE * 1.0, time_step=1, tau=1), TypeError, "other must be"),
    (lambda: spikes.cv(NEURON.run(CURRENT, record="counts")), ValueError, "got one without"),
    (lambda: spikes.rates(NEURON.run(CURRENT, record="counts"), 1), ValueError, "steps must be gi"),
    (lambda: spikes.counts(NEURON.run(CURRENT, record="counts"), population=7), ValueError,
     r"population must be \(3, 11\)"),
    (lambda: spikes.counts(NEURON.run(CURRENT, record="packed"), population=7), ValueError,
     r"population must be \(3, 11\)"),
    (lambda: spikes.counts(NEURON.run(CURRENT, record="packed"), steps=7), ValueError,
     "steps must be 200"),
]  # fmt: skip


@pytest.mark.parametrize(("call", "error", "message"), WRONG)
def test_bad_input(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_from_several_threads_at_once():
    dense = drawn((300, 513))
    expected = spikes.to_events(dense)
    results = []
    workers = [
        threading.Thread(target=lambda: results.append(spikes.to_events(dense))) for _ in range(6)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(results) == 6
    assert all(same(a.step, expected.step) and same(a.neuron, expected.neuron) for a in results)
