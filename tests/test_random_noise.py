"""The statistics over time of `OrnsteinUhlenbeckCurrent`."""

import math

import numpy as np
import pytest
from cases import full
from deviations import CELLS, fit, found_wrong, normal_cells

from fastlif.sources import OrnsteinUhlenbeckCurrent


@pytest.mark.parametrize("size", [2**17, pytest.param(2**21, marks=full)])
@pytest.mark.parametrize("remains", [0.01, 0.5, 0.99])
def test_correlated_noise_is_stationary_from_the_first_step_on(remains, size):
    tau, mean, std = -2.0 / math.log(remains), np.float64(0.5), np.float64(3)
    source = OrnsteinUhlenbeckCurrent(mean, std, tau, 2.0, seed=3)
    x = (source.sample(9, size, np.float64) - mean) / std
    found = {}
    for step, row in enumerate(x):
        found[f"mean of step {step}"] = row.sum() / math.sqrt(size)
        found[f"variance of step {step}"] = (row**2 - 1).sum() / math.sqrt(2 * size)
        found[f"cells of step {step}"] = fit(np.bincount(normal_cells(row)), [1 / CELLS] * CELLS)
        rest = row - remains**step * x[0]  # is independent of the first step
        found[f"autocorrelation after {step} steps"] = (
            (rest * x[0]).sum() / math.sqrt(size * (1 - remains ** (2 * step))) if step else 0.0
        )
    assert not found_wrong(found)
