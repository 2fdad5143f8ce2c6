"""The results of a run."""

from typing import Any, NamedTuple

import numpy as np

from fastlif.checks import Numbers
from fastlif.execution.state import VARIABLES, State
from fastlif.kernels.compose import Rule
from fastlif.model import Model

BOOL, UINT8 = np.dtype(np.bool_), np.dtype(np.uint8)
INT32, INT64 = np.dtype(np.int32), np.dtype(np.int64)
DEFAULT_RECORD = ("spikes", "membrane")


def spike_dtype_of(rule: Rule) -> np.dtype[Any]:
    """Return the dtype of the spikes: bool, or int32 if one step may have several."""
    return INT32 if rule.several else BOOL


def stored_spike_dtype(model: Model, dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Return the dtype in which the spikes of a model with a state of ``dtype`` are stored."""
    return dtype if model.float_spikes else spike_dtype_of(model.rule)


class Events(NamedTuple):
    """Spikes as a list, sorted by step and then by neuron.

    Attributes
    ----------
    step : numpy.ndarray
        int64: the step that reports the spike.
    neuron : numpy.ndarray
        int64: the neuron, as an index into the flattened population.
    """

    step: Numbers
    neuron: Numbers


class Run(NamedTuple):
    """The records of a run. Records that were not requested are None.

    Attributes
    ----------
    membrane : numpy.ndarray or None
        Membranes of shape ``(T, *population)`` in the dtype of the run: ``membrane[t]`` is the
        membrane after step ``t``. With ``every``, the shape is ``(ceil(T/every), *population)``,
        and row ``k`` is the membrane after step ``k*every``. With ``neurons``, the shape is
        ``(..., len(neurons))``.
    spikes : numpy.ndarray or None
        Spikes of shape ``(T, *population)``: ``spikes[t]`` are the spikes that step ``t`` reports.
        The dtype is bool, or int32 (the number of spikes) for neurons that can fire several times
        per step. With ``neurons``, the shape is ``(T, len(neurons))``.
    packed : numpy.ndarray or None
        Spikes of the flattened population as bits, uint8 of shape ``(T, ceil(N/8))``, as
        ``np.packbits(..., axis=1, bitorder="little")`` returns them.
    counts : numpy.ndarray or None
        Number of spikes of each neuron, int64, with the population's shape.
    events : Events or None
        Spikes as a list.
    final : State
        State after the last step. Pass it to the next run as ``initial``.
    """

    membrane: Numbers | None
    spikes: Numbers | None
    packed: Numbers | None
    counts: Numbers | None
    events: Events | None
    final: State

    def __repr__(self) -> str:
        """Return what was recorded, without the values."""
        lines = [f"{name}: {_described(value)}" for name, value in self._asdict().items()]
        return f"<Run with {'; '.join(lines)}>"


def _described(value: Any) -> str:
    """Return the dtype and the shape of an array or of the arrays in a tuple."""
    if value is None:
        return "not recorded"
    if isinstance(value, Events):
        return f"{len(value.step)} spikes"
    if isinstance(value, State):
        return " and ".join(
            name for name in (*VARIABLES, "noise") if getattr(value, name) is not None
        )
    return f"{value.dtype} {value.shape}"
