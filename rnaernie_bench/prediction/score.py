"""Sequences and variants scored by a masked language model, without any training."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rnaernie_bench.backbones.loading import DEFAULT_MODEL, load_backbone
from rnaernie_bench.backbones.precision import Option
from rnaernie_bench.core.errors import ConfigError, DataError
from rnaernie_bench.core.registry import did_you_mean
from rnaernie_bench.data.fasta import read_named
from rnaernie_bench.data.tables import open_file
from rnaernie_bench.data.text import read_lines, source_name
from rnaernie_bench.data.variants import mutations, variant
from rnaernie_bench.learning.zero_shot.fills import (
    FILLS,
    PSEUDO,
    pseudo_log_likelihoods,
    quiet,
    scores_of_variants,
)

if TYPE_CHECKING:
    from rnaernie_bench.backbones.encoder import Encoder
    from rnaernie_bench.backbones.masked import Progress

COLUMNS = ("variant", "mutant", "sequence", "seq")
"""How a table calls its variants, the first that it has."""


@dataclass(frozen=True)
class Score:
    """What a model says of a sequence or a variant."""

    id: str
    score: float
    """Of a sequence its pseudo-log-likelihood, in nats; of a variant how much likelier it is than
    the reference."""
    fill: str
    """How it was found: one of `FILLS`."""
    mutations: str = ""
    """Of a variant, such as ``U2A:G5C``; empty where its length is not the reference's."""
    bases: int = 0
    """A, C, G and U of the sequence: the score over them is its mean."""


def score(
    sequences: Sequence[str] | Sequence[tuple[str, str]] | Path,
    *,
    model: str | Encoder = DEFAULT_MODEL,
    reference: str | None = None,
    fill: str | None = None,
    bases: bool = False,
    stride: int | None = None,
    rna_type: str | None = None,
    precision: Option = "fp32",
    progress: Progress = quiet,
) -> list[Score]:
    """Score sequences, or variants of a reference, by a masked language model as it is.

    Args:
        sequences: sequences, variants such as ``U2A:G5C`` if there is a reference, or pairs of an
            id and either; or the path of a FASTA file or a table (`read_variants`).
        model: the name of a backbone, a hub id, a local folder, or a backbone that was loaded with
            ``load_backbone(..., masked_lm=True)``.
        reference: the wild type; None scores each sequence by its pseudo-log-likelihood.
        fill: `masked` (default), `wildtype`, `mutant` or `pseudo`, see docs/scoring.md. Variants of
            another length than the reference are always scored by `pseudo`.
        bases: of pseudo-likelihoods, whether probabilities are shared out among the four bases, not
            among all tokens; differences of two bases of one place do not depend on it.
        stride: of pseudo-likelihoods, masks every so manyth base at once; None: one at a time.
        rna_type: the type whose token stands behind the bases, such as tRNA.
        precision: fp32; bf16; or auto, what is the faster here.
        progress: called with the number of sequences that are done.

    Returns:
        One a sequence, in their order.

    Raises:
        ConfigError: if there is no such model or fill, the model predicts no masked bases or has no
            types, or an option has no effect.
        DataError: naming the sequence that is empty, too long or holds a foreign letter, or the
            mutation that does not fit the reference.
    """
    from rnaernie_bench.backbones.masked import MaskedReader

    wild = reference_of(reference)
    _check(wild, fill, {"stride": stride, "bases": bases})
    named = [*_named(sequences, wild)]
    encoder = load_backbone(model, masked_lm=True) if isinstance(model, str) else model
    reader = MaskedReader(encoder, bases, rna_type, precision=precision)
    names, texts = [name for name, _ in named], [text for _, text in named]
    if not wild:
        sums, counts = pseudo_log_likelihoods(
            reader, texts, stride=stride, names=names, progress=progress
        )
        rows = zip(names, sums.tolist(), counts.tolist(), strict=True)
        return [Score(name, total, PSEUDO, "", int(count)) for name, total, count in rows]
    found: dict[int, Score] = {}
    chosen = fill or "masked"
    for used, places in (
        (chosen, [i for i, text in enumerate(texts) if len(text) == len(wild)]),
        (PSEUDO, [i for i, text in enumerate(texts) if len(text) != len(wild)]),
    ):
        if not places:
            continue
        scores = scores_of_variants(
            reader,
            wild,
            [texts[i] for i in places],
            fill=used,
            stride=stride if used == PSEUDO else None,
            names=[names[i] for i in places],
            progress=progress,
        )
        for place, value in zip(places, scores.tolist(), strict=True):
            found[place] = Score(names[place], value, used, _told(texts[place], wild))
    return [found[place] for place in range(len(texts))]


def _check(reference: str, fill: str | None, of_pseudo: Mapping[str, object]) -> None:
    """Refuse options that have no effect; `of_pseudo` are those of pseudo-likelihoods."""
    if fill is not None and fill not in FILLS:
        raise ConfigError(f"'{fill}' is no fill", where="fill", remedy=did_you_mean(fill, [*FILLS]))
    if not reference and fill not in (None, PSEUDO):
        raise ConfigError(
            f"{fill} marginals compare a variant with a reference",
            where="fill",
            remedy="give the reference",
        )
    for name, given in of_pseudo.items():
        if given and reference and fill != PSEUDO:
            raise ConfigError(
                "it belongs to pseudo-likelihoods",
                where=name,
                remedy=f"use fill={PSEUDO}, or leave it out",
            )


def reference_of(text: str | None) -> str:
    """Return the reference, normalised: a sequence, or the one record of a FASTA file."""
    if text is None:
        return ""
    if Path(text).suffix or "/" in text:
        records = list(read_named(text))
        if len(records) != 1:
            raise DataError(
                f"the file has {len(records)} records", where=text, remedy="give one reference"
            )
        return records[0][1]
    return variant(text, "", "the reference")


def _told(sequence: str, reference: str) -> str:
    """Return mutations as text; nothing where lengths differ."""
    if len(sequence) != len(reference):
        return ""
    return ":".join(map(str, mutations(sequence, reference))) or "WT"


def _named(
    sequences: Iterable[str] | Iterable[tuple[str, str]] | Path, reference: str
) -> Iterator[tuple[str, str]]:
    """Yield id and whole sequence of each.

    Raises:
        DataError: as `data.variants.variant` does, naming its place.
    """
    if isinstance(sequences, str):
        raise ConfigError(
            "one text is no list of sequences",
            where="sequences",
            remedy="put it in brackets, or give the Path of a file",
        )
    if isinstance(sequences, Path):
        yield from read_variants(sequences, reference)
        return
    for number, given in enumerate(sequences, start=1):
        name, text = (f"sequence {number}", given) if isinstance(given, str) else given
        yield name, variant(text, reference, name)


def read_variants(source: Path | str, reference: str = "") -> Iterator[tuple[str, str]]:
    """Yield id and whole sequence of each record of a FASTA file, or each row of a table.

    A table has one of the columns `COLUMNS` and perhaps ``id``; without, the variant as it is
    written, or the number of the row, is the id.

    Args:
        source: a path, or `-` for standard input, whose first line tells FASTA from a table.
        reference: what mutations are told of.

    Raises:
        DataError: naming file and record or row of what is wrong.
    """
    if str(source) == "-":
        yield from _standard_input(reference)
        return
    if _is_fasta(source):
        yield from read_named(source)
        return
    table = open_file(source)
    column = next((name for name in COLUMNS if name in table.columns), None)
    if column is None:
        raise DataError(
            f"there is no column {' or '.join(COLUMNS)}",
            where=table.place,
            remedy=f"name that of the variants so; it has {', '.join(table.columns)}",
        )
    for number, (where, row) in enumerate(table.placed(), start=1):
        text = str(row[column])
        whole = variant(text, reference, where)
        own = str(row["id"]) if "id" in table.columns else ""
        yield own or (text if reference and len(text) < len(reference) else str(number)), whole


def _is_fasta(source: Path | str) -> bool:
    """Return whether a file begins like FASTA."""
    first = next(read_lines(source), None)
    if first is None:
        raise DataError("the file is empty", where=source_name(source), remedy="give one with rows")
    return first[1].startswith(">")


def _standard_input(reference: str) -> Iterator[tuple[str, str]]:
    """Yield what `read_variants` does: what is read once has to be kept to be looked at."""
    import tempfile

    lines = [line for _, line in read_lines("-")]
    ending = ".fa" if lines and lines[0].startswith(">") else ".csv"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"standard input{ending}"
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        yield from read_variants(path, reference)
