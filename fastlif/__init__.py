"""fastlif: large populations of leaky integrate-and-fire neurons over time, as fast as memory."""

from fastlif import presets
from fastlif.functions import leaky_integrate_and_fire, leaky_integrate_neuron
from fastlif.interop.nir import from_nir, to_nir
from fastlif.lif import LIF
from fastlif.neurons import Lapicque, Leaky
from fastlif.recording import Events, Run
from fastlif.state import State

__version__ = "0.1.0"

__all__ = [
    "LIF",
    "Events",
    "Lapicque",
    "Leaky",
    "Run",
    "State",
    "from_nir",
    "leaky_integrate_and_fire",
    "leaky_integrate_neuron",
    "presets",
    "to_nir",
]
