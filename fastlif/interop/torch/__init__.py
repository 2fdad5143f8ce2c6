"""PyTorch modules that replace snnTorch's neurons on CPUs, with the same bits.

:class:`Lapicque` and :class:`Leaky` are called like ``snntorch.Lapicque`` and ``snntorch.Leaky``,
and ``layer.run`` integrates all time steps in one call. :func:`from_snntorch` and :func:`convert`
convert neurons and whole networks of snnTorch. The layers train like its neurons, with the same
gradients: :mod:`fastlif.interop.torch.surrogate` contains the surrogates.

Examples
--------
>>> import torch
>>> from fastlif.interop.torch import Leaky
>>> layer = Leaky(beta=0.9)
>>> current = torch.full((4, 2, 3), 0.4)  # time, batch, neurons
>>> with torch.inference_mode():
...     spk, mem = layer.run(current)  # all time steps
...     spk_0, mem_0 = layer(current[0], layer.reset_mem())  # one
>>> spk.shape, spk[:, 0, 0]
(torch.Size([4, 2, 3]), tensor([0., 0., 1., 0.]))
>>> torch.equal(mem_0, mem[0])
True
"""

from fastlif.interop.torch import surrogate, transforms  # noqa: F401 - registers what it contains
from fastlif.interop.torch.convert import convert, from_snntorch
from fastlif.interop.torch.neurons import Lapicque, Leaky

__all__ = ["Lapicque", "Leaky", "convert", "from_snntorch", "surrogate"]
