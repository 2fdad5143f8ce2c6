"""The order of a step: what is tested, charged and reset first, and which spike is reported.

An order takes parts of a rule, by their names, and returns the function ``step(state, x, c)`` that
applies them: to the state that enters a step, its drive and the constants. This function returns
the state that leaves the step and the spikes that the step reports. The state is a tuple: the
membrane, and with a refractory period the time that is left.

================  ==============================  ============================================
order             a spike is tested on, and       the reset happens
                  reported by the step of
================  ==============================  ============================================
entering          the membrane entering           in that step
at_once           the membrane leaving            in that step
delayed           the membrane leaving            in the next step, where it enters
================  ==============================  ============================================

``entering`` and ``delayed`` have the same membranes; ``delayed`` reports one step earlier.
"""

import numpy as np

from fastlif.kernels.elementary import expm1, log1p
from fastlif.kernels.jit import inlined, separate
from fastlif.kernels.rules import relaxed_by, zero


def entering(charge, fires, reset, limit):
    @inlined
    def step(state, x, c):
        (u,) = state
        s = fires(u, c)
        return (limit(reset(charge(u, x, c), s, c), s, c),), s

    return step


def at_once(charge, fires, reset, limit):
    @inlined
    def step(state, x, c):
        (u,) = state
        b = charge(u, x, c)
        s = fires(b, c)
        return (limit(reset(b, s, c), s, c),), s

    return step


def delayed(charge, fires, reset, limit):
    # Not made of ``entering``: LLVM would then keep spikes as bytes, and take 3 cycles more a step.
    @inlined
    def step(state, x, c):
        (u,) = state
        r = fires(u, c)
        v = limit(reset(charge(u, x, c), r, c), r, c)
        return (v,), fires(v, c)

    return step


def delayed_before_charge(charge, fires, reset):
    """Reset before the charge, so that the step's input survives (snnTorch's Leaky)."""

    @inlined
    def step(state, x, c):
        (u,) = state
        v = charge(reset(u, fires(u, c), c), x, c)
        return (v,), fires(v, c)

    return step


# snnTorch's reset_delay=False: the membrane that fires is reset in the same step. If a neuron was
# above the threshold before the step and is not after it, this second reset is undone (d = -1).


def snntorch_at_once(charge, fires, reset, again, limit):
    return _with_second_reset(delayed(charge, fires, reset, limit), fires, again)


def snntorch_at_once_before_charge(charge, fires, reset, again):
    return _with_second_reset(delayed_before_charge(charge, fires, reset), fires, again)


def _with_second_reset(first, fires, again):
    @inlined
    def step(state, x, c):
        before = fires(state[0], c)
        (v,), s = first(state, x, c)
        return (again(v, np.int8(s) - np.int8(before), c),), s

    return step


# --- with a refractory period, in steps ---------------------------------------------------------
# A neuron cannot fire while ``left`` is above zero. The period starts with the reset: a membrane
# that is reset in step t is refractory in the ``period`` steps after t.


@inlined
def _left(left, r, c):
    one = type(left)(1)
    return c.period if r else (left - one if left > one else zero(left))


def refractory_entering(charge, fires, reset, limit, hold):
    @inlined
    def step(state, x, c):
        u, left = state
        active = not left > zero(left)
        s = fires(u, c) and active
        v = limit(reset(charge(u, x, c), s, c), s, c)
        return (hold(u, v, active), _left(left, s, c)), s

    return step


def refractory_at_once(charge, fires, reset, limit, hold):
    @inlined
    def step(state, x, c):
        u, left = state
        active = not left > zero(left)
        b = charge(u, x, c)
        s = fires(b, c) and active
        v = limit(reset(b, s, c), s, c)
        return (hold(u, v, active), _left(left, s, c)), s

    return step


def refractory_delayed(charge, fires, reset, limit, hold):
    enter = refractory_entering(charge, fires, reset, limit, hold)

    @inlined
    def step(state, x, c):
        (v, left), _ = enter(state, x, c)
        return (v, left), fires(v, c) and not left > zero(left)

    return step


REFRACTORY = {
    entering: refractory_entering,
    at_once: refractory_at_once,
    delayed: refractory_delayed,
}


# --- spikes within a step: Nengo's LIF ----------------------------------------------------------
# Here ``left`` is a time. In the part of the step in which the neuron is not refractory, the
# membrane moves exactly towards the target of the input. The time of the spike is the time at
# which the membrane crossed the threshold.


@inlined
def _expm1(x):
    separate()
    return expm1(np.float64(x))


@inlined
def _log1p(x):
    separate()
    return log1p(np.float64(x))


def within_step(fires, reset, limit):
    @inlined
    def step(state, x, c):
        u, left = state
        left = left - c.step
        free = c.step - left
        if free >= c.step:
            rate = c.rate  # 1 - exp(-dt/tau)
        elif free > zero(u):
            rate = -type(u)(_expm1(-free / c.tau))
        else:
            rate = zero(u)
        v = relaxed_by(u, x, rate)
        s = fires(v, c)
        if s:
            theta = c.threshold
            late = type(u)(_log1p(-(v - theta) / (x - theta)))
            left = c.period + (c.step + c.tau * late)
        return (reset(limit(v, s, c), s, c), left), s

    return step


@inlined
def offset_within_step(state, c):
    """Return when in the last step a neuron fired, as a fraction of the step.

    ``state`` left the step. The number is clipped, because a membrane that entered the step above
    the threshold crossed it outside the step (or never: then ``left`` is NaN, and the result 0).
    """
    offset = (np.float64(state[1]) - np.float64(c.period)) / np.float64(c.step)
    return min(offset, 1.0) if offset > 0.0 else 0.0
