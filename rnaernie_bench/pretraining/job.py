"""One pre-training, from settings to a folder that MultiMolecule loads.

The folder is finished when `training.json` stands in it, which is written last. Started again with
the same settings, an interrupted training continues from its last checkpoint. `settings.json` goes
when all is done, the tracker closed and the checkpoints removed.
"""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rnaernie_bench.core import distributed, environment
from rnaernie_bench.core.documents import read_json
from rnaernie_bench.core.errors import ConfigError, DataError
from rnaernie_bench.core.files import as_bench_error, write_json, write_text
from rnaernie_bench.core.progress import shown
from rnaernie_bench.data import sources
from rnaernie_bench.pretraining.config import PretrainConfig
from rnaernie_bench.pretraining.corpus import Corpus, load_corpus
from rnaernie_bench.pretraining.progress import CurveLog
from rnaernie_bench.pretraining.record import RECORD, pretraining_card, training_record
from rnaernie_bench.runs.folder import locked
from rnaernie_bench.tracking.store import settings_to_record
from rnaernie_bench.tracking.tracker import Tracker, check_reachable, flatten, open_tracker

if TYPE_CHECKING:
    from rnaernie_bench.pretraining.motifs import MotifMatcher
    from rnaernie_bench.pretraining.recipe import PretrainingSummary

logger = logging.getLogger(__name__)

SETTINGS = "settings.json"
CURVES = "curves.jsonl"
CHECKPOINTS = "checkpoints"

_WITHOUT_EFFECT = ("progress", "workers", "max_train_minutes")
"""Options of the trainer that an interrupted training may change when it is continued."""


@dataclass(frozen=True)
class Outcome:
    """A finished pre-training."""

    folder: Path
    record: Mapping[str, Any]
    page: str | None = None
    """Where the curves are: the command that opens a local store, or a server's address."""


def execute(
    config: PretrainConfig, *, notify: Callable[[str], None] = logger.info
) -> Outcome | None:
    """Run a pre-training.

    Every process of a distributed launch calls this; the first one writes.

    Args:
        config: the settings.
        notify: receives progress messages, a line each.

    Returns:
        The outcome; None on other processes than the first.

    Raises:
        BenchError: for any failure that the user can fix; an interrupted training can be continued.
    """
    with shown(config.trainer.progress):
        return _execute(config, notify)


def _execute(config: PretrainConfig, notify: Callable[[str], None]) -> Outcome | None:
    check_reachable(config.tracking)
    _refuse_other(config)
    first = distributed.join().is_main_process
    notify = notify if first else _ignore
    if (config.out / RECORD).exists():
        return _finished(config, notify) if first else None
    matcher = load_matcher(config)
    corpus = load_corpus(config.corpus, notify)
    if not len(corpus.train):
        raise DataError("nothing is left to train on", where="corpus")
    if not first:
        _train(config, corpus, matcher, lambda figures, step: None)
        return None
    with _held(config, corpus) as checkpoint:
        if checkpoint is not None:
            notify(f"going on from step {_step(checkpoint)}")
        with _tracker(config, corpus) as tracker:
            tracker.log_params(settings_to_record(config))
            log = CurveLog(config.out / CURVES, tracker, notify, config.trainer.max_steps)
            log.forget_after(_step(checkpoint))
            commit = environment.git_commit()  # it may be another when training ends
            record = _save(config, corpus, commit, *_train(config, corpus, matcher, log))
            tracker.log_artifact(config.out / RECORD)
            page = tracker.page
        _tidy(config.out)
    return Outcome(config.out, record, page)


def _tracker(config: PretrainConfig, corpus: Corpus, *, create: bool = True) -> Tracker:
    return open_tracker(
        config.tracking,
        runs_dir=config.runs_dir,
        run_id=_identity(config, corpus),
        run_name=f"pretrain, {config.backbone.name}, {config.corpus.name}, {config.out.name}",
        tags={"corpus": config.corpus.name, "backbone": config.backbone.name},
        create=create,
    )


def _finished(config: PretrainConfig, notify: Callable[[str], None]) -> Outcome:
    """Return a training that was finished before; do what it did not come to, if it was killed."""
    out = config.out
    if (out / SETTINGS).exists():
        corpus = load_corpus(config.corpus, notify)
        with _held(config, corpus), _tracker(config, corpus, create=False) as tracker:
            tracker.log_artifact(out / RECORD)
        _tidy(out)
    notify("the training was finished before")
    return Outcome(out, read_json(out / RECORD))


def _tidy(out: Path) -> None:
    """Remove what was needed until the record stood and the tracker knew of it."""
    shutil.rmtree(out / CHECKPOINTS, ignore_errors=True)
    (out / SETTINGS).unlink(missing_ok=True)  # the record has them


def load_matcher(config: PretrainConfig) -> MotifMatcher:
    """Return the matcher of the motifs that the settings name.

    Raises:
        DataError: if a file is missing, or no list of motifs.
    """
    from rnaernie_bench.pretraining.motifs import MotifMatcher, read_motifs

    files = motif_files(config)
    return MotifMatcher([[motif for p in paths for motif in read_motifs(p)] for paths in files])


def motif_files(config: PretrainConfig) -> list[list[Path]]:
    """Return the files of motifs that the settings name, the most important group first.

    The authors' lists are downloaded if they are not here.

    Raises:
        DataError: if a file is missing.
    """
    from rnaernie_bench.pretraining.motifs import locate_motifs

    if config.motifs is None:
        return locate_motifs(download=True)
    groups = []
    for name in config.motifs:
        path = sources.own_or_found(name)
        if path is None:
            raise DataError(
                "there is no such file of motifs, nor in a folder of RNAERNIE_BENCH_DATA",
                where=name,
                remedy="correct motifs",
            )
        groups.append([path])
    return groups


def _train(
    config: PretrainConfig,
    corpus: Corpus,
    matcher: MotifMatcher,
    log: Callable[[Mapping[str, float], int], None],
) -> tuple[Any, Any, PretrainingSummary]:
    """Return the trained network, its tokenizer and how the training went."""
    from rnaernie_bench.learning.trainer_parts import last_whole_checkpoint
    from rnaernie_bench.pretraining.batches import MaskedBatches, Reader
    from rnaernie_bench.pretraining.decoys import with_decoys
    from rnaernie_bench.pretraining.evaluation import HeldOut, all_hidden
    from rnaernie_bench.pretraining.masking import Masker
    from rnaernie_bench.pretraining.network import load_network
    from rnaernie_bench.pretraining.pairs import PairTable
    from rnaernie_bench.pretraining.recipe import train

    options, objective, seed = config.trainer, config.objective, config.seed
    state = distributed.join()
    encoder = load_network(
        config.backbone,
        seed=seed,
        dropout=options.dropout,
        positions=options.positions,
        initialisation=options.initialisation,
    )
    tokenizer = encoder.tokenizer

    def pairs_of(part: Any) -> PairTable | None:
        if not objective.folds:
            return None
        return PairTable(list(part["sequence"]), objective.max_bases)

    held_out = None
    if len(corpus.held_out):
        held_out = HeldOut(
            Reader(corpus.held_out, tokenizer),
            Masker(all_hidden(config.masking), tokenizer, matcher),
            most=options.eval_records,
            token_budget=options.token_budget,
            pairs=pairs_of(corpus.held_out) if objective.pairs else None,
            rank=state.process_index,
            world_size=state.num_processes,
        )
    records = with_decoys(corpus.train, objective, seed)
    batches = MaskedBatches(
        Reader(records, tokenizer),
        Masker(config.masking, tokenizer, matcher),
        seed,
        real=len(corpus.train),
        pairs=pairs_of(records),
        partner_rate=objective.partner_rate,
    )
    summary = train(
        encoder.model,
        records,
        batches,
        held_out,
        options=options,
        objective=objective,
        seed=seed,
        folder=config.out / CHECKPOINTS,
        checkpoint=last_whole_checkpoint(config.out / CHECKPOINTS, state.num_processes),
        log=log,
    )
    return encoder.model, tokenizer, summary


def _save(
    config: PretrainConfig,
    corpus: Corpus,
    commit: str | None,
    network: Any,
    tokenizer: Any,
    summary: PretrainingSummary,
) -> Mapping[str, Any]:
    """Write the folder whole: weights and tokenizer, card, and the record at last."""
    from rnaernie_bench.backbones.encoder import weights_sha256
    from rnaernie_bench.pretraining.network import plain_copy
    from rnaernie_bench.pretraining.pairs import save_head

    plain = plain_copy(network)
    unfinished = config.out / ".model"
    shutil.rmtree(unfinished, ignore_errors=True)
    plain.save_pretrained(unfinished)
    tokenizer.save_pretrained(unfinished)
    if summary.pair_head is not None:
        save_head(summary.pair_head, unfinished)
    for file in sorted(unfinished.iterdir()):
        file.replace(config.out / file.name)
    unfinished.rmdir()
    record = training_record(
        settings_to_record(config),
        corpus,
        summary,
        motifs=[
            {"file": path.name, "sha256": sources.sha256(path)}
            for group in motif_files(config)
            for path in group
        ],
        records=summary.records,
        parameters=sum(p.numel() for p in plain.parameters()),
        family=config.backbone.family,
        weights_sha256=weights_sha256(plain.model),
        environment={**environment.describe(), "git_commit": commit},
    )
    write_text(config.out / "README.md", pretraining_card(record))
    write_json(config.out / RECORD, record)
    return record


def _step(checkpoint: Path | None) -> int:
    return int(checkpoint.name.rpartition("-")[2]) if checkpoint else 0


def _ignore(line: str) -> None:
    """Say nothing: the first process speaks for all."""


def _refuse_other(config: PretrainConfig) -> None:
    """Refuse a folder that holds something else than this training, begun or finished."""
    out = config.out
    if (out / RECORD).exists():
        try:
            settings = dict(read_json(out / RECORD)["settings"])
        except (OSError, ValueError, KeyError, TypeError):
            settings = {}
        if flatten(_compared(settings)) != flatten(_compared(settings_to_record(config))):
            raise ConfigError(
                "it contains another finished pre-training",
                where=out,
                remedy="choose another out=FOLDER",
            )
    elif out.exists() and not (out / SETTINGS).exists() and (out.is_file() or any(out.iterdir())):
        raise ConfigError(
            "it exists and is not a pre-training", where=out, remedy="choose another out=FOLDER"
        )


@contextmanager
def _held(config: PretrainConfig, corpus: Corpus) -> Iterator[Path | None]:
    """Hold the folder for this process, and give the checkpoint to continue from, if any.

    A folder that was new and that a failure leaves is removed unless it holds a checkpoint.
    """
    from rnaernie_bench.learning.trainer_parts import last_whole_checkpoint

    out, number = config.out, distributed.join().num_processes
    lock = locked(out, out.parent / ".locks", remedy="choose another out=FOLDER")
    new = not out.exists() or not any(out.iterdir())
    try:
        _same_settings(config, corpus)
        yield last_whole_checkpoint(out / CHECKPOINTS, number)
    except BaseException as error:
        unfinished = not (out / RECORD).exists()
        if new and unfinished and last_whole_checkpoint(out / CHECKPOINTS, number) is None:
            shutil.rmtree(out, ignore_errors=True)
        known = as_bench_error(error, out) if isinstance(error, Exception) else None
        if known is None:
            raise
        raise known from error
    finally:
        lock.release()


def _compared(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings that the numbers depend on."""
    values = {k: v for k, v in settings.items() if k not in ("out", "tracking", "runs_dir")}
    trainer = values.get("trainer", {}).items()
    return {**values, "trainer": {k: v for k, v in trainer if k not in _WITHOUT_EFFECT}}


def _decisive(config: PretrainConfig, corpus: Corpus) -> dict[str, str]:
    """Return all that the numbers depend on, under dotted names.

    Each batch is sharded among the processes, so that their number changes sizes by rounding.
    """
    return {
        **flatten(_compared(settings_to_record(config))),
        "corpus.fingerprint": corpus.fingerprint,
        "motifs.sha256": ", ".join(
            sources.sha256(p) for group in motif_files(config) for p in group
        ),
        "processes": str(distributed.join().num_processes),
    }


def _identity(config: PretrainConfig, corpus: Corpus) -> str:
    """Return the name of this pre-training for the tracker."""
    canonical = json.dumps([_decisive(config, corpus), str(config.out.resolve())])
    return hashlib.sha256(canonical.encode()).hexdigest()[:12]


def _same_settings(config: PretrainConfig, corpus: Corpus) -> None:
    """Write the decisive settings, or compare them with those of an interrupted training."""
    current, path = _decisive(config, corpus), config.out / SETTINGS
    if not path.exists():
        write_json(path, current)
        return
    before = read_json(path)
    for key in sorted(before.keys() | current.keys()):
        if before.get(key) != current.get(key):
            raise ConfigError(
                f"the interrupted training there had {before.get(key)}, not {current.get(key)}",
                where=key,
                remedy=f"set it as before, or choose another folder than {config.out}",
            )
