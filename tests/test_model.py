"""What a neuron passes down: rules whose parts all count, and constants that are all there."""

import os
import pickle
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from cases import full, same_bits, variables

import fastlif
from fastlif import presets
from fastlif.kernels import catalogue, orders, rules
from fastlif.kernels.compose import Rule, constants_of, step_of
from fastlif.model import Model

F4 = np.float32
PACKAGE = Path(fastlif.__file__).parent
LEAKY = catalogue.LEAKY["subtract"]


ALL_RULES = [
    rule
    for name, entry in vars(catalogue).items()
    if name.isupper() and not name.startswith("_")
    for rule in (entry.values() if isinstance(entry, dict) else [entry])
]


def model(rule, **constants):
    return Model(rule, lambda dtype: constants, 0.0, (), lambda: "the neuron")


@pytest.mark.parametrize(
    "rule", ALL_RULES, ids=lambda rule: f"{rule.order.__name__}-{rule.drive.__name__}"
)
def test_the_parts_of_every_rule_count(rule):
    assert callable(step_of(rule))
    assert "threshold" in constants_of(rule)


def test_the_constants_that_a_rule_reads_are_found_through_what_it_calls():
    assert constants_of(LEAKY) == ("threshold", "keep")
    assert constants_of(catalogue.NENGO_LIF) == (
        "threshold", "rate", "step", "tau", "reset", "minimum", "period",
    )  # fmt: skip
    assert constants_of(catalogue.NORSE_LIF) == ("threshold", "rate", "rest", "reset", "decay")


@pytest.mark.parametrize("constants", [{"threshold": 1.0}, {"threshold": 1.0, "keep": None}])
def test_a_constant_that_is_not_derived_is_an_error(constants):
    with pytest.raises(TypeError, match=r"^the neuron does not derive the constants \['keep'\]"):
        model(LEAKY, **constants)
    assert model(LEAKY, threshold=1.0, keep=0.9).constants(np.dtype(F4)).shared.tolist() == [
        1.0, F4(0.9),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "rule",
    [
        LEAKY._replace(reset=None),  # missing
        LEAKY._replace(again=rules.to_zero_again),  # without effect
        catalogue.LEAKY["zero"]._replace(limit=rules.floored),
        catalogue.NENGO_LIF._replace(charge=rules.relaxed),
        LEAKY._replace(hold=rules.held),
    ],
)
def test_a_part_that_is_missing_or_without_effect_is_an_error(rule):
    with pytest.raises(TypeError, match=r"needs \(.*, and the rule has \["):
        step_of(rule)


def test_a_synapse_needs_its_state():
    with pytest.raises(TypeError, match="both a synapse and the state 'syn', or neither"):
        step_of(LEAKY._replace(synapse=rules.filtered))


def test_rules_of_other_functions_with_the_same_names_are_not_the_same():
    def above(u, c):
        return u >= c.threshold

    rule = LEAKY._replace(fires=above)
    assert rule != LEAKY
    from fastlif.kernels.compose import _RuleType

    assert _RuleType(rule) != _RuleType(LEAKY)
    assert _RuleType(LEAKY) == _RuleType(catalogue.LEAKY["subtract"])


def test_an_order_with_a_refractory_period_exists_for_every_order_that_lif_has():
    from fastlif.neurons.lif import ORDERS

    assert set(ORDERS.values()) == set(orders.REFRACTORY)
    assert Rule(rules.raw, orders.entering).refractory().states == ("mem", "refractory")


@pytest.mark.parametrize("call", ["LIF().run([0.0] * 3)", "leaky_integrate_neuron(0.5)"])
def test_without_compilation_the_error_is_clear(call):
    code = f"import fastlif; fastlif.{call}"
    environment = os.environ | {"NUMBA_DISABLE_JIT": "1"}
    result = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=100,
        check=False,
    )  # fmt: skip
    assert result.returncode == 1
    assert "RuntimeError: fastlif cannot run with NUMBA_DISABLE_JIT=1" in result.stderr


TRANSCENDENTAL = re.compile(
    r"\b(np|numpy|math)\.(exp|expm1|exp2|log|log1p|log2|log10|power|sin|cos|tan|tanh|sinh|cosh)\b"
)


def test_constants_use_no_function_whose_bits_depend_on_the_machine():
    found = []
    for path in PACKAGE.rglob("*.py"):
        for number, line in enumerate(path.read_text().splitlines(), 1):
            code = line.split("#")[0]
            if TRANSCENDENTAL.search(code) and ">>>" not in code and "warn_" not in code:
                found.append(f"{path.name}:{number}: {line.strip()}")
    # A docstring of Nengo's preset has a closed form; constants inside Brian2 must have the bits
    # of its own.
    assert [line for line in found if not line.startswith(("nengo.py", "brian2"))] == []


def test_dependencies_point_down():
    layers = ("neurons", "execution", "model", "surrogate", "kernels", "checks")
    for path in PACKAGE.rglob("*.py"):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        if parts[0] not in layers:
            continue
        for name in re.findall(r"^\s*from fastlif\.(\w+)", path.read_text(), re.MULTILINE):
            assert layers.index(name) >= layers.index(parts[0]), (path, name)


def test_only_kernels_import_numba():
    for path in PACKAGE.rglob("*.py"):
        if "kernels" not in path.parts:
            assert not re.search(r"^\s*(from|import) numba", path.read_text(), re.MULTILINE), path


@pytest.mark.parametrize(
    "neuron",
    [
        fastlif.LIF(),
        fastlif.LIF(refractory=2, order="at_once", rest=0.1),
        fastlif.LIF(R=np.linspace(4, 6, 5)),
        pytest.param(presets.norse_lif(), marks=full),
    ],
    ids=repr,
)
@pytest.mark.parametrize(
    "record",
    [
        ("spikes", "membrane"),
        "counts",
        *(pytest.param(n, marks=full) for n in ("packed", "events", ())),
    ],
)
def test_a_stored_plan_equals_a_new_one(neuron, record):
    rng = np.random.default_rng(0)
    for shape in ((7, 5), (200, 5), (7, 5)):
        for current in (rng.uniform(0, 2, shape).astype(F4), rng.uniform(0, 2, shape)):
            for array in (current, current.astype(current.dtype.newbyteorder()), current):
                new = pickle.loads(pickle.dumps(neuron)).run(array, record=record)
                for _ in range(2):
                    assert_same_runs(neuron.run(array, record=record), new)


def assert_same_runs(run, other):
    for name in ("membrane", "spikes", "packed", "counts"):
        assert_same(getattr(run, name), getattr(other, name))
    assert (run.events is None) == (other.events is None)
    for a, b in zip(run.events or (), other.events or (), strict=True):
        assert_same(a, b)
    for a, b in zip(variables(run.final), variables(other.final), strict=True):
        assert_same(a, b)
    assert run.final.steps == other.final.steps


def assert_same(a, b):
    assert (a is None and b is None) or same_bits(a, b)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("spikes", [False, True])
def test_resets_to_zero_have_the_bits_of_the_products(dtype, spikes):
    """``b - s*b`` and ``(not s)*b`` as in the sources, also for zeros and infinities."""
    limits = np.finfo(dtype)
    values = [0.0, 1, 0.3, np.inf, limits.tiny, limits.smallest_subnormal, limits.max]
    for b in np.array([*values, *np.negative(values), np.nan], dtype):
        with np.errstate(all="ignore"):
            products = b - dtype(spikes) * b, dtype(not spikes) * b
            results = rules.to_zero(b, spikes, None), rules.emptied(b, spikes, None)
        for product, result in zip(products, results, strict=True):
            assert dtype(result).tobytes() == dtype(product).tobytes() or np.isnan(product)
            assert np.isnan(result) == np.isnan(product)
