"""Measure everything and write a report: ``python benchmarks/report.py``.

Runs the suite here and in the environments of the peers, which it makes where they are missing;
then writes results.json, report.md and figures. ``--quick`` takes two minutes and only those peers
that are installed here. ``--compare results.json`` says what has become slower than it was: by the
ratio to a reference workload of the same session, so that a slower day counts for nothing.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from importlib import metadata
from pathlib import Path

import environments
import scaling

HERE = Path(__file__).parent
ROOT = HERE.parent
REFERENCE = "NumPy"  # the contender that fastlif is held against, between sessions
SLOWER = 0.7  # a ratio that fell below this part of what it was is flagged

QUICK = {"--peer-neurons": 2000, "--peer-steps": 100, "--peer-rounds": 3, "--neurons": 20_000,
         "--steps": 200}  # fmt: skip
FULL = {"--peer-neurons": 20_000, "--peer-steps": 500, "--peer-rounds": 5}
QUICK_SUITE = ("test_dense.py", "test_sparse.py", "test_latency.py")
SUITE = (*QUICK_SUITE, "test_constant.py", "test_general.py")


def machine():
    """Describe where this runs."""
    name = platform.processor() or platform.machine()
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        name = next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        pass
    try:
        processors = len(os.sched_getaffinity(0))
    except AttributeError:
        processors = os.cpu_count() or 1
    return {
        "date": time.strftime("%Y-%m-%d"),
        "processor": name,
        "processors": processors,
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "numpy": metadata.version("numpy"),
        "numba": metadata.version("numba"),
        "fastlif": metadata.version("fastlif"),
        "threads": os.environ.get("FASTLIF_NUM_THREADS", "as many as processors"),
    }


def suite(python, files, options):
    """Run files of the suite with an interpreter.

    Returns their benchmarks, the peers that are missing, and what some of those there cannot do.
    """
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "run.json"
        command = [python, "-m", "pytest", *(str(HERE / file) for file in files), "-v", "-rs",
                   f"--benchmark-json={target}", "--benchmark-disable-gc"]  # fmt: skip
        command += [f"{name}={value}" for name, value in options.items()]
        missing, unsupported = set(), set()
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
            for line in process.stdout:
                line = line.strip()
                if line.startswith("missing: "):
                    missing.update(line.split()[1:])
                elif line.startswith("SKIPPED") and "unsupported: " in line:
                    unsupported.add(line.partition("unsupported: ")[2])
                elif any(f" {word} " in f"{line} " for word in ("PASSED", "FAILED", "ERROR")):
                    print("  ", line.partition("::")[2] or line, flush=True)
        if process.returncode or not target.exists():
            raise SystemExit(f"the suite failed with {python}: run {' '.join(map(str, command))}")
        found = json.loads(target.read_text())["benchmarks"]
    kept = [
        {"name": b["name"], "group": b["group"], "median": b["stats"]["median"], **b["extra_info"]}
        for b in found
    ]
    return kept, missing, unsupported


def curves(quick, processors):
    """Measure every point of every curve, each in its own process."""
    found = {}
    for name, (varied, points) in scaling.points(quick, processors).items():
        found[name] = {"varied": varied, "points": []}
        for point in points:
            command = [sys.executable, str(HERE / "scaling.py"), json.dumps(point)]
            output = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
            measured = json.loads(output.stdout)
            found[name]["points"].append(measured)
            rate = measured["neuron_steps_per_second"] / 1e9
            print(f"   {name}: {varied} = {measured[varied]}: {rate:.2f} G/s", flush=True)
    return found


def measured(arguments):
    """Run everything; return what results.json holds."""
    options = QUICK if arguments.quick else FULL
    here = machine()
    print("fastlif beside the machine's limits", flush=True)
    files = QUICK_SUITE if arguments.quick else SUITE
    own, _, _ = suite(sys.executable, files, {k: v for k, v in options.items() if "peer" not in k})
    print("the contenders, in this environment", flush=True)
    found, missing, unsupported = suite(sys.executable, ["test_contenders.py"], options)
    sessions = {"here": found}
    if not arguments.quick:
        for name in environments.ENVIRONMENTS:
            python = environments.make(arguments.environments, name)
            print(f"the contenders, in the environment {name!r}", flush=True)
            sessions[name], lacking, cannot = suite(python, ["test_contenders.py"], options)
            missing &= lacking
            unsupported |= cannot
    print("scaling, a process a point", flush=True)
    scaled = curves(arguments.quick, here["processors"])
    return {
        "machine": here,
        "quick": arguments.quick,
        "suite": own,
        "contenders": sessions,
        "missing": sorted(missing),
        "unsupported": sorted(unsupported),
        "scaling": scaled,
    }


def relative(results):
    """Return how many times as fast as the reference fastlif was, timed in turn with it."""
    return {
        (session, entry["workload"]): entry["fastlif_times_as_fast"]
        for session, entries in results["contenders"].items()
        for entry in entries
        if entry["contender"] == REFERENCE
    }


def slower(before, now):
    """Return what became slower: lines that say by how much."""
    old, new = relative(before), relative(now)
    return [
        f"{workload} ({session}): {new[key]:.2f} times as fast as {REFERENCE}, was {old[key]:.2f}"
        for key in sorted(old.keys() & new.keys())
        for session, workload in [key]
        if new[key] < SLOWER * old[key]
    ]


def main():
    """Measure, write, compare."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="small sizes, what is installed here")
    parser.add_argument("--output", type=Path, default=HERE / "report", help="default: %(default)s")
    parser.add_argument(
        "--environments", type=Path, default=ROOT / ".environments",
        help="where the peers' environments are or are made (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument("--compare", type=Path, help="an earlier results.json to compare with")
    arguments = parser.parse_args()
    before = json.loads(arguments.compare.read_text()) if arguments.compare else None
    if before is not None and before["quick"] != arguments.quick:
        parser.error("--compare needs a run of the same kind: both with --quick, or both without")
    results = measured(arguments)
    arguments.output.mkdir(parents=True, exist_ok=True)
    (arguments.output / "results.json").write_text(json.dumps(results, indent=1) + "\n")

    import write  # matplotlib, when all is measured and saved

    write.report(results, arguments.output)
    print(f"written: {arguments.output}/report.md, results.json and figures")
    if before is not None:
        found = slower(before, results)
        print("\n".join(["slower than before:", *found] if found else ["nothing became slower"]))
        return bool(found)
    return False


if __name__ == "__main__":
    sys.exit(main())
