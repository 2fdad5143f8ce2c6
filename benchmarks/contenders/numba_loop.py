"""Numba: two loops, over time and over neurons, compiled serially and with prange."""

import functools

import numba
import numpy as np
from workloads import DT

from contenders import Entry
from contenders.arrays import readers
from contenders.own import neuron_of

PACKAGE = "numba"


def integrate(current, rate, threshold, u, membrane, spikes, counts):
    for t in range(current.shape[0]):
        for j in numba.prange(current.shape[1]):
            v = u[j] + rate[j] * (current[t, j] - u[j])
            spk = v > threshold[j]
            if spk:
                v = v * 0
            u[j] = v
            if membrane is not None:
                membrane[t, j] = v
            if spikes is not None:
                spikes[t, j] = spk
            if counts is not None:
                counts[j] += spk


@functools.cache
def compiled(parallel):
    return numba.njit(integrate, parallel=parallel)


def entry(task, parallel):
    current, dtype = np.ascontiguousarray(task.over_time), task.current.dtype
    size, record = current.shape[1], task.workload.record
    rate = np.full(size, DT / task.tau, dtype)
    threshold = np.full(size, task.threshold, dtype)

    def run():
        membrane = np.empty(current.shape, dtype) if "membrane" in record else None
        spikes = np.empty(current.shape, np.bool_) if "spikes" in record else None
        counts = np.zeros(size, np.int64) if "counts" in record else None
        u = np.zeros(size, dtype)
        compiled(parallel)(current, rate, threshold, u, membrane, spikes, counts)
        return spikes, membrane, counts

    return Entry(run, neuron_of(task), task.current, *readers(record))


CONTENDERS = {
    "Numba": functools.partial(entry, parallel=False),
    "Numba prange": functools.partial(entry, parallel=True),
}
