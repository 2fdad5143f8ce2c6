"""Firing rates: over time, and against the current."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

from fastlif.checks import flag, numbers
from fastlif.execution.results import Events, Run
from fastlif.neurons.base import Neuron
from fastlif.plot.clock import clock_of
from fastlif.plot.data import bin_width_of, chosen, select, spikes_of
from fastlif.plot.style import axes_for, axis_label, legend_beside, line_style, next_color
from fastlif.spikes import population_rate as rate_in_windows
from fastlif.spikes import rates as rates_of
from fastlif.spikes.source import recorded


def population_rate(
    spikes: Run | Events | ArrayLike,
    *,
    window: int | None = None,
    packed: bool = False,
    steps: int | None = None,
    population: int | tuple[int, ...] | None = None,
    neurons: slice | ArrayLike | None = None,
    neuron: Neuron | None = None,
    time_step: float | None = None,
    time_unit: str | None = None,
    ax: Axes | None = None,
    **style: Any,
) -> Axes:
    """Draw the mean firing rate of a population over time, in bins of steps.

    Parameters
    ----------
    spikes : Run, Events or array_like
        Spikes in any form; see :mod:`fastlif.plot`.
    window : int, optional
        Steps per bin. By default, there are at most 100 bins. The last one may be shorter.
    packed : bool
        Whether ``spikes`` is an array of bits, as ``run.packed``.
    steps : int, optional
        Number of steps, required for events and for a run that recorded only events.
    population : int or tuple of int, optional
        Number of neurons, required for events.
    neurons : slice or array_like, optional
        Neurons to draw: a slice, indices, or a mask.
    neuron : Neuron, optional
        The neuron whose time step is used.
    time_step : float, optional
        Time step, instead of that of ``neuron``.
    time_unit : {"s", "ms", "us"}, optional
        Unit of the time step; see :mod:`fastlif.plot`.
    ax : matplotlib.axes.Axes, optional
        Where to draw. The default is a new figure.
    **style
        Properties of the line, a ``matplotlib.lines.Line2D``.

    Returns
    -------
    matplotlib.axes.Axes
        The axes. The rate is in Hz or, without a time step, in spikes per step.

    Examples
    --------
    >>> import numpy as np, fastlif
    >>> neuron = fastlif.LIF(time_step=1e-3)
    >>> run = neuron.run(np.linspace(0.2, 0.6, 50, dtype=np.float32), steps=200)
    >>> fastlif.plot.population_rate(run, window=10, neuron=neuron).get_ylabel()
    'firing rate (Hz)'
    """
    clock = clock_of(neuron, time_step, time_unit)
    found = spikes_of(spikes, flag("packed", packed), steps, population)
    index = chosen(neurons, found.number_of_neurons())
    if neurons is not None:
        found = select(found, index)
    total = found.number_of_steps()
    width = bin_width_of("window", window, total)
    rate = rate_in_windows(
        found.events, clock.seconds or 1.0, width, steps=total,
        population=max(len(index), 1),  # no neurons have a rate of 0
    )  # fmt: skip
    edges = np.append(np.arange(0, total, width), total)
    ax = axes_for(ax)
    held = np.append(rate, rate[-1:])
    default = {"color": next_color(ax), "linewidth": 1.2}
    ax.plot(
        clock.starts(edges[: len(held)]), held,
        drawstyle="steps-post", **line_style(style, **default),
    )  # fmt: skip
    ax.set(xlabel=clock.label, ylabel=_rate_label(clock.seconds))
    ax.set_ylim(bottom=0)
    if total:
        ax.set_xlim(*clock.limits(0, total))
    legend_beside(ax)
    return ax


def _rate_label(seconds: float | None) -> str:
    """Return the label of an axis of firing rates."""
    return "firing rate (spikes per step)" if seconds is None else "firing rate (Hz)"


def fi_curve(
    current: ArrayLike,
    rate: Run | ArrayLike,
    *,
    steps: int | None = None,
    neuron: Neuron | None = None,
    time_step: float | None = None,
    time_unit: str | None = None,
    current_unit: str | None = None,
    ax: Axes | None = None,
    **style: Any,
) -> Axes:
    """Draw firing rates against the constant currents that caused them.

    Parameters
    ----------
    current : array_like
        The current of each neuron, in any order.
    rate : Run or array_like
        The firing rate of each neuron (Hz), or a run with these currents, of which the number of
        spikes is divided by the duration.
    steps : int, optional
        Number of steps of the run, required if it recorded only counts or events.
    neuron : Neuron, optional
        The neuron whose time step is used to convert counts of a run to rates.
    time_step : float, optional
        Time step, instead of that of ``neuron``.
    time_unit : {"s", "ms", "us"}, optional
        Unit of the time step; see :mod:`fastlif.plot`.
    current_unit : str, optional
        Unit of the current, for the label of the axis.
    ax : matplotlib.axes.Axes, optional
        Where to draw. The default is a new figure.
    **style
        Properties of the line, a ``matplotlib.lines.Line2D``, such as ``label=``.

    Returns
    -------
    matplotlib.axes.Axes
        The axes.

    Examples
    --------
    >>> import numpy as np, fastlif
    >>> neuron = fastlif.LIF(time_step=1e-3)
    >>> current = np.linspace(0.15, 0.6, 50, dtype=np.float32)
    >>> run = neuron.run(current, steps=1000, record="counts")
    >>> ax = fastlif.plot.fi_curve(current, run, steps=1000, neuron=neuron, current_unit="A")
    >>> ax.get_xlabel(), ax.get_ylabel()
    ('current (A)', 'firing rate (Hz)')
    """
    clock = clock_of(neuron, time_step, time_unit)
    label = axis_label("current", current_unit)
    x = numbers("current", current).ravel()
    seconds: float | None = 1.0
    if isinstance(rate, Run):
        seconds = clock.seconds
        if rate.counts is None:
            recorded(rate, "rate")  # raises if there are no spikes either
        with np.errstate(invalid="ignore"):  # no steps have no rate
            y = rates_of(rate, seconds or 1.0, steps=steps).ravel()
    else:
        y = numbers("rate", rate).ravel()
    if len(x) != len(y):
        raise ValueError(f"current and rate must have equal sizes, got {len(x)} and {len(y)}")
    order = np.argsort(x, kind="stable")
    ax = axes_for(ax)
    ax.plot(x[order], y[order], **line_style(style, color=next_color(ax), linewidth=1.2))
    ax.set(xlabel=label, ylabel=_rate_label(seconds))
    legend_beside(ax)
    return ax
