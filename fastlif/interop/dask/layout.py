"""How chunks divide a population, and the bytes of its packed spikes."""

import itertools
import math
from collections.abc import Sequence
from typing import NamedTuple

from fastlif.model import Block


class Cell(NamedTuple):
    """A chunk of the population."""

    place: tuple[int, ...]  # its number along each axis
    block: Block
    shape: tuple[int, ...]
    first: int  # the index of its first neuron in the flattened population

    @property
    def size(self) -> int:
        """The number of its neurons."""
        return math.prod(self.shape)


def cells_of(chunks: Sequence[Sequence[int]]) -> list[Cell]:
    """Return the chunks of a population, in the order of their indices."""
    strides = [math.prod(map(sum, chunks[axis + 1 :])) for axis in range(len(chunks))]
    axes = [list(itertools.pairwise(itertools.accumulate(sizes, initial=0))) for sizes in chunks]
    cells = []
    for numbered in itertools.product(*map(enumerate, axes)):
        bounds = [bound for _, bound in numbered]
        cells.append(
            Cell(
                tuple(number for number, _ in numbered),
                tuple(slice(*bound) for bound in bounds),
                tuple(stop - start for start, stop in bounds),
                sum(start * stride for (start, _), stride in zip(bounds, strides, strict=True)),
            )
        )
    return cells


def are_adjacent(cells: Sequence[Cell]) -> bool:
    """Tell whether each chunk consists of adjacent neurons of the flattened population."""
    sizes = [cell.size for cell in cells]
    firsts = itertools.accumulate(sizes, initial=0)
    # If the chunks follow one another in this way, each one ends where the next one begins.
    return all(
        cell.first == first for cell, size, first in zip(cells, sizes, firsts, strict=False) if size
    )


class Bytes(NamedTuple):
    """The bytes of packed spikes that begin in one chunk of the population."""

    length: int
    late: bool  # whether the chunk begins within a byte, which belongs to an earlier chunk
    sharers: list[int]  # the later chunks whose first neurons are in the last of these bytes


def bytes_of(cells: Sequence[Cell]) -> list[Bytes]:
    """Return the bytes of each of these chunks of adjacent neurons."""
    found: list[Bytes] = []
    owner: list[int] = []  # the sharers of the last byte that began
    for number, cell in enumerate(cells):
        begin, end = -(-cell.first // 8), -(-(cell.first + cell.size) // 8)
        late = cell.size > 0 and cell.first % 8 > 0
        if late:
            owner.append(number)
        found.append(Bytes(end - begin, late, []))
        if end > begin:
            owner = found[-1].sharers
    return found
