"""Update rules compared with plain NumPy, bit for bit, in both dtypes, numbers and arrays."""

import numpy as np
import oracle
import pytest
from cases import NEURONS, currents, drawn, full, same_bits

import fastlif


@pytest.mark.parametrize("dtype", [np.float32, pytest.param(np.float64, marks=full)])
@pytest.mark.parametrize("name", NEURONS)
@pytest.mark.parametrize("each", [False, True], ids=["numbers", "arrays"])
def test_run_and_steps_equal_the_oracle(name, dtype, each):
    cls, rule, parameters = NEURONS[name]
    for seed in range(4):
        rng = np.random.default_rng(seed)
        size = int(rng.integers(1, 150))
        given = drawn(parameters, rng, size, dtype) if each else parameters
        current = currents(rng, (300, size), dtype)
        initial = rng.uniform(-1, 4, size).astype(dtype)
        neuron = cls(**given)

        spikes, membrane = oracle.run(rule, current, initial, dtype, **given)
        run = neuron.run(current, initial)
        assert spikes.any()
        assert same_bits(run.spikes, spikes)
        assert same_bits(run.membrane, membrane)
        assert same_bits(run.final.mem, membrane[-1])

        mem = initial
        for cur, s, u in zip(current, spikes, membrane, strict=True):
            spk, mem = neuron(cur, mem)
            assert same_bits(spk, s)
            assert same_bits(mem, u)


@pytest.mark.parametrize("name", NEURONS)
def test_infinite_and_nan_currents_affect_only_their_neuron(name):
    cls, rule, parameters = NEURONS[name]
    current = currents(np.random.default_rng(1), (50, 40))
    current[3, 5], current[4, 6], current[5, 7] = np.inf, -np.inf, np.nan
    current[9, 8], current[10, 8] = np.inf, -np.inf
    spikes, membrane = oracle.run(rule, current, np.zeros(40), np.float32, **parameters)
    run = cls(**parameters).run(current)
    assert same_bits(run.membrane, membrane)
    assert same_bits(run.spikes, spikes)
    others = np.setdiff1d(np.arange(40), [5, 6, 7, 8])
    assert np.isfinite(run.membrane[:, others]).all()


@pytest.mark.parametrize("name", NEURONS)
def test_an_infinite_threshold_never_fires(name):
    cls, rule, parameters = NEURONS[name]
    parameters = parameters | {"threshold": np.inf}
    current = currents(np.random.default_rng(2), (50, 3))
    run = cls(**parameters).run(current)
    _, membrane = oracle.run(rule, current, np.zeros(3), np.float32, **parameters)
    assert not run.spikes.any()
    assert np.isfinite(run.membrane).all()
    assert same_bits(run.membrane, membrane)


def test_beta_infers_R_and_C_as_documented_by_snntorch():
    dt, beta = 1e-3, 0.9
    tau = dt / np.log(1 / beta)
    current = np.ones((4, 1))
    for given, R, C in (
        ({}, 1.0, tau),
        ({"R": 5.0}, 5.0, tau / 5),
        ({"C": 2e-3}, tau / 2e-3, 2e-3),
    ):
        run = fastlif.Lapicque(beta=beta, time_step=dt, threshold=np.inf, **given).run(current)
        expected = fastlif.Lapicque(R=R, C=C, time_step=dt, threshold=np.inf).run(current)
        np.testing.assert_allclose(run.membrane, expected.membrane, rtol=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_functions_equal_the_tutorials_on_numpy_arrays(dtype):
    rng = np.random.default_rng(5)
    mem = rng.uniform(-1, 3, (7, 30)).astype(dtype)
    cur = currents(rng, (7, 30), dtype)
    R = rng.uniform(1, 8, 30).astype(dtype)
    theta = rng.uniform(0.5, 2, (7, 1)).astype(dtype)
    # bool*1 is an int64 array in NumPy, which would widen the result; with tensors it does not.
    one = dtype(1)
    for r, threshold in ((5.1, one), (R, one), (5.1, theta), (R, theta)):
        tau = r * 5e-3
        spk = mem > threshold
        expected = mem + (1e-3 / tau) * (-mem + cur * r) - spk * threshold
        new, fired = fastlif.leaky_integrate_and_fire(mem, cur, threshold, R=r)
        assert same_bits(fired, spk)
        assert same_bits(new, expected)
        passive = fastlif.leaky_integrate_neuron(mem, I=cur, R=r, C=5e-3)
        assert same_bits(passive, mem + (1e-3 / tau) * (-mem + cur * r))
