"""The arrays that the records of one run go to, and their parts for each kernel call.

A record is written in one of three ways: straight into an array whose rows a kernel can fill; block
by block, for dense records of another layout; or into a buffer that is written back at the end.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from fastlif.checks import Numbers, overlap
from fastlif.execution.blocks import copy_out
from fastlif.execution.events import EventLog
from fastlif.execution.memory import SURELY_THERE
from fastlif.execution.records import ARRAYS, RecordPlan
from fastlif.execution.recycle import ensure_room
from fastlif.execution.results import INT64
from fastlif.execution.scratch import Scratch
from fastlif.kernels.records import Records

# Places in Records, which a list holds here: named tuples take microseconds to change.
(
    _MEMBRANE, _SPIKES, _SCRATCH, _COUNTS, _PACKED, _EVENTS, _SELECTED, _COLUMNS,
    _SELECTED_MEMBRANE, _EVERY, _SKIP, _SELECTED_SPIKES,
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
            # A source may read several arrays.
            refuse_overlap(out, getattr(current, "arrays", [current]))
        if plan.fresh_bytes > SURELY_THERE:
            ensure_room(plan.fresh_bytes, plan.names)
        self._plan = plan
        self.arrays: list[Any] = [None, None, None, None]
        arrays = self.arrays
        self.whole: list[Any] = _NOTHING.copy()
        whole = self.whole
        if plan.lists_events:
            self.log = EventLog(plan.several, plan.timed)
        for index, shape, dtype, flat, slot, allocate in plan.fresh:
            arrays[index] = array = allocate(shape, dtype)
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

    def of_stretch(self, scratch: Scratch, streams: bool, *extent: int) -> list[Any]:
        """Return what a kernel fills for some steps of some neurons, in the order of Records.

        ``streams`` tells whether dense records are streamed. ``extent`` holds the first step, the
        one after the last, and the same of the neurons.
        """
        plan, records, size = self._plan, self.whole.copy(), extent[3] - extent[2]
        if extent != plan.extent:
            self._cut(records, *extent)
        if plan.lacks_spikes or (streams and records[_SPIKES] is not None):
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
                records[_EVERY], records[_SKIP] = plan.every, plan.skip

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


def refuse_overlap(out: Mapping[str, Numbers], read: Sequence[Numbers]) -> None:
    """Raise if an array that is written overlaps another one, or one that is read."""
    seen = [("current", array) for array in read]
    for name, array in out.items():
        for other, received in seen:
            if overlap(array, received):
                raise ValueError(f"out[{name!r}] must not overlap {other} in memory")
        seen.append((name, array))
