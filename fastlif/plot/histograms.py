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
from fastlif.plot.data import bin_width_of, chosen, select, spikes_of
from fastlif.plot.style import BLUE, axes_for, legend_beside
from fastlif.spikes import counts as counts_of
from fastlif.spikes import intervals as intervals_of


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
    population: int | tuple[int, ...] | None = None,
    ax: Axes | None = None,
    **style: Any,
) -> Axes:
    """Draw a histogram of the number of spikes of each neuron.

    Parameters
    ----------
    spikes : Run, Events or array_like
        Spikes in any form; see :mod:`fastlif.plot`. Of a run, the counts are sufficient.
    bin_width : int, optional
        Width of the bins. By default, there are at most 100.
    packed : bool
        Whether ``spikes`` is an array of bits, as ``run.packed``.
    population : int or tuple of int, optional
        Number of neurons, required for events: those that never fire count, too.
    ax : matplotlib.axes.Axes, optional
        Where to draw. The default is a new figure.
    **style
        Properties of the histogram, a ``matplotlib.patches.StepPatch``.

    Returns
    -------
    matplotlib.axes.Axes
        The axes.

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
        found = spikes_of(spikes, flag("packed", packed), None, population)
        counts = counts_of(found.events, population=found.number_of_neurons())
    width = bin_width_of("bin_width", bin_width, int(counts.max(initial=0)) + 1)
    ax = axes_for(ax)
    _histogram(counts, width, 1.0, ax, style)
    ax.set(xlabel="spikes per neuron", ylabel="neurons")
    return ax


def intervals(
    spikes: Run | Events | ArrayLike,
    *,
    bin_width: int | None = None,
    packed: bool = False,
    population: int | tuple[int, ...] | None = None,
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
        Spikes in any form; see :mod:`fastlif.plot`.
    bin_width : int, optional
        Width of the bins in steps, because the intervals are drawn in whole steps, also those of
        spikes with offsets within steps (for their histogram, see
        :func:`fastlif.spikes.intervals`). By default, there are at most 100 bins.
    packed : bool
        Whether ``spikes`` is an array of bits, as ``run.packed``.
    population : int or tuple of int, optional
        Number of neurons.
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
        Properties of the histogram, a ``matplotlib.patches.StepPatch``.

    Returns
    -------
    matplotlib.axes.Axes
        The axes.

    Examples
    --------
    >>> import numpy as np, fastlif
    >>> neuron = fastlif.LIF(time_step=1e-3)
    >>> run = neuron.run(np.linspace(0.2, 0.6, 50, dtype=np.float32), steps=200)
    >>> fastlif.plot.intervals(run, neuron=neuron).get_xlabel()
    'interspike interval (ms)'
    """
    clock = clock_of(neuron, time_step, time_unit)
    found = spikes_of(spikes, flag("packed", packed), None, population)
    if neurons is not None:
        found = select(found, chosen(neurons, found.number_of_neurons()))
    each = intervals_of(found.events, 1.0, population=found.drawn_neurons())
    between = np.concatenate([np.empty(0), *each]).astype(np.int64)  # in steps
    width = bin_width_of("bin_width", bin_width, int(between.max(initial=0)) + 1)
    ax = axes_for(ax)
    _histogram(between, width, clock.ms or 1.0, ax, style)
    unit = "steps" if clock.ms is None else "ms"
    ax.set(xlabel=f"interspike interval ({unit})", ylabel="intervals")
    return ax
