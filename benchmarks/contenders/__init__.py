"""The contenders, a file each: a peer's own idiomatic best code for the table of workloads.

A file has ``PACKAGE``, the distribution it needs, and ``CONTENDERS``: name -> function of a task
that returns an Entry, or raises Unsupported.
"""

import importlib
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np


class Unsupported(Exception):
    """What a contender cannot do, and why."""


class Entry(NamedTuple):
    """What is timed, and what its result is held against."""

    run: Callable[[], Any]  # timed
    neuron: Any  # the fastlif neuron that does the same
    current: Any  # and its input
    counts: Callable[[Any], np.ndarray]  # from what run returned: the spikes of each neuron
    spikes: Callable[[Any], np.ndarray] | None = None  # (steps, neurons), where all are recorded
    setup: Callable[[], Any] = lambda: None  # before each run, not timed


def load(file):
    """Return a contender's module. ImportError says what is missing."""
    return importlib.import_module(f"contenders.{file}")


def names():
    """Return (file, contender) of all files, importable or not: their names stand here."""
    return [(file, name) for file, of_file in NAMES.items() for name in of_file]


NAMES = {
    "own": ("fastlif",),
    "numpy_loop": ("NumPy",),
    "snntorch": ("snnTorch Lapicque", "snnTorch Leaky"),
    "norse": ("Norse LIFBox",),
    "spikingjelly": ("SpikingJelly LIFNode",),
    "pytorch": ("PyTorch eager", "torch.compile"),
    "jax_scan": ("JAX scan",),
    "nengo": ("Nengo LIF",),
    "brian2": ("Brian2 Cython", "Brian2 C++ OpenMP"),
    "nest": ("NEST iaf_psc_delta",),
}
