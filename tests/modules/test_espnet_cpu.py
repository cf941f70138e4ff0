"""The faster modules compute what ESPnet's compute."""

from __future__ import annotations

import copy
import subprocess
import sys
from contextlib import redirect_stdout
from io import StringIO

import pytest
import torch
from torch import Tensor, nn

with redirect_stdout(StringIO()):
    from espnet2.asr.decoder.transformer_decoder import TransformerDecoder
    from espnet2.asr.encoder.conformer_encoder import ConformerEncoder
    from espnet2.asr.encoder.e_branchformer_encoder import EBranchformerEncoder
    from espnet2.asr.encoder.transformer_encoder import TransformerEncoder

from cyasr.modules import espnet_cpu
from cyasr.modules.espnet_cpu import accelerate

ENCODERS = {
    "e_branchformer": lambda dropout: EBranchformerEncoder(
        80, 32, 4, cgmlp_linear_units=96, cgmlp_conv_kernel=15, num_blocks=2, dropout_rate=dropout, use_ffn=True,
        macaron_ffn=True, linear_units=64, rel_pos_type="latest", merge_conv_kernel=3, positional_dropout_rate=dropout,
    ),
    "conformer": lambda dropout: ConformerEncoder(
        80, 32, 4, linear_units=64, num_blocks=2, dropout_rate=dropout, positional_dropout_rate=dropout, macaron_style=True,
        rel_pos_type="latest", cnn_module_kernel=15,
    ),
    "transformer": lambda dropout: TransformerEncoder(
        80, 32, 4, linear_units=64, num_blocks=2, dropout_rate=dropout, positional_dropout_rate=dropout
    ),
}  # fmt: skip


def run(module: nn.Module, *inputs: Tensor) -> tuple[Tensor, list[Tensor]]:
    """The module's output and the gradients of a random-looking function of it, for inputs and parameters."""
    leaves = [one.detach().requires_grad_() for one in inputs]
    y = module(*leaves)
    weights = torch.cos(torch.arange(y.numel(), dtype=y.dtype)).view(y.shape)
    wanted = [*leaves, *module.parameters()]
    return y.detach(), list(torch.autograd.grad((y * weights).sum(), wanted))


def assert_same(module: nn.Module, *inputs: Tensor) -> None:
    """Output and gradients of the accelerated copy are those of `module` in float64, to 1e-5 of the largest value."""
    fast = copy.deepcopy(module)
    accelerate(fast)
    assert type(fast) is not type(module)
    expected, expected_gradients = run(copy.deepcopy(module).double(), *(one.double() for one in inputs))
    found, gradients = run(fast, *inputs)
    for a, b in zip([found, *gradients], [expected, *expected_gradients], strict=True):
        assert a.shape == b.shape
        torch.testing.assert_close(a.double(), b, rtol=0, atol=1e-5 * float(b.abs().max()))


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("shape", [(24,), (5, 24), (3, 7, 24), (2, 3, 5, 24)])
@pytest.mark.parametrize("out", [8, 24, 40])
def test_linear(shape: tuple[int, ...], out: int, bias: bool) -> None:
    assert_same(nn.Linear(24, out, bias), torch.randn(shape))


@pytest.mark.parametrize(
    "x", [torch.randn(24, 6, 5).transpose(0, 2), torch.randn(5, 6, 48)[..., ::2], torch.randn(1, 24).expand(7, 24)]
)
def test_linear_takes_any_layout(x: Tensor) -> None:
    assert_same(nn.Linear(24, 8), x)


def test_linear_of_nothing_is_nothing() -> None:
    layer = nn.Linear(3, 4)
    accelerate(layer)
    assert layer(torch.zeros(0, 3)).shape == (0, 4)


@pytest.mark.parametrize(("kernel", "time"), [(1, 9), (3, 9), (15, 40), (31, 40), (31, 9)])
@pytest.mark.parametrize("layout", ["time first", "channels first"])
def test_depthwise_convolution(kernel: int, time: int, layout: str) -> None:
    conv = nn.Conv1d(48, 48, kernel, padding=kernel // 2, groups=48)
    x = torch.randn(3, time, 48).transpose(1, 2)
    assert_same(conv, x if layout == "time first" else x.contiguous())


@pytest.mark.parametrize(
    "conv",
    [
        nn.Conv1d(8, 12, 1),
        nn.Conv1d(8, 8, 3, padding=1, groups=8, bias=False),
        nn.Conv1d(8, 12, 3),
        nn.Conv1d(8, 8, 4, padding=2, groups=8),
        nn.Conv1d(8, 8, 3, stride=2, padding=1, groups=8),
        nn.Conv1d(8, 8, 5, padding=2, groups=8, padding_mode="reflect"),
    ],
    ids=str,
)
def test_other_convolutions(conv: nn.Conv1d) -> None:
    assert_same(conv, torch.randn(2, 8, 11))


@pytest.mark.parametrize("frames", [7, 8, 53, 100])
def test_front_end(frames: int) -> None:
    encoder = ENCODERS["transformer"](0.0)
    fast = copy.deepcopy(encoder)
    accelerate(fast)
    assert type(fast.embed) is espnet_cpu.FastConv2dSubsampling
    x, mask = torch.randn(3, frames, 80), torch.arange(frames)[None, None] < torch.tensor([frames, 7, frames - 1])[:, None, None]
    found, found_mask = fast.embed(x, mask)
    expected, expected_mask = encoder.double().embed(x.double(), mask)
    assert found_mask.equal(expected_mask)
    assert fast.embed(x, None)[1] is None
    torch.testing.assert_close(found.double(), expected, rtol=0, atol=1e-5 * float(expected.detach().abs().max()))
    weights = torch.cos(torch.arange(found.numel())).view(found.shape)
    for a, b in zip(gradients(fast, (found * weights).sum()), gradients(encoder, (expected * weights).sum()), strict=True):
        torch.testing.assert_close(a.double(), b, rtol=0, atol=1e-5 * float(b.abs().max()))


def gradients(encoder: nn.Module, loss: Tensor) -> list[Tensor]:
    return list(torch.autograd.grad(loss, list(encoder.embed.parameters())))


@pytest.mark.parametrize("name", ENCODERS)
def test_encoders_agree_on_padded_batches(name: str) -> None:
    """In training mode, without dropout: outputs, lengths, gradients and batch statistics."""
    slow = ENCODERS[name](0.0)
    fast = copy.deepcopy(slow)
    accelerate(fast)
    slow = slow.double()
    features, lengths = torch.randn(4, 120, 80), torch.tensor([120, 97, 64, 33])
    expected, expected_lengths, _ = slow(features.double(), lengths)
    found, found_lengths, _ = fast(features, lengths)
    assert found_lengths.equal(expected_lengths)
    kept = (torch.arange(found.size(1)) < found_lengths[:, None])[..., None]
    torch.testing.assert_close((found * kept).double(), expected * kept, rtol=1e-4, atol=1e-4)
    weights = torch.cos(torch.arange(found.numel())).view(found.shape) * kept
    (found * weights).sum().backward()
    (expected * weights).sum().backward()
    scale = max(float(p.grad.abs().max()) for p in slow.parameters())
    for (key, a), b in zip(fast.named_parameters(), slow.parameters(), strict=True):
        torch.testing.assert_close(a.grad.double(), b.grad, rtol=1e-3, atol=1e-5 * scale, msg=lambda m, key=key: f"{key}: {m}")
    for a, b in zip(fast.buffers(), slow.buffers(), strict=True):
        torch.testing.assert_close(a.double(), b.double(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ENCODERS)
def test_checkpoints_interchange_with_espnet(name: str) -> None:
    slow, fast = ENCODERS[name](0.1), ENCODERS[name](0.1)
    accelerate(fast)
    assert [(key, value.shape) for key, value in fast.state_dict().items()] == [
        (key, value.shape) for key, value in slow.state_dict().items()
    ]
    fast.load_state_dict(slow.state_dict())
    slow.load_state_dict(fast.state_dict())
    again = copy.deepcopy(fast)
    accelerate(again)
    assert [type(module) for module in again.modules()] == [type(module) for module in fast.modules()]


def test_decoder_agrees() -> None:
    slow = TransformerDecoder(11, 32, 4, 64, 2, 0.0, 0.0)
    fast = copy.deepcopy(slow)
    accelerate(fast)
    memory, tokens = torch.randn(2, 9, 32), torch.randint(0, 11, (2, 6))
    lengths = torch.tensor([9, 5]), torch.tensor([6, 4])
    expected, _ = slow.double()(memory.double(), lengths[0], tokens, lengths[1])
    found, _ = fast(memory, lengths[0], tokens, lengths[1])
    torch.testing.assert_close(found.double(), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("how", ["float64", "bfloat16 autocast"])
def test_other_types_take_espnets_path(how: str) -> None:
    slow = ENCODERS["conformer"](0.0).eval()
    fast = copy.deepcopy(slow)
    accelerate(fast)
    features, lengths = torch.randn(2, 60, 80), torch.tensor([60, 44])
    if how == "float64":
        outputs = [one.double()(features.double(), lengths)[0] for one in (slow, fast)]
    else:
        with torch.autocast("cpu", torch.bfloat16):
            outputs = [one(features, lengths)[0] for one in (slow, fast)]
    assert outputs[0].equal(outputs[1])


def dropped(p: float, x: Tensor) -> Tensor:
    layer = nn.Dropout(p)
    accelerate(layer)
    y: Tensor = layer(x)
    return y


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
def test_dropout_zeroes_its_share_in_every_place_and_keeps_the_mean(p: float) -> None:
    y = dropped(p, torch.ones(1_000_000))
    assert y.unique().tolist() == pytest.approx([0.0, 1 / (1 - p)], rel=1e-3)
    deviation = (p * (1 - p) / 250_000) ** 0.5
    for lane in range(4):  # four elements share a 64-bit random number
        assert float((y[lane::4] == 0).float().mean()) == pytest.approx(p, abs=5 * deviation)
    both = (y[0::4] == 0) & (y[1::4] == 0)
    assert float(both.float().mean()) == pytest.approx(p * p, abs=5 * deviation)
    assert float(y.mean()) == pytest.approx(1, abs=5 * deviation / (1 - p))


def test_dropout_passes_the_gradient_where_it_passed_the_value() -> None:
    x = torch.randn(3, 5, 7, requires_grad=True)
    y = dropped(0.4, x)
    y.sum().backward()
    assert x.grad is not None
    assert y.equal(x * x.grad)


def test_dropout_repeats_from_the_same_random_state() -> None:
    x, state = torch.randn(999), torch.get_rng_state()
    first, second = dropped(0.3, x), dropped(0.3, x)
    torch.set_rng_state(state)
    assert dropped(0.3, x).equal(first)
    assert not first.equal(second)


def test_dropout_at_the_ends_and_in_evaluation() -> None:
    x = torch.randn(50)
    assert dropped(0.0, x).equal(x)
    assert dropped(1.0, x).equal(torch.zeros(50))
    layer = nn.Dropout(0.5).eval()
    accelerate(layer)
    assert layer(x).equal(x)


FAULTS = """
import resource, torch
from cyasr.process import keep_freed_memory
keep_freed_memory()
torch.ones(20_000_000) + 1
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    torch.ones(20_000_000) + 1
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's malloc")
def test_freed_memory_is_used_again_without_page_faults() -> None:
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", FAULTS], capture_output=True, text=True, check=True)
    assert int(done.stdout.splitlines()[-1]) < 200_000  # 390,000 without; the heap may grow by a few blocks first
