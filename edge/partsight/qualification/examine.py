"""The examination that a model must pass before it is put in force.

Enters: the bytes that will be run, and rules. Leaves: what was found, or the reason against it.
Takes seconds: called in a process of its own, see ``aside``.
"""

from __future__ import annotations

from pathlib import Path

from partsight.decision.decide import with_thresholds
from partsight.errors import ContractError, DatasetError, ModelError
from partsight.evaluation.evaluate import labelled_pictures, score_pictures
from partsight.evaluation.metrics import classification_metrics
from partsight.evaluation.verdict_metrics import verdict_metrics
from partsight.inference.classifier import Classifier
from partsight.model.contract import Contract
from partsight.model.file import ModelFile, load_model_file
from partsight.model.third_party import ModelOverrides
from partsight.qualification.golden import require_same_scores
from partsight.qualification.rules import Findings, Rules
from partsight.qualification.trust import require_trusted

__all__ = ["examine"]


def examine(data: bytes, rules: Rules) -> Findings:
    """Examine a model: digest, contract, signature, trial, golden samples, acceptance set.

    Raises:
        ModelError: damaged, not as its contract says, does not decide here as it did where it
            was approved, or fails the acceptance set.
        ContractError: other labels than the rules allow.
        ConfigError: the configured thresholds do not go with its own.
        SignatureError: not signed by whom this device trusts.
        DatasetError: the acceptance set cannot be measured on.
        EnvironmentFault: this machine cannot run it.
    """
    overrides = None if rules.bit_depth is None else ModelOverrides(bit_depth=rules.bit_depth)
    file = load_model_file(data, overrides)
    _require_labels(file.contract, rules)
    with_thresholds(file.contract.operating_point, rules.accept_above, rules.reject_below)
    require_trusted(file)
    classifier = Classifier.open(data, overrides=overrides)
    samples, difference = _replayed(file, classifier, rules)
    return _challenged(classifier, rules, Findings(samples, difference))


def _require_labels(contract: Contract, rules: Rules) -> None:
    pairs = (
        ("labels", rules.labels, contract.labels),
        ("accept labels", rules.accept_labels, contract.operating_point.accept_labels),
    )
    for name, expected, received in pairs:
        if expected is not None and set(received) != set(expected):
            raise ContractError(
                f"the model has other {name} than the active one: expected {sorted(expected)}, "
                f"received {sorted(received)}. If that is meant, set models.allow_other_labels."
            )


def _replayed(file: ModelFile, classifier: Classifier, rules: Rules) -> tuple[int, float | None]:
    if not file.contract.golden and not rules.require_golden:
        return 0, None
    replays = require_same_scores(file, classifier)
    return len(replays), max(each.difference for each in replays)


def _challenged(classifier: Classifier, rules: Rules, findings: Findings) -> Findings:
    if rules.challenge is None:
        return findings
    labels = classifier.contract.labels
    scored = score_pictures(classifier, labelled_pictures(Path(rules.challenge), labels))
    if scored.failed:
        path, reason = scored.failed[0]
        raise DatasetError(
            f"{len(scored.failed)} pictures of the acceptance set cannot be read, such as {path}: "
            f"{reason}. Mend or remove them."
        )
    point = with_thresholds(
        classifier.contract.operating_point,
        rules.accept_above,
        rules.reject_below,
        rules.min_contrast,
    )
    accuracy = classification_metrics(labels, scored.true, scored.scores)["accuracy"]
    recall = verdict_metrics(labels, scored.true, scored.scores, point, scored.contrasts)[
        "recall_of_bad"
    ]
    _require_score("accuracy", accuracy, rules.min_accuracy)
    _require_score("recall of bad parts", recall, rules.min_recall_of_bad)
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
            f"the acceptance set cannot tell the {name}: expected pictures of good and of bad "
            "parts, and a model that says which labels are good. Add pictures."
        )
    if received < expected:
        raise ModelError(
            f"the model fails the acceptance set: expected {name} of at least {expected:.4f}, "
            f"received {received:.4f}. The old one stays in force."
        )
