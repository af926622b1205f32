"""``partsight tune``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from partsight.cli.console import ProgressBar, exit_if_failed
from partsight.cli.options import LocalPath, RenamedOption
from partsight_train.requirements import require_tune_extra
from partsight_train.settings import OPTIMIZERS, TrainSettings, settings_from_options
from partsight_train.tune.space import AUGMENTATIONS, MEASURES, Search

__all__ = ["command"]

_TRAIN, _SEARCH = TrainSettings(), Search()
_SHARE = click.FloatRange(0, 1, min_open=True, max_open=True)
_VARIATIONS = tuple(name for name in AUGMENTATIONS if name != "none")


# fmt: off
@click.command("tune", context_settings={"show_default": True})
@click.argument("image_dir", type=click.Path(path_type=Path))
@click.option("-o", "--study-dir", required=True, type=LocalPath(path_type=Path),
              help="New folder for study.db (an Optuna study) and best.json.")
@click.option("--resume", is_flag=True,
              help="Continue an interrupted or finished study in the folder of --study-dir.")
@click.option("--trials", type=click.IntRange(1), default=100,
              help="Total number of trials, including those of a continued study.")
@click.option("--timeout", type=click.FloatRange(0, min_open=True), metavar="SECONDS",
              help="Start no new trial after this time.")
@click.option("--measure", type=click.Choice(MEASURES), default=_SEARCH.measure,
              help="Measure to optimize: loss is the mean negative log-likelihood, recall the "
                   "share of bad parts classified as bad, false-rejects the share of good parts "
                   "not accepted at --target-recall.")
@click.option("--folds", type=click.IntRange(2), default=_SEARCH.folds,
              help="Folds of the cross-validation of each trial.")
@click.option("--backbone", "backbones", multiple=True, default=_SEARCH.backbones,
              help="Backbone, as for 'partsight train'; may be repeated.")
@click.option("--optimizer", "optimizers", type=click.Choice(OPTIMIZERS), multiple=True,
              default=_SEARCH.optimizers,
              help="Optimizer; may be repeated. adam and sgd take far longer than lbfgs.")
@click.option("--augment", "variations", cls=RenamedOption, former=["--vary"], multiple=True,
              type=click.Choice(_VARIATIONS),
              help="Also try augmented training images; may be repeated.")
@click.option("--image-size", type=click.IntRange(1),
              help="Side of the network's input in pixels; default the backbone's own.")
@click.option("--test-share", type=_SHARE, default=_TRAIN.test_share,
              help="Share of the images that the search does not use.")
@click.option("--accept-label", "accept_labels", multiple=True,
              help="Label of good parts; may be repeated.")
@click.option("--target-recall", type=click.FloatRange(0, 1, min_open=True),
              default=_TRAIN.target_recall, help="Share of bad parts that must not be accepted.")
@click.option("--seed", type=click.IntRange(0), default=_SEARCH.seed, help="Seed of the search.")
@click.option("--cache-dir", type=click.Path(path_type=Path),
              help="Folder for cached features and backbones; default the user's cache folder.")
# fmt: on
def command(
    image_dir: Path,
    study_dir: Path,
    resume: bool,
    trials: int,
    timeout: float | None,
    cache_dir: Path | None,
    variations: tuple[str, ...],
    **options: Any,
) -> None:
    """Search for better settings of the head on IMAGE_DIR.

    Tries L2 penalty, balance and label smoothing by cross-validation, optionally also backbones,
    optimizers and augmentation. The test split is not used.

    \b
    Examples:
      partsight tune parts/ -o studies/first
      partsight tune parts/ -o studies/first --resume --trials 300
    """
    require_tune_extra()
    from partsight_train.tune.result import result_text
    from partsight_train.tune.study import tune

    try:
        search = _search(options, ("none", *dict.fromkeys(variations)))
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    found = tune(
        image_dir,
        study_dir,
        search,
        trials,
        ProgressBar,
        resume=resume,
        timeout_s=timeout,
        cache=cache_dir,
    )
    click.echo(result_text(found, image_dir, study_dir))
    exit_if_failed(len(found.failed), len(found.failed) + found.images + found.test_images)


def _search(options: dict[str, Any], variations: tuple[str, ...]) -> Search:
    backbones = tuple(dict.fromkeys(options.pop("backbones")))
    return Search(
        settings_from_options({**options, "backbone": backbones[0]}),
        backbones,
        tuple(dict.fromkeys(options.pop("optimizers"))),
        variations,
        options.pop("measure"),
        options.pop("folds"),
        options.pop("seed"),
    )
