"""The records of a run: from their names to the arrays that kernels fill.

A record is written in one of three ways: straight into an array whose rows a kernel can fill; block
by block, for dense records of another layout; or into a buffer that is written back at the end.
"""

import functools
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from fastlif.checks import Numbers, choice, described, numbers, output, overlap
from fastlif.execution.blocks import copy_out, flattened
from fastlif.execution.events import EventLog
from fastlif.execution.memory import SURELY_THERE, ensure_memory
from fastlif.execution.results import BOOL, INT64, UINT8
from fastlif.execution.scratch import Scratch
from fastlif.kernels.records import Records

ARRAYS = ("membrane", "spikes", "packed", "counts")  # the first fields of Run
RECORDS = (*ARRAYS, "events")


def names_of(record: object) -> frozenset[str]:
    """Return the names in ``record``."""
    return _cached_names(record) if isinstance(record, (str, tuple)) else _names_of(record)


def _names_of(record: object) -> frozenset[str]:
    if isinstance(record, str):
        record = (record,)
    if not isinstance(record, Iterable):
        raise TypeError(f"record must be a name or several of {RECORDS}, got {described(record)}")
    return frozenset(choice("record", name, RECORDS) for name in record)


_cached_names = functools.lru_cache(_names_of)


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


class _Spec(NamedTuple):
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
    specs : list of _Spec
        The records but events.
    extent : tuple of int or None
        The first step, the one after the last, and the same of the neurons, if a kernel can fill
        the arrays of the whole run as they are.
    dense : bool
        Whether a record is written for every neuron and step.
    staged : bool
        Whether a dense record is written back block by block.
    lacks_spikes : bool
        Whether something is made of a step's row of spikes that is not recorded itself.
    """

    def __init__(
        self,
        names: frozenset[str],
        every: int,
        columns: Numbers | None,
        out: object,
        steps: int,
        population: tuple[int, ...],
        dtype: np.dtype[Any],
        spike_dtype: np.dtype[Any],
    ) -> None:
        if every > 1 and "membrane" not in names:
            raise ValueError(f"every selects rows of membrane, which record={sorted(names)} lacks")
        if "packed" in names and spike_dtype != BOOL:
            raise ValueError(
                "record='packed' has one bit per neuron and step, and this neuron may fire several "
                "spikes in a step; record 'spikes', 'counts' or 'events'"
            )
        size = math.prod(population)
        self.names, self.every, self.lists_events = names, every, "events" in names
        self.spike_dtype, self.several = spike_dtype, spike_dtype != BOOL
        columns_shape = population if columns is None else columns.shape
        shapes: dict[str, tuple[tuple[int, ...], np.dtype[Any]]] = {
            "membrane": ((-(-steps // every), *columns_shape), dtype),
            "spikes": ((steps, *columns_shape), spike_dtype),
            "packed": ((steps, -(-size // 8)), UINT8),
            "counts": (population, INT64),
        }
        selects = {"membrane"} if columns is not None or every > 1 else set()
        selects |= {"spikes"} if columns is not None else set()
        self.selects = selects & names
        self.blockwise = {"membrane", "spikes"} & names - selects
        self.specs = []
        given = _given(out, names)
        for name, (shape, kind) in shapes.items():
            if name not in names:
                continue
            array, direct = given.get(name), True
            rows = shape[:1] if name != "counts" else ()
            if array is not None:
                output(f"out[{name!r}]", array, shape, kind)
                direct = flattened(array if rows else array[None], kind) is not None
            flat = (*rows, math.prod(shape[len(rows) :]))
            slot = Records._fields.index(f"selected_{name}" if name in self.selects else name)
            self.specs.append(
                _Spec(name, ARRAYS.index(name), shape, kind, flat, array is not None, direct, slot)
            )
        # What is allocated, as plain tuples: loops over them are faster.
        self.fresh = [
            (s.place, s.shape, s.dtype, s.flat, s.slot) for s in self.specs if not s.given
        ]
        fresh = sum(math.prod(shape) * d.itemsize for _, shape, d, *_ in self.fresh)
        self.fresh_bytes = fresh + size * dtype.itemsize
        self.dense = bool(self.blockwise)
        self.staged = any(s.name in self.blockwise and not s.direct for s in self.specs)
        self.lacks_spikes = "spikes" not in self.blockwise and bool(
            names & {"packed", "events"} or "spikes" in selects
        )
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


def _given(out: object, names: frozenset[str]) -> Mapping[str, Any]:
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
            raise ValueError(f"out holds {name!r}, but record={sorted(names)} does not")
    return out


def _refuse_overlap(out: Mapping[str, Numbers], current: Numbers) -> None:
    seen = [("current", current)]
    for name, array in out.items():
        for other, received in seen:
            if overlap(array, received):
                raise ValueError(f"out[{name!r}] must not overlap {other} in memory")
        seen.append((name, array))


# Places in Records, which a list holds here: named tuples take microseconds to change.
(
    _MEMBRANE, _SPIKES, _SCRATCH, _COUNTS, _PACKED, _EVENTS, _SELECTED, _COLUMNS,
    _SELECTED_MEMBRANE, _EVERY, _SELECTED_SPIKES,
) = range(len(Records._fields))  # fmt: skip
_NOTHING: list[Any] = list(Records())


class Targets:
    """The arrays that the records of one run go to.

    Attributes
    ----------
    arrays : list
        The arrays that the user gets, in the order of ARRAYS; None for what is not recorded.
    whole : list
        What kernels fill in the whole run, in the order of Records. Missing are the arrays that
        are written back block by block, and those that belong to a thread.
    log : EventLog or None
        The events.
    buffered : sequence
        Arrays that are written back at the end, each with the buffer that is filled meanwhile.
    """

    log: EventLog | None = None
    buffered: Sequence[tuple[Numbers, Numbers]] = ()

    def __init__(self, plan: RecordPlan, out: Any, current: Numbers) -> None:
        """Take the user's arrays, or allocate new ones.

        Raises before anything is allocated if the user's arrays overlap others.
        """
        if out is not None:
            _refuse_overlap(out, current)
        if plan.fresh_bytes > SURELY_THERE:
            ensure_memory(plan.fresh_bytes, plan.names)
        self._plan = plan
        self.arrays: list[Any] = [None, None, None, None]
        arrays = self.arrays
        self.whole: list[Any] = _NOTHING.copy()
        whole = self.whole
        if plan.lists_events:
            self.log = EventLog(plan.several)
        for index, shape, dtype, flat, slot in plan.fresh:
            arrays[index] = array = np.empty(shape, dtype)
            whole[slot] = array if shape == flat else array.reshape(flat)
        if out is not None:
            self._add(out)

    def _add(self, out: Mapping[str, Numbers]) -> None:
        """Add the user's arrays."""
        plan = self._plan
        for spec in plan.specs:
            if not spec.given:
                continue
            self.arrays[spec.place] = array = out[spec.name]
            if spec.direct:
                self.whole[spec.slot] = array.reshape(spec.flat)
            elif spec.name not in plan.blockwise:
                self.whole[spec.slot] = buffer = np.zeros(spec.flat, spec.dtype)
                self.buffered = [*self.buffered, (array, buffer)]

    def of_stretch(self, scratch: Scratch, *extent: int) -> list[Any]:
        """Return what a kernel fills for some steps of some neurons, in the order of Records.

        ``extent`` holds the first step, the one after the last, and the same of the neurons.
        """
        plan, records, size = self._plan, self.whole.copy(), extent[3] - extent[2]
        if extent != plan.extent:
            self._cut(records, *extent)
        if plan.lacks_spikes:
            records[_SCRATCH] = scratch.spikes(plan.spike_dtype)
        if records[_COUNTS] is not None:
            records[_COUNTS] = np.empty(size, INT64) if plan.several else scratch.counts[:size]
            records[_COUNTS][:] = 0
        if self.log is not None:
            records[_EVENTS] = scratch.events()
        return records

    def _cut(self, records: list[Any], begin: int, end: int, start: int, stop: int) -> None:
        """Replace the arrays of the whole run with their parts for one stretch."""
        plan = self._plan
        for slot, name in ((_MEMBRANE, "membrane"), (_SPIKES, "spikes")):
            if records[slot] is not None:
                records[slot] = records[slot][begin:end, start:stop]
            elif name in plan.blockwise:
                dtype = self.arrays[ARRAYS.index(name)].dtype.newbyteorder("=")
                records[slot] = np.empty((end - begin, stop - start), dtype)
        if records[_PACKED] is not None:
            records[_PACKED] = records[_PACKED][begin:end, start // 8 :]
        if plan.selects:
            selected, columns = plan.selection(start, stop)
            records[_SELECTED], records[_COLUMNS] = selected, columns
            if "membrane" in plan.selects:
                records[_EVERY] = plan.every

    def write_back(self, records: list[Any], begin: int, end: int, start: int, stop: int) -> None:
        """Write back what a kernel could not write into the user's arrays."""
        counts = self.whole[_COUNTS]
        if counts is not None:
            if begin == 0:
                counts[start:stop] = records[_COUNTS]
            else:
                counts[start:stop] += records[_COUNTS]
        if self._plan.staged:
            for spec in self._plan.specs:
                if spec.name in self._plan.blockwise and not spec.direct:
                    copy_out(self.arrays[spec.place][begin:end], records[spec.slot], start)

    def finish(self) -> None:
        """Write back what was filled in a buffer."""
        for array, buffer in self.buffered:
            array[...] = buffer.reshape(array.shape)
