from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from rnaernie_bench.backbones.fast_dropout import use_fast_dropout
from rnaernie_bench.backbones.rnaernie import RnaErnieOptions
from rnaernie_bench.core.errors import ConfigError
from rnaernie_bench.pretraining.batches import inputs_of
from rnaernie_bench.pretraining.masking import Masker, MaskingOptions, sequence_seeds
from rnaernie_bench.pretraining.network import TargetLogits, load_network, plain_copy

NET = RnaErnieOptions("rnaernie-tiny", "random", None, None, 1, 16, 2, 32)
ALL = MaskingOptions("mixed", mask=1.0, random=0.0)
STEPS = 190


def test_logits_of_targets_are_those_of_the_whole_model():
    network = load_network(NET, seed=0, dropout=0.0).model
    ids = torch.tensor([[1, 6, 7, 8, 9, 2], [1, 4, 9, 2, 0, 0]])
    mask = ids != 0
    targets = torch.tensor([2, 4, 7])
    some = TargetLogits(network)(ids, mask, targets)
    whole = network(ids, attention_mask=mask).logits.flatten(0, 1)
    assert torch.allclose(some, whole[targets], atol=1e-6)
    assert some.shape == (3, 57)


def test_dropout_is_that_of_the_training_and_the_saved_one_stays():
    network = load_network(NET, seed=0, dropout=0.3).model
    rates = {
        module.p for name, module in network.model.named_modules() if type(module) is nn.Dropout
    }
    assert rates == {0.3}
    assert network.config.hidden_dropout == network.config.attention_dropout == 0.1


def test_sinusoidal_positions_turn_a_shift_into_one_rotation():
    plain = load_network(NET, seed=0, dropout=0.0).model.model.embeddings
    waves = load_network(NET, seed=0, dropout=0.0, positions="sinusoidal").model.model.embeddings
    assert torch.equal(waves.word_embeddings.weight, plain.word_embeddings.weight)
    table = waves.position_embeddings.weight
    assert table.std().item() == pytest.approx(plain.position_embeddings.weight.std().item())
    products = table @ table.T
    for shift in (1, 5, 100):
        assert torch.allclose(products.diagonal(shift), products[0, shift], atol=1e-5)


def test_the_copy_is_multimolecules_own_model():
    network = use_fast_dropout(load_network(NET, seed=0, dropout=0.3).model)
    plain = plain_copy(network)
    kinds = {type(m) for m in plain.modules() if isinstance(m, nn.Dropout)}
    assert kinds == {nn.Dropout}
    assert {n: v.tolist() for n, v in plain.state_dict().items()} == {
        n: v.tolist() for n, v in network.state_dict().items()
    }
    ids = torch.tensor([[1, 6, 7, 8, 9, 2]])
    assert torch.allclose(plain(ids).logits, network.eval()(ids).logits, atol=1e-5)


def test_a_checkpoint_without_types_is_refused(tmp_path):
    from multimolecule import RnaErnieConfig, RnaErnieForMaskedLM, RnaTokenizer

    shape = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    RnaErnieForMaskedLM(RnaErnieConfig(intermediate_size=32, **shape)).save_pretrained(tmp_path)
    RnaTokenizer().save_pretrained(tmp_path)
    options = RnaErnieOptions("rnaernie-tiny", "pretrained", str(tmp_path), None, 1, 16, 2, 32)
    with pytest.raises(
        ConfigError, match=r"its vocabulary of 28 tokens lacks .IND. and the RNA types"
    ):
        load_network(options, seed=0, dropout=0.1)


def test_forty_sequences_are_learned_by_heart():
    """Five families of eight: nothing in initialisation, network or masks stands in the way."""
    torch.manual_seed(0)
    shape = {"num_hidden_layers": 2, "hidden_size": 64, "intermediate_size": 256}
    options = replace(NET, name="rinalmo-tiny", num_attention_heads=4, **shape)
    encoder = load_network(options, seed=0, dropout=0.0)
    network, masker = TargetLogits(encoder.model.train()), Masker(ALL, encoder.tokenizer)
    generator = np.random.default_rng(0)
    ids = generator.integers(6, 10, size=(5, 22)).repeat(8, axis=0)
    ids[np.arange(40), generator.integers(1, 21, size=40)] = generator.integers(6, 10, size=40)
    ids[:, 0], ids[:, -1] = 1, 2
    optimizer = torch.optim.AdamW(network.parameters(), fused=True)
    losses = []
    for step in range(STEPS):
        seeds = sequence_seeds(0, step, np.arange(len(ids)))
        masked = masker.mask(list(ids), np.zeros(len(ids), np.int8), seeds)
        batch = inputs_of(masked, pad_id=0)
        logits = network(batch["input_ids"], batch["attention_mask"], batch["targets"])
        loss = nn.functional.cross_entropy(logits, batch["labels"])
        optimizer.param_groups[0]["lr"] = 5e-3 * min(1, (step + 1) / 20, (STEPS - step) / 50)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[20] > 1.2  # nats; of bases at random 1.39
    assert np.mean(losses[-10:]) < 0.3


def test_random_weights_can_begin_by_their_width():
    plain = load_network(NET, seed=0, dropout=0.0).model.model.encoder.layer[0]
    wide = load_network(NET, seed=0, dropout=0.0, initialisation="width").model.model.encoder
    weight = wide.layer[0].attention.self.query.weight
    assert torch.allclose(weight, plain.attention.self.query.weight * (16**-0.5 / 0.02))
    assert wide.layer[0].attention.self.query.bias.abs().max() == 0
