"""Labelled arrays: ``neuron.run`` for :class:`xarray.DataArray`, in memory or with Dask."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from typing import Any

import numpy as np

try:
    import xarray as xr
except ImportError as error:
    raise ImportError(
        "fastlif.interop.xarray requires xarray: pip install 'fastlif[xarray]'"
    ) from error

from fastlif.checks import common_shape, described
from fastlif.execution.results import DEFAULT_RECORD, Run
from fastlif.execution.state import VARIABLES, State, fields_of, label_of
from fastlif.neurons.base import Neuron


def run(
    neuron: Neuron,
    current: Any,
    initial: Any = None,
    *,
    dim: Hashable = "time",
    steps: int | None = None,
    record: str | Iterable[str] = DEFAULT_RECORD,
    threads: int | None = None,
) -> Run:
    """Integrate an input current over the dimension ``dim``, with the bits of ``neuron.run``.

    Parameters
    ----------
    neuron : fastlif neuron
        The axes of parameters that are arrays are the dimensions of ``current`` without ``dim``, in
        their order.
    current : xarray.DataArray
        Input current. If it contains a dask array, the run is lazy: see
        :func:`fastlif.interop.dask.run`.
    initial : xarray.DataArray, array_like or State, optional
        Membrane entering the first step, or ``final`` of an earlier run. A DataArray may have the
        dimensions of the population in any order.
    dim : hashable
        The dimension of time, at any place.
    steps : int, optional
        Number of steps with a constant current, which does not have ``dim`` then.
    record : str or iterable of str
        Records, as for ``neuron.run``.
    threads : int, optional
        As for ``neuron.run`` or, for dask arrays, as for :func:`fastlif.interop.dask.run`.

    Returns
    -------
    Run
        DataArrays with the dimensions, coordinates and attributes of ``current``. ``membrane`` and
        ``spikes`` have its order of dimensions, also after ``steps=``, where ``dim`` comes first.
        ``packed`` has the dimensions ``dim`` and "byte". ``events`` remain arrays: their neurons
        are indices of the flattened population.

    Raises
    ------
    TypeError
        If ``current`` is not a DataArray, or an argument of ``neuron.run`` has a wrong type.
    ValueError
        If dimensions or coordinates do not match, or if an argument of ``neuron.run`` has a wrong
        value.

    Notes
    -----
    Attributes are copied as they are, also units: change those of the results where necessary.

    Examples
    --------
    >>> import numpy as np, xarray as xr, fastlif
    >>> from fastlif.interop.xarray import run
    >>> current = xr.DataArray(
    ...     np.linspace(0, 0.8, 5), dims="cell", coords={"cell": list("abcde")}, attrs={"lab": 1}
    ... )
    >>> neuron = fastlif.LIF(R=5.1, C=5e-3, time_step=1e-3)
    >>> counts = run(neuron, current, steps=200, record="counts").counts
    >>> counts
    <xarray.DataArray 'counts' (cell: 5)> Size: 40B
    array([ 0,  2, 11, 19, 26])
    Coordinates:
      * cell     (cell) <U1 20B 'a' 'b' 'c' 'd' 'e'
    Attributes:
        lab:      1
    """
    if not isinstance(current, xr.DataArray):
        raise TypeError(f"current must be an xarray.DataArray, got {described(current)}")
    if (dim in current.dims) != (steps is None):
        must = "must have" if steps is None else "must not have, with steps=,"
        raise ValueError(f"current {must} the dimension {dim!r}, got {current.dims}")
    population = [name for name in current.dims if name != dim]
    values = current.transpose(..., *population)
    shape = tuple(current.sizes[name] for name in population)
    if common_shape([("current", shape), *neuron._model.shapes]) != shape:
        raise ValueError(
            f"the neuron's parameters must broadcast to the dimensions {population} of current, "
            f"{shape}, got {dict(neuron._model.shapes)}; expand_dims() gives current more"
        )
    state = _state(neuron, initial, values, population)
    data = values.data
    if any(map(_is_lazy, (data, *_arrays(state)))):
        from fastlif.interop.dask import run as run_lazily  # here, because it requires Dask

        result = run_lazily(
            neuron, data, state, steps=steps, record=record,
            threads=1 if threads is None else threads,
        )  # fmt: skip
    else:
        result = neuron.run(data, state, steps=steps, record=record, threads=threads)
    order = current.dims if steps is None else (dim, *population)
    return _labelled(result, values, dim, population, order)


def _labelled(
    result: Run,
    current: Any,
    dim: Hashable,
    population: Sequence[Hashable],
    order: Sequence[Hashable],
) -> Run:
    """Return a run whose arrays have the labels of the current."""

    def labelled(name: str, array: Any, *dims: Hashable) -> Any:
        if array is None:
            return None
        dropped = [name for name in current.dims if name not in dims]
        coords = current.coords.to_dataset().drop_dims(dropped, errors="ignore").coords
        return xr.DataArray(array, coords, dims, name, current.attrs)

    dense = [labelled(n, getattr(result, n), dim, *population) for n in ("membrane", "spikes")]
    membrane, spikes = (None if array is None else array.transpose(*order) for array in dense)
    final = {name: labelled(name, getattr(result.final, name), *population) for name in VARIABLES}
    return result._replace(
        membrane=membrane,
        spikes=spikes,
        packed=labelled("packed", result.packed, dim, "byte"),
        counts=labelled("counts", result.counts, *population),
        final=result.final._replace(**final),
    )


def _state(neuron: Neuron, initial: Any, current: Any, population: Sequence[Hashable]) -> Any:
    """Return the initial state with arrays whose axes are those of the population."""
    names = neuron._model.rule.states
    fields = {
        name: _positional(label_of("initial", name), field, current, population)
        for name, field in zip(names, fields_of("initial", initial, names), strict=True)
    }
    if isinstance(initial, State):
        return initial._replace(**fields)
    return fields["mem"]


def _positional(name: str, field: Any, current: Any, population: Sequence[Hashable]) -> Any:
    """Return the array of a DataArray of the population, after a check of its labels."""
    if not isinstance(field, xr.DataArray):
        return field
    unknown = set(field.dims) - set(population)
    if unknown:
        raise ValueError(
            f"{name} must have dimensions of the population, {list(population)}, got {field.dims}"
        )
    try:
        xr.align(current, field, join="exact", copy=False)
    except ValueError as error:
        raise ValueError(f"{name} must have the coordinates of current: {error}") from error
    missing = [dim for dim in population if dim not in field.dims]
    return field.expand_dims(missing).transpose(*population).data


def _arrays(state: Any) -> list[Any]:
    return [getattr(state, name) for name in VARIABLES] if isinstance(state, State) else [state]


def _is_lazy(array: Any) -> bool:
    """Tell whether ``array`` is a dask array, without importing Dask."""
    return not isinstance(array, np.ndarray) and hasattr(array, "__dask_graph__")
