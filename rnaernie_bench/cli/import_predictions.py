"""`rnaernie-bench results import-predictions`: files of others' predictions, made a record."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

EXAMPLES = """Items are matched by id, and checked by sequence; by sequence alone where ids are
missing. What a file does not tell is not invented: scores on a scale of their own define AUROC and
the like, but neither decisions (--threshold) nor probabilities.

examples:
  rnaernie-bench results import-predictions theirs.csv.gz --task ss_contacts --part test \\
    --name RNAErnie --source https://example.org/repository --licence MIT
  rnaernie-bench results import-predictions energies.tsv --task rri --split random \\
    --name RNAhybrid --column 1=energy --gives scores --lower-is-better"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the action."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = EXAMPLES
    parser.add_argument(
        "files",
        nargs="+",
        type=Path,
        metavar="FILE",
        help="all of one model: CSV, TSV (also gzip), Parquet; of base pairs also dot-bracket, CT, "
        "BPSEQ and folders of these",
    )
    about = parser.add_argument_group("what they are of")
    about.add_argument("--task", required=True, metavar="TASK")
    about.add_argument("--split", metavar="SPLIT", help="default: that of the task")
    about.add_argument("--fold", metavar="FOLD", help="of a split with folds")
    about.add_argument(
        "--part", action="append", metavar="PART", help="a test part (default: all of the split)"
    )
    about.add_argument("--name", required=True, metavar="NAME", help="of the model, for tables")
    about.add_argument("--seed", type=int, default=0, help="tells trainings of a model apart")
    _add_source(parser.add_argument_group("where they come from, as far as it is known"))
    _add_reading(parser.add_argument_group("how they are read"))


def _add_source(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--source", default="", metavar="URL")
    for name in ("commit", "licence", "citation"):
        group.add_argument(f"--{name}", default="", metavar="TEXT")
    group.add_argument("--training", default="", metavar="TEXT", help="how the model was trained")
    group.add_argument(
        "--selection",
        choices=("unknown", "test", "validation"),
        default="unknown",
        help="what chose its epoch and settings (default: unknown)",
    )
    group.add_argument("--parameters", type=int, metavar="N", help="of the whole model")
    group.add_argument(
        "--caveat", action="append", default=[], metavar="TEXT", help="shown with the row"
    )


def _add_reading(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--header", metavar="A,B,...", help="the columns of a table without a line of names"
    )
    group.add_argument("--id", metavar="COLUMN", help="default: id, if there is one")
    group.add_argument(
        "--sequence",
        action="append",
        default=[],
        metavar="COLUMN",
        help="default: sequence; of pairs of sequences, given twice: first, second",
    )
    group.add_argument(
        "--match", choices=("id", "sequence"), help="match by this, where a table has both"
    )
    group.add_argument(
        "--class", dest="decided", metavar="COLUMN", help="default: class or predicted"
    )
    group.add_argument(
        "--column",
        action="append",
        default=[],
        metavar="LABEL=COLUMN",
        help="numbers of a label; default: p:LABEL, LABEL, or, where there is one, probability, "
        "score or value",
    )
    group.add_argument(
        "--gives",
        choices=("classes", "probabilities", "scores", "values", "pairs"),
        help="what the numbers are, where their columns do not tell",
    )
    group.add_argument(
        "--lower-is-better", action="store_true", help="lower scores speak for the label"
    )
    group.add_argument(
        "--threshold", type=float, metavar="T", help="from which number on the answer is yes"
    )
    group.add_argument(
        "--structure", metavar="COLUMN", help="dot-brackets; default: structure or dot_bracket"
    )
    group.add_argument(
        "--pairs", metavar="COLUMN", help="lists of base pairs; default: base_pairs or pairs"
    )
    group.add_argument(
        "--pairs-from", type=int, choices=(0, 1), help="what the first base is (default: 1)"
    )
    group.add_argument(
        "--partners",
        choices=("all", "one"),
        default="all",
        help="where a base has several: all pairs count (default), or those of one partner a base",
    )
    group.add_argument(
        "--allow-missing",
        action="store_true",
        help="leave out missing items, and rows that are of none or contradict each other; such a "
        "row is marked, and not ranked",
    )


def execute(arguments: argparse.Namespace) -> int:
    """Import the predictions.

    Raises:
        ConfigError: there is no such task, split, part or column, or options do not go together.
        DataError: a file cannot be read, or does not fit the test items.
        ResultError: the predictions do not define the main metric.
    """
    import sys

    from rnaernie_bench.data.loading import load_dataset, make_split
    from rnaernie_bench.external.importing import import_predictions
    from rnaernie_bench.external.source import Reading, Source
    from rnaernie_bench.metrics.measuring import told
    from rnaernie_bench.task.task import load_task

    source = Source(
        name=arguments.name,
        address=arguments.source,
        commit=arguments.commit,
        licence=arguments.licence,
        citation=arguments.citation,
        training=arguments.training,
        selection=arguments.selection,
        parameters=arguments.parameters,
        caveats=tuple(arguments.caveat),
        seed=arguments.seed,
    )
    reading = Reading(
        header=tuple(arguments.header.split(",")) if arguments.header else (),
        match=arguments.match,
        id=arguments.id,
        sequences=tuple(arguments.sequence),
        decided=arguments.decided,
        columns=_columns(arguments.column),
        structure=arguments.structure,
        pairs=arguments.pairs,
        gives=arguments.gives,
        lower_is_better=arguments.lower_is_better,
        threshold=arguments.threshold,
        pairs_from=arguments.pairs_from,
        partners=arguments.partners,
        allow_missing=arguments.allow_missing,
    )
    task = load_task(arguments.task, arguments.task_path)
    dataset = load_dataset(task, simulated=False)
    split = make_split(task, dataset, arguments.split or task.default_split, fold=arguments.fold)
    found = import_predictions(
        arguments.files,
        source,
        reading,
        task=task,
        dataset=dataset,
        split=split,
        parts=tuple(arguments.part or ()),
        results_dir=arguments.results_dir,
    )
    metric = task.main_metric.name
    for part, test in found.record["tests"].items():
        missing = f", {test['n_missing']:,} missing" if "n_missing" in test else ""
        print(f"{part}: {test['n']:,} items{missing}, {metric} {told(test['metrics'][metric])}")
    print(f"{found.path}{'' if found.new else ', which was there already'}")
    print("rebuild the page with: rnaernie-bench results build", file=sys.stderr)
    return 0


def _columns(named: Sequence[str]) -> Mapping[str, str]:
    """Return label -> column.

    Raises:
        ConfigError: something is not LABEL=COLUMN.
    """
    from rnaernie_bench.core.errors import ConfigError

    found = {}
    for text in named:
        label, equals, column = text.partition("=")
        if not equals or not label or not column:
            raise ConfigError(f"'{text}' names no column", where="--column", remedy="LABEL=COLUMN")
        found[label] = column
    return found
