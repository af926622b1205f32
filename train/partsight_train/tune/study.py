"""The search: trials, one after the other, in a study that can be resumed after a kill.

Writes ``study.db``, ``config.json`` and ``best.json`` to ``STUDY_DIR``. Called by
``partsight tune``.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import optuna
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy.exc import SQLAlchemyError

from partsight.errors import OutputError
from partsight.utils.progress import silent
from partsight.utils.redaction import redact_address
from partsight_train.data.dataset import Split
from partsight_train.data.prepare import Prepared
from partsight_train.data.training_data import Stages
from partsight_train.fit.cross_validation import Fold
from partsight_train.fit.learn import learn
from partsight_train.run.provenance import provenance, public_settings, require_same
from partsight_train.run.run_dir import CONFIG, RunDir
from partsight_train.settings import TrainSettings
from partsight_train.tune.measures import measured
from partsight_train.tune.result import BEST, SearchResult, best_document
from partsight_train.tune.scoring import ScoringData, fold_scores
from partsight_train.tune.search_data import SearchData, open_search_data
from partsight_train.tune.space import AUGMENTATIONS, Search, choose, first_choice

__all__ = ["DATABASE", "tune"]

DATABASE = "study.db"
_NAME = "partsight"
_AT_RANDOM = 10
_DONE = (TrialState.COMPLETE, TrialState.PRUNED)


def tune(
    image_dir: Path,
    study_dir: Path,
    search: Search,
    trials: int,
    stages: Stages = lambda stage: silent,
    *,
    resume: bool = False,
    timeout_s: float | None = None,
    cache: Path | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> SearchResult:
    """Search for better settings.

    Args:
        image_dir: folder with one sub-folder per label.
        study_dir: new or empty folder for all results.
        search: the search space and the measure.
        trials: total number of trials, including those of a resumed study.
        stages: returns the progress of a stage by its name.
        resume: continue the study in ``study_dir``; the search must be the same.
        timeout_s: seconds after the start of the first trial from which no new trial starts; None
            for no limit.
        cache: folder of the cache; None for the default, see ``cache_dir``.
        clock: monotonic time in seconds.

    Raises:
        DatasetError: the folder cannot be used for training, or not with this measure.
        ModelError: a backbone cannot be used.
        OutputError: ``study_dir`` is not empty, belongs to another search, or cannot be
            written.
    """
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    with RunDir.create(study_dir, resume=resume) as folder:
        return _search(folder, image_dir, search, trials, stages, timeout_s, cache, clock)


def _search(
    folder: RunDir,
    image_dir: Path,
    search: Search,
    trials: int,
    stages: Stages,
    timeout_s: float | None,
    cache: Path | None,
    clock: Callable[[], float],
) -> SearchResult:
    study_dir = folder.path
    data, prepared = open_search_data(image_dir, search, stages, cache)
    _write_config(folder, image_dir, search, prepared, data)
    try:
        study = _open(study_dir / DATABASE, search)
        _retry_killed(study)
        left = max(0, trials - len(study.get_trials(False, _DONE)))
        started = clock()
        for _ in stages("trials")(range(left), left, show=lambda _: _best_so_far(study)):
            if timeout_s is not None and clock() - started >= timeout_s:
                break
            study.optimize(lambda trial: _value(trial, search, data), n_trials=1)
        done = study.get_trials(states=_DONE)
    except (SQLAlchemyError, optuna.exceptions.StorageInternalError) as error:
        raise OutputError(
            f"the study {study_dir / DATABASE} cannot be used: {error}. Choose a new folder."
        ) from error
    result = _result(study, done, search, data, prepared)
    folder.write_json(BEST, best_document(result, image_dir, study_dir))
    return result


def _write_config(
    folder: RunDir, image_dir: Path, search: Search, prepared: Prepared, data: SearchData
) -> None:
    """Write the configuration of the search, which must be that of a resumed search."""
    training_data = prepared.training_data
    backbones = {
        redact_address(name): each.training_data.backbone.sha256 for (name, _), each in data.items()
    }
    config = {
        **provenance(
            image_dir, training_data.dataset, prepared.digests, training_data.backbone, search.base
        ),
        "backbone_sha256": backbones,
        "settings": public_settings(dataclasses.asdict(search)),
    }
    begun = folder.begun()
    if begun is not None:
        require_same(begun, config)
    folder.write_json(CONFIG, config)


def _open(path: Path, search: Search) -> optuna.Study:
    storage = optuna.storages.RDBStorage(f"sqlite:///{path}")
    direction = "minimize" if search.lower_is_better else "maximize"
    study = optuna.create_study(
        storage=storage, study_name=_NAME, direction=direction, load_if_exists=True
    )
    # With the same seed, a resumed study would repeat its first random trials.
    seed = search.seed + len(study.trials)
    study.sampler = optuna.samplers.TPESampler(n_startup_trials=_AT_RANDOM, seed=seed)
    study.pruner = optuna.pruners.MedianPruner(n_startup_trials=_AT_RANDOM, n_warmup_steps=1)
    if not study.trials:
        study.enqueue_trial(first_choice(search))
    return study


def _retry_killed(study: optuna.Study) -> None:
    """Mark trials that a kill interrupted as failed, and queue their settings again."""
    for trial in study.get_trials(states=(TrialState.RUNNING,)):
        study.tell(trial.number, state=TrialState.FAIL)
        study.enqueue_trial({**trial.system_attrs.get("fixed_params", {}), **trial.params})


def _value(trial: optuna.Trial, search: Search, data: SearchData) -> float:
    """Mean of the measure over the folds; bad trials are stopped before the last fold."""
    settings = choose(trial, search)
    scoring_data = data[settings.backbone, _variation_of(settings)]
    values: list[float] = []
    for true, scores in fold_scores(scoring_data, settings):
        values.append(measured(search, scoring_data.training_data.bad, true, scores))
        trial.report(float(np.mean(values)), len(values))
        if len(values) < search.folds and trial.should_prune():
            raise optuna.TrialPruned
    trial.set_user_attr("by_fold", values)
    return float(np.mean(values))


def _variation_of(settings: TrainSettings) -> str:
    return next(name for name, augment in AUGMENTATIONS.items() if augment == settings.augment)


def _best_so_far(study: optuna.Study) -> str:
    try:
        return f"best {study.best_value:.4f}"
    except ValueError:  # no trial is complete yet
        return ""


def _result(
    study: optuna.Study,
    done: list[FrozenTrial],
    search: Search,
    data: SearchData,
    prepared: Prepared,
) -> SearchResult:
    complete = [trial for trial in done if trial.state is TrialState.COMPLETE]
    if not complete:
        raise OutputError(
            "no trial finished in the given time. Continue with --resume and a longer --timeout."
        )
    best = study.best_trial
    settings = choose(optuna.trial.FixedTrial(best.params), search)
    scoring_data = data[settings.backbone, _variation_of(settings)]
    confirmed = [_confirmed(scoring_data, fold, settings, search) for fold in scoring_data.folds]
    return SearchResult(
        search,
        settings,
        tuple(sorted(complete, key=lambda t: t.value or 0, reverse=not search.lower_is_better)),
        len(done) - len(complete),
        float(np.mean(confirmed)),
        len(scoring_data.training_data.dataset.images),
        len(prepared.rows(Split.TEST)),
        prepared.failed,
    )


def _confirmed(data: ScoringData, fold: Fold, settings: TrainSettings, search: Search) -> float:
    """The measure of one fold, fitted as ``train`` fits."""
    trained = learn(data.training_data, fold.train, fold.validation, settings, None)
    true = data.training_data.examples.labels[fold.test]
    return measured(search, data.training_data.bad, true, trained.scores(fold.test))
