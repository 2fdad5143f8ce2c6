"""The input of a run: from the user's array to what a kernel reads.

==========  =====================================================  =========================
kind        the input, seen as (steps, *population)                what a kernel receives
==========  =====================================================  =========================
constant    the same at every step (``steps=``, or a zero stride)  nothing: it stands in
                                                                   the tile's scratch
shared      the same for every neuron ((T, 1), or zero strides)    one number per step
direct      native numbers of the state's dtype, integers or       a slice of the user's
            bools, with the neurons of a step contiguous           array
staged      anything else: float16, other byte orders, Fortran     a block of it, copied
            order, time last, views that do not flatten            and cast
==========  =====================================================  =========================
"""

from typing import Any, TypeAlias

import numpy as np

from fastlif.checks import Numbers
from fastlif.execution.blocks import copy_in, flattened
from fastlif.execution.scratch import Scratch
from fastlif.kernels.layout import INPUT

# What fills a row of scratch: a number, a flat array, or an array (1, *population).
Source: TypeAlias = Any


def source_of(array: Numbers, population: tuple[int, ...]) -> Source:
    """Return what fills a row of scratch with ``array``, which broadcasts to the population."""
    if array.size == 1 and array.dtype.kind in "fb":  # an integer would be rounded twice
        return float(array.item())
    if array.shape == population and array.flags.c_contiguous:
        return array.reshape(-1)
    return np.broadcast_to(array, (1, *population))


def fill(row: Numbers, source: Source, start: int, stop: int) -> None:
    """Fill the row of a tile with the neurons ``start:stop`` of ``source``."""
    if type(source) is not np.ndarray:
        row.fill(source)
    elif source.ndim == 1:
        row[:] = source[start:stop]
    else:
        copy_in(row[None], source, start)


class Input:
    """How the kernels receive inputs of one form.

    Attributes
    ----------
    kind : str
        As in the module's table.
    """

    def __init__(
        self,
        values: Numbers,
        steps: int | None,
        population: tuple[int, ...],
        dtype: np.dtype[Any],
        work: int,
    ) -> None:
        """Plan for inputs like ``values``, without a time axis if ``steps`` is given.

        ``work`` is the number of neuron-steps.
        """
        self._population, self._dtype, self._timeless = population, dtype, steps is not None
        self._work = work
        self._axes = tuple(range(1, len(population) - values.ndim + 2))
        if not work or steps is not None or (len(values) > 1 and values.strides[0] == 0):
            self.kind = "constant"
        elif all(
            size == 1 or stride == 0
            for size, stride in zip(values.shape[1:], values.strides[1:], strict=True)
        ):
            self.kind = "shared"
            flags = values.flags
            self._flattens = (
                values.dtype == dtype
                and values.size == len(values)
                and flags.c_contiguous
                and flags.aligned
            )
        else:
            kernel_dtype = values.dtype if values.dtype.kind in "biu" else dtype
            view = flattened(self._over_population(values), kernel_dtype)
            self.kind = "staged" if view is None else "direct"

    def _over_population(self, values: Numbers) -> Numbers:
        """Return a view of ``values`` of shape (steps, *population)."""
        if values.shape[1:] == self._population:
            return values
        aligned = np.expand_dims(values, self._axes)
        return np.broadcast_to(aligned, (len(values), *self._population))

    def as_it_is(self, values: Numbers) -> bool:
        """Tell whether ``bind`` returns inputs like ``values`` as they are."""
        return self.kind in ("direct", "shared") and self.bind(values) is values

    def bind(self, values: Numbers) -> Any:
        """Return what ``read`` cuts into tiles."""
        if self.kind == "shared":
            if self._flattens:
                return values if values.ndim == 1 else values.reshape(-1)
            while values.ndim > 1:
                values = values[:, 0]
            return np.ascontiguousarray(values, self._dtype)
        if self.kind == "constant":
            if not self._work:
                return 0.0
            return source_of(values if self._timeless else values[0], self._population)
        if self.kind == "direct":
            if values.ndim == 2 and values.shape[1:] == self._population:
                return values
            return self._over_population(values).reshape(len(values), -1)
        return self._over_population(values)

    def prepare(self, bound: Any, scratch: Scratch, start: int, stop: int) -> None:
        """Put an input that is constant in time into a tile's scratch."""
        if self.kind == "constant":
            fill(scratch.rows[INPUT, : stop - start], bound, start, stop)

    def read(
        self, bound: Any, begin: int, end: int, start: int, stop: int, scratch: Scratch
    ) -> Numbers | None:
        """Return what a kernel receives for some steps of the neurons ``start:stop``."""
        if self.kind == "direct":
            if bound.shape == (end - begin, stop - start):
                return bound  # type: ignore[no-any-return]
            return bound[begin:end, start:stop]  # type: ignore[no-any-return]
        if self.kind == "constant":
            return None
        if self.kind == "shared":
            return bound if len(bound) == end - begin else bound[begin:end]  # type: ignore[no-any-return]
        block = scratch.stage()[: (end - begin) * (stop - start)].reshape(end - begin, stop - start)
        copy_in(block, bound[begin:end], start)
        return block
