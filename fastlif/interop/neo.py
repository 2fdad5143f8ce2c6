"""Conversion of spikes from and to the spike trains of Neo."""

from collections.abc import Iterable
from typing import Any

import numpy as np

try:
    import neo
    import quantities
except ImportError as error:
    raise ImportError("to_neo and from_neo require neo: pip install 'fastlif[neo]'") from error

from fastlif.checks import Numbers, described, number
from fastlif.execution.results import INT64, Events
from fastlif.spikes.source import read
from fastlif.spikes.spike_trains import trains_of

_MOST_STEPS = 2.0**53  # float64 tells larger numbers of steps no longer apart
_NEAR = 1e-6  # steps: a time this close to the end of a step is taken for it


def to_neo(
    spikes: Any,
    time_step: float,
    *,
    steps: int | None = None,
    population: int | tuple[int, ...] | None = None,
    offsets: Any = None,
) -> list[Any]:
    """Return a ``neo.SpikeTrain`` for each neuron.

    Parameters
    ----------
    spikes : Run, Events or numpy.ndarray
        Spikes in any format; see :mod:`fastlif.spikes`.
    time_step : float
        Time step (second), positive. A spike of step ``t`` has the time ``(t + 1)*time_step``, or
        ``(t + offset)*time_step`` with offsets.
    steps : int, optional
        Number of steps. Required for events.
    population : int or tuple of int, optional
        Shape of the population. Required for packed spikes and events.
    offsets : array_like, optional
        When within its step each spike occurs; see :func:`fastlif.spikes.times`.

    Returns
    -------
    list of neo.SpikeTrain
        Spike times of each neuron of the flattened population in seconds, also for silent neurons.
        ``t_start`` is 0 and ``t_stop`` is ``steps*time_step``.

    Raises
    ------
    TypeError, ValueError
        If ``spikes`` have none of the formats, or another argument is out of its range.
    ImportError
        If neo is not installed.

    Examples
    --------
    >>> import fastlif
    >>> events = fastlif.Events([0, 2, 2], [2, 0, 2])
    >>> trains = events.to_neo(time_step=0.5, steps=4, population=3)
    >>> [train.magnitude.tolist() for train in trains]
    [[1.5], [], [0.5, 1.5]]
    >>> trains[0].t_stop
    array(2.) * s
    """
    dt = number("time_step", time_step, above=0)
    source = read(spikes, steps, population, offsets)
    found, stop = trains_of(source), source.length * dt
    return [
        neo.SpikeTrain(times, t_stop=stop, units="s") for times in found.split(found.times * dt)
    ]


def from_neo(trains: Iterable[Any], time_step: float, *, offsets: bool = False) -> Any:
    """Return the events of ``neo.SpikeTrain`` objects.

    Parameters
    ----------
    trains : sequence of neo.SpikeTrain
        One per neuron, in any unit of time, all with the same ``t_start``.
    time_step : float
        Time step (second), positive. Step ``t`` comprises the times after ``t*time_step`` and up to
        ``(t + 1)*time_step``, from ``t_start`` on, at which step 0 begins. A time within a
        millionth of a step of its end counts as the end.
    offsets : bool
        Whether to return also when within its step each spike occurs.

    Returns
    -------
    events : Events
        The step and the neuron of each spike. Spikes of a neuron in the same step become equal
        events.
    offsets : numpy.ndarray
        A fraction of the step from 0 to 1 for each event, if ``offsets`` is True.

    Raises
    ------
    TypeError
        If ``trains`` contain something else.
    ValueError
        If a time is before ``t_start`` or not finite, or if the trains start at different times.
    ImportError
        If neo is not installed.

    Examples
    --------
    >>> import fastlif, neo
    >>> trains = [neo.SpikeTrain(ms, t_stop=10, units="ms") for ms in ([2.0, 6.5], [])]
    >>> fastlif.Events.from_neo(trains, time_step=1e-3)
    Events(step=array([1, 6]), neuron=array([0, 0]))
    """
    dt = number("time_step", time_step, above=0)
    if isinstance(trains, neo.SpikeTrain):
        raise TypeError("trains must be a sequence of neo.SpikeTrain, got one neo.SpikeTrain")
    try:
        own = list(trains)
    except TypeError:
        raise TypeError(
            f"trains must be a sequence of neo.SpikeTrain, got {described(trains)}"
        ) from None
    for train in own:
        if not isinstance(train, neo.SpikeTrain):
            raise TypeError(f"trains must be a sequence of neo.SpikeTrain, got {described(train)}")
    starts = {float(train.t_start.rescale(quantities.s)) for train in own}
    if len(starts) > 1:
        raise ValueError(f"trains must have the same t_start, got {sorted(starts)} s")
    start = starts.pop() if starts else 0.0
    times = [np.asarray(train.rescale(quantities.s).magnitude, np.float64) for train in own]
    neuron = np.repeat(np.arange(len(own)), [len(t) for t in times])
    position = (np.concatenate([np.empty(0), *times]) - start) / dt
    if not np.isfinite(position).all() or (position < -_NEAR).any():
        raise ValueError("trains must have finite times that are not before t_start")
    if len(position) and position.max() > _MOST_STEPS:
        raise ValueError(
            f"trains must have times of at most {_MOST_STEPS:g} steps, got {position.max():g}"
        )
    step, within = _split(position)
    order = np.lexsort((within, neuron, step))
    events = Events(step[order], neuron[order])
    return (events, within[order]) if offsets else events


def _split(position: Numbers) -> tuple[Numbers, Numbers]:
    """Return the steps that times in steps belong to, and the fractions of them."""
    nearest = np.rint(position)
    near = np.abs(position - nearest) <= _NEAR
    step = np.maximum(np.where(near, nearest, np.ceil(position)) - 1, 0)
    within = np.where(near & (nearest > 0), 1.0, np.clip(position - step, 0, 1))
    return step.astype(INT64), within
