"""The general LIF: all options compared with plain NumPy, refractory periods, errors, states."""

import itertools
import pickle

import numpy as np
import oracle
import pytest
from cases import full, same_bits, variables

import fastlif

F4 = np.float32

SETTINGS = [
    {"integration": "exact"},
    {"rest": 0.3},
    {"rest": -0.2, "integration": "exact", "order": "at_once"},
    {"reset_mechanism": "value", "reset_to": -0.5, "order": "at_once"},
    {"reset_mechanism": "value", "rest": 0.1, "order": "delayed"},
    {"reset_by": 0.7, "order": "at_once"},
    {"input": "voltage", "rest": 0.1, "order": "at_once", "reset_mechanism": "zero"},
    {"input": "voltage", "integration": "exact", "reset_mechanism": "none"},
    {"inclusive": True, "order": "delayed"},
    {"floor": -0.1},
    {"floor": -0.1, "reset_by": 2.0, "refractory": 2, "order": "at_once"},
    {"max_spikes": 3, "order": "at_once"},
    *(
        {"refractory": steps, "order": order, "while_refractory": meanwhile}
        for order, meanwhile, steps in itertools.product(
            ("entering", "at_once", "delayed"), ("hold", "integrate"), (1, 4)
        )
    ),
]


def drawn(rng, shape, dtype, settings):
    high = 0.5 if settings.get("input") == "voltage" else 0.8
    return (rng.uniform(-0.3, high, shape) * (6 if "max_spikes" in settings else 1)).astype(dtype)


@pytest.mark.parametrize("dtype", [F4, pytest.param(np.float64, marks=full)])
@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_every_option_equals_the_oracle(settings, dtype):
    rng = np.random.default_rng(3)
    current = drawn(rng, (300, 50), dtype, settings)
    spikes, membrane, left = oracle.general(current, None, dtype, **settings)
    neuron = fastlif.LIF(**settings)
    run = neuron.run(current)
    assert spikes.sum() > 100
    assert same_bits(run.spikes, spikes)
    if settings.get("integration") == "exact":  # the oracle computes 1 - exp, the library -expm1
        np.testing.assert_allclose(run.membrane, membrane, rtol=0, atol=200 * np.finfo(dtype).eps)
    else:
        assert same_bits(run.membrane, membrane)
    if run.final.refractory is not None:
        assert np.array_equal(run.final.refractory, left)
    again = pickle.loads(pickle.dumps(neuron)).run(current)
    assert same_bits(again.membrane, run.membrane)


@pytest.mark.full
@pytest.mark.parametrize("settings", [SETTINGS[k] for k in (2, 5, 10, 11, 14)], ids=str)
def test_records_split_runs_threads_steps_and_parameters_per_neuron(settings):
    rng = np.random.default_rng(4)
    shape = (90, 3, 41)
    each = {
        "threshold": rng.uniform(0.8, 1.2, shape[1:]).astype(F4),
        "R": rng.uniform(4.5, 5.5, shape[1:]).astype(F4),
        "rest": rng.uniform(-0.1, 0.1, 41).astype(F4),
    }
    if settings.get("refractory"):
        each["refractory"] = rng.integers(0, 5, 41)
    neuron = fastlif.LIF(**(settings | each))
    current = drawn(rng, shape, F4, settings)
    whole = neuron.run(current, record=("membrane", "spikes", "counts", "events"))
    spikes, membrane, _ = oracle.general(current, None, F4, **(settings | each))
    assert same_bits(whole.spikes, spikes)
    if settings.get("integration") != "exact":
        assert same_bits(whole.membrane, membrane)
    assert np.array_equal(whole.counts, spikes.sum(0))
    assert len(whole.events.step) == spikes.sum()
    flat = spikes.reshape(90, -1).astype(int)
    step, cell = np.nonzero(flat)
    assert np.array_equal(whole.events.step, np.repeat(step, flat[step, cell]))
    assert np.array_equal(whole.events.neuron, np.repeat(cell, flat[step, cell]))

    first = neuron.run(current[:31], record=())
    second = neuron.run(current[31:], first.final, threads=3)
    assert same_bits(second.spikes, spikes[31:])
    assert all(map(same_bits, variables(second.final), variables(whole.final)))
    assert second.final.steps == whole.final.steps
    few = neuron.run(current, record=("counts",), threads=2)  # advances four steps per iteration
    assert np.array_equal(few.counts, whole.counts)

    state = None
    for cur, s, u in zip(current[:40], whole.spikes, whole.membrane, strict=False):
        spk, state = neuron(cur, state)
        assert same_bits(spk, s)
        assert same_bits(state.mem if isinstance(state, fastlif.State) else state, u)


def test_the_shortest_interval_is_the_period_plus_one():
    for order in ("entering", "at_once", "delayed"):
        for steps in (0, 1, 7):
            neuron = fastlif.LIF(order=order, refractory=steps, reset_mechanism="zero")
            fired = np.flatnonzero(neuron.run(1e4, steps=60).spikes)
            # A membrane entering a step is integrated in the step before.
            assert set(np.diff(fired)) == {steps + (1 if order == "at_once" else 2)}
            still_above = fastlif.LIF(order=order, refractory=steps).run(1e4, steps=60)
            assert set(np.diff(np.flatnonzero(still_above.spikes))) == {steps + 1}


def test_a_held_neuron_loses_its_input_and_another_integrates_it():
    current = np.zeros((8, 1), F4)
    current[0], current[2] = 8.0, 0.4  # fires in step 0; then input during the refractory period
    settings = {"order": "at_once", "reset_mechanism": "zero", "refractory": 4}
    held = fastlif.LIF(**settings).run(current).membrane[:, 0]
    assert not held.any()
    integrated = fastlif.LIF(**settings, while_refractory="integrate").run(current).membrane[:, 0]
    assert integrated[2] == F4(1e-3 / (5.1 * 5e-3)) * (F4(0.4) * F4(5.1))
    assert (integrated[2:] > 0).all()


def test_a_refractory_time_is_rounded_to_steps():
    for time, steps in ((0.0, 0), (4e-4, 0), (6e-4, 1), (2e-3, 2), (2.4e-3, 2), (2.6e-3, 3)):
        a = fastlif.LIF(refractory_time=time, order="at_once").run(2.0, steps=50)
        b = fastlif.LIF(refractory=steps, order="at_once").run(2.0, steps=50)
        assert np.array_equal(a.spikes, b.spikes)
    each = fastlif.LIF(refractory_time=[0.0, 2e-3]).run(2.0, steps=50)
    assert same_bits(each.spikes[:, 1], fastlif.LIF(refractory=2).run(2.0, steps=50).spikes)


def test_a_run_starts_at_rest_and_rest_does_not_widen_its_dtype():
    run = fastlif.LIF(rest=np.array([-0.5, 0.25])).run(np.zeros((3, 2), F4))
    assert run.membrane.dtype == F4
    assert (run.membrane == [-0.5, 0.25]).all()
    spk, mem = fastlif.LIF(rest=0.25)(np.zeros(2, F4))
    assert (mem == 0.25).all()
    assert not spk.any()
    small = fastlif.LIF(rest=0.25)
    for _ in range(3):  # the later calls use the cached plan
        assert (small.run(np.zeros(5, F4)).membrane == 0.25).all()


def test_states_as_arguments_and_results():
    neuron = fastlif.LIF(refractory=3, order="at_once")
    cur = np.full(4, 0.3, F4)
    state = fastlif.State(np.full(4, 0.9, F4), np.array([0, 1, 2, 0], F4))
    spk, new = neuron(cur, state)
    out = np.empty(4, bool), fastlif.State(np.empty(4, F4), np.empty(4, F4))
    filled = neuron(cur, state, out=out)[1]
    assert filled.mem is out[1].mem
    assert filled.refractory is out[1].refractory
    assert same_bits(out[1].mem, new.mem)
    assert same_bits(out[1].refractory, new.refractory)
    for wrong in (
        cur,
        out[1].mem,
        spk.view(np.int8),
    ):  # the cached plan rejects what the first call rejects
        with pytest.raises((ValueError, TypeError), match="must"):
            neuron(cur, state, out=(spk, fastlif.State(wrong, out[1].mem)))
    with pytest.raises(ValueError, match=r"^mem\.syn is given"):
        neuron(cur, state._replace(syn=cur))
    wide = fastlif.State(*(a.astype(np.float64) for a in variables(state)))
    assert neuron(cur, wide)[1].mem.dtype == np.float64
    assert same_bits(neuron(cur, state)[1].mem, new.mem)
    assert same_bits(neuron(np.stack([cur, cur]), state)[1].mem[1], new.mem)
    neuron(cur, state, out=(spk, state))  # in place
    assert same_bits(state.mem, new.mem)
    run = neuron.run(cur[None], new)
    assert run.final.refractory.tolist() == [0, 0, 0, 0]


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda n: n.run(np.zeros((3, 2)), fastlif.State(np.zeros(2), syn=np.zeros(2))),
            ValueError,
            "^initial.syn is given, but this neuron has only mem and refractory",
        ),
        (
            lambda n: n.run(np.zeros((3, 2)), fastlif.State(np.zeros(2), np.zeros(3))),
            ValueError,
            r"do not broadcast to one population: current \(2,\), .*initial.refractory \(3,\)",
        ),
        (
            lambda n: n(np.zeros(2), np.zeros(2), out=(np.zeros(2, bool), np.zeros(2))),
            TypeError,
            r"^out must be \(spk, State\(mem, refractory\)\)",
        ),
        (
            lambda n: n(
                np.zeros(2), None, out=(np.zeros(2, bool), fastlif.State(np.zeros(2)))
            ),
            ValueError,
            "got a State with mem",
        ),
        (
            lambda n: fastlif.LIF()(
                np.zeros(2), None,
                out=(np.zeros(2, bool), fastlif.State(np.zeros(2), np.zeros(2))),
            ),
            ValueError,
            "got a State with mem and refractory",
        ),
        (
            lambda n: fastlif.LIF(max_spikes=2, order="at_once").run(
                np.zeros((3, 2)), record="packed"
            ),
            ValueError,
            "^record='packed' has one bit",
        ),
    ],
)  # fmt: skip
def test_invalid_states_and_records_are_rejected(call, error, message):
    with pytest.raises(error, match=message):
        call(fastlif.LIF(refractory=2))


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"reset_to": 0.1}, ValueError, "^reset_to requires reset_mechanism='value'"),
        (
            {"reset_by": 0.1, "reset_mechanism": "zero"},
            ValueError,
            "^reset_by requires reset_mechanism='subtract', got 'zero'",
        ),
        ({"refractory": 2, "refractory_time": 1.0}, ValueError, "got 2.0 and 1.0$"),
        (
            {"refractory": 1.5},
            ValueError,
            "^refractory must hold whole numbers from 0 .* got 1.5; a duration",
        ),
        ({"refractory": -1}, ValueError, "^refractory must hold whole numbers from 0"),
        (
            {"refractory": 2**25},
            ValueError,
            "^refractory must hold whole numbers from 0 to 16777216",
        ),
        ({"refractory_time": -1e-3}, ValueError, "^refractory_time must not be negative"),
        ({"refractory_time": 1e9}, ValueError, "^refractory_time/time_step must hold whole"),
        ({"integration": "exakt"}, ValueError, "did you mean 'exact'"),
        ({"order": "later"}, ValueError, "^order must be one of 'entering', 'at_once', 'delayed'"),
        ({"inclusive": 1}, TypeError, "^inclusive must be True or False, got 1"),
        (
            {"within_step": True},
            ValueError,
            "^within_step requires integration='exact'.* got integration='euler'",
        ),
        (
            {"max_spikes": 2},
            ValueError,
            "^max_spikes > 1 requires order='at_once'.* got order='entering'",
        ),
        ({"max_spikes": 0}, ValueError, "^max_spikes must be at least 1, got 0"),
        ({"floor": "low"}, TypeError, "^floor must hold real numbers"),
        ({"rest": np.inf}, ValueError, "^rest must be finite, got inf"),
    ],
    ids=str,
)
def test_invalid_options_are_rejected(settings, error, message):
    with pytest.raises(error, match=message):
        fastlif.LIF(**settings)


@pytest.mark.parametrize("dtype", [F4, np.float64])
def test_within_step_equals_nengo_for_any_threshold_and_rest(dtype):
    scaled = fastlif.LIF(
        integration="exact", order="at_once", reset_mechanism="value", within_step=True,
        refractory_time=2.3e-3, R=1.0, C=0.02, threshold=-50.0, rest=-65.0, time_step=1e-3,
    )  # fmt: skip
    peer = fastlif.presets.nengo_lif(tau_ref=2.3e-3, min_voltage=-np.inf)
    current = np.random.default_rng(0).uniform(0, 6, (400, 30)).astype(dtype)
    run, reference = scaled.run(current * dtype(15)), peer.run(current)
    assert reference.spikes.sum() > 1000
    differ = (run.spikes != reference.spikes).sum()
    assert differ <= (0 if dtype is np.float64 else 4)  # rounding differs
    if not differ:
        tolerance = {"atol": 1e-2 if dtype is F4 else 1e-10}
        np.testing.assert_allclose(run.membrane, reference.membrane * 15 - 65, **tolerance)


def test_several_spikes_with_an_infinite_threshold():
    several = fastlif.LIF(threshold=np.inf, order="at_once", max_spikes=3)
    single = fastlif.LIF(threshold=np.inf, order="at_once")
    current = np.float32([0.1, 0.2])
    expected = single.run(current, steps=3).membrane
    assert np.isfinite(expected).all()
    assert same_bits(several.run(current, steps=3).membrane, expected)
    rockpool = fastlif.presets.rockpool_lif(threshold=np.inf).run(current, steps=3)
    assert np.isfinite(rockpool.membrane).all()


def test_a_long_step_is_compared_with_tau():
    with pytest.warns(UserWarning, match=r"^time_step is 5 times tau: Euler's method"):
        fastlif.LIF(tau=1e-3, time_step=5e-3)


def test_the_tutorials_functions_read_their_arguments_at_each_call():
    class Tensor:  # as in PyTorch: can change, but its hash cannot
        def __init__(self, values):
            self.values = np.array(values)

        def __array__(self, dtype=None, copy=None):
            return self.values

    membrane = F4([1.5, 1.5])
    threshold, time_step = Tensor([1.0, 1.0]), Tensor(0.5)
    assert fastlif.leaky_integrate_and_fire(membrane, 0, threshold)[1].all()
    before = fastlif.leaky_integrate_neuron(membrane, time_step, 0, 1.0, 1.0)
    threshold.values[:], time_step.values[...] = 2.0, 0.25
    assert not fastlif.leaky_integrate_and_fire(membrane, 0, threshold)[1].any()
    assert (fastlif.leaky_integrate_neuron(membrane, time_step, 0, 1.0, 1.0) > before).all()
