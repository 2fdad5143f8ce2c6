"""One step of a whole population, for callers who keep the loop over time to themselves."""

import functools
from typing import Any

import numpy as np
from numba.extending import overload

from fastlif.kernels.compose import Rule, advance, drive
from fastlif.kernels.jit import compiled, inlined, some_overlap, wide_vectors
from fastlif.kernels.layout import constants_at, shared_constants


def state_at(arrays, j):
    """Return neuron ``j``'s state, a tuple, from the array of each of its variables."""


@overload(state_at)
def _overloadstate_at(arrays, j):
    return (
        lambda arrays, j: (arrays[0][j],),
        lambda arrays, j: (arrays[0][j], arrays[1][j]),
        lambda arrays, j: (arrays[0][j], arrays[1][j], arrays[2][j]),
        lambda arrays, j: (arrays[0][j], arrays[1][j], arrays[2][j], arrays[3][j]),
    )[len(arrays) - 1]


@inlined
def _step(rule, constants, table, cur, spk, old, into, outputs, others):
    wide_vectors()
    if some_overlap(outputs, others):
        return False
    shared = shared_constants(rule, constants, table)
    for k in range(cur.size):
        j = np.uintp(k)
        c = constants_at(rule, shared, table, j)
        state, spk[j] = advance(rule, state_at(old, j), drive(rule, cur[j], c), c)
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
        return _step(rule, constants, table, cur, spk, (mem,), (mem,), (spk, mem), (cur,))

    def one(constants, table, cur, spk, mem, new):
        return _step(rule, constants, table, cur, spk, (mem,), (new,), (spk, new), (cur, mem))

    def two_in_place(constants, table, cur, spk, a, b):
        return _step(rule, constants, table, cur, spk, (a, b), (a, b), (spk, a, b), (cur,))

    def two(constants, table, cur, spk, a, b, new_a, new_b):
        new = (new_a, new_b)
        return _step(rule, constants, table, cur, spk, (a, b), new, (spk, *new), (cur, a, b))

    def three_in_place(constants, table, cur, spk, a, b, c):
        return _step(rule, constants, table, cur, spk, (a, b, c), (a, b, c), (spk, a, b, c), (cur,))

    def three(constants, table, cur, spk, a, b, c, new_a, new_b, new_c):
        new = (new_a, new_b, new_c)
        return _step(rule, constants, table, cur, spk, (a, b, c), new, (spk, *new), (cur, a, b, c))

    entries = ((one, one_in_place), (two, two_in_place), (three, three_in_place))
    return compiled(entries[len(rule.states) - 1][in_place])
