from rnaernie_bench.backbones.checkpoints import CheckpointOptions
TINY = {
    "num_hidden_layers": 1, "hidden_size": 16, "num_attention_heads": 2, "intermediate_size": 32,
}  # fmt: skip


def options(name, source=None, **changes):
    """Return the options of a tiny net."""
    init = "random" if source is None else "pretrained"
    return CheckpointOptions(**{"name": name, "init": init, "source": source, "revision": None, **TINY, **changes})
