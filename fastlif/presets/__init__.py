"""The neurons of other simulators, exactly: their parameters, their units, their arithmetic.

Each is called with the peer's own parameter names, and is a neuron like any other: ``run``, one
step at a time, any record, one parameter a neuron. Runs of the peers' own code prove them: the
test suite holds every spike of a million neuron-steps of each against theirs. They are classes,
in small letters because they are called as functions are. ``kernels/catalogue.py`` has their rules
side by side.

==================================  ===========================  ===============================
preset                              test                         reset
==================================  ===========================  ===============================
``snntorch_lapicque``               ``>``, leaving               next step
``snntorch_leaky``                  ``>``, leaving               next step, or same
``norse_lif``, ``norse_lif_box``    ``>``, leaving               same step, to a value (box: or
                                                                 by the threshold)
``spikingjelly_lif``, ``_if``       ``>=``, leaving              same step, to a value or by the
                                                                 threshold
``brian2_lif``                      ``>``, leaving               same step, to a value, then
                                                                 refractory
``nest_iaf_psc_delta``              ``>=``, leaving              same step, to a value, then
                                                                 refractory
``nengo_lif``                       ``>``, leaving               within the step, to 0, then
                                                                 refractory
``nengo_spiking_rectified_linear``  whole units                  by each spike
``rockpool_lif``                    ``>=``, several spikes       by each spike's threshold
``sinabs_lif``                      ``>=``, several or one       by the threshold, or to 0
``nir_lif``                         ``>``, leaving               same step, by the threshold or to
                                                                 a value
==================================  ===========================  ===============================
"""

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
