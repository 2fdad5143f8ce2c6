"""Peak memory of one pass forward and backward: ``peak_memory.py fastlif|snnTorch T BATCH N``.

Prints by how many bytes the resident set of this process grew beyond its inputs.
"""

import re
import resource
import sys
from pathlib import Path

import snntorch
import torch

from fastlif.interop.torch import Leaky

NEURONS = {"fastlif": Leaky, "snnTorch": snntorch.Leaky}


def tensors(steps, batch, neurons):
    """Return a current that requires a gradient, and the gradient that arrives at the spikes."""
    generator = torch.Generator().manual_seed(0)
    current = 0.4 * torch.rand((steps, batch, neurons), generator=generator)
    arriving = torch.randn(current.shape, generator=generator)
    return current.requires_grad_(), arriving


def forward_and_backward(neuron, current, arriving):
    """Return spikes, membranes and the gradient at the current; snnTorch's neurons are stepped."""
    if isinstance(neuron, Leaky):
        spikes, membranes = neuron.run(current)
    else:
        mem, records = neuron.reset_mem(), []
        for now in current:
            spk, mem = neuron(now, mem)
            records.append((spk, mem))
        spikes, membranes = map(torch.stack, zip(*records, strict=True))
    (gradient,) = torch.autograd.grad(spikes, current, arriving)
    return spikes.detach(), membranes.detach(), gradient


def peak():
    """Return the largest resident set of this process so far, in bytes."""
    try:  # not getrusage, which on Linux includes the process that started this one
        status = Path("/proc/self/status").read_text()
        return 1024 * int(re.search(r"VmHWM:\s*(\d+)", status)[1])
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # in bytes on macOS


def main():
    """Measure after a small pass, which loads the compiled code."""
    whose, *size = sys.argv[1:]
    neuron = NEURONS[whose](beta=0.9)
    forward_and_backward(neuron, *tensors(2, 2, 2))
    inputs = tensors(*map(int, size))
    before = peak()
    results = forward_and_backward(neuron, *inputs)
    print(peak() - before)
    del results


if __name__ == "__main__":
    main()
