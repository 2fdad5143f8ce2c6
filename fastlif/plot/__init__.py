"""Figures of runs, with Matplotlib (``pip install 'fastlif[plot]'``).

================== ===========================================================
``traces``         membranes over time, with threshold and spikes
``stack``          current, membrane and spikes, one below the other
``raster``         spikes of a population
``population_rate`` firing rate of a population over time
``spike_counts``   histogram of the number of spikes per neuron
``intervals``      histogram of the intervals between a neuron's spikes
``fi_curve``       firing rate against current
``animate``        any of the figures over time, played back
``animate_image``  a two-dimensional population over time, played back
================== ===========================================================

Each function draws into the Axes ``ax`` and returns it (``stack``: an array of Axes). Without
``ax``, it creates a figure with ``matplotlib.pyplot``, as pandas does, which a notebook shows and
``plt.show()`` opens; close it with ``plt.close(ax.figure)``. Nothing else is changed: no rcParams,
no current figure of yours, and nothing is shown. Further keyword arguments are passed to the
artist, such as ``color=`` or ``linewidth=``.

**Time.** With the time step known, from ``neuron=`` or ``time_step=``, time is in milliseconds.
The membrane after step ``t``, and the spikes that step ``t`` reports, are drawn at the end of the
step, ``(t + 1)*time_step``; the current of step ``t`` is drawn during the step. Without a time
step, they are drawn at the number ``t`` of the step. ``time_unit`` is the unit of ``time_step``:
"s" (default), "ms" or "us". The default for a neuron of NEST is "ms". A neuron's time step of 1 s,
which is snnTorch's default, counts as unknown unless ``time_unit`` is given.

**Legends** are to the right of the axes, where they cover no data. Create figures of your own with
``layout="constrained"``, which makes room for them.

Colors are those of Okabe and Ito, which color-blind readers can distinguish.
"""

from fastlif.plot.animation import animate, animate_image
from fastlif.plot.histograms import intervals, spike_counts
from fastlif.plot.membranes import traces
from fastlif.plot.panels import stack
from fastlif.plot.rasters import raster
from fastlif.plot.rates import fi_curve, population_rate

__all__ = [
    "animate",
    "animate_image",
    "fi_curve",
    "intervals",
    "population_rate",
    "raster",
    "spike_counts",
    "stack",
    "traces",
]


def __dir__() -> list[str]:
    """List the functions only, not the modules that they stand in."""
    return __all__
