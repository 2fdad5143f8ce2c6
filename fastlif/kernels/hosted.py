"""A step in three parts, for simulators that act on the membrane between them.

Such a host applies the reset itself, and stores the time of the last spike of each neuron instead
of the rest of its refractory period. All arrays are contiguous, and the caller has checked them.
"""

import functools
from typing import Any

import numpy as np
from numba import types
from numba.extending import overload

from fastlif.kernels.compose import Rule, constants_class
from fastlif.kernels.jit import as_computed, compiled, inlined, select, wide_vectors
from fastlif.kernels.rules import CONSTANTS

# The constants that a charge may read here. Each is a number, or an array of one value per neuron.
NAMES = ("gain", "rest", "rate", "keep", "step", "tau")
_Constants = constants_class(tuple(name for name in CONSTANTS if name in (*NAMES, "threshold")))
_CHUNK = 64  # neurons that are tested for a spike together
_BLOCK = 1024  # neurons whose state stays in the first-level cache from one part to the next


def _item(values, j):
    """Return neuron ``j``'s value of what is an array, or one number for all."""


@overload(_item)
def _overload_item(values, j):
    if isinstance(values, types.Array):
        return lambda values, j: values[j]
    return lambda values, j: values


def _held(active, j, old, new):
    """Return the membrane ``new``, or ``old`` if neuron ``j`` is not active."""


@overload(_held)
def _overload_held(active, j, old, new):
    if isinstance(active, types.NoneType):
        return lambda active, j, old, new: new
    return lambda active, j, old, new: select(active[j], new, old)


def _fired(active, j, s):
    """Return the spike ``s``, unless neuron ``j`` is not active."""


@overload(_fired)
def _overload_fired(active, j, s):
    if isinstance(active, types.NoneType):
        return lambda active, j, s: s
    return lambda active, j, s: s & active[j]


def _mark(active, last, j, now):
    """Note that neuron ``j`` fired ``now``."""


@overload(_mark)
def _overload_mark(active, last, j, now):
    if isinstance(active, types.NoneType):
        return lambda active, last, j, now: None

    def mark(active, last, j, now):
        active[j] = False
        last[j] = now

    return mark


# --- the parts, for the neurons from start to stop ------------------------------------------------


@inlined
def _recover(start, stop, active, last, now, least):
    for k in range(start, stop):
        j = np.uintp(k)
        active[j] = now - last[j] >= _item(least, j)


@inlined
def _constants_at(j, gain, rest, rate, keep, step, tau, threshold):
    return _Constants(
        threshold=_item(threshold, j),
        gain=_item(gain, j),
        rate=_item(rate, j),
        keep=_item(keep, j),
        step=_item(step, j),
        rest=_item(rest, j),
        tau=_item(tau, j),
    )


def _charging(rule):
    drive, charge = rule.drive, rule.charge

    @inlined
    def integrate(start, stop, mem, cur, active, gain, rest, rate, keep, step, tau):
        for k in range(start, stop):
            j = np.uintp(k)
            c = _constants_at(j, gain, rest, rate, keep, step, tau, 0.0)
            u = mem[j]
            b = charge(u, drive(_item(cur, j), c), c)
            mem[j] = as_computed(_held(active, j, u, b))

    return integrate


def _firing(fires):
    @inlined
    def spike(j, mem, threshold, active):
        c = _constants_at(j, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, threshold)
        return _fired(active, j, fires(mem[j], c))

    @inlined
    def fire(start, stop, count, mem, threshold, events, active, last, now):
        for first in range(start, stop, _CHUNK):
            end = min(first + _CHUNK, stop)
            some = 0
            for k in range(first, end):
                some += spike(np.uintp(k), mem, threshold, active)
            if some:
                for k in range(first, end):
                    j = np.uintp(k)
                    if spike(j, mem, threshold, active):
                        events[count] = k
                        count += 1
                        _mark(active, last, j, now)
        return count

    return fire


# --- kernels --------------------------------------------------------------------------------------
# ``active`` and ``last`` are None in a group without refractory periods, and ``least`` is not read.


@functools.cache
def charge_kernel(rule: Rule, pauses: bool) -> Any:
    """Return ``charge(mem, cur, constants, active, last, now, least)``.

    A neuron is active if at least the time ``least`` has passed since its last spike. With
    ``pauses``, neurons that are not active keep their membrane. ``constants`` are those in NAMES.
    """
    charge = _charging(rule)

    def integrate(mem, cur, gain, rest, rate, keep, step, tau, active, last, now, least):
        wide_vectors()
        for start in range(0, mem.size, _BLOCK):
            stop = min(start + _BLOCK, mem.size)
            if active is not None:
                _recover(start, stop, active, last, now, least)
            held = active if pauses else None
            charge(start, stop, mem, cur, held, gain, rest, rate, keep, step, tau)

    return compiled(integrate)


@functools.cache
def fire_kernel(fires: Any) -> Any:
    """Return ``fire(mem, threshold, events, active, last, now)``: the test for spikes.

    The indices of the neurons that fire are the first items of ``events``, and their number is the
    last one. Only active neurons fire; they become inactive, and ``now`` is their last spike.
    """
    fire = _firing(fires)

    def test(mem, threshold, events, active, last, now):
        wide_vectors()
        events[mem.size] = fire(0, mem.size, 0, mem, threshold, events, active, last, now)

    return compiled(test)


@functools.cache
def charge_and_fire_kernel(rule: Rule, pauses: bool, fires: Any) -> Any:
    """Return both in one pass over memory, for hosts in which nothing acts between the two."""
    charge, fire = _charging(rule), _firing(fires)

    def advance(
        mem, cur, gain, rest, rate, keep, step, tau, active, last, now, least, threshold, events
    ):
        wide_vectors()
        count = 0
        for start in range(0, mem.size, _BLOCK):
            stop = min(start + _BLOCK, mem.size)
            if active is not None:
                _recover(start, stop, active, last, now, least)
            held = active if pauses else None
            charge(start, stop, mem, cur, held, gain, rest, rate, keep, step, tau)
            count = fire(start, stop, count, mem, threshold, events, active, last, now)
        events[mem.size] = count

    return compiled(advance)
