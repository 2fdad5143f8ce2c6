"""Runs and events in NPZ files.

Each array of a file is a field: ``"membrane"``, or ``"events.step"`` for a field of a field. Fields
that are None are left out. ``"fastlif"`` holds the name of the class.
"""

import contextlib
import errno
import os
import secrets
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, TypeVar

import numpy as np

from fastlif.checks import Numbers, described
from fastlif.execution.results import Events, Run
from fastlif.execution.state import State

_NESTED: dict[str, Any] = {"events": Events, "final": State}
_REQUIRED = {"final", "mem", "step", "neuron"}
_KIND = "fastlif"

# What reading a file raises that is none, or whose directory is damaged.
_DAMAGED = (
    zipfile.BadZipFile, AttributeError, ValueError, EOFError, NotImplementedError, RuntimeError,
    OSError,
)  # fmt: skip

Result = TypeVar("Result", Run, Events)


def save(path: str | os.PathLike[str], result: Run | Events) -> None:
    """Write ``result`` to the file ``path``, which remains as it is if this fails."""
    arrays = flat(result)
    for name, array in arrays.items():
        if array.dtype.hasobject:
            raise TypeError(f"{name} must be an array of numbers, got dtype {array.dtype}")
    arrays[_KIND] = np.array(type(result).__name__)
    with _replacing(path) as file:  # NumPy would add an extension to a path
        np.savez(file, **arrays)  # type: ignore[arg-type]


@contextlib.contextmanager
def _replacing(path: str | os.PathLike[str]) -> Iterator[IO[bytes]]:
    """Open a file that takes the place of ``path`` when it is complete."""
    target = Path(os.fsdecode(path)).resolve()  # a symbolic link remains one
    if target.exists():
        with open(target, "ab") as file:  # raises if it is a folder or must not be written
            if not target.is_file():  # a device or a pipe
                yield file
                return
    temporary = target.with_name(f".fastlif-{secrets.token_hex(8)}.tmp")
    try:
        with open(temporary, "xb") as file:
            yield file
        if target.exists():
            shutil.copymode(target, temporary)
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def load(path: str | os.PathLike[str], cls: type[Result]) -> Result:
    """Read a ``cls`` from the file ``path``."""
    with open(path, "rb") as stream:
        try:
            file = np.load(stream, allow_pickle=False)
            arrays = {name: file[name] for name in file.files}
        except _DAMAGED as error:
            if isinstance(error, OSError) and error.errno != errno.EINVAL:
                raise  # the disk is damaged, not the file
            raise ValueError(f"{os.fspath(path)!r} is not a file that fastlif saved") from error
    kind = str(arrays.pop(_KIND, "another file"))
    if kind != cls.__name__:
        raise ValueError(f"{os.fspath(path)!r} must hold {cls.__name__}, got {kind}")
    try:
        result: Result = nested(cls, arrays, "")
    except ValueError as error:
        raise ValueError(f"{os.fspath(path)!r} is incomplete or damaged: {error}") from None
    if arrays:
        raise ValueError(
            f"{os.fspath(path)!r} holds {', '.join(sorted(arrays))}, which this version of fastlif "
            "does not know"
        )
    return result


def flat(result: Any, prefix: str = "") -> dict[str, Numbers]:
    """Return the arrays in a named tuple, by their names."""
    arrays: dict[str, Numbers] = {}
    for name, value in result._asdict().items():
        if isinstance(value, tuple):
            arrays |= flat(value, f"{prefix}{name}.")
        elif value is not None:
            arrays[prefix + name] = np.asarray(value)
    return arrays


def nested(cls: Any, arrays: dict[str, Numbers], prefix: str) -> Any:
    """Return the named tuple, and take its fields from ``arrays``."""
    fields: dict[str, Any] = {}
    for name in cls._fields:
        key = prefix + name
        default = cls._field_defaults.get(name)
        if name in _NESTED and any(other.startswith(f"{key}.") for other in arrays):
            fields[name] = nested(_NESTED[name], arrays, f"{key}.")
        elif name not in _NESTED and key in arrays:
            fields[name] = _value(key, arrays.pop(key), isinstance(default, int))
        elif name in _REQUIRED:
            raise ValueError(f"{key} is missing")
        else:
            fields[name] = default
    return cls(**fields)


def _value(key: str, array: Numbers, is_int: bool) -> Numbers | int:
    """Return an array of numbers or, for a field that is one, an int."""
    if array.dtype.kind not in "biuf":
        raise ValueError(f"{key} must be an array of numbers, got dtype {array.dtype}")
    if not is_int:
        return array
    if array.ndim or array.dtype.kind not in "iu":
        raise ValueError(f"{key} must be a whole number, got {described(array)}")
    return int(array)
