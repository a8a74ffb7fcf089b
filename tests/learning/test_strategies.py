"""Strategies serve all levels: what is kept, what is trained, what is saved."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from rnaernie_bench.config.compose import compose
from rnaernie_bench.core.errors import ConfigError, DataError
from rnaernie_bench.core.registry import resolve
from rnaernie_bench.data.loading import load_dataset, make_split
from rnaernie_bench.learning.interface import FitContext
from rnaernie_bench.learning.saved import load_network
from rnaernie_bench.task.catalogue import STRATEGIES
from rnaernie_bench.task.task import load_task
from tests.kit import Made, make_task
from tests.network_kit import tiny_encoder, tiny_network

PROBLEMS = {"sequence": "multiclass", "token": "binary", "contact": "binary", "pair": "binary"}
SETTINGS = (
    "task=made", "preset=bench", "tracking=none", "backbone=rnaernie-tiny", "backbone.init=random",
    "backbone.num_hidden_layers=1", "backbone.hidden_size=16", "backbone.num_attention_heads=2",
    "backbone.intermediate_size=32", "trainer.max_epochs=2", "trainer.token_budget=200",
    "trainer.progress=false", "trainer.patience=50", "trainer.learning_rates=[]",
)  # fmt: skip


@pytest.fixture(scope="module")
def tasks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Made]]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("tasks")
    made = {}
    for name, problem in PROBLEMS.items():
        (folder / name).mkdir()
        made[name] = make_task(folder / name, name, problem)
    yield made
    torch.set_num_threads(threads)


@pytest.fixture
def fit(tasks: dict[str, Made], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Give a function from a level and settings to a fitted network, its report, and test items."""

    folders_used = []

    def fitted(level: str, *settings: str) -> tuple[Any, Any, list[Any]]:
        made = tasks[level]
        folders_used.append(tmp_path / f"fit{len(folders_used)}")  # or a fit would be gone on with
        monkeypatch.setenv("RNAERNIE_BENCH_DATA", made.folder.anchor)
        monkeypatch.setenv("RNAERNIE_BENCH_CACHE", str(tmp_path / "cache"))
        folders = [made.folder / "tasks"]
        config = compose((*SETTINGS, *settings), folders)
        task = load_task("made", folders)
        dataset = load_dataset(task, simulated=False)
        split = make_split(task, dataset, task.default_split)
        context = FitContext(
            task, config, split.train, split.validation, dataset, folders_used[-1]
        )  # fmt: skip
        strategy = STRATEGIES.get(config.strategy.name)
        found = resolve(strategy.fit)(context, tiny_encoder(), config.strategy)
        (tests,) = split.tests.values()
        return *found, [item.input for item in tests]

    return fitted


def scores(fitted: Any, items: list[Any]) -> np.ndarray:
    """Return the scores of units; of structures, the probabilities of all pairs of bases."""
    if fitted.model.kind.__name__ != "ContactInputs":
        return np.asarray(fitted.logits(items))
    found = dict(fitted.probabilities(items))
    return np.concatenate([found[index].ravel() for index in range(len(items))])


@pytest.mark.parametrize("level", PROBLEMS)
def test_a_saved_frozen_network_scores_as_the_kept_features_do(
    fit: Any, level: str, tmp_path: Path
) -> None:
    """Kept states are rounded to half precision, and so are those that are computed afresh."""
    fitted, report, items = fit(level, "strategy=frozen")
    assert fitted.knows(items)
    expected = scores(fitted, items)
    folder = tmp_path / "model"
    folder.mkdir()
    fitted.save(folder)
    reader = fitted.reader
    loaded = load_network(folder, {"max_bases": reader.max_bases, "length": reader.policy,
                                   "token_budget": reader.token_budget})  # fmt: skip
    assert loaded.kept is None
    assert loaded.model.half_features == (level != "sequence")
    again = scores(loaded, items)
    gaps = np.abs(again - expected) / (np.abs(expected) + 0.1)
    assert np.median(gaps) < 1e-6 and gaps.max() < 2e-4
    plain = replace(loaded, model=fitted.model)
    fitted.model.half_features = False
    if level != "sequence":  # without rounding, they differ as the precision of what is kept
        assert np.abs(scores(plain, items) - expected).mean() > 5 * np.abs(again - expected).mean()
    assert report.details["embedding_cached"] is False


@pytest.mark.parametrize("level", PROBLEMS)
def test_a_frozen_backbone_stays_and_is_read_once(fit: Any, level: str) -> None:
    before = tiny_encoder().model.state_dict()
    fitted, _, _ = fit(level, "strategy=frozen")
    after = fitted.model.backbone.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
    _, again, _ = fit(level, "strategy=frozen", "seed=1")
    assert again.details["embedding_cached"] and again.details["embedding_s"] == 0


@pytest.mark.parametrize("level", PROBLEMS)
def test_layers_learn_at_their_rates_and_in_their_turn(fit: Any, level: str) -> None:
    before = tiny_encoder().model.state_dict()
    fitted, _, _ = fit(
        level, "strategy=full", "strategy.learning_rate=0.01", "strategy.unfreeze_every=1",
        "strategy.layer_decay=0.5", "trainer.max_epochs=1",
    )  # fmt: skip
    after = fitted.model.backbone.state_dict()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert not [name for name in changed if not name.startswith("pooler.")]  # the head alone
    fitted, _, _ = fit(
        level, "strategy=full", "strategy.learning_rate=0.01", "strategy.layer_decay=0.5"
    )
    after = fitted.model.backbone.state_dict()
    layer, words = "encoder.layer.0.intermediate.dense.weight", "embeddings.word_embeddings.weight"
    gaps = {name: float((after[name] - before[name]).abs().max()) for name in (layer, words)}
    assert gaps[layer] > gaps[words] > 0


@pytest.mark.parametrize("base", ["full", "frozen"])
@pytest.mark.parametrize("level", PROBLEMS)
def test_types_guide_every_level(fit: Any, level: str, base: str, tmp_path: Path) -> None:
    fitted, report, items = fit(
        level, "strategy=type_guided", "strategy.types=random", "strategy.k=2",
        f"strategy.base={base}", f"trainer.fast_dropout={str(base == 'frozen').lower()}",
    )  # fmt: skip
    expected = scores(fitted, items)
    assert np.isfinite(expected).all() and report.details["typing_s"] == 0
    fresh = scores(replace(fitted, kept=None), items)
    gaps = np.abs(fresh - expected) / (np.abs(expected) + 0.1)
    assert np.median(gaps) < 1e-5 and gaps.max() < 1e-3
    untyped = replace(fitted, kept=None, reader=replace(fitted.reader, tails=None))
    assert not np.allclose(scores(untyped, items), fresh, atol=1e-4)
    folder = tmp_path / "model"
    folder.mkdir()
    fitted.save(folder)
    loaded = load_network(folder, {"max_bases": 508, "length": fitted.reader.policy,
                                   "token_budget": 200})  # fmt: skip
    np.testing.assert_allclose(scores(loaded, items), fresh, atol=2e-4, rtol=1e-3)


@pytest.mark.parametrize(
    ("level", "settings", "message"),
    [
        ("contact", ("strategy=frozen", "task.head=attention"), "reads attention maps"),
        ("pair", ("strategy=frozen", "task.encoding=joint"), "joint inputs are pairs"),
        ("pair", ("strategy=type_guided", "strategy.types=random", "task.encoding=joint"),
         "copies with types are of single sequences"),
        ("token", ("strategy=type_guided", "strategy.types=oracle"), "no type follows"),
        ("pair", ("strategy=type_guided", "strategy.types=oracle"), "no type follows"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(
    fit: Any, level: str, settings: tuple[str, ...], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        fit(level, *settings)


class TestLongPairs:
    """Under `truncate`, a piece of each partner is read; under `error`, none that is too long."""

    LONG = ("ACGUACGUAC", "GGGGCCCCUUUUAAAA")

    @pytest.mark.parametrize("encoding", ["towers", "joint"])
    def test_what_is_cut_scores_as_what_is_left(self, encoding: Any) -> None:
        fitted = tiny_network("segments", policy="truncate", max_bases=13, encoding=encoding)
        left = (self.LONG[0], self.LONG[1][:13])
        if encoding == "joint":  # 12 bases fit: half of them are the first partner's
            left = (self.LONG[0][:6], self.LONG[1][:6])
        found = fitted.logits([self.LONG, left])
        np.testing.assert_allclose(found[0], found[1], atol=1e-6)

    @pytest.mark.parametrize(("encoding", "expected"), [("towers", [1, 0]), ("joint", [1, 1])])
    def test_they_are_counted(self, encoding: Any, expected: list[int]) -> None:
        fitted = tiny_network("segments", policy="truncate", max_bases=13, encoding=encoding)
        assert [fitted.too_long(pair) for pair in (self.LONG, ("A" * 6, "C" * 7))] == expected

    def test_the_longer_partner_gets_what_the_shorter_leaves(self) -> None:
        reader = tiny_network("segments", policy="truncate", max_bases=13, encoding="joint").reader
        from rnaernie_bench.learning.pair_inputs import truncated

        assert truncated(("A" * 20, "C" * 4), reader) == ("A" * 8, "C" * 4)
        assert truncated(("A" * 4, "C" * 20), reader) == ("A" * 4, "C" * 8)
        assert truncated(("A" * 4, "C" * 8), reader) == ("A" * 4, "C" * 8)

    @pytest.mark.parametrize(
        ("encoding", "bases", "message"),
        [("towers", 16, None), ("towers", 15, "pair 1: a sequence has 16 bases, 15 fit"),
         ("joint", 27, None), ("joint", 26, "pair 1: both sequences have 26 bases, 25 fit")],
    )  # fmt: skip
    def test_what_does_not_fit_is_refused(
        self, encoding: Any, bases: int, message: str | None
    ) -> None:
        fitted = tiny_network("segments", max_bases=bases, encoding=encoding)
        if message is None:
            fitted.logits([self.LONG])
            return
        with pytest.raises(DataError, match=message):
            fitted.logits([self.LONG])


@pytest.mark.parametrize("encoding", ["towers", "joint"])
def test_the_processes_of_a_launch_share_pairs(
    monkeypatch: pytest.MonkeyPatch, encoding: Any
) -> None:
    from rnaernie_bench.core import distributed

    fitted = tiny_network("interaction", encoding=encoding, token_budget=40)
    pairs = [("ACGU" * n, "GGCA" * (5 - n)) for n in (1, 2, 3, 4)] * 2
    alone, shares = fitted.logits(pairs), []

    class SharedError(Exception):
        pass

    def share(found: Any) -> Any:
        shares.append(found)
        raise SharedError

    monkeypatch.setattr(distributed, "count", lambda: 2)
    monkeypatch.setattr(distributed, "gather", share)
    for number in (0, 1):
        monkeypatch.setattr(distributed, "number", lambda number=number: number)
        with pytest.raises(SharedError):
            fitted.logits(pairs)
    assert all(shares)  # each has worked
    monkeypatch.setattr(distributed, "gather", lambda found: shares)
    np.testing.assert_allclose(fitted.logits(pairs), alone, atol=1e-5)
