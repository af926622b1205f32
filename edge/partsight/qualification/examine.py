"""Examination that a model must pass before it is activated.

It takes seconds, so it runs in a separate process, see ``isolated``.
"""

from __future__ import annotations

from partsight.decision.operating_point import with_thresholds
from partsight.errors import ContractError, DatasetError, ModelError
from partsight.evaluation.evaluate import labelled_image_files, score_images
from partsight.evaluation.metrics import classification_metrics
from partsight.evaluation.verdict_metrics import verdict_metrics
from partsight.inference.classifier import Classifier
from partsight.inference.runtimes import RuntimeOptions
from partsight.model.contract import Contract
from partsight.model.file import ModelFile, load_model_file
from partsight.model.third_party import ModelOverrides
from partsight.qualification.golden import require_same_scores
from partsight.qualification.rules import Findings, Rules
from partsight.qualification.trust import TrustPolicy, require_trusted
from partsight.utils.counts import counted

__all__ = ["examine"]


def examine(data: bytes, rules: Rules, trust: TrustPolicy, options: RuntimeOptions) -> Findings:
    """Examine a model: digest, contract, signature, trial, golden samples, acceptance set.

    Args:
        data: bytes of the model file.
        rules: rules that the model must pass.
        trust: key that the model must be signed with.
        options: runtime that will run the model.

    Raises:
        ModelError: the model is damaged, differs from its contract, gives other scores here than
            at export, or fails the acceptance set.
        ContractError: the model has labels that the rules do not allow.
        ConfigError: the configured thresholds contradict those of the model.
        SignatureError: the model is not signed with the required key.
        DatasetError: the acceptance set cannot be used.
        EnvironmentFault: this machine cannot run the model.
    """
    overrides = None if rules.bit_depth is None else ModelOverrides(bit_depth=rules.bit_depth)
    file = load_model_file(data, overrides)
    _require_labels(file.contract, rules)
    line = rules.decision
    with_thresholds(file.contract.operating_point, line.accept_above, line.reject_below)
    require_trusted(file, trust, options)
    classifier = Classifier.open(data, options, overrides=overrides)
    samples, difference = _replayed(file, classifier, rules)
    return _accepted(classifier, rules, Findings(samples, difference))


def _require_labels(contract: Contract, rules: Rules) -> None:
    pairs = (
        ("labels", rules.labels, contract.labels),
        ("accept labels", rules.accept_labels, contract.operating_point.accept_labels),
    )
    for name, expected, received in pairs:
        if expected is not None and set(received) != set(expected):
            raise ContractError(
                f"the model has other {name} than the active one: expected {sorted(expected)}, "
                f"received {sorted(received)}. If this is intended, set models.allow_other_labels."
            )


def _replayed(file: ModelFile, classifier: Classifier, rules: Rules) -> tuple[int, float | None]:
    if not file.contract.golden and not rules.models.require_golden:
        return 0, None
    replays = require_same_scores(file, classifier)
    return len(replays), max(each.difference for each in replays)


def _accepted(classifier: Classifier, rules: Rules, findings: Findings) -> Findings:
    models, line = rules.models, rules.decision
    if models.challenge is None:
        return findings
    labels = classifier.contract.labels
    scored = score_images(classifier, labelled_image_files(models.challenge, labels))
    if scored.failed:
        path, reason = scored.failed[0]
        raise DatasetError(
            f"{counted(len(scored.failed), 'image')} of the acceptance set cannot be read, "
            f"first {path}: {reason}. Repair or remove unreadable images."
        )
    point = with_thresholds(
        classifier.contract.operating_point,
        line.accept_above,
        line.reject_below,
        line.min_contrast,
    )
    accuracy = classification_metrics(labels, scored.true, scored.scores)["accuracy"]
    recall = verdict_metrics(labels, scored.true, scored.scores, point, scored.contrasts)[
        "recall_of_bad"
    ]
    _require_score("accuracy", accuracy, models.min_accuracy)
    _require_score("recall of bad parts", recall, models.min_recall_of_bad)
    return Findings(
        findings.golden_samples,
        findings.golden_difference,
        len(scored.paths),
        accuracy,
        recall,
    )


def _require_score(name: str, received: float | None, expected: float | None) -> None:
    if expected is None:
        return
    if received is None:
        raise DatasetError(
            f"the acceptance set cannot measure the {name}: expected images of good and of bad "
            "parts, and a model that says which labels are good. Add images."
        )
    if received < expected:
        raise ModelError(
            f"the model fails the acceptance set: expected {name} of at least {expected:.4f}, "
            f"received {received:.4f}. The old model stays active."
        )
