"""The notebook's two functions as generalized ufuncs.

They are compiled at their first use, for one dtype at a time, and never cached on disk: Numba's
cache of gufuncs is not safe when several processes write it. The loop is over the last axis; NumPy
loops over the others. Numba does not check an array's layout against a gufunc's types, so the
kernels inspect the strides themselves.
"""

import functools
from typing import Any

import numpy as np
from numba import boolean, from_dtype, guvectorize

from fastlif.kernels.catalogue import NOTEBOOK
from fastlif.kernels.compose import advance, constants_class, constants_of, drive
from fastlif.kernels.jit import contiguous, inlined, interrupts_deferred, require_jit

_FIRE, _PASSIVE = NOTEBOOK["fire"], NOTEBOOK["passive"]
_Constants = constants_class(constants_of(_FIRE))  # threshold, gain and rate, of both rules


@inlined
def _fire_all(mem, cur, c, out, spk):
    for j in range(mem.shape[0]):
        (out[j],), spk[j] = advance(_FIRE, (mem[j],), drive(_FIRE, cur[j], c), c)


@inlined
def _integrate_all(mem, cur, c, out):
    for j in range(mem.shape[0]):
        (out[j],), _ = advance(_PASSIVE, (mem[j],), drive(_PASSIVE, cur[j], c), c)


@inlined
def _side_by_side(a):
    return a.strides[0] == a.itemsize


@functools.cache
def integrate_and_fire(dtype: np.dtype, uniform: bool) -> Any:
    """Return the gufunc ``(mem, cur, threshold, R, rate, mem_out, spk_out)`` for ``dtype``.

    ``uniform``: the constants are numbers; else arrays of the population's shape.
    """
    require_jit()
    real = from_dtype(dtype)
    row = real[:]

    def shared(mem, cur, threshold, R, rate, out, spk):
        c = _Constants(threshold, R, rate)
        if _side_by_side(mem) and _side_by_side(cur) and _side_by_side(out) and _side_by_side(spk):
            _fire_all(contiguous(mem), contiguous(cur), c, contiguous(out), contiguous(spk))
        else:
            _fire_all(mem, cur, c, out, spk)

    def each(mem, cur, threshold, R, rate, out, spk):
        for j in range(mem.shape[0]):
            c = _Constants(threshold[j], R[j], rate[j])
            (out[j],), spk[j] = advance(_FIRE, (mem[j],), drive(_FIRE, cur[j], c), c)

    if uniform:
        types, layout = (row, row, real, real, real), "(n),(n),(),(),()->(n),(n)"
    else:
        types, layout = (row,) * 5, "(n),(n),(n),(n),(n)->(n),(n)"
    return _gufunc((*types, row, boolean[:]), layout, shared if uniform else each)


@functools.cache
def integrate(dtype: np.dtype, uniform: bool) -> Any:
    """Return the gufunc ``(mem, cur, R, rate, mem_out)``; see ``integrate_and_fire``."""
    require_jit()
    real = from_dtype(dtype)
    row = real[:]

    def shared(mem, cur, R, rate, out):
        c = _Constants(rate, R, rate)  # spikes are discarded, so any threshold will do
        if _side_by_side(mem) and _side_by_side(cur) and _side_by_side(out):
            _integrate_all(contiguous(mem), contiguous(cur), c, contiguous(out))
        else:
            _integrate_all(mem, cur, c, out)

    def each(mem, cur, R, rate, out):
        for j in range(mem.shape[0]):
            c = _Constants(rate[j], R[j], rate[j])
            (out[j],), _ = advance(_PASSIVE, (mem[j],), drive(_PASSIVE, cur[j], c), c)

    if uniform:
        types, layout = (row, row, real, real), "(n),(n),(),()->(n)"
    else:
        types, layout = (row,) * 4, "(n),(n),(n),(n)->(n)"
    return _gufunc((*types, row), layout, shared if uniform else each)


def _gufunc(types, layout, loop):
    with interrupts_deferred():
        return guvectorize([types], layout, nopython=True)(loop)
