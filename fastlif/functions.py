"""The notebook's two functions, for arrays of any shape: one step, nothing remembered."""

import functools
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from fastlif.checks import Numbers, common_shape, is_weak, numbers
from fastlif.execution.forms import state_dtype
from fastlif.kernels.ufuncs import integrate, integrate_and_fire
from fastlif.neurons.lif import LIF


def leaky_integrate_neuron(
    U: ArrayLike,
    time_step: ArrayLike = 1e-3,
    I: ArrayLike = 0,  # noqa: E741 - the notebook's name
    R: ArrayLike = 5e7,
    C: ArrayLike = 1e-10,
) -> Any:
    r"""Take one Euler step of a passive membrane (no threshold, no spike).

    .. math:: U + \frac{\Delta t}{RC}(-U + IR)

    Broadcasts like a ufunc, and gives the notebook's bits. For all of time at once, use
    ``LIF(reset_mechanism="none").run(...)``.

    Parameters
    ----------
    U : array_like
        Membrane potential (volt).
    time_step : array_like
        Step (second), positive.
    I : array_like
        Input current (ampere).
    R, C : array_like
        Resistance (ohm) and capacitance (farad), positive.

    Returns
    -------
    numpy.ndarray or scalar
        The membrane after the step: float64 if U or I is a float64 array or all are Python's
        numbers, else float32.

    Raises
    ------
    TypeError, ValueError
        If an argument is not real numbers, out of its range or does not broadcast.

    Examples
    --------
    >>> import fastlif
    >>> U, trace = 0.9, []
    >>> for step in range(3):
    ...     trace.append(round(float(U), 4))
    ...     U = fastlif.leaky_integrate_neuron(U)
    >>> trace
    [0.9, 0.72, 0.576]
    """
    u, i, shape, (_, r, rate) = _prepare(("U", U), ("I", I), 1.0, time_step, R, C)
    return integrate(u.dtype, np.ndim(rate) == 0)(u, i, r, rate).reshape(shape)[()]


def leaky_integrate_and_fire(
    mem: ArrayLike,
    cur: ArrayLike = 0,
    threshold: ArrayLike = 1,
    time_step: ArrayLike = 1e-3,
    R: ArrayLike = 5.1,
    C: ArrayLike = 5e-3,
) -> tuple[Any, Any]:
    r"""Take one step of a leaky integrate-and-fire neuron with reset by subtraction.

    .. math::

        s = [u > \theta], \qquad u + \frac{\Delta t}{RC}(-u + iR) - s\,\theta

    Broadcasts like a ufunc, and gives the notebook's bits and its order of results: the membrane
    first. **The spike is reported by the step that the membrane enters above the threshold**,
    which also resets it: one step later than :class:`fastlif.Lapicque` reports it. For all of
    time at once, use ``LIF(...).run(...)``.

    Parameters
    ----------
    mem : array_like
        Membrane potential (volt).
    cur : array_like
        Input current (ampere).
    threshold : array_like
        Membrane potential (volt) above which the neuron fires.
    time_step : array_like
        Step (second), positive.
    R, C : array_like
        Resistance (ohm) and capacitance (farad), positive.

    Returns
    -------
    mem : numpy.ndarray or scalar
        The membrane after the step: float64 if mem or cur is a float64 array or all are Python's
        numbers, else float32.
    spk : numpy.ndarray or scalar
        bool: whether the membrane entered the step above the threshold.

    Raises
    ------
    TypeError, ValueError
        If an argument is not real numbers, out of its range or does not broadcast.

    Examples
    --------
    >>> import numpy as np, fastlif
    >>> mem, spk = fastlif.leaky_integrate_and_fire(np.float32([0.5, 1.25]), 0.2)
    >>> mem, spk
    (array([0.5203922 , 0.24098039], dtype=float32), array([False,  True]))
    """
    u, i, shape, constants = _prepare(("mem", mem), ("cur", cur), threshold, time_step, R, C)
    uniform = np.ndim(constants[0]) == 0
    new, spk = integrate_and_fire(u.dtype, uniform)(u, i, *constants)
    return new.reshape(shape)[()], spk.reshape(shape)[()]


_cached_lif = functools.lru_cache(LIF)


def _prepare(
    membrane: tuple[str, Any], current: tuple[str, Any], *parameters: Any
) -> tuple[Numbers, Numbers, tuple[int, ...], tuple[Numbers, ...]]:
    """Return membrane and current as the gufuncs take them, the result's shape, and the constants.

    All are of one dtype. Constants are numbers where no parameter is an array, else of the
    result's shape, as are membrane and current.
    """
    try:
        neuron = _cached_lif(*parameters)
    except TypeError:  # an array has no hash; or the parameter is wrong, which LIF then says again
        neuron = LIF(*parameters)
    (u_name, u_given), (i_name, i_given) = membrane, current
    u, i = numbers(u_name, u_given), numbers(i_name, i_given)
    dtype = state_dtype([(u, is_weak(u_given, u)), (i, is_weak(i_given, i))])
    u, i = u.astype(dtype, copy=False), i.astype(dtype, copy=False)
    constants = tuple(neuron.constants(dtype)[name] for name in ("threshold", "gain", "rate"))
    shape = common_shape([(u_name, u.shape), (i_name, i.shape), *neuron._model.shapes])
    wide = shape or (1,)  # a gufunc's loop needs an axis
    # Copied where it is broadcast: the kernels are fast where neurons stand side by side.
    u, i = (a if a.shape == wide else np.array(np.broadcast_to(a, wide)) for a in (u, i))
    if any(c.ndim for c in constants):
        constants = tuple(np.broadcast_to(c, wide) for c in constants)
    return u, i, shape, constants
