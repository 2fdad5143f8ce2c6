"""Inputs that are generated during a run: what all sources have in common."""

from __future__ import annotations

import abc
import copy
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from fastlif.checks import Numbers, common_shape, described, real_dtype, whole
from fastlif.execution.bound_source import Bound, Compiled
from fastlif.kernels.layout import WIDTH
from fastlif.kernels.sources.calls import sampler, scratch_items
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
        return _sum(self, other)

    def __radd__(self, other: ArrayLike) -> Source:
        return _sum(other, self)


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


def _sum(*terms: Source | ArrayLike) -> Source:
    from fastlif.execution.sums import Sum  # here, because sums are sources

    return Sum(*terms)
