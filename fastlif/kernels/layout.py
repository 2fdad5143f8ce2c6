"""The layout of a tile's scratch memory, and how kernels read and write it.

A tile's scratch is one array of ROWS rows of ROW items: the constants of neurons whose parameters
differ, in the order of ``Constants``; the states, in the order of the rule; and three further rows.
The distances between rows are known at compile time. This is why the inner loops vectorise: LLVM
then sees that rows cannot overlap (it gives up beyond 8 run-time checks for that).
"""

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from fastlif.kernels.compose import constants_class, constants_of
from fastlif.kernels.rules import CONSTANTS

WIDTH = 65536  # the largest number of neurons in a tile
ROW = WIDTH + 64  # the padding keeps equal columns of different rows out of one cache set

MEMBRANE = len(CONSTANTS)  # the first state
MOST_STATES = 4
COUNT = MEMBRANE + MOST_STATES  # numbers of spikes: integers as wide as the membrane's dtype
INPUT = COUNT + 1  # an input that is constant in time
DRIVE = INPUT + 1  # and its drive
ROWS = DRIVE + 1

# The rows of states in a reverse sweep.
CARRIED = MEMBRANE  # the gradient at the membrane that enters the step
OF_CURRENT = CARRIED + 1  # sums over time: the gradients at a current that is constant in time,
OF_KEEP = CARRIED + 2  # at the fraction that remains,
OF_THRESHOLD = CARRIED + 3  # and at the threshold

# Unsigned indices avoid Numba's test for negative ones, which would prevent vectorisation.
AT_MEMBRANE, AT_COUNT, AT_INPUT, AT_DRIVE = (
    np.uintp(k * ROW) for k in (MEMBRANE, COUNT, INPUT, DRIVE)
)


def _item(context, builder, array_type, array, index):
    """Return a pointer to ``array[index]``."""
    data = context.make_array(array_type)(context, builder, array).data
    return builder.gep(data, [index])


def _row(builder, index, row):
    """Return the index of a column of ``row`` from that of the first row."""
    return builder.add(index, ir.Constant(index.type, row * ROW))


@intrinsic
def shared_constants(typing_context, rule, constants, work):
    """Return the constants that all neurons share, or None if they stand in ``work``."""
    names = constants_of(rule.rule)
    if isinstance(constants, types.NoneType):
        return types.none(rule, constants, work), lambda context, *_: context.get_dummy_value()
    result = _constants_type(names, constants.dtype)

    def codegen(context, builder, signature, args):
        array_type, array = signature.args[1], args[1]
        intp = context.get_value_type(types.uintp)
        places = [_item(context, builder, array_type, array, intp(k)) for k in range(len(names))]
        values = [builder.load(place) for place in places]
        return context.make_tuple(builder, signature.return_type, values)

    return result(rule, constants, work), codegen


@intrinsic
def constants_at(typing_context, rule, shared, work, j):
    """Return the constants of the tile's neuron ``j``: those in ``work`` if none are shared."""
    if not isinstance(shared, types.NoneType):
        return shared(rule, shared, work, types.uintp), lambda context, builder, sig, args: args[1]
    names = constants_of(rule.rule)
    result = _constants_type(names, work.dtype)

    def codegen(context, builder, signature, args):
        array_type, array, j = signature.args[2], args[2], args[3]
        values = [
            builder.load(_item(context, builder, array_type, array, _row(builder, j, k)))
            for k in range(len(names))
        ]
        return context.make_tuple(builder, signature.return_type, values)

    return result(rule, shared, work, types.uintp), codegen


def _constants_type(names, dtype):
    return types.NamedUniTuple(dtype, len(names), constants_class(names))


@intrinsic
def load(typing_context, rule, work, j):
    """Return the state of the tile's neuron ``j``: a tuple."""
    count = len(rule.rule.states)

    def codegen(context, builder, signature, args):
        array_type, array, j = signature.args[1], args[1], args[2]
        values = [
            builder.load(_item(context, builder, array_type, array, _row(builder, j, MEMBRANE + k)))
            for k in range(count)
        ]
        return context.make_tuple(builder, signature.return_type, values)

    return types.UniTuple(work.dtype, count)(rule, work, types.uintp), codegen


@intrinsic
def save(typing_context, work, j, state):
    """Store the state of the tile's neuron ``j``."""

    def codegen(context, builder, signature, args):
        array_type, array, j = signature.args[0], args[0], args[1]
        for k, kind in enumerate(signature.args[2].types):
            value = builder.extract_value(args[2], k)
            value = context.cast(builder, value, kind, array_type.dtype)
            place = _item(context, builder, array_type, array, _row(builder, j, MEMBRANE + k))
            builder.store(value, place)
        return context.get_dummy_value()

    return types.void(work, types.uintp, state), codegen
