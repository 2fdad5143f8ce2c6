"""Neurons and random runs that several test files share."""

import numpy as np
import oracle
import pytest

import fastlif
from fastlif import presets

full = pytest.mark.full  # for tests that the default selection leaves out
RC = {"R": 5.1, "C": 5e-3, "time_step": 1e-3, "threshold": 1.0}
RESETS = ("subtract", "zero", "none")

# (class, oracle, parameters) for each combination of neuron and reset.
NEURONS = {
    **{
        f"Lapicque-{r}": (fastlif.Lapicque, oracle.lapicque, {**RC, "reset_mechanism": r})
        for r in RESETS
    },
    **{f"LIF-{r}": (fastlif.LIF, oracle.lif, {**RC, "reset_mechanism": r}) for r in RESETS},
    **{
        f"Leaky-{r}-{'late' if late else 'now'}": (
            fastlif.Leaky,
            oracle.leaky,
            {"beta": 0.9, "threshold": 0.8, "reset_mechanism": r, "reset_delay": late},
        )
        for r in RESETS
        for late in (True, False)
    },
}

VARIED = np.random.default_rng(3).uniform(0.9, 1.1, 70)

# Neurons with every kind of state, spikes and parameters, and the largest current for each.
EMBEDDED = {
    "LIF": (fastlif.LIF(), 0.6),
    "Lapicque": (fastlif.Lapicque(R=5.1, C=5e-3, time_step=1e-3), 0.6),
    "Leaky": (fastlif.Leaky(beta=0.9, threshold=VARIED), 0.4),
    "refractory": (fastlif.LIF(R=5.1 * VARIED, refractory=2, order="at_once"), 0.6),
    "within_step": (
        fastlif.LIF(
            within_step=True, integration="exact", order="at_once", reset_mechanism="zero",
            refractory_time=2e-3,
        ), 0.9,
    ),
    "several": (fastlif.LIF(max_spikes=3, order="at_once"), 9.0),
    "norse": (presets.norse_lif(), 3.0),
    "nengo": (presets.nengo_lif(), 3.0),
    "nest": (presets.nest_iaf_psc_delta(), 9000.0),
    "brian2": (presets.brian2_lif(), 9e3),
}  # fmt: skip


def drawn(parameters, rng, shape, dtype):
    """Vary each number in ``parameters`` by up to 10 %, with one value per neuron."""
    return {
        k: (v * rng.uniform(0.9, 1.1, shape)).astype(dtype) if isinstance(v, float) else v
        for k, v in parameters.items()
    }


def currents(rng, shape, dtype=np.float32):
    """Draw a current that makes every neuron of NEURONS fire occasionally."""
    return rng.normal(0.25, 0.3, shape).astype(dtype)


def variables(state):
    """Return the arrays of a state that a neuron updates."""
    return [field for field in (state.mem, state.refractory, state.syn) if field is not None]


def same_bits(a, b):
    """Return whether two arrays are bit-for-bit equal; NaNs are equal to one another."""
    return (
        a.dtype == b.dtype
        and a.shape == b.shape
        and np.array_equal(a, b, equal_nan=a.dtype.kind == "f")
    )
