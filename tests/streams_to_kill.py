"""A process that is killed: it streams into a file, with a checkpoint.

``python streams_to_kill.py folder kind chunk [operation]`` kills itself before that file operation,
counted from 0.
"""

import os
import signal
import sys
from pathlib import Path

import numpy as np

import fastlif

STEPS, SIZE = 400, 500
PACKED = -(-SIZE // 8)


def neuron():
    return fastlif.LIF(R=5.1, C=5e-3, time_step=1e-3, refractory=2, order="at_once")


def current():
    """Return noise with a state, and an array."""
    noise = fastlif.OrnsteinUhlenbeckCurrent(mean=0.3, std=0.3, tau=0.01, seed=1, time_step=1e-3)
    return noise + np.random.default_rng(0).uniform(0, 0.2, (STEPS, SIZE)).astype(np.float32)


def arrays(folder, kind, mode):
    """Create (mode "w+") or open ("r+") the arrays of the records."""
    shapes = {"packed": ((STEPS, PACKED), "u1"), "counts": ((SIZE,), "i8"),
              "membrane": ((-(-STEPS // 7), SIZE), "f4")}  # fmt: skip
    out = {}
    for name, (shape, dtype) in shapes.items():
        if kind == "memmap":
            out[name] = np.memmap(folder / name, dtype, mode, shape=shape)
        elif kind == "zarr":
            import zarr

            out[name] = (
                zarr.open_array(folder / name)
                if mode == "r+"
                else zarr.open_array(
                    folder / name,
                    mode="w",
                    shape=shape,
                    dtype=dtype,
                    chunks=(11, *shape[1:])[: len(shape)],
                )
            )
        else:
            import h5py

            file = h5py.File(folder / "arrays.h5", "r+" if (folder / "arrays.h5").exists() else "w")
            out[name] = (
                file[name]
                if mode == "r+"
                else file.create_dataset(name, data=np.zeros(shape, dtype))  # with its space
            )
    return out


def die_before(operation):
    """Let the process kill itself before the operation of that number."""
    count = -1

    def counted(function):
        def call(*arguments, **options):
            nonlocal count
            count += 1
            if count == operation:
                os.kill(os.getpid(), signal.SIGKILL)
            return function(*arguments, **options)

        return call

    for name in ("pwrite", "fsync"):
        setattr(os, name, counted(getattr(os, name)))
    Path.replace = counted(Path.replace)


def main(folder, kind, chunk, operation=None):
    """Run until the end, or until the process is killed."""
    folder = Path(folder)
    out = arrays(folder, kind, "r+" if (folder / "made").exists() else "w+")
    for array in out.values():
        if kind == "hdf5":
            array.file.flush()
    (folder / "made").touch()
    if operation is not None:
        die_before(int(operation))
    # What takes time at first is done: the process is killed while it integrates and writes.
    record = ("packed", "counts", "membrane")
    list(neuron().stream(current(), steps=STEPS, chunk=STEPS, every=7, record=record))
    print("begins", flush=True)
    for _ in neuron().stream(
        current(), steps=STEPS, chunk=int(chunk), every=7, out=out, checkpoint=folder / "checkpoint"
    ):
        pass
    print("ends", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
