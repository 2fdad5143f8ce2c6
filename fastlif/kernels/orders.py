"""The order of operations in a step: test, integration and reset, and which spike is reported.

Each function takes the state entering a step, the drive, the constants and the parts of a rule. It
returns the state leaving the step and the spike that the step reports. The state is the membrane,
or the membrane and the remaining refractory period.

================  ==============================  ============================================
order             the step tests and reports a    the reset follows
                  spike of
================  ==============================  ============================================
entering          the membrane entering it        in that step
at_once           the membrane leaving it         in that step
delayed           the membrane leaving it         in the next step, which it enters
================  ==============================  ============================================

``entering`` and ``delayed`` have identical membranes; ``delayed`` reports a spike one step earlier.
"""

import math

from fastlif.kernels.jit import rule
from fastlif.kernels.rules import PERIOD, RATE, STEP, TAU, THRESHOLD, zero


@rule
def entering(u, x, c, charge, fires, reset, limit, meanwhile):
    s = fires(u, c)
    return limit(reset(charge(u, x, c), s, c), s, c), s


@rule
def at_once(u, x, c, charge, fires, reset, limit, meanwhile):
    b = charge(u, x, c)
    s = fires(b, c)
    return limit(reset(b, s, c), s, c), s


@rule
def delayed(u, x, c, charge, fires, reset, limit, meanwhile):
    r = fires(u, c)
    v = limit(reset(charge(u, x, c), r, c), r, c)
    return v, fires(v, c)


@rule
def delayed_before_charge(u, x, c, charge, fires, reset, limit, meanwhile):
    """Reset before integrating, so that the input of the step is kept (snnTorch's Leaky)."""
    r = fires(u, c)
    v = charge(reset(u, r, c), x, c)
    return v, fires(v, c)


# snnTorch's reset_delay=False: a membrane that fires is reset in the same step. If a neuron was
# above the threshold before the step and is not after it, its second reset is undone (d = -1).


@rule
def snntorch_at_once(u, x, c, charge, fires, reset, limit, meanwhile):
    before = fires(u, c)
    v, s = delayed(u, x, c, charge, fires, reset, limit, meanwhile)
    once = v - c[THRESHOLD] if s and not before else v
    return (v + c[THRESHOLD] if before and not s else once), s


@rule
def snntorch_to_zero_at_once(u, x, c, charge, fires, reset, limit, meanwhile):
    before = fires(u, c)
    v, s = delayed_before_charge(u, x, c, charge, fires, reset, limit, meanwhile)
    once = v - (s and not before) * v
    return (v + v if before and not s else once), s


# --- with a refractory period, in steps ---------------------------------------------------------
# A neuron cannot fire while ``left`` is positive. The period begins with the reset: a membrane that
# is reset in step t is refractory in the ``period`` steps after t.


@rule
def _left(left, r, c):
    one = type(left)(1)
    return c[PERIOD] if r else (left - one if left > one else zero(left))


@rule
def refractory_entering(state, x, c, charge, fires, reset, limit, meanwhile):
    u, left = state
    active = not left > zero(left)
    s = fires(u, c) and active
    v = limit(reset(charge(u, x, c), s, c), s, c)
    return (meanwhile(u, v, active), _left(left, s, c)), s


@rule
def refractory_at_once(state, x, c, charge, fires, reset, limit, meanwhile):
    u, left = state
    active = not left > zero(left)
    b = charge(u, x, c)
    s = fires(b, c) and active
    v = limit(reset(b, s, c), s, c)
    return (meanwhile(u, v, active), _left(left, s, c)), s


@rule
def refractory_delayed(state, x, c, charge, fires, reset, limit, meanwhile):
    (v, left), _ = refractory_entering(state, x, c, charge, fires, reset, limit, meanwhile)
    return (v, left), fires(v, c) and not left > zero(left)


# --- spike times within a step: Nengo's LIF -----------------------------------------------------
# Here, ``left`` is a time. The integration is exact over the part of the step in which the neuron
# is not refractory. The time of a spike is the time at which the membrane crosses the threshold.


@rule
def within_step(state, x, c, charge, fires, reset, limit, meanwhile):
    u, left = state
    left = left - c[STEP]
    free = c[STEP] - left
    if free >= c[STEP]:
        share = c[RATE]  # expm1(-dt/tau)
    elif free > zero(u):
        share = math.expm1(-free / c[TAU])
    else:
        share = zero(u)
    v = u - (x - u) * share
    s = fires(v, c)
    if s:
        theta = c[THRESHOLD]
        left = c[PERIOD] + (c[STEP] + c[TAU] * math.log1p(-(v - theta) / (x - theta)))
    return (reset(limit(v, s, c), s, c), left), s
