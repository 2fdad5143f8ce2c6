"""How the kernels read and write: one name each, specialized by the types of what it is given.

What is not recorded or not there is None, and costs nothing: the overloads below turn it into no
code at all before anything is compiled.
"""

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, overload

from fastlif.kernels.jit import contiguous
from fastlif.kernels.rules import CONSTANTS

WIDTH = 32768  # the most neurons that a tile may have
ROW = WIDTH + 64  # the padding keeps equal columns of the rows out of one cache set

# A tile's scratch: ROWS rows of ROW items. The first CONSTANTS hold the neurons' constants where
# they differ. Rows at a distance known at compile time are why the inner loops vectorise: LLVM
# then sees that they cannot overlap. (It gives up past 8 run-time checks for that.)
MEMBRANE = CONSTANTS
COUNT = CONSTANTS + 1  # spikes so far, in the membrane's dtype: exact far beyond one sweep's steps
INPUT = CONSTANTS + 2  # an input that is constant in time
DRIVE = CONSTANTS + 3  # and its drive
ROWS = CONSTANTS + 4

# Unsigned indices spare numba's test for negative ones, which would keep loops from vectorising.
AT_MEMBRANE, AT_COUNT, AT_INPUT, AT_DRIVE = (
    np.uintp(k * ROW) for k in (MEMBRANE, COUNT, INPUT, DRIVE)
)
_C1, _C2, _C3, _C4 = (np.uintp(k * ROW) for k in range(1, CONSTANTS))


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


def row_of(array, t):
    """Return what step ``t`` reads or writes: a contiguous row, a number for all, or nothing."""


@overload(row_of)
def _overload_row_of(array, t):
    if isinstance(array, types.NoneType):
        return lambda array, t: None
    if array.ndim == 1:
        return lambda array, t: array[t]
    return lambda array, t: contiguous(array[t])


def drive_at(drive, row, work, j, c):
    """Return the drive of the tile's neuron ``j`` from its step's ``row``."""


@overload(drive_at)
def _overload_drive_at(drive, row, work, j, c):
    if isinstance(row, types.NoneType):
        return lambda drive, row, work, j, c: work[j + AT_DRIVE]
    if isinstance(row, types.Array):
        return lambda drive, row, work, j, c: drive(work.dtype.type(row[j]), c)
    return lambda drive, row, work, j, c: drive(work.dtype.type(row), c)


def store(row, j, value):
    """Record ``value``, if this is recorded."""


@overload(store)
def _overload_store(row, j, value):
    if isinstance(row, types.NoneType):
        return lambda row, j, value: None

    def write(row, j, value):
        row[j] = value

    return write


def count(counting, work, j, spike):
    """Add a spike of the tile's neuron ``j``, if spikes are counted."""


@overload(count)
def _overload_count(counting, work, j, spike):
    if isinstance(counting, types.NoneType):
        return lambda counting, work, j, spike: None

    def add(counting, work, j, spike):
        work[j + AT_COUNT] += spike

    return add


@intrinsic
def word_at(typing_context, row, j):
    """Return the 8 bytes from ``row[j]`` on of a contiguous row of bytes, at any alignment."""

    def codegen(context, builder, signature, args):
        data = context.make_array(signature.args[0])(context, builder, args[0]).data
        place = builder.gep(builder.bitcast(data, cgutils.voidptr_t), [args[1]])
        return builder.load(builder.bitcast(place, ir.IntType(64).as_pointer()), align=1)

    return types.uint64(row, types.uintp), codegen


@intrinsic
def prefetch(typing_context, row, j):
    """Ask for the cache line of ``row[j]`` to be brought near."""

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
