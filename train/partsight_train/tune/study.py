"""The search itself: trials, one after the other, in a study that survives a kill.

Enters: labelled folders and a ``Search``. Leaves: ``STUDY_DIR`` with ``study.db``,
``config.json`` and ``best.json``. Called by ``partsight tune``.
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
from partsight_train.tune.bench import Bench, fold_scores
from partsight_train.tune.benches import Benches, open_benches
from partsight_train.tune.measures import measured
from partsight_train.tune.result import BEST, Found, best_document
from partsight_train.tune.space import VARIATIONS, Search, choose, first_choice

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
) -> Found:
    """Search for better settings.

    Args:
        image_dir: a sub-folder a label.
        study_dir: a new or empty folder; gets everything.
        search: what is searched, and by what it is judged.
        trials: how many there shall be in all, with those of a study that goes on.
        stages: gives each stage, by its name, the progress that is told of its steps.
        resume: go on with the study in ``study_dir``; the search must be the same.
        timeout_s: begin no trial after so many seconds of trials.
        cache: folder of the cache; None for the default, see ``cache_dir``.
        clock: seconds, monotonic.

    Raises:
        DatasetError: the folder cannot be trained on, or not judged by this measure.
        ModelError: a backbone cannot be used.
        OutputError: ``study_dir`` holds something, is of another search, or cannot be
            written.
    """
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    folder = RunDir.create(study_dir, resume=resume)
    benches, prepared = open_benches(image_dir, search, stages, cache)
    _begin(folder, image_dir, search, prepared, benches)
    try:
        study = _open(study_dir / DATABASE, search)
        _retry_killed(study)
        left = max(0, trials - len(study.get_trials(False, _DONE)))
        started = clock()
        for _ in stages("trials")(range(left), left, show=lambda _: _best_so_far(study)):
            if timeout_s is not None and clock() - started >= timeout_s:
                break
            study.optimize(lambda trial: _value(trial, search, benches), n_trials=1)
        done = study.get_trials(states=_DONE)
    except (SQLAlchemyError, optuna.exceptions.StorageInternalError) as error:
        raise OutputError(
            f"the study {study_dir / DATABASE} cannot be used: {error}. Choose a new folder."
        ) from error
    found = _found(study, done, search, benches, prepared)
    folder.write_json(BEST, best_document(found, image_dir, study_dir))
    return found


def _begin(
    folder: RunDir, image_dir: Path, search: Search, prepared: Prepared, benches: Benches
) -> None:
    """Write down what is searched, or see that it is what was searched before."""
    training_data = prepared.training_data
    backbones = {
        redact_address(name): bench.training_data.backbone.sha256
        for (name, _), bench in benches.items()
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
    # Otherwise a study that goes on would draw what it drew at its start.
    seed = search.seed + len(study.trials)
    study.sampler = optuna.samplers.TPESampler(n_startup_trials=_AT_RANDOM, seed=seed)
    study.pruner = optuna.pruners.MedianPruner(n_startup_trials=_AT_RANDOM, n_warmup_steps=1)
    if not study.trials:
        study.enqueue_trial(first_choice(search))
    return study


def _retry_killed(study: optuna.Study) -> None:
    """End the trials in whose middle a search was killed, and try the same again first."""
    for trial in study.get_trials(states=(TrialState.RUNNING,)):
        study.tell(trial.number, state=TrialState.FAIL)
        study.enqueue_trial({**trial.system_attrs.get("fixed_params", {}), **trial.params})


def _value(trial: optuna.Trial, search: Search, benches: Benches) -> float:
    """Mean of the measure over the folds; hopeless trials end before the last."""
    settings = choose(trial, search)
    bench = benches[settings.backbone, _variation_of(settings)]
    values: list[float] = []
    for true, scores in fold_scores(bench, settings):
        values.append(measured(search, bench.training_data.bad, true, scores))
        trial.report(float(np.mean(values)), len(values))
        if len(values) < search.folds and trial.should_prune():
            raise optuna.TrialPruned
    trial.set_user_attr("by_fold", values)
    return float(np.mean(values))


def _variation_of(settings: TrainSettings) -> str:
    return next(name for name, augment in VARIATIONS.items() if augment == settings.augment)


def _best_so_far(study: optuna.Study) -> str:
    try:
        return f"best {study.best_value:.4f}"
    except ValueError:  # none is done yet
        return ""


def _found(
    study: optuna.Study,
    done: list[FrozenTrial],
    search: Search,
    benches: Benches,
    prepared: Prepared,
) -> Found:
    whole = [trial for trial in done if trial.state is TrialState.COMPLETE]
    if not whole:
        raise OutputError(
            "no trial was finished in the time given. Go on by --resume with a longer --timeout."
        )
    best = study.best_trial
    settings = choose(optuna.trial.FixedTrial(best.params), search)
    bench = benches[settings.backbone, _variation_of(settings)]
    return Found(
        search,
        settings,
        tuple(sorted(whole, key=lambda t: t.value or 0, reverse=not search.lower_is_better)),
        len(done) - len(whole),
        float(np.mean([_learned(bench, fold, settings, search) for fold in bench.folds])),
        len(bench.training_data.dataset.pictures),
        len(prepared.rows(Split.TEST)),
        prepared.failed,
    )


def _learned(bench: Bench, fold: Fold, settings: TrainSettings, search: Search) -> float:
    """The measure of one fold, fitted as ``train`` will fit."""
    learned = learn(bench.training_data, fold.train, fold.validation, settings, None)
    true = bench.training_data.examples.labels[fold.test]
    return measured(search, bench.training_data.bad, true, learned.scores(fold.test))
