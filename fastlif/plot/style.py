"""Axes, colors and legends."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.cbook import normalize_kwargs
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from fastlif.checks import described

# Okabe and Ito, https://jfly.uni-koeln.de/color, without yellow, which is faint on white.
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
BLUE, VERMILION = PALETTE[:2]


def colors_of(count: int) -> list[Any]:
    """Return a color for each of ``count`` lines: distinct ones for few, a gradient for many."""
    if count <= len(PALETTE):
        return list(PALETTE[:count])
    return list(mpl.colormaps["cividis"](np.linspace(0, 1, count)))


def next_color(ax: Axes) -> str:
    """Return the color of the next line in ``ax``, for lines that are drawn one by one."""
    return PALETTE[len(ax.lines) % len(PALETTE)]


def ink() -> str:
    """Return the color of text, which is visible on the background of any style sheet."""
    return str(mpl.rcParams["text.color"])


def checked_axes(name: str, ax: object) -> Axes:
    """Return ``ax`` if it is one Axes."""
    if not isinstance(ax, Axes):
        raise TypeError(f"{name} must be a Matplotlib Axes or None, got {described(ax)}")
    return ax


def axes_for(ax: object) -> Axes:
    """Return ``ax`` or, if it is None, the Axes of a new figure."""
    if ax is not None:
        return checked_axes("ax", ax)
    return new_axes((1,), (6.4, 3.6))[0]


def new_axes(heights: Sequence[float], size: tuple[float, float]) -> list[Axes]:
    """Return Axes of a new pyplot figure, below one another, with a common time axis."""
    import matplotlib.pyplot as plt  # here, because it chooses a backend

    _, axes = plt.subplots(
        len(heights), sharex=True, figsize=size, height_ratios=heights,
        squeeze=False, layout="constrained",
    )  # fmt: skip
    for ax in axes[:, 0]:
        ax.spines[["top", "right"]].set_visible(False)
    return list(axes[:, 0])


def line_style(given: dict[str, Any], **default: Any) -> dict[str, Any]:
    """Return the style of a line, with the aliases in ``given`` (such as "lw") resolved."""
    return {**default, **normalize_kwargs(given, Line2D)}


def legend_beside(ax: Axes) -> None:
    """Put the legend of what has a label, if anything has, to the right of the axes."""
    by_label = {
        label: handle for handle, label in zip(*ax.get_legend_handles_labels(), strict=True)
    }
    if by_label:
        ax.legend(
            by_label.values(),
            by_label.keys(),
            loc="upper left",
            bbox_to_anchor=(1.01, 1.0),
            borderaxespad=0.0,
            frameon=False,
        )


def whole_ticks(axis: Axis) -> None:
    """Let an axis have ticks at whole numbers only, such as indices."""
    axis.set_major_locator(MaxNLocator("auto", steps=[1, 2, 5, 10], integer=True))


def axis_label(name: str, unit: str | None) -> str:
    """Return the label of an axis, with the unit if it is known."""
    if unit is not None and not isinstance(unit, str):
        raise TypeError(f"the unit of {name} must be a str or None, got {described(unit)}")
    return name if unit is None else f"{name} ({unit})"
