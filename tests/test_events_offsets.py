"""When within its step each spike of the events occurs: ``run.offsets``."""

import numpy as np
import pytest
from cases import full, same_bits

import fastlif
from fastlif import presets
from fastlif.execution import records, stores

F4, F8 = np.float32, np.float64
STEP = 1e-3
WITHIN = {"within_step": True, "integration": "exact", "order": "at_once"}
ZERO = {**WITHIN, "reset_mechanism": "zero"}
EVENTS = {"record": "events"}
EPS = {F4: 2e-6, F8: 1e-12}  # of a step: float32 has the membrane to 1e-7, and it rises slowly


def closed_form(interval, period, until):
    """Return the spike times, in steps, for a current that is constant.

    ``interval`` is the time from the reset to the threshold. Integration begins after the
    refractory period, but not within the step of the spike.
    """
    times, begin = [], 0.0
    while (time := begin + interval) < until:
        times.append(time)
        begin = max(time + period, np.ceil(time))
    return np.array(times)


def assert_closed_form(run, intervals, periods, steps, tolerance):
    found = run.events.step + run.offsets
    intervals, periods = np.broadcast_arrays(intervals, periods)
    for j, (interval, period) in enumerate(zip(intervals, periods, strict=True)):
        mine, expected = found[run.events.neuron == j], closed_form(interval, period, steps)
        assert abs(len(mine) - len(expected)) <= 1  # one may be at the end of the last step
        number = min(len(mine), len(expected))
        # Errors add up from spike to spike.
        within = tolerance * interval * np.arange(1, number + 1)
        assert np.all(np.abs(mine[:number] - expected[:number]) <= within)


@pytest.mark.parametrize("period", [0.0, 0.3, 1.0, 2.3])
@pytest.mark.parametrize("dtype", [F4, F8])
def test_spike_times_are_those_of_the_closed_form(dtype, period):
    current = np.random.default_rng(0).uniform(1.05, 30, 200).astype(dtype)
    neuron = presets.nengo_lif(tau_ref=period * STEP)
    run = neuron.run(current, steps=300, **EVENTS)
    assert run.offsets.dtype == F8
    assert run.offsets.shape == run.events.step.shape
    assert len(run.offsets) > 2000
    assert 0 <= run.offsets.min() < 0.01 < 0.99 < run.offsets.max() <= 1
    intervals = 20 * np.log1p(1 / (current.astype(F8) - 1))
    assert_closed_form(run, intervals, period, 300, EPS[dtype])


@pytest.mark.parametrize("dtype", [F4, F8])
def test_parameters_of_each_neuron(dtype):
    rng, size = np.random.default_rng(1), 90
    tau, R = rng.uniform(0.01, 0.03, size), rng.uniform(4, 6, size)
    rest, theta = rng.uniform(-0.3, -0.1, size), rng.uniform(0.8, 1.2, size)
    reset, period = rng.uniform(-0.5, -0.1, size), rng.uniform(0, 5e-3, size)
    neuron = fastlif.LIF(
        **WITHIN, reset_mechanism="value", threshold=theta, rest=rest, reset_to=reset, R=R,
        tau=tau, refractory_time=period, time_step=STEP,
    )  # fmt: skip
    run = neuron.run(np.full((400, size), 0.6, dtype), rest_at(reset, dtype), **EVENTS)
    target = rest + R * dtype(0.6)
    intervals = tau / STEP * np.log((target - reset) / (target - theta))
    assert_closed_form(run, intervals, period / STEP, 400, 20 * EPS[dtype])


def rest_at(membrane, dtype):
    return fastlif.State(membrane.astype(dtype), np.zeros_like(membrane, dtype))


def test_intervals_in_seconds():
    current = np.float64([2.0, 3.0, 7.5])
    run = presets.nengo_lif().run(current, steps=1000, **EVENTS)
    expected = 0.002 + 0.02 * np.log1p(1 / (current - 1))
    for interval, mine in zip(expected, fastlif.spikes.intervals(run, STEP), strict=True):
        assert len(mine) > 50
        np.testing.assert_allclose(mine, interval, rtol=1e-12)
    first = fastlif.spikes.first_spikes(run, STEP)
    np.testing.assert_allclose(first, expected - 0.002, rtol=1e-12)


NEURONS = {
    "nengo_lif": (presets.nengo_lif(), 1.0, 0.02, 0.002),
    "arrays": (
        presets.nengo_lif(tau_rc=np.linspace(0.01, 0.03, 70), tau_ref=np.linspace(0, 0.004, 70)),
        1.0, np.linspace(0.01, 0.03, 70), np.linspace(0, 0.004, 70),
    ),
    "LIF": (fastlif.LIF(**ZERO, R=1.0, C=0.03, threshold=0.7, inclusive=True), 0.7, 0.03, 0.0),
}  # fmt: skip


@pytest.mark.parametrize("name", NEURONS)
def test_the_membrane_reaches_the_threshold_at_that_time(name):
    neuron, theta, tau, period = NEURONS[name]
    current = np.random.default_rng(2).uniform(-20, 60, (300, 70))
    run = neuron.run(current, record=("membrane", "events"))
    step, cell = run.events
    assert len(step) > 500
    before = np.concatenate((np.zeros((1, 70)), run.membrane))[step, cell]
    tau, period = (np.broadcast_to(value, 70)[cell] for value in (tau, period))
    # When integration began within the step: at the end of the refractory period.
    begin = np.zeros(len(step))
    order = np.lexsort((step, cell))
    same = np.flatnonzero(np.diff(cell[order]) == 0)
    last, now = order[same], order[same + 1]
    begin[now] = np.maximum(step[last] + run.offsets[last] + period[last] / STEP - step[now], 0)
    assert np.any(begin) == np.any(period)
    target = current[step, cell]
    reached = target + (before - target) * np.exp(-(run.offsets - begin) * STEP / tau)
    np.testing.assert_allclose(reached, theta, rtol=1e-10)


def apart(neuron, current, lengths, population):
    """Run each neuron alone or some of them, in stretches of time; return steps, neurons, offsets.

    ``lengths`` are those of the stretches, and ``population`` how many neurons run together.
    """
    found = []
    for start in range(0, current.shape[1], population):
        state, first = None, 0
        for length in lengths:
            piece = current[first : first + length, start : start + population]
            run = neuron.run(piece, state, **EVENTS, threads=1)
            found.append((run.events.step + first, run.events.neuron + start, run.offsets))
            state, first = run.final, first + length
    step, cell, offsets = (np.concatenate(parts) for parts in zip(*found, strict=True))
    order = np.lexsort((cell, step))
    return step[order], cell[order], offsets[order]


def assert_same(run, expected):
    assert np.array_equal(run.events.step, expected[0])
    assert np.array_equal(run.events.neuron, expected[1])
    assert same_bits(run.offsets, expected[2])


@pytest.mark.parametrize("threads", [1, 3])
def test_a_population_equals_its_neurons(threads):
    neuron = presets.nengo_lif()
    current = np.random.default_rng(3).uniform(0, 9, (40, 140)).astype(F4)
    run = neuron.run(current, **EVENTS, threads=threads)
    assert_same(run, apart(neuron, current, [40], 1))
    assert_same(run, apart(neuron, current, [1, 2, 30, 0, 7], 67))


@pytest.fixture(scope="module")
def large():
    """Return a run whose events fill buffers, tiles, kernel calls and parts of the merger."""
    neuron = presets.nengo_lif(tau_ref=0.0)
    current = np.random.default_rng(4).uniform(20, 60, (300, 1)).astype(F4)
    current = np.concatenate((current, current[::-1]), axis=1).repeat(5000, axis=1)
    return neuron, current, apart(neuron, current, [50] * 6, 2500)


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_order_in_a_large_run(large, threads):
    neuron, current, expected = large
    assert len(expected[0]) > 2**20
    assert_same(neuron.run(current, **EVENTS, threads=threads), expected)


@pytest.mark.parametrize("size", [1, 70, 1000])
@pytest.mark.parametrize("dtype", [F4, pytest.param(F8, marks=full)])
def test_other_records_and_layouts(monkeypatch, size, dtype):
    neuron = presets.nengo_lif()
    current = np.random.default_rng(size).uniform(0, 9, (60, size)).astype(dtype)
    run = neuron.run(current, **EVENTS)
    expected = (*run.events, run.offsets)
    assert len(run.offsets) > 0
    every = ("membrane", "spikes", "packed", "counts", "events")
    assert_same(neuron.run(current, record=every), expected)
    assert_same(neuron.run(np.asfortranarray(current), record=every), expected)
    assert_same(neuron.run(current, record=every, neurons=[0], every=7), expected)
    out = {"spikes": np.empty((60, size, 2), bool)[..., 0]}
    assert_same(neuron.run(current, record=("spikes", "events"), out=out), expected)
    monkeypatch.setattr(records, "LARGE", 0)
    for streams in "01":
        monkeypatch.setattr(stores, "CHOICE", stores.Choice())
        monkeypatch.setenv(stores.ENVIRONMENT, streams)
        assert_same(presets.nengo_lif().run(current, record=every), expected)


def test_joined_runs_have_the_offsets_of_one():
    neuron = fastlif.LIF(**ZERO, refractory_time=2.3e-3)
    whole = neuron.run(1.1, steps=100, **EVENTS)
    first = neuron.run(1.1, steps=37, **EVENTS)
    rest = neuron.run(1.1, first.final, steps=63, **EVENTS)
    assert 0 < len(first.offsets) < len(whole.offsets)
    assert same_bits(np.concatenate((first.offsets, rest.offsets)), whole.offsets)


def test_no_events():
    neuron = presets.nengo_lif()
    for current in (np.zeros((5, 3), F4), np.ones((0, 3)), np.ones((5, 0), F4), np.zeros(5)):
        offsets = neuron.run(current, **EVENTS).offsets
        assert offsets.dtype == F8
        assert offsets.shape == (0,)


def test_others_have_no_offsets():
    current = np.full((30, 3), 2.0, F4)
    for record in ((), "counts", ("membrane", "spikes", "packed")):
        assert presets.nengo_lif().run(current, record=record).offsets is None
    for neuron in (fastlif.LIF(), fastlif.LIF(refractory=2), presets.sinabs_lif(tau_mem=20.0)):
        run = neuron.run(current, **EVENTS)
        assert len(run.events.step) > 0
        assert run.offsets is None


@pytest.mark.parametrize(
    ("membrane", "current", "offset"),
    [
        (1.5, 3.0, 0.0),  # above the threshold before the step, and rising
        (1.5, 1.2, 0.0),  # falling to a target above the threshold: there is no crossing
        (1.5, 1.0, 0.0),  # falling to the threshold
        (1.5, 0.9, 1.0),  # falling to a target below: it crosses after the step
        (0.5, np.inf, 0.0),
    ],
)
def test_offsets_are_within_the_step_whatever_the_membrane(membrane, current, offset):
    for dtype in (F4, F8):
        initial = np.full(1, membrane, dtype)
        run = presets.nengo_lif().run(dtype(current), initial, steps=1, **EVENTS)
        assert run.offsets.tolist() == [offset]


@pytest.mark.parametrize("scale", [1e-41, 1e-30, 1e30])
def test_a_very_short_or_long_step(scale):
    current = np.linspace(5, 30, 50).astype(F4)
    neuron = presets.nengo_lif(tau_rc=20 * scale, tau_ref=2.3 * scale, dt=scale)
    run = neuron.run(current, steps=10, **EVENTS)
    intervals = 20 * np.log1p(1 / (current.astype(F8) - 1))
    assert len(run.offsets) > 50
    assert_closed_form(run, intervals, 2.3, 10, 1e-3)


def test_a_refractory_period_of_many_steps():
    run = presets.nengo_lif(tau_ref=1e6).run(F4(3), steps=50, **EVENTS)
    assert len(run.offsets) == 1
    assert 0 <= run.offsets[0] <= 1
    exact = presets.nengo_lif(tau_ref=1.0).run(F8(3), steps=50, **EVENTS)
    time = exact.events.step[0] + exact.offsets[0]
    assert abs(time - 20 * np.log(1.5)) < 1e-12


def test_a_run_with_offsets_is_described_and_saved(tmp_path):
    run = presets.nengo_lif().run(np.full((100, 2), 2.0), **EVENTS)
    assert repr(run).endswith(
        f"events: {len(run.offsets)} spikes; final: mem and refractory; "
        f"offsets: float64 ({len(run.offsets)},)>"
    )
    run.save(tmp_path / "run.npz")
    loaded = fastlif.Run.load(tmp_path / "run.npz")
    assert same_bits(loaded.offsets, run.offsets)
    times = fastlif.spikes.times(run, STEP)
    assert same_bits(times, (run.events.step + run.offsets) * STEP)
    assert same_bits(fastlif.spikes.times(loaded, STEP), times)
    assert fastlif.Run(*run[:6]).offsets is None  # the fields of earlier versions
