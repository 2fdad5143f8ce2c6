"""The physics: what one neuron does in one step. Each equation stands here and nowhere else.

A rule is put together from small scalar functions, which the kernels inline:

- ``drive(i, c)``: the input's part of the update, which does not depend on the membrane, so that
  a constant input's is computed once;
- ``synapse(syn, x, c)``: the current that the membrane gets, and the synapse's own after the step;
- ``charge(u, x, c)``: the membrane ``u`` after a step's integration of the drive ``x``;
- ``fires(u, c)``: the spikes of a membrane: a bool, or how many;
- ``reset(b, s, c)``: the charged membrane ``b`` after ``s`` spikes;
- ``limit(v, s, c)``: a floor under it, if there is one;
- ``order``, in orders.py: which of these comes first, and which spike is reported.

``peers.py`` is the table of what is put together from them. ``c`` holds the neuron's constants,
by the names below. The order of the operations is a contract: it gives the bits of the sources.

Two ways of writing the same thing are told apart with care. ``b - (theta if s else 0)`` is
``b - s*theta``, but also holds for an infinite threshold (``0*inf`` is NaN), and compiles to an
AND. ``b - s*b`` stays a product: it is what the source does to an infinite membrane.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from fastlif.kernels.jit import rule

# What a neuron's constants are called, and where they stand in ``c``.
CONSTANTS = (
    "threshold",
    "gain",  # of the input: a resistance, or what a step makes of it
    "rate",  # the part of the way to its target that the membrane goes in a step
    "keep",  # the part of the membrane that a step leaves
    "step",  # the time step
    "rest",  # resting potential, or a current that always flows
    "tau",  # membrane time constant
    "reset",  # what a spike resets to, or by
    "floor",
    "period",  # how long a neuron is refractory
    "decay",  # of the synapse
    "most",  # how many spikes a step may have
    "weight",  # of the input, before the synapse
)
THRESHOLD, GAIN, RATE, KEEP, STEP, REST, TAU, RESET, FLOOR, PERIOD, DECAY, MOST, WEIGHT = range(13)


@rule
def zero(u):
    """Return 0 in the dtype of ``u``."""
    return type(u)(0)


# --- drive: x from the input i ------------------------------------------------------------------


@rule
def raw(i, c):
    return i


@rule
def times_gain(i, c):
    return i * c[GAIN]


@rule
def to_target(i, c):
    return c[REST] + i * c[GAIN]


@rule
def plus_rest(i, c):
    return i + c[REST]


@rule
def with_rest_times_gain(i, c):
    return c[GAIN] * (i + c[REST])


@rule
def weighted(i, c):
    return i * c[WEIGHT]


@rule
def rectified(i, c):
    return (i if i > zero(i) else zero(i)) * c[STEP]


@rule
def lapicque_drive(i, c):
    return i * c[GAIN] * c[RATE] * c[STEP]  # i*R*(1/(R*C))*dt


# --- synapse: the current now, and the synapse's own after the step -----------------------------


@rule
def used_then_leaks(syn, x, c):
    now = syn + x
    return now, now + c[DECAY] * now


@rule
def leaks_then_used(syn, x, c):
    now = c[DECAY] * (syn + x)
    return c[GAIN] * now, now


@rule
def filtered(syn, x, c):
    now = syn + c[DECAY] * (x - syn)
    return c[GAIN] * now + c[REST], now


# --- charge: b from u and x ---------------------------------------------------------------------


@rule
def relaxed(u, x, c):
    return u + c[RATE] * (x - u)  # Euler: rate = dt/tau; exact: 1 - exp(-dt/tau)


@rule
def relaxed_to_rest(u, x, c):
    return u + c[RATE] * ((c[REST] - u) + x)


@rule
def relaxed_by_division(u, x, c):
    return u + c[STEP] * (x - u) / c[TAU]


@rule
def leaked_and_jumped(u, x, c):
    return u + c[RATE] * (c[REST] - u) + x


@rule
def divided(u, x, c):
    return u + (x - (u - c[REST])) / c[TAU]


@rule
def divided_and_jumped(u, x, c):
    return u - (u - c[REST]) / c[TAU] + x


@rule
def kept(u, x, c):
    return c[KEEP] * u + x


@rule
def kept_with_rest(u, x, c):
    return c[KEEP] * u + x + c[REST]


@rule
def kept_then_jumped(u, x, c):
    return c[REST] + c[KEEP] * u + x


# Brian2's exact integration, as its algebra writes it with tau, v_rest and R all numbers, and with
# one of each a neuron.


@rule
def brian2_exact(u, x, c):
    return c[REST] + (x + c[KEEP] * u - c[KEEP] * (c[REST] + x))


@rule
def brian2_exact_each(u, x, c):
    return x + c[KEEP] * u + c[REST] - (x + c[REST]) * c[KEEP]


# --- fires --------------------------------------------------------------------------------------


@rule
def above(u, c):
    return u > c[THRESHOLD]


@rule
def reached(u, c):
    return u >= c[THRESHOLD]


@rule
def how_often(u, c):
    times = np.floor(u / c[THRESHOLD])
    most = times if times < c[MOST] else c[MOST]
    return np.int32(most if u >= c[THRESHOLD] else zero(u))


# --- reset: v from b, after spikes s ------------------------------------------------------------


@rule
def by_threshold(b, s, c):
    return b - (c[THRESHOLD] if s else zero(b))


@rule
def by_amount(b, s, c):
    return b - (c[RESET] if s else zero(b))


@rule
def by_each_threshold(b, s, c):
    return b - type(b)(s) * c[THRESHOLD]


@rule
def to_value(b, s, c):
    return c[RESET] if s else b


@rule
def to_zero(b, s, c):
    return b - s * b


@rule
def emptied(b, s, c):
    return (not s) * b


@rule
def not_reset(b, s, c):
    return b


# --- limit --------------------------------------------------------------------------------------


@rule
def unlimited(v, s, c):
    return v


@rule
def floored(v, s, c):
    return c[FLOOR] if v < c[FLOOR] else v


@rule
def floored_unless_reset(v, s, c):
    return c[FLOOR] if v < c[FLOOR] and not s else v


@rule
def floored_by_difference(v, s, c):
    beyond = v - c[FLOOR]
    return (beyond if beyond > zero(v) else zero(v)) + c[FLOOR]


# --- meanwhile: the membrane, where a neuron is active or not, from what it was and would be ----


@rule
def held(u, v, active):
    # Adding zero is not nothing, or the compiler would see that what was loaded is stored again,
    # and write with a mask: that takes several times as long.
    return (v if active else u) + zero(u)


@rule
def integrated(u, v, active):
    return v


class Rule(NamedTuple):
    """One neuron's physics. Module-level functions, so that compiled code can be cached."""

    drive: Callable
    charge: Callable
    fires: Callable
    reset: Callable
    order: Callable
    limit: Callable = unlimited
    synapse: Callable | None = None
    meanwhile: Callable = held
    refractory: bool = False  # whether ``order`` counts how long a neuron remains refractory

    @property
    def states(self) -> tuple[str, ...]:
        """What a neuron carries from step to step, by the names of State's fields."""
        names = ("mem", "refractory" if self.refractory else "", "syn" if self.synapse else "")
        return tuple(name for name in names if name)
