"""A run in consecutive stretches of time, for currents and records that are longer than memory.

Three things go on at once: a thread reads the next stretch of a stored current, the caller's thread
(and those of a run) integrates this one, and a thread writes the records of the last one. In memory
are therefore at most two stretches of the current and three of the records, of which the caller has
one.
"""

from __future__ import annotations

import contextlib
import functools
import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from fastlif.checks import whole
from fastlif.execution import checkpoint as files
from fastlif.execution.chunks import Chunks
from fastlif.execution.currents import MOST_STEPS, Currents, Stretch, default_chunk
from fastlif.execution.forms import read
from fastlif.execution.generated import Start
from fastlif.execution.outputs import Outputs
from fastlif.execution.plan import RunPlan
from fastlif.execution.progress import Overall, report_of
from fastlif.execution.records import ARRAYS, given_arrays, names_of, record_of
from fastlif.execution.results import Events, Run
from fastlif.execution.sources import Source
from fastlif.execution.state import State, fields_of, label_of

if TYPE_CHECKING:
    from fastlif.execution.integrator import Integrator


class Stream(Iterator[Run]):
    """The runs of consecutive stretches of time, which are bit-for-bit one run.

    ``Neuron.stream`` returns it. Each run is computed when it is asked for. The stream is closed at
    its end, by an exception, by ``close``, at the end of a ``with`` block, and when nothing refers
    to it any more.

    Attributes
    ----------
    state : State or None
        The state after the last run that was returned. Before the first one, None or that of the
        checkpoint.
    steps : int
        The number of steps up to then.
    """

    def __init__(
        self,
        integrator: Integrator,
        currents: Currents,
        initial: Any,
        *,
        chunk: Any = None,
        record: Any,
        neurons: Any,
        every: Any,
        out: Any,
        checkpoint: Any = None,
        threads: Any,
        progress: Any,
        complete: bool = False,
    ) -> None:
        """Check the arguments, which ``Neuron.stream`` documents.

        If ``complete``, arrays of all steps are made for the records that ``out`` does not hold.
        """
        self.state: State | None = None
        self.steps = 0
        self._currents, self._outputs = currents, Outputs()
        self._stretches: Iterator[Stretch] | None = None
        self._read: int | None = None  # a checksum of the last row of input
        self._uncommitted: files.Checkpoint | None = None
        self._progress: Overall | None = None
        self._open = True
        with self._closed_by_errors():
            if isinstance(initial, State):
                begun = whole("initial.steps", initial.steps, 0, MOST_STEPS)
                initial = initial._replace(steps=begun)
            self._integrator, self._initial, self._neurons = integrator, initial, neurons
            self._names = tuple(sorted(names_of(record_of(record, out))))
            self.out = dict(given_arrays(out, frozenset(self._names)))
            self._complete = complete
            self._every = whole("every", every, 1)
            self._threads = None if threads is None else whole("threads", threads, 1)
            self._chunk = None if chunk is None else whole("chunk", chunk, 1)
            self._path = None if checkpoint is None else files.checked_path(checkpoint)
            report = report_of(progress)
            self._progress = None if report is None else Overall(report)
            if not isinstance(currents, Chunks):
                self._prepare()
            elif self.out and currents.steps is None:
                raise ValueError(
                    "steps must be given with out for an iterable of chunks: the number of all "
                    "steps sets the shapes of the arrays in out"
                )

    def __next__(self) -> Run:
        """Return the run of the next stretch."""
        if not self._open:
            raise StopIteration
        with self._closed_by_errors():
            self._commit()
            currents = self._currents
            if self._stretches is None and isinstance(currents, Chunks):
                if currents.begin():
                    self._prepare()
                else:
                    self._ensure_nothing_done()
            stretch = None if self._stretches is None else next(self._stretches, None)
            if stretch is not None:
                return self._advance(stretch)
            self.close()
        raise StopIteration

    def close(self) -> None:
        """Wait until what was computed is written, and close the files that were opened here."""
        if not self._open:
            return
        self._open = False
        with contextlib.ExitStack() as stack:
            stack.callback(self._currents.close)
            stack.callback(self._outputs.close)
            stack.callback(self._outputs.finish)
            if self._progress is not None:
                stack.callback(self._progress.close)
            if self._stretches is not None:
                stack.callback(self._stretches.close)  # type: ignore[attr-defined]

    def __repr__(self) -> str:
        every = "" if self._currents.steps is None else f" of {self._currents.steps}"
        return f"<Stream after {self.steps}{every} steps{'' if self._open else ', closed'}>"

    def __enter__(self) -> Stream:
        return self

    def __exit__(self, kind: Any, error: Any, traceback: Any) -> None:
        with contextlib.nullcontext() if error is None else contextlib.suppress(Exception):
            self.close()

    def __del__(self) -> None:
        with contextlib.suppress(Exception):
            self.close()

    @contextlib.contextmanager
    def _closed_by_errors(self) -> Iterator[None]:
        try:
            yield
        except BaseException:
            with contextlib.suppress(Exception):  # follows from the error, which is raised
                self.close()
            raise

    def _prepare(self) -> None:
        """Plan for the whole run, and go to where it begins.

        Raises if the arguments do not fit together, or do not belong to the checkpoint.
        """
        currents, model = self._currents, self._integrator.model
        states = model.rule.states
        fields = [
            None if field is None else read(label_of("initial", name), field)
            for name, field in zip(
                states, fields_of("initial", self._initial, states), strict=True
            )
        ]  # fmt: skip
        sample, weak = currents.sample
        plan = RunPlan(
            model, (sample, weak), currents.steps if currents.timeless else None, fields,
            frozenset(self._names), self._neurons, self._every, None, self._threads,
        )  # fmt: skip
        given = self._initial if isinstance(self._initial, State) else None
        if isinstance(sample, Source):
            start = Start(sample, given.steps if given else 0, given.noise if given else None)
            start.check(plan.steps, plan.population)
            currents.arrays = start.arrays
        self.size, self.specs = plan.size, {spec.name: spec for spec in plan.records.specs}
        self._outputs.take(self.out, self.specs, self._every, self._path is not None)
        stores = [] if currents.store is None else [currents.store]
        self._outputs.ensure_apart(currents.arrays, stores)
        if self._complete:
            self.out |= self._outputs.add_missing()
        self._belongs_to: dict[str, str] = {}
        begin = 0
        if self._path is not None:
            self._belongs_to = self._description(plan, fields)
            begin = self._resume()
        if self._progress is not None:
            total = None if currents.steps is None else currents.steps * self.size
            self._progress.begin(begin * self.size, total)
        chunk = self._default_chunk(plan) if self._chunk is None else self._chunk
        self._stretches = currents.stretches(begin, chunk, plan.dtype)

    def _ensure_nothing_done(self) -> None:
        """Raise if there is a checkpoint to continue from, and no chunk."""
        last = None if self._path is None else files.load(self._path)
        if last is not None and last.steps:
            raise ValueError(f"the chunks must have {last.steps} steps in all, got 0")

    def _default_chunk(self, plan: RunPlan) -> int:
        currents = self._currents
        row = self.size * plan.dtype.itemsize
        row = row if currents.store is None else currents.store.row_bytes
        row += sum(
            math.prod(spec.flat[1:]) * spec.dtype.itemsize
            for spec in self.specs.values()
            if spec.name != "counts"
        )
        blocks = self._outputs.blocks()
        blocks += [] if currents.store is None else [currents.store.block]
        return default_chunk(row, blocks)

    def _description(self, plan: RunPlan, fields: list[Any]) -> dict[str, str]:
        """Return what the bits of the run depend on, as far as a message can tell it."""
        from fastlif import __version__

        model, initial = self._integrator.model, self._initial
        rule = [getattr(part, "__name__", part) for part in model.rule]
        each = model.constants(plan.dtype).each
        arrays = [None if field is None else field[0] for field in fields]
        begun = (initial.steps, initial.noise) if isinstance(initial, State) else (0, None)
        return {
            "version of fastlif": __version__,
            "dtype": str(plan.dtype),  # the neuron's constants depend on it
            "neuron": f"{files.shortened(model)} with checksum {files.digest(rule, each)}",
            "current": self._currents.described(),
            "number of steps": str(self._currents.steps),
            "population": str(plan.population),
            "initial state": f"one with checksum {files.digest(arrays, begun)}",
            "choice of records": ", ".join(self._names) or "none",
            "choice of rows": f"every={self._every}",
            "choice of neurons": f"one with checksum {files.digest(plan.records.columns)}",
            "choice of out": ", ".join(sorted(self.out)) or "none",
        }

    def _resume(self) -> int:
        """Continue from the checkpoint if there is one; return the number of its steps."""
        assert self._path is not None
        self._outputs.version = files.version_of(self._path)
        last = files.load(self._path)
        if last is None:
            self._outputs.allocate()
            return 0
        files.ensure_same_run(self._path, last.belongs_to, self._belongs_to)
        check = functools.partial(files.ensure_same_input, self._path, last)
        if isinstance(self._currents, Chunks):
            self._currents.check_row = check  # when it comes to it
        else:
            check(self._currents.row(last.steps))
        self._outputs.resume(self._path, last)
        self.state, self.steps = last.state, last.steps
        return last.steps

    def _advance(self, stretch: Stretch) -> Run:
        begin, end = stretch.begin, stretch.end
        run = self._integrator.run(
            stretch.current,
            self._initial if self.state is None else self.state,
            stretch.steps,
            self._names,
            self._neurons,
            self._every,
            self._outputs.of_stretch(begin, end) or None,
            self._threads,
            False if self._progress is None else self._progress,
            skip=-begin % self._every,
        )
        if begin and run.events is not None:
            np.add(run.events.step, begin, out=run.events.step)
        self._outputs.add(begin, end, run)
        if self._progress is not None:
            self._progress.done = end * self.size
        if self._path is not None:
            counts = None if self._outputs.counts is None else self._outputs.counts.copy()
            self._read = self._currents.checksum(stretch, self._read)
            self._uncommitted = files.Checkpoint(
                self._belongs_to, begin, end, run.final, counts, self._read, 0
            )
        self.state, self.steps = run.final, end
        return run

    def _commit(self) -> None:
        """Write a checkpoint after the run that the caller has finished with."""
        checkpoint, self._uncommitted = self._uncommitted, None
        if checkpoint is not None:
            assert self._path is not None
            self._outputs.commit(self._path, checkpoint)


def whole_run(integrator: Integrator, currents: Currents, initial: Any, **options: Any) -> Run:
    """Return the run of a current that is stored, or with stored records."""
    with Stream(integrator, currents, initial, complete=True, **options) as stream:
        found = [(run.events, run.offsets) for run in stream]
    assert stream.state is not None
    records = {name: stream.out.get(name) for name in ARRAYS}
    events, offsets = None, None
    if found[0][0] is not None:
        parts = [part for part, _ in found if part is not None]
        events = Events(*(np.concatenate(arrays) for arrays in zip(*parts, strict=True)))
    if found[0][1] is not None:
        offsets = np.concatenate([part for _, part in found if part is not None])
    return Run(**records, events=events, final=stream.state, offsets=offsets)
