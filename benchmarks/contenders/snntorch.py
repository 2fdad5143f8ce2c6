"""snnTorch: its neurons, stepped through time as in its tutorials."""

import numpy as np
import snntorch
import torch
from workloads import DT

import fastlif
from contenders import Entry
from contenders.arrays import readers
from contenders.tensors import loop, tensor

PACKAGE = "snntorch"


def one(value):
    return float(np.ravel(value)[0])


def stepped(task, neuron, current, own, own_current):
    """Return the entry of a neuron that is stepped through ``current``."""

    def step(x, mem):
        spk, mem = neuron(x, mem)
        return spk, mem, mem

    record, rest = task.workload.record, torch.zeros(current.shape[1])
    return Entry(lambda: loop(step, current, rest, record), own, own_current, *readers(record))


def lapicque(task):
    current = torch.from_numpy(np.ascontiguousarray(task.over_time))
    neuron = snntorch.Lapicque(R=1.0, C=one(task.tau), time_step=DT, threshold=one(task.threshold))
    if task.workload.each:  # the constructor requires numbers, the forward pass accepts tensors
        neuron.C, neuron.threshold = (
            tensor(value, current.dtype) for value in (task.tau, task.threshold)
        )
    own = fastlif.Lapicque(R=1.0, C=task.tau, time_step=DT, threshold=task.threshold)
    return stepped(task, neuron, current, own, task.current)


def leaky(task):
    """Scale the input in advance for both, because Leaky does not scale its input."""
    tau = np.asarray(task.tau, np.float64)
    beta = 1 - DT / tau
    scaled = (task.current * (DT / tau)).astype(task.current.dtype)
    current = torch.from_numpy(np.ascontiguousarray(np.broadcast_to(scaled, task.over_time.shape)))
    beta = float(beta) if beta.ndim == 0 else beta.astype(scaled.dtype)
    neuron = snntorch.Leaky(
        beta=tensor(beta, current.dtype), threshold=tensor(task.threshold, current.dtype)
    )
    own = fastlif.Leaky(beta=beta, threshold=task.threshold)
    return stepped(task, neuron, current, own, scaled)


CONTENDERS = {"snnTorch Lapicque": lapicque, "snnTorch Leaky": leaky}
