"""Contenders on the same workloads: compared with fastlif, then timed alternately with it.

Each contender is compared with the fastlif neuron with the same arithmetic and dtype. The spike
counts of all neurons must be equal, and every spike if the workload records spikes and the
contender stores them; membranes are not compared. For the contenders in ``REORDERED``, the counts
of at most 1 % of the neurons may differ. A contender that is not installed is skipped and listed at
the end of the run as missing.
"""

import importlib.metadata
import statistics
import time
import warnings

import contenders
import numpy as np
import pytest
from workloads import WORKLOADS, task

import fastlif

# Their compilers may fuse or reorder operations, so that a few spikes occur one step apart.
REORDERED = {"JAX scan", "torch.compile", "Brian2 Cython", "Brian2 C++ OpenMP"}

REST = 0.02  # seconds: the threads of OpenMP and of Numba wait for more work in a loop


def loaded(file):
    with warnings.catch_warnings():  # warnings of the simulators themselves
        warnings.simplefilter("ignore")
        try:
            return contenders.load(file)
        except (ImportError, AttributeError, OSError) as error:
            pytest.skip(f"missing: {file} ({error})")


def version_of(package):
    return fastlif.__version__ if package == "fastlif" else importlib.metadata.version(package)


def assert_equal(name, entry, result, run):
    counts, expected = np.asarray(entry.counts(result)), run.counts
    assert expected.sum() > 0
    if name in REORDERED:
        assert (counts != expected).mean() <= 0.01
        return
    assert np.array_equal(counts, expected)
    if entry.spikes is not None and run.spikes is not None:
        assert np.array_equal(entry.spikes(result), run.spikes)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("workload", WORKLOADS)
@pytest.mark.parametrize(("file", "name"), contenders.names())
def test_contender(benchmark, noted, request, workload, file, name):
    """Store the rate, its ratio to fastlif's, and the fraction of the hardware limit."""
    module = loaded(file)
    steps, neurons = (request.config.getoption(f"--peer-{what}") for what in ("steps", "neurons"))
    given = task(workload, steps, neurons)
    benchmark.group = workload
    try:
        entry = module.CONTENDERS[name](given)
    except contenders.Unsupported as why:
        pytest.skip(f"unsupported: {name}, {workload}: {why}")
    record, constant = given.workload.record, given.workload.constant

    def own(names=record):
        return entry.neuron.run(entry.current, steps=steps if constant else None, record=names)

    entry.setup()
    assert_equal(name, entry, entry.run(), own(set(record) | {"counts"}))
    for _ in range(5):  # the first runs also measure how many threads are faster
        own()
    times = []

    def setup():
        time.sleep(REST)
        start = time.perf_counter()
        own()
        times.append(time.perf_counter() - start)
        entry.setup()
        time.sleep(REST)

    rounds = request.config.getoption("--peer-rounds")
    benchmark.pedantic(entry.run, setup=setup, rounds=rounds)
    moved = given.workload.bytes_each(entry.current.dtype.itemsize)
    noted(given.neuron_steps, moved, "membrane" in record or "spikes" in record)
    benchmark.extra_info.update(
        workload=workload,
        contender=name,
        version=version_of(module.PACKAGE),
        steps=steps,
        neurons=neurons,
        dtype=str(entry.current.dtype),
        fastlif_times_as_fast=benchmark.stats.stats.median / statistics.median(times),
    )
