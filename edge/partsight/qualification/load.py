"""Load a model that this device has to trust first."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from partsight.inference.classifier import Classifier
from partsight.inference.interpreter import Interpreter
from partsight.inference.runtimes import DEFAULT_OPTIONS, RuntimeOptions
from partsight.model.contract import Contract
from partsight.model.file import load_model_file
from partsight.model.third_party import ModelOverrides
from partsight.qualification.golden import require_same_scores_once
from partsight.qualification.trust import TrustPolicy, require_trusted

__all__ = ["load_classifier"]

logger = logging.getLogger(__name__)


def load_classifier(
    model: str | Path | bytes,
    trust: TrustPolicy,
    options: RuntimeOptions = DEFAULT_OPTIONS,
    *,
    overrides: ModelOverrides | None = None,
    warn: Callable[[str], object] = logger.warning,
) -> Classifier:
    """Load a model that passes every check of this device.

    The model must be signed if the device requires it. A model that is new on this machine is
    first run in a separate process, and its golden samples must get the scores that they got at
    export; a model without golden samples must give scores for a white image.

    Args:
        model: path of the model file, or its bytes.
        trust: key that the model must be signed with.
        options: runtime and number of threads.
        overrides: facts that a third-party model does not contain.
        warn: receives one line if no label of the model is known to be good, so that every
            verdict is review.

    Raises:
        ContractError: the model has no contract, or its tensors differ from it.
        EnvironmentFault: no TFLite runtime on this machine.
        ModelError: the file is missing, damaged, refused by the runtime, or gives other scores
            here than at export.
        SignatureError: the model is not signed with the key that the device requires.
    """
    file = load_model_file(model, overrides)
    require_trusted(file, trust, options)
    classifier = Classifier(file, Interpreter(file.data, options))
    require_same_scores_once(file, classifier)
    if not file.contract.golden:
        classifier.predict(_white_image(file.contract))
    if file.contract.advice is not None:
        warn(file.contract.advice)
    return classifier


def _white_image(contract: Contract) -> NDArray[np.uint8]:
    """White network input, uint8 (height, width, 3): its logits are seldom within 0 and 1."""
    return np.full((contract.preprocess.height, contract.preprocess.width, 3), 255, np.uint8)
