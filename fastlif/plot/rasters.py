"""Spikes as tick marks: one row per neuron."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.artist import allow_rasterization
from matplotlib.axes import Axes
from matplotlib.backend_bases import RendererBase
from matplotlib.lines import Line2D
from numpy.typing import ArrayLike

from fastlif.checks import Numbers, flag, numbers
from fastlif.execution.results import Events, Run
from fastlif.neurons.base import Neuron
from fastlif.plot.clock import clock_of
from fastlif.plot.data import chosen, select, spikes_of
from fastlif.plot.style import axes_for, ink, legend_beside, line_style, whole_ticks

# Vector formats store more marks than this as an image: a million would take 30 MB in a PDF.
_MANY = 20_000
_LEAST = 1.5  # height of a mark in points
_FAINTEST = 0.03  # opacity; 8 bits per color cannot add up much less
_EVENLY = (0.7548776662, 0.5698402910)  # multiples of these, modulo 1, fill a square evenly
_FILL = 0.8  # height of a mark, as a fraction of its row


class Ticks(Line2D):
    """Marks whose height follows that of a row, also when the figure is resized or zoomed.

    If there are more marks than pixels, they are translucent, so that their density is visible.
    Markers are stamped, which makes them 10 to 20 times as fast as a LineCollection of segments
    in data coordinates.
    """

    def __init__(self, x: Numbers, y: Numbers, grid: tuple[float, float], **style: Any) -> None:
        super().__init__(x, y, linestyle="none", marker="|", **style)
        self._grid, self._count, self._own_alpha = grid, len(x), "alpha" not in style
        self._extent = [(f(x), f(y)) for f in (np.min, np.max)] if len(x) else [(0, 0), (1, 1)]

    @allow_rasterization  # type: ignore  # Matplotlib declares no types for it
    def draw(self, renderer: RendererBase) -> None:
        """Set the height of the marks, which remain visible, and draw them."""
        ax, figure = self.axes, self.get_figure()
        if ax is None or figure is None:
            return
        first, last = ax.transData.transform(self._extent)
        cell = np.abs(ax.transData.transform(np.subtract(self._extent[1], self._grid)) - last)
        point = figure.dpi / 72  # in pixels
        height = max(cell[1] * _FILL, _LEAST * point)
        covered = self._count * height * self.get_markeredgewidth() * point
        width, extent = np.maximum(np.abs(last - first), 1.0)
        share = width * (extent + height) / max(covered, 1.0)
        exact = self.get_data()
        notify, self.stale_callback = self.stale_callback, None  # or it would draw again and again
        self.set_markersize(height / point)
        if self._own_alpha:
            self.set_alpha(None if share >= 1 else max(share, _FAINTEST))
        if share < 1:
            self.set_data(*self._dispersed(exact, cell))
        super().draw(renderer)
        self.set_data(*exact)
        self.stale, self.stale_callback = False, notify

    def _dispersed(self, exact: tuple[Any, Any], cell: Numbers) -> list[Numbers]:
        """Spread marks evenly over the width of a step and the height of a row, if below a pixel.

        Stamps are at whole pixels: without this, pixels of two steps and pixels of three would
        alternate, and look like a rhythm.
        """
        number = np.arange(self._count)
        return [
            values + (number * ratio % 1 - 0.5) * size if pixels < 1 else values
            for values, ratio, size, pixels in zip(exact, _EVENLY, self._grid, cell, strict=True)
        ]


def add_ticks(
    ax: Axes, x: Numbers, y: Numbers, grid: tuple[float, float], style: dict[str, Any]
) -> Ticks:
    """Draw marks at ``(x, y)`` into ``ax``; ``grid`` is the width of a step and height of a row."""
    default = {"color": ink(), "markeredgewidth": 0.8, "rasterized": len(x) > _MANY}
    ticks = Ticks(x, y, grid, **line_style(style, **default))
    ax.add_line(ticks)
    return ticks


def raster(
    spikes: Run | Events | ArrayLike,
    *,
    packed: bool = False,
    steps: int | None = None,
    population: int | tuple[int, ...] | None = None,
    neurons: slice | ArrayLike | None = None,
    y: ArrayLike | None = None,
    neuron: Neuron | None = None,
    time_step: float | None = None,
    time_unit: str | None = None,
    ax: Axes | None = None,
    **style: Any,
) -> Axes:
    """Draw each spike as a mark, at its time and in the row of its neuron.

    Parameters
    ----------
    spikes : Run, Events or array_like
        Spikes in any form; see :mod:`fastlif.plot`.
    packed : bool
        Whether ``spikes`` is an array of bits, as ``run.packed``.
    steps : int, optional
        Number of steps. By default, the axes of events end at the last one.
    population : int or tuple of int, optional
        Number of neurons. The default for events is that of neurons up to the last that fires.
    neurons : slice or array_like, optional
        Neurons to draw: a slice, indices, or a mask.
    y : array_like, optional
        The vertical position of each neuron of the population, such as its input current. The
        default is its index.
    neuron : Neuron, optional
        The neuron whose time step is used.
    time_step : float, optional
        Time step, instead of that of ``neuron``.
    time_unit : {"s", "ms", "us"}, optional
        Unit of the time step; see :mod:`fastlif.plot`.
    ax : matplotlib.axes.Axes, optional
        Where to draw. The default is a new figure.
    **style
        Properties of the marks, a ``matplotlib.lines.Line2D``.

    Returns
    -------
    matplotlib.axes.Axes
        The axes.

    Notes
    -----
    A million spikes take about half a second. PDF and SVG files contain more than 20,000 spikes as
    an image (``rasterized=False`` changes this). If there are more spikes than pixels, the marks
    are translucent, so that their density remains visible (``alpha=1`` changes this), and steps
    and rows that are narrower than a pixel are blended.

    Examples
    --------
    >>> import numpy as np, fastlif
    >>> neuron = fastlif.LIF(time_step=1e-3)
    >>> run = neuron.run(np.linspace(0.2, 0.6, 50, dtype=np.float32), steps=200)
    >>> ax = fastlif.plot.raster(run, neuron=neuron)
    >>> ax.get_xlabel(), ax.get_ylabel()
    ('time (ms)', 'neuron')
    """
    clock = clock_of(neuron, time_step, time_unit)
    found = spikes_of(spikes, flag("packed", packed), steps, population)
    last = found.drawn_neurons()
    end = int(found.step.max(initial=-1)) + 1 if found.steps is None else found.steps
    found = found._replace(size=last)
    index = chosen(neurons, last)
    if neurons is not None:
        found = select(found, index)
    if y is None:
        place = index
    else:
        place = numbers("y", y).reshape(-1)
        if len(place) != last:
            raise ValueError(f"y must have one value per neuron, {last}, got {len(place)}")
        place = place[index]
    ax = axes_for(ax)
    extent = float(np.ptp(place)) if len(place) else 0.0
    row = extent / (len(place) - 1) if extent else 1.0
    add_ticks(ax, clock.ends(found.step), place[found.neuron], (clock.ms or 1.0, row), style)
    ax.set_xlabel(clock.label)
    if end:
        ax.set_xlim(*clock.limits(0, end))
    if len(place):
        ax.set_ylim(place.min() - row / 2, place.max() + row / 2)
    if y is None:
        ax.set_ylabel("neuron")
        whole_ticks(ax.yaxis)
    legend_beside(ax)
    return ax
