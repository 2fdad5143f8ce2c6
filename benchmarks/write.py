"""Write the benchmark report: Markdown tables, figures, and the table in the README."""

import matplotlib as mpl
import numpy as np

mpl.use("Agg")
import matplotlib.pyplot as plt
from workloads import WORKLOADS

GIGA = 1e9
BEGIN, END = "<!-- benchmark table: begin -->", "<!-- benchmark table: end -->"


def best(results, workload):
    """Return the entries of a workload, one per contender, fastest first."""
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
    """Return the names of all contenders, sorted by their highest rate on any workload."""
    rates = {}
    for workload in WORKLOADS:
        for entry in best(results, workload):
            rate = max(rates.get(entry["contender"], 0), entry["neuron_steps_per_second"])
            rates[entry["contender"]] = rate
    return sorted(rates, key=lambda name: -rates[name])


def bars(results, folder):
    """Draw one panel per workload: rates on a log axis, and the hardware limit as a line."""
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
        axis.axvline(limit, color="k", ls=":", label="hardware limit")
        axis.set(xscale="log", title=workload, xlabel="neuron-steps per second")
        slowest = min(slowest, np.nanmin(rates))
    for axis in axes:
        axis.set_xlim(10 ** np.floor(np.log10(slowest)), 10**10.7)
    axes[0].invert_yaxis()
    fig.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center")
    save(fig, folder, "contenders")


def curves(results, folder):
    """Draw two panels per varied quantity: rates above, memory below."""
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
    axes[0, 0].set_ylabel("G neuron-steps per second")
    axes[1, 0].set_ylabel("memory in addition to the input (MiB)")
    save(fig, folder, "scaling")


def save(fig, folder, name):
    """Write a figure as PNG and SVG."""
    for kind in ("png", "svg"):
        fig.savefig(folder / f"{name}.{kind}", dpi=110)
    plt.close(fig)


def contenders_table(results):
    """Return Markdown lines: the rates of all contenders on all workloads."""
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
            fraction = f"{entry['fraction_of_limit']:.0%} of the limit"
            times = f"fastlif {entry['fastlif_times_as_fast']:.3g}x"
            cells.append(f"{rate} ({fraction if name == 'fastlif' else times})")
        lines.append(f"| {name} | " + " | ".join(cells) + f" | {version} |")
    return lines


def readme_table(results):
    """Return Markdown lines for the README: where it was measured, and the contenders' table."""
    here, first = results["machine"], best(results, "counts")[0]
    return [
        f"{first['neurons']:,} neurons x {first['steps']} steps on {here['processors']} processors "
        f"of a shared machine ({here['processor']}, {here['date']}).",
        "",
        *contenders_table(results),
    ]


def with_table(text, results):
    """Return the README's text with the table between its two markers replaced."""
    before, _, rest = text.partition(f"{BEGIN}\n")
    _, end, after = rest.partition(f"{END}\n")
    if not end:
        raise ValueError(f"the text must contain {BEGIN!r} and {END!r}, each alone on its line")
    table = "\n".join(readme_table(results))
    return f"{before}{BEGIN}\n{table}\n{END}\n{after}"


def readme(results, path):
    """Replace the table in the README at ``path``."""
    path.write_text(with_table(path.read_text(), results))


def suite_table(results):
    """Return Markdown lines: fastlif's own suite compared with the hardware limits."""
    lines = [
        "| group | benchmark | median | G neuron-steps/s | of the limit | compared with |",
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
    """Format a time with its unit."""
    for unit, name in ((1, "s"), (1e-3, "ms"), (1e-6, "µs")):
        if seconds >= unit:
            return f"{seconds / unit:.3g} {name}"
    return f"{seconds * 1e9:.3g} ns"


def scaling_table(results):
    """Return Markdown lines: every point of the scaling curves."""
    lines = [
        "| curve | | G neuron-steps/s | memory in addition to the input |",
        "|---|---|---|---|",
    ]
    lines += [
        f"| {name} | {curve['varied']} = {point[curve['varied']]} "
        f"| {point['neuron_steps_per_second'] / GIGA:.3g} | {point['peak_bytes'] / 2**20:.1f} MiB |"
        for name, curve in results["scaling"].items()
        for point in curve["points"]
    ]
    return lines


def report(results, folder):
    """Write report.md and its figures into ``folder``."""
    bars(results, folder)
    curves(results, folder)
    here = results["machine"]
    first = best(results, "counts")[0]
    lines = [
        "# fastlif's benchmarks",
        "",
        f"{here['date']}, {here['processor']}, {here['processors']} processors, {here['system']}; "
        f"Python {here['python']}, NumPy {here['numpy']}, Numba {here['numba']}, "
        f"fastlif {here['fastlif']}, threads: {here['threads']}. Medians; shared machines vary. "
        f"Processor time that other machines took: {here.get('stolen', 'unknown')}.",
        "",
        "## Contenders on the same workloads",
        "",
        f"{first['neurons']:,} neurons x {first['steps']} steps, each contender in its own dtype. "
        "In parentheses: how many times as fast fastlif runs the neuron with the same arithmetic "
        "and dtype, timed alternately in the same process; for fastlif, the fraction of the "
        "hardware limit (memory bandwidth, or a C loop that stays in registers).",
        "",
        "Before timing, fastlif's run is compared with that of each contender. The spike counts of "
        "all neurons are equal, and so is every spike where the workload records spikes and the "
        "contender stores them. For JAX, torch.compile and Brian2's compiled targets, whose "
        "compilers may fuse or reorder operations, the counts of at most 1 % of the neurons may "
        "differ. Membranes are not compared.",
        "",
        *contenders_table(results),
        "",
        f"Not installed: {', '.join(results['missing']) or 'none'}. Not measured:",
        "",
        *(f"- {reason}" for reason in results["unsupported"] or ["none"]),
        "",
        "![Rates of all contenders](contenders.png)",
        "",
        "## fastlif compared with the hardware limits",
        "",
        *suite_table(results),
        "",
        "## Scaling",
        "",
        "Each point is measured in its own process. A run allocates its own records.",
        "",
        "![Rates and memory against neurons, steps, threads, firing rate and dtype](scaling.png)",
        "",
        *scaling_table(results),
    ]
    (folder / "report.md").write_text("\n".join(lines) + "\n")
