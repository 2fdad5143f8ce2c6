"""The current of a stream, cut into stretches of time that are read ahead where they are stored."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np

from fastlif.checks import Numbers, described, whole
from fastlif.execution.checkpoint import checksum, described_by_content
from fastlif.execution.forms import read
from fastlif.execution.memory import ensure_readable
from fastlif.execution.sources import Source, steps_of
from fastlif.execution.stored import Stored, failed, stored

MOST_STEPS = 2**62
_STRETCH = 2**25  # bytes of input and records in a stretch of the default length
_MOST_BLOCK = 2**29  # bytes: larger blocks of a storage are not read at once


class Stretch(NamedTuple):
    """The input of some consecutive steps."""

    begin: int
    end: int
    current: Any  # a run's current,
    steps: int | None  # and its number of steps if that does not follow from the current


class Currents(ABC):
    """A current and how it is cut.

    Attributes
    ----------
    steps : int or None
        The number of all steps, if it is known.
    sample : tuple
        An array of the form of the whole current, or a source; and whether it consists of Python
        numbers. A plan follows from it.
    timeless : bool
        Whether ``sample`` has no time axis.
    store : Stored or None
        Where the current is stored.
    arrays : list of numpy.ndarray
        The arrays in memory that are read.
    """

    steps: int | None
    sample: tuple[Any, bool]
    timeless = False
    store: Stored | None = None

    def __init__(self) -> None:
        self.arrays: list[Numbers] = []

    @abstractmethod
    def stretches(self, begin: int, chunk: int, dtype: np.dtype[Any]) -> Iterator[Stretch]:
        """Yield the stretches from step ``begin`` on, of ``chunk`` steps; the last may be shorter.

        Python numbers are cast to ``dtype``, that of the whole run.
        """

    @abstractmethod
    def described(self) -> str:
        """Describe the current such that another one is probably described otherwise."""

    def row(self, step: int) -> Numbers | None:
        """Return the input of the step before ``step``, if it can be read at any time."""
        return None

    def checksum(self, stretch: Stretch, before: int | None) -> int | None:
        """Return a checksum of the last row that was read; ``before`` is that of the last one."""
        if self.timeless or stretch.begin == stretch.end:
            return before
        return checksum([stretch.current[-1:]])

    def close(self) -> None:
        """Free what was opened."""
        if self.store is not None:
            self.store.close()

    def _cuts(self, begin: int, chunk: int) -> Iterator[tuple[int, int]]:
        assert self.steps is not None
        if not self.steps:
            yield 0, 0  # a run without steps has a state, too
        for start in range(begin, self.steps, chunk):
            yield start, min(start + chunk, self.steps)


class Constant(Currents):
    """A current that is constant in time."""

    timeless = True

    def __init__(self, values: Numbers, weak: bool, steps: int) -> None:
        super().__init__()
        self.steps, self.sample, self.arrays = steps, (values, weak), [values]

    def stretches(self, begin: int, chunk: int, dtype: np.dtype[Any]) -> Iterator[Stretch]:
        """Yield the stretches."""
        values, weak = self.sample
        values = values.astype(dtype) if weak else values
        for start, stop in self._cuts(begin, chunk):
            yield Stretch(start, stop, values, stop - start)

    def described(self) -> str:
        """Describe the current by its content."""
        return f"constant in time, {described_by_content(self.sample[0])}"


class Generated(Currents):
    """A source."""

    timeless = True

    def __init__(self, source: Source, steps: int) -> None:
        super().__init__()
        self.steps, self.sample = steps, (source, False)

    def stretches(self, begin: int, chunk: int, dtype: np.dtype[Any]) -> Iterator[Stretch]:
        """Yield the stretches."""
        source = self.sample[0]
        for start, stop in self._cuts(begin, chunk):
            yield Stretch(start, stop, source.of_steps(start, stop), stop - start)

    def described(self) -> str:
        """Describe the source by its parameters."""
        return described_by_content(self.sample[0])


class Rows(Currents):
    """An array with a time axis, in memory or stored."""

    def __init__(self, array: Numbers | Stored, weak: bool = False) -> None:
        super().__init__()
        self._array, self.steps = array, array.shape[0]
        if isinstance(array, Stored):
            self.store = array
        else:
            self.arrays = [array]
        like = np.broadcast_to(np.empty((), array.dtype), array.shape)
        self.sample = like, weak

    def stretches(self, begin: int, chunk: int, dtype: np.dtype[Any]) -> Iterator[Stretch]:
        """Yield the stretches; those that are stored are read one ahead."""
        cuts = self._cuts(begin, chunk)
        if self.store is not None:
            for (start, stop), rows in _ahead(self._read, cuts):
                yield Stretch(start, stop, rows, None)
                del rows  # so that its memory can be used again
            return
        for start, stop in cuts:
            rows = self._array[start:stop]  # type: ignore[index]
            yield Stretch(start, stop, rows.astype(dtype) if self.sample[1] else rows, None)

    def row(self, step: int) -> Numbers | None:
        """Return the input of the step before ``step``."""
        if not step:
            return None
        if self.store is not None:
            return self._read(step - 1, step)
        return self._array[step - 1 : step]  # type: ignore[index]

    def described(self) -> str:
        """Describe the form of the array."""
        return f"an array of shape {self._array.shape} and dtype {self._array.dtype}"

    def _read(self, begin: int, end: int) -> Numbers:
        assert self.store is not None
        try:
            return self.store.read(begin, end)
        except Exception as error:
            what = f"the steps {begin} to {end - 1} of current could not be read"
            raise failed(what, error) from error


def currents_of(current: Any, steps: Any) -> Currents:
    """Return how the argument ``current`` of a run is cut."""
    if steps is not None:
        steps = whole("steps", steps, 0, MOST_STEPS)
    if isinstance(current, Source):
        current = current._settled(steps is not None)
        return Generated(current, steps_of(current, steps))
    store = stored(current) if steps is None else None
    if store is not None and store.shape:
        return Rows(store)
    ensure_readable("current", current, in_parts=True)
    values, weak = read("current", current)
    if steps is not None:
        return Constant(values, weak, steps)
    if not values.ndim:
        raise ValueError(
            f"current must have time as its first axis, got {described(current)}; "
            "for a current that is constant in time, give steps="
        )
    return Rows(values, weak)


def default_chunk(step_bytes: int, blocks: Iterable[int]) -> int:
    """Return the number of steps in a stretch: some megabytes, in whole blocks of the storage.

    ``step_bytes`` is the number of bytes of input and records in a step.
    """
    chunk = max(1, _STRETCH // max(1, step_bytes))
    block = math.lcm(*blocks)
    if block * step_bytes > _MOST_BLOCK:
        return chunk
    return max(1, chunk // block) * block


def _ahead(
    function: Callable[[int, int], Any], items: Iterable[tuple[int, int]]
) -> Iterator[tuple[tuple[int, int], Any]]:
    """Yield each item and ``function(*item)``, which a thread computes one item ahead."""
    items = iter(items)
    item, following = next(items, None), next(items, None)
    if item is None:
        return
    if following is None:
        yield item, function(*item)
        return
    with ThreadPoolExecutor(1, "fastlif-read") as pool:
        result = pool.submit(function, *item)
        while item is not None:
            value = result.result()
            if following is not None:
                result = pool.submit(function, *following)
            else:
                del result
            yield item, value
            del value
            item, following = following, next(items, None)
