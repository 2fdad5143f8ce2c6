"""Membranes and currents over time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

from fastlif.checks import Numbers, numbers, whole
from fastlif.execution.results import Events, Run
from fastlif.neurons.base import Neuron
from fastlif.plot.clock import Clock, clock_of
from fastlif.plot.data import Spikes, chosen, columns_of, select, spikes_of
from fastlif.plot.rasters import add_ticks
from fastlif.plot.style import (
    axes_for,
    axis_label,
    colors_of,
    ink,
    legend_beside,
    line_style,
)

_MOST = 100  # more lines than this are unreadable, and likely a mistake
MOST_LABELS = 8


def threshold_of(threshold: ArrayLike | None, neuron: Neuron | None, size: int) -> Numbers | None:
    """Return the threshold of each of ``size`` neurons, relative to what the membrane is."""
    name = "threshold"
    if threshold is not None:
        array = numbers("threshold", threshold)
    elif neuron is not None:
        array, name = neuron.constants(np.dtype(np.float64))["threshold"], "neuron.threshold"
    else:
        return None
    if array.size not in (1, size):
        raise ValueError(
            f"{name} must have one value, or one for each of the {size} neurons of membrane, got "
            f"shape {array.shape}; give threshold="
        )
    return np.broadcast_to(array.reshape(-1), (size,))


def spikes_beside(membrane: object, spikes: Any, columns: Numbers, every: int) -> Spikes | None:
    """Return the spikes of the neurons in ``columns`` of ``membrane``, if there are any records."""
    size = columns.shape[1]
    if spikes is None and isinstance(membrane, Run):
        # Not its events, which are of all neurons: the membrane may be of some, in any order.
        spikes = membrane.spikes
    if spikes is None:
        return None
    found = spikes_of(spikes, population=size if isinstance(spikes, Events) else None)
    if found.size != size:
        raise ValueError(
            f"spikes must be of the {size} neurons of membrane, got those of {found.size}"
        )
    if found.steps is not None and -(-found.steps // every) != len(columns):
        expected = len(columns) * every
        raise ValueError(f"spikes must have {expected} steps, as membrane, got {found.steps}")
    return found


def membrane_of(value: Run | ArrayLike) -> Numbers:
    """Return the membranes as one column per neuron."""
    if isinstance(value, Run):
        if value.membrane is None:
            raise ValueError("the run has no membrane to draw; run with record='membrane'")
        value = value.membrane
    return columns_of("membrane", value)


def labels_of(labels: Sequence[str] | None, index: Numbers) -> list[str | None]:
    """Return the labels of the lines; few lines are labeled by default."""
    if labels is None:
        if 1 < len(index) <= MOST_LABELS:
            return [f"neuron {j}" for j in index]
        return [None] * len(index)
    if isinstance(labels, str) or len(labels) != len(index):
        raise ValueError(
            f"labels must be a sequence of one label per line, {len(index)}, got {labels!r}"
        )
    return list(labels)


def few(neurons: slice | ArrayLike | None, size: int) -> Numbers:
    """Return the neurons to draw, which must not be too many."""
    index = chosen(neurons, size)
    if len(index) > _MOST:
        raise ValueError(
            f"at most {_MOST} traces can be drawn, got {len(index)} neurons; select some with "
            "neurons="
        )
    return index


def traces(
    membrane: Run | ArrayLike,
    *,
    spikes: Run | Events | ArrayLike | None = None,
    threshold: ArrayLike | None = None,
    initial: ArrayLike | None = None,
    neurons: slice | ArrayLike | None = None,
    every: int = 1,
    labels: Sequence[str] | None = None,
    neuron: Neuron | None = None,
    time_step: float | None = None,
    time_unit: str | None = None,
    membrane_unit: str | None = None,
    ax: Axes | None = None,
    **style: Any,
) -> Axes:
    """Draw membranes over time, with the threshold, and marks above them for the spikes.

    Parameters
    ----------
    membrane : Run or array_like
        A run, or membranes of shape ``(T, *population)``.
    spikes : Run, Events or array_like, optional
        The spikes of the same neurons. The default is ``membrane.spikes`` of a run.
    threshold : float or array_like, optional
        The threshold, a number or one value per neuron. The default is that of ``neuron``, if it
        is finite.
    initial : float or array_like, optional
        The membrane entering the first step, which the traces then start with.
    neurons : slice or array_like, optional
        Columns of ``membrane`` to draw: a slice, indices, or a mask. Required for more than 100.
    every : int
        The ``every`` of the run: row ``k`` is the membrane after step ``k*every``.
    labels : sequence of str, optional
        Labels of the traces in the legend. Up to 8 traces are labeled by default.
    neuron : Neuron, optional
        The neuron whose threshold and time step are used.
    time_step : float, optional
        Time step, instead of that of ``neuron``.
    time_unit : {"s", "ms", "us"}, optional
        Unit of the time step; see :mod:`fastlif.plot`.
    membrane_unit : str, optional
        Unit of the membrane, for the label of the axis.
    ax : matplotlib.axes.Axes, optional
        Where to draw. The default is a new figure.
    **style
        Properties of the traces, ``matplotlib.lines.Line2D``.

    Returns
    -------
    matplotlib.axes.Axes
        The axes.

    Examples
    --------
    >>> import numpy as np, fastlif
    >>> neuron = fastlif.LIF(time_step=1e-3)
    >>> run = neuron.run(np.float32([0.25, 0.4]), steps=200)
    >>> ax = fastlif.plot.traces(run, neuron=neuron, membrane_unit="V")
    >>> ax.get_xlabel(), ax.get_ylabel()
    ('time (ms)', 'membrane (V)')
    """
    clock = clock_of(neuron, time_step, time_unit)
    columns = membrane_of(membrane)
    step = np.arange(len(columns)) * whole("every", every, 1)
    size = columns.shape[1]
    found = spikes_beside(membrane, spikes, columns, every)
    limits = threshold_of(threshold, neuron, size)
    index = few(neurons, size)
    names = labels_of(labels, index)
    ylabel = axis_label("membrane", membrane_unit)
    columns = columns[:, index]
    if initial is not None:
        first = numbers("initial", initial).reshape(-1)
        if first.size not in (1, size):
            raise ValueError(f"initial must have one value, or {size}, got {first.size}")
        first = np.broadcast_to(first, (size,))[index]
        step, columns = np.append(-1, step), np.vstack([first[None], columns])
    ax = axes_for(ax)
    colors = colors_of(len(index))
    for column, color, name in zip(columns.T, colors, names, strict=True):
        default = {"color": color, "label": name, "linewidth": 1.2}
        ax.plot(clock.ends(step), column, **line_style(style, **default))
    if limits is not None:
        _draw_threshold(ax, limits[index], colors)
    if found is not None:
        _draw_spikes(ax, clock, select(found, index), columns, limits, colors)
    ax.set(xlabel=clock.label, ylabel=ylabel)
    if len(step):
        left, right = clock.limits(0, int(step[-1]) + 1)
        ax.set_xlim(min(left, float(clock.ends(step[0]))), right)
    legend_beside(ax)
    return ax


def _draw_threshold(ax: Axes, limits: Numbers, colors: list[Any]) -> None:
    """Draw the thresholds: one line if all neurons share it, else one in the color of each."""
    dashed: dict[str, Any] = {"linestyle": "--", "linewidth": 0.8}
    shared = np.unique(limits[np.isfinite(limits)])
    if len(shared) == 1:
        ax.axhline(shared.item(), color=ink(), label="threshold", **dashed)
    elif len(shared):
        for limit, color in zip(limits, colors, strict=True):
            if np.isfinite(limit):
                ax.axhline(limit, color=color, **dashed)


def _draw_spikes(
    ax: Axes,
    clock: Clock,
    spikes: Spikes,
    columns: Numbers,
    limits: Numbers | None,
    colors: list[Any],
) -> None:
    """Mark the spikes above everything else, in one row per neuron."""
    drawn = np.concatenate([columns.ravel(), [] if limits is None else limits])
    drawn = drawn[np.isfinite(drawn)].astype(np.float64)
    low, high = (drawn.min(), drawn.max()) if len(drawn) else (0.0, 1.0)
    row = min(0.07, 0.4 / max(len(colors), 1)) * ((high - low) or 1.0)
    for j, color in enumerate(colors):
        step = spikes.step[spikes.neuron == j]
        if len(step):
            y = np.full(len(step), high + row * (j + 1))
            style = {"color": color, "markeredgewidth": 1.2, "label": None}
            if len(colors) == 1:
                style |= {"color": ink(), "label": "spikes"}
            add_ticks(ax, clock.ends(step), y, (clock.ms or 1.0, row), style)
    ax.autoscale_view()
