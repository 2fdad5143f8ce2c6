"""Run and step: check, allocate, cut into tiles, share among threads, call the kernel."""

import math
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from fastlif import inputs, recording
from fastlif.blocks import copy_in
from fastlif.checks import Numbers, common_shape, numbers
from fastlif.kernels.sweep import INPUT, MEMBRANE, ROW, ROWS, WIDTH, sweep_kernel
from fastlif.parallel import for_each, thread_count
from fastlif.progress import Progress, Report, progress_of
from fastlif.recording import Run, Sink, State

if TYPE_CHECKING:
    from fastlif.neurons import Neuron

Tile: TypeAlias = tuple[int, int]

# One kernel call takes this many neuron-steps, some milliseconds: Ctrl-C waits for it.
CALL = 2**22
# A staged current is copied and cast in blocks of this many numbers, which the L2 cache holds.
STAGE = 2**16
# Below this many neuron-steps a second thread costs more than it brings.
WORTH_A_THREAD = 2**19


def run(
    neuron: "Neuron",
    current: object,
    initial: object,
    steps: int | None,
    record: object,
    out: object,
    threads: int | None,
    progress: bool | Report,
) -> Run:
    """Integrate a current over time; ``Neuron.run`` says how it is called."""
    wanted = recording.names(record)
    values = inputs.over_time(current, steps)
    start = 0 if initial is None else initial.mem if isinstance(initial, State) else initial
    mem = numbers("initial", start)
    dtype = inputs.state_dtype((current, values), (start, mem))
    shapes = [("current", values.shape[1:]), ("initial", mem.shape), *neuron.shapes]
    population = common_shape(shapes)
    constants = neuron.constants(dtype)
    work = len(values) * math.prod(population)
    wide = 1 if threads is None and work < WORTH_A_THREAD else thread_count(threads)
    done = progress_of(progress, work)
    arrays = recording.outputs(wanted, out, (len(values), *population), dtype, values)
    final = State(np.empty(population, dtype))
    np.copyto(final.mem, mem, casting="unsafe")
    if work:
        feed = inputs.feed(values, population, dtype)
        sweep = _Sweep(neuron, constants, feed, len(values), arrays, final, done)
        for_each(sweep.worker, sweep.tiles(wide), wide)
    if done is not None:
        done.close()
    return Run(arrays.get("membrane"), arrays.get("spikes"), final)


class _Sweep:
    """One run, cut into tiles of neurons that any thread can take."""

    def __init__(
        self,
        neuron: "Neuron",
        constants: tuple[Numbers, ...],
        feed: inputs.Feed,
        steps: int,
        arrays: dict[str, Numbers],
        final: State,
        done: Progress | None,
    ) -> None:
        self.kernel = sweep_kernel(neuron.physics)
        self.feed, self.steps, self.done = feed, steps, done
        self.mem = final.mem.reshape(-1)
        self.shared, self.varying = arrange(constants, final.mem.shape)
        self.membrane = recording.sink(arrays.get("membrane"), final.mem.dtype)
        self.spikes = recording.sink(arrays.get("spikes"), np.dtype(np.bool_))

    def tiles(self, threads: int) -> Iterator[Tile]:
        """Cut the flat population into tiles.

        Wide ones stream memory in long stretches; narrow ones keep scratch and stages in the
        nearest cache.
        """
        sinks: list[Sink | None] = [self.membrane, self.spikes]
        if self.feed.kind == "staged" or any(s is not None and s.view is None for s in sinks):
            width = 512
        elif self.feed.kind == "constant" and sinks == [None, None]:
            width = 1024
        else:
            width = WIDTH // 2 if self.varying else WIDTH
        size = len(self.mem)
        share = -(-size // threads)
        width = min(width, -(-share // 64) * 64)
        return ((start, min(start + width, size)) for start in range(0, size, width))

    def worker(self, stopped: Callable[[], bool]) -> Callable[[Tile], None]:
        """Return what a thread does with a tile, with the thread's own scratch."""
        dtype = self.mem.dtype
        work = np.empty(ROWS * ROW, dtype)
        stage = np.empty(STAGE if self.feed.kind == "staged" else 0, dtype)
        rows = work.reshape(ROWS, ROW)

        def advance(tile: Tile) -> None:
            start, stop = tile
            size = stop - start
            mem = self.mem[start:stop]
            rows[MEMBRANE, :size] = mem
            if self.shared is None:
                fill(rows, self.varying, start, stop)
            if self.feed.kind == "constant":
                copy_in(rows[INPUT : INPUT + 1, :size], self.feed.values, start)
            chunk = max(1, (STAGE if self.feed.kind == "staged" else CALL) // size)
            for first in range(0, self.steps, chunk):
                if stopped():
                    break
                steps = slice(first, min(first + chunk, self.steps))
                current = inputs.read(self.feed, steps, start, stop, stage)
                membrane = recording.target(self.membrane, steps, start, stop)
                spikes = recording.target(self.spikes, steps, start, stop)
                count = steps.stop - steps.start
                self.kernel(count, size, self.shared, work, current, membrane, spikes)
                recording.settle(self.membrane, steps, start, membrane)
                recording.settle(self.spikes, steps, start, spikes)
                if self.done is not None:
                    self.done.add(count * size)
            mem[:] = rows[MEMBRANE, :size]

        return advance


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
