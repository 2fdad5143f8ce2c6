"""How kernels apply a rule: one name for each thing they do, specialized by the rule.

To numba each rule is a type of its own, which carries the rule: what it is put together from is
settled before anything is compiled. A kernel closes over its rule.
"""

from numba import types
from numba.core.datamodel import models
from numba.extending import overload, register_model, typeof_impl

from fastlif.kernels.rules import Rule


class _RuleType(types.Dummy):  # type: ignore[misc]
    """The type of one rule."""

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        names = (getattr(part, "__name__", str(part)) for part in rule)
        super().__init__(f"Rule({', '.join(names)})")


register_model(_RuleType)(models.OpaqueModel)


@typeof_impl.register(Rule)
def _typeof_rule(value, context):
    return _RuleType(value)


def drive(rule, i, c):
    """Return the drive of an input."""


@overload(drive)
def _overload_drive(rule, i, c):
    part = rule.rule.drive
    return lambda rule, i, c: part(i, c)


def advance(rule, state, x, c):
    """Return the state that leaves a step, and the spike that the step reports."""


@overload(advance)
def _overload_advance(rule, state, x, c):
    _, charge, fires, reset, order, limit, synapse, meanwhile, _ = rule.rule
    if synapse is None:

        def step(rule, state, x, c):
            return order(state, x, c, charge, fires, reset, limit, meanwhile)

    elif len(rule.rule.states) == 2:

        def step(rule, state, x, c):
            now, syn = synapse(state[1], x, c)
            u, s = order(state[0], now, c, charge, fires, reset, limit, meanwhile)
            return (u, syn), s

    else:

        def step(rule, state, x, c):
            now, syn = synapse(state[2], x, c)
            (u, left), s = order(state[:2], now, c, charge, fires, reset, limit, meanwhile)
            return (u, left, syn), s

    return step


def membrane_of(state):
    """Return the membrane of a state."""


@overload(membrane_of)
def _overload_membrane_of(state):
    if isinstance(state, types.BaseTuple):
        return lambda state: state[0]
    return lambda state: state
