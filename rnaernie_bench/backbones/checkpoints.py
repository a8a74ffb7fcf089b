"""Checkpoints of MultiMolecule's networks: hosted, in a folder, or as a run saved them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from rnaernie_bench.core.documents import read_json
from rnaernie_bench.core.errors import ConfigError
from rnaernie_bench.core.names import check_inside
from rnaernie_bench.levels import Level


@dataclass(frozen=True)
class CheckpointOptions:
    """Where the weights come from, and the shape of the network."""

    name: str
    init: Literal["pretrained", "random"]
    """`random`: the same network untrained, of the shape below."""
    source: str | None
    """A hub id, a local folder, or a run (its folder, or 6 letters or more of its id), whose
    backbone it then starts from. The shape below is then the checkpoint's own."""
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
        """Where pre-trained weights are, if anywhere."""
        return self.source

    def unread(self, level: Level) -> dict[str, str]:
        """Return options without effect, each with the reason; see `config.unread`."""
        if self.init == "pretrained":
            return dict.fromkeys(self.shape, "a checkpoint brings its own shape")
        return dict.fromkeys(("source", "revision"), "random weights are loaded from nowhere")

    @property
    def shape(self) -> dict[str, int]:
        """The shape by the names of MultiMolecule's configurations."""
        return {
            "num_hidden_layers": self.num_hidden_layers,
            "hidden_size": self.hidden_size,
            "num_attention_heads": self.num_attention_heads,
            "intermediate_size": self.intermediate_size,
        }


def defaults_of(
    source: str | None,
    layers: int,
    hidden: int,
    heads: int,
    inner: int,
    *,
    init: str = "pretrained",
) -> dict[str, Any]:
    """Return the defaults of `CheckpointOptions` for one backbone.

    Args:
        source: the hub id of its weights; None where they come with the package, or nowhere.
        layers: how many.
        hidden: width of a state, a multiple of `heads`.
        heads: attention heads of a layer.
        inner: width of the feed-forward layers.
        init: `random` where there are no weights.
    """
    shape = {
        "num_hidden_layers": layers,
        "hidden_size": hidden,
        "num_attention_heads": heads,
        "intermediate_size": inner,
    }
    return {"init": init, "source": source, "revision": None, **shape}


def attention_of(network: Any) -> str:
    """Return the fastest attention that a class of networks supports: SDPA, else eager."""
    return "sdpa" if network._supports_sdpa else "eager"


def read_checkpoint(
    options: CheckpointOptions, network: Any, *, tokenizer: str = "RnaTokenizer", **changes: Any
) -> tuple[Any, Any, list[str]]:
    """Return network, tokenizer, and the names of weights that the checkpoint lacks.

    Args:
        options: name it.
        network: the class of networks.
        tokenizer: MultiMolecule's class of tokenizers.
        changes: settings of the configuration that are not the checkpoint's.

    Raises:
        ConfigError: if it cannot be found, is of another architecture, or is not whole; a pooler
            may be missing.
    """
    import multimolecule

    source, revision = str(options.checkpoint), options.revision
    try:
        check_kind(options, network.config_class)
        _check_shards(Path(source))
        model, report = network.from_pretrained(
            source,
            revision=revision,
            dtype="float32",
            attn_implementation=attention_of(network),
            ignore_mismatched_sizes=True,  # they are reported, and refused below
            output_loading_info=True,
            **changes,
        )
        place = _tokenizer_place(Path(source), source)
        read = getattr(multimolecule, tokenizer).from_pretrained(place, revision=revision)
        drawn = _check_whole(report, len(read), model.config.vocab_size)
        _check_finite(model)
    except Exception as error:  # a folder from elsewhere can hold anything
        raise unusable(options, error) from error
    return model, read, drawn


def _tokenizer_place(folder: Path, source: str) -> str:
    """Return where a checkpoint's tokenizer is: of a run's network, perhaps beside its folder."""
    beside = folder.parent / "tokenizer_config.json"
    alone = folder.is_dir() and not (folder / "tokenizer_config.json").exists()
    return str(folder.parent) if alone and beside.is_file() else source


def check_kind(options: CheckpointOptions, config: Any) -> None:
    """Raise a ValueError if a checkpoint is of another architecture than `config`.

    Transformers would load it all the same and fill up with random weights.
    """
    declared, _ = config.get_config_dict(str(options.checkpoint), revision=options.revision)
    if declared.get("model_type") != config.model_type:
        raise ValueError(
            f"its config.json declares the model type {declared.get('model_type')!r}, "
            f"not {config.model_type!r}"
        )


def unusable(options: CheckpointOptions, error: Exception) -> ConfigError:
    """Return the error that says why a checkpoint cannot be used, and the remedy."""
    remedy = (
        "check the folder: it needs config.json, model.safetensors and the tokenizer's files"
        if Path(str(options.checkpoint)).exists()
        else "check the connection and the hub id, or name a local folder in backbone.source"
    )
    return ConfigError(
        f"the weights of '{options.name}' cannot be loaded: {_first_line(error)}",
        where=options.checkpoint,
        remedy=remedy,
    )


def saved_network(folder: Path) -> Any:
    """Return a network that was saved by `save_pretrained`, as the class that saved it.

    That of a plug-in is found by Transformers, which it told of it.

    Raises:
        OSError: if it is not there, or damaged.
        ValueError: if its class is not known.
    """
    import multimolecule
    from transformers import AutoModel

    from rnaernie_bench.backbones import convolution_network, features_network, letters_network

    declared = _settings(folder / "config.json")
    _check_shards(folder)
    name = str([*(declared.get("architectures") or ()), "none"][0])
    places = (multimolecule, letters_network, convolution_network, features_network)
    network = next((found for place in places if (found := _class(place, name))), None)
    if network is None:
        return AutoModel.from_pretrained(folder, dtype="float32", trust_remote_code=False)
    found, report = network.from_pretrained(
        folder, dtype="float32", attn_implementation=attention_of(network), output_loading_info=True
    )
    if report["missing_keys"]:  # Transformers makes them up
        raise ValueError(f"it has no weights for {_some(sorted(report['missing_keys']))}")
    return found


def saved_tokenizer(folder: Path) -> Any:
    """Return a tokenizer that was saved by `save_pretrained`, as the class that saved it.

    Raises:
        OSError: if it is not there, or damaged.
    """
    import multimolecule
    from transformers import AutoTokenizer

    path = folder / "tokenizer_config.json"
    declared = _settings(path) if path.is_file() else {}
    name = str(declared.get("tokenizer_class") or "RnaTokenizer")
    kind = _class(multimolecule, name) or AutoTokenizer
    return kind.from_pretrained(folder, trust_remote_code=False)


def _class(place: Any, name: str) -> Any:
    """Return a class of networks or tokenizers in a module, None if the name is not one's."""
    found = getattr(place, name, None)
    return found if isinstance(found, type) and hasattr(found, "from_pretrained") else None


def _settings(path: Path) -> dict[str, Any]:
    """Return what a file of settings says.

    Raises:
        OSError: if it is not there.
        ValueError: if it holds something else.
    """
    found = read_json(path, any_whole=True)
    if not isinstance(found, dict):
        raise ValueError(f"{path.name} holds no settings")
    return found


def _check_shards(folder: Path) -> None:
    """Raise a ValueError if the list of a checkpoint's files leads out of its folder."""
    for path in sorted(folder.glob("*.index.json")) if folder.is_dir() else ():
        names = _settings(path).get("weight_map", {})
        for name in names.values() if isinstance(names, dict) else ():
            if fault := check_inside(str(name)):
                raise ValueError(f"{path.name} names {name!r}: {fault}")


def _check_finite(model: Any) -> None:
    """Raise a ValueError if weights are NaN or infinite."""
    for name, tensor in model.state_dict().items():
        if tensor.is_floating_point() and not tensor.isfinite().all():
            raise ValueError(f"its weights {name} are not finite")


def _check_whole(report: Mapping[str, Any], n_tokens: int, n_rows: int) -> list[str]:
    """Raise a ValueError if weights were made up, or the tokenizer is not the network's.

    Returns:
        The names of a pooler's weights, which may be made up.
    """
    drawn = sorted(key for key in report["missing_keys"] if key.startswith("pooler."))
    missing = sorted({*report["missing_keys"]} - {*drawn})
    if missing:
        raise ValueError(f"it has no weights for {_some(missing)}")
    wrong = sorted(str(key) for key, *_ in report["mismatched_keys"])
    if wrong:
        raise ValueError(f"its weights differ from the shape in config.json: {_some(wrong)}")
    if n_tokens != n_rows:
        raise ValueError(f"its tokenizer has {n_tokens} tokens, its network {n_rows}")
    return drawn


def _first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), "") or type(error).__name__


def _some(names: Sequence[str]) -> str:
    return names[0] + (f" and {len(names) - 1} more" if len(names) > 1 else "")
