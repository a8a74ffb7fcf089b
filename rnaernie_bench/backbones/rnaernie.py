"""RNAErnie: MultiMolecule's model, hosted or local weights or fresh ones, in three sizes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from rnaernie_bench import resources
from rnaernie_bench.backbones.vocabulary import (
    MAX_BASES,
    N_RNA_TOKENS,
    N_TYPED_TOKENS,
    typed_tokenizer,
)
from rnaernie_bench.catalogue import EncoderEntry
from rnaernie_bench.errors import ConfigError

if TYPE_CHECKING:
    from multimolecule import RnaErnieConfig

    from rnaernie_bench.backbones.encoder import Encoder


@dataclass(frozen=True)
class RnaErnieOptions:
    """Where the weights come from, and the shape of the network."""

    name: str
    init: Literal["pretrained", "random"]
    source: str | None
    """A hub id or a local folder; None for the weights that come with the package. The shape below
    is then the checkpoint's own."""
    revision: str | None
    """A commit of the hub repository."""
    num_hidden_layers: int
    hidden_size: int
    num_attention_heads: int
    intermediate_size: int

    def __post_init__(self) -> None:
        if self.init == "pretrained" and self.checkpoint is None:
            raise ConfigError(
                f"no pre-trained weights of '{self.name}' come with this package",
                where="backbone.init",
                remedy="set backbone.init=random, or backbone.source to a hub id or folder",
            )
        for name in (
            "num_hidden_layers",
            "hidden_size",
            "num_attention_heads",
            "intermediate_size",
        ):
            if getattr(self, name) < 1:
                raise ConfigError("the value must be 1 or more", where=f"backbone.{name}")
        if self.hidden_size % self.num_attention_heads:
            raise ConfigError(
                f"{self.hidden_size} is not a multiple of {self.num_attention_heads} heads",
                where="backbone.hidden_size",
            )

    @property
    def checkpoint(self) -> str | None:
        """Where pre-trained weights are: `source`, else those that come with the package."""
        embedded = resources.embedded_weights(self.name)
        return self.source or (str(embedded) if embedded else None)


def load(options: RnaErnieOptions, seed: int) -> Encoder:
    """Return the backbone in evaluation mode, in fp32, with SDPA attention.

    Args:
        options: the backbone options.
        seed: of the weights, where `options.init` is random, and of a pooler that a checkpoint
            lacks, as those of masked language models do.

    Raises:
        ConfigError: if the weights cannot be found, are not those of an RNAErnie, or not all.
    """
    from multimolecule import RnaErnieModel

    return _load(options, seed, RnaErnieModel)


def load_masked_lm(options: RnaErnieOptions, seed: int) -> Encoder:
    """Return the backbone with its head for masked tokens: the network gives ``logits``.

    The arguments and errors are those of `load`; a checkpoint without the head is refused.
    """
    from multimolecule import RnaErnieForMaskedLM

    return _load(options, seed, RnaErnieForMaskedLM)


def _load(options: RnaErnieOptions, seed: int, network: Any) -> Encoder:
    import torch

    from rnaernie_bench.backbones.encoder import Encoder, weights_sha256

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        drawn: list[str] = []
        if options.init == "pretrained":
            model, tokenizer, drawn = _pretrained(options, network)
        else:
            config = declared_config(options)
            model = network._from_config(config, attn_implementation="sdpa")
            tokenizer = typed_tokenizer()
    return Encoder(
        model.eval(),
        tokenizer,
        MAX_BASES,
        weights_sha256(model, leave_out=drawn),
        pooler_seed=seed if drawn else None,
    )


def declared_config(options: RnaErnieOptions) -> RnaErnieConfig:
    """Return the architecture that is known without weights or network.

    A local folder brings its own. A checkpoint on the hub is taken to be of the shape that the
    options give, with the hosted vocabulary.

    Raises:
        ConfigError: if the checkpoint is a folder without an RNAErnie in it.
    """
    from multimolecule import RnaErnieConfig

    pretrained = options.init == "pretrained"
    if pretrained and Path(str(options.checkpoint)).exists():
        try:
            _check_kind(str(options.checkpoint), None)
            return RnaErnieConfig.from_pretrained(options.checkpoint)
        except (OSError, ValueError) as error:
            raise _unusable(options, error) from error
    return RnaErnieConfig(
        vocab_size=N_RNA_TOKENS if pretrained else N_TYPED_TOKENS,
        num_hidden_layers=options.num_hidden_layers,
        hidden_size=options.hidden_size,
        num_attention_heads=options.num_attention_heads,
        intermediate_size=options.intermediate_size,
    )


def _pretrained(options: RnaErnieOptions, network: Any) -> tuple[Any, Any, list[str]]:
    """Return network, tokenizer, and the names of weights that the checkpoint lacks."""
    from multimolecule import RnaTokenizer
    from safetensors import SafetensorError

    source, revision = str(options.checkpoint), options.revision
    try:
        _check_kind(source, revision)
        model, report = network.from_pretrained(
            source,
            revision=revision,
            dtype="float32",
            attn_implementation="sdpa",
            ignore_mismatched_sizes=True,  # they are reported, and refused below
            output_loading_info=True,
        )
        tokenizer = RnaTokenizer.from_pretrained(source, revision=revision)
        drawn = _check_whole(report, len(tokenizer), model.config.vocab_size)
    except (OSError, ValueError, SafetensorError) as error:
        raise _unusable(options, error) from error
    return model, tokenizer, drawn


def _check_kind(source: str, revision: str | None) -> None:
    """Raise a ValueError if a checkpoint is not an RNAErnie.

    Transformers would load it all the same and fill up with random weights.
    """
    from multimolecule import RnaErnieConfig

    declared = RnaErnieConfig.get_config_dict(source, revision=revision)[0].get("model_type")
    if declared != RnaErnieConfig.model_type:
        raise ValueError(f"its config.json declares the model type {declared!r}")


def _unusable(options: RnaErnieOptions, error: Exception) -> ConfigError:
    remedy = (
        "check the folder: it needs config.json, model.safetensors and the tokenizer's files"
        if Path(str(options.checkpoint)).exists()
        else "check the connection and the hub id, or name a local folder in backbone.source"
    )
    return ConfigError(
        f"the weights of '{options.name}' cannot be loaded: {str(error).splitlines()[0]}",
        where=options.checkpoint,
        remedy=remedy,
    )


def _check_whole(report: Mapping[str, Any], n_tokens: int, n_rows: int) -> list[str]:
    """Raise a ValueError if weights were made up, or the tokenizer is not the network's.

    Returns:
        The names of a pooler's weights, which may be made up.
    """
    drawn = sorted(key for key in report["missing_keys"] if key.startswith("pooler."))
    missing = sorted({*report["missing_keys"]} - {*drawn})
    if missing:
        raise ValueError(f"it holds no weights for {_some(missing)}")
    wrong = sorted(str(key) for key, *_ in report["mismatched_keys"])
    if wrong:
        raise ValueError(f"its weights differ from the shape in config.json: {_some(wrong)}")
    if n_tokens != n_rows:
        raise ValueError(f"its tokenizer has {n_tokens} tokens, its network {n_rows}")
    return drawn


def _some(names: Sequence[str]) -> str:
    return names[0] + (f" and {len(names) - 1} more" if len(names) > 1 else "")


ENTRY = EncoderEntry(
    options=RnaErnieOptions,
    load="rnaernie_bench.backbones.rnaernie:load",
    load_masked_lm="rnaernie_bench.backbones.rnaernie:load_masked_lm",
    summary="RNAErnie (MultiMolecule), hosted, local or random weights",
    levels=("sequence", "token", "contact", "pair"),
)
