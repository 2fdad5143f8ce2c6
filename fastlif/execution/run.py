"""The execution of a run: a population is cut into tiles that any thread can take."""

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from fastlif.checks import Numbers
from fastlif.execution.inputs import Source, fill
from fastlif.execution.parallel import for_each
from fastlif.execution.plan import RunPlan
from fastlif.execution.progress import Progress
from fastlif.execution.recycle import empty
from fastlif.execution.results import Run
from fastlif.execution.stores import Trial
from fastlif.execution.targets import Targets


def execute(
    plan: RunPlan,
    current: Any,
    sources: list[Source],
    out: Any,
    done: Progress | None,
    begun: int,
) -> Run:
    """Integrate all of time, and return the results.

    ``begun`` is the number of steps that the initial state has taken.

    Raises before anything is allocated if arrays overlap or memory does not suffice.
    """
    targets = Targets(plan.records, out, current)
    if out is not None:  # a tile may read the initial state after another one has been written
        sources = [_apart(source, targets) for source in sources]
    if plan.binds_input:
        current = plan.input.bind(current)
    began = 0.0 if plan.crew is None else time.perf_counter()
    threads, tiles = plan.tiles or plan.tiles_now()
    if len(tiles) == 1:
        finals = _advance(plan, targets, current, sources, 0, plan.size, None, done)
    else:
        finals = [empty((plan.size,), plan.dtype) for _ in sources]

        def worker(stopped: Callable[[], bool]) -> Callable[[tuple[int, int]], None]:
            def advance(tile: tuple[int, int]) -> None:
                parts = _advance(plan, targets, current, sources, *tile, stopped, done)
                for final, part in zip(finals, parts, strict=True):
                    final[slice(*tile)] = part

            return advance

        for_each(worker, tiles, threads, apart=done is None)
    if plan.crew is not None:
        plan.crew.add(threads, time.perf_counter() - began)
    if targets.buffered:
        targets.finish()
    if done is not None:
        done.close()
    events, offsets = (None, None) if targets.log is None else targets.log.merged(threads)
    final = plan.state(finals, begun)
    if plan.input.kind == "generated" and current.noise:
        noise = np.stack([each.reshape(plan.population) for each in current.noise])
        final = final._replace(noise=noise)
    return Run(*targets.arrays, events, final, offsets)  # type: ignore[call-arg]


def _apart(source: Source, targets: Targets) -> Source:
    """Return ``source``, or a copy if it may overlap an array that is written."""
    if isinstance(source, np.ndarray):
        for array in targets.arrays:
            if array is not None and np.may_share_memory(source, array):
                return source.copy()
    return source


def _advance(
    plan: RunPlan,
    targets: Targets,
    current: Any,
    sources: list[Source],
    start: int,
    stop: int,
    stopped: Callable[[], bool] | None,
    done: Progress | None,
) -> list[Numbers]:
    """Advance a tile through all of time, in stretches of some milliseconds.

    Returns the state that leaves the last step.
    """
    scratch, size = plan.pool.take(), stop - start
    shared, whole, rows = plan.constants.shared, plan.whole, []
    for source, whole_row in zip(sources, scratch.states):  # noqa: B905 - there may be more rows
        row = whole_row[:size]
        rows.append(row)
        if type(source) is float:
            row.fill(source)
        else:
            fill(row, source, start, stop)
    if plan.fills_scratch:
        plan.constants.fill(scratch.rows, start, stop)
        plan.input.prepare(current, scratch, start, stop)
    steps = chunk = plan.steps
    if plan.work > plan.call:
        chunk = plan.chunk(size)
    begin, piece, records, loops = 0, current, targets.whole, plan.loops
    trial = Trial() if plan.records.large else None
    while True:
        end = begin + chunk if begin + chunk < steps else steps
        if not whole:
            streams = trial is not None and trial.begin()
            loops = plan.streamed if streams else plan.loops
            records = targets.of_stretch(scratch, streams, begin, end, start, stop)
            piece = plan.input.read(current, begin, end, start, stop, scratch)
        at = 0
        for kernel, multiple in loops:
            last = end - begin - (end - begin) % multiple
            while at < last:  # again if the events' buffer was full
                at, used = kernel(begin, at, last, size, shared, scratch.work, piece, *records)
                if targets.log is not None:
                    targets.log.add(start, scratch.events()[:used])
        if trial is not None:
            trial.end((end - begin) * size)
        if not whole:
            targets.write_back(records, begin, end, start, stop)
        if done is not None:
            done.add((end - begin) * size)
        begin = end
        if whole and not plan.bound:
            plan.bind((0, at, at, size, shared, scratch.work, piece, *records))
        if begin >= steps or (stopped is not None and stopped()):
            break
    finals = [row.copy() for row in rows]
    plan.pool.give_back(scratch)
    return finals
