"""The sweep: one tile of neurons over a stretch of time, everything fused in one inner loop.

The caller owns every array and has checked them all. The types of the arguments choose the
variant that is compiled: what is ``None`` costs nothing.

All that a tile keeps between steps stands in one scratch array, ``work``, a row of ``ROW`` items
for each quantity. Rows at a distance known at compile time are why the inner loop vectorises: LLVM
then sees that they cannot overlap. (It gives up past 8 run-time checks for that.) Unsigned indices
spare it numba's test for negative ones.
"""

import functools
from typing import Any

import numpy as np
from numba import types
from numba.extending import overload

from fastlif.kernels.jit import compiled, contiguous
from fastlif.kernels.rules import CONSTANTS, Rule

WIDTH = 32768  # the most neurons that a tile may have
ROW = WIDTH + 64  # the padding keeps equal columns of the rows out of one cache set

# The rows of ``work``. The first CONSTANTS hold the neurons' constants where they differ.
MEMBRANE = CONSTANTS
COUNT = CONSTANTS + 1  # spikes so far, in the membrane's dtype: exact far beyond one sweep's steps
INPUT = CONSTANTS + 2  # an input that is constant in time
DRIVE = CONSTANTS + 3  # and its drive
ROWS = CONSTANTS + 4

_C1, _C2, _C3, _C4 = (np.uintp(k * ROW) for k in range(1, CONSTANTS))
_MEMBRANE, _COUNT, _INPUT, _DRIVE = (np.uintp(k * ROW) for k in (MEMBRANE, COUNT, INPUT, DRIVE))


def constants_of(constants, work):
    """Return what ``constants_at`` reads: a tuple of numbers, or ``work``."""


@overload(constants_of)
def _overload_constants_of(constants, work):
    if isinstance(constants, types.NoneType):
        return lambda constants, work: work
    return lambda constants, work: (
        constants[0],
        constants[1],
        constants[2],
        constants[3],
        constants[4],
    )


def constants_at(source, j):
    """Return the constants of the tile's neuron ``j``."""


@overload(constants_at)
def _overload_constants_at(source, j):
    if isinstance(source, types.BaseTuple):
        return lambda source, j: source
    return lambda source, j: (
        source[j],
        source[j + _C1],
        source[j + _C2],
        source[j + _C3],
        source[j + _C4],
    )


def _row(array, t):
    """Return what step ``t`` reads or writes: a contiguous row, a number for all, or nothing."""


@overload(_row)
def _overload_row(array, t):
    if isinstance(array, types.NoneType):
        return lambda array, t: None
    if array.ndim == 1:
        return lambda array, t: array[t]
    return lambda array, t: contiguous(array[t])


def _drive_at(drive, row, work, j, c):
    """Return the drive of the tile's neuron ``j`` from its step's ``row``."""


@overload(_drive_at)
def _overload_drive_at(drive, row, work, j, c):
    if isinstance(row, types.NoneType):
        return lambda drive, row, work, j, c: work[j + _DRIVE]
    if isinstance(row, types.Array):
        return lambda drive, row, work, j, c: drive(work.dtype.type(row[j]), c)
    return lambda drive, row, work, j, c: drive(work.dtype.type(row), c)


def _store(row, j, value):
    """Record ``value``, if this is recorded."""


@overload(_store)
def _overload_store(row, j, value):
    if isinstance(row, types.NoneType):
        return lambda row, j, value: None

    def store(row, j, value):
        row[j] = value

    return store


@functools.cache
def sweep_kernel(physics: Rule) -> Any:
    """Return the compiled sweep for one neuron's physics."""
    drive, advance = physics

    def sweep(steps, size, constants, work, current, membrane, spikes):
        """Advance ``size`` neurons, whose membranes stand in ``work``, by ``steps`` steps.

        ``constants`` is one set for all, or None where they stand in ``work``. ``current`` is
        (steps, size), or (steps,) where all neurons get the same, or None where it is constant
        and stands in ``work``. ``membrane`` and ``spikes`` are (steps, size) or None.
        """
        source = constants_of(constants, work)
        if current is None:
            for k in range(size):
                j = np.uintp(k)
                work[j + _DRIVE] = drive(work[j + _INPUT], constants_at(source, j))
        for t in range(steps):
            row = _row(current, t)
            membrane_row = _row(membrane, t)
            spike_row = _row(spikes, t)
            for k in range(size):
                j = np.uintp(k)
                c = constants_at(source, j)
                x = _drive_at(drive, row, work, j, c)
                u, spike = advance(work[j + _MEMBRANE], x, c)
                work[j + _MEMBRANE] = u
                _store(membrane_row, j, u)
                _store(spike_row, j, spike)

    return compiled(sweep)
