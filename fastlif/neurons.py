"""The neurons: parameters, checked once and never changed, and what may be done with them."""

import math
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from fastlif import engine, stepping
from fastlif.checks import Numbers, Parameter, choice, common_shape, parameter
from fastlif.kernels import rules
from fastlif.progress import Report
from fastlif.recording import Run, State

RESETS = ("subtract", "zero", "none")


class Neuron:
    """What all neurons share: one step, all of time, and the constants that the kernels use.

    Not made by itself: use :class:`Lapicque`, :class:`Leaky` or :class:`LIF`.
    """

    threshold: Parameter
    reset_mechanism: str
    shapes: list[tuple[str, tuple[int, ...]]]  # of the parameters that are arrays, with their names
    steppers: dict[Any, stepping.Stepper]  # what a step needs, by dtypes and shapes
    _constants: dict[np.dtype[Any], tuple[Numbers, ...]]
    _rules: ClassVar[Mapping[str, rules.Rule]]

    def __call__(
        self,
        cur: ArrayLike,
        mem: ArrayLike | State | None = None,
        *,
        out: tuple[Numbers, Numbers] | None = None,
    ) -> tuple[Numbers, Numbers]:
        """Advance the population by one step.

        Parameters
        ----------
        cur : array_like
            The input current; broadcasts with ``mem`` and the neuron's parameters.
        mem : array_like, optional
            The membrane that enters the step; zero if left out.
        out : tuple of numpy.ndarray, optional
            ``(spk, mem)``: a bool array and one of the state's dtype to write into. The second
            may be the very array given as ``mem``, which then is stepped in place.

        Returns
        -------
        spk : numpy.ndarray
            bool, of the population's shape: the spikes that this step reports.
        mem : numpy.ndarray
            The membrane that leaves the step. float64 if ``cur`` or ``mem`` is a float64 array,
            else float32; Python's numbers do not widen an array.

        Raises
        ------
        TypeError, ValueError
            If an argument is not real numbers, does not broadcast, or ``out`` does not fit or
            overlaps another array. Nothing has been written then.

        Examples
        --------
        >>> import numpy as np, fastlif
        >>> neuron = fastlif.LIF(R=5.1, C=5e-3, time_step=1e-3)
        >>> mem = np.array([0.5, 1.25], np.float32)
        >>> spk, mem = neuron(np.float32(0.2), mem)
        >>> spk, mem
        (array([False,  True]), array([0.5203922 , 0.24098039], dtype=float32))
        """
        return stepping.step(self, cur, mem, out)

    def run(
        self,
        current: ArrayLike,
        initial: ArrayLike | State | None = None,
        *,
        steps: int | None = None,
        record: str | Iterable[str] = ("spikes", "membrane"),
        out: Mapping[str, Numbers] | None = None,
        threads: int | None = None,
        progress: bool | Report = False,
    ) -> Run:
        """Integrate a current over all of time, in one call.

        The population is what ``current.shape[1:]``, the initial state and the neuron's
        parameters broadcast to: any number of axes, or none for one neuron.

        Parameters
        ----------
        current : array_like
            ``(T, *population)``, time first; or without a time axis if ``steps`` is given.
            Any strides, byte order and real dtype. Fastest are C-contiguous arrays of the
            state's dtype, ``(T, 1)`` or ``np.broadcast_to`` for a current that neurons share,
            and ``steps`` for one that does not change.
        initial : array_like or State, optional
            The membrane that enters the first step, or the ``final`` of an earlier run, which
            this one then continues bit for bit; zero if left out.
        steps : int, optional
            The number of steps, for a current that is constant in time.
        record : str or iterable of str
            What to keep: ``"spikes"``, ``"membrane"``, both, or ``()`` for the final state only.
        out : mapping of str to numpy.ndarray, optional
            Arrays to fill, by record name: of the shape and dtype that the result has. Reused
            buffers are faster than fresh memory; a ``numpy.memmap`` will do.
        threads : int, optional
            How many threads to use. By default 1 for a small run; else what the environment
            variable ``FASTLIF_NUM_THREADS`` says, or every processor that this process may use.
            The bits of the result do not depend on it.
        progress : bool or callable
            True shows a bar (needs tqdm); a function is called with the numbers of neuron-steps
            done and in all.

        Returns
        -------
        Run
            ``run.membrane`` and ``run.spikes`` ``(T, *population)``, None if not recorded, and
            ``run.final``, the state to go on from. ``membrane[t]`` is the membrane after step
            ``t``: the list that starts with the initial value is ``[initial, *membrane]``.

        Raises
        ------
        TypeError, ValueError
            If an argument is not of the form above. Nothing has been written then.
        MemoryError
            If the machine has not the memory for what is to be recorded.

        Examples
        --------
        >>> import numpy as np, fastlif
        >>> neuron = fastlif.LIF(R=5.1, C=5e-3, time_step=1e-3, threshold=1.0)
        >>> run = neuron.run(np.float32([0.1, 0.2, 0.4]), steps=200)
        >>> run.spikes.shape, run.spikes.sum(axis=0)
        ((200, 3), array([ 0,  2, 11]))
        >>> more = neuron.run(np.float32([0.1, 0.2, 0.4]), initial=run.final, steps=100)
        """
        return engine.run(self, current, initial, steps, record, out, threads, progress)

    @property
    def physics(self) -> rules.Rule:
        """The rule that the kernels apply."""
        return self._rules[self.reset_mechanism]

    def constants(self, dtype: np.dtype[Any]) -> tuple[Numbers, ...]:
        """Return the rule's constants in the state's dtype, each a number or one a neuron."""
        try:
            return self._constants[dtype]
        except KeyError:
            pass
        with np.errstate(all="ignore"):
            derived = [np.asarray(c, dtype) for c in self._derive(dtype)]
        held = [np.isfinite(c).all() for c in derived[1:]]
        held += [np.array_equal(np.isfinite(derived[0]), np.isfinite(self.threshold))]
        if not all(held):
            raise ValueError(
                f"{dtype} cannot hold the constants of {self!r}: one is too large or too small; "
                "choose other units, or give the current in float64"
            )
        derived += [np.zeros((), dtype)] * (rules.CONSTANTS - len(derived))
        return self._constants.setdefault(dtype, tuple(derived))

    def _derive(self, dtype: np.dtype[Any]) -> Iterable[ArrayLike]:
        """Return the constants in the order that the rules unpack them, the threshold first."""
        raise NotImplementedError

    def _keep(self, **values: Parameter | str | None) -> None:
        """Set the checked fields, and what is derived from them when first needed."""
        parameters = {k: np.shape(v) for k, v in values.items() if isinstance(v, np.ndarray)}
        common_shape(parameters.items())
        prepared: dict[str, Any] = {
            "shapes": list(parameters.items()),
            "_constants": {},
            "steppers": {},
        }
        for name, value in {**values, **prepared}.items():
            object.__setattr__(self, name, value)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), tuple(getattr(self, field.name) for field in fields(self))  # type: ignore[arg-type]


def _warn_unstable(ratio: Parameter, stacklevel: int = 4) -> None:
    """Warn where an Euler step is longer than the time constant."""
    worst = float(np.max(ratio, initial=0.0))
    if worst > 1:
        warnings.warn(
            f"time_step is {worst:.3g} times R*C: Euler's method overshoots where it is more than "
            "1 and diverges where it is more than 2",
            stacklevel=stacklevel,
        )


@dataclass(frozen=True, eq=False)
class Lapicque(Neuron):
    r"""Lapicque's RC-circuit neuron, bit for bit that of ``snntorch.Lapicque`` in float32.

    .. math::

        b = i R \frac{1}{RC} \Delta t + \left(1 - \frac{\Delta t}{RC}\right) u, \qquad
        r = [u > \theta]

    and the membrane that leaves the step is ``b - r*threshold`` ("subtract"), ``b - r*b``
    ("zero") or ``b`` ("none").

    **When a spike is reported**: by the step whose membrane *leaves* above the threshold; the
    reset follows in the next step. :class:`LIF`, the same circuit, reports it one step later.

    Parameters
    ----------
    beta : float or array_like, optional
        Decay rate, between 0 and 1, from which the R or C that is not given is inferred:
        ``R*C = time_step/log(1/beta)``, with R = 1 if neither is given. The steps remain
        Euler's, so that the membrane really decays by ``1 + log(beta)`` a step, not by beta.
        snnTorch takes the logarithm in single precision, and its last bit differs between
        machines; here it is correctly rounded.
    R, C : float or array_like, optional
        Resistance (ohm) and capacitance (farad), positive. Give both, or beta and at most one.
    time_step : float or array_like
        Step (second), positive.
    threshold : float or array_like
        Membrane potential (volt) above which the neuron fires; may be infinite.
    reset_mechanism : {"subtract", "zero", "none"}
        What a spike does to the membrane.

    Notes
    -----
    Parameters are cast to the state's dtype, float32 or float64, before anything is derived from
    them. Arrays have a value for each neuron and broadcast with the population.

    Raises
    ------
    TypeError, ValueError
        If a parameter is not a real number, NaN or out of its range, or if too many or too few
        of beta, R and C are given.

    Warns
    -----
    UserWarning
        If time_step is longer than R*C: Euler's method overshoots.

    References
    ----------
    L. Lapicque (1907), J. Physiol. Pathol. Gen. 9, 620-635. ``snntorch.Lapicque``, version 1.0.0.

    Examples
    --------
    >>> import numpy as np, fastlif
    >>> neuron = fastlif.Lapicque(R=5, C=1e-3, time_step=1e-3)
    >>> run = neuron.run(np.zeros((3, 1), np.float32), initial=0.9)
    >>> run.membrane[:, 0]
    array([0.71999997, 0.576     , 0.4608    ], dtype=float32)
    """

    beta: Parameter | None = None
    R: Parameter | None = None
    C: Parameter | None = None
    time_step: Parameter = 1.0
    threshold: Parameter = 1.0
    reset_mechanism: str = "subtract"

    _rules: ClassVar = rules.LAPICQUE

    def __post_init__(self) -> None:
        given = [name for name in ("beta", "R", "C") if getattr(self, name) is not None]
        if given not in (["R", "C"], ["beta"], ["beta", "R"], ["beta", "C"]):
            raise ValueError(
                "give R and C, or beta alone, or beta and one of R and C, "
                f"got {' and '.join(given) or 'none of them'}"
            )
        self._keep(
            beta=None if self.beta is None else parameter("beta", self.beta, above=0, below=1),
            R=None if self.R is None else parameter("R", self.R, above=0),
            C=None if self.C is None else parameter("C", self.C, above=0),
            time_step=parameter("time_step", self.time_step, above=0),
            threshold=parameter("threshold", self.threshold, finite=False),
            reset_mechanism=choice("reset_mechanism", self.reset_mechanism, RESETS),
        )
        if self.beta is not None:
            _warn_unstable(np.log(1 / np.asarray(self.beta, np.float64)))
        else:
            _warn_unstable(_ratio(self.time_step, self.R, self.C))

    def _derive(self, dtype: np.dtype[Any]) -> Iterable[ArrayLike]:
        one, time_step = dtype.type(1), np.asarray(self.time_step, dtype)
        R, C = (None if p is None else np.asarray(p, dtype) for p in (self.R, self.C))
        if self.beta is not None:
            inverse = one / np.asarray(self.beta, dtype)
            decay = np.log(inverse.astype(np.float64)).astype(dtype)
            if C is not None:
                R = time_step / (C * decay)
            else:
                R = np.asarray(1, dtype) if R is None else R
                C = time_step / (R * decay)
        tau = R * C  # type: ignore[operator]
        return self.threshold, R, one / tau, time_step, one - time_step / tau  # type: ignore[return-value]


@dataclass(frozen=True, eq=False)
class Leaky(Neuron):
    r"""The leaky integrate-and-fire neuron with a decay rate, bit for bit ``snntorch.Leaky``.

    .. math:: b = \beta u + i, \qquad r = [u > \theta]

    and the membrane that leaves the step is ``b - r*threshold`` ("subtract"), ``b`` from a
    membrane that was emptied first, so that the step's input survives ("zero"), or ``b``
    ("none").

    **When a spike is reported**: by the step whose membrane *leaves* above the threshold (before
    the reset, if that is immediate); with ``reset_delay`` the reset follows in the next step.
    :class:`LIF` reports one step later.

    Parameters
    ----------
    beta : float or array_like
        Decay rate. Values outside 0 to 1 are clamped, as in snnTorch, with a warning.
    threshold : float or array_like
        Membrane potential above which the neuron fires; may be infinite.
    reset_mechanism : {"subtract", "zero", "none"}
        What a spike does to the membrane.
    reset_delay : bool
        False resets in the step that fires. As in snnTorch, a neuron that this leaves above the
        threshold is reset again in the next step, and gets that back if it then does not fire.

    Notes
    -----
    Parameters are cast to the state's dtype, float32 or float64. Arrays have a value for each
    neuron and broadcast with the population.

    Raises
    ------
    TypeError, ValueError
        If a parameter is not a real number, or NaN.

    References
    ----------
    ``snntorch.Leaky``, version 1.0.0.

    Examples
    --------
    >>> import numpy as np, fastlif
    >>> run = fastlif.Leaky(beta=0.9).run(np.float32(0.3), steps=6)
    >>> run.membrane.round(2)
    array([0.3 , 0.57, 0.81, 1.03, 0.23, 0.51], dtype=float32)
    >>> run.spikes
    array([False, False, False,  True, False, False])
    """

    beta: Parameter
    threshold: Parameter = 1.0
    reset_mechanism: str = "subtract"
    reset_delay: bool = True

    def __post_init__(self) -> None:
        if not isinstance(self.reset_delay, (bool, np.bool_)):
            raise TypeError(f"reset_delay must be True or False, got {self.reset_delay!r}")
        self._keep(
            beta=parameter("beta", self.beta),
            threshold=parameter("threshold", self.threshold, finite=False),
            reset_mechanism=choice("reset_mechanism", self.reset_mechanism, RESETS),
        )
        if np.any(np.asarray(self.beta) != np.clip(self.beta, 0, 1)):
            warnings.warn("beta is clamped to [0, 1], as in snnTorch", stacklevel=3)

    @property
    def physics(self) -> rules.Rule:
        """The rule that the kernels apply."""
        return (rules.LEAKY if self.reset_delay else rules.LEAKY_NOW)[self.reset_mechanism]

    def _derive(self, dtype: np.dtype[Any]) -> Iterable[ArrayLike]:
        return self.threshold, np.clip(np.asarray(self.beta, dtype), 0, 1)


@dataclass(frozen=True, eq=False)
class LIF(Neuron):
    r"""The notebook's RC-circuit neuron, ``leaky_integrate_and_fire``, bit for bit in float32.

    .. math::

        s = [u > \theta], \qquad b = u + \frac{\Delta t}{RC}(-u + iR)

    and the membrane that leaves the step is ``b - s*threshold`` ("subtract", the notebook's),
    ``b - s*b`` ("zero") or ``b`` ("none": the notebook's passive ``leaky_integrate_neuron``).

    **When a spike is reported**: by the step that the membrane *enters* above the threshold,
    which is also the one that resets it: one step later than :class:`Lapicque`, the same circuit.

    Parameters
    ----------
    threshold : float or array_like
        Membrane potential (volt) above which the neuron fires; may be infinite.
    time_step : float or array_like
        Step (second), positive.
    R, C : float or array_like
        Resistance (ohm) and capacitance (farad), positive.
    reset_mechanism : {"subtract", "zero", "none"}
        What a spike does to the membrane.

    Notes
    -----
    Parameters are cast to the state's dtype, float32 or float64. As in the notebook, and by
    NumPy's rules, ``time_step/(R*C)`` of three Python numbers is computed in double precision and
    cast then; if one is an array, in the state's dtype. Arrays have a value for each neuron and
    broadcast with the population.

    Raises
    ------
    TypeError, ValueError
        If a parameter is not a real number, NaN or out of its range.

    Warns
    -----
    UserWarning
        If time_step is longer than R*C: Euler's method overshoots.

    Examples
    --------
    >>> import numpy as np, fastlif
    >>> cur_in = np.concatenate((np.zeros(10), np.full(190, 0.2))).astype(np.float32)
    >>> run = fastlif.LIF(R=5.1, C=5e-3, time_step=1e-3, threshold=1.0).run(cur_in)
    >>> np.flatnonzero(run.spikes)
    array([109])
    """

    threshold: Parameter = 1.0
    time_step: Parameter = 1e-3
    R: Parameter = 5.1
    C: Parameter = 5e-3
    reset_mechanism: str = "subtract"

    _rules: ClassVar = rules.LIF

    def __post_init__(self) -> None:
        self._keep(
            threshold=parameter("threshold", self.threshold, finite=False),
            time_step=parameter("time_step", self.time_step, above=0),
            R=parameter("R", self.R, above=0),
            C=parameter("C", self.C, above=0),
            reset_mechanism=choice("reset_mechanism", self.reset_mechanism, RESETS),
        )
        _warn_unstable(_ratio(self.time_step, self.R, self.C))

    def _derive(self, dtype: np.dtype[Any]) -> Iterable[ArrayLike]:
        time_step, R, C = (
            p if isinstance(p, float) else np.asarray(p, dtype)
            for p in (self.time_step, self.R, self.C)
        )
        return self.threshold, self.R, _divide(time_step, R * C)


def _divide(a: Parameter, b: Parameter) -> ArrayLike:
    """Return a/b; Python's numbers divided by zero give infinity, as NumPy's do."""
    return math.inf if isinstance(b, float) and b == 0 else a / b


def _ratio(time_step: Parameter, R: Parameter | None, C: Parameter | None) -> Numbers:
    """Return time_step/(R*C) in double precision, for a warning."""
    wide = (np.asarray(p, np.float64) for p in (time_step, R, C))
    dt, r, c = wide
    with np.errstate(all="ignore"):
        return np.asarray(dt / (r * c))
