"""Neurons of other simulators, with their parameter names, units and order of operations.

A preset takes the parameters of the other simulator and is a neuron like any other: ``run``, single
steps, all records, and parameters with one value per neuron. ``fastlif/kernels/catalogue.py`` lists
the update rules of all presets. The names are lower case because presets are used like functions.

Every preset except ``nir_if``, ``nir_li`` and ``nir_cuba_lif`` is compared with recorded runs of
the simulator's own code, one million neuron-steps each: every spike is equal, and the membranes are
bit-identical wherever the simulator's own exponential is correctly rounded. README.md states the
remaining differences.

==================================  ===========================  ===============================
preset                              membrane and test            reset
==================================  ===========================  ===============================
``snntorch_lapicque``               leaving, ``>``               next step
``snntorch_leaky``                  leaving, ``>``               next step, or same step
``norse_lif``, ``norse_lif_box``    leaving, ``>``               same step, to a value (box: or
                                                                 by the threshold)
``spikingjelly_lif``, ``_if``       leaving, ``>=``              same step, to a value or by the
                                                                 threshold
``brian2_lif``                      leaving, ``>``               same step, to a value, then
                                                                 refractory
``nest_iaf_psc_delta``              leaving, ``>=``              same step, to a value, then
                                                                 refractory
``nengo_lif``                       leaving, ``>``               within the step, to 0, then
                                                                 refractory
``nengo_spiking_rectified_linear``  leaving, whole multiples     same step, by the threshold for
                                    of the threshold             each spike
``rockpool_lif``                    leaving, ``>=``, several     same step, by the threshold for
                                    spikes                       each spike
``sinabs_lif``                      leaving, ``>=``, one or      same step, by the threshold for
                                    several spikes               each spike, or to 0
``nir_lif``, ``nir_if``,            leaving, ``>``               same step, by the threshold or to
``nir_cuba_lif``                                                 a value
``nir_li``                          never                        none
==================================  ===========================  ===============================
"""

from __future__ import annotations

from fastlif.presets.brian2 import brian2_lif
from fastlif.presets.nengo import nengo_lif, nengo_spiking_rectified_linear
from fastlif.presets.nest import nest_iaf_psc_delta
from fastlif.presets.nir import nir_cuba_lif, nir_if, nir_li, nir_lif
from fastlif.presets.norse import norse_lif, norse_lif_box
from fastlif.presets.rockpool import rockpool_lif
from fastlif.presets.sinabs import sinabs_lif
from fastlif.presets.snntorch import snntorch_lapicque, snntorch_leaky
from fastlif.presets.spikingjelly import spikingjelly_if, spikingjelly_lif

__all__ = [
    "brian2_lif",
    "nengo_lif",
    "nengo_spiking_rectified_linear",
    "nest_iaf_psc_delta",
    "nir_cuba_lif",
    "nir_if",
    "nir_li",
    "nir_lif",
    "norse_lif",
    "norse_lif_box",
    "rockpool_lif",
    "sinabs_lif",
    "snntorch_lapicque",
    "snntorch_leaky",
    "spikingjelly_if",
    "spikingjelly_lif",
]


def __dir__() -> list[str]:
    """List the presets only, not the modules that they stand in."""
    return __all__
