"""One step of a whole population, for callers who keep the loop over time to themselves."""

import functools
from typing import Any

import numpy as np
from numba import types
from numba.extending import overload

from fastlif.kernels.access import constants_at, constants_of
from fastlif.kernels.jit import compiled, rule
from fastlif.kernels.rules import Rule


@rule
def _overlap(a, b):
    start, other = a.ctypes.data, b.ctypes.data
    return start < other + b.nbytes and other < start + a.nbytes


def _target(mem, mem_out):
    """Return where the membrane goes: ``mem_out``, or ``mem`` itself."""


@overload(_target)
def _overload_target(mem, mem_out):
    if isinstance(mem_out, types.NoneType):
        return lambda mem, mem_out: mem
    return lambda mem, mem_out: mem_out


@functools.cache
def step_kernel(physics: Rule) -> Any:
    """Return the compiled step for one neuron's physics."""
    drive, advance = physics

    def step(size, constants, table, cur, mem, spk, mem_out):
        """Advance ``mem`` by a step into ``spk`` and ``mem_out``; None steps ``mem`` in place.

        ``constants`` is one set for all, or None where they stand in ``table``, laid out as a
        sweep's scratch. Returns False, and has written nothing, if an output overlaps another
        array: told here because it takes nanoseconds here and microseconds in Python.
        """
        into = _target(mem, mem_out)
        if _overlap(spk, cur) or _overlap(spk, mem) or _overlap(spk, into) or _overlap(into, cur):
            return False
        if mem_out is not None and _overlap(into, mem):
            return False
        source = constants_of(constants, table)
        for k in range(size):
            j = np.uintp(k)
            c = constants_at(source, j)
            into[j], spk[j] = advance(mem[j], drive(cur[j], c), c)
        return True

    return compiled(step)
