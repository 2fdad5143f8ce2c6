"""What is made of a step's row of spikes or membranes after it: bits, events, chosen columns."""

import functools

import numpy as np
from numba import types
from numba.extending import overload

from fastlif.kernels.access import AT_MEMBRANE, bits_at, lowest_bit
from fastlif.kernels.jit import compiled, contiguous

# An event, until all are merged: the step above, the neuron's place in its tile below.
PLACE_BITS = 16
# What a buffer must hold for each neuron: four steps' events, and how many spikes each is.
ROOM = 2 * 4
_ONE = np.uint64(1)


def pack(packed, t, spike_row, size):
    """Write step ``t``'s spikes as bits, 8 neurons a byte, the first neuron in the lowest bit."""


@overload(pack)
def _overload_pack(packed, t, spike_row, size):
    if isinstance(packed, types.NoneType) or isinstance(spike_row, types.NoneType):
        return lambda packed, t, spike_row, size: None

    def write(packed, t, spike_row, size):
        row = contiguous(packed[t])
        whole = size // 64 * 64
        for k in range(0, whole, 64):
            bits = bits_at(spike_row, np.uintp(k))
            for b in range(8):
                row[k // 8 + b] = np.uint8(bits >> np.uint64(8 * b))
        for k in range(whole, size, 8):
            byte = np.uint8(0)
            for b in range(min(8, size - k)):
                byte |= np.uint8(spike_row[k + b]) << np.uint8(b)
            row[k // 8] = byte

    return write


def room(events, used, size):
    """Tell whether the events of one more step fit, and one that ``append`` writes in vain."""


@overload(room)
def _overload_room(events, used, size):
    if isinstance(events, types.NoneType):
        return lambda events, used, size: True
    return lambda events, used, size: used + 2 * size < len(events)


def append(events, used, step, spike_row, size):
    """Write the events of one step; return how much of ``events`` is used now.

    Where a neuron may fire several spikes, their number follows each event.
    """


@overload(append)
def _overload_append(events, used, step, spike_row, size):
    if isinstance(events, types.NoneType) or isinstance(spike_row, types.NoneType):
        return lambda events, used, step, spike_row, size: used

    def write_several(events, used, step, spike_row, size):
        base = step << PLACE_BITS
        for k in range(size):
            if spike_row[k]:
                events[used], events[used + 1] = base | k, spike_row[k]
                used += 2
        return used

    if spike_row.dtype != types.boolean:
        return write_several

    def write(events, used, step, spike_row, size):
        base = step << PLACE_BITS
        whole = size // 64 * 64
        for k in range(0, whole, 64):
            bits = bits_at(spike_row, np.uintp(k))
            # Written before it is known whether there are any: to guess that costs more.
            for _ in range(2):
                events[used] = base | k | np.int64(lowest_bit(bits))
                used += np.int64(bits != 0)
                bits &= bits - _ONE
            while bits:
                events[used] = base | k | np.int64(lowest_bit(bits))
                used += 1
                bits &= bits - _ONE
        for k in range(whole, size):
            if spike_row[k]:
                events[used] = base | k
                used += 1
        return used

    return write


def choose_membrane(into, step, every, chosen, places, work):
    """Write the chosen neurons' membranes, if this is one of every so many steps."""


@overload(choose_membrane)
def _overload_choose_membrane(into, step, every, chosen, places, work):
    if isinstance(into, types.NoneType):
        return lambda into, step, every, chosen, places, work: None

    def write(into, step, every, chosen, places, work):
        if step % every == 0:
            for k in range(len(chosen)):
                into[step // every, places[k]] = work[np.uintp(chosen[k]) + AT_MEMBRANE]

    return write


def choose_spikes(into, step, chosen, places, spike_row):
    """Write the chosen neurons' spikes."""


@overload(choose_spikes)
def _overload_choose_spikes(into, step, chosen, places, spike_row):
    if isinstance(into, types.NoneType) or isinstance(spike_row, types.NoneType):
        return lambda into, step, chosen, places, spike_row: None

    def write(into, step, chosen, places, spike_row):
        for k in range(len(chosen)):
            into[step, places[k]] = spike_row[chosen[k]]

    return write


@functools.cache
def merge_kernel():
    """Return the compiled merger of events. Made when first called for: njit is slow to import."""

    def merge_events(events, bounds, starts, step_out, neuron_out):
        """Merge runs of events, each of a tile and sorted by step, into one sorted run.

        ``bounds`` says where each run begins in ``events``, and where the last ends; ``starts``, in
        ascending order, with which neuron its tile starts.
        """
        at = bounds[:-1].copy()
        done = 0
        while done < len(events):
            step = np.iinfo(np.int64).max  # the earliest that any run still has
            for k in range(len(at)):
                if at[k] < bounds[k + 1]:
                    step = min(step, events[at[k]] >> PLACE_BITS)
            for k in range(len(at)):
                while at[k] < bounds[k + 1] and events[at[k]] >> PLACE_BITS == step:
                    step_out[done] = step
                    neuron_out[done] = starts[k] + (events[at[k]] & ((1 << PLACE_BITS) - 1))
                    at[k] += 1
                    done += 1

    return compiled(merge_events)
