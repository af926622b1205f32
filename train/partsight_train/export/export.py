"""``partsight export``: variants of a finished run, each proved before it is written."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from partsight.errors import ModelError
from partsight.evaluation.metrics import classification_metrics
from partsight.utils.files import write_atomic
from partsight.utils.progress import Progress, silent
from partsight_train.conversion.names import VariantName
from partsight_train.export.fallbacks import REMEDIES, Attempt, Remedy, with_fallbacks
from partsight_train.export.finished_run import open_finished_run
from partsight_train.export.gate import Limits
from partsight_train.export.heatmap import with_heatmap
from partsight_train.export.reference import warn_of_no_reference
from partsight_train.export.runtime_gate import runtime_failures
from partsight_train.export.steps import warn_of_few_steps
from partsight_train.export.variant import ReferenceModel, Variant
from partsight_train.run.run_dir import RunDir

__all__ = ["Exported", "export", "table"]


@dataclass(frozen=True, slots=True, eq=False)
class Exported:
    """What became of a variant.

    Attributes:
        name: of the variant.
        path: the file; None where it was refused.
        refusals: why it was, a sentence each.
        file: what was written, or came closest; None where it could not be converted.
        attempts: what was tried, the plain file first.
    """

    name: str
    path: Path | None
    refusals: tuple[str, ...]
    file: Variant | None
    attempts: tuple[Attempt, ...] = ()


def export(
    run_dir: Path,
    variants: Iterable[VariantName],
    output: Path | None,
    limits: Limits,
    progress: Progress = silent,
    remedies: Mapping[str, Remedy] = REMEDIES,
    *,
    heatmap: bool = False,
    product: str | None = None,
) -> list[Exported]:
    """Make variants, and write those that pass.

    Args:
        run_dir: a folder that ``partsight train`` finished.
        variants: which.
        output: where to write, for one variant; None is ``model-VARIANT.tflite`` in the
            folder, or ``model-VARIANT-heatmap.tflite``, which its manifest then names.
        limits: what a file may lose against the float model.
        progress: told of each variant.
        remedies: what to try where a plain file decides otherwise than the float model.
        heatmap: whether they give a class activation map too, see ``with_heatmap``.
        product: that they are for; None is that of the run.

    Raises:
        DatasetError: the pictures are not those of the run.
        ModelError: the folder holds no finished run, or one that can give no map.
        OutputError: a file cannot be written.
    """
    run, names = RunDir(run_dir), list(variants)
    reference_model = open_finished_run(run)
    if product is not None:
        draft = dataclasses.replace(reference_model.draft, product=product)
        reference_model = dataclasses.replace(reference_model, draft=draft)
    if heatmap:
        reference_model = with_heatmap(reference_model)
    return list(_each(progress(names, len(names)), reference_model, run, output, limits, remedies))


def _each(
    names: Iterable[VariantName],
    reference_model: ReferenceModel,
    run: RunDir,
    output: Path | None,
    limits: Limits,
    remedies: Mapping[str, Remedy],
) -> Iterator[Exported]:
    for name in names:
        try:
            made = with_fallbacks(reference_model, name, limits, runtime_failures, remedies)
        except ModelError as error:
            yield Exported(name, None, (str(error),), None)
            continue
        kind = name if reference_model.draft.heatmap is None else f"{name}-heatmap"
        path = _write(run, kind, output, made.file.data) if made.passed else None
        refusals = () if made.passed else made.attempts[0].refusals
        if path is not None:
            warn_of_few_steps(name, reference_model, made.file)
            splits = (made.file.on_validation, made.file.on_test)
            warn_of_no_reference(splits, made.file.contract, reference_model.settings)
        yield Exported(name, path, refusals, made.file, made.attempts)


def _write(run: RunDir, kind: str, output: Path | None, data: bytes) -> Path:
    if output is None:
        return run.deliver(f"model-{kind}.tflite", data)
    write_atomic(output, data)
    return output


def table(exported: Iterable[Exported]) -> str:
    """A line a variant, and below it what was tried and why one was refused."""
    lines = [f"{'variant':<11}{'bytes':>10}{'accuracy':>10}{'agreement':>11}  needs TFLite  file"]
    for each in exported:
        lines.append(f"{each.name:<11}{_figures(each.file)}  {each.path or 'refused'}")
        lines += [f"  {refusal}" for refusal in each.refusals]
        lines += [f"  {_outcome(attempt)}" for attempt in each.attempts[1:]]
    return "\n".join(lines)


def _outcome(attempt: Attempt) -> str:
    tried = f"{attempt.remedy}, {attempt.detail}" if attempt.detail else attempt.remedy
    if attempt.parity is None:
        return f"not tried: {tried}: {attempt.refusals[0]}"
    if attempt.passed:
        return f"passed after: {tried}"
    return f"no help: {tried}: {attempt.refusals[0]}"


def _figures(file: Variant | None) -> str:
    if file is None:
        return " " * 45
    scored = file.on_test
    accuracy = classification_metrics(file.contract.labels, scored.true, scored.scores)["accuracy"]
    needs = file.contract.provenance["export"]["min_runtime"] or "unknown"
    return f"{len(file.data):>10}{accuracy:>10.4f}{file.parity['agreement']:>11.4f}  {needs:<12}"
