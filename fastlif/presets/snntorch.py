"""The neurons of snnTorch, which are also fastlif's own."""

from __future__ import annotations

from numpy.typing import ArrayLike

from fastlif.checks import Parameter
from fastlif.neurons.lapicque import Lapicque
from fastlif.neurons.leaky import Leaky


def snntorch_lapicque(
    beta: Parameter | None = None,
    R: Parameter | None = None,
    C: Parameter | None = None,
    time_step: Parameter = 1.0,
    threshold: Parameter = 1.0,
    reset_mechanism: str = "subtract",
) -> Lapicque:
    r"""Return snnTorch's neuron ``snntorch.Lapicque``, which is :class:`fastlif.Lapicque`.

    .. math:: b = i R \frac{1}{RC} \Delta t + \left(1 - \frac{\Delta t}{RC}\right) u

    A step reports a spike if the membrane leaving it is above the threshold (``>``). The reset
    follows in the next step. There is no refractory period.

    Parameters
    ----------
    beta, R, C, time_step, threshold, reset_mechanism
        The parameters of snnTorch and of :class:`fastlif.Lapicque`.

    Returns
    -------
    Lapicque
        The neuron.

    Notes
    -----
    In float32, spikes and membranes are bit-identical to snnTorch's if the logarithm with which
    snnTorch infers R or C from ``beta`` is correctly rounded.

    References
    ----------
    snnTorch 1.0.0 with PyTorch 2.13.0, ``snntorch.Lapicque``.

    Examples
    --------
    >>> import numpy as np
    >>> from fastlif import presets
    >>> neuron = presets.snntorch_lapicque(R=5.1, C=5e-3, time_step=1e-3)
    >>> int(neuron.run(np.float32(0.3), steps=100, record="counts").counts)
    3
    """
    return Lapicque(beta, R, C, time_step, threshold, reset_mechanism)


def snntorch_leaky(
    beta: ArrayLike,
    threshold: Parameter = 1.0,
    reset_mechanism: str = "subtract",
    reset_delay: bool = True,
) -> Leaky:
    r"""Return snnTorch's neuron ``snntorch.Leaky``, which is :class:`fastlif.Leaky`.

    .. math:: b = \beta u + i

    A step reports a spike if the membrane leaving it is above the threshold (``>``). The reset
    follows in the next step or, with ``reset_delay=False``, in the same step. There is no
    refractory period.

    Parameters
    ----------
    beta, threshold, reset_mechanism, reset_delay
        The parameters of snnTorch and of :class:`fastlif.Leaky`.

    Returns
    -------
    Leaky
        The neuron.

    Notes
    -----
    In float32, spikes and membranes are bit-identical to snnTorch's.

    References
    ----------
    snnTorch 1.0.0 with PyTorch 2.13.0, ``snntorch.Leaky``.

    Examples
    --------
    >>> import numpy as np
    >>> from fastlif import presets
    >>> run = presets.snntorch_leaky(0.9).run(np.float32(0.3), steps=100, record="counts")
    >>> int(run.counts)
    23
    """
    return Leaky(beta, threshold, reset_mechanism, reset_delay)  # type: ignore[arg-type]
