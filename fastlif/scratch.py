"""A thread's scratch, kept for its next call: to get pages takes longer than a small run."""

import threading
from typing import Any

import numpy as np

from fastlif.checks import Numbers
from fastlif.kernels.access import ROW, ROWS

_kept = threading.local()


def take(dtype: np.dtype[Any]) -> Numbers:
    """Return a tile's scratch, for the caller alone until it is given back.

    Its content is left over from the last use.
    """
    scratch: Numbers | None = _kept.__dict__.pop(dtype.char, None)
    return np.empty(ROWS * ROW, dtype) if scratch is None else scratch


def give_back(scratch: Numbers) -> None:
    """Keep the scratch for this thread's next call."""
    _kept.__dict__[scratch.dtype.char] = scratch
