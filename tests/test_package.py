"""The package as a whole: imports, caches, processes, the README and the examples."""

import inspect
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import fastlif

ROOT = Path(__file__).parent.parent


def python(code, cwd=None, **environment):
    result = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | environment,
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()


def test_import_compiles_nothing():
    code = """
from numba.core import event
compiled = []
with event.install_listener("numba:compile", event.RecordingListener()) as listener:
    import fastlif
print(len(listener.buffer))
"""
    assert python(code) == "0"


def test_import_does_not_import_optional_packages():
    names = "('matplotlib', 'tqdm', 'torch')"
    code = f"import sys, fastlif; print([m for m in {names} if m in sys.modules])"
    assert python(code) == "[]"


def test_a_missing_package_of_an_extra_is_named():
    code = """
import sys
sys.modules["dask"] = None
try:
    import fastlif.interop.dask
except ImportError as error:
    print(error)
"""
    assert python(code) == ("fastlif.interop.dask requires dask.array: pip install 'fastlif[dask]'")


@pytest.mark.parametrize("name", ["spikes", "plot"])
def test_docstrings_name_every_parameter(name):
    if name == "plot":
        pytest.importorskip("matplotlib")
    module = getattr(fastlif, name)
    for function in (getattr(module, name) for name in module.__all__):
        section = re.search(r"Parameters\n-+\n(.*?)\n\n", inspect.getdoc(function), re.DOTALL)[1]
        entries = [line.split(" : ")[0] for line in section.splitlines() if line[0] != " "]
        named = [name.strip("*") for entry in entries for name in entry.split(", ")]
        assert sorted(named) == sorted(inspect.signature(function).parameters), function.__name__


RUN = "import numpy as np, fastlif; print(fastlif.LIF().run(np.float32([.5] * 90)).spikes.sum())"


def test_compiled_code_is_cached_on_disk(tmp_path):
    show = (
        "; from fastlif.kernels.sweep import one_neuron, sweep_kernel"
        "; s = sweep_kernel(fastlif.LIF().rule, one_neuron).stats"
        "; print(sum(s.cache_hits.values()), sum(s.cache_misses.values()))"
    )
    cold = python(RUN + show, NUMBA_CACHE_DIR=str(tmp_path)).split()
    warm = python(RUN + show, NUMBA_CACHE_DIR=str(tmp_path)).split()
    assert cold[1:] == ["0", "1"]
    assert warm[1:] == ["1", "0"]
    assert cold[0] == warm[0] != "0"


def test_an_edit_of_any_kernel_file_invalidates_the_cache(tmp_path):
    """Numba alone checks only the file of the outermost function."""
    shutil.copytree(ROOT / "fastlif", tmp_path / "fastlif")
    cache = {"NUMBA_CACHE_DIR": str(tmp_path / "cache")}
    code = "import fastlif; print(fastlif.LIF().run([0.0] * 3, 1.0).membrane[0])"
    assert python(code, tmp_path, **cache) == "0.9607843137254902"
    rules = tmp_path / "fastlif" / "kernels" / "rules.py"
    text = rules.read_text()
    assert "return u + rate * (x - u)" in text
    rules.write_text(text.replace("return u + rate * (x - u)", "return u + 8 * (x - u)"))
    assert python(code, tmp_path, **cache) == "-7.0"


def test_without_a_cache_directory_everything_still_works():
    code = """
from numba.core import caching
caching.CacheImpl._locator_classes = []
"""
    assert python(code + RUN) == python(RUN)


def test_a_full_cache_disk_is_a_warning(tmp_path):
    code = f"""
import resource, warnings
resource.setrlimit(resource.RLIMIT_FSIZE, (8000, 8000))  # no larger files can be written
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    {RUN.strip()}
print(caught[0].category.__name__, caught[0].message)
"""
    message = python(code, NUMBA_CACHE_DIR=str(tmp_path)).splitlines()[-1]
    assert re.match("RuntimeWarning compiled code could not be stored .* File too large", message)


@pytest.mark.parametrize("call", ["fastlif.LIF().run(cur)", "fastlif.leaky_integrate_neuron(cur)"])
def test_an_interrupt_during_compilation_takes_effect_afterwards(tmp_path, call):
    """LLVM calls this hook, and would lose an exception that is raised in it."""
    code = f"""
import signal
from numba.core import codegen

hook = codegen.JITCodeLibrary._object_compiled_hook

pending = [True]

def interrupted(cls, *arguments):
    if pending and pending.pop():
        signal.raise_signal(signal.SIGINT)
    return hook(*arguments)

signal.signal(signal.SIGINT, signal.default_int_handler)  # background jobs ignore it
codegen.JITCodeLibrary._object_compiled_hook = classmethod(interrupted)
import numpy as np, fastlif
cur = np.ones(9, np.float32)
try:
    {call}
    print("lost")
except KeyboardInterrupt:
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    {call}
    print("interrupted")
"""
    assert python(code, NUMBA_CACHE_DIR=str(tmp_path)) == "interrupted"


def test_precompiled_code_is_all_that_a_run_needs():
    code = """
import numpy as np, fastlif
from numba.core import event
neuron = fastlif.LIF(refractory=1)
neuron.precompile("counts")
recorder = event.RecordingListener()
with event.install_listener("numba:compile", recorder):
    for shape in [(9,), (9, 1), (9, 3), (9, 200)]:
        current = np.zeros(shape, np.float32)
        final = neuron.run(current, record="counts").final
        neuron.run(current[0], steps=7, record="counts")
        neuron(current[0], final)
print(len(recorder.buffer))
"""
    assert python(code) == "0"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_run_after_fork_gives_the_same_bits():
    current = np.random.default_rng(0).uniform(0, 0.6, (90, 3000)).astype(np.float32)
    expected = fastlif.LIF().run(current, threads=2).membrane
    child = os.fork()
    if child == 0:
        same = np.array_equal(fastlif.LIF().run(current, threads=2).membrane, expected)
        os._exit(0 if same else 1)
    assert os.waitpid(child, 0)[1] == 0


def test_the_python_code_in_the_readme_runs():
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert blocks
    for block in blocks:
        # Doctests run the former, and test_readme_hosts.py the latter.
        if not block.startswith(">>>") and "fastlif.interop." not in block:
            exec(block, {})


def test_tutorial2_draws_its_figures(tmp_path):
    pytest.importorskip("matplotlib")
    script = ROOT / "examples" / "tutorial2.py"
    command = [sys.executable, str(script), "--output-dir", str(tmp_path / "new")]
    result = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)
    names = {path.stem for path in (tmp_path / "new").glob("*.png")}
    assert {"passive_decay", "lapicque_without_stimulus", "population"} <= names
    assert "steps with a spike: 109\n" in result.stdout
    help_text = subprocess.run([*command, "--help"], capture_output=True, text=True, check=True)
    assert "--show" in help_text.stdout


def test_a_damaged_cache_is_replaced(tmp_path):
    cache = {"NUMBA_CACHE_DIR": str(tmp_path)}
    expected = python(RUN, **cache)
    for damage in (b"", b"\0" * 100, b"\x80\x04c"):
        for file in tmp_path.rglob("*.nbi"):
            file.write_bytes(damage)
        assert python(RUN, **cache) == expected
        assert all(file.read_bytes() != damage for file in tmp_path.rglob("*sweep*.nbi"))
