"""What a pre-training leaves behind for readers: its record, and the card made from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from rnaernie_bench.backbones.vocabulary import MAX_BASES
from rnaernie_bench.pretraining.command import pretraining_command
from rnaernie_bench.pretraining.corpus import Corpus
from rnaernie_bench.pretraining.masking import KINDS, STRATEGIES

if TYPE_CHECKING:
    from rnaernie_bench.pretraining.recipe import PretrainingSummary

RECORD = "training.json"
"""Stands in the folder of a finished pre-training only; it is written last."""
_ARCHITECTURES = {
    "RnaErnie": "An RNAErnie (Wang et al. 2024)",
    "RiNALMo": "A network of RiNALMo's architecture (Penić et al. 2025)",
}
SCHEMA = 2
"""1 counted `cpu_s` in the first process only."""


def training_record(
    settings: Mapping[str, Any],
    corpus: Corpus,
    summary: PretrainingSummary,
    *,
    motifs: Sequence[Mapping[str, str]],
    records: int,
    parameters: int,
    weights_sha256: str,
    family: str,
    environment: Mapping[str, Any],
) -> dict[str, Any]:
    """Return the record of a finished pre-training, ready for JSON.

    Args:
        settings: as they were composed.
        corpus: what was trained on.
        summary: how it went.
        motifs: names and digests of the lists of motifs.
        records: that one pass reads, decoys counted.
        parameters: of the masked language model.
        weights_sha256: of its encoder.
        family: prefix of MultiMolecule's classes.
        environment: versions, hardware and commit.
    """
    private = ("out", "runs_dir", "tracking")
    return {
        "schema": SCHEMA,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "settings": {key: value for key, value in settings.items() if key not in private},
        "corpus": {"fingerprint": corpus.fingerprint, **corpus.report},
        "motifs": list(motifs),
        "model": {
            "family": family,
            "parameters": parameters,
            "encoder_sha256": weights_sha256,
        },
        "training": {
            "steps": summary.steps,
            "sequences": summary.sequences,
            "tokens": summary.tokens,
            "epochs": round(summary.sequences / records, 3),
            "train_s": round(summary.train_s, 1),
            "cpu_s": round(summary.cpu_s, 1),
            "processes": summary.processes,
            "tokens_per_s": round(summary.tokens / max(summary.train_s, 1e-9), 1),
            "stopped_by": summary.stopped_by,
        },
        "evaluation": dict(summary.evaluation),
        "environment": dict(environment),
    }


def pretraining_card(record: Mapping[str, Any]) -> str:
    """Return the card of a pre-trained folder in Markdown."""
    settings, corpus, training = record["settings"], record["corpus"], record["training"]
    backbone, masking, options = settings["backbone"], settings["masking"], settings["trainer"]
    before = "random weights" if backbone["init"] == "random" else "an earlier checkpoint"
    kept_out = corpus["excluded"]["total"]
    family = record["model"].get("family", "RnaErnie")
    lines = [
        f"# {backbone['name']}, pre-trained on {corpus['name']}",
        "",
        f"{_ARCHITECTURES[family]} of {record['model']['parameters']:,} parameters in "
        f"MultiMolecule's format, trained by `rnaernie-bench pretrain` from {before}, seed "
        f"{settings['seed']}. Its vocabulary has `[IND]` and 28 RNA types; a typed input is "
        "`<cls> bases [IND] [TYPE] <eos>`, a plain one `<cls> bases <eos>`.",
        "",
        "## Training",
        "",
        f"- Corpus: {corpus['name']}, {corpus['read']:,} records read, "
        f"{corpus['kept']:,} kept; {kept_out:,} were left out because they are, contain, stand "
        "inside or resemble validation or test items of a task.",
        *_licence(settings["corpus"]),
        f"- Masking: {masking['schedule']}, {masking['rate']:.0%} of the bases "
        f"({', '.join(STRATEGIES)}). {_types(masking)}",
        *_pairs(settings.get("objective") or {}),
        f"- Recipe: AdamW, {options['learning_rate']:g} to {options['min_learning_rate']:g}, "
        f"weight decay {options['weight_decay']:g}, dropout {options['dropout']:g}, "
        f"{options['token_budget']:,} padded tokens a batch.",
        f"- {training['steps']:,} steps, {training['tokens']:,} tokens, {training['epochs']:g} "
        f"passes over the corpus in {training['train_s'] / 3600:.2f} h "
        f"({training['cpu_s'] / 3600:.2f} h of processor time{_of_one(record)}"
        f"{_accelerator(record)}), ended by {training['stopped_by'].replace('_', ' ')}.",
        "",
        f"Trained with rnaernie-bench {record['environment']['rnaernie_bench']} by",
        "",
        "```bash",
        pretraining_command(settings, training["processes"]),
        "```",
        "",
        *_evaluation(record["evaluation"]),
        "## Use",
        "",
        "```python",
        f"from multimolecule import {family}Model, RnaTokenizer",
        "",
        'tokenizer = RnaTokenizer.from_pretrained("FOLDER")',
        f'model = {family}Model.from_pretrained("FOLDER")',
        'output = model(**tokenizer("UAGCUUAUCAGACUGAUGUUGA", return_tensors="pt"))',
        "```",
        "",
        "## Limits",
        "",
        f"- At most {MAX_BASES} bases were read of a sequence.",
        "- Families of the corpus can overlap the classes of a benchmark even where no sequence "
        "does, as those of Rfam do with nRC's; held-out families can have relatives that were "
        "read.",
        "- Fragments of evaluation items with a mismatch, short RNAs inside longer ones, and what "
        "the search for similar sequences misses can remain in a corpus.",
        "- The pooler is not part of masked language modelling: it is missing here, and random "
        "where a model with one is loaded. Mean pooling uses trained weights only.",
        *_rounded(record["model"]),
        "",
        "`training.json` has all settings, counts and figures, `curves.jsonl` the curves.",
        "",
    ]
    return "\n".join(lines)


def _types(masking: Mapping[str, Any]) -> str:
    """Say how many inputs had a type, and how many of these types were to be predicted."""
    untyped = masking["untyped_rate"]
    hidden = masking["type_rate"] * (1 - untyped)
    without = (
        f"`[IND]` and the type were left out of {untyped:.0%} of the inputs; " if untyped else ""
    )
    return f"{without}the type was hidden and predicted in {hidden:.0%} of the inputs."


def _pairs(objective: Mapping[str, Any]) -> list[str]:
    """Say what was learned of pairs, if anything."""
    lines = []
    if objective.get("pairs"):
        where = f"layer {objective['layer']}" if objective["layer"] > 0 else "the last layer"
        lines.append(
            f"- Pairs: each base's partner by ViennaRNA's pair probabilities, weight "
            f"{objective['pairs']:g}, from the states of {where}, in sequences of up to "
            f"{objective['max_bases']} bases; {objective['shuffled']:g} dinucleotide shuffles and "
            f"{objective['random']:g} random RNAs a record. `pair_head.safetensors` has the head."
        )
    if objective.get("partner_rate"):
        lines.append(
            f"- In {objective['partner_rate']:.0%} of the inputs one base of likely pairs was "
            "hidden and its partner in sight."
        )
    return lines


def _rounded(model: Mapping[str, Any]) -> list[str]:
    kind = model.get("rounded_to")
    return [f"- The weights are rounded to {kind}; the figures are those before."] if kind else []


def _accelerator(record: Mapping[str, Any]) -> str:
    name = record["environment"]["accelerator"]
    return f", {name}" if name else ""


def _of_one(record: Mapping[str, Any]) -> str:
    """Say whose processor time was counted, where it was not that of all processes."""
    processes = record["training"]["processes"]
    whole = record["schema"] > 1 or processes == 1
    return "" if whole else f" in the first of {processes} processes"


def _licence(corpus: Mapping[str, Any]) -> list[str]:
    licence = corpus.get("licence")
    return [f"- Licence of the corpus: {licence}."] if licence else []


def _evaluation(figures: Mapping[str, float]) -> list[str]:
    """Return the table of what held-out records showed, if there were any."""
    if not figures:
        return []
    lines = [
        "## Held-out records",
        "",
        "Families that training never saw, where the corpus knows families. All targets and the "
        "type are hidden; types are predicted from the whole sequence.",
        "",
        "| masked | n | accuracy | loss (nats) |",
        "|---|---|---|---|",
    ]
    for kind in KINDS:
        if f"{kind}_n" in figures:
            lines.append(
                f"| {kind} | {figures[f'{kind}_n']:.0f} | {figures[f'{kind}_accuracy']:.3f} | "
                f"{figures[f'{kind}_loss']:.3f} |"
            )
    return [
        *lines,
        "",
        f"The most frequent base alone is right in {figures['chance']:.3f} of the cases. The true "
        f"type is among the first three in {figures['type_top3_accuracy']:.3f}; the mean accuracy "
        f"over types is {figures['type_macro_accuracy']:.3f}.",
        "",
    ]
