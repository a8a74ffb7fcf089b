from __future__ import annotations

import optuna
import pytest

from rnaernie_bench.sweeps.pictures import importances_of, pictures
from rnaernie_bench.sweeps.search import Goal

MAIN, SIZE = Goal("macro_f1", True, True), Goal("parameters", False, False)


def searched(goals: list[Goal], trials: int = 8) -> optuna.Study:
    """Return a study whose first goal is the rate, whatever else is chosen."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(
        directions=[goal.direction for goal in goals], sampler=optuna.samplers.RandomSampler(seed=0)
    )

    def figures(trial: optuna.Trial) -> list[float]:
        rate = trial.suggest_float("strategy.learning_rate", 0.1, 1.0, log=True)
        strategy = trial.suggest_categorical("strategy", ["full", "frozen"])
        if strategy == "full":
            trial.suggest_int("strategy.layers", 1, 3)
        return [rate, 10 * rate][: len(goals)]

    study.optimize(figures, n_trials=trials)
    return study


@pytest.mark.parametrize("goals", [[MAIN], [MAIN, SIZE]], ids=["one goal", "two goals"])
def test_every_picture_can_be_drawn(goals: list[Goal]) -> None:
    drawn = dict(pictures(searched(goals), goals))
    both = ["front.png"] if len(goals) == 2 else []
    assert list(drawn) == ["history.png", *both, "importances.png", "parallel.png"]
    for figure in drawn.values():
        figure.draw_without_rendering()
    [history] = drawn["history.png"].axes
    best = history.lines[0].get_ydata()
    assert list(best) == sorted(best)


def test_what_decides_is_the_most_important() -> None:
    study = searched([MAIN])
    found = importances_of(study, study.trials)
    assert next(iter(found)) == "strategy.learning_rate"
    assert sum(found.values()) == pytest.approx(1.0)


def test_nothing_is_drawn_of_nothing() -> None:
    assert list(pictures(searched([MAIN], trials=0), [MAIN])) == []
    assert "importances.png" not in dict(pictures(searched([MAIN], trials=1), [MAIN]))
