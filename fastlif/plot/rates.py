"""Firing rates: over time, and against the current."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

from fastlif.checks import Numbers, flag, numbers
from fastlif.execution.results import Events, Run
from fastlif.neurons.base import Neuron
from fastlif.plot.clock import clock_of
from fastlif.plot.data import (
    bin_width_of,
    chosen,
    counts_of,
    counts_over_time,
    select,
    spikes_of,
    steps_of,
)
from fastlif.plot.style import axes_for, axis_label, legend_beside, line_style, next_color


def population_rate(
    spikes: Run | Events | ArrayLike,
    *,
    bin_steps: int | None = None,
    packed: bool = False,
    steps: int | None = None,
    size: int | None = None,
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
        Spikes, as in :func:`raster`.
    bin_steps : int, optional
        Steps per bin. By default, there are at most 100 bins. The last one may be shorter.
    packed, neurons, neuron, time_step, time_unit
        As in :func:`raster`.
    steps, size : int, optional
        Number of steps and of neurons, required for events (``steps`` also for a run that recorded
        only events).
    ax : matplotlib.axes.Axes, optional
        Where to draw. The default is a new figure.
    **style
        Properties of the line, a ``matplotlib.lines.Line2D``.

    Returns
    -------
    matplotlib.axes.Axes
        The axes. The rate is in Hz or, without a time step, in spikes per step.

    Raises
    ------
    TypeError
        If an argument has a wrong type or dtype.
    ValueError
        If an argument has a wrong value or shape, or if the run recorded no spikes.
    IndexError
        If ``neurons`` contains an index outside the population.

    Examples
    --------
    >>> import numpy as np, fastlif
    >>> neuron = fastlif.LIF(time_step=1e-3)
    >>> run = neuron.run(np.linspace(0.2, 0.6, 50, dtype=np.float32), steps=200)
    >>> fastlif.plot.population_rate(run, bin_steps=10, neuron=neuron).get_ylabel()
    'firing rate (Hz)'
    """
    clock = clock_of(neuron, time_step, time_unit)
    found = spikes_of(spikes, flag("packed", packed), steps, size)
    index = chosen(neurons, found.number_of_neurons())
    if neurons is not None:
        found = select(found, index)
    total = found.number_of_steps()
    width = bin_width_of("bin_steps", bin_steps, total)
    edges, counts = counts_over_time(found, width)
    rate = counts / (np.diff(edges) * (clock.seconds or 1.0) * max(len(index), 1))
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
    neuron, time_step, time_unit
        As in :func:`raster`; not used for rates.
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

    Raises
    ------
    TypeError
        If an argument has a wrong type or dtype.
    ValueError
        If an argument has a wrong value or shape, or if the run recorded neither counts nor spikes.

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
        with np.errstate(invalid="ignore"):  # no steps have no rate
            y = _counts(rate) / (steps_of(rate, steps) * (seconds or 1.0))
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


def _counts(run: Run) -> Numbers:
    """Return the number of spikes of each neuron of a run."""
    return counts_of(spikes_of(run)) if run.counts is None else run.counts.ravel()
