"""Masking that hides one base of a pair and leaves its partner in sight."""

from __future__ import annotations

import numpy as np

from rnaernie_bench.pretraining.masking import Masked, MaskingOptions

LIKELY = 0.5
"""A pair at least as probable counts: no base is in two of them."""


def hide_partners(
    masked: Masked,
    row: int,
    ids: np.ndarray,
    pairs: np.ndarray,
    options: MaskingOptions,
    *,
    mask_id: int,
    base_ids: np.ndarray,
    seed: int,
) -> None:
    """Replace the masks on the bases of one sequence of a batch, in place.

    As many bases as any strategy hides are targets, as far as there are likely pairs; the rest of
    the bases stands in sight. A type stays as it is.

    Args:
        masked: the batch.
        row: of the sequence.
        ids: its tokens, ``<cls> bases ...``.
        pairs: its likely pairs, an array of `structure.pair_probabilities.PAIRS`.
        options: share of targets, and what stands in their place.
        mask_id: the mask token.
        base_ids: ids of A, C, G and U.
        seed: of the choice.
    """
    likely = pairs[pairs["p"] >= LIKELY]
    places = np.stack([likely["i"], likely["j"]], axis=1).astype(np.int64) + 1
    places = places[np.isin(ids[places], base_ids).all(axis=1)]
    if not len(places):
        return
    random = np.random.default_rng(seed)
    bases = np.flatnonzero(np.isin(ids, base_ids))
    count = min(max(1, round(options.rate * len(bases))), len(places))
    hidden = random.permutation(places)[:count]
    hidden = hidden[np.arange(count), random.integers(2, size=count)]
    masked.input_ids[row, bases] = ids[bases]
    masked.labels[row, bases] = -100
    masked.labels[row, hidden] = ids[hidden]
    share = random.random(count)
    masked.input_ids[row, hidden[share < options.mask]] = mask_id
    other = hidden[(share >= options.mask) & (share < options.mask + options.random)]
    masked.input_ids[row, other] = random.choice(base_ids, size=len(other))
