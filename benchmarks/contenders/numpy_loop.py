"""NumPy: a loop over time, each operation on all neurons, into buffers."""

import numpy as np
from workloads import DT

from contenders import Entry
from contenders.own import neuron_of

PACKAGE = "numpy"


def entry(task):
    current, dtype = task.over_time, task.current.dtype
    rate = np.asarray(DT / task.tau, dtype)
    threshold = np.asarray(task.threshold, dtype)
    record, shape = task.workload.record, current.shape

    def run():
        membrane = np.empty(shape, dtype) if "membrane" in record else None
        spikes = np.empty(shape, np.bool_) if "spikes" in record else None
        counts = np.zeros(shape[1], np.int64) if "counts" in record else None
        u, x, s = np.zeros(shape[1], dtype), np.empty(shape[1], dtype), np.empty(shape[1], bool)
        for t, i in enumerate(current):
            np.subtract(i, u, out=x)
            np.multiply(x, rate, out=x)
            np.add(u, x, out=u)
            np.greater(u, threshold, out=s)
            np.copyto(u, 0, where=s)
            if membrane is not None:
                membrane[t] = u
            if spikes is not None:
                spikes[t] = s
            if counts is not None:
                counts += s
        return membrane, spikes, counts

    spikes = (lambda result: result[1]) if "spikes" in record else None
    counts = lambda result: result[1].sum(0) if spikes else result[2]  # noqa: E731
    return Entry(run, neuron_of(task), task.current, counts, spikes)


CONTENDERS = {"NumPy": entry}
