"""Sums of sources, arrays and numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from fastlif.checks import Numbers, common_shape, numbers, whole
from fastlif.execution.bound_source import Compiled
from fastlif.execution.given import Constant, WeightedInput
from fastlif.execution.memory import ensure_readable
from fastlif.execution.sources import Source
from fastlif.kernels.sources.sums import total
from fastlif.model import Block


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
