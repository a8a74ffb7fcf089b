"""The weights of RNABERT's authors as a MultiMolecule model.

The checkpoint (https://github.com/mana438/RNABERT, `RNABERT.pth`) knows padding, a mask and the
four bases, and reads bases alone: there is nothing before the first and behind the last. So the
tokenizer here adds no special tokens, 440 bases fit, and position 0 is that of the first base. A
letter that stands for several bases gets the mean of their rows. MultiMolecule's own conversion
draws rows for ``<cls>`` and ``<eos>``, which the network never saw, and puts them around the bases.
"""

from __future__ import annotations

import pickle
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rnaernie_bench.core.errors import ConfigError
from rnaernie_bench.data.sources import own_or_found

if TYPE_CHECKING:
    from multimolecule import RnaTokenizer
    from torch import Tensor
    from transformers import PreTrainedModel

WITHOUT_SPECIALS = {"bos_token_id": None, "eos_token_id": None}
"""Settings of a configuration: MultiMolecule's heads then take no state for a special token's."""

_TOKENS = ("<pad>", "<mask>", "A", "U", "G", "C")
"""The vocabulary of the checkpoint in its order, by our names."""

_STANDS_FOR = {
    "R": "AG", "Y": "CU", "S": "CG", "W": "AU", "K": "GU", "M": "AC", "B": "CGU", "D": "AGU",
    "H": "ACU", "V": "ACG",
}  # fmt: skip
"""IUPAC's letters for some of the bases; every other token stands for any."""

_HEADS = 12
_LAYER = re.compile(r"bert\.encoder\.layer\.(\d+)\.")
_RENAMED = (
    ("LayerNorm.gamma", "layer_norm.weight"),
    ("LayerNorm.beta", "layer_norm.bias"),
    ("attention.selfattn.", "attention.self."),
)


def bare_tokenizer() -> RnaTokenizer:
    """Return MultiMolecule's RNA tokenizer, which puts nothing around the bases."""
    from multimolecule import RnaTokenizer

    return RnaTokenizer(bos_token=None, cls_token=None, eos_token=None, sep_token=None)


def authors_file(source: str) -> str | None:
    """Return the authors' checkpoint that a source names, or None if it names something else.

    Args:
        source: a file that ends in ``.pth``, or a folder with `RNABERT.pth` in it.
    """
    if source.endswith(".pth"):
        return source
    file = Path(source).expanduser() / "RNABERT.pth"
    return str(file) if file.is_file() else None


def convert(source: str, name: str, network: Any) -> tuple[PreTrainedModel, RnaTokenizer]:
    """Return a network with the weights of the authors' checkpoint, and the tokenizer.

    Args:
        source: the file, or its path below a folder of `$RNAERNIE_BENCH_DATA`. It is read without
            executing anything.
        name: of the backbone, for messages.
        network: `RnaBertModel`, encoder and pooler.

    Raises:
        ConfigError: if it is not there, or not the authors' checkpoint; or a network with a head
            for masked bases is asked for: theirs is as it was drawn, shrunk by weight decay alone.
    """
    import torch
    from multimolecule import RnaBertConfig

    path = own_or_found(source)
    if path is None:
        raise ConfigError(
            f"the weights of '{name}' are neither a file nor in a folder of RNAERNIE_BENCH_DATA",
            where=source,
            remedy="take RNABERT.pth from https://github.com/mana438/RNABERT, or set "
            "backbone.source to multimolecule/rnabert or a folder, or backbone.init=random",
        )
    if "MaskedLM" in network.__name__:
        raise ConfigError(
            f"the head for masked bases of '{name}' was never trained, so it scores no sequence",
            where=path,
            remedy="score with another backbone; embed, train or predict with this one",
        )
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        state = {key.removeprefix("module."): value for key, value in state.items()}
        words = state["bert.embeddings.word_embeddings.weight"]
        positions, hidden = state["bert.embeddings.position_embeddings.weight"].shape
        if len(words) != len(_TOKENS):
            raise ValueError(f"it has {len(words)} tokens, the authors' vocabulary {len(_TOKENS)}")
        tokenizer = bare_tokenizer()
        config = RnaBertConfig(
            vocab_size=len(tokenizer),
            hidden_size=hidden,
            num_hidden_layers=len({m[1] for key in state if (m := _LAYER.match(key))}),
            num_attention_heads=_HEADS,
            intermediate_size=len(state["bert.encoder.layer.0.intermediate.dense.bias"]),
            max_position_embeddings=positions,
            **WITHOUT_SPECIALS,
        )
        model = network._from_config(config, attn_implementation="sdpa")
        report = model.load_state_dict(_weights(state, tokenizer), strict=False)
        for names, what in (
            (report.missing_keys, "is missing"),
            (report.unexpected_keys, "is no part of RNABERT"),
        ):
            if names:
                raise ValueError(f"the tensor '{names[0]}' {what}")
    except (
        OSError, ValueError, KeyError, AttributeError, RuntimeError, EOFError,
        pickle.UnpicklingError,
    ) as error:  # fmt: skip
        raise _unusable(path, name, error) from error
    return model, tokenizer


def _weights(state: Mapping[str, Tensor], tokenizer: Any) -> dict[str, Tensor]:
    """Return MultiMolecule's weights of encoder and pooler; those of the other heads stay out."""
    weights = {}
    for key, value in state.items():
        if key.startswith("bert."):
            for old, new in _RENAMED:
                key = key.replace(old, new)
            weights[key.removeprefix("bert.")] = value
    words = "embeddings.word_embeddings.weight"
    weights[words] = _rows(weights[words], tokenizer)
    return weights


def _rows(words: Tensor, tokenizer: Any) -> Tensor:
    """Return a row for each token of the tokenizer."""
    import torch

    rows = []
    for token in tokenizer.convert_ids_to_tokens(list(range(len(tokenizer)))):
        bases = _STANDS_FOR.get(token, "ACGU")
        taken = [token] if token in _TOKENS else [*bases]
        rows.append(words[[_TOKENS.index(name) for name in taken]].mean(0))
    return torch.stack(rows)


def _unusable(path: Path, name: str, error: Exception) -> ConfigError:
    reason = str(error).splitlines()[0] if str(error) else type(error).__name__
    return ConfigError(
        f"the weights of '{name}' cannot be loaded: {reason}",
        where=path,
        remedy="give RNABERT.pth of https://github.com/mana438/RNABERT as its authors made it",
    )
