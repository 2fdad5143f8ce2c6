"""Inputs that are generated during a run, without an array of all steps.

A source is given to ``neuron.run`` instead of a current. Sources, arrays and numbers can be added.
The numbers depend on the seed, the absolute step and the index of the neuron, and on nothing else:
not on the number of threads, on how a run is divided in time, or on the processor. ``sample``
returns them as an array.

============================  ====================================================
source                        input
============================  ====================================================
`PoissonSpikes`               random spikes with a rate
`GaussianCurrent`             independent normal numbers (white noise)
`OrnsteinUhlenbeckCurrent`    normal numbers with a correlation time
`Constant`                    a constant current
`PulseCurrent`                a step, a pulse, or a train of pulses
`RampCurrent`                 a current that rises or falls
`SineCurrent`                 a sine
`WeightedInput`               an array times a weight
============================  ====================================================
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike

from fastlif.checks import Numbers, described, duration, number, numbers, parameter, whole
from fastlif.execution.sources import (
    Compiled,
    Constant,
    Source,
    Sum,
    WeightedInput,
    dtype_of,
    slots_of,
)
from fastlif.kernels import sources as kernels
from fastlif.kernels.elementary import exp, expm1
from fastlif.model import Block, part_of

__all__ = [
    "Constant",
    "GaussianCurrent",
    "OrnsteinUhlenbeckCurrent",
    "PoissonSpikes",
    "PulseCurrent",
    "RampCurrent",
    "SineCurrent",
    "Source",
    "Sum",
    "WeightedInput",
]

_Random = TypeVar("_Random", bound="RandomSource")
_F64 = np.dtype(np.float64)
_NEVER = 2.0**62  # steps


class RandomSource(Source):
    """A source of random numbers.

    Attributes
    ----------
    seed_sequence : numpy.random.SeedSequence
        What the numbers are made from.
    """

    _origin = 0  # which neuron of the whole population the first one is

    def __init__(self, seed: Any) -> None:
        if not isinstance(seed, np.random.SeedSequence):
            try:
                seed = np.random.SeedSequence(seed)
            except (TypeError, ValueError) as error:
                raise type(error)(
                    "seed must be None, a whole number that is not negative, several of them, or "
                    f"a numpy.random.SeedSequence, got {described(seed)}"
                ) from None
        self.seed_sequence = seed
        self._key = int(seed.generate_state(1, np.uint64)[0])

    def of_block(self, block: Block, origin: int) -> Source:
        """Return the source of a block of the population: the same numbers, for these neurons."""
        source = super().of_block(block, origin)
        assert isinstance(source, RandomSource)
        source._origin = self._origin + origin
        return source

    def spawn(self: _Random, count: int) -> list[_Random]:
        """Return ``count`` sources with the same parameters and independent numbers.

        Parameters
        ----------
        count : int
            Number of sources.

        Returns
        -------
        list
            The sources; their seeds are those that ``SeedSequence.spawn`` returns.
        """
        spawned = []
        for child in self.seed_sequence.spawn(whole("count", count, 0)):
            spawned.append(copy.copy(self))
            RandomSource.__init__(spawned[-1], child)
        return spawned

    @property
    def _identity(self) -> list[int]:
        """The first parameters of its kernel."""
        return [self._key, self._origin]

    def _seed(self) -> str:
        return f"seed={self.seed_sequence.entropy!r}"


class PoissonSpikes(RandomSource):
    """Random spikes: in each step, independently, one with the probability ``rate``, or none.

    A spike adds ``weight`` to the input. This is ``snntorch.spikegen.rate_conv``, and approximates
    a Poisson process whose rate per step is small.

    Parameters
    ----------
    rate : float or array_like
        Probability of a spike in one step, from 0 to 1; with ``time_step``, rate per unit of time.
        A number, one value per neuron, or an array with time as axis 0: ``(T, *population)`` or
        ``(T, 1)``. The row is that of the absolute step.
    weight : float or array_like
        The input that one spike is: a number, or one value per neuron.
    seed : int, sequence of int, numpy.random.SeedSequence or None
        As in NumPy. None draws an unpredictable seed, which all runs with this source share.
    time_step : float, optional
        Duration of a step. The probability is then ``rate*time_step``.

    Raises
    ------
    TypeError
        If an argument has a wrong type.
    ValueError
        If a probability is not between 0 and 1, or ``weight`` is not finite.

    Notes
    -----
    Probabilities have a resolution of 2**-48. An array of rates with more than one axis has time as
    axis 0; give rates of a population with several axes that do not change as ``(1, *population)``.

    Examples
    --------
    >>> import numpy as np, fastlif
    >>> source = fastlif.PoissonSpikes(rate=[20.0, 40.0], weight=0.2, seed=1, time_step=1e-3)
    >>> (source.sample(10_000, 2) > 0).sum(axis=0) / 10  # spikes per second
    array([20.9, 40.1])
    >>> neuron = fastlif.LIF(tau=0.02, R=5.0, order="at_once")
    >>> run = neuron.run(source + 0.2, steps=10_000, record="counts")
    >>> run.counts
    array([104, 135])
    """

    _parameters = "rate", "weight"

    def __init__(
        self,
        rate: ArrayLike,
        weight: ArrayLike = 1.0,
        seed: Any = None,
        *,
        time_step: float | None = None,
    ) -> None:
        super().__init__(seed)
        self.rate, self.weight = numbers("rate", rate), parameter("weight", weight)
        self.time_step = None if time_step is None else number("time_step", time_step, above=0)
        self._probability = self.rate
        if time_step is not None:
            self._probability = np.asarray(self.rate * np.float64(time_step))
        if self._probability.dtype.kind != "f" or self._probability.itemsize < 4:
            self._probability = self._probability.astype(np.float64)
        wrong = ~((self._probability >= 0) & (self._probability <= 1))
        if wrong.any():
            times = "" if time_step is None else "*time_step"
            raise ValueError(
                f"rate{times} must be a probability from 0 to 1, "
                f"got {self._probability[wrong].flat[0]!s}"
            )
        self.dtype = dtype_of(self.weight)

    def __repr__(self) -> str:
        rate = described(self.rate) if self.rate.ndim else self.rate.item()
        return f"PoissonSpikes({rate}, {self.weight!r}, {self._seed()})"

    def of_block(self, block: Block, origin: int) -> Source:
        """Return the source of a block of the population: the same numbers, for these neurons."""
        source = super().of_block(block, origin)
        assert isinstance(source, PoissonSpikes)
        source._probability = part_of(self._probability, block, self._times("rate"))
        return source

    def _times(self, name: str) -> int:
        return int(name == "rate" and self.rate.ndim > 1)

    def _check_steps(self, first: int, steps: int) -> None:
        if self.rate.ndim > 1 and len(self.rate) > 1 and first + steps > len(self.rate):
            raise ValueError(
                f"rate has values for {len(self.rate)} steps, and the run goes to step "
                f"{first + steps}"
            )

    def _compile(
        self, dtype: np.dtype[Any], population: tuple[int, ...], noise: Sequence[Numbers]
    ) -> Compiled:
        p, kept = self._probability, list[Any]()
        shape = self.shapes[0][1]
        each = int(np.prod(shape, dtype=np.int64)) > 1
        timed = p.ndim > 1
        rows = p if timed else p[None]
        if each:
            rows = rows.reshape(len(rows), *[1] * (len(population) - len(shape)), *shape)
            rows = np.broadcast_to(rows, (len(rows), *population))
        rows = np.ascontiguousarray(rows.reshape(len(rows), -1), p.dtype.newbyteorder("="))
        kept.append(rows)
        slots = [*self._identity, rows.ctypes.data, rows.strides[0] if len(rows) > 1 else 0]
        slots += [rows.itemsize if each else 0, *slots_of(self.weight, dtype, population, kept)]
        function = kernels.bernoulli(dtype, rows.dtype, each, np.size(self.weight) > 1)
        return Compiled(function, slots, kept)


class GaussianCurrent(RandomSource):
    """White noise: in each step, an independent normal number.

    Parameters
    ----------
    mean : float or array_like
        Mean of the current: a number, or one value per neuron.
    std : float or array_like
        Its standard deviation, not negative.
    seed : int, sequence of int, numpy.random.SeedSequence or None
        As in NumPy. None draws an unpredictable seed, which all runs with this source share.

    Raises
    ------
    TypeError
        If an argument has a wrong type.
    ValueError
        If an argument is not finite, or ``std`` is negative.

    Notes
    -----
    The current does not depend on the time step: for white noise with a density, divide the
    standard deviation by the square root of the time step. The normal numbers have float32
    precision and are at most 6.7.

    Examples
    --------
    >>> import fastlif
    >>> source = fastlif.GaussianCurrent(mean=0.3, std=0.1, seed=1)
    >>> current = source.sample(1000, 100)
    >>> round(float(current.mean()), 3), round(float(current.std()), 3)
    (0.3, 0.1)
    >>> neuron = fastlif.LIF(R=5.1, C=5e-3, time_step=1e-3)
    >>> run = neuron.run(source, steps=1000, initial=neuron.initial_state(100))
    >>> bool((run.spikes == neuron.run(current).spikes).all())
    True
    """

    _parameters: tuple[str, ...] = ("mean", "std")

    def __init__(self, mean: ArrayLike = 0.0, std: ArrayLike = 1.0, seed: Any = None) -> None:
        super().__init__(seed)
        self.mean, self.std = parameter("mean", mean), duration("std", std)
        self.dtype = dtype_of(self.mean, self.std)

    def __repr__(self) -> str:
        return f"GaussianCurrent({self.mean!r}, {self.std!r}, {self._seed()})"

    def _compile(
        self, dtype: np.dtype[Any], population: tuple[int, ...], noise: Sequence[Numbers]
    ) -> Compiled:
        return self._normal(dtype, population, self.mean, self.std, int(kernels.WHITE))

    def _normal(
        self, dtype: np.dtype[Any], population: tuple[int, ...], mean: Any, std: Any, stream: int
    ) -> Compiled:
        kept: list[Any] = []
        each = np.size(mean) > 1 or np.size(std) > 1
        if each:
            mean, std = (np.broadcast_to(np.asarray(p, dtype), population) for p in (mean, std))
        slots = [*self._identity, stream]
        slots += slots_of(mean, dtype, population, kept) + slots_of(std, dtype, population, kept)
        return Compiled(kernels.gaussian(dtype, each and np.size(mean) > 1), slots, kept)


class OrnsteinUhlenbeckCurrent(GaussianCurrent):
    r"""Noise with a correlation time.

    .. math::

        x_{t+1} = x_t e^{-\Delta t/\tau} + \sigma\sqrt{1 - e^{-2\Delta t/\tau}}\,\xi_t,
        \qquad i_t = \mu + x_{t+1}

    The current has the mean ``mean``, the standard deviation ``std`` and the autocorrelation
    ``exp(-t/tau)`` in every step, also in the first one: the update is exact, and the deviation
    before the first step is drawn from the stationary distribution.

    Parameters
    ----------
    mean : float or array_like
        Mean of the current: a number, or one value per neuron.
    std : float or array_like
        Its standard deviation, not negative.
    tau : float or array_like
        Correlation time, positive.
    time_step : float
        Duration of a step, in the unit of ``tau``.
    seed : int, sequence of int, numpy.random.SeedSequence or None
        As in NumPy. None draws an unpredictable seed, which all runs with this source share.

    Raises
    ------
    TypeError
        If an argument has a wrong type.
    ValueError
        If an argument is not finite or out of its range.

    Notes
    -----
    The deviation :math:`x` is a part of the state between two runs, ``State.noise``.

    Examples
    --------
    >>> import fastlif
    >>> source = fastlif.OrnsteinUhlenbeckCurrent(0.3, 0.1, tau=5e-3, time_step=1e-3, seed=1)
    >>> current = source.sample(10_000, 2)
    >>> x = current[:, 0] - current[:, 0].mean()
    >>> bool(abs((x[5:] * x[:-5]).mean() / x.var() - 0.368) < 0.05)  # after one correlation time
    True
    """

    _parameters = "mean", "std", "tau"
    noises = 1

    def __init__(
        self, mean: ArrayLike, std: ArrayLike, tau: ArrayLike, time_step: float, seed: Any = None
    ) -> None:
        super().__init__(mean, std, seed)
        self.tau = parameter("tau", tau, above=0)
        self.time_step = number("time_step", time_step, above=0)

    def __repr__(self) -> str:
        return (
            f"OrnsteinUhlenbeckCurrent({self.mean!r}, {self.std!r}, {self.tau!r}, "
            f"{self.time_step!r}, {self._seed()})"
        )

    def _first_noise(self, dtype: np.dtype[Any], population: tuple[int, ...]) -> list[Numbers]:
        compiled = self._normal(dtype, population, 0.0, self.std, int(kernels.FIRST_COLORED))
        return [kernels.first_row(compiled.function, compiled.numbers, population, dtype)]

    def _compile(
        self, dtype: np.dtype[Any], population: tuple[int, ...], noise: Sequence[Numbers]
    ) -> Compiled:
        step = np.asarray(self.time_step / np.asarray(self.tau, np.float64))
        keep, left = exp(-step), np.sqrt(-expm1(-2 * step))
        kept: list[Any] = [noise[0]]
        slots = self._identity
        for value in (self.mean, keep, np.asarray(self.std, np.float64) * left):
            slots += slots_of(np.broadcast_to(value, population), dtype, population, kept)
        slots += [noise[0].ctypes.data, 0, noise[0].itemsize]
        return Compiled(kernels.ornstein_uhlenbeck(dtype), slots, kept)


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

    _kernel, _in_dtype = staticmethod(kernels.pulses), ("value",)

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

    _kernel = staticmethod(kernels.ramp)

    def __init__(self, begin: ArrayLike, end: ArrayLike, start: ArrayLike, stop: ArrayLike) -> None:
        self._set(
            ("begin", "end"),
            begin=parameter("begin", begin),
            end=parameter("end", end),
            start=parameter("start", start),
            stop=parameter("stop", stop),
        )
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

    _kernel = staticmethod(kernels.sine)

    def __init__(
        self,
        amplitude: ArrayLike,
        frequency: ArrayLike,
        phase: ArrayLike = 0.0,
        offset: ArrayLike = 0.0,
        time_step: float = 1.0,
    ) -> None:
        step = number("time_step", time_step, above=0)
        parameter("frequency", frequency)
        self._set(
            ("offset", "amplitude"),
            offset=parameter("offset", offset),
            amplitude=parameter("amplitude", amplitude),
            frequency=parameter("frequency", np.asarray(frequency) * step),
            phase=parameter("phase", phase),
        )
