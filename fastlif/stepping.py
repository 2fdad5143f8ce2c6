"""One step at a time, in microseconds: ``neuron(cur, mem)``."""

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from fastlif.checks import Numbers, common_shape, described, numbers, output, overlap
from fastlif.engine import arrange, fill
from fastlif.inputs import state_dtype
from fastlif.kernels.access import ROW, WIDTH
from fastlif.kernels.rules import CONSTANTS
from fastlif.kernels.step import DONE, call, step_kernel
from fastlif.recording import State

if TYPE_CHECKING:
    from fastlif.neuron import Neuron

_BOOL = np.dtype(np.bool_)


class Stepper:
    """A neuron's step for one population shape and dtype, with all that can be prepared."""

    def __init__(self, neuron: "Neuron", shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        self._shape, self._size, self._dtype = shape, math.prod(shape), dtype
        self._kernel = step_kernel(neuron.physics)
        self._constants, varying = arrange(neuron.constants(dtype), shape)
        self._table = None
        if varying:
            rows = np.zeros((CONSTANTS, ROW), dtype)
            fill(rows, varying, 0, self._size)
            self._table = rows.reshape(-1)

    def __call__(self, cur: Any, mem: Any, out: Any) -> tuple[Numbers, Numbers] | None:
        """Step, if these are contiguous arrays as prepared for; else return None, nothing written.

        The kernel checks the rest, in nanoseconds: it refuses sizes that it was not called for,
        outputs that overlap, and (with a TypeError) any that it was not compiled for: of other
        dtypes and layouts, or read-only.
        """
        if not (
            type(cur) is type(mem) is np.ndarray
            and cur.dtype is mem.dtype is self._dtype
            and cur.flags.c_contiguous
            and mem.flags.c_contiguous
        ):
            return None
        try:
            if out is None:
                spk, new = np.empty(self._shape, _BOOL), np.empty(self._shape, self._dtype)
            else:
                spk, new = out
            if len(self._shape) == 1:
                arrays: tuple[Any, ...] = cur, mem, spk, None if new is mem else new
            elif cur.shape == mem.shape == spk.shape == new.shape == self._shape:
                if not (spk.flags.c_contiguous and new.flags.c_contiguous):
                    return None
                flat = [a.reshape(-1) for a in (cur, mem, spk, new)]
                arrays = *flat[:3], None if new is mem else flat[3]
            else:
                return None
            code = self._kernel(self._size, self._constants, self._table, *arrays)
        except (AttributeError, TypeError, ValueError):
            return None
        return (spk, new) if code == DONE else None


def step(neuron: "Neuron", cur: Any, mem: Any, out: Any) -> tuple[Numbers, Numbers]:
    """Step whatever NumPy can read and broadcast; ``Neuron.__call__`` says how it is called."""
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
        call(kernel, size, constants, table, flat_cur[tile], flat_mem[tile], flat_spk[tile], into)
    for array, flat in ((spk, flat_spk), (new, flat_new)):
        if not np.may_share_memory(array, flat):
            array[...] = flat.reshape(population)

    # The next call most likely has the same form: prepare, if it could then go the short way.
    forms = [(type(a), b.dtype, b.shape) for a, b in ((cur, current), (mem, entering))]
    plain = population and forms == [(np.ndarray, dtype, population)] * 2
    if plain and (not varying or flat_cur.size <= WIDTH):
        neuron.prepare_step(Stepper(neuron, population, dtype))
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
