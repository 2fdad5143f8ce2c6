"""The tutorial's two functions: one step, for arrays of any shape, without a stored state."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from fastlif.checks import Numbers, common_shape, is_weak, numbers
from fastlif.execution.forms import state_dtype
from fastlif.neurons.lif import LIF


def leaky_integrate_neuron(
    U: ArrayLike,
    time_step: ArrayLike = 1e-3,
    I: ArrayLike = 0,  # noqa: E741 - the tutorial's name
    R: ArrayLike = 5e7,
    C: ArrayLike = 1e-10,
) -> Any:
    r"""Compute one Euler step of a passive membrane (no threshold, no spikes).

    .. math:: U + \frac{\Delta t}{RC}(-U + IR)

    The function broadcasts like a ufunc and is bit-for-bit identical to the tutorial's function. To
    integrate over many time steps in one call, use ``LIF(reset_mechanism="none").run(...)``.

    Parameters
    ----------
    U : array_like
        Membrane potential (volt).
    time_step : array_like
        Time step (second), positive.
    I : array_like
        Input current (ampere).
    R, C : array_like
        Resistance (ohm) and capacitance (farad), positive.

    Returns
    -------
    numpy.ndarray or scalar
        The membrane after the step, with the broadcast shape of all arguments. The dtype is float64
        if ``U`` or ``I`` is a float64 array or if both are Python numbers, and float32 otherwise.

    Raises
    ------
    TypeError
        If an argument does not hold real numbers.
    ValueError
        If an argument is out of its range, or if the shapes do not broadcast.

    References
    ----------
    snnTorch tutorial 2, ``leaky_integrate_neuron``.

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
    from fastlif.kernels.ufuncs import integrate  # here, for a fast import of fastlif

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
    r"""Compute one step of a leaky integrate-and-fire neuron with reset by subtraction.

    .. math::

        s = [u > \theta], \qquad u + \frac{\Delta t}{RC}(-u + iR) - s\,\theta

    The function broadcasts like a ufunc and is bit-for-bit identical to the tutorial's function.
    Like that function, it returns the membrane first. To integrate over many time steps in one
    call, use ``LIF(...).run(...)``.

    **When a spike is reported**: a step reports a spike, and resets the membrane, if the membrane
    *entering* the step is above the threshold. This is one step later than
    :class:`fastlif.Lapicque` reports it.

    Parameters
    ----------
    mem : array_like
        Membrane potential (volt).
    cur : array_like
        Input current (ampere).
    threshold : array_like
        Membrane potential (volt) above which the neuron fires.
    time_step : array_like
        Time step (second), positive.
    R, C : array_like
        Resistance (ohm) and capacitance (farad), positive.

    Returns
    -------
    mem : numpy.ndarray or scalar
        The membrane after the step, with the broadcast shape of all arguments. The dtype is float64
        if ``mem`` or ``cur`` is a float64 array or if both are Python numbers, and float32
        otherwise.
    spk : numpy.ndarray or scalar
        bool, of the same shape: whether the membrane entering the step is above the threshold.

    Raises
    ------
    TypeError
        If an argument does not hold real numbers.
    ValueError
        If an argument is out of its range, or if the shapes do not broadcast.

    References
    ----------
    snnTorch tutorial 2, ``leaky_integrate_and_fire``.

    Examples
    --------
    >>> import numpy as np, fastlif
    >>> mem, spk = fastlif.leaky_integrate_and_fire(np.float32([0.5, 1.25]), 0.2)
    >>> mem, spk
    (array([0.5203922 , 0.24098039], dtype=float32), array([False,  True]))
    """
    from fastlif.kernels.ufuncs import integrate_and_fire  # here, for a fast import of fastlif

    u, i, shape, constants = _prepare(("mem", mem), ("cur", cur), threshold, time_step, R, C)
    uniform = np.ndim(constants[0]) == 0
    new, spk = integrate_and_fire(u.dtype, uniform)(u, i, *constants)
    return new.reshape(shape)[()], spk.reshape(shape)[()]


_UNCHANGING = frozenset({float, int, str, np.float32, np.float64})
_cached_lif = functools.lru_cache(maxsize=128, typed=True)(LIF)


def _prepare(
    membrane: tuple[str, Any], current: tuple[str, Any], *parameters: Any
) -> tuple[Numbers, Numbers, tuple[int, ...], tuple[Numbers, ...]]:
    """Return the membrane and the current for the gufuncs, the result's shape, and the constants.

    All arrays have one dtype. Constants are scalars if no parameter is an array; otherwise they
    have the result's shape, as membrane and current do.
    """
    unchanging = all(type(parameter) in _UNCHANGING for parameter in parameters)
    neuron = (_cached_lif if unchanging else LIF)(*parameters)
    (u_name, u_given), (i_name, i_given) = membrane, current
    u, i = numbers(u_name, u_given), numbers(i_name, i_given)
    dtype = state_dtype([(u, is_weak(u_given, u)), (i, is_weak(i_given, i))])
    u, i = u.astype(dtype, copy=False), i.astype(dtype, copy=False)
    constants = tuple(neuron.constants(dtype)[name] for name in ("threshold", "gain", "rate"))
    shape = common_shape([(u_name, u.shape), (i_name, i.shape), *neuron._model.shapes])
    loop_shape = shape or (1,)  # the gufunc's loop needs at least one axis
    # Broadcast arrays are copied, because the kernels are fast on contiguous neurons.
    u, i = (
        a if a.shape == loop_shape else np.array(np.broadcast_to(a, loop_shape)) for a in (u, i)
    )
    if any(c.ndim for c in constants):
        constants = tuple(np.broadcast_to(c, loop_shape) for c in constants)
    return u, i, shape, constants
