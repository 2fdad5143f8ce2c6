"""The contenders, one file each: the idiomatic, fastest code of a simulator for the workloads.

A file defines ``PACKAGE``, the distribution that it requires, and ``CONTENDERS``, a dict from names
to functions that take a task and return an Entry or raise Unsupported.
"""

import importlib
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np


class Unsupported(Exception):
    """Raised if a contender does not support a workload, with the reason."""


class Entry(NamedTuple):
    """A contender's run, and the fastlif run that it is compared with."""

    run: Callable[[], Any]  # timed
    neuron: Any  # the fastlif neuron with the same arithmetic
    current: Any  # the input of this neuron
    counts: Callable[[Any], np.ndarray]  # the spike count of each neuron, from the result of run
    spikes: Callable[[Any], np.ndarray] | None = None  # (steps, neurons), if spikes are stored
    setup: Callable[[], Any] = lambda: None  # called before each run, not timed


def load(file):
    """Import and return a contender's module."""
    return importlib.import_module(f"contenders.{file}")


def names():
    """Return (file, contender) of all files, whether or not they can be imported."""
    return [(file, name) for file, of_file in NAMES.items() for name in of_file]


NAMES = {
    "own": ("fastlif",),
    "numpy_loop": ("NumPy",),
    "numba_loop": ("Numba", "Numba prange"),
    "snntorch": ("snnTorch Lapicque", "snnTorch Leaky"),
    "norse": ("Norse LIFBox",),
    "spikingjelly": ("SpikingJelly LIFNode",),
    "pytorch": ("PyTorch eager", "torch.compile"),
    "jax_scan": ("JAX scan",),
    "nengo": ("Nengo LIF",),
    "brian2": ("Brian2 Cython", "Brian2 C++ OpenMP"),
    "nest": ("NEST iaf_psc_delta",),
}
