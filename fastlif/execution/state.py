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
    noise : numpy.ndarray or None
        State of the noise that drives the population, one row per source that has a state:
        ``(sources, *population)``. A run without such a source ignores it.
    steps : int
        Number of steps since the state was created. Sources generate the input of this step next.
        A single step with ``out=(spk, State(...))`` writes into the arrays of that State and
        returns a State of the same arrays that counts the step; the State in ``out`` itself cannot
        change. A single step that returns a membrane, an array, counts nothing.
    """

    mem: Numbers
    refractory: Numbers | None = None
    syn: Numbers | None = None
    noise: Numbers | None = None
    steps: int = 0


VARIABLES = ("mem", "refractory", "syn")  # the fields that a neuron updates


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
    given = {name: getattr(value, name) for name in VARIABLES}
    fields = [given.pop(name) for name in names]
    for name, field in given.items():
        if field is not None:
            raise ValueError(
                f"{argument}.{name} is given, but this neuron has only {' and '.join(names)}"
            )
    return fields


def steps_after(state: Any) -> int:
    """Return the number of steps after one more than a state, or an array, has taken."""
    return state.steps + 1 if isinstance(state, State) else 1


def counted(state: State, steps: int) -> State:
    """Return a state of the same arrays after so many steps; faster than ``_replace``."""
    return State(*state[:-1], steps)


def label_of(argument: str, name: str) -> str:
    """Return what the user knows a state variable of ``argument`` as."""
    return argument if name == "mem" else f"{argument}.{name}"


def state_of(names: Sequence[str], arrays: Sequence[Numbers], steps: int) -> State:
    """Return the state with these variables after so many steps."""
    return State(**dict(zip(names, arrays, strict=True)), steps=steps)
