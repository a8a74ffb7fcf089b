"""`predict` on finished runs of every level: options, files, limits, and what is refused."""

from __future__ import annotations

import gzip
import io
import json
import random
import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rnaernie_bench.api import load_run, predict
from rnaernie_bench.cli.main import main
from rnaernie_bench.core.errors import ConfigError, DataError
from rnaernie_bench.data.structure_files import read_structures
from rnaernie_bench.metrics.tuning import Tuning
from rnaernie_bench.prediction import predictor as module
from rnaernie_bench.task.lengths import placed_windows
from tests.golden_kit import unpack
from tests.network_kit import tiny_network
from tests.pair_kit import tiny_pairs

BY_LEVEL = {
    "classes": "seq_kmer",
    "values": "seq_kmer_multilabel",
    "bases": "token_letters",
    "base pairs": "contact_multiclass_majority",
    "structures": "contact_onehot",
    "pairs": "pair_kmer",
    "pairs with several numbers": "pair_majority",
}
"""What a run predicts -> a saved model of it that needs no network of attention."""
PAIRS = {"pairs", "pairs with several numbers"}

Call = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("golden")


@pytest.fixture
def call(place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Call:
    """Give a function that predicts with a model; it returns status, what it wrote, and errors."""

    def predict(
        run: str | Path, source: str | Path | None = None, *options: str, output: str = "out.tsv"
    ) -> tuple[int, str, str]:
        folder = unpack(BY_LEVEL.get(str(run), str(run)), place) if isinstance(run, str) else None
        inputs = source or (folder and table(folder))
        path = tmp_path / output
        capsys.readouterr()
        where = "-" if output == "-" else str(path)
        status = main(
            ["predict", str(folder / "run" if folder else run), str(inputs), "-o", where, *options]
        )
        captured = capsys.readouterr()
        return status, path.read_text() if path.is_file() else captured.out, captured.err

    return predict


def table(folder: Path) -> Path:
    """Return the file of inputs in the folder of a saved model."""
    return next(path for path in (folder / "pairs.csv", folder / "in.fa") if path.exists())


@pytest.mark.parametrize("kind", BY_LEVEL)
def test_files_may_be_packed_piped_and_read_in_chunks(
    call: Call, place: Path, tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    end = ".dbn" if kind == "structures" else ".tsv"
    status, plain, err = call(kind, output=f"out{end}")
    assert status == 0
    noun = "pairs" if kind in PAIRS else "sequences"
    content = table(unpack(BY_LEVEL[kind], place)).read_bytes()
    count = content.count(b"\n") - 1 if kind in PAIRS else content.count(b">")
    assert err == f"{count} {noun} -> {tmp_path / f'out{end}'}\n"

    packed = tmp_path / "in.gz"
    packed.write_bytes(gzip.compress(content))
    assert call(kind, packed, output=f"again{end}")[1] == plain
    assert (
        main(["predict", str(place / BY_LEVEL[kind] / "run"), str(packed), "-o", f"o{end}.gz"]) == 0
    )
    assert gzip.decompress((tmp_path / f"o{end}.gz").read_bytes()).decode() == plain

    original = module.form_of
    monkeypatch.setattr(module, "form_of", lambda *asked: replace(original(*asked), chunk=2))
    stdin = io.TextIOWrapper(io.BufferedReader(io.BytesIO(content)))  # type: ignore[arg-type]
    monkeypatch.setattr(sys, "stdin", stdin)
    assert call(kind, "-", output="-")[1] == plain


PICTURE, TARGETS, TOP = "--picture", "--targets", "--top"
NO_PICTURE = "--picture: the run predicts no base pairs to draw"
NO_TARGETS = "--targets: the run reads one sequence at a time"
NO_FORMAT = "'.xyz' is no format of pictures"
NO_STRUCTURES = "out.ct: the run predicts no structures"
TOP_OF_WHAT = "--top: it counts the targets of a query: give --targets"


@pytest.mark.parametrize("kind", BY_LEVEL)
def test_an_option_that_does_not_apply_is_refused(call: Call, tmp_path: Path, kind: str) -> None:
    pairs, structures = kind in PAIRS, kind == "structures"
    refused = [
        ((PICTURE, "p.svg"), "" if pairs or structures else NO_PICTURE),
        ((PICTURE, "p.xyz"), NO_FORMAT if pairs or structures else NO_PICTURE),
        ((TOP, "3"), TOP_OF_WHAT),
        ((TARGETS, "t.fa"), "" if pairs else NO_TARGETS),
        ((TARGETS, "t.fa", TOP, "0"), "--top: the value must be 1" if pairs else NO_TARGETS),
    ]
    for options, message in refused:
        if message:
            status, out, err = call(kind, None, *options)
            assert (status, out, err.count("\n")) == (2, "", 1)
            assert message in err
    status, _, err = call(kind, output="out.ct")
    assert status == (0 if structures else 2)
    assert structures or NO_STRUCTURES in err
    if structures:
        assert "'.xyz' is no format of structures" in call(kind, output="out.xyz")[2]
    assert not {path.suffix for path in tmp_path.iterdir()} - {".ct"}


BAD = {
    "a repeated id": (">a\nAC\n>b\nAC\n>a b\nAC\n", "record 3 (a b)", "'a' stands in record 1"),
    "a foreign letter": (">x\nACGU\n>y\nAC!U\n", "record 2 (y), line 3", "letter '!'"),
    "no records": ("", "in.fa", "the file is empty"),
    "a record without sequence": (">x\n>y\nACGU\n", "record 1 (x)", "no sequence"),
    "no FASTA": ("ACGU\n", "line 1", "before the first header"),
    "half a gzip": (gzip.compress(b">x\nACGU\n" * 9)[:-12], "in.fa", "truncated or damaged"),
}
BAD_PAIRS = {
    "no column": ("first_id,first,second_id\na,ACGU,x\n", "no column 'second'"),
    "an id of two": (
        "first_id,first,second_id,second\na,AC,x,AC\na,AG,y,AC\n", "row 2", "another sequence"
    ),
}  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "case"),
    [(kind, case) for kind in BY_LEVEL for case in (BAD_PAIRS if kind in PAIRS else BAD)],
)
def test_bad_input_leaves_no_output(
    call: Call, tmp_path: Path, kind: str, case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = module.form_of  # chunks of one, so that lines are written before the fault is met
    monkeypatch.setattr(module, "form_of", lambda *asked: replace(original(*asked), chunk=1))
    content, *words = {**BAD, **BAD_PAIRS}[case]
    source = tmp_path / "in.fa"
    source.write_bytes(content if isinstance(content, bytes) else content.encode())  # type: ignore[attr-defined]
    status, _, err = call(kind, source)
    assert (status, err.count("\n")) == (2, 1)
    assert all(str(word) in err for word in words), err
    assert {path.name for path in tmp_path.iterdir()} == {"in.fa"}


@pytest.mark.parametrize("kind", BY_LEVEL)
def test_inputs_of_another_shape_are_refused_from_python(place: Path, kind: str) -> None:
    predictor = load_run(unpack(BY_LEVEL[kind], place) / "run")
    assert predict(predictor, []) == []
    given: list[Any] = ["ACGU"] if kind in PAIRS else [("ACGU", "ACGU")]
    message = "reads pairs of sequences" if kind in PAIRS else "reads one sequence at a time"
    with pytest.raises(ConfigError, match=message):
        predict(predictor, given)
    for text, words in (("", "2.*is empty"), ("AC!", "2.*letter '!'")):
        good, bad = ("ACGU", text) if kind not in PAIRS else (("AC", "AC"), ("AC", text))
        with pytest.raises(DataError, match=f"sequence {words}"):
            predict(predictor, [good, bad])


def with_length(folder: Path, length: str, target: Path) -> Path:
    """Copy a run, with another length policy."""
    shutil.copytree(folder / "run", target)
    path = target / "model" / "predictor.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "length": length}))
    return target


REMEDY = "cut it, or use a run with task.length=truncate or window"


@pytest.mark.parametrize(
    ("kind", "length", "remedy"),
    [
        ("seq_multiclass_mean_full", "error", REMEDY),
        ("seq_regression_pooled_full", "error", REMEDY),
        ("token_binary_frozen", "error", "cut it"),
        ("contact_multiclass_bilinear_frozen", "error", "cut it"),
        ("contact_onehot", "unpaired", "cut it"),
    ],
)
def test_over_the_limit(
    call: Call, place: Path, tmp_path: Path, kind: str, length: str, remedy: str
) -> None:
    run, long = with_length(unpack(kind, place), length, tmp_path / "copy"), "ACGU" * 128
    source = tmp_path / "in.fa"
    source.write_text(f">short\nACGU\n>long one\n{long}\n")
    status, _, err = call(run, source)
    assert status == 2 and not (tmp_path / "out.tsv").exists()
    said = "in.fa, record 2 (long one), line 3: the sequence has 512 bases, 508 fit"
    assert f"{said}; {remedy}\n" in err
    with pytest.raises(DataError, match=r"sequence 2.*512 bases, 508 fit"):
        predict(run, ["ACGU", long])


@pytest.mark.parametrize("encoding", ["towers", "joint"])
def test_partners_over_the_limit_are_read_by_windows(encoding: Any) -> None:
    fitted: Any = tiny_pairs(encoding=encoding, max_bases=12)
    one = module.Predictor(fitted, "pair", "binary", ("no", "yes"), Tuning(), max_bases=12)
    draw = random.Random(5)
    long, short = ("".join(draw.choices("ACGU", k=n)) for n in (31, 5))
    first, second, whole = one([(short, long), (long, long), (short, short)])
    assert whole.windows == ((1, 5), (1, 5))
    # The best of all windows, found one by one.
    sizes = (12, 12) if encoding == "towers" else (5, 6)
    cut = [placed_windows(t, n, n // 2) for t, n in ((short, sizes[0]), (long, sizes[1]))]
    pairs = [(a, b) for _, a in cut[0] for _, b in cut[1]]
    best = pairs[int(fitted.logits(pairs)[:, 0].argmax())]
    (a, b), (c, d) = first.windows
    assert (short[a - 1 : b], long[c - 1 : d]) == best
    assert first.probability == pytest.approx(one([best])[0].probability, abs=1e-5)
    (a, b), (c, d) = second.windows
    stretch = (long[a - 1 : b], long[c - 1 : d])
    assert second.probability == pytest.approx(one([stretch])[0].probability, abs=1e-5)
    assert one.form.header(one)[-2:] == ["first_window", "second_window"]
    assert next(iter(one.form.rows(one, first.pair, first)))[-2] == "1-5"
    # Of several numbers none says which window is the best.
    several: Any = tiny_pairs(problem="regression", encoding=encoding, max_bases=12)
    two = module.Predictor(several, "pair", "regression", ("a", "b"), Tuning(), max_bases=12)
    with pytest.raises(DataError, match=r"pair 1.*1[12] fit"):
        two([(short, long)])


def test_what_a_head_cannot_read_is_refused_by_its_record(tmp_path: Path) -> None:
    fitted = tiny_network("positions")  # of five bases
    predictor = module.Predictor(fitted, "sequence", "binary", ("no", "yes"), Tuning())
    source = tmp_path / "in.fa"
    source.write_text(">whole\nACGUA\n>cut one\nACGU\n")
    with pytest.raises(DataError, match=r"in\.fa, record 'cut': .* 4 positions.* reads 5; leave"):
        list(predictor.predict_file(source))
    with pytest.raises(DataError, match=r"sequence 2: the sequence has 4 positions"):
        predictor(["ACGUA", "ACGU"])
    assert len(predictor(["ACGUA"])) == 1


@pytest.mark.parametrize(
    ("kind", "length", "most", "cut"),
    [
        ("seq_multiclass_mean_full", "truncate", 508, True),
        ("seq_multiclass_mean_full", "window", 508, False),
        ("seq_multilabel_mean_lora", "truncate", 508, True),
        ("seq_multilabel_mean_lora", "window", 508, False),
        ("pair_interaction_frozen", "truncate", 508, True),
        ("pair_interaction_joint_full", "truncate", 507 - 4, True),  # with a partner of four bases
    ],
)
def test_inputs_that_are_cut_are_marked(
    call: Call, place: Path, tmp_path: Path, kind: str, length: str, most: int, cut: bool
) -> None:
    run = with_length(unpack(kind, place), length, tmp_path / "copy")
    texts = ["A" * most, "A" * most + "G"]
    pairs = kind.startswith("pair")
    given: list[Any] = [("ACGU", text) for text in texts] if pairs else texts
    assert [found.truncated for found in predict(run, given)] == [False, cut]
    rows = [f"q,ACGU,{i},{text}\n" if pairs else f">{i}\n{text}\n" for i, text in enumerate(texts)]
    source = tmp_path / "in.fa"
    source.write_text("first_id,first,second_id,second\n" * pairs + "".join(rows))
    noun = "pairs" if pairs else "sequences"
    message = f"2 {noun}{', 1 of them truncated' if cut else ''} -> {tmp_path / 'out.tsv'}\n"
    assert call(run, source)[2].endswith(message)


def test_notations_and_pictures_of_structures(call: Call, tmp_path: Path) -> None:
    _, dot_brackets, _ = call("structures", None, "--picture", "first.svg", output="out.dbn")
    assert (tmp_path / "first.svg").read_text().startswith("<?xml")
    expected = list(read_structures(tmp_path / "out.dbn"))
    assert any(len(record.pairs) for record in expected)
    assert call("structures", output="-")[1] == dot_brackets
    for name in ("out.ct", "out.bpseq"):
        assert call("structures", output=name)[0] == 0
        assert list(read_structures(tmp_path / name)) == expected


def test_targets_of_queries(place: Path, tmp_path: Path) -> None:
    queries, targets = tmp_path / "q.fa", tmp_path / "t.fa"
    queries.write_text(">a\nACGUACG\n>b\nGGAC\n")
    targets.write_text(">x\nUUGCAUGCAA\n>y\nGGGGCC\n>z\nAAAAAA\n")
    fitted: Any = tiny_pairs(problem="regression")
    one = module.Predictor(fitted, "pair", "regression", ("affinity",), Tuning())
    assert one.form.rank is not None
    found = [prediction for _, prediction in one.form.rank(one, queries, targets, 2)]
    assert [p.pair.first_id for p in found] == ["a", "a", "b", "b"]
    pairs = [(a, b) for a in ("ACGUACG", "GGAC") for b in ("UUGCAUGCAA", "GGGGCC", "AAAAAA")]
    scores = sorted(fitted.logits(pairs)[:3, 0])[:0:-1]
    assert [p.numbers["affinity"] for p in found[:2]] == pytest.approx(scores, abs=1e-5)
    many = replace(one, problem="multiclass", labels=("a", "b", "c"))
    with pytest.raises(ConfigError, match="3 numbers, targets are ranked by one"):
        next(one.form.rank(many, queries, targets, 1))
    # What is over the limit is read by windows.
    narrow = replace(one, fitted=tiny_pairs(problem="regression", max_bases=6))
    _, best = next(one.form.rank(narrow, queries, targets, 1))
    (a, b), (c, d) = best.windows
    read = (best.pair.first[a - 1 : b], best.pair.second[c - 1 : d])
    assert max(map(len, read)) <= 6
    assert best.numbers["affinity"] == pytest.approx(
        narrow([read])[0].numbers["affinity"], abs=1e-5
    )


@pytest.mark.parametrize("end", [".svg", ".png"])
def test_the_picture_of_a_pair_shows_map_and_duplex(tmp_path: Path, end: str) -> None:
    pytest.importorskip("RNA")
    predictor = module.Predictor(tiny_pairs(), "pair", "binary", ("none", "interaction"), Tuning())
    [found] = predictor([("GGGAAACC", "AAGGUUUCCCAA")])
    assert predictor.form.draw is not None
    predictor.form.draw(predictor, found, tmp_path / f"pair{end}")
    assert (tmp_path / f"pair{end}").stat().st_size > 2000
    if end == ".svg":
        assert "duplex" in (tmp_path / "pair.svg").read_text()


def test_runs_by_id_and_runs_there_are_not(call: Call, place: Path, tmp_path: Path) -> None:
    shutil.copytree(unpack("seq_kmer", place) / "run", tmp_path / "runs" / "task" / "0123456789ab")
    source = place / "seq_kmer" / "in.fa"
    assert call(Path("0123456"), source)[0] == 0
    status, _, err = call(Path("abcdef"), source)
    assert status == 2 and "there is no run 'abcdef'" in err
    status, _, err = call("seq_kmer", "no/such.fa")
    assert status == 2 and "no/such.fa" in err


def test_a_run_that_the_test_set_chose_says_so(call: Call, place: Path, tmp_path: Path) -> None:
    copy = tmp_path / "published"
    shutil.copytree(unpack("seq_kmer", place) / "run", copy)
    saved = copy / "model" / "predictor.json"
    described = json.loads(saved.read_text())
    saved.write_text(json.dumps({**described, "protocol": "as_published"}))
    assert "AS PUBLISHED" in call(copy, place / "seq_kmer" / "in.fa")[2]
    assert "AS PUBLISHED" not in call("seq_kmer")[2]


@pytest.mark.parametrize("missing", ["record.json", "model"])
def test_unfinished_runs(call: Call, place: Path, tmp_path: Path, missing: str) -> None:
    unfinished = tmp_path / "unfinished"
    shutil.copytree(unpack("seq_kmer", place) / "run", unfinished)
    victim = unfinished / missing
    shutil.rmtree(victim) if victim.is_dir() else victim.unlink()
    status, _, err = call(unfinished, place / "seq_kmer" / "in.fa")
    assert (status, err.count("\n")) == (2, 1)
    assert str(unfinished) in err and "finished" in err
    assert not (tmp_path / "out.tsv").exists()


@pytest.mark.parametrize(
    ("kind", "file"),
    [
        ("seq_kmer", "kmer.npz"),
        ("seq_cnn", "cnn.safetensors"),
        ("seq_multiclass_pooled_full", "model.safetensors"),
        ("seq_multiclass_pooled_full", "config.json"),
        ("seq_multiclass_mean_full", "head.safetensors"),
        ("seq_multiclass_mean_full", "backbone/config.json"),
        ("contact_onehot", "onehot.safetensors"),
        ("pair_interaction_frozen", "head.json"),
    ],
)
@pytest.mark.parametrize("damage", ["removed", "cut"])
def test_damaged_models(
    call: Call, place: Path, tmp_path: Path, kind: str, file: str, damage: str
) -> None:
    damaged, folder = tmp_path / "run", unpack(kind, place)
    shutil.copytree(folder / "run", damaged)
    victim = damaged / "model" / file
    if damage == "removed":
        victim.unlink()
    else:
        victim.write_bytes(victim.read_bytes()[:20])
    status, _, err = call(damaged, table(folder))
    # Transformers, if another test imported it first, also shows its progress bars.
    (line,) = [line for line in err.splitlines() if line.startswith("rnaernie-bench: ")]
    assert status == 2 and "cannot be loaded" in line and line.endswith("repeat the run")


def test_models_from_before_there_were_levels_predict_classes(place: Path, tmp_path: Path) -> None:
    copy = tmp_path / "old"
    shutil.copytree(unpack("seq_kmer", place) / "run", copy)
    path = copy / "model" / "predictor.json"
    saved = json.loads(path.read_text())
    path.write_text(json.dumps({k: v for k, v in saved.items() if k not in ("level", "problem")}))
    assert predict(copy, ["ACGU"]) == predict(place / "seq_kmer" / "run", ["ACGU"])
