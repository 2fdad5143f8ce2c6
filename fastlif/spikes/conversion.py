"""Conversion between dense spikes, packed spikes and events."""

from typing import Any

import numpy as np

from fastlif.checks import Numbers
from fastlif.execution.recycle import empty
from fastlif.execution.results import BOOL, INT32, UINT8, Events
from fastlif.spikes.loops import events_of, mark, packed_of, unpack
from fastlif.spikes.source import Source, read


def to_events(
    spikes: Any, *, steps: int | None = None, population: int | tuple[int, ...] | None = None
) -> Events:
    """Return spikes as a list of events.

    Parameters
    ----------
    spikes : Run, Events or numpy.ndarray
        Spikes in any format; see :mod:`fastlif.spikes`.
    steps : int, optional
        Number of steps.
    population : int or tuple of int, optional
        Shape of the population.

    Returns
    -------
    Events
        The spikes, sorted by step, then by neuron. A neuron with several spikes in a step has as
        many equal events. If ``spikes`` are events, they are returned, without a copy if possible.

    Examples
    --------
    >>> import numpy as np, fastlif
    >>> fastlif.spikes.to_events(np.array([[False, True], [True, True]]))
    Events(step=array([0, 1, 1]), neuron=array([1, 0, 1]))
    """
    return events_of(read(spikes, steps, population))


def to_dense(
    spikes: Any,
    *,
    steps: int | None = None,
    population: int | tuple[int, ...] | None = None,
    dtype: Any = bool,
) -> Numbers:
    """Return spikes as an array of shape ``(T, *population)``.

    Parameters
    ----------
    spikes : Run, Events or numpy.ndarray
        Spikes in any format; see :mod:`fastlif.spikes`.
    steps : int, optional
        Number of steps. Required for events.
    population : int or tuple of int, optional
        Shape of the population. Required for packed spikes and events.
    dtype : numpy.dtype
        ``bool``, or ``numpy.int32`` for the number of spikes of each step.

    Returns
    -------
    numpy.ndarray
        The spikes. If ``spikes`` are such an array, it is returned without a copy.

    Raises
    ------
    TypeError, ValueError
        See :mod:`fastlif.spikes`; also if a neuron has several spikes in a step and ``dtype`` is
        bool.

    Examples
    --------
    >>> import fastlif
    >>> events = fastlif.Events([0, 1, 1], [1, 0, 1])
    >>> fastlif.spikes.to_dense(events, steps=2, population=2)
    array([[False,  True],
           [ True,  True]])
    """
    kind = np.dtype(dtype)
    if kind not in (BOOL, INT32):
        raise TypeError(f"dtype must be bool or int32, got {kind}")
    source = read(spikes, steps, population)
    if kind == BOOL:
        _require_single(source, "dtype must be int32")
    if source.kind in ("dense", "several"):
        assert source.array is not None
        return source.array.astype(kind, copy=False)
    dense = empty((source.length, *source.shape), kind)
    rows = dense.reshape(source.length, source.size)
    if source.kind == "packed":
        single = rows.view(UINT8) if kind == BOOL else np.empty(rows.shape, UINT8)
        unpack(source, single)
        if kind != BOOL:
            rows[:] = single
    else:
        mark(source, rows.view(UINT8) if kind == BOOL else rows, packed=False)
    return dense


def to_packed(
    spikes: Any, *, steps: int | None = None, population: int | tuple[int, ...] | None = None
) -> Numbers:
    """Return spikes as bits, 8 neurons per byte.

    Parameters
    ----------
    spikes : Run, Events or numpy.ndarray
        Spikes in any format; see :mod:`fastlif.spikes`.
    steps : int, optional
        Number of steps. Required for events.
    population : int or tuple of int, optional
        Shape of the population. Required for packed spikes and events.

    Returns
    -------
    numpy.ndarray
        uint8 of shape ``(T, ceil(N/8))``, as ``numpy.packbits(..., axis=1, bitorder="little")`` of
        the flattened population. If ``spikes`` are packed, they are returned without a copy.

    Raises
    ------
    TypeError, ValueError
        See :mod:`fastlif.spikes`; also if a neuron has several spikes in a step.

    Examples
    --------
    >>> import numpy as np, fastlif
    >>> fastlif.spikes.to_packed(np.array([[False, True], [True, True]]))
    array([[2],
           [3]], dtype=uint8)
    """
    source = read(spikes, steps, population)
    _require_single(source, "packed spikes have one bit per neuron and step, use to_events")
    return packed_of(source)


def _require_single(source: Source, advice: str) -> None:
    """Raise if a neuron has several spikes in a step."""
    if source.repeated >= 0:
        assert source.events is not None
        step, neuron = (int(a[source.repeated]) for a in source.events)
        raise ValueError(f"neuron {neuron} has several spikes in step {step}: {advice}")
    if source.kind == "several":
        assert source.array is not None
        several = source.array > 1
        if several.any():
            step, neuron = (int(k[0]) for k in several.reshape(len(several), -1).nonzero())
            raise ValueError(f"neuron {neuron} has several spikes in step {step}: {advice}")
