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

These parameters have the same meaning in all functions:

spikes : Run, Events or array_like
    Spikes of shape ``(T, *population)``, bools or numbers of spikes; or a list of events; or a run,
    of which the events, the packed spikes or the spikes are drawn, whichever it recorded.
packed : bool
    Whether ``spikes`` is an array of bits, as ``run.packed``.
steps, population : int, optional
    Number of steps and of neurons. Events contain neither, packed spikes not the number of neurons,
    and a run that recorded only events not the number of steps.
neurons : slice or array_like, optional
    Neurons of the flattened population to draw: a slice, indices, or a mask.
neuron : Neuron, optional
    The neuron whose time step is used.
time_step : float, optional
    Time step, instead of that of ``neuron``.
time_unit : {"s", "ms", "us"}, optional
    Unit of the time step.
ax : matplotlib.axes.Axes, optional
    Where to draw. The default is a new figure.

All functions raise TypeError if an argument has a wrong type or dtype; ValueError if one has a
wrong value or shape, or if a run has not recorded what is drawn; and IndexError if ``neurons``
contains an index outside the population. Nothing has been drawn then.

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
