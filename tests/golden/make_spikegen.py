"""Create spikegen.npz: the cases of tests/peers/spikegen.py, encoded by snnTorch.

.ci/peers installs snnTorch in the version used for the file. An array is stored as int8 if that is
exact. latency_k and delta_k are those of case k.
"""

import json
import sys
from importlib import metadata
from pathlib import Path

import numpy as np
import torch
from snntorch import spikegen

TESTS = Path(__file__).parents[1]


def main():
    sys.path.insert(0, str(TESTS))
    from peers import spikegen as cases

    arrays = {"meta": np.array(json.dumps({p: metadata.version(p) for p in ("snntorch", "torch")}))}
    for name, data, table in (
        ("latency", cases.values(), cases.LATENCY),
        ("delta", cases.signals(), cases.DELTA),
    ):
        for k, case in enumerate(table):
            result = getattr(spikegen, name)(torch.from_numpy(data), **case).numpy()
            small = result.astype(np.int8)
            arrays[f"{name}_{k}"] = small if np.array_equal(small, result) else result
    np.savez_compressed(TESTS / "golden" / "spikegen.npz", **arrays)


if __name__ == "__main__":
    main()
