"""Sources of what is given: arrays over time, and constants."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from fastlif.checks import Numbers, described, numbers, parameter
from fastlif.execution.blocks import flattened
from fastlif.execution.bound_source import Compiled, slots_of
from fastlif.execution.memory import ensure_readable
from fastlif.execution.sources import Source, dtype_of
from fastlif.kernels.sources.given import constant, weighted


class WeightedInput(Source):
    """An array of currents or spikes with time as axis 0, times a weight.

    Spikes of one byte are read as one byte.

    Parameters
    ----------
    values : array_like
        Numbers of shape ``(T, *population)`` or ``(T, 1)``. Its first row belongs to the first step
        of a run. An array of Zarr or h5py is read into memory as a whole, ``numpy.memmap`` is not.
    weight : float or array_like
        A number, or one value per neuron.

    Raises
    ------
    TypeError
        If an argument has a wrong type.
    ValueError
        If ``values`` has no time axis, or ``weight`` is not finite.

    Examples
    --------
    >>> import numpy as np, fastlif
    >>> spikes = np.random.default_rng(0).random((200, 3)) < [0.1, 0.2, 0.3]
    >>> source = fastlif.sources.WeightedInput(spikes, weight=2.0) + 0.1
    >>> fastlif.LIF(tau=0.02, R=10.0).run(source, record="counts").counts
    array([19, 26, 62])
    """

    _parameters = "values", "weight"

    def __init__(self, values: ArrayLike, weight: ArrayLike = 1.0) -> None:
        ensure_readable("values", values)
        self.values = numbers("values", values)
        if not self.values.ndim:
            raise ValueError(f"values must have time as its first axis, got {described(values)}")
        self.weight = parameter("weight", weight)
        self.rows = len(self.values)
        doubles = [
            array for array in (self.values, self.weight)
            if isinstance(array, np.ndarray) and array.dtype.kind == "f" and array.itemsize == 8
        ]  # fmt: skip
        self.dtype = np.dtype(np.float64 if doubles else np.float32)

    def __repr__(self) -> str:
        return f"WeightedInput({described(self.values)}, {self.weight!r})"

    @property
    def shapes(self) -> tuple[tuple[str, tuple[int, ...]], ...]:
        """The names and shapes of the parameters; a user knows the array as the current."""
        return ("current", self.values.shape[1:]), ("weight", np.shape(self.weight))

    @property
    def arrays(self) -> tuple[Numbers, ...]:
        """The array over time."""
        return (self.values,)

    def of_steps(self, begin: int, end: int) -> Source:
        """Return the source for some steps of a run."""
        source = copy.copy(self)
        source.values = self.values[begin:end]
        source.rows = len(source.values)
        return source

    def _times(self, name: str) -> int:
        return int(name == "values")

    def _compile(
        self, dtype: np.dtype[Any], population: tuple[int, ...], noise: Sequence[Numbers]
    ) -> Compiled:
        values = self.values
        missing = len(population) - values.ndim + 1
        values = values.reshape(len(values), *[1] * missing, *values.shape[1:])
        values = np.broadcast_to(values, (len(values), *population))
        axes = zip(values.shape[1:], values.strides[1:], strict=True)
        shared = all(size == 1 or stride == 0 for size, stride in axes)
        if shared:  # one number per step, however many neurons
            values = values[(slice(None), *(slice(1) for _ in population))]
        kind = values.dtype.newbyteorder("=") if values.dtype.kind in "biu" else dtype
        rows = flattened(values, kind)
        if rows is None:
            rows = np.ascontiguousarray(values, kind)
            rows = rows.reshape(len(values), math.prod(values.shape[1:]))
        kept: list[Any] = [rows]
        back = rows.strides[0] % 2**64  # as unsigned, if the steps are in reverse order
        slots = [rows.ctypes.data, back, 0 if shared else rows.itemsize]
        slots += slots_of(self.weight, dtype, population, kept)
        read = rows.dtype if rows.dtype != np.bool_ else np.dtype(np.uint8)
        each = np.size(self.weight) > 1
        return Compiled(weighted(dtype, read, not shared, each), slots, kept)


class Constant(Source):
    """A current that does not change over time.

    Parameters
    ----------
    value : float or array_like
        A number, or one value per neuron.

    Raises
    ------
    TypeError
        If ``value`` is not a number or an array of numbers.
    ValueError
        If it is not finite.

    Examples
    --------
    >>> import fastlif
    >>> fastlif.sources.Constant([0.1, 0.2]).sample(2, 2)
    array([[0.1, 0.2],
           [0.1, 0.2]], dtype=float32)
    """

    _parameters = ("value",)

    def __init__(self, value: ArrayLike) -> None:
        self.value = parameter("value", value)
        self.dtype = dtype_of(self.value)

    def __repr__(self) -> str:
        return f"Constant({self.value!r})"

    def _compile(
        self, dtype: np.dtype[Any], population: tuple[int, ...], noise: Sequence[Numbers]
    ) -> Compiled:
        kept: list[Any] = []
        slots = slots_of(self.value, dtype, population, kept)
        each = np.size(self.value) > 1
        return Compiled(constant(dtype, each), slots, kept)
