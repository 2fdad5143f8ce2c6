"""One step of a whole population, for callers who keep the loop over time to themselves."""

import functools
from typing import Any

import numpy as np
from numba import types
from numba.extending import overload

from fastlif.kernels.compose import Rule, advance, drive
from fastlif.kernels.jit import compiled, inlined
from fastlif.kernels.layout import constants_at, shared_constants


@inlined
def _overlap(a, b):
    start, other = a.ctypes.data, b.ctypes.data
    return start < other + b.nbytes and other < start + a.nbytes


def _some_overlap(cur, old, spk, new):
    """Tell whether an output overlaps another array; ``new`` is None if the step is in place."""


@overload(_some_overlap)
def _overload_some_overlap(cur, old, spk, new):

    def in_place(cur, old, spk, new):
        found = _overlap(spk, cur)
        for k in range(len(old)):
            found |= _overlap(spk, old[k]) or _overlap(old[k], cur)
            for i in range(k):
                found |= _overlap(old[k], old[i])
        return found

    def apart(cur, old, spk, new):
        found = _overlap(spk, cur)
        for k in range(len(new)):
            found |= _overlap(spk, old[k]) or _overlap(spk, new[k]) or _overlap(new[k], cur)
            for i in range(len(new)):
                found |= _overlap(new[k], old[i]) or (i < k and _overlap(new[k], new[i]))
        return found

    return in_place if isinstance(new, types.NoneType) else apart


def _state_at(arrays, j):
    """Return neuron ``j``'s state, a tuple, from the array of each of its variables."""


@overload(_state_at)
def _overload_state_at(arrays, j):
    return (
        lambda arrays, j: (arrays[0][j],),
        lambda arrays, j: (arrays[0][j], arrays[1][j]),
        lambda arrays, j: (arrays[0][j], arrays[1][j], arrays[2][j]),
        lambda arrays, j: (arrays[0][j], arrays[1][j], arrays[2][j], arrays[3][j]),
    )[len(arrays) - 1]


def _either(new, old):
    """Return ``new``, or ``old`` if the step is in place."""


@overload(_either)
def _overload_either(new, old):
    if isinstance(new, types.NoneType):
        return lambda new, old: old
    return lambda new, old: new


@inlined
def _step(rule, constants, table, cur, spk, old, new):
    if _some_overlap(cur, old, spk, new):
        return False
    into = _either(new, old)
    shared = shared_constants(rule, constants, table)
    for k in range(cur.size):
        j = np.uintp(k)
        c = constants_at(rule, shared, table, j)
        state, spk[j] = advance(rule, _state_at(old, j), drive(rule, cur[j], c), c)
        for i in range(len(into)):
            into[i][j] = state[i]
    return True


@functools.cache
def step_kernel(rule: Rule, in_place: bool) -> Any:
    """Return the compiled step of one rule: ``step(constants, table, cur, spk, *states)``.

    It advances the states that enter by one step, into ``spk`` and the states that leave, which
    follow one another in ``states``; in place, there is only one set of them. All arrays are
    contiguous and of the size of ``cur``. ``constants`` holds those that all neurons share, or is
    None if they stand in ``table``, laid out as a sweep's scratch. Returns False, with nothing
    written, if an output overlaps another array: this test takes nanoseconds here and microseconds
    in Python.
    """
    # Separate arguments, not tuples of arrays: Numba takes less time to call it.

    def one_in_place(constants, table, cur, spk, mem):
        return _step(rule, constants, table, cur, spk, (mem,), None)

    def one(constants, table, cur, spk, mem, new):
        return _step(rule, constants, table, cur, spk, (mem,), (new,))

    def two_in_place(constants, table, cur, spk, a, b):
        return _step(rule, constants, table, cur, spk, (a, b), None)

    def two(constants, table, cur, spk, a, b, new_a, new_b):
        return _step(rule, constants, table, cur, spk, (a, b), (new_a, new_b))

    def three_in_place(constants, table, cur, spk, a, b, c):
        return _step(rule, constants, table, cur, spk, (a, b, c), None)

    def three(constants, table, cur, spk, a, b, c, new_a, new_b, new_c):
        return _step(rule, constants, table, cur, spk, (a, b, c), (new_a, new_b, new_c))

    entries = ((one, one_in_place), (two, two_in_place), (three, three_in_place))
    return compiled(entries[len(rule.states) - 1][in_place])
