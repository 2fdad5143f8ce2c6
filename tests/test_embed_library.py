"""Shared libraries for C: identical bits, no Python inside, and misuse is an error."""

import ctypes
import os
import platform
import re
import shutil
import subprocess
import threading
from pathlib import Path

import numpy as np
import pytest
from cases import EMBEDDED, full, same_bits, variables

import fastlif
from fastlif import embed
from fastlif.embed import __main__ as command
from fastlif.embed import c_code
from fastlif.embed import library as building


def needs(program):
    return pytest.mark.skipif(not shutil.which(program), reason=f"{program} is not installed")


pytestmark = needs("cc")
STEPS, SIZE = 60, 70
OK, NULL, SIZES, OVERLAP = range(4)
QUICK = ("leaky", "refractory", "norse")
ALL = {name.lower(): neuron for name, (neuron, _) in EMBEDDED.items()}
MOST = {name.lower(): most for name, (_, most) in EMBEDDED.items()}


class Library:
    """A library, whose functions take NumPy arrays."""

    def __init__(self, neurons, folder):
        self.neurons, self.path = neurons, embed.build(neurons, folder)
        self.symbols = symbols_of(folder)
        self.functions = ctypes.CDLL(str(self.path))

    def __call__(self, name, *arguments):
        return self[name](*map(pointer, arguments))

    def __getitem__(self, name):
        return self.functions[self.symbols[f"fastlif_{name}"]]


def symbols_of(folder):
    """Return the names with versions that a header defines."""
    header = Path(folder, "include", "fastlif.h").read_text()
    return dict(re.findall(r"^#define (fastlif_\w+) (fastlif_\w+)$", header, re.MULTILINE))


def pointer(value):
    if isinstance(value, np.ndarray):
        return ctypes.c_void_p(value.ctypes.data)
    return ctypes.c_ssize_t(value) if isinstance(value, int) else value


@pytest.fixture(scope="module")
def library(tmp_path_factory, request):
    """Return a library of some neurons or, if all tests were selected, of all of them."""
    everything = any(item.get_closest_marker("full") for item in request.session.items)
    neurons = ALL if everything else {name: ALL[name] for name in QUICK}
    return Library(neurons, tmp_path_factory.mktemp("library"))


def structure(neuron, dtype, each):
    """Return the struct of a neuron's constants."""
    values = embed.constants(neuron, dtype).values()
    if not each:
        return np.array([value.item() for value in values], dtype)
    arrays = [np.array(np.broadcast_to(value, SIZE)) for value in values]
    struct = np.array([array.ctypes.data for array in arrays], np.uintp)
    structure.kept = arrays  # the struct has only their addresses
    return struct


CASES = [
    pytest.param(name, dtype, each, marks=[] if name in QUICK else full)
    for name, neuron in ALL.items()
    for dtype in ("f4", "f8")
    for each in (False, True)
    if each or neuron._model.constants(np.dtype("f4")).shared is not None
]


@pytest.mark.parametrize(("name", "dtype", "each"), CASES)
def test_bits_equal_those_of_a_run(library, name, dtype, each):
    neuron, kind = ALL[name], {"f4": "f32", "f8": "f64"}[dtype]
    rng = np.random.default_rng(0)
    current = rng.uniform(0, MOST[name], (STEPS, SIZE)).astype(dtype)
    run = neuron.run(current, record=("membrane", "spikes", "counts"))
    assert run.counts.any()
    constants, each = structure(neuron, np.dtype(dtype), each), "each_" if each else ""
    start = variables(neuron.initial_state(SIZE, dtype=dtype))
    final = variables(run.final)

    states, spk = [field.copy() for field in start], np.empty(SIZE, run.spikes.dtype)
    for t in range(STEPS):
        assert library(f"{name}_step_{each}{kind}", constants, current[t], *states, spk, SIZE) == OK
        assert same_bits(states[0], run.membrane[t])
        assert same_bits(spk, run.spikes[t])
    assert all(map(same_bits, states, final))

    states = [field.copy() for field in start]
    membrane, spikes = np.empty_like(run.membrane), np.empty_like(run.spikes)
    counts, function = np.full(SIZE, 7), f"{name}_run_{each}{kind}"
    outputs = (membrane, spikes, counts)
    assert library(function, constants, current, *states, *outputs, STEPS, SIZE) == OK
    assert same_bits(membrane, run.membrane)
    assert same_bits(spikes, run.spikes)
    assert same_bits(counts, run.counts)
    assert all(map(same_bits, states, final))
    states, counts = [field.copy() for field in start], np.full(SIZE, 7)
    nothing = (None, None, counts)
    assert library(function, constants, current, *states, *nothing, STEPS, SIZE) == OK
    assert same_bits(counts, run.counts)


def test_populations_larger_than_a_tile(library):
    current = np.random.default_rng(0).uniform(0, 0.6, (5, 10_001)).astype("f4")
    neuron = fastlif.LIF(R=5.1, refractory=2, order="at_once")
    run, constants = neuron.run(current), structure(neuron, np.float32, False)
    mem, left, membrane, spikes = np.zeros((4, *current.shape), "f4")
    spikes = np.empty(current.shape, np.bool_)
    assert library(
        "refractory_run_f32", constants, current, mem[0], left[0], membrane, spikes, None,
        5, 10_001,
    ) == OK  # fmt: skip
    assert same_bits(membrane, run.membrane)
    assert same_bits(spikes, run.spikes)


def test_constants_as_built(library):
    address = library["norse_constants_f64"]
    values = embed.constants(ALL["norse"], np.float64)
    numbers = np.ctypeslib.as_array(
        ctypes.cast(address, ctypes.POINTER(ctypes.c_double)), (len(values),)
    )
    assert np.array_equal(numbers, [value.item() for value in values.values()])
    address = library["leaky_constants_f32"]
    for k, value in enumerate(embed.constants(ALL["leaky"]).values()):
        array = ctypes.cast(address, ctypes.POINTER(ctypes.POINTER(ctypes.c_float)))[k]
        assert np.array_equal(np.ctypeslib.as_array(array, (70,)), value)


def test_status_codes_and_nothing_written(library):
    constants = structure(ALL["norse"], np.float32, False)
    cur, mem, syn = np.full((3, 4), 2, "f4")
    spk = np.full(4, 9, np.uint8)

    def step(*arguments):
        status = library("norse_step_f32", *arguments)
        assert (mem == 2).all()
        assert (syn == 2).all()
        assert (spk == 9).all()
        return status

    good = (constants, cur, mem, syn, spk, 4)
    for place in range(5):
        assert step(*good[:place], None, *good[place + 1 :]) == NULL
    assert step(*good[:5], -1) == SIZES
    assert step(*good[:5], 2**62) == SIZES
    assert step(*good[:5], 0) == OK
    assert step(constants, None, None, None, None, 0) == OK
    both = np.full(7, 2, "f4")
    assert step(constants, cur, both[:4], both[3:], spk, 4) == OVERLAP
    assert step(constants, both[:4], both[3:], syn, spk, 4) == OVERLAP
    assert step(constants, cur, mem, syn, mem, 4) == OVERLAP
    assert step(constants, cur, mem, constants[1:], spk, 4) == OVERLAP

    rows = np.full((3, 4), 2, "f4")
    run = ("norse_run_f32", constants, rows, mem, syn)
    assert library(*run, None, None, None, -1, 4) == SIZES
    assert library(*run, None, None, None, 2**40, 2**30) == SIZES
    assert library(*run, rows, None, None, 3, 4) == OVERLAP
    assert library(*run, None, None, rows, 3, 4) == OVERLAP
    assert library("norse_run_f32", constants, None, mem, syn, None, None, None, 0, 4) == OK
    assert (rows == 2).all()
    assert (mem == 2).all()
    each = np.array([cur.ctypes.data, 0], np.uintp)
    assert library("leaky_step_each_f32", each, cur, mem, spk, 4) == NULL


def test_without_steps_counts_are_zero(library):
    mem, counts = np.ones(3, "f4"), np.ones(3, np.int64)
    each = np.array([mem.ctypes.data, mem.ctypes.data], np.uintp)
    state = np.full(3, 5, "f4")
    status = library("leaky_run_each_f32", each, None, state, None, None, counts, 0, 3)
    assert (status, counts.tolist(), state.tolist()) == (OK, [0, 0, 0], [5, 5, 5])


def test_threads_do_not_disturb_one_another(library):
    neuron, current = ALL["refractory"], np.random.default_rng(0).uniform(0, 0.6, (500, SIZE))
    run = neuron.run(current, record="membrane")
    constants, wrong = structure(neuron, np.float64, True), []

    def work():
        for _ in range(20):
            mem, left, membrane = np.zeros(SIZE), np.zeros(SIZE), np.empty_like(current)
            arguments = (constants, current, mem, left, membrane, None, None, 500, SIZE)
            status = library("refractory_run_each_f64", *arguments)
            wrong.append(status != OK or not same_bits(membrane, run.membrane))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(wrong) == 160
    assert not any(wrong)


@needs("nm")
def test_only_its_own_symbols_and_those_of_the_c_library(library):
    def symbols(*options):
        listed = subprocess.run(
            ["nm", "-D", *options, library.path], check=True, capture_output=True, text=True
        )
        return [line.split()[-1].partition("@")[0] for line in listed.stdout.splitlines()]

    assert not [name for name in symbols("--undefined-only") if re.match("_?(Py|NRT|numba)", name)]
    assert set(symbols("--defined-only")) == set(library.symbols.values())
    functions = ("step", "step_each", "run", "run_each", "constants")
    names = (f"fastlif_{neuron}_{f}" for neuron in library.neurons for f in functions)
    assert {f"{name}_{kind}" for name in names for kind in c_code.REALS} == (
        library.symbols.keys() - {"fastlif_version"}
    )


@pytest.mark.skipif(platform.machine() != "x86_64", reason="levels are those of x86-64")
@pytest.mark.parametrize("present", [0, 1, 2])
def test_processors_without_wide_vectors(monkeypatch, tmp_path, present):
    """A library whose levels are those of an older processor has the same results."""
    levels = building._levels()
    flags = Path("/proc/cpuinfo").read_text().split()
    needed = [f for features in list(building._FEATURES.values())[:present] for f in features]
    monkeypatch.setattr(building, "_levels", lambda: [levels[present]._replace(present="")])
    older = Library({"a": ALL["refractory"], "b": ALL["leaky"]}, tmp_path)
    if set(needed) <= set(flags):
        test_bits = test_bits_equal_those_of_a_run
        monkeypatch.setitem(ALL, "a", ALL["refractory"])
        monkeypatch.setitem(MOST, "a", 0.6)
        for dtype in ("f4", "f8"):
            test_bits(older, "a", dtype, True)
    chosen = c_code.functions(older.neurons, levels)
    assert chosen.count('__builtin_cpu_supports("avx512f")') == 1
    assert f"#define LEVELS {len(levels)}\n" in chosen


def test_the_header_in_the_package_is_that_of_the_default_library():
    header = Path(fastlif.get_include(), "fastlif.h").read_text()
    assert header == c_code.header(building.default_neurons()), (
        "copy include/fastlif.h of a library that `python -m fastlif.embed --output DIR` built"
    )


@pytest.mark.parametrize(
    ("language", "compiler"), [("c", "cc"), pytest.param("c++", "c++", marks=needs("c++"))]
)
def test_the_header_compiles_without_warnings(language, compiler, tmp_path):
    program = tmp_path / "program"
    program.write_text("#include <fastlif.h>\n#include <fastlif.h>\nint main(void) { return 0; }")
    subprocess.run(
        [compiler, "-x", language, "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fsyntax-only",
         "-I", fastlif.get_include(), program],
        check=True,
    )  # fmt: skip


def test_names_come_from_classes():
    named = building._named([fastlif.LIF(), fastlif.presets.nest_iaf_psc_delta()])
    assert list(named) == ["lif", "nest_iaf_psc_delta"]
    assert list(building._named(fastlif.LIF())) == ["lif"]


@pytest.mark.parametrize(
    ("neurons", "error", "message"),
    [
        (3, TypeError, r"neurons must be a neuron of fastlif, several .*, got 3 \(int\)"),
        ("LIF", TypeError, "neurons must be a neuron of fastlif"),
        ([fastlif.LIF], TypeError, "neurons must be .* in it"),
        ([], ValueError, "neurons must contain at least one neuron, got none"),
        ([fastlif.LIF(), fastlif.LIF()], ValueError, "different names in C, got lif twice"),
        ({"My cell": fastlif.LIF()}, ValueError, "must be lower-case letters.*got 'My cell'"),
        ({1: fastlif.LIF()}, ValueError, "must be lower-case letters.*got 1"),
        ({"a": fastlif.LIF(), "a_each": fastlif.LIF()}, ValueError, "different names in C"),
    ],
)
def test_invalid_neurons_are_rejected(neurons, error, message, tmp_path):
    with pytest.raises(error, match=message):
        embed.build(neurons, tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_a_missing_or_failing_compiler_is_reported(monkeypatch, tmp_path):
    monkeypatch.setenv("CC", "no-such-compiler -O3")
    with pytest.raises(RuntimeError, match="needs a C compiler: `no-such-compiler -O3` does not"):
        embed.build(fastlif.LIF(), tmp_path / "new")
    script = tmp_path / "cc"
    script.write_text('#!/bin/sh\n[ "$1" = --version ] && exit 0\necho out of order >&2; exit 1\n')
    script.chmod(0o755)
    monkeypatch.setenv("CC", str(script))
    with pytest.raises(RuntimeError, match=r"(?s)cc` failed:.*out of order"):
        embed.build(fastlif.LIF(), tmp_path / "new")
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("said", ["true", 'gcc "'])
def test_other_programs_instead_of_a_compiler(monkeypatch, tmp_path, said):
    monkeypatch.setenv("CC", said)
    with pytest.raises(RuntimeError, match=r"made no library|needs a C compiler"):
        embed.build(fastlif.LIF(), tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_a_relative_compiler(monkeypatch, tmp_path):
    (tmp_path / "mycc").symlink_to(shutil.which("cc"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CC", "./mycc")
    assert embed.build(fastlif.Leaky(beta=0.5), "new").exists()


def test_nothing_changes_if_a_file_cannot_be_written(tmp_path):
    embed.build({"a": fastlif.Leaky(beta=0.5)}, tmp_path)
    (tmp_path / "lib/libfastlif.so").unlink()
    (tmp_path / "lib/libfastlif.so").mkdir()
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    with pytest.raises(IsADirectoryError, match=r"libfastlif\.so is a directory"):
        embed.build({"b": fastlif.LIF(refractory=2)}, tmp_path)
    assert before == {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}


def test_other_constants_or_states_have_other_symbols(tmp_path):
    names = set()
    for neuron in (fastlif.LIF(), fastlif.LIF(refractory=2), fastlif.Leaky(beta=0.5)):
        header = c_code.header({"cell": neuron})
        names.add(re.search(r"#define fastlif_cell_run_f64 (\w+)", header)[1])
    assert len(names) == 3
    assert c_code.header({"cell": fastlif.Leaky(beta=0.5)}) != header.replace("0.5", "0.6")


def test_names_that_look_like_generated_ones(tmp_path):
    neurons = {"kind": fastlif.Leaky(beta=[0.5, 0.9]), "keep": fastlif.Leaky(beta=0.9),
               "array_kind": fastlif.Leaky(beta=[0.5, 0.9])}  # fmt: skip
    assert embed.build(neurons, tmp_path).exists()
    assert "#define FASTLIF_KIND_NEURONS 2" in (tmp_path / "include/fastlif.h").read_text()


def test_concurrent_builds_into_one_folder(tmp_path):
    contents = {"a/b": b"1" * 1000, "lib/file": b"2"}
    failed = []

    def install():
        try:
            for _ in range(50):
                building._install(tmp_path, contents, "lib/link")
        except OSError as error:
            failed.append(error)

    threads = [threading.Thread(target=install) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    assert (tmp_path / "lib/link").read_bytes() == b"2"
    assert sorted(path.name for path in (tmp_path / "lib").iterdir()) == ["file", "link"]


def test_a_library_replaces_an_earlier_one_that_is_in_use(tmp_path):
    old = Library({"a": fastlif.Leaky(beta=0.5)}, tmp_path)
    assert embed.build({"b": fastlif.Leaky(beta=0.5)}, tmp_path) == old.path
    cur, mem, spk = np.ones(2, "f4"), np.ones(2, "f4"), np.zeros(2, np.uint8)
    constants = structure(fastlif.Leaky(beta=0.5), np.float32, False)
    assert old("a_step_f32", constants, cur, mem, spk, 2) == OK
    assert mem.tolist() == [1.5, 1.5]
    assert "fastlif_b_step_f32" in (tmp_path / "include" / "fastlif.h").read_text()
    assert sorted(path.name for path in (tmp_path / "lib").iterdir() if path.is_file()) == (
        ["libfastlif.so", "libfastlif.so.1"]
    )


@pytest.mark.parametrize(
    ("text", "name", "neuron"),
    [
        ("LIF", "lif", fastlif.LIF()),
        ("fastlif.Leaky(0.5, threshold=[1, 2])", "leaky",
         fastlif.Leaky(beta=0.5, threshold=[1, 2])),
        ("presets.nengo_lif(tau_rc=0.01)", "nengo_lif", fastlif.presets.nengo_lif(tau_rc=0.01)),
        ("cell = LIF(order='at_once', refractory=2)", "cell",
         fastlif.LIF(order="at_once", refractory=2)),
    ],
)  # fmt: skip
def test_neurons_on_the_command_line(text, name, neuron):
    got_name, got = command.neuron_of(text)
    assert (got_name, type(got), repr(got)) == (name, type(neuron), repr(neuron))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Neuron()", "the neurons are Lapicque, Leaky, LIF, brian2_lif"),
        ("LIF(threshold=open('x'))", "arguments must be literals"),
        ("LIF(**{'R': 1})", "arguments must be literals"),
        ("os.LIF()", r"must be given as NAME=CLASS\(argument=value, ...\), got 'os.LIF\(\)'"),
        ("LIF(", "must be given as NAME=CLASS"),
        ("LIF() + 1", "must be given as NAME=CLASS"),
    ],
)
def test_misuse_on_the_command_line(text, message):
    with pytest.raises(ValueError, match=message):
        command.neuron_of(text)


def test_the_command_line_builds_a_library(tmp_path, capsys):
    command.main(["--output", str(tmp_path), "--neuron", "cell=Leaky(beta=0.9)"])
    path = capsys.readouterr().out.strip()
    assert ctypes.CDLL(path)[symbols_of(tmp_path)["fastlif_cell_step_f32"]]
    for wrong in (["--neuron", "Leaky()"], ["--neuron", "LIF"] * 2):
        with pytest.raises(SystemExit) as stop:
            command.main(["--output", str(tmp_path / "other"), *wrong])
        assert stop.value.code == 2
        assert "error: " in capsys.readouterr().err
    assert not (tmp_path / "other").exists()


@needs("pkg-config")
def test_pkg_config_finds_a_library(library):
    root = library.path.parents[1]

    def found(option):
        return subprocess.run(
            ["pkg-config", option, "fastlif"],
            env=os.environ | {"PKG_CONFIG_PATH": str(root / "lib/pkgconfig")},
            check=True, capture_output=True, text=True,
        ).stdout  # fmt: skip

    assert found("--modversion").strip() == fastlif.__version__
    assert "-lfastlif" in found("--libs")
    include = re.search(r"-I(\S+)", found("--cflags"))[1]
    assert Path(include, "fastlif.h").samefile(root / "include/fastlif.h")
