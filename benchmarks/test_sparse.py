"""Records smaller than the input, compared with the rate of reading the input."""

import numpy as np
import pytest

import fastlif

RC = {"R": 5.1, "C": 5e-3, "time_step": 1e-3}
BY_READ = "rate relative to reading the input"


def neuron_of(model, **parameters):
    """Return a neuron that fires with the suite's current."""
    if model == "Leaky":
        return fastlif.Leaky(beta=0.96, **parameters)
    return getattr(fastlif, model)(**RC, **parameters)


@pytest.mark.benchmark(group="counts")
@pytest.mark.parametrize("model", ["Lapicque", "LIF", "Leaky"])
def test_counts(beside, current, threads, read, model):
    """Each neuron-step reads 4 bytes; only the counts are written."""
    neuron, out = neuron_of(model), {"counts": np.zeros(current.shape[1], np.int64)}
    run = lambda: neuron.run(current, record="counts", out=out, threads=threads)  # noqa: E731
    beside(run, 4, *read, BY_READ)
    assert out["counts"].any()


@pytest.mark.benchmark(group="counts")
@pytest.mark.parametrize("model", ["Lapicque", "Leaky"])
def test_counts_from_spikes_of_one_byte(beside, shape, threads, current, model):
    """Each neuron-step reads 1 byte; compared with the same run with 4-byte input."""
    spikes = (np.random.default_rng(0).random(shape) < 0.1).astype(np.uint8)
    neuron, out = neuron_of(model), {"counts": np.zeros(shape[1], np.int64)}

    def run(given):
        return neuron.run(given, record="counts", out=out, threads=threads)

    name = "rate relative to float32 input"
    beside(lambda: run(spikes), 1, lambda: run(current), current.size, name, by_steps=True)


@pytest.mark.benchmark(group="packed and events")
@pytest.mark.parametrize("record", ["packed", "events"])
def test_packed_and_events(beside, current, threads, record):
    """Compared with counts for the same input; about 1 % of the neurons fire per step."""
    for threshold in np.arange(1.0, 3.0, 0.02):
        neuron = neuron_of("Lapicque", threshold=float(threshold))
        few = neuron.run(current[:, :2000], record="spikes").spikes
        if few.mean() < 0.0101:
            break
    size, steps = current.shape[1], current.shape[0]
    outs = {
        "packed": np.full((steps, -(-size // 8)), 1, np.uint8),
        "counts": np.zeros(size, np.int64),
    }

    def run(name):
        out = {name: outs[name]} if name in outs else None
        return neuron.run(current, record=name, out=out, threads=threads)

    name = "rate relative to counts"
    moved = 4 + (1 / 8 if record == "packed" else 16 / 100)  # read and written
    beside(lambda: run(record), moved, lambda: run("counts"), current.size, name, by_steps=True)
