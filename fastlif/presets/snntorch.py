"""snnTorch's neurons, which are fastlif's own."""

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
    r"""Return ``snntorch.Lapicque``: :class:`fastlif.Lapicque`, bit for bit.

    .. math:: b = i R \frac{1}{RC} \Delta t + \left(1 - \frac{\Delta t}{RC}\right) u

    A step reports a spike where the membrane leaves it above the threshold (``>``); the reset
    (subtract, zero or none) follows in the next step. No refractory period. Checked with snnTorch
    1.0.0 and PyTorch 2.13.0, in float32.

    Parameters
    ----------
    beta, R, C, time_step, threshold, reset_mechanism
        As snnTorch's, and as :class:`fastlif.Lapicque` says.

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
    r"""Return ``snntorch.Leaky``: :class:`fastlif.Leaky`, bit for bit.

    .. math:: b = \beta u + i

    A step reports a spike where the membrane leaves it above the threshold (``>``); the reset
    (subtract, zero or none) follows in the next step, or with ``reset_delay=False`` in the same
    one. No refractory period. Checked with snnTorch 1.0.0 and PyTorch 2.13.0, in float32.

    Parameters
    ----------
    beta, threshold, reset_mechanism, reset_delay
        As snnTorch's, and as :class:`fastlif.Leaky` says.

    Examples
    --------
    >>> import numpy as np
    >>> from fastlif import presets
    >>> run = presets.snntorch_leaky(0.9).run(np.float32(0.3), steps=100, record="counts")
    >>> int(run.counts)
    23
    """
    return Leaky(beta, threshold, reset_mechanism, reset_delay)  # type: ignore[arg-type]
