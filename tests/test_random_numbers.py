"""The distribution and the independence of random numbers, as sources use them.

Every statistic is converted to the deviation that a normal number with its p-value has. A test
fails where the p-value is below 1e-7. Seeds are fixed: what passes once passes always.

The numbers of `PoissonSpikes` are found by bisection with rates; those of
`OrnsteinUhlenbeckCurrent` are the parts of each step that are new.
"""

import math
import os
import subprocess
import sys
from collections import defaultdict
from statistics import NormalDist

import numpy as np
import pytest
from cases import full

from fastlif.kernels.random import LANES
from fastlif.sources import GaussianCurrent, OrnsteinUhlenbeckCurrent, PoissonSpikes

NORMAL = NormalDist()
LIMIT = -NORMAL.inv_cdf(1e-7 / 2)
CELLS = 16  # equally probable ones, in tables of two numbers
# Steps and neurons between two numbers. A block of words is distributed over one page of 64.
LAGS = [(0, lag) for lag in (1, 2, 16, 32, 64, 128)] + [(lag, 0) for lag in (1, 2, 4)]


# --- statistics -----------------------------------------------------------------------------------


def chi_squared(squares, freedom):
    """Return the deviation of a chi-squared number, approximated as Wilson and Hilferty do."""
    width = 2 / (9 * freedom)
    return ((squares / freedom) ** (1 / 3) - (1 - width)) / math.sqrt(width)


def fit(counts, probabilities):
    """Return the deviation of counts of cells from their probabilities."""
    expected = counts.sum() * np.asarray(probabilities)
    return chi_squared(((counts - expected) ** 2 / expected).sum(), len(counts) - 1)


def dependence(table):
    """Return the deviation of a table of two numbers from independence.

    Only what the two margins do not determine is compared: it has the same distribution if pairs
    overlap.
    """
    size = len(table)
    both = table - table.mean(axis=0) - table.mean(axis=1, keepdims=True) + table.mean()
    return chi_squared((both**2).sum() / table.mean(), (size - 1) ** 2)


def binomial(count, draws, probability):
    """Return the deviation of a count, also of one whose expected value is small."""
    if probability > 0.5:
        return -binomial(draws - count, draws, 1 - probability)
    mean = draws * probability
    if mean > 1000:
        return (count - mean) / math.sqrt(mean * (1 - probability))
    terms = [math.exp(k * math.log(mean) - mean - math.lgamma(k + 1)) for k in range(count + 1)]
    return NORMAL.inv_cdf(min(max(sum(terms) - terms[-1] / 2, 1e-300), 1 - 1e-16))


def below(x):
    """Return the probability that a normal number is below ``x``."""
    return math.erfc(-x / math.sqrt(2)) / 2


def tails(draws):
    """Return edges of cells from the body to 5 standard deviations, with 20 draws beyond them."""
    return [x for x in np.arange(-20, 21) / 4 if draws * below(-abs(x)) >= 20]


class Tally:
    """Counts that are added up over blocks of numbers, by the names of the statistics."""

    def __init__(self):
        """Begin with no numbers."""
        self.cells, self.tables, self.products = (defaultdict(int) for _ in range(3))
        self.draws = defaultdict(int)

    def uniform(self, name, cells, count):
        """Count whole numbers below ``count``, all equally probable."""
        self.cells[name] += np.bincount(cells.ravel(), minlength=count)

    def pairs(self, name, a, b):
        """Count pairs of whole numbers below ``CELLS``."""
        pairs = a.ravel() * np.uint8(CELLS) + b.ravel()
        self.tables[name] += np.bincount(pairs, minlength=CELLS**2)

    def correlation(self, name, a, b):
        """Add products of numbers with the mean 0 and the variance 1."""
        self.products[name] += np.einsum("ij,ij", a, b)
        self.draws[name] += a.size

    def deviations(self):
        """Return the deviations by name."""
        found = {name: fit(n, [1 / len(n)] * len(n)) for name, n in self.cells.items()}
        for name, n in self.tables.items():
            found[name] = dependence(n.reshape(CELLS, CELLS))
        for name, products in self.products.items():
            found[f"correlation {name}"] = products / math.sqrt(self.draws[name])
        return found


def found_wrong(deviations):
    """Return those deviations that random numbers do not have."""
    return {name: z for name, z in deviations.items() if not abs(z) < LIMIT}


# --- the numbers ----------------------------------------------------------------------------------


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


EDGES = [NORMAL.inv_cdf(k / CELLS) for k in range(1, CELLS)]


def normal_cells(x):
    """Return the numbers of equally probable cells."""
    return np.searchsorted(EDGES, x.ravel()).astype(np.uint8).reshape(x.shape)


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


FINE = np.array([-math.inf, *np.arange(-20, 21) / 4, math.inf])


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


# --- tests ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [6, pytest.param(400, marks=full)])  # 1.6e6 and 1e8 numbers
@pytest.mark.parametrize("kind", KINDS)
def test_numbers_are_distributed_as_stated_and_independent(kind, count):
    draw, add = KINDS[kind]
    assert not found_wrong(deviations_of(blocks_of(draw, count), add))


def add_two(tally, pair):
    """Add pairs of numbers from two sources, each with its cells."""
    (a, x), (b, y) = pair
    tally.pairs("same step and neuron", a, b)
    tally.correlation("at the same step and neuron", x, y)
    tally.pairs("the next step", a[:-1], b[1:])
    tally.pairs("the step before", a[1:], b[:-1])
    tally.pairs("the next neuron", a[:, :-1], b[:, 1:])
    tally.pairs("the neuron before", a[:, 1:], b[:, :-1])


def with_cells(kind, seed):
    """Return cells and standardized numbers."""
    draw, _ = KINDS[kind]
    x = draw(SHAPES[1], seed)
    if kind == "spikes":
        return (x >> 20).astype(np.uint8), standard(x)
    return normal_cells(x), x


@pytest.mark.parametrize("count", [4, pytest.param(40, marks=full)])
@pytest.mark.parametrize(
    ("kind", "other"),
    [("spikes", "white"), ("white", "colored"), ("white", "white"), ("spikes", "spikes")],
)
def test_seeds_and_the_streams_of_one_seed_are_independent(kind, other, count):
    spawned = np.random.SeedSequence(7).spawn(count)
    seeds = [*range(count), *spawned]
    others = seeds if kind != other else [*seeds[1:], seeds[0]]
    blocks = (
        (with_cells(kind, a), with_cells(other, b)) for a, b in zip(seeds, others, strict=True)
    )
    assert not found_wrong(deviations_of(blocks, add_two))


RATES = [2.0**-40, 1e-9, 1e-6, 1e-4, 1e-3, 0.01, 0.1, 0.3, 1000.5 / 65536, 0.5, 0.7, 0.9, 0.999]
RATES += [1 - 2.0**-20, 1 - 1e-9]


@pytest.mark.parametrize("size", [256, pytest.param(2560, marks=full)])  # 1e6 and 1e7 draws each
@pytest.mark.parametrize("rate", RATES)
def test_counts_of_spikes_are_binomial(rate, size):
    rates = {"a number": rate, "per neuron": np.full(size, rate), "per step": np.full((1, 1), rate)}
    for seed, given in enumerate(rates.values(), RATES.index(rate)):
        spikes = PoissonSpikes(given, 2.0, seed=seed).sample(4096, size) == 2
        found = {"total": binomial(int(spikes.sum()), spikes.size, rate)}
        variance = rate * (1 - rate)
        for axis, draws in enumerate(spikes.shape):
            if draws * variance > 20:  # counts are nearly normal
                counts = spikes.sum(axis=axis)
                squares = ((counts - draws * rate) ** 2 / (draws * variance)).sum()
                found[f"counts along axis {axis}"] = chi_squared(squares, len(counts))
        assert not found_wrong(found)


@pytest.mark.parametrize("size", [2**17, pytest.param(2**21, marks=full)])
@pytest.mark.parametrize("remains", [0.01, 0.5, 0.99])
def test_correlated_noise_is_stationary_from_the_first_step_on(remains, size):
    tau, mean, std = -2.0 / math.log(remains), np.float64(0.5), np.float64(3)
    source = OrnsteinUhlenbeckCurrent(mean, std, tau, 2.0, seed=3)
    x = (source.sample(9, size, np.float64) - mean) / std
    found = {}
    for step, row in enumerate(x):
        found[f"mean of step {step}"] = row.sum() / math.sqrt(size)
        found[f"variance of step {step}"] = (row**2 - 1).sum() / math.sqrt(2 * size)
        found[f"cells of step {step}"] = fit(np.bincount(normal_cells(row)), [1 / CELLS] * CELLS)
        rest = row - remains**step * x[0]  # is independent of the first step
        found[f"autocorrelation after {step} steps"] = (
            (rest * x[0]).sum() / math.sqrt(size * (1 - remains ** (2 * step))) if step else 0.0
        )
    assert not found_wrong(found)


# What a wrong generator could do, and how many numbers show it.
def repeat_lanes(x):
    """Return numbers of which one in 64 is that of the next lane."""
    x[:, ::64] = x[:, 1::64]
    return x


def repeat_steps(x):
    """Return numbers of which one in 32 is that of the step before, in every other step."""
    x[1::2, ::32] = x[::2, ::32]
    return x


def repeat_in_the_block(x):
    """Return numbers of which some have the second half of another."""
    x[:, 33::64] = x[:, 1::64]
    return x


NORMAL_DEFECTS = {
    "lanes": repeat_lanes,
    "steps": repeat_steps,
    "block": repeat_in_the_block,
    "mean": lambda x: x + 0.01,
    "deviation": lambda x: x * 1.01,
    "tails": lambda x: np.clip(x, -3.5, 3.5),
    "coarse": lambda x: np.round(x * 16) / 16,
    "neighbors": lambda x: (x + 0.01 * np.roll(x, 2, axis=1)) / math.sqrt(1.0001),
    "signs": lambda x: np.abs(x) * np.sign(np.roll(x, 16, axis=1) + x),
    "radius": lambda x: np.where(np.abs(np.roll(x, 16, axis=1)) > 2, x * 0.9, x),
}
WORD_DEFECTS = {
    "lanes": repeat_lanes,
    "steps": repeat_steps,
    "block": repeat_in_the_block,
    "a bit": lambda x: x | (x & 2**21) >> 5,
    "the largest": lambda x: np.minimum(x, 0xFEFFFF),
    "ties": lambda x: x & 0xFFFF7F,
    "halves": lambda x: np.where(np.arange(x.shape[1]) % 16, x, x & 0xFFFF00 | x >> 8 & 255),
}


@pytest.mark.parametrize(
    ("kind", "defect"),
    [*(("white", d) for d in NORMAL_DEFECTS), *(("spikes", d) for d in WORD_DEFECTS)],
)
def test_defects_are_found(kind, defect):
    draw, add = KINDS[kind]
    change = (NORMAL_DEFECTS if kind == "white" else WORD_DEFECTS)[defect]
    blocks = [draw(shape, seed) for seed, shape in enumerate(SHAPES)]
    assert not found_wrong(deviations_of(blocks, add))
    assert found_wrong(deviations_of(map(change, blocks), add))


# --- other processors -----------------------------------------------------------------------------

DIGEST = """
import hashlib, sys
import numpy as np
from fastlif import sources as s

dtype = np.dtype(sys.argv[1])
digest = hashlib.sha256()
each = np.linspace(0.2, 0.9, 300)
drawn = [
    s.PoissonSpikes(0.3, 0.7, 1), s.PoissonSpikes(each, each, 2), s.GaussianCurrent(0.1, 0.3, 1),
    s.GaussianCurrent(each, 1 - each, 2), s.OrnsteinUhlenbeckCurrent(each, 0.3, 5 * each, 0.7, 1),
    s.SineCurrent(0.1, each, 0.03, each), s.RampCurrent(0.1, each, 3, 70),
    s.PulseCurrent(each, 3, 4.5, 9.7), s.WeightedInput(np.outer(np.arange(100), each), 0.3),
    s.Constant(each),
]
for source in [*drawn, sum(drawn[1:], start=drawn[0])]:
    digest.update(source.sample(100, 300, dtype).tobytes())
normal = s.GaussianCurrent(seed=5).sample(200, 10_000, dtype)  # with tails
assert normal.max() > 4.5
digest.update(normal.tobytes())
print(digest.hexdigest()[:16])
"""
STORED = {"f4": "da805f85a6bab10e", "f8": "058150fe039d1506"}


@pytest.mark.parametrize("dtype", ["f4", pytest.param("f8", marks=full)])
@pytest.mark.parametrize("generic", [False, True])
def test_the_bits_do_not_depend_on_the_processor(generic, dtype):
    """A generic processor has no fused operations, and vectors of another length."""
    from numpy._core._multiarray_umath import __cpu_dispatch__, __cpu_features__

    features = " ".join(name for name in __cpu_dispatch__ if __cpu_features__[name])
    more = {"NUMBA_CPU_NAME": "generic", "NPY_DISABLE_CPU_FEATURES": features} if generic else {}
    result = subprocess.run(
        [sys.executable, "-c", DIGEST, dtype], env=os.environ | more, capture_output=True,
        text=True, timeout=300, check=True,
    )  # fmt: skip
    assert result.stdout.strip() == STORED[dtype]
