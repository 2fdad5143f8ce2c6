"""PyTorch layers within networks: compilers, workers, threads, conversion, and what is refused."""

import copy
import gc
import threading

import pytest

torch = pytest.importorskip("torch")
snn = pytest.importorskip("snntorch")

from snntorch import utils  # noqa: E402 - requires torch

from fastlif.interop.torch import Lapicque, Leaky, convert, from_snntorch, ops  # noqa: E402

LAYERS = {
    "leaky": lambda **options: Leaky(0.9, **options),
    "each": lambda **options: Leaky(torch.full((5,), 0.9), reset_delay=False, **options),
    "lapicque": lambda **options: Lapicque(0.9, **options),
}
OPERATORS = ("step", "run", "spikes")


def drawn(*shape):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(0)) - 0.2


def looped(layer, cur):
    mem = layer.reset_mem()
    spikes = []
    for now in cur:
        spk, mem = layer(now, mem)
        spikes.append(spk)
    return torch.stack(spikes), mem


def rounded(network):
    """Round all weights, so that matrix products are exact: their bits depend on the shapes."""
    with torch.no_grad():
        for value in network.parameters():
            value.mul_(64).round_().div_(64)
    return network


# --- modes ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode, torch.enable_grad])
def test_modes(mode):
    cur = drawn(9, 4, 5)
    layer = Leaky(0.9)
    with mode():
        spk, mem = layer.run(cur)
        spikes, last = looped(layer, cur)
    assert torch.equal(spikes, spk)
    assert torch.equal(last, mem[-1])
    assert spk.is_inference() == (mode is torch.inference_mode)
    assert not mem.requires_grad
    looped(layer, cur)  # what a call has left behind does not hinder one in another mode


@pytest.mark.parametrize("make", LAYERS.values(), ids=LAYERS)
def test_compiled_without_a_break(make):
    torch._dynamo.reset()
    cur = drawn(9, 4, 5)
    layer = make()
    compiled = lambda function: torch.compile(function, fullgraph=True, backend="aot_eager")  # noqa: E731
    with torch.no_grad():
        spk, mem = layer.run(cur)
        spikes, last = compiled(lambda cur: looped(layer, cur))(cur)
        assert torch.equal(spikes, spk)
        assert torch.equal(last, mem[-1])
        assert torch.equal(layer.mem, mem[-1])
        assert all(map(torch.equal, compiled(layer.run)(cur), (spk, mem)))
        step = compiled(layer)
        layer.reset_mem()
        assert all(torch.equal(step(now)[0], expected) for now, expected in zip(cur, spk))  # noqa: B905
    with torch.inference_mode():
        network = torch.nn.Sequential(torch.nn.Linear(5, 5), make(over_time=True))
        assert torch.equal(compiled(network)(cur), network(cur))


def test_a_compiled_layer_notices_changed_parameters():
    torch._dynamo.reset()
    layer, cur = Leaky(0.9), drawn(9, 4, 5)
    run = torch.compile(layer.run, fullgraph=True, backend="aot_eager")
    with torch.no_grad():
        for beta in (0.9, 0.5, 0.1):
            layer.beta.data.fill_(beta)
            assert torch.equal(run(cur)[1], Leaky(beta).run(cur)[1])


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("given", [False, True])
@pytest.mark.parametrize("make", LAYERS.values(), ids=LAYERS)
@pytest.mark.parametrize("name", OPERATORS)
def test_operators_keep_the_rules_of_pytorch(name, make, given, dtype):
    layer = make()
    cur, mem = drawn(3, 4, 5).to(dtype), drawn(4, 5).to(dtype) if given else None
    arguments = (cur[0] if name == "step" else cur, mem, layer._tensors(), layer._rule)
    if name != "spikes":
        arguments += layer._surrogate
    if name != "step":
        arguments += (2 if given else None, 1 if given else None)
    torch.library.opcheck(getattr(ops, name), arguments)


def test_exported():
    layer, cur = Leaky(0.9, over_time=True), drawn(9, 4, 5)
    with torch.no_grad():
        expected = layer(2 * cur)
        exported = torch.export.export(layer, (cur,)).module()
        assert torch.equal(exported(2 * cur), expected)
        assert not torch.equal(exported(cur), expected)


class Halved(torch.nn.Module):
    def forward(self, value):
        return value / 2


def test_parameters_that_are_computed_or_passed():
    layer, cur = Leaky(0.5, over_time=True), drawn(9, 4, 5)
    with torch.no_grad():
        expected = layer(cur)
        other = Leaky(0.9, over_time=True)
        passed = torch.func.functional_call(other, {"beta": torch.tensor(0.5)}, (cur,))
        assert torch.equal(passed, expected)
        other.beta.fill_(1.0)
        torch.nn.utils.parametrize.register_parametrization(other, "beta", Halved())
        assert torch.equal(other(cur), expected)


def test_mixed_precision():
    """Neurons are integrated in float32 under autocast, and bfloat16 is refused without it."""
    linear, layer = torch.nn.Linear(5, 5), Leaky(0.9, over_time=True)
    cur = drawn(9, 4, 5)
    with torch.inference_mode():
        with torch.autocast("cpu", torch.bfloat16):
            narrow = linear(cur)
            spikes = layer(narrow)
            step, _ = Leaky(0.9)(narrow[0])
        assert narrow.dtype == torch.bfloat16
        assert torch.equal(spikes, layer(narrow.float()))
        assert torch.equal(step, spikes[0])
        with pytest.raises(TypeError, match=r"^cur must be float32 or float64, got .* bfloat16"):
            layer(narrow)


# --- processes and threads ------------------------------------------------------------------------


class Encoded(torch.utils.data.Dataset):
    """A data set that computes spikes in the process that loads them."""

    def __init__(self, layer):
        self.layer, self.current = layer, drawn(4, 200, 300)

    def __len__(self):
        return len(self.current)

    def __getitem__(self, k):
        with torch.inference_mode():
            return self.layer.run(self.current[k])


@pytest.mark.parametrize("start", ["fork", "spawn"])
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_workers(start):
    data = Encoded(Leaky(0.9, threads=2))
    with torch.inference_mode():
        expected = [data[k] for k in range(len(data))]
    loader = torch.utils.data.DataLoader(
        data, batch_size=None, num_workers=2, multiprocessing_context=start
    )
    for (spk, mem), own in zip(loader, expected, strict=True):
        assert torch.equal(spk, own[0])
        assert torch.equal(mem, own[1])


def test_threads_share_a_layer():
    layer, failed = Leaky(torch.full((50,), 0.9)), []
    currents = [drawn(20, 50) + k / 10 for k in range(4)]
    with torch.no_grad():
        expected = [layer.run(cur) for cur in currents]

    def work(k):
        with torch.inference_mode():
            for _ in range(20):
                spk, mem = layer.run(currents[k])
                spikes, last = [], torch.zeros(0)
                for now in currents[k]:
                    one, last = layer(now, last)
                    spikes.append(one)
                same = torch.equal(mem, expected[k][1]) and torch.equal(last, expected[k][1][-1])
                if not (same and torch.equal(torch.stack(spikes), expected[k][0])):
                    failed.append(k)

    workers = [threading.Thread(target=work, args=(k,)) for k in range(len(currents))]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert not failed


# --- conversion -----------------------------------------------------------------------------------


class Network(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.inputs = torch.nn.Linear(5, 6)
        self.neurons = torch.nn.ModuleList([snn.Leaky(0.9), snn.Lapicque(0.8)])
        self.block = torch.nn.Sequential(torch.nn.Linear(6, 6), torch.nn.Sequential())
        self.block[1].append(snn.Leaky(torch.full((6,), 0.7), reset_delay=False))
        self.again = self.neurons[0]
        self.by_name = {"last": self.neurons[1]}  # not known to PyTorch

    def forward(self, x):
        neurons = [self.neurons[0], self.block[1][0], self.again, self.by_name["last"]]
        mems = [neuron.reset_mem() for neuron in neurons]
        spikes = []
        for now in x:
            spk = self.inputs(now)
            for k, neuron in enumerate(neurons):
                spk, mems[k] = neuron(spk * 2, mems[k])
            spikes.append(spk)
        return torch.stack(spikes)


def test_a_network_is_copied_with_layers_for_neurons():
    network, x = Network().eval(), drawn(20, 4, 5)
    neuron = network.neurons[0]
    network(x).sum().backward()  # leaves a membrane with a graph, which cannot be copied
    fast = convert(network)
    assert type(network.again) is snn.Leaky
    assert network.neurons[0] is neuron
    assert type(fast) is Network
    assert [type(m).__name__ for m in fast.neurons] == ["Leaky", "Lapicque"]
    assert not any(type(m).__module__.startswith("snntorch") for m in fast.modules())
    assert fast.again is fast.neurons[0]
    assert fast.by_name["last"] is fast.neurons[1]
    assert fast.inputs.weight is not network.inputs.weight
    assert not fast.again.training
    assert {*fast.state_dict()} == {*network.state_dict()}
    with torch.no_grad():
        expected = network(x)
        assert 0 < expected.mean() < 1
        assert torch.equal(fast(x), expected)
        fast.load_state_dict(network.state_dict())
        assert torch.equal(fast(x), expected)


def test_a_neuron_alone_and_what_is_learned():
    module = snn.Leaky(0.9, learn_beta=True, learn_threshold=True).eval()
    module.threshold.requires_grad_(False)
    layer = convert(module)
    assert type(layer) is Leaky
    assert [(k, p.requires_grad) for k, p in layer.named_parameters()] == [
        (k, p.requires_grad) for k, p in module.named_parameters()
    ]
    layer.beta.data.fill_(0.1)
    assert module.beta == torch.tensor(0.9)
    learned = from_snntorch(snn.Lapicque(0.9, learn_beta=True))
    assert learned.beta == torch.tensor(0.9)


@pytest.mark.parametrize("output", [False, True])
def test_hidden_states_become_runs(output):
    network = rounded(
        torch.nn.Sequential(
            torch.nn.Linear(5, 6), snn.Leaky(0.9, init_hidden=True), torch.nn.Dropout(),
            torch.nn.Linear(6, 7), snn.Lapicque(0.9, init_hidden=True, output=output),
        ).eval()
    )  # fmt: skip
    x = (3 * drawn(20, 4, 5) * 64).round() / 64
    fast = convert(network, over_time=True)
    with torch.no_grad():
        for _ in range(2):  # a call does not depend on the last one
            utils.reset(network)
            steps = [network(now) for now in x]
            if output:
                for k, found in enumerate(fast(x)):
                    assert torch.equal(found, torch.stack([step[k] for step in steps]))
            else:
                assert torch.equal(fast(x), torch.stack(steps))


class Own(snn.Leaky):
    pass


def changed(module, **attributes):
    for name, value in attributes.items():
        setattr(module, name, value)
    return module


def hooked():
    module = snn.Leaky(0.9)
    module.register_forward_hook(lambda *_: None)
    return module


REFUSED = {
    "Synaptic": (lambda: snn.Synaptic(0.9, 0.8), TypeError, "got snntorch.*Synaptic"),
    "RLeaky": (lambda: snn.RLeaky(0.9, linear_features=3), TypeError, "got snntorch.*RLeaky"),
    "LeakyParallel": (lambda: snn.LeakyParallel(3, 3), TypeError, "got snntorch.*LeakyParallel"),
    "a subclass": (lambda: Own(0.9), TypeError, "got .*Own"),
    "hidden": (lambda: snn.Leaky(0.9, init_hidden=True), ValueError, "init_hidden=True is not .*"
               "over_time=True"),
    "quant": (lambda: snn.Leaky(0.9, state_quant=torch.relu), ValueError, "state_quant=<.*is not"),
    "graded": (lambda: snn.Leaky(0.9, graded_spikes_factor=2.0), ValueError,
               "graded_spikes_factor=2 is not supported: it must be 1"),
    "graded Lapicque": (lambda: changed(snn.Lapicque(0.9), graded_spikes_factor=torch.tensor(2.0)),
                        ValueError, "graded_spikes_factor is not supported"),
    "surrogate": (lambda: snn.Leaky(0.9, spike_grad=torch.sigmoid), ValueError,
                  "spike_grad must return 1 where its argument is positive"),
    "hook": (hooked, ValueError, "forward hooks, which would be lost"),
    "reset": (lambda: changed(snn.Leaky(0.9), reset_mechanism="zero"), ValueError,
              "reset_mechanism was changed to 'zero'"),
    "R, C and beta": (lambda: snn.Lapicque(0.9, 1, 2), ValueError, "module has no R and C"),
}  # fmt: skip


@pytest.mark.parametrize(("make", "error", "message"), REFUSED.values(), ids=REFUSED)
def test_neurons_that_cannot_be_converted(make, error, message):
    module = make()
    with pytest.raises(error, match=message):
        from_snntorch(module)
    network = torch.nn.Sequential(torch.nn.Sequential(snn.Leaky(0.9), module))
    with pytest.raises(error, match=rf"^0\.1: .*{message}"):
        convert(network)


def test_other_conversions_that_are_refused():
    with pytest.warns(UserWarning, match="Inhibition"):
        module = snn.Leaky(0.9, inhibition=True)
    with pytest.raises(ValueError, match=r"^network: inhibition=True is not supported"):
        convert(module)
    with pytest.raises(ValueError, match="over_time=True requires a neuron with init_hidden=True"):
        from_snntorch(snn.Leaky(0.9), over_time=True)
    with pytest.raises(ValueError, match="network has no neurons of snnTorch, got Linear"):
        convert(torch.nn.Linear(2, 3))
    with pytest.raises(TypeError, match=r"instance of snntorch.Leaky or .* got torch.*Linear"):
        from_snntorch(torch.nn.Linear(2, 3))


def test_a_surrogate_of_ones_own_outlives_its_layer():
    class Constant(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return (x > 0).to(x.dtype)

        @staticmethod
        def backward(ctx, gradient):
            return gradient * 0.5

    cur = drawn(4, 3).requires_grad_()
    spk = Leaky(0.9, spike_grad=Constant.apply).run(cur)[0]
    gc.collect()
    spk.sum().backward()
    assert cur.grad.min() >= 0.5


# --- errors ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["init_hidden", "inhibition", "state_quant"])
@pytest.mark.parametrize("kind", [Leaky, Lapicque])
def test_options_that_are_not_supported(kind, name):
    with pytest.raises(ValueError, match=f"^{name}=True is not supported: it must be False"):
        kind(0.9, **{name: True})


OPTIONS = [
    (lambda: Leaky(0.9, learn_graded_spikes_factor=True), ValueError, "learn_graded_.* is not"),
    (lambda: Leaky(0.9, graded_spikes_factor=2), ValueError, "graded_spikes_factor=2 is not"),
    (lambda: Leaky(0.9, output=True), ValueError, "output=True requires over_time=True"),
    (lambda: Lapicque(0.9, learn_beta=True), ValueError, "learn_beta=True .* does not change R"),
    (lambda: Leaky(0.9, spike_grad=torch.sigmoid), ValueError, "spike_grad must return 1 where"),
    (lambda: Leaky(0.9, spike_grad="atan"), TypeError, "spike_grad must be a function"),
    (lambda: Leaky(0.9, reset_mechanism="zeros"), ValueError, "did you mean 'zero'"),
    (lambda: Leaky(0.9, threads=0), ValueError, "threads must be at least 1, got 0"),
    (lambda: Leaky(0.9, reset_delay=1), TypeError, "reset_delay must be True or False, got 1"),
    (lambda: Leaky("0.9"), TypeError, "beta must be a number or a tensor, got str"),
    (lambda: Leaky(float("nan")), ValueError, "beta must not be NaN"),
    (lambda: Leaky(0.9, threshold=1j), TypeError, "threshold must be float32.*of complex"),
    (lambda: Leaky(torch.tensor(0.9).half()), TypeError, "beta must be float32.* of float16"),
    (lambda: Lapicque(), ValueError, "requires R and C, or .*got none of them"),
    (lambda: Lapicque(R=1), ValueError, "requires R and C, or .*got R"),
    (lambda: Lapicque(0.9, 1, 1), ValueError, "requires R and C, or .*got beta and R and C"),
    (lambda: Lapicque(R=0, C=1), ValueError, "R must be greater than 0"),
    (lambda: Lapicque(1.5), ValueError, "beta must be greater than 0 and less than 1"),
    (lambda: Lapicque(0.9, time_step=0), ValueError, "time_step must be greater than 0"),
]  # fmt: skip


@pytest.mark.parametrize(("make", "error", "message"), OPTIONS)
def test_parameters_that_are_refused(make, error, message):
    with pytest.raises(error, match=message):
        make()


ONE = torch.zeros(3)
INPUTS = [
    (torch.zeros(3, device="meta"), None, TypeError, r"^cur must be on the CPU, got .* on meta"),
    (ONE, torch.zeros(3, device="meta"), TypeError, r"^mem must be on the CPU, got .* on meta"),
    (ONE.half(), None, TypeError, "^cur must be float32 or float64, got .* dtype float16"),
    (ONE.bfloat16(), None, TypeError, "^cur must be float32 or float64, got .* dtype bfloat16"),
    (ONE.long(), None, TypeError, "^cur must be float32 or float64, got .* dtype int64"),
    (ONE.bool(), None, TypeError, "^cur must be float32 or float64, got .* dtype bool"),
    (ONE + 0j, None, TypeError, "^cur must be float32 or float64, got .* dtype complex64"),
    (ONE, ONE.double(), TypeError, "^mem must have the dtype of cur, torch.float32, got .*float64"),
    (ONE, torch.zeros(4), ValueError, r"^mem must have the population's shape \(3,\), got \(4,\)"),
    (ONE, torch.zeros(1), ValueError, r"^mem must have the population's shape \(3,\), got \(1,\)"),
    (ONE.to_sparse(), None, TypeError, "^cur must be a dense tensor, got a sparse_coo tensor"),
    (ONE.numpy(), None, TypeError, "^cur must be a tensor, got ndarray"),
    (None, None, TypeError, "^cur must be a tensor, got NoneType"),
    (0.5, None, TypeError, "^cur must be a tensor, got float"),
    (ONE, 0.0, TypeError, "^mem must be a tensor, got float"),
]


@pytest.mark.parametrize(("cur", "mem", "error", "message"), INPUTS)
@pytest.mark.parametrize("kind", ["step", "run", "over time"])
def test_inputs_that_are_refused(kind, cur, mem, error, message):
    layer = Leaky(0.9, over_time=kind == "over time")
    if kind != "step" and isinstance(cur, torch.Tensor):
        cur = torch.stack([cur, cur])
    with torch.no_grad(), pytest.raises(error, match=message):
        (layer.run if kind == "run" else layer)(cur, mem)


def test_nested_tensors_and_scalars_are_refused():
    nested = torch.nested.as_nested_tensor([ONE, ONE], layout=torch.jagged)
    with pytest.raises(TypeError, match=r"^cur must be a dense tensor, got a .*tensor"):
        Leaky(0.9).run(nested)
    with pytest.raises(ValueError, match=r"^cur must have time as its first axis, got a tensor of"):
        Leaky(0.9).run(torch.tensor(0.5))


def test_parameters_that_do_not_fit_the_input():
    layer = Leaky(torch.full((3,), 0.9))
    for shape in [(4,), (1,), (), (3, 1)]:
        with pytest.raises(ValueError, match=r"^beta must match the last axes .*, got \(3,\)"):
            layer(torch.zeros(shape))
    with pytest.raises(ValueError, match=r"^beta must match .* shape \(4,\), got \(3,\)"):
        layer.run(torch.zeros(3, 4))
    with pytest.raises(TypeError, match=r"^beta must not be wider than cur.*layer\.float\(\)"):
        layer.double()(ONE)
    with pytest.raises(TypeError, match=r"^beta must be on the CPU, got .* on meta"):
        Leaky(0.9).to("meta")(ONE)
    with pytest.raises(TypeError, match=r"^beta must be float32.*got a tensor of bfloat16"):
        Leaky(0.9).bfloat16()(ONE)
    layer = Lapicque(0.9)
    layer.R.fill_(-1)
    with pytest.raises(ValueError, match=r"^R must be greater than 0 and finite, got -1"):
        layer(ONE)
    layer.load_state_dict({"C": torch.tensor(float("nan"))}, strict=False)
    layer.R.fill_(1)
    with pytest.raises(ValueError, match=r"^C must not be NaN"):
        layer.run(ONE)


def test_a_layer_can_be_made_without_memory():
    with torch.device("meta"):
        assert Leaky(0.9).beta.is_meta
        layer = Lapicque(0.9)
    layer.to_empty(device="cpu").load_state_dict(Lapicque(0.5).state_dict())
    assert torch.equal(layer.run(drawn(4, 5))[1], Lapicque(0.5).run(drawn(4, 5))[1])


@pytest.mark.parametrize("name", ["R", "C", "time_step"])
def test_gradients_are_refused(name):
    """Only beta and threshold have a gradient."""
    layer, cur = Lapicque(R=5.0, C=1.0, time_step=0.5), torch.zeros(4, 3)
    getattr(layer, name).requires_grad_()
    message = f"{name} requires a gradient, and only beta and threshold have one; use {name}.detach"
    with pytest.raises(RuntimeError, match=message):
        layer(cur[0])
    with pytest.raises(RuntimeError, match=message):
        layer.run(cur)
    with torch.no_grad():
        layer(cur[0])
        layer.run(cur)
    with torch.inference_mode():
        layer.run(cur)


@pytest.mark.filterwarnings("ignore:.*torch.jit.script:DeprecationWarning")  # by PyTorch itself
def test_forward_mode_derivatives_are_refused():
    layer, cur = Leaky(0.9), torch.zeros(4, 3)
    with (
        torch.no_grad(),
        torch.autograd.forward_ad.dual_level(),
        pytest.raises(RuntimeError, match="no forward-mode derivatives"),
    ):
        layer.run(torch.autograd.forward_ad.make_dual(cur, cur))


@pytest.mark.filterwarnings("ignore:.*torch.jit.script:DeprecationWarning")
def test_transforms_that_differentiate_are_refused():
    layer, cur = Leaky(0.9, learn_beta=True), torch.zeros(4, 3)
    message = "cannot be differentiated by torch.func.grad"
    with pytest.raises(RuntimeError, match=message):
        torch.func.grad(lambda cur: layer.run(cur)[1].sum())(cur)
    with pytest.raises(RuntimeError, match=message):
        torch.func.grad(lambda mem: layer(cur[0], mem)[1].sum())(cur[0])

    def loss(beta):
        return torch.func.functional_call(layer, {"beta": beta}, (cur[0],))[1].sum()

    with pytest.raises(RuntimeError, match=message):
        torch.func.grad(loss)(torch.tensor(0.9))


def test_layers_between_neurons_take_all_steps_as_a_batch():
    """Also those for which the axis of the batch means something, and shared ones."""
    torch.manual_seed(0)
    pool = torch.nn.MaxPool2d(2)
    network = torch.nn.Sequential(
        torch.nn.Conv2d(1, 3, 3), snn.Leaky(0.8, init_hidden=True), pool, torch.nn.BatchNorm2d(3),
        torch.nn.Conv2d(3, 5, 3), snn.Leaky(0.8, init_hidden=True), pool, torch.nn.Flatten(),
        torch.nn.Linear(20, 5), torch.nn.BatchNorm1d(5), torch.nn.Softmax(dim=1),
        snn.Leaky(0.8, threshold=0.3, init_hidden=True, output=True),
    ).eval()  # fmt: skip
    network[3].running_mean.uniform_()
    x = torch.rand(7, 5, 1, 14, 14) * 4  # the batch is as large as the last layer
    fast = copy.deepcopy(convert(network, over_time=True))
    with torch.no_grad():
        spk, mem = fast(x)
        expected = [network(each) for each in x]
    assert spk.any()
    assert torch.equal(spk, torch.stack([each[0] for each in expected]))
    torch.testing.assert_close(mem, torch.stack([each[1] for each in expected]))
    assert network.state_dict().keys() >= fast.state_dict().keys()
    assert not network.training
    assert not fast.training
    with (
        torch.no_grad(),
        pytest.raises(ValueError, match=r"must have the axes \(time, batch, ...\)"),
    ):
        fast(torch.zeros(3))
