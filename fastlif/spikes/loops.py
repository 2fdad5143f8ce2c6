"""Loops over checked spikes, in blocks of steps and in several threads."""

from collections.abc import Callable

import numpy as np

from fastlif.checks import Numbers
from fastlif.execution.parallel import for_each, thread_count
from fastlif.execution.recycle import empty
from fastlif.execution.results import BOOL, INT64, UINT8, Events
from fastlif.kernels.spike_trains import kernel
from fastlif.spikes.source import Source, read_only

_BLOCK = 2**20  # bytes that are read at a time: Ctrl-C waits for it, and it fits in a cache
_WORTH_A_THREAD = 2**28  # bytes: less takes as long as threads that wait for a busy processor

Work = Callable[[int, int], None]


def in_blocks(worker: Callable[[], Work], rows: int, nbytes: int) -> None:
    """Call ``worker()(begin, end)`` for blocks of rows of ``nbytes`` each.

    Each thread creates its own worker.
    """
    length = max(1, _BLOCK // max(1, nbytes))
    begins = range(0, rows, length)
    threads = thread_count(None) if rows * nbytes >= _WORTH_A_THREAD else 1

    def block_worker(stopped: Callable[[], bool]) -> Callable[[int], None]:
        work = worker()
        return lambda begin: work(begin, min(begin + length, rows))

    for_each(block_worker, begins, max(1, min(threads, len(begins))))


def _blockwise(source: Source, worker: Callable[[], Work]) -> None:
    assert source.array is not None
    in_blocks(worker, source.length, source.array[:1].nbytes)


def _rows(source: Source, begin: int, end: int) -> Numbers:
    """Return some steps as a kernel reads them: flattened, and copied if necessary."""
    assert source.array is not None
    piece = np.ascontiguousarray(
        source.array[begin:end], INT64 if source.kind == "several" else source.array.dtype
    )
    rows = piece.reshape(len(piece), -1) if piece.size else piece.reshape(len(piece), 0)
    return read_only(rows if source.kind == "several" else rows.view(UINT8))


def _bits(source: Source, begin: int, end: int) -> Numbers:
    """Return some steps of dense or packed spikes as bits."""
    rows = _rows(source, begin, end)
    if source.kind == "packed":
        return rows
    packed = np.empty((len(rows), -(-rows.shape[1] // 8)), UINT8)
    kernel("pack")(rows, packed)
    return read_only(packed)


def packed_of(source: Source) -> Numbers:
    """Return checked spikes as bits; no neuron has several in a step."""
    if source.kind == "packed":
        assert source.array is not None
        return source.array
    packed = empty((source.length, -(-source.size // 8)), UINT8)
    if source.kind == "events":
        mark(source, packed, packed=True)
        return packed
    if source.kind == "several":
        assert source.array is not None
        source = source._replace(kind="dense", array=source.array.astype(BOOL))
    work: Work = lambda b, e: kernel("pack")(_rows(source, b, e), packed[b:e])  # noqa: E731
    _blockwise(source, lambda: work)
    return packed


def unpack(source: Source, rows: Numbers) -> None:
    """Fill bytes (steps, N) from packed spikes."""
    work: Work = lambda b, e: kernel("unpack")(_rows(source, b, e), rows[b:e])  # noqa: E731
    _blockwise(source, lambda: work)


def mark(source: Source, rows: Numbers, packed: bool) -> None:
    """Fill dense or packed spikes (steps, ...) from events."""
    assert source.events is not None
    step, neuron = map(read_only, source.events)
    name = "mark_packed" if packed else "mark_dense"

    def work(begin: int, end: int) -> None:
        part = slice(*np.searchsorted(step, [begin, end]))
        rows[begin:end].fill(0)
        kernel(name)(step[part], neuron[part], begin, rows[begin:end])

    in_blocks(lambda: work, len(rows), rows[:1].nbytes)


def events_of(source: Source) -> Events:
    """Return checked spikes as events."""
    if source.events is not None:
        return source.events
    if source.kind == "dense":  # to read them once only
        source = source._replace(kind="packed", array=packed_of(source))
    counts = row_counts(source)
    bounds = np.concatenate(([0], np.cumsum(counts)))
    total = int(bounds[-1])
    events = Events(empty((total,), INT64), empty((total,), INT64))

    def work(begin: int, end: int) -> None:
        into = slice(bounds[begin], bounds[end])
        rows = _rows(source, begin, end)
        kernel(f"list_{source.kind}")(rows, begin, events.step[into], events.neuron[into])

    _blockwise(source, lambda: work)
    return events


def row_counts(source: Source) -> Numbers:
    """Return the number of spikes of each step."""
    if source.events is not None:
        return np.bincount(source.events.step, minlength=source.length)
    counts = np.empty(source.length, INT64)

    def work(begin: int, end: int) -> None:
        if source.kind == "several":
            kernel("count_several")(_rows(source, begin, end), counts[begin:end])
        else:
            kernel("count_packed")(_bits(source, begin, end), counts[begin:end])

    _blockwise(source, lambda: work)
    return counts


def neuron_counts(source: Source) -> Numbers:
    """Return the number of spikes of each neuron of the flattened population."""
    if source.events is not None:
        return np.bincount(source.events.neuron, minlength=source.size)
    assert source.array is not None
    if source.kind == "several":
        several: Numbers = source.array.sum(axis=0, dtype=INT64).reshape(source.size)
        return several
    totals: list[Numbers] = []

    def worker() -> Work:
        own = np.zeros(source.size + 128, INT64)
        totals.append(own)
        return lambda begin, end: kernel("tally_packed")(_bits(source, begin, end), own)

    _blockwise(source, worker)
    counts: Numbers = np.sum(totals, axis=0)[: source.size]
    return counts
