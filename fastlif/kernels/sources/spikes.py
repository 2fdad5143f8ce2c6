"""The source of random spikes."""

import functools
from typing import Any

import numpy as np
from numba import from_dtype, types

from fastlif.kernels.jit import inlined, select, wide_vectors
from fastlif.kernels.random import SPIKES, TIES, fill, unchanged, word
from fastlif.kernels.sources.parameters import ACCESS, array_at, as_pointer, compiled_source

PART = 1024  # neurons whose spikes are drawn at once: rarely is one of them undecided


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
    rates_of, rate_at = ACCESS[each_rate]
    weights_of, weight_at = ACCESS[each_weight]
    scale = rate_dtype.type(65536)  # products with it are exact

    def source(numbers, step, row, first, size, out, scratch):
        wide_vectors()
        key, neuron = numbers[0], first + np.int64(numbers[1])
        rates = rates_of(array_at(numbers, 2, step, first, rate_kind))
        weights = weights_of(array_at(numbers, 5, step, first, real_kind))
        words = as_pointer(scratch, np.uint32)
        halves = as_pointer(scratch, np.uint16)
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

    return compiled_source(dtype, source)
