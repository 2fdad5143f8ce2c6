"""Current, membrane and spikes, one below the other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

from fastlif.checks import Numbers
from fastlif.execution.results import Events, Run
from fastlif.neurons.base import Neuron
from fastlif.plot.clock import clock_of
from fastlif.plot.data import columns_of, select
from fastlif.plot.membranes import (
    MOST_LABELS,
    few,
    labels_of,
    membrane_of,
    spikes_beside,
    threshold_of,
    traces,
)
from fastlif.plot.rasters import raster
from fastlif.plot.style import (
    VERMILION,
    axis_label,
    checked_axes,
    colors_of,
    line_style,
    new_axes,
)


def stack(
    current: ArrayLike,
    membrane: Run | ArrayLike,
    spikes: Run | Events | ArrayLike | None = None,
    *,
    threshold: ArrayLike | None = None,
    initial: ArrayLike | None = None,
    neurons: slice | ArrayLike | None = None,
    labels: Sequence[str] | None = None,
    neuron: Neuron | None = None,
    time_step: float | None = None,
    time_unit: str | None = None,
    current_unit: str | None = None,
    membrane_unit: str | None = None,
    axes: Sequence[Axes] | Numbers | None = None,
    **style: Any,
) -> Numbers:
    """Draw the current, the membrane and the spikes over time, one below the other.

    Parameters
    ----------
    current : array_like
        Input current, of shape ``(T, *population)``, or ``(T,)`` if the neurons share it.
    membrane : Run or array_like
        A run, or membranes of shape ``(T, *population)``.
    spikes : Run, Events or array_like, optional
        The spikes of the same neurons. The default is ``membrane.spikes`` of a run. Without spikes,
        there are two axes.
    axes : sequence of matplotlib.axes.Axes, optional
        Where to draw: three axes, or two without spikes. The default is a new figure.
    threshold : float or array_like, optional
        The threshold. The default is that of ``neuron``, if it is finite.
    initial : float or array_like, optional
        The membrane entering the first step, which the traces then start with.
    neurons : slice or array_like, optional
        Neurons to draw: a slice, indices, or a mask.
    labels : sequence of str, optional
        Labels of the traces in the legend.
    neuron : Neuron, optional
        The neuron whose threshold and time step are used.
    time_step : float, optional
        Time step, instead of that of ``neuron``.
    time_unit : {"s", "ms", "us"}, optional
        Unit of the time step; see :mod:`fastlif.plot`.
    current_unit : str, optional
        Unit of the current, for the label of the axis.
    membrane_unit : str, optional
        Unit of the membrane, for the label of the axis.
    **style
        Properties of the traces, ``matplotlib.lines.Line2D``.

    Returns
    -------
    numpy.ndarray
        The Axes.

    Examples
    --------
    >>> import numpy as np, fastlif
    >>> neuron = fastlif.LIF(time_step=1e-3)
    >>> current = np.repeat(np.float32([0, 0.3]), [10, 190])
    >>> axes = fastlif.plot.stack(
    ...     current, neuron.run(current), neuron=neuron, current_unit="A", membrane_unit="V"
    ... )
    >>> [ax.get_ylabel() for ax in axes]
    ['current (A)', 'membrane (V)', 'spikes']
    """
    clock = clock_of(neuron, time_step, time_unit)
    columns = membrane_of(membrane)
    steps, size = columns.shape
    found = spikes_beside(membrane, spikes, columns, 1)
    index = few(neurons, size)
    labels_of(labels, index)
    threshold_of(threshold, neuron, size)
    input_label = axis_label("current", current_unit)
    currents = columns_of("current", current)
    if len(currents) != steps or currents.shape[1] not in (1, size):
        raise ValueError(
            f"current must have {steps} steps, as membrane, and be of one neuron or of all "
            f"{size}, got shape {np.shape(current)}"
        )
    panels = 2 if found is None else 3
    if axes is None:
        heights = (1.0, 2.0, min(0.4 + 0.1 * len(index), 2.0))[:panels]
        drawn = new_axes(heights, (6.4, 1.6 * panels))
    else:
        drawn = [checked_axes("each of axes", ax) for ax in np.ravel(np.asarray(axes, object))]
        if len(drawn) != panels:
            raise ValueError(f"axes must be {panels} Axes, got {len(drawn)}")
    top, middle = drawn[:2]

    shared = currents.shape[1] == 1
    shown = currents if shared else currents[:, index]
    edges = clock.starts(np.arange(steps + 1))
    colors = [VERMILION] if shared or len(index) == 1 else colors_of(len(index))
    for column, color in zip(shown.T, colors, strict=True):
        held = np.append(column, column[-1:])  # a current is constant within a step
        ax_style = line_style(style, color=color, linewidth=1.2)
        top.plot(edges[: len(held)], held, drawstyle="steps-post", **ax_style)
    top.set_ylabel(input_label)
    traces(
        columns, threshold=threshold, initial=initial, neurons=index, labels=labels, neuron=neuron,
        time_step=time_step, time_unit=time_unit, membrane_unit=membrane_unit, ax=middle, **style,
    )  # fmt: skip
    middle.set_xlabel("")
    if found is not None:
        raster(
            select(found, index).events, steps=steps, population=len(index), y=index,
            time_step=clock.ms, time_unit="ms", ax=drawn[2],
        )  # fmt: skip
        drawn[2].set(ylabel="spikes", yticks=index if 1 < len(index) <= MOST_LABELS else [])
    drawn[-1].set_xlabel(clock.label)
    if steps:
        for ax in drawn:
            ax.set_xlim(*clock.limits(0, steps))
    together = np.empty(panels, object)
    together[:] = drawn
    return together
