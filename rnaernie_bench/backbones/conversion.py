"""The authors' checkpoint as a MultiMolecule model, with the rows of `[IND]` and the RNA types.

MultiMolecule's own conversion drops those rows, and until 2026-05-28 it left linear layers as
Paddle stores them, input by output. Here every linear is transposed, T becomes U, and each token
that the authors' vocabulary lacks gets a copy of their UNK row; `config.json` lists these tokens
under `rnaernie_bench`.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rnaernie_bench.backbones.paddle import read_checkpoint
from rnaernie_bench.backbones.vocabulary import INDICATOR, RNA_TYPES, typed_tokenizer
from rnaernie_bench.core.errors import ConfigError, DataError
from rnaernie_bench.core.files import atomic_folder

if TYPE_CHECKING:
    from multimolecule import RnaErnieConfig, RnaErnieForPreTraining, RnaTokenizer

AUTHORS_TOKENS = (
    "<pad>", "<unk>", "<cls>", "<eos>", "<mask>", "DEL", INDICATOR,
    *(f"[{name}]" for name in RNA_TYPES),
    "A", "U", "C", "G",
)  # fmt: skip
"""The authors' vocabulary in its order, by our names: SEP is <eos>, T is U; DEL was never used."""

ORIGIN = "rnaernie_bench"
"""The key of `config.json` under which a conversion is described."""

_WORDS = "ernie.embeddings.word_embeddings"
_TABLES = {
    _WORDS: "model.embeddings.word_embeddings",
    "ernie.embeddings.position_embeddings": "model.embeddings.position_embeddings",
    "ernie.embeddings.token_type_embeddings": "model.embeddings.token_type_embeddings",
}
_LINEARS = {
    "ernie.pooler.dense": "model.pooler.dense",
    "cls.predictions.transform": "lm_head.transform.dense",
}
_NORMS = {
    "ernie.embeddings.layer_norm": "model.embeddings.layer_norm",
    "cls.predictions.layer_norm": "lm_head.transform.layer_norm",
}
_LAYER_LINEARS = {
    "self_attn.q_proj": "attention.self.query",
    "self_attn.k_proj": "attention.self.key",
    "self_attn.v_proj": "attention.self.value",
    "self_attn.out_proj": "attention.output.dense",
    "linear1": "intermediate.dense",
    "linear2": "output.dense",
}
_LAYER_NORMS = {"norm1": "attention.output.layer_norm", "norm2": "output.layer_norm"}
_LAYER = re.compile(r"ernie\.encoder\.layers\.(\d+)\.")
_BIASES = ("cls.predictions.decoder_bias", "cls.predictions.decoder.bias")
_DECODERS = ("cls.predictions.decoder_weight", "cls.predictions.decoder.weight")
"""How versions of PaddleNLP spell the decoder, which may stand there twice; its weight is that of
the word embeddings again."""


@dataclass(frozen=True)
class Converted:
    """A converted checkpoint."""

    model: RnaErnieForPreTraining
    """Encoder with pooler and masked language model head, in evaluation mode, fp32."""
    tokenizer: RnaTokenizer


def convert(checkpoint: Path, *, heads: int | None = None) -> Converted:
    """Return the authors' checkpoint as a MultiMolecule model with 57 tokens.

    `model_config.json` is read where it lies beside the checkpoint; without it the shape follows
    from the tensors, and the number of heads from 64 features a head.

    Args:
        checkpoint: a ``model_state.pdparams`` of PaddleNLP's ErnieForMaskedLM.
        heads: number of attention heads, where neither file nor rule tells it.

    Raises:
        DataError: if the checkpoint cannot be read safely, or a tensor is missing, unknown or of
            another shape, or contradicts `model_config.json`.
        ConfigError: if the number of heads is not known or does not divide the hidden size.
    """
    import torch
    from multimolecule import RnaErnieForPreTraining

    state = read_checkpoint(checkpoint)
    tokenizer = typed_tokenizer()
    tokens = tokenizer.convert_ids_to_tokens(list(range(len(tokenizer))))
    config = _config(state, heads, checkpoint)
    config.vocab_size = config.lm_head.num_labels = len(tokens)
    setattr(config, ORIGIN, _origin(checkpoint, tokens))
    with torch.random.fork_rng(devices=[]):
        model = RnaErnieForPreTraining(config)
    shapes = {name: tuple(value.shape) for name, value in model.state_dict().items()}
    weights = _weights(state, shapes, config.num_hidden_layers, tokens, checkpoint)
    model.load_state_dict({name: torch.tensor(value) for name, value in weights.items()})
    return Converted(model.eval(), tokenizer)


def save_converted(converted: Converted, folder: Path, *, replace: bool = False) -> None:
    """Write model (safetensors) and tokenizer into `folder`, which appears whole or not at all.

    Args:
        converted: what `convert` returned.
        folder: to be made; it may be there if it is empty.
        replace: whether a model that `folder` holds may be replaced.

    Raises:
        BenchError: if the folder holds something else, or cannot be written.
    """
    holds_model = (folder / "config.json").is_file() and (folder / "model.safetensors").is_file()
    with atomic_folder(folder, replace=replace and holds_model) as temporary:
        converted.model.save_pretrained(temporary)
        converted.tokenizer.save_pretrained(temporary)


def copies_of_unknown(tokens: Sequence[str]) -> list[str]:
    """Return those of `tokens` that the authors' vocabulary lacks."""
    return [token for token in tokens if token not in AUTHORS_TOKENS]


def _origin(checkpoint: Path, tokens: Sequence[str]) -> dict[str, Any]:
    with checkpoint.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    return {
        "converted_from": checkpoint.name,
        "sha256": sha256,
        "copies_of_unk": copies_of_unknown(tokens),
    }


def _config(
    state: Mapping[str, NDArray[np.float32]], heads: int | None, checkpoint: Path
) -> RnaErnieConfig:
    """Return the architecture, as the tensors and `model_config.json` tell it."""
    from multimolecule import RnaErnieConfig

    words, hidden = _table(state, f"{_WORDS}.weight", checkpoint)
    if words != len(AUTHORS_TOKENS):
        raise DataError(
            f"the tensor '{_WORDS}.weight' has {words} rows, the authors' vocabulary has "
            f"{len(AUTHORS_TOKENS)} tokens",
            where=checkpoint,
        )
    shape = {
        "hidden_size": hidden,
        "num_hidden_layers": len({m[1] for name in state if (m := _LAYER.match(name))}),
        "intermediate_size": _table(state, "ernie.encoder.layers.0.linear1.weight", checkpoint)[1],
        "max_position_embeddings": _table(
            state, "ernie.embeddings.position_embeddings.weight", checkpoint
        )[0],
    }
    path = checkpoint.with_name("model_config.json")
    declared = _read_config(path) if path.exists() else {}
    for key, counted in {**shape, "vocab_size": words}.items():
        if declared.get(key, counted) != counted:
            raise DataError(
                f"'{key}' is {declared[key]}, but {counted} in the tensors",
                where=path,
                remedy=f"put the configuration of {checkpoint.name} there, or none",
            )
    activation = declared.get("hidden_act", "relu")
    if activation not in ("relu", "gelu"):
        raise DataError(f"'hidden_act' is {activation!r}, not relu or gelu", where=path)
    known = heads or declared.get("num_attention_heads")
    if known is None and hidden % 64 == 0:
        known = hidden // 64
    if known is None:
        raise ConfigError(
            f"the number of attention heads is not known: {hidden} features are not 64 a head",
            where=checkpoint,
            remedy="add --heads N, or put the authors' model_config.json beside the checkpoint",
        )
    if type(known) is not int or known < 1 or hidden % known:
        raise ConfigError(
            f"{hidden} features cannot be shared among {known} heads",
            where=checkpoint,
            remedy="add --heads N with the right number",
        )
    return RnaErnieConfig(num_attention_heads=known, hidden_act=activation, **shape)


def _read_config(path: Path) -> dict[str, Any]:
    """Return the settings of the encoder, which PaddleNLP nests in lists of arguments."""
    try:
        settings = json.loads(path.read_text(encoding="utf-8"))
        while settings.get("init_args"):
            settings = settings["init_args"][0]
        return dict(settings)
    except (OSError, ValueError, TypeError, KeyError, IndexError) as error:
        raise DataError(
            "it is not a model configuration of PaddleNLP",
            where=path,
            remedy="put the authors' model_config.json there, or none",
        ) from error


def _table(
    state: Mapping[str, NDArray[np.float32]], name: str, checkpoint: Path
) -> tuple[int, int]:
    """Return the two sizes of a tensor that the architecture is told by."""
    if name not in state:
        raise _lacking([name], checkpoint)
    if state[name].ndim != 2 or 0 in state[name].shape:
        raise DataError(
            f"the tensor '{name}' has the shape {state[name].shape}, not rows by columns",
            where=checkpoint,
        )
    rows, columns = state[name].shape
    return rows, columns


def _weights(
    state: Mapping[str, NDArray[np.float32]],
    shapes: Mapping[str, tuple[int, ...]],
    layers: int,
    tokens: Sequence[str],
    checkpoint: Path,
) -> dict[str, NDArray[np.float32]]:
    """Return MultiMolecule's weights, if the checkpoint holds them all and nothing else.

    Args:
        state: the authors' tensors by their names.
        shapes: of MultiMolecule's weights by their names.
        layers: number of layers.
        tokens: our vocabulary by id.
        checkpoint: for messages.
    """
    names = list(_names(layers))
    bias = next((name for name in _BIASES if name in state), _BIASES[0])
    missing = [name for name in (*(name for name, _, _ in names), bias) if name not in state]
    if missing:
        raise _lacking(missing, checkpoint)
    unknown = sorted({*state} - {name for name, _, _ in names} - {*_BIASES, *_DECODERS})
    if unknown:
        raise DataError(
            f"the tensor '{unknown[0]}'{_more(unknown)} is no part of RNAErnie",
            where=checkpoint,
            remedy="give the checkpoint of an ErnieForMaskedLM",
        )
    n_words = len(AUTHORS_TOKENS)
    for name, target, linear in names:
        expected = shapes[target][::-1] if linear else shapes[target]
        if name == f"{_WORDS}.weight":
            expected = (n_words, *expected[1:])
        _check_shape(state, name, expected, checkpoint)
    for twins, original in ((_BIASES, bias), (_DECODERS, f"{_WORDS}.weight")):
        for name in twins:
            if name in state and not np.array_equal(state[name], state[original]):
                raise DataError(
                    f"the tensor '{name}' differs from '{original}', with which it is shared",
                    where=checkpoint,
                )
    _check_shape(state, bias, (n_words,), checkpoint)

    rows = [AUTHORS_TOKENS.index(t if t in AUTHORS_TOKENS else "<unk>") for t in tokens]
    weights = {target: state[name].T if linear else state[name] for name, target, linear in names}
    word_rows = state[f"{_WORDS}.weight"][rows]
    weights[f"{_TABLES[_WORDS]}.weight"] = weights["lm_head.decoder.weight"] = word_rows
    weights["lm_head.bias"] = weights["lm_head.decoder.bias"] = state[bias][rows]
    return weights


def _names(layers: int) -> Iterator[tuple[str, str, bool]]:
    """Yield the authors' name of each weight, MultiMolecule's, and whether it is to be turned."""
    for source, target in _TABLES.items():
        yield f"{source}.weight", f"{target}.weight", False
    linears, norms = dict(_LINEARS), dict(_NORMS)
    for n in range(layers):
        source, target = f"ernie.encoder.layers.{n}", f"model.encoder.layer.{n}"
        linears |= {f"{source}.{a}": f"{target}.{b}" for a, b in _LAYER_LINEARS.items()}
        norms |= {f"{source}.{a}": f"{target}.{b}" for a, b in _LAYER_NORMS.items()}
    for source, target in (linears | norms).items():
        yield f"{source}.weight", f"{target}.weight", source in linears
        yield f"{source}.bias", f"{target}.bias", False


def _check_shape(
    state: Mapping[str, NDArray[np.float32]],
    name: str,
    expected: tuple[int, ...],
    checkpoint: Path,
) -> None:
    if state[name].shape != expected:
        raise DataError(
            f"the tensor '{name}' has the shape {state[name].shape} instead of {expected}",
            where=checkpoint,
        )


def _lacking(names: Sequence[str], checkpoint: Path) -> DataError:
    return DataError(
        f"the tensor '{names[0]}'{_more(names)} is missing",
        where=checkpoint,
        remedy="give the whole checkpoint of an ErnieForMaskedLM",
    )


def _more(names: Sequence[str]) -> str:
    return f" (and {len(names) - 1} more)" if len(names) > 1 else ""
