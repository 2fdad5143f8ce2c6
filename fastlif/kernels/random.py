"""Random numbers from counters: Philox4x32-10.

A number depends on the seed, the stream, its index (that of a neuron) and the step, and on nothing
else: not on the numbers that are computed with it, and not on the processor.

References
----------
.. [1] J. K. Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC11, 2011.
"""

import numpy as np
from numba import types
from numba.extending import intrinsic

from fastlif.kernels.jit import inlined

# Word i of a step is word (i % PAGE)//LANES of a block whose index depends on i // PAGE and
# i % LANES: a loop over the lanes computes many blocks at once and stores contiguous words.
LANES = 16
PAGE = 4 * LANES

# Streams: those of one seed are independent.
SPIKES, TIES, WHITE, COLORED, FIRST_COLORED = (np.uint32(k) for k in range(5))

_MULTIPLIERS = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
_INCREMENTS = np.uint32(0x9E3779B9), np.uint32(0xBB67AE85)
_HALF = np.uint64(32)


@intrinsic
def within_callers(typing_context):
    """Inline the function that calls this, which LLVM finds too long to inline and vectorise."""

    def codegen(context, builder, signature, args):
        builder.function.attributes.add("alwaysinline")
        return context.get_dummy_value()

    return types.void(), codegen


@inlined
def _round(a, b, c, d, k0, k1):
    first, second = _MULTIPLIERS[0] * np.uint64(a), _MULTIPLIERS[1] * np.uint64(c)
    return (
        np.uint32(np.uint32(second >> _HALF) ^ b ^ k0), np.uint32(second),
        np.uint32(np.uint32(first >> _HALF) ^ d ^ k1), np.uint32(first),
    )  # fmt: skip


@inlined
def _next_key(k0, k1):
    return np.uint32(k0 + _INCREMENTS[0]), np.uint32(k1 + _INCREMENTS[1])


@inlined
def philox(a, b, c, d, k0, k1):
    """Return the block of four words of a counter (a, b, c, d) and a key: ten rounds."""
    within_callers()
    # Written out, because LLVM would otherwise vectorise over the rounds instead of the lanes.
    a, b, c, d = _round(a, b, c, d, k0, k1)
    k0, k1 = _next_key(k0, k1)
    a, b, c, d = _round(a, b, c, d, k0, k1)
    k0, k1 = _next_key(k0, k1)
    a, b, c, d = _round(a, b, c, d, k0, k1)
    k0, k1 = _next_key(k0, k1)
    a, b, c, d = _round(a, b, c, d, k0, k1)
    k0, k1 = _next_key(k0, k1)
    a, b, c, d = _round(a, b, c, d, k0, k1)
    k0, k1 = _next_key(k0, k1)
    a, b, c, d = _round(a, b, c, d, k0, k1)
    k0, k1 = _next_key(k0, k1)
    a, b, c, d = _round(a, b, c, d, k0, k1)
    k0, k1 = _next_key(k0, k1)
    a, b, c, d = _round(a, b, c, d, k0, k1)
    k0, k1 = _next_key(k0, k1)
    a, b, c, d = _round(a, b, c, d, k0, k1)
    k0, k1 = _next_key(k0, k1)
    return _round(a, b, c, d, k0, k1)


@inlined
def unchanged(a, b, c, d):
    """Return a block as it is: uniformly distributed words."""
    return a, b, c, d


@inlined
def fill(words, first, count, step, stream, key, transformed):
    """Compute ``count`` words of one step, from index ``first`` on, and whatever shares a page.

    ``transformed`` is applied to each block. Returns where in ``words``, which has room for two
    more pages, the first one is.
    """
    k0, k1 = np.uint32(key), np.uint32(key >> _HALF)
    early, late = np.uint32(step), np.uint32(np.uint64(step) >> _HALF)
    page = first // PAGE
    for k in range((first + count + PAGE - 1) // PAGE - page):
        start, block = np.uintp(k * PAGE), np.uint32((page + k) * LANES)
        for lane in range(LANES):
            counter = np.uint32(block + np.uint32(lane))
            a, b, c, d = transformed(*philox(counter, stream, early, late, k0, k1))
            j = start + np.uintp(lane)
            words[j] = a
            words[j + np.uintp(LANES)] = b
            words[j + np.uintp(2 * LANES)] = c
            words[j + np.uintp(3 * LANES)] = d
    return first - page * PAGE


@inlined
def word(index, step, stream, key):
    """Return the word that ``fill`` computes for one index."""
    k0, k1 = np.uint32(key), np.uint32(key >> _HALF)
    early, late = np.uint32(step), np.uint32(np.uint64(step) >> _HALF)
    counter = np.uint32(index // PAGE * LANES + index % LANES)
    a, b, c, d = philox(counter, stream, early, late, k0, k1)
    place = index % PAGE // LANES
    return a if place == 0 else b if place == 1 else c if place == 2 else d
