"""Large runs compared with the same neuron in C: written by hand, and as users would write it."""

import functools

import expert
import numpy as np
import pytest

import fastlif

TAU, STEP, THRESHOLD = 25e-3, 1e-3, 0.3
RATE = np.float32(STEP / TAU)
NEURON = fastlif.LIF(
    tau=TAU,
    R=1.0,
    time_step=STEP,
    threshold=THRESHOLD,
    order="at_once",
    reset_mechanism="value",
    reset_to=0.0,
)
DENSE = {
    "expert C, ordinary stores": functools.partial(expert.dense, streams=False),
    "expert C, streaming stores": functools.partial(expert.dense, streams=True),
    "C with OpenMP": expert.with_openmp,
}

pytestmark = [
    pytest.mark.benchmark(group="C"),
    pytest.mark.skipif(
        expert.library(expert.EXACT) is None or expert.library(expert.FAST) is None,
        reason="missing: gcc",
    ),
]


def arrays(shape):
    """Return records whose pages are already there."""
    return {"membrane": np.full(shape, 1, np.float32), "spikes": np.full(shape, 1, np.bool_)}


@pytest.mark.parametrize("name", DENSE)
def test_membrane_and_spikes(beside, current, threads, name):
    """Both write the same membranes and spikes; fast-math may round differently."""
    out, theirs = arrays(current.shape), arrays(current.shape)
    reference = lambda: DENSE[name](current, theirs, threads, RATE, THRESHOLD)  # noqa: E731
    run = lambda: NEURON.run(current, out=out, threads=threads)  # noqa: E731
    run()
    reference()
    assert out["spikes"].any()
    if "expert" in name:
        assert np.array_equal(out["membrane"], theirs["membrane"])
        assert np.array_equal(out["spikes"], theirs["spikes"])
    beside(run, 9, reference, current.size, f"rate relative to {name}", by_steps=True, writes=True)


@pytest.mark.parametrize("kind", ["float32", "bytes"])
def test_counts(beside, current, threads, kind):
    """Both count the same spikes."""
    values = current if kind == "float32" else (current > 0.5).astype(np.uint8)
    into = {"counts": np.zeros(current.shape[1], np.int64)}
    theirs = np.zeros(current.shape[1], np.int32)
    reference = lambda: expert.counts(values, theirs, threads, RATE, THRESHOLD)  # noqa: E731
    run = lambda: NEURON.run(values, record="counts", out=into, threads=threads)  # noqa: E731
    run()
    reference()
    assert into["counts"].any()
    assert np.array_equal(into["counts"], theirs)
    each = values.itemsize
    beside(run, each, reference, current.size, "rate relative to expert C", by_steps=True)


def test_default_call(beside, current, threads):
    """A run that allocates its records, compared with one into arrays that exist."""
    out = arrays(current.shape)
    into = lambda: NEURON.run(current, out=out, threads=threads)  # noqa: E731
    run = lambda: NEURON.run(current, threads=threads)  # noqa: E731
    beside(run, 9, into, current.size, "rate relative to out=", by_steps=True, writes=True)
