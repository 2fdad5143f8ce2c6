"""Properties that hold for all parameters: independent of layout, splitting and threads."""

import numpy as np
import pytest
from cases import NEURONS, currents, drawn, same_bits

import fastlif


def pair(run):
    return run.spikes, run.membrane, run.final.mem


def assert_same(a, b):
    for x, y in zip(pair(a), pair(b), strict=True):
        assert same_bits(x, y)


@pytest.fixture(params=NEURONS)
def neuron(request):
    cls, _, parameters = NEURONS[request.param]
    return cls(**parameters)


def test_two_runs_joined_by_the_final_state_equal_one(neuron):
    current = currents(np.random.default_rng(0), (101, 20))
    whole = neuron.run(current)
    first = neuron.run(current[:37])
    second = neuron.run(current[37:], initial=first.final)
    assert same_bits(np.concatenate((first.membrane, second.membrane)), whole.membrane)
    assert same_bits(np.concatenate((first.spikes, second.spikes)), whole.spikes)
    assert same_bits(second.final.mem, whole.final.mem)


def test_a_future_input_never_changes_a_past_output(neuron):
    current = currents(np.random.default_rng(0), (60, 20))
    changed = current.copy()
    changed[31:] += 1
    a, b = neuron.run(current), neuron.run(changed)
    assert same_bits(a.membrane[:31], b.membrane[:31])
    assert same_bits(a.spikes[:31], b.spikes[:31])
    assert not np.array_equal(a.membrane, b.membrane)


def test_a_population_equals_its_neurons_run_one_by_one(neuron):
    current = currents(np.random.default_rng(0), (200, 13))
    together = neuron.run(current)
    for j in range(13):
        alone = neuron.run(current[:, j])
        assert alone.membrane.shape == (200,)
        assert same_bits(alone.membrane, together.membrane[:, j])
        assert same_bits(alone.spikes, together.spikes[:, j])


@pytest.mark.parametrize("each", [False, True], ids=["numbers", "arrays"])
@pytest.mark.parametrize("name", ["Lapicque-zero", "LIF-subtract", "Leaky-subtract-now"])
def test_any_thread_count_gives_the_same_bits(name, each):
    cls, _, parameters = NEURONS[name]
    rng = np.random.default_rng(0)
    size = 3001
    neuron = cls(**(drawn(parameters, rng, size, np.float32) if each else parameters))
    current = currents(rng, (90, size))
    one = neuron.run(current, threads=1)
    for threads in (2, 3, 7):
        assert_same(neuron.run(current, threads=threads), one)


def test_more_threads_than_neurons():
    current = currents(np.random.default_rng(0), (9, 2))
    assert_same(fastlif.LIF().run(current, threads=5), fastlif.LIF().run(current, threads=1))


def test_a_population_wider_than_a_tile_equals_its_parts():
    rng = np.random.default_rng(0)
    size = 80_000
    R = rng.uniform(4, 6, size).astype(np.float32)
    current = currents(rng, (6, size))
    for parameter, cut in ((R, R[70_000:]), (5.1, 5.1)):
        whole = fastlif.LIF(R=parameter).run(current, threads=1)
        part = fastlif.LIF(R=cut).run(current[:, 70_000:], threads=1)
        assert same_bits(whole.membrane[:, 70_000:], part.membrane)
        assert same_bits(whole.spikes[:, 70_000:], part.spikes)
        spk, mem = fastlif.LIF(R=parameter)(current[0], np.zeros(size, np.float32))
        assert same_bits(mem, whole.membrane[0])
        assert same_bits(spk, whole.spikes[0])


def test_charge_is_conserved_without_leak():
    """With beta = 1, the input equals what resets subtract plus the final membrane."""
    rng = np.random.default_rng(0)
    current = rng.integers(0, 9, (400, 50)).astype(np.float64) / 16  # exact in binary
    run = fastlif.Leaky(beta=1.0, threshold=1.0).run(current)
    # The reset after a spike in the last step would follow in the next step.
    resets = run.spikes[:-1].sum(axis=0)
    assert resets.min() > 10
    np.testing.assert_array_equal(current.sum(axis=0), resets * 1.0 + run.final.mem)


def test_the_two_versions_of_the_circuit_report_a_spike_one_step_apart():
    current = np.full(300, 0.3)
    circuit = {"R": 5.1, "C": 5e-3, "time_step": 1e-3}
    leaving = np.flatnonzero(fastlif.Lapicque(**circuit).run(current).spikes)
    entering = np.flatnonzero(fastlif.LIF(**circuit).run(current).spikes)
    assert len(leaving) > 3
    np.testing.assert_array_equal(entering[: len(leaving)], leaving[: len(entering)] + 1)


def test_a_passive_membrane_follows_the_closed_form_of_eulers_method():
    run = fastlif.LIF(R=5.0, C=1e-3, time_step=1e-4, reset_mechanism="none").run(
        0.0, initial=0.9, steps=500, record="membrane"
    )
    expected = 0.9 * (1 - 1e-4 / 5e-3) ** np.arange(1, 501)
    np.testing.assert_allclose(run.membrane, expected, rtol=1e-12)
