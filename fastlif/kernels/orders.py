"""The order of a step: what is tested, charged and reset first, and which spike is reported.

Each takes the state that enters a step, its drive, the constants and the parts of a rule, and
returns the state that leaves the step and the spike that the step reports. The state is the
membrane, or the membrane and how long the neuron is still refractory.

================  ==============================  ============================================
order             a spike is tested on, and       the reset
                  reported by the step of
================  ==============================  ============================================
entering          the membrane entering           in that step
at_once           the membrane leaving            in that step
delayed           the membrane leaving            in the next step, where it enters
================  ==============================  ============================================

``entering`` and ``delayed`` have the same membranes; ``delayed`` reports one step earlier.
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
    """Reset before the charge, so that the step's input survives (snnTorch's Leaky)."""
    r = fires(u, c)
    v = charge(reset(u, r, c), x, c)
    return v, fires(v, c)


# snnTorch's reset_delay=False: the membrane that just fired is reset in the same step. A neuron
# that was still above the threshold and now is below gets that second reset undone (d = -1).


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
# While ``left`` is above zero nothing fires. The period starts with the reset: a membrane that is
# reset in step t is refractory in the ``period`` steps after t.


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


# --- spikes within a step: Nengo's LIF ----------------------------------------------------------
# ``left`` is time here. The membrane goes exactly to where the input pulls it in the part of the
# step in which the neuron is not refractory; the time of the spike is where it crossed the
# threshold.


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
