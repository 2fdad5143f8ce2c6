"""fastlif: fast simulation of large populations of leaky integrate-and-fire neurons.

``Lapicque``, ``Leaky`` and ``LIF`` are neurons, and ``presets`` contains those of other simulators.
``neuron.run(current)`` integrates a population over time and returns a ``Run``, and
``neuron(cur, mem)`` is one step. See ``help(fastlif.LIF.run)``.

===========  =======================================================================
module       content
===========  =======================================================================
`presets`    the neurons of other simulators
`sources`    inputs that are generated during a run: Poisson spikes, noise, pulses
`encoding`   images and signals as spikes: rate, latency, delta
`spikes`     formats, times, rates, intervals and distances of recorded spikes
`plot`       figures and animations with Matplotlib
`embed`      neurons as functions for other programs
`interop`    neurons inside other simulators
===========  =======================================================================
"""

import importlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastlif.execution.recycle import release_memory
from fastlif.execution.results import Events, Gradient, Run
from fastlif.execution.state import State
from fastlif.functions import leaky_integrate_and_fire, leaky_integrate_neuron
from fastlif.neurons.lapicque import Lapicque
from fastlif.neurons.leaky import Leaky
from fastlif.neurons.lif import LIF

if TYPE_CHECKING:
    from fastlif import embed, encoding, plot, presets, sources, spikes, surrogate
    from fastlif.interop.nir import from_nir, to_nir
    from fastlif.sources import GaussianCurrent, OrnsteinUhlenbeckCurrent, PoissonSpikes

__version__ = "0.1.0"

__all__ = [
    "LIF",
    "Events",
    "GaussianCurrent",
    "Gradient",
    "Lapicque",
    "Leaky",
    "OrnsteinUhlenbeckCurrent",
    "PoissonSpikes",
    "Run",
    "State",
    "embed",
    "encoding",
    "from_nir",
    "get_include",
    "leaky_integrate_and_fire",
    "leaky_integrate_neuron",
    "plot",
    "presets",
    "release_memory",
    "sources",
    "spikes",
    "surrogate",
    "to_nir",
]


def get_include() -> str:
    """Return the folder of the C header ``fastlif.h``.

    It declares what a library that ``python -m fastlif.embed --output DIR`` builds contains. With
    ``--neuron``, use the header of that library instead, ``DIR/include/fastlif.h``.

    Returns
    -------
    str
        The folder.

    Examples
    --------
    >>> import os, fastlif
    >>> os.path.exists(os.path.join(fastlif.get_include(), "fastlif.h"))
    True
    """
    return str(Path(__file__).parent / "embed" / "include")


def __dir__() -> list[str]:
    """List what is imported at first use, too."""
    return sorted({*globals(), *__all__})


def __getattr__(name: str) -> Any:
    """Import these modules at first use, because importing them takes milliseconds."""
    if name in ("embed", "encoding", "plot", "presets", "sources", "spikes"):
        return importlib.import_module(f"fastlif.{name}")
    if name in ("GaussianCurrent", "OrnsteinUhlenbeckCurrent", "PoissonSpikes"):
        return getattr(importlib.import_module("fastlif.sources"), name)
    if name in ("from_nir", "to_nir"):
        return getattr(importlib.import_module("fastlif.interop.nir"), name)
    raise AttributeError(f"module 'fastlif' has no attribute {name!r}")
