"""Distances between spike trains."""

from collections.abc import Callable
from typing import Any

import numpy as np

from fastlif.checks import Numbers, number, parameter
from fastlif.execution.parallel import for_each, thread_count
from fastlif.kernels.distances import distance_kernel
from fastlif.spikes.source import read, read_only
from fastlif.spikes.spike_trains import Trains, trains_of

_PAIRS = 64  # compared at a time, or fewer if they take long: Ctrl-C waits for them
_CELLS = 2**22  # of tables
_WORTH_A_THREAD = 2**15  # spikes that are compared


def van_rossum(
    spikes: Any,
    other: Any = None,
    *,
    time_step: float,
    tau: float,
    steps: int | None = None,
    population: int | tuple[int, ...] | None = None,
    offsets: Any = None,
    other_offsets: Any = None,
) -> Numbers:
    r"""Return van Rossum's distances between spike trains.

    Each spike is replaced with an exponential, which starts at the spike and decays with the time
    constant :math:`\tau`. The distance is

    .. math:: D = \sqrt{\frac{2}{\tau} \int_0^\infty (f(t) - g(t))^2 \, dt}.

    A train with one spike has a distance of 1 from one without spikes, and two trains whose spikes
    are far apart have the square root of their number of spikes.

    Parameters
    ----------
    spikes : Run, Events or numpy.ndarray
        Spikes in any format; see :mod:`fastlif.spikes`.
    other : Run, Events or numpy.ndarray, optional
        Spikes of the same population, to compare each neuron with itself. By default, the neurons
        of ``spikes`` are compared with one another.
    time_step : float
        Time step, positive.
    tau : float
        Time constant, positive, in the unit of ``time_step``. With ``numpy.inf``, the distance is
        the difference of the numbers of spikes.
    steps : int, optional
        Number of steps.
    population : int or tuple of int, optional
        Shape of the population. Required for packed spikes and events.
    offsets, other_offsets : array_like, optional
        When within its step each spike occurs, from 0 to 1.

    Returns
    -------
    numpy.ndarray
        float64. With ``other``, one distance per neuron, of the population's shape. Otherwise, the
        distances between all neurons of the flattened population, of shape ``(N, N)``.

    Notes
    -----
    The distance is normalized as in [2]_ and in Elephant. Divide it by the square root of 2 for the
    normalization of [1]_.

    References
    ----------
    .. [1] M. C. W. van Rossum, "A novel spike distance", Neural Computation 13, 2001.
    .. [2] C. Houghton and T. Kreuz, "On the efficient calculation of van Rossum distances",
       Network: Computation in Neural Systems 23, 2012.

    Examples
    --------
    >>> import fastlif
    >>> events = fastlif.Events([0, 2, 2], [2, 0, 2])
    >>> fastlif.spikes.van_rossum(events, time_step=1e-3, tau=5e-3, population=3).round(3)
    array([[0.   , 1.   , 1.   ],
           [1.   , 0.   , 1.828],
           [1.   , 1.828, 0.   ]])
    """
    dt = number("time_step", time_step, above=0)
    constant = _not_nan("tau", tau, above=0)
    both = _both(spikes, other, dt, steps, population, offsets, other_offsets)
    return _distances("van_rossum", *both, 1 / constant)


def victor_purpura(
    spikes: Any,
    other: Any = None,
    *,
    time_step: float,
    cost: float,
    steps: int | None = None,
    population: int | tuple[int, ...] | None = None,
    offsets: Any = None,
    other_offsets: Any = None,
) -> Numbers:
    """Return Victor and Purpura's distances between spike trains.

    The distance is the least cost of turning one train into the other: 1 for inserting or deleting
    a spike, and ``cost*abs(shift)`` for shifting one in time.

    Parameters
    ----------
    spikes : Run, Events or numpy.ndarray
        Spikes in any format; see :mod:`fastlif.spikes`.
    other : Run, Events or numpy.ndarray, optional
        Spikes of the same population, to compare each neuron with itself. By default, the neurons
        of ``spikes`` are compared with one another.
    time_step : float
        Time step, positive.
    cost : float
        Cost of shifting a spike by one unit of time, per the unit of ``time_step``, not negative.
        With 0, the distance is the difference of the numbers of spikes; with ``numpy.inf``, it is
        the number of spikes that the other train does not have at the same time.
    steps : int, optional
        Number of steps.
    population : int or tuple of int, optional
        Shape of the population. Required for packed spikes and events.
    offsets, other_offsets : array_like, optional
        When within its step each spike occurs, from 0 to 1.

    Returns
    -------
    numpy.ndarray
        float64. With ``other``, one distance per neuron, of the population's shape. Otherwise, the
        distances between all neurons of the flattened population, of shape ``(N, N)``.

    References
    ----------
    J. D. Victor and K. P. Purpura, "Nature and precision of temporal coding in visual cortex: a
    metric-space analysis", Journal of Neurophysiology 76, 1996.

    Examples
    --------
    >>> import fastlif
    >>> events = fastlif.Events([0, 2, 2], [2, 0, 1])
    >>> fastlif.spikes.victor_purpura(events, time_step=1e-3, cost=100, population=3).round(3)
    array([[0. , 0. , 0.2],
           [0. , 0. , 0.2],
           [0.2, 0.2, 0. ]])
    """
    dt = number("time_step", time_step, above=0)
    rate = _not_nan("cost", cost)
    if rate < 0:
        raise ValueError(f"cost must not be negative, got {rate}")
    both = _both(spikes, other, dt, steps, population, offsets, other_offsets)
    return _distances("victor_purpura", *both, rate)


def _not_nan(name: str, value: object, above: float | None = None) -> float:
    checked = parameter(name, value, above=above, finite=False)
    if np.ndim(checked):
        raise TypeError(f"{name} must be a single number, got an array")
    return float(checked)


def _both(
    spikes: Any,
    other: Any,
    dt: float,
    steps: int | None,
    population: int | tuple[int, ...] | None,
    offsets: Any,
    other_offsets: Any,
) -> tuple[Trains, Trains | None, tuple[int, ...]]:
    """Return the trains of both, in the unit of time, and the population."""
    source = read(spikes, steps, population, offsets)
    found = trains_of(source)
    first = found._replace(times=found.times * dt)
    if other is None:
        if other_offsets is not None:
            raise ValueError("other_offsets is given, but other is not")
        return first, None, source.shape
    against = read(other, None, population, other_offsets, "other")
    if against.shape != source.shape:
        raise ValueError(
            f"other must have the population {source.shape}, as spikes, got {against.shape}"
        )
    found = trains_of(against)
    return first, found._replace(times=found.times * dt), source.shape


def _distances(
    name: str,
    first: Trains,
    other: Trains | None,
    shape: tuple[int, ...],
    rate: float,
) -> Numbers:
    """Compare all pairs of trains."""
    size = len(first.bounds) - 1
    second = first if other is None else other
    a, b = ((read_only(t.times), read_only(t.bounds)) for t in (first, second))
    longest = max(int(t.counts.max(initial=0)) for t in (first, second))
    stride = 0 if other is None else 1
    result = np.zeros((size, size) if other is None else (1, size))
    pairs = max(1, min(_PAIRS, _CELLS // (longest + 1) ** 2))
    if other is None:
        # The upper triangle: the distances are symmetric, and 0 on the diagonal.
        blocks = ((i, begin) for i in range(size) for begin in range(i + 1, size, pairs))
    else:
        blocks = ((0, begin) for begin in range(0, size, pairs))

    def compare(stopped: Callable[[], bool]) -> Callable[[tuple[int, int]], None]:
        scratch = np.empty(4 * longest + 1)

        def work(block: tuple[int, int]) -> None:
            i, j = block
            out = result[i, j : j + pairs]
            distance_kernel(name)(*a, i + j * stride, stride, *b, j, out, rate, scratch)

        return work

    total = len(a[0]) * (size if other is None else 1)
    threads = thread_count(None) if total >= _WORTH_A_THREAD else 1
    for_each(compare, blocks, threads)
    return result.reshape(shape) if other is not None else result + result.T
