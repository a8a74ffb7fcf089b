"""From pair probabilities to base pairs: one file a decoder, one signature.

All read the part of the matrix above its diagonal, and consider the same candidates: pairs whose
probability reaches the threshold, with room for a hairpin between them, canonical if requested. A
module here that does not begin with an underscore is the decoder of its name, described by `ENTRY`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from rnaernie_bench.core.environment import available_cores
from rnaernie_bench.core.errors import ConfigError
from rnaernie_bench.core.registry import Registry, did_you_mean
from rnaernie_bench.structure.records import MIN_LOOP

FEW_THRESHOLDS = (0.005, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5)
"""What is compared where each threshold takes a decoding of its own."""


@dataclass(frozen=True)
class DecodingOptions:
    """How probabilities become pairs."""

    decoder: str = "mea"
    """One of `DECODERS`."""
    threshold: float = 0.5
    """The smallest probability of a pair that is considered."""
    gamma: float = 1.0
    """`mea`: the weight of paired against unpaired bases."""
    mixing: float = 1.0
    """`hybrid`: kcal/mol for one unit of log odds; 0 leaves the energy model alone."""
    canonical: bool = False
    """Whether only AU, GC and GU may pair."""
    min_loop: int = MIN_LOOP
    """The fewest bases between two that pair."""
    slope: float = 1.0
    """Of the line of log odds by which probabilities are shown (`structure.reliability`)."""
    offset: float = 0.0
    """Of that line. Pairs are decoded from probabilities as they are."""

    def __post_init__(self) -> None:
        if self.decoder not in DECODERS:
            raise ConfigError(
                f"unknown decoder '{self.decoder}'",
                where="decoder",
                remedy=did_you_mean(self.decoder, list(DECODERS)),
            )
        wrong = {
            "threshold": not 0 <= self.threshold <= 1,
            "gamma": not 0 < self.gamma < float("inf"),
            "mixing": not 0 <= self.mixing < float("inf"),
            "min_loop": self.min_loop < 0,
            "slope": not 0 < self.slope < float("inf"),
            "offset": not abs(self.offset) < float("inf"),
        }
        for name in (name for name, is_wrong in wrong.items() if is_wrong):
            raise ConfigError(
                f"{name} = {getattr(self, name)} makes no sense",
                where=name,
                remedy="threshold lies in 0..1; gamma and slope are positive, the offset is any "
                "number, the others are not negative",
            )


@dataclass(frozen=True)
class Decoder:
    """A way to base pairs."""

    summary: str
    """What it finds, for lists and pages."""
    find: Callable[[np.ndarray, str, DecodingOptions], np.ndarray]
    """Called with probabilities (bases, bases), the normalised sequence and the options; returns
    the pairs as int32 of shape (pairs, 2), i < j, sorted."""
    pseudoknots: bool
    """Whether pairs may cross."""
    tuned: Sequence[Mapping[str, float]] = tuple({"threshold": t} for t in FEW_THRESHOLDS)
    """Settings that validation compares: values of options by name; of equals, the first."""
    one_decoding: bool = False
    """Whether its pairs at a threshold are, of those at a lower one, the likely enough ones, so
    that one decoding tells the pairs at all thresholds (`structure.tuning`)."""
    find_all: Callable[..., list[np.ndarray]] | None = None
    """Takes what `decode_batch` takes, for what is slow in threads; None: `find` in threads."""
    credit: str = ""
    """What else its scores depend on; the leaderboard shows it beside the name of a model."""


DECODERS: Registry[Decoder] = Registry("decoder", package="rnaernie_bench.structure.decoders")
"""The decoders by name."""


def decode(probabilities: np.ndarray, sequence: str, options: DecodingOptions) -> np.ndarray:
    """Return the pairs that the chosen decoder finds, int32 of shape (pairs, 2)."""
    return DECODERS.get(options.decoder).find(probabilities, sequence, options)


def decode_batch(
    probabilities: Sequence[np.ndarray],
    sequences: Sequence[str],
    options: DecodingOptions,
    *,
    workers: int | None = None,
) -> list[np.ndarray]:
    """Decode many sequences at once: in threads, or as the decoder does it itself.

    Args:
        probabilities: one matrix a sequence, each of its own size.
        sequences: normalised.
        options: for all of them.
        workers: how many at a time; one for each CPU if None.

    Raises:
        ConfigError: if ViennaRNA is needed and not installed.
    """
    find_all = DECODERS.get(options.decoder).find_all
    if find_all is not None:
        return find_all(probabilities, sequences, options, workers=workers)
    with ThreadPoolExecutor(workers or available_cores()) as pool:
        everything = [options] * len(sequences)
        return list(pool.map(decode, probabilities, sequences, everything))
