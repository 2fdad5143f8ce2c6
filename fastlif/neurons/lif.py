"""The general leaky integrate-and-fire neuron."""

from __future__ import annotations

import functools
import operator
from dataclasses import KW_ONLY, dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from fastlif.checks import Parameter, choice, duration, flag, optional, parameter, steps_of, whole
from fastlif.kernels import orders, rules
from fastlif.kernels.compose import Rule
from fastlif.kernels.elementary import expm1
from fastlif.neurons.base import Neuron
from fastlif.neurons.circuit import combined, ratio, warn_reset, warn_unstable

RESETS = {
    "subtract": rules.by_threshold,
    "zero": rules.to_zero,
    "none": rules.not_reset,
    "value": rules.to_value,
}
ORDERS = {"entering": orders.entering, "at_once": orders.at_once, "delayed": orders.delayed}
WHILE_REFRACTORY = {"hold": rules.held, "integrate": rules.integrated}


@dataclass(frozen=True, eq=False)
class LIF(Neuron):
    r"""General RC-circuit neuron; by default bit-for-bit equal to ``leaky_integrate_and_fire``.

    .. math::

        s = [u > \theta], \qquad b = u + \rho\,(u_0 + iR - u)

    with :math:`\rho = \Delta t/RC` (Euler) or :math:`1 - e^{-\Delta t/RC}` (exact for a current
    that is constant within a step). The membrane leaving the step is ``b - s*threshold``
    ("subtract"), ``b - s*b`` ("zero"), ``reset_to`` if the neuron fired ("value"), or ``b``
    ("none", the tutorial's passive ``leaky_integrate_neuron``).

    **When a spike is reported**: by default, a step reports a spike, and resets the membrane, if
    the membrane *entering* it is above the threshold. This is one step later than
    :class:`Lapicque`, which describes the same circuit. ``order`` selects:

    ===========  ==============================================  =================
    order        membrane that is tested by the step that        the reset follows
                 reports the spike
    ===========  ==============================================  =================
    "entering"   the membrane entering the step                  in that step
    "at_once"    the membrane leaving the step, before its       in that step
                 reset (most simulators)
    "delayed"    the membrane leaving the step                   in the next step
    ===========  ==============================================  =================

    "entering" and "delayed" have identical membranes.

    Parameters
    ----------
    threshold : float or array_like
        Membrane potential (volt) above which the neuron fires; may be infinite.
    time_step : float or array_like
        Time step (second), positive.
    R, C : float or array_like, optional
        Resistance (ohm) and capacitance (farad), positive. The defaults are the tutorial's, 5.1 and
        5e-3; with ``tau``, the default of ``R`` is 1.
    reset_mechanism : {"subtract", "zero", "none", "value"}
        How a spike resets the membrane.
    integration : {"euler", "exact"}
        Integration method.
    rest : float or array_like
        Resting potential (volt), to which the membrane decays and at which a run starts.
    reset_to : float or array_like, optional
        Potential (volt) after a reset with "value". The default is ``rest``.
    reset_by : float or array_like, optional
        Amount (volt) that "subtract" subtracts. The default is the threshold.
    input : {"current", "voltage"}
        Whether the input is a current (ampere) that flows during the whole step, or a voltage
        (volt) that is added to the membrane at the end of the step, such as weighted spikes.
    order : {"entering", "at_once", "delayed"}
        When a spike is tested, reported and reset; see the table above.
    inclusive : bool
        If True, the neuron fires if the membrane reaches the threshold (``>=``), and not only if it
        is above the threshold (``>``).
    refractory : int or array_like
        Number of steps, after the step of the reset, in which the neuron cannot fire. The shortest
        interval between two spikes is ``refractory + 1`` steps.
    refractory_time : float or array_like, optional
        Refractory period (in the unit of ``time_step``), instead of ``refractory``; rounded to the
        nearest number of steps, which is 0 for less than half a step.
    while_refractory : {"hold", "integrate"}
        "hold": the membrane of a refractory neuron stays constant, and its input is lost.
        "integrate": the membrane integrates its input, but the neuron cannot fire.
    floor : float or array_like, optional
        Lower bound (volt) of the membrane leaving a step.
    within_step : bool
        If True, spikes have times within a step, as in Nengo. The membrane is held for
        ``refractory_time`` from the time at which it crosses the threshold, and integrates over the
        rest of the step. Firing rates follow the closed form if the refractory period is at least
        one step, because the rest of the step that fires is never integrated. A run that records
        "events" returns the times as ``run.offsets``, fractions of the step. Requires
        ``integration="exact"``, ``order="at_once"`` and a reset to "zero" or "value".
    max_spikes : int
        Maximum number of spikes per step. If it is greater than 1, a step fires
        ``floor(u/threshold)`` times, at most ``max_spikes``, if the membrane reaches the threshold.
        Requires ``order="at_once"`` and the reset "subtract".
    tau : float or array_like, optional
        Membrane time constant ``R*C`` (second), positive, instead of ``C``.

    Raises
    ------
    TypeError
        If a parameter has a wrong type.
    ValueError
        If a parameter is NaN or out of its range, or if parameters cannot be combined.

    Warns
    -----
    UserWarning
        If ``time_step`` is longer than ``R*C`` with ``integration="euler"``, which then overshoots.
        If the resting potential or the reset is not below the threshold, or if "subtract" does not
        lower the membrane because the threshold is negative: give ``reset_by``, or use "value".

    See Also
    --------
    Lapicque : The same circuit as in snnTorch; reports a spike one step earlier.
    fastlif.presets : The neurons of other simulators.

    Notes
    -----
    Parameters are cast to the dtype of the computation, float32 or float64. As in the tutorial, and
    by NumPy's rules, ``time_step/(R*C)`` of three Python numbers is computed in float64 and then
    cast; if one of them is an array, it is computed in the dtype of the computation. Array
    parameters have one value per neuron and broadcast with the population.

    References
    ----------
    snnTorch tutorial 2, ``leaky_integrate_and_fire``.

    Examples
    --------
    >>> import numpy as np, fastlif
    >>> cur_in = np.concatenate((np.zeros(10), np.full(190, 0.2))).astype(np.float32)
    >>> run = fastlif.LIF(R=5.1, C=5e-3, time_step=1e-3, threshold=1.0).run(cur_in)
    >>> np.flatnonzero(run.spikes)
    array([109])

    The same circuit with exact integration, an immediate reset to -0.2 V, and a refractory period
    of 5 ms:

    >>> neuron = fastlif.LIF(
    ...     integration="exact", order="at_once", reset_mechanism="value", reset_to=-0.2,
    ...     refractory_time=5e-3,
    ... )
    >>> run = neuron.run(np.float32(0.4), steps=100)
    >>> np.flatnonzero(run.spikes)
    array([17, 42, 67, 92])
    >>> run.membrane[17:24].round(2)
    array([-0.2 , -0.2 , -0.2 , -0.2 , -0.2 , -0.2 , -0.11], dtype=float32)
    """

    threshold: Parameter = 1.0
    time_step: Parameter = 1e-3
    R: Parameter | None = None
    C: Parameter | None = None
    reset_mechanism: str = "subtract"
    _: KW_ONLY
    integration: str = "euler"
    rest: Parameter = 0.0
    reset_to: Parameter | None = None
    reset_by: Parameter | None = None
    input: str = "current"
    order: str = "entering"
    inclusive: bool = False
    refractory: Parameter = 0
    refractory_time: Parameter | None = None
    while_refractory: str = "hold"
    floor: Parameter | None = None
    within_step: bool = False
    max_spikes: int = 1
    tau: Parameter | None = None

    _rests_at: ClassVar = "rest"

    _learned: ClassVar = {"threshold": "threshold"}

    def __post_init__(self) -> None:
        time = self.refractory_time
        if self.tau is not None and self.C is not None:
            raise ValueError(
                "tau replaces C (C = tau/R); they cannot be combined, "
                f"got tau={self.tau!r} and C={self.C!r}"
            )
        R, C = (5.1, 5e-3) if self.tau is None else (1.0, None)
        self._set(
            threshold=parameter("threshold", self.threshold, finite=False),
            time_step=parameter("time_step", self.time_step, above=0),
            R=parameter("R", R if self.R is None else self.R, above=0),
            C=optional("C", C if self.C is None else self.C, above=0),
            tau=optional("tau", self.tau, above=0),
            reset_mechanism=choice("reset_mechanism", self.reset_mechanism, tuple(RESETS)),
            integration=choice("integration", self.integration, ("euler", "exact")),
            rest=parameter("rest", self.rest),
            reset_to=optional("reset_to", self.reset_to),
            reset_by=optional("reset_by", self.reset_by),
            input=choice("input", self.input, ("current", "voltage")),
            order=choice("order", self.order, tuple(ORDERS)),
            inclusive=flag("inclusive", self.inclusive),
            refractory=steps_of("refractory", self.refractory),
            refractory_time=None if time is None else duration("refractory_time", time),
            while_refractory=choice(
                "while_refractory", self.while_refractory, tuple(WHILE_REFRACTORY)
            ),
            floor=optional("floor", self.floor, finite=False),
            within_step=flag("within_step", self.within_step),
            max_spikes=whole("max_spikes", self.max_spikes, 1, 2**30),
        )
        self._check_combination()
        if self.integration == "euler":
            share = ratio(np.float64(self.time_step), np.float64(self._tau()))
            warn_unstable(share, "R*C" if self.tau is None else "tau")
        if self.reset_mechanism == "subtract":
            by = self.threshold if self.reset_by is None else self.reset_by
            warn_reset(self.threshold, self.rest, by=by)
        elif self.reset_mechanism != "none":
            reset = self._reset_constant()
            warn_reset(self.threshold, self.rest, to=0.0 if reset is None else reset)

    def _check_combination(self) -> None:
        """Raise ValueError if parameters cannot be combined."""
        period = self._period
        if self.reset_to is not None and self.reset_mechanism != "value":
            raise ValueError(
                f"reset_to requires reset_mechanism='value', got {self.reset_mechanism!r}"
            )
        if self.reset_by is not None and self.reset_mechanism != "subtract":
            raise ValueError(
                f"reset_by requires reset_mechanism='subtract', got {self.reset_mechanism!r}"
            )
        if self.refractory_time is not None and np.any(self.refractory):
            raise ValueError(
                "refractory (in steps) and refractory_time cannot be combined, "
                f"got {self.refractory!s} and {self.refractory_time!s}"
            )
        if self.within_step and (
            (self.integration, self.order, self.input) != ("exact", "at_once", "current")
            or self.reset_mechanism not in ("zero", "value")
            or self.while_refractory != "hold"
            or np.any(self.refractory)
        ):
            got = self._listed(
                "integration", "order", "input", "reset_mechanism", "while_refractory", "refractory"
            )
            raise ValueError(
                "within_step requires integration='exact', order='at_once', input='current', "
                "reset_mechanism='zero' or 'value', while_refractory='hold' and refractory=0 (use "
                f"refractory_time), got {got}"
            )
        if self.max_spikes > 1 and (
            (self.order, self.reset_mechanism) != ("at_once", "subtract")
            or self.reset_by is not None
            or period is not None
            or not np.all(np.asarray(self.threshold) > 0)
        ):
            got = self._listed(
                "order", "reset_mechanism", "reset_by", "threshold", "refractory", "refractory_time"
            )
            raise ValueError(
                "max_spikes > 1 requires order='at_once', reset_mechanism='subtract' without "
                f"reset_by, threshold > 0 and no refractory period, got {got}"
            )

    def _listed(self, *names: str) -> str:
        """List parameters for an error message."""
        return ", ".join(f"{name}={getattr(self, name)!r}" for name in names)

    @functools.cached_property
    def _period(self) -> Parameter | None:
        """The refractory period: in steps, or in seconds if spikes have times within a step."""
        if self.within_step:
            return 0.0 if self.refractory_time is None else self.refractory_time
        if self.refractory_time is None:
            return self.refractory if np.any(self.refractory) else None
        steps_exactly = np.asarray(self.refractory_time, np.float64) / np.asarray(
            self.time_step, np.float64
        )
        steps = steps_of("refractory_time/time_step", np.rint(steps_exactly))
        return steps if np.any(steps) else None

    @functools.cached_property
    def rule(self) -> Rule:
        """The update rule that the kernels apply."""
        several = self.max_spikes > 1
        reset = RESETS[self.reset_mechanism]
        if self.reset_by is not None:
            reset = rules.by_amount
        if self.input == "voltage":
            drive, charge = rules.raw, rules.leaked_and_jumped
        else:
            drive = rules.to_target if np.any(self.rest) else rules.times_gain
            charge = rules.relaxed
        rule = Rule(
            drive,
            ORDERS[self.order],
            charge,
            rules.how_often if several else rules.reached if self.inclusive else rules.above,
            rules.by_each_threshold if several else reset,
            limit=None if self.floor is None else rules.floored,
        )
        if self.within_step:
            states = ("mem", "refractory")
            return rule._replace(order=orders.within_step, charge=None, states=states)
        if self._period is None:
            return rule
        return rule.refractory(WHILE_REFRACTORY[self.while_refractory])

    def _derive(self, dtype: np.dtype[Any]) -> dict[str, ArrayLike | None]:
        tau = self._tau(dtype)
        share = ratio(self.time_step, tau, dtype)
        exact = self.integration == "exact"
        return {
            "threshold": self.threshold,
            "gain": self.R,
            "rate": -expm1(-share.astype(np.float64)) if exact else share,
            "rest": self.rest,
            "reset": self._reset_constant(),
            "minimum": self.floor,
            "period": self._period,
            "most": float(self.max_spikes),
            "step": self.time_step,
            "tau": np.asarray(tau),
        }

    def _tau(self, dtype: DTypeLike = np.float64) -> Any:
        """Return the membrane time constant."""
        if self.tau is not None:
            return self.tau if isinstance(self.tau, float) else np.asarray(self.tau, dtype)
        return combined(operator.mul, self.R, self.C, dtype)

    def _reset_constant(self) -> Parameter | None:
        if self.reset_mechanism == "value":
            return self.rest if self.reset_to is None else self.reset_to
        return self.reset_by
