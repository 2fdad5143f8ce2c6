"""Run: check, allocate, cut into tiles, share among threads, call the kernel."""

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np

from fastlif import inputs, recording
from fastlif.blocks import copy_in
from fastlif.checks import Numbers, common_shape
from fastlif.kernels.access import COUNT, INPUT, ROW, ROWS, STATES, WIDTH
from fastlif.kernels.records import ROOM
from fastlif.kernels.rules import CONSTANTS
from fastlif.kernels.sweep import sweep_kernel
from fastlif.parallel import for_each, thread_count
from fastlif.progress import Progress, Report, progress_of
from fastlif.recording import Run
from fastlif.scratch import give_back, take
from fastlif.shortcut import form, prepare
from fastlif.sinks import Sinks, settle, target
from fastlif.state import entering, leaving

if TYPE_CHECKING:
    from fastlif.neuron import Neuron

Tile: TypeAlias = tuple[int, int]
Varying: TypeAlias = list[tuple[int, Numbers]]  # constants (1, *population), their rows in scratch

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
    start = entering("initial", initial, neuron.physics.states, neuron.resting)
    dtype = inputs.state_dtype((current, values), *start.given)
    shapes = [("current", values.shape[1:]), *start.shapes("initial"), *neuron.shapes]
    population = common_shape(shapes)
    constants = neuron.constants(dtype)
    size = math.prod(population)
    work = len(values) * size
    wide = 1 if threads is None and work < WORTH_A_THREAD else thread_count(threads)
    columns = wanted.columns(size)
    spike = neuron.spike_dtype
    arrays = recording.outputs(wanted, columns, out, len(values), population, dtype, spike, values)
    done = progress_of(progress, work)
    states = []  # what enters and what leaves, and where it stands in scratch
    final = leaving(neuron.physics.states, population, dtype)
    for name, array in start.arrays.items():
        if any(np.may_share_memory(array, other) for other in arrays.values()):
            array = array.copy()  # a tile may read it when another has been written
        last = getattr(final, name)
        states.append((STATES[name], np.broadcast_to(array, (1, *population)), last.reshape(-1)))
        if not work:
            np.copyto(last, array, casting="unsafe")
    records = Sinks(wanted, columns, arrays, dtype, spike)
    if work:
        feed = inputs.feed(values, population, dtype)
        sweep = _Sweep(neuron, constants, feed, len(values), states, records, done)
        width = sweep.width(wide)
        tiles = ((start, min(start + width, size)) for start in range(0, size, width))
        for_each(lambda stopped: sweep.worker(stopped, width), tiles, wide)
        records.finish()
        if key is not None and current is values and values.shape[1:] == population:
            prepare(neuron, key, sweep.shared, values, dtype, wanted.names)
    if done is not None:
        done.close()
    events = None if records.log is None else records.log.merged(wide)
    kept = (arrays.get(name) for name in ("membrane", "spikes", "packed", "counts"))
    return Run(*kept, events, final)  # type: ignore[call-arg, arg-type]


class _Sweep:
    """One run, cut into tiles of neurons that any thread can take."""

    def __init__(
        self,
        neuron: "Neuron",
        constants: dict[str, Numbers],
        feed: inputs.Feed,
        steps: int,
        states: list[tuple[int, Numbers, Numbers]],  # row, entering (1, *population), leaving (N)
        sinks: Sinks,
        done: Progress | None,
    ) -> None:
        self.kernel = sweep_kernel(neuron.physics)
        self.feed, self.steps, self.sinks, self.done = feed, steps, sinks, done
        self.states = states
        _, mem, last = states[0]
        self.size, self.dtype = last.size, last.dtype
        self.shared, self.varying = arrange(constants, mem.shape[1:])

    def width(self, threads: int) -> int:
        """Return how many neurons of the flat population a tile has.

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
        share = -(-self.size // threads)
        return min(width, -(-share // 64) * 64)

    def worker(self, stopped: Callable[[], bool], width: int) -> Callable[[Tile], None]:
        """Return what a thread does with a tile, which has up to ``width`` neurons."""
        sinks = self.sinks
        stage = np.empty(STAGE, self.dtype) if self.feed.kind == "staged" else None
        fired = np.empty(4 * ROW, sinks.spike_dtype) if sinks.lacks_spikes else None
        events = None if sinks.log is None else sinks.log.buffer(ROOM * width)

        def advance(tile: Tile) -> None:
            work = take(self.dtype)
            self._advance(tile, _Scratch(work, stage, fired, events), stopped)
            give_back(work)

        return advance

    def _advance(self, tile: Tile, scratch: "_Scratch", stopped: Callable[[], bool]) -> None:
        """Take a tile through all of time, in stretches that are over soon."""
        start, stop = tile
        size = stop - start
        rows = scratch.work.reshape(ROWS, ROW)
        for row, first, _ in self.states:
            copy_in(rows[row : row + 1, :size], first, start)
        if self.shared is None:
            fill(rows, self.varying, start, stop)
        if self.feed.kind == "constant":
            copy_in(rows[INPUT : INPUT + 1, :size], self.feed.values, start)
        staged = self.feed.kind == "staged" or self.sinks.staged
        dense = CALL if self.sinks.nothing_dense else CALL_DENSE
        chunk = max(1, (STAGE if staged else dense) // size)
        for begin in range(0, self.steps, chunk):
            if stopped():
                break
            self._stretch(slice(begin, min(begin + chunk, self.steps)), start, stop, scratch)
            if self.done is not None:
                self.done.add((min(begin + chunk, self.steps) - begin) * size)
        for row, _, last in self.states:
            last[start:stop] = rows[row, :size]

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
    constants: dict[str, Numbers], population: tuple[int, ...]
) -> tuple[Numbers | None, Varying]:
    """Return one set of constants for all neurons, or None and each with its row in scratch."""
    if all(c.size == 1 for c in constants.values()):
        shared = np.zeros(len(CONSTANTS), constants["threshold"].dtype)
        for name, constant in constants.items():
            shared[CONSTANTS.index(name)] = constant.reshape(())
        return shared, []
    return None, [
        (CONSTANTS.index(name), np.broadcast_to(constant, (1, *population)))
        for name, constant in constants.items()
    ]


def fill(rows: Numbers, varying: Varying, start: int, stop: int) -> None:
    """Put the constants of the neurons ``start:stop`` into the scratch's first rows."""
    for row, constant in varying:
        copy_in(rows[row : row + 1, : stop - start], constant, start)
