"""The execution of a reverse sweep: gradients of a run, tile by tile, backwards in time."""

import functools
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from fastlif.checks import Numbers
from fastlif.execution.blocks import copy_in, flattened
from fastlif.execution.inputs import fill, source_of
from fastlif.execution.parallel import for_each, thread_count
from fastlif.execution.plan import ConstantRows
from fastlif.execution.recycle import empty
from fastlif.execution.scratch import STAGE, Scratch, pool_of
from fastlif.kernels.adjoint import reads_drive
from fastlif.kernels.layout import CARRIED, COUNT, INPUT, OF_CURRENT, OF_KEEP, OF_THRESHOLD
from fastlif.kernels.reverse import initial_kernel, reverse_kernel
from fastlif.kernels.surrogates import SURROGATES
from fastlif.model import Model

_WIDTH = 4096  # neurons of a tile: its rows stay in the second-level cache
_CALL = 2**20  # neuron-steps of one kernel call, because Ctrl-C waits for it
_LEAST_SHARE = 2**20  # neuron-steps of one thread
# Sums over time are rounded to the state's dtype for so many steps, and then added in float64. The
# number does not depend on tiles, so that the sums do not either.
_SUMMED = 128


class Reverse(NamedTuple):
    """What a reverse sweep is made for.

    Attributes
    ----------
    surrogate : str
        Its name in SURROGATES.
    values : tuple of float
        Its parameters.
    detached : bool
        Whether resets count as constants.
    summed : bool
        Whether the gradient at the current is summed over time.
    parameters : bool
        Whether to return the gradients at ``keep`` and at the threshold.
    """

    surrogate: str
    values: tuple[float, ...]
    detached: bool
    summed: bool
    parameters: bool


@functools.cache
def _nothing(dtype: np.dtype[Any]) -> Numbers:
    """Return the row of each step and tile of an array that is absent."""
    return np.full(_WIDTH, -0.0, dtype)


class _Operand:
    """An array over time and neurons that a reverse sweep reads.

    ``array`` has the shape ``(steps, *population)``, and may be constant in time or broadcast. None
    stands for a gradient that does not arrive.
    """

    def __init__(self, array: Numbers | None, dtype: np.dtype[Any]) -> None:
        self._array = array
        self._view = None if array is None else flattened(array, dtype)
        self._nothing = _nothing(dtype) if array is None else None
        self.staged = array is not None and self._view is None

    def part(self, begin: int, end: int, start: int, stop: int, block: Numbers | None) -> Any:
        """Return the address of some steps of the neurons ``start:stop`` and the rows' distance."""
        if self._nothing is not None:
            return self._nothing.__array_interface__["data"][0], 0
        if self._view is not None:
            address: int = self._view.__array_interface__["data"][0]
            stride = self._view.strides[0]
            return address + begin * stride + start * self._view.itemsize, stride
        assert block is not None
        assert self._array is not None
        rows = block[: (end - begin) * (stop - start)].reshape(end - begin, stop - start)
        copy_in(rows, self._array[begin:end], start)
        return rows.__array_interface__["data"][0], rows.strides[0]


def gradients(
    model: Model,
    sweep: Reverse,
    population: tuple[int, ...],
    membrane: Numbers,
    initial: Numbers,
    current: Numbers | None,
    at_spikes: Numbers | None,
    at_membrane: Numbers | None,
    threads: int | None,
) -> tuple[Numbers, Numbers, Numbers | None, Numbers | None]:
    """Return the gradients at the current, the initial membrane, ``keep`` and the threshold.

    Parameters
    ----------
    model : Model
        The neuron.
    sweep : Reverse
        What to compute.
    population : tuple of int
        The population's shape.
    membrane : numpy.ndarray
        Membranes ``(steps, *population)`` after each step. Its dtype is that of the results.
    initial : numpy.ndarray
        The membrane before the first step, which broadcasts to the population.
    current : numpy.ndarray or None
        The current ``(steps, *population)``; None where ``reads_drive`` tells that it is not read.
    at_spikes, at_membrane : numpy.ndarray or None
        The gradients that arrive: ``(steps, *population)``, or None.
    threads : int or None
        As in ``Neuron.run``.
    """
    job = _Job(model, sweep, population, membrane, current, at_spikes, at_membrane)
    source = source_of(initial, population)
    work = job.steps * job.size
    count = max(1, min(thread_count(threads), work // _LEAST_SHARE))
    share = -(-job.size // count)
    width = max(64, min(_WIDTH, -(-share // 64) * 64))
    tiles = [(start, min(start + width, job.size)) for start in range(0, job.size, width)]

    def worker(stopped: Callable[[], bool]) -> Callable[[tuple[int, int]], None]:
        blocks = [np.empty(STAGE, membrane.dtype) if each else None for each in job.staged]

        def back(tile: tuple[int, int]) -> None:
            job.back(*tile, source, blocks, stopped)

        return back

    for_each(worker, tiles, max(1, min(count, len(tiles))))
    return job.at_current, job.at_initial, job.at_keep, job.at_threshold


class _Job:
    """One reverse sweep over a population: its arrays, and how a tile is swept."""

    def __init__(
        self,
        model: Model,
        sweep: Reverse,
        population: tuple[int, ...],
        membrane: Numbers,
        current: Numbers | None,
        at_spikes: Numbers | None,
        at_membrane: Numbers | None,
    ) -> None:
        dtype, self._sweep = membrane.dtype, sweep
        self.steps, self.size = len(membrane), math.prod(population)
        slope = SURROGATES[sweep.surrogate].function
        self._kernel = reverse_kernel(
            model.rule, slope, sweep.detached, sweep.summed, sweep.parameters
        )
        self._finish = initial_kernel(model.rule, slope, sweep.detached)
        self._constants = ConstantRows(model.constants(dtype), population)
        self._values = np.array([*sweep.values, 0, 0][:2], dtype)
        self._pool = pool_of(dtype)
        current = current if reads_drive(model.rule, sweep.detached) else None
        self._operands = [
            _Operand(array, dtype) for array in (membrane, current, at_spikes, at_membrane)
        ]
        self.staged = [each.staged for each in self._operands]
        self.at_current = empty(population if sweep.summed else (self.steps, *population), dtype)
        self._rows = None if sweep.summed else _Operand(self.at_current, dtype)
        self.at_initial = empty(population, dtype)
        self.at_keep = self.at_threshold = None
        if sweep.parameters:
            self.at_keep, self.at_threshold = np.zeros(population), np.zeros(population)

    def back(
        self,
        start: int,
        stop: int,
        source: Any,
        blocks: list[Numbers | None],
        stopped: Callable[[], bool],
    ) -> None:
        """Sweep the neurons ``start:stop`` back through all of time."""
        scratch, size = self._pool.take(), stop - start
        rows, first = scratch.rows, scratch.rows[COUNT, :size]
        rows[CARRIED : OF_THRESHOLD + 1, :size] = 0
        fill(first, source, start, stop)
        self._constants.fill(rows, start, stop)
        steps, chunk = self.steps, self._chunk(size)
        end = steps
        while end and not stopped():
            begin = (end - 1) // chunk * chunk
            # The membrane that enters the first of these steps is in the row before it.
            parts = [
                each.part(begin, end, start, stop, block)
                for each, block in zip(self._operands, blocks, strict=True)
            ]
            before = self._before(begin, start, stop, first, scratch)
            to = None if self._rows is None else self._rows.part(begin, end, start, stop, None)
            self._kernel(
                end - begin, size, self._constants.shared, scratch.work, self._values, before,
                *parts, to,
            )  # fmt: skip
            if self._sweep.parameters and begin % _SUMMED == 0:
                self._add(rows, start, stop)
            end = begin
        self._finish(size, self._constants.shared, scratch.work, first)
        self.at_initial.reshape(-1)[start:stop] = rows[CARRIED, :size]
        if self._sweep.summed:
            self.at_current.reshape(-1)[start:stop] = rows[OF_CURRENT, :size]
        self._pool.give_back(scratch)

    def _chunk(self, size: int) -> int:
        """Return the number of steps of one kernel call: a power of two."""
        most = (STAGE if any(self.staged) else _CALL) // size
        most = min(most, _SUMMED) if self._sweep.parameters else most
        return 1 << max(0, most.bit_length() - 1)

    def _before(self, begin: int, start: int, stop: int, first: Numbers, scratch: Scratch) -> int:
        """Return the address of the membrane that enters step ``begin``."""
        address: int = first.__array_interface__["data"][0]
        if begin:
            row = scratch.rows[INPUT, : stop - start]
            address, _ = self._operands[0].part(begin - 1, begin, start, stop, row)
        return address

    def _add(self, rows: Numbers, start: int, stop: int) -> None:
        """Add what was summed over some steps, and begin anew."""
        for row, total in ((OF_KEEP, self.at_keep), (OF_THRESHOLD, self.at_threshold)):
            assert total is not None
            total.reshape(-1)[start:stop] += rows[row, : stop - start]
            rows[row, : stop - start] = 0
