"""The plan of a run: everything that depends on the forms of its arguments only."""

import math
from typing import Any

import numpy as np

from fastlif.checks import Numbers, common_shape, numbers
from fastlif.execution.blocks import copy_in
from fastlif.execution.crew import Crew
from fastlif.execution.forms import state_dtype
from fastlif.execution.generated import GeneratedInput
from fastlif.execution.inputs import Input, source_of
from fastlif.execution.parallel import thread_count
from fastlif.execution.records import RecordPlan, columns_of
from fastlif.execution.results import stored_spike_dtype
from fastlif.execution.scratch import GENERATED, STAGE, pool_of
from fastlif.execution.sources import Source
from fastlif.execution.state import State, label_of, state_of
from fastlif.kernels.jit import variant_of
from fastlif.kernels.layout import WIDTH
from fastlif.kernels.sweep import four_steps, one_neuron, step_by_step, streamed_steps, sweep_kernel
from fastlif.model import Constants, Model

# One kernel call takes this many neuron-steps, some milliseconds, because Ctrl-C waits for it.
# Fewer if something dense is written: the first write to a new page can take a millisecond.
_CALL = 2**22
_CALL_DENSE = 2**19
# Each thread gets at least this many neuron-steps, about a millisecond of work: to start a thread
# and to wait for it takes 0.1 to 0.3 ms.
_LEAST_SHARE = 2**21
_WORTH_A_THREAD = 2 * _LEAST_SHARE
_SURELY_WORTH = 2**26  # neuron-steps: for fewer, it is measured whether several threads are faster
_STATES = 2**18  # bytes of one state variable of a tile that writes something dense
_WORTH_FOUR_STEPS = 128  # neurons: shorter rows do not repay four steps at a time


class ConstantRows:
    """The constants of a population as kernels read them.

    Attributes
    ----------
    shared : numpy.ndarray or None
        The constants, if all neurons share them.
    """

    def __init__(self, constants: Constants, population: tuple[int, ...]) -> None:
        self.shared = constants.shared
        self._table: Numbers | None = None
        if self.shared is None:
            views = [np.broadcast_to(c, (1, *population)) for c in constants.each]
            size = math.prod(population)
            if size <= WIDTH // 8:  # then one copy replaces one per constant
                self._table = np.concatenate([view.reshape(1, size) for view in views])
            self._views = views

    def fill(self, rows: Numbers, start: int, stop: int) -> None:
        """Put the constants of the neurons ``start:stop`` into a tile's scratch."""
        if self.shared is not None:
            return
        if self._table is not None:
            rows[: len(self._table), : stop - start] = self._table[:, start:stop]
            return
        for row, view in enumerate(self._views):
            copy_in(rows[row : row + 1, : stop - start], view, start)


def population_of(
    model: Model, named: list[tuple[str, tuple[int, ...]]], labels: list[str], fields: list[Any]
) -> tuple[int, ...]:
    """Return the shape that inputs, parameters and states broadcast to."""
    states = [
        (label, field[0].shape)
        for label, field in zip(labels, fields, strict=True)
        if field is not None
    ]
    return common_shape([*named, *states, *model.shapes])


class RunPlan:
    """How runs with arguments of certain forms are executed.

    Raises if the arguments do not fit together; nothing has been written then.
    """

    def __init__(
        self,
        model: Model,
        current: tuple[Numbers, bool],
        steps: int | None,
        fields: list[tuple[Numbers, bool] | None],
        names: frozenset[str],
        neurons: object,
        every: int,
        out: object,
        threads: int | None,
        skip: int = 0,
    ) -> None:
        source = current[0] if isinstance(current[0], Source) else None
        values = numbers("current", current[0] if source is None else np.empty(0, source.dtype))
        for name, field in zip(model.rule.states, fields, strict=True):
            if field is not None:
                numbers(label_of("initial", name), field[0])
        self.steps = len(values) if steps is None else steps
        self.dtype = state_dtype(
            [(values, current[1]), *(field for field in fields if field is not None)]
        )
        labels = [label_of("initial", name) for name in model.rule.states]
        shape = values.shape[1:] if steps is None else values.shape
        named = [("current", shape)] if source is None else list(source.shapes)
        self.population = population_of(model, named, labels, fields)
        self.size = math.prod(self.population)
        self.work = self.steps * self.size
        constants = model.constants(self.dtype)
        columns = None if neurons is None else columns_of(neurons, names, self.population)
        self.records = RecordPlan(
            names, every, skip, columns, out, self.steps, self.population, self.dtype,
            stored_spike_dtype(model, self.dtype), model.rule.several, model.rule.timed,
        )  # fmt: skip
        self.constants = ConstantRows(constants, self.population)
        self.input: Any = (
            Input(values, steps, self.population, self.dtype, self.work)
            if source is None
            else GeneratedInput(self.population, self.dtype)
        )
        staged = self.records.staged or self.input.kind == "staged"
        self._staged = staged
        self.call = STAGE if staged else _CALL_DENSE if self.records.dense else _CALL
        self.loops = self._loops(model) if self.work else []
        # The same with streaming stores.
        self.streamed = [(sweep_kernel(model.rule, streamed_steps), 1)]
        self._states = model.rule.states
        self.pool = pool_of(self.dtype)
        self._flat = len(self._states) == len(self.population) == 1
        # What fills the states that are not given.
        self.resting = [source_of(np.asarray(model.resting), self.population)]
        self.resting += [0.0] * (len(model.rule.states) - 1)
        self.binds_input = not self.input.as_it_is(values)
        self.fills_scratch = self.constants.shared is None or self.input.kind == "constant"
        # Threads, and tiles; unless the environment or measurements have a say in it.
        self.tiles: tuple[int, list[tuple[int, int]]] | None = None
        self._threads = threads if threads is None else thread_count(threads)
        doubtful = 2 * _LEAST_SHARE <= self.work < _SURELY_WORTH and self._threads != 1
        self.crew = Crew() if doubtful else None
        if self._threads is None and self.work < _WORTH_A_THREAD:
            self.tiles = self._cut(1)
        elif self._threads is not None and self.crew is None:
            self.tiles = self._cut(self._threads)
        # Whether one kernel call takes the arrays of the whole run, and nothing else.
        one = self.tiles is not None and len(self.tiles[1]) == 1 and self.work <= self.call
        direct = self.input.kind in ("direct", "shared") and self.records.extent is not None
        self.whole = bool(self.work) and one and direct and not self.records.per_thread
        self.whole &= not self.records.large
        self.bound = False

    def bind(self, arguments: tuple[Any, ...]) -> None:
        """Replace the kernels with what Numba compiled for ``arguments``.

        Only for a run of which one kernel call takes everything: then the types of the arguments
        follow from the forms that the plan was made for.
        """
        self.loops = [(variant_of(kernel, arguments), multiple) for kernel, multiple in self.loops]
        self.bound = True

    def _loops(self, model: Model) -> list[tuple[Any, int]]:
        """Return the kernels that a stretch goes through, each with the multiple that it takes."""
        records, rule = self.records, model.rule
        general = sweep_kernel(rule, step_by_step)
        long_rows = self.size >= _WORTH_FOUR_STEPS or self.input.kind == "constant"
        each_state = "membrane" in records.names or records.timed
        if not records.dense and not each_state and long_rows:
            return [(sweep_kernel(rule, four_steps), 4), (general, 1)]
        if self.size == 1 and "events" not in records.names and "membrane" not in records.selects:
            return [(sweep_kernel(rule, one_neuron), 1)]
        return [(general, 1)]

    def tiles_now(self) -> tuple[int, list[tuple[int, int]]]:
        """Return ``tiles`` for the number of threads that is the right one now."""
        threads = thread_count(None) if self._threads is None else self._threads
        threads = min(threads, self.work // _LEAST_SHARE)
        if self.crew is not None and threads > 1:
            threads = self.crew.size(threads)
        return self._cut(threads)

    def _cut(self, threads: int) -> tuple[int, list[tuple[int, int]]]:
        threads = min(threads, max(1, self.work // _LEAST_SHARE))
        # As many tiles for each thread, of equal widths: none waits for the last one long.
        count = -(-self.size // self._width(threads))
        count = -(-count // threads) * threads
        width = max(64, -(-self.size // (64 * count)) * 64) if count else 64
        starts = range(0, self.size, width)
        tiles = [(start, min(start + width, self.size)) for start in starts]
        return max(1, min(threads, len(tiles))), tiles

    def state(self, finals: list[Numbers], begun: int) -> State:
        """Return the state whose variables stand in flat arrays, ``begun`` steps before the run."""
        if self._flat:
            return State(finals[0], None, None, None, begun + self.steps)
        arrays = [final.reshape(self.population) for final in finals]
        return state_of(self._states, arrays, begun + self.steps)

    def _width(self, threads: int) -> int:
        """Return the number of neurons of a tile.

        Wide tiles stream memory in long stretches; narrow ones keep scratch in the nearest cache.
        A tile starts at a multiple of 8, the neurons of a packed byte.
        """
        if self._staged:
            width = 512
        elif not self.records.dense:
            # Wider for few steps, so that a tile takes longer than its preparation.
            constant = self.input.kind == "constant"
            width = 8192 if constant else 4096
            width = min(max(width, _CALL_DENSE // max(self.steps, 1) // 64 * 64), WIDTH)
        else:
            width = _STATES // self.dtype.itemsize
            width = width if self.constants.shared is not None else width // 4
        if self.input.kind == "generated":
            width = min(width, GENERATED)
        share = -(-self.size // threads)
        return max(64, min(width, -(-share // 64) * 64))

    def chunk(self, size: int) -> int:
        """Return how many steps of a tile one kernel call takes: a multiple of four, or few."""
        if self.work <= self.call:
            return self.steps
        steps = self.call // size
        return max(1, steps if steps < 4 else steps // 4 * 4)
