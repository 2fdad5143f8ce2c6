"""What a population carries from one step to the next."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from fastlif.checks import Numbers


class State(NamedTuple):
    """The state of a population between two steps.

    All arrays have the population's shape and the dtype of the run. Fields that a neuron does not
    have are None.

    Attributes
    ----------
    mem : numpy.ndarray
        Membrane potentials.
    refractory : numpy.ndarray or None
        Number of remaining refractory steps. For neurons whose spikes have times within a step:
        remaining refractory time, counted from the beginning of the last step.
    syn : numpy.ndarray or None
        Synaptic currents.
    """

    mem: Numbers
    refractory: Numbers | None = None
    syn: Numbers | None = None


def fields_of(argument: str, value: Any, names: Sequence[str]) -> list[Any]:
    """Return the variables ``names`` of a state or a membrane; None for those not given."""
    if value is None:
        return [None] * len(names)
    if not isinstance(value, State):
        if hasattr(value, "final"):
            raise TypeError(
                f"{argument} must be a State or an array, got a Run; pass its final state"
            )
        return [value, *[None] * (len(names) - 1)]
    given = value._asdict()
    fields = [given.pop(name) for name in names]
    for name, field in given.items():
        if field is not None:
            raise ValueError(
                f"{argument}.{name} is given, but this neuron has only {' and '.join(names)}"
            )
    return fields


def label_of(argument: str, name: str) -> str:
    """Return what the user knows a state variable of ``argument`` as."""
    return argument if name == "mem" else f"{argument}.{name}"


def state_of(names: Sequence[str], arrays: Sequence[Numbers]) -> State:
    """Return the state with these variables."""
    return State(**dict(zip(names, arrays, strict=True)))
