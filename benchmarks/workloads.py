"""What the contenders are measured on: one table, for all of them."""

from typing import NamedTuple

import numpy as np

TAU, DT, THETA = 0.0255, 1e-3, 1.0  # seconds, and volts; R is 1


class Workload(NamedTuple):
    """Neurons of ``tau du/dt = i - u`` that fire above a threshold, and what is recorded."""

    record: tuple[str, ...]
    constant: bool = False  # whether the current is constant in time
    each: bool = False  # whether tau and threshold are each neuron's own

    def bytes_each(self, itemsize):
        """Return how many bytes a neuron-step has to move: the input, and what is recorded."""
        read = 0 if self.constant else itemsize
        return read + itemsize * ("membrane" in self.record) + ("spikes" in self.record)


WORKLOADS = {
    "membrane and spikes": Workload(("membrane", "spikes")),
    "spikes": Workload(("spikes",)),
    "counts": Workload(("counts",)),
    "constant input, counts": Workload(("counts",), constant=True),
    "own parameters": Workload(("membrane", "spikes"), each=True),
}


class Task(NamedTuple):
    """A workload of a size, drawn: every contender gets the same."""

    workload: Workload
    steps: int
    current: np.ndarray  # (steps, neurons), or (neurons,) where it is constant
    tau: float | np.ndarray
    threshold: float | np.ndarray

    @property
    def neuron_steps(self):
        """Return how much there is to do."""
        return self.steps * self.current.shape[-1]

    @property
    def over_time(self):
        """Return the current with an axis of time, without a copy."""
        shape = (self.steps, self.current.shape[-1])
        return np.broadcast_to(self.current, shape)


def task(name, steps, neurons, dtype=np.float32):
    """Draw a workload."""
    workload, rng = WORKLOADS[name], np.random.RandomState(0)
    shape = (neurons,) if workload.constant else (steps, neurons)
    current = rng.uniform(0.0, 3.0, shape).astype(dtype)
    if not workload.each:
        return Task(workload, steps, current, TAU, THETA)
    tau, threshold = (v * rng.uniform(0.9, 1.1, neurons) for v in (TAU, THETA))
    return Task(workload, steps, current, tau.astype(dtype), threshold.astype(dtype))
