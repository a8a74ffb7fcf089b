"""A tiny RNAErnie with random weights and the typed vocabulary, in a folder and loaded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

SHAPE = {
    "num_hidden_layers": 2, "hidden_size": 16, "num_attention_heads": 2, "intermediate_size": 32,
}  # fmt: skip


def save_masked_lm(folder: Path, *, typed: bool = True, seed: int = 0) -> Any:
    """Write a masked language model as pre-training leaves it, and return it."""
    import torch
    from multimolecule import RnaErnieConfig, RnaErnieForMaskedLM, RnaTokenizer

    from rnaernie_bench.backbones.vocabulary import typed_tokenizer

    tokenizer = typed_tokenizer() if typed else RnaTokenizer()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        config = RnaErnieConfig(vocab_size=len(tokenizer), initializer_range=0.5, **SHAPE)
        model = RnaErnieForMaskedLM(config).eval()
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return model
