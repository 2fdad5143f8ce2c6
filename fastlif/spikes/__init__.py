"""Recorded spikes: conversion between formats, spike times, statistics and distances.

All functions accept spikes in any of these formats and give the same result for each:

- a ``Run`` that recorded ``"events"``, ``"packed"`` or ``"spikes"``, the first of which is used;
- ``Events(step, neuron)``, or any two vectors of integers, sorted by step, then neuron;
- dense spikes of shape ``(T, *population)``: bool, or signed integers, the number of spikes of each
  step;
- packed spikes of shape ``(T, ceil(N/8))``, uint8, with the first neuron in the lowest bit.

What a format does not contain must be given where a function needs it: ``population``, the number
of neurons or the shape of the population, for packed spikes and events; ``steps``, the number of
steps, for events. Times are in the unit of ``time_step``, which is the step of all neurons. A spike
of step ``t`` has the time ``(t + 1)*time_step``, as the membrane after that step has, or
``(t + offset)*time_step`` if ``offsets`` tell when within the step it occurs. A Run of neurons
whose spikes have times within a step contains its ``offsets``, if it recorded ``"events"``.

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
