"""Nengo's neurons."""

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
    r"""``nengo.LIF``, whose spikes are timed within a step, bit for bit in float64.

    .. math:: b = u + (J - u)\left(1 - e^{-\delta/\tau_{rc}}\right)

    where :math:`\delta` is the part of the step in which the neuron is not refractory; exact for a
    current that is constant within a step. A step reports a spike where the membrane rises above
    1 (``>``), and resets it to 0 in the same step.

    **Refractory**: for ``tau_ref`` from the very moment of the spike,
    ``dt + tau_rc*log1p(-(b - 1)/(J - 1))`` into the step, the membrane is held at 0 and the input
    lost; then it integrates for what is left of the step. So where ``tau_ref >= dt`` the rate
    follows the closed form ``1/(tau_ref + tau_rc*log1p(1/(J - 1)))``. ``State.refractory`` is
    Nengo's refractory_time.

    Checked with Nengo 4.1.0. ``J`` is the current after gain and bias. Nengo draws initial
    voltages at random; here a run starts from 0 unless ``initial`` says otherwise. Nengo's output
    is ``amplitude/dt`` where spikes are.

    Parameters
    ----------
    tau_rc : float or array_like
        Membrane time constant (second), positive.
    tau_ref : float or array_like
        Refractory period (second).
    min_voltage : float or array_like
        Floor of the membrane, at most 0; may be -inf.
    dt : float
        Step (second), positive.

    Raises
    ------
    TypeError, ValueError
        If a parameter is not a real number, NaN or out of its range.

    Examples
    --------
    >>> import numpy as np
    >>> from fastlif import presets
    >>> run = presets.nengo_lif().run(np.float64(3.0), steps=1000, record="counts")
    >>> int(run.counts), round(1 / (0.002 + 0.02 * float(np.log1p(1 / 2))), 1)
    (99, 98.9)
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
    r"""``nengo.SpikingRectifiedLinear``, which does not leak, bit for bit in float64.

    .. math:: b = u + \max(J, 0)\,\Delta t, \qquad s = \lfloor b \rfloor

    A step reports s spikes, several where the rate is above 1/dt: ``run.spikes`` is int32. They
    are subtracted in the same step. No refractory period. Checked with Nengo 4.1.0; a run starts
    from 0 unless ``initial`` says otherwise. Nengo's output is ``amplitude/dt`` times s.

    Parameters
    ----------
    dt : float
        Step (second), positive.

    Raises
    ------
    TypeError, ValueError
        If a parameter is not a real number, NaN or out of its range.

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
