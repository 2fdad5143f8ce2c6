"""The general leaky integrate-and-fire neuron, which by default is the notebook's."""

import functools
from dataclasses import KW_ONLY, dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from fastlif.checks import Parameter, choice, duration, flag, optional, parameter, steps_of, whole
from fastlif.kernels import orders, rules
from fastlif.kernels.compose import Rule
from fastlif.kernels.elementary import expm1
from fastlif.neurons.base import Neuron
from fastlif.neurons.circuit import ratio, warn_unstable

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
    r"""The RC-circuit neuron; by default the notebook's ``leaky_integrate_and_fire``, to the bit.

    .. math::

        s = [u > \theta], \qquad b = u + \rho\,(u_0 + iR - u)

    with :math:`\rho = \Delta t/RC` (Euler) or :math:`1 - e^{-\Delta t/RC}` (exact for a current
    that is constant within a step), and the membrane that leaves the step is ``b - s*threshold``
    ("subtract"), ``b - s*b`` ("zero"), ``reset_to`` where it fired ("value") or ``b`` ("none": the
    notebook's passive ``leaky_integrate_neuron``).

    **When a spike is reported**: by default, by the step that the membrane *enters* above the
    threshold, which is also the one that resets it: one step later than :class:`Lapicque`, the
    same circuit. ``order`` chooses:

    ===========  ==============================================  =================
    order        a spike is tested on, and reported by the       the reset follows
                 step of
    ===========  ==============================================  =================
    "entering"   the membrane entering the step                  in that step
    "at_once"    the membrane leaving the step, before its       in that step
                 reset (most simulators)
    "delayed"    the membrane leaving the step                   in the next step
    ===========  ==============================================  =================

    "entering" and "delayed" have the same membranes.

    Parameters
    ----------
    threshold : float or array_like
        Membrane potential (volt) above which the neuron fires; may be infinite.
    time_step : float or array_like
        Step (second), positive.
    R, C : float or array_like
        Resistance (ohm) and capacitance (farad), positive.
    reset_mechanism : {"subtract", "zero", "none", "value"}
        What a spike does to the membrane.
    integration : {"euler", "exact"}
        How a step is integrated.
    rest : float or array_like
        Resting potential (volt), to which the membrane leaks and from which a run starts.
    reset_to : float or array_like, optional
        Where "value" resets the membrane to; ``rest`` if left out.
    reset_by : float or array_like, optional
        What "subtract" subtracts; the threshold if left out.
    input : {"current", "voltage"}
        Whether the input is a current that flows for the whole step (ampere), or what is added to
        the membrane at its end (volt): weighted spikes.
    order : {"entering", "at_once", "delayed"}
        See the table above.
    inclusive : bool
        Fire where the membrane reaches the threshold (``>=``), not only above it (``>``).
    refractory : int or array_like
        In how many steps after the one that resets it a neuron cannot fire. The least interval
        between two spikes is ``refractory + 1`` steps.
    refractory_time : float or array_like, optional
        The same in seconds, rounded to the nearest whole number of steps.
    while_refractory : {"hold", "integrate"}
        A refractory neuron's membrane stays where the reset left it, and its input is lost; or it
        integrates on, and only cannot fire.
    floor : float or array_like, optional
        The membrane (volt) never leaves a step below it.
    within_step : bool
        Spikes are timed between steps, as Nengo does: with ``integration="exact"``,
        ``order="at_once"`` and a reset to "zero" or "value", the membrane is held for
        ``refractory_time`` from the very moment at which it crossed the threshold, and integrates
        for what is left of a step. Rates follow the closed form where the period is at least a
        step: what is left of the spike's own step is never integrated.
    max_spikes : int
        More than 1: a step fires ``floor(u/threshold)`` times, up to that often, if the membrane
        reaches the threshold. With ``order="at_once"`` and "subtract" only.

    Notes
    -----
    Parameters are cast to the state's dtype, float32 or float64. As in the notebook, and by
    NumPy's rules, ``time_step/(R*C)`` of three Python numbers is computed in double precision and
    cast then; if one is an array, in the state's dtype. Arrays have a value for each neuron and
    broadcast with the population.

    :mod:`fastlif.presets` has the neurons of other simulators, exactly.

    Raises
    ------
    TypeError, ValueError
        If a parameter is not a real number, NaN or out of its range, or if two do not go together.

    Warns
    -----
    UserWarning
        If time_step is longer than R*C and the integration Euler's: it overshoots.

    Examples
    --------
    >>> import numpy as np, fastlif
    >>> cur_in = np.concatenate((np.zeros(10), np.full(190, 0.2))).astype(np.float32)
    >>> run = fastlif.LIF(R=5.1, C=5e-3, time_step=1e-3, threshold=1.0).run(cur_in)
    >>> np.flatnonzero(run.spikes)
    array([109])

    The same circuit integrated exactly, reset to -0.2 V at once, then refractory for 5 ms:

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
    R: Parameter = 5.1
    C: Parameter = 5e-3
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

    _rests_at: ClassVar = "rest"

    def __post_init__(self) -> None:
        time = self.refractory_time
        self._set(
            threshold=parameter("threshold", self.threshold, finite=False),
            time_step=parameter("time_step", self.time_step, above=0),
            R=parameter("R", self.R, above=0),
            C=parameter("C", self.C, above=0),
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
            while_refractory=choice("while_refractory", self.while_refractory, tuple(WHILE_REFRACTORY)),
            floor=optional("floor", self.floor, finite=False),
            within_step=flag("within_step", self.within_step),
            max_spikes=whole("max_spikes", self.max_spikes, 1, 2**30),
        )
        self._check_combination()
        if self.integration == "euler":
            warn_unstable(ratio(*(np.float64(p) for p in (self.time_step, self.R, self.C))))

    def _check_combination(self) -> None:
        """Raise if some of the settings do not go together."""
        period = self._period
        if self.reset_to is not None and self.reset_mechanism != "value":
            raise ValueError(
                f"reset_to is for reset_mechanism='value', got {self.reset_mechanism!r}"
            )
        if self.reset_by is not None and self.reset_mechanism != "subtract":
            raise ValueError(
                f"reset_by is for reset_mechanism='subtract', got {self.reset_mechanism!r}"
            )
        if self.refractory_time is not None and np.any(self.refractory):
            raise ValueError("give refractory (steps) or refractory_time (seconds), got both")
        if self.within_step and (
            (self.integration, self.order, self.input) != ("exact", "at_once", "current")
            or self.reset_mechanism not in ("zero", "value")
            or self.while_refractory != "hold"
            or np.any(self.refractory)
        ):
            raise ValueError(
                "within_step needs integration='exact', order='at_once', input='current', "
                "reset_mechanism='zero' or 'value', while_refractory='hold', and its refractory "
                "period as refractory_time"
            )
        if self.max_spikes > 1 and (
            (self.order, self.reset_mechanism) != ("at_once", "subtract")
            or self.reset_by is not None
            or period is not None
            or not np.all(np.asarray(self.threshold) > 0)
        ):
            raise ValueError(
                "max_spikes above 1 needs order='at_once', reset_mechanism='subtract' without "
                "reset_by, a threshold above 0, and no refractory period"
            )

    @functools.cached_property
    def _period(self) -> Parameter | None:
        """How long a neuron is refractory: in steps, or in time if spikes are timed within them."""
        if self.within_step:
            return 0.0 if self.refractory_time is None else self.refractory_time
        if self.refractory_time is None:
            return self.refractory if np.any(self.refractory) else None
        wide = np.asarray(self.refractory_time, np.float64) / np.asarray(self.time_step, np.float64)
        steps = steps_of("refractory_time/time_step", np.rint(wide))
        return steps if np.any(steps) else None

    @functools.cached_property
    def rule(self) -> Rule:
        """The rule of one step."""
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
        time_step, R, C = (
            p if isinstance(p, float) else np.asarray(p, dtype)
            for p in (self.time_step, self.R, self.C)
        )
        share = ratio(time_step, R, C)
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
            "tau": np.asarray(R * C),
        }

    def _reset_constant(self) -> Parameter | None:
        if self.reset_mechanism == "value":
            return self.rest if self.reset_to is None else self.reset_to
        return self.reset_by
