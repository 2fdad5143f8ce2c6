"""Neurons and random runs that several test files share."""

import numpy as np
import oracle
import pytest

import fastlif

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


def drawn(parameters, rng, shape, dtype):
    """Vary each number in ``parameters`` by up to 10 %, with one value per neuron."""
    return {
        k: (v * rng.uniform(0.9, 1.1, shape)).astype(dtype) if isinstance(v, float) else v
        for k, v in parameters.items()
    }


def currents(rng, shape, dtype=np.float32):
    """Draw a current that makes every neuron of NEURONS fire occasionally."""
    return rng.normal(0.25, 0.3, shape).astype(dtype)


def same_bits(a, b):
    """Return whether two arrays are bit-for-bit equal; NaNs are equal to one another."""
    return (
        a.dtype == b.dtype
        and a.shape == b.shape
        and np.array_equal(a, b, equal_nan=a.dtype.kind == "f")
    )
