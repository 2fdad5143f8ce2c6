"""Events: what the threads find, merged into one sorted list."""

import threading

import numpy as np

from fastlif.checks import Numbers
from fastlif.execution.parallel import for_each
from fastlif.execution.recycle import empty
from fastlif.execution.results import INT64, Events
from fastlif.kernels.merge import merge_kernel
from fastlif.kernels.records import PLACE_BITS

_PART = 2**18  # the number of events merged at a time: Ctrl-C waits for it, and it fits in a cache
_WORTH_A_THREAD = 2**17  # events


class EventLog:
    """The events that the threads find, until they are merged."""

    def __init__(self, several: bool) -> None:
        self._several = several  # whether its number of spikes follows each event
        self._runs: dict[int, list[Numbers]] = {}
        self._lock = threading.Lock()

    def add(self, start: int, events: Numbers) -> None:
        """Store a copy of the next events of the tile that starts at neuron ``start``."""
        if len(events):
            if self._several:
                own = np.repeat(events[::2], events[1::2])
            else:
                own = empty(events.shape, INT64)
                own[:] = events
            with self._lock:
                self._runs.setdefault(start, []).append(own)

    def merged(self, threads: int) -> Events:
        """Return all events, sorted by step, then neuron.

        They are cut at steps into parts that are merged separately, by any thread.
        """
        tiles = [(start, piece) for start in sorted(self._runs) for piece in self._runs.pop(start)]
        total = sum(len(piece) for _, piece in tiles)
        merged = Events(empty((total,), INT64), empty((total,), INT64))
        if not total:
            return merged
        parts = max(-(-total // _PART), threads if total > _WORTH_A_THREAD else 1)
        first = min(int(piece[0]) for _, piece in tiles) >> PLACE_BITS
        end = (max(int(piece[-1]) for _, piece in tiles) >> PLACE_BITS) + 1
        cuts = (first + (end - first) * np.arange(parts + 1) // parts) << PLACE_BITS
        bounds = np.array([np.searchsorted(piece, cuts) for _, piece in tiles])
        places = bounds.sum(0)
        starts = np.array([start for start, _ in tiles], INT64)

        def merge(k: int) -> None:
            used = np.flatnonzero(bounds[:, k] < bounds[:, k + 1])
            if not len(used):
                return
            runs = [tiles[i][1][bounds[i, k] : bounds[i, k + 1]] for i in used]
            # A tile's pieces follow one another in time: together they are one run.
            begins = np.flatnonzero(np.diff(starts[used], prepend=-1))
            ends = np.cumsum([0, *(len(run) for run in runs)])
            into = slice(places[k], places[k + 1])
            merge_kernel()(
                np.concatenate(runs, out=empty((places[k + 1] - places[k],), INT64)),
                np.append(ends[begins], ends[-1]),
                starts[used][begins],
                merged.step[into],
                merged.neuron[into],
            )

        for_each(lambda stopped: merge, range(parts), min(threads, parts))
        return merged
