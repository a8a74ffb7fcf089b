"""Scores of sequences and variants by a masked language model: four fills.

With ``p(b, i | s)`` the probability of base b at position i as the network reads s, ``s/i`` being s
with position i masked, w the reference and v a variant that differs from it at the positions M:

- masked marginals: the sum over M of ``log p(v_i, i | w/i) - log p(w_i, i | w/i)``;
- wild-type marginals: the same with ``w`` in place of ``w/i``, nothing being masked;
- mutant marginals: the same with ``v``;
- pseudo-likelihood ratio: ``PLL(v) - PLL(w)``, ``PLL(s)`` being the sum over all positions of
  ``log p(s_i, i | s/i)``.

Meier et al. 2021 (doi 10.1101/2021.07.09.450648) compare them for proteins; of several mutations,
they mask all positions at once, and here each is masked by itself, so that the scores of mutations
add up and a reference of L bases takes L rows whatever the number of its variants. Salazar et al.
2020 (doi 10.18653/v1/2020.acl-main.240) introduce pseudo-likelihoods.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from rnaernie_bench.backbones.masked import BASES, MaskedReader, Progress, in_chunks
from rnaernie_bench.core.errors import ConfigError, DataError
from rnaernie_bench.data.variants import Mutation, mutations

PSEUDO = "pseudo"
"""The fill that needs no reference, and reads insertions and deletions."""


def quiet(done: int) -> None:
    """Tell nobody of progress."""


def pseudo_log_likelihoods(
    reader: MaskedReader,
    sequences: Sequence[str],
    *,
    stride: int | None = None,
    names: Sequence[str] | None = None,
    progress: Progress = quiet,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the pseudo-log-likelihood of each sequence, and how many bases it is the sum over.

    Letters other than A, C, G and U are read and not scored.

    Args:
        reader: the model.
        sequences: normalised.
        stride: masks every so manyth base of a sequence at once, so that it takes as many rows as
            this; None masks one base a row.
        names: where sequences stand, for errors; their numbers if None.
        progress: called with the number of sequences that are done.

    Returns:
        Sums in nats, and counts, float64 of shape (sequences,) each.

    Raises:
        ConfigError: if `stride` is below 2.
        DataError: for a sequence that is too long for the model, or has no A, C, G or U.
    """
    if stride is not None and stride < 2:
        raise ConfigError(
            "the value must be 2 or more",
            where="stride",
            remedy="leave it out to mask one base at a time",
        )
    names = names or [f"sequence {number}" for number in range(1, len(sequences) + 1)]
    encoded = reader.encoded(sequences, names)
    known = [
        [place for place, letter in enumerate(s[: reader.bases_of(ids)]) if letter in BASES]
        for s, ids in zip(sequences, encoded.ids, strict=True)
    ]
    for name, places in zip(names, known, strict=True):
        if not places:
            raise DataError("the sequence has none of A, C, G and U", where=name, remedy="leave it")
    sums, rows = np.empty(len(sequences)), [_rows(places, stride) for places in known]
    for part in in_chunks([len(hidden) for hidden in rows]):
        questions = [
            reader.ask(ids, hidden, hidden)
            for ids, groups in zip(encoded.ids[part], rows[part], strict=True)
            for hidden in groups
        ]
        told = iter(reader.log_probabilities(questions))
        for index in range(len(sequences))[part]:
            sequence = sequences[index]
            sums[index] = sum(
                next(told)[range(len(hidden)), [BASES.index(sequence[i]) for i in hidden]].sum()
                for hidden in rows[index]
            )
        progress(part.stop - part.start)
    return sums, np.array([len(places) for places in known], dtype=np.float64)


def _rows(places: Sequence[int], stride: int | None) -> list[list[int]]:
    """Return the places that are masked together, row by row."""
    if stride is None:
        return [[place] for place in places]
    together: dict[int, list[int]] = {}
    for place in places:
        together.setdefault(place % stride, []).append(place)
    return list(together.values())


def masked_marginals(
    reader: MaskedReader, reference: str, changes: Sequence[Sequence[Mutation]], progress: Progress
) -> np.ndarray:
    """Return scores from the reference with one base masked a row; see the module."""
    return _from_table(reader.each_masked(reference), changes)


def wild_type_marginals(
    reader: MaskedReader, reference: str, changes: Sequence[Sequence[Mutation]], progress: Progress
) -> np.ndarray:
    """Return scores from the reference as it is, one row; see the module."""
    return _from_table(reader.none_masked(reference), changes)


def mutant_marginals(
    reader: MaskedReader, reference: str, changes: Sequence[Sequence[Mutation]], progress: Progress
) -> np.ndarray:
    """Return scores from each variant as it is, a row each; see the module."""
    found = np.empty(len(changes))
    for part in in_chunks([1] * len(changes)):
        variants = [_applied(reference, some) for some in changes[part]]
        ids = reader.encoded(variants).ids
        questions = [
            reader.ask(row, [change.place for change in some])
            for row, some in zip(ids, changes[part], strict=True)
        ]
        for index, table in zip(
            range(part.start, part.stop), reader.log_probabilities(questions), strict=True
        ):
            found[index] = sum(
                row[BASES.index(change.new)] - row[BASES.index(change.old)]
                for row, change in zip(table, changes[index], strict=True)
            )
        progress(part.stop - part.start)
    return found


def _from_table(table: np.ndarray, changes: Sequence[Sequence[Mutation]]) -> np.ndarray:
    """Return the sum over mutations of what a table of (bases, 4) says of them."""
    return np.array(
        [
            sum(
                table[c.place, BASES.index(c.new)] - table[c.place, BASES.index(c.old)]
                for c in some
            )
            for some in changes
        ],
        dtype=np.float64,
    )


def _applied(reference: str, changes: Sequence[Mutation]) -> str:
    letters = list(reference)
    for change in changes:
        letters[change.place] = change.new
    return "".join(letters)


Marginals = Callable[[MaskedReader, str, Sequence[Sequence[Mutation]], Progress], np.ndarray]

MARGINALS: Mapping[str, Marginals] = {
    "masked": masked_marginals,
    "wildtype": wild_type_marginals,
    "mutant": mutant_marginals,
}
"""The fills that compare single bases, by name."""

FILLS = (*MARGINALS, PSEUDO)


def scores_of_variants(
    reader: MaskedReader,
    reference: str,
    variants: Sequence[str],
    *,
    fill: str = "masked",
    stride: int | None = None,
    names: Sequence[str] | None = None,
    progress: Progress = quiet,
) -> np.ndarray:
    """Return how much better a model expects variants than their reference, in nats.

    Args:
        reader: the model.
        reference: the wild type, normalised.
        variants: whole sequences, normalised, of the reference's length unless `fill` is `pseudo`.
        fill: one of `FILLS`.
        stride: of pseudo-likelihoods, see `pseudo_log_likelihoods`.
        names: where variants stand, for errors; their numbers if None.
        progress: called with the number of variants that are done.

    Returns:
        float64 of shape (variants,): above 0 where the variant is the likelier; 0 of the reference.

    Raises:
        DataError: for a variant of another length, or one that puts in, or replaces, another letter
            than A, C, G or U; or a sequence that is too long.
    """
    names = names or [f"variant {number}" for number in range(1, len(variants) + 1)]
    if fill == PSEUDO:
        sums, _ = pseudo_log_likelihoods(
            reader, [reference, *variants], stride=stride, names=["reference", *names],
            progress=progress,
        )  # fmt: skip
        return np.asarray(sums[1:] - sums[0])
    changes = []
    for sequence, name in zip(variants, names, strict=True):
        if len(sequence) != len(reference):
            raise DataError(
                f"the variant has {len(sequence)} bases, the reference {len(reference)}",
                where=name,
                remedy=f"fill={PSEUDO} scores insertions and deletions",
            )
        changes.append(mutations(sequence, reference))
        for change in changes[-1]:
            if not {change.old, change.new} <= {*BASES}:
                raise DataError(
                    f"{change} is not between A, C, G and U", where=name, remedy="leave it out"
                )
    return MARGINALS[fill](reader, reference, changes, progress)
