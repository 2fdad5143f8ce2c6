"""What a population carries from one step to the next."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from fastlif.checks import Numbers, numbers


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


class Entering(NamedTuple):
    """The state that enters a step or a run, checked."""

    arrays: dict[str, Numbers]  # by the names of State's fields
    given: list[tuple[object, Numbers]]  # what the user gave, and the same as an array

    def shapes(self, argument: str) -> list[tuple[str, tuple[int, ...]]]:
        """Return the arrays' shapes with what the user knows them as."""
        return [
            (argument if name == "mem" else f"{argument}.{name}", array.shape)
            for name, array in self.arrays.items()
        ]


def entering(argument: str, value: Any, names: Sequence[str], resting: Any) -> Entering:
    """Return the state that a neuron starts from, which keeps what is in ``names``.

    What is not given is the neuron at rest: it has no say in the dtype.
    """
    state = value if isinstance(value, State) else State(value)
    arrays, given = {}, []
    for name, field in state._asdict().items():
        label = argument if name == "mem" else f"{argument}.{name}"
        if name not in names:
            if field is not None:
                raise ValueError(
                    f"{label} is given, but this neuron keeps only {' and '.join(names)}"
                )
        elif field is None:
            arrays[name] = np.asarray(resting if name == "mem" else 0)
        else:
            arrays[name] = numbers(label, field)
            given.append((field, arrays[name]))
    return Entering(arrays, given)


def leaving(names: Sequence[str], population: tuple[int, ...], dtype: np.dtype[Any]) -> State:
    """Return a state to be filled."""
    return State(**{name: np.empty(population, dtype) for name in names})
