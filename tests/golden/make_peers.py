"""Create the reference runs of the presets: the cases of tests/peers, run by the simulators.

    python tests/golden/make_peers.py [PRESET ...]

.ci/peers installs the simulators in the versions used for the files. Without names, the script runs
the cases of tests/peers/cases.py whose simulator can be imported. For case k, a file contains
spikes_k (bits along the neurons, or counts), membrane_k (the first four neurons), final_k (the last
step) and digest_k (of all membranes, with -0.0 replaced by 0.0).
"""

import hashlib
import importlib
import json
import sys
from importlib import metadata
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
TESTS = Path(__file__).parents[1]


def write(name, table):
    """Run all cases of a preset and write its file; ``table`` is one of tables()."""
    peer = importlib.import_module(f"peers.{table.MODULES[name]}")
    meta = {"peer": peer.PACKAGE, "version": metadata.version(peer.PACKAGE)}
    meta["numpy"] = np.__version__
    if hasattr(peer, "torch"):
        meta["torch"] = str(peer.torch.__version__)
    arrays, firing = {"meta": np.array(json.dumps(meta))}, []
    for k in range(len(table.CASES[name])):
        current, parameters = table.current_of(name, k), table.parameters_of(name, k)
        spikes, membrane = getattr(peer, name)(current, **parameters)
        assert spikes.any()
        assert np.isfinite(membrane).all()
        arrays[f"spikes_{k}"] = packed(spikes)
        arrays[f"membrane_{k}"] = membrane[:, :4]
        arrays[f"final_{k}"] = membrane[-1]
        arrays[f"digest_{k}"] = np.array(digest(membrane))
        firing.append(f"{np.mean(spikes > 0):.1%}")
    np.savez_compressed(HERE / f"{name}.npz", **arrays)
    print(f"{name}: fraction of neuron-steps that fire: {', '.join(firing)}")


def packed(spikes):
    if spikes.dtype == bool:
        return np.packbits(spikes, axis=1, bitorder="little")
    return spikes.astype(np.uint8 if spikes.max() < 256 else np.int32)


def digest(membrane):
    # Adding 0.0 replaces -0.0 by 0.0.
    return hashlib.sha256(np.ascontiguousarray(membrane + 0.0).tobytes()).hexdigest()


def tables():
    """Return the tables of cases; the second one requires simulators that not every machine has."""
    names = ["cases"] + ["cases_double"] * (TESTS / "peers" / "cases_double.py").exists()
    return [importlib.import_module(f"peers.{name}") for name in names]


def importable(module):
    try:
        importlib.import_module(f"peers.{module}")
    except ImportError as error:
        print(f"{module}: skipped ({error})")
        return False
    return True


def main(names):
    sys.path.insert(0, str(TESTS))
    known = tables()
    if not names:
        there = {module for module in set(known[0].MODULES.values()) if importable(module)}
        names = [name for name in known[0].CASES if known[0].MODULES[name] in there]
    for name in names:
        write(name, next(table for table in known if name in table.CASES))


if __name__ == "__main__":
    main(sys.argv[1:])
