"""How a network reads items: tokenizer, limit, length policy, copies."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from rnaernie_bench.core.errors import ConfigError
from rnaernie_bench.data.encoding import Encoded, Tail, encode
from rnaernie_bench.task.lengths import POLICIES

Encoding = Literal["towers", "joint"]


@dataclass(frozen=True)
class Reader:
    """How a network reads sequences, or pairs of them."""

    tokenizer: Any
    max_bases: int
    """Of one input."""
    policy: str
    """A name in `task.lengths.POLICIES`."""
    token_budget: int
    overlap: int = 0
    """The least number of bases that neighbouring windows share, under ``window``."""
    tails: Callable[[Sequence[str]], Sequence[Sequence[Tail]]] | None = None
    """Chooses the copies that each sequence is read as; None: one, without a tail."""
    encoding: Encoding = "towers"
    """Whether both sequences of a pair are read apart, or as one input."""
    features: tuple[str, ...] = ()
    """Pair probabilities that are read besides, names in `PAIR_FEATURES`."""

    def __post_init__(self) -> None:
        if self.overlap >= self.max_bases:
            raise ConfigError(
                f"windows of {self.max_bases} bases cannot share {self.overlap}",
                where="task.window_overlap",
                remedy=f"give at most {self.max_bases - 1}",
            )

    @property
    def leaves_out(self) -> bool:
        """Whether sequences over the limit train nothing and are not read."""
        return POLICIES[self.policy].leaves_out

    @property
    def pad_id(self) -> int:
        """The token that fills up a batch."""
        return int(self.tokenizer.pad_token_id)

    def encode(self, sequences: Sequence[str], names: Sequence[str] | None = None) -> Encoded:
        """Return token ids under the length policy.

        Raises:
            DataError: for a sequence over the limit under a policy that refuses or leaves it out.
        """
        return encode(
            sequences,
            self.tokenizer,
            policy="error" if self.leaves_out else self.policy,  # what is left out is not cut
            max_bases=self.max_bases,
            overlap=self.overlap,
            names=names,
            tails=self.tails(sequences) if self.tails else None,
        )
