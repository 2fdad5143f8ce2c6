"""The neurons of Nengo."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from fastlif.checks import Parameter, duration, number, parameter
from fastlif.kernels import catalogue
from fastlif.kernels.elementary import expm1
from fastlif.neurons.base import Neuron


@dataclass(frozen=True, eq=False)
class nengo_lif(Neuron):
    r"""Nengo's neuron ``nengo.LIF``, whose spikes have times within a step.

    .. math:: b = u + (J - u)\left(1 - e^{-\delta/\tau_{rc}}\right)

    where :math:`\delta` is the part of the step in which the neuron is not refractory. The
    integration is exact for a current that is constant within a step.

    **Spikes**: a step reports a spike if the membrane rises above 1 (``>``), and resets it to 0 in
    the same step.

    **Refractory period**: the membrane stays at 0 and the input is lost for ``tau_ref`` after the
    time of the spike, which is ``dt + tau_rc*log1p(-(b - 1)/(J - 1))`` into the step. The neuron
    then integrates over the rest of the step. If ``tau_ref >= dt``, the firing rate is therefore
    that of the closed form ``1/(tau_ref + tau_rc*log1p(1/(J - 1)))``. ``State.refractory`` is
    Nengo's ``refractory_time`` (second).

    **Spike times**: a run that records "events" returns as ``run.offsets`` the time of each spike
    as a fraction of its step. It is the time from which the refractory period is counted, with the
    resolution of ``State.refractory``. It is 0 or 1 if a membrane entered the step above 1.

    Parameters
    ----------
    tau_rc : float or array_like
        Membrane time constant (second), positive.
    tau_ref : float or array_like
        Refractory period (second), not negative.
    min_voltage : float or array_like
        Lower bound of the membrane, at most 0; may be -inf.
    dt : float
        Time step (second), positive.

    Raises
    ------
    TypeError
        If a parameter has a wrong type.
    ValueError
        If a parameter is NaN or out of its range.

    Notes
    -----
    Array parameters have one value per neuron and broadcast with the population. The input ``J`` is
    the current after gain and bias. Nengo draws random initial voltages; here, a run starts at 0
    unless ``initial`` is given. Nengo's output is ``amplitude/dt`` in steps that fire.

    In float64, the spikes are equal to Nengo's, and the membranes are bit-identical if the
    functions ``expm1`` and ``log1p`` that Nengo uses are correctly rounded.

    References
    ----------
    Nengo 4.1.0, ``nengo.LIF.step``.

    Examples
    --------
    >>> import numpy as np
    >>> from fastlif import presets
    >>> run = presets.nengo_lif().run(np.float64(3.0), steps=1000, record="counts")
    >>> int(run.counts), round(1 / (0.002 + 0.02 * float(np.log1p(1 / 2))), 1)
    (99, 98.9)
    >>> run = presets.nengo_lif().run(np.float64(3.0), steps=30, record="events")
    >>> run.events.step, run.offsets.round(3)
    (array([ 8, 18, 28]), array([0.109, 0.219, 0.328]))
    >>> from fastlif import spikes
    >>> spikes.times(run, time_step=0.001).round(6)
    array([0.008109, 0.018219, 0.028328])
    """

    tau_rc: Parameter = 0.02
    tau_ref: Parameter = 0.002
    min_voltage: Parameter = 0.0
    dt: float = 0.001

    rule = catalogue.NENGO_LIF

    def __post_init__(self) -> None:
        self._set(
            tau_rc=parameter("tau_rc", self.tau_rc, above=0),
            tau_ref=duration("tau_ref", self.tau_ref),
            min_voltage=parameter("min_voltage", self.min_voltage, finite=False),
            dt=number("dt", self.dt, above=0),
        )
        if np.any(np.asarray(self.min_voltage) > 0):
            raise ValueError(f"min_voltage must be at most 0, got {np.max(self.min_voltage)!s}")

    def _derive(self, dtype: np.dtype[Any]) -> dict[str, ArrayLike]:
        tau_rc, dt = np.asarray(self.tau_rc, dtype), np.asarray(self.dt, dtype)
        return {
            "threshold": 1.0,
            "rate": -expm1(np.asarray(-dt / tau_rc, np.float64)),
            "step": dt,
            "tau": tau_rc,
            "reset": 0.0,
            "minimum": self.min_voltage,
            "period": self.tau_ref,
        }


@dataclass(frozen=True, eq=False)
class nengo_spiking_rectified_linear(Neuron):
    r"""Nengo's neuron ``nengo.SpikingRectifiedLinear``, which has no leak.

    .. math:: b = u + \max(J, 0)\,\Delta t, \qquad s = \lfloor b \rfloor

    A step reports s spikes, several if the rate is above 1/dt, and subtracts s from the membrane in
    the same step. ``run.spikes`` has dtype int32. There is no refractory period.

    Parameters
    ----------
    dt : float
        Time step (second), positive.

    Raises
    ------
    TypeError
        If ``dt`` is not one real number.
    ValueError
        If ``dt`` is NaN or out of its range.

    Notes
    -----
    A run starts at 0 unless ``initial`` is given. Nengo's output is ``s*amplitude/dt``. In float64,
    spikes and membranes are bit-identical to Nengo's.

    References
    ----------
    Nengo 4.1.0, ``nengo.SpikingRectifiedLinear.step``.

    Examples
    --------
    >>> import numpy as np
    >>> from fastlif import presets
    >>> presets.nengo_spiking_rectified_linear().run(np.float64(1500.0), steps=4).spikes
    array([1, 2, 1, 2], dtype=int32)
    """

    dt: float = 0.001

    rule = catalogue.NENGO_SPIKING_RECTIFIED_LINEAR

    def __post_init__(self) -> None:
        self._set(dt=number("dt", self.dt, above=0))

    def _derive(self, dtype: np.dtype[Any]) -> dict[str, ArrayLike]:
        return {"threshold": 1.0, "keep": 1.0, "step": self.dt, "most": 2.0**30}
