"""How kernels read an input: one function per task, specialised by the type of the input.

An input is None if it is constant in time (its drive then stands in the tile's scratch), a row of
numbers (steps,) if all neurons share it, an array (steps, neurons), or Generated if a source makes
its rows.
"""

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, overload

from fastlif.kernels.compose import drive
from fastlif.kernels.jit import contiguous
from fastlif.kernels.layout import AT_DRIVE, AT_INPUT, WIDTH, constants_at
from fastlif.kernels.sources.calls import generate

_PREFETCH = 512  # bytes of each row that are prefetched at a time


def prepare(rule, current, shared, work, size):
    """Compute the drive of an input that is constant in time."""


@overload(prepare)
def _overload_prepare(rule, current, shared, work, size):
    if not isinstance(current, types.NoneType):
        return lambda rule, current, shared, work, size: None

    def all_drives(rule, current, shared, work, size):
        for k in range(size):
            j = np.uintp(k)
            work[j + AT_DRIVE] = drive(
                rule, work[j + AT_INPUT], constants_at(rule, shared, work, j)
            )

    return all_drives


def row_of(current, t):
    """Return what step ``t`` reads: a contiguous row, one number for all, or nothing."""


@overload(row_of)
def _overload_row_of(current, t):
    if isinstance(current, types.NoneType):
        return lambda current, t: None
    if isinstance(current, types.NamedTuple):

        def generated_row(current, t):
            row = contiguous(current.rows[t % 4])
            generate(
                np.uint64(current.function), np.uint64(current.numbers), current.step + t,
                current.row + t, current.neuron, row, current.scratch,
            )  # fmt: skip
            return row

        return generated_row
    if current.ndim == 1:
        return lambda current, t: current[t]
    return lambda current, t: contiguous(current[t])


def part(row, a, b):
    """Return the columns ``a:b`` of what a step reads."""


@overload(part)
def _overload_part(row, a, b):
    if isinstance(row, types.Array):
        return lambda row, a, b: row[a:b]
    return lambda row, a, b: row


def drive_at(rule, row, work, i, j, c):
    """Return the drive of the tile's neuron ``j`` from item ``i`` of what its step reads."""


@overload(drive_at)
def _overload_drive_at(rule, row, work, i, j, c):
    if isinstance(row, types.NoneType):
        return lambda rule, row, work, i, j, c: work[j + AT_DRIVE]
    if isinstance(row, types.Array):
        return lambda rule, row, work, i, j, c: drive(rule, work.dtype.type(row[i]), c)
    return lambda rule, row, work, i, j, c: drive(rule, work.dtype.type(row), c)


def stretch(current):
    """Return how many neurons to advance between two calls of ``prefetch_rows``."""


@overload(stretch)
def _overload_stretch(current):
    items = _items(current, _PREFETCH)
    return lambda current: items


def _in_memory(current):
    """Tell whether the rows of an input are read from memory."""
    return isinstance(current, types.Array) and current.ndim == 2


def _items(current, size):
    """Return how many items of a row take ``size`` bytes, if rows are read from memory."""
    if not _in_memory(current):
        return WIDTH
    return size // np.dtype(str(current.dtype)).itemsize


def prefetch_rows(current, t, steps, a, b):
    """Prefetch the columns ``a:b`` of the four rows from ``t`` on, if read from memory."""


@overload(prefetch_rows)
def _overload_prefetch_rows(current, t, steps, a, b):
    if not _in_memory(current):
        return lambda current, t, steps, a, b: None
    line = _items(current, 64)

    def call(current, t, steps, a, b):
        if t + 4 <= steps:
            row0, row1 = contiguous(current[t]), contiguous(current[t + 1])
            row2, row3 = contiguous(current[t + 2]), contiguous(current[t + 3])
            for k in range(a, b, line):
                _prefetch(row0, np.uintp(k))
                _prefetch(row1, np.uintp(k))
                _prefetch(row2, np.uintp(k))
                _prefetch(row3, np.uintp(k))

    return call


@intrinsic
def _prefetch(typing_context, row, j):
    """Ask for the cache line of ``row[j]``."""

    def codegen(context, builder, signature, args):
        data = context.make_array(signature.args[0])(context, builder, args[0]).data
        place = builder.bitcast(builder.gep(data, [args[1]]), cgutils.voidptr_t)
        i32 = ir.IntType(32)
        function_type = ir.FunctionType(ir.VoidType(), [place.type, i32, i32, i32])
        function = cgutils.get_or_insert_function(builder.module, function_type, "llvm.prefetch.p0")
        read, to_second_level, data_cache = i32(0), i32(2), i32(1)
        builder.call(function, [place, read, to_second_level, data_cache])
        return context.get_dummy_value()

    return types.void(row, types.uintp), codegen
