"""``partsight export``: variants of a finished run, each compared before it is written."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from partsight.errors import ModelError
from partsight.evaluation.metrics import classification_metrics
from partsight.utils.files import write_atomic
from partsight.utils.progress import Progress, silent
from partsight_train.conversion.names import VariantName
from partsight_train.export.drift_reference import warn_of_no_reference
from partsight_train.export.finished_run import open_finished_run
from partsight_train.export.gate import Limits, breaches
from partsight_train.export.heatmap import with_heatmap
from partsight_train.export.runtime_gate import runtime_failures
from partsight_train.export.score_steps import warn_of_few_steps
from partsight_train.export.variant import ReferenceModel, Variant, make_variant
from partsight_train.run.run_dir import RunDir

__all__ = ["Exported", "export", "table"]


@dataclass(frozen=True, slots=True, eq=False)
class Exported:
    """The result for one variant.

    Attributes:
        name: name of the variant.
        path: the written file; None if it was refused.
        refusals: why it was refused, one sentence each.
        file: the file, written or refused; None if it could not be converted.
    """

    name: str
    path: Path | None
    refusals: tuple[str, ...]
    file: Variant | None


def export(
    run_dir: Path,
    variants: Iterable[VariantName],
    output: Path | None,
    limits: Limits,
    progress: Progress = silent,
    *,
    heatmap: bool = False,
    product: str | None = None,
) -> list[Exported]:
    """Make variants of a finished run and write those that pass.

    Args:
        run_dir: a run folder of ``partsight train``.
        variants: names of the variants.
        output: the file to write, for one variant; None is ``model-VARIANT.tflite`` in the
            run folder, or ``model-VARIANT-heatmap.tflite``, also listed in its manifest.
        limits: how far a file may fall behind the float model on the test split.
        progress: shows the progress over the variants.
        heatmap: whether files also give a class activation map, see ``with_heatmap``.
        product: product name for the files; None keeps that of the run.

    Raises:
        DatasetError: the images are not those of the run.
        ModelError: the run is not finished, or its model cannot give a heat map.
        OutputError: a file cannot be written.
    """
    run, names = RunDir(run_dir), list(variants)
    reference_model = open_finished_run(run)
    if product is not None:
        draft = dataclasses.replace(reference_model.draft, product=product)
        reference_model = dataclasses.replace(reference_model, draft=draft)
    if heatmap:
        reference_model = with_heatmap(reference_model)
    return list(_each(progress(names, len(names)), reference_model, run, output, limits))


def _each(
    names: Iterable[VariantName],
    reference_model: ReferenceModel,
    run: RunDir,
    output: Path | None,
    limits: Limits,
) -> Iterator[Exported]:
    for name in names:
        try:
            file = make_variant(reference_model, name)
        except ModelError as error:
            yield Exported(name, None, (str(error),), None)
            continue
        refusals = breaches(file.parity, limits) or runtime_failures(file.data)
        if refusals:
            yield Exported(name, None, tuple(refusals), file)
            continue
        kind = name if reference_model.draft.heatmap is None else f"{name}-heatmap"
        path = _write(run, kind, output, file.data)
        warn_of_few_steps(name, reference_model, file)
        warn_of_no_reference(file.held_out, file.contract, reference_model.settings)
        yield Exported(name, path, (), file)


def _write(run: RunDir, kind: str, output: Path | None, data: bytes) -> Path:
    if output is None:
        return run.deliver(f"model-{kind}.tflite", data)
    write_atomic(output, data)
    return output


def table(exported: Iterable[Exported]) -> str:
    """One line per variant, followed by the reasons if it was refused."""
    lines = [f"{'variant':<11}{'bytes':>10}{'accuracy':>10}{'agreement':>11}  needs TFLite  file"]
    for each in exported:
        lines.append(f"{each.name:<11}{_figures(each.file)}  {each.path or 'refused'}")
        lines += [f"  {refusal}" for refusal in each.refusals]
    return "\n".join(lines)


def _figures(file: Variant | None) -> str:
    if file is None:
        return " " * 45
    scored = file.on_test
    accuracy = classification_metrics(file.contract.labels, scored.true, scored.scores)["accuracy"]
    needs = file.contract.provenance["export"]["min_runtime"] or "unknown"
    return f"{len(file.data):>10}{accuracy:>10.4f}{file.parity['agreement']:>11.4f}  {needs:<12}"
