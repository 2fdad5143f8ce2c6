"""A neuron as a function for Numba, for NumPy and its relatives, and for C in this process."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike

from fastlif.checks import Numbers, common_shape, described, flag, real_dtype, whole
from fastlif.execution.bound_source import Bound
from fastlif.execution.sources import Source
from fastlif.neurons.base import Neuron

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["CFunction", "cfunc", "constants", "gufunc", "row", "scalar", "source"]


class CFunction(NamedTuple):
    """A C function that advances a population in place by one step.

    Attributes
    ----------
    address : int
        Address of the function.
    ctypes : object
        The function for :mod:`ctypes`.
    prototype : str
        Its declaration in C.
    numba : object
        The compiled function.
    """

    address: int
    ctypes: Any
    prototype: str
    numba: Any


def scalar(neuron: Neuron, dtype: DTypeLike = np.float32) -> Callable[..., Any]:
    """Return ``advance(cur, state, j) -> (spk, state)``, one step of one neuron, for Numba.

    It can be called in functions that you compile with ``numba.njit``, and is inlined there; loops
    over neurons are vectorized if nothing else prevents it.

    Parameters
    ----------
    neuron : Neuron
        Any neuron or preset.
    dtype : numpy.dtype
        float32 or float64: what ``cur`` and ``state`` are converted to.

    Returns
    -------
    Callable
        The compiled function. ``state`` is the membrane or, for neurons with more state variables,
        a tuple of numbers in the order of :class:`~fastlif.State`. ``j`` is the neuron's index in
        the flattened population. It selects the parameters if these are arrays, and is not checked.

    Raises
    ------
    TypeError
        If ``neuron`` or ``dtype`` is something else. Numba raises TypingError, with the argument's
        name, if the compiled function is called with other types.

    Notes
    -----
    Do not give ``cache=True`` to a function that calls it: Numba would warn and not cache it,
    because the code contains the address of the parameters.

    Examples
    --------
    >>> import numba, numpy as np, fastlif
    >>> advance = fastlif.embed.scalar(fastlif.Leaky(beta=0.5))
    >>> @numba.njit
    ... def steps_until_spike(cur):
    ...     mem, spk, steps = np.float32(0), False, 0
    ...     while not spk:
    ...         spk, mem = advance(cur, mem, 0)
    ...         steps += 1
    ...     return steps
    >>> steps_until_spike(0.6)
    3
    """
    function: Callable[..., Any] = _compiled("scalar", *_checked(neuron, dtype))
    return function


def row(neuron: Neuron, dtype: DTypeLike = np.float32) -> Callable[..., Any]:
    """Return ``step(cur, mem, spk)``, one step of a population in place, for Numba.

    It can be called from Python and in functions that you compile with ``numba.njit``.

    Parameters
    ----------
    neuron : Neuron
        Any neuron or preset.
    dtype : numpy.dtype
        float32 or float64: the dtype of ``cur`` and ``mem``.

    Returns
    -------
    Callable
        The compiled function. Its arguments are contiguous 1-D arrays of one size; ``mem`` and
        ``spk`` are written. ``spk`` has the dtype ``neuron.spike_dtype``. For neurons with more
        state variables, ``mem`` is a :class:`~fastlif.State` or a tuple of its arrays (without
        those that are None), as ``neuron.initial_state(n)`` returns it. If
        parameters are arrays, the size is that of the population. It raises ValueError, with
        nothing written, if arrays differ in size, are not contiguous, or overlap. Numba raises
        TypingError, with the argument's name, for other types and dtypes.

    Raises
    ------
    TypeError
        If ``neuron`` or ``dtype`` is something else.

    Notes
    -----
    Do not give ``cache=True`` to a function that calls it; see :func:`scalar`. Numba takes
    subclasses of arrays for arrays: units are ignored. The function may be an argument of one that
    you compile with ``numba.njit``, which is then compiled for each neuron.

    Examples
    --------
    >>> import numba, numpy as np, fastlif
    >>> step = fastlif.embed.row(fastlif.LIF(R=5.1, C=5e-3, time_step=1e-3))
    >>> @numba.njit
    ... def spikes(cur, weight, steps):
    ...     mem, spk = np.zeros_like(cur), np.zeros(cur.size, np.bool_)
    ...     total = 0
    ...     for _ in range(steps):
    ...         step(cur + weight * spk[::-1], mem, spk)
    ...         total += spk.sum()
    ...     return total
    >>> spikes(np.full(3, 0.3, np.float32), np.float32(0.1), 100)
    9
    """
    function: Callable[..., Any] = _compiled("row", *_checked(neuron, dtype))
    return function


def source(
    source: Source, size: int, dtype: DTypeLike = np.float32
) -> Callable[[int, Numbers], None]:
    """Return ``fill(t, cur)``, which writes the input of one step, for Numba.

    It can be called from Python and in functions that you compile with ``numba.njit``, before a
    :func:`row`, for example to add the input from synapses in between.

    Parameters
    ----------
    source : fastlif.sources.Source
        A source, or a sum of them.
    size : int
        Number of neurons.
    dtype : numpy.dtype
        float32 or float64: the dtype of ``cur``.

    Returns
    -------
    Callable
        The compiled function. ``t`` is the absolute step, and is not checked; ``cur`` is a
        contiguous 1-D array of ``size`` numbers, which is overwritten. The numbers are those of a
        run. Sources with a state, such as
        :class:`~fastlif.sources.OrnsteinUhlenbeckCurrent`, advance it by one step at each call.

    Raises
    ------
    TypeError
        If an argument has a wrong type.
    ValueError
        If the parameters of the source do not broadcast to ``size``, or it contains an array of
        currents.

    Examples
    --------
    >>> import numba, numpy as np, fastlif
    >>> step = fastlif.embed.row(fastlif.LIF(tau=0.02, R=1.0, order="at_once"))
    >>> noise = fastlif.GaussianCurrent(1.0, 2.0, seed=1)
    >>> fill = fastlif.embed.source(noise, 100)
    >>> @numba.njit
    ... def spikes(steps):
    ...     cur, mem = np.empty(100, np.float32), np.zeros(100, np.float32)
    ...     spk, total = np.zeros(100, np.bool_), 0
    ...     for t in range(steps):
    ...         fill(t, cur)
    ...         step(cur, mem, spk)
    ...         total += spk.sum()
    ...     return total
    >>> neuron = fastlif.LIF(tau=0.02, R=1.0, order="at_once")
    >>> run = neuron.run(noise, steps=1000, initial=neuron.initial_state(100), record="counts")
    >>> spikes(1000) == run.counts.sum()
    np.True_
    """
    if not isinstance(source, Source):
        raise TypeError(f"source must be a source of fastlif.sources, got {described(source)}")
    kind = real_dtype(dtype)
    population = (whole("size", size, 1),)
    if source.rows is not None:
        raise ValueError("source must not contain an array of currents, which your loop can add")
    source._check_population("size", population)
    from fastlif.kernels import embedded  # here, for a fast import of fastlif

    bound = Bound(source, kind, population, 0, None)
    _KEPT.append(bound)
    function: Callable[..., Any] = embedded.source(
        int(bound.function), int(bound.numbers), population[0], kind
    )
    return function


def gufunc(neuron: Neuron, dtype: DTypeLike = np.float32, run: bool = False) -> np.ufunc:
    """Return one step, or a whole run, as a ufunc of NumPy.

    Its operands broadcast, may have any layout, and may be of any class whose ``__array_ufunc__``
    handles it (``dask.array.apply_gufunc`` and ``xarray.apply_ufunc`` call it, too). It takes
    NumPy's arguments ``out=`` and, for a run, ``axes=``, but not ``where=``. Operands have the
    dtype that was asked for, or one that can be cast to it safely. A ufunc cannot be pickled.

    Parameters
    ----------
    neuron : Neuron
        Any neuron or preset.
    dtype : numpy.dtype
        float32 or float64: the dtype of the operands.
    run : bool
        Whether a call takes all time steps instead of one.

    Returns
    -------
    numpy.ufunc
        One step: ``(cur, mem) -> (spk, mem)``, elementwise. A run, with the signature
        ``(t,n),(n)->(t,n),(t,n)``: ``(current, mem) -> (spk, mem)``, where the last ``mem`` is the
        membrane after each step. For neurons with more state variables, these follow ``mem`` on
        both sides, in the order of :class:`~fastlif.State`; a run returns those after its last
        step, ``(n)``. If parameters of the neuron are arrays, the rule's constants are further
        operands: ``*fastlif.embed.constants(neuron, dtype).values()``, in this order, which have
        the shape of the parameters. A run takes them as ``(n)``.

    Raises
    ------
    TypeError
        If ``neuron``, ``dtype`` or ``run`` is something else.

    Examples
    --------
    >>> import numpy as np, fastlif
    >>> neuron = fastlif.Leaky(beta=0.5)
    >>> step = fastlif.embed.gufunc(neuron)
    >>> step(np.float32([[0.5], [1.5]]), np.float32([0, 1]))
    (array([[False, False],
           [ True,  True]]), array([[0.5, 1. ],
           [1.5, 2. ]], dtype=float32))
    >>> over_time = fastlif.embed.gufunc(neuron, run=True)
    >>> current = np.full((4, 100, 3), 0.6, np.float32)  # four trials
    >>> spk, mem = over_time(current, np.zeros(3, np.float32))
    >>> spk.shape, spk[0, :, 0].nonzero()[0][:3]
    ((4, 100, 3), array([ 2,  6, 10]))
    """
    form = "run_gufunc" if flag("run", run) else "step_gufunc"
    function: np.ufunc = _compiled(form, *_checked(neuron, dtype))
    return function


def constants(neuron: Neuron, dtype: DTypeLike = np.float32) -> dict[str, Numbers]:
    """Return the constants of a neuron's rule, by name, with the shape of its parameters.

    They are what the parameters are combined to before the first step, such as
    ``time_step/(R*C)``, in the order in which :func:`gufunc` takes them.

    Parameters
    ----------
    neuron : Neuron
        Any neuron or preset.
    dtype : numpy.dtype
        float32 or float64.

    Returns
    -------
    dict of str to numpy.ndarray
        The constants.

    Raises
    ------
    TypeError
        If ``neuron`` or ``dtype`` is something else.

    Examples
    --------
    >>> import numpy as np, fastlif
    >>> neuron = fastlif.Leaky(beta=[0.5, 0.9])
    >>> constants = fastlif.embed.constants(neuron)
    >>> constants
    {'threshold': array([1., 1.], dtype=float32), 'keep': array([0.5, 0.9], dtype=float32)}
    >>> step = fastlif.embed.gufunc(neuron)
    >>> step(np.float32(0.6), np.float32([0, 1]), *constants.values())
    (array([False,  True]), array([0.6, 1.5], dtype=float32))
    """
    neuron, kind = _checked(neuron, dtype)
    shape = common_shape(neuron._model.shapes)
    arrays = neuron._model.constants(kind).each
    return {
        name: np.array(np.broadcast_to(array, shape), order="C")
        for name, array in zip(neuron._model.names, arrays, strict=True)
    }


def cfunc(neuron: Neuron, dtype: DTypeLike = np.float32) -> CFunction:
    """Return one step of a population, in place, as a C function.

    Parameters
    ----------
    neuron : Neuron
        Any neuron or preset.
    dtype : numpy.dtype
        float32 (float in C) or float64 (double).

    Returns
    -------
    CFunction
        The function's address, its declaration in C, and the function for :mod:`ctypes`. It does
        not use Python, so that any thread may call it. Its arguments are pointers to ``n`` numbers
        each: the input, the state variables in the order of :class:`~fastlif.State`, and the
        spikes (one byte each, or int32 if a step may have several). It returns 0 or, with nothing
        written, 1 if a pointer is null, 2 if ``n`` is negative or not the size of the population
        that the parameters have, and 3 if arrays overlap. It exists as long as this process.

    Raises
    ------
    TypeError
        If ``neuron`` or ``dtype`` is something else.

    Examples
    --------
    >>> import numpy as np, fastlif
    >>> function = fastlif.embed.cfunc(fastlif.LIF(refractory=2))
    >>> print(function.prototype)
    int step(const float *cur, float *mem, float *refractory, uint8_t *spk, ptrdiff_t n);
    >>> cur, mem, left = np.float32([[0.3] * 4, [1.5] * 4, [0] * 4])
    >>> spk = np.zeros(4, np.bool_)
    >>> types = function.ctypes.argtypes
    >>> pointers = [a.ctypes.data_as(t) for a, t in zip((cur, mem, left, spk), types)]
    >>> function.ctypes(*pointers, 4)
    0
    >>> spk.all(), left
    (np.True_, array([2., 2., 2., 2.], dtype=float32))
    """
    neuron, kind = _checked(neuron, dtype)
    compiled = _compiled("c_step", neuron, kind)
    real = {np.dtype(np.float32): "float", np.dtype(np.float64): "double"}[kind]
    spikes = "uint8_t" if neuron.spike_dtype == np.bool_ else "int32_t"
    states = "".join(f"{real} *{name}, " for name in neuron._model.rule.states)
    prototype = f"int step(const {real} *cur, {states}{spikes} *spk, ptrdiff_t n);"
    return CFunction(compiled.address, compiled.ctypes, prototype, compiled)


def _checked(neuron: Any, dtype: DTypeLike) -> tuple[Neuron, np.dtype[Any]]:
    if not isinstance(neuron, Neuron):
        raise TypeError(f"neuron must be a neuron of fastlif, got {described(neuron)}")
    return neuron, real_dtype(dtype)


def _compiled(form: str, neuron: Neuron, dtype: np.dtype[Any]) -> Any:
    """Return one form of a neuron, which is compiled once."""
    if (form, dtype) not in neuron._forms:
        neuron._forms[form, dtype] = _compile(form, neuron, dtype)
    return neuron._forms[form, dtype]


# Constants of which compiled code holds the address, and C functions: nothing tells when they are
# no longer in use.
_KEPT: list[Any] = []


def _compile(form: str, neuron: Neuron, dtype: np.dtype[Any]) -> Any:
    from fastlif.kernels import embedded, embedded_c, gufuncs  # here, for a fast import of fastlif

    rule, values = neuron._model.rule, neuron._model.constants(dtype).shared
    if form in ("step_gufunc", "run_gufunc"):
        if any(shape for _, shape in neuron._model.shapes):
            values = None  # they are operands
        name = f"{type(neuron).__name__}_{form.removesuffix('_gufunc')}"
        _KEPT.append(values)
        return getattr(gufuncs, form)(rule, values, dtype, neuron.spike_dtype, name)
    if values is None:
        values = np.array([array.reshape(-1) for array in constants(neuron, dtype).values()])
    _KEPT.append(values)
    if form == "scalar":
        return embedded.scalar(rule, values)
    if form == "row":
        return embedded.row(rule, values, neuron.spike_dtype)
    function = embedded_c.c_step(rule, values, neuron.spike_dtype)
    _KEPT.append(function)
    return function
