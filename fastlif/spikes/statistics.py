"""Statistics of spikes."""

from typing import Any

import numpy as np

from fastlif.checks import Numbers, number, whole
from fastlif.execution.results import Run
from fastlif.spikes.loops import neuron_counts, row_counts
from fastlif.spikes.source import NO_STEPS, known_of, read, shape_of
from fastlif.spikes.spike_trains import trains_of


def counts(
    spikes: Any, *, steps: int | None = None, population: int | tuple[int, ...] | None = None
) -> Numbers:
    """Return the number of spikes of each neuron.

    Parameters
    ----------
    spikes : Run, Events or numpy.ndarray
        Spikes in any format; see :mod:`fastlif.spikes`.
    steps : int, optional
        Number of steps.
    population : int or tuple of int, optional
        Shape of the population. Required for packed spikes and events.

    Returns
    -------
    numpy.ndarray
        int64, of the population's shape.

    Examples
    --------
    >>> import fastlif
    >>> fastlif.spikes.counts(fastlif.Events([0, 2, 2], [2, 0, 2]), population=3)
    array([1, 0, 2])
    """
    return _counts(spikes, steps, population)[0]


def _counts(spikes: Any, steps: int | None, population: object) -> tuple[Numbers, int | None]:
    """Return the counts, which a run may have recorded, and the number of steps."""
    if isinstance(spikes, Run) and spikes.counts is not None:
        steps = None if steps is None else whole("steps", steps, 0)
        steps, shape = known_of(spikes, steps, shape_of(population))
        return spikes.counts.reshape(shape), steps
    source = read(spikes, steps, population)
    return neuron_counts(source).reshape(source.shape), source.steps


def rates(
    spikes: Any,
    time_step: float,
    *,
    steps: int | None = None,
    population: int | tuple[int, ...] | None = None,
) -> Numbers:
    """Return the mean firing rate of each neuron: its spikes per unit of time.

    Parameters
    ----------
    spikes : Run, Events or numpy.ndarray
        Spikes in any format; see :mod:`fastlif.spikes`.
    time_step : float
        Time step, positive: in seconds for rates in Hz.
    steps : int, optional
        Number of steps. Required for events.
    population : int or tuple of int, optional
        Shape of the population. Required for packed spikes and events.

    Returns
    -------
    numpy.ndarray
        float64, of the population's shape; NaN if there are no steps.

    Examples
    --------
    >>> import fastlif
    >>> events = fastlif.Events([0, 2, 2], [2, 0, 2])
    >>> fastlif.spikes.rates(events, time_step=0.5, steps=4, population=3)
    array([0.5, 0. , 1. ])
    """
    dt = number("time_step", time_step, above=0)
    number_of, steps = _counts(spikes, steps, population)
    if steps is None:
        raise ValueError(NO_STEPS)
    with np.errstate(invalid="ignore"):
        return number_of / np.float64(steps * dt)


def population_rate(
    spikes: Any,
    time_step: float,
    window: int = 1,
    *,
    steps: int | None = None,
    population: int | tuple[int, ...] | None = None,
) -> Numbers:
    """Return the mean firing rate of the population in consecutive windows of time.

    Parameters
    ----------
    spikes : Run, Events or numpy.ndarray
        Spikes in any format; see :mod:`fastlif.spikes`.
    time_step : float
        Time step, positive: in seconds for rates in Hz.
    window : int
        Number of steps of a window.
    steps : int, optional
        Number of steps. Required for events.
    population : int or tuple of int, optional
        Shape of the population. Required for packed spikes and events.

    Returns
    -------
    numpy.ndarray
        float64 of shape ``(ceil(T/window),)``: spikes per neuron and unit of time. Item ``k`` is
        the rate in the steps ``k*window`` to ``(k + 1)*window - 1``; the last window may be
        shorter, and its rate is the one of its steps. NaN if there are no neurons.

    Examples
    --------
    >>> import fastlif
    >>> events = fastlif.Events([0, 2, 2, 4], [2, 0, 2, 1])
    >>> fastlif.spikes.population_rate(events, 0.5, window=2, steps=5, population=4)
    array([0.25, 0.5 , 0.5 ])
    """
    dt, window = number("time_step", time_step, above=0), whole("window", window, 1)
    source = read(spikes, steps, population)
    begins = np.arange(0, source.length, window)
    lengths = np.minimum(window, source.length - begins)
    in_windows = np.add.reduceat(row_counts(source), begins) if len(begins) else begins
    with np.errstate(invalid="ignore"):
        return in_windows / (lengths * dt * source.size)


def cv(
    spikes: Any,
    *,
    steps: int | None = None,
    population: int | tuple[int, ...] | None = None,
    offsets: Any = None,
) -> Numbers:
    """Return the coefficient of variation of each neuron's inter-spike intervals.

    It is the standard deviation of the intervals divided by their mean: 0 for regular spikes and,
    on average, nearly 1 for a Poisson process whose mean interval is many time steps.

    Parameters
    ----------
    spikes : Run, Events or numpy.ndarray
        Spikes in any format; see :mod:`fastlif.spikes`.
    steps : int, optional
        Number of steps.
    population : int or tuple of int, optional
        Shape of the population. Required for packed spikes and events.
    offsets : array_like, optional
        When within its step each spike occurs, from 0 to 1.

    Returns
    -------
    numpy.ndarray
        float64, of the population's shape; NaN for a neuron with fewer than two spikes, or whose
        spikes are all simultaneous. The standard deviation is that of the intervals themselves, not
        an estimate for a larger sample (``ddof=0``).

    Examples
    --------
    >>> import numpy as np, fastlif
    >>> events = fastlif.Events([0, 2, 4, 8, 9], [0, 0, 0, 0, 1])
    >>> fastlif.spikes.cv(events, population=2).round(3)
    array([0.354,   nan])
    """
    source = read(spikes, steps, population, offsets)
    found = trains_of(source)
    number_of = np.maximum(found.counts - 1, 0)
    neuron = np.repeat(np.arange(source.size), number_of)
    inside = np.ones(max(len(found.times) - 1, 0), np.bool_)  # not from one neuron to the next
    cuts = found.bounds[1:-1]
    inside[cuts[(cuts > 0) & (cuts < len(found.times))] - 1] = False
    gaps = np.diff(found.times)[inside]
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.bincount(neuron, gaps, source.size) / number_of
        variance = np.bincount(neuron, (gaps - mean[neuron]) ** 2, source.size) / number_of
        ratio: Numbers = np.sqrt(variance) / mean
    return ratio.reshape(source.shape)


def first_spikes(
    spikes: Any,
    time_step: float,
    *,
    steps: int | None = None,
    population: int | tuple[int, ...] | None = None,
    offsets: Any = None,
) -> Numbers:
    """Return the time of each neuron's first spike.

    Parameters
    ----------
    spikes : Run, Events or numpy.ndarray
        Spikes in any format; see :mod:`fastlif.spikes`.
    time_step : float
        Time step, positive.
    steps : int, optional
        Number of steps.
    population : int or tuple of int, optional
        Shape of the population. Required for packed spikes and events.
    offsets : array_like, optional
        When within its step each spike occurs, from 0 to 1.

    Returns
    -------
    numpy.ndarray
        float64, of the population's shape; NaN for a silent neuron.

    Examples
    --------
    >>> import fastlif
    >>> events = fastlif.Events([0, 2, 2], [2, 0, 2])
    >>> fastlif.spikes.first_spikes(events, time_step=0.5, population=3)
    array([1.5, nan, 0.5])
    """
    dt = number("time_step", time_step, above=0)
    source = read(spikes, steps, population, offsets)
    found = trains_of(source)
    first = np.full(source.size, np.nan)
    fired = found.counts > 0
    first[fired] = found.times[found.bounds[:-1][fired]] * dt
    return first.reshape(source.shape)
