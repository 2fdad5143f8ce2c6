"""Membranes and spikes of a large population, written into buffers, compared with np.copyto."""

import numpy as np
import pytest

import fastlif

RC = {"R": 5.1, "C": 5e-3, "time_step": 1e-3}
BY_COPY = "payload rate relative to np.copyto in as many threads"


@pytest.fixture(scope="module")
def out(shape):
    """Create buffers whose pages are already allocated."""
    return {"membrane": np.full(shape, 1, np.float32), "spikes": np.full(shape, 1, np.bool_)}


@pytest.mark.benchmark(group="dense recording")
@pytest.mark.parametrize("model", ["Lapicque", "LIF", "Leaky"])
def test_membrane_and_spikes(beside, current, out, threads, copy, model):
    """Each neuron-step reads 4 bytes and writes 5."""
    neuron = fastlif.Leaky(beta=0.96) if model == "Leaky" else getattr(fastlif, model)(**RC)
    beside(lambda: neuron.run(current, out=out, threads=threads), 9, *copy, BY_COPY, writes=True)
    assert out["spikes"].any()


@pytest.mark.benchmark(group="dense recording")
@pytest.mark.parametrize("model", ["Lapicque", "LIF"])
def test_membrane_and_spikes_of_different_neurons(beside, current, out, threads, copy, model):
    """The same with one value of R, C and threshold per neuron."""
    rng = np.random.default_rng(1)
    each = {k: rng.uniform(0.9, 1.1, current.shape[1]) * v for k, v in RC.items() if k in "RC"}
    each["threshold"] = rng.uniform(0.9, 1.1, current.shape[1])
    neuron = getattr(fastlif, model)(time_step=RC["time_step"], **each)
    beside(lambda: neuron.run(current, out=out, threads=threads), 9, *copy, BY_COPY, writes=True)
    assert out["spikes"].any()


@pytest.mark.benchmark(group="dense recording")
def test_spikes(beside, current, out, threads, copy):
    """Each neuron-step reads 4 bytes and writes 1."""
    neuron, into = fastlif.LIF(**RC), {"spikes": out["spikes"]}
    run = lambda: neuron.run(current, record="spikes", out=into, threads=threads)  # noqa: E731
    beside(run, 5, *copy, BY_COPY, writes=True)
    assert out["spikes"].any()
