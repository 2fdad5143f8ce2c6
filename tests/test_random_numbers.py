"""The distribution and the independence of random numbers, as sources use them."""

import numpy as np
import pytest
from cases import full
from deviations import found_wrong, normal_cells
from draws import KINDS, SHAPES, blocks_of, deviations_of, standard


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
