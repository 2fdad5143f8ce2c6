"""A current that an iterable yields in chunks: arrays of consecutive stretches of time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from fastlif.checks import Numbers, described, whole
from fastlif.execution.currents import MOST_STEPS, Currents, Stretch, currents_of
from fastlif.execution.forms import read, state_dtype
from fastlif.execution.memory import ensure_readable
from fastlif.execution.sources import Source

_END = object()


class Chunks(Currents):
    """Arrays of consecutive stretches of time, as an iterable has them."""

    def __init__(self, chunks: Iterable[Any], steps: int | None) -> None:
        super().__init__()
        self.steps, self._chunks, self._place = steps, iter(chunks), 0
        self._first: tuple[Numbers, bool] | None = None
        self.check_row: Callable[[Numbers], None] | None = None

    @property
    def sample(self) -> tuple[Any, bool]:  # type: ignore[override]
        """The first chunk, or an array of that form and the number of all steps."""
        assert self._first is not None
        values, weak = self._first
        rows = len(values) if self.steps is None else self.steps
        return np.broadcast_to(np.empty((), values.dtype), (rows, *values.shape[1:])), weak

    def begin(self) -> bool:
        """Read the first chunk; tell whether there is one."""
        first = next(self._chunks, _END)
        if first is _END:
            if self.steps:
                raise ValueError(f"the chunks must have {self.steps} steps in all, got 0")
            return False
        self._first = self._checked(first)
        return True

    def stretches(self, begin: int, chunk: int, dtype: np.dtype[Any]) -> Iterator[Stretch]:
        """Yield the chunks, without the steps before ``begin``."""
        assert self._first is not None
        (values, weak), stop = self._first, 0
        form = values.shape[1:], values.dtype.newbyteorder("=")
        while True:
            if not weak and state_dtype([(values, False)]).itemsize > dtype.itemsize:
                raise ValueError(
                    f"chunk {self._place} must not have dtype {values.dtype}, because the chunks "
                    f"of Python numbers before it are integrated in {dtype}"
                )
            values = values.astype(dtype) if weak else values
            start, stop = stop, stop + len(values)
            if self.steps is not None and stop > self.steps:
                raise ValueError(
                    f"chunk {self._place} must end at step {self.steps}, which steps= sets, got "
                    f"{len(values)} steps from step {start} on"
                )
            if self.check_row is not None and start < begin <= stop:
                self.check_row(values[begin - start - 1 : begin - start])
            if stop > begin or start >= begin:
                yield Stretch(max(begin, start), stop, values[max(0, begin - start) :], None)
            del values  # so that its memory can be used again
            self._place += 1
            following = next(self._chunks, _END)
            if following is _END:
                break
            values, weak = self._checked(following)
            if (values.shape[1:], values.dtype.newbyteorder("=")) != form:
                raise ValueError(
                    f"chunk {self._place} must have dtype {form[1]} and shape (steps, "
                    f"{', '.join(map(str, form[0]))}) like the first one, got "
                    f"{described(values)}"
                )
        least = begin if self.steps is None else self.steps
        if stop < least:
            raise ValueError(f"the chunks must have {least} steps in all, got {stop}")

    def described(self) -> str:
        """Describe the form of a chunk."""
        values = self.sample[0]
        shape = ", ".join(map(str, ("...", *values.shape[1:])))
        return f"an iterable of arrays of shape ({shape}) and dtype {values.dtype}"

    def _checked(self, chunk: Any) -> tuple[Numbers, bool]:
        name = f"chunk {self._place}"
        ensure_readable(name, chunk, in_parts=True)
        values, weak = read(name, chunk)
        if not values.ndim:
            raise ValueError(
                f"{name} must be an array with time as its first axis, got {described(chunk)}"
            )
        return values, weak


def currents_of_stream(current: Any, steps: Any, chunk: Any) -> Currents:
    """Return how the argument ``current`` of a stream is cut: it may be an iterable of arrays."""
    one = isinstance(current, (Source, str, bytes))
    one = one or hasattr(current, "__array__") or hasattr(current, "keys")
    if one or not np.iterable(current):  # names and what has keys are refused there
        return currents_of(current, steps)
    if chunk is not None:
        raise ValueError(
            "chunk is the number of steps in a stretch of an array or a source, and the arrays of "
            f"an iterable are the stretches: got chunk={chunk!r} and an iterable"
        )
    return Chunks(current, None if steps is None else whole("steps", steps, 0, MOST_STEPS))
