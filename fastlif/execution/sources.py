"""Inputs that are generated during a run: sources, their sums, and arrays and numbers in sums."""

from __future__ import annotations

import abc
import copy
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from fastlif.checks import Numbers, common_shape, described, numbers, parameter, real_dtype, whole
from fastlif.execution.blocks import flattened
from fastlif.execution.bound_source import Bound, Compiled, slots_of
from fastlif.execution.memory import ensure_readable
from fastlif.kernels.layout import WIDTH
from fastlif.kernels.sources.calls import sampler, scratch_items
from fastlif.kernels.sources.given import constant, weighted
from fastlif.kernels.sources.sums import total
from fastlif.model import Block, part_of

_MOST_STEPS = 2**62


class Source(abc.ABC):
    """An input that is generated while a run goes on.

    Sources, arrays and numbers can be added. An array has time as axis 0. A vector broadcasts as in
    NumPy: to the neurons, or to the steps of a single neuron.

    Attributes
    ----------
    dtype : numpy.dtype
        float64 if a parameter that becomes a part of the current is an array of float64.
    rows : int or None
        The number of steps, if it contains an array of currents.
    noises : int
        The number of its state variables.
    """

    _parameters: tuple[str, ...] = ()  # attributes: numbers, or arrays over the population
    dtype: np.dtype[Any] = np.dtype(np.float32)
    rows: int | None = None
    noises: int = 0
    __array_ufunc__ = None  # an array to which a source is added leaves it to the source

    @property
    def shapes(self) -> tuple[tuple[str, tuple[int, ...]], ...]:
        """The names and shapes of the parameters, without an axis of time."""
        return tuple(
            (name, np.shape(getattr(self, name))[self._times(name) :]) for name in self._parameters
        )

    @property
    def arrays(self) -> tuple[Numbers, ...]:
        """The arrays over time that it reads during a run, which the user may own."""
        return ()

    def of_block(self, block: Block, origin: int) -> Source:
        """Return the source of a block of the population: the same numbers, for these neurons.

        The block is contiguous in the flattened population, and ``origin`` is the index of its
        first neuron there.
        """
        source = copy.copy(self)
        for name in self._parameters:
            part = part_of(getattr(self, name), block, self._times(name))
            setattr(source, name, part)
        return source

    def of_steps(self, begin: int, end: int) -> Source:
        """Return the source for the steps ``begin:end`` of a run, which are a run of their own."""
        return self

    def _times(self, name: str) -> int:
        """Return the number of axes of time that a parameter has."""
        return 0

    @abc.abstractmethod
    def _compile(
        self, dtype: np.dtype[Any], population: tuple[int, ...], noise: Sequence[Numbers]
    ) -> Compiled:
        """Return the source for a population; ``noise`` is its state, which it updates."""

    def _first_noise(self, dtype: np.dtype[Any], population: tuple[int, ...]) -> list[Numbers]:
        """Return the state at the beginning, flat arrays."""
        return []

    def _check_steps(self, first: int, steps: int) -> None:  # noqa: B027 - most sources have none
        """Raise if it cannot generate ``steps`` steps from the absolute step ``first`` on."""

    def sample(
        self, steps: int, shape: int | tuple[int, ...] = (), dtype: DTypeLike = np.float32
    ) -> Numbers:
        """Return the input of a run from step 0 on, as an array.

        Column ``j`` is the input of neuron ``j``.

        Parameters
        ----------
        steps : int
            Number of steps.
        shape : int or tuple of int
            Number of neurons, or shape of the population; ``()`` is a single neuron.
        dtype : numpy.dtype
            float32 or float64: the dtype of the run.

        Returns
        -------
        numpy.ndarray
            The numbers that a run uses, ``(steps, *shape)``.

        Raises
        ------
        TypeError, ValueError
            If an argument is invalid, or the parameters do not broadcast to ``shape``.
        """
        steps = whole("steps", steps, 0, _MOST_STEPS)
        kind = real_dtype(dtype)
        try:
            population = (
                (whole("shape", shape, 0),)
                if np.ndim(shape) == 0
                else tuple(
                    whole("shape", size, 0)
                    for size in shape  # type: ignore[union-attr]
                )
            )
        except TypeError:
            raise TypeError(
                f"shape must be a whole number or a tuple of them, got {described(shape)}"
            ) from None
        return self._settled(bool(population))._sampled(steps, population, kind)

    def _sampled(self, steps: int, population: tuple[int, ...], kind: np.dtype[Any]) -> Numbers:
        """Return the input of a run from step 0 on."""
        self._check_population("shape", population)
        if self.rows is not None and self.rows != steps:
            raise ValueError(self._wrong_steps(steps))
        self._check_steps(0, steps)
        return self._rows(0, steps, population, kind)

    def _settled(self, over_neurons: bool) -> Source:
        """Return the source with the vectors in it over the neurons, or over the steps."""
        return self

    def _wrong_steps(self, steps: object) -> str:
        """Return the message for other steps than those of the arrays."""
        return f"steps must be {self.rows}, the steps of the current, got {steps!r}"

    def _check_population(self, name: str, population: tuple[int, ...]) -> None:
        """Raise unless the parameters broadcast to the population, the argument ``name``."""
        parameters = common_shape(self.shapes)
        if common_shape([(name, population), *self.shapes]) != population:
            raise ValueError(
                f"{name} must be one that the parameters' shape {parameters} broadcasts to, got "
                f"{population}"
            )

    def _rows(
        self, first: int, steps: int, population: tuple[int, ...], dtype: np.dtype[Any]
    ) -> Numbers:
        """Return the input from the absolute step ``first`` on, of sources without a state."""
        out = np.empty((steps, int(np.prod(population, dtype=np.int64))), dtype)
        bound = Bound(self, dtype, population, first, None)
        sample = sampler(dtype)
        for start in range(0, out.shape[1], WIDTH):
            part = np.empty((steps, min(WIDTH, out.shape[1] - start)), out.dtype)
            scratch = np.empty(scratch_items(part.shape[1]), np.uint64)
            sample(bound.function, bound.numbers, first, start, part, scratch)
            out[:, start : start + WIDTH] = part
        return out.reshape(steps, *population)

    def __add__(self, other: Source | ArrayLike) -> Source:
        return Sum(self, other)

    def __radd__(self, other: ArrayLike) -> Source:
        return Sum(other, self)


class Sum(Source):
    """A sum of sources and arrays, added from left to right in the dtype of the run."""

    def __init__(self, *terms: Source | ArrayLike, over_neurons: bool = False) -> None:
        """Take sources, currents with time as axis 0, numbers, and vectors.

        Vectors are values of the neurons if ``over_neurons``, or if there are currents of several
        neurons; else of the steps.
        """
        self._given: list[Any] = []
        for term in terms:
            if isinstance(term, Sum):
                self._given += term._given
            else:
                self._given.append(term if isinstance(term, Source) else _array(term))
        over_neurons |= any(_axes(term) > 1 for term in self._given)
        self.terms = [_term(term, over_neurons) for term in self._given]
        common_shape(self.shapes)
        self.dtype = np.result_type(*(term.dtype for term in self.terms))
        self.noises = sum(term.noises for term in self.terms)
        rows = {term.rows for term in self.terms if term.rows is not None}
        if len(rows) > 1:
            raise ValueError(f"currents that are added must have equal steps, got {sorted(rows)}")
        self.rows = rows.pop() if rows else None

    def __repr__(self) -> str:
        return " + ".join(map(repr, self.terms))

    @property
    def shapes(self) -> tuple[tuple[str, tuple[int, ...]], ...]:
        """The names and shapes of the parameters of all terms."""
        return tuple(shape for term in self.terms for shape in term.shapes)

    @property
    def arrays(self) -> tuple[Numbers, ...]:
        """The arrays over time of all terms."""
        return tuple(array for term in self.terms for array in term.arrays)

    def of_block(self, block: Block, origin: int) -> Source:
        """Return the source of a block of the population."""
        return Sum(*(term.of_block(block, origin) for term in self.terms))

    def of_steps(self, begin: int, end: int) -> Source:
        """Return the source for some steps of a run."""
        return self if self.rows is None else Sum(*(t.of_steps(begin, end) for t in self.terms))

    def _settled(self, over_neurons: bool) -> Source:
        if not any(isinstance(term, np.ndarray) and term.ndim == 1 for term in self._given):
            return self
        return Sum(*self._given, over_neurons=over_neurons)

    def spawn(self, count: int) -> list[Sum]:
        """Return ``count`` sums that are equal except for independent random numbers.

        Parameters
        ----------
        count : int
            Number of sums.

        Returns
        -------
        list
            The sums, of what ``spawn`` of each random source returns.
        """
        count = whole("count", count, 0)
        terms = [
            term.spawn(count) if hasattr(term, "spawn") else [term] * count for term in self._given
        ]
        return [Sum(*each) for each in zip(*terms, strict=True)]

    def _compile(
        self, dtype: np.dtype[Any], population: tuple[int, ...], noise: Sequence[Numbers]
    ) -> Compiled:
        slots, kept, used = [len(self.terms)], list[Any](), 0
        for term in self.terms:
            part = term._compile(dtype, population, noise[used : used + term.noises])
            used += term.noises
            array = np.array(part.numbers, np.uint64)
            slots += [part.function.address, array.ctypes.data]
            kept += [array, part]
        return Compiled(total(dtype), slots, kept)

    def _first_noise(self, dtype: np.dtype[Any], population: tuple[int, ...]) -> list[Numbers]:
        return [noise for term in self.terms for noise in term._first_noise(dtype, population)]

    def _check_steps(self, first: int, steps: int) -> None:
        for term in self.terms:
            term._check_steps(first, steps)


class WeightedInput(Source):
    """An array of currents or spikes with time as axis 0, times a weight.

    Spikes of one byte are read as one byte.

    Parameters
    ----------
    values : array_like
        Numbers of shape ``(T, *population)`` or ``(T, 1)``. Its first row belongs to the first step
        of a run.
    weight : float or array_like
        A number, or one value per neuron.

    Raises
    ------
    TypeError
        If an argument has a wrong type.
    ValueError
        If ``values`` has no time axis, or ``weight`` is not finite.

    Examples
    --------
    >>> import numpy as np, fastlif
    >>> spikes = np.random.default_rng(0).random((200, 3)) < [0.1, 0.2, 0.3]
    >>> source = fastlif.sources.WeightedInput(spikes, weight=2.0) + 0.1
    >>> fastlif.LIF(tau=0.02, R=10.0).run(source, record="counts").counts
    array([19, 26, 62])
    """

    _parameters = "values", "weight"

    def __init__(self, values: ArrayLike, weight: ArrayLike = 1.0) -> None:
        ensure_readable("values", values)
        self.values = numbers("values", values)
        if not self.values.ndim:
            raise ValueError(f"values must have time as its first axis, got {described(values)}")
        self.weight = parameter("weight", weight)
        self.rows = len(self.values)
        doubles = [
            array for array in (self.values, self.weight)
            if isinstance(array, np.ndarray) and array.dtype.kind == "f" and array.itemsize == 8
        ]  # fmt: skip
        self.dtype = np.dtype(np.float64 if doubles else np.float32)

    def __repr__(self) -> str:
        return f"WeightedInput({described(self.values)}, {self.weight!r})"

    @property
    def shapes(self) -> tuple[tuple[str, tuple[int, ...]], ...]:
        """The names and shapes of the parameters; a user knows the array as the current."""
        return ("current", self.values.shape[1:]), ("weight", np.shape(self.weight))

    @property
    def arrays(self) -> tuple[Numbers, ...]:
        """The array over time."""
        return (self.values,)

    def of_steps(self, begin: int, end: int) -> Source:
        """Return the source for some steps of a run."""
        source = copy.copy(self)
        source.values = self.values[begin:end]
        source.rows = len(source.values)
        return source

    def _times(self, name: str) -> int:
        return int(name == "values")

    def _compile(
        self, dtype: np.dtype[Any], population: tuple[int, ...], noise: Sequence[Numbers]
    ) -> Compiled:
        values = self.values
        missing = len(population) - values.ndim + 1
        values = values.reshape(len(values), *[1] * missing, *values.shape[1:])
        values = np.broadcast_to(values, (len(values), *population))
        axes = zip(values.shape[1:], values.strides[1:], strict=True)
        shared = all(size == 1 or stride == 0 for size, stride in axes)
        if shared:  # one number per step, however many neurons
            values = values[(slice(None), *(slice(1) for _ in population))]
        kind = values.dtype.newbyteorder("=") if values.dtype.kind in "biu" else dtype
        rows = flattened(values, kind)
        if rows is None:
            rows = np.ascontiguousarray(values, kind)
            rows = rows.reshape(len(values), math.prod(values.shape[1:]))
        kept: list[Any] = [rows]
        back = rows.strides[0] % 2**64  # as unsigned, if the steps are in reverse order
        slots = [rows.ctypes.data, back, 0 if shared else rows.itemsize]
        slots += slots_of(self.weight, dtype, population, kept)
        read = rows.dtype if rows.dtype != np.bool_ else np.dtype(np.uint8)
        each = np.size(self.weight) > 1
        return Compiled(weighted(dtype, read, not shared, each), slots, kept)


class Constant(Source):
    """A current that does not change over time.

    Parameters
    ----------
    value : float or array_like
        A number, or one value per neuron.

    Raises
    ------
    TypeError
        If ``value`` is not a number or an array of numbers.
    ValueError
        If it is not finite.

    Examples
    --------
    >>> import fastlif
    >>> fastlif.sources.Constant([0.1, 0.2]).sample(2, 2)
    array([[0.1, 0.2],
           [0.1, 0.2]], dtype=float32)
    """

    _parameters = ("value",)

    def __init__(self, value: ArrayLike) -> None:
        self.value = parameter("value", value)
        self.dtype = dtype_of(self.value)

    def __repr__(self) -> str:
        return f"Constant({self.value!r})"

    def _compile(
        self, dtype: np.dtype[Any], population: tuple[int, ...], noise: Sequence[Numbers]
    ) -> Compiled:
        kept: list[Any] = []
        slots = slots_of(self.value, dtype, population, kept)
        each = np.size(self.value) > 1
        return Compiled(constant(dtype, each), slots, kept)


def _array(term: Any) -> Any:
    """Return a term of a sum that is no source: an array, or a Python number."""
    ensure_readable("values", term)
    array = numbers("values", term)
    return array if array.ndim else term


def _axes(term: Any) -> int:
    """Return the number of axes of a current with a time axis; 0 of other terms."""
    values = term.values if isinstance(term, WeightedInput) else term
    return 0 if isinstance(values, Source) else np.ndim(values)


def _term(value: Any, over_neurons: bool) -> Source:
    """Return the source that a term of a sum is."""
    if isinstance(value, Source):
        return value
    constant = np.ndim(value) == 0 or (np.ndim(value) == 1 and over_neurons)
    return Constant(value) if constant else WeightedInput(value)


def steps_of(source: Source, steps: Any) -> Any:
    """Return the number of steps of a run with a source."""
    rows = source.rows
    if rows is None:
        if steps is not None:
            return steps
        raise ValueError("steps must be given for a source that generates any number of steps")
    if steps is not None and steps != rows:
        raise ValueError(source._wrong_steps(steps))
    return rows


def dtype_of(*parameters: Any) -> np.dtype[Any]:
    """Return the dtype that parameters of a current ask for: Python numbers ask for none."""
    asked = [p.dtype for p in parameters if isinstance(p, (np.ndarray, np.generic))]
    return np.dtype(np.float64 if np.dtype(np.float64) in asked else np.float32)
