"""The time axis of a figure."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from fastlif.checks import Numbers, choice, described, number
from fastlif.neurons.base import Neuron

_PER_MS = {"s": 1e-3, "ms": 1.0, "us": 1e3}


class Clock(NamedTuple):
    """Converts steps to positions on the time axis.

    Attributes
    ----------
    ms : float or None
        The time step in milliseconds; None if it is not known.
    """

    ms: float | None

    def ends(self, steps: ArrayLike) -> Numbers:
        """Return where the states that steps leave, and the spikes they report, are drawn."""
        counted = np.asarray(steps)
        return counted if self.ms is None else (counted + 1) * self.ms

    def starts(self, steps: ArrayLike) -> Numbers:
        """Return where steps start; step ``t + 1`` starts where step ``t`` ends."""
        return np.asarray(steps) - 0.5 if self.ms is None else np.asarray(steps) * self.ms

    def limits(self, first: int, last: int) -> tuple[float, float]:
        """Return where step ``first`` starts and where step ``last`` does."""
        return float(self.starts(first)), float(self.starts(last))

    @property
    def label(self) -> str:
        """The label of the time axis."""
        return "step" if self.ms is None else "time (ms)"

    @property
    def seconds(self) -> float | None:
        """The time step in seconds; None if it is not known."""
        return None if self.ms is None else self.ms / 1e3


def clock_of(neuron: object, time_step: object, time_unit: object) -> Clock:
    """Return the clock of ``time_step`` or, if it is None, of the neuron's."""
    if neuron is not None and not isinstance(neuron, Neuron):
        raise TypeError(f"neuron must be a fastlif neuron or None, got {described(neuron)}")
    if time_unit is None:
        unit = "s" if neuron is None else neuron.time_unit
    else:
        unit = choice("time_unit", time_unit, tuple(_PER_MS))
    if time_step is None:
        own = getattr(neuron, "time_step", getattr(neuron, "dt", None))
        if own is None:
            return Clock(None)
        steps = np.unique(own)
        if steps.size != 1:
            raise ValueError(
                "the neurons have different time steps, so that they have no common time axis; "
                f"give time_step=, or select neurons that share one (from {steps[0]} to "
                f"{steps[-1]})"
            )
        time_step = steps.item()
        if time_step == 1 and unit == "s" and time_unit is None:
            return Clock(None)  # snnTorch's default, which means that no unit is meant
    return Clock(number("time_step", time_step, above=0) / _PER_MS[unit])
