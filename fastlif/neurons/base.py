"""What every neuron can do: one step, and a run over time."""

import functools
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import fields
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from fastlif.checks import Numbers, Parameter, common_shape
from fastlif.execution.integrator import Integrator
from fastlif.execution.progress import Report
from fastlif.execution.results import Run
from fastlif.execution.state import State
from fastlif.kernels.compose import Rule, constants_of
from fastlif.model import Model


class Neuron(ABC):
    """The base of all neurons: a frozen dataclass of checked parameters.

    It cannot be instantiated: use :class:`Lapicque`, :class:`Leaky`, :class:`LIF` or one of
    :mod:`fastlif.presets`. A neuron has a ``rule`` and a method ``_derive``.
    """

    rule: Rule | property
    _rests_at: ClassVar[str | None] = None  # the name of the parameter of ``resting``

    def __call__(
        self,
        cur: ArrayLike,
        mem: ArrayLike | State | None = None,
        *,
        out: tuple[Numbers, Numbers | State] | None = None,
    ) -> tuple[Numbers, Any]:
        """Advance the population by one step.

        Parameters
        ----------
        cur : array_like
            The input current; broadcasts with ``mem`` and the neuron's parameters.
        mem : array_like or State, optional
            The membrane that enters the step; at rest if left out. A :class:`State` of neurons
            that keep more (whether they are refractory, a synaptic current).
        out : tuple of numpy.ndarray, optional
            ``(spk, mem)``: arrays to write into, of the results' dtypes. The second may be the
            very array given as ``mem``, which then is stepped in place. ``(spk, State(...))`` of
            neurons that keep more.

        Returns
        -------
        spk : numpy.ndarray
            bool, of the population's shape: the spikes that this step reports; int32, how many,
            of neurons that may fire several in a step.
        mem : numpy.ndarray or State
            The membrane that leaves the step, or the whole State of neurons that keep more.
            float64 if ``cur`` or ``mem`` is a float64 array, else float32; Python's numbers do
            not widen an array.

        Raises
        ------
        TypeError, ValueError
            If an argument is not real numbers, does not broadcast, or ``out`` does not fit or
            overlaps another array. Nothing has been written then.

        Examples
        --------
        >>> import numpy as np, fastlif
        >>> neuron = fastlif.LIF(R=5.1, C=5e-3, time_step=1e-3)
        >>> mem = np.array([0.5, 1.25], np.float32)
        >>> spk, mem = neuron(np.float32(0.2), mem)
        >>> spk, mem
        (array([False,  True]), array([0.5203922 , 0.24098039], dtype=float32))
        """
        return self._integrator.step(cur, mem, out)

    def run(
        self,
        current: ArrayLike,
        initial: ArrayLike | State | None = None,
        *,
        steps: int | None = None,
        record: str | Iterable[str] = ("spikes", "membrane"),
        neurons: slice | ArrayLike | None = None,
        every: int = 1,
        out: Mapping[str, Numbers] | None = None,
        threads: int | None = None,
        progress: bool | Report = False,
    ) -> Run:
        """Integrate a current over all of time, in one call.

        The population is what ``current.shape[1:]``, the initial state and the neuron's
        parameters broadcast to: any number of axes, or none for one neuron.

        Parameters
        ----------
        current : array_like
            ``(T, *population)``, time first; or without a time axis if ``steps`` is given.
            Any strides, byte order and real dtype give the same bits. Fast, because read where
            they are: C-contiguous arrays, and slices of them along time or of neurons side by
            side, of the state's dtype, of integers or of bools (spikes of one byte are read as
            one byte). Faster still, because there is less to read: ``(T, 1)`` and
            ``np.broadcast_to`` views for a current that all neurons share, and ``steps`` (or a
            zero stride) for one that does not change. All else (float16, Fortran order, time
            last, other byte orders) is copied and cast a block at a time, which costs less than
            to do so by hand, and no memory to speak of.
        initial : array_like or State, optional
            The membrane that enters the first step, or the ``final`` of an earlier run, which
            this one then continues bit for bit; at rest if left out.
        steps : int, optional
            The number of steps, for a current that is constant in time.
        record : str or iterable of str
            What to keep: any of ``"membrane"``, ``"spikes"``, ``"packed"`` (spikes as bits),
            ``"counts"`` (spikes of each neuron) and ``"events"`` (spikes as a list); ``()`` for
            the final state only. :class:`Run` says what each looks like.
        neurons : slice or array_like, optional
            Which neurons of the flattened population to keep in ``membrane`` and ``spikes``, in
            this order; indices, or a bool for each. ``packed``, ``counts`` and ``events`` remain
            of all.
        every : int
            Keep every so many rows of ``membrane``, as ``[::every]``. Spikes are never dropped.
        out : mapping of str to numpy.ndarray, optional
            Arrays to fill, by record name (but events): of the shape and dtype that the result
            has. Reused buffers are faster than fresh memory; a ``numpy.memmap`` will do.
        threads : int, optional
            How many threads to use. By default 1 for a small run; else what the environment
            variable ``FASTLIF_NUM_THREADS`` says, or every processor that this process may use
            (by its affinity and its container's quota). The result does not depend on it.
        progress : bool or callable
            True shows a bar (needs tqdm); a function is called with the numbers of neuron-steps
            done and in all.

        Returns
        -------
        Run
            What was recorded, None if not, and ``run.final``, the state to go on from.
            ``membrane[t]`` is the membrane after step
            ``t``: the list that starts with the initial value is ``[initial, *membrane]``.

        Raises
        ------
        TypeError, ValueError
            If an argument is not of the form above. Nothing has been written then.
        MemoryError
            If the machine has not the memory for what is to be recorded.

        Examples
        --------
        >>> import numpy as np, fastlif
        >>> neuron = fastlif.LIF(R=5.1, C=5e-3, time_step=1e-3, threshold=1.0)
        >>> run = neuron.run(np.float32([0.1, 0.2, 0.4]), steps=200)
        >>> run.spikes.shape, run.spikes.sum(axis=0)
        ((200, 3), array([ 0,  2, 11]))
        >>> more = neuron.run(
        ...     np.float32([0.1, 0.2, 0.4]), run.final, steps=100, record=("counts", "events")
        ... )
        >>> more.counts
        array([0, 1, 6])
        >>> more.events.step[:3], more.events.neuron[:3]
        (array([10, 28, 46]), array([2, 2, 2]))
        """
        return self._integrator.run(
            current, initial, steps, record, neurons, every, out, threads, progress
        )

    @property
    def resting(self) -> Parameter:
        """The membrane from which a run starts by default."""
        return 0.0 if self._rests_at is None else getattr(self, self._rests_at)

    def constants(self, dtype: np.dtype[Any]) -> dict[str, Numbers]:
        """Return the constants that the kernels use in this dtype, by name."""
        names, arrays = constants_of(self._model.rule), self._model.constants(dtype).each
        return dict(zip(names, arrays, strict=True))

    @functools.cached_property
    def _model(self) -> Model:
        values = {field.name: getattr(self, field.name) for field in fields(self)}  # type: ignore[arg-type]
        shapes = tuple((k, v.shape) for k, v in values.items() if isinstance(v, np.ndarray))
        return Model(self.rule, self._derive, self.resting, shapes, self.__repr__)  # type: ignore[arg-type]

    @functools.cached_property
    def _integrator(self) -> Integrator:
        return Integrator(self._model)

    @abstractmethod
    def _derive(self, dtype: np.dtype[Any]) -> Mapping[str, ArrayLike | None]:
        """Return the constants that the rule reads, by the names in rules.CONSTANTS."""

    def _set(self, **values: Any) -> None:
        """Set the checked fields, whose shapes must broadcast to one population."""
        arrays = [(name, v.shape) for name, v in values.items() if isinstance(v, np.ndarray)]
        common_shape(arrays)
        for name, value in values.items():
            object.__setattr__(self, name, value)

    def __reduce__(self) -> tuple[Any, ...]:
        given = {field.name: getattr(self, field.name) for field in fields(self) if field.init}  # type: ignore[arg-type]
        return functools.partial(type(self), **given), ()
