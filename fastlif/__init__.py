"""fastlif: large populations of leaky integrate-and-fire neurons over time, as fast as memory."""

from fastlif.functions import leaky_integrate_and_fire, leaky_integrate_neuron
from fastlif.neurons import LIF, Lapicque, Leaky
from fastlif.recording import Events, Run, State

__version__ = "0.1.0"

__all__ = [
    "LIF",
    "Events",
    "Lapicque",
    "Leaky",
    "Run",
    "State",
    "leaky_integrate_and_fire",
    "leaky_integrate_neuron",
]
