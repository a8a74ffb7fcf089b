"""What a masked language model expects at places of a sequence, every input read once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from rnaernie_bench.backbones.inference import TokenIds, best_device, in_batches
from rnaernie_bench.backbones.precision import Option, autocast, chosen
from rnaernie_bench.backbones.vocabulary import type_tail
from rnaernie_bench.core.errors import ConfigError
from rnaernie_bench.data.encoding import Tail, encode, single, special_ends

if TYPE_CHECKING:
    from torch import Tensor

    from rnaernie_bench.backbones.encoder import Encoder

BASES = "ACGU"
"""The columns of what is returned."""

ROWS = 20_000
"""Inputs that are gathered before they are read: identical ones among them are one."""

Progress = Callable[[int], object]


@dataclass(frozen=True)
class Question:
    """An input of the network, and the places whose tokens are asked for."""

    ids: np.ndarray
    """int64 (tokens,)."""
    places: np.ndarray
    """int64 (asked,): tokens, the special ones at the front counted."""


@dataclass(frozen=True)
class MaskedReader:
    """A frozen masked language model that tells log-probabilities of bases."""

    encoder: Encoder
    """Loaded with its head for masked tokens."""
    bases: bool = False
    """Whether probabilities are shared out among the four bases, or among all tokens."""
    rna_type: str | None = None
    """The type whose token stands behind the bases; None: none does."""
    token_budget: int = 8192
    """The most padded tokens of a batch."""
    precision: Option = "fp32"
    length: str = "error"
    """The length policy: a sequence over the limit is refused, or its first bases are read."""

    def __post_init__(self) -> None:
        if self.encoder.unit != "base":
            raise ConfigError(
                f"its tokens are {self.encoder.unit}s: no single base can be masked",
                where="the backbone",
                remedy="use a backbone with a token for each base, such as rnaernie-tiny",
            )
        self.encoder.model.eval().requires_grad_(False)
        self._tail()  # an unknown type is refused here

    def _tail(self) -> Tail:
        if self.rna_type is None:
            return Tail()
        return Tail(type_tail(self.encoder.tokenizer, self.rna_type))

    def encoded(self, sequences: Sequence[str], names: Sequence[str] | None = None) -> Any:
        """Return sequences as token ids (`data.encoding.Encoded`).

        Args:
            sequences: normalised.
            names: where they stand, for an error; their numbers if None.

        Raises:
            DataError: for a sequence over the limit that is to be refused.
        """
        return encode(
            sequences,
            self.encoder.tokenizer,
            policy=self.length,
            max_bases=self.encoder.max_bases,
            names=names,
            tails=[[self._tail()]] * len(sequences),
        )

    def ask(self, ids: np.ndarray, wanted: Sequence[int], masked: Sequence[int] = ()) -> Question:
        """Return a question about a sequence.

        Args:
            ids: the sequence as `encoded` has it.
            wanted: the bases that are asked for, from 0.
            masked: the bases that are hidden.
        """
        offset = len(special_ends(self.encoder.tokenizer)[0])
        hidden = ids.copy()
        hidden[np.asarray(masked, dtype=np.int64) + offset] = self.encoder.tokenizer.mask_token_id
        return Question(hidden, np.asarray(wanted, dtype=np.int64) + offset)

    def log_probabilities(
        self, questions: Sequence[Question], progress: Progress = lambda done: None
    ) -> list[np.ndarray]:
        """Return natural logarithms of the probabilities of A, C, G and U, float64 (asked, 4).

        Args:
            questions: those of one input are answered by one row of the network.
            progress: called with the number of inputs of each finished batch.
        """
        import torch

        rows: dict[bytes, int] = {}
        ids: list[np.ndarray] = []
        places: list[list[np.ndarray]] = []
        slots: list[tuple[int, int]] = []
        asked: list[int] = []
        for question in questions:
            row = rows.setdefault(question.ids.tobytes(), len(ids))
            if row == len(ids):
                ids.append(question.ids)
                places.append([])
                asked.append(0)
            slots.append((row, asked[row]))
            places[row].append(question.places)
            asked[row] += len(question.places)
        at = [np.concatenate(parts) for parts in places]
        tokenizer, device, network = self.encoder.tokenizer, best_device(), self.encoder.model
        columns = torch.tensor(tokenizer.convert_tokens_to_ids([*BASES]), device=device)
        precision = chosen(self.precision)
        model: Any = network.to(device)  # type: ignore[arg-type]

        def work(indices: list[int], batch: dict[str, Any]) -> np.ndarray:
            with autocast(device, precision):
                logits: Tensor = model(
                    input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]
                ).logits
            which = np.repeat(np.arange(len(indices)), [len(at[i]) for i in indices])
            where = np.concatenate([at[i] for i in indices])
            picked = logits[torch.from_numpy(which).to(device), torch.from_numpy(where).to(device)]
            if self.bases:
                told = picked.float()[:, columns].log_softmax(dim=1)
            else:
                told = picked.float().log_softmax(dim=1)[:, columns]
            return told.double().cpu().numpy()

        found: list[np.ndarray] = [np.empty((0, len(BASES)))] * len(ids)
        inputs = TokenIds(single(ids, np.zeros(len(ids), dtype=bool)), int(tokenizer.pad_token_id))
        for indices, told in in_batches(
            work, inputs, token_budget=self.token_budget, device=device
        ):
            ends = np.cumsum([len(at[i]) for i in indices])
            for index, part in zip(indices, np.split(told, ends[:-1]), strict=True):
                found[index] = part
            progress(len(indices))
        model.to("cpu")
        return [
            found[row][start : start + len(question.places)]
            for (row, start), question in zip(slots, questions, strict=True)
        ]

    def each_masked(self, sequence: str, where: str = "reference") -> np.ndarray:
        """Return what is expected at each base while it alone is masked, float64 (bases, 4)."""
        ids = self.encoded([sequence], [where]).ids[0]
        bases = self.bases_of(ids)
        rows = self.log_probabilities([self.ask(ids, [i], [i]) for i in range(bases)])
        return np.concatenate(rows)

    def none_masked(self, sequence: str, where: str = "reference") -> np.ndarray:
        """Return what is expected at each base while all are shown, float64 (bases, 4)."""
        ids = self.encoded([sequence], [where]).ids[0]
        return self.log_probabilities([self.ask(ids, range(self.bases_of(ids)))])[0]

    def bases_of(self, ids: np.ndarray) -> int:
        """Return how many bases an input has."""
        before, behind = special_ends(self.encoder.tokenizer)
        return len(ids) - len(before) - len(behind) - len(self._tail().ids)


def in_chunks(sizes: Sequence[int], most: int = ROWS) -> Iterator[slice]:
    """Yield slices of items that have `most` rows together, or one item each that has more."""
    start = total = 0
    for index, size in enumerate(sizes):
        if total and total + size > most:
            yield slice(start, index)
            start, total = index, 0
        total += size
    if start < len(sizes):
        yield slice(start, len(sizes))
