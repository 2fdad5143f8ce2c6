"""Events: what the threads find, merged into one sorted list."""

import threading
from typing import Any

import numpy as np

from fastlif.checks import Numbers
from fastlif.execution.forms import FLOAT64
from fastlif.execution.parallel import for_each
from fastlif.execution.recycle import empty
from fastlif.execution.results import INT64, Events
from fastlif.kernels.events import PLACE_BITS
from fastlif.kernels.merge import merge_kernel

_PART = 2**18  # the number of events merged at a time: Ctrl-C waits for it, and it fits in a cache
_WORTH_A_THREAD = 2**17  # events


class EventLog:
    """The events that the threads find, until they are merged."""

    def __init__(self, several: bool, timed: bool) -> None:
        self._several = several  # whether its number of spikes follows each event
        self._timed = timed  # whether the bits of its offset do
        self._runs: dict[int, list[tuple[Numbers, Numbers | None]]] = {}
        self._lock = threading.Lock()

    def add(self, start: int, found: Numbers) -> None:
        """Store a copy of the next events of the tile that starts at neuron ``start``."""
        if len(found):
            offsets = None
            if self._several:
                events = np.repeat(found[::2], found[1::2])
            elif self._timed:
                events, offsets = _copied(found[::2]), _copied(found[1::2].view(FLOAT64))
            else:
                events = _copied(found)
            with self._lock:
                self._runs.setdefault(start, []).append((events, offsets))

    def merged(self, threads: int) -> tuple[Events, Numbers | None]:
        """Return all events, sorted by step, then neuron, and their offsets if they are timed.

        They are cut at steps into parts that are merged separately, by any thread.
        """
        found = [(start, *piece) for start in sorted(self._runs) for piece in self._runs.pop(start)]
        pieces, within = [piece for _, piece, _ in found], [offsets for *_, offsets in found]
        total = sum(map(len, pieces))
        merged = Events(empty((total,), INT64), empty((total,), INT64))
        offsets = empty((total,), FLOAT64) if self._timed else None
        if not total:
            return merged, offsets
        parts = max(-(-total // _PART), threads if total > _WORTH_A_THREAD else 1)
        first = min(int(piece[0]) for piece in pieces) >> PLACE_BITS
        end = (max(int(piece[-1]) for piece in pieces) >> PLACE_BITS) + 1
        cuts = (first + (end - first) * np.arange(parts + 1) // parts) << PLACE_BITS
        bounds = np.array([np.searchsorted(piece, cuts) for piece in pieces])
        places = bounds.sum(0)
        starts = np.array([start for start, *_ in found], INT64)

        def merge(k: int) -> None:
            used = np.flatnonzero(bounds[:, k] < bounds[:, k + 1])
            if not len(used):
                return
            into = slice(places[k], places[k + 1])

            def joined(arrays: list[Any], dtype: np.dtype[Any]) -> Numbers:
                runs = [arrays[i][bounds[i, k] : bounds[i, k + 1]] for i in used]
                return np.concatenate(runs, out=empty((into.stop - into.start,), dtype))

            # A tile's pieces follow one another in time: together they are one run.
            begins = np.flatnonzero(np.diff(starts[used], prepend=-1))
            ends = np.cumsum([0, *(bounds[used, k + 1] - bounds[used, k])])
            merge_kernel()(
                joined(pieces, INT64),
                np.append(ends[begins], ends[-1]),
                starts[used][begins],
                merged.step[into],
                merged.neuron[into],
                None if offsets is None else joined(within, FLOAT64),
                None if offsets is None else offsets[into],
            )

        for_each(lambda stopped: merge, range(parts), min(threads, parts))
        return merged, offsets


def _copied(array: Numbers) -> Numbers:
    own = empty(array.shape, array.dtype)
    own[:] = array
    return own
