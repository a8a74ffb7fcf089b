"""A type classifier of a small corpus: trained, kept, measured, and what guides a run."""

from __future__ import annotations

import json
import random
from pathlib import Path

import numpy as np
import pytest

from rnaernie_bench.backbones.vocabulary import RNA_TYPES
from rnaernie_bench.cli.main import main
from rnaernie_bench.learning.guidance.guides import Predicted, load_guide
from rnaernie_bench.learning.guidance.predictors import restore

LETTERS = {"tRNA": "AAAAC", "rRNA": "GGGGC"}


@pytest.fixture
def corpus(tmp_path: Path) -> list[str]:
    """Give the settings of a corpus of two types that letters tell apart."""
    generator = random.Random(0)
    lines = [
        f">{kind}{number} {kind}\n{''.join(generator.choices(letters, k=40))}\n"
        for kind, letters in LETTERS.items()
        for number in range(20)
    ]
    (tmp_path / "typed.fa").write_text("".join(lines))
    return ["corpus=fasta", f"corpus.files=[{tmp_path / 'typed.fa'}]", "corpus.exclude=[]",
            "corpus.held_out=0.2"]  # fmt: skip


def test_train_measure_and_use(
    corpus: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "classifier"
    assert main(["types", "train", str(out), *corpus, "--max-k", "2"]) == 0
    printed = capsys.readouterr().out
    assert "accuracy 1.000" in printed and f"strategy.predictor={out}" in printed
    predictor = restore(out)
    logits = predictor.logits(["AAAACAAAAC", "GGGGCGGGGC"])
    assert [RNA_TYPES[i] for i in logits.argmax(axis=1)] == ["tRNA", "rRNA"]
    assert np.exp(logits[:, RNA_TYPES.index("snRNA")]).max() < 1e-9  # not in the corpus
    facts = predictor.facts()
    assert facts["predictor"] == "kmer" and facts["held_out"]["accuracy"] == 1
    assert facts["weights_sha256"] == restore(out).facts()["weights_sha256"]
    (tmp_path / "guide").mkdir()
    guide = Predicted(predictor, 2, 0.0)
    guide.save(tmp_path / "guide")
    again = load_guide(tmp_path / "guide").choose(["AAAACAAAAC"])
    assert np.allclose(again.weights, guide.choose(["AAAACAAAAC"]).weights)

    picture = tmp_path / "reliability.svg"
    arguments = ["types", "measure", str(out), *corpus, "--json", "--plot", str(picture)]
    assert main(arguments) == 0
    assert json.loads(capsys.readouterr().out)["accuracy"] == 1
    assert picture.exists()
    assert main(["types", "train", str(out), *corpus]) == 2  # the folder is there already


def test_settings_that_are_not_of_a_corpus_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["types", "train", str(tmp_path / "x"), "trainer.max_steps=3"]) == 2
    assert "is not a setting of a corpus" in capsys.readouterr().err
