"""The leaky integrate-and-fire neuron of NEST."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from fastlif.checks import Parameter, choice, duration, number, optional, parameter, steps_of
from fastlif.kernels import catalogue
from fastlif.kernels.compose import Rule
from fastlif.kernels.elementary import exp
from fastlif.neurons.base import Neuron

_TICS = 1000  # per millisecond; NEST rounds times to tics


@dataclass(frozen=True, eq=False)
class nest_iaf_psc_delta(Neuron):
    r"""NEST's neuron ``iaf_psc_delta``, with exact integration.

    .. math::

        b = P_{30}\,(i + I_e) + P_{33}\,u, \qquad P_{33} = e^{-\Delta t/\tau_m}, \qquad
        P_{30} = \frac{1 - P_{33}}{C_m}\,\tau_m

    **The membrane is relative to the resting potential**, as in NEST's state: ``V_m = E_L + mem``.
    A membrane below ``V_min`` is set to ``V_min``.

    **Spikes**: a step reports a spike if the membrane after integration reaches the threshold
    (``>=``), and resets it to ``V_reset`` in the same step. NEST gives this spike the time at which
    the step ends, ``(t + 1)*dt``.

    **Refractory period**: NEST rounds ``t_ref`` to microseconds, and then up to k whole steps. For
    k steps the membrane stays at ``V_reset`` and the input is lost. The shortest interval between
    two spikes is k + 1 steps, one more than in Brian2.

    Parameters
    ----------
    tau_m : float or array_like
        Membrane time constant (ms), positive.
    C_m : float or array_like
        Capacitance (pF), positive.
    t_ref : float or array_like
        Refractory period (ms), not negative.
    E_L : float or array_like
        Resting potential (mV).
    I_e : float or array_like
        Constant current (pA) in addition to the input.
    V_th, V_reset : float or array_like
        Threshold and reset potential (mV); ``V_reset`` must be less than ``V_th``.
    V_min : float or array_like, optional
        Lower bound of the membrane (mV).
    input : {"current", "spikes"}
        Whether the input is a current (pA), or weighted spikes that are added to the membrane (mV).
    dt : float
        Time step (ms), NEST's resolution: a whole number of microseconds.

    Raises
    ------
    TypeError
        If a parameter has a wrong type.
    ValueError
        If a parameter is NaN or out of its range.

    Notes
    -----
    Array parameters have one value per neuron and broadcast with the population. ``current[t]``
    acts in step t; NEST delivers the current of a generator one step after it is emitted.
    ``refractory_input`` is not supported.

    In float64, the spikes are equal to NEST's, and the membranes are bit-identical if the
    exponential that NEST uses is correctly rounded.

    References
    ----------
    NEST 3.10.0, ``iaf_psc_delta``.

    Examples
    --------
    >>> import numpy as np
    >>> from fastlif import presets
    >>> run = presets.nest_iaf_psc_delta().run(np.float64(500.0), steps=1000)
    >>> np.flatnonzero(run.spikes)[:3]
    array([138, 297, 456])
    >>> round(float(run.membrane[137] - 70), 2)  # V_m
    -55.03
    """

    time_unit: ClassVar[str] = "ms"
    tau_m: Parameter = 10.0
    C_m: Parameter = 250.0
    t_ref: Parameter = 2.0
    E_L: Parameter = -70.0
    I_e: Parameter = 0.0
    V_th: Parameter = -55.0
    V_min: Parameter | None = None
    V_reset: Parameter = -70.0
    input: str = "current"
    dt: float = 0.1
    held: Parameter = field(init=False, repr=False)  # length of the refractory period in steps

    def __post_init__(self) -> None:
        self._set(
            tau_m=parameter("tau_m", self.tau_m, above=0),
            C_m=parameter("C_m", self.C_m, above=0),
            t_ref=duration("t_ref", self.t_ref),
            E_L=parameter("E_L", self.E_L),
            I_e=parameter("I_e", self.I_e),
            V_th=parameter("V_th", self.V_th, finite=False),
            V_min=optional("V_min", self.V_min, finite=False),
            V_reset=parameter("V_reset", self.V_reset),
            input=choice("input", self.input, ("current", "spikes")),
            dt=number("dt", self.dt, above=0),
        )
        if np.any(np.asarray(self.V_reset) >= np.asarray(self.V_th)):
            raise ValueError(f"V_reset must be less than V_th={self.V_th!s}, got {self.V_reset!s}")
        step = float(self.dt) * _TICS
        if abs(step - round(step)) > 1e-6 * step:
            raise ValueError(f"dt must be a whole number of microseconds, got {self.dt!s} ms")
        # As NEST's class Time does: round to the nearest tic, then up to whole steps.
        tics = np.floor(np.asarray(self.t_ref, np.float64) * _TICS + 0.5)
        held = np.trunc((tics + (round(step) - 1)) * (1 / round(step)))
        object.__setattr__(self, "held", steps_of("t_ref/dt", held))

    @property
    def rule(self) -> Rule:
        """The update rule that the kernels apply."""
        rule = catalogue.NEST_IAF_PSC_DELTA[self.input]
        if self.V_min is None:
            rule = rule._replace(limit=None)
        return rule.refractory() if np.any(self.held) else rule

    def _derive(self, dtype: np.dtype[Any]) -> dict[str, ArrayLike | None]:
        tau_m, C_m, E_L, I_e, V_th, V_reset = (
            np.asarray(p, np.float64)
            for p in (self.tau_m, self.C_m, self.E_L, self.I_e, self.V_th, self.V_reset)
        )
        keep = exp(-np.float64(self.dt) / tau_m)
        gain = 1 / C_m * (1 - keep) * tau_m
        return {
            "threshold": V_th - E_L,
            "keep": keep,
            "gain": gain,
            "rest": I_e if self.input == "current" else gain * I_e,
            "reset": V_reset - E_L,
            "period": self.held,
            "minimum": None if self.V_min is None else np.asarray(self.V_min, np.float64) - E_L,
        }
