"""Type-guided fine-tuning against its definition, written out sequence by sequence."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
import yaml
from multimolecule import RnaErnieForMaskedLM
from safetensors.torch import load_file

from rnaernie_bench.backbones.loading import load_backbone
from rnaernie_bench.backbones.rnaernie import declared_config, load
from rnaernie_bench.backbones.vocabulary import RNA_TYPES, typed_tokenizer
from rnaernie_bench.config.compose import compose
from rnaernie_bench.core.errors import BenchError, ConfigError, ResultError
from rnaernie_bench.data.batching import gather_batch
from rnaernie_bench.learning.fit import FittedNetwork
from rnaernie_bench.learning.guidance.guides import Predicted
from rnaernie_bench.learning.guidance.predictors import SlotReader, restore
from rnaernie_bench.learning.inputs import SequenceInputs
from rnaernie_bench.learning.network import Network, build_head
from rnaernie_bench.learning.reader import Reader
from rnaernie_bench.learning.type_guided import LEARNING_RATES, facts, fit, typed_reader
from rnaernie_bench.prediction.saved import load_predictor
from rnaernie_bench.runs.plan import plan
from rnaernie_bench.runs.runner import execute
from rnaernie_bench.task.catalogue import STRATEGIES
from rnaernie_bench.task.lengths import windows
from tests.training_kit import LABELS, TASK, TINY_NET, installed

LONG = 30
"""Bases of a window here."""
SEQUENCES = ["ACGUACGUAC", "GGGCCCAUGGCA", "U" * 41 + "ACG", "ACGU" * 20, "A"]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    """Give a masked language model with types, as a folder."""
    folder = tmp_path_factory.mktemp("typed")
    options = compose([f"task={'ncrna_cls'}", *TINY_NET]).backbone
    torch.manual_seed(3)
    config = declared_config(options)
    config.initializer_range = 0.5  # else all types are about as probable
    RnaErnieForMaskedLM(config).save_pretrained(folder)
    typed_tokenizer().save_pretrained(folder)
    return folder


@pytest.fixture
def task(tmp_path):
    with installed(tmp_path) as task:
        path = task.tasks / TASK / "task.yaml"
        declared = yaml.safe_load(path.read_text())
        declared["types"] = dict(zip(LABELS, ("tRNA", "rRNA", "other"), strict=True))
        path.write_text(yaml.safe_dump(declared))
        yield task


def settings(checkpoint, *overrides):
    frozen = {"strategy.base=frozen", "strategy=frozen"} & {
        *overrides
    }  # such a head has dropout of its own
    return (
        *TINY_NET[:1], "backbone.init=pretrained", f"backbone.source={checkpoint}",
        "strategy=type_guided", "task.head=mean", *overrides,
        *(() if frozen else ("trainer.fast_dropout=false",)),
    )  # fmt: skip


def fitted(task, checkpoint, *overrides):
    config = task.config(*settings(checkpoint, *overrides))
    context = task.context(config)
    strategy = STRATEGIES.get(config.strategy.name)
    assert strategy.summary
    from rnaernie_bench.task.catalogue import resolve

    return resolve(strategy.fit)(context, load(config.backbone, config.seed), config.strategy)


def network(checkpoint, head="mean", token_budget=400, policy="window"):
    """Return a typed network that is yet to be trained, and what predicts its types."""
    encoder = replace(load_backbone(f"{checkpoint}"), max_bases=LONG)
    masked_lm = replace(load_backbone(f"{checkpoint}", masked_lm=True), max_bases=LONG)
    torch.manual_seed(0)
    built = build_head(head, encoder.model.config, 3, "multiclass")
    model = Network(encoder.model, built, SequenceInputs)
    predictor = SlotReader(masked_lm, "mask", policy, token_budget)
    plain = Reader(encoder.tokenizer, LONG, policy, token_budget)
    reader = typed_reader(plain, Predicted(predictor, 3, 0.0))
    return FittedNetwork(model.eval(), reader, write=lambda _: None), predictor


def by_definition(model, masked_lm, tokenizer, sequence, k=3):
    """Return the logits of one sequence, one input at a time."""

    def read(network, window, token):
        ids = tokenizer.convert_tokens_to_ids([*window, "[IND]", token])
        row = torch.tensor([[tokenizer.cls_token_id, *ids, tokenizer.eos_token_id]])
        with torch.no_grad():
            return network(input_ids=row, attention_mask=torch.ones_like(row))["logits"][0]

    pieces = windows(sequence, LONG)
    asked = [read(masked_lm, piece, "<mask>")[-2, 29:57] for piece in pieces]
    types = torch.stack(asked).amax(dim=0)
    chosen = types.argsort(descending=True)[:k]
    shares = types.softmax(0)[chosen]
    shares = shares / shares.sum()
    total = torch.zeros(3)
    for index, share in zip(chosen.tolist(), shares.tolist(), strict=True):
        copies = [read(model, piece, f"[{RNA_TYPES[index]}]") for piece in pieces]
        total += share * torch.stack(copies).mean(dim=0)
    return total


@pytest.mark.parametrize("head", ["mean", "pooled"])
def test_the_vote_is_what_the_definition_says(checkpoint, head):
    typed, predictor = network(checkpoint, head)
    expected = torch.stack(
        [
            by_definition(typed.model, predictor.encoder.model, typed.reader.tokenizer, sequence)
            for sequence in SEQUENCES
        ]
    )
    assert np.allclose(typed.logits(SEQUENCES), expected, atol=1e-5)
    batch = gather_batch(typed.reader.encode(SEQUENCES), range(5), typed.reader.pad_id)
    assert len(batch["input_ids"]) == 3 * (1 + 1 + 2 + 3 + 1)
    with torch.no_grad():
        logits = typed.model(**batch)["logits"]
    assert torch.allclose(logits, expected, atol=1e-5)


def test_results_do_not_depend_on_the_batch(checkpoint):
    typed, _ = network(checkpoint)
    together = typed.logits(SEQUENCES)
    alone = np.concatenate([typed.logits([sequence]) for sequence in SEQUENCES])
    small, _ = network(checkpoint, token_budget=100)
    assert np.allclose(together, alone, atol=1e-5)
    assert np.allclose(together, small.logits(SEQUENCES[::-1])[::-1], atol=1e-5)


def test_one_certain_type_is_plain_typed_input(checkpoint):
    typed, predictor = network(checkpoint, policy="truncate")
    one = replace(typed, reader=typed_reader(typed.reader, Predicted(predictor, 1, 0.0)))
    sequence = SEQUENCES[0]
    best = RNA_TYPES[int(predictor.logits([sequence]).argmax())]
    tokenizer = typed.reader.tokenizer
    ids = tokenizer.convert_tokens_to_ids(["<cls>", *sequence, "[IND]", f"[{best}]", "<eos>"])
    row = torch.tensor([ids])
    with torch.no_grad():
        plain = typed.model(input_ids=row, attention_mask=torch.ones_like(row))["logits"]
    assert np.allclose(one.logits([sequence]), plain, atol=1e-6)
    assert "copy_weights" not in gather_batch(one.reader.encode([sequence]), [0], 0)


def test_padding_in_the_slot_is_read_as_padding_and_attended(checkpoint):
    _, predictor = network(checkpoint)
    encoded = replace(predictor, slot="pad")._encode(["ACGU"])
    assert encoded.ids[0].tolist()[-3:] == [28, 0, predictor.encoder.tokenizer.eos_token_id]
    assert gather_batch(encoded, [0], 0)["attention_mask"].all()
    assert not np.allclose(
        predictor.logits(SEQUENCES), replace(predictor, slot="pad").logits(SEQUENCES), atol=1e-3
    )


@pytest.mark.parametrize("base", ["full", "frozen"])
def test_no_types_is_the_plain_strategy(task, checkpoint, base):
    sequences = [item.sequence for item in task.split().validation]
    guided, _ = fitted(task, checkpoint, "strategy.types=none", f"strategy.base={base}")
    plain, _ = fitted(task, checkpoint, f"strategy={base}")
    assert np.allclose(guided.logits(sequences), plain.logits(sequences), atol=1e-5)


def test_training_leaves_the_predictor_as_it_was(task, checkpoint, tmp_path):
    model, report = fitted(task, checkpoint, "strategy.floor=0.1")
    trained = model.model.backbone.state_dict()
    source = load_file(checkpoint / "model.safetensors")
    name = "encoder.layer.0.attention.self.query.weight"
    assert not torch.equal(trained[name], source[f"model.{name}"])
    (tmp_path / "saved").mkdir()
    model.save(tmp_path / "saved")
    saved = restore(tmp_path / "saved" / "types")
    assert not any(p.requires_grad for p in saved.encoder.model.parameters())
    kept = saved.encoder.model.state_dict()
    assert all(torch.equal(kept[name], value) for name, value in source.items() if name in kept)
    assert saved.encoder.weights_sha256 == report.types["weights_sha256"]


def test_the_frozen_head_reads_mean_features(task, checkpoint):
    model, _ = fitted(task, checkpoint, "strategy.base=frozen")
    sequences = [item.sequence for item in task.split().validation]
    through_the_net = replace(model, kept=None).logits(sequences)
    assert np.allclose(model.logits(sequences), through_the_net, atol=1e-3)
    tokenizer = model.reader.tokenizer
    masked_lm = load_backbone(f"{checkpoint}", masked_lm=True).model
    expected = by_definition(model.model, masked_lm, tokenizer, sequences[0][:LONG])
    assert np.allclose(model.logits([sequences[0][:LONG]]), expected, atol=1e-3)


@pytest.mark.parametrize("types", ["predicted", "random"])
def test_every_k_and_seed_read_the_same_features(task, checkpoint, embedded, types):
    chosen = ("strategy.base=frozen", f"strategy.types={types}")
    _, report = fitted(task, checkpoint, *chosen, "strategy.k=2")
    assert embedded == [30, 12, 12] * 2  # part by part, of the first types and of the second
    assert not report.details["embedding_cached"]
    for k, seed in ((1, 0), (2, 1)):
        _, report = fitted(task, checkpoint, *chosen, f"strategy.k={k}", f"seed={seed}")
        assert report.details["embedding_cached"]
    assert len(embedded) == 6
    fitted(task, checkpoint, *chosen, "strategy.k=3")
    assert len(embedded) == 9


def test_a_head_that_is_not_linear_is_refused(task, checkpoint, monkeypatch):
    from rnaernie_bench.heads.mean import MeanHead

    plain = MeanHead.predict
    monkeypatch.setattr(MeanHead, "predict", lambda self, x, batch: plain(self, x.relu(), batch))
    with pytest.raises(ConfigError, match=r"'mean' is not linear.*base=full"):
        fitted(task, checkpoint, "strategy.base=frozen", "strategy.types=random")


def test_a_run_is_recorded_saved_and_applied(task, checkpoint):
    config = task.config(*settings(checkpoint, "strategy.base=frozen"))
    outcome = execute(config, task_folders=[task.tasks])
    record = json.loads((outcome.folder / "record.json").read_text())
    assert record["strategy"] == {
        "name": "type_guided", "k": 3, "types": "predicted", "slot": "mask", "base": "frozen",
        "floor": 0.01, "predictor": None, "learning_rate": 1e-3, "batch_size": 64,
    }  # fmt: skip
    told = record["types"]
    assert told["predictor"] == "masked_lm" and len(told["weights_sha256"]) == 64
    assert told["copies"]["skipped"] + told["copies"]["read"] == 3 * 51
    assert told["validation"]["n"] == 12
    assert told["held_out"] is None
    predictor = load_predictor(outcome.folder)
    new = ["ACGUACGUACGUUUACG", "GGGCCCGGGCCC"]
    first = predictor(new)
    assert predictor(new[::-1])[::-1] == first
    assert (outcome.folder / "reliability.png").exists()


def test_an_oracle_is_a_control_that_cannot_predict(task, checkpoint):
    config = task.config(*settings(checkpoint, "strategy.base=frozen", "strategy.types=oracle"))
    outcome = execute(config, task_folders=[task.tasks])
    assert outcome.record["strategy"]["types"] == "oracle"
    assert "types" not in outcome.record
    with pytest.raises(ResultError, match="types=predicted"):
        load_predictor(outcome.folder)


def test_defaults_follow_the_base():
    for base, rate in LEARNING_RATES.items():
        options = compose(["task=ncrna_cls", "strategy=type_guided", f"strategy.base={base}"])
        assert options.strategy.learning_rate == rate
        assert compose(["task=ncrna_cls", f"strategy={base}"]).strategy.learning_rate == rate
    oracle = compose(["task=ncrna_cls", "strategy=type_guided", "strategy.types=oracle"])
    assert oracle.strategy.k == 1


@pytest.mark.parametrize(
    ("override", "key"),
    [
        ("strategy.k=0", "strategy.k"),
        ("strategy.k=29", "strategy.k"),
        ("strategy.floor=0.34", "strategy.floor"),
        ("strategy.floor=-0.1", "strategy.floor"),
        ("strategy.learning_rate=0", "strategy.learning_rate"),
        ("strategy.batch_size=0", "strategy.batch_size"),
        ("strategy.types=all", "strategy.types"),
    ],
)
def test_wrong_options_are_refused(override, key):
    with pytest.raises(ConfigError) as caught:
        compose(["task=ncrna_cls", "strategy=type_guided", override])
    assert caught.value.where == key


def test_untrained_weights_predict_no_types(task):
    config = task.config(*TINY_NET, "strategy=type_guided")
    with pytest.raises(ConfigError, match="never trained predict no types"):
        plan(config, [task.tasks])
    assert facts(task.config(*TINY_NET, "strategy=type_guided", "strategy.types=random")) == {
        "predictor": None
    }


def test_a_missing_classifier_is_named(task, checkpoint):
    config = task.config(*settings(checkpoint, "strategy.predictor=nowhere"))
    with pytest.raises(ConfigError, match=r"strategy.predictor: nowhere.*types train"):
        plan(config, [task.tasks])


def test_a_backbone_without_types_is_refused(task, checkpoint):
    from multimolecule import RnaTokenizer

    config = task.config(*settings(checkpoint))
    encoder = replace(load(config.backbone, 0), tokenizer=RnaTokenizer())
    with pytest.raises(ConfigError, match="lacks \\[IND\\] and the RNA types"):
        fit(task.context(config), encoder, config.strategy)


def test_an_oracle_needs_a_table(task, checkpoint):
    path = task.tasks / TASK / "task.yaml"
    declared = yaml.safe_load(path.read_text())
    for types, message in ((None, "does not say"), ("nonsense", "there is no RNA type 'nonsense'")):
        declared["types"] = dict.fromkeys(LABELS, types) if types else {}
        path.write_text(yaml.safe_dump(declared))
        with pytest.raises(BenchError, match=message):
            fitted(task, checkpoint, "strategy.types=oracle", "strategy.base=frozen")
