"""``partsight tune``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from partsight.cli.console import ProgressBar, exit_if_failed
from partsight_train.requirements import require_tune_extra
from partsight_train.settings import OPTIMIZERS, TrainSettings, settings_from_options
from partsight_train.tune.space import MEASURES, VARIATIONS, Search

__all__ = ["command"]

_TRAIN, _SEARCH = TrainSettings(), Search()
_SHARE = click.FloatRange(0, 1, min_open=True, max_open=True)
_VARIATIONS = tuple(name for name in VARIATIONS if name != "none")


# fmt: off
@click.command("tune", context_settings={"show_default": True})
@click.argument("image_dir", type=click.Path(path_type=Path))
@click.option("-o", "--study-dir", required=True, type=click.Path(path_type=Path),
              help="A new folder; gets study.db, which Optuna's tools read, and best.json.")
@click.option("--resume", is_flag=True, help="Go on with the study there, killed or finished.")
@click.option("--trials", type=click.IntRange(1), default=100,
              help="How many there shall be, with those of a study that goes on.")
@click.option("--timeout", type=click.FloatRange(0, min_open=True),
              help="Begin no trial after so many seconds.")
@click.option("--measure", type=click.Choice(MEASURES), default=_SEARCH.measure,
              help="What is to be better: loss is the mean negative log-likelihood, recall the "
                   "share of bad parts taken for bad, false-rejects the share of good parts that "
                   "--target-recall costs.")
@click.option("--folds", type=click.IntRange(2), default=_SEARCH.folds,
              help="Each trial is judged on the mean over so many.")
@click.option("--backbone", "backbones", multiple=True, default=_SEARCH.backbones,
              help="As for partsight train; may be repeated.")
@click.option("--optimizer", "optimizers", type=click.Choice(OPTIMIZERS), multiple=True,
              default=_SEARCH.optimizers,
              help="May be repeated; adam and sgd take far longer than lbfgs.")
@click.option("--vary", "variations", type=click.Choice(_VARIATIONS), multiple=True,
              help="Also try varied training pictures; may be repeated.")
@click.option("--image-size", type=click.IntRange(1),
              help="Pixels a side; default the backbone's own.")
@click.option("--test-share", type=_SHARE, default=_TRAIN.test_share,
              help="Share of the pictures that the search must not see.")
@click.option("--accept-label", "accept_labels", multiple=True,
              help="A label of good parts; may be repeated.")
@click.option("--target-recall", type=click.FloatRange(0, 1, min_open=True),
              default=_TRAIN.target_recall, help="Share of bad parts that must not be accepted.")
@click.option("--seed", type=click.IntRange(0), default=_SEARCH.seed, help="Of what is tried.")
@click.option("--cache-dir", type=click.Path(path_type=Path),
              help="Where features and backbones are kept; default the user's cache folder.")
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
    """Search for settings of the head that suit IMAGE_DIR better than the defaults.

    Penalty, balance and label smoothing are tried on cross-validated features, and
    optionally backbones, optimizers and variation. The test split takes no part.

    \b
    Examples:
      partsight tune parts/ -o studies/first
      partsight tune parts/ -o studies/first --resume --trials 300
    """
    require_tune_extra()
    if cache_dir is not None:
        os.environ["PARTSIGHT_CACHE_DIR"] = str(cache_dir)
    from partsight_train.tune.result import result_text
    from partsight_train.tune.study import tune

    try:
        search = _search(options, ("none", *dict.fromkeys(variations)))
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    found = tune(
        image_dir, study_dir, search, trials, ProgressBar, resume=resume, timeout_s=timeout
    )
    click.echo(result_text(found, image_dir, study_dir))
    exit_if_failed(len(found.failed), len(found.failed) + found.pictures + found.test_pictures)


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
