"""The loop over time, and its records, of the contenders based on NumPy."""

import numpy as np


def loop(step, current, record):
    """Apply ``step(x) -> spk, mem`` to each time step; return the requested records."""
    shape = current.shape
    membrane = np.empty(shape, current.dtype) if "membrane" in record else None
    spikes = np.empty(shape, np.bool_) if "spikes" in record else None
    counts = np.zeros(shape[1], np.int64) if "counts" in record else None
    for t, x in enumerate(current):
        spk, mem = step(x)
        if membrane is not None:
            membrane[t] = mem
        if spikes is not None:
            spikes[t] = spk
        if counts is not None:
            counts += spk
    return spikes, membrane, counts


def readers(record):
    """Return functions that extract counts and spikes from the result of a loop over time."""
    if "spikes" in record:
        return lambda result: np.asarray(result[0]).sum(0), lambda result: np.asarray(result[0])
    return lambda result: np.asarray(result[2]), None
