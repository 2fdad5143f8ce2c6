"""The benchmark report: the regressions it finds, and its tables and figures."""

import copy
import json

import pytest
from workloads import WORKLOADS, task

pytest.importorskip("resource", reason="memory is measured on Unix")
import report
import scaling


def entry(contender, workload, rate):
    return {
        "name": f"test_contender[{contender}]", "group": workload, "median": 1e7 / rate,
        "workload": workload, "contender": contender, "version": "1", "steps": 500,
        "neurons": 20_000, "dtype": "float32", "neuron_steps_per_second": rate,
        "bytes_per_neuron_step": 9, "fraction_of_limit": rate / 4e9, "fastlif_times_as_fast": 2.0,
    }  # fmt: skip


@pytest.fixture
def results():
    rates = {"fastlif": 2e9, "NumPy": 5e8}
    entries = [entry(name, w, rate) for w in WORKLOADS for name, rate in rates.items()]
    point = {"neurons": 10, "steps": 10, "record": "counts", "peak_bytes": 0}
    curve = [{**point, "neuron_steps_per_second": 1e9, "threads": n} for n in (1, 2)]
    return {
        "machine": dict.fromkeys(
            ("date", "processor", "processors", "system", "python", "numpy", "numba", "fastlif",
             "threads"), "x",
        ),
        "quick": True,
        "suite": [
            {"name": "test_x", "group": "g", "median": 1e-6, "neuron_steps_per_second": 1e9,
             "fraction_of_limit": 0.5, "rate by another's": 1.5},
            {"name": "test_import", "group": "g", "median": 0.2},
        ],
        "contenders": {"here": entries},
        "missing": ["norse"],
        "unsupported": ["X, counts: why"],
        "scaling": {"threads, counts": {"varied": "threads", "points": curve}},
    }  # fmt: skip


def test_a_slower_machine_is_ignored(results):
    now = copy.deepcopy(results)
    for e in now["contenders"]["here"]:
        e["neuron_steps_per_second"] /= 3
        e["fastlif_times_as_fast"] *= 0.8
    assert report.slower(results, now) == []


def test_a_slower_fastlif_is_reported(results):
    now = copy.deepcopy(results)
    for e in now["contenders"]["here"]:
        if e["workload"] == "counts":
            e["fastlif_times_as_fast"] /= 2
    assert report.slower(results, now) == ["counts (here): 1.00 times as fast as NumPy, was 2.00"]
    assert report.slower(now, results) == []  # a faster one is not


def test_the_report_is_written(results, tmp_path):
    pytest.importorskip("matplotlib")
    import write

    write.report(results, tmp_path)
    text = (tmp_path / "report.md").read_text()
    assert "| fastlif | 2 G (50% of the limit) |" in text
    assert "| NumPy | 0.5 G (fastlif 2x) |" in text
    assert "Not installed: norse." in text
    assert "- X, counts: why" in text
    assert "| g | x | 1 µs | 1 | 50% | rate by another's: 1.50 |" in text
    assert "| threads, counts | threads = 2 | 1 | 0.0 MiB |" in text
    for name in ("contenders", "scaling"):
        for kind in ("png", "svg"):
            assert (tmp_path / f"{name}.{kind}").stat().st_size > 1000


def test_the_table_in_the_readme_is_the_one_generated_from_the_results():
    pytest.importorskip("matplotlib")
    import write

    text = (report.ROOT / "README.md").read_text()
    results = json.loads((report.REPORT / "results.json").read_text())
    assert write.with_table(text, results) == text
    names = {entry["contender"] for session in results["contenders"].values() for entry in session}
    table = text.partition(write.BEGIN)[2].partition(write.END)[0]
    assert all(f"| {name} |" in table for name in names)


def test_the_markers_of_the_readmes_table_are_required(results):
    pytest.importorskip("matplotlib")
    import write

    text = f"before\n{write.BEGIN}\nold\n{write.END}\nafter\n"
    table = "\n".join(write.readme_table(results))
    assert write.with_table(text, results) == text.replace("old", table)
    with pytest.raises(ValueError, match="must contain"):
        write.with_table("no markers", results)


def test_points_are_measured():
    for what, points in scaling.points(True, 2).values():
        assert all(what in point for point in points)
    point = {"neurons": 1000, "steps": 50, "record": "membrane+spikes", "dtype": "float64"}
    measured = scaling.measure(point)
    assert measured["neuron_steps_per_second"] > 0
    assert measured["peak_bytes"] >= 0
    fires = scaling.neuron_for(0.01)
    assert scaling.neuron_for(0.0).threshold == float("inf")
    assert 0.9 < fires.threshold < 1.6


def test_every_workload_is_drawn_identically():
    for name, workload in WORKLOADS.items():
        a, b = task(name, 20, 30), task(name, 20, 30)
        assert (a.current == b.current).all()
        assert a.over_time.shape == (20, 30)
        assert a.neuron_steps == 600
        assert workload.bytes_each(4) == 4 * (not workload.constant) + 5 * (
            "membrane" in workload.record
        ) + ("spikes" in workload.record and "membrane" not in workload.record)
