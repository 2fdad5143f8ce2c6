"""Inputs that are generated during a run, without an array of all steps.

A source is given to ``neuron.run`` instead of a current. Sources, arrays and numbers can be added.
An array that is added has time as axis 0. A vector is one value per neuron if the run is given
``steps``, or if another array has an axis for the neurons, and else a current over time;
:class:`Constant` and :class:`WeightedInput` tell which.

The size of the population follows from the parameters of the source and of the neuron, or from
``initial=neuron.initial_state(n)``; if all are numbers, the run has one neuron.

The random numbers depend on the seed, the absolute step and the index of the neuron, and on nothing
else: not on the number of threads, on how a run is divided in time, or on the processor. ``sample``
returns them as an array. Two sources of the same class with the same seed use the same random
numbers, and sources of different classes, independent ones. Independent repetitions of a run are
another axis of the population, ``initial=neuron.initial_state((repetitions, n))``, or runs with the
sources that ``source.spawn(repetitions)`` returns. A run that continues another one needs its whole
state, ``initial=run.final``: with the membrane alone, the numbers start again at step 0.

============================  ====================================================
source                        input
============================  ====================================================
`PoissonSpikes`               random spikes with a rate
`GaussianCurrent`             independent normal numbers (white noise)
`OrnsteinUhlenbeckCurrent`    normal numbers with a correlation time
`Constant`                    a constant current
`PulseCurrent`                a step, a pulse, or a train of pulses
`RampCurrent`                 a current that rises or falls
`SineCurrent`                 a sine
`WeightedInput`               an array times a weight
============================  ====================================================
"""

from fastlif.execution.given import Constant, WeightedInput
from fastlif.execution.sources import Source
from fastlif.execution.sums import Sum
from fastlif.sources.courses import PulseCurrent, RampCurrent, SineCurrent
from fastlif.sources.noise import GaussianCurrent, OrnsteinUhlenbeckCurrent
from fastlif.sources.spikes import PoissonSpikes

__all__ = [
    "Constant",
    "GaussianCurrent",
    "OrnsteinUhlenbeckCurrent",
    "PoissonSpikes",
    "PulseCurrent",
    "RampCurrent",
    "SineCurrent",
    "Source",
    "Sum",
    "WeightedInput",
]


def __dir__() -> list[str]:
    """List the classes only, not the modules that they stand in."""
    return __all__
