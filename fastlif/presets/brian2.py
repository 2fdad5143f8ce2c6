"""The leaky integrate-and-fire neuron of Brian2."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from fastlif.checks import Parameter, choice, duration, number, parameter, steps_of
from fastlif.kernels import catalogue
from fastlif.kernels.compose import Rule
from fastlif.kernels.elementary import exp
from fastlif.neurons.base import Neuron


@dataclass(frozen=True, eq=False)
class brian2_lif(Neuron):
    r"""Brian2's neuron ``dv/dt = (v_rest - v + R*I)/tau``.

    .. math::

        b = u_\infty + (u - u_\infty)\,e^{-\Delta t/\tau} \quad\text{or}\quad
        b = u + \frac{\Delta t}{\tau}(u_\infty - u), \qquad u_\infty = u_{rest} + R i

    with ``method="exact"`` and ``method="euler"``. In Brian2, this neuron has
    ``threshold="v > v_th"``, ``reset="v = v_reset"`` and, with a refractory period, the flag
    ``(unless refractory)``. The current is constant within a step.

    **Spikes**: a step reports a spike if the membrane after integration is above the threshold
    (``>``), and resets it in the same step. Brian2 gives this spike the time at which the step
    begins, ``t*dt``.

    **Refractory period**: Brian2 uses ``k = floor(refractory/dt + 0.001)`` steps. The membrane
    stays at ``v_reset`` and the input is lost for k - 1 steps. The shortest interval between two
    spikes is k steps, or 1 step if k is 0.

    Parameters
    ----------
    tau : float or array_like
        Membrane time constant (second), positive.
    v_rest, v_th, v_reset : float or array_like
        Resting, threshold and reset potential. A run starts at ``v_rest``.
    R : float or array_like
        Resistance.
    refractory : float or array_like
        Refractory period (second), not negative.
    method : {"exact", "euler"}
        Integration method.
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
    Array parameters have one value per neuron and broadcast with the population. Brian2 orders the
    operations differently if one of ``tau``, ``v_rest`` and ``R`` has one value per neuron; so does
    this preset.

    In float64, the spikes are equal to Brian2's, and the membranes are bit-identical if the
    exponential that Brian2 uses is correctly rounded.

    References
    ----------
    Brian2 2.9.0, NumPy target. The C++ and Cython targets let the compiler reorder operations,
    which changes the last bits.

    Examples
    --------
    >>> import numpy as np
    >>> from fastlif import presets
    >>> neuron = presets.brian2_lif(tau=0.01, refractory=0.002, dt=1e-3)
    >>> np.flatnonzero(neuron.run(2.0, steps=40).spikes)
    array([ 6, 14, 22, 30, 38])
    """

    tau: Parameter = 0.01
    v_rest: Parameter = 0.0
    v_th: Parameter = 1.0
    v_reset: Parameter = 0.0
    R: Parameter = 1.0
    refractory: Parameter = 0.0
    method: str = "exact"
    dt: float = 1e-4
    held: Parameter = field(init=False, repr=False)  # length of the refractory period in steps

    _rests_at: ClassVar = "v_rest"

    def __post_init__(self) -> None:
        self._set(
            tau=parameter("tau", self.tau, above=0),
            v_rest=parameter("v_rest", self.v_rest),
            v_th=parameter("v_th", self.v_th, finite=False),
            v_reset=parameter("v_reset", self.v_reset),
            R=parameter("R", self.R),
            refractory=duration("refractory", self.refractory),
            method=choice("method", self.method, ("exact", "euler")),
            dt=number("dt", self.dt, above=0),
        )
        object.__setattr__(self, "held", self._held_steps())

    def _held_steps(self) -> Parameter:
        dt = np.asarray(self.dt, np.float64)
        count = np.trunc((np.asarray(self.refractory, np.float64) + 1e-3 * dt) / dt)
        return steps_of("refractory/dt", np.maximum(count - 1, 0))

    @property
    def rule(self) -> Rule:
        """The update rule that the kernels apply."""
        each = any(isinstance(p, np.ndarray) for p in (self.tau, self.v_rest, self.R))
        rule = catalogue.BRIAN2_LIF[self.method, each]
        return rule.refractory() if np.any(self.held) else rule

    def _derive(self, dtype: np.dtype[Any]) -> dict[str, ArrayLike]:
        dt, tau = np.asarray(self.dt, dtype), np.asarray(self.tau, dtype)
        return {
            "threshold": self.v_th,
            "gain": self.R,
            "rest": self.v_rest,
            "rate": dt / tau,
            "keep": exp(np.asarray(-dt / tau, np.float64)),
            "step": dt,
            "tau": tau,
            "reset": self.v_reset,
            "period": self.held,
        }
