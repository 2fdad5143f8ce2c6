"""Which of fastlif's rules computes what Brian2 computes for the equation of a group."""

import ast
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import sympy
from brian2.codegen.generators.numpy_generator import NumpyCodeGenerator
from brian2.codegen.runtime.numpy_rt import NumpyCodeObject
from brian2.codegen.translation import make_statements
from brian2.core.functions import Function
from brian2.core.variables import ArrayVariable, Constant
from brian2.equations.equations import extract_constant_subexpressions
from brian2.parsing.sympytools import str_to_sympy, sympy_to_str
from brian2.utils.stringtools import get_identifiers

from fastlif.kernels import catalogue
from fastlif.kernels.compose import Rule, constants_class
from fastlif.kernels.hosted import NAMES

_SAMPLES = 2048
_ROUNDING = 1e-12  # the largest relative difference that rounding alone explains
_RULES = (*catalogue.BRIAN2_LIF.values(), catalogue.BRIAN2_LIF_TO_CONSTANT)
_Constants = constants_class(NAMES)
FORM = "d{0}/dt = (v_rest - {0} + R*I)/tau"


class Scope:
    """The values of the names in a group's expressions, as Brian2 resolves them."""

    def __init__(self, group: Any, names: set[str], namespace: Any) -> None:
        self.variables = group.resolve_all(names, namespace, user_identifiers=set())
        self.arrays: dict[str, Any] = {}  # one value per neuron
        self.live: dict[str, Any] = {}  # shared, and may change during a run: arrays of one item
        self.constants: dict[str, float] = {}
        for name, variable in self.variables.items():
            if name in group._linked_variables:
                raise ValueError(f"{name} is a linked variable, which fastlif cannot read")
            if isinstance(variable, Function) or name in ("t", "t_in_timesteps"):
                raise ValueError(
                    f"{name} varies over time or is a function; fastlif accepts parameters of the "
                    "group and constants"
                )
            if isinstance(variable, Constant):
                self.constants[name] = float(variable.value)
            elif not isinstance(variable, ArrayVariable):
                raise ValueError(f"{name} must be a parameter or a constant, got {variable!r}")
            elif variable.scalar and variable.constant:
                self.constants[name] = float(variable.get_value().item())
            elif variable.dtype != np.float64:
                raise ValueError(f"{name} must have dtype float64, got {np.dtype(variable.dtype)}")
            else:
                (self.live if variable.scalar else self.arrays)[name] = variable.get_value()

    def value(self, expression: str) -> Any:
        """Return the value of an expression: an array, a number, or a function that returns one."""
        names = get_identifiers(expression)
        if names <= self.arrays.keys() and expression.strip() in names:
            return self.arrays[expression.strip()]
        if names & self.arrays.keys():
            raise ValueError(
                f"{expression!r} has one value per neuron and must therefore be a single parameter"
            )
        code = compile(expression, "<equation>", "eval")
        constants = {name: self.constants[name] for name in names & self.constants.keys()}
        live = {name: self.live[name] for name in names & self.live.keys()}
        if not live:
            return float(eval(code, {}, constants))
        return lambda: float(eval(code, {}, constants | {k: a.item() for k, a in live.items()}))


def now(value: Any) -> Any:
    """Return a value that ``Scope.value`` returned, as it is in this step."""
    return value() if callable(value) else value


class Match(NamedTuple):
    """A rule, and where its input and its constants come from.

    ``gain``, ``rest``, ``cur`` and ``tau`` are values of a Scope; the others follow from ``tau``.
    """

    rule: Rule
    cur: Any
    gain: Any
    rest: Any
    tau: Any
    rate: Any

    def constants(self, dt: float) -> tuple[Any, ...]:
        """Return the values of NAMES."""
        gain, rest, tau, rate = map(now, (self.gain, self.rest, self.tau, self.rate))
        if not isinstance(tau, np.ndarray):
            return gain, rest, rate, float(np.exp(-rate)), dt, tau
        # As Brian2's NumPy target computes it, whose last bit may depend on the processor.
        keep = np.exp(-dt / tau) if "keep" in self.reads else 0.0
        return gain, rest, 0.0, keep, dt, tau

    @property
    def reads(self) -> set[str]:
        """The names of the constants that the charge and the drive read."""
        parts = (self.rule.drive, self.rule.charge)
        return {name for part in parts for name in part.__code__.co_names}  # type: ignore[union-attr]


def membrane_of(group: Any) -> tuple[str, Any]:
    """Return the name of the membrane and the right-hand side of its equation."""
    equations, _ = extract_constant_subexpressions(group.user_equations)
    if equations.is_stochastic:
        raise ValueError(
            f"the equations are stochastic ({', '.join(equations.stochastic_variables)})"
        )
    names = equations.diff_eq_names
    if len(names) != 1:
        raise ValueError(
            f"the group must have one differential equation, got {len(names)}: "
            f"{', '.join(sorted(names))}"
        )
    (name,) = names
    return name, dict(equations.get_substituted_expressions())[name].code


def affine(name: str, code: str) -> tuple[Any, Any]:
    """Return tau and the target of ``dv/dt = (target - v)/tau``, as sympy expressions."""
    expression = str_to_sympy(code)
    u = next((s for s in expression.free_symbols if s.name == name), None)
    slope = sympy.diff(expression, u) if u is not None else sympy.Integer(0)
    if slope == 0 or u in slope.free_symbols:
        raise ValueError(f"d{name}/dt = {code} does not have the form {FORM.format(name)}")
    tau = sympy.simplify(-1 / slope)
    return tau, sympy.expand(sympy.simplify(expression * tau + u))


def threshold_of(name: str, condition: Any) -> tuple[str, bool]:
    """Return the expression of the threshold, and whether the neuron fires at it."""
    if isinstance(condition, str):
        test = ast.parse(condition.strip(), mode="eval").body
        if isinstance(test, ast.Compare) and len(test.ops) == 1:
            left, right, op = test.left, test.comparators[0], type(test.ops[0])
            if op in (ast.Lt, ast.LtE):
                left, right, op = right, left, {ast.Lt: ast.Gt, ast.LtE: ast.GtE}[op]
            value = ast.unparse(right)
            if (
                op in (ast.Gt, ast.GtE)
                and ast.unparse(left) == name
                and name not in get_identifiers(value)
            ):
                return value, op is ast.GtE
    raise ValueError(f"threshold must be '{name} > value', got {condition!r}")


def matching(group: Any, namespace: Any, dt: float, strict: bool) -> Match:
    """Return the rule that computes Brian2's update: to the bit, or else to rounding errors.

    The rules and the roles of the parameters that fit the equation are tried on random numbers.
    """
    name, code = membrane_of(group)
    tau, target = affine(name, code)
    updater = group.state_updater
    updater.update_abstract_code(run_namespace=namespace)
    scope = Scope(group, get_identifiers(code) - {name} | {"dt"}, namespace)
    samples, expected = _brian2(group, scope, name, target, namespace)
    best, least = None, np.inf
    for match in _candidates(scope, tau, target, dt):
        found = _charged(_trial(scope, match, samples), samples[name], dt)
        error = float(np.max(np.abs(found - expected)))
        if error < least:
            best, least = match, error
    accepted = 0.0 if strict else _ROUNDING * float(np.max(np.abs(expected)))
    if best is not None and least <= accepted:
        return best
    statements = updater.abstract_code.strip().replace("\n", "; ")
    reason = f"d{name}/dt = {code} with method={group.method_choice!r} becomes {statements!r}"
    if best is not None and least <= _ROUNDING * float(np.max(np.abs(expected))):
        raise ValueError(
            f"{reason} in Brian2, an order of operations that fastlif does not have, so that the "
            f"last bits would differ; write {FORM.format(name)}, or pass strict=False"
        )
    raise ValueError(
        f"{reason} in Brian2; fastlif accepts {FORM.format(name)} with method='exact' or 'euler'"
    )


def _candidates(scope: Scope, tau: Any, target: Any, dt: float) -> Iterator[Match]:
    time = scope.value(sympy_to_str(tau))
    roles = list(_roles(scope, target))
    rates: list[Any] = [0.0]
    if not isinstance(time, np.ndarray):
        # Of which Brian2 computes one: tau may be an expression with numbers.
        direct = (lambda: dt / now(time)) if callable(time) else dt / time
        dt_symbol = sympy.Symbol("dt", real=True)
        rates = [direct, scope.value(sympy_to_str(dt_symbol / tau))]
    for rule in _RULES:
        for rate in rates:
            for cur, gain, rest in roles:
                yield Match(rule, cur, gain, rest, time, rate)


def _roles(scope: Scope, target: Any) -> Iterator[tuple[Any, Any, Any]]:
    """Yield input, gain and rest, of which a target is composed."""
    shared, each = sympy.Integer(0), []
    terms = sympy.Add.make_args(target)
    for term in terms:
        arrays = [s for s in term.free_symbols if s.name in scope.arrays]
        if not arrays:
            shared += term
            continue
        factor = term / sympy.Mul(*arrays)
        if (
            len(arrays) > 2
            or factor.free_symbols & set(arrays)
            or (len(arrays) == 2 and factor != 1)
        ):
            raise ValueError(f"{term} must be a product of at most two parameters")
        each.append((*sorted(arrays, key=lambda s: s.name), factor)[:2])

    def expression(e: Any) -> Any:
        return scope.value(sympy_to_str(e))

    if not each:
        if len(terms) == 2:
            yield expression(terms[0]), 1.0, expression(terms[1])
        yield expression(shared), 1.0, 0.0
        yield 0.0, 1.0, expression(shared)
    elif len(each) == 1:
        ((cur, gain),) = each
        yield expression(cur), expression(gain), expression(shared)
    elif len(each) == 2 and shared == 0:
        for (cur, gain), (rest, factor) in (each, each[::-1]):
            if factor == 1:
                yield expression(cur), expression(gain), expression(rest)


def _trial(scope: Scope, match: Match, samples: dict[str, Any]) -> Match:
    """Return the match with samples instead of the arrays of the group."""
    by_array = {id(array): samples[name] for name, array in scope.arrays.items()}
    return Match(match.rule, *(by_array.get(id(value), value) for value in match[1:]))


def _charged(match: Match, u: Any, dt: float) -> Any:
    """Return the membrane after one step, computed with NumPy."""
    c = _Constants(*match.constants(dt))
    assert match.rule.charge is not None
    return match.rule.charge(u, match.rule.drive(now(match.cur), c), c)


def _brian2(
    group: Any, scope: Scope, name: str, target: Any, namespace: Any
) -> tuple[dict[str, Any], Any]:
    """Return random values of the group's arrays, and the membranes that Brian2 computes."""
    rng = np.random.default_rng(0)
    # Without the end of refractory periods, which is the first statement of some groups.
    lines = group.state_updater.abstract_code.strip().splitlines()
    lines = [line for line in lines if not line.startswith("not_refractory =")]
    code, assigned = "\n".join(lines), {line.split("=")[0].strip() for line in lines}
    names = get_identifiers(code) - (assigned - {name})
    variables = group.resolve_all(names, namespace, user_identifiers=set())
    samples = {
        key: _typical(array) * rng.uniform(0.3, 3, _SAMPLES) for key, array in scope.arrays.items()
    }
    values: dict[str, Any] = {
        **scope.constants,
        **{key: array.item() for key, array in scope.live.items()},
        **samples,
        "not_refractory": np.ones(_SAMPLES, bool),
        "exp": np.exp,
        "_numpy": np,
        "int": lambda flags: flags.astype(np.int64),
    }
    size = _typical(np.asarray(eval(sympy_to_str(target), {}, values), np.float64))
    values[name] = samples[name] = size * rng.uniform(-1, 1, _SAMPLES)
    generator = NumpyCodeGenerator(
        variables,
        group.variables.indices,
        group,
        {"_idx"},
        NumpyCodeObject,
        "",
        "stateupdate",
    )
    for statements in make_statements(code, variables, np.float64):
        for statement in statements:
            exec(generator.translate_statement(statement), values)
    return samples, values[name]


def changes(group: Any, match: Match) -> bool:
    """Whether what ``Match.constants`` returns may change during a run."""
    derived = [match.gain, match.rest, match.tau, match.rate]
    if any(map(callable, derived)):
        return True
    if "keep" not in match.reads or not isinstance(match.tau, np.ndarray):
        return False
    variables = group.variables.values()
    return not any(
        isinstance(v, ArrayVariable) and v.constant and v.get_value() is match.tau
        for v in variables
    )


def _typical(array: Any) -> float:
    """Return the typical magnitude of the values in an array."""
    sizes = np.abs(array[np.isfinite(array) & (array != 0)])
    return float(np.mean(sizes)) if sizes.size else 1.0
