"""What `tests.test_options` tries: models on levels and problems, and other values of options."""

from __future__ import annotations

from typing import Any

from tests.kit import TINY_NET

FULL = (*TINY_NET, "strategy=full")
FROZEN = (*TINY_NET, "strategy=frozen")
TYPED = (*TINY_NET, "strategy=type_guided")
PREDICTED = (*TYPED, "strategy.predictor=PREDICTOR")
RANDOM = (*TYPED, "strategy.types=random", "strategy.base=frozen")

QUICK = ("trainer.token_budget=60", "strategy.learning_rate=0.05")
"""Many steps an epoch, so that the first is not the best."""

CASES: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "full": ("sequence", "multiclass", FULL),
    "frozen": ("sequence", "multiclass", FROZEN),
    "lora": ("sequence", "multilabel", (*TINY_NET, "strategy=lora")),
    "typed": ("sequence", "binary", PREDICTED),
    "typed-frozen": ("sequence", "multiclass", RANDOM),
    "kmer-states": ("sequence", "multiclass", ("backbone=kmer-states", "strategy=full")),
    "cnn": ("sequence", "multiclass", ("backbone=cnn", "backbone.channels=8")),
    "kmer": ("sequence", "multiclass", ("backbone=kmer", "backbone.max_k=2")),
    "letters": ("sequence", "multilabel", ("backbone=letters",)),
    "orf_length": ("sequence", "multiclass", ("backbone=orf_length",)),
    "majority": ("sequence", "multiclass", ("backbone=majority",)),
    "zero_shot": ("sequence", "regression", (*TINY_NET, "strategy=zero_shot")),
    "gc_content": ("sequence", "regression", ("backbone=gc_content",)),
    "au_content": ("sequence", "regression", ("backbone=au_content",)),
    "composition": ("sequence", "multilabel", ("backbone=composition",)),
    "seed_match": ("pair", "multiclass", ("backbone=seed_match",)),
    "best_kmer": ("sequence", "binary", ("backbone=best_kmer", "backbone.bases=[2,3]")),
    "token": ("token", "regression", (*FULL, "task.head=token_window")),
    "token-frozen": ("token", "regression", FROZEN),
    "token-letters": ("token", "regression", ("backbone=letters",)),
    "contact": ("contact", "binary", (*FULL, *QUICK)),
    "contact-frozen": ("contact", "binary", (*FROZEN, *QUICK)),
    "contact-classes": ("contact", "multiclass", (*FROZEN, *QUICK)),
    "onehot": ("contact", "binary", ("backbone=onehot", "backbone.width=8", QUICK[0])),
    "unpaired": ("contact", "binary", ("backbone=unpaired",)),
    "pair": ("pair", "binary", FULL),
    "pair-frozen": ("pair", "multiclass", FROZEN),
    "pair_kmer": ("pair", "binary", ("backbone=pair_kmer", "backbone.max_k=2")),
    "mirna_majority": ("pair", "binary", ("backbone=mirna_majority",)),
    "mirna_kmer": ("pair", "binary", ("backbone=mirna_kmer",)),
    "seed_only": ("pair", "binary", ("backbone=seed_only",)),
}  # fmt: skip
"""Level, problem and settings."""

ELSEWHERE = {
    **dict.fromkeys(("contact-frozen", "zero_shot"), ("backbone",)),
    **dict.fromkeys(
        ("lora", "typed", "token", "contact", "contact-classes", "pair", "pair-frozen"),
        ("backbone", "trainer"),
    ),
    **dict.fromkeys(("cnn", "onehot"), ("trainer",)),
    "kmer-states": ("task", "trainer", "strategy"),
}
"""Options that other cases try in the same way: shapes of a network, and the one recipe."""

KEPT = {"task.name", "task.data", "backbone.name", "strategy.name", "trainer.progress"}
"""What names a choice, and what enters no run id."""

CHANGES: dict[str, Any] = {
    "seed": 1,
    "task.head": {
        "frozen": "moments",
        "typed-frozen": "moments",
        "sequence": "pooled",
        "token": "mean",
        "contact": "resnet",
        "pair": "conv_lstm",
    },
    "task.length": {
        "sequence": "window",
        "token": "truncate",
        "contact": "error",
        "pair": "error",
        "contact-classes": "unpaired",
    },
    "task.train_fraction": 0.4,
    "task.train_by_seed": True,
    "task.window_overlap": 2,
    "task.decoder": "mea",
    "task.class_weights": "balanced",
    "task.error_weights": "inverse",
    "task.positive_weight": 5.0,
    "task.focal_gamma": 2.0,
    "task.flank": 1,
    "task.features": ("bpp",),
    "task.encoding": "joint",
    "trainer.max_epochs": 1,
    "trainer.max_steps": 3,
    "trainer.evaluate_every": 1,
    "trainer.learning_rates": (1e-3, 1e-1),
    "trainer.average": 0.001,
    "trainer.max_train_minutes": 1e-9,
    "trainer.patience": 1,
    "trainer.token_budget": 100,
    "trainer.gradient_accumulation": 2,
    "trainer.weight_decay": 100.0,
    "trainer.warmup_fraction": 0.5,
    "trainer.max_grad_norm": 1e-9,
    "trainer.precision": "bf16",
    "trainer.fast_dropout": False,
    "backbone.init": "pretrained",
    "backbone.source": "somewhere",
    "backbone.revision": "1",
    "backbone.num_hidden_layers": 2,
    "backbone.hidden_size": 32,
    "backbone.num_attention_heads": 4,
    "backbone.intermediate_size": 16,
    "backbone.k": 1,
    "backbone.min_k": 2,
    "backbone.max_k": 3,
    "backbone.C": (1e-4,),
    "backbone.positions": 3,
    "backbone.reach": 1,
    "backbone.bases": (1,),
    "backbone.channels": 4,
    "backbone.kernel_size": 3,
    "backbone.layers": 1,
    "backbone.dropout": 0.5,
    "backbone.learning_rate": 0.1,
    "backbone.width": 4,
    "backbone.head": {"cnn": "attention_pooling", "onehot": "bilinear"},
    "backbone.dilation": 3,
    "strategy.learning_rate": 0.1,
    "strategy.layer_decay": 0.5,
    "strategy.unfreeze_every": 1.0,
    "strategy.batch_size": 5,
    "strategy.layer": 0,
    "strategy.solver": "adamw",
    "strategy.rank": 2,
    "strategy.alpha": 1.0,
    "strategy.dropout": 0.5,
    "strategy.targets": ("query",),
    "strategy.k": 2,
    "strategy.types": "none",
    "strategy.slot": "pad",
    "strategy.base": {"typed": "frozen", "typed-frozen": "full"},
    "strategy.floor": 0.3,
    "strategy.predictor": "OTHER",
    "strategy.fill": "masked",
    "strategy.bases": True,
    "strategy.stride": 3,
    "strategy.rna_type": "tRNA",
}
"""Option -> another value; by case or level where one does not serve all."""

BESIDES: dict[str, dict[str, Any]] = {
    "trainer.patience": {"learning_rate": 1e-12, "trainer.max_epochs": 3},
    "task.window_overlap": {"task.length": "window"},
}
"""Options that show in company: what is set in both runs."""
