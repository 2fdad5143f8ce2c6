"""Currents whose course over time is a formula: pulses, ramps and sines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from fastlif.checks import Numbers, common_shape, number, parameter
from fastlif.execution.bound_source import Compiled, slots_of
from fastlif.execution.sources import Source, dtype_of
from fastlif.kernels.sources.courses import pulses, ramp, sine

_F64 = np.dtype(np.float64)
_NEVER = 2.0**62  # steps


class _Course(Source):
    """A current whose course follows from parameters; ``_kernel`` takes them in their order."""

    _kernel: Any
    _in_dtype: tuple[str, ...] = ()  # parameters that the kernel takes in the dtype of the run

    def _set(self, current: tuple[str, ...], **parameters: Any) -> None:
        """Store the parameters; those named in ``current`` are parts of the current."""
        self._parameters = tuple(parameters)
        self.__dict__.update(parameters)
        self.dtype = dtype_of(*(parameters[name] for name in current))

    def __repr__(self) -> str:
        parameters = (f"{name}={getattr(self, name)!r}" for name in self._parameters)
        return f"{type(self).__name__}({', '.join(parameters)})"

    def _compile(
        self, dtype: np.dtype[Any], population: tuple[int, ...], noise: Sequence[Numbers]
    ) -> Compiled:
        kept: list[Any] = []
        slots: list[int] = []
        for name in self._parameters:
            kind = dtype if name in self._in_dtype else _F64
            value = np.broadcast_to(np.asarray(getattr(self, name), kind), population)
            slots += slots_of(value, kind, population, kept)
        return Compiled(self._kernel(dtype), slots, kept)


class PulseCurrent(_Course):
    """A current that is ``value`` in some steps, and 0 in the others.

    Parameters
    ----------
    value : float or array_like
        The current: a number, or one value per neuron.
    start : float or array_like
        The first step of the pulse.
    length : float or array_like
        Its number of steps. The default is a step current, which does not end.
    period : float or array_like
        Number of steps from the start of a pulse to that of the next one. By default, there is one
        pulse.

    Raises
    ------
    TypeError
        If an argument has a wrong type.
    ValueError
        If ``value`` or ``start`` is not finite, or ``length`` or ``period`` is not positive.

    Examples
    --------
    >>> import fastlif
    >>> fastlif.sources.PulseCurrent(2.0, start=1, length=2, period=4).sample(8)
    array([0., 2., 2., 0., 0., 2., 2., 0.], dtype=float32)
    """

    _kernel, _in_dtype = staticmethod(pulses), ("value",)

    def __init__(
        self,
        value: ArrayLike,
        start: ArrayLike = 0,
        length: ArrayLike = np.inf,
        period: ArrayLike = np.inf,
    ) -> None:
        self._set(
            ("value",),
            value=parameter("value", value),
            start=parameter("start", start),
            length=parameter("length", length, above=0, finite=False),
            period=np.minimum(parameter("period", period, above=0, finite=False), _NEVER),
        )


class RampCurrent(_Course):
    """A current that goes from one value to another in a straight line.

    Parameters
    ----------
    begin, end : float or array_like
        The current until ``start``, and from ``stop`` on: a number, or one value per neuron.
    start, stop : float or array_like
        The steps between which it changes; ``stop`` is greater than ``start``.

    Raises
    ------
    TypeError
        If an argument has a wrong type.
    ValueError
        If an argument is not finite, or ``stop`` is not greater than ``start``.

    Examples
    --------
    >>> import fastlif
    >>> fastlif.sources.RampCurrent(0.0, 1.0, start=1, stop=5).sample(7)
    array([0.  , 0.  , 0.25, 0.5 , 0.75, 1.  , 1.  ], dtype=float32)
    """

    _kernel = staticmethod(ramp)

    def __init__(self, begin: ArrayLike, end: ArrayLike, start: ArrayLike, stop: ArrayLike) -> None:
        self._set(
            ("begin", "end"),
            begin=parameter("begin", begin),
            end=parameter("end", end),
            start=parameter("start", start),
            stop=parameter("stop", stop),
        )
        common_shape(self.shapes)
        if not np.all(np.asarray(stop) > np.asarray(start)):
            raise ValueError(f"stop must be greater than start, got {stop!r} and {start!r}")


class SineCurrent(_Course):
    r"""A sine.

    .. math:: i_t = c + a\sin(2\pi (f t\,\Delta t + \varphi))

    Parameters
    ----------
    amplitude : float or array_like
        Amplitude: a number, or one value per neuron.
    frequency : float or array_like
        Number of periods per unit of time.
    phase : float or array_like
        Phase at step 0, in periods.
    offset : float or array_like
        The current around which it oscillates.
    time_step : float
        Duration of a step. With the default, the frequency is in periods per step.

    Raises
    ------
    TypeError
        If an argument has a wrong type.
    ValueError
        If an argument is not finite, or ``time_step`` is not positive.

    Examples
    --------
    >>> import fastlif
    >>> fastlif.sources.SineCurrent(2.0, frequency=250.0, offset=1.0, time_step=1e-3).sample(4)
    array([ 1.,  3.,  1., -1.], dtype=float32)
    """

    _kernel = staticmethod(sine)

    def __init__(
        self,
        amplitude: ArrayLike,
        frequency: ArrayLike,
        phase: ArrayLike = 0.0,
        offset: ArrayLike = 0.0,
        time_step: float = 1.0,
    ) -> None:
        step = number("time_step", time_step, above=0)
        periods = np.asarray(parameter("frequency", frequency), np.float64) * step
        self._set(
            ("offset", "amplitude"),
            offset=parameter("offset", offset),
            amplitude=parameter("amplitude", amplitude),
            frequency=parameter("frequency", periods),
            phase=parameter("phase", phase),
        )
