"""The workloads of the contenders."""

from typing import NamedTuple

import numpy as np

TAU, DT, THETA = 0.0255, 1e-3, 1.0  # seconds, and volts; R is 1


class Workload(NamedTuple):
    """Neurons of ``tau du/dt = i - u`` that fire above a threshold, and the records."""

    record: tuple[str, ...]
    constant: bool = False  # whether the current is constant in time
    each: bool = False  # whether tau and threshold have one value per neuron

    def bytes_each(self, itemsize):
        """Return the bytes that a neuron-step has to move: the input and the records."""
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
    """A workload with drawn input and parameters, the same for all contenders."""

    workload: Workload
    steps: int
    current: np.ndarray  # (steps, neurons), or (neurons,) if constant
    tau: float | np.ndarray
    threshold: float | np.ndarray

    @property
    def neuron_steps(self):
        """Return the number of neuron-steps."""
        return self.steps * self.current.shape[-1]

    @property
    def over_time(self):
        """Return the current with a time axis, without a copy."""
        shape = (self.steps, self.current.shape[-1])
        return np.broadcast_to(self.current, shape)


def task(name, steps, neurons, dtype=np.float32):
    """Draw the input and the parameters of a workload."""
    workload, rng = WORKLOADS[name], np.random.RandomState(0)
    shape = (neurons,) if workload.constant else (steps, neurons)
    current = rng.uniform(0.0, 3.0, shape).astype(dtype)
    if not workload.each:
        return Task(workload, steps, current, TAU, THETA)
    tau, threshold = (v * rng.uniform(0.9, 1.1, neurons) for v in (TAU, THETA))
    return Task(workload, steps, current, tau.astype(dtype), threshold.astype(dtype))
