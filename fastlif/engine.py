"""Run: check, allocate, cut into tiles, share among threads, call the kernel."""

import math
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np

from fastlif import inputs, recording
from fastlif.blocks import copy_in
from fastlif.checks import Numbers, common_shape, numbers
from fastlif.kernels.access import COUNT, INPUT, MEMBRANE, ROW, ROWS, WIDTH
from fastlif.kernels.sweep import sweep_kernel
from fastlif.parallel import for_each, thread_count
from fastlif.progress import Progress, Report, progress_of
from fastlif.recording import BOOL, Run, State
from fastlif.scratch import give_back, take
from fastlif.shortcut import form, prepare
from fastlif.sinks import Sinks, settle, target

if TYPE_CHECKING:
    from fastlif.neuron import Neuron

Tile: TypeAlias = tuple[int, int]

# One kernel call takes this many neuron-steps, some milliseconds: Ctrl-C waits for it. Fewer where
# something dense is written: the first touch of a fresh page can take a millisecond.
CALL = 2**22
CALL_DENSE = 2**19
# A staged current is copied and cast in blocks of this many numbers, which the L2 cache holds.
STAGE = 2**16
# Below this many neuron-steps a second thread costs more than it brings: to start one and wait for
# it takes some 0.3 ms, and at this size two threads were measured to take as long as one.
WORTH_A_THREAD = 2**22


def run(
    neuron: "Neuron",
    current: Any,
    initial: Any,
    steps: int | None,
    record: object,
    neurons: object,
    every: object,
    out: object,
    threads: int | None,
    progress: bool | Report,
) -> Run:
    """Integrate a current over time; ``Neuron.run`` says how it is called."""
    key = None
    plain = steps is neurons is out is threads is None and progress is False
    if plain and type(every) is int and every == 1:
        key = form(current, record)
        shortcut = neuron.shortcuts.get(key)
        if shortcut is not None and shortcut.takes(current, initial):
            return shortcut.run(current, initial)
    wanted = recording.wanted(record, neurons, every)
    values = inputs.over_time(current, steps)
    start = 0 if initial is None else initial.mem if isinstance(initial, State) else initial
    mem = numbers("initial", start)
    dtype = inputs.state_dtype((current, values), (start, mem))
    shapes = [("current", values.shape[1:]), ("initial", mem.shape), *neuron.shapes]
    population = common_shape(shapes)
    constants = neuron.constants(dtype)
    size = math.prod(population)
    work = len(values) * size
    wide = 1 if threads is None and work < WORTH_A_THREAD else thread_count(threads)
    columns = wanted.columns(size)
    arrays = recording.outputs(wanted, columns, out, len(values), population, dtype, values)
    done = progress_of(progress, work)
    final = State(np.empty(population, dtype))
    if any(np.may_share_memory(mem, array) for array in arrays.values()):
        mem = mem.copy()  # a tile may read it when another has been written
    if not work:
        np.copyto(final.mem, mem, casting="unsafe")
    records = Sinks(wanted, columns, arrays, dtype)
    if work:
        feed = inputs.feed(values, population, dtype)
        entering = np.broadcast_to(mem, (1, *population))
        sweep = _Sweep(neuron, constants, feed, len(values), entering, final, records, done)
        for_each(sweep.worker, sweep.tiles(wide), wide)
        records.finish()
    if done is not None:
        done.close()
    if key is not None and current is values and values.shape[1:] == population:
        prepare(neuron, key, arrange(constants, population)[0], values, dtype, wanted.names)
    events = None if records.log is None else records.log.merged(wide)
    kept = (arrays.get(name) for name in ("membrane", "spikes", "packed", "counts"))
    return Run(*kept, events, final)  # type: ignore[call-arg, arg-type]


class _Sweep:
    """One run, cut into tiles of neurons that any thread can take."""

    def __init__(
        self,
        neuron: "Neuron",
        constants: tuple[Numbers, ...],
        feed: inputs.Feed,
        steps: int,
        initial: Numbers,  # (1, *population)
        final: State,
        sinks: Sinks,
        done: Progress | None,
    ) -> None:
        self.kernel = sweep_kernel(neuron.physics)
        self.feed, self.steps, self.sinks, self.done = feed, steps, sinks, done
        self.initial, self.mem = initial, final.mem.reshape(-1)
        self.shared, self.varying = arrange(constants, final.mem.shape)

    def tiles(self, threads: int) -> Iterator[Tile]:
        """Cut the flat population into tiles.

        Wide ones stream memory in long stretches; narrow ones keep scratch and stages in the
        nearest cache. A tile starts at a multiple of 8, the neurons of a packed byte.
        """
        if self.feed.kind == "staged" or self.sinks.staged:
            width = 512
        elif self.sinks.nothing_dense:
            # Wider for few steps, so that a tile takes longer than to prepare it.
            width = 8192 if self.feed.kind == "constant" else 4096
            width = min(max(width, CALL_DENSE // self.steps // 64 * 64), WIDTH)
        else:
            width = WIDTH // 2 if self.varying else WIDTH
        size = len(self.mem)
        share = -(-size // threads)
        width = min(width, -(-share // 64) * 64)
        return ((start, min(start + width, size)) for start in range(0, size, width))

    def worker(self, stopped: Callable[[], bool]) -> Callable[[Tile], None]:
        """Return what a thread does with a tile."""
        sinks = self.sinks
        stage = np.empty(STAGE, self.mem.dtype) if self.feed.kind == "staged" else None
        fired = np.empty(4 * ROW, BOOL) if sinks.lacks_spikes else None
        events = None if sinks.log is None else sinks.log.buffer(4 * WIDTH)

        def advance(tile: Tile) -> None:
            work = take(self.mem.dtype)
            self._advance(tile, _Scratch(work, stage, fired, events), stopped)
            give_back(work)

        return advance

    def _advance(self, tile: Tile, scratch: "_Scratch", stopped: Callable[[], bool]) -> None:
        """Take a tile through all of time, in stretches that are over soon."""
        start, stop = tile
        size = stop - start
        rows = scratch.work.reshape(ROWS, ROW)
        copy_in(rows[MEMBRANE : MEMBRANE + 1, :size], self.initial, start)
        if self.shared is None:
            fill(rows, self.varying, start, stop)
        if self.feed.kind == "constant":
            copy_in(rows[INPUT : INPUT + 1, :size], self.feed.values, start)
        staged = self.feed.kind == "staged" or self.sinks.staged
        dense = CALL if self.sinks.nothing_dense else CALL_DENSE
        chunk = max(1, (STAGE if staged else dense) // size)
        for first in range(0, self.steps, chunk):
            if stopped():
                break
            self._stretch(slice(first, min(first + chunk, self.steps)), start, stop, scratch)
            if self.done is not None:
                self.done.add((min(first + chunk, self.steps) - first) * size)
        self.mem[start:stop] = rows[MEMBRANE, :size]

    def _stretch(self, steps: slice, start: int, stop: int, scratch: "_Scratch") -> None:
        """Call the kernel for some steps of a tile."""
        sinks, first, count, size = self.sinks, steps.start, steps.stop - steps.start, stop - start
        current = inputs.read(self.feed, steps, start, stop, scratch.stage)
        membrane = target(sinks.membrane, steps, start, stop)
        spikes = target(sinks.spikes, steps, start, stop)
        packed = None if sinks.packed is None else sinks.packed[steps, start // 8 :]
        counting = None
        if sinks.counts is not None:
            # The row's bits are integers as wide as the dtype.
            kind = np.int64 if scratch.work.dtype == np.float64 else np.int32
            counting = scratch.work.reshape(ROWS, ROW)[COUNT, :size].view(kind)
            counting[:] = 0
        chosen, places = sinks.chosen(start, stop)
        taken = 0
        while taken < count:  # again where the events' buffer was full
            taken, used = self.kernel(
                first, taken, count, size, self.shared, scratch.work, current,
                membrane, spikes, scratch.fired, counting, packed, scratch.events,
                chosen, places, sinks.chosen_membrane, sinks.every, sinks.chosen_spikes,
            )  # fmt: skip
            if sinks.log is not None and scratch.events is not None:
                sinks.log.add(start, scratch.events[:used])
        if sinks.counts is not None:
            if first == 0:
                sinks.counts[start:stop] = counting
            else:
                sinks.counts[start:stop] += counting
        settle(sinks.membrane, steps, start, membrane)
        settle(sinks.spikes, steps, start, spikes)


class _Scratch(NamedTuple):
    """What a thread writes in between."""

    work: Numbers
    stage: Numbers | None  # a block of a staged current
    fired: Numbers | None  # four rows of spikes that something is made of
    events: Numbers | None


def arrange(
    constants: tuple[Numbers, ...], population: tuple[int, ...]
) -> tuple[Numbers | None, list[Numbers]]:
    """Return one set of constants for all neurons, or None and each one as (1, *population)."""
    if all(c.size == 1 for c in constants):
        return np.array([c.reshape(()) for c in constants]), []
    return None, [np.broadcast_to(c, (1, *population)) for c in constants]


def fill(rows: Numbers, varying: list[Numbers], start: int, stop: int) -> None:
    """Put the constants of the neurons ``start:stop`` into the scratch's first rows."""
    for k, constant in enumerate(varying):
        copy_in(rows[k : k + 1, : stop - start], constant, start)
