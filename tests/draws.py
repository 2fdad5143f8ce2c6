"""Random numbers as sources use them, and what is compared with their distribution.

The numbers of `PoissonSpikes` are found by bisection with rates; those of
`OrnsteinUhlenbeckCurrent` are the parts of each step that are new.
"""

import math

import numpy as np
from deviations import CELLS, Tally, below, fit, normal_cells, tails

from fastlif.kernels.random import LANES
from fastlif.sources import GaussianCurrent, OrnsteinUhlenbeckCurrent, PoissonSpikes

# Steps and neurons between two numbers. A block of words is distributed over one page of 64.
LAGS = [(0, lag) for lag in (1, 2, 16, 32, 64, 128)] + [(lag, 0) for lag in (1, 2, 4)]
FINE = np.array([-math.inf, *np.arange(-20, 21) / 4, math.inf])


def words(shape, seed):
    """Return the first 24 bits of what `PoissonSpikes` compares with a rate.

    16 of them decide in most cases, the others if these are equal to those of the rate.
    """
    steps, size = shape
    found = np.zeros(shape)
    for bit in range(1, 25):
        spikes = PoissonSpikes(found + 2.0**-bit, seed=seed).sample(steps, size)
        found += (1 - spikes) * 2.0**-bit
    return (found * 2**24).astype(np.uint32)


def white(shape, seed):
    """Return the normal numbers of `GaussianCurrent`."""
    steps, size = shape
    return GaussianCurrent(seed=seed).sample(steps, size, np.float64)


def new(shape, seed, remains=0.5):
    """Return the normal numbers that `OrnsteinUhlenbeckCurrent` adds in each step."""
    steps, size = shape
    tau = -1 / math.log(remains)
    x = OrnsteinUhlenbeckCurrent(0.0, 1.0, tau, 1.0, seed).sample(steps + 1, size, np.float64)
    return (x[1:] - remains * x[:-1]) / math.sqrt(1 - remains**2)


def standard(x):
    """Return words as numbers with the mean 0 and the variance 1."""
    return (x * 2.0**-24 - (0.5 - 2.0**-25)) * math.sqrt(12)


def add_independence(tally, cells, x):
    """Add pairs of numbers at all lags."""
    for lag in LAGS:
        earlier, later = (slice(None, -k or None) for k in lag), (slice(k, None) for k in lag)
        earlier, later = tuple(earlier), tuple(later)
        tally.pairs(f"lag {lag}", cells[earlier], cells[later])
        tally.correlation(f"at lag {lag}", x[earlier], x[later])


def add_words(tally, found):
    """Add words."""
    digits = [(found >> shift & 255).astype(np.uint8) for shift in (16, 8, 0)]
    for k, digit in enumerate(digits):
        tally.uniform(f"byte {k}", digit, 256)
        tally.pairs(f"first bits of byte {k} and the one before", digit >> 4, digits[k - 1] >> 4)
    add_independence(tally, digits[0] >> 4, standard(found))
    for lag in (32, 64):  # in one block, if neurons are on one page
        page = digits[1].reshape(len(found), -1, 4, 2 * LANES)
        first, second = page[:, :, 0], page[:, :, lag // 32]
        tally.pairs(f"last bits, {lag} apart in a block", first & 15, second & 15)


def add_normals(tally, x):
    """Add normal numbers."""
    cells = normal_cells(x)
    tally.uniform("cells", cells, CELLS)
    tally.cells["tails"] = tally.cells.pop("tails", 0) + np.histogram(x, FINE)[0]
    add_independence(tally, cells, x)
    squares = (x**2 - 1) / math.sqrt(2)
    one = np.ones(x.shape)
    # Hermite polynomials have the mean 0, and here the variance 1.
    moments = x, squares, (x**3 - 3 * x) / math.sqrt(6), (x**4 - 6 * x**2 + 3) / math.sqrt(24)
    for k, moment in enumerate(moments, 1):
        tally.correlation(f"of polynomial {k} and 1", moment, one)
    for lag in LANES, 2 * LANES:
        tally.correlation(f"of squares, {lag} apart", squares[:, :-lag], squares[:, lag:])
    pairs = x.reshape(len(x), -1, 2, LANES)
    first, second = pairs[:, :, 0].reshape(len(x), -1), pairs[:, :, 1].reshape(len(x), -1)
    radius = np.exp(-(first**2 + second**2) / 2)
    angle = np.arctan2(second, first) / (2 * math.pi) + 0.5
    radius, angle = ((u * CELLS).astype(np.uint8) % CELLS for u in (radius, angle))
    tally.uniform("radius of a pair", radius, CELLS)
    tally.uniform("angle of a pair", angle, CELLS)
    tally.pairs("radius and angle", radius, angle)


def deviations_of(blocks, add):
    """Return the deviations of blocks of numbers."""
    tally = Tally()
    for block in blocks:
        add(tally, block)
    fine = tally.cells.pop("tails", None)
    found = tally.deviations()
    if fine is not None:
        edges = tails(fine.sum())
        first = np.searchsorted(FINE, edges[0])
        last = first + len(edges)
        merged = np.array([fine[:first].sum(), *fine[first : last - 1], fine[last - 1 :].sum()])
        found["body and tails"] = fit(merged, np.diff([0, *map(below, edges), 1]))
    return found


KINDS = {"spikes": (words, add_words), "white": (white, add_normals), "colored": (new, add_normals)}


SHAPES = (2**3, 2**15), (2**9, 2**9), (2**10, 2**8)


def blocks_of(draw, count):
    """Draw blocks of 2**18 numbers, each with its own seed."""
    return (draw(SHAPES[seed % len(SHAPES)], seed) for seed in range(count))
