"""Membranes and spikes of a large population, recorded into buffers."""

import numpy as np
import pytest

import fastlif

RC = {"R": 5.1, "C": 5e-3, "time_step": 1e-3}


@pytest.fixture(scope="module")
def out(shape):
    """Buffers whose pages the system has already given."""
    return {"membrane": np.zeros(shape, np.float32), "spikes": np.zeros(shape, np.bool_)}


@pytest.mark.benchmark(group="dense recording")
@pytest.mark.parametrize("model", ["Lapicque", "LIF", "Leaky"])
def test_membrane_and_spikes(rate, current, out, threads, model):
    """Read 4 bytes and write 5 a neuron-step."""
    neuron = fastlif.Leaky(beta=0.96) if model == "Leaky" else getattr(fastlif, model)(**RC)
    rate(lambda: neuron.run(current, out=out, threads=threads), 9, current)
    assert out["spikes"].any()


@pytest.mark.benchmark(group="dense recording")
def test_membrane_and_spikes_of_different_neurons(rate, current, out, threads, shape):
    """The same with R, C and threshold of each neuron its own."""
    rng = np.random.default_rng(1)
    each = {k: rng.uniform(0.9, 1.1, shape[1]) * v for k, v in {**RC, "threshold": 1.0}.items()}
    each["time_step"] = RC["time_step"]
    neuron = fastlif.Lapicque(**each)
    rate(lambda: neuron.run(current, out=out, threads=threads), 9, current)
    assert out["spikes"].any()
