"""The times of spikes, and the spike train of each neuron."""

import itertools
from typing import Any, NamedTuple

import numpy as np

from fastlif.checks import Numbers, number
from fastlif.execution.results import INT64
from fastlif.kernels.spike_trains import kernel
from fastlif.spikes.loops import events_of
from fastlif.spikes.source import Source, read, read_only

_PART = 2**20  # events that are sorted at a time: Ctrl-C waits for it


class Trains(NamedTuple):
    """Sorted times of all spikes, those of the first neuron first.

    Attributes
    ----------
    times : numpy.ndarray
        Times in steps, float64.
    bounds : numpy.ndarray
        Where each neuron's times begin, and where the last one's end.
    """

    times: Numbers
    bounds: Numbers

    @property
    def counts(self) -> Numbers:
        """The number of spikes of each neuron."""
        return np.diff(self.bounds)

    def split(self, values: Numbers, less: int = 0) -> list[Numbers]:
        """Return the part of ``values`` that belongs to each neuron, without its last items."""
        return [
            values[begin : max(begin, end - less)]
            for begin, end in itertools.pairwise(self.bounds.tolist())
        ]


def positions(source: Source) -> tuple[Numbers, Numbers]:
    """Return the time of each event, in steps, and its neuron."""
    step, neuron = events_of(source)
    if source.offsets is None:
        return step + 1.0, neuron
    if len(source.offsets) != len(step):
        raise ValueError(
            f"offsets must have one value per spike, {len(step)}, got {len(source.offsets)}"
        )
    return step + source.offsets, neuron


def trains_of(source: Source) -> Trains:
    """Return the trains of checked spikes."""
    times, neuron = map(read_only, positions(source))
    bounds = np.zeros(source.size + 1, INT64)
    np.cumsum(np.bincount(neuron, minlength=source.size), out=bounds[1:])
    places, ordered = bounds[:-1].copy(), np.empty(len(times))
    for begin in range(0, len(times), _PART):
        part = slice(begin, begin + _PART)
        kernel("sort_by_neuron")(neuron[part], times[part], places, ordered)
    return Trains(ordered, bounds)


def times(spikes: Any, time_step: float, *, offsets: Any = None) -> Numbers:
    """Return the time of each spike, in the order of the events.

    Parameters
    ----------
    spikes : Run, Events or numpy.ndarray
        Spikes in any format; see :mod:`fastlif.spikes`.
    time_step : float
        Time step, positive: in seconds for times in seconds.
    offsets : array_like, optional
        When within its step each spike occurs, from 0 to 1.

    Returns
    -------
    numpy.ndarray
        float64, one time per spike.

    Examples
    --------
    >>> import fastlif
    >>> events = fastlif.Events([0, 2, 2], [1, 0, 1])
    >>> fastlif.spikes.times(events, time_step=0.5)
    array([0.5, 1.5, 1.5])
    >>> fastlif.spikes.times(events, time_step=0.5, offsets=[0.5, 0.25, 1.0])
    array([0.25 , 1.125, 1.5  ])
    """
    dt = number("time_step", time_step, above=0)
    return positions(read(spikes, offsets=offsets))[0] * dt


def trains(
    spikes: Any,
    time_step: float,
    *,
    steps: int | None = None,
    population: int | tuple[int, ...] | None = None,
    offsets: Any = None,
) -> list[Numbers]:
    """Return the spike train of each neuron: the times of its spikes.

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
    list of numpy.ndarray
        Sorted times of each neuron of the flattened population, float64. The array of a silent
        neuron is empty. All are views of one array.

    Examples
    --------
    >>> import fastlif
    >>> events = fastlif.Events([0, 2, 2], [2, 0, 2])
    >>> fastlif.spikes.trains(events, time_step=0.5, population=3)
    [array([1.5]), array([], dtype=float64), array([0.5, 1.5])]
    """
    dt = number("time_step", time_step, above=0)
    found = trains_of(read(spikes, steps, population, offsets))
    return found.split(found.times * dt)


def intervals(
    spikes: Any,
    time_step: float,
    *,
    steps: int | None = None,
    population: int | tuple[int, ...] | None = None,
    offsets: Any = None,
) -> list[Numbers]:
    """Return the inter-spike intervals of each neuron.

    Parameters
    ----------
    spikes : Run, Events or numpy.ndarray
        Spikes in any format; see :mod:`fastlif.spikes`.
    time_step : float
        Time step, positive: in seconds for intervals in seconds.
    steps : int, optional
        Number of steps.
    population : int or tuple of int, optional
        Shape of the population. Required for packed spikes and events.
    offsets : array_like, optional
        When within its step each spike occurs, from 0 to 1.

    Returns
    -------
    list of numpy.ndarray
        Intervals of each neuron of the flattened population, float64: one less than it has spikes,
        and none if it has no spike. Several spikes in a step without offsets have intervals of 0.
        All are views of one array.

    Examples
    --------
    >>> import fastlif
    >>> events = fastlif.Events([0, 2, 6, 7], [0, 0, 0, 1])
    >>> fastlif.spikes.intervals(events, time_step=0.5, population=2)
    [array([1., 2.]), array([], dtype=float64)]
    """
    dt = number("time_step", time_step, above=0)
    found = trains_of(read(spikes, steps, population, offsets))
    return found.split(np.diff(found.times) * dt, less=1)
