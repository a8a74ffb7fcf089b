"""A network that computes nothing: the states of a sequence stand in a file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from transformers import PretrainedConfig, PreTrainedModel
from transformers.modeling_outputs import BaseModelOutput

from rnaernie_bench.backbones.state_files import StateFile, open_states
from rnaernie_bench.core.errors import ConfigError, DataError
from rnaernie_bench.data.alphabet import LETTERS, normalise

_FIRST_LETTER = 6
"""Tokens of MultiMolecule's RNA vocabulary before it are special ones."""
MOST_BASES = 1_000_000
"""Of a sequence that has one vector."""
_SHOWN = 3


class FeaturesConfig(PretrainedConfig):
    """Where the states are, and their width."""

    model_type = "rnaernie_bench_features"

    def __init__(
        self,
        source: str = "",
        sha256: str = "",
        hidden_size: int = 1,
        per_base: bool = True,
        max_bases: int = MOST_BASES,
        vocab_size: int = 28,
        **kwargs: Any,
    ) -> None:
        self.source = source
        self.sha256 = sha256
        self.hidden_size = hidden_size
        self.per_base = per_base
        self.max_bases = max_bases
        self.vocab_size = vocab_size
        ids = {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}
        super().__init__(**{**ids, **kwargs})


class FeaturesModel(PreTrainedModel):
    """Looks states up; where a sequence has one vector, each of its bases has it."""

    config_class = FeaturesConfig
    base_model_prefix = "features"
    _supports_sdpa = True  # it attends to nothing

    def __init__(self, config: FeaturesConfig) -> None:
        super().__init__(config)
        # A parameter, as Transformers asks those for type and device; nothing trains it.
        self.unused = nn.Parameter(torch.zeros(1), requires_grad=False)
        self._file: StateFile | None = None
        self._names: dict[str, str] = {}
        self.post_init()

    @property
    def file(self) -> StateFile:
        """The file of states, opened once.

        Raises:
            DataError: it is missing, damaged, or another than it was.
        """
        if self._file is None:
            self._file = open_states(self.config.source)
            if self.config.sha256 not in ("", self._file.sha256):
                raise DataError(
                    "these are other states than the model was fitted on",
                    where=self.config.source,
                    remedy="restore the file, or fit again",
                )
            told = self._file.sequences or {
                name: name for name in self._file.arrays if not set(normalise(name)) - set(LETTERS)
            }
            self._names = {self._key(sequence): name for name, sequence in told.items()}
        return self._file

    def bind(self, items: Iterable[tuple[str, Sequence[str]]], *, per_base: bool) -> None:
        """Learn what the ids of a file stand for.

        Args:
            items: ids with the sequences of each item: one, or those of a pair.
            per_base: whether the states of bases are asked for.

        Raises:
            ConfigError: the file has a vector of a whole sequence where one of each base is needed.
            DataError: the file has another sequence under an id.
        """
        if per_base and not self.config.per_base:
            raise ConfigError(
                "the file has one vector a sequence, and the task asks about bases",
                where="backbone.source",
                remedy="give a matrix of each sequence, (bases, width)",
            )
        file = self.file
        for name, sequences in items:
            if len(sequences) != 1 or name not in file.arrays:
                continue
            told = normalise(file.sequences.get(name, sequences[0]))
            if told != sequences[0]:
                raise DataError(
                    f"'{name}' is another sequence there than in the data", where=file.path,
                    remedy="give ids of this data set, or sequences alone",
                )  # fmt: skip
            self._names.setdefault(self._key(sequences[0]), name)

    def _key(self, sequence: str) -> str:
        """Return the part of a sequence that an array is of: what a limit left out has no state."""
        return normalise(sequence)[: self.config.max_bases]

    def require(self, sequences: Iterable[str]) -> None:
        """Refuse sequences that the file has no states of.

        Raises:
            DataError: counting them, and naming the first ones.
        """
        file = self.file
        distinct = list(dict.fromkeys(sequences))
        missing = [s for s in distinct if s[: self.config.max_bases] not in self._names]
        if missing:
            shown = ", ".join(s if len(s) <= 30 else f"{s[:30]}..." for s in missing[:_SHOWN])
            raise DataError(
                f"{len(missing):,} of {len(distinct):,} sequences have no states, such as {shown}",
                where=file.path,
                remedy="compute theirs as well: `rnaernie-bench embed --task TASK --split SPLIT` "
                "shows how",
            )
        if self.config.per_base:
            for sequence in distinct:
                self._states(sequence)

    def _states(self, sequence: str) -> Tensor:
        """Return the states of a sequence, float32 (bases or 1, width)."""
        file = self.file
        name = self._names.get(sequence[: self.config.max_bases])
        if name is None:
            self.require([sequence])
            raise AssertionError("unreachable")
        found = file.of(name)
        rows = found if self.config.per_base else found.reshape(1, -1)
        bases = len(sequence) if self.config.per_base else 1
        if rows.shape != (bases, self.config.hidden_size):
            raise DataError(
                f"'{name}' has states {found.shape}, {(bases, self.config.hidden_size)} belong to "
                f"a sequence of {len(sequence)} bases",
                where=file.path,
                remedy="give one row a base, without those of special tokens",
            )
        return torch.tensor(rows, dtype=torch.float32)

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor | None = None, **kwargs: Any
    ) -> BaseModelOutput:
        """Return ``last_hidden_state`` of shape (batch, tokens, width)."""
        states = torch.zeros(*input_ids.shape, self.config.hidden_size)
        for row, ids in enumerate(input_ids.cpu().tolist()):
            places = [k for k, token in enumerate(ids) if token >= _FIRST_LETTER]
            sequence = "".join(_LETTER_OF[ids[k]] for k in places)
            if not sequence:
                continue
            found = self._states(sequence)
            states[row, places] = found if self.config.per_base else found.expand(len(places), -1)
        return BaseModelOutput(last_hidden_state=states.to(input_ids.device))


def _letters() -> Mapping[int, str]:
    from multimolecule import RnaTokenizer

    vocabulary: Mapping[str, int] = RnaTokenizer().get_vocab()
    return {place: letter for letter, place in vocabulary.items() if letter in LETTERS}


_LETTER_OF = _letters()
"""Token -> letter."""
