"""The number of spikes of `PoissonSpikes`, at any rate."""

import numpy as np
import pytest
from cases import full
from deviations import binomial, chi_squared, found_wrong

from fastlif.sources import PoissonSpikes

RATES = [2.0**-40, 1e-9, 1e-6, 1e-4, 1e-3, 0.01, 0.1, 0.3, 1000.5 / 65536, 0.5, 0.7, 0.9, 0.999]
RATES += [1 - 2.0**-20, 1 - 1e-9]


@pytest.mark.parametrize("size", [256, pytest.param(2560, marks=full)])  # 1e6 and 1e7 draws each
@pytest.mark.parametrize("rate", RATES)
def test_counts_of_spikes_are_binomial(rate, size):
    rates = {"a number": rate, "per neuron": np.full(size, rate), "per step": np.full((1, 1), rate)}
    for seed, given in enumerate(rates.values(), RATES.index(rate)):
        spikes = PoissonSpikes(given, 2.0, seed=seed).sample(4096, size) == 2
        found = {"total": binomial(int(spikes.sum()), spikes.size, rate)}
        variance = rate * (1 - rate)
        for axis, draws in enumerate(spikes.shape):
            if draws * variance > 20:  # counts are nearly normal
                counts = spikes.sum(axis=axis)
                squares = ((counts - draws * rate) ** 2 / (draws * variance)).sum()
                found[f"counts along axis {axis}"] = chi_squared(squares, len(counts))
        assert not found_wrong(found)
