"""The neurons of NIR, the Neuromorphic Intermediate Representation, as Euler steps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from fastlif.checks import Numbers, Parameter, number, optional, parameter
from fastlif.kernels import catalogue
from fastlif.kernels.compose import Rule
from fastlif.neurons.base import Neuron


def _rate(dt: float, tau: Parameter, dtype: np.dtype[Any]) -> Numbers:
    return np.asarray(np.asarray(dt, dtype) * (dtype.type(1) / np.asarray(tau, dtype)))


@dataclass(frozen=True, eq=False)
class nir_lif(Neuron):
    r"""NIR's node ``LIF``, integrated with Euler steps as in Norse.

    .. math:: b = u + \frac{\Delta t}{\tau}(u_{leak} + R i - u)

    NIR gives the equation in continuous time and leaves the time step to the simulator.

    **Spikes**: a step reports a spike if the membrane after integration is above the threshold
    (``>``), and resets it in the same step: to ``v_reset`` or, if ``v_reset`` is None, by the
    threshold. (Reset by the threshold is the rule of NIR up to 1.0.5, which has no ``v_reset``.)
    There is no refractory period.

    Parameters
    ----------
    tau : float or array_like
        Membrane time constant (second), positive.
    r : float or array_like
        Resistance.
    v_leak, v_threshold : float or array_like
        Leak and threshold potential. A run starts at ``v_leak``.
    v_reset : float or array_like, optional
        Potential after a spike. By default, the threshold is subtracted.
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
    Array parameters have one value per neuron and broadcast with the population. In float32, spikes
    and membranes are bit-identical to those of Norse's import of NIR nodes, with resets by the
    threshold and to 0. Other values of ``v_reset`` are not compared with Norse.

    References
    ----------
    Norse 1.1.0, ``norse.torch.from_nir``.

    Examples
    --------
    >>> import numpy as np
    >>> from fastlif import presets
    >>> run = presets.nir_lif(tau=0.01, r=2.0).run(np.float32(0.8), steps=40)
    >>> np.flatnonzero(run.spikes)
    array([ 9, 19, 28, 38])
    """

    tau: Parameter = 0.02
    r: Parameter = 1.0
    v_leak: Parameter = 0.0
    v_threshold: Parameter = 1.0
    v_reset: Parameter | None = None
    dt: float = 0.001

    _rests_at: ClassVar = "v_leak"

    def __post_init__(self) -> None:
        self._set(
            tau=parameter("tau", self.tau, above=0),
            r=parameter("r", self.r),
            v_leak=parameter("v_leak", self.v_leak),
            v_threshold=parameter("v_threshold", self.v_threshold, finite=False),
            v_reset=optional("v_reset", self.v_reset),
            dt=number("dt", self.dt, above=0),
        )

    @property
    def rule(self) -> Rule:
        """The update rule that the kernels apply."""
        return catalogue.NIR_LIF[self.v_reset is not None]

    def _derive(self, dtype: np.dtype[Any]) -> dict[str, ArrayLike | None]:
        return {
            "threshold": self.v_threshold,
            "gain": self.r,
            "rate": _rate(self.dt, self.tau, dtype),
            "rest": self.v_leak,
            "reset": self.v_reset,
        }


@dataclass(frozen=True, eq=False)
class nir_if(Neuron):
    r"""NIR's node ``IF``, which has no leak, integrated with Euler steps.

    .. math:: b = u + R\,\Delta t\, i

    **Spikes**: a step reports a spike if the membrane after integration is above the threshold
    (``>``), and resets it in the same step: to ``v_reset`` or, if ``v_reset`` is None, by the
    threshold. There is no refractory period. A run starts at 0.

    Parameters
    ----------
    r : float or array_like
        Resistance (1/second).
    v_threshold : float or array_like
        Threshold.
    v_reset : float or array_like, optional
        Potential after a spike. By default, the threshold is subtracted.
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
    Array parameters have one value per neuron and broadcast with the population. This neuron is
    compared with its equation only, not with another simulator.

    Examples
    --------
    >>> import numpy as np
    >>> from fastlif import presets
    >>> presets.nir_if(r=1000.0).run(np.float32(0.75), steps=4).spikes
    array([False,  True,  True, False])
    """

    r: Parameter = 1.0
    v_threshold: Parameter = 1.0
    v_reset: Parameter | None = None
    dt: float = 0.001

    def __post_init__(self) -> None:
        self._set(
            r=parameter("r", self.r),
            v_threshold=parameter("v_threshold", self.v_threshold, finite=False),
            v_reset=optional("v_reset", self.v_reset),
            dt=number("dt", self.dt, above=0),
        )

    @property
    def rule(self) -> Rule:
        """The update rule that the kernels apply."""
        return catalogue.NIR_IF[self.v_reset is not None]

    def _derive(self, dtype: np.dtype[Any]) -> dict[str, ArrayLike | None]:
        return {
            "threshold": self.v_threshold,
            "keep": 1.0,
            "gain": np.asarray(self.r, np.float64) * self.dt,
            "reset": self.v_reset,
        }


@dataclass(frozen=True, eq=False)
class nir_li(Neuron):
    r"""NIR's node ``LI``, a leaky integrator that never fires, integrated with Euler steps.

    .. math:: b = u + \frac{\Delta t}{\tau}(u_{leak} + R i - u)

    Parameters
    ----------
    tau : float or array_like
        Membrane time constant (second), positive.
    r : float or array_like
        Resistance.
    v_leak : float or array_like
        Leak potential, at which a run starts.
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
    Array parameters have one value per neuron and broadcast with the population. This neuron is
    compared with its equation and with :class:`fastlif.LIF` only, not with another simulator.

    Examples
    --------
    >>> import numpy as np
    >>> from fastlif import presets
    >>> presets.nir_li(tau=0.002, r=2.0).run(np.float32(1.0), steps=4).membrane
    array([1.   , 1.5  , 1.75 , 1.875], dtype=float32)
    """

    tau: Parameter = 0.02
    r: Parameter = 1.0
    v_leak: Parameter = 0.0
    dt: float = 0.001

    _rests_at: ClassVar = "v_leak"

    rule = catalogue.NIR_LI

    def __post_init__(self) -> None:
        self._set(
            tau=parameter("tau", self.tau, above=0),
            r=parameter("r", self.r),
            v_leak=parameter("v_leak", self.v_leak),
            dt=number("dt", self.dt, above=0),
        )

    def _derive(self, dtype: np.dtype[Any]) -> dict[str, ArrayLike | None]:
        return {
            "threshold": np.inf,
            "gain": self.r,
            "rate": _rate(self.dt, self.tau, dtype),
            "rest": self.v_leak,
        }


@dataclass(frozen=True, eq=False)
class nir_cuba_lif(Neuron):
    r"""NIR's node ``CubaLIF``, with a synaptic current, integrated with Euler steps.

    .. math::

        I \leftarrow I + \frac{\Delta t}{\tau_{syn}}(w_{in} i - I), \qquad
        b = u + \frac{\Delta t}{\tau_{mem}}(u_{leak} + R I - u)

    The membrane receives the synaptic current of the same step. Spikes and resets are those of
    :class:`nir_lif`; a spike does not reset the synaptic current. A run starts at ``v_leak`` with
    no synaptic current.

    Parameters
    ----------
    tau_syn, tau_mem : float or array_like
        Time constants of the synapse and the membrane (second), positive.
    r : float or array_like
        Resistance.
    v_leak, v_threshold : float or array_like
        Leak and threshold potential.
    w_in : float or array_like
        Weight of the input.
    v_reset : float or array_like, optional
        Potential after a spike. By default, the threshold is subtracted.
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
    Array parameters have one value per neuron and broadcast with the population. Compared with 6
    neurons x 200 steps of snnTorch's ``Synaptic`` neuron, exported to NIR: equal spikes, and
    membranes and the final synaptic current within 1e-5. In Norse's import, the synaptic current
    decays to ``v_leak`` and not to 0 as NIR specifies; this preset follows NIR.

    References
    ----------
    snnTorch 1.0.0, ``snntorch.Synaptic`` and ``snntorch.export_nir``.

    Examples
    --------
    >>> import numpy as np
    >>> from fastlif import presets
    >>> run = presets.nir_cuba_lif(tau_syn=0.004, tau_mem=0.01).run(np.float32(2.0), steps=30)
    >>> np.flatnonzero(run.spikes)
    array([ 9, 16, 23])
    """

    tau_syn: Parameter = 0.005
    tau_mem: Parameter = 0.02
    r: Parameter = 1.0
    v_leak: Parameter = 0.0
    v_threshold: Parameter = 1.0
    w_in: Parameter = 1.0
    v_reset: Parameter | None = None
    dt: float = 0.001

    _rests_at: ClassVar = "v_leak"

    def __post_init__(self) -> None:
        self._set(
            tau_syn=parameter("tau_syn", self.tau_syn, above=0),
            tau_mem=parameter("tau_mem", self.tau_mem, above=0),
            r=parameter("r", self.r),
            v_leak=parameter("v_leak", self.v_leak),
            v_threshold=parameter("v_threshold", self.v_threshold, finite=False),
            w_in=parameter("w_in", self.w_in),
            v_reset=optional("v_reset", self.v_reset),
            dt=number("dt", self.dt, above=0),
        )

    @property
    def rule(self) -> Rule:
        """The update rule that the kernels apply."""
        return catalogue.NIR_CUBA_LIF[self.v_reset is not None]

    def _derive(self, dtype: np.dtype[Any]) -> dict[str, ArrayLike | None]:
        return {
            "threshold": self.v_threshold,
            "weight": self.w_in,
            "decay": _rate(self.dt, self.tau_syn, dtype),
            "gain": self.r,
            "rate": _rate(self.dt, self.tau_mem, dtype),
            "rest": self.v_leak,
            "reset": self.v_reset,
        }
