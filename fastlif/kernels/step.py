"""One step of a whole population, for callers who keep the loop over time to themselves."""

import functools
import threading
from typing import Any

import numpy as np
from numba import types
from numba.extending import overload

from fastlif.kernels.access import constants_at, constants_of
from fastlif.kernels.jit import compiled, rule
from fastlif.kernels.rules import Rule

DONE, OVERLAP, SIZES = 0, 1, 2  # what a step returns


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
        sweep's scratch. Writes nothing, and returns what is wrong, if an array is not of ``size``
        or an output overlaps another array: that takes nanoseconds here, microseconds in Python.
        """
        into = _target(mem, mem_out)
        if not (cur.size == mem.size == spk.size == into.size == size):
            return SIZES
        if _overlap(spk, cur) or _overlap(spk, mem) or _overlap(spk, into) or _overlap(into, cur):
            return OVERLAP
        if mem_out is not None and _overlap(into, mem):
            return OVERLAP
        source = constants_of(constants, table)
        for k in range(size):
            j = np.uintp(k)
            c = constants_at(source, j)
            into[j], spk[j] = advance(mem[j], drive(cur[j], c), c)
        return DONE

    return compiled(step)


_compiling = threading.Lock()


def call(kernel: Any, *arguments: Any) -> int:
    """Call a step kernel, and compile it for arguments of types that it does not know yet.

    By itself it refuses such arguments with a TypeError: so a caller who expects types that are
    known need not check them.
    """
    try:
        code: int = kernel(*arguments)
    except TypeError:
        with _compiling:
            kernel.disable_compile(False)
            code = kernel(*arguments)
    kernel.disable_compile()
    return code
