"""Recorded spikes: conversion between formats, spike times, statistics and distances.

All functions accept spikes in any of these formats and give the same result for each:

- a ``Run`` that recorded ``"events"``, ``"packed"`` or ``"spikes"``, the first of which is used;
- ``Events(step, neuron)``, or any two vectors of integers, sorted by step, then neuron;
- dense spikes of shape ``(T, *population)``: bool, or signed integers, the number of spikes of each
  step;
- packed spikes of shape ``(T, ceil(N/8))``, uint8, with the first neuron in the lowest bit.

These parameters have the same meaning in all functions:

spikes : Run, Events or numpy.ndarray
    Spikes in any of these formats.
time_step : float
    Duration of a step of all neurons, positive. Times are in its unit: if it is in seconds, rates
    are in Hz. A spike of step ``t`` has the time ``(t + 1)*time_step``, as the membrane after that
    step has, or ``(t + offset)*time_step`` with ``offsets``.
steps : int, optional
    Number of steps. Events do not contain it, so it must be given with them where it is needed.
population : int or tuple of int, optional
    Number of neurons, or shape of the population. Packed spikes and events do not contain it, so it
    must be given with them where it is needed.
offsets : array_like, optional
    When within its step each spike occurs: a fraction of the step, from 0 (its beginning) to 1 (its
    end), one per spike in the order of the events. The default is ``run.offsets`` of a Run that
    recorded ``"events"``, for neurons whose spikes have times within a step, and otherwise 1.

All functions raise TypeError or ValueError if spikes have none of the formats or do not match the
other arguments, or if an argument is out of its range.

============================================  ====================================================
``to_dense``, ``to_packed``, ``to_events``    conversion without loss
``times``, ``trains``, ``intervals``          spike times, spike trains, inter-spike intervals
``counts``, ``rates``, ``population_rate``    numbers of spikes and firing rates
``cv``, ``first_spikes``                      variability of the intervals, latencies
``van_rossum``, ``victor_purpura``            distances between spike trains
============================================  ====================================================

Examples
--------
>>> import numpy as np, fastlif
>>> neuron = fastlif.LIF(R=5.1, C=5e-3, time_step=1e-3, order="at_once")
>>> run = neuron.run(np.float32([0.1, 0.3, 0.5]), steps=500, record="packed")
>>> fastlif.spikes.rates(run, neuron.time_step)
array([ 0., 36., 78.])
>>> fastlif.spikes.first_spikes(run, neuron.time_step)
array([  nan, 0.027, 0.013])
"""

from fastlif.spikes.conversion import to_dense, to_events, to_packed
from fastlif.spikes.distances import van_rossum, victor_purpura
from fastlif.spikes.spike_trains import intervals, times, trains
from fastlif.spikes.statistics import counts, cv, first_spikes, population_rate, rates

__all__ = [
    "counts",
    "cv",
    "first_spikes",
    "intervals",
    "population_rate",
    "rates",
    "times",
    "to_dense",
    "to_events",
    "to_packed",
    "trains",
    "van_rossum",
    "victor_purpura",
]


def __dir__() -> list[str]:
    """List the functions only, not the modules that they stand in."""
    return __all__
