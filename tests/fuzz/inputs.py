"""Files as nobody should write them, and what has to become of each: use, or one line.

Each kind starts from a sound file, made by a grammar, and damages it: values, keys, structure,
letters or bytes. What is accepted all the same has to satisfy what every later step relies on.
"""

from __future__ import annotations

import io
import json
import random
import shutil
import signal
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from rnaernie_bench.core.errors import BenchError

LIMIT_S = 20
"""An input that takes longer hangs."""

ODD: tuple[Any, ...] = (
    None, True, -1, 0, 1.5, 10**20, 2**63, "", " ", "..", "../x", "/etc/passwd", "a b", "a\n", "ı",
    "ß", "~", "x" * 300, "5 fold", [], {}, [[]], {"a": {}}, float("nan"), float("inf"), "C:\\x",
    ["train", "train"], {"": 1}, {"a b": {"part": "test"}}, "(?P<id>", "*", "‮abc",
)  # fmt: skip
_TEXTS = ("\0", "\t", "&a ", "*a", "!!python/name:os.system ", "{" * 90, "[" * 3000, "\r", "﻿",
          "9" * 25, "-", ":", "#", '"', "\\u0000", "\x1b[2J", "�", "é", "nan", "1e400")  # fmt: skip

Try = Callable[[random.Random, Path], None]


@dataclass(frozen=True)
class Fault:
    """An input that was dealt with wrongly."""

    kind: str
    number: int
    what: str


class WrongError(Exception):
    """Something was accepted that no later step can use."""


def inputs(count: int, seed: int, folder: Path, kinds: dict[str, Try]) -> Iterator[Fault]:
    """Try `count` inputs, as many of each kind, and yield those that were dealt with wrongly."""
    for number in range(count):
        kind = list(kinds)[number % len(kinds)]
        place = folder / "tried"
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        rng = random.Random(f"{seed} {kind} {number}")
        try:
            with _limited():
                kinds[kind](rng, place)
        except BenchError as error:
            if "\n" in str(error) or len(str(error)) > 2000:
                yield Fault(kind, number, f"more than a line: {str(error)[:100]!r}")
        except TimeoutError:
            yield Fault(kind, number, "hangs")
        except Exception as error:
            yield Fault(kind, number, f"{type(error).__name__}: {str(error)[:200]}")
        outside = [each.name for each in folder.iterdir() if each != place]
        if outside != ["kept"]:
            yield Fault(kind, number, f"wrote outside: {outside}")


@contextmanager
def _limited() -> Iterator[None]:
    def over(number: int, frame: object) -> None:
        raise TimeoutError

    former = signal.signal(signal.SIGALRM, over)
    signal.alarm(LIMIT_S)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, former)


def damaged(value: Any, rng: random.Random) -> Any:
    """Return a document with one node replaced, left out, doubled or nested."""
    places = list(_places(value))
    path = rng.choice(places)
    value = json.loads(json.dumps(value))
    if not path:
        return rng.choice(ODD)
    *parents, last = path
    inner = value
    for step in parents:
        inner = inner[step]
    how = rng.randrange(5)
    if how == 0:
        del inner[last]
    elif how == 1 and isinstance(inner, dict):
        inner[rng.choice(("", "a b", "../x", "extra", "ı"))] = inner.pop(last)
    elif how == 2:
        for _ in range(rng.choice((1, 70))):
            inner[last] = [inner[last]]
    else:
        inner[last] = rng.choice(ODD)
    return value


def _places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    if isinstance(value, dict | list):
        for key, child in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _places(child, (*path, key))


def scratched(text: str, rng: random.Random) -> str:
    """Return a text with pieces taken out, doubled or put in."""
    for _ in range(rng.randint(1, 3)):
        place = rng.randrange(len(text) + 1)
        end = min(len(text), place + rng.randint(0, 12))
        piece = rng.choice(("", text[place:end] * 2, rng.choice(_TEXTS)))
        text = text[:place] + piece + text[end:]
    return text


def flipped(content: bytes, rng: random.Random) -> bytes:
    """Return bytes with some flipped, or cut."""
    changed = bytearray(content)
    for _ in range(rng.randint(1, 4)):
        if changed:
            changed[rng.randrange(len(changed))] = rng.randrange(256)
    return bytes(changed[: rng.randrange(len(changed) + 1)] if rng.random() < 0.3 else changed)


def write(path: Path, text: str) -> Path:
    """Write a text, whatever is in it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode("utf-8", errors="surrogatepass"))
    return path


def need(sound: object, what: str) -> None:
    """Raise WrongError unless something is sound."""
    if not sound:
        raise WrongError(what)


def tasks(declared: dict[str, Any]) -> Try:
    """Return what tries declarations of tasks."""
    from rnaernie_bench.core.names import check_inside, check_name
    from rnaernie_bench.runs.validate import check
    from rnaernie_bench.task.task import read_task

    def attempt(rng: random.Random, place: Path) -> None:
        raw = damaged(declared, rng) if rng.random() < 0.6 else declared
        text = yaml.safe_dump(raw, allow_unicode=True)
        if raw is declared:
            text = scratched(text, rng)
        path = write(place / declared["name"] / "task.yaml", text)
        if rng.random() < 0.1:
            found = [finding for finding, _ in zip(check(path), range(3), strict=False)]
            need(found, "nothing is found")
        task = read_task(path)
        names = [task.name, *task.splits, *(t for s in task.splits.values() for t in s.tests)]
        need(not any(map(check_name, names)), f"a name of {names}")
        paths = [file.path for file in task.data_files.values()]
        need(task.dataset.own or not any(map(check_inside, paths)), f"a path of {paths}")

    return attempt


def records(record: dict[str, Any]) -> Try:
    """Return what tries records of results."""
    from rnaernie_bench.core.names import check_name
    from rnaernie_bench.results.record import validate_record
    from rnaernie_bench.results.store import read_record, record_path

    def attempt(rng: random.Random, place: Path) -> None:
        raw = damaged(record, rng) if rng.random() < 0.7 else record
        text = json.dumps(raw)
        path = write(place / "record.json", scratched(text, rng) if raw is record else text)
        found = read_record(path)
        validate_record(found)
        json.dumps(found, allow_nan=False).encode()
        target = record_path(found, place)
        names = target.relative_to(place).parts
        need(not any(check_name(name) for name in names), f"a name of {names}")

    return attempt


def structures(rng: random.Random, place: Path) -> None:
    """Try files of base pairs, which say the same in four notations."""
    from rnaernie_bench.data.alphabet import LETTERS
    from rnaernie_bench.data.structure_files import read_structures

    size = rng.randint(1, 30)
    letters = "".join(rng.choices("ACGUacguTN", k=size))
    partner = [0] * size
    free = rng.sample(range(size), size)
    while len(free) > 1 and rng.random() < 0.6:
        i, j = free.pop(), free.pop()
        partner[i], partner[j] = j + 1, i + 1
    rows = list(enumerate(zip(letters, partner, strict=True), start=1))
    kind = rng.choice(("bpseq", "ct", "dbn", "st"))
    if kind == "bpseq":
        text = "".join(f"{i} {letter} {j}\n" for i, (letter, j) in rows)
    elif kind == "ct":
        head = f"{size} name\n"
        text = head + "".join(f"{i} {c} {i - 1} {i + 1} {j} {i}\n" for i, (c, j) in rows)
    else:
        depth = rng.randint(0, size // 2)
        dots = "(" * depth + "." * (size - 2 * depth) + ")" * depth
        text = f"{'#Name: a' if kind == 'st' else '>a'}\n{letters}\n{dots}\n"
    sound = rng.random() < 0.3
    path = write(place / f"a.{kind}", text if sound else scratched(text, rng))
    try:
        found = list(read_structures(path))
    except BenchError as error:
        need(not sound, f"sound {kind} is refused: {error}")
        raise
    for record in found:
        used = record.pairs.ravel().tolist()
        need(not set(record.sequence) - set(LETTERS), "a letter")
        need(len(set(used)) == len(used) and all(0 <= i < len(record) for i in used), "a pair")
    if sound:
        (record,) = found
        need(record.sequence == letters.upper().replace("T", "U"), "another sequence")
        if kind in ("bpseq", "ct"):
            wanted = {(i - 1, j - 1) for i, (_, j) in rows if i < j}
            need({(int(i), int(j)) for i, j in record.pairs} == wanted, "other pairs")


def sequences(rng: random.Random, place: Path) -> None:
    """Try FASTA files."""
    from rnaernie_bench.data.alphabet import LETTERS
    from rnaernie_bench.data.fasta import read_named

    text = "".join(
        f">s{i} x\n{''.join(rng.choices('ACGUTNacgu', k=rng.randint(1, 40)))}\n" for i in range(4)
    )
    content = scratched(text, rng).encode("utf-8", "surrogatepass")
    path = place / "a.fa"
    path.write_bytes(flipped(content, rng) if rng.random() < 0.3 else content)
    for name, sequence in read_named(path):
        need(name and "\0" not in name and not set(sequence) - set(LETTERS), repr(name))


def tables(rng: random.Random, place: Path) -> None:
    """Try own tables of labelled sequences."""
    from rnaernie_bench.data.own.declaring import declare
    from rnaernie_bench.data.own.spec import OwnData

    rows = ["id,sequence,label"]
    rows += [
        f"s{i},{''.join(rng.choices('ACGU', k=rng.randint(8, 20)))},{'xyz'[i % 2]}"
        for i in range(12)
    ]
    path = write(place / "t.csv", scratched("\n".join(rows) + "\n", rng))
    data = OwnData((path,), (), "sequence", "multiclass", ("label",), split_by="item")
    task = declare(data, place / "made")
    need(len(set(task.labels)) == len(task.labels) >= 2, str(task.labels))


def bundles(bundle: Path) -> Try:
    """Return what tries bundles of records."""
    from rnaernie_bench.results.merging import merge
    from rnaernie_bench.results.store import validate_folder

    content = bundle.read_bytes()
    with zipfile.ZipFile(bundle) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}

    def attempt(rng: random.Random, place: Path) -> None:
        path = place / "b.zip"
        if rng.random() < 0.4:
            path.write_bytes(flipped(content, rng))
        else:
            victim = rng.choice(list(members))
            packed = io.BytesIO()
            with zipfile.ZipFile(packed, "w", rng.choice((0, 0, 8))) as archive:
                for name, inner in members.items():
                    if name == victim and rng.random() < 0.3:
                        name = rng.choice(("../x.json", "/etc/x", name + "/", "a/b/c.json"))
                    changed = flipped(inner, rng) if name == victim else inner
                    archive.writestr(name, changed)
            path.write_bytes(packed.getvalue())
        merged = merge([path], place / "results")
        for added in merged.added:
            need(added.read_bytes() in members.values(), "another record was merged")
        need(not validate_folder(place / "results"), "the records are not sound")

    return attempt


def columnar(rng: random.Random, place: Path) -> None:
    """Try Parquet files: own tables, and predictions as `merge` reads them."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from rnaernie_bench.core.parquet import try_out
    from rnaernie_bench.data.tables import open_file
    from rnaernie_bench.results.parquet import read_table

    path, own = place / "t.parquet", rng.random() < 0.5
    names = ["ACGU" * rng.randint(1, 9) for _ in range(50)]
    column = {"sequence": names} if own else {"group": names, "truth": list(range(50))}
    pq.write_table(pa.table({**column, "y": np.arange(50, dtype=np.float32)}), path)
    path.write_bytes(flipped(path.read_bytes(), rng))
    if own:
        count = sum(1 for _ in open_file(path).placed())
        need(count == 50, f"{count} rows")
        return
    with suppress(ValueError):
        try_out([path])
        read_table(path, rows=50)


def models(run: Path) -> Try:
    """Return what tries folders of models, which a finished run left."""
    from rnaernie_bench.prediction.saved import load_predictor

    right = load_predictor(run).fitted.logits(["ACGUACGU", "GGGG"])

    def attempt(rng: random.Random, place: Path) -> None:
        shutil.copytree(run, place / "run")
        files = sorted(p for p in (place / "run" / "model").rglob("*") if p.is_file())
        path = rng.choice(files)
        told = place / "run" / "model" / "predictor.json"
        stranger = rng.random() < 0.5
        if path.suffix == ".json" and rng.random() < 0.7:
            value = damaged(json.loads(path.read_text()), rng)
            write(path, json.dumps(value))
        else:
            path.write_bytes(flipped(path.read_bytes(), rng))
        if stranger and path != told:  # who writes what suits, names no digests
            saved = json.loads(told.read_text())
            del saved["files"]
            told.write_text(json.dumps(saved))
        predictor = load_predictor(place / "run")
        predictor(["ACGUACGU", "GGGG"])
        scores = np.asarray(predictor.logits(["ACGUACGU", "GGGG"]))
        need(stranger or path == told or np.allclose(scores, right), "other scores")

    return attempt
