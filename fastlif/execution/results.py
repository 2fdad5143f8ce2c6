"""The results of a run."""

import importlib
import os
from typing import Any, NamedTuple

import numpy as np

from fastlif.checks import Numbers
from fastlif.execution.state import VARIABLES, State
from fastlif.kernels.compose import Rule
from fastlif.model import Model

BOOL, UINT8 = np.dtype(np.bool_), np.dtype(np.uint8)
INT32, INT64 = np.dtype(np.int32), np.dtype(np.int64)
DEFAULT_RECORD = ("spikes", "membrane")


def spike_dtype_of(rule: Rule) -> np.dtype[Any]:
    """Return the dtype of the spikes: bool, or int32 if one step may have several."""
    return INT32 if rule.several else BOOL


def stored_spike_dtype(model: Model, dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Return the dtype in which the spikes of a model with a state of ``dtype`` are stored."""
    return dtype if model.float_spikes else spike_dtype_of(model.rule)


class Events(NamedTuple):
    """Spikes as a list, sorted by step and then by neuron.

    Attributes
    ----------
    step : numpy.ndarray
        int64: the step that reports the spike.
    neuron : numpy.ndarray
        int64: the neuron, as an index into the flattened population.
    """

    step: Numbers
    neuron: Numbers

    def save(self, path: str | os.PathLike[str]) -> None:
        """Save the events to an NPZ file.

        Parameters
        ----------
        path : path-like
            The file, usually with the extension ``.npz``, which is not added.

        See Also
        --------
        Events.load : Read the file.
        """
        from fastlif.execution.storage import save

        save(path, self)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> "Events":
        """Load the events that ``save`` wrote.

        Parameters
        ----------
        path : path-like
            The file.

        Returns
        -------
        Events
            Equal to what was saved.

        Raises
        ------
        ValueError
            If the file does not contain Events.

        Examples
        --------
        >>> import os, tempfile, fastlif
        >>> events = fastlif.LIF().run([0.5] * 20, record="events").events
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = os.path.join(folder, "events.npz")
        ...     events.save(path)
        ...     fastlif.Events.load(path)
        Events(step=array([13]), neuron=array([0]))
        """
        from fastlif.execution.storage import load

        return load(path, cls)

    def to_neo(
        self,
        time_step: float,
        *,
        steps: int,
        population: int | tuple[int, ...],
        offsets: Any = None,
    ) -> list[Any]:
        """Return a ``neo.SpikeTrain`` for each neuron; see :func:`fastlif.interop.neo.to_neo`.

        Parameters
        ----------
        time_step : float
            Time step (second), positive.
        steps : int
            Number of steps of the run, which ends at ``steps*time_step``.
        population : int or tuple of int
            Shape of the population.
        offsets : array_like, optional
            When within its step each spike occurs, a fraction of the step from 0 to 1; the
            ``offsets`` of the Run.

        Returns
        -------
        list of neo.SpikeTrain
            One per neuron, also for silent neurons.

        Raises
        ------
        ImportError
            If neo is not installed.
        """
        trains: list[Any] = _neo().to_neo(
            self, time_step, steps=steps, population=population, offsets=offsets
        )
        return trains

    @classmethod
    def from_neo(cls, trains: Any, time_step: float) -> "Events":
        """Return the events of ``neo.SpikeTrain``s; see :func:`fastlif.interop.neo.from_neo`.

        Parameters
        ----------
        trains : sequence of neo.SpikeTrain
            One per neuron.
        time_step : float
            Time step (second), positive.

        Returns
        -------
        Events
            The step in which each spike occurs, and its neuron.

        Raises
        ------
        ImportError
            If neo is not installed.
        """
        events: Events = _neo().from_neo(trains, time_step)
        return events


def _neo() -> Any:
    """Return the interface to Neo, which stands above this layer and needs Neo."""
    return importlib.import_module("fastlif.interop.neo")


class Run(NamedTuple):
    """The records of a run. Records that were not requested are None.

    Attributes
    ----------
    membrane : numpy.ndarray or None
        Membranes of shape ``(T, *population)`` in the dtype of the run: ``membrane[t]`` is the
        membrane after step ``t``. With ``every``, the shape is ``(ceil(T/every), *population)``,
        and row ``k`` is the membrane after step ``k*every``. With ``neurons``, the shape is
        ``(..., len(neurons))``.
    spikes : numpy.ndarray or None
        Spikes of shape ``(T, *population)``: ``spikes[t]`` are the spikes that step ``t`` reports.
        The dtype is bool, or int32 (the number of spikes) for neurons that can fire several times
        per step. With ``neurons``, the shape is ``(T, len(neurons))``.
    packed : numpy.ndarray or None
        Spikes of the flattened population as bits, uint8 of shape ``(T, ceil(N/8))``, as
        ``np.packbits(..., axis=1, bitorder="little")`` returns them.
    counts : numpy.ndarray or None
        Number of spikes of each neuron, int64, with the population's shape.
    events : Events or None
        Spikes as a list.
    final : State
        State after the last step. Pass it to the next run as ``initial``.
    offsets : numpy.ndarray or None
        When within its step each spike of ``events`` occurs, in their order: float64, a fraction of
        the step from 0 (its beginning) to 1 (its end). The time of a spike of step ``t`` is
        ``(t + offset)*time_step``, as :mod:`fastlif.spikes` returns it. None if events are not
        recorded, and for neurons whose spikes have no times within a step.
    """

    membrane: Numbers | None
    spikes: Numbers | None
    packed: Numbers | None
    counts: Numbers | None
    events: Events | None
    final: State
    offsets: Numbers | None = None

    def save(self, path: str | os.PathLike[str]) -> None:
        """Save the records and the final state to an NPZ file.

        Parameters
        ----------
        path : path-like
            The file, usually with the extension ``.npz``, which is not added. ``numpy.load`` reads
            it, too: the names of its arrays are ``"membrane"``, ``"events.step"``, ``"final.mem"``
            and so on.

        See Also
        --------
        Run.load : Read the file.
        """
        from fastlif.execution.storage import save

        save(path, self)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> "Run":
        """Load the run that ``save`` wrote.

        Parameters
        ----------
        path : path-like
            The file.

        Returns
        -------
        Run
            Equal to what was saved, with the same dtypes. Its ``final`` continues the run.

        Raises
        ------
        ValueError
            If the file does not contain a Run.

        Examples
        --------
        >>> import os, tempfile, fastlif
        >>> run = fastlif.LIF().run([0.5] * 20)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = os.path.join(folder, "run.npz")
        ...     run.save(path)
        ...     fastlif.Run.load(path).spikes.nonzero()
        (array([13]),)
        """
        from fastlif.execution.storage import load

        return load(path, cls)

    def __repr__(self) -> str:
        """Return what was recorded, without the values."""
        records = self._asdict()
        if self.offsets is None:  # most neurons cannot have them
            del records["offsets"]
        lines = [f"{name}: {_described(value)}" for name, value in records.items()]
        return f"<Run with {'; '.join(lines)}>"


class Gradient(NamedTuple):
    """The gradients of a loss, as :meth:`fastlif.Lapicque.gradient` returns them.

    All have the dtype of the run.

    Attributes
    ----------
    current : numpy.ndarray
        With respect to the current, in its shape; summed over time for a current that is constant
        in time, and ``(T, *population)`` for a source.
    initial : numpy.ndarray
        With respect to the membrane that enters the first step, in the shape of ``initial``, or of
        the population if that was not given.
    beta, threshold : numpy.ndarray or None
        With respect to the parameters, in their shapes. None unless requested with ``parameters``,
        and if the neuron has no such parameter.
    """

    current: Numbers
    initial: Numbers
    beta: Numbers | None = None
    threshold: Numbers | None = None


def _described(value: Any) -> str:
    """Return the dtype and the shape of an array or of the arrays in a tuple."""
    if value is None:
        return "not recorded"
    if isinstance(value, Events):
        known = value.step.size >= 0  # NaN for dask arrays, which are lazy
        return f"{value.step.size if known else 'an unknown number of'} spikes"
    if isinstance(value, State):
        return " and ".join(
            name for name in (*VARIABLES, "noise") if getattr(value, name) is not None
        )
    return f"{value.dtype} {value.shape}"
