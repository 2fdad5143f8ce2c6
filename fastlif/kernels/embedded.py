"""One rule as functions for Numba: the caller keeps the loop over neurons or over time.

The constants of a neuron stand in memory that fastlif owns, and compiled code holds their address.
Numba does not store such code in its cache, where it would outlive the neuron.
"""

from typing import Any

import numpy as np
from numba import from_dtype, types
from numba.core.errors import TypingError
from numba.extending import intrinsic, overload

from fastlif.kernels.compose import Rule, advance, constants_class, constants_of, drive
from fastlif.kernels.jit import (
    compiled_here,
    contiguous,
    inlined,
    some_overlap,
    wide_vectors,
)
from fastlif.kernels.sources.calls import generate, scratch_items
from fastlif.kernels.step import state_at

_REALS = (types.Integer, types.Float, types.Boolean)


def reader(rule: Rule, values: Any) -> Any:
    """Return the function ``read(j)``: the constants of neuron ``j``, or those that all share.

    ``values`` has the shape (constants,) or (constants, neurons).
    """
    names = constants_of(rule)
    real = from_dtype(values.dtype)
    result = types.NamedUniTuple(real, len(names), constants_class(names))
    stride = size_of(values)

    @intrinsic
    def read(typing_context, j):
        def codegen(context, builder, signature, args):
            always = builder.module.add_metadata([])
            # ``values`` is referred to here, and so lives as long as the compiled function.
            first = context.add_dynamic_addr(builder, values.ctypes.data, "constants")
            first.set_metadata("invariant.load", always)
            first = builder.bitcast(first, context.get_value_type(real).as_pointer())
            index, loaded = args[0], []
            for k in range(len(names)):
                if stride is None:
                    place = index.type(k)
                else:
                    place = builder.add(index, index.type(k * stride))
                value = builder.load(builder.gep(first, [place]))
                # Nothing that the caller writes can change it, so loops need not read it again.
                value.set_metadata("invariant.load", always)
                loaded.append(value)
            return context.make_tuple(builder, result, loaded)

        return result(types.uintp), codegen

    return read


def size_of(values: Any) -> int | None:
    """Return the number of neurons whose constants these are; None if all neurons share them."""
    return values.shape[1] if values.ndim == 2 else None


def _places_of_arrays(state):
    """Return the places of the arrays in the type of a State, or of a tuple of arrays."""
    kinds = getattr(state, "types", ())
    given = isinstance(state, types.BaseNamedTuple)  # a State has None for what a neuron lacks
    return [k for k, kind in enumerate(kinds) if isinstance(kind, types.Array) or not given]


def _as_tuple(mem):
    """Return the arrays of a state: of a State, of a tuple, or the one array that it is."""


@overload(_as_tuple)
def _overload_as_tuple(mem):
    if isinstance(mem, types.Array):
        return lambda mem: (mem,)
    places = _places_of_arrays(mem)
    if not 1 <= len(places) <= 3:
        return None
    a, b, c = (*places, 0, 0)[:3]
    return (
        lambda mem: (mem[a],), lambda mem: (mem[a], mem[b]), lambda mem: (mem[a], mem[b], mem[c]),
    )[len(places) - 1]  # fmt: skip


def _all_contiguous(arrays):
    """Tell the compiler that these arrays are contiguous."""


@overload(_all_contiguous)
def _overload_all_contiguous(arrays):
    return (
        lambda arrays: (contiguous(arrays[0]),),
        lambda arrays: (contiguous(arrays[0]), contiguous(arrays[1])),
        lambda arrays: (contiguous(arrays[0]), contiguous(arrays[1]), contiguous(arrays[2])),
    )[len(arrays) - 1]


def _fit(arrays, size):
    """Tell whether all arrays have this size and are contiguous."""


@overload(_fit)
def _overload_fit(arrays, size):
    def one(array, size):
        return array.size == size and side_by_side(array)

    first = inlined(one)
    return (
        lambda arrays, size: first(arrays[0], size),
        lambda arrays, size: first(arrays[0], size) and first(arrays[1], size),
        lambda arrays, size: (
            first(arrays[0], size) and first(arrays[1], size) and first(arrays[2], size)
        ),
    )[len(arrays) - 1]


@inlined
def side_by_side(row):
    """Tell whether the items of a 1-D array are contiguous."""
    return row.size < 2 or row.strides[0] == row.itemsize


def _checked(test: Any) -> Any:
    """Return a function for compiled code that calls ``test`` with the types of its arguments."""

    @intrinsic
    def check(typing_context, arguments):
        test(arguments)
        return types.void(arguments), lambda context, *_: context.get_dummy_value()

    return check


def scalar(rule: Rule, values: Any) -> Any:
    """Return the compiled function ``advance(cur, state, j) -> (spk, state)`` for one neuron."""
    read, real, count = reader(rule, values), values.dtype.type, len(rule.states)
    names = ", ".join(rule.states)

    def test(arguments):
        cur, state, j = arguments
        if not isinstance(cur, _REALS):
            raise TypingError(f"cur must be a number, got {cur}")
        if not isinstance(j, types.Integer):
            raise TypingError(f"j must be an integer, got {j}")
        parts = (state,) if count == 1 else getattr(state, "types", ())
        if len(parts) != count or not all(isinstance(part, _REALS) for part in parts):
            wanted = "a number, the membrane" if count == 1 else f"a tuple ({names}) of numbers"
            raise TypingError(f"state must be {wanted}, got {state}")

    check = _checked(test)

    def one(cur, state, j):
        check((cur, state, j))
        c = read(np.uintp(j))
        (mem,), spk = advance(rule, (real(state),), drive(rule, real(cur), c), c)
        return spk, mem

    def two(cur, state, j):
        check((cur, state, j))
        c = read(np.uintp(j))
        old = (real(state[0]), real(state[1]))
        new, spk = advance(rule, old, drive(rule, real(cur), c), c)
        return spk, new

    def three(cur, state, j):
        check((cur, state, j))
        c = read(np.uintp(j))
        old = (real(state[0]), real(state[1]), real(state[2]))
        new, spk = advance(rule, old, drive(rule, real(cur), c), c)
        return spk, new

    return compiled_here((one, two, three)[count - 1])


@inlined
def advance_row(rule, read, cur, states, spk):
    for k in range(cur.size):
        j = np.uintp(k)
        c = read(j)
        new, spk[j] = advance(rule, state_at(states, j), drive(rule, cur[j], c), c)
        for i in range(len(states)):
            states[i][j] = new[i]


def row(rule: Rule, values: Any, spike_dtype: np.dtype[Any]) -> Any:
    """Return the compiled function ``step(cur, mem, spk)`` for a population, in place."""
    read, size, count = reader(rule, values), size_of(values), len(rule.states)
    wanted = {"cur": values.dtype, **dict.fromkeys(rule.states, values.dtype), "spk": spike_dtype}
    names = ", ".join(rule.states)

    def test(arguments):
        cur, mem, spk = arguments
        states = [mem.types[k] for k in _places_of_arrays(mem)] or [mem]
        if len(states) != count:
            arrays = "a 1-D array" if count == 1 else f"a State or a tuple of arrays ({names})"
            raise TypingError(f"mem must be {arrays}, got {mem}")
        for (name, dtype), array in zip(wanted.items(), (cur, *states, spk), strict=True):
            if not isinstance(array, types.Array) or array.ndim != 1:
                raise TypingError(f"{name} must be a 1-D array, got {array}")
            if array.dtype != from_dtype(dtype):
                raise TypingError(f"{name} must have dtype {dtype}, got {array.dtype}")
            if name != "cur" and not array.mutable:
                raise TypingError(f"{name} must be writeable, got {array}")

    check = _checked(test)

    def step(cur, mem, spk):
        check((cur, mem, spk))
        wide_vectors()
        if not _fit(_as_tuple(mem), cur.size):
            raise ValueError("mem must be contiguous, and have the same size as cur")
        if not (side_by_side(cur) and side_by_side(spk)):
            raise ValueError("cur and spk must be contiguous")
        if spk.size != cur.size or (size is not None and cur.size != size):
            raise ValueError("cur, mem and spk must have the size of the population")
        current, states, spikes = contiguous(cur), _all_contiguous(_as_tuple(mem)), contiguous(spk)
        if some_overlap((spikes, *states), (current,)):
            raise ValueError("spk, mem and cur must not overlap in memory")
        advance_row(rule, read, current, states, spikes)

    return compiled_here(step)


def source(function: int, numbers: int, size: int, dtype: np.dtype[Any]) -> Any:
    """Return the compiled function ``fill(t, cur)``: the input of a source at step ``t``."""
    items, real = scratch_items(size), from_dtype(dtype)

    def test(arguments):
        t, cur = arguments
        if not isinstance(t, types.Integer):
            raise TypingError(f"t must be an integer, got {t}")
        if not isinstance(cur, types.Array) or cur.ndim != 1 or cur.dtype != real:
            raise TypingError(f"cur must be a 1-D array of {dtype}, got {cur}")
        if not cur.mutable:
            raise TypingError(f"cur must be writeable, got {cur}")

    check, function_at, numbers_at = _checked(test), _address(function), _address(numbers)

    def fill(t, cur):
        check((t, cur))
        if cur.size != size or not side_by_side(cur):
            raise ValueError("cur must be contiguous, and have the size of the source")
        scratch = np.empty(items, np.uint64)
        generate(function_at(), numbers_at(), np.int64(t), 0, 0, contiguous(cur), scratch)

    return compiled_here(fill)


def _address(value: int) -> Any:
    """Return a compiled function that returns an address, which Numba must not cache."""

    @intrinsic
    def address(typing_context):
        def codegen(context, builder, signature, args):
            pointer = context.add_dynamic_addr(builder, value, "address")
            return builder.ptrtoint(pointer, context.get_value_type(types.uint64))

        return types.uint64(), codegen

    return address
