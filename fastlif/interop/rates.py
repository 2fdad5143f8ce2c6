"""Firing rates of a neuron at constant currents, measured with the neuron itself."""

from __future__ import annotations

import numpy as np

from fastlif.checks import Numbers
from fastlif.neurons.base import Neuron

# Seconds before and of a measurement. Rates are therefore multiples of 1 Hz.
_SETTLE, _MEASURE = 0.1, 1.0
_MOST = 2**20  # the largest number of currents in one measurement
_FEWEST = 128  # per neuron
_POWERS = 2.0 ** np.arange(-60, 61)


class Curve:
    """Rates in Hz of a population whose steps take ``dt`` seconds, as a function of the current.

    Arrays of currents have the shape (samples, neurons). If all neurons have the same parameters
    (``columns`` is None), there is one curve for all of them.
    """

    def __init__(self, neuron: Neuron, dt: float, columns: int | None) -> None:
        self._neuron, self._dt, self._columns = neuron, dt, columns

    def rates(self, current: Numbers) -> Numbers:
        """Return the rates at these currents; if there are many, most are interpolated."""
        table = current.reshape(-1, 1) if self._columns is None else current
        samples, columns = table.shape
        most = max(_MOST // max(columns, 1), _FEWEST)
        if samples <= most:
            return self._measured(table).reshape(current.shape)
        at = np.sort(table, axis=0)[np.linspace(0, samples - 1, most).astype(np.int64)]
        known, rates = self._measured(at), np.empty(table.shape)
        for k in range(columns):
            rates[:, k] = np.interp(table[:, k], at[:, k], known[:, k])
        return rates.reshape(current.shape)

    def onset(self) -> Numbers:
        """Return the smallest currents at which the neurons fire, one per column."""
        return self._smallest(np.full(self._columns or 1, 0.5 / _MEASURE))

    def current_for(self, rates: Numbers) -> Numbers:
        """Return the smallest currents at which the neurons have at least these rates."""
        if self._columns is not None:
            return self._smallest(rates)
        bounds = (
            self._smallest(np.array([0.5 / _MEASURE])),
            self._smallest(rates.max(keepdims=True)),
        )
        at = np.linspace(*bounds, 2**14)
        known = np.maximum.accumulate(self._measured(at)[:, 0])
        found: Numbers = at[np.minimum(np.searchsorted(known, rates), len(at) - 1), 0]
        return found

    def _smallest(self, rates: Numbers) -> Numbers:
        """Return the smallest currents with at least these rates; NaN or -inf if there is none."""
        columns = np.arange(len(rates))
        outer = np.full((1, len(rates)), -np.inf), np.full((1, len(rates)), np.nan)
        at = np.repeat(
            np.concatenate([-_POWERS[::-1], [0.0], _POWERS])[:, None], len(rates), axis=1
        )
        for _ in range(4):
            reached = self._measured(at) >= rates
            first = np.where(reached.any(axis=0), reached.argmax(axis=0), len(at))
            low, high = (
                np.concatenate([outer[0], at, outer[1]])[first + k, columns] for k in (0, 1)
            )
            inside = np.isfinite(low) & np.isfinite(high)
            at = np.linspace(np.where(inside, low, high), high, 33)
        found: Numbers = high
        return found

    def _measured(self, current: Numbers) -> Numbers:
        settle, steps = (max(round(time / self._dt), 1) for time in (_SETTLE, _MEASURE))
        settled = self._neuron.run(current, steps=settle, record=()).final
        counts = self._neuron.run(current, settled, steps=steps, record="counts").counts
        assert counts is not None
        rates: Numbers = counts / (steps * self._dt)
        return rates
