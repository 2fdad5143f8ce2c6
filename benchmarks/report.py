"""Measure everything and write a report: ``python benchmarks/report.py``.

Runs the suite in this environment and in the environments of the other simulators, which it
creates if they do not exist, and then writes results.json, report.md, the figures, and the table in
the README. ``--quick`` takes two minutes and measures only what is installed in this environment.
``--compare results.json`` lists what has become slower. It compares ratios to a reference contender
within each session, so that a slower machine does not matter.
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
import limits
import scaling

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
REPORT = HERE / "report"  # the README shows the table of this report
REFERENCE = "NumPy"  # the contender whose ratio to fastlif is compared between sessions
SLOWER = 0.7  # a ratio below this fraction of its earlier value is reported

QUICK = {"--peer-neurons": 2000, "--peer-steps": 100, "--peer-rounds": 3, "--neurons": 20_000,
         "--steps": 200}  # fmt: skip
FULL = {"--peer-neurons": 20_000, "--peer-steps": 500, "--peer-rounds": 5}
QUICK_SUITE = ("test_dense.py", "test_sparse.py", "test_latency.py")
SUITE = (
    *QUICK_SUITE,
    "test_constant.py",
    "test_general.py",
    "test_expert.py",
    "test_medium.py",
    "test_embed.py",
)


def machine():
    """Describe the machine and the software versions."""
    name = platform.processor() or platform.machine()
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        name = next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
        flags = next(line.split() for line in lines if line.startswith("flags"))
        name += " with AVX-512" if "avx512f" in flags else " with AVX2" if "avx2" in flags else ""
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

    Returns the benchmarks, the contenders that are not installed, and the unsupported workloads.
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
    """Run everything; return the contents of results.json."""
    options = QUICK if arguments.quick else FULL
    here, before = machine(), limits.processor_time()
    print("fastlif compared with the hardware limits", flush=True)
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
    print("scaling, one process per point", flush=True)
    scaled = curves(arguments.quick, here["processors"])
    here["stolen"] = "unknown" if before is None else f"{limits.stolen_since(before):.2%}"
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
    """Return how many times as fast as the reference fastlif was, timed alternately with it."""
    return {
        (session, entry["workload"]): entry["fastlif_times_as_fast"]
        for session, entries in results["contenders"].items()
        for entry in entries
        if entry["contender"] == REFERENCE
    }


def slower(before, now):
    """Return one line per workload that has become slower."""
    old, new = relative(before), relative(now)
    return [
        f"{workload} ({session}): {new[key]:.2f} times as fast as {REFERENCE}, was {old[key]:.2f}"
        for key in sorted(old.keys() & new.keys())
        for session, workload in [key]
        if new[key] < SLOWER * old[key]
    ]


def main():
    """Measure, write the report, and compare it with an earlier one."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="small sizes, what is installed")
    parser.add_argument("--output", type=Path, default=REPORT, help="default: %(default)s")
    parser.add_argument(
        "--environments", type=Path, default=ROOT / ".environments",
        help="folder of the other simulators' environments (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument("--compare", type=Path, help="an earlier results.json to compare with")
    arguments = parser.parse_args()
    before = json.loads(arguments.compare.read_text()) if arguments.compare else None
    if before is not None and before["quick"] != arguments.quick:
        parser.error("--compare needs a run of the same kind: both with --quick, or both without")
    results = measured(arguments)
    arguments.output.mkdir(parents=True, exist_ok=True)
    (arguments.output / "results.json").write_text(json.dumps(results, indent=1) + "\n")

    import write  # imports matplotlib, so only after measuring

    write.report(results, arguments.output)
    if arguments.output.resolve() == REPORT:
        write.readme(results, ROOT / "README.md")
    print(f"written: {arguments.output}/report.md, results.json and figures")
    if before is not None:
        found = slower(before, results)
        print("\n".join(["slower than before:", *found] if found else ["nothing became slower"]))
        return bool(found)
    return False


if __name__ == "__main__":
    sys.exit(main())
