"""The results of a run."""

from typing import NamedTuple

import numpy as np

from fastlif.checks import Numbers
from fastlif.execution.state import State

BOOL, UINT8 = np.dtype(np.bool_), np.dtype(np.uint8)
INT32, INT64 = np.dtype(np.int32), np.dtype(np.int64)


class Events(NamedTuple):
    """Spikes as a list, sorted by step, then neuron.

    Attributes
    ----------
    step : numpy.ndarray
        int64: the step that reports the spike.
    neuron : numpy.ndarray
        int64: which neuron, as an index into the flattened population.
    """

    step: Numbers
    neuron: Numbers


class Run(NamedTuple):
    """What a run recorded. What was not asked for is None.

    Attributes
    ----------
    membrane : numpy.ndarray or None
        ``(T, *population)``, the run's dtype: ``membrane[t]`` is the membrane after step ``t``.
        ``(ceil(T/every), *population)`` of every ``every``-th step, the first included;
        ``(..., len(neurons))`` of chosen neurons.
    spikes : numpy.ndarray or None
        ``(T, *population)``, bool: ``spikes[t]`` is what step ``t`` reports; ``(T, len(neurons))``
        of chosen neurons. int32, how many, of neurons that may fire several in a step.
    packed : numpy.ndarray or None
        ``(T, ceil(N/8))``, uint8: the spikes of the flattened population as bits, as
        ``np.packbits(..., axis=1, bitorder="little")`` gives them.
    counts : numpy.ndarray or None
        ``population``, int64: how many spikes each neuron fired.
    events : Events or None
        The spikes as a list.
    final : State
        The state after the last step; give it to the next run as ``initial``.
    """

    membrane: Numbers | None
    spikes: Numbers | None
    packed: Numbers | None
    counts: Numbers | None
    events: Events | None
    final: State
