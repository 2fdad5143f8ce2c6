"""The arrays of all steps that the records of a stream are written into, stretch by stretch.

Arrays in memory are filled by the kernels themselves. Stored ones are written by a thread, in
order, while the next stretch is computed; at most one stretch waits for it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from fastlif.checks import Numbers, output
from fastlif.execution.checkpoint import Checkpoint, checksum, save
from fastlif.execution.records import Spec, rows_before
from fastlif.execution.recycle import empty, ensure_room
from fastlif.execution.results import INT64, Run
from fastlif.execution.stored import Place, Stored, failed, place_of, stored
from fastlif.execution.targets import refuse_overlap


class Outputs:
    """What the user gave as ``out``, by record name; nothing until ``take`` is called.

    Attributes
    ----------
    counts : numpy.ndarray or None
        The number of spikes so far, if they are recorded.
    version : bytes or None
        The version of the checkpoint's file that was read or written last.
    """

    counts: Numbers | None = None
    version: bytes | None = None

    def __init__(self) -> None:
        self._memory: dict[str, Numbers] = {}
        self._stores: dict[str, Stored] = {}
        self._specs: Mapping[str, Spec] = {}
        self._every, self._checkpoints = 1, False
        # The steps before this one are written, and in a checkpoint if there are any.
        self._completed, self._written = 0, 0
        self._writer: ThreadPoolExecutor | None = None
        self._task: Future[None] | None = None

    def take(
        self, out: Mapping[str, Any], specs: Mapping[str, Spec], every: int, checkpoints: bool
    ) -> None:
        """Check the arrays in ``out``, of which nothing is written yet."""
        self._specs, self._every, self._checkpoints = specs, every, checkpoints
        for name, array in out.items():
            label, spec = f"out[{name!r}]", specs[name]
            store = stored(array)
            if store is None:
                output(label, array, spec.shape, spec.dtype)
                self._memory[name] = np.asarray(array)  # a memory-mapped one, too
                continue
            self._stores[name] = store
            _ensure_fits(label, store, spec)
            if checkpoints and store.fragile:
                raise ValueError(f"{label} must not be combined with checkpoint: {store.fragile}")
        if "counts" in specs:
            self.counts = np.zeros(specs["counts"].shape, INT64)

    def ensure_apart(self, arrays: Sequence[Numbers], stores: Sequence[Stored]) -> None:
        """Raise if an array that is written is the same as another one, or as one that is read.

        What is read are ``arrays`` in memory and ``stores``.
        """
        refuse_overlap(self._memory, arrays)
        if not self._stores and not stores:
            return
        # What was mapped otherwise or by others: what is stored is not accessed in memory.
        read = [place_of(array) for array in arrays]
        seen = [("current", store.place) for store in stores]
        places = {name: place_of(array) for name, array in self._memory.items()}
        for name, place in places.items():
            _ensure_elsewhere(name, place, seen)
        seen += [("current", place) for place in read if place is not None]
        seen += [(f"out[{name!r}]", place) for name, place in places.items() if place is not None]
        for name, store in self._stores.items():
            _ensure_elsewhere(name, store.place, seen)
            seen.append((f"out[{name!r}]", store.place))

    def add_missing(self) -> dict[str, Numbers]:
        """Add arrays in memory for the other records; return those and the counts."""
        missing = {
            name: spec
            for name, spec in self._specs.items()
            if name not in self._memory and name not in self._stores
        }
        sizes = (
            np.dtype(spec.dtype).itemsize * int(np.prod(spec.shape)) for spec in missing.values()
        )
        ensure_room(sum(sizes), tuple(self._specs))
        for name, spec in missing.items():
            self._memory[name] = empty(spec.shape, spec.dtype)
        return {name: self._memory[name] for name in missing}

    def blocks(self) -> list[int]:
        """Return the number of steps in a block of each storage."""
        return [
            store.block * (self._every if name == "membrane" else 1)
            for name, store in self._stores.items()
            if name != "counts"
        ]

    def of_stretch(self, begin: int, end: int) -> dict[str, Numbers]:
        """Return what a run of the steps ``begin:end`` fills itself."""
        return {
            name: array[self._rows(name, begin, end)]
            for name, array in self._memory.items()
            if name != "counts"
        }

    def add(self, begin: int, end: int, run: Run) -> None:
        """Take the records of the steps ``begin:end``."""
        if self.counts is not None:
            assert run.counts is not None
            self.counts += run.counts
            if "counts" in self._memory:
                self._memory["counts"][...] = self.counts
        if self._stores or self._checkpoints:
            names = sorted({*self._stores, *self._memory} - {"counts"})
            records = {name: getattr(run, name) for name in names}
            for array in records.values():  # the thread reads them while the caller has them
                array.flags.writeable = False
            self._submit(lambda: self._write(begin, end, records))
        else:
            self._completed = end

    def commit(self, path: Path, checkpoint: Checkpoint) -> None:
        """Write a checkpoint after the records that it stands for."""
        self._submit(lambda: self._save(path, checkpoint))

    def allocate(self) -> None:
        """Reserve space, so that a process that is killed later damages nothing."""
        for name, store in self._stores.items():
            with self._named(f"out[{name!r}]"):
                store.allocate()

    def resume(self, path: Path, last: Checkpoint) -> None:
        """Continue after a checkpoint. Raises if the arrays do not hold what was written before."""
        arrays = []
        for name in sorted({*self._stores, *self._memory} - {"counts"}):
            rows = self._rows(name, last.begin, last.steps)
            if name in self._stores:
                arrays.append(self._stores[name].read(rows.start, rows.stop))
            else:
                arrays.append(self._memory[name][rows])
        if checksum(arrays) != last.written:
            raise ValueError(
                f"out must hold the records of the steps {last.begin} to {last.steps - 1} that "
                f"were written before checkpoint {str(path)!r}, and holds others: were its arrays "
                "created anew, for example with mode='w+'?"
            )
        self.counts = last.counts
        if "counts" in self._memory:
            self._memory["counts"][...] = last.counts
        self._completed = last.steps

    def finish(self) -> None:
        """Write what is written at the end only, and let other programs see all of it."""
        self._wait()
        if "counts" in self._stores and self.counts is not None:
            with self._named("out['counts']"):
                self._stores["counts"].write_all(self.counts)
        for name, store in self._stores.items():
            with self._named(f"out[{name!r}]"):
                store.flush(self._checkpoints)

    def close(self) -> None:
        """Wait for the thread, and close what was opened here."""
        try:
            self._wait()
        finally:
            if self._writer is not None:
                self._writer.shutdown()
            for store in self._stores.values():
                store.close()

    def _rows(self, name: str, begin: int, end: int) -> slice:
        """Return the rows of a record that the steps ``begin:end`` fill."""
        if name != "membrane":
            return slice(begin, end)
        return slice(rows_before(begin, self._every), rows_before(end, self._every))

    def _submit(self, task: Callable[[], None]) -> None:
        """Let the thread carry out a task after the last one, which is waited for."""
        self._wait()
        if self._writer is None:
            self._writer = ThreadPoolExecutor(1, "fastlif-write")
        self._task = self._writer.submit(task)

    def _wait(self) -> None:
        """Wait for the last task; raise what it raised."""
        task, self._task = self._task, None
        if task is not None:
            task.result()

    def _write(self, begin: int, end: int, records: dict[str, Numbers]) -> None:
        for name, store in self._stores.items():
            if name != "counts":
                with self._named(f"out[{name!r}]"):
                    store.write(self._rows(name, begin, end).start, records[name])
        if self._checkpoints:
            self._written = checksum(records.values())
        else:
            self._completed = end

    def _save(self, path: Path, checkpoint: Checkpoint) -> None:
        for name, store in self._stores.items():
            with self._named(f"out[{name!r}]"):
                store.flush(True)
        with self._named(f"checkpoint {str(path)!r}"):
            written = checkpoint._replace(written=self._written)
            self.version = save(path, written, self.version)
        self._completed = checkpoint.steps

    @contextlib.contextmanager
    def _named(self, label: str) -> Iterator[None]:
        """Add to an error what could not be written, and the last completed step."""
        try:
            yield
        except Exception as error:
            done = self._completed
            last = f"the last completed step is {done - 1}" if done else "no step is completed"
            raise failed(f"{label} could not be written, and {last}", error) from error


def _ensure_elsewhere(name: str, place: Place | None, seen: list[tuple[str, Place]]) -> None:
    for other, earlier in seen:
        if earlier.meets(place):
            raise ValueError(f"out[{name!r}] must not be stored in the same place as {other}")


def _ensure_fits(label: str, store: Stored, spec: Spec) -> None:
    if store.shape != spec.shape:
        raise ValueError(f"{label} must have shape {spec.shape}, got {store.shape}")
    if store.dtype.newbyteorder("=") != spec.dtype:
        raise TypeError(f"{label} must have dtype {spec.dtype}, got {store.dtype}")
    store.ensure_writeable(label)
