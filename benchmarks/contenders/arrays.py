"""What the contenders on NumPy share: their loop over time, and what it records."""

import numpy as np


def loop(step, current, record):
    """Step ``step(x) -> spk, mem`` through time; return what ``record`` names."""
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
    """Return what reads counts and spikes from what a loop over time returned."""
    if "spikes" in record:
        return lambda result: np.asarray(result[0]).sum(0), lambda result: np.asarray(result[0])
    return lambda result: np.asarray(result[2]), None
