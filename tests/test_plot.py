"""Figures: what the artists contain, and a few images."""

import io
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

mpl = pytest.importorskip("matplotlib")
mpl.use("Agg")

import matplotlib.pyplot as plt  # noqa: E402
from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: E402
from matplotlib.figure import Figure  # noqa: E402
from matplotlib.testing.compare import compare_images  # noqa: E402

import fastlif  # noqa: E402
from fastlif import plot, presets  # noqa: E402

IMAGES = Path(__file__).parent / "images"
# Root mean square of the differences of pixels (0 to 255). Matplotlib 3.8 and 3.11 draw the images
# identically; without the spikes of one neuron, the difference is 6, and without a trace more.
TOLERANCE = 3

NEURON = fastlif.LIF(R=5.1, C=5e-3, time_step=1e-3)
CURRENT = (np.arange(200) >= 10)[:, None] * np.float32([0.1, 0.25, 0.4])
RUN = NEURON.run(CURRENT, record=("membrane", "spikes", "packed", "events", "counts"))
STEP, INDEX = np.nonzero(RUN.spikes)


@pytest.fixture(autouse=True)
def nothing_stays_open():
    before = dict(mpl.rcParams)
    yield
    plt.close("all")
    assert dict(mpl.rcParams) == before


@pytest.fixture
def ax():
    return Figure(layout="constrained").subplots()


def data(line):
    return [np.asarray(values) for values in line.get_data()]


def marks(ax):
    """The marks of spikes, as opposed to lines."""
    return [line for line in ax.lines if line.get_marker() == "|"]


def texts(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


# Traces.


def test_traces_are_drawn_at_the_ends_of_their_steps(ax):
    assert plot.traces(RUN, neuron=NEURON, membrane_unit="V", ax=ax) is ax
    for j in range(3):
        x, y = data(ax.lines[j])
        assert np.allclose(x, np.arange(1, 201))
        assert np.array_equal(y, RUN.membrane[:, j])
    assert ax.get_xlabel() == "time (ms)"
    assert ax.get_ylabel() == "membrane (V)"
    assert ax.get_xlim() == (0, 200)
    assert texts(ax) == ["neuron 0", "neuron 1", "neuron 2", "threshold"]
    assert ax.lines[3].get_ydata() == [1, 1]


def test_traces_without_a_time_step_are_drawn_at_the_numbers_of_the_steps(ax):
    plot.traces(RUN.membrane, initial=[0, 0.1, 0.2], ax=ax)
    x, y = data(ax.lines[1])
    assert np.array_equal(x, np.arange(-1, 200))
    assert np.array_equal(y, [0.1, *RUN.membrane[:, 1].astype(float)])
    assert ax.get_xlabel() == "step"
    assert ax.get_ylabel() == "membrane"
    assert ax.get_xlim() == (-1, 199.5)
    assert len(ax.lines) == 3  # neither a threshold nor spikes


def test_traces_start_with_the_initial_membrane_at_time_zero(ax):
    plot.traces(RUN, initial=0.5, neuron=NEURON, ax=ax)
    assert ax.lines[0].get_xdata()[0] == 0
    assert ax.lines[0].get_ydata()[0] == 0.5


def test_spikes_are_marked_above_the_traces_in_one_row_per_neuron(ax):
    plot.traces(RUN, neuron=NEURON, ax=ax)
    drawn = marks(ax)
    assert len(drawn) == 2  # the first neuron does not fire
    for j, line in enumerate(drawn, 1):
        x, y = data(line)
        assert np.allclose(x, np.flatnonzero(RUN.spikes[:, j]) + 1)
        assert y.min() == y.max() > RUN.membrane.max()
        assert line.get_color() == ax.lines[j].get_color()
    assert data(drawn[0])[1][0] < data(drawn[1])[1][0] < ax.get_ylim()[1]


@pytest.mark.parametrize("spikes", [RUN.spikes, RUN.events, None])
@pytest.mark.parametrize("neurons", [slice(1, None), [2, 1], [False, True, True], -1])
def test_traces_of_selected_neurons_have_their_spikes(ax, spikes, neurons):
    plot.traces(RUN, spikes=spikes, neurons=neurons, time_step=1e-3, ax=ax)
    index = np.atleast_1d(np.arange(3)[neurons])
    for j, line, ticks in zip(index, ax.lines, marks(ax), strict=False):
        assert np.array_equal(line.get_ydata(), RUN.membrane[:, j])
        assert np.allclose(ticks.get_xdata(), np.flatnonzero(RUN.spikes[:, j]) + 1)
    assert len(marks(ax)) == len(index)


def test_every_is_that_of_the_run(ax):
    run = NEURON.run(CURRENT, every=10)
    plot.traces(run, every=10, neuron=NEURON, ax=ax)
    assert np.allclose(ax.lines[0].get_xdata(), np.arange(20) * 10 + 1)


@pytest.mark.parametrize("record", ["membrane", ("membrane", "events")])
def test_a_run_without_spikes_of_the_same_neurons_has_no_marks(ax, record):
    plot.traces(NEURON.run(CURRENT, record=record, neurons=[2, 1]), ax=ax)
    assert not marks(ax)


@pytest.mark.parametrize(
    ("neuron", "expected"),
    [
        (fastlif.LIF(threshold=[0.5, 1.0, np.inf]), [0.5, 1.0]),
        (fastlif.LIF(threshold=0.25), [0.25]),
        (fastlif.LIF(threshold=np.inf, reset_mechanism="none"), []),
        (presets.nest_iaf_psc_delta(E_L=-70.0, V_th=-55.0), [15.0]),  # relative to E_L
        (presets.sinabs_lif(tau_mem=20.0), [1.0]),
    ],
)
def test_thresholds_of_the_neuron(ax, neuron, expected):
    plot.traces(RUN.membrane, neuron=neuron, ax=ax)
    assert [line.get_ydata()[0] for line in ax.lines[3:]] == expected


def test_many_traces_have_distinct_colors_and_no_labels(ax):
    plot.traces(np.zeros((5, 20)), ax=ax)
    assert len({tuple(line.get_color()) for line in ax.lines}) == 20
    assert ax.get_legend() is None


# The time axis.


@pytest.mark.parametrize(
    ("settings", "label", "last"),
    [
        ({"neuron": NEURON}, "time (ms)", 200),
        ({"neuron": NEURON, "time_step": 2e-3}, "time (ms)", 400),
        ({"time_step": 0.5, "time_unit": "ms"}, "time (ms)", 100),
        ({"time_step": 50, "time_unit": "us"}, "time (ms)", 10),
        ({"neuron": presets.nest_iaf_psc_delta(dt=0.1)}, "time (ms)", 20),
        ({"neuron": presets.brian2_lif(dt=1e-4)}, "time (ms)", 20),
        ({"neuron": fastlif.LIF(time_step=[1e-3, 1e-3, 1e-3])}, "time (ms)", 200),
        ({"neuron": fastlif.Leaky(0.9)}, "step", 199),
        ({"neuron": fastlif.Lapicque(beta=0.9)}, "step", 199),
        ({"neuron": fastlif.Lapicque(R=5, C=9), "time_unit": "ms"}, "time (ms)", 200),
        ({}, "step", 199),
    ],
)
@pytest.mark.parametrize("function", [plot.traces, plot.raster])
def test_time_step(ax, function, settings, label, last):
    function(RUN, **settings, ax=ax)
    assert ax.get_xlabel() == label
    end = ax.get_xlim()[1]
    assert np.isclose(end, last + (0.5 if label == "step" else 0))


# The stack.


def test_stack():
    axes = plot.stack(CURRENT, RUN, neuron=NEURON, current_unit="A", membrane_unit="V")
    top, middle, bottom = axes
    assert [ax.get_ylabel() for ax in axes] == ["current (A)", "membrane (V)", "spikes"]
    assert [ax.get_xlabel() for ax in axes] == ["", "", "time (ms)"]
    assert {ax.get_xlim() for ax in axes} == {(0, 200)}
    for j in range(3):
        x, y = data(top.lines[j])
        assert np.allclose(x, np.arange(201))
        assert np.array_equal(y[:-1], CURRENT[:, j])  # held from the start to the end of a step
        assert top.lines[j].get_drawstyle() == "steps-post"
        assert top.lines[j].get_color() == middle.lines[j].get_color()
    assert np.array_equal(middle.lines[2].get_ydata(), RUN.membrane[:, 2])
    assert np.allclose(data(bottom.lines[0]), [STEP + 1, INDEX])


def test_stack_without_spikes_has_two_axes_and_a_shared_current_one_line():
    axes = plot.stack(CURRENT[:, 1], RUN.membrane)
    assert len(axes) == 2
    assert len(axes[0].lines) == 1
    assert len(axes[1].lines) == 3


def test_stack_of_selected_neurons_in_given_axes():
    axes = Figure().subplots(3)
    drawn = plot.stack(CURRENT, RUN, neurons=[2, 0], axes=axes)
    assert list(drawn) == list(axes)
    assert np.array_equal(axes[0].lines[0].get_ydata()[:-1], CURRENT[:, 2])
    assert np.array_equal(axes[1].lines[1].get_ydata(), RUN.membrane[:, 0])
    assert set(axes[2].lines[0].get_ydata()) == {2}


# Rasters.

FORMS = {
    "run": (RUN, {}),
    "events": (RUN.events, {"steps": 200, "population": 3}),
    "shuffled events": (fastlif.Events(STEP[::-1], INDEX[::-1]), {"steps": 200, "population": 3}),
    "unsigned events": (
        fastlif.Events(STEP.astype(np.uint32), INDEX.astype(np.uint8)),
        {"steps": 200, "population": 3},
    ),
    "dense": (RUN.spikes, {}),
    "float": (RUN.spikes.astype(np.float32), {}),
    "list": (RUN.spikes.tolist(), {}),
    "strided": (np.asfortranarray(RUN.spikes), {}),
    "two axes": (RUN.spikes[:, :, None], {}),
    "packed": (RUN.packed, {"packed": True, "population": 3}),
    "run of packed": (NEURON.run(CURRENT, record="packed"), {}),
    "run of events": (NEURON.run(CURRENT, record="events"), {"steps": 200}),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_spikes_gives_the_same_figures(ax, form):
    spikes, known = FORMS[form]
    plot.raster(spikes, **known, neuron=NEURON, ax=ax)
    (line,) = ax.lines
    x, y = data(line)
    assert sorted(zip(x.round(9), y, strict=True)) == sorted(zip(STEP + 1, INDEX, strict=True))
    assert ax.get_xlim() == (0, 200)
    assert ax.get_ylim() == (-0.5, 2.5)
    assert ax.get_ylabel() == "neuron"

    ax.clear()
    plot.population_rate(spikes, **known, window=40, neuron=NEURON, ax=ax)
    rate = RUN.spikes.reshape(5, 40, 3).sum(axis=(1, 2)) / (3 * 0.04)
    assert np.allclose(ax.lines[0].get_ydata()[:-1], rate)

    known = {name: value for name, value in known.items() if name != "steps"}
    ax.clear()
    plot.spike_counts(spikes, **known, ax=ax)
    heights = np.bincount(RUN.spikes.sum(axis=0))
    assert np.array_equal(ax.patches[0].get_data().values, heights)
    ax.clear()
    plot.intervals(spikes, **known, bin_width=1, neuron=NEURON, ax=ax)
    between = np.concatenate([np.diff(np.flatnonzero(column)) for column in RUN.spikes.T])
    assert np.array_equal(ax.patches[0].get_data().values, np.bincount(between))
    assert np.allclose(ax.patches[0].get_data().edges, np.arange(between.max() + 2) - 0.5)


def test_several_spikes_in_a_step_are_counted(ax):
    spikes = np.array([[0, 3], [2, 0], [0, 1]], np.int32)
    plot.raster(spikes, ax=ax)
    assert sorted(zip(*data(ax.lines[0]), strict=True)) == [(0, 1)] * 3 + [(1, 0)] * 2 + [(2, 1)]
    ax.clear()
    plot.population_rate(spikes, window=1, ax=ax)
    assert np.allclose(ax.lines[0].get_ydata(), [1.5, 1.0, 0.5, 0.5])
    assert ax.get_ylabel() == "firing rate (spikes per step)"
    ax.clear()
    plot.intervals(spikes, ax=ax)
    assert np.array_equal(ax.patches[0].get_data().values, [3, 0, 1])
    assert ax.get_xlabel() == "interspike interval (steps)"


def test_events_of_unknown_length_end_the_axes(ax):
    plot.raster(RUN.events, ax=ax)
    assert ax.get_xlim() == (-0.5, STEP[-1] + 0.5)
    assert ax.get_ylim() == (-0.5, 2.5)


def test_rows_may_have_positions(ax):
    plot.raster(RUN, y=[0.1, 0.25, 0.4], neurons=[1, 2], ax=ax)
    x, y = data(ax.lines[0])
    assert np.array_equal(y, np.array([0.1, 0.25, 0.4])[INDEX])
    assert np.allclose(ax.get_ylim(), (0.175, 0.475))


def test_marks_fill_most_of_their_rows_at_any_size():
    ax = Figure(figsize=(4, 4), dpi=100).subplots()
    plot.raster(RUN, ax=ax)
    for inches in (4, 8):
        ax.figure.set_size_inches(inches, inches)
        ax.figure.draw_without_rendering()
        row = ax.get_window_extent().height / 3
        assert np.isclose(ax.lines[0].get_markersize() / 72 * 100, 0.8 * row)


def test_rows_on_a_logarithmic_axis(ax):
    plot.raster(RUN, y=[1, 10, 100], ax=ax)
    ax.set(yscale="log", ylim=(0.5, 200))
    ax.figure.draw_without_rendering()
    assert 0 < ax.lines[0].get_markersize() / 72 * 100 < ax.get_window_extent().height


def test_dense_rasters_are_translucent_and_images_in_vector_files():
    rng = np.random.default_rng(0)
    events = fastlif.Events(np.sort(rng.integers(0, 500, 200_000)), rng.integers(0, 2000, 200_000))
    ax = plot.raster(events, steps=500, population=2000)
    file = io.BytesIO()
    ax.figure.savefig(file, format="pdf")
    assert len(file.getvalue()) < 500_000
    assert 0.03 <= ax.lines[0].get_alpha() < 1
    opaque = plot.raster(events, steps=500, population=2000, alpha=1, rasterized=False)
    opaque.figure.draw_without_rendering()
    assert opaque.lines[0].get_alpha() == 1
    few = plot.raster(RUN)
    few.figure.draw_without_rendering()
    assert few.lines[0].get_alpha() is None


def test_dense_rasters_have_no_rhythm_of_the_pixels():
    """Pixels of two steps alternate with pixels of three unless the marks are spread."""
    rng = np.random.default_rng(0)
    events = fastlif.Events(np.sort(rng.integers(0, 1000, 500_000)), rng.integers(0, 900, 500_000))
    figure = Figure(figsize=(4, 4), dpi=100)
    ax = plot.raster(events, steps=1000, population=900, ax=figure.add_axes((0, 0, 1, 1)))
    FigureCanvasAgg(figure).draw()
    assert np.array_equal(ax.lines[0].get_xdata(), events.step)
    gray = np.asarray(figure.canvas.buffer_rgba())[5:-5, 5:-5, 0].astype(float)
    for axis in (0, 1):
        line = gray.mean(axis=axis)
        assert line.std() < 0.05 * (255 - line.mean())


EMPTY = fastlif.LIF().run(np.zeros((0, 3), np.float32))
SILENT = fastlif.LIF().run(np.zeros((5, 3), np.float32))
NOBODY = fastlif.LIF().run(np.zeros((5, 0), np.float32))


@pytest.mark.parametrize("run", [EMPTY, SILENT, NOBODY], ids=["empty", "silent", "nobody"])
@pytest.mark.parametrize(
    "function",
    [plot.traces, plot.raster, plot.population_rate, plot.spike_counts, plot.intervals],
)
def test_runs_without_spikes_steps_or_neurons(function, run):
    function(run).figure.draw_without_rendering()


def test_no_events_at_all(ax):
    plot.raster(fastlif.Events([], []), ax=ax)
    ax.figure.draw_without_rendering()


@pytest.mark.parametrize("run", [EMPTY, SILENT, NOBODY], ids=["empty", "silent", "nobody"])
def test_stacks_without_spikes_steps_or_neurons(run):
    plot.stack(np.zeros(len(run.membrane)), run)[0].figure.draw_without_rendering()


def test_a_membrane_with_nan_and_infinity(ax):
    plot.traces(np.array([0, np.nan, np.inf, 1]), spikes=[0, 1, 0, 0], ax=ax)
    ax.figure.draw_without_rendering()
    assert np.isclose(marks(ax)[0].get_ydata()[0], 1.07)


# Statistics.


def test_the_last_bin_of_a_rate_may_be_shorter(ax):
    plot.population_rate(np.ones((25, 4), bool), window=10, time_step=1e-3, ax=ax)
    x, y = data(ax.lines[0])
    assert np.allclose(x, [0, 10, 20, 25])
    assert np.allclose(y, 1000)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("time (ms)", "firing rate (Hz)")
    assert ax.get_ylim()[0] == 0


def test_rates_of_selected_neurons(ax):
    plot.population_rate(RUN, neurons=[2], window=200, neuron=NEURON, ax=ax)
    assert np.allclose(ax.lines[0].get_ydata(), RUN.counts[2] / 0.2)


def test_histograms_have_few_bins_by_default(ax):
    spikes = np.zeros((5000, 2), bool)
    spikes[:4000, 0], spikes[[0, 4999], 1] = True, True
    plot.spike_counts(spikes, ax=ax)
    values, edges, _ = ax.patches[0].get_data()
    assert len(values) <= 100
    assert values.sum() == 2
    assert values[np.searchsorted(edges, 4000) - 1] == 1
    ax.clear()
    plot.intervals(spikes, time_step=1e-3, ax=ax)
    values, edges, _ = ax.patches[0].get_data()
    assert len(values) <= 100
    assert values.sum() == 4000
    assert values[np.searchsorted(edges, 4999) - 1] == 1
    assert ax.get_xlabel() == "interspike interval (ms)"


@pytest.mark.parametrize("record", ["counts", "spikes", "events", "packed"])
def test_f_i_curve_of_a_run_sorts_the_currents(ax, record):
    current = np.float32([0.5, 0.1, 0.3])
    run = NEURON.run(current, steps=1000, record=record)
    counts = NEURON.run(current, steps=1000, record="counts").counts
    plot.fi_curve(current, run, steps=1000, neuron=NEURON, current_unit="A", ax=ax)
    x, y = data(ax.lines[0])
    assert np.array_equal(x, np.float32([0.1, 0.3, 0.5]))
    assert np.allclose(y, counts[[1, 2, 0]])  # of one second
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("current (A)", "firing rate (Hz)")


def test_f_i_curve_of_no_steps(ax):
    plot.fi_curve([0.1, 0.2], NEURON.run(np.float32([0.1, 0.2]), steps=0), ax=ax)
    assert np.isnan(data(ax.lines[0])[1]).all()


def test_f_i_curves_in_one_figure_have_colors_and_labels(ax):
    for label in "ab":
        plot.fi_curve([1, 2], [3, 4], label=label, lw=3, ax=ax)
    assert len({line.get_color() for line in ax.lines}) == 2
    assert texts(ax) == ["a", "b"]
    assert ax.lines[0].get_linewidth() == 3


def test_style_is_passed_to_the_artists(ax):
    plot.raster(RUN, c="red", ax=ax)
    plot.spike_counts(RUN, fc="green", ax=ax)
    assert ax.lines[0].get_color() == "red"
    assert ax.patches[0].get_facecolor()[1] == mpl.colors.to_rgba("green")[1]
    plot.traces(RUN, ls=":", ax=ax)
    assert ax.lines[1].get_linestyle() == ":"


# Legends, animations, no side effects.


@pytest.mark.parametrize(
    "draw",
    [
        lambda: [plot.traces(RUN, neuron=NEURON)],
        lambda: plot.stack(CURRENT, RUN, neuron=NEURON),
        lambda: [plot.raster(RUN, label="spikes")],
        lambda: [plot.population_rate(RUN, label="rate")],
        lambda: [plot.spike_counts(RUN, label="counts")],
        lambda: [plot.intervals(RUN, label="intervals")],
        lambda: [plot.fi_curve([1, 2], [3, 4], label="curve")],
    ],
)
def test_legends_cover_no_data_and_are_in_the_figure(draw):
    axes = draw()
    figure = axes[0].figure
    figure.draw_without_rendering()
    legends = [ax.get_legend().get_window_extent() for ax in axes if ax.get_legend()]
    assert legends
    for legend in legends:
        assert not any(legend.overlaps(ax.get_window_extent()) for ax in axes)
        assert figure.bbox.x0 <= legend.x0 < legend.x1 <= figure.bbox.x1
        assert figure.bbox.y0 <= legend.y0 < legend.y1 <= figure.bbox.y1


def picture(figure):
    figure.canvas.draw()
    return np.asarray(figure.canvas.buffer_rgba())[..., :3].min(axis=-1) < 128


def test_an_animation_reveals_the_figure_from_left_to_right():
    axes = plot.stack(CURRENT, RUN, neuron=NEURON)
    figure = axes[0].figure
    figure.draw_without_rendering()
    whole = picture(figure)
    animation = plot.animate(axes, frames=4)
    animation._draw_frame(0)
    first = picture(figure)
    assert first.sum() < whole.sum()
    box = axes[2].get_window_extent()
    height = len(whole)
    quarter = int(box.x0 + box.width / 4)
    rows = slice(int(height - box.y1) + 2, int(height - box.y0) - 2)
    left, right = slice(int(box.x0) + 2, quarter - 2), slice(quarter + 2, int(box.x1) - 2)
    assert np.array_equal(first[rows, left], whole[rows, left])
    assert whole[rows, right].any()
    assert not first[rows, right].any()
    animation._draw_frame(3)
    assert np.array_equal(picture(figure), whole)


def test_animations_are_written_to_files(tmp_path):
    plot.animate(plot.raster(RUN), frames=2).save(tmp_path / "raster.gif", writer="pillow")
    values = np.random.default_rng(0).uniform(size=(2, 4, 5))
    animation = plot.animate_image(values, time_step=1e-3)
    animation.save(tmp_path / "image.gif", writer="pillow")
    for name in ("raster", "image"):
        assert (tmp_path / f"{name}.gif").read_bytes()[:3] == b"GIF"
    animation._draw_frame(1)
    (image,) = plt.gca().images
    assert np.array_equal(image.get_array(), values[1])
    assert plt.gca().get_title() == "2 ms"


def test_nothing_is_shown_or_opened_in_given_axes(ax, monkeypatch):
    monkeypatch.setattr(plt, "show", lambda: pytest.fail("a figure was shown"))
    plot.raster(RUN, ax=ax)
    plot.traces(RUN, ax=ax)
    assert plt.get_fignums() == []
    assert plot.raster(RUN).figure.number in plt.get_fignums()


def test_import_chooses_no_backend():
    code = "import sys, fastlif.plot; print('matplotlib.pyplot' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ
    )
    assert done.stdout.strip() == "False"


# Errors.

BITS = RUN.packed
ERRORS = [
    (lambda: plot.raster(RUN, ax=3), TypeError, "ax must be a Matplotlib Axes or None, got 3"),
    (lambda: plot.raster(RUN, neuron=3), TypeError, "neuron must be a fastlif neuron or None"),
    (lambda: plot.raster(RUN, time_step=0), ValueError, "time_step must be greater than 0"),
    (lambda: plot.raster(RUN, time_unit="h"), ValueError, "time_unit must be one of 's', 'ms'"),
    (
        lambda: plot.raster(RUN, neuron=fastlif.LIF(time_step=[1e-3, 2e-3, 3e-3])),
        ValueError,
        "the neurons have different time steps.*give time_step=.*from 0.001 to 0.003",
    ),
    (lambda: plot.raster(None), TypeError, "spikes must be a number or an array .* got None"),
    (lambda: plot.raster(1), ValueError, "spikes must have time as the first axis"),
    (lambda: plot.raster([[0.5]]), ValueError, "spikes must hold whole numbers"),
    (lambda: plot.raster([[-1]]), ValueError, "spikes must hold whole numbers"),
    (lambda: plot.raster([[np.nan]]), ValueError, "spikes must hold whole numbers"),
    (lambda: plot.raster([[np.inf]]), ValueError, "spikes must hold whole numbers"),
    (lambda: plot.raster(RUN.spikes, population=4), ValueError, "population must be 3, .* got 4"),
    (lambda: plot.raster(RUN.spikes, steps=4), ValueError, "steps must be 200, .* got 4"),
    (lambda: plot.raster(BITS, packed=1), TypeError, "packed must be True or False"),
    (
        lambda: plot.raster(BITS, packed=True, population=9),
        ValueError,
        "must have 2 bytes per step.* 1;",
    ),
    (lambda: plot.raster(BITS[:, None], packed=True), TypeError, r"must be a uint8 array of shape"),
    (lambda: plot.raster(RUN.spikes, packed=True), TypeError, r"must be a uint8 array of shape"),
    (lambda: plot.raster(RUN, neurons=[3]), IndexError, "neurons must be less than .* 3, got 3"),
    (lambda: plot.raster(RUN, neurons=[0.5]), TypeError, "neurons must be a slice, indices or"),
    (lambda: plot.raster(RUN, neurons=[True]), ValueError, "neurons must be a mask of 3 bools"),
    (lambda: plot.raster(RUN, neurons=[1, 1]), ValueError, "must not select a neuron twice"),
    (lambda: plot.raster(RUN, y=[1, 2]), ValueError, "y must have one value per neuron, 3, got 2"),
    (
        lambda: plot.raster(fastlif.Events(np.array([0, 1]), np.array([0]))),
        ValueError,
        "must have the same length, got 2 and 1",
    ),
    (
        lambda: plot.raster(fastlif.Events(np.array([0.5]), np.array([0]))),
        TypeError,
        "spikes.step must be a vector of integers",
    ),
    (
        lambda: plot.raster(RUN.events, population=2),
        ValueError,
        "spikes.neuron must be from 0 to 1, got 2",
    ),
    (lambda: plot.raster(NEURON.run(CURRENT, record=())), ValueError, "run has no spikes to draw"),
    (lambda: plot.population_rate(RUN.events, steps=200), ValueError, "population .* is required"),
    (lambda: plot.population_rate(RUN.events, population=3), ValueError, "steps is required"),
    (lambda: plot.population_rate(RUN, window=0), ValueError, "window must be at least 1"),
    (lambda: plot.spike_counts(RUN.events), ValueError, "population .* is required"),
    (lambda: plot.spike_counts(RUN, bin_width=0.5), TypeError, "bin_width must be a whole number"),
    (lambda: plot.intervals(RUN, bin_width="a"), TypeError, "bin_width must be a whole number"),
    (lambda: plot.fi_curve([1, 2], [1]), ValueError, "equal sizes, got 2 and 1"),
    (
        lambda: plot.fi_curve([1, 2], NEURON.run([1.0, 2.0], steps=9, record="counts")),
        ValueError,
        "steps must be given, because events and counts do not contain the number of steps",
    ),
    (
        lambda: plot.fi_curve([1, 2], NEURON.run([1.0, 2.0], steps=9, record="membrane")),
        ValueError,
        "rate must be a Run with 'spikes', 'packed' or 'events', got one without",
    ),
    (lambda: plot.fi_curve([1, 2, 3], RUN, steps=9), ValueError, "steps must be 200, .* got 9"),
    (lambda: plot.traces(NEURON.run(CURRENT, record=())), ValueError, "has no membrane to draw"),
    (lambda: plot.traces(np.zeros((2, 101))), ValueError, "at most 100 traces .* got 101 neurons"),
    (lambda: plot.traces(RUN, labels=["a"]), ValueError, "labels must be .* one label per line, 3"),
    (lambda: plot.traces(RUN, labels="abc"), ValueError, "labels must be a sequence"),
    (lambda: plot.traces(RUN, threshold=[1, 2]), ValueError, "threshold must have one value, or"),
    (lambda: plot.traces(RUN, initial=[1, 2]), ValueError, "initial must have one value, or 3"),
    (lambda: plot.traces(RUN, spikes=np.zeros((200, 2))), ValueError, "got those of 2"),
    (
        lambda: plot.traces(RUN, spikes=np.zeros((9, 3))),
        ValueError,
        "must have 200 steps, .* got 9",
    ),
    (lambda: plot.traces(RUN, membrane_unit=1), TypeError, "unit of membrane must be a str"),
    (lambda: plot.traces(RUN, every=0), ValueError, "every must be at least 1"),
    (lambda: plot.stack(CURRENT[:9], RUN), ValueError, "current must have 200 steps"),
    (lambda: plot.stack(CURRENT, RUN, axes=[1, 2, 3]), TypeError, "each of axes must be"),
    (lambda: plot.stack(CURRENT, RUN, axes=[]), ValueError, "axes must be 3 Axes, got 0"),
    (lambda: plot.animate(3), TypeError, "each of axes must be a Matplotlib Axes"),
    (lambda: plot.animate([]), ValueError, "axes must contain at least one Axes"),
    (lambda: plot.animate_image(np.zeros(3)), ValueError, r"must have shape \(T, rows, columns\)"),
]


@pytest.mark.parametrize(("call", "error", "message"), ERRORS, ids=[m for *_, m in ERRORS])
def test_errors_come_before_a_figure(call, error, message):
    with pytest.raises(error, match=message):
        call()
    assert plt.get_fignums() == []


# Images, without text: fonts differ between machines.

PICTURES = {
    "traces": lambda figure: plot.traces(RUN, neuron=NEURON, ax=figure.subplots()),
    "stack": lambda figure: plot.stack(CURRENT, RUN, neuron=NEURON, axes=figure.subplots(3)),
    "raster": lambda figure: plot.raster(RUN, neuron=NEURON, ax=figure.subplots()),
    "intervals": lambda figure: plot.intervals(RUN, bin_width=2, ax=figure.subplots()),
}


@pytest.mark.parametrize("name", PICTURES)
def test_image(tmp_path, name):
    path = tmp_path / f"{name}.png"
    with mpl.style.context("default"):
        figure = Figure(figsize=(4, 3))
        figure.subplots_adjust(0.05, 0.05, 0.95, 0.95)
        PICTURES[name](figure)
        for ax in figure.axes:
            ax.set(xticks=[], yticks=[], xlabel="", ylabel="")
            if ax.get_legend():
                ax.get_legend().remove()
        figure.savefig(path, dpi=60)
    if os.environ.get("FASTLIF_NEW_IMAGES"):
        path.replace(IMAGES / path.name)
        pytest.skip("the image was stored")
    assert compare_images(IMAGES / path.name, path, TOLERANCE) is None
