"""The form of an array: what a plan may depend on, besides its contents and its address."""

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np

from fastlif.checks import Numbers, is_weak, numbers

FLOAT32, FLOAT64 = np.dtype(np.float32), np.dtype(np.float64)

# dtype with byte order, shape, and True if contiguous, aligned and writeable, else its strides and
# flags
Form: TypeAlias = tuple[np.dtype[Any], tuple[int, ...], Any]


def form_of(array: Numbers) -> Form:
    """Return the form of ``array``."""
    flags = array.flags
    return array.dtype, array.shape, flags.carray or (array.strides, flags.num)


def read(name: str, value: Any) -> tuple[Numbers, bool]:
    """Return ``value`` as an array, and whether it consists of Python numbers.

    The dtype of a NumPy array is checked where a plan is made.
    """
    if type(value) is np.ndarray:
        return value, False
    array = numbers(name, value)
    return array, is_weak(value, array)


def state_dtype(read_arrays: Sequence[tuple[Numbers, bool]]) -> np.dtype[Any]:
    """Return the dtype that a call computes in.

    float64 if an array is float64, else float32. Python numbers never widen an array; if there is
    no array at all, Python floats give float64, as in NumPy.
    """
    strong = [array.dtype for array, weak in read_arrays if not weak]
    dtypes = strong or [array.dtype for array, _ in read_arrays]
    return FLOAT64 if any(dtype.newbyteorder("=") == FLOAT64 for dtype in dtypes) else FLOAT32
