"""One step of a whole population, for callers who keep the loop over time to themselves."""

import functools
import threading
from typing import Any

import numpy as np
from numba import types
from numba.extending import overload

from fastlif.kernels.access import constants_at, constants_of
from fastlif.kernels.jit import compiled
from fastlif.kernels.jit import rule as inlined
from fastlif.kernels.physics import advance, drive
from fastlif.kernels.rules import Rule

DONE, OVERLAP, SIZES = 0, 1, 2  # what a step returns


@inlined
def _overlap(a, b):
    start, other = a.ctypes.data, b.ctypes.data
    return start < other + b.nbytes and other < start + a.nbytes


def _target(mem, mem_out):
    """Return where the state goes: ``mem_out``, or ``mem`` itself."""


@overload(_target)
def _overload_target(mem, mem_out):
    if isinstance(mem_out, types.NoneType):
        return lambda mem, mem_out: mem
    return lambda mem, mem_out: mem_out


def _wrong(size, cur, mem, spk, mem_out):
    """Return what is wrong with a step's arrays: their sizes, or that outputs overlap others."""


@overload(_wrong)
def _overload_wrong(size, cur, mem, spk, mem_out):

    def several(size, cur, mem, spk, mem_out):
        if not (cur.size == spk.size == size):
            return SIZES
        if _overlap(spk, cur):
            return OVERLAP
        for k in range(len(mem)):
            if not (mem[k].size == mem_out[k].size == size):
                return SIZES
            if _overlap(spk, mem[k]) or _overlap(spk, mem_out[k]) or _overlap(mem_out[k], cur):
                return OVERLAP
            for i in range(len(mem)):
                in_place = i == k and mem_out[k].ctypes.data == mem[k].ctypes.data
                if _overlap(mem_out[k], mem[i]) and not in_place:
                    return OVERLAP
                if i != k and _overlap(mem_out[k], mem_out[i]):
                    return OVERLAP
        return DONE

    def in_place(size, cur, mem, spk, mem_out):
        if not (cur.size == mem.size == spk.size == size):
            return SIZES
        if _overlap(spk, cur) or _overlap(spk, mem) or _overlap(mem, cur):
            return OVERLAP
        return DONE

    def apart(size, cur, mem, spk, mem_out):
        if not (cur.size == mem.size == spk.size == mem_out.size == size):
            return SIZES
        if _overlap(spk, cur) or _overlap(spk, mem) or _overlap(spk, mem_out):
            return OVERLAP
        if _overlap(mem_out, cur) or _overlap(mem_out, mem):
            return OVERLAP
        return DONE

    if isinstance(mem, types.BaseTuple):
        return several
    return in_place if isinstance(mem_out, types.NoneType) else apart


def _state_at(mem, j):
    """Return neuron ``j``'s state, from the array of each."""


@overload(_state_at)
def _overload_state_at(mem, j):
    if not isinstance(mem, types.BaseTuple):
        return lambda mem, j: mem[j]
    if len(mem) == 2:
        return lambda mem, j: (mem[0][j], mem[1][j])
    return lambda mem, j: (mem[0][j], mem[1][j], mem[2][j])


def _keep(into, j, state):
    """Write neuron ``j``'s state."""


@overload(_keep)
def _overload_keep(into, j, state):
    if not isinstance(into, types.BaseTuple):

        def one(into, j, state):
            into[j] = state

        return one

    def all_of_it(into, j, state):
        for k in range(len(into)):
            into[k][j] = state[k]

    return all_of_it


@functools.cache
def step_kernel(rule: Rule) -> Any:
    """Return the compiled step for one neuron's physics."""

    def step(size, constants, table, cur, mem, spk, mem_out):
        """Advance ``mem`` by a step into ``spk`` and ``mem_out``; None steps ``mem`` in place.

        Where a neuron keeps more than its membrane, these are tuples of arrays.
        ``constants`` is one set for all, or None where they stand in ``table``, laid out as a
        sweep's scratch. Writes nothing, and returns what is wrong, if an array is not of ``size``
        or an output overlaps another array: that takes nanoseconds here, microseconds in Python.
        """
        wrong = _wrong(size, cur, mem, spk, mem_out)
        if wrong:
            return wrong
        into = _target(mem, mem_out)
        source = constants_of(constants, table)
        for k in range(size):
            j = np.uintp(k)
            c = constants_at(source, j)
            state, spk[j] = advance(rule, _state_at(mem, j), drive(rule, cur[j], c), c)
            _keep(into, j, state)
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
