"""Pre-training corpora: typed sequences, cleaned of evaluation items, in memory-mapped files.

A corpus is built once, block by block, so that its size never matters, and kept in the cache under
a fingerprint of its sources and options. Processes that want the same corpus wait for the first
one to finish it.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, fields, replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock

from rnaernie_bench.backbones.vocabulary import RNA_TYPES
from rnaernie_bench.core.errors import DataError
from rnaernie_bench.core.files import as_bench_error, atomic_folder, write_json
from rnaernie_bench.data import sources
from rnaernie_bench.data.corpora import HELD_OUT, corpus_folder
from rnaernie_bench.pretraining.exclusion import Exclusion, read_evaluation
from rnaernie_bench.pretraining.records import CorpusOptions, CorpusRecord, read_records

FORMAT = 1
"""Part of the fingerprint: a new number leaves old files behind."""

MIN_FAMILIES = 10
"""A type with at least as many families has one of them held out, regardless of the share."""

_PARTS = ("train.arrow", HELD_OUT)
_COUNTS = ("items", "identical", "contained", "near")
_BLOCK = 1 << 16  # records in memory at a time; a large one makes the search for near ones fast
_BATCH = 1 << 12  # records in a batch of the Arrow file
_NEW = 1 << 17  # digests that are sorted in together


@dataclass(frozen=True)
class Corpus:
    """A corpus on disk: `datasets.Dataset`s, memory-mapped.

    Columns: id, sequence (normalised), type (int8, index into `RNA_TYPES`), family (empty if
    unknown), length (int32, bases).
    """

    train: Any
    held_out: Any
    """Whole families where there are families; perhaps empty."""
    fingerprint: str
    report: Mapping[str, Any]
    """What was read, left out and why, kept and held out; see `load_corpus`."""


def load_corpus(options: CorpusOptions, log: Callable[[str], None] = lambda line: None) -> Corpus:
    """Return a corpus from the cache, building it if it is not there.

    The report counts, in the order of the steps: `read`; `short`, `long` (both dropped) and
    `duplicates`; `excluded` (`total`, by reason, and `sets`: for each evaluation set its distinct
    items and the records kept out for its sake, which several sets may share); `kept`, of which
    `truncated`; for `train` and `held_out` records, bases, families, and records by type.
    `families` counts those that stood clear themselves and went with their family
    (`EvaluationFile.families`). A sequence over the length limit is compared with the evaluation
    items both whole and cut.

    Args:
        options: what the corpus is made of.
        log: receives progress messages, a line each.

    Raises:
        DataError: if a source or evaluation file is missing, differs from its checksum or cannot
            be read; if a record has no type or an unknown one; if nothing is left.
        BenchError: if the cache cannot be written.
    """
    paths = [_located(name, options.sha256.get(name, ""), "corpus.files") for name in options.files]
    evaluation = [_located(e.path, e.sha256, "corpus.exclude") for e in options.exclude]
    fingerprint = _fingerprint(options, paths, evaluation)
    folder = corpus_folder(fingerprint)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(folder.with_suffix(".lock")):
            if not folder.is_dir():
                with atomic_folder(folder) as temporary:
                    _build(options, paths, evaluation, temporary, log)
    except OSError as error:
        raise as_bench_error(error, folder) or error from error
    import datasets

    train, held_out = (datasets.Dataset.from_file(str(folder / name)) for name in _PARTS)
    report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    return Corpus(train, held_out, fingerprint, report)


def _located(name: str, sha256: str, key: str) -> Path:
    """Return where a file lies, compared with its checksum if one is known."""
    path = sources.own_or_found(name)
    if path is None:
        unless = ", or give corpus.exclude=[] to train on evaluation items as well"
        raise DataError(
            "the file is neither here nor in a folder of RNAERNIE_BENCH_DATA",
            where=f"{key}: {name}",
            remedy="set RNAERNIE_BENCH_DATA" + (unless if key == "corpus.exclude" else ""),
        )
    if sha256 and sources.sha256(path) != sha256:
        raise DataError(
            f"the file's SHA-256 is {sources.sha256(path)}, expected {sha256}",
            where=path,
            remedy=f"fetch it again, or correct the checksum in {key}",
        )
    return path


def _fingerprint(options: CorpusOptions, paths: list[Path], evaluation: list[Path]) -> str:
    """Return a hash of all that decides what the corpus holds; names and places do not."""
    hashed = {f.name for f in fields(options)} - {"name", "licence", "files", "sha256"}
    key = {
        "format": FORMAT,
        "options": {k: v for k, v in asdict(options).items() if k in hashed},
        "files": [sources.sha256(path) for path in paths],
        "evaluation": [sources.sha256(path) for path in evaluation],
    }
    canonical = json.dumps(key, sort_keys=True)
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]


def _build(
    options: CorpusOptions,
    paths: list[Path],
    evaluation: list[Path],
    folder: Path,
    log: Callable[[str], None],
) -> None:
    """Write the parts and the report of a corpus into `folder`."""
    sets: dict[str, list[str]] = {}
    for file, path in zip(options.exclude, evaluation, strict=True):
        sets.setdefault(file.name, []).extend(read_evaluation(file, path))
    exclusion = Exclusion(sets, identity=options.identity, contained=options.contained, log=log)
    log(f"corpus {options.name}: {len(exclusion)} distinct evaluation items are kept out")
    counts: Counter[str] = Counter()
    by_set = {name: Counter(items=len(set(items))) for name, items in sets.items()}
    choice = _HeldOut(options.held_out, options.seed)
    whole = {file.name for file in options.exclude if file.families}
    gone: set[str] = set()  # families
    cut: Counter[str] = Counter()  # by family, the records over the length limit
    kept = folder / "kept.arrow"
    with _writer(kept) as write:
        for block in _blocks(_prepared(read_records(options, paths), options, counts), _BLOCK):
            good, hit = _excluded(block, exclusion, counts, by_set, options)
            gone.update(record.family for record, sets in hit if record.family and sets & whole)
            for record in good:
                choice.see(record)
                cut[record.family] += len(record.sequence) > options.max_length
                write(replace(record, sequence=record.sequence[: options.max_length]))
            counts["clear"] += len(good)
            log(f"corpus {options.name}: {counts['read']} records read, {counts['clear']} kept")
    parts = _divide(kept, folder, choice.chooser(gone), gone)
    kept.unlink()
    left = sum(part["records"] for part in parts)
    if not left:
        raise DataError(
            f"none of the {counts['read']} records is left",
            where=f"corpus {options.name}",
            remedy="look at corpus.min_length, corpus.length and corpus.exclude",
        )
    report = {
        "name": options.name,
        **{k: counts[k] for k in ("read", "short", "long", "duplicates")},
        "excluded": {
            "total": counts["total"] + counts["clear"] - left,
            **{k: counts[k] for k in _COUNTS[1:]},
            "families": counts["clear"] - left,
            "sets": {name: {k: counter[k] for k in _COUNTS} for name, counter in by_set.items()},
        },
        "kept": left,
        "truncated": sum(number for family, number in cut.items() if family not in gone),
        "train": parts[0],
        "held_out": parts[1],
    }
    write_json(folder / "report.json", report)


def _blocks(records: Iterable[CorpusRecord], size: int) -> Iterator[list[CorpusRecord]]:
    iterator = iter(records)
    while block := list(islice(iterator, size)):
        yield block


def _prepared(
    records: Iterable[CorpusRecord], options: CorpusOptions, counts: Counter[str]
) -> Iterator[CorpusRecord]:
    """Yield the records of sensible lengths, each sequence once, and count the others."""
    seen = _Seen()
    for record in records:
        counts["read"] += 1
        length = len(record.sequence)
        if length < options.min_length:
            counts["short"] += 1
            continue
        if length > options.max_length and options.length == "drop":
            counts["long"] += 1
            continue
        # 64 bits of what will be stored: all of 30 million differ with odds of 40,000 to 1.
        digest = _digest(record.sequence[: options.max_length])
        if options.duplicates == "drop" and not seen.add(digest):
            counts["duplicates"] += 1
            continue
        yield record


def _excluded(
    block: list[CorpusRecord],
    exclusion: Exclusion,
    counts: Counter[str],
    by_set: Mapping[str, Counter[str]],
    options: CorpusOptions,
) -> tuple[list[CorpusRecord], list[tuple[CorpusRecord, set[str]]]]:
    """Return what may stay of a block, and the rest with the sets that keep it out; count it."""
    hits = exclusion.check([record.sequence for record in block])
    long = [i for i, record in enumerate(block) if len(record.sequence) > options.max_length]
    cut = exclusion.check([block[i].sequence[: options.max_length] for i in long])
    for i, hit in zip(long, cut, strict=True):
        hits[i] = hits[i] or hit
    for found in filter(None, hits):
        counts.update(("total", found.reason))
        for name in found.sets:
            by_set[name][found.reason] += 1
    pairs = list(zip(block, hits, strict=True))
    return (
        [record for record, hit in pairs if hit is None],
        [(record, {*hit.sets}) for record, hit in pairs if hit is not None],
    )


def _digest(text: str) -> int:
    """Return 64 bits of a hash that is the same everywhere and always."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest())


class _Seen:
    """A growing set of 64-bit numbers: eight bytes each, and a few new ones as Python has them."""

    def __init__(self) -> None:
        self.old = np.empty(0, np.uint64)
        """Sorted."""
        self.new: set[int] = set()

    def add(self, number: int) -> bool:
        """Add a number, and return whether it is new."""
        if number in self.new:
            return False
        place = int(self.old.searchsorted(np.uint64(number)))
        if place < len(self.old) and int(self.old[place]) == number:
            return False
        self.new.add(number)
        if len(self.new) == _NEW:
            new = np.fromiter(self.new, np.uint64, _NEW)
            self.new.clear()
            new.sort()
            # A stable sort of two sorted halves merges them.
            self.old = np.concatenate([self.old, new])
            self.old.sort(kind="stable")
        return True


class _HeldOut:
    """Chooses what is held out, from what it has seen, by hashes of seed and name.

    Families of each type are ranked by hash and the first `share` of them held out; at least one
    of a type with `MIN_FAMILIES`, and at least one at all. Records without a family are held out
    if their hash falls below the share, or is the lowest.
    """

    def __init__(self, share: float, seed: int) -> None:
        self.share, self.seed = share, seed
        self.types: dict[str, str] = {}  # family -> type
        self.lowest: int | None = None
        """Hash of a record without family."""

    def see(self, record: CorpusRecord) -> None:
        if record.family:
            self.types.setdefault(record.family, record.type)
        else:
            rank = self._rank(record.id)
            self.lowest = rank if self.lowest is None else min(rank, self.lowest)

    def chooser(self, without: Collection[str] = ()) -> Callable[[str, str], bool]:
        """Return what says of an id and a family whether they are held out.

        Args:
            without: families that are in no part.
        """
        types = {family: kind for family, kind in self.types.items() if family not in without}
        if self.share == 0:
            return lambda identity, family: False
        by_type: dict[str, list[str]] = {}
        for family in sorted(types, key=self._rank):
            by_type.setdefault(types[family], []).append(family)
        chosen: set[str] = set()
        for families in by_type.values():
            fewest = 1 if len(families) >= MIN_FAMILIES else 0
            chosen.update(families[: max(round(self.share * len(families)), fewest)])
        if not chosen and len(types) > 1:
            chosen.add(min(types, key=self._rank))
        limit = max(self.share * 2**64, -1 if self.lowest is None else self.lowest)
        return lambda identity, family: (
            family in chosen if family else self._rank(identity) <= limit
        )

    def _rank(self, name: str) -> int:
        return _digest(f"{self.seed}:{name}")


@contextmanager
def _writer(path: Path) -> Iterator[Callable[[CorpusRecord], None]]:
    """Give a function that writes records to an Arrow stream, which `datasets` maps."""
    import pyarrow as pa

    schema = pa.schema(
        {
            "id": pa.string(),
            "sequence": pa.string(),
            "type": pa.int8(),
            "family": pa.string(),
            "length": pa.int32(),
        }
    )
    index = {name: number for number, name in enumerate(RNA_TYPES)}
    rows: list[tuple[Any, ...]] = []
    with path.open("wb") as file, pa.ipc.new_stream(file, schema) as stream:

        def flush() -> None:
            columns = zip(*rows, strict=True)
            arrays = [pa.array(c, f.type) for c, f in zip(columns, schema, strict=True)]
            stream.write_batch(pa.record_batch(arrays, schema=schema))
            rows.clear()

        def write(r: CorpusRecord) -> None:
            rows.append((r.id, r.sequence, index[r.type], r.family, len(r.sequence)))
            if len(rows) == _BATCH:
                flush()

        yield write
        if rows:
            flush()


def _divide(
    kept: Path, folder: Path, held_out: Callable[[str, str], bool], gone: Collection[str]
) -> list[dict[str, Any]]:
    """Divide the records of one file into the parts, without those of the families that are gone.

    Returns:
        For each part its records, bases, families and records by type.
    """
    import pyarrow as pa

    sizes = [Counter[str](), Counter[str]()]
    types = [Counter[str](), Counter[str]()]
    families: list[set[str]] = [set(), set()]
    with ExitStack() as stack:
        writers = [stack.enter_context(_writer(folder / name)) for name in _PARTS]
        stream = stack.enter_context(pa.ipc.open_stream(stack.enter_context(kept.open("rb"))))
        for batch in stream:
            for row in batch.to_pylist():
                if row["family"] in gone:
                    continue
                part = int(held_out(row["id"], row["family"]))
                record = CorpusRecord(
                    row["id"], row["sequence"], RNA_TYPES[row["type"]], row["family"]
                )
                writers[part](record)
                sizes[part].update(records=1, bases=row["length"])
                types[part][record.type] += 1
                families[part].update(filter(None, [record.family]))
    return [
        {
            "records": sizes[part]["records"],
            "bases": sizes[part]["bases"],
            "families": len(families[part]),
            "types": {name: types[part][name] for name in RNA_TYPES if types[part][name]},
        }
        for part in range(len(_PARTS))
    ]
