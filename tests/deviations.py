"""Statistics of random numbers, converted to the deviations that normal numbers have.

A deviation has the p-value of its statistic. A test fails where the p-value is below 1e-7. Seeds
are fixed: what passes once passes always.
"""

import math
from collections import defaultdict
from statistics import NormalDist

import numpy as np

NORMAL = NormalDist()
LIMIT = -NORMAL.inv_cdf(1e-7 / 2)
CELLS = 16  # equally probable ones, in tables of two numbers
EDGES = [NORMAL.inv_cdf(k / CELLS) for k in range(1, CELLS)]


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


def normal_cells(x):
    """Return the numbers of equally probable cells."""
    return np.searchsorted(EDGES, x.ravel()).astype(np.uint8).reshape(x.shape)


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
