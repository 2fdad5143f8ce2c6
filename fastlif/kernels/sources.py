"""Sources: C functions that each fill one row of input.

A sweep calls a source through its address, so that a sweep is compiled once for all sources, and a
source once for all sweeps. The arguments of a source are

==========  =======================================================================================
argument    the address of its parameters: numbers of 64 bits, most of them addresses of arrays
step        the absolute step
row         the number of the row, counted from the beginning of the run
first       the index of the first neuron
size        the number of neurons
out         the row: ``size`` numbers of the state's dtype
scratch     ``scratch_items(size)`` numbers of 64 bits that the source may overwrite
==========  =======================================================================================
"""

import functools
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from llvmlite import ir
from numba import from_dtype, literal_unroll, types
from numba.extending import intrinsic

from fastlif.kernels.jit import compiled, compiled_for_c, contiguous, inlined, select, wide_vectors
from fastlif.kernels.normal import normals
from fastlif.kernels.random import PAGE, fill, unchanged, word

PART = 1024  # neurons whose spikes are drawn at once: rarely is one of them undecided

# Streams of random numbers: those of one seed are independent.
SPIKES, TIES, WHITE, COLORED, FIRST_COLORED = (np.uint32(k) for k in range(5))


def scratch_items(size: int) -> int:
    """Return how many numbers of 64 bits a source needs for rows of ``size`` neurons."""
    return 2 * (size + 2 * PAGE)


class Generated(NamedTuple):
    """An input that a source generates, as a sweep receives it."""

    function: np.uint64  # the addresses of the source and
    numbers: np.uint64  # of its parameters
    rows: np.ndarray  # four rows, into which it generates
    scratch: np.ndarray
    step: int  # the absolute step of the first row
    row: int  # its number in the run
    neuron: int  # the index of the tile's first neuron


# --- parameters -----------------------------------------------------------------------------------


@intrinsic
def _as_pointer(typing_context, address, dtype):
    """Return an address, or another pointer, as a pointer to numbers of ``dtype``."""
    result = types.CPointer(dtype.dtype)

    def codegen(context, builder, signature, args):
        kind = context.get_value_type(result)
        if isinstance(signature.args[0], types.CPointer):
            return builder.bitcast(args[0], kind)
        return builder.inttoptr(args[0], kind)

    return result(address, dtype), codegen


@inlined
def _array(numbers, place, step, first, dtype):
    """Return an array of the parameters, from the row of a step and from a neuron on.

    It stands there as its address and the bytes between steps and between neurons; shared ones
    have 0 bytes.
    """
    step_bytes, neuron_bytes = np.int64(numbers[place + 1]), np.int64(numbers[place + 2])
    address = np.int64(numbers[place]) + step * step_bytes + first * neuron_bytes
    return _as_pointer(address, dtype)


@intrinsic
def _after(typing_context, pointer, items):
    """Return the pointer to what is ``items`` further."""

    def codegen(context, builder, signature, args):
        return builder.gep(args[0], [args[1]])

    return pointer(pointer, types.intp), codegen


@intrinsic
def _call(typing_context, function, numbers, step, row, first, size, out, scratch):
    """Call the source at the address ``function``."""
    i64 = types.int64
    arguments = (types.CPointer(types.uint64), i64, i64, i64, types.intp, out, scratch)

    def codegen(context, builder, signature, args):
        kinds = [context.get_value_type(kind) for kind in arguments]
        prototype = ir.FunctionType(ir.VoidType(), kinds).as_pointer()
        pointer = builder.inttoptr(args[0], prototype)
        builder.call(pointer, [builder.inttoptr(args[1], kinds[0]), *args[2:]])
        return context.get_dummy_value()

    return types.void(types.uint64, types.uint64, *arguments[1:]), codegen


@intrinsic
def _data(typing_context, array):
    """Return the pointer to the items of an array."""

    def codegen(context, builder, signature, args):
        return context.make_array(signature.args[0])(context, builder, args[0]).data

    return types.CPointer(array.dtype)(array), codegen


@inlined
def generate(function, numbers, step, row, first, out, scratch):
    """Let a source fill the contiguous row ``out``."""
    _call(function, numbers, step, row, first, out.size, _data(out), _data(scratch))


@inlined
def _same(x):
    return x


@inlined
def _first(x):
    return x[0]


@inlined
def _value(x, j):
    return x


@inlined
def _item(x, j):
    return x[j]


# For a parameter that all neurons share, and for one of each: what is done with its array before
# the loop over the neurons, and in it.
_ACCESS = {False: (_first, _value), True: (_same, _item)}


def _compiled(dtype: np.dtype[Any], function: Callable[..., Any]) -> Any:
    real, words = types.CPointer(from_dtype(dtype)), types.CPointer(types.uint64)
    i64 = types.int64
    return compiled_for_c(types.void(words, i64, i64, i64, types.intp, real, words), function)


# --- random sources -------------------------------------------------------------------------------
#
# Their first parameters are the key, and the origin: which neuron of the whole population the first
# one is. It is not 0 for a part of a population, whose other parameters are arrays of that part.


@inlined
def _parts_of(rate):
    """Return a probability times 2**16, as a whole number and the fraction times 2**32."""
    scaled = np.float64(rate) * 65536.0
    whole = np.int32(scaled)
    return np.uint32(whole), np.uint64((scaled - whole) * 4294967296.0)


@functools.cache
def bernoulli(
    dtype: np.dtype[Any], rate_dtype: np.dtype[Any], each_rate: bool, each_weight: bool
) -> Any:
    """Return the source of spikes with a probability in each step, times their weight.

    Parameters: key, origin, 3 of the rate, 3 of the weight. 16 random bits decide or, if these are
    equal to the first 16 of the probability, another 32.
    """
    real, rate_type, kind = dtype.type, from_dtype(rate_dtype), from_dtype(dtype)
    rate_kind, real_kind = types.NumberClass(rate_type), types.NumberClass(kind)
    rates_of, rate_at = _ACCESS[each_rate]
    weights_of, weight_at = _ACCESS[each_weight]
    scale = rate_dtype.type(65536)  # products with it are exact

    def source(numbers, step, row, first, size, out, scratch):
        wide_vectors()
        key, neuron = numbers[0], first + np.int64(numbers[1])
        rates = rates_of(_array(numbers, 2, step, first, rate_kind))
        weights = weights_of(_array(numbers, 5, step, first, real_kind))
        words = _as_pointer(scratch, np.uint32)
        halves = _as_pointer(scratch, np.uint16)
        for start in range(0, size, PART):
            stop = min(start + PART, size)
            # Two neurons share a word.
            begin, end = (neuron + start) >> 1, (neuron + stop + 1) >> 1
            place = fill(words, begin, end - begin, step, SPIKES, key, unchanged)
            skipped = 2 * place + (neuron & 1) - start
            nearest = np.uint32(1)  # will be 0 if a neuron is undecided
            for k in range(start, stop):
                j = np.uintp(k)
                whole = np.uint32(np.int32(rate_at(rates, j) * scale))
                bits = np.uint32(halves[np.uintp(skipped) + j])
                out[j] = weight_at(weights, j) if bits < whole else real(0)
                distance = np.uint32(bits ^ whole)
                nearest = select(distance < nearest, distance, nearest)
            if nearest == 0:
                for k in range(start, stop):
                    j = np.uintp(k)
                    whole, fraction = _parts_of(rate_at(rates, j))
                    bits = np.uint32(halves[np.uintp(skipped) + j])
                    if bits == whole and np.uint64(word(neuron + k, step, TIES, key)) < fraction:
                        out[j] = weight_at(weights, j)

    return _compiled(dtype, source)


@functools.cache
def gaussian(dtype: np.dtype[Any], each: bool) -> Any:
    """Return the source of normal numbers.

    Parameters: key, origin, stream, 3 of the mean, 3 of the standard deviation.
    """
    real, kind = dtype.type, types.NumberClass(from_dtype(dtype))
    of, at = _ACCESS[each]

    def source(numbers, step, row, first, size, out, scratch):
        wide_vectors()
        means = of(_array(numbers, 3, step, first, kind))
        deviations = of(_array(numbers, 6, step, first, kind))
        words, neuron = _as_pointer(scratch, np.uint32), first + np.int64(numbers[1])
        place = fill(words, neuron, size, step, np.uint32(numbers[2]), numbers[0], normals)
        standard = _as_pointer(scratch, np.float32)
        for k in range(size):
            j = np.uintp(k)
            z = real(standard[np.uintp(place) + j])
            out[j] = at(means, j) + at(deviations, j) * z

    return _compiled(dtype, source)


@functools.cache
def ornstein_uhlenbeck(dtype: np.dtype[Any]) -> Any:
    """Return the source of a current that relaxes to its mean and is driven by noise.

    Parameters: key, origin, 3 each of the mean, the part that remains after a step, the standard
    deviation of the noise, and the deviation from the mean, which is updated. Steps must follow one
    another.
    """
    real, kind = dtype.type, types.NumberClass(from_dtype(dtype))

    def source(numbers, step, row, first, size, out, scratch):
        wide_vectors()
        means, keeps = _array(numbers, 2, 0, first, kind), _array(numbers, 5, 0, first, kind)
        deviations, state = _array(numbers, 8, 0, first, kind), _array(numbers, 11, 0, first, kind)
        words, neuron = _as_pointer(scratch, np.uint32), first + np.int64(numbers[1])
        place = fill(words, neuron, size, step, COLORED, numbers[0], normals)
        standard = _as_pointer(scratch, np.float32)
        for k in range(size):
            j = np.uintp(k)
            new = state[j] * keeps[j] + deviations[j] * real(standard[np.uintp(place) + j])
            state[j] = new
            out[j] = means[j] + new

    return _compiled(dtype, source)


# --- other sources --------------------------------------------------------------------------------


@functools.cache
def weighted(dtype: np.dtype[Any], array_dtype: np.dtype[Any], each_weight: bool) -> Any:
    """Return the source that reads an array of the user, times a weight.

    Parameters: 3 of the array, whose first row is that of the run, 3 of the weight.
    """
    real, kind = dtype.type, types.NumberClass(from_dtype(dtype))
    array_kind = types.NumberClass(from_dtype(array_dtype))
    weights_of, weight_at = _ACCESS[each_weight]

    def source(numbers, step, row, first, size, out, scratch):
        wide_vectors()
        values = _array(numbers, 0, row, first, array_kind)
        weights = weights_of(_array(numbers, 3, step, first, kind))
        for k in range(size):
            j = np.uintp(k)
            out[j] = real(values[j]) * weight_at(weights, j)

    return _compiled(dtype, source)


@functools.cache
def constant(dtype: np.dtype[Any], each: bool) -> Any:
    """Return the source of a constant current. Parameters: 3 of the value."""
    kind = types.NumberClass(from_dtype(dtype))
    of, at = _ACCESS[each]

    def source(numbers, step, row, first, size, out, scratch):
        values = of(_array(numbers, 0, step, first, kind))
        for k in range(size):
            j = np.uintp(k)
            out[j] = at(values, j)

    return _compiled(dtype, source)


@functools.cache
def pulses(dtype: np.dtype[Any]) -> Any:
    """Return the source of a value between two steps, which may be repeated, and 0 else.

    Parameters: 3 each of the value and of the first step, the number of steps and the period.
    """
    real, kind = dtype.type, types.NumberClass(from_dtype(dtype))

    def source(numbers, step, row, first, size, out, scratch):
        wide_vectors()
        values, starts = (
            _array(numbers, 0, 0, first, kind),
            _array(numbers, 3, 0, first, np.float64),
        )
        lengths = _array(numbers, 6, 0, first, np.float64)
        periods = _array(numbers, 9, 0, first, np.float64)
        for k in range(size):
            j = np.uintp(k)
            since = step - starts[j]
            since -= np.floor(since / periods[j]) * periods[j] if since >= 0 else 0.0
            out[j] = values[j] if 0 <= since < lengths[j] else real(0)

    return _compiled(dtype, source)


@functools.cache
def ramp(dtype: np.dtype[Any]) -> Any:
    """Return the source of a current that goes from one value to another.

    Parameters: 3 each of the two values, and of the steps at which they are reached.
    """
    real = dtype.type

    def source(numbers, step, row, first, size, out, scratch):
        wide_vectors()
        begins, ends = (
            _array(numbers, 0, 0, first, np.float64),
            _array(numbers, 3, 0, first, np.float64),
        )
        starts, stops = (
            _array(numbers, 6, 0, first, np.float64),
            _array(numbers, 9, 0, first, np.float64),
        )
        for k in range(size):
            j = np.uintp(k)
            part = min(max((step - starts[j]) / (stops[j] - starts[j]), 0.0), 1.0)
            out[j] = real(begins[j] + part * (ends[j] - begins[j]))

    return _compiled(dtype, source)


# sin(2*pi*x) = x*S(x**2), |x| <= 1/4: the Taylor series, from the highest power down.
_SINE = tuple(
    (-1.0) ** n * (2 * np.pi) ** (2 * n + 1) / math.factorial(2 * n + 1) for n in range(11, -1, -1)
)


@inlined
def _sine_of_turns(x):
    """Return sin(2*pi*x) with an error below 1e-15; the same bits on every processor."""
    x -= np.floor(x + 0.5)
    x = 0.5 - x if x > 0.25 else -0.5 - x if x < -0.25 else x
    z = x * x
    total = 0.0
    for coefficient in literal_unroll(_SINE):
        total = total * z + coefficient
    return x * total


@functools.cache
def sine(dtype: np.dtype[Any]) -> Any:
    """Return the source of a sine.

    Parameters: 3 each of the offset, the amplitude, the periods per step and the phase in periods.
    """
    real = dtype.type

    def source(numbers, step, row, first, size, out, scratch):
        wide_vectors()
        offsets = _array(numbers, 0, 0, first, np.float64)
        amplitudes = _array(numbers, 3, 0, first, np.float64)
        frequencies = _array(numbers, 6, 0, first, np.float64)
        phases = _array(numbers, 9, 0, first, np.float64)
        for k in range(size):
            j = np.uintp(k)
            turns = frequencies[j] * step + phases[j]
            out[j] = real(offsets[j] + amplitudes[j] * _sine_of_turns(turns))

    return _compiled(dtype, source)


@functools.cache
def total(dtype: np.dtype[Any]) -> Any:
    """Return the source that adds others.

    Parameters: how many there are, and for each its address and that of its parameters.
    """
    kind = types.NumberClass(from_dtype(dtype))

    def source(numbers, step, row, first, size, out, scratch):
        term = _as_pointer(_after(scratch, size + 2 * PAGE), kind)
        _call(numbers[1], numbers[2], step, row, first, size, out, scratch)
        for k in range(1, np.intp(numbers[0])):
            n = np.uintp(k)
            _call(numbers[2 * n + 1], numbers[2 * n + 2], step, row, first, size, term, scratch)
            for k in range(size):
                j = np.uintp(k)
                out[j] += term[j]

    return _compiled(dtype, source)


@functools.cache
def sampler(dtype: np.dtype[Any]) -> Any:
    """Return the compiled function that fills an array (steps, neurons) from a source."""

    def sample(function, numbers, step, first, out, scratch):
        for t in range(len(out)):
            generate(function, numbers, step + t, t, first, contiguous(out[t]), scratch)

    return compiled(sample)


def first_row(
    source: Any, numbers: list[int], population: tuple[int, ...], dtype: np.dtype[Any]
) -> np.ndarray:
    """Return the row that a source generates at step 0, flat."""
    out = np.empty((1, math.prod(population)), dtype)
    slots, scratch = np.array(numbers, np.uint64), np.empty(scratch_items(out.size), np.uint64)
    sampler(dtype)(np.uint64(source.address), np.uint64(slots.ctypes.data), 0, 0, out, scratch)
    row: np.ndarray = out[0]
    return row
