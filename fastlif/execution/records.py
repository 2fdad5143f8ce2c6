"""The records of a run: their names, shapes and dtypes, and which neurons and steps they hold."""

import functools
import math
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np

from fastlif.checks import Numbers, choice, described, numbers, output
from fastlif.execution.blocks import flattened
from fastlif.execution.recycle import allocator
from fastlif.execution.results import DEFAULT_RECORD, INT64, UINT8
from fastlif.execution.stores import LARGE
from fastlif.kernels.records import Records

ARRAYS = ("membrane", "spikes", "packed", "counts")  # the first fields of Run
RECORDS = (*ARRAYS, "events")


def names_of(record: object) -> frozenset[str]:
    """Return the names in ``record``."""
    if type(record) in (str, tuple, frozenset):  # what cannot change
        try:
            return _cached_names(record)
        except TypeError:  # not hashable
            pass
    return _names_of(record)


def _names_of(record: object) -> frozenset[str]:
    if isinstance(record, str):
        record = (record,)
    if not isinstance(record, Iterable):
        raise TypeError(f"record must be a name or several of {RECORDS}, got {described(record)}")
    return frozenset(choice("record", name, RECORDS) for name in record)


_cached_names = functools.lru_cache(_names_of)


def record_of(record: Any, out: object) -> Any:
    """Return the argument ``record``; if it was omitted, the names of the arrays in ``out``."""
    if record is DEFAULT_RECORD and isinstance(out, Mapping):
        return tuple(name for name in out if name in RECORDS) or record
    return record


def columns_of(neurons: object, names: frozenset[str], population: tuple[int, ...]) -> Numbers:
    """Return the indices that ``neurons`` selects from the flattened population."""
    size = math.prod(population)
    if not names & {"membrane", "spikes"}:
        raise ValueError(
            f"neurons selects from membrane and spikes, and record={sorted(names)} has neither"
        )
    if isinstance(neurons, slice):
        try:
            return np.arange(*neurons.indices(size))
        except TypeError:
            raise TypeError(f"neurons must be a slice of integers, got {neurons!r}") from None
    chosen = numbers("neurons", neurons)
    if chosen.dtype == np.bool_:
        if chosen.shape not in (population, (size,)):
            raise ValueError(
                f"neurons must mark each of the {size} neurons of the population {population}, "
                f"got {described(neurons)}"
            )
        return np.flatnonzero(chosen)
    if chosen.ndim != 1 or (chosen.dtype.kind not in "iu" and chosen.size):
        raise TypeError(
            "neurons must be a slice, a mask or a list of indices into the flattened population, "
            f"got {described(neurons)}"
        )
    wrong = (chosen < -size) | (chosen >= size)
    if wrong.any():
        raise IndexError(
            f"neurons must be indices into the flattened population of {size}, "
            f"got {chosen[wrong][0]}"
        )
    columns = chosen.astype(np.int64)
    return np.where(columns < 0, columns + size, columns)


def rows_before(step: int, every: int) -> int:
    """Return how many of the steps before ``step`` are multiples of ``every``."""
    return max(0, -(-step // every))


class Spec(NamedTuple):
    """One record of a run."""

    name: str
    place: int  # in ARRAYS
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    flat: tuple[int, ...]  # the shape in which a kernel fills it
    given: bool  # whether the user gave an array
    direct: bool  # whether a kernel can fill the array itself
    slot: int  # its place in kernels.records.Records


class RecordPlan:
    """Which arrays the records of a run fill, and how.

    Attributes
    ----------
    selects, blockwise : set of str
        The dense records that hold selected neurons or steps, and those that hold all.
    specs : list of Spec
        The records but events.
    extent : tuple of int or None
        The first step, the one after the last, and the same of the neurons, if a kernel can fill
        the arrays of the whole run as they are.
    dense : bool
        Whether a record is written for every neuron and step.
    staged : bool
        Whether a dense record is written back block by block.
    columns : numpy.ndarray or None
        The selected neurons.
    every, skip : int
        Membranes are stored of the step ``skip``, and of every ``every``-th one from it on.
    large : bool
        Whether streaming stores may be faster for the dense records.
    timed : bool
        Whether times within a step are recorded with the events.
    lacks_spikes : bool
        Whether something is made of a step's row of spikes that is not recorded itself.
    """

    def __init__(
        self,
        names: frozenset[str],
        every: int,
        skip: int,
        columns: Numbers | None,
        out: object,
        steps: int,
        population: tuple[int, ...],
        dtype: np.dtype[Any],
        spike_dtype: np.dtype[Any],
        several: bool,
        timed: bool,
    ) -> None:
        if every > 1 and "membrane" not in names:
            raise ValueError(f"every selects rows of membrane, which record={sorted(names)} lacks")
        if spike_dtype.kind == "f" and names & {"packed", "events"}:
            raise ValueError(
                "packed and events are made of spikes as bool or int32, and this model stores them "
                f"as {spike_dtype}"
            )
        if "packed" in names and several:
            raise ValueError(
                "record='packed' has one bit per neuron and step, and this neuron may fire several "
                "spikes in a step; record 'spikes', 'counts' or 'events'"
            )
        size = math.prod(population)
        self.names, self.lists_events = names, "events" in names
        self.every, self.skip, self.columns = every, skip, columns
        self.spike_dtype, self.several = spike_dtype, several
        self.timed = timed and self.lists_events
        columns_shape = population if columns is None else columns.shape
        shapes: dict[str, tuple[tuple[int, ...], np.dtype[Any]]] = {
            "membrane": ((rows_before(steps - skip, every), *columns_shape), dtype),
            "spikes": ((steps, *columns_shape), spike_dtype),
            "packed": ((steps, -(-size // 8)), UINT8),
            "counts": (population, INT64),
        }
        selects = {"membrane"} if columns is not None or every > 1 else set()
        selects |= {"spikes"} if columns is not None else set()
        self.selects = selects & names
        self.blockwise = {"membrane", "spikes"} & names - selects
        self.specs = []
        given = given_arrays(out, names)
        array: Any
        for name, (shape, kind) in shapes.items():
            if name not in names:
                continue
            array, direct, present = given.get(name), True, name in given
            rows = shape[:1] if name != "counts" else ()
            if present:
                output(f"out[{name!r}]", array, shape, kind)
                direct = flattened(array if rows else array[None], kind) is not None
            flat = (*rows, math.prod(shape[len(rows) :]))
            slot = Records._fields.index(f"selected_{name}" if name in self.selects else name)
            self.specs.append(
                Spec(name, ARRAYS.index(name), shape, kind, flat, present, direct, slot)
            )
        # What is allocated, as plain tuples: loops over them are faster.
        self.fresh = [
            (
                s.place,
                s.shape,
                s.dtype,
                s.flat,
                s.slot,
                allocator(math.prod(s.shape) * s.dtype.itemsize),
            )
            for s in self.specs
            if not s.given
        ]
        fresh = sum(math.prod(shape) * d.itemsize for _, shape, d, *_ in self.fresh)
        self.fresh_bytes = fresh + size * dtype.itemsize
        self.dense = bool(self.blockwise)
        self.staged = any(s.name in self.blockwise and not s.direct for s in self.specs)
        self.lacks_spikes = "spikes" not in self.blockwise and bool(
            names & {"packed", "events"} or "spikes" in selects
        )
        dense_bytes = sum(
            math.prod(s.shape) * s.dtype.itemsize for s in self.specs if s.name in self.blockwise
        )
        self.large = size > 1 and not self.staged and dense_bytes >= LARGE
        cut = self.staged or self.selects
        self.per_thread = self.lacks_spikes or bool(names & {"counts", "events"})
        self.extent = None if cut else (0, steps, 0, size)
        self._order = self._neurons = None
        if columns is not None:
            self._order = np.argsort(columns, kind="stable")
            self._neurons = columns[self._order]

    def selection(self, start: int, stop: int) -> tuple[Numbers | None, Numbers | None]:
        """Return which of a tile's neurons are selected, and the columns that they fill."""
        if not self.selects:
            return None, None
        if self._neurons is None or self._order is None:
            columns = np.arange(start, stop)
            return columns - start, columns
        part = slice(*np.searchsorted(self._neurons, [start, stop]))
        return self._neurons[part] - start, self._order[part]


def given_arrays(out: object, names: frozenset[str]) -> Mapping[str, Any]:
    """Return the user's arrays by name."""
    if out is None:
        return {}
    if not isinstance(out, Mapping):
        raise TypeError(f"out must map record names to arrays, got {described(out)}")
    for name in out:
        choice("out", name, RECORDS)
        if name == "events":
            raise ValueError("out cannot hold 'events', whose number is known after the run only")
        if name not in names:
            raise ValueError(
                f"out holds {name!r}, but record={sorted(names)} does not: name all records, or "
                "omit record"
            )
    return out
