"""Blocks of the flattened population, read from and written to arrays of any strides.

An array over a population of several axes can often not be flattened without a copy of all of it
(``np.broadcast_to`` views, Fortran order). A block of it can be copied piece by piece.
"""

import math
from collections.abc import Iterator

import numpy as np

from fastlif.checks import Numbers


def flattened(array: Numbers, dtype: np.dtype) -> Numbers | None:
    """Return the view (steps, N) of ``array`` (steps, *population) that a kernel can use, or None.

    A kernel takes native, aligned numbers of ``dtype``, the population's neurons side by side.
    """
    steps, size = array.shape[0], math.prod(array.shape[1:])
    if array.dtype != dtype or not array.dtype.isnative or not array.flags.aligned:
        return None
    if not array[:1].flags.c_contiguous:
        return None
    return array if array.ndim == 2 else array.reshape(steps, size)


def copy_in(block: Numbers, array: Numbers, start: int) -> None:
    """Fill ``block`` (steps, n) from the neurons ``start`` on of ``array`` (steps, *population)."""
    for where, columns, shape in _pieces(array.shape[1:], start, start + block.shape[1]):
        target = block[:, columns].reshape(block.shape[:1] + shape)
        np.copyto(target, array[(slice(None), *where)], casting="unsafe")


def copy_out(array: Numbers, block: Numbers, start: int) -> None:
    """Write ``block`` (steps, n) to the neurons ``start`` on of ``array`` (steps, *population)."""
    for where, columns, shape in _pieces(array.shape[1:], start, start + block.shape[1]):
        array[(slice(None), *where)] = block[:, columns].reshape(block.shape[:1] + shape)


def _pieces(
    shape: tuple[int, ...], start: int, stop: int
) -> Iterator[tuple[tuple[slice, ...], slice, tuple[int, ...]]]:
    """Cut the flat range ``start:stop`` of ``shape`` into boxes.

    Yields each box's slices, its place in the flat range, and its shape.
    """
    if not shape:
        yield (), slice(0, 1), ()
        return
    inner = math.prod(shape[1:])
    done = start
    while done < stop:
        row, into = divmod(done, inner)
        if into or stop - done < inner:  # part of one row
            until = min(stop, (row + 1) * inner)
            for where, columns, box in _pieces(shape[1:], into, until - row * inner):
                shift = done - start
                moved = slice(columns.start + shift, columns.stop + shift)
                yield (slice(row, row + 1), *where), moved, (1, *box)
        else:  # whole rows
            last = stop // inner
            until = last * inner
            columns = slice(done - start, until - start)
            boxes = tuple(slice(None) for _ in shape[1:])
            yield (slice(row, last), *boxes), columns, (last - row, *shape[1:])
        done = until
