"""The notebook's two functions as generalized ufuncs.

Compiled at first use, for one dtype at a time, and never cached on disk: numba's cache of gufuncs
is not safe when several processes write it. The loop is over the last axis; NumPy loops over the
others. numba does not check an array's layout against a gufunc's types, so the kernels look at
the strides themselves.
"""

import functools
from typing import Any

import numpy as np
from numba import boolean, from_dtype, guvectorize

from fastlif.kernels.jit import contiguous, rule
from fastlif.kernels.peers import LIF
from fastlif.kernels.physics import advance, drive

_FIRE, _CHARGE = LIF["subtract"], LIF["none"]


@rule
def _fire_all(mem, cur, c, out, spk):
    for j in range(mem.shape[0]):
        out[j], spk[j] = advance(_FIRE, mem[j], drive(_FIRE, cur[j], c), c)


@rule
def _charge_all(mem, cur, c, out):
    for j in range(mem.shape[0]):
        out[j], _ = advance(_CHARGE, mem[j], drive(_CHARGE, cur[j], c), c)


@rule
def _side_by_side(a):
    return a.strides[0] == a.itemsize


@functools.cache
def integrate_and_fire(dtype: np.dtype, uniform: bool) -> Any:
    """Return the gufunc ``(mem, cur, threshold, R, rate, mem_out, spk_out)`` for ``dtype``.

    ``uniform``: the constants are numbers; else arrays of the population's shape.
    """
    real = from_dtype(dtype)
    row = real[:]

    def shared(mem, cur, threshold, R, rate, out, spk):
        c = (threshold, R, rate)  # the first of CONSTANTS, and all that these two use
        if _side_by_side(mem) and _side_by_side(cur) and _side_by_side(out) and _side_by_side(spk):
            _fire_all(contiguous(mem), contiguous(cur), c, contiguous(out), contiguous(spk))
        else:
            _fire_all(mem, cur, c, out, spk)

    def each(mem, cur, threshold, R, rate, out, spk):
        for j in range(mem.shape[0]):
            c = (threshold[j], R[j], rate[j])
            out[j], spk[j] = advance(_FIRE, mem[j], drive(_FIRE, cur[j], c), c)

    if uniform:
        types, layout = (row, row, real, real, real), "(n),(n),(),(),()->(n),(n)"
    else:
        types, layout = (row,) * 5, "(n),(n),(n),(n),(n)->(n),(n)"
    return guvectorize([(*types, row, boolean[:])], layout, nopython=True)(
        shared if uniform else each
    )


@functools.cache
def integrate(dtype: np.dtype, uniform: bool) -> Any:
    """Return the gufunc ``(mem, cur, R, rate, mem_out)``; see ``integrate_and_fire``."""
    real = from_dtype(dtype)
    row = real[:]

    def shared(mem, cur, R, rate, out):
        c = (rate, R, rate)  # no threshold: what would be a spike is dropped
        if _side_by_side(mem) and _side_by_side(cur) and _side_by_side(out):
            _charge_all(contiguous(mem), contiguous(cur), c, contiguous(out))
        else:
            _charge_all(mem, cur, c, out)

    def each(mem, cur, R, rate, out):
        for j in range(mem.shape[0]):
            c = (rate[j], R[j], rate[j])
            out[j], _ = advance(_CHARGE, mem[j], drive(_CHARGE, cur[j], c), c)

    if uniform:
        types, layout = (row, row, real, real), "(n),(n),(),()->(n)"
    else:
        types, layout = (row,) * 4, "(n),(n),(n),(n)->(n)"
    return guvectorize([(*types, row)], layout, nopython=True)(shared if uniform else each)
