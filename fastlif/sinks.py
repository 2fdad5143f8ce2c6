"""Where a run's records go, tile by tile: what the kernels fill, and what is left to do after."""

import threading
from typing import Any, NamedTuple

import numpy as np

from fastlif.blocks import copy_out, flattened
from fastlif.checks import Numbers
from fastlif.kernels.records import PLACE_BITS, merge_kernel
from fastlif.parallel import for_each
from fastlif.recording import BOOL, INT64, UINT8, Events, Wanted

_EVENTS = 2**16  # how many events a thread's buffer holds beyond those of one step
_PART = (
    2**18
)  # how many events are merged at a time: Ctrl-C waits for it, and a cache should hold it
_WORTH_A_THREAD = 2**17  # events


class Dense(NamedTuple):
    """One dense record: ``view`` (steps, N) if a kernel can write there, else ``array``."""

    view: Numbers | None
    array: Numbers


def target(dense: Dense | None, steps: slice, start: int, stop: int) -> Numbers | None:
    """Return what the kernel fills for these steps of the neurons ``start:stop``."""
    if dense is None:
        return None
    if dense.view is not None:
        return dense.view[steps, start:stop]
    dtype = dense.array.dtype.newbyteorder("=")
    return np.empty((steps.stop - steps.start, stop - start), dtype)


def settle(dense: Dense | None, steps: slice, start: int, block: Numbers | None) -> None:
    """Bring home what the kernel wrote, if it did not write into the array itself."""
    if dense is not None and dense.view is None and block is not None:
        copy_out(dense.array[steps], block, start)


class Sinks:
    """All records of one run.

    Attributes
    ----------
    membrane, spikes : Dense or None
        Those of all neurons and steps.
    chosen_membrane, chosen_spikes : numpy.ndarray or None
        Those that ``neurons`` or ``every`` thins, (rows, columns).
    packed : numpy.ndarray or None
        Bits, (steps, ceil(N/8)).
    counts : numpy.ndarray or None
        Of the flattened population.
    log : EventLog or None
        Events.
    """

    def __init__(
        self,
        wanted: Wanted,
        columns: Numbers | None,
        arrays: dict[str, Numbers],
        dtype: np.dtype[Any],
        spike_dtype: np.dtype[Any],
    ) -> None:
        self.spike_dtype = spike_dtype
        self._homes: list[tuple[Numbers, Numbers]] = []  # (the user's array, what fills it)
        membrane, spikes = arrays.get("membrane"), arrays.get("spikes")
        self.membrane = self.spikes = self.chosen_membrane = self.chosen_spikes = None
        if columns is None and wanted.every == 1:
            self.membrane = _dense(membrane, dtype)
        else:
            self.chosen_membrane = self._fillable(membrane, dtype)
        if columns is None:
            self.spikes = _dense(spikes, spike_dtype)
        else:
            self.chosen_spikes = self._fillable(spikes, spike_dtype)
        self.packed = self._fillable(arrays.get("packed"), UINT8)
        self.counts = None
        if "counts" in arrays:
            filled = self._fillable(arrays["counts"][None], INT64)
            self.counts = None if filled is None else filled[0]
        several = spike_dtype != BOOL
        self.log = EventLog(several) if "events" in wanted.names else None
        self.every = wanted.every
        self._order = None if columns is None else np.argsort(columns, kind="stable")
        self._neurons = None if columns is None else columns[self._order]

    def _fillable(self, array: Numbers | None, dtype: np.dtype[Any]) -> Numbers | None:
        """Return a view (rows, N) of ``array`` to be filled, or an array that is brought home."""
        if array is None:
            return None
        view = flattened(array, dtype)
        if view is None:
            view = np.zeros((len(array), array[:1].size), dtype)
            self._homes.append((array, view))
        return view

    @property
    def staged(self) -> bool:
        """Whether a dense record has to be brought home block by block."""
        return any(d is not None and d.view is None for d in (self.membrane, self.spikes))

    @property
    def nothing_dense(self) -> bool:
        """Whether nothing is written for every neuron and step."""
        return self.membrane is None and self.spikes is None

    @property
    def lacks_spikes(self) -> bool:
        """Whether something is made of a step's row of spikes, which is not recorded itself."""
        made = (self.packed, self.log, self.chosen_spikes)
        return self.spikes is None and any(record is not None for record in made)

    def chosen(self, start: int, stop: int) -> tuple[Numbers | None, Numbers | None]:
        """Return which of the tile's neurons are chosen, and the columns that they fill."""
        if self.chosen_membrane is None and self.chosen_spikes is None:
            return None, None
        if self._neurons is None or self._order is None:
            columns = np.arange(start, stop)
            return columns - start, columns
        part = slice(*np.searchsorted(self._neurons, [start, stop]))
        return self._neurons[part] - start, self._order[part]

    def finish(self) -> None:
        """Bring home what could not be filled directly."""
        for array, filled in self._homes:
            array[...] = filled.reshape(array.shape)


def _dense(array: Numbers | None, dtype: np.dtype[Any]) -> Dense | None:
    return None if array is None else Dense(flattened(array, dtype), array)


class EventLog:
    """The events that the threads find, until they are merged."""

    def __init__(self, several: bool) -> None:
        self._several = several  # whether each event is followed by how many spikes it stands for
        self._runs: dict[int, list[Numbers]] = {}
        self._lock = threading.Lock()

    def buffer(self, size: int) -> Numbers:
        """Return a buffer that a thread may fill, with room for ``size`` events beyond many."""
        return np.empty(_EVENTS + size, INT64)

    def add(self, start: int, events: Numbers) -> None:
        """Keep a copy of events of the tile that starts at neuron ``start``, its next in time."""
        if len(events):
            own = np.repeat(events[::2], events[1::2]) if self._several else events.copy()
            with self._lock:
                self._runs.setdefault(start, []).append(own)

    def merged(self, threads: int) -> Events:
        """Return all events, sorted by step, then neuron.

        Cut at steps into parts, each of which is merged by itself, by any thread.
        """
        tiles = [(start, piece) for start in sorted(self._runs) for piece in self._runs.pop(start)]
        total = sum(len(piece) for _, piece in tiles)
        merged = Events(np.empty(total, INT64), np.empty(total, INT64))
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
                np.concatenate(runs),
                np.append(ends[begins], ends[-1]),
                starts[used][begins],
                merged.step[into],
                merged.neuron[into],
            )

        for_each(lambda stopped: merge, range(parts), min(threads, parts))
        return merged
