"""What a wrong generator could do, and that few numbers are enough to show it."""

import math

import numpy as np
import pytest
from deviations import found_wrong
from draws import KINDS, SHAPES, deviations_of


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
