"""Benchmark and fine-tune RNA language models on declared tasks, RNAErnie first."""

__version__ = "0.1.0"
