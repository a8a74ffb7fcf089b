"""What the weights of a backbone have learned: one table, no test part read.

    python -m benchmarks.backbone_gates rnaernie-tiny rnaernie-tiny:random rnabert ./my-weights

`NAME:random` is the same network untrained. Rows, and what weights worth shipping should reach:

- masked bases in families that `rfam_seed` holds out (0.36, and above a linear model of the ten
  letters on each side), and what a visible partner helps: the accuracy of bases whose likely
  partner is in sight less that of bases that hardly pair (0.10);
- types of RNAcentral's sequences, of the types that training names: mean recall, and in how many
  of them it is above the share of the type;
- frozen states, mean and maximum of all layers, under ridge regressions in closed form, on
  validation: nRC in families that train lacks (macro F1), sirna (Spearman), pseudouridine (AUROC);
  beside k-mers of up to five letters;
- pairs of VL0 from states by two linear layers, trained on a part of TR0 (F1; 0.05 above one-hot).

Training data are subsets of fixed size, so that figures are lower than those of the boards.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from rnaernie_bench.backbones.encoder import Encoder
from rnaernie_bench.backbones.loading import backbone_options, load_backbone
from rnaernie_bench.backbones.vocabulary import RNA_TYPES, has_types
from rnaernie_bench.core.errors import BenchError
from rnaernie_bench.data.batching import LengthBucketedBatchSampler
from rnaernie_bench.data.encoding import encode, special_ends
from rnaernie_bench.data.fasta import read_fasta
from rnaernie_bench.data.items import evenly
from rnaernie_bench.data.loading import load_dataset, make_split
from rnaernie_bench.data.sources import find
from rnaernie_bench.learning.kmers import kmer_frequencies
from rnaernie_bench.pretraining.config import compose
from rnaernie_bench.pretraining.corpus import load_corpus
from rnaernie_bench.pretraining.network import TargetLogits
from rnaernie_bench.pretraining.pairs import PairHead, partner_losses
from rnaernie_bench.pretraining.types import type_of
from rnaernie_bench.structure.pair_probabilities import pair_probabilities
from rnaernie_bench.task.task import load_task

TOKENS = 8192
"""Padded tokens of a batch."""
LONGEST = 200
"""Bases of the sequences that are asked about single bases and pairs."""
FLANK = 10
"""Letters on each side that the linear model reads."""
PAIRED, HARDLY = 0.9, 0.1
"""Probabilities above and below which a base counts as paired with one, or with none."""
PROBE = {"train": 400, "validation": 200, "epochs": 8, "rate": 3e-3, "width": 64}


def main(arguments: list[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("backbones", nargs="+", help="names, folders, NAME:random")
    parser.add_argument("--most", type=int, default=2000, help="training items of a task")
    options = parser.parse_args(arguments)
    columns: dict[str, Mapping[str, str]] = {"reference": references(options.most)}
    for name in options.backbones:
        columns[name] = gates(name, options.most)
        print(f"{name}: done", flush=True)
    rows = list(dict.fromkeys(row for column in columns.values() for row in column))
    print("| " + " | ".join(["gate", *columns]) + " |")
    print("| --- " * (len(columns) + 1) + "|")
    for row in rows:
        print("| " + " | ".join([row, *(c.get(row, "-") for c in columns.values())]) + " |")


def gates(name: str, most: int) -> Mapping[str, str]:
    """Return the figures of a backbone by row."""
    plain, _, state = name.partition(":")
    options = backbone_options(plain)
    if state == "random":
        options = replace(options, init="random", source=None)
    torch.manual_seed(0)
    found: dict[str, str] = {}
    try:
        language_model = load_backbone(options, masked_lm=True)
    except BenchError:
        language_model = None  # its head for masked tokens was not published
    if language_model is not None:
        found |= masked_bases(language_model)
        if has_types(language_model.tokenizer):
            found |= types(language_model)
    encoder = load_backbone(options)
    for task, split, fold in TASKS:
        found |= frozen(lambda texts: pooled(encoder, texts), task, split, fold, most)
    return {**found, **pair_probe(lambda texts: states(encoder, texts))}


TASKS = (
    ("ncrna_cls", "families", "1"),
    ("sirna", "overlap", None),
    ("pseudouridine", "human_to_mouse", None),
)
"""Task, split and fold, of which train and validation are read."""


def references(most: int) -> Mapping[str, str]:
    """Return what needs no network: a linear model of letters, one-hot bases and k-mers."""
    from sklearn.linear_model import LogisticRegression

    corpus = held_out()
    train = [text for text in load().train[:6000]["sequence"] if len(text) <= LONGEST]
    x, y = windows(train, None)
    model = LogisticRegression(C=1.0, max_iter=200).fit(x[:60_000], y[:60_000])
    truth = [target for target, _, _ in questions(corpus)]
    x, y = windows(corpus, truth)
    frequent = np.bincount(y).max() / len(y)
    letters = lambda texts: ([torch.from_numpy(one_hot(t)) for t in texts])  # noqa: E731
    found = {
        "masked base": f"{(model.predict(x) == y).mean():.3f} (most frequent {frequent:.3f})",
        **pair_probe(letters),
    }
    for task, split, fold in TASKS:
        found |= frozen(kmers, task, split, fold, most)
    return found


def kmers(texts: Sequence[str]) -> Any:
    """Return the frequencies of all words of one to five letters."""
    frequencies = kmer_frequencies(list(texts), 1, 5)
    return frequencies.toarray() if hasattr(frequencies, "toarray") else frequencies


@cache
def load() -> Any:
    """Return the corpus `rfam_seed`."""
    return load_corpus(compose(["corpus=rfam_seed", "out=nowhere"]).corpus)


def held_out() -> list[str]:
    """Return the held-out sequences of up to `LONGEST` bases."""
    return [text for text in load().held_out["sequence"] if len(text) <= LONGEST]


def one_hot(text: str) -> np.ndarray:
    """Return letters as float32 (bases, 4)."""
    return (np.array([*text])[:, None] == np.array([*"ACGU"])).astype(np.float32)


def windows(texts: Sequence[str], chosen: Sequence[np.ndarray] | None) -> tuple[Any, Any]:
    """Return the letters around bases, flattened, and the bases as 0 to 3; None: every fifth."""
    rows, bases = [], []
    for number, text in enumerate(texts):
        codes = np.pad(one_hot(text), ((FLANK, FLANK), (0, 0)))
        places = np.arange(0, len(text), 5) if chosen is None else chosen[number]
        for place in places:
            if text[place] in "ACGU":
                around = codes[place : place + 2 * FLANK + 1].copy()
                around[FLANK] = 0
                rows.append(around.ravel())
                bases.append("ACGU".index(text[place]))
    return np.array(rows), np.array(bases)


def questions(texts: Sequence[str]) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Yield for each sequence which bases are hidden, which of those see their partner, which
    hardly pair; counted from 0."""
    for number, (text, pairs) in enumerate(zip(texts, pair_probabilities(texts), strict=True)):
        random = np.random.default_rng([20_241_122, number])
        hidden = np.flatnonzero(random.random(len(text)) < 0.15)
        hidden = hidden[np.isin([*text], [*"ACGU"])[hidden]]
        paired = np.zeros(len(text), dtype=np.float32)
        np.add.at(paired, pairs["i"], pairs["p"])
        np.add.at(paired, pairs["j"], pairs["p"])
        likely = pairs[pairs["p"] > PAIRED]
        partner = np.full(len(text), -1)
        partner[likely["i"]], partner[likely["j"]] = likely["j"], likely["i"]
        seen = hidden[(partner[hidden] >= 0) & ~np.isin(partner[hidden], hidden)]
        yield hidden, seen, hidden[paired[hidden] < HARDLY]


def masked_bases(encoder: Encoder) -> Mapping[str, str]:
    """Return the accuracy of hidden bases, and what a visible partner helps."""
    texts, tokenizer = held_out(), encoder.tokenizer
    front = len(special_ends(tokenizer)[0])
    bases = np.array(tokenizer.convert_tokens_to_ids([*"ACGU"]))
    asked = list(questions(texts))
    right: list[np.ndarray] = [np.zeros(len(text), bool) for text in texts]
    for chosen, ids, mask in batches(encoder, texts):
        hidden = ids.clone()
        for row, number in enumerate(chosen):
            hidden[row, asked[number][0] + front] = tokenizer.mask_token_id
        with torch.inference_mode():
            logits = encoder.model(hidden, attention_mask=mask).logits[..., bases]
        found = torch.from_numpy(bases)[logits.argmax(dim=-1)] == ids
        for row, number in enumerate(chosen):
            right[number] = found[row, front : front + len(texts[number])].numpy()

    def accuracy(which: int) -> float:
        return float(
            np.concatenate([r[q[which]] for r, q in zip(right, asked, strict=True)]).mean()
        )

    partner, alone = accuracy(1), accuracy(2)
    return {
        "masked base": f"{accuracy(0):.3f}",
        "partner in sight less unpaired": f"{partner - alone:+.3f} ({partner:.3f}, {alone:.3f})",
    }


def types(encoder: Encoder) -> Mapping[str, str]:
    """Return how well types are told of sequences that are not Rfam's."""
    path = find("rnacentral/rnacentral_sample.fasta")
    if path is None:
        return {}
    records = [(type_of(r.header.split()[1]), r.sequence) for r in read_fasta(path)]
    named = {RNA_TYPES[kind] for kind in set(load().train["type"])}
    records = [(kind, text) for kind, text in records if kind in named]
    network, vocabulary = TargetLogits(encoder.model), encoder.tokenizer.get_vocab()
    allowed = sorted(vocabulary[f"[{kind}]"] for kind in named)
    hits: dict[str, list[bool]] = {kind: [] for kind in sorted(named)}
    plain = encode([t for _, t in records], encoder.tokenizer, policy="truncate", max_bases=508)
    for (kind, _), ids in zip(records, plain.ids, strict=True):
        tail = [vocabulary["[IND]"], encoder.tokenizer.mask_token_id]
        row = torch.from_numpy(np.concatenate([ids[:-1], tail, ids[-1:]]))[None]
        with torch.inference_mode():
            logits = network(row, row >= 0, torch.tensor([row.shape[1] - 2]))[0, allowed]
        hits[kind].append(allowed[int(logits.argmax())] == vocabulary[f"[{kind}]"])
    recall = {kind: float(np.mean(found)) for kind, found in hits.items() if found}
    share = {kind: len(found) / len(records) for kind, found in hits.items()}
    above = sum(value > share[kind] for kind, value in recall.items())
    mean = np.mean([*recall.values()])
    return {"types of RNAcentral": f"{mean:.3f} ({above} of {len(recall)} above their share)"}


def batches(
    encoder: Encoder, texts: Sequence[str]
) -> Iterator[tuple[Sequence[int], Tensor, Tensor]]:
    """Yield numbers, token ids and mask of sequences of similar lengths."""
    encoded = encode(list(texts), encoder.tokenizer, policy="truncate", max_bases=encoder.max_bases)
    pad = encoder.tokenizer.pad_token_id
    lengths = [len(ids) for ids in encoded.ids]
    for chosen in LengthBucketedBatchSampler(lengths, TOKENS, shuffle=False, seed=0):
        rows = torch.full((len(chosen), max(lengths[n] for n in chosen)), pad)
        for row, number in enumerate(chosen):
            rows[row, : lengths[number]] = torch.from_numpy(encoded.ids[number])
        yield chosen, rows, rows != pad


def states(encoder: Encoder, texts: Sequence[str]) -> list[Tensor]:
    """Return the states of all layers side by side, (bases, layers x features) a sequence."""
    front = len(special_ends(encoder.tokenizer)[0])
    found: dict[int, Tensor] = {}
    for chosen, ids, mask in batches(encoder, texts):
        with torch.inference_mode():
            read = encoder.model(ids, attention_mask=mask, output_hidden_states=True)
        every = torch.cat(list(read.hidden_states), dim=-1)
        for row, number in enumerate(chosen):
            length = min(len(texts[number]), encoder.max_bases)
            found[number] = every[row, front : front + length].clone()
    return [found[number] for number in range(len(texts))]


def pooled(encoder: Encoder, texts: Sequence[str]) -> np.ndarray:
    """Return mean and maximum of all layers, float32 (sequences, features)."""
    rows = []
    for start in range(0, len(texts), 256):
        for each in states(encoder, texts[start : start + 256]):
            rows.append(torch.cat([each.mean(dim=0), each.amax(dim=0)]))
    return torch.stack(rows).numpy()


@cache
def parts(task: str, split: str, fold: str | None) -> Any:
    """Return a declared task's split, of real data."""
    declared = load_task(task)
    return declared, make_split(declared, load_dataset(declared, simulated=False), split, fold=fold)


def frozen(
    read: Callable[[list[str]], Any], task: str, split: str, fold: str | None, most: int
) -> Mapping[str, str]:
    """Return a validation figure of a ridge regression on what `read` makes of sequences."""
    from scipy.stats import spearmanr
    from sklearn.linear_model import RidgeClassifierCV, RidgeCV
    from sklearn.metrics import f1_score, roc_auc_score
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    declared, made = parts(task, split, fold)
    train, validation = evenly(made.train, most), evenly(made.validation, most // 2)
    x, z = (read([item.sequence for item in items]) for items in (train, validation))
    y, truth = (np.array([np.ravel(item.label)[0] for item in i]) for i in (train, validation))
    kind = RidgeCV if declared.problem == "regression" else RidgeClassifierCV
    model = make_pipeline(StandardScaler(), kind(alphas=np.logspace(1, 5, 9))).fit(x, y)
    if declared.problem == "multiclass":
        figure = f1_score(truth, model.predict(z), average="macro")
        return {f"{task} frozen, new families": f"{figure:.3f}"}
    if declared.problem == "regression":
        return {f"{task} frozen": f"{spearmanr(truth, model.predict(z)).statistic:.3f}"}
    return {f"{task} frozen": f"{roc_auc_score(truth, model.decision_function(z)):.3f}"}


def pair_probe(read: Callable[[Sequence[str]], list[Tensor]]) -> Mapping[str, str]:
    """Return the F1 on VL0 of two linear layers between states, trained on a part of TR0."""
    torch.manual_seed(0)
    _, made = parts("ss_contacts", "bprna", None)
    chosen = [
        evenly(tuple(i for i in items if len(i.sequence) <= LONGEST), int(PROBE[name]))
        for name, items in (("train", made.train), ("validation", made.validation))
    ]
    train, validation = (
        list(zip(items, read([item.sequence for item in items]), strict=True)) for items in chosen
    )
    head = PairHead(train[0][1].shape[1], int(PROBE["width"]))
    optimizer = torch.optim.Adam(head.parameters(), lr=PROBE["rate"])
    for _ in range(int(PROBE["epochs"])):
        for place in torch.randperm(len(train)).tolist():
            item, given = train[place]
            partners, pairs, bases = asked(head, item, given)
            optimizer.zero_grad()
            partner_losses(partners, pairs, torch.ones(len(pairs)), bases).mean().backward()
            optimizer.step()
    limits = np.geomspace(0.005, 0.6, 16)
    with torch.inference_mode():
        tuned = np.mean([scores(head, *one, limits) for one in train[::4]], axis=0)
        final = np.mean([scores(head, *one, limits) for one in validation], axis=0)
    return {"pairs of VL0, F1": f"{final[tuned.argmax()]:.3f}"}


def asked(head: PairHead, item: Any, given: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return what the head says of a sequence, and what `partner_losses` needs."""
    bases = torch.ones(1, len(given), dtype=torch.bool)
    apart = item.pairs[item.pairs[:, 1] - item.pairs[:, 0] >= 4]
    pairs = torch.from_numpy(np.pad(apart, ((0, 0), (1, 0))).astype(np.int64))
    return head(given[None], bases), pairs, bases


def scores(head: PairHead, item: Any, given: Tensor, limits: np.ndarray) -> np.ndarray:
    """Return the F1 of the pairs above each limit."""
    partners, _, _ = asked(head, item, given)
    given = partners[0, :, :-1].exp()
    p = torch.triu((given + given.T) / 2).numpy()
    truth = np.zeros(p.shape, bool)
    truth[tuple(item.pairs.T)] = True
    found = [p > limit for limit in limits]
    return np.array([2 * (f & truth).sum() / max(f.sum() + truth.sum(), 1) for f in found])


if __name__ == "__main__":
    main()
