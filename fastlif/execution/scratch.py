"""Scratch memory, reused by later calls: getting pages takes longer than a small run."""

import functools
from typing import Any

import numpy as np

from fastlif.checks import Numbers
from fastlif.kernels.events import ROOM
from fastlif.kernels.layout import COUNT, MEMBRANE, ROW, ROWS, WIDTH
from fastlif.kernels.sources.calls import scratch_items

_EVENTS = 2**16  # the number of events that a buffer holds beyond those of one step
GENERATED = 2**13  # the number of neurons in a tile whose input is generated
STAGE = 2**16  # the number of items in a block of a staged input, which fits in the L2 cache


class Scratch:
    """What one thread writes while it advances a tile. Its contents are left over from any use.

    Attributes
    ----------
    work : numpy.ndarray
        A tile's constants, states and counts, as kernels/layout.py describes it.
    rows : numpy.ndarray
        The same as (ROWS, ROW).
    states : list of numpy.ndarray
        The rows of states.
    counts : numpy.ndarray
        The row of counts as integers.
    """

    def __init__(self, dtype: np.dtype[Any]) -> None:
        self.work = np.empty(ROWS * ROW, dtype)
        self.rows = self.work.reshape(ROWS, ROW)
        self.states = list(self.rows[MEMBRANE:COUNT])
        self.counts = self.rows[COUNT].view(np.dtype(f"i{dtype.itemsize}"))
        self._spikes: dict[np.dtype[Any], Numbers] = {}
        self._events: Numbers | None = None
        self._stage: Numbers | None = None
        self._generated: tuple[Numbers, Numbers] | None = None

    def spikes(self, dtype: np.dtype[Any]) -> Numbers:
        """Return four rows of spikes."""
        if dtype not in self._spikes:
            self._spikes[dtype] = np.empty(4 * ROW, dtype)
        return self._spikes[dtype]

    def events(self) -> Numbers:
        """Return a buffer of events."""
        if self._events is None:
            self._events = np.empty(_EVENTS + ROOM * WIDTH, np.int64)
        return self._events

    def stage(self) -> Numbers:
        """Return a block for an input that is copied and cast."""
        if self._stage is None:
            self._stage = np.empty(STAGE, self.work.dtype)
        return self._stage

    def generated(self) -> tuple[Numbers, Numbers]:
        """Return four rows for an input that is generated, and what sources need for them."""
        if self._generated is None:
            rows = np.empty((4, GENERATED), self.work.dtype)
            self._generated = rows, np.empty(scratch_items(GENERATED), np.uint64)
        return self._generated


class Pool:
    """Scratch memory of one dtype that nobody uses.

    There is never more of it than threads have used at once. Its two operations are atomic.
    """

    def __init__(self, dtype: np.dtype[Any]) -> None:
        self._dtype, self._unused = dtype, list[Scratch]()
        self.give_back = self._unused.append

    def take(self) -> Scratch:
        """Return scratch memory for the caller alone, until ``give_back``."""
        try:
            return self._unused.pop()
        except IndexError:
            return Scratch(self._dtype)


@functools.cache
def pool_of(dtype: np.dtype[Any]) -> Pool:
    """Return the pool of one dtype."""
    return Pool(dtype)
