"""The arguments of a run with dask arrays: what they are, and how they are divided."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

try:
    import dask
    import dask.array as da
except ImportError as error:
    raise ImportError(
        "fastlif.interop.dask requires dask.array: pip install 'fastlif[dask]'"
    ) from error

from fastlif.checks import Numbers, described, is_plain, whole
from fastlif.execution.forms import read
from fastlif.execution.generated import Start
from fastlif.execution.plan import RunPlan
from fastlif.execution.records import names_of
from fastlif.execution.sources import Source, steps_of
from fastlif.execution.state import State, fields_of, label_of
from fastlif.execution.stored import is_outside
from fastlif.model import Model

_MOST_STEPS = 2**62

Chunks = tuple[tuple[int, ...], ...]


class Arguments:
    """Checked arguments.

    Attributes
    ----------
    current : dask array, Source, number or numpy.ndarray
        A NumPy array if it has no time axis, and a dask array otherwise.
    fields : list
        The variables of the initial state: dask arrays, numbers or NumPy arrays; None if absent.
    noise : dask array, numpy.ndarray or None
        The state of the source.
    begun : int
        The number of steps before the run.
    plan : RunPlan
        The run as one call of ``neuron.run`` would do it: shapes and dtypes.
    """

    def __init__(
        self, model: Model, current: Any, initial: Any, steps: Any, record: Any, population: Any
    ) -> None:
        self.over_time = steps is None and not isinstance(current, Source)
        self._stored: Any = None  # the current, if it is an array outside memory
        if isinstance(current, Source):
            current = current._settled(steps is not None)
            steps = steps_of(current, steps)
            form: tuple[Any, bool] = current, False
        else:
            self._stored = current if self.over_time and is_outside(current) else None
            if self._stored is not None:
                current = from_stored(current, "auto" if math.prod(current.shape) else -1)
            current, form = _read("current", current)
        if steps is not None:
            steps = whole("steps", steps, 0, _MOST_STEPS)
        elif not form[0].ndim:
            raise ValueError(
                f"current must have time as its first axis, got {described(form[0])}; "
                "for a current that is constant in time, give steps="
            )
        states = model.rule.states
        read_fields = [
            (field, None) if field is None else _read(label_of("initial", name), field)
            for name, field in zip(states, fields_of("initial", initial, states), strict=True)
        ]
        forms = [form for _, form in read_fields]
        if population is not None:
            sizes = population if isinstance(population, tuple) else (population,)
            shape = tuple(whole("population", size, 0) for size in sizes)
            forms[0] = _of_shape(forms[0], shape)
        self.names = names_of(record)
        self.plan = RunPlan(model, form, steps, forms, self.names, None, 1, None, 1)
        if population is not None and self.plan.population != shape:
            raise ValueError(
                f"population must be {self.plan.population}, the shape of the arguments, "
                f"got {shape}"
            )
        self.noise, self.begun = None, 0
        if isinstance(initial, State):
            self.begun = initial.steps
        if isinstance(current, Source):
            noise = initial.noise if isinstance(initial, State) else None
            Start(current, self.begun, noise).check(self.plan.steps, self.plan.population)
            self.noise = noise if current.noises else None
        # Python numbers do not widen an array: from here on, they have the dtype of the run.
        self.current = _as_strong(current, form, self.plan.dtype)
        self.fields = [_as_strong(value, form, self.plan.dtype) for value, form in read_fields]
        if self.over_time and not is_dask(current):
            self.current = da.from_array(self.current, chunks=-1)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the dense records."""
        return (self.plan.steps, *self.plan.population)

    def inputs(self) -> tuple[list[Numbers], list[Any]]:
        """Return the arrays in memory and outside it that the run reads, as far as known."""
        values = [self.current, *self.fields, self.noise, self._stored]
        for value in [value for value in values if is_dask(value)]:
            for layer in value.dask.layers.values():
                if len(layer) == 1:  # what Dask divides is one such layer
                    values += [getattr(node, "value", node) for node in layer.values()]
        arrays = [value for value in values if isinstance(value, np.ndarray)]
        return arrays, [value for value in values if is_outside(value)]

    def current_in(self, chunks: Chunks) -> Any:
        """Return the current, a dask array, with the chunks of the dense records."""
        leading = (chunks[0],) if self.over_time else ()
        target = chunks_like(self.current, chunks[1:], leading)
        if self._stored is not None:
            return from_stored(self._stored, target)
        return self.current.rechunk(target)


def chunks_of(arguments: Arguments, chunks: Any) -> Chunks:
    """Return the chunks of the dense records."""
    shape = arguments.shape
    if chunks is None:
        auto = "auto" if math.prod(shape) else -1  # Dask divides by the number of elements
        time, *axes = [auto, auto, *[-1] * len(shape)][: len(shape)]
        given = [*arguments.fields[::-1], arguments.current]  # the later, the more important
        for array in given:
            if not is_dask(array):
                continue
            own = array.chunks
            if array is arguments.current and arguments.over_time:
                time, own = own[0], own[1:]
            for axis, sizes in enumerate(own, len(axes) - len(own)):
                if sum(sizes) == arguments.plan.population[axis]:
                    axes[axis] = sizes
        chunks = (time, *axes)
    try:
        found: Chunks = da.core.normalize_chunks(chunks, shape, dtype=arguments.plan.dtype)
    except (ValueError, ZeroDivisionError) as error:
        raise ValueError(
            f"chunks must divide the shape {shape} of the records, got {chunks!r}: {error}"
        ) from error
    return found


def chunks_like(array: Any, chunks: Sequence[tuple[int, ...]], leading: Any = ()) -> Chunks:
    """Return the chunks of an array that broadcasts to the population, with ``leading`` ones."""
    own = array.shape[len(leading) :]
    target = [
        sizes if size == sum(sizes) else (1,)
        for size, sizes in zip(own, chunks[len(chunks) - len(own) :], strict=True)
    ]
    return (*leading, *target)


def from_stored(array: Any, chunks: Any) -> Any:
    """Return a dask array that reads an array outside memory, chunk by chunk.

    Its name is unique, because what is stored may change.
    """
    return da.from_array(_Mapped(array) if isinstance(array, np.memmap) else array, chunks, False)


class _Mapped:
    """An array in a mapped file, which is refused to be sent as a copy to another process."""

    def __init__(self, array: Any) -> None:
        self._array = array
        self.shape, self.dtype, self.ndim = array.shape, array.dtype, array.ndim

    def __getitem__(self, index: Any) -> Any:
        return self._array[index]

    def __reduce__(self) -> Any:
        raise TypeError(
            "current must not be a numpy.memmap if other processes compute the run "
            "(dask.distributed, or scheduler='processes'), which would receive copies of its "
            "contents: use an array of Zarr"
        )


def is_dask(value: Any) -> bool:
    """Tell whether ``value`` is a dask array."""
    return isinstance(value, da.Array)


def _read(name: str, value: Any) -> tuple[Any, tuple[Numbers, bool]]:
    """Return a value as a dask or NumPy array, and what ``neuron.run`` would read it as.

    The latter has no contents, and whether it consists of Python numbers.
    """
    if not is_dask(value):
        if dask.is_dask_collection(value):
            raise TypeError(
                f"{name} must be a dask.array.Array or an array in memory, got a "
                f"{type(value).__name__} of Dask: use fastlif.interop.xarray.run for a DataArray, "
                "or pass what is in its attribute data"
            )
        array, weak = read(name, value)
        return array, (array, weak)
    if not is_plain(value._meta):
        raise TypeError(
            f"{name} must be a dask array of NumPy arrays, got one of {described(value._meta)}"
        )
    if any(math.isnan(size) for sizes in value.chunks for size in sizes):
        raise ValueError(
            f"{name} must have chunks of known sizes, got {value.chunks}; call its method "
            "compute_chunk_sizes() before"
        )
    return value, (np.broadcast_to(np.empty((), value.dtype), value.shape), False)


def _as_strong(value: Any, form: tuple[Any, bool] | None, dtype: np.dtype[Any]) -> Any:
    return np.asarray(value, dtype) if form is not None and form[1] else value


def _of_shape(form: Any, population: tuple[int, ...]) -> tuple[Numbers, bool]:
    """Return the membrane that a population of this shape has, without an effect on the dtype."""
    array, weak = (np.zeros((), np.float32), True) if form is None else form
    try:
        return np.broadcast_to(array, population), weak
    except ValueError:
        raise ValueError(
            f"population must be a shape that initial, {array.shape}, broadcasts to, "
            f"got {population}"
        ) from None
