"""Training PyTorch layers: the gradients of snnTorch, and the rules of PyTorch's autograd."""

import copy
import gc
import pickle

import pytest

torch = pytest.importorskip("torch")
snn = pytest.importorskip("snntorch")

from snntorch import surrogate as theirs  # noqa: E402 - requires torch

from fastlif.interop.torch import Lapicque, Leaky, from_snntorch, ops, surrogate  # noqa: E402
from fastlif.kernels.adjoint import resets_later  # noqa: E402

RESETS = ("subtract", "zero", "none")
NEURONS = {
    **{
        f"leaky-{reset}-{delay}": lambda reset=reset, delay=delay, **options: snn.Leaky(
            0.9, threshold=0.6, reset_mechanism=reset, reset_delay=delay, **options
        )
        for reset in RESETS
        for delay in (True, False)
    },
    **{
        f"lapicque-{reset}": lambda reset=reset, **options: snn.Lapicque(
            R=5.1, C=5e-3, time_step=1e-3, threshold=0.4, reset_mechanism=reset, **options
        )
        for reset in RESETS
    },
}
LAYERS = {
    "leaky": lambda **options: Leaky(0.9, learn_beta=True, learn_threshold=True, **options),
    "each": lambda **options: Leaky(torch.full((5,), 0.9), reset_delay=False, **options),
    "lapicque": lambda **options: Lapicque(0.9, reset_mechanism="zero", **options),
}


def drawn(*shape, seed=0):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed)) - 0.1


def looped(layer, cur, mem):
    """Return the spikes and the membranes of a loop over time."""
    spikes, membranes = [], []
    for now in cur:
        spk, mem = layer(now, mem)
        spikes.append(spk)
        membranes.append(mem)
    return torch.stack(spikes), torch.stack(membranes)


def run(layer, cur, mem):
    return layer.run(cur, mem)


def gradients(function, layer, cur, mem, weights, arriving):
    """Return the gradients at the current, the membrane and the parameters of a weighted sum."""
    cur, mem = (value.detach().clone().requires_grad_() for value in (cur, mem))
    chosen = {"spikes": slice(0, 1), "membrane": slice(1, 2), "both": slice(0, 2)}[arriving]
    terms = [*zip(function(layer, cur, mem), weights, strict=True)][chosen]
    loss = sum((value * weight).sum() for value, weight in terms)
    return torch.autograd.grad(loss, [cur, mem, *layer.parameters()], allow_unused=True)


def of_input(function, *inputs):
    """Return the gradients of a function that returns spikes and membranes, at its inputs."""
    inputs = [value.detach().clone().requires_grad_() for value in inputs]
    spk, mem = function(*inputs)
    return torch.autograd.grad((2 * spk).sum() + (mem * mem).sum(), inputs)


class Scaled(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, scale):
        ctx.scale = scale
        return (x > 0).to(x.dtype)

    @staticmethod
    def backward(ctx, gradient):
        return gradient * ctx.scale, None


class Custom:
    """A surrogate gradient that no other package knows: it is constant."""

    def __init__(self, scale):
        self.scale = scale

    def __call__(self, x):
        return Scaled.apply(x, self.scale)


class CustomModule(torch.nn.Module):
    def __init__(self, scale, learned=False):
        super().__init__()
        self.scale = torch.nn.Parameter(torch.tensor(scale), requires_grad=learned)

    def forward(self, x):
        return Scaled.apply(x, self.scale)


def scale_of(layer):
    """Return the constant gradient of a layer with a custom surrogate."""
    cur = torch.ones(1, 1, requires_grad=True)
    layer.run(cur)[0].sum().backward()
    return cur.grad.item()


# --- the gradients of snnTorch --------------------------------------------------------------------


@pytest.mark.parametrize("arriving", ["spikes", "membrane", "both"])
@pytest.mark.parametrize("name", NEURONS)
def test_bits_of_snntorch(name, arriving):
    module = NEURONS[name](learn_threshold=True)
    layer = from_snntorch(module)
    cur, mem = drawn(15, 2, 7), drawn(2, 7, seed=1)
    weights = torch.randn(2, 15, 2, 7, generator=torch.Generator().manual_seed(2))
    expected = gradients(looped, module, cur, mem, weights, arriving)
    assert expected[0].any()
    for function in (run, looped):
        found = gradients(function, layer, cur, mem, weights, arriving)
        # Between the steps of this neuron, autograd adds gradients in another order.
        if name == "lapicque-zero" and function is looped:
            torch.testing.assert_close(found[:2], expected[:2], rtol=1e-5, atol=1e-6)
        else:
            assert all(map(torch.equal, found[:2], expected[:2]))
        if expected[2] is None:
            assert not found[2].any()
        else:
            torch.testing.assert_close(found[2], expected[2], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("threshold", [0.5, 0.0, -0.3])
@pytest.mark.parametrize("beta", [0.0, 1.0, 1.5, -0.5, [0.2, 1.2, -0.1, 0.0, 1.0, 0.5, 0.9]])
def test_learned_parameters(beta, threshold):
    """Also those at the bounds between which snnTorch clips beta, and outside."""
    module = snn.Leaky(
        torch.tensor(beta), threshold=threshold, learn_beta=True, learn_threshold=True
    )
    cur, mem = drawn(15, 2, 7), drawn(2, 7, seed=1)
    weights = torch.randn(2, 15, 2, 7, generator=torch.Generator().manual_seed(2))
    expected = gradients(looped, module, cur, mem, weights, "both")
    found = gradients(run, from_snntorch(module), cur, mem, weights, "both")
    assert all(map(torch.equal, found[:2], expected[:2]))
    torch.testing.assert_close(found[2:], expected[2:], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("shape", [(), (0, 3), (1,), (2, 1, 3)])
def test_any_shape(shape):
    module = snn.Leaky(0.9, threshold=0.5, learn_beta=True, learn_threshold=True)
    cur, mem = drawn(20, *shape), drawn(*shape, 1).squeeze(-1)
    weights = torch.ones(2, 20, *shape)
    expected = gradients(looped, module, cur, mem, weights, "both")
    for function in (run, looped):
        found = gradients(function, from_snntorch(module), cur, mem, weights, "both")
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("name", "options"),
    [("fast_sigmoid", {"slope": 7}), ("triangular", {}), ("SFS", {"B": -0.2}), ("heaviside", {})],
)
def test_surrogates_of_both_packages(name, options):
    cur = drawn(9, 2, 5)
    make = getattr(theirs, name)
    module = snn.Leaky(0.8, spike_grad=make(**options))
    ours = Leaky(0.8, spike_grad=getattr(surrogate, name)(**options))
    expected = of_input(lambda cur: looped(module, cur, torch.zeros(2, 5)), cur)
    for layer in (from_snntorch(module), ours):
        assert layer._surrogate[0] == name
        assert torch.equal(of_input(layer.run, cur)[0], expected[0])
    with_ours = snn.Leaky(0.8, spike_grad=ours.spike_grad)
    found = of_input(lambda cur: looped(with_ours, cur, torch.zeros(2, 5)), cur)
    torch.testing.assert_close(found, expected)


def test_a_custom_surrogate_has_the_bits_of_snntorch():
    custom = theirs.custom_surrogate(lambda x, gradient, spikes: gradient * torch.exp(-x.abs()))
    module = snn.Leaky(0.8, spike_grad=custom)
    expected = of_input(lambda cur: looped(module, cur, torch.zeros(2, 5)), drawn(9, 2, 5))
    assert torch.equal(of_input(from_snntorch(module).run, drawn(9, 2, 5))[0], expected[0])


# --- time -----------------------------------------------------------------------------------------


def test_steps_and_runs_in_one_graph():
    def parts(layer, cur):
        spk, mem = layer.run(cur[:3])
        stepped, mem = looped(layer, cur[3:6], mem[-1])
        return torch.cat([spk, stepped, layer.run(cur[6:], mem[-1])[0]])

    cur, layer = drawn(9, 4).requires_grad_(), Leaky(0.9)
    (found,) = torch.autograd.grad(parts(layer, cur).square().sum(), cur)
    (expected,) = torch.autograd.grad(layer.run(cur)[0].square().sum(), cur)
    assert torch.equal(found, expected)


def test_truncated_backpropagation():
    cur, layer = drawn(6, 4).requires_grad_(), Leaky(0.9)
    _, mem = layer.run(cur[:3])
    layer.run(cur[3:], mem[-1].detach())[0].sum().backward()
    assert not cur.grad[:3].any()
    assert cur.grad[3:].all()


@pytest.mark.parametrize("make", LAYERS.values(), ids=LAYERS)
@pytest.mark.parametrize("form", ["steps", "expand", "unsqueeze", "of a result"])
def test_a_constant_current_is_never_materialised(make, form):
    layer, cur = make(), drawn(3, 5).requires_grad_()
    saved = []

    def pack(value):
        saved.append(tuple(value.shape))
        return value

    x = cur * 1 if form == "of a result" else cur
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda value: value):
        if form == "steps":
            _, mem = layer.run(x, steps=6)
        else:
            over_time = x[None].expand(6, -1, -1) if form == "unsqueeze" else x.expand(6, -1, -1)
            _, mem = layer.run(over_time)
    assert saved.count((6, 3, 5)) == 1  # the membranes
    assert saved.count((3, 5)) == (not resets_later(ops.RULES[layer._rule][0]))
    mem.square().sum().backward()
    whole = cur.detach().expand(6, -1, -1).clone().requires_grad_()
    layer.run(whole)[1].square().sum().backward()
    torch.testing.assert_close(cur.grad, whole.grad.sum(0))


@pytest.mark.parametrize("seen", ["retain_grad", "register_hook"])
def test_the_gradient_at_an_expanded_tensor_on_request(seen):
    cur = drawn(3).requires_grad_()
    over_time = cur.expand(4, 3)
    hooked = []
    over_time.retain_grad() if seen == "retain_grad" else over_time.register_hook(hooked.append)
    Leaky(0.9).run(over_time)[1].sum().backward()
    whole = over_time.grad if seen == "retain_grad" else hooked[0]
    assert whole.shape == (4, 3)
    torch.testing.assert_close(cur.grad, whole.sum(0))


def test_an_expanded_tensor_that_was_cut_off():
    """The gradient ends where it does for any other operation of PyTorch."""
    layer, x = Leaky(0.9), drawn(3).requires_grad_()
    for base in (x, x * 1):
        with torch.no_grad():
            cur = base.expand(4, 3)
        layer.run(cur)[1].sum().backward()
        other = base.detach().expand(4, 3)
        assert not layer.run(other)[1].requires_grad
        for leaf in (other.requires_grad_(), drawn(3).expand(4, 3).requires_grad_()):
            (found,) = torch.autograd.grad(layer.run(leaf)[1].sum(), leaf)
            assert found.shape == (4, 3)
            assert found.all()
        assert x.grad is None


# --- autograd -------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", LAYERS.values(), ids=LAYERS)
@pytest.mark.parametrize("name", ["step", "run"])
def test_operators_keep_the_rules_of_pytorch(name, make):
    layer = make()
    options, shape = ((), (4, 5)) if name == "step" else ((None, None), (3, 4, 5))
    cur, mem = drawn(*shape).requires_grad_(), drawn(4, 5).requires_grad_()
    arguments = cur, mem, layer._tensors(), layer._rule
    torch.library.opcheck(getattr(ops, name), (*arguments, *layer._surrogate, *options))


@pytest.mark.parametrize("make", LAYERS.values(), ids=LAYERS)
@pytest.mark.parametrize("learns", [False, True])
@pytest.mark.parametrize("name", ["step", "run"])
def test_backward_operators_keep_the_rules_of_pytorch(name, make, learns):
    layer, cur = make(), drawn(3, 4, 5)
    parameters = [value.detach() for value in layer._tensors()]
    each = cur if name == "run" else cur[0]
    reads = None if resets_later(ops.RULES[layer._rule][0]) else each
    options = (False, learns, None) if name == "run" else (learns,)
    arguments = each, None, each, cur[1], reads, parameters, layer._rule, *layer._surrogate
    operator = getattr(torch.ops.fastlif, f"{name}_backward").default
    torch.library.opcheck(operator, (*arguments, *options))


@pytest.mark.parametrize("make", LAYERS.values(), ids=LAYERS)
def test_nothing_is_saved_without_gradients(make):
    layer, cur = make(), drawn(4, 3, 5).requires_grad_()

    def fail(value):
        raise AssertionError("saved")

    with torch.no_grad(), torch.autograd.graph.saved_tensors_hooks(fail, fail):
        assert not layer.run(cur)[1].requires_grad
        assert not layer(cur[0])[1].requires_grad
        assert not make(over_time=True)(cur).requires_grad


def test_what_was_changed_in_place_is_an_error():
    layer, cur = Leaky(0.9, learn_beta=True), drawn(4, 3).requires_grad_()
    spk, mem = layer.run(cur)
    mem.mul_(2)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        spk.sum().backward()
    spk, mem = layer.run(cur)
    with torch.no_grad():
        layer.beta.mul_(0.5)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        spk.sum().backward()


def test_a_graph_is_used_once_unless_it_is_retained():
    cur = drawn(4, 3).requires_grad_()
    loss = Leaky(0.9).run(cur)[0].sum()
    loss.backward(retain_graph=True)
    once = cur.grad.clone()
    loss.backward()
    assert torch.equal(cur.grad, 2 * once)
    with pytest.raises(RuntimeError, match="second time"):
        loss.backward()


@pytest.mark.parametrize("steps", [False, True])
def test_no_second_derivatives(steps):
    layer, cur = Leaky(0.9), drawn(4, 3).requires_grad_()
    mem = layer(cur[0])[1] if steps else layer.run(cur)[1]
    (found,) = torch.autograd.grad(mem.square().sum(), cur, create_graph=True)
    with pytest.raises(RuntimeError, match="no second derivatives"):
        found.sum().backward()


@pytest.mark.filterwarnings("ignore:.*torch.jit.script:DeprecationWarning")  # by PyTorch itself
@pytest.mark.parametrize("make", LAYERS.values(), ids=LAYERS)
def test_vmap(make):
    layer, cur = make(), drawn(6, 3, 4, 5)
    mapped = torch.vmap(layer.run, in_dims=1, out_dims=1)
    assert torch.equal(of_input(mapped, cur)[0], of_input(layer.run, cur)[0])
    step = torch.vmap(layer)
    assert torch.equal(of_input(step, cur[0], cur[1])[1], of_input(layer, cur[0], cur[1])[1])
    # Several gradients at once, also at the parameters
    at = [cur.requires_grad_(), *layer.parameters()]
    mem = layer.run(cur)[1]
    many = torch.randn(2, *mem.shape, generator=torch.Generator().manual_seed(1))
    one = lambda each: torch.autograd.grad(mem, at, each, retain_graph=True)  # noqa: E731
    for found, *expected in zip(torch.vmap(one)(many), *map(one, many), strict=True):
        torch.testing.assert_close(found, torch.stack(expected), rtol=1e-4, atol=1e-4)


@pytest.mark.filterwarnings("ignore:.*torch.jit.script:DeprecationWarning")
def test_vmap_over_time():
    """The tensors that vmap passes do not tell that they require gradients."""
    layer = Leaky(0.9, over_time=True)
    cur, same = drawn(6, 3, 5).requires_grad_(), drawn(6, 3, 5).requires_grad_()
    torch.vmap(layer, in_dims=1, out_dims=1)(cur).sum().backward()
    layer(same).sum().backward()
    assert torch.equal(cur.grad, same.grad)
    constant = torch.vmap(lambda cur: layer.run(cur.expand(6, 5))[1])(cur[0])
    assert torch.equal(constant, layer.run(cur[0], steps=6)[1].movedim(1, 0))


@pytest.mark.parametrize("function", [None, Custom(2.0)], ids=["atan", "custom"])
def test_autocast(function):
    linear, layer = torch.nn.Linear(5, 5), Leaky(0.9, learn_beta=True, spike_grad=function)
    with torch.autocast("cpu", torch.bfloat16):
        spk, mem = layer.run(linear(drawn(6, 4, 5)))
        assert mem.dtype == torch.float32
        (spk.sum() + mem.sum()).backward()
    assert linear.weight.grad.any()
    assert linear.weight.grad.dtype == layer.beta.grad.dtype == torch.float32


@pytest.mark.parametrize("make", LAYERS.values(), ids=LAYERS)
def test_compiled_without_a_break(make):
    torch._dynamo.reset()
    compiled = lambda function: torch.compile(function, fullgraph=True, backend="aot_eager")  # noqa: E731
    layer, cur = make(), drawn(6, 4, 5)
    expected = of_input(layer.run, cur)[0]
    at_parameters = [*layer.parameters()]
    assert torch.equal(of_input(compiled(layer.run), cur)[0], expected)
    over_time = make(over_time=True, output=True)
    assert torch.equal(of_input(compiled(over_time), cur)[0], expected)
    found = of_input(compiled(layer), cur[0], cur[1])
    assert all(map(torch.equal, found, of_input(layer, cur[0], cur[1])))
    layer.reset_mem()  # the compiler warns of a membrane that has a graph
    constant = lambda cur: layer.run(cur, steps=5)  # noqa: E731
    assert torch.equal(of_input(compiled(constant), cur[0])[0], of_input(constant, cur[0])[0])
    for value in at_parameters:
        sums = [
            torch.autograd.grad(function(cur)[1].sum(), value)[0]
            for function in (layer.run, compiled(layer.run))
        ]
        assert torch.equal(*sums)


def test_compiled_with_a_custom_surrogate():
    torch._dynamo.reset()
    layer, cur = Leaky(0.9, spike_grad=Custom(2.0)), drawn(6, 4, 5)
    run = torch.compile(layer.run, fullgraph=True, backend="aot_eager")
    assert torch.equal(of_input(run, cur)[0], of_input(layer.run, cur)[0])


def test_compiled_layers_of_several_sizes():
    """The compiler then takes sizes for unknown, also when the shape of beta is checked."""
    torch._dynamo.reset()
    for size in (4, 6, 5):
        layer = Leaky(torch.full((size,), 0.9))
        step = torch.compile(layer, fullgraph=True, backend="aot_eager")
        assert torch.equal(step(drawn(3, size), drawn(3, size))[1], layer(*[drawn(3, size)] * 2)[1])


# --- surrogates -----------------------------------------------------------------------------------


def test_an_infinite_threshold_passes_on_no_gradient_of_a_reset():
    layer = Leaky(0.5, threshold=float("inf"), reset_delay=False)
    assert torch.equal(of_input(layer.run, torch.ones(2, 1))[0], torch.tensor([[3.5], [3.0]]))


def test_a_graph_outlives_its_layer_and_its_surrogate():
    layer, cur = Leaky(0.9, spike_grad=Custom(3.0)), torch.ones(1, 1, requires_grad=True)
    first = layer.run(cur)[0].sum()
    layer.spike_grad = Custom(5.0)
    second = layer(cur[0])[0].sum()
    del layer
    gc.collect()
    for loss, scale in ((first, 3.0), (second, 5.0)):
        cur.grad = None
        loss.backward()
        assert cur.grad.item() == scale


@pytest.mark.parametrize("make", [Custom, CustomModule])
@pytest.mark.parametrize("copied", [copy.deepcopy, lambda layer: pickle.loads(pickle.dumps(layer))])
def test_copies_have_surrogates_of_their_own(make, copied):
    layer = Leaky(0.9, spike_grad=make(3.0))
    twin = copied(layer)
    if make is Custom:
        twin.spike_grad.scale = 5.0
    else:
        twin.spike_grad.scale.fill_(5.0)
    assert scale_of(layer) == 3
    del layer
    gc.collect()
    assert scale_of(twin) == 5


def test_copies_of_known_surrogates():
    layer = Leaky(0.9, spike_grad=surrogate.fast_sigmoid(10))
    twin = pickle.loads(pickle.dumps(layer))
    assert twin.spike_grad == layer.spike_grad
    assert torch.equal(of_input(twin.run, drawn(4, 3))[0], of_input(layer.run, drawn(4, 3))[0])


def test_a_layer_can_be_copied_after_a_step():
    layer = Leaky(0.9, learn_beta=True)
    layer(drawn(3))
    twin = copy.deepcopy(layer)
    assert torch.equal(twin.mem, layer.mem)
    assert layer.mem.requires_grad
    assert not twin.mem.requires_grad


def test_the_surrogate_can_be_changed():
    layer = Leaky(0.9, spike_grad=Custom(3.0))
    assert scale_of(layer) == 3
    layer.surrogate_disable = True
    assert scale_of(layer) == 0
    layer.spike_grad = CustomModule(4.0)
    assert scale_of(layer) == 0
    layer.surrogate_disable = False
    assert scale_of(layer) == 4
    layer.spike_grad = surrogate.straight_through_estimator()
    assert scale_of(layer) == 1
    layer.spike_grad = None
    assert scale_of(layer) == scale_of(Leaky(0.9))
    assert not [*layer.children()]


@pytest.mark.parametrize(
    ("value", "error", "message"),
    [
        (torch.sigmoid, ValueError, "spike_grad must return 1 where"),
        ("atan", TypeError, "spike_grad must be a function of a tensor, got 'atan'"),
        (5, TypeError, "spike_grad must be a function of a tensor, got 5"),
        (
            type("Slots", (), {"__slots__": (), "__call__": lambda self, x: (x > 0).float()})(),
            TypeError,
            "spike_grad must be an object that can have weak references",
        ),
    ],
)
def test_surrogates_that_are_refused(value, error, message):
    layer = Leaky(0.9)
    with pytest.raises(error, match=message):
        layer.spike_grad = value
    with pytest.raises(error, match=message):
        Leaky(0.9, spike_grad=value)
    with pytest.raises(TypeError, match="surrogate_disable must be"):
        layer.surrogate_disable = "no"
    assert layer.spike_grad is None
    assert layer.surrogate_disable is False


def test_gradients_that_custom_surrogates_do_not_have():
    cur = drawn(4, 3).requires_grad_()
    with pytest.raises(RuntimeError, match="reset_delay=False requires a spike_grad of"):
        Leaky(0.9, spike_grad=Custom(1.0), reset_delay=False).run(cur)
    learned = Leaky(0.9, spike_grad=CustomModule(1.0, learned=True))
    with pytest.raises(RuntimeError, match="spike_grad has parameters that require gradients"):
        learned.run(cur)
    with torch.no_grad():
        learned.run(cur)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_surrogates_called_with_tensors(dtype):
    x = torch.tensor([-0.5, 0.25], dtype=dtype, requires_grad=True)
    spikes = surrogate.fast_sigmoid(4)(x)
    assert torch.equal(spikes, torch.tensor([0.0, 1.0], dtype=dtype))
    (found,) = torch.autograd.grad(spikes.square().sum() + spikes.sum(), x, create_graph=True)
    torch.testing.assert_close(found, torch.tensor([1 / 9, 3 / 4], dtype=dtype))
    with pytest.raises(RuntimeError, match="once_differentiable"):
        found.sum().backward()
