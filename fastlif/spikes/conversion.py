"""Conversion between dense spikes, packed spikes and events."""

from collections.abc import Callable
from typing import Any

import numpy as np

from fastlif.checks import Numbers
from fastlif.execution.parallel import for_each, thread_count
from fastlif.execution.recycle import empty
from fastlif.execution.results import BOOL, INT32, INT64, UINT8, Events
from fastlif.kernels.spike_trains import kernel
from fastlif.spikes.source import Source, read, read_only, rows_of

_BLOCK = 2**20  # bytes that are converted at a time: Ctrl-C waits for it, and it fits in a cache
_WORTH_A_THREAD = 2**22  # bytes


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

    Raises
    ------
    TypeError, ValueError
        If ``spikes`` have none of the formats, or do not match the other arguments.

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
        If ``spikes`` have none of the formats, or do not match the other arguments, or if a neuron
        has several spikes in a step and ``dtype`` is bool.

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
    if source.kind == "dense":
        assert source.array is not None
        return source.array if source.array.dtype == kind else source.array.astype(kind)
    shape = (source.length, *source.shape)
    dense = empty(shape, kind)
    rows = dense.reshape(source.length, source.size)
    if source.kind == "events":
        _mark(source, "mark_dense", rows.view(UINT8) if kind == BOOL else rows)
    elif kind == BOOL:
        _blockwise(
            source, lambda b, e: kernel("unpack")(rows_of(source, b, e), rows[b:e].view(UINT8))
        )
    else:
        return to_dense(source.array, population=source.shape).astype(kind)
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
        If ``spikes`` have none of the formats, or do not match the other arguments, or if a neuron
        has several spikes in a step.

    Examples
    --------
    >>> import numpy as np, fastlif
    >>> fastlif.spikes.to_packed(np.array([[False, True], [True, True]]))
    array([[2],
           [3]], dtype=uint8)
    """
    source = read(spikes, steps, population)
    _require_single(source, "packed spikes have one bit per neuron and step, use to_events")
    shape = (source.length, -(-source.size // 8))
    if source.kind == "packed":
        assert source.array is not None
        return source.array
    packed = empty(shape, UINT8)
    if source.kind == "events":
        _mark(source, "mark_packed", packed)
    else:
        single = source._replace(array=source.array.astype(BOOL, copy=False))  # type: ignore[union-attr]
        _blockwise(single, lambda b, e: kernel("pack")(rows_of(single, b, e), packed[b:e]))
    return packed


def events_of(source: Source) -> Events:
    """Return the events of checked spikes."""
    if source.events is not None:
        return source.events
    assert source.array is not None
    name = source.kind if source.array.dtype in (BOOL, UINT8) else "several"
    counts = row_counts(source)
    bounds = np.concatenate(([0], np.cumsum(counts)))
    events = Events(empty((int(bounds[-1]),), INT64), empty((int(bounds[-1]),), INT64))

    def list_block(begin: int, end: int) -> None:
        into = slice(bounds[begin], bounds[end])
        rows = rows_of(source, begin, end)
        kernel(f"list_{name}")(rows, begin, events.step[into], events.neuron[into])

    _blockwise(source, list_block)
    return events


def row_counts(source: Source) -> Numbers:
    """Return the number of spikes of each step."""
    if source.events is not None:
        return np.bincount(source.events.step, minlength=source.length)
    assert source.array is not None
    name = source.kind if source.array.dtype in (BOOL, UINT8) else "several"
    counts = np.empty(source.length, INT64)
    _blockwise(source, lambda b, e: kernel(f"count_{name}")(rows_of(source, b, e), counts[b:e]))
    return counts


def _require_single(source: Source, advice: str) -> None:
    """Raise if a neuron has several spikes in a step."""
    if source.repeated >= 0:
        assert source.events is not None
        step, neuron = (int(a[source.repeated]) for a in source.events)
        raise ValueError(f"neuron {neuron} has several spikes in step {step}: {advice}")
    if source.kind == "dense" and source.array is not None and source.array.dtype != BOOL:
        several = source.array > 1
        if several.any():
            step, neuron = (int(k[0]) for k in several.reshape(len(several), -1).nonzero())
            raise ValueError(f"neuron {neuron} has several spikes in step {step}: {advice}")


def _mark(source: Source, name: str, rows: Numbers) -> None:
    """Fill dense or packed spikes from events."""
    assert source.events is not None
    step, neuron = map(read_only, source.events)

    def mark(begin: int, end: int) -> None:
        part = slice(*np.searchsorted(step, [begin, end]))
        kernel(name)(step[part], neuron[part], begin, rows[begin:end])

    in_blocks(mark, len(rows), rows[:1].nbytes)


def _blockwise(source: Source, work: Callable[[int, int], None]) -> None:
    assert source.array is not None
    in_blocks(work, source.length, source.array[:1].nbytes)


def in_blocks(work: Callable[[int, int], None], rows: int, nbytes: int) -> None:
    """Call ``work(begin, end)`` for blocks of rows of ``nbytes`` each, in several threads."""
    length = max(1, _BLOCK // max(1, nbytes))
    begins = range(0, rows, length)
    threads = thread_count(None) if rows * nbytes >= _WORTH_A_THREAD else 1
    for_each(
        lambda stopped: lambda begin: work(begin, min(begin + length, rows)),
        begins,
        min(threads, len(begins)) or 1,
    )
