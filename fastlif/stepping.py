"""One step at a time, in microseconds: ``neuron(cur, mem)``."""

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from fastlif.checks import Numbers, common_shape, described, numbers, output, overlap
from fastlif.engine import arrange, fill
from fastlif.inputs import state_dtype
from fastlif.kernels.access import ROW, WIDTH
from fastlif.kernels.rules import CONSTANTS
from fastlif.kernels.step import step_kernel
from fastlif.recording import State

if TYPE_CHECKING:
    from fastlif.neuron import Neuron

_BOOL = np.dtype(np.bool_)
_STEPPERS = 16  # how many population shapes a neuron prepares for


class Stepper:
    """A neuron's step for one population shape and dtype, with all that can be prepared."""

    __slots__ = ("_constants", "_kernel", "_size", "_table", "shape")

    def __init__(self, neuron: "Neuron", shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        self.shape, self._size = shape, math.prod(shape)
        self._kernel = step_kernel(neuron.physics)
        self._constants, varying = arrange(neuron.constants(dtype), shape)
        self._table = None
        if varying:
            rows = np.zeros((CONSTANTS, ROW), dtype)
            fill(rows, varying, 0, self._size)
            self._table = rows.reshape(-1)

    def __call__(self, cur: Numbers, mem: Numbers, spk: Numbers, new: Numbers | None) -> bool:
        """Step contiguous arrays; ``new`` None steps ``mem`` in place. False if they overlap."""
        if len(self.shape) != 1:
            cur, mem, spk = cur.reshape(-1), mem.reshape(-1), spk.reshape(-1)
            new = None if new is None else new.reshape(-1)
        done: bool = self._kernel(self._size, self._constants, self._table, cur, mem, spk, new)
        return done


def step(neuron: "Neuron", cur: Any, mem: Any, out: Any) -> tuple[Numbers, Numbers]:
    """Advance the population by one step; ``Neuron.__call__`` says how it is called.

    The common call, contiguous arrays of the state's dtype and the population's shape, takes the
    short way once the long one has prepared it.
    """
    try:
        stepper = neuron.steppers[cur.dtype, cur.shape, mem.dtype, mem.shape]
        plain = cur.flags.c_contiguous and mem.flags.c_contiguous
    except (AttributeError, KeyError, TypeError):
        return _any_step(neuron, cur, mem, out)
    if out is None:
        spk, new = np.empty(stepper.shape, _BOOL), np.empty(stepper.shape, mem.dtype)
    else:
        spk, new = _pair(out)
        plain = (
            plain
            and type(spk) is type(new) is np.ndarray
            and spk.dtype is _BOOL
            and new.dtype is mem.dtype
            and spk.shape == new.shape == mem.shape
            and spk.flags.carray
            and new.flags.carray
        )
    if not (plain and type(cur) is type(mem) is np.ndarray):
        return _any_step(neuron, cur, mem, out)
    if not stepper(cur, mem, spk, None if new is mem else new):
        _refuse_overlap(cur, mem, spk, new)
    return spk, new


def _any_step(neuron: "Neuron", cur: Any, mem: Any, out: Any) -> tuple[Numbers, Numbers]:
    """Step whatever NumPy can read and broadcast."""
    current = numbers("cur", cur)
    given = 0 if mem is None else mem.mem if isinstance(mem, State) else mem
    entering = numbers("mem", given)
    dtype = state_dtype((cur, current), (given, entering))
    population = common_shape([("cur", current.shape), ("mem", entering.shape), *neuron.shapes])
    constants, varying = arrange(neuron.constants(dtype), population)
    if out is None:
        spk, new = np.empty(population, _BOOL), np.empty(population, dtype)
    else:
        spk, new = _pair(out)
        output("out[0] (spk)", spk, population, _BOOL)
        output("out[1] (mem)", new, population, dtype)
        _refuse_overlap(current, entering, spk, new)

    # The kernel takes flat, contiguous, native arrays: those that are so already, else copies.
    flat_cur, flat_spk, flat_new = (
        _flat(current, population, dtype),
        *(_flat(array, population, array.dtype.newbyteorder("=")) for array in (spk, new)),
    )
    flat_mem = flat_new if new is entering else _flat(entering, population, dtype)
    width = WIDTH if varying else max(1, flat_cur.size)
    rows = np.zeros((CONSTANTS, ROW), dtype) if varying else None
    kernel = step_kernel(neuron.physics)
    for start in range(0, flat_cur.size, width):
        tile = slice(start, min(start + width, flat_cur.size))
        size = tile.stop - tile.start
        if rows is not None:
            fill(rows, varying, tile.start, tile.stop)
        table = None if rows is None else rows.reshape(-1)
        into = None if new is entering else flat_new[tile]
        kernel(size, constants, table, flat_cur[tile], flat_mem[tile], flat_spk[tile], into)
    for array, flat in ((spk, flat_spk), (new, flat_new)):
        if not np.may_share_memory(array, flat):
            array[...] = flat.reshape(population)

    if not varying or flat_cur.size <= WIDTH:
        if len(neuron.steppers) >= _STEPPERS:
            neuron.steppers.clear()
        neuron.steppers[dtype, population, dtype, population] = Stepper(neuron, population, dtype)
    return spk, new


def _flat(array: Numbers, population: tuple[int, ...], dtype: np.dtype[Any]) -> Numbers:
    """Return ``array`` flat, contiguous and in the native ``dtype``: itself where it is so."""
    whole = array if array.shape == population else np.broadcast_to(array, population)
    return np.require(whole, dtype, ["C", "A"]).reshape(-1)


def _pair(out: Any) -> tuple[Any, Any]:
    if not isinstance(out, (tuple, list)) or len(out) != 2:
        raise TypeError(f"out must be a pair of arrays (spk, mem), got {described(out)}")
    return out[0], out[1]


def _refuse_overlap(cur: Numbers, mem: Numbers, spk: Numbers, new: Numbers) -> None:
    """Raise if an output shares memory with another array; ``new`` may be ``mem`` itself."""
    pairs = [("out[0] (spk)", spk, "cur", cur), ("out[0] (spk)", spk, "mem", mem)]
    pairs += [("out[0] (spk)", spk, "out[1] (mem)", new), ("out[1] (mem)", new, "cur", cur)]
    if new is not mem:
        pairs += [("out[1] (mem)", new, "mem", mem)]
    for name, array, other_name, other in pairs:
        if overlap(array, other):
            same = " (to step in place, give the very same array)" if other is mem else ""
            raise ValueError(f"{name} must not overlap {other_name} in memory{same}")
