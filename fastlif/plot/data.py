"""Spikes, membranes and their statistics as NumPy arrays."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from fastlif.checks import Numbers, described, numbers, whole
from fastlif.execution.results import Events, Run

_BINS = 100  # at most, by default


class Spikes(NamedTuple):
    """Spikes as a list, sorted by step.

    Attributes
    ----------
    step, neuron : numpy.ndarray
        The step and the neuron of each spike.
    steps, size : int or None
        The number of steps and of neurons; None if they are not known.
    """

    step: Numbers
    neuron: Numbers
    steps: int | None
    size: int | None

    def number_of_steps(self) -> int:
        """Return the number of steps, which statistics over time need."""
        if self.steps is None:
            raise ValueError("steps is required, because a list of spikes does not contain it")
        return self.steps

    def number_of_neurons(self) -> int:
        """Return the number of neurons, including silent ones."""
        if self.size is None:
            raise ValueError(
                "size (the number of neurons) is required, because a list of spikes does not "
                "contain it"
            )
        return self.size


def spikes_of(
    value: Any, packed: bool = False, steps: int | None = None, size: int | None = None
) -> Spikes:
    """Return spikes from a run, events, a dense array or packed bits."""
    steps = None if steps is None else whole("steps", steps, 0)
    size = None if size is None else whole("size", size, 0)
    if isinstance(value, Run):
        return _of_run(value, steps, size)
    if isinstance(value, Events):
        return _of_events(value, steps, size)
    array = numbers("spikes", value)
    if array.ndim == 0:
        raise ValueError("spikes must have time as the first axis, got a single number")
    if packed:
        if array.dtype != np.uint8 or array.ndim != 2:
            raise TypeError(
                "packed spikes must be a uint8 array of shape (T, ceil(N/8)), "
                f"got {described(array)}"
            )
        if size is None:
            size = array.shape[1] * 8
        elif array.shape[1] != -(-size // 8):
            raise ValueError(
                f"packed spikes of size={size} neurons must have {-(-size // 8)} columns, "
                f"got {array.shape[1]}"
            )
        array = np.unpackbits(array, axis=1, count=size, bitorder="little")
    array = array.reshape(len(array), math.prod(array.shape[1:]))
    for name, given, found in (("steps", steps, len(array)), ("size", size, array.shape[1])):
        if given is not None and given != found:
            raise ValueError(f"{name} must be {found}, as the shape of spikes, got {given}")
    return _of_dense(array)


def steps_of(run: Run, steps: int | None) -> int:
    """Return the number of steps of a run; counts and events do not contain it."""
    found = next((len(dense) for dense in (run.spikes, run.packed) if dense is not None), None)
    if found is None and steps is None:
        raise ValueError("steps is required, because the run recorded only counts or events")
    known = whole("steps", found if steps is None else steps, 0)
    if found not in (None, known):
        raise ValueError(f"steps must be {found}, as in the run, got {known}")
    return known


def _of_run(run: Run, steps: int | None, size: int | None) -> Spikes:
    """Return the spikes of a run: those of all neurons, if it recorded them."""
    if steps is None and not (run.spikes is None and run.packed is None):
        steps = steps_of(run, None)
    everyone = run.final.mem.size if size is None else size
    if run.events is not None:
        return _of_events(run.events, steps, everyone)
    if run.packed is not None:
        return spikes_of(run.packed, True, steps, everyone)
    if run.spikes is not None:
        return spikes_of(run.spikes, False, steps, size)
    raise ValueError(
        "the run has no spikes to draw; run with record='spikes', 'packed' or 'events'"
    )


def _of_events(events: Events, steps: int | None, size: int | None) -> Spikes:
    """Return events, in order of their steps."""
    step, neuron = (_indices(f"events.{name}", getattr(events, name)) for name in Events._fields)
    if len(step) != len(neuron):
        raise ValueError(
            f"events.step and events.neuron must have equal lengths, got {len(step)} and "
            f"{len(neuron)}"
        )
    for name, array, end in (("step", step, steps), ("neuron", neuron, size)):
        if len(array) and (array.min() < 0 or (end is not None and array.max() >= end)):
            limit = "" if end is None else f" and less than {end}"
            raise ValueError(
                f"events.{name} must be at least 0{limit}, got {array.min()} to {array.max()}"
            )
    if (step[1:] < step[:-1]).any():
        order = np.argsort(step, kind="stable")
        step, neuron = step[order], neuron[order]
    return Spikes(step, neuron, steps, size)


def _indices(name: str, value: Any) -> Numbers:
    """Return a vector of integers as int64."""
    array = numbers(name, value)
    if array.ndim != 1 or (array.size and array.dtype.kind not in "iu"):
        raise TypeError(f"{name} must be a vector of integers, got {described(array)}")
    return array.astype(np.int64, copy=False)


def _of_dense(array: Numbers) -> Spikes:
    """Return the spikes of an array of bools or of numbers of spikes."""
    flat = np.flatnonzero(array)
    if array.dtype.kind != "b":
        several = array.reshape(-1)[flat]
        if not (several >= 0).all() or (several != np.floor(several)).any():
            raise ValueError("spikes must hold whole numbers that are not negative")
        if len(several) and several.max() > 1:
            flat = np.repeat(flat, several.astype(np.int64))
    step, neuron = np.divmod(flat, max(array.shape[1], 1))
    return Spikes(step, neuron, *array.shape)


def chosen(neurons: Any, size: int) -> Numbers:
    """Return the indices that ``neurons`` (a slice, indices or a mask) selects."""
    everyone = np.arange(size)
    if neurons is None:
        return everyone
    if isinstance(neurons, slice):
        return np.asarray(everyone[neurons])
    index = np.atleast_1d(numbers("neurons", neurons))
    if index.size == 0:
        return np.asarray(everyone[:0])
    if index.dtype.kind not in "biu":
        raise TypeError(f"neurons must be a slice, indices or a mask, got {described(neurons)}")
    if index.dtype.kind == "b" and index.size != size:
        raise ValueError(f"neurons must be a mask of {size} bools, got {index.size}")
    if index.dtype.kind != "b" and (index.min() < -size or index.max() >= size):
        raise IndexError(
            f"neurons must be less than the number of neurons, {size}, got {index.min()} to "
            f"{index.max()}"
        )
    picked = np.asarray(everyone[index.ravel()])
    if len(np.unique(picked)) != len(picked):
        raise ValueError("neurons must not select a neuron twice")
    return picked


def select(spikes: Spikes, index: Numbers) -> Spikes:
    """Return the spikes of the neurons in ``index``, renumbered in this order."""
    size = spikes.number_of_neurons()
    place = np.full(size, -1)
    place[index] = np.arange(len(index))
    row = place[spikes.neuron]
    kept = row >= 0
    return Spikes(spikes.step[kept], row[kept], spikes.steps, len(index))


def columns_of(name: str, value: ArrayLike) -> Numbers:
    """Return an array over time as one column per neuron."""
    array = numbers(name, value)
    if array.ndim == 0:
        raise ValueError(f"{name} must have time as the first axis, got a single number")
    return array.reshape(len(array), math.prod(array.shape[1:]))


# Statistics.


def bin_width_of(name: str, value: int | None, extent: int) -> int:
    """Return the width of a bin: that which is given, or one with which there are few bins."""
    return max(-(-extent // _BINS), 1) if value is None else whole(name, value, 1)


def counts_of(spikes: Spikes) -> Numbers:
    """Return the number of spikes of each neuron."""
    return np.bincount(spikes.neuron, minlength=spikes.number_of_neurons())


def counts_over_time(spikes: Spikes, bin_steps: int) -> tuple[Numbers, Numbers]:
    """Return the edges of bins of steps, and the number of spikes in each."""
    steps = spikes.number_of_steps()
    edges = np.append(np.arange(0, steps, bin_steps), steps)
    return edges, np.bincount(spikes.step // bin_steps, minlength=len(edges) - 1)


def intervals_of(spikes: Spikes) -> Numbers:
    """Return the intervals between successive spikes of each neuron, in steps."""
    order = np.argsort(spikes.neuron, kind="stable")  # by neuron, then by step
    same = np.diff(spikes.neuron[order]) == 0
    return np.asarray(np.diff(spikes.step[order])[same])
