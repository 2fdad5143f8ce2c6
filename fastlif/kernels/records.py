"""What kernels record: three hooks, which the loops call, and the fields that they fill.

``has_room`` tells whether the records can take one more step, ``keep`` stores one neuron's part of
a step, and ``after_step`` makes bits, events and selected columns from a step's row of spikes. A
field that is None is not recorded and becomes no code at all.
"""

from typing import Any, NamedTuple

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, overload

from fastlif.kernels.jit import contiguous, inlined
from fastlif.kernels.layout import AT_COUNT, AT_MEMBRANE, ROW, constants_at, load
from fastlif.kernels.orders import offset_within_step
from fastlif.kernels.streaming import stream_row

# An event, until all are merged: the step in the upper bits, the place in the tile in the lower.
PLACE_BITS = 16
# The room that a buffer of events needs per neuron: four steps, each with a number that follows the
# event.
ROOM = 2 * 4
_ONE = np.uint64(1)
# Four steps' spikes, as bytes, in a scratch array of their own.
_SCRATCH = tuple(np.uintp(k * ROW) for k in range(4))


class Records(NamedTuple):
    """The arrays that a tile's records go to; None for what is not recorded."""

    membrane: Any = None  # (steps, size)
    spikes: Any = None  # (steps, size)
    scratch: Any = None  # four rows of spikes, if something is made of them but ``spikes`` is None,
    # or if ``spikes`` is streamed
    counts: Any = None  # (size,): the scratch's row COUNT, or an int64 array of several spikes
    packed: Any = None  # (steps, size/8)
    events: Any = None  # a buffer
    selected: Any = None  # the selected neurons of the tile
    columns: Any = None  # and their columns in
    selected_membrane: Any = None  # (rows, columns): of the step ``skip``, and of each ``every``-th
    every: Any = None
    skip: Any = None
    selected_spikes: Any = None  # (all steps, columns)


# --- the hooks ------------------------------------------------------------------------------------
# What is not recorded is known from the type of ``records``. Numba removes branches on such names
# from a closure before it compiles: this takes less time than an empty function per record.


def _recorded(records, *names):
    """Tell for each name whether the field of the type ``records`` is an array."""
    kinds = dict(zip(Records._fields, records.types, strict=True))
    return [not isinstance(kinds[name], types.NoneType) for name in names]


def has_room(records, used, size):
    """Tell whether the events of ``size`` neurons fit, and one that is written in advance."""


@overload(has_room)
def _overload_has_room(records, used, size):
    (events,) = _recorded(records, "events")
    if not events:
        return lambda records, used, size: True
    return lambda records, used, size: used + 2 * size < len(records.events)


def membrane_row(records, t):
    """Return the row of membranes that step ``t`` fills, or None."""


@overload(membrane_row)
def _overload_membrane_row(records, t):
    (membrane,) = _recorded(records, "membrane")
    if not membrane:
        return lambda records, t: None
    return lambda records, t: contiguous(records.membrane[t])


def spike_row(records, t, k):
    """Return the row of spikes that step ``t`` fills: of the record or of scratch, or None."""


@overload(spike_row)
def _overload_spike_row(records, t, k):
    spikes, scratch = _recorded(records, "spikes", "scratch")
    if spikes:
        return lambda records, t, k: contiguous(records.spikes[t])
    if scratch:
        return lambda records, t, k: records.scratch[k * ROW : (k + 1) * ROW]
    return lambda records, t, k: None


def scratch_row(records):
    """Return a row of scratch for a step's spikes, or None."""


@overload(scratch_row)
def _overload_scratch_row(records):
    (scratch,) = _recorded(records, "scratch")
    if scratch:
        return lambda records: records.scratch[:ROW]
    return lambda records: None


def stream_rows(records, spikes, t, size, work):
    """Copy the rows of step ``t`` from scratch to dense records, past the caches."""


@overload(stream_rows)
def _overload_stream_rows(records, spikes, t, size, work):
    membrane, dense_spikes = _recorded(records, "membrane", "spikes")

    def copy(records, spikes, t, size, work):
        if membrane:
            stream_row(contiguous(records.membrane[t]), work[AT_MEMBRANE : AT_MEMBRANE + ROW], size)
        if dense_spikes:
            stream_row(contiguous(records.spikes[t]), spikes, size)

    return copy


def keep(records, membranes, spikes, work, j, state, spike):
    """Record the state and the spikes of the tile's neuron ``j`` after one step."""


@overload(keep)
def _overload_keep(records, membranes, spikes, work, j, state, spike):
    has_membrane, has_spikes = not _is_none(membranes), not _is_none(spikes)
    (counts,) = _recorded(records, "counts")
    several = spike != types.boolean

    def write(records, membranes, spikes, work, j, state, spike):
        if has_membrane:
            membranes[j] = state[0]
        if has_spikes:
            spikes[j] = spike
        if counts:
            if several:
                records.counts[j] += spike
            else:
                work[j + AT_COUNT] = _add_to_bits(work[j + AT_COUNT], spike)

    return write


def keep_four(records, work, j, s0, s1, s2, s3):
    """Record the spikes of the tile's neuron ``j`` in four steps."""


@overload(keep_four)
def _overload_keep_four(records, work, j, s0, s1, s2, s3):
    counts, scratch = _recorded(records, "counts", "scratch")
    several = s0 != types.boolean

    def write(records, work, j, s0, s1, s2, s3):
        if counts:
            if several:
                records.counts[j] += np.int64(s0) + np.int64(s1) + np.int64(s2) + np.int64(s3)
            else:
                total = _add_to_bits(_add_to_bits(work[j + AT_COUNT], s0), s1)
                work[j + AT_COUNT] = _add_to_bits(_add_to_bits(total, s2), s3)
        if scratch:
            row = records.scratch
            row[j], row[j + _SCRATCH[1]] = s0, s1
            row[j + _SCRATCH[2]], row[j + _SCRATCH[3]] = s2, s3

    return write


@intrinsic
def timing_of(typing_context, rule, shared):
    """Return what tells the times of spikes within a step, or None for a rule that has none.

    This is not left to ``after_step``, which would then be compiled for each rule.
    """
    if not rule.rule.timed:
        return types.none(rule, shared), lambda context, *_: context.get_dummy_value()

    def codegen(context, builder, signature, args):
        return context.make_tuple(builder, signature.return_type, args)

    return types.Tuple((rule, shared))(rule, shared), codegen


def after_step(records, timing, spikes, t, step, used, size, work):
    """Record what is made of the row of spikes of step ``t``, the run's step ``step``.

    Returns how much of the events' buffer is used. For selected membranes and for ``timing``,
    ``work`` holds the state after the step.
    """


@overload(after_step)
def _overload_after_step(records, timing, spikes, t, step, used, size, work):
    packed, events, selected_membrane, selected_spikes = _recorded(
        records, "packed", "events", "selected_membrane", "selected_spikes"
    )

    timed = events and not _is_none(timing)

    def write(records, timing, spikes, t, step, used, size, work):
        if packed:
            _pack(contiguous(records.packed[t]), spikes, size)
        # Before ``skip``, which is less than ``every``, the difference is no multiple of it.
        if selected_membrane and (step - records.skip) % records.every == 0:
            into = records.selected_membrane[(step - records.skip) // records.every]
            for k in range(len(records.selected)):
                into[records.columns[k]] = work[np.uintp(records.selected[k]) + AT_MEMBRANE]
        if selected_spikes:
            for k in range(len(records.selected)):
                records.selected_spikes[step, records.columns[k]] = spikes[records.selected[k]]
        if timed:
            used = _append_timed(records.events, timing, used, step, spikes, size, work)
        elif events:
            used = _append(records.events, used, step, spikes, size)
        return used

    return write


def _is_none(kind):
    return isinstance(kind, types.NoneType)


# --- counts, bits and events ----------------------------------------------------------------------


@intrinsic
def _add_to_bits(typing_context, number, spike):
    """Interpret the bits of ``number`` as an integer, and add ``spike`` to it.

    The loops have enough float additions, and processors have more units for integers.
    """

    def codegen(context, builder, signature, args):
        integer = ir.IntType(signature.args[0].bitwidth)
        sum_type = types.int64 if integer.width == 64 else types.int32
        more = context.cast(builder, args[1], signature.args[1], sum_type)
        total = builder.add(builder.bitcast(args[0], integer), more)
        return builder.bitcast(total, args[0].type)

    return number(number, spike), codegen


@inlined
def _pack(row, spikes, size):
    """Write a step's spikes as bits, 8 neurons per byte, the first in the lowest bit."""
    whole = size // 64 * 64
    for k in range(0, whole, 64):
        bits = _bits_at(spikes, np.uintp(k))
        for b in range(8):
            row[k // 8 + b] = np.uint8(bits >> np.uint64(8 * b))
    for k in range(whole, size, 8):
        byte = np.uint8(0)
        for b in range(min(8, size - k)):
            byte |= np.uint8(spikes[k + b]) << np.uint8(b)
        row[k // 8] = byte


@intrinsic
def _bits_at(typing_context, row, j):
    """Return as 64 bits whether each of the 64 bytes from ``row[j]`` on is not zero."""

    def codegen(context, builder, signature, args):
        data = context.make_array(signature.args[0])(context, builder, args[0]).data
        place = builder.gep(builder.bitcast(data, cgutils.voidptr_t), [args[1]])
        lanes = ir.VectorType(ir.IntType(8), 64)
        spikes = builder.load(builder.bitcast(place, lanes.as_pointer()), align=1)
        fired = builder.icmp_unsigned("!=", spikes, ir.Constant(lanes, None))
        return builder.bitcast(fired, ir.IntType(64))

    return types.uint64(row, types.uintp), codegen


def _append(events, used, step, spikes, size):
    """Write the events of one step; return how much of ``events`` is used.

    If a neuron may fire several spikes, their number follows each event.
    """


@overload(_append)
def _overload_append(events, used, step, spikes, size):

    def write_several(events, used, step, spikes, size):
        base = step << PLACE_BITS
        for k in range(size):
            if spikes[k]:
                events[used], events[used + 1] = base | k, spikes[k]
                used += 2
        return used

    def write(events, used, step, spikes, size):
        base = step << PLACE_BITS
        whole = size // 64 * 64
        for k in range(0, whole, 64):
            bits = _bits_at(spikes, np.uintp(k))
            # Written before it is known whether there are any: a branch would cost more.
            for _ in range(2):
                events[used] = base | k | np.int64(_lowest_bit(bits))
                used += np.int64(bits != 0)
                bits &= bits - _ONE
            while bits:
                events[used] = base | k | np.int64(_lowest_bit(bits))
                used += 1
                bits &= bits - _ONE
        for k in range(whole, size):
            if spikes[k]:
                events[used] = base | k
                used += 1
        return used

    return write if spikes.dtype == types.boolean else write_several


@inlined
def _append_timed(events, timing, used, step, spikes, size, work):
    """Write the events of one step, each followed by the bits of its time within the step."""
    rule, shared = timing
    base = step << PLACE_BITS
    for k in range(size):
        if spikes[k]:
            j = np.uintp(k)
            c = constants_at(rule, shared, work, j)
            offset = np.float64(offset_within_step(load(rule, work, j), c))
            events[used], events[used + 1] = base | k, offset.view(np.int64)
            used += 2
    return used


@intrinsic
def _lowest_bit(typing_context, bits):
    """Return the position of the lowest bit that is set."""

    def codegen(context, builder, signature, args):
        return builder.cttz(args[0], ir.IntType(1)(0))

    return types.uint64(types.uint64), codegen
