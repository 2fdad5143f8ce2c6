"""PyTorch layers: the bits of snnTorch's neurons, in every mode and with any kind of tensor."""

import copy
import pickle

import numpy as np
import pytest

torch = pytest.importorskip("torch")
snn = pytest.importorskip("snntorch")

from fastlif.interop import torch as layers  # noqa: E402 - requires torch
from fastlif.interop.torch import Lapicque, Leaky, from_snntorch, ops  # noqa: E402

RESETS = ("subtract", "zero", "none")
DTYPES = {"float32": torch.float32, "float64": torch.float64}
NEURONS = {
    **{
        f"leaky-{reset}-{delay}": lambda reset=reset, delay=delay: snn.Leaky(
            0.9, threshold=0.8, reset_mechanism=reset, reset_delay=delay
        )
        for reset in RESETS
        for delay in (True, False)
    },
    **{
        f"lapicque-{reset}": lambda reset=reset: snn.Lapicque(
            R=5.1, C=5e-3, time_step=1e-3, threshold=0.3, reset_mechanism=reset
        )
        for reset in RESETS
    },
    "leaky, beta above 1": lambda: snn.Leaky(1.2, threshold=3),
    "lapicque, beta": lambda: snn.Lapicque(0.7, threshold=0.5),
    "lapicque, beta and R": lambda: snn.Lapicque(0.7, R=2),
    "lapicque, beta and C": lambda: snn.Lapicque(0.7, C=1.5, time_step=0.5, threshold=0.2),
    "lapicque, R and C": lambda: snn.Lapicque(R=3, C=2),
}


@pytest.fixture(autouse=True)
def _inference():
    """Compute without gradients, and never depend on what another test has stored."""
    ops._NEURONS.clear()
    with torch.no_grad():
        yield


def drawn(*shape, dtype=torch.float32, seed=0):
    values = np.random.RandomState(seed).normal(0.3, 0.5, shape)
    return torch.from_numpy(values).to(dtype)


def with_each(module, size):
    """Give each neuron its own parameters."""
    for name in {"beta", "threshold", "R", "C"} & set(module._buffers):
        old = getattr(module, name)
        factor = 1 + 0.1 * drawn(size, seed=len(name)).clamp(-1, 1)
        module._buffers[name] = old * factor.to(old.dtype if old.is_floating_point() else None)
    return module


def stepped(module, cur, mem=None):
    """Return the spikes and the membranes of a loop over time."""
    mem = module.reset_mem() if mem is None else mem
    spikes, membranes = [], []
    for now in cur:
        spk, mem = module(now, mem)
        spikes.append(spk)
        membranes.append(mem)
    return torch.stack(spikes), torch.stack(membranes)


def assert_same(found, expected):
    for ours, theirs in zip(found, expected, strict=True):
        assert ours.dtype == found[1].dtype
        assert ours.shape == theirs.shape
        assert torch.equal(ours, theirs.to(ours.dtype))
        assert ours.is_contiguous()


# --- the bits of snnTorch -------------------------------------------------------------------------


@pytest.mark.parametrize("each", [False, True], ids=["shared", "each"])
@pytest.mark.parametrize("dtype", DTYPES.values(), ids=DTYPES)
@pytest.mark.parametrize("make", NEURONS.values(), ids=NEURONS)
def test_steps_and_runs_have_the_bits_of_snntorch(make, dtype, each):
    module = make()
    if each:
        with_each(module, 40)
    module.to(dtype)
    layer = from_snntorch(module)
    for shape in [(40,), (3, 40), (2, 3, 40)]:
        cur, mem = drawn(30, *shape, dtype=dtype), drawn(*shape, dtype=dtype, seed=1)
        expected = stepped(module, cur, mem)
        spikes, membranes = expected
        assert 0 < spikes.mean() < 1
        assert membranes.dtype == dtype
        assert_same(stepped(layer, cur, mem), expected)
        assert_same(layer.run(cur, mem), expected)
        expected = stepped(module, cur)
        assert_same(stepped(layer, cur), expected)
        assert_same(layer.run(cur), expected)


@pytest.mark.parametrize("make", NEURONS.values(), ids=NEURONS)
def test_parameters_of_float32_and_an_input_of_float64(make):
    module = make()
    cur = drawn(30, 3, 40, dtype=torch.float64)
    assert_same(from_snntorch(module).run(cur), stepped(module, cur))
    with_each(module, 40)
    assert_same(from_snntorch(module).run(cur), stepped(module, cur))


def test_the_constructors_have_the_defaults_and_the_order_of_snntorch():
    for ours, theirs in ((Leaky, snn.Leaky), (Lapicque, snn.Lapicque)):
        code, count = theirs.__init__.__code__, theirs.__init__.__code__.co_argcount
        assert ours.__init__.__code__.co_varnames[:count] == code.co_varnames[:count]
        assert ours.__init__.__defaults__ == theirs.__init__.__defaults__
    for arguments in ((0.9,), (0.3, 0.5), (1, 2)):
        assert_same_module(Leaky(*arguments), snn.Leaky(*arguments))
    for arguments in ((0.9,), (0.3, 5.1), (0.3, False, 2.0), (False, 5.1, 1.5, 1e-3, 0.4)):
        assert_same_module(Lapicque(*arguments), snn.Lapicque(*arguments))


def assert_same_module(ours, theirs):
    cur = drawn(30, 40)
    assert_same(ours.run(cur), stepped(theirs, cur))
    own, other = ours.state_dict(), theirs.state_dict()
    assert set(own) == set(other)
    for name, value in other.items():
        assert own[name].dtype == value.dtype
        assert torch.equal(own[name], value)


def test_a_step_without_a_membrane_continues_as_in_snntorch():
    module = snn.Leaky(0.9)
    layer = from_snntorch(module)
    for shape in [(4, 5), (4, 5), (4, 5), (3, 5), (3, 5)]:  # the last batch is smaller
        cur = drawn(*shape)
        assert_same(layer(cur), module(cur))
    layer(cur, mem=torch.ones(3, 5))
    module(cur, mem=torch.ones(3, 5))
    assert_same(layer(cur), module(cur))
    assert layer.init_leaky().shape == (0,)
    module.init_leaky()
    assert_same(layer(cur), module(cur))
    layer = from_snntorch(snn.Lapicque(0.9))
    assert layer(cur, layer.init_lapicque())[1].shape == (3, 5)


def test_over_time():
    cur = drawn(30, 4, 5)
    layer, silent = Leaky(0.9, over_time=True), Leaky(0.9, over_time=True, output=True)
    spikes, membranes = Leaky(0.9).run(cur)
    assert torch.equal(layer(cur), spikes)
    assert torch.equal(torch.nn.Sequential(layer)(cur), spikes)
    assert_same(silent(cur), (spikes, membranes))
    assert torch.equal(layer(cur[10:], membranes[9]), spikes[10:])
    assert_same(layer.run(cur), (spikes, membranes))


# --- tensors --------------------------------------------------------------------------------------


def misaligned(shape):
    count = shape.numel()
    flat = torch.frombuffer(bytearray(4 * count + 1), dtype=torch.float32, offset=1, count=count)
    return flat.view(shape)


@pytest.mark.parametrize(
    "change",
    [
        lambda cur: cur.clone().transpose(1, 2).contiguous().transpose(1, 2),
        lambda cur: torch.stack([cur, cur], -1)[..., 0],
        lambda cur: cur.flip(0).contiguous().flip(0),
        lambda cur: torch.complex(cur, -cur).conj().imag,  # negated lazily
        lambda cur: torch.nn.Parameter(cur),
        lambda cur: misaligned(cur.shape).copy_(cur),
    ],
    ids=["transposed", "strided", "flipped", "negated", "parameter", "misaligned"],
)
def test_any_layout(change):
    cur = drawn(6, 4, 5)
    changed = change(cur)
    assert torch.equal(changed, cur)
    layer = Leaky(torch.full((5,), 0.9))
    assert_same(layer.run(changed), layer.run(cur))
    assert_same(layer(changed[0], changed[1]), layer(cur[0], cur[1]))


def test_an_expanded_input_and_empty_ones():
    layer = Leaky(0.9)
    cur = drawn(4, 5)
    assert_same(layer.run(cur.expand(6, 4, 5)), layer.run(cur.repeat(6, 1, 1)))
    assert [out.shape for out in layer.run(torch.zeros(0, 3))] == [(0, 3)] * 2
    assert [out.shape for out in layer.run(torch.zeros(3, 0))] == [(3, 0)] * 2
    assert [out.shape for out in layer.run(torch.zeros(3))] == [(3,)] * 2
    assert [out.shape for out in layer(torch.tensor(0.5))] == [()] * 2
    assert [out.shape for out in layer(torch.zeros(0))] == [(0,)] * 2


def test_inputs_do_not_change_and_outputs_are_new():
    layer = Leaky(0.9)
    cur, mem = drawn(6, 4, 5), drawn(4, 5)
    before = cur.clone(), mem.clone()
    first = [*layer.run(cur, mem), *layer(cur[0], mem)]
    kept = [out.clone() for out in first]
    layer.run(cur + 1, mem)
    layer(cur[0] + 1, mem)
    assert torch.equal(cur, before[0])
    assert torch.equal(mem, before[1])
    assert all(map(torch.equal, first, kept))
    for out in first:
        out.fill_(7)
    assert torch.equal(layer.run(*before)[1], kept[1])


def test_memory_of_large_outputs_is_reused_once_they_are_gone():
    layer, cur = Leaky(0.9), drawn(100, 1000)
    spk, mem = layer.run(cur)
    part, places = mem[50:], {spk.data_ptr(), mem.data_ptr()}
    expected = part.clone()
    del spk, mem
    spk, mem = layer.run(cur + 1)  # ``part`` still needs the memory of the membranes
    assert torch.equal(part, expected)
    del spk, mem, part
    assert {out.data_ptr() for out in layer.run(cur)} & places


@pytest.mark.parametrize("threads", [1, 2, None])
def test_threads(threads):
    cur = drawn(50, 2000)
    expected = Leaky(0.9, threads=1).run(cur)
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(3)
        assert_same(Leaky(0.9, threads=threads).run(cur), expected)
    finally:
        torch.set_num_threads(before)


def test_the_default_number_of_threads_is_that_of_pytorch(monkeypatch):
    used = []
    own = ops.Integrator.run
    monkeypatch.setattr(ops.Integrator, "run", lambda *a: used.append(a[8]) or own(*a))
    monkeypatch.setattr(torch, "get_num_threads", lambda: 5)
    Leaky(0.9).run(drawn(3, 4))
    Leaky(0.9, threads=2).run(drawn(3, 4))
    Leaky(0.9, threads=3, over_time=True)(drawn(3, 4))
    assert used == [5, 2, 3]


# --- parameters that change -----------------------------------------------------------------------

CHANGES = {
    "fill_": lambda value, new: value.fill_(new),
    "data.fill_": lambda value, new: value.data.fill_(new),
    "numpy": lambda value, new: value.detach().numpy().fill(new),
    "data =": lambda value, new: setattr(value, "data", torch.full_like(value, new)),
}


@pytest.mark.parametrize("learn", [False, True])
@pytest.mark.parametrize("shape", [(), (1,), (40,)])
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_changed_parameters_are_noticed(change, shape, learn):
    layer = Leaky(torch.full(shape, 0.9), torch.full(shape, 1.0), None, False, False, False, learn)
    cur, mem = drawn(5, 40), drawn(40)
    for name, new in (("beta", 0.5), ("threshold", 0.25), ("beta", 0.9), ("threshold", 1.0)):
        layer.run(cur, mem)
        layer(cur[0], mem)
        change(getattr(layer, name), new)
        expected = snn.Leaky(layer.beta.clone(), layer.threshold.clone())
        assert getattr(layer, name).unique().item() == pytest.approx(new)
        assert_same(layer(cur[0], mem), expected(cur[0], mem))
        assert_same(layer.run(cur, mem), stepped(expected, cur, mem))


def test_one_of_many_values_that_changes_is_noticed():
    layer = Lapicque(R=torch.full((40,), 2.0), C=3.0)
    cur = drawn(5, 40)
    before = layer.run(cur)[1]
    layer.R.data[17] = 4.0
    changed = layer.run(cur)[1]
    assert [*torch.nonzero((before != changed).any(0))] == [17]


def test_a_changed_dtype_is_noticed():
    module, cur = snn.Lapicque(0.7), drawn(30, 40, dtype=torch.float64)
    layer = from_snntorch(module)
    single = layer.run(cur)
    assert_same(single, stepped(module, cur))
    double = layer.double().run(cur)  # equal values, from which other constants are derived
    assert_same(double, stepped(module.double(), cur))
    assert not torch.equal(single[1], double[1])


def test_many_layers_take_turns():
    cur = drawn(3, 40)
    several = [Leaky(torch.full((40,), k / 100)) for k in range(2 * ops._MOST_NEURONS)]
    first = [layer.run(cur) for layer in several]
    assert len(ops._NEURONS) <= ops._MOST_NEURONS
    for layer, expected in zip(several, first, strict=True):
        assert_same(layer.run(cur), expected)


def test_a_replaced_parameter_and_memory_that_another_one_uses():
    layer, cur = Leaky(torch.full((40,), 0.9)), drawn(3, 40)
    memory = np.full((2, 40), 0.5, np.float32)
    memory[1] = 0.25
    for k in (0, 1, 0):
        layer.beta = torch.from_numpy(memory)[k]
        assert_same(layer.run(cur), Leaky(float(memory[k, 0])).run(cur))
    layer.beta = torch.from_numpy(memory)[:, :1].expand(2, 40)[0]  # strides of zero
    assert_same(layer.run(cur), Leaky(0.5).run(cur))


def test_load_state_dict_in_both_directions():
    cur = drawn(5, 40)
    for make, ours in ((lambda b: snn.Leaky(b, 0.7), Leaky(0.9)), (snn.Lapicque, Lapicque(0.9))):
        layer, module = ours, make(0.5)
        layer.run(cur)
        layer.load_state_dict(module.state_dict())
        assert_same(layer.run(cur), stepped(module, cur))
        other = type(module)(0.1)
        other.load_state_dict(layer.state_dict())
        assert_same(layer.run(cur), stepped(other, cur))
    network = torch.nn.Sequential(torch.nn.Linear(4, 5), Leaky(0.9, over_time=True))
    saved = torch.nn.Sequential(torch.nn.Linear(4, 5), snn.Leaky(0.5)).state_dict()
    network.load_state_dict(saved)
    assert network[1].beta == 0.5


def test_a_state_dict_that_does_not_fit_is_an_error():
    saved = snn.Leaky(0.9, reset_mechanism="zero").state_dict()
    with pytest.raises(RuntimeError, match="reset_mechanism_val is that of 'zero', but"):
        Leaky(0.9).load_state_dict(saved)
    saved = snn.Leaky(0.9, graded_spikes_factor=2.0).state_dict()
    with pytest.raises(RuntimeError, match="graded_spikes_factor must be 1, got 2"):
        Leaky(0.9).load_state_dict(saved)
    with pytest.raises(RuntimeError, match=r"Unexpected key.*delay"):
        Leaky(0.9).load_state_dict(Leaky(0.9).state_dict() | {"delay": torch.tensor(1)})


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_copies(copied):
    layer = Leaky(0.9, threshold=torch.full((5,), 0.7), learn_beta=True, reset_delay=False)
    with torch.inference_mode():
        layer(drawn(4, 5))
    other, cur = copied(layer), drawn(6, 5)
    assert_same(other.run(cur), layer.run(cur))
    other.beta.fill_(0.1)
    assert layer.beta == pytest.approx(0.9)
    assert_same(other(drawn(4, 5)), snn_delayed(other)(drawn(4, 5), layer.mem))


def snn_delayed(layer):
    return snn.Leaky(layer.beta, layer.threshold, reset_delay=False)


def test_dtypes_of_parameters_follow_the_module():
    layer = Lapicque(0.9, learn_threshold=True)
    assert {layer.C.dtype, layer.threshold.dtype} == {torch.float32}
    layer.double()
    assert {layer.C.dtype, layer.threshold.dtype, layer.mem.dtype} == {torch.float64}
    assert layer.time_step.dtype == torch.int64  # as in snnTorch
    cur = drawn(5, 4).double()
    assert_same(layer.run(cur), stepped(snn.Lapicque(0.9).double(), cur))
    assert layer.run(drawn(5, 4))[1].dtype == torch.float32
    assert [name for name, _ in layer.named_parameters()] == ["threshold"]
    assert next(Leaky(0.9, learn_beta=True).parameters()).requires_grad


def test_repr():
    layer = Leaky(torch.full((3,), 0.9), threshold=2, reset_mechanism="none", over_time=True)
    assert repr(layer) == (
        "Leaky(beta=a tensor of shape (3,) and dtype float32 on cpu, threshold=2, "
        "reset_mechanism='none', over_time=True)"
    )


def test_the_reset_can_be_changed():
    layer, cur = Leaky(0.9), drawn(9, 40)
    layer.run(cur)
    layer.reset_mechanism = "zero"
    assert_same(layer.run(cur), stepped(snn.Leaky(0.9, reset_mechanism="zero"), cur))
    with pytest.raises(ValueError, match="reset_mechanism must be one of 'subtract', 'zero'"):
        layer.reset_mechanism = "zeros"


def test_public_names():
    assert {*layers.__all__} == {"Lapicque", "Leaky", "convert", "from_snntorch", "surrogate"}
