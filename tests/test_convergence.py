"""The errors of the integration methods."""

import numpy as np
import pytest

import fastlif

TAU = 5.1 * 5e-3


def passive(time_step, integration, current, steps):
    neuron = fastlif.LIF(
        time_step=time_step, reset_mechanism="none", threshold=np.inf, integration=integration
    )
    return neuron.run(np.float64(current), steps=steps).membrane


def test_euler_is_of_order_one():
    errors = []
    for halvings in range(1, 9):
        steps = 10 * 2**halvings
        membrane = passive(0.05 / steps, "euler", 0.3, steps)
        errors.append(abs(membrane[-1] - 0.3 * 5.1 * -np.expm1(-0.05 / TAU)))
    order = np.log2(np.array(errors[:-1]) / errors[1:])
    assert abs(order[-1] - 1) < 0.01
    assert (np.abs(order - 1) < 0.2).all()


@pytest.mark.parametrize(
    "time_step", [1e-5, 1e-3, 0.0255, 0.2]
)  # the last one is much longer than R*C
def test_exact_integration_of_a_constant_current_is_exact_to_rounding(time_step):
    steps = 400
    membrane = passive(time_step, "exact", 0.3, steps)
    time = time_step * np.arange(1, steps + 1)
    closed = 0.3 * 5.1 * -np.expm1(-time / TAU)
    # Each step adds a rounding error of half an ulp of the target; the leak reduces earlier errors.
    kept = min(steps, 1 / -np.expm1(-time_step / TAU))
    assert np.abs(membrane - closed).max() <= 2 * kept * np.finfo(float).eps * 0.3 * 5.1


@pytest.mark.filterwarnings("ignore:time_step is")
def test_euler_diverges_beyond_twice_the_time_constant_and_exact_integration_does_not():
    assert np.abs(passive(2.1 * TAU, "euler", 0.3, 100)[-1]) > 100
    assert abs(passive(2.1 * TAU, "exact", 0.3, 100)[-1] - 0.3 * 5.1) < 1e-12


CURRENTS = np.linspace(0.21, 3.0, 40)


@pytest.mark.parametrize("refractory_time", [2.3e-3, 3e-3, 3.7e-3])
@pytest.mark.parametrize("time_step", [1e-4, 1e-3, 2.3e-3])
def test_spike_times_within_steps_give_the_rate_of_the_closed_form(time_step, refractory_time):
    neuron = fastlif.LIF(
        time_step=time_step, integration="exact", order="at_once", reset_mechanism="zero",
        within_step=True, refractory_time=refractory_time,
    )  # fmt: skip
    interval = refractory_time + TAU * np.log1p(1 / (CURRENTS * 5.1 - 1))
    usable = interval > time_step  # at most one spike per step
    steps = int(4 / time_step)
    counts = neuron.run(CURRENTS, steps=steps, record="counts").counts
    expected = (steps * time_step + refractory_time) / interval
    assert usable.sum() > 20
    assert (np.abs(counts - expected)[usable] <= 1).all()


@pytest.mark.parametrize("integration", ["exact", "euler"])
@pytest.mark.parametrize("refractory", [0, 3])
def test_spikes_on_the_grid_have_intervals_rounded_up_to_whole_steps(integration, refractory):
    neuron = fastlif.LIF(
        integration=integration, order="at_once", reset_mechanism="zero", refractory=refractory
    )
    log_keep = -1e-3 / TAU if integration == "exact" else np.log1p(-1e-3 / TAU)
    interval = np.ceil(np.log1p(-1 / (CURRENTS * 5.1)) / log_keep) + refractory
    counts = neuron.run(CURRENTS, steps=4000, record="counts").counts
    assert np.array_equal(counts, (4000 + refractory) // interval)
