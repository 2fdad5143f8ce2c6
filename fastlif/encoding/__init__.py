"""Signals as spikes: rate, latency and delta encoding, as ``snntorch.spikegen`` does.

Arguments have snnTorch 1.0.0's names, order, defaults and meaning. Data are arrays of any shape and
layout. Integers, bools and float16 are computed in float32, float32 and float64 in their own dtype.
Time is axis 0 of the result.

The differences from snnTorch: spikes are arrays of one byte per item, which ``neuron.run`` reads
without a copy, instead of float tensors. ``rate`` has a ``seed``. Arguments that cannot have an
effect or a defined result raise an error. The logarithm is correctly rounded, so that results are
the same on every processor; PyTorch's differs from it in the last bit of some values.
"""

from fastlif.encoding.changes import delta
from fastlif.encoding.probabilities import rate, rate_source
from fastlif.encoding.times import latency

__all__ = ["delta", "latency", "rate", "rate_source"]
