"""Runs and events in NPZ files.

Each array of a file is a field: ``"membrane"``, or ``"events.step"`` for a field of a field. Fields
that are None are left out. ``"fastlif"`` holds the name of the class.
"""

import os
import zipfile
from typing import Any, TypeVar

import numpy as np

from fastlif.checks import Numbers
from fastlif.execution.results import Events, Run
from fastlif.execution.state import State

_NESTED: dict[str, Any] = {"events": Events, "final": State}
_KIND = "fastlif"

Result = TypeVar("Result", Run, Events)


def save(path: str | os.PathLike[str], result: Run | Events) -> None:
    """Write ``result`` to the file ``path``."""
    arrays = flat(result)
    for name, array in arrays.items():
        if array.dtype.hasobject:
            raise TypeError(f"{name} must be an array of numbers, got dtype {array.dtype}")
    arrays[_KIND] = np.array(type(result).__name__)
    with open(path, "wb") as file:  # NumPy would add an extension to a path
        np.savez(file, **arrays)  # type: ignore[arg-type]


def load(path: str | os.PathLike[str], cls: type[Result]) -> Result:
    """Read a ``cls`` from the file ``path``."""
    try:
        with open(path, "rb") as stream:
            file = np.load(stream, allow_pickle=False)
            arrays = {name: file[name] for name in file.files}
    except (zipfile.BadZipFile, AttributeError, ValueError, EOFError) as error:
        raise ValueError(f"{os.fspath(path)!r} is not a file that fastlif saved") from error
    kind = str(arrays.pop(_KIND, "another file"))
    if kind != cls.__name__:
        raise ValueError(f"{os.fspath(path)!r} must hold a {cls.__name__}, got {kind}")
    result: Result = nested(cls, arrays, "")
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
        if any(other.startswith(f"{key}.") for other in arrays):
            fields[name] = nested(_NESTED[name], arrays, f"{key}.")
        elif key in arrays:
            array, is_int = arrays.pop(key), isinstance(cls._field_defaults.get(name), int)
            fields[name] = int(array) if is_int else array
        else:
            fields[name] = cls._field_defaults.get(name)
    return cls(**fields)
