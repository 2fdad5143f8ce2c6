"""What drives a population over time: from what the user has to what a kernel reads.

==========  =====================================================  =========================
kind        the current, seen as (steps, *population)              a kernel gets
==========  =====================================================  =========================
constant    the same at every step (``steps=``, or a zero stride)  nothing: it stands in
                                                                   the tile's scratch
shared      the same for every neuron ((T, 1), or zero strides)    a number a step
direct      native numbers of the state's dtype, integers or       a slice of the user's
            bools, neurons side by side                            array
staged      anything else: float16, other byte orders, Fortran      a block of it, copied
            order, time last, views that do not flatten            and cast
==========  =====================================================  =========================
"""

from typing import Any, NamedTuple

import numpy as np

from fastlif.blocks import copy_in, flattened
from fastlif.checks import Numbers, described, is_weak, numbers, whole

FLOAT32, FLOAT64 = np.dtype(np.float32), np.dtype(np.float64)


def state_dtype(*given: tuple[object, Numbers]) -> np.dtype[Any]:
    """Return the dtype that a run computes in, from pairs (what the user gave, the same as array).

    float64 where an array is float64, else float32. Python's numbers never widen an array; where
    there is no array at all, Python's floats make float64, as in NumPy.
    """
    strong = [array.dtype for value, array in given if not is_weak(value, array)]
    dtypes = strong or [array.dtype for _, array in given]
    return FLOAT64 if any(dtype.newbyteorder("=") == FLOAT64 for dtype in dtypes) else FLOAT32


def over_time(current: object, steps: int | None) -> Numbers:
    """Return the current with time as its axis 0; constant in time if ``steps`` is given."""
    array = numbers("current", current)
    if steps is not None:
        return np.broadcast_to(array, (whole("steps", steps, 0), *array.shape))
    if array.ndim == 0:
        raise ValueError(
            f"current must have time as its first axis, got {described(current)}; "
            "for a current that is constant in time, give steps="
        )
    return array


class Feed(NamedTuple):
    """A run's current, by the kind that the module's table names."""

    kind: str
    values: Numbers  # constant: (1, *shape); shared: (steps,); direct: (steps, N); staged: any


def feed(values: Numbers, population: tuple[int, ...], dtype: np.dtype[Any]) -> Feed:
    """Choose how the kernels get ``values``, which broadcast to (steps, *population)."""
    if values.shape[0] > 1 and values.strides[0] == 0:
        return Feed("constant", np.broadcast_to(values[:1], (1, *population)))
    if all(
        size == 1 or stride == 0
        for size, stride in zip(values.shape[1:], values.strides[1:], strict=True)
    ):
        first = values
        while first.ndim > 1:
            first = first[:, 0]
        return Feed("shared", np.ascontiguousarray(first, dtype))
    aligned = np.expand_dims(values, tuple(range(1, len(population) - values.ndim + 2)))
    whole_values = np.broadcast_to(aligned, (len(values), *population))
    view = flattened(whole_values, values.dtype if values.dtype.kind in "biu" else dtype)
    return Feed("staged", whole_values) if view is None else Feed("direct", view)


def read(
    feed: Feed, steps: slice, start: int, stop: int, scratch: Numbers | None
) -> Numbers | None:
    """Return what the kernel gets for these steps of the neurons ``start:stop``."""
    if feed.kind == "constant":
        return None
    if feed.kind == "shared":
        return feed.values[steps]
    if feed.kind == "direct":
        return feed.values[steps, start:stop]
    values = feed.values[steps]
    assert scratch is not None
    block = scratch[: len(values) * (stop - start)].reshape(len(values), stop - start)
    copy_in(block, values, start)
    return block
