"""Create the environments of the other simulators: ``environments.py FOLDER [NAME ...]``.

Norse, Sinabs and SpikingJelly are installed without dependencies, because their neurons do not need
all of them (among others, torchvision and torchaudio, for another build of PyTorch). Rockpool's
dependency samna is omitted. Brian2 2.9 requires an older NumPy than the others.
"""

import argparse
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).parents[1]

# The arguments of pip, one list per call. The versions are those of the golden files.
ENVIRONMENTS = {
    "torch": [
        [
            "torch==2.13.0",
            "numpy",
            "scipy",
            "matplotlib",
            "loguru",
            "nir==1.0.4",
            "nirtorch",
            "pbr",
        ],
        ["nengo==4.1.0", "rockpool==3.1.0", "snntorch==1.0.0", "jax==0.10.2", "scikit-learn"],
        ["--no-deps", "norse==1.1.0", "sinabs==3.1.3", "spikingjelly==2.0.0"],
    ],
    "simulators": [["brian2==2.9.0", "numpy<2.4", "nest-simulator==3.10.0"]],
}


def python_of(folder):
    """Return an environment's interpreter."""
    return folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")


def make(folder, name):
    """Create the environment ``name`` in ``folder`` if needed; return its interpreter."""
    place = Path(folder) / name
    python = python_of(place)
    if not (place / "done").exists():
        print(f"creating the environment {place}", flush=True)
        venv.create(place, with_pip=True, clear=True)
        for packages in [*ENVIRONMENTS[name], ["-e", f"{ROOT}[test,bench]"]]:
            subprocess.run([python, "-m", "pip", "install", "-q", *packages], check=True)
        (place / "done").touch()
    return python


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("names", nargs="*", help=f"of {', '.join(ENVIRONMENTS)}; all by default")
    arguments = parser.parse_args()
    if unknown := set(arguments.names) - ENVIRONMENTS.keys():
        parser.error(f"no such environment: {', '.join(sorted(unknown))}")
    for each in arguments.names or ENVIRONMENTS:
        make(arguments.folder, each)
