"""The short way through a small run: what depends on the arguments' form only is prepared once.

The general way checks and prepares everything anew, which takes longer than a run of a few hundred
steps of one neuron. The kernel is the same.
"""

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from fastlif.checks import Numbers
from fastlif.kernels.access import MEMBRANE, ROW, WIDTH
from fastlif.kernels.sweep import sweep_kernel
from fastlif.recording import BOOL, Run
from fastlif.scratch import give_back, take
from fastlif.state import State

if TYPE_CHECKING:
    from fastlif.neuron import Neuron

SMALL = 2**15  # neuron-steps
_FORMS = 16  # how many forms of arguments a neuron prepares for


class Shortcut:
    """A run of neurons that share their parameters, for one shape and dtype of the current."""

    __slots__ = (
        "_constants",
        "_dtype",
        "_flat",
        "_kernel",
        "_names",
        "_population",
        "_shape",
        "_size",
    )

    def __init__(
        self,
        neuron: "Neuron",
        constants: Numbers,
        shape: tuple[int, ...],
        dtype: np.dtype[Any],
        names: frozenset[str],
    ) -> None:
        self._kernel, self._constants = sweep_kernel(neuron.physics), constants
        self._shape, self._population, self._dtype = shape, shape[1:], dtype
        self._size = math.prod(shape[1:])
        # As inputs.feed and blocks.flattened give them to the kernel.
        self._flat = shape[:1] if self._size == 1 else (shape[0], self._size)
        self._names = names

    def takes(self, current: Any, initial: Any) -> bool:
        """Tell whether a current of the prepared form, and the initial state, go this way."""
        if type(current) is not np.ndarray or not current.flags.c_contiguous:
            return False
        if initial is None:
            return True
        mem = initial.mem if type(initial) is State else initial
        return (
            type(mem) is np.ndarray and mem.dtype == self._dtype and mem.shape == self._population
        )

    def run(self, current: Numbers, initial: Any) -> Run:
        """Integrate what ``takes`` said yes to."""
        steps, size = self._shape[0], self._size
        membrane = spikes = membrane_rows = spike_rows = None
        if "membrane" in self._names:
            membrane = np.empty(self._shape, self._dtype)
            membrane_rows = membrane.reshape(steps, size)
        if "spikes" in self._names:
            spikes = np.empty(self._shape, BOOL)
            spike_rows = spikes.reshape(steps, size)
        work = take(self._dtype)
        mem = work[MEMBRANE * ROW : MEMBRANE * ROW + size]
        entering = initial.mem if type(initial) is State else initial
        mem[:] = 0 if entering is None else entering.reshape(-1)
        self._kernel(
            0, 0, steps, size, self._constants, work, current.reshape(self._flat),
            membrane_rows, spike_rows, None, None, None, None, None, None, None, 1, None,
        )  # fmt: skip
        final = State(mem.copy().reshape(self._population))
        give_back(work)
        return Run(membrane, spikes, None, None, None, final)


def form(current: Any, record: Any) -> Any:
    """Return what tells runs of one form apart, as a key; None if they have no such form."""
    try:
        key = current.dtype, current.shape, record
        hash(key)
    except (AttributeError, TypeError):
        return None
    return key


def prepare(
    neuron: "Neuron",
    key: Any,
    constants: Numbers | None,
    current: Numbers,
    dtype: np.dtype[Any],
    names: frozenset[str],
) -> None:
    """Prepare the short way for runs of the form of one that went the general way, if it is small.

    ``constants`` is the one set that all neurons share, or None.
    """
    shape, fits = current.shape, current.dtype == dtype and current.flags.aligned
    if constants is None or not fits or not names <= {"membrane", "spikes"}:
        return
    if len(neuron.physics.states) > 1 or neuron.spike_dtype != BOOL or np.any(neuron.resting):
        return
    if 0 < math.prod(shape) <= SMALL and math.prod(shape[1:]) <= WIDTH:
        if len(neuron.shortcuts) >= _FORMS:
            neuron.shortcuts.clear()
        neuron.shortcuts[key] = Shortcut(neuron, constants, shape, dtype, names)
