"""The report of what was measured: tables in Markdown, and figures."""

import matplotlib as mpl
import numpy as np

mpl.use("Agg")
import matplotlib.pyplot as plt
from workloads import WORKLOADS

GIGA = 1e9


def best(results, workload):
    """Return the entries of a workload, one a contender, the fastest first."""
    entries = {}
    for session in results["contenders"].values():
        for entry in session:
            known = entries.get(entry["contender"])
            rate = entry["neuron_steps_per_second"]
            if entry["workload"] == workload and (
                known is None or rate > known["neuron_steps_per_second"]
            ):
                entries[entry["contender"]] = entry
    return sorted(entries.values(), key=lambda e: -e["neuron_steps_per_second"])


def ranked(results):
    """Return the names of all contenders, the fastest at anything first."""
    rates = {}
    for workload in WORKLOADS:
        for entry in best(results, workload):
            rate = max(rates.get(entry["contender"], 0), entry["neuron_steps_per_second"])
            rates[entry["contender"]] = rate
    return sorted(rates, key=lambda name: -rates[name])


def bars(results, folder):
    """Draw a panel a workload: rates on a log axis, and the machine's limit as a line."""
    fig, axes = plt.subplots(
        1, len(WORKLOADS), figsize=(3.1 * len(WORKLOADS), 4.2), layout="constrained", sharey=True
    )
    order = ranked(results)
    slowest = np.inf
    for axis, workload in zip(axes, WORKLOADS, strict=True):
        entries = {entry["contender"]: entry for entry in best(results, workload)}
        rates = [
            entries[name]["neuron_steps_per_second"] if name in entries else np.nan
            for name in order
        ]
        colors = ["C1" if name == "fastlif" else "C0" for name in order]
        axis.barh(order, rates, color=colors)
        own = entries["fastlif"]
        limit = own["neuron_steps_per_second"] / own["fraction_of_limit"]
        axis.axvline(limit, color="k", ls=":", label="the machine's limit")
        axis.set(xscale="log", title=workload, xlabel="neuron-steps a second")
        slowest = min(slowest, np.nanmin(rates))
    for axis in axes:
        axis.set_xlim(10 ** np.floor(np.log10(slowest)), 10**10.7)
    axes[0].invert_yaxis()
    fig.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center")
    save(fig, folder, "contenders")


def curves(results, folder):
    """Draw a panel for each thing that is varied: rates, and memory beside them."""
    scaling = results["scaling"]
    varied = list(dict.fromkeys(curve["varied"] for curve in scaling.values()))
    fig, axes = plt.subplots(
        2, len(varied), figsize=(3.1 * len(varied), 5.2), layout="constrained", squeeze=False
    )
    for column, what in enumerate(varied):
        above, below = axes[:, column]
        for name, curve in scaling.items():
            if curve["varied"] != what:
                continue
            x = [point[what] for point in curve["points"]]
            if what == "firing":
                x = [f"{100 * f:g} %" for f in x]
            label = name.partition(", ")[2]
            rates = [point["neuron_steps_per_second"] / GIGA for point in curve["points"]]
            memory = [max(1e-3, point["peak_bytes"] / 2**20) for point in curve["points"]]
            above.plot(x, rates, "o-", label=label)
            below.plot(x, memory, "o-", label=label)
        for axis in (above, below):
            if what in ("neurons", "steps"):
                axis.set_xscale("log")
            elif what == "threads":
                axis.set_xticks(x)
        above.set_ylim(bottom=0)
        below.set_yscale("log")
        above.legend(fontsize="small")
        below.set_xlabel(what)
    axes[0, 0].set_ylabel("G neuron-steps a second")
    axes[1, 0].set_ylabel("memory beyond the input (MiB)")
    save(fig, folder, "scaling")


def save(fig, folder, name):
    """Write a figure as PNG and SVG."""
    for kind in ("png", "svg"):
        fig.savefig(folder / f"{name}.{kind}", dpi=110)
    plt.close(fig)


def contenders_table(results):
    """Return lines of Markdown: rates of all contenders on all workloads."""
    names = ranked(results)
    tables = {w: {e["contender"]: e for e in best(results, w)} for w in WORKLOADS}
    lines = ["| | " + " | ".join(WORKLOADS) + " | version |", "|---" * (len(WORKLOADS) + 2) + "|"]
    for name in names:
        cells, version = [], ""
        for table in tables.values():
            entry = table.get(name)
            if entry is None:
                cells.append("")
                continue
            version = entry["version"]
            rate = f"{entry['neuron_steps_per_second'] / GIGA:.3g} G"
            part = f"{entry['fraction_of_limit']:.0%} of the limit"
            times = f"fastlif {entry['fastlif_times_as_fast']:.3g}x"
            cells.append(f"{rate} ({part if name == 'fastlif' else times})")
        lines.append(f"| {name} | " + " | ".join(cells) + f" | {version} |")
    return lines


def suite_table(results):
    """Return lines of Markdown: fastlif's own suite beside the machine's limits."""
    lines = [
        "| group | benchmark | median | G neuron-steps/s | of the limit | beside |",
        "|---|---|---|---|---|---|",
    ]
    known = ("neuron_steps_per_second", "bytes_per_neuron_step", "fraction_of_limit")
    for entry in results["suite"]:
        beside = [
            f"{key}: {value:.2f}" for key, value in entry.items()
            if key not in ("name", "group", "median", "seconds_per_step", *known)
        ]  # fmt: skip
        rate, part = entry.get("neuron_steps_per_second"), entry.get("fraction_of_limit")
        cells = [
            entry["group"],
            entry["name"].removeprefix("test_"),
            time_of(entry["median"]),
            f"{rate / GIGA:.3g}" if rate else "",
            f"{part:.0%}" if part else "",
            "; ".join(beside),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def time_of(seconds):
    """Return a time with a unit."""
    for unit, name in ((1, "s"), (1e-3, "ms"), (1e-6, "µs")):
        if seconds >= unit:
            return f"{seconds / unit:.3g} {name}"
    return f"{seconds * 1e9:.3g} ns"


def scaling_table(results):
    """Return lines of Markdown: every point of the scaling curves."""
    lines = ["| curve | | G neuron-steps/s | memory beyond the input |", "|---|---|---|---|"]
    lines += [
        f"| {name} | {curve['varied']} = {point[curve['varied']]} "
        f"| {point['neuron_steps_per_second'] / GIGA:.3g} | {point['peak_bytes'] / 2**20:.1f} MiB |"
        for name, curve in results["scaling"].items()
        for point in curve["points"]
    ]
    return lines


def report(results, folder):
    """Write report.md and its figures."""
    bars(results, folder)
    curves(results, folder)
    here = results["machine"]
    first = best(results, "counts")[0]
    lines = [
        "# fastlif's benchmarks",
        "",
        f"{here['date']}, {here['processor']}, {here['processors']} processors, {here['system']}; "
        f"Python {here['python']}, NumPy {here['numpy']}, Numba {here['numba']}, "
        f"fastlif {here['fastlif']}, threads: {here['threads']}. Medians; shared machines vary.",
        "",
        "## The same workloads by everyone",
        "",
        f"{first['neurons']:,} neurons x {first['steps']} steps, in the dtype that each computes "
        "in; every result was checked equal to fastlif's before it was timed. In brackets how many "
        "times as fast fastlif's neuron of the same arithmetic was, timed in turn in the same "
        "process; fastlif's own rows: the part of the machine's limit (memory's bandwidth, or "
        "C that stays in registers).",
        "",
        *contenders_table(results),
        "",
        f"Missing: {', '.join(results['missing']) or 'none'}. Not measured:",
        "",
        *(f"- {reason}" for reason in results["unsupported"] or ["none"]),
        "",
        "![rates of all contenders](contenders.png)",
        "",
        "## fastlif beside the machine's limits",
        "",
        *suite_table(results),
        "",
        "## Scaling",
        "",
        "A process a point; a run allocates its own records.",
        "",
        "![rates and memory against neurons, steps, threads, firing and dtype](scaling.png)",
        "",
        *scaling_table(results),
    ]
    (folder / "report.md").write_text("\n".join(lines) + "\n")
