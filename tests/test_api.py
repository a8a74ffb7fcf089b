from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

import rnaernie_bench
from rnaernie_bench import api
from rnaernie_bench.core.errors import BenchError, ConfigError, DataError
from rnaernie_bench.testing import MOCK_TASKS, try_out


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return try_out(tmp_path_factory.mktemp("api"))


def test_equal_arguments_find_the_finished_run(outcome: Any) -> None:
    again = rnaernie_bench.run(
        rnaernie_bench.load_task("mock_cls", [MOCK_TASKS]),
        backbone="mock",
        strategy="full",
        settings={"trainer.max_epochs": 1, "trainer.progress": False, "task.data": "simulated"},
        runs_dir=outcome.folder.parents[1],
    )
    assert again.repeated and not outcome.repeated
    assert again.record == outcome.record


def test_predictions(outcome: Any, tmp_path: Path) -> None:
    upper, lower = rnaernie_bench.predict(outcome, ["GGGCUUCGGCCC", "gggcttcggccc"])
    assert upper == lower
    assert set(upper.probabilities) == {"hairpin", "cloverleaf", "terminator", "long_stem"}
    assert sum(upper.probabilities.values()) == pytest.approx(1)
    fasta = tmp_path / "in.fa"
    fasta.write_text(">one\nGGGCUUCGGCCC\n")
    assert api.predict(api.load_run(outcome.folder), fasta) == [upper]
    runs_dir = outcome.folder.parents[1]
    assert api.predict(outcome.folder.name[:8], ["GGGCUUCGGCCC"], runs_dir=runs_dir) == [upper]
    assert api.predict(outcome, []) == []


def test_the_authors_head_loads_under_multimolecules_names(outcome: Any) -> None:
    import torch
    from multimolecule import AutoModelForSequencePrediction
    from transformers import AutoTokenizer

    model = AutoModelForSequencePrediction.from_pretrained(outcome.folder / "model").eval()
    batch = AutoTokenizer.from_pretrained(outcome.folder / "model")("GGGCA", return_tensors="pt")
    with torch.inference_mode():
        logits = model(**batch).logits[0].numpy()
    predictor = rnaernie_bench.load_run(outcome)
    assert np.allclose(predictor.fitted.logits(["GGGCA"])[0], logits, atol=1e-5)
    assert model.config.id2label[0] == predictor.labels[0] == "hairpin"


@pytest.mark.parametrize(
    ("sequences", "words"),
    [
        ("GGG", "sequences: one text is no list"),
        (["GGG", ""], "sequence 2: the sequence is empty"),
        (["GGJ"], "sequence 1"),
        (Path("nowhere.fa"), "nowhere.fa"),
    ],
)
def test_sequences_that_are_none(outcome: Any, sequences: Any, words: str) -> None:
    with pytest.raises((ConfigError, DataError)) as caught:
        rnaernie_bench.predict(outcome, sequences)
    assert words in str(caught.value)


def test_what_a_user_can_mend_is_a_bench_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no backbone 'kmr'; did you mean kmer"):
        rnaernie_bench.run("ncrna_cls", backbone="kmr")
    with pytest.raises(ConfigError, match="'seed' is an argument of its own"):
        rnaernie_bench.run("ncrna_cls", settings={"seed": 3})
    with pytest.raises(ConfigError, match="'a,b' is no name"):
        rnaernie_bench.run("ncrna_cls", backbone="a,b")
    with pytest.raises(BenchError, match="there is no run"):
        rnaernie_bench.load_run("0123456789ab", runs_dir=tmp_path)


@pytest.mark.parametrize(
    "value",
    [None, True, 3, 1e-5, "plain", "1", "null", "a, b", "it's", "c\\", "q\\'", "", [0.1, "x"]],
)
def test_values_stand_in_settings_as_they_are(value: Any) -> None:
    parsed = OverridesParser.create().parse_override(api._override("trainer.key", value))
    assert not parsed.is_sweep_override()
    assert parsed.value() == value
    assert type(parsed.value()) is type(value)


def test_importing_the_package_imports_next_to_nothing() -> None:
    code = (
        "import sys, rnaernie_bench\n"
        "print(*sorted(m for m in sys.modules if m.startswith('rnaernie_bench')))\n"
        "import rnaernie_bench.prediction.saved\n"
        "from rnaernie_bench import load_run, load_task, predict, run\n"
        "assert all(map(callable, (load_run, load_task, predict, run)))\n"
        "assert {'predict', 'run'} <= set(dir(rnaernie_bench))\n"
        "print(*({'torch', 'multimolecule', 'hydra'} & sys.modules.keys()))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    light = "rnaernie_bench rnaernie_bench.core rnaernie_bench.core.moved"
    assert done.stdout.splitlines() == [light, ""]
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        rnaernie_bench.nothing  # noqa: B018
