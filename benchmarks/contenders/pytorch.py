"""PyTorch: tensor operations, one step at a time, and compiled for several steps at a time."""

import numpy as np
import torch
from workloads import DT

from contenders import Entry
from contenders.arrays import readers
from contenders.own import neuron_of
from contenders.tensors import loop, tensor

PACKAGE = "torch"
CHUNK = 10  # steps that are compiled together


def entry(task, over_time=loop):
    current = torch.from_numpy(np.ascontiguousarray(task.over_time))
    rate = tensor(np.asarray(DT / task.tau, task.current.dtype), current.dtype)
    threshold = tensor(task.threshold, current.dtype)

    def step(x, u):
        u = u + rate * (x - u)
        spk = u > threshold
        u = torch.where(spk, 0.0, u)
        return spk, u, u

    record, rest = task.workload.record, torch.zeros(current.shape[1])
    return Entry(
        lambda: over_time(step, current, rest, record),
        neuron_of(task), task.current, *readers(record),
    )  # fmt: skip


def chunks(task):
    """Return the entry of a loop over time whose body is compiled for ``CHUNK`` steps."""
    torch.compiler.reset()  # or it would stop compiling after several workloads

    @torch.compile
    def chunk(step, currents, u, counts, record):
        spikes, membrane = [], []
        for x in currents:
            spk, u, _ = step(x, u)
            spikes.append(spk)
            membrane.append(u)
            if "counts" in record:
                counts = counts + spk
        spikes = spikes if "spikes" in record else None
        return u, counts, spikes, membrane if "membrane" in record else None

    def over_time(step, current, u, record):
        spikes = torch.empty(current.shape, dtype=torch.bool) if "spikes" in record else None
        membrane = torch.empty_like(current) if "membrane" in record else None
        counts = torch.zeros(current.shape[1], dtype=torch.int64)
        with torch.inference_mode():
            for begin in range(0, len(current), CHUNK):
                rows = slice(begin, begin + CHUNK)
                u, counts, spk, mem = chunk(step, current[rows], u, counts, record)
                if spikes is not None:
                    torch.stack(spk, out=spikes[rows])
                if membrane is not None:
                    torch.stack(mem, out=membrane[rows])
        return spikes, membrane, counts

    return entry(task, over_time)


CONTENDERS = {"PyTorch eager": entry, "torch.compile": chunks}
