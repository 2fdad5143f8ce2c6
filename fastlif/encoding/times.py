"""Latency encoding: larger values fire earlier."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastlif.checks import Numbers, flag, whole
from fastlif.encoding.arguments import (
    Spikes,
    Steps,
    blocks,
    data_of,
    dtype_of,
    reject,
    single,
    steps_of,
    within,
)
from fastlif.kernels.elementary import log


def latency(
    data: ArrayLike,
    num_steps: Steps = None,
    threshold: float = 0.01,
    tau: float = 1,
    first_spike_time: int = 0,
    on_target: float = 1,
    off_target: float = 0,
    clip: bool = False,
    normalize: bool = False,
    linear: bool = False,
    interpolate: bool = False,
    bypass: bool = False,
    epsilon: float = 1e-7,
) -> Spikes | NDArray[np.float32]:
    """Encode each value as the time of one spike: the larger the value, the earlier.

    The time is that at which an RC circuit charged by the value reaches the threshold,

    ``first_spike_time + tau*log(x/(x - threshold))`` with ``x = max(data, threshold + epsilon)``,

    or, with ``linear=True``, ``first_spike_time + tau*(1 - max(data, threshold))``, rounded to the
    nearest step and from the middle to the even one.

    Parameters
    ----------
    data
        Values from 0 to 1, of any shape; divide an image of 0 to 255 by 255. Others, and NaN, raise
        an error.
    num_steps
        Number of time steps. It may be omitted with ``bypass=True``: the last spike is then in the
        last step.
    threshold
        Smaller values fire as this one does, or not at all with ``clip=True``. Between 0 and 1.
    tau
        Time constant in steps, greater than 0.
    first_spike_time
        Time added to all times, in whole steps.
    on_target, off_target
        Values of the result with and without a spike.
    clip
        Whether values below the threshold do not fire. Without effect if ``interpolate=True``, as
        in snnTorch.
    normalize
        Whether to replace ``tau`` such that times extend to the last step: that of the latest
        spike, or with ``linear=True`` that of the value 0.
    linear
        Whether times depend linearly on the data.
    interpolate
        Whether to return ramps instead of spikes: they rise from ``off_target`` in step 0 to
        ``on_target`` in the step of the spike.
    bypass
        Whether spikes after the last step are dropped. Otherwise, they raise an error.
    epsilon
        Smallest distance of a value from the threshold.

    Returns
    -------
    numpy.ndarray
        An array of shape ``(num_steps, *data.shape)``: bool spikes, or float32 if
        ``interpolate=True`` or the targets are not 1 and 0.

    Examples
    --------
    >>> from fastlif import encoding
    >>> encoding.latency([0.02, 0.5, 1], num_steps=5, normalize=True, linear=True).astype(int)
    array([[0, 0, 1],
           [0, 0, 0],
           [0, 1, 0],
           [0, 0, 0],
           [1, 0, 0]])
    """
    array = data_of(data)
    level = single("threshold", threshold, above=0, below=1)
    constant, least = single("tau", tau, above=0), single("epsilon", epsilon, above=0)
    on, off = single("on_target", on_target), single("off_target", off_target)
    steps, first = steps_of(num_steps), whole("first_spike_time", first_spike_time, 0)
    clip, normalize = flag("clip", clip), flag("normalize", normalize)
    linear, bypass = flag("linear", linear), flag("bypass", bypass)
    interpolate = flag("interpolate", interpolate)
    if steps is not None:
        within(first, steps)
    elif normalize or not bypass:
        reason = "with normalize=True" if normalize else "unless bypass=True"
        raise ValueError(f"num_steps must be given {reason}, got None")
    if interpolate and on < off:
        raise ValueError(f"on_target must be at least off_target={off:g}, got {on:g}")
    dtype = dtype_of(array)
    if not linear and dtype.type(level + least) <= dtype.type(level):
        raise ValueError(
            "epsilon must be large enough that threshold + epsilon is greater than "
            f"threshold={level:g} in {dtype}, got {least:g}"
        )
    reject("data must be between 0 and 1", array, lambda x: ~((x >= 0) & (x <= 1)))

    values = array.astype(dtype).reshape(-1)
    with np.errstate(all="ignore"):
        if linear:
            slope = steps - 1 - first if normalize and steps else constant
            times = _linear_times(values, level, slope, first)
        else:
            times = _charging_times(values, level, constant, first, least)
            if normalize and steps and times.size:
                times = _extended(times, steps, first)
    if not np.isfinite(times).all():
        raise ValueError(
            f"the spike times must be finite in {dtype}, which they are not with tau={constant:g} "
            f"and threshold={level:g}"
        )
    times = np.rint(times)
    steps = _length(times, steps, bypass)

    shape = (steps, *array.shape)
    if interpolate:
        near = np.minimum(times, steps + 1)  # float32 can hold these
        return _ramps(near.astype(np.float32), steps, on, off).reshape(shape)
    fires = times < steps
    if clip:
        fires &= ~(values < dtype.type(level))
    spikes = np.zeros((steps, times.size), np.bool_)
    spikes[times[fires].astype(np.int64), np.flatnonzero(fires)] = True
    if (on, off) == (1, 0):
        return spikes.reshape(shape)
    scaled = spikes * np.float32(on)
    return np.maximum(scaled, np.float32(off), out=scaled).reshape(shape)


def _linear_times(values: Numbers, threshold: float, tau: float, first: int) -> Numbers:
    real = values.dtype.type
    times: Numbers = np.minimum(real(-tau) * (values - real(1)), real(-tau * (threshold - 1)))
    times += real(first)
    return times


def _charging_times(
    values: Numbers, threshold: float, tau: float, first: int, epsilon: float
) -> Numbers:
    real = values.dtype.type
    values = np.maximum(values, real(threshold + epsilon))
    times: Numbers = real(tau) * _log(values / (values - real(threshold)))
    times += real(first)
    return times


def _extended(times: Numbers, steps: int, first: int) -> Numbers:
    """Scale times such that the latest one is that of the last step."""
    real = times.dtype.type
    since = times - real(first)
    scaled: Numbers = since * real(steps - first - 1) / since.max()
    scaled += real(first)
    return scaled


def _log(values: Numbers) -> Numbers:
    """Return the correctly rounded logarithm, which is the same on every processor."""
    parts = [log(values[block]).astype(values.dtype) for block in blocks(values)]
    return np.concatenate(parts) if parts else values


def _length(times: Numbers, steps: int | None, bypass: bool) -> int:
    """Return the number of steps; raise if the last spike is not among them."""
    if not times.size:
        if steps is None:
            raise ValueError("num_steps must be given for data without elements, got None")
        return steps
    last = int(times.max())
    if steps is None:
        return last + 1
    if last >= steps and not bypass:
        raise ValueError(
            f"num_steps must be greater than the time of the last spike, which is {last}, got "
            f"{steps}; normalize=True or a smaller tau makes times earlier, and bypass=True drops "
            "spikes after the last step"
        )
    return steps


def _ramps(times: NDArray[np.float32], steps: int, on: float, off: float) -> NDArray[np.float32]:
    """Return ramps from ``off`` in step 0 to ``on`` at the times, and ``off`` afterwards."""
    real = np.float32
    # A rate of 2 per step exceeds ``on`` in step 1, so that these ramps are off from there on.
    rates = real(1) / np.where((times == 0) | (times > steps), real(0.5), times)
    ramps = np.empty((steps, times.size), np.float32)
    for step, ramp in enumerate(ramps):
        np.multiply(rates, real(step), out=ramp)
        if step == 0:
            ramp[times == 0] = 1
        ramp *= real(on - off)
        ramp += real(off)
        ramp[ramp > real(on)] = off
    return ramps
