"""A source in the form that kernels call."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from fastlif.checks import Numbers

if TYPE_CHECKING:
    from fastlif.execution.sources import Source


class Compiled(NamedTuple):
    """A source in the form that kernels call."""

    function: Any
    numbers: list[int]  # its parameters
    kept: list[Any]  # what must exist as long as it does: arrays and compiled functions


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
