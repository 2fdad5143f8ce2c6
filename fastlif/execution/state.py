"""What a population carries from one step to the next."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from fastlif.checks import Numbers


class State(NamedTuple):
    """What a population carries from one step to the next.

    Each is of the population's shape, in the run's dtype; None where the neuron keeps no such
    thing.

    Attributes
    ----------
    mem : numpy.ndarray
        The membrane potentials.
    refractory : numpy.ndarray or None
        How many steps each neuron will still be refractory; of neurons whose spikes fall between
        steps, how much time, reckoned from the start of the last step.
    syn : numpy.ndarray or None
        The synaptic currents.
    """

    mem: Numbers
    refractory: Numbers | None = None
    syn: Numbers | None = None


def fields_of(argument: str, value: Any, names: Sequence[str]) -> list[Any]:
    """Return the variables ``names`` of a state or a membrane; None for those not given."""
    if value is None:
        return [None] * len(names)
    if not isinstance(value, State):
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
