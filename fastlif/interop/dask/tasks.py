"""What runs on the workers: one stretch of time of one chunk of the population, and joining.

Among the arguments in a graph are no plain numbers and strings: Dask would take them for the keys
of tasks that a user has named so.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from fastlif.checks import Numbers, described
from fastlif.execution.integrator import Integrator
from fastlif.execution.results import Events, Run
from fastlif.execution.sources import Source
from fastlif.execution.state import State
from fastlif.interop.dask.layout import Cell
from fastlif.interop.dask.outputs import Output

Form = tuple[np.dtype[Any], tuple[int, ...]]


@dataclass(frozen=True)
class Part:
    """What all tasks of one chunk of the population share. It is in the graph once."""

    integrator: Integrator  # of the parameters of these neurons
    current: (
        Any  # a source, a current that is constant in time, or None: each task receives its own
    )
    form: Form | None  # the dtype and the shape, without time, of the chunks of the current
    over_time: bool  # whether the current has an axis of time
    initial: State  # what of it a dask array holds is None
    record: tuple[str, ...]
    threads: int
    cell: Cell
    population: tuple[int, ...]
    outputs: dict[str, Output]  # what records are written into, and not returned


def started(part: Part, *fields: Numbers | None) -> Run:
    """Return the run of no steps that ends in the initial state, with these fields of it."""
    named = zip(State._fields, fields, strict=False)  # steps are not among them
    given: Any = {name: field for name, field in named if field is not None}
    return Run(None, None, None, None, None, part.initial._replace(**given))


def advance(part: Part, current: Any, previous: Run | None, span: slice) -> Run:
    """Integrate the steps of ``span``; ``previous`` is the run that ends where it begins.

    The counts are those of both runs. Events have absolute steps and neurons, and bits of
    ``packed`` the place in their byte that they have in the whole population.
    """
    begin, steps = span.start, span.stop - span.start
    if part.form is not None:
        _check(part, current, begin, steps)
    else:
        current = part.current
        if isinstance(current, Source):
            current = current.of_steps(begin, begin + steps)
    initial = part.initial if previous is None else previous.final
    # Perhaps, nothing else has the shape of the population.
    initial = initial._replace(mem=np.broadcast_to(initial.mem, part.cell.shape))
    run = part.integrator.run(
        current, initial, None if part.over_time else steps, part.record, None, 1, None,
        part.threads, False,
    )  # fmt: skip
    if run.counts is not None and previous is not None and previous.counts is not None:
        run = run._replace(counts=previous.counts + run.counts)
    if run.events is not None:
        neuron = _absolute(run.events.neuron, part.cell, part.population)
        run = run._replace(events=Events(run.events.step + begin, neuron))
    if run.packed is not None and part.cell.first % 8 and part.cell.size:
        run = run._replace(packed=shifted(run.packed, part.cell.first % 8, part.cell.size))
    for name, output in part.outputs.items():
        output.write(span, part.cell, getattr(run, name))
    written: Any = dict.fromkeys(part.outputs)
    return run._replace(**written)


def read_back(name: str, part: Part, _run: Run, span: slice) -> Numbers:
    """Return a record of the steps of ``span`` from where the run has written it."""
    return part.outputs[name].read(span, part.cell)


def carried(run: Run) -> Run:
    """Return only what the next stretch of time needs, so that the records can be released."""
    return Run(None, None, None, run.counts, None, run.final)


def shifted(packed: Numbers, bits: int, size: int) -> Numbers:
    """Return packed spikes of ``size`` neurons with ``bits`` zeros before them in each row."""
    moved = np.zeros((len(packed), -(-(size + bits) // 8)), np.uint8)
    moved[:, : packed.shape[1]] = packed << bits
    moved[:, 1:] |= packed[:, : moved.shape[1] - 1] >> (8 - bits)
    return moved


def joined_bytes(late: bool, run: Run, *sharers: Run) -> Numbers:
    """Return the bytes that begin in a chunk; its last one has bits of the ``sharers``, too."""
    assert run.packed is not None
    own = run.packed[:, int(late) :].copy()
    for sharer in sharers:
        assert sharer.packed is not None
        own[:, -1] |= sharer.packed[:, 0]
    return own


def merged_events(*runs: Run) -> Run:
    """Return a run with the events of all chunks of the population in a stretch of time."""
    found = [run.events for run in runs if run.events is not None]
    step, neuron = (np.concatenate(arrays) for arrays in zip(*found, strict=True))
    order = np.lexsort((neuron, step))
    offsets = None
    if runs[0].offsets is not None:
        offsets = np.concatenate([run.offsets for run in runs])[order]
    events = Events(step[order], neuron[order])
    return Run(None, None, None, None, events, State(np.empty(0)), offsets)


def _absolute(neuron: Numbers, cell: Cell, population: tuple[int, ...]) -> Numbers:
    """Return the indices of neurons of a chunk in the flattened population."""
    if len(population) < 2 or not len(neuron):
        return neuron + cell.first
    within = np.unravel_index(neuron, cell.shape)
    return np.ravel_multi_index(within, population) + cell.first


def _check(part: Part, chunk: Any, begin: int, steps: int) -> None:
    """Raise if the chunk of the current is not what its dask array declares."""
    assert part.form is not None
    dtype, shape = part.form
    expected = (steps, *shape) if part.over_time else shape
    where = f"steps {begin}:{begin + steps} and neurons {part.cell.block}"
    if not isinstance(chunk, (np.ndarray, np.generic)):  # without axes, it may be a scalar
        raise TypeError(f"current must have chunks of NumPy, got {described(chunk)} for {where}")
    if chunk.shape != expected or chunk.dtype != dtype:
        raise ValueError(
            f"current must have the chunks that its dask array declares, shape {expected} and "
            f"dtype {dtype}, got {described(chunk)} for {where}"
        )
