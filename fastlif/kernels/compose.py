"""A neuron's rule: what it is composed of, and how kernels apply it.

To Numba each rule is a type of its own that carries the rule, so the composition is settled before
anything is compiled. A kernel closes over its rule.
"""

import functools
import inspect
import types as python
from collections import namedtuple
from collections.abc import Callable
from typing import Any, NamedTuple

from numba import types
from numba.core.datamodel import models
from numba.core.imputils import lower_constant
from numba.extending import overload, register_model, typeof_impl

from fastlif.kernels.jit import inlined_early
from fastlif.kernels.orders import REFRACTORY, within_step
from fastlif.kernels.rules import CONSTANTS, held, how_often

_PARTS = ("charge", "fires", "reset", "again", "limit", "hold")


class Rule(NamedTuple):
    """The physics of one neuron: parts from rules.py, in an order from orders.py.

    All are module-level functions, so that compiled code can be cached. A part that an order does
    not use stays None.
    """

    drive: Callable[..., Any]
    order: Callable[..., Any]
    charge: Callable[..., Any] | None = None
    fires: Callable[..., Any] | None = None
    reset: Callable[..., Any] | None = None
    again: Callable[..., Any] | None = None
    limit: Callable[..., Any] | None = None
    hold: Callable[..., Any] | None = None
    synapse: Callable[..., Any] | None = None
    states: tuple[str, ...] = ("mem",)  # fields of State: what a neuron carries between steps

    def refractory(self, hold: Callable[..., Any] = held) -> "Rule":
        """Return the same rule with a refractory period in steps."""
        states = ("mem", "refractory", *self.states[1:])
        return self._replace(order=REFRACTORY[self.order], hold=hold, states=states)

    @property
    def several(self) -> bool:
        """Whether one step may have several spikes."""
        return self.fires is how_often

    @property
    def timed(self) -> bool:
        """Whether spikes have times within a step."""
        return self.order is within_step


@functools.cache
def step_of(rule: Rule) -> Any:
    """Return the function ``step(state, x, c)`` of ``rule``, without its synapse.

    Raises if a part is missing or would have no effect.
    """
    used = tuple(inspect.signature(rule.order).parameters)
    given = [name for name in _PARTS if getattr(rule, name) is not None]
    parts = {name: getattr(rule, name) for name in used}
    if "limit" in parts:
        parts["limit"] = rule.limit or unlimited
    if set(given) - set(used) or None in parts.values():
        raise TypeError(f"{rule.order.__name__} needs {used}, and the rule has {given}: {rule}")
    if (rule.synapse is not None) != ("syn" in rule.states):
        raise TypeError(f"a rule has both a synapse and the state 'syn', or neither: {rule}")
    return rule.order(**parts)


@inlined_early
def unlimited(v, s, c):
    """Return the membrane as it is: the limit of a rule that has none."""
    return v


@functools.cache
def constants_of(rule: Rule) -> tuple[str, ...]:
    """Return the names of the constants that ``rule`` reads, in the order of CONSTANTS.

    They are found in the code of its functions and of the functions that these call.
    """
    functions: list[Any] = [rule.drive, rule.synapse, step_of(rule)]
    names: set[str] = set()
    visited: set[Any] = set()
    while functions:
        function = functions.pop()
        if function in visited or not isinstance(function, python.FunctionType):
            continue
        visited.add(function)
        called = function.__code__.co_names  # attributes, among them constants, and globals
        names.update(called)
        functions += [function.__globals__.get(name) for name in called]
        functions += [cell.cell_contents for cell in function.__closure__ or ()]
    return tuple(name for name in CONSTANTS if name in names)


@functools.cache
def constants_class(names: tuple[str, ...]) -> Any:
    """Return the class of a rule's constants: a named tuple."""
    return namedtuple("Constants", names)


# --- in kernels -----------------------------------------------------------------------------------


class _RuleType(types.Type):  # type: ignore[misc]
    """The type of one rule."""

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        names = (getattr(part, "__name__", str(part)) for part in rule)
        super().__init__(f"Rule({', '.join(names)})")

    @property
    def key(self) -> Rule:
        """What tells two types apart: functions of the same name are not the same."""
        return self.rule


register_model(_RuleType)(models.OpaqueModel)


@typeof_impl.register(Rule)
def _typeof_rule(value, context):
    return _RuleType(value)


@lower_constant(_RuleType)
def _lower_rule(context, builder, rule_type, value):
    return context.get_dummy_value()


def drive(rule, i, c):
    """Return the drive of an input."""


@overload(drive)
def _overload_drive(rule, i, c):
    part = rule.rule.drive
    return lambda rule, i, c: part(i, c)


def advance(rule, state, x, c):
    """Return the state that leaves a step and the spikes that the step reports."""


@overload(advance)
def _overload_advance(rule, state, x, c):
    step, synapse = step_of(rule.rule), rule.rule.synapse
    if synapse is None:
        return lambda rule, state, x, c: step(state, x, c)

    def with_synapse(rule, state, x, c):
        now, syn = synapse(state[-1], x, c)
        rest, s = step(state[:-1], now, c)
        return rest + (syn,), s  # noqa: RUF005 - Numba cannot unpack a tuple here

    return with_synapse
