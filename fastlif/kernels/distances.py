"""Distances between spike trains.

Trains are sorted times of all neurons, one neuron after the other, and the bounds of each neuron's.
Pair ``k`` of a call compares train ``i + k*stride`` of the first trains with train ``j + k`` of the
others. ``scratch`` has room for two numbers per spike of the pair, and one more.
"""

import functools

import numpy as np

from fastlif.kernels.elementary import expm1
from fastlif.kernels.jit import inlined
from fastlif.kernels.spike_trains import compiled_copy


@functools.cache
def distance_kernel(name):
    """Return a compiled loop over pairs. It is made at its first use."""
    return compiled_copy({"van_rossum": van_rossum, "victor_purpura": victor_purpura}[name])


def van_rossum(first, first_bounds, i, stride, other, other_bounds, j, out, rate, scratch):
    """Write the van Rossum distance of each pair; ``rate`` is 1/tau."""
    for k in range(len(out)):
        a = first[first_bounds[i + k * stride] : first_bounds[i + k * stride + 1]]
        b = other[other_bounds[j + k] : other_bounds[j + k + 1]]
        out[k] = _van_rossum(a, b, rate, scratch)


def victor_purpura(first, first_bounds, i, stride, other, other_bounds, j, out, cost, scratch):
    """Write the Victor-Purpura distance of each pair."""
    for k in range(len(out)):
        a = first[first_bounds[i + k * stride] : first_bounds[i + k * stride + 1]]
        b = other[other_bounds[j + k] : other_bounds[j + k + 1]]
        out[k] = _victor_purpura(a, b, cost, scratch)


@inlined
def _van_rossum(a, b, rate, scratch):
    """Integrate the squared difference of the filtered trains from each spike to the next.

    All terms are positive: unlike in the double sum over the spikes, nothing cancels.
    """
    size = len(a) + len(b)
    lost, sign = scratch[:size], scratch[size : 2 * size]
    p, q, now = 0, 0, 0.0
    for k in range(size):
        from_a = q == len(b) or (p < len(a) and a[p] <= b[q])
        time = a[p] if from_a else b[q]
        sign[k] = 1.0 if from_a else -1.0
        # The product of 0 and an infinite rate would be NaN.
        lost[k] = -rate * (time - now) if time > now else 0.0
        now = time
        p += from_a
        q += not from_a
    for k in range(size):  # a loop of its own, because it vectorises
        lost[k] = expm1(lost[k])
    total, difference = 0.0, 0.0
    for k in range(size):
        total -= difference * difference * lost[k] * (2.0 + lost[k])  # exp(-2x) - 1
        difference = difference * (1.0 + lost[k]) + sign[k]
    return np.sqrt(total + difference * difference)


@inlined
def _victor_purpura(a, b, cost, row):
    """Fill the table of the costs of turning the first spikes of ``a`` into those of ``b``.

    ``row`` is the row of the table for the spikes of ``a`` so far.
    """
    for q in range(len(b) + 1):
        row[q] = q
    for p in range(len(a)):
        diagonal = row[0]
        row[0] = p + 1.0
        for q in range(len(b)):
            above = row[q + 1]
            shift = cost * abs(a[p] - b[q]) if a[p] != b[q] else 0.0  # not inf*0
            row[q + 1] = min(min(above, row[q]) + 1.0, diagonal + shift)
            diagonal = above
    return row[len(b)]
