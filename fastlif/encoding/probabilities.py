"""Rate encoding: spikes drawn with given probabilities."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from fastlif.checks import Numbers, flag, whole
from fastlif.encoding.arguments import (
    Spikes,
    Steps,
    data_of,
    dtype_of,
    reject,
    single,
    steps_of,
    with_time,
    within,
)
from fastlif.sources import PoissonSpikes

_BLOCK = 2**20  # how many numbers are drawn at a time


def rate(
    data: ArrayLike,
    num_steps: Steps = None,
    gain: float = 1,
    offset: float = 0,
    first_spike_time: int = 0,
    time_var_input: bool = False,
    seed: int | None = None,
) -> Spikes:
    """Draw Poisson spike trains: the values of ``data`` are the probabilities of a spike per step.

    Each spike is drawn independently with the probability ``data*gain + offset``. Values below 0
    count as 0, and values above 1 as 1.

    Parameters
    ----------
    data
        Probabilities, of any shape; divide an image of 0 to 255 by 255. NaN raises an error.
    num_steps
        Number of time steps. Required, except with ``time_var_input=True``, where it is the length
        of ``data`` plus ``first_spike_time`` and must not be given.
    gain, offset
        Factor and summand of ``data``. With ``time_var_input=True``, where snnTorch ignores them,
        other values than 1 and 0 raise an error.
    first_spike_time
        Number of steps without spikes at the beginning. With ``time_var_input=True``, these steps
        are added before those of ``data``.
    time_var_input
        Whether ``data`` changes over time, with time as axis 0.
    seed
        A whole number from 0 to ``2**64 - 1``, which makes the result reproducible. By default,
        every call draws other spikes.

    Returns
    -------
    numpy.ndarray
        Spikes, bool, of shape ``(num_steps, *data.shape)``; with ``time_var_input=True``, of shape
        ``(first_spike_time + len(data), *data.shape[1:])``.

    Examples
    --------
    >>> from fastlif import encoding
    >>> spikes = encoding.rate([0.0, 0.1, 0.5, 1.0], num_steps=1000, seed=1)
    >>> spikes.shape, spikes.sum(axis=0).tolist()
    ((1000, 4), [0, 111, 498, 1000])
    """
    array = data_of(data)
    scale, shift = single("gain", gain), single("offset", offset)
    steps = steps_of(num_steps)
    first = whole("first_spike_time", first_spike_time, 0)
    if seed is not None:
        seed = whole("seed", seed, 0, 2**64 - 1)
    if flag("time_var_input", time_var_input):
        if steps is not None:
            raise ValueError(
                f"num_steps must not be given with time_var_input=True, got {steps}: it is the "
                "length of data plus first_spike_time"
            )
        if scale != 1 or shift != 0:
            raise ValueError(
                "gain and offset must be 1 and 0 with time_var_input=True, where snnTorch ignores "
                f"them, got {scale:g} and {shift:g}; scale data instead"
            )
        with_time(array)
        reject("data must not be NaN", array, np.isnan)
        spikes = _bernoulli(array, len(array), seed)
        return np.concatenate([np.zeros((first, *array.shape[1:]), np.bool_), spikes])
    if steps is None:
        raise ValueError("num_steps must be given unless time_var_input=True, got None")
    within(first, steps)
    dtype = dtype_of(array)
    with np.errstate(all="ignore"):
        probability = array.astype(dtype) * dtype.type(scale) + dtype.type(shift)
    probability = np.asarray(probability)  # NumPy's result is a scalar if there is no axis
    reject("data*gain + offset must not be NaN", probability, np.isnan)
    spikes = _bernoulli(probability[np.newaxis], steps, seed)
    spikes[:first] = False
    return spikes


def rate_source(
    data: ArrayLike,
    gain: float = 1,
    offset: float = 0,
    time_var_input: bool = False,
    seed: int | None = None,
) -> PoissonSpikes:
    """Return the source of the spikes that :func:`rate` returns, without an array of them.

    Parameters
    ----------
    data
        Probabilities of a spike in one step. NaN raises an error.
    gain, offset
        Factor and summand of ``data``.
    time_var_input
        Whether ``data`` changes over time, with time as axis 0.
    seed
        As for :func:`rate`.

    Returns
    -------
    fastlif.PoissonSpikes
        The source, for ``neuron.run(source, steps=...)``. Its population has the shape of ``data``,
        without the time axis; that of a vector over time is ``(1,)``.

    Examples
    --------
    >>> import numpy as np, fastlif
    >>> from fastlif import encoding
    >>> source = encoding.rate_source([0.0, 0.1, 0.5, 1.0], seed=1)
    >>> run = fastlif.LIF(tau=5.0, time_step=1.0).run(source, steps=1000, record="counts")
    >>> spikes = encoding.rate([0.0, 0.1, 0.5, 1.0], num_steps=1000, seed=1)
    >>> bool((source.sample(1000, 4) == spikes).all())
    True
    """
    array = data_of(data)
    dtype = dtype_of(array)
    with np.errstate(all="ignore"):
        probability = np.asarray(
            array.astype(dtype) * dtype.type(single("gain", gain))
            + dtype.type(single("offset", offset))
        )
    reject("data*gain + offset must not be NaN", probability, np.isnan)
    probability = np.clip(probability, 0, 1)
    if flag("time_var_input", time_var_input):
        with_time(array)
        probability = probability if array.ndim > 1 else probability[:, np.newaxis]
    elif array.ndim > 1:
        probability = probability[np.newaxis]
    return PoissonSpikes(probability, seed=seed)


def _bernoulli(probabilities: Numbers, steps: int, seed: int | None) -> Spikes:
    """Draw spikes of shape ``(steps, *probabilities.shape[1:])``.

    ``probabilities`` has as many rows as there are steps, or one row for all of them. Values below
    0 count as 0, and values above 1 as 1.
    """
    spikes: Spikes = np.empty((steps, *probabilities.shape[1:]), np.bool_)
    size = math.prod(probabilities.shape[1:])
    source, flat = _source(probabilities, seed), spikes.reshape(steps, size)
    rows = max(1, _BLOCK // max(1, flat.shape[1]))
    for start in range(0, steps, rows):
        block = flat[start : start + rows]
        drawn = source._rows(start, len(block), flat.shape[1:], np.dtype(np.float32))
        np.not_equal(drawn, 0, out=block)
    return spikes


def _source(probabilities: Numbers, seed: Any) -> PoissonSpikes:
    """Return the source of spikes of a flat population; time is axis 0 of ``probabilities``."""
    rows = probabilities.reshape(len(probabilities), math.prod(probabilities.shape[1:]))
    return PoissonSpikes(np.clip(rows, 0, 1), seed=seed)
