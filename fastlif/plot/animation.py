"""Figures that are played back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.animation import FuncAnimation
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.transforms import Bbox, TransformedBbox
from numpy.typing import ArrayLike

from fastlif.checks import Numbers, number, numbers, whole
from fastlif.neurons.base import Neuron
from fastlif.plot.clock import clock_of
from fastlif.plot.style import axes_for, checked_axes, whole_ticks


def animate(
    axes: Axes | Sequence[Axes] | Numbers, *, frames: int = 100, interval: float = 40.0
) -> FuncAnimation:
    """Play back what was drawn over time: a raster, traces, a stack or a population rate.

    The lines and marks in ``axes`` appear from the left to the right. Thresholds, limits and labels
    do not move.

    Parameters
    ----------
    axes : matplotlib.axes.Axes or sequence of them
        What a function of :mod:`fastlif.plot` returned, or several of them from one figure.
    frames : int
        Number of frames.
    interval : float
        Time between two frames (ms).

    Returns
    -------
    matplotlib.animation.FuncAnimation
        The animation. Keep a reference to it while it runs. ``.save("raster.gif")`` writes a file,
        and ``.to_jshtml()`` is for notebooks; both draw every frame, at 0.1 s or more each.

    Raises
    ------
    TypeError
        If ``axes`` does not contain Axes.
    ValueError
        If ``axes`` is empty, or if the Axes are from different figures.

    Examples
    --------
    >>> import numpy as np, fastlif
    >>> run = fastlif.LIF().run(np.linspace(0.2, 0.6, 50, dtype=np.float32), steps=200)
    >>> animation = fastlif.plot.animate(fastlif.plot.raster(run), frames=3)
    >>> len(animation.to_jshtml()) > 1000
    True
    """
    listed = [axes] if isinstance(axes, Axes) else list(np.ravel(np.asarray(axes, object)))
    together = [checked_axes("each of axes", ax) for ax in listed]
    if len({ax.figure for ax in together}) != 1:
        raise ValueError("axes must contain at least one Axes, and all must be in one figure")
    count, milliseconds = whole("frames", frames, 1), number("interval", interval, above=0)
    visible = Bbox.unit()  # in units of each of the axes
    moving: list[Artist] = []
    for ax in together:
        # A line across the axes, such as a threshold, has another transform.
        lines = [line for line in ax.lines if line.get_transform() == ax.transData]
        for line in lines:
            line.set_clip_box(TransformedBbox(visible, ax.transAxes))
        moving += lines

    def reveal(frame: int) -> list[Artist]:
        visible.x1 = (frame + 1) / count
        for artist in moving:
            artist.stale = True
        return moving

    figure = together[0].get_figure()
    return FuncAnimation(figure, reveal, frames=count, interval=milliseconds)  # type: ignore[arg-type]


def animate_image(
    values: ArrayLike,
    *,
    interval: float = 40.0,
    neuron: Neuron | None = None,
    time_step: float | None = None,
    time_unit: str | None = None,
    ax: Axes | None = None,
    **style: Any,
) -> FuncAnimation:
    """Play back the spikes or membranes of a population with two axes, as images.

    Parameters
    ----------
    values : array_like
        Spikes or membranes of shape ``(T, rows, columns)``; one frame per step.
    interval : float
        Time between two frames (ms).
    neuron : Neuron, optional
        The neuron whose time step is used for the title, which is the time.
    time_step : float, optional
        Time step, instead of that of ``neuron``.
    time_unit : {"s", "ms", "us"}, optional
        Unit of the time step; see :mod:`fastlif.plot`.
    ax : matplotlib.axes.Axes, optional
        Where to draw. The default is a new figure.
    **style
        Arguments of ``matplotlib.axes.Axes.imshow``, such as ``cmap=``.

    Returns
    -------
    matplotlib.animation.FuncAnimation
        The animation, as :func:`animate` returns it.

    Examples
    --------
    >>> import numpy as np, fastlif
    >>> current = np.linspace(0.2, 0.6, 64, dtype=np.float32).reshape(8, 8)
    >>> run = fastlif.LIF().run(current, steps=3)
    >>> animation = fastlif.plot.animate_image(run.membrane, time_step=1e-3)
    >>> len(animation.to_jshtml()) > 1000
    True
    """
    clock = clock_of(neuron, time_step, time_unit)
    array = numbers("values", values)
    if array.ndim != 3 or not array.size:
        raise ValueError(f"values must have shape (T, rows, columns), got {array.shape}")
    milliseconds = number("interval", interval, above=0)
    finite = array[np.isfinite(array)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    ax = axes_for(ax)
    default = {"cmap": "cividis", "vmin": low, "vmax": high, "interpolation": "nearest"}
    image = ax.imshow(array[0], **{**default, **style})
    whole_ticks(ax.xaxis)
    whole_ticks(ax.yaxis)
    title = ax.set_title("")

    def show(step: int) -> list[Artist]:
        image.set_data(array[step])
        title.set_text(f"step {step}" if clock.ms is None else f"{clock.ends(step):g} ms")
        return [image, title]

    figure = ax.get_figure()
    return FuncAnimation(figure, show, frames=len(array), interval=milliseconds)  # type: ignore[arg-type]
