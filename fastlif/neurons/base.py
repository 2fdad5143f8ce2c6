"""What every neuron can do: one step, and a run over time."""

from __future__ import annotations

import functools
import os
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import fields
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from fastlif.checks import Numbers, Parameter, common_shape, real_dtype, whole
from fastlif.execution.forms import state_dtype
from fastlif.execution.results import DEFAULT_RECORD, Gradient, Run, spike_dtype_of
from fastlif.execution.state import State, state_of
from fastlif.kernels.compose import Rule, constants_of
from fastlif.model import Model
from fastlif.surrogate import Surrogate, surrogate_of

if TYPE_CHECKING:
    from fastlif.execution.integrator import Integrator
    from fastlif.execution.progress import Report
    from fastlif.execution.sources import Source
    from fastlif.execution.stream import Stream


class Neuron(ABC):
    """The base of all neurons: a frozen dataclass of checked parameters.

    It cannot be instantiated: use :class:`Lapicque`, :class:`Leaky`, :class:`LIF` or one of
    :mod:`fastlif.presets`. A neuron has a ``rule`` and a method ``_derive``.
    """

    _rests_at: ClassVar[str | None] = None  # the name of the parameter of ``resting``
    time_unit: ClassVar[str] = "s"  # the unit of the time step, for figures
    # What the source of the neuron does when it is trained.
    _surrogate: ClassVar[Surrogate] = Surrogate("atan", (2.0,))
    _detaches_reset: ClassVar[bool] = True
    # The parameters that gradients are known for, and the fields of Gradient that hold them.
    _learned: ClassVar[Mapping[str, str]] = {}

    @property
    @abstractmethod
    def rule(self) -> Rule:
        """The rule of one step."""

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
            Input current. It broadcasts with ``mem`` and the neuron's parameters.
        mem : array_like or State, optional
            Membrane entering the step. The default is the resting membrane. Neurons with a
            refractory period or a synaptic current take a :class:`State`.
        out : tuple of numpy.ndarray, optional
            ``(spk, mem)``: arrays to write the results into, with the dtypes of the results.
            ``mem`` may be the array that is also given as the argument ``mem``, which is then
            updated in place. Neurons that take a State require ``(spk, State(...))``, and return a
            State of the same arrays whose ``steps`` is one more than that of ``mem``.

        Returns
        -------
        spk : numpy.ndarray
            Spikes that this step reports, with the population's shape: bool, or int32 (the number
            of spikes) for neurons that can fire several times per step.
        mem : numpy.ndarray or State
            Membrane leaving the step, or the State of neurons that have more than a membrane. The
            dtype is float64 if ``cur`` or ``mem`` is a float64 array, or if neither is an array and
            one holds Python floats, as in NumPy; it is float32 otherwise. Python numbers do not
            widen an array.

        Raises
        ------
        TypeError
            If an argument does not hold real numbers, or if an array in ``out`` has a wrong dtype.
        ValueError
            If the shapes do not broadcast, or if an array in ``out`` has a wrong shape, is
            read-only or overlaps another array. Nothing is written in these cases.

        Examples
        --------
        >>> import numpy as np, fastlif
        >>> neuron = fastlif.LIF(R=5.1, C=5e-3, time_step=1e-3)
        >>> mem = np.array([0.5, 1.25], np.float32)
        >>> spk, mem = neuron(np.float32(0.2), mem)
        >>> spk, mem
        (array([False,  True]), array([0.5203922 , 0.24098039], dtype=float32))
        """
        integrator = self._integrator
        done = integrator.again(cur, mem, out)
        return integrator.step(cur, mem, out) if done is None else done

    def run(
        self,
        current: ArrayLike | Source,
        initial: ArrayLike | State | None = None,
        *,
        steps: int | None = None,
        record: str | Iterable[str] = DEFAULT_RECORD,
        neurons: slice | ArrayLike | None = None,
        every: int = 1,
        out: Mapping[str, Any] | None = None,
        threads: int | None = None,
        progress: bool | Report = False,
    ) -> Run:
        """Integrate an input current over many time steps in one call.

        The shape of the population is the broadcast of ``current.shape[1:]``, the initial state and
        the neuron's parameters. It has any number of axes, including none for a single neuron.

        Parameters
        ----------
        current : array_like or Source
            A source of :mod:`fastlif.sources` such as ``fastlif.PoissonSpikes``, which generates
            the input during the run, or a current of shape ``(T, *population)``, with time as the
            first axis; without a time axis if ``steps`` is given. Any array layout and byte order
            works and gives bit-for-bit identical results. These inputs are zero-copy, and therefore
            fastest: C-contiguous arrays of the state's dtype, of integers or of bools (one-byte
            spikes are read as one byte), and their slices along time or of adjacent neurons;
            ``(T, 1)`` arrays and ``np.broadcast_to`` views for a current that all neurons share;
            and ``steps`` (or a zero stride) for a constant current. Other inputs (float16, Fortran
            order, time as the last axis, other byte orders) are copied and cast in small blocks,
            which is faster than converting the whole array and needs almost no memory. Large
            memory-mapped files, arrays of Zarr and datasets of h5py are read piece by piece, as
            :meth:`stream` does.
        initial : array_like or State, optional
            Membrane entering the first step, or ``final`` of an earlier run, which this run then
            continues bit for bit. The default is the resting membrane.
        steps : int, optional
            Number of steps with a constant current, which then has no time axis, or with a source.
        record : str or iterable of str
            Records to store: "membrane", "spikes", "packed", "counts" or "events", or several of
            them; ``()`` stores the final state only. The default is "spikes" and "membrane" or, if
            ``out`` is given, the records that it names. :class:`Run` describes each record.
        neurons : slice or array_like, optional
            Neurons of the flattened population to store in ``membrane`` and ``spikes``, in this
            order: a slice, indices, or a mask with one bool per neuron. ``packed``, ``counts`` and
            ``events`` always contain all neurons.
        every : int
            Store every ``every``-th row of ``membrane``, as in ``[::every]``. All spikes are
            stored.
        out : mapping of str to numpy.ndarray, optional
            Arrays to write the records into, by record name (except "events"). They must have the
            shape and the dtype of the record. ``numpy.memmap``, arrays of Zarr and datasets of h5py
            are written piece by piece, as :meth:`stream` does.
        threads : int, optional
            Largest number of threads: small runs use fewer. The default is the environment variable
            ``FASTLIF_NUM_THREADS`` or, if that is not set, the number of processors that this
            process may use (by its affinity and its container's quota). The result does not depend
            on it.
        progress : bool or callable
            True shows a progress bar (requires tqdm). A function is called with the number of
            completed neuron-steps and their total number.

        Returns
        -------
        Run
            The records, each None if not requested, and ``final``, the state after the last step.
            ``membrane[t]`` is the membrane after step ``t``; the tutorial's list, which starts with
            the initial value, is ``[initial, *membrane]``. With "events", neurons whose spikes have
            times within a step also return ``offsets``.

        Raises
        ------
        TypeError
            If an argument has a wrong type or dtype.
        ValueError
            If an argument has a wrong value or shape, or if an array in ``out`` overlaps another
            array.
        IndexError
            If ``neurons`` contains an index outside the population.
        MemoryError
            If the records need more memory than is available.

        Notes
        -----
        The arguments are checked before anything is allocated or written. If ``progress`` raises an
        exception, or Ctrl-C is pressed, the run stops within some milliseconds; arrays in ``out``
        are then partly written, and a new run may reuse them.

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

    def stream(
        self,
        current: ArrayLike | Iterable[ArrayLike],
        initial: ArrayLike | State | None = None,
        *,
        steps: int | None = None,
        chunk: int | None = None,
        record: str | Iterable[str] = DEFAULT_RECORD,
        neurons: slice | ArrayLike | None = None,
        every: int = 1,
        out: Mapping[str, Any] | None = None,
        checkpoint: str | os.PathLike[str] | None = None,
        threads: int | None = None,
        progress: bool | Report = False,
    ) -> Stream:
        """Integrate over consecutive stretches of time, one after the other.

        For currents and records that are longer than memory. The runs of the stretches together are
        bit-for-bit one :meth:`run`, however time is cut.

        Parameters
        ----------
        current : array_like, or iterable of array_like
            The current of all steps, as in :meth:`run`: an array in memory, a ``numpy.memmap``, an
            array of Zarr or a dataset of h5py; a source; or, with ``steps``, a constant. It is cut
            into stretches of ``chunk`` steps, and what is stored is read while the last stretch is
            integrated. Or an iterable of arrays ``(steps, *population)`` of equal dtypes, one per
            stretch. The next of them is asked for when the next run is, so that it may depend on
            the last run. A Dask array is computed as a whole: see :mod:`fastlif.interop.dask`.
        initial : array_like or State, optional
            As in :meth:`run`.
        steps : int, optional
            As in :meth:`run`. For an iterable, the number of steps of all arrays, which is
            required with ``out``.
        chunk : int, optional
            Number of steps in a stretch. By default, the input and the records of a stretch have
            about 32 MB, in whole chunks of Zarr arrays and HDF5 datasets.
        record, neurons, every, threads
            As in :meth:`run`. Rows that ``every`` selects are counted from the first stretch.
        out : mapping of str to array, optional
            Arrays of all steps to write the records into, as in :meth:`run`: in memory,
            ``numpy.memmap``, Zarr or h5py. What is stored is written while the next stretch is
            integrated. The runs that are returned hold the rows of their stretch (read-only if a
            thread writes them), and ``out["counts"]`` the totals from the first stretch on.
        checkpoint : path-like, optional
            A file from which the same call continues after the process was killed. A stretch is
            completed when the next one is asked for; ``out`` and the file are then written to the
            disk (Zarr and HDF5: to the system). If the file exists, the stretches that were
            completed are left out: of an iterable, they are asked for again and skipped. Arrays in
            ``out`` must then hold what was written: open files with the mode ``"r+"``. Delete the
            checkpoint to begin anew. Only one stream at a time can write it.
        progress : bool or callable
            As in :meth:`run`, for all stretches together. The total is None if it is not known.

        Returns
        -------
        Stream
            An iterator of :class:`Run`, with the attributes ``state`` and ``steps`` (the number of
            steps so far), a method ``close``, and use in a ``with`` statement. Steps of events are
            counted from the first stretch, and counts are those of a stretch.

        Raises
        ------
        TypeError, ValueError, IndexError
            As in :meth:`run`. For an iterable, arguments are compared with its first array, when
            that is asked for. Also if an array of an iterable is unlike the first one, and if the
            checkpoint is damaged or belongs to another run.
        OSError
            If something cannot be read or written, for example because the disk is full. The
            message names the last completed step. Nothing before it is lost.

        Notes
        -----
        Memory: at most two stretches of a stored current and three of the records (one of which is
        the caller's), the state, and some megabytes per thread. With the default ``chunk`` this is
        less than 200 MB, unless a block of the storage or a single step has more than 32 MB; Zarr's
        own buffers may add 100 MB. This holds for memory-mapped files on Linux, where they are read
        and written through the file. Elsewhere, the pages that were touched are in memory until the
        system needs it. A checkpoint remains after the last stretch: the same call then has no
        stretches left.

        Examples
        --------
        >>> import numpy as np, fastlif
        >>> neuron = fastlif.LIF(R=5.1, C=5e-3, time_step=1e-3)
        >>> current = np.full((300, 2), [0.2, 0.4], np.float32)
        >>> for run in neuron.stream(current, chunk=100, record=("counts", "events")):
        ...     print(run.counts, run.events.step)
        [1 5] [17 35 52 70 87 99]
        [1 6] [105 123 140 158 175 193 199]
        [1 6] [210 228 246 263 281 298 299]
        """
        # Here, because importing all kernels takes as long as importing the rest of fastlif.
        from fastlif.execution.chunks import currents_of_stream
        from fastlif.execution.stream import Stream

        return Stream(
            self._integrator, currents_of_stream(current, steps, chunk), initial, chunk=chunk,
            record=record, neurons=neurons, every=every, out=out, checkpoint=checkpoint,
            threads=threads, progress=progress,
        )  # fmt: skip

    def gradient(
        self,
        run: Run | ArrayLike,
        current: ArrayLike,
        initial: ArrayLike | State | None = None,
        *,
        steps: int | None = None,
        spikes: ArrayLike | None = None,
        membrane: ArrayLike | None = None,
        surrogate: Surrogate | str | None = None,
        detach_reset: bool | None = None,
        parameters: bool = False,
        threads: int | None = None,
    ) -> Gradient:
        r"""Return the gradients of a loss, from its gradients at the spikes and the membranes.

        One sweep through time, backwards, from a run that recorded all membranes:

        .. math::

            g_t = \frac{\partial L}{\partial u_t}
                + \frac{\partial u_{t+1}}{\partial u_t} g_{t+1}
                + \sigma'(u_t - \theta) \frac{\partial L}{\partial s_t}

        where the surrogate :math:`\sigma'` stands for the derivative of a spike. A neuron that a
        spike resets in the same step also passes on what arrives at the spike from the reset,
        unless that is detached.

        Parameters
        ----------
        run : Run or array_like
            What :meth:`run` returned, with the membranes of all steps and neurons; or these
            membranes, ``(T, *population)``.
        current : array_like
            The current that was given to the run.
        initial : array_like or State, optional
            The membrane that entered the first step. The default is the resting membrane.
        steps : int, optional
            Number of steps of a run with a constant current, which has no time axis. Its gradient
            is then summed over time, without any memory for single steps.
        spikes, membrane : array_like, optional
            Derivatives of the loss with respect to ``run.spikes`` and ``run.membrane``, of which at
            least one must be given. They broadcast to ``(T, *population)``.
        surrogate : Surrogate or str, optional
            A surrogate gradient of :mod:`fastlif.surrogate`, or its name. The default is that of
            the simulator that the neuron comes from: ``atan()`` for snnTorch's neurons.
        detach_reset : bool, optional
            Whether resets count as constants. The default is what that simulator does: True for
            Lapicque, LIF and Leaky, unless Leaky has ``reset_delay=False``. It must be True for a
            neuron that a spike resets in the next step.
        parameters : bool
            Whether to return the gradients at ``beta`` and ``threshold`` as well.
        threads : int, optional
            As in :meth:`run`. The result does not depend on it.

        Returns
        -------
        Gradient
            The gradients at ``current``, ``initial``, ``beta`` and ``threshold``.

        Raises
        ------
        TypeError
            If an argument has a wrong type, or if the neuron has no gradient: with a refractory
            period, a synaptic current, several spikes per step, spikes that have times within a
            step, or a lower bound.
        ValueError
            If an argument has a wrong value or shape.

        Notes
        -----
        For Lapicque and Leaky, the gradients at ``current`` and ``initial`` are bit-for-bit those
        of snnTorch 1.0.0 with the same surrogate, if that has no exponential.

        References
        ----------
        E. O. Neftci, H. Mostafa, F. Zenke, "Surrogate gradient learning in spiking neural
        networks", IEEE Signal Processing Magazine 36, 2019.

        Examples
        --------
        The current that makes a neuron fire ten times:

        >>> import numpy as np, fastlif
        >>> neuron = fastlif.Leaky(beta=0.9)
        >>> current = np.full(1, 0.2, np.float32)
        >>> for _ in range(30):
        ...     run = neuron.run(current, steps=50)
        ...     excess = run.spikes.sum() - 10  # the derivative of half its square
        ...     gradient = neuron.gradient(run, current, steps=50, spikes=excess)
        ...     current -= 1e-4 * gradient.current
        >>> int(run.spikes.sum())
        10
        """
        from fastlif.execution.gradient import detaches, gradient

        chosen = self._surrogate if surrogate is None else surrogate_of(surrogate)
        shapes = {field: np.shape(getattr(self, name)) for name, field in self._learned.items()}
        return gradient(
            self._model, shapes, (chosen.name, chosen.values),
            detaches(self._model, detach_reset, self._detaches_reset),
            run, current, initial, steps, spikes, membrane, parameters, threads,
        )  # fmt: skip

    def precompile(
        self, record: str | Iterable[str] = DEFAULT_RECORD, dtype: DTypeLike = np.float32
    ) -> None:
        """Compile what runs with these records need, so that later calls do not have to wait.

        Compiled code is stored on disk. Where that is not possible, for example in a container,
        this lets you choose when to compile. It covers a single step that returns new arrays, and
        runs with an input that varies, that all neurons share or that is constant in time, of one
        neuron and of many, or of the shape of the parameters if they are arrays.

        Parameters
        ----------
        record : str or iterable of str
            The records, as in :meth:`run`.
        dtype : numpy.dtype
            Dtype of the input: float32, float64, an integer or bool.

        Examples
        --------
        >>> import fastlif
        >>> fastlif.LIF().precompile(record="spikes")
        """
        parameters = common_shape(self._model.shapes)
        kind = state_dtype([(np.empty(0, dtype), False)])
        # Few neurons and many take different loops; five steps are four at once, and one more.
        for population in [parameters] if parameters else [(), (2,), (128,)]:
            current, state = np.zeros((5, *population), dtype), self.initial_state(population, kind)
            self.run(current, record=record)
            self.run(current[0], steps=5, record=record)
            self.run(
                current.reshape(5, -1)[:, 0].reshape(5, *[1] * len(population)),
                state,
                record=record,
            )
        self(current[0], state)

    def initial_state(
        self, shape: int | tuple[int, ...] | None = None, dtype: DTypeLike = np.float32
    ) -> State:
        """Return the state from which a run starts by default, as new arrays.

        Parameters
        ----------
        shape : int or tuple of int, optional
            Shape of the population. The default is the broadcast of the neuron's parameters.
        dtype : numpy.dtype
            float32 or float64.

        Returns
        -------
        State
            The resting membrane, no refractory period, and no synaptic current.

        Raises
        ------
        TypeError
            If ``dtype`` is neither float32 nor float64.
        ValueError
            If the neuron's parameters do not broadcast to ``shape``.

        Examples
        --------
        >>> import fastlif
        >>> state = fastlif.LIF(rest=-0.1, refractory=2).initial_state(3)
        >>> state.mem, state.refractory
        (array([-0.1, -0.1, -0.1], dtype=float32), array([0., 0., 0.], dtype=float32))
        """
        kind = real_dtype(dtype)
        parameters = common_shape(self._model.shapes)
        population = parameters
        if shape is not None:
            sizes = shape if isinstance(shape, Iterable) else (shape,)
            population = tuple(whole("shape", size, 0) for size in sizes)
        if common_shape([("shape", population), *self._model.shapes]) != population:
            raise ValueError(
                f"shape must be one that the parameters' shape {parameters} broadcasts to, "
                f"got {population}"
            )
        names = self._model.rule.states
        values = [self.resting, *[0] * (len(names) - 1)]
        arrays = [np.array(np.broadcast_to(value, population), kind) for value in values]
        return state_of(names, arrays, 0)

    @property
    def resting(self) -> Parameter:
        """The membrane from which a run starts by default."""
        return 0.0 if self._rests_at is None else getattr(self, self._rests_at)

    @property
    def spike_dtype(self) -> np.dtype[Any]:
        """The dtype of the spikes: bool, or int32 if one step may have several."""
        return spike_dtype_of(self.rule)

    def constants(self, dtype: np.dtype[Any]) -> dict[str, Numbers]:
        """Return the constants that the kernels use in this dtype, by name."""
        names, arrays = constants_of(self._model.rule), self._model.constants(dtype).each
        return dict(zip(names, arrays, strict=True))

    @functools.cached_property
    def _model(self) -> Model:
        values = {field.name: getattr(self, field.name) for field in fields(self)}  # type: ignore[arg-type]
        shapes = tuple((k, v.shape) for k, v in values.items() if isinstance(v, np.ndarray))
        return Model(self.rule, self._derive, self.resting, shapes, self.__repr__)

    @functools.cached_property
    def _integrator(self) -> Integrator:
        # Here, because importing all kernels takes as long as importing the rest of fastlif.
        from fastlif.execution.integrator import Integrator

        return Integrator(self._model)

    @functools.cached_property
    def _forms(self) -> dict[Any, Any]:
        """The forms in which the neuron was embedded; they live as long as it does."""
        return {}

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
