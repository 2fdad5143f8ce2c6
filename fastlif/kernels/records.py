"""What is made of a step's row of spikes or membranes after it: bits, events, chosen columns."""

import numpy as np
from numba import types
from numba.extending import overload

from fastlif.kernels.access import AT_MEMBRANE, word_at
from fastlif.kernels.jit import compiled

_GATHER = np.uint64(0x0102040810204080)  # times 8 bytes of 0 or 1: their bits in the highest byte


def pack(packed, t, spike_row, size):
    """Write step ``t``'s spikes as bits, 8 neurons a byte, the first neuron in the lowest bit."""


@overload(pack)
def _overload_pack(packed, t, spike_row, size):
    if isinstance(packed, types.NoneType):
        return lambda packed, t, spike_row, size: None

    def write(packed, t, spike_row, size):
        row = packed[t]
        whole = size // 8
        for k in range(whole):
            row[k] = np.uint8((word_at(spike_row, np.uintp(8 * k)) * _GATHER) >> np.uint64(56))
        if size % 8:
            bits = np.uint8(0)
            for b in range(size % 8):
                bits |= np.uint8(spike_row[8 * whole + b]) << np.uint8(b)
            row[whole] = bits

    return write


def room(events, used, size):
    """Tell whether the events of one more step fit, however many neurons fire."""


@overload(room)
def _overload_room(events, used, size):
    if isinstance(events, types.NoneType):
        return lambda events, used, size: True
    return lambda events, used, size: used + size <= events.shape[1]


def append(events, used, step, start, spike_row, size):
    """Write the events of one step; return how many there are now."""


@overload(append)
def _overload_append(events, used, step, start, spike_row, size):
    if isinstance(events, types.NoneType):
        return lambda events, used, step, start, spike_row, size: used

    def write(events, used, step, start, spike_row, size):
        whole = size // 8 * 8
        for k in range(0, whole, 8):
            if word_at(spike_row, np.uintp(k)):
                # Each of the 8 is written, and kept if it fired: no branch to mispredict.
                for j in range(k, k + 8):
                    events[0, used] = step
                    events[1, used] = start + j
                    used += spike_row[j]
        for j in range(whole, size):
            if spike_row[j]:
                events[0, used] = step
                events[1, used] = start + j
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
    if isinstance(into, types.NoneType):
        return lambda into, step, chosen, places, spike_row: None

    def write(into, step, chosen, places, spike_row):
        for k in range(len(chosen)):
            into[step, places[k]] = spike_row[chosen[k]]

    return write


def merge_events(steps, neurons, bounds, step_out, neuron_out):
    """Merge runs of events, each sorted by step, into one sorted by step, then by run.

    ``bounds`` says where each run begins in ``steps`` and ``neurons``, and where the last ends.
    """
    at = bounds[:-1].copy()
    done = 0
    while done < len(step_out):
        # The earliest step that any run still has.
        step = np.iinfo(np.int64).max
        for k in range(len(at)):
            if at[k] < bounds[k + 1]:
                step = min(step, steps[at[k]])
        for k in range(len(at)):
            while at[k] < bounds[k + 1] and steps[at[k]] == step:
                step_out[done] = step
                neuron_out[done] = neurons[at[k]]
                at[k] += 1
                done += 1


merge_events = compiled(merge_events)
