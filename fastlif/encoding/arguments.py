"""What the encodings have in common: their arguments, and arrays in blocks of steps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from fastlif.checks import Numbers, described, numbers, parameter, whole
from fastlif.execution.memory import ensure_readable

Spikes: TypeAlias = NDArray[np.bool_]
Steps: TypeAlias = int | Literal[False] | None
_BLOCK = 2**14  # numbers computed at once: temporary arrays remain in the processor's cache


def blocks(array: Numbers) -> list[slice]:
    """Divide axis 0 into slices of about ``_BLOCK`` numbers."""
    rows = max(1, _BLOCK // max(1, array[:1].size))
    return [slice(k, min(k + rows, len(array))) for k in range(0, len(array), rows)]


def data_of(data: object) -> Numbers:
    """Return the data as an array of numbers, without a copy if possible."""
    ensure_readable("data", data)
    return numbers("data", data)


def dtype_of(array: Numbers) -> np.dtype[Any]:
    """Return the dtype in which the array is computed."""
    return np.dtype(np.float64 if array.dtype.newbyteorder("=") == np.float64 else np.float32)


def single(name: str, value: object, **bounds: Any) -> float:
    """Return a validated number."""
    checked = parameter(name, value, **bounds)
    if np.ndim(checked):
        raise TypeError(f"{name} must be a single number, got {described(value)}")
    return float(checked)


def steps_of(num_steps: object) -> int | None:
    """Return the number of steps, or None if it is not given: None, or False as in snnTorch."""
    return None if num_steps is None or num_steps is False else whole("num_steps", num_steps, 1)


def within(first: int, steps: int) -> None:
    """Raise unless the first spike is before the end."""
    if first >= steps:
        raise ValueError(f"first_spike_time must be less than num_steps={steps}, got {first}")


def with_time(array: Numbers) -> None:
    """Raise unless the data have an axis of time."""
    if not array.ndim:
        raise ValueError("data must have time as axis 0, got a number")


def reject(problem: str, array: Numbers, wrong: Callable[[Numbers], Any]) -> None:
    """Raise if ``wrong(block)`` is true anywhere in the array, naming the first place."""
    rows = np.atleast_1d(array)
    for block in blocks(rows):
        found = np.argwhere(wrong(rows[block]))
        if len(found):
            row, *rest = found[0].tolist()
            place = (row + block.start, *rest)
            where = f" at {place}" if array.ndim else ""
            raise ValueError(f"{problem}, got {rows[place]!s}{where}")
