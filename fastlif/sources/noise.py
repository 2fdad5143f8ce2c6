"""Random currents: white noise, and noise with a correlation time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from fastlif.checks import Numbers, duration, number, parameter
from fastlif.execution.bound_source import Compiled, slots_of
from fastlif.execution.sources import dtype_of
from fastlif.kernels.elementary import expm1
from fastlif.kernels.random import FIRST_COLORED, WHITE
from fastlif.kernels.sources.calls import first_row
from fastlif.kernels.sources.noise import gaussian, ornstein_uhlenbeck
from fastlif.sources.seeds import RandomSource


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
        return self._normal(dtype, population, self.mean, self.std, int(WHITE))

    def _normal(
        self, dtype: np.dtype[Any], population: tuple[int, ...], mean: Any, std: Any, stream: int
    ) -> Compiled:
        kept: list[Any] = []
        each = np.size(mean) > 1 or np.size(std) > 1
        if each:
            mean, std = (np.broadcast_to(np.asarray(p, dtype), population) for p in (mean, std))
        slots = [*self._identity, stream]
        slots += slots_of(mean, dtype, population, kept) + slots_of(std, dtype, population, kept)
        return Compiled(gaussian(dtype, each and np.size(mean) > 1), slots, kept)


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
        compiled = self._normal(dtype, population, 0.0, self.std, int(FIRST_COLORED))
        return [first_row(compiled.function, compiled.numbers, population, dtype)]

    def _compile(
        self, dtype: np.dtype[Any], population: tuple[int, ...], noise: Sequence[Numbers]
    ) -> Compiled:
        step = np.asarray(self.time_step / np.asarray(self.tau, np.float64))
        loss, left = -expm1(-step), np.sqrt(-expm1(-2 * step))
        kept: list[Any] = [noise[0]]
        slots = self._identity
        for value in (self.mean, loss, np.asarray(self.std, np.float64) * left):
            slots += slots_of(np.broadcast_to(value, population), dtype, population, kept)
        slots += [noise[0].ctypes.data, 0, noise[0].itemsize]
        return Compiled(ornstein_uhlenbeck(dtype), slots, kept)
