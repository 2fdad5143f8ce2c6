"""Histograms of spike counts and of interspike intervals."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cbook import normalize_kwargs
from matplotlib.patches import StepPatch
from numpy.typing import ArrayLike

from fastlif.checks import Numbers, flag
from fastlif.execution.results import Events, Run
from fastlif.neurons.base import Neuron
from fastlif.plot.clock import clock_of
from fastlif.plot.data import (
    bin_width_of,
    chosen,
    counts_of,
    intervals_of,
    select,
    spikes_of,
)
from fastlif.plot.style import BLUE, axes_for, legend_beside


def _histogram(values: Numbers, width: int, scale: float, ax: Axes, style: dict[str, Any]) -> None:
    """Draw the frequencies of whole numbers in bins of ``width`` numbers."""
    heights = np.bincount(values // width)
    edges = (np.arange(len(heights) + 1) * width - 0.5) * scale
    patch = normalize_kwargs(style, StepPatch)
    if not patch.keys() & {"color", "facecolor", "edgecolor"}:
        patch["color"] = BLUE
    ax.stairs(heights, edges, **{"fill": True, **patch})
    if len(heights):
        ax.set_xlim(edges[0], edges[-1])
        ax.set_ylim(bottom=0)
    legend_beside(ax)


def spike_counts(
    spikes: Run | Events | ArrayLike,
    *,
    bin_width: int | None = None,
    packed: bool = False,
    size: int | None = None,
    ax: Axes | None = None,
    **style: Any,
) -> Axes:
    """Draw a histogram of the number of spikes of each neuron.

    Parameters
    ----------
    spikes : Run, Events or array_like
        Spikes, as in :func:`raster`; of a run, the counts are sufficient.
    bin_width : int, optional
        Width of the bins. By default, there are at most 100.
    packed, size
        As in :func:`raster`. ``size`` is required for events, because neurons that never fire
        count, too.
    ax : matplotlib.axes.Axes, optional
        Where to draw. The default is a new figure.
    **style
        Properties of the histogram, a ``matplotlib.patches.StepPatch``.

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
    >>> current = np.linspace(0.2, 0.6, 50, dtype=np.float32)
    >>> run = fastlif.LIF().run(current, steps=200, record="counts")
    >>> fastlif.plot.spike_counts(run).get_xlabel()
    'spikes per neuron'
    """
    if isinstance(spikes, Run) and spikes.counts is not None:
        counts = spikes.counts.ravel()
    else:
        counts = counts_of(spikes_of(spikes, flag("packed", packed), None, size))
    width = bin_width_of("bin_width", bin_width, int(counts.max(initial=0)) + 1)
    ax = axes_for(ax)
    _histogram(counts, width, 1.0, ax, style)
    ax.set(xlabel="spikes per neuron", ylabel="neurons")
    return ax


def intervals(
    spikes: Run | Events | ArrayLike,
    *,
    bin_steps: int | None = None,
    packed: bool = False,
    size: int | None = None,
    neurons: slice | ArrayLike | None = None,
    neuron: Neuron | None = None,
    time_step: float | None = None,
    time_unit: str | None = None,
    ax: Axes | None = None,
    **style: Any,
) -> Axes:
    """Draw a histogram of the intervals between successive spikes of each neuron (ISI).

    Parameters
    ----------
    spikes : Run, Events or array_like
        Spikes, as in :func:`raster`.
    bin_steps : int, optional
        Width of the bins in steps, because the intervals are drawn in whole steps, also those of
        spikes with offsets within steps (for their histogram, see
        :func:`fastlif.spikes.intervals`). By default, there are at most 100 bins.
    packed, size, neurons, neuron, time_step, time_unit
        As in :func:`raster`.
    ax : matplotlib.axes.Axes, optional
        Where to draw. The default is a new figure.
    **style
        Properties of the histogram, a ``matplotlib.patches.StepPatch``.

    Returns
    -------
    matplotlib.axes.Axes
        The axes.

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
    >>> fastlif.plot.intervals(run, neuron=neuron).get_xlabel()
    'interspike interval (ms)'
    """
    clock = clock_of(neuron, time_step, time_unit)
    found = spikes_of(spikes, flag("packed", packed), None, size)
    if neurons is not None:
        found = select(found, chosen(neurons, found.number_of_neurons()))
    between = intervals_of(found)
    width = bin_width_of("bin_steps", bin_steps, int(between.max(initial=0)) + 1)
    ax = axes_for(ax)
    _histogram(between, width, clock.ms or 1.0, ax, style)
    unit = "steps" if clock.ms is None else "ms"
    ax.set(xlabel=f"interspike interval ({unit})", ylabel="intervals")
    return ax
