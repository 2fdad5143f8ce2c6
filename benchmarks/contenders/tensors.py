"""The loop over time, and its records, of the contenders based on PyTorch."""

import torch


def tensor(value, dtype):
    """Return a parameter as a tensor of the input's dtype."""
    return torch.as_tensor(value, dtype=dtype)


def loop(step, current, state, record):
    """Apply ``step(x, state) -> spk, state, mem`` to each step; return the requested records."""
    spikes = torch.empty(current.shape, dtype=torch.bool) if "spikes" in record else None
    membrane = torch.empty_like(current) if "membrane" in record else None
    counts = torch.zeros(current.shape[1], dtype=torch.int64) if "counts" in record else None
    with torch.inference_mode():
        for t, x in enumerate(current):
            spk, state, mem = step(x, state)
            if spikes is not None:
                spikes[t] = spk
            if membrane is not None:
                membrane[t] = mem
            if counts is not None:
                counts += spk.bool()
    return spikes, membrane, counts
