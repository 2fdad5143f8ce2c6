"""A step in parts, for simulators that act on the membrane between integration, test and reset.

Such a host applies the reset itself, and stores the time of the last spike of each neuron instead
of the rest of its refractory period. All arrays are contiguous, and the caller has checked them.
"""

import functools
from typing import Any

import numpy as np
from numba import types
from numba.extending import overload

from fastlif.kernels.compose import Rule, constants_class
from fastlif.kernels.jit import (
    as_computed,
    compiled,
    inlined,
    select,
    wide_vectors,
)
from fastlif.kernels.rules import CONSTANTS

# The constants that a charge may read here. Each is a number, or an array of one value per neuron.
NAMES = ("gain", "rest", "rate", "keep", "step", "tau")
_Constants = constants_class(tuple(name for name in CONSTANTS if name in (*NAMES, "threshold")))
# Neurons that are tested for a spike together. As a constant, because loops of unknown length
# take twice as long to begin and to end.
_CHUNK = 64


# --- what may be absent or shared -----------------------------------------------------------------


def _item(values, j):
    """Return neuron ``j``'s value of what is an array, or one number for all."""


@overload(_item)
def _overload_item(values, j):
    if isinstance(values, types.Array):
        return lambda values, j: values[j]
    return lambda values, j: values


def _recovered(active, last, j, now, least):
    """Return and store whether neuron ``j`` is active: always, if no neuron is ever refractory."""


@overload(_recovered)
def _overload_recovered(active, last, j, now, least):
    if isinstance(active, types.NoneType):
        return lambda active, last, j, now, least: True

    def recovered(active, last, j, now, least):
        ready = now - last[j] >= _item(least, j)
        active[j] = ready
        return ready

    return recovered


def _is_active(active, j):
    """Return whether neuron ``j`` is active."""


@overload(_is_active)
def _overload_is_active(active, j):
    if isinstance(active, types.NoneType):
        return lambda active, j: True
    return lambda active, j: active[j]


def _fired(active, last, j, now):
    """Note that neuron ``j`` fired ``now``."""


@overload(_fired)
def _overload_fired(active, last, j, now):
    if isinstance(active, types.NoneType):
        return lambda active, last, j, now: None

    def fired(active, last, j, now):
        active[j] = False
        last[j] = now

    return fired


# --- one neuron -----------------------------------------------------------------------------------


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


def _charge_of(rule, pauses):
    drive, charge = rule.drive, rule.charge

    @inlined
    def integrate(j, mem, cur, c, active):
        u = mem[j]
        b = charge(u, drive(_item(cur, j), c), c)
        b = as_computed(select(active, b, u) if pauses else b)
        mem[j] = b
        return b

    return integrate


def _collect_of(fires):
    """Return the function that adds the neurons that fire to the events, one after the other."""

    @inlined
    def collect(start, stop, count, mem, threshold, events, active, last, now):
        for k in range(start, stop):
            j = np.uintp(k)
            c = _constants_at(j, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, threshold)
            if fires(mem[j], c) and _is_active(active, j):
                events[count] = k
                count += 1
                _fired(active, last, j, now)
        return count

    return collect


# --- kernels --------------------------------------------------------------------------------------
# ``active`` and ``last`` are None in a group without refractory periods, and ``least`` is not read.


@functools.cache
def charge_kernel(rule: Rule, pauses: bool) -> Any:
    """Return ``charge(mem, cur, *constants, active, last, now, least)``.

    A neuron is active if at least the time ``least`` has passed since its last spike. With
    ``pauses``, neurons that are not active keep their membrane. ``constants`` are those in NAMES.
    """
    charge = _charge_of(rule, pauses)

    def integrate(mem, cur, gain, rest, rate, keep, step, tau, active, last, now, least):
        wide_vectors()
        for k in range(mem.size):
            j = np.uintp(k)
            c = _constants_at(j, gain, rest, rate, keep, step, tau, 0.0)
            charge(j, mem, cur, c, _recovered(active, last, j, now, least))

    return compiled(integrate)


@functools.cache
def fire_kernel(fires: Any) -> Any:
    """Return ``fire(mem, threshold, events, active, last, now)``: the test for spikes.

    The indices of the neurons that fire are the first items of ``events``, and their number is the
    last one. Only active neurons fire; they become inactive, and ``now`` is their last spike.
    """
    collect = _collect_of(fires)

    def test(mem, threshold, events, active, last, now):
        wide_vectors()
        count, size = 0, mem.size
        whole = size - size % _CHUNK
        for start in range(0, whole, _CHUNK):
            some = 0
            for k in range(_CHUNK):
                j = np.uintp(start + k)
                c = _constants_at(j, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, threshold)
                some += fires(mem[j], c) & _is_active(active, j)
            if some:
                stop = start + _CHUNK
                count = collect(start, stop, count, mem, threshold, events, active, last, now)
        count = collect(whole, size, count, mem, threshold, events, active, last, now)
        events[size] = count

    return compiled(test)


@functools.cache
def charge_and_fire_kernel(rule: Rule, pauses: bool, fires: Any) -> Any:
    """Return both in one pass over memory, for hosts in which nothing acts between the two."""
    charge, collect = _charge_of(rule, pauses), _collect_of(fires)

    @inlined
    def advance_one(
        j, mem, cur, gain, rest, rate, keep, step, tau, active, last, now, least, threshold
    ):
        c = _constants_at(j, gain, rest, rate, keep, step, tau, threshold)
        ready = _recovered(active, last, j, now, least)
        return fires(charge(j, mem, cur, c, ready), c) & ready

    def advance(
        mem, cur, gain, rest, rate, keep, step, tau, active, last, now, least, threshold, events
    ):
        wide_vectors()
        count, size = 0, mem.size
        whole = size - size % _CHUNK
        for start in range(0, whole, _CHUNK):
            some = 0
            for k in range(_CHUNK):
                some += advance_one(
                    np.uintp(start + k), mem, cur, gain, rest, rate, keep, step, tau,
                    active, last, now, least, threshold,
                )  # fmt: skip
            if some:
                stop = start + _CHUNK
                count = collect(start, stop, count, mem, threshold, events, active, last, now)
        for k in range(whole, size):
            advance_one(
                np.uintp(k), mem, cur, gain, rest, rate, keep, step, tau,
                active, last, now, least, threshold,
            )  # fmt: skip
        count = collect(whole, size, count, mem, threshold, events, active, last, now)
        events[size] = count

    return compiled(advance)
