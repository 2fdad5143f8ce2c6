"""A neuron's physics as a value: what the layers below need to know of it."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from fastlif.checks import Numbers, Parameter
from fastlif.kernels.compose import Rule, constants_of

_MAY_BE_INFINITE = ("threshold", "minimum")
_MAY_VANISH = ("keep", "decay")  # what remains after a step of many time constants

Block: TypeAlias = tuple[slice, ...]  # a part of a population: one slice for each of its axes


def part_of(values: Any, block: Block, leading: int = 0) -> Any:
    """Return what belongs to a block of the population with which an array broadcasts.

    ``leading`` is the number of axes before those of the population. Numbers remain numbers.
    """
    shape = np.shape(values)[leading:]
    if not shape:
        return values
    own = block[len(block) - len(shape) :]
    index = [where if size > 1 else slice(None) for size, where in zip(shape, own, strict=True)]
    return values[(slice(None),) * leading + tuple(index)]


class Constants(NamedTuple):
    """The constants of a rule in one dtype, in the order in which it reads them."""

    shared: Numbers | None  # one value of each, if all neurons share them
    each: tuple[Numbers, ...]  # arrays that broadcast to the population


class Model:
    """The physics of a population of neurons.

    Attributes
    ----------
    rule : Rule
        What a step does.
    names : tuple of str
        The names of the constants that the rule reads.
    resting : float or array_like
        The membrane from which a run starts by default.
    shapes : tuple of (str, tuple of int)
        The names and shapes of the parameters that are arrays.
    float_spikes : bool
        Whether spikes are stored as 0.0 and 1.0 in the state's dtype, as some hosts need them.
    """

    def __init__(
        self,
        rule: Rule,
        derive: Callable[[np.dtype[Any]], Mapping[str, Any]],
        resting: Parameter,
        shapes: tuple[tuple[str, tuple[int, ...]], ...],
        describe: Callable[[], str],
        float_spikes: bool = False,
    ) -> None:
        self.rule, self.resting, self.shapes = rule, resting, shapes
        self.float_spikes = float_spikes
        self._derive, self._describe = derive, describe
        self._constants: dict[np.dtype[Any], Constants] = {}
        self.names = constants_of(rule)
        with np.errstate(all="ignore"):
            derived = derive(np.dtype(np.float64))
        absent = [name for name in self.names if derived.get(name) is None]
        if absent:
            raise TypeError(f"{describe()} does not derive the constants {absent}")

    def __repr__(self) -> str:
        return self._describe()

    def constants(self, dtype: np.dtype[Any]) -> Constants:
        """Return the rule's constants in the state's dtype.

        Raises
        ------
        ValueError
            If the dtype cannot hold one of them.
        """
        if dtype not in self._constants:
            self._constants[dtype] = self._checked(dtype)
        return self._constants[dtype]

    def of_block(self, block: Block, dtype: np.dtype[Any]) -> "Model":
        """Return the model of a block of the population, for states of ``dtype`` only.

        The rule is that of the whole population, which may have parts that the block does not need.
        """
        parts = {
            name: part_of(constant, block)
            for name, constant in zip(self.names, self.constants(dtype).each, strict=True)
        }
        template = np.empty((), np.bool_)
        shapes = tuple(
            (name, part_of(np.broadcast_to(template, shape), block).shape)
            for name, shape in self.shapes
        )
        return Model(
            self.rule, partial(_as_derived, parts), part_of(self.resting, block), shapes,
            partial(str, self._describe()), self.float_spikes,
        )  # fmt: skip

    def _checked(self, dtype: np.dtype[Any]) -> Constants:
        arrays = []
        with np.errstate(all="ignore"):
            derived = self._derive(dtype)
            for name in self.names:
                array = np.asarray(derived[name], dtype)
                finite = np.isfinite(array)
                vanished = name not in _MAY_VANISH and ((array == 0) & (derived[name] != 0)).any()
                as_given = name in _MAY_BE_INFINITE and np.array_equal(
                    finite, np.isfinite(derived[name])
                )
                if vanished or not (finite.all() or as_given):
                    raise ValueError(
                        f"{dtype} cannot hold the constants of {self._describe()}: {name} is too "
                        "large or too small; choose other units, or give the current in float64"
                    )
                arrays.append(array)
        shared = None
        if all(array.size == 1 for array in arrays):
            shared = np.array([array.item() for array in arrays], dtype)
        return Constants(shared, tuple(arrays))


def _as_derived(constants: dict[str, Numbers], dtype: np.dtype[Any]) -> dict[str, Numbers]:
    """Return constants that were derived before: with partial, a function that can be pickled."""
    return constants
