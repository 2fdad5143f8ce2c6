"""NumPy: a loop over time with vectorized operations and preallocated buffers."""

import numpy as np
from workloads import DT

from contenders import Entry
from contenders.arrays import loop, readers
from contenders.own import neuron_of

PACKAGE = "numpy"


def entry(task):
    current, dtype = task.over_time, task.current.dtype
    rate = np.asarray(DT / task.tau, dtype)
    threshold = np.asarray(task.threshold, dtype)
    record, size = task.workload.record, current.shape[1]

    def run():
        u, x, s = np.zeros(size, dtype), np.empty(size, dtype), np.empty(size, np.bool_)

        def step(i):
            np.subtract(i, u, out=x)
            np.multiply(x, rate, out=x)
            np.add(u, x, out=u)
            np.greater(u, threshold, out=s)
            np.copyto(u, 0, where=s)
            return s, u

        return loop(step, current, record)

    return Entry(run, neuron_of(task), task.current, *readers(record))


CONTENDERS = {"NumPy": entry}
