"""Create gradients.npz: the cases of tests/peers/gradients.py, by the simulators themselves.

    python tests/golden/make_gradients.py

.ci/peers installs the simulators in the versions used for the file. It contains, by case, the
digests of the gradients at the current and the initial membrane (with -0.0 replaced by 0.0), both
gradients (of the current, those of two neurons), and those of beta and the threshold, with NaN for
what is not learned.
"""

import json
import sys
import warnings
from importlib import metadata
from pathlib import Path

import numpy as np

TESTS = Path(__file__).parents[1]


def main():
    sys.path[:0] = [str(TESTS), str(TESTS / "golden")]
    from make_peers import digest
    from peers import gradients

    packages = ("snntorch", "norse", "spikingjelly", "torch")
    found = {"digest": [], "current": [], "initial": [], "beta": [], "threshold": []}
    for case in gradients.CASES:
        current, initial, beta, threshold = gradients.by_peer(case)
        assert np.isfinite(current).all()
        assert current.any()
        found["digest"].append([digest(current), digest(initial)])
        found["current"].append(current[:, -1, -2:])
        found["initial"].append(initial)
        for name, value in (("beta", beta), ("threshold", threshold)):
            row = np.full(gradients.NEURONS, np.nan, np.float32)
            if value is not None:
                row[: value.size] = value.reshape(-1)
            found[name].append(row)
    arrays = {name: np.array(values) for name, values in found.items()}
    arrays["meta"] = np.array(json.dumps({p: metadata.version(p) for p in packages}))
    np.savez_compressed(TESTS / "golden" / "gradients.npz", **arrays)
    print(f"{len(gradients.CASES)} cases")


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main()
