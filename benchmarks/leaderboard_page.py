"""Does the leaderboard's page keep its size and its speed with 20,000 records?

Records of eight tasks are made up: 500 configurations a task, five seeds each, two test parts with
per-class figures and confusion matrices, no predictions and no paired tests. Timed is what
`leaderboard --format html` does with them: reading the records, building the tables, writing the
page and those beside it, for which it uses all processors.
"""

from __future__ import annotations

import json
import resource
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from rnaernie_bench.leaderboard.page.build import Evidence, write_page
from rnaernie_bench.leaderboard.tables import TaskInfo, build
from rnaernie_bench.results.store import read_records

TASKS, CONFIGURATIONS, SEEDS, CLASSES, ITEMS = 8, 500, 5, 13, 2600
PARTS = ("full", "deduplicated")
STRATEGIES = ("full", "frozen", "lora", "type_guided")
METRICS = ("macro_f1", "accuracy", "macro_precision", "macro_recall", "mcc", "ece")
MOST_SECONDS, MOST_MEGABYTES = 20.0, 5.0


def main() -> None:
    """Time the build and weigh the page."""
    tasks = {
        f"task_{number}": TaskInfo(f"Task {number}", METRICS[0], True, PARTS[1], METRICS[1:])
        for number in range(TASKS)
    }
    with tempfile.TemporaryDirectory() as folder:
        records = Path(folder) / "results"
        for record in simulated(np.random.default_rng(0)):
            place = records / record["task"]["name"] / "published"
            place.mkdir(parents=True, exist_ok=True)
            (place / f"{record['run_id']}.json").write_text(json.dumps(record), encoding="utf-8")
        clock = time.perf_counter
        processor, start = _processor(), clock()
        found = read_records(records)
        read = clock()
        tables = build(found, tasks=tasks)
        built = clock()
        page = write_page(Path(folder) / "board" / "index.html", tables, Evidence(found))
        written = clock()
        processor = _processor() - processor
        size = page.stat().st_size / 1e6
        beside = sorted(page.with_name("index-details").iterdir())
        largest = max(file.stat().st_size for file in beside) / 1e6
    total = written - start
    print(f"{len(found):,} records, {sum(len(table.rows) for table in tables):,} rows in "
          f"{len(tables)} tables")  # fmt: skip
    print(f"reading {read - start:.1f} s, tables {built - read:.1f} s, "
          f"pages {written - built:.1f} s; {processor:.1f} s of the processor")  # fmt: skip
    print(f"together {total:5.1f} s  {'under' if total < MOST_SECONDS else 'OVER'} "
          f"{MOST_SECONDS:.0f} s")  # fmt: skip
    print(f"the page {size:5.2f} MB {'under' if size < MOST_MEGABYTES else 'OVER'} "
          f"{MOST_MEGABYTES:.0f} MB; {len(beside):,} files beside it, "
          f"{largest:.2f} MB at most")  # fmt: skip


def _processor() -> float:
    """Return the seconds that processors spent on this process and those it made."""
    used = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in used)


def simulated(generator: np.random.Generator) -> list[dict[str, Any]]:
    """Return the made-up records."""
    confusion = generator.multinomial(ITEMS // CLASSES, [1 / CLASSES] * CLASSES, CLASSES).tolist()
    classes = {
        f"class_{number}": {"precision": 0.5, "recall": 0.4, "f1": 0.44, "support": 200}
        for number in range(CLASSES)
    }
    records = []
    for task in range(TASKS):
        for configuration in range(CONFIGURATIONS):
            level, cost = generator.uniform(0.2, 0.9), float(10 ** generator.uniform(0, 5))
            for seed in range(SEEDS):
                scores = np.clip(level + generator.normal(0, 0.02, len(METRICS)), 0, 1).tolist()
                metrics = {
                    name: {"value": score, "low": score - 0.02, "high": score + 0.02}
                    for name, score in zip(METRICS, scores, strict=True)
                }
                run_id = f"{(task * CONFIGURATIONS + configuration) * SEEDS + seed:012x}"
                test = {
                    "n": ITEMS,
                    "n_truncated": 0,
                    "metrics": metrics,
                    "per_class": classes,
                    "confusion": confusion,
                    "predictions": {
                        "path": f"{run_id}.parquet",
                        "sha256": "0" * 64,
                        "rows": ITEMS,
                    },
                }
                records.append(_record(run_id, task, configuration, seed, cost, test))
    return records


def _record(
    run_id: str, task: int, configuration: int, seed: int, cost: float, test: dict[str, Any]
) -> dict[str, Any]:
    return {
        "schema": 1,
        "run_id": run_id,
        "created": "2026-01-02T03:04:05Z",
        "status": "finished",
        "task": {
            "name": f"task_{task}",
            "version": 1,
            "level": "sequence",
            "problem": "multiclass",
        },
        "dataset": {"name": "made up", "fingerprint": "0" * 64, "simulated": False},
        "split": {"name": "published", "fold": None, "n_train": 5000, "n_validation": 500},
        "protocol": "clean",
        "backbone": {
            "name": f"model-{configuration // len(STRATEGIES)}",
            "kind": "encoder",
            "init": "pretrained",
            "weights_sha256": "0" * 64,
            "parameters": 1_000_000 + configuration,
            "options": {},
        },
        "head": "pooled",
        "strategy": {"name": STRATEGIES[configuration % len(STRATEGIES)], "learning_rate": 1e-4},
        "recipe": {"weight_decay": 0.01, "budget": {"max_epochs": 20}, "converged": True},
        "recipe_version": 1,
        "seed": seed,
        "selection": {"metric": METRICS[0], "trials": 1, "best_epoch": 7},
        "validation": {"n": 500, "metrics": {METRICS[0]: 0.5}},
        "tests": dict.fromkeys(PARTS, test),
        "cost": {
            "train_s": cost,
            "items_per_s": 1e6 / cost,
            "peak_rss_mb": 900.0,
            "peak_gpu_mb": None,
        },
        "environment": {"python": "3.11", "torch": "2.13.0", "cpu": "a processor", "cores": 2},
        "git_commit": "0" * 40,
    }


if __name__ == "__main__":
    main()
