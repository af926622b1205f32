"""``partsight export``: variants of a finished run, each proved before it is written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from partsight.errors import ModelError
from partsight.files import write_atomic
from partsight.metrics import classification_metrics
from partsight.progress import Progress, silent
from partsight_train.export.finished_run import open_finished_run
from partsight_train.export.gate import Limits, breaches
from partsight_train.export.heatmap import with_heatmap
from partsight_train.export.names import VariantName
from partsight_train.export.runtime_gate import runtime_failures
from partsight_train.export.variant import Approved, Variant, make_variant
from partsight_train.run_dir import RunDir

__all__ = ["Exported", "export", "table"]


@dataclass(frozen=True, slots=True, eq=False)
class Exported:
    """What became of a variant.

    Attributes:
        name: of the variant.
        path: the file; None where it was refused.
        refusals: why it was, a sentence each.
        file: None where there is none to speak of: it could not be converted.
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
) -> list[Exported]:
    """Make variants, and write those that pass.

    Args:
        run_dir: a folder that ``partsight train`` finished.
        variants: which.
        output: where to write, for one variant; None is ``model-VARIANT.tflite`` in the
            folder, or ``model-VARIANT-heatmap.tflite``, which its manifest then names.
        limits: what a file may lose against the float model.
        progress: told of each variant.
        heatmap: whether they give a class activation map too, see ``with_heatmap``.

    Raises:
        DatasetError: the pictures are not those of the run.
        ModelError: the folder holds no finished run, or one that can give no map.
        OutputError: a file cannot be written.
    """
    run, names = RunDir(run_dir), list(variants)
    approved = open_finished_run(run)
    if heatmap:
        approved = with_heatmap(approved)
    return list(_each(progress(names, len(names)), approved, run, output, limits))


def _each(
    names: Iterable[VariantName],
    approved: Approved,
    run: RunDir,
    output: Path | None,
    limits: Limits,
) -> Iterator[Exported]:
    for name in names:
        try:
            file = make_variant(approved, name)
        except ModelError as error:
            yield Exported(name, None, (str(error),), None)
            continue
        refusals = (*breaches(file.parity, limits), *runtime_failures(file.data))
        kind = name if approved.draft.heatmap is None else f"{name}-heatmap"
        path = None if refusals else _write(run, kind, output, file.data)
        yield Exported(name, path, refusals, file)


def _write(run: RunDir, kind: str, output: Path | None, data: bytes) -> Path:
    if output is None:
        return run.deliver(f"model-{kind}.tflite", data)
    write_atomic(output, data)
    return output


def table(exported: Iterable[Exported]) -> str:
    """A line a variant, and below it why one was refused."""
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
