"""Buffers of events: one tile's spikes as a list, until those of all tiles are merged."""

import numpy as np
from numba import types
from numba.extending import overload

from fastlif.kernels.bits import bits_at, lowest_bit
from fastlif.kernels.jit import inlined
from fastlif.kernels.layout import constants_at, load
from fastlif.kernels.orders import offset_within_step

# An event: the step in the upper bits, the place in the tile in the lower.
PLACE_BITS = 16
# The room that a buffer of events needs per neuron: four steps, each with a number that follows the
# event.
ROOM = 2 * 4
_ONE = np.uint64(1)


def append(events, used, step, spikes, size):
    """Write the events of one step; return how much of ``events`` is used.

    If a neuron may fire several spikes, their number follows each event.
    """


@overload(append)
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
            bits = bits_at(spikes, np.uintp(k))
            # Written before it is known whether there are any: a branch would cost more.
            for _ in range(2):
                events[used] = base | k | np.int64(lowest_bit(bits))
                used += np.int64(bits != 0)
                bits &= bits - _ONE
            while bits:
                events[used] = base | k | np.int64(lowest_bit(bits))
                used += 1
                bits &= bits - _ONE
        for k in range(whole, size):
            if spikes[k]:
                events[used] = base | k
                used += 1
        return used

    return write if spikes.dtype == types.boolean else write_several


@inlined
def append_timed(events, timing, used, step, spikes, size, work):
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
