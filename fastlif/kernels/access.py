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
from fastlif.kernels.physics import drive
from fastlif.kernels.rules import CONSTANTS

WIDTH = 32768  # the most neurons that a tile may have
ROW = WIDTH + 64  # the padding keeps equal columns of the rows out of one cache set

# A tile's scratch: ROWS rows of ROW items. The first ones hold the neurons' constants where they
# differ. Rows at a distance known at compile time are why the inner loops vectorise: LLVM then
# sees that they cannot overlap. (It gives up past 8 run-time checks for that.)
MEMBRANE = len(CONSTANTS)
STATES = {"mem": MEMBRANE, "refractory": MEMBRANE + 1, "syn": MEMBRANE + 2}
COUNT = MEMBRANE + 3  # spikes so far, as the bits of integers as wide as the membrane's dtype
INPUT = MEMBRANE + 4  # an input that is constant in time
DRIVE = MEMBRANE + 5  # and its drive
ROWS = MEMBRANE + 6

# Unsigned indices spare numba's test for negative ones, which would keep loops from vectorising.
AT_MEMBRANE, AT_COUNT, AT_INPUT, AT_DRIVE = (
    np.uintp(k * ROW) for k in (MEMBRANE, COUNT, INPUT, DRIVE)
)
# Four steps' spikes, as bytes, in a scratch of their own.
AT_FIRED = tuple(np.uintp(k * ROW) for k in range(4))
_C = tuple(np.uintp(row * ROW) for row in range(len(CONSTANTS)))
_AT = {name: np.uintp(row * ROW) for name, row in STATES.items()}


def constants_of(constants, work):
    """Return what ``constants_at`` reads: a tuple of numbers, or ``work``."""


@overload(constants_of)
def _overload_constants_of(constants, work):
    if isinstance(constants, types.NoneType):
        return lambda constants, work: work
    return lambda constants, work: (
        constants[0], constants[1], constants[2], constants[3], constants[4], constants[5],
        constants[6], constants[7], constants[8], constants[9], constants[10], constants[11],
        constants[12],
    )  # fmt: skip


def constants_at(source, j):
    """Return the constants of the tile's neuron ``j``."""


@overload(constants_at)
def _overload_constants_at(source, j):
    if isinstance(source, types.BaseTuple):
        return lambda source, j: source
    return lambda source, j: (
        source[j], source[j + _C[1]], source[j + _C[2]], source[j + _C[3]], source[j + _C[4]],
        source[j + _C[5]], source[j + _C[6]], source[j + _C[7]], source[j + _C[8]],
        source[j + _C[9]], source[j + _C[10]], source[j + _C[11]], source[j + _C[12]],
    )  # fmt: skip


def load(rule, work, j):
    """Return the state of the tile's neuron ``j``."""


@overload(load)
def _overload_load(rule, work, j):
    first, *more = (_AT[name] for name in rule.rule.states)
    second, third = (more[0], more[-1]) if more else (first, first)
    return (
        lambda rule, work, j: work[j + first],
        lambda rule, work, j: (work[j + first], work[j + second]),
        lambda rule, work, j: (work[j + first], work[j + second], work[j + third]),
    )[len(more)]


def save(rule, work, j, state):
    """Keep the state of the tile's neuron ``j``."""


@overload(save)
def _overload_save(rule, work, j, state):
    first, *more = (_AT[name] for name in rule.rule.states)
    second, third = (more[0], more[-1]) if more else (first, first)

    def one(rule, work, j, state):
        work[j + first] = state

    def two(rule, work, j, state):
        work[j + first], work[j + second] = state

    def three(rule, work, j, state):
        work[j + first], work[j + second], work[j + third] = state

    return (one, two, three)[len(more)]


def row_of(array, t):
    """Return what step ``t`` reads or writes: a contiguous row, a number for all, or nothing."""


@overload(row_of)
def _overload_row_of(array, t):
    if isinstance(array, types.NoneType):
        return lambda array, t: None
    if array.ndim == 1:
        return lambda array, t: array[t]
    return lambda array, t: contiguous(array[t])


def part(row, a, b):
    """Return the columns ``a:b`` of what a step reads."""


@overload(part)
def _overload_part(row, a, b):
    if isinstance(row, types.Array):
        return lambda row, a, b: row[a:b]
    return lambda row, a, b: row


_FETCH = 512  # bytes of each row that are called for at a time


def stretch(array):
    """Return how many neurons to advance between two calls of ``fetch``."""


@overload(stretch)
def _overload_stretch(array):
    items = _items(array, _FETCH)
    return lambda array: items


def _items(array, size):
    """Return how many items of a row that is read from memory take ``size`` bytes."""
    if isinstance(array, types.NoneType) or array.ndim == 1:
        return WIDTH
    return size // np.dtype(str(array.dtype)).itemsize


def fetch(array, t, steps, a, b):
    """Call for the columns ``a:b`` of the four rows from ``t`` on, if they are read from memory."""


@overload(fetch)
def _overload_fetch(array, t, steps, a, b):
    if isinstance(array, types.NoneType) or array.ndim == 1:
        return lambda array, t, steps, a, b: None
    line = _items(array, 64)

    def call(array, t, steps, a, b):
        if t + 4 <= steps:
            row0, row1 = contiguous(array[t]), contiguous(array[t + 1])
            row2, row3 = contiguous(array[t + 2]), contiguous(array[t + 3])
            for k in range(a, b, line):
                prefetch(row0, np.uintp(k))
                prefetch(row1, np.uintp(k))
                prefetch(row2, np.uintp(k))
                prefetch(row3, np.uintp(k))

    return call


def drive_at(rule, row, work, i, j, c):
    """Return the drive of the tile's neuron ``j`` from item ``i`` of what its step reads."""


@overload(drive_at)
def _overload_drive_at(rule, row, work, i, j, c):
    if isinstance(row, types.NoneType):
        return lambda rule, row, work, i, j, c: work[j + AT_DRIVE]
    if isinstance(row, types.Array):
        return lambda rule, row, work, i, j, c: drive(rule, work.dtype.type(row[i]), c)
    return lambda rule, row, work, i, j, c: drive(rule, work.dtype.type(row), c)


def store(row, j, value):
    """Record ``value``, if this is recorded."""


@overload(store)
def _overload_store(row, j, value):
    if isinstance(row, types.NoneType):
        return lambda row, j, value: None

    def write(row, j, value):
        row[j] = value

    return write


def fired_row(spike_row, fired, k):
    """Return where a step's spikes are written: the dense record, row ``k`` of scratch, or None."""


@overload(fired_row)
def _overload_fired_row(spike_row, fired, k):
    if isinstance(spike_row, types.NoneType) and not isinstance(fired, types.NoneType):
        return lambda spike_row, fired, k: fired[k * ROW : (k + 1) * ROW]
    return lambda spike_row, fired, k: spike_row


def count(counting, work, j, s0, s1, s2, s3):
    """Add spikes of the tile's neuron ``j``, if spikes are counted."""


@overload(count)
def _overload_count(counting, work, j, s0, s1, s2, s3):
    if isinstance(counting, types.NoneType):
        return lambda counting, work, j, s0, s1, s2, s3: None

    def add(counting, work, j, s0, s1, s2, s3):
        tally = add_to_bits(work[j + AT_COUNT], s0)
        work[j + AT_COUNT] = add_to_bits(add_to_bits(add_to_bits(tally, s1), s2), s3)

    return add


@intrinsic
def add_to_bits(typing_context, number, spike):
    """Take the bits of ``number`` for an integer, and add ``spike``, a bool or an int, to it.

    The loops have float additions enough, and processors more units for integers.
    """

    def codegen(context, builder, signature, args):
        integer = ir.IntType(signature.args[0].bitwidth)
        wide = types.int64 if integer.width == 64 else types.int32
        more = context.cast(builder, args[1], signature.args[1], wide)
        tally = builder.add(builder.bitcast(args[0], integer), more)
        return builder.bitcast(tally, args[0].type)

    return number(number, spike), codegen


@intrinsic
def bits_at(typing_context, row, j):
    """Return as 64 bits whether each of the 64 bytes from ``row[j]`` on is not zero."""

    def codegen(context, builder, signature, args):
        data = context.make_array(signature.args[0])(context, builder, args[0]).data
        place = builder.gep(builder.bitcast(data, cgutils.voidptr_t), [args[1]])
        lanes = ir.VectorType(ir.IntType(8), 64)
        spikes = builder.load(builder.bitcast(place, lanes.as_pointer()), align=1)
        fired = builder.icmp_unsigned("!=", spikes, ir.Constant(lanes, None))
        return builder.bitcast(fired, ir.IntType(64))

    return types.uint64(row, types.uintp), codegen


@intrinsic
def lowest_bit(typing_context, bits):
    """Return the number of the lowest bit that is set."""

    def codegen(context, builder, signature, args):
        return builder.cttz(args[0], ir.IntType(1)(0))

    return types.uint64(types.uint64), codegen


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
