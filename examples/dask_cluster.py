"""A population that is divided between processes or machines, with Dask.

Each of a million neurons receives noise with a mean of its own, and its spikes are counted. The
noise is generated on the workers: only the parameters of each chunk are
sent, and only counts come back. Where a population is divided does not change a single bit, which
is checked for some of the neurons.

Without arguments, two processes of this machine do the work. With ``--scheduler``, those of a
cluster do, for example one that was started with ``dask scheduler`` and ``dask worker``.
"""

import argparse
import time
from contextlib import nullcontext

import dask.array as da
import numpy as np
from distributed import Client, LocalCluster

import fastlif
from fastlif.interop.dask import run

neuron = fastlif.LIF(
    tau=20e-3, R=1.0, time_step=1e-3, threshold=1.0, reset_mechanism="zero", refractory=2,
    integration="exact", order="at_once",
)  # fmt: skip
largest_mean, noise = 2.0, 1.0  # of the current, in units of the threshold


def population(neurons):
    """Return the current of each neuron as a source: noise whose mean rises from 0."""
    mean = np.linspace(0, largest_mean, neurons, dtype=np.float32)
    return fastlif.GaussianCurrent(mean, noise, seed=1)


def rates(client, source, neurons, steps, chunk):
    """Return the counts of all neurons, and the rates (Hz) in ten groups, computed by a cluster."""
    # One chunk over time: nothing is read and only counts are recorded, so memory is no limit.
    result = run(neuron, source, steps=steps, chunks=(-1, chunk), record="counts")
    counts = client.persist(result.counts)  # starts the work; the counts remain on the workers
    groups = da.reshape(counts[: neurons // 10 * 10], (10, -1)).mean(axis=1)
    return counts, groups.compute() / (steps * neuron.time_step)


def main():
    """Run the population, compare some of it with one run, and print the rates."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--neurons", type=int, default=1_000_000)
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--chunk", type=int, default=100_000, help="neurons in one task")
    parser.add_argument("--scheduler", help="address of a cluster, such as tcp://10.0.0.1:8786")
    arguments = parser.parse_args()
    neurons, steps = arguments.neurons, arguments.steps
    if arguments.scheduler:
        cluster = nullcontext(arguments.scheduler)
    else:
        cluster = LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0")
    source = population(neurons)
    with cluster as address, Client(address) as client:
        begin = time.perf_counter()
        counts, found = rates(client, source, neurons, steps, arguments.chunk)
        seconds = time.perf_counter() - begin
        print(f"{neurons * steps / seconds / 1e6:,.1f} million neuron-steps per second")
        means = (np.arange(10) + 0.5) / 10 * largest_mean
        for mean, rate in zip(means, found, strict=True):
            print(f"mean current {mean:.1f}: {rate:5.1f} Hz")
        some = counts[:: max(neurons // 1000, 1)].compute()
    one = neuron.run(source, steps=steps, record="counts").counts
    assert np.array_equal(some, one[:: max(neurons // 1000, 1)])
    print("the counts are those of one run in this process")


if __name__ == "__main__":  # the processes of a LocalCluster import this file
    main()
