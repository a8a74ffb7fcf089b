"""The base pairs of each sequence, decoded from the probabilities of all pairs of its bases."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt

from rnaernie_bench.core.progress import tracked
from rnaernie_bench.metrics.answers.base import Answer, Array, Floats, Sample
from rnaernie_bench.metrics.scoring.structures import per_sequence
from rnaernie_bench.metrics.targets import StructureTargets
from rnaernie_bench.structure.notations import NO_PAIRS
from rnaernie_bench.structure.scores import COUNT_NAMES, COUNTS, Scores, bands, by_group, summarise

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from rnaernie_bench.structure.decoders import DecodingOptions

IDENTITY_EDGES = (0.6, 0.7, 0.8, 0.9)
"""Where bands of the identity to the nearest training sequence begin. Sequences of four letters
that have nothing in common are about half identical."""

CELLS_AT_ONCE = 1 << 24
"""Probabilities held at a time while decoding: 64 MB."""

Probabilities = Iterable[tuple[int, np.ndarray]]
"""Place of a sequence and its pair probabilities, float32 (bases, bases), in any order; what a
model does not read is left out."""


@dataclass(frozen=True)
class Structures(Answer):
    """Counts of base pairs (`structure.scores`); the truth is the number of the reference.

    Metrics are means over sequences, but the pooled F1.
    """

    asks: ClassVar[Literal["logits", "probabilities"]] = "probabilities"
    decodes: ClassVar[bool] = True
    if_undefined: ClassVar[float] = 1.0  # neither prediction nor reference has a pair
    marked: ClassVar[bool] = False
    parquet: ClassVar[Mapping[str, Any]] = {}
    about_items: ClassVar[tuple[str, ...]] = ("length", "reference", "nested_reference")

    def untuned(self, decoder: str | None = None) -> DecodingOptions:
        """Return the options that a decoder starts from."""
        from rnaernie_bench.structure.tuning import default_options

        assert decoder is not None
        return default_options(decoder)

    def tune(
        self, targets: StructureTargets, scores: Probabilities, untuned: DecodingOptions
    ) -> tuple[DecodingOptions, int]:
        """Return the threshold, of `mea` also gamma, of `hybrid` the mixing, of the best F1."""
        from rnaernie_bench.structure.tuning import tune

        cases = ((matrix, targets.sequences[i], targets.pairs[i]) for i, matrix in scores)
        tuned = tune(cases, untuned.decoder, expected=len(targets.sequences))
        return tuned.options, tuned.trials

    def to_record(self, tuning: DecodingOptions, labels: Sequence[str]) -> dict[str, Any]:
        """Return the decoder, and what validation chose of it."""
        chosen = ("decoder", "threshold", "gamma", "mixing", "slope", "offset")
        return {name: getattr(tuning, name) for name in chosen}

    def to_predictor(self, tuning: DecodingOptions, labels: Sequence[str]) -> dict[str, Any]:
        """Return all options of the decoder."""
        return {"decoding": asdict(tuning)}

    def from_predictor(self, saved: Mapping[str, Any]) -> DecodingOptions:
        """Return the options of the decoder."""
        from rnaernie_bench.structure.decoders import DecodingOptions

        return DecodingOptions(**saved["decoding"])

    def dtype(self, columns: int) -> np.dtype[np.void]:
        """Return the counts as fields."""
        return COUNTS

    def arrays(
        self, targets: StructureTargets, scores: Probabilities, tuning: DecodingOptions
    ) -> tuple[Array, Array]:
        """Return the reference's number of pairs, and counts; what is not read has no pair."""
        from rnaernie_bench.structure.counting import count_all

        found = [NO_PAIRS] * len(targets.sequences)
        for index, _, pairs in decoded(scores, targets.sequences, tuning):
            found[index] = pairs
        counts = count_all(
            (pairs, reference, len(sequence))
            for pairs, reference, sequence in zip(
                found, targets.pairs, targets.sequences, strict=True
            )
        )
        return _references(counts), counts

    def check(self, truth: Array, predicted: Array) -> None:
        """Refuse counts that contradict each other."""
        super().check(truth, predicted)
        most = np.minimum(predicted["predicted"], predicted["reference"])
        if (predicted["correct"] > most).any():
            raise ValueError("more pairs are right than there are")
        length = predicted["length"].astype(np.int64)
        # Of others' predictions, a base may have several partners (`structure.several_partners`).
        beyond = predicted["predicted"] > length * (length - 1) // 2
        if (predicted["correct"] < 0).any() or beyond.any():
            raise ValueError("there are more pairs than pairs of bases")

    def right(self, truth: Array, predicted: Array) -> Floats:
        """Return the F1 of each sequence, shape (n,); nan where there are no pairs at all."""
        return per_sequence(predicted)["f1"]

    def decided(self, predicted: Array) -> Array:
        """Return the counts, which are all that is kept."""
        return predicted

    def lengths(self, predicted: Array) -> Array:
        """Return the bases of each sequence."""
        return np.asarray(predicted["length"])

    def entries(
        self,
        truth: Array,
        predicted: Array,
        labels: Sequence[str],
        *,
        metrics: Sequence[str] = (),
        identities: Array | None = None,
    ) -> dict[str, Any]:
        """Return scores by kind of pair, and by identity to train where it is known."""
        return {"breakdown": breakdown(predicted, identities)}

    def sample_of(self, sequences: Sequence[str]) -> int | None:
        """Return the first sequence of some eighty bases or more, or the longest one below."""
        places = range(len(sequences))
        short = [i for i in places if len(sequences[i]) <= 200] or list(places)
        longest = max(short, key=lambda i: len(sequences[i]))
        return next((i for i in short if len(sequences[i]) >= 80), longest)

    def sample(
        self, targets: StructureTargets, scores: Probabilities, tuning: DecodingOptions
    ) -> Sample:
        """Return bases, probabilities, decoded and reference pairs of the one sequence given."""
        [sequence], [reference] = targets.sequences, targets.pairs
        for _, matrix, pairs in decoded(scores, targets.sequences, tuning):
            return Sample(sequence, matrix, pairs, reference)
        empty = np.zeros((len(sequence), len(sequence)), dtype=np.float32)
        return Sample(sequence, empty, NO_PAIRS, reference)

    def figures(
        self,
        truth: Array,
        predicted: Array,
        entry: Mapping[str, Any],
        labels: Sequence[str],
        title: str,
        sample: Sample | None = None,
    ) -> Iterator[tuple[str, Figure]]:
        """Yield the contact map of one sequence."""
        from rnaernie_bench.structure.pictures import contact_map_figure

        assert sample is not None
        yield (
            "contacts",
            contact_map_figure(
                sample.scores, title=title, predicted=sample.predicted, reference=sample.truth
            ),
        )

    def to_columns(self, truth: Array, predicted: Array) -> dict[str, Array]:
        """Return a column a count."""
        return {name: np.ascontiguousarray(predicted[name]) for name in COUNT_NAMES}

    def from_columns(self, columns: Mapping[str, Array], width: int) -> tuple[Array, Array]:
        """Return truth and counts."""
        counts = np.empty(len(columns["length"]), dtype=COUNTS)
        for name in COUNT_NAMES:
            counts[name] = columns[name]
        return _references(counts), counts


def _references(counts: Array) -> Array:
    return np.asarray(counts["reference"])


def decoded(
    scores: Probabilities, sequences: Sequence[str], decoding: DecodingOptions
) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
    """Yield place, probabilities and pairs of each sequence that was read, some at a time."""
    from rnaernie_bench.structure.decoders import decode_batch

    waiting: list[tuple[int, np.ndarray]] = []
    cells = 0
    scores = tracked(scores, "predicting pairs", len(sequences), "sequences")

    def flush() -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
        indices = [index for index, _ in waiting]
        matrices = [matrix for _, matrix in waiting]
        pairs = decode_batch(matrices, [sequences[index] for index in indices], decoding)
        yield from zip(indices, matrices, pairs, strict=True)

    for index, matrix in scores:
        waiting.append((index, matrix))
        cells += matrix.size
        if cells >= CELLS_AT_ONCE:
            yield from flush()
            waiting, cells = [], 0
    yield from flush()


def breakdown(
    counts: npt.NDArray[np.void], identities: npt.NDArray[np.floating] | None
) -> dict[str, dict[str, dict[str, float | None]]]:
    """Return the F1 of kinds of pairs, and of bands of identity, as a record tells them.

    Args:
        counts: shape (n,).
        identities: shape (n,), to the nearest training sequence, lower ones than the first edge as
            0; None if they were not looked for.

    Returns:
        Under ``pairs`` by kind (``nested``, ``pseudoknotted``) and under ``identity`` by band: how
        many sequences define an F1, ``n``, its mean over them, ``f1``, and that of all their pairs
        together, ``pooled_f1``; both None where none does.
    """
    kinds = {kind: _figures(summarise(counts, kind)) for kind in ("nested", "pseudoknotted")}
    if identities is None:
        return {"pairs": kinds}
    exact = np.round(identities.astype(np.float64), 6)  # in float32, .9 is below the edge .9
    found = by_group(counts, bands(exact, IDENTITY_EDGES))
    ascending = bands(np.array([0.0, *IDENTITY_EDGES]), IDENTITY_EDGES)
    return {
        "pairs": kinds,
        "identity": {name: _figures(found[name]) for name in ascending if name in found},
    }


def _figures(found: Scores) -> dict[str, float | None]:
    defined = found.n - found.undefined
    if not defined:
        return {"n": 0, "f1": None, "pooled_f1": None}
    return {"n": defined, "f1": found.mean["f1"], "pooled_f1": found.pooled["f1"]}


STRUCTURE = Structures("structure", "binary", "F1")
