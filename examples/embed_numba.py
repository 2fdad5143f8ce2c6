"""A recurrent network of excitatory and inhibitory neurons, as one loop compiled with Numba.

The network is model A of Brunel (2000), J. Comput. Neurosci. 8:183-208: every neuron has random
excitatory and inhibitory synapses, with one transmission delay, and its own Poisson background.
fastlif provides the neurons, ``fastlif.embed.row(neuron)``; all the rest is in this file.
"""

import argparse
import math
import time
from pathlib import Path
from typing import NamedTuple

import matplotlib as mpl
import numba
import numpy as np

import fastlif

# Milliseconds and millivolts.
time_step = 0.1
delay = 15  # of all synapses, in steps: 1.5 ms
excitatory = 0.8  # fraction of the neurons
inputs = 200  # synapses onto each neuron: 2 % of 10,000 neurons
weight = 0.4  # of an excitatory spike
inhibition = -6 * weight  # weight of an inhibitory spike
background_rate = 0.3  # background spikes per neuron and step, on average: 3000 per second

neuron = fastlif.LIF(
    tau=20, threshold=20, reset_mechanism="value", reset_to=10, refractory_time=2,
    time_step=time_step, input="voltage", integration="exact", order="at_once",
)  # fmt: skip


class Synapses(NamedTuple):
    """The synapses, sorted by source: those of neuron i reach targets[first[i] : first[i + 1]]."""

    first: np.ndarray
    targets: np.ndarray
    weights: np.ndarray  # one per source


def excitatory_among(size):
    """Return how many of the neurons are excitatory; they come first."""
    return round(excitatory * size)


def connect(size, rng):
    """Draw the sources of each neuron's inputs with replacement: 80 % of them are excitatory."""
    border, from_excitatory = excitatory_among(size), excitatory_among(inputs)
    sources = np.empty((size, inputs), np.int64)
    sources[:, :from_excitatory] = rng.integers(0, border, (size, from_excitatory))
    sources[:, from_excitatory:] = rng.integers(border, size, (size, inputs - from_excitatory))
    order = np.argsort(sources, axis=None, kind="stable")
    first = np.append(0, np.cumsum(np.bincount(sources.ravel(), minlength=size)))
    weights = np.where(np.arange(size) < border, weight, inhibition).astype(np.float32)
    # Numba need not look for negative indices if these are unsigned.
    return Synapses(first, (order // inputs).astype(np.uint32), weights)


class Background(NamedTuple):
    """Poisson input: the state of one random number generator per neuron, and the distribution."""

    a: np.ndarray
    b: np.ndarray
    below: tuple  # the probabilities of at most 0, 1, 2, ... spikes per step, times 2**32
    weight: np.float32


def background(size, rng):
    """Seed the generators, and tabulate the distribution up to a probability of 1 - 2**-32."""
    each = [math.exp(-background_rate)]
    while sum(each) < 1 - 2**-32:
        each.append(each[-1] * background_rate / len(each))
    below = tuple(np.uint32(total * 2**32) for total in np.cumsum(each[:-1]))
    a, b = rng.integers(1, 2**32, (2, size), np.uint32)
    return Background(a, b, below, np.float32(weight))


@numba.njit
def rotated(bits, by):
    return np.uint32(bits << np.uint32(by)) | np.uint32(bits >> np.uint32(32 - by))


@numba.njit
def fill(row, background):
    """Set a row of inputs to the background of one step.

    One generator per neuron (xoroshiro64**, Blackman and Vigna 2021), and comparisons with all of a
    few probabilities instead of a search, because loops of this kind are vectorized.
    """
    for j in range(row.size):
        a, b = background.a[j], background.b[j]
        drawn = np.uint32(rotated(np.uint32(a * np.uint32(0x9E3779BB)), 5) * np.uint32(5))
        b ^= a
        background.a[j] = rotated(a, 26) ^ b ^ np.uint32(b << np.uint32(9))
        background.b[j] = rotated(b, 13)
        spikes = np.int32(0)
        for limit in background.below:
            spikes += np.int32(drawn >= limit)
        row[j] = background.weight * np.float32(spikes)


@numba.njit
def simulate(step, state, synapses, background, steps):
    """Return the spikes as rows (step, neuron); ``state`` becomes the one after the last step."""
    size = state[0].size
    spk = np.zeros(size, np.bool_)
    # A spike of step t arrives in step t + delay, which reads the same row of this ring as step t.
    ring = np.empty((delay, size), state[0].dtype)
    for row in ring:
        fill(row, background)
    events, count = np.empty((2 * size, 2), np.int64), 0
    for t in range(steps):
        row = ring[t % delay]
        step(row, state, spk)
        fill(row, background)
        if count + size > len(events):
            events = np.concatenate((events, np.empty_like(events)))
        for source in range(size):
            if spk[source]:
                for k in range(synapses.first[source], synapses.first[source + 1]):
                    row[synapses.targets[k]] += synapses.weights[source]
                events[count] = t, source
                count += 1
    return events[:count]
