"""Random spikes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from fastlif.checks import Numbers, described, number, numbers, parameter
from fastlif.execution.bound_source import Compiled, slots_of
from fastlif.execution.memory import ensure_readable
from fastlif.execution.sources import Source, dtype_of
from fastlif.kernels.sources.spikes import bernoulli
from fastlif.model import Block, part_of
from fastlif.sources.seeds import RandomSource


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
        ensure_readable("rate", rate)
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
                f"{'' if times else '; a rate in Hz requires time_step='}"
            )
        self.dtype = dtype_of(self.weight)

    def __repr__(self) -> str:
        rate = described(self.rate) if self.rate.ndim else self.rate.item()
        time_step = "" if self.time_step is None else f", time_step={self.time_step!r}"
        return f"PoissonSpikes({rate}, {self.weight!r}, {self._seed()}{time_step})"

    @property
    def arrays(self) -> tuple[Numbers, ...]:
        """The array over time that it reads during a run."""
        return (self._probability,) if self._times("rate") else ()

    def of_block(self, block: Block, origin: int) -> Source:
        """Return the source of a block of the population: the same numbers, for these neurons."""
        source = super().of_block(block, origin)
        assert isinstance(source, PoissonSpikes)
        source._probability = part_of(self._probability, block, self._times("rate"))
        return source

    def _times(self, name: str) -> int:
        return int(name == "rate" and self.rate.ndim > 1)

    def _check_steps(self, first: int, steps: int) -> None:
        if self.rate.ndim > 1 and len(self.rate) != 1 and first + steps > len(self.rate):
            raise ValueError(
                f"rate has values for {len(self.rate)} steps, and the run goes to step "
                f"{first + steps}; rates that do not change have shape (1, *population)"
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
        rows = rows.reshape(len(rows), math.prod(rows.shape[1:]))
        rows = np.ascontiguousarray(rows, p.dtype.newbyteorder("="))
        kept.append(rows)
        slots = [*self._identity, rows.ctypes.data, rows.strides[0] if len(rows) > 1 else 0]
        slots += [rows.itemsize if each else 0, *slots_of(self.weight, dtype, population, kept)]
        function = bernoulli(dtype, rows.dtype, each, np.size(self.weight) > 1)
        return Compiled(function, slots, kept)
