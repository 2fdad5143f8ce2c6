"""Inputs that sources generate during a run: sources, their sums, and what kernels receive."""

from __future__ import annotations

import abc
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from fastlif.checks import Numbers, common_shape, described, numbers, parameter, real_dtype, whole
from fastlif.execution.blocks import flattened
from fastlif.execution.scratch import Scratch
from fastlif.kernels import sources as kernels
from fastlif.kernels.layout import WIDTH
from fastlif.kernels.sources import Generated

_MOST_STEPS = 2**62


class Compiled(NamedTuple):
    """A source in the form that kernels call."""

    function: Any
    numbers: list[int]  # its parameters
    kept: list[Any]  # what must exist as long as it does: arrays and compiled functions


class Source(abc.ABC):
    """An input that is generated while a run goes on.

    Sources, arrays and numbers can be added.

    Attributes
    ----------
    shapes : tuple of (str, tuple of int)
        The names and shapes of the parameters that are arrays over the population.
    dtype : numpy.dtype
        float64 if a parameter that becomes a part of the current is an array of float64.
    rows : int or None
        The number of steps, if it contains an array of currents.
    noises : int
        The number of its state variables.
    """

    shapes: tuple[tuple[str, tuple[int, ...]], ...] = ()
    dtype: np.dtype[Any] = np.dtype(np.float32)
    rows: int | None = None
    noises: int = 0
    __array_ufunc__ = None  # an array to which a source is added leaves it to the source

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

    def _stretch(self, begin: int, end: int) -> Source:
        """Return the source of the steps ``begin:end`` of a run with this source."""
        return self  # generated from the absolute step

    def sample(
        self, steps: int, shape: int | tuple[int, ...] = (), dtype: DTypeLike = np.float32
    ) -> Numbers:
        """Return the input of a run from step 0 on, as an array.

        Parameters
        ----------
        steps : int
            Number of steps.
        shape : int or tuple of int
            Shape of the population.
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
        if common_shape([("shape", population), *self.shapes]) != population:
            raise ValueError(f"the parameters have shapes that do not broadcast to {population}")
        if self.rows is not None and self.rows != steps:
            raise ValueError(f"steps must be {self.rows}, the steps of the current, got {steps}")
        self._check_steps(0, steps)
        return self._rows(0, steps, population, kind)

    def _rows(
        self, first: int, steps: int, population: tuple[int, ...], dtype: np.dtype[Any]
    ) -> Numbers:
        """Return the input from the absolute step ``first`` on, of sources without a state."""
        out = np.empty((steps, int(np.prod(population, dtype=np.int64))), dtype)
        bound = Bound(self, dtype, population, first, None)
        sample = kernels.sampler(dtype)
        for start in range(0, out.shape[1], WIDTH):
            part = np.empty((steps, min(WIDTH, out.shape[1] - start)), out.dtype)
            scratch = np.empty(kernels.scratch_items(part.shape[1]), np.uint64)
            sample(bound.function, bound.numbers, first, start, part, scratch)
            out[:, start : start + WIDTH] = part
        return out.reshape(steps, *population)

    def __add__(self, other: Source | ArrayLike) -> Source:
        return Sum(self, other)

    def __radd__(self, other: ArrayLike) -> Source:
        return Sum(other, self)


class Sum(Source):
    """A sum of sources and arrays, added from left to right in the dtype of the run."""

    def __init__(self, *terms: Source | ArrayLike) -> None:
        """Take sources, currents with time as axis 0, and numbers."""
        self.terms: list[Source] = []
        for term in terms:
            if isinstance(term, Sum):
                self.terms += term.terms
            else:
                self.terms.append(term if isinstance(term, Source) else current(term))
        self.shapes = tuple(shape for term in self.terms for shape in term.shapes)
        common_shape(self.shapes)
        self.dtype = np.result_type(*(term.dtype for term in self.terms))
        self.noises = sum(term.noises for term in self.terms)
        rows = {term.rows for term in self.terms if term.rows is not None}
        if len(rows) > 1:
            raise ValueError(f"currents that are added must have equal steps, got {sorted(rows)}")
        self.rows = rows.pop() if rows else None

    def __repr__(self) -> str:
        return " + ".join(map(repr, self.terms))

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
        return Compiled(kernels.total(dtype), slots, kept)

    def _first_noise(self, dtype: np.dtype[Any], population: tuple[int, ...]) -> list[Numbers]:
        return [noise for term in self.terms for noise in term._first_noise(dtype, population)]

    def _check_steps(self, first: int, steps: int) -> None:
        for term in self.terms:
            term._check_steps(first, steps)

    def _stretch(self, begin: int, end: int) -> Source:
        if self.rows is None:
            return self
        return Sum(*(term._stretch(begin, end) for term in self.terms))


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

    def __init__(self, values: ArrayLike, weight: ArrayLike = 1.0) -> None:
        self.values = numbers("values", values)
        if not self.values.ndim:
            raise ValueError(f"values must have time as its first axis, got {described(values)}")
        self.weight = parameter("weight", weight)
        self.rows = len(self.values)
        self.shapes = (("current", self.values.shape[1:]), ("weight", np.shape(self.weight)))
        doubles = [
            array for array in (self.values, self.weight)
            if isinstance(array, np.ndarray) and array.dtype.kind == "f" and array.itemsize == 8
        ]  # fmt: skip
        self.dtype = np.dtype(np.float64 if doubles else np.float32)

    def __repr__(self) -> str:
        return f"WeightedInput({described(self.values)}, {self.weight!r})"

    def _stretch(self, begin: int, end: int) -> Source:
        return WeightedInput(self.values[begin:end], self.weight)

    def _compile(
        self, dtype: np.dtype[Any], population: tuple[int, ...], noise: Sequence[Numbers]
    ) -> Compiled:
        values = self.values
        missing = len(population) - values.ndim + 1
        values = values.reshape(len(values), *[1] * missing, *values.shape[1:])
        values = np.broadcast_to(values, (len(values), *population))
        kind = values.dtype if values.dtype.kind in "biu" else dtype
        rows = flattened(values, kind)
        if rows is None:
            rows = np.ascontiguousarray(values, kind).reshape(len(values), -1)
        kept: list[Any] = [rows]
        slots = [rows.ctypes.data, rows.strides[0], rows.itemsize]
        slots += slots_of(self.weight, dtype, population, kept)
        read = rows.dtype if rows.dtype != np.bool_ else np.dtype(np.uint8)
        each = np.size(self.weight) > 1
        return Compiled(kernels.weighted(dtype, read, each), slots, kept)


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

    def __init__(self, value: ArrayLike) -> None:
        self.value = parameter("value", value)
        self.shapes = (("value", np.shape(self.value)),)
        self.dtype = dtype_of(self.value)

    def __repr__(self) -> str:
        return f"Constant({self.value!r})"

    def _compile(
        self, dtype: np.dtype[Any], population: tuple[int, ...], noise: Sequence[Numbers]
    ) -> Compiled:
        kept: list[Any] = []
        slots = slots_of(self.value, dtype, population, kept)
        each = np.size(self.value) > 1
        return Compiled(kernels.constant(dtype, each), slots, kept)


def current(value: Any) -> Source:
    """Return the source that a term of a sum is: a number, or a current with a time axis."""
    return Constant(value) if np.ndim(value) == 0 else WeightedInput(value)


def steps_of(source: Source, steps: Any) -> Any:
    """Return the number of steps of a run with ``source`` and the argument ``steps``."""
    if source.rows is None:
        if steps is None:
            raise ValueError("steps must be given for a source that generates any number of steps")
        return steps
    if steps is not None and steps != source.rows:
        raise ValueError(f"steps must be {source.rows}, the steps of the current, got {steps!r}")
    return source.rows


def dtype_of(*parameters: Any) -> np.dtype[Any]:
    """Return the dtype that parameters of a current ask for: Python numbers ask for none."""
    asked = [p.dtype for p in parameters if isinstance(p, (np.ndarray, np.generic))]
    return np.dtype(np.float64 if np.dtype(np.float64) in asked else np.float32)


def slots_of(
    value: Any, dtype: np.dtype[Any], population: tuple[int, ...], kept: list[Any]
) -> list[int]:
    """Return a parameter without a time axis as a kernel reads it; add its array to ``kept``."""
    array = np.asarray(value, dtype)
    each = array.size > 1
    array = np.broadcast_to(array, population).reshape(-1) if each else array.reshape(-1)
    array = np.ascontiguousarray(array)
    kept.append(array)
    return [array.ctypes.data, 0, array.itemsize if each else 0]


class Bound:
    """A source that was made ready for one run.

    Attributes
    ----------
    function, numbers : int
        The addresses of the compiled source and of its parameters.
    first : int
        The absolute step of the run's first one.
    noise : list of numpy.ndarray
        The state of the source, flat arrays, which it updates.
    """

    def __init__(
        self,
        source: Source,
        dtype: np.dtype[Any],
        population: tuple[int, ...],
        first: int,
        noise: Sequence[Numbers] | None,
    ) -> None:
        if noise is None:
            noise = source._first_noise(dtype, population)
        self.noise = [np.array(each, dtype).reshape(-1) for each in noise]
        compiled = source._compile(dtype, population, self.noise)
        slots = np.array(compiled.numbers, np.uint64)
        self._kept = (compiled, slots, source)
        self.first = first
        self.function = np.uint64(compiled.function.address)
        self.numbers = np.uint64(slots.ctypes.data)


class Start(NamedTuple):
    """A source, and the state from which a run with it begins."""

    source: Source
    first: int  # the absolute step
    noise: Any

    def check(self, steps: int, population: tuple[int, ...]) -> None:
        """Raise if the source cannot generate the input of the run."""
        self.source._check_steps(self.first, steps)
        if self.noise is None or not self.source.noises:
            return
        shape = (self.source.noises, *population)
        if np.shape(self.noise) != shape:
            raise ValueError(
                f"initial.noise must have shape {shape} for this source, got {np.shape(self.noise)}"
            )

    @property
    def arrays(self) -> list[Numbers]:
        """The arrays of the user that the source reads."""
        terms = self.source.terms if isinstance(self.source, Sum) else [self.source]
        return [term.values for term in terms if isinstance(term, WeightedInput)]


class GeneratedInput:
    """How kernels receive the input of a source; the counterpart of inputs.Input."""

    kind = "generated"

    def __init__(self, population: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        self._population, self._dtype = population, dtype

    def as_it_is(self, start: Any) -> bool:
        """Tell whether ``bind`` returns the source as it is: never."""
        return False

    def bind(self, start: Start) -> Bound:
        """Return what ``read`` takes."""
        noise = start.noise if start.source.noises else None
        return Bound(start.source, self._dtype, self._population, start.first, noise)

    def prepare(self, bound: Bound, scratch: Scratch, start: int, stop: int) -> None:
        """Put nothing into a tile's scratch."""

    def read(
        self, bound: Bound, begin: int, end: int, start: int, stop: int, scratch: Scratch
    ) -> Generated:
        """Return what a kernel receives for the steps ``begin:end`` of the neurons."""
        rows, words = scratch.generated()
        return Generated(
            bound.function, bound.numbers, rows[:, : stop - start], words, bound.first + begin,
            begin, start,
        )  # fmt: skip
