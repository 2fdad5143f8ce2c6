"""PyTorch: tensor operations, eager and compiled."""

import numpy as np
import torch
from workloads import DT

from contenders import Entry
from contenders.arrays import readers
from contenders.own import neuron_of
from contenders.tensors import loop, tensor

PACKAGE = "torch"


def entry(task, compiled=False):
    current = torch.from_numpy(np.ascontiguousarray(task.over_time))
    rate = tensor(np.asarray(DT / task.tau, task.current.dtype), current.dtype)
    threshold = tensor(task.threshold, current.dtype)

    def step(x, u):
        u = u + rate * (x - u)
        spk = u > threshold
        u = torch.where(spk, 0.0, u)
        return spk, u, u

    chosen = torch.compile(step) if compiled else step
    record, rest = task.workload.record, torch.zeros(current.shape[1])
    return Entry(
        lambda: loop(chosen, current, rest, record), neuron_of(task), task.current,
        *readers(record),
    )  # fmt: skip


CONTENDERS = {
    "PyTorch eager": entry,
    "torch.compile": lambda task: entry(task, compiled=True),
}
