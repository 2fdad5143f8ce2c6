"""Delta encoding: a spike for each large change."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastlif.checks import flag
from fastlif.encoding.arguments import Spikes, blocks, data_of, dtype_of, single, with_time


def delta(
    data: ArrayLike,
    threshold: float = 0.1,
    padding: bool = False,
    off_spike: bool = False,
) -> Spikes | NDArray[np.int8]:
    """Encode changes: a spike in each step in which a value increases by ``threshold`` or more.

    Parameters
    ----------
    data
        Values of any shape ``(T, ...)``, with time as axis 0. NaN, and the step after it, give no
        spikes.
    threshold
        Smallest increase from one step to the next that gives a spike.
    padding
        What precedes the first step: the first step itself, so that it has no change, or zeros.
    off_spike
        Whether a decrease by ``threshold`` or more gives a spike of -1.

    Returns
    -------
    numpy.ndarray
        Spikes of the shape of ``data``: bool, or int8 with ``off_spike=True``.

    Examples
    --------
    >>> from fastlif import encoding
    >>> encoding.delta([1, 2, 2.9, 3, 3.9], threshold=1).astype(int)
    array([1, 1, 0, 0, 0])
    >>> encoding.delta([1, 2, 0, 2, 2.9], threshold=1, padding=True, off_spike=True)
    array([ 0,  1, -1,  1,  0], dtype=int8)
    """
    array = data_of(data)
    level = single("threshold", threshold, finite=False)
    padding, off_spike = flag("padding", padding), flag("off_spike", off_spike)
    with_time(array)
    dtype = dtype_of(array)
    up, down = dtype.type(level), dtype.type(-level)
    spikes: NDArray[Any] = np.empty(array.shape, np.int8 if off_spike else np.bool_)
    for block in blocks(array):
        now = array[block].astype(dtype)
        before = array[max(block.start - 1, 0) : block.start].astype(dtype)
        if not len(before):
            before = now[:1] if padding else np.zeros_like(now[:1])
        with np.errstate(all="ignore"):
            change = now - np.concatenate([before, now[:-1]])
        spikes[block] = change >= up
        if off_spike:
            spikes[block] -= change <= down
    return spikes
