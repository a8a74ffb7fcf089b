"""From a finished pre-training to weights that come with the package."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from rnaernie_bench.core.errors import ConfigError
from rnaernie_bench.core.files import atomic_folder, write_json, write_text
from rnaernie_bench.pretraining.pairs import HEAD
from rnaernie_bench.pretraining.record import RECORD, pretraining_card

WEIGHTS = "model.safetensors"


def ship(folder: Path, target: Path) -> None:
    """Copy a finished pre-training with its weights rounded to half precision.

    They load as float32 numbers; the record has the hash of these, and says that they were rounded.
    Its figures are those before rounding.

    Args:
        folder: what `pretrain` made.
        target: such as ``rnaernie_bench/backbones/weights/NAME``, which must not exist: weights
            under a name that runs were recorded with never change.

    Raises:
        ConfigError: if the folder is no finished pre-training, or the target exists.
    """
    import multimolecule
    from safetensors.torch import load_file, save_file

    from rnaernie_bench.backbones.encoder import weights_sha256

    if not (folder / RECORD).is_file():
        raise ConfigError(
            "it is no finished pre-training", where=folder, remedy="repeat `pretrain` until it ends"
        )
    if target.exists():
        raise ConfigError("it exists", where=target, remedy="ship new weights under a new name")
    record = json.loads((folder / RECORD).read_text(encoding="utf-8"))
    with atomic_folder(target) as made:
        for file in folder.iterdir():
            if file.is_file():
                shutil.copy(file, made / file.name)
        for name in (WEIGHTS, HEAD):
            if (made / name).exists():
                rounded = {key: value.half() for key, value in load_file(made / name).items()}
                save_file(rounded, made / name, metadata={"format": "pt"})
        kind = getattr(multimolecule, f"{record['model'].get('family', 'RnaErnie')}ForMaskedLM")
        network = kind.from_pretrained(made, dtype="float32")
        record["model"] |= {
            "encoder_sha256": weights_sha256(network.model),
            "rounded_to": "float16",
        }
        write_json(made / RECORD, record)
        write_text(made / "README.md", pretraining_card(record))
