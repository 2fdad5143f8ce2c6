"""A shared library of neurons for C and C++."""

from __future__ import annotations

import os
import platform
import re
import shlex
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from fastlif import __version__
from fastlif.checks import described
from fastlif.embed import c_code
from fastlif.embed.c_code import ABI, Level
from fastlif.neurons.base import Neuron

_FEATURES = {
    3: ("avx2", "bmi", "bmi2", "fma"),
    4: ("avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"),
}

_PKG_CONFIG = f"""\
prefix=${{pcfiledir}}/../..
includedir=${{prefix}}/include
libdir=${{prefix}}/lib

Name: fastlif
Description: Leaky integrate-and-fire neurons
Version: {__version__}
Libs: -L${{libdir}} -lfastlif
Cflags: -I${{includedir}}
"""

_CMAKE = """\
if(NOT TARGET fastlif::fastlif)
  get_filename_component(_fastlif "${{CMAKE_CURRENT_LIST_DIR}}/../../.." ABSOLUTE)
  add_library(fastlif::fastlif SHARED IMPORTED)
  set_target_properties(fastlif::fastlif PROPERTIES
    IMPORTED_LOCATION "${{_fastlif}}/lib/{file}"
    IMPORTED_SONAME "{soname}"
    INTERFACE_INCLUDE_DIRECTORIES "${{_fastlif}}/include")
  unset(_fastlif)
endif()
"""

_CMAKE_VERSION = f"""\
set(PACKAGE_VERSION "{__version__}")
if(PACKAGE_FIND_VERSION VERSION_GREATER PACKAGE_VERSION)
  set(PACKAGE_VERSION_COMPATIBLE FALSE)
else()
  set(PACKAGE_VERSION_COMPATIBLE TRUE)
  if(PACKAGE_FIND_VERSION VERSION_EQUAL PACKAGE_VERSION)
    set(PACKAGE_VERSION_EXACT TRUE)
  endif()
endif()
"""


def build(
    neurons: Neuron | Iterable[Neuron] | Mapping[str, Neuron] | None,
    directory: str | os.PathLike[str],
) -> Path:
    """Build a shared library of neurons, which C and C++ programs use without Python.

    The library has, for each neuron and for float and double, a function for one step and one for
    a run over time, whose results are bit-for-bit identical to those of the neuron. The header
    ``include/fastlif.h`` documents them. The constants of the neuron's equation are a struct, so
    that a program can change them.

    Parameters
    ----------
    neurons : Neuron, iterable of Neuron, or dict of str to Neuron
        The neurons, and their names in C. By default, the name is that of the class in lower case.
        None takes fastlif's own neurons and all presets with their default settings.
    directory : str or path
        Where ``include``, ``lib``, ``lib/pkgconfig`` and ``lib/cmake/fastlif`` are written. It is
        created if needed; files of an earlier library are replaced.

    Returns
    -------
    pathlib.Path
        The library.

    Raises
    ------
    TypeError
        If ``neurons`` is something else.
    ValueError
        If there are no neurons, a name is not a lower-case identifier of C, or two neurons have the
        same name.
    RuntimeError
        If there is no C compiler (``$CC`` or ``cc``), if it fails, or on Windows. Nothing is
        written.

    Notes
    -----
    On x86-64, the library contains code for processors with and without AVX2 and AVX-512, and
    chooses when it is loaded. It depends on the C library (libc, libm) only. Each function also
    exists in a form (``each``) in which every neuron has its own constants.

    Examples
    --------
    >>> import pathlib, tempfile, fastlif
    >>> with tempfile.TemporaryDirectory() as directory:
    ...     library = fastlif.embed.build({"cell": fastlif.Leaky(beta=0.9)}, directory)
    ...     "int fastlif_cell_step_f32(" in pathlib.Path(directory, "include/fastlif.h").read_text()
    True
    """
    named = _named(neurons)
    compiler = _compiler()
    directory = Path(directory)
    extension = "dylib" if sys.platform == "darwin" else "so"
    # The name that programs look for contains the version of the interface.
    file = f"libfastlif.{ABI}.dylib" if extension == "dylib" else f"libfastlif.so.{ABI}"
    soname = f"@rpath/{file}" if extension == "dylib" else file
    with tempfile.TemporaryDirectory() as temporary:
        library = _compile(named, Path(temporary).absolute(), compiler, file, soname)
    texts = {
        "include/fastlif.h": c_code.header(named),
        "lib/pkgconfig/fastlif.pc": _PKG_CONFIG,
        "lib/cmake/fastlif/fastlif-config.cmake": _CMAKE.format(file=file, soname=soname),
        "lib/cmake/fastlif/fastlif-config-version.cmake": _CMAKE_VERSION,
    }
    contents = {name: text.encode() for name, text in texts.items()}
    _install(directory, {**contents, f"lib/{file}": library}, f"lib/libfastlif.{extension}")
    return directory / "lib" / file


def default_neurons() -> dict[str, Neuron]:
    """Return what a library contains by default, by name."""
    import fastlif
    from fastlif import presets

    neurons = {
        "lapicque": fastlif.Lapicque(R=5.1, C=5e-3, time_step=1e-3),
        "leaky": fastlif.Leaky(beta=0.9),
        "lif": fastlif.LIF(),
        "lif_at_once": fastlif.LIF(order="at_once"),
    }
    required: dict[str, dict[str, Any]] = {
        "sinabs_lif": {"tau_mem": 20.0},
        "snntorch_lapicque": {"R": 5.1, "C": 5e-3, "time_step": 1e-3},
        "snntorch_leaky": {"beta": 0.9},
    }
    for name in presets.__all__:
        neurons[name] = getattr(presets, name)(**required.get(name, {}))
    return neurons


def _named(neurons: Any) -> dict[str, Neuron]:
    if neurons is None:
        return default_neurons()
    if isinstance(neurons, Neuron):
        neurons = [neurons]
    wanted = "neurons must be a neuron of fastlif, several of them, or a dict of names to neurons"
    if not isinstance(neurons, Iterable) or isinstance(neurons, (str, bytes)):
        raise TypeError(f"{wanted}, got {described(neurons)}")
    if isinstance(neurons, Mapping):
        pairs = list(neurons.items())
    else:
        pairs = [(type(neuron).__name__.lower(), neuron) for neuron in neurons]
    for name, neuron in pairs:
        if not isinstance(neuron, Neuron):
            raise TypeError(f"{wanted}, got {described(neuron)} in it")
        if not isinstance(name, str) or not re.fullmatch("[a-z][a-z0-9_]*", name):
            raise ValueError(
                f"the name of a neuron must be lower-case letters, digits and _, got {name!r}"
            )
    if not pairs:
        raise ValueError("neurons must contain at least one neuron, got none")
    names = Counter(name for name, _ in pairs)
    used = Counter(each for name in names for each in c_code.identifiers(name))
    doubtful = [name for name, count in names.items() if count > 1] or [
        name for name in names if any(used[each] > 1 for each in c_code.identifiers(name))
    ]
    if doubtful:
        raise ValueError(
            f"neurons must have different names in C, got {', '.join(doubtful)} twice; give a dict "
            "of names to neurons"
        )
    return dict(pairs)


def _compiler() -> list[str]:
    """Return the command of the C compiler."""
    if sys.platform == "win32":
        raise RuntimeError("fastlif.embed.build needs Linux or macOS, got Windows")
    given = os.environ.get("CC", "").strip() or "cc"
    try:
        command = shlex.split(given)
        subprocess.run([*command, "--version"], check=True, capture_output=True)
    except (ValueError, OSError, subprocess.CalledProcessError) as error:
        raise RuntimeError(
            f"fastlif.embed.build needs a C compiler: `{given}` does not run ({error}); install "
            "one (gcc or clang), or set the environment variable CC"
        ) from error
    return command


def _levels() -> list[Level]:
    if platform.machine().lower() not in ("x86_64", "amd64"):
        return [Level("generic", "")]
    levels = [Level("x86-64", "")]
    for number in _FEATURES:
        needed = [f for k, features in _FEATURES.items() if k <= number for f in features]
        present = " && ".join(f'__builtin_cpu_supports("{feature}")' for feature in needed)
        levels.append(Level(f"x86-64-v{number}", present))
    return levels


def _compile(
    neurons: Mapping[str, Neuron], work: Path, compiler: list[str], file: str, soname: str
) -> bytes:
    """Compile the library ``file`` in the folder ``work``, and return its contents."""
    from fastlif.kernels.objects import object_code

    objects, cores = [], c_code.cores(neurons)
    for k, level in enumerate(_levels()):
        objects.append(work / f"level{k}.o")
        named = {f"core_{name}_{k}": core for name, core in cores.items()}
        objects[-1].write_bytes(object_code(named, level.name))
    shared = (Path(__file__).parent / "library.c").read_bytes()
    (work / "library.c").write_bytes(shared)
    (work / "fastlif.h").write_bytes(c_code.header(neurons).encode())
    (work / "neurons.c").write_bytes(c_code.functions(neurons, _levels()).encode())
    named_so = "-install_name" if sys.platform == "darwin" else "-soname"
    command = [
        *compiler, "-shared", "-fPIC", "-std=gnu11", "-O2", "-ftree-vectorize",
        "-fvisibility=hidden", "-fno-fast-math", f"-Wl,{named_so},{soname}",
        "-o", str(work / file), str(work / "neurons.c"), *map(str, objects), "-lm",
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, errors="replace")
    if done.returncode or not (work / file).exists():
        said = done.stderr.strip()[-2000:] or "it made no library"
        raise RuntimeError(f"`{shlex.join(compiler)}` failed:\n{said}")
    return (work / file).read_bytes()


def _install(directory: Path, contents: Mapping[str, bytes], link: str) -> None:
    """Write files, the last of which is a program's, and a link to it.

    All are written under other names first, so that a full disk changes nothing, and a program that
    has the old library in memory keeps it.
    """
    suffix = f".{os.getpid()}-{threading.get_ident()}.new"
    new: dict[Path, Path] = {}
    try:
        for name, content in contents.items():
            path = directory / name
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary = path.with_name(f".{path.name}{suffix}")
            new[temporary] = path
            temporary.write_bytes(content)
        temporary.chmod(temporary.stat().st_mode | (temporary.stat().st_mode & 0o444) >> 2)
        linked = directory / f"{link}{suffix}"
        new[linked] = directory / link
        linked.symlink_to(path.name)
        for path in new.values():
            if path.is_dir() and not path.is_symlink():
                raise IsADirectoryError(f"{path} is a directory, where a file must be written")
        for temporary, path in new.items():
            temporary.replace(path)
    finally:
        for temporary in new:
            temporary.unlink(missing_ok=True)
