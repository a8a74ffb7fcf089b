"""Fast dropout: rate, scale, independence, gradients, reproducibility, and where it steps aside."""

from __future__ import annotations

import json

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from rnaernie_bench.backbones.fast_dropout import (
    ATTENTION,
    FastDropout,
    attention_with_dropout,
    use_fast_dropout,
)

P = 0.1


def ones_dropped(rows=2000, columns=1000, seed=0):
    torch.manual_seed(seed)
    return FastDropout(P)(torch.ones(rows, columns))


def inputs(batch=2, heads=3, queries=11, keys=11, features=8, seed=0):
    """Return query, key, value as projections give them: heads split off the last axis."""
    torch.manual_seed(seed)
    return [
        torch.randn(batch, n, heads, features).transpose(1, 2).requires_grad_()
        for n in (queries, keys, keys)
    ]


def attention_masks(batch=2, heads=2, length=64, seed=1, calls=1):
    """Return dropped, scaled masks read off uniform attention over one-hot values."""
    torch.manual_seed(seed)
    query = torch.zeros(batch, heads, length, length)
    value = torch.eye(length).expand(batch, heads, length, length)
    out = [
        attention_with_dropout(query, query, value, None, dropout=P, scaling=1.0)
        for _ in range(calls)
    ]
    return torch.stack(out).transpose(2, 3) * length


def correlation(a, b):
    return torch.corrcoef(torch.stack([a.flatten(), b.flatten()]))[0, 1].item()


class TestHiddenStates:
    def test_rate_and_scale(self):
        out = ones_dropped()
        # 2 million draws: a standard error of 0.0002.
        assert (out == 0).float().mean().item() == pytest.approx(P, abs=0.001)
        assert out[out != 0].unique().tolist() == [pytest.approx(1 / (1 - P))]

    def test_rate_is_even_over_rows_and_columns(self):
        dropped = (ones_dropped() == 0).float()
        # Five standard errors of the mean over 1,000 and 2,000 draws.
        assert (dropped.mean(1) - P).abs().max() < 5 * (P * (1 - P) / 1000) ** 0.5
        assert (dropped.mean(0) - P).abs().max() < 5 * (P * (1 - P) / 2000) ** 0.5

    def test_neighbours_rows_and_calls_are_independent(self):
        out = ones_dropped()
        assert abs(correlation(out[:, 1:], out[:, :-1])) < 0.005
        assert abs(correlation(out[1:], out[:-1])) < 0.005
        assert abs(correlation(out, FastDropout(P)(torch.ones_like(out)))) < 0.005

    def test_gradient_is_the_masked_gradient(self):
        x = torch.randn(3, 5, 700, requires_grad=True)
        out = FastDropout(P)(x)
        weight = torch.randn_like(x)
        out.backward(weight)
        mask = (out != 0) / (1 - P)
        torch.testing.assert_close(out, x * mask)
        torch.testing.assert_close(x.grad, weight * mask)

    def test_a_seed_reproduces_and_the_state_goes_on(self):
        assert torch.equal(ones_dropped(50), ones_dropped(50))
        torch.manual_seed(0)
        state = torch.get_rng_state()
        first = FastDropout(P)(torch.ones(50, 50))
        assert not torch.equal(first, FastDropout(P)(torch.ones(50, 50)))
        torch.set_rng_state(state)
        assert torch.equal(first, FastDropout(P)(torch.ones(50, 50)))

    def test_evaluation_and_zero_rate_are_the_identity(self):
        x = torch.randn(4, 5)
        assert torch.equal(FastDropout(P).eval()(x), x)
        assert torch.equal(FastDropout(0.0)(x), x)
        assert torch.equal(FastDropout(1.0)(x), torch.zeros(4, 5))

    def test_other_types_are_torchs(self):
        x = torch.ones(50, 50, dtype=torch.float64)
        torch.manual_seed(3)
        ours = FastDropout(P)(x)
        torch.manual_seed(3)
        assert torch.equal(ours, F.dropout(x, P))

    def test_bfloat16_has_the_same_mask(self):
        x = torch.randn(50, 700, requires_grad=True)
        torch.manual_seed(3)
        wide = FastDropout(P)(x)
        torch.manual_seed(3)
        low = FastDropout(P)(x.bfloat16())
        assert low.dtype == torch.bfloat16
        assert torch.equal(low == 0, wide == 0)
        torch.testing.assert_close(low.float(), wide, atol=0, rtol=2**-7)

    def test_not_contiguous_and_empty(self):
        x = torch.randn(30, 40).T
        out = FastDropout(P)(x)
        torch.testing.assert_close(out, x * (out != 0) / (1 - P))
        assert FastDropout(P)(torch.ones(0, 4)).shape == (0, 4)


class TestAttention:
    @pytest.mark.parametrize(("queries", "keys"), [(11, 11), (16, 16), (1, 9), (6, 3)])
    @pytest.mark.parametrize("padded", [False, True])
    def test_without_dropout_it_is_sdpa(self, queries, keys, padded):
        qkv = inputs(queries=queries, keys=keys)
        bias = torch.zeros(2, keys)
        if padded:
            bias[1, keys - 2 :] = torch.finfo(torch.float32).min
        weight = torch.randn(2, queries, 3, 8)
        ours = attention_with_dropout(*qkv, bias if padded else None, dropout=0.0, scaling=0.4)
        mask = bias[:, None, None].expand(2, 3, queries, keys)
        reference = F.scaled_dot_product_attention(*qkv, attn_mask=mask, scale=0.4)
        reference = reference.transpose(1, 2)
        torch.testing.assert_close(ours, reference, atol=1e-5, rtol=1e-5)
        ours_grad = torch.autograd.grad(ours, qkv, weight)
        for one, other in zip(ours_grad, torch.autograd.grad(reference, qkv, weight), strict=True):
            torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-5)

    def test_wide_scores_do_not_overflow(self):
        query, key, value = (x.detach() for x in inputs())
        ours = attention_with_dropout(query * 100, key * 100, value, None, dropout=0.0, scaling=1.0)
        reference = F.scaled_dot_product_attention(query * 100, key * 100, value, scale=1.0)
        torch.testing.assert_close(ours, reference.transpose(1, 2), atol=1e-4, rtol=1e-4)

    def test_rate_scale_and_independence(self):
        masks = attention_masks(calls=16)  # calls, batch, heads, queries, keys
        dropped = (masks == 0).float()
        # 262,144 draws: a standard error of 0.0006.
        assert dropped.mean().item() == pytest.approx(P, abs=0.003)
        assert masks.mean().item() == pytest.approx(1.0, abs=0.004)
        torch.testing.assert_close(
            masks[masks != 0], torch.full_like(masks[masks != 0], 1 / (1 - P))
        )
        for axis in range(5):
            size = dropped.shape[axis]
            one, other = dropped.narrow(axis, 0, size - 1), dropped.narrow(axis, 1, size - 1)
            assert abs(correlation(one, other)) < 0.015, axis

    def test_gradient_is_that_of_the_explicit_mask(self):
        length, features = 13, 16
        query, key, value = inputs(queries=length, keys=length, features=features)
        bias = torch.zeros(2, length)
        bias[1, 9:] = torch.finfo(torch.float32).min
        weight = torch.randn(2, length, 3, features)
        torch.manual_seed(5)
        ours = attention_with_dropout(query, key, value, bias, dropout=P, scaling=0.25)
        torch.manual_seed(5)
        eye = torch.eye(length, 16).expand(2, 3, length, 16)
        zeros = torch.zeros_like(eye)
        mask = attention_with_dropout(zeros, zeros, eye, None, dropout=P, scaling=1.0)
        mask = mask.transpose(1, 2)[..., :length] * length
        assert (mask == 0).any()
        scores = query.double() @ key.double().mT * 0.25 + bias[:, None, None]
        reference = (scores.softmax(-1) * mask) @ value.double()
        reference = reference.transpose(1, 2)
        torch.testing.assert_close(ours.double(), reference, atol=1e-5, rtol=1e-5)
        ours_grad = torch.autograd.grad(ours, (query, key, value), weight)
        reference_grad = torch.autograd.grad(reference, (query, key, value), weight.double())
        for one, other in zip(ours_grad, reference_grad, strict=True):
            torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-5)

    @pytest.mark.parametrize("cached", [1, 2**19])
    def test_bfloat16_is_float32_rounded(self, cached, monkeypatch):
        monkeypatch.setattr("rnaernie_bench.backbones.fast_dropout.CACHED_SCORES", cached)
        weight, found = torch.randn(2, 11, 3, 8), []
        for dtype in (torch.float32, torch.bfloat16):
            qkv = [x.detach().to(dtype).requires_grad_() for x in inputs()]
            torch.manual_seed(5)
            out = attention_with_dropout(*qkv, None, dropout=P, scaling=0.35)
            found.append([out, *torch.autograd.grad(out, qkv, weight.to(dtype))])
        for wide, low in zip(*found, strict=True):
            assert low.dtype == torch.bfloat16
            # Factors of some tens of products are rounded to 8 bits.
            assert (low.float() - wide).norm() < 0.01 * wide.norm()

    def test_threads_do_not_change_the_masks(self):
        before, results = torch.get_num_threads(), []
        try:
            for threads in (1, 3):
                torch.set_num_threads(threads)
                results.append((attention_masks(), ones_dropped(40)))
        finally:
            torch.set_num_threads(before)
        assert all(torch.equal(one, two) for one, two in zip(*results, strict=True))


@pytest.fixture(scope="module")
def build():
    from multimolecule import RnaErnieConfig, RnaErnieForSequencePrediction

    def make(attention="sdpa", dropout=P):
        torch.manual_seed(0)
        config = RnaErnieConfig(
            vocab_size=28,
            hidden_size=32,
            num_hidden_layers=2,
            num_attention_heads=2,
            intermediate_size=64,
            max_position_embeddings=65,
            hidden_dropout=dropout,
            attention_dropout=dropout,
            head={"num_labels": 3, "problem_type": "multiclass"},
        )
        config._attn_implementation = attention
        return RnaErnieForSequencePrediction(config)

    return make


@pytest.fixture
def batch():
    input_ids = torch.randint(6, 10, (4, 20), generator=torch.Generator().manual_seed(1))
    input_ids[0, 15:] = 0
    return {"input_ids": input_ids, "attention_mask": input_ids != 0}


class TestModel:
    def test_every_dropout_is_replaced(self, build):
        model = use_fast_dropout(build())
        kinds = {type(m) for m in model.modules() if isinstance(m, nn.Dropout)}
        assert kinds == {FastDropout}
        assert model.config._attn_implementation == ATTENTION

    def test_evaluation_equals_the_plain_model(self, build, batch):
        plain, fast = build().eval(), use_fast_dropout(build().eval())
        torch.testing.assert_close(
            fast(**batch).logits, plain(**batch).logits, atol=1e-5, rtol=1e-5
        )
        whole = {"input_ids": batch["input_ids"][1:]}
        torch.testing.assert_close(
            fast(**whole).logits, plain(**whole).logits, atol=1e-5, rtol=1e-5
        )

    def test_training_without_dropout_equals_the_plain_model(self, build, batch):
        plain, fast = build(dropout=0.0).train(), use_fast_dropout(build(dropout=0.0).train())
        torch.testing.assert_close(
            fast(**batch).logits, plain(**batch).logits, atol=1e-5, rtol=1e-5
        )

    @pytest.mark.parametrize("cut", [slice(0, None), slice(1, None)])
    def test_mean_over_masks_equals_torchs(self, build, batch, cut):
        inputs = {name: x[cut] for name, x in batch.items()}
        means = []
        for model in (build("eager").train(), use_fast_dropout(build().train())):
            torch.manual_seed(2)
            with torch.no_grad():
                means.append(torch.stack([model(**inputs).logits for _ in range(150)]))
        error = ((means[0].var(0) + means[1].var(0)) / 150).sqrt()
        assert ((means[0].mean(0) - means[1].mean(0)).abs() < 4.5 * error).all()
        ratio = means[0].var(0).mean() / means[1].var(0).mean()
        assert 0.6 < ratio.item() < 1.6

    @pytest.mark.parametrize("cut", [slice(0, None), slice(1, None)])
    def test_training_never_falls_back(self, build, batch, cut, monkeypatch):
        def refuse(*_, **__):
            raise AssertionError("torch's dropout or attention was called")

        model = use_fast_dropout(build().train())
        monkeypatch.setattr(F, "scaled_dot_product_attention", refuse)
        monkeypatch.setattr(F, "dropout", refuse)
        model(**{name: x[cut] for name, x in batch.items()}).logits.sum().backward()

    def test_attention_really_drops(self, build, batch):
        model = use_fast_dropout(build().train())
        first = model.model.encoder.layer[0].attention.self.dropout
        for module in model.modules():
            if isinstance(module, FastDropout) and module is not first:
                module.p = 0.0
        assert not torch.equal(model(**batch).logits, model(**batch).logits)

    def test_saved_models_are_plain(self, build, batch, tmp_path):
        from multimolecule import RnaErnieForSequencePrediction

        model = use_fast_dropout(build().eval())
        model.save_pretrained(tmp_path)
        assert ATTENTION not in (tmp_path / "config.json").read_text()
        assert "_attn_implementation" not in json.loads((tmp_path / "config.json").read_text())
        plain = RnaErnieForSequencePrediction.from_pretrained(tmp_path).eval()
        assert plain.state_dict().keys() == model.state_dict().keys()
        torch.testing.assert_close(
            plain(**batch).logits, model(**batch).logits, atol=1e-5, rtol=1e-5
        )

    def test_eager_attention_is_kept(self, build):
        assert use_fast_dropout(build("eager")).config._attn_implementation == "eager"
