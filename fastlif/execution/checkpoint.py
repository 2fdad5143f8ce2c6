"""Checkpoints of streams: files from which a run that was killed continues.

A checkpoint is one line that tells what it is, a checksum, and an NPZ file: the state, the counts,
and a description of the run that it belongs to. It is written to a temporary file first, which then
replaces the last one: at any time, there is one complete checkpoint.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from fastlif.checks import Numbers, described
from fastlif.execution.sources import Source
from fastlif.execution.state import State
from fastlif.execution.storage import flat, nested

_FIRST_LINE = b"fastlif checkpoint 1\n"
_DIGEST = 32  # bytes
_LONGEST = 160  # characters of a description


class Checkpoint(NamedTuple):
    """What a run needs to continue.

    Attributes
    ----------
    belongs_to : dict of str
        What the bits of the run depend on.
    begin : int
        The first step of the last completed stretch.
    steps : int
        The number of completed steps.
    state : State
        The state after them.
    counts : numpy.ndarray or None
        The spike counts so far.
    read, written : int
        Checksums of the last input that was read, and of the records of the last stretch.
    """

    belongs_to: dict[str, str]
    begin: int
    steps: int
    state: State
    counts: Numbers | None
    read: int | None
    written: int


def save(path: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint that replaces the last one as a whole."""
    arrays = flat(checkpoint.state, "state.")
    if checkpoint.counts is not None:
        arrays["counts"] = checkpoint.counts
    header = checkpoint._asdict() | {"state": None, "counts": None}
    arrays["header"] = np.frombuffer(json.dumps(header).encode(), np.uint8)
    stream = io.BytesIO()
    np.savez(stream, **arrays)  # type: ignore[arg-type]
    content = stream.getvalue()
    temporary = path.with_name(path.name + ".tmp")
    try:
        with open(temporary, "wb") as file:
            file.write(_FIRST_LINE + hashlib.sha256(content).digest() + content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)  # atomic
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    _sync_directory(path.parent)


def load(path: Path) -> Checkpoint | None:
    """Read a checkpoint; None if there is no file."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    if content[: len(_FIRST_LINE)] != _FIRST_LINE:
        raise ValueError(
            f"checkpoint {str(path)!r} must be a file that a stream of this version of fastlif "
            "wrote, got another file or one of another version"
        )
    content = content[len(_FIRST_LINE) :]
    digest, content = content[:_DIGEST], content[_DIGEST:]
    if hashlib.sha256(content).digest() != digest:
        raise ValueError(f"checkpoint {str(path)!r} is damaged: its checksum is wrong")
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        header = json.loads(arrays.pop("header").tobytes())
        header["counts"] = arrays.pop("counts", None)
        header["state"] = nested(State, arrays, "state.")
        return Checkpoint(**header)
    except (zipfile.BadZipFile, ValueError, KeyError, TypeError) as error:  # another format
        raise ValueError(f"checkpoint {str(path)!r} is damaged: {error}") from error


def ensure_same_run(path: Path, theirs: dict[str, str], ours: dict[str, str]) -> None:
    """Raise if a checkpoint belongs to another run."""
    for key, value in ours.items():
        if theirs.get(key) != value:
            raise ValueError(
                f"checkpoint {str(path)!r} belongs to another run: its {key} is "
                f"{theirs.get(key)}, and the {key} of this run is {value}"
            )


def ensure_same_input(path: Path, last: Checkpoint, rows: Numbers | None) -> None:
    """Raise if the last row of input that was read is another one now."""
    if rows is not None and checksum([rows]) != last.read:
        raise ValueError(
            f"checkpoint {str(path)!r} belongs to another run: step {last.steps - 1} of its "
            "current is not that of this run"
        )


def checked_path(path: Any) -> Path:
    """Return the argument ``checkpoint`` as a path at which a file can be."""
    try:
        checked = Path(path)
    except TypeError:
        raise TypeError(f"checkpoint must be a path, got {described(path)}") from None
    if not checked.parent.is_dir():
        raise ValueError(
            f"checkpoint must be in a folder that exists, got {str(path)!r}: there is no "
            f"{str(checked.parent)!r}"
        )
    if checked.is_dir():
        raise ValueError(f"checkpoint must be a file, got the folder {str(path)!r}")
    return checked


def checksum(arrays: Iterable[Numbers]) -> int:
    """Return a checksum of large arrays, whatever their byte order."""
    value = 0
    for array in arrays:
        native = np.ascontiguousarray(array, array.dtype.newbyteorder("="))
        value = zlib.crc32(native.reshape(-1).view(np.uint8).data, value)
    return value


def described_by_content(value: Any) -> str:
    """Return a description of a source or an array that is different if its content is."""
    text = shortened(value) if isinstance(value, Source) else _form(value)
    return f"{text} with checksum {digest(value)}"


def shortened(value: object) -> str:
    """Return what ``repr`` returns, or the beginning of it, in one line."""
    text = " ".join(repr(value).split())
    return text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."


def digest(*values: Any) -> str:
    """Return a short checksum of arrays, numbers, sources and sequences of them."""
    total = hashlib.sha256()
    for value in values:
        _update(total, value)
    return total.hexdigest()[:12]


def _form(value: Any) -> str:
    array = np.asarray(value)
    return f"an array of shape {array.shape} and dtype {array.dtype}"


def _update(total: Any, value: Any) -> None:
    if isinstance(value, (np.ndarray, np.generic)):
        total.update(f"{value.dtype}{value.shape}".encode())
        total.update(np.ascontiguousarray(value).reshape(-1).view(np.uint8))
    elif isinstance(value, (tuple, list)):
        total.update(f"{type(value).__name__}{len(value)}".encode())
        for item in value:
            _update(total, item)
    elif isinstance(value, Source):
        total.update(type(value).__qualname__.encode())
        # A seed remembers how many it has spawned, and its key is another attribute.
        _update(total, sorted(name for name in vars(value) if name != "seed_sequence"))
        for name in sorted(vars(value)):
            if name != "seed_sequence":
                _update(total, getattr(value, name))
    else:
        total.update(f"{type(value).__name__}{value!r}".encode())


def _sync_directory(directory: Path) -> None:
    """Let the system write down that a file has a new name, where this can be asked for."""
    try:
        descriptor = os.open(directory, os.O_RDONLY)
    except OSError:  # Windows
        return
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
