"""One step at a time, in microseconds: ``neuron(cur, mem)``."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fastlif.checks import Numbers, common_shape, described, numbers, output, overlap
from fastlif.engine import arrange, fill
from fastlif.inputs import state_dtype
from fastlif.kernels.access import ROW, WIDTH
from fastlif.kernels.rules import CONSTANTS
from fastlif.kernels.step import DONE, call, step_kernel
from fastlif.state import Entering, State, entering, leaving

if TYPE_CHECKING:
    from fastlif.neuron import Neuron


class Stepper:
    """A neuron's step for one population shape and dtype, with all that can be prepared."""

    def __init__(self, neuron: "Neuron", shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        self._shape, self._size, self._dtype = shape, math.prod(shape), dtype
        self._spike_dtype = neuron.spike_dtype
        self._kernel = step_kernel(neuron.physics)
        self._constants, varying = arrange(neuron.constants(dtype), shape)
        self._table = None
        if varying:
            rows = np.zeros((len(CONSTANTS), ROW), dtype)
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
                spk = np.empty(self._shape, self._spike_dtype)
                new = np.empty(self._shape, self._dtype)
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


class StateStepper(Stepper):
    """The same for neurons that keep more than their membrane: State in, State out."""

    def __init__(self, neuron: "Neuron", shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        super().__init__(neuron, shape, dtype)
        self._names = neuron.physics.states

    def __call__(self, cur: Any, mem: Any, out: Any) -> tuple[Numbers, Any] | None:
        """Step, if these are contiguous arrays as prepared for; else return None."""
        names, count = self._names, len(self._names)
        if type(mem) is not State or sum(field is not None for field in mem) != count:
            return None
        try:
            if out is None:
                spk = np.empty(self._shape, self._spike_dtype)
                state = leaving(names, self._shape, self._dtype)
            else:
                spk, state = out
                if type(state) is not State or sum(field is not None for field in state) != count:
                    return None
            arrays = [cur, spk, *(getattr(s, name) for s in (mem, state) for name in names)]
            for array in arrays:
                if type(array) is not np.ndarray or array.shape != self._shape:
                    return None
                if not array.flags.c_contiguous:
                    return None
            flat = [array.reshape(-1) for array in arrays]
            olds, news = tuple(flat[2 : 2 + count]), tuple(flat[2 + count :])
            code = self._kernel(
                self._size, self._constants, self._table, flat[0], olds, flat[1], news
            )
        except (AttributeError, TypeError, ValueError):
            return None
        return (spk, state) if code == DONE else None


def step(neuron: "Neuron", cur: Any, mem: Any, out: Any) -> tuple[Numbers, Any]:
    """Step whatever NumPy can read and broadcast; ``Neuron.__call__`` says how it is called."""
    current = numbers("cur", cur)
    names = neuron.physics.states
    old = entering("mem", mem, names, neuron.resting)
    dtype = state_dtype((cur, current), *old.given)
    population = common_shape([("cur", current.shape), *old.shapes("mem"), *neuron.shapes])
    constants, varying = arrange(neuron.constants(dtype), population)
    if out is None:
        spk, state = np.empty(population, neuron.spike_dtype), leaving(names, population, dtype)
    else:
        spk, state = _pair(out, names)
        output("out[0] (spk)", spk, population, neuron.spike_dtype)
        for name in names:
            output(f"out[1] ({name})", getattr(state, name), population, dtype)
        _refuse_overlap(current, old, spk, state)

    # The kernel takes flat, contiguous, native arrays: those that are so already, else copies.
    flat_cur = _flat(current, population, dtype)
    flat_spk = _flat(spk, population, neuron.spike_dtype)
    news = [getattr(state, name) for name in names]
    flat_news = [_flat(new, population, dtype) for new in news]
    flat_olds = [
        flat if new is array else _flat(array, population, dtype)
        for new, flat, array in zip(news, flat_news, old.arrays.values(), strict=True)
    ]
    in_place = news[0] is old.arrays["mem"]
    width = WIDTH if varying else max(1, flat_cur.size)
    rows = np.zeros((len(CONSTANTS), ROW), dtype) if varying else None
    kernel = step_kernel(neuron.physics)
    for start in range(0, flat_cur.size, width):
        tile = slice(start, min(start + width, flat_cur.size))
        size = tile.stop - tile.start
        if rows is not None:
            fill(rows, varying, tile.start, tile.stop)
        table = None if rows is None else rows.reshape(-1)
        mems, into = ([flat[tile] for flat in flats] for flats in (flat_olds, flat_news))
        if len(names) == 1:
            arrays: tuple[Any, Any] = mems[0], None if in_place else into[0]
        else:  # of one type, which a read-only array would not be
            alike = (part if part.flags.writeable else part.copy() for part in mems)
            arrays = tuple(alike), tuple(into)
        call(kernel, size, constants, table, flat_cur[tile], arrays[0], flat_spk[tile], arrays[1])
    for array, flat in zip([spk, *news], [flat_spk, *flat_news], strict=True):
        if not np.may_share_memory(array, flat):
            array[...] = flat.reshape(population)

    # The next call most likely has the same form: prepare, if it could then go the short way.
    kind = Stepper if len(names) == 1 else StateStepper
    forms = [(type(cur), current.dtype, current.shape)]
    if kind is Stepper or mem is not None:  # a State that came out of a step goes into the next
        forms += [(type(mem), a.dtype, a.shape) for a in old.arrays.values()]
    form = (State if kind is StateStepper else np.ndarray, dtype, population)
    plain = population and forms == [(np.ndarray, dtype, population), *[form] * (len(forms) - 1)]
    if plain and (not varying or flat_cur.size <= WIDTH):
        neuron.prepare_step(kind(neuron, population, dtype))
    return (spk, state.mem) if kind is Stepper else (spk, state)


def _flat(array: Numbers, population: tuple[int, ...], dtype: np.dtype[Any]) -> Numbers:
    """Return ``array`` flat, contiguous and in the native ``dtype``: itself where it is so."""
    whole = array if array.shape == population else np.broadcast_to(array, population)
    return np.require(whole, dtype, ["C", "A"]).reshape(-1)


def _pair(out: Any, names: Sequence[str]) -> tuple[Any, State]:
    """Return the arrays to fill: of the spikes, and of all that the neuron keeps."""
    kind = "(spk, mem)" if len(names) == 1 else f"(spk, State({', '.join(names)}))"
    if not isinstance(out, (tuple, list)) or isinstance(out, State) or len(out) != 2:
        raise TypeError(f"out must be a pair of arrays {kind}, got {described(out)}")
    spk, new = out
    if isinstance(new, State):
        held = tuple(name for name, field in new._asdict().items() if field is not None)
        if held != tuple(names):
            raise ValueError(f"out must be {kind}, got a State that holds {' and '.join(held)}")
        return spk, new
    if len(names) > 1:
        raise TypeError(f"out must be {kind}, got {described(new)} in place of the State")
    return spk, State(new)


def _refuse_overlap(cur: Numbers, old: Entering, spk: Numbers, new: State) -> None:
    """Raise if an output shares memory with another array; a state may be stepped in place."""
    outputs = {"out[0] (spk)": spk}
    outputs |= {f"out[1] ({n})": a for n, a in new._asdict().items() if a is not None}
    others = {"cur": cur, **old.arrays, **outputs}
    for name, array in outputs.items():
        for other_name, other in others.items():
            own = name == f"out[1] ({other_name})"
            if name == other_name or (own and array is other):
                continue
            if overlap(array, other):
                same = " (to step in place, give the very same array)" if own else ""
                raise ValueError(f"{name} must not overlap {other_name} in memory{same}")
