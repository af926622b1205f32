"""How to call a SavedModel for image features, read from its file without loading it.

There are three kinds of modules: of TensorFlow 2, callable; of TensorFlow 2, with signatures only;
and of TensorFlow 1, with tagged graphs and named signatures, in TF Hub's format of that time or not
(https://www.tensorflow.org/hub/tf1_hub_module, .../common_signatures/images).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from partsight.errors import ModelError
from partsight_train.backbones.cached_build import MODULE_FILE
from partsight_train.tensorflow_stack import (
    DecodeError,
    Empty,
    UnknownFieldSet,
    saved_model_pb2,
    tf,
)

__all__ = ["Module", "read_module"]

# The first that exists is used. TF Hub classifiers have their features under the first name.
_SIGNATURES = ("image_feature_vector", "default", "serving_default")
_OUTPUT = "default"
# Tags of the graph for inference, in order of preference. TF Hub's has none.
_TAGS = ((), ("serve",))
_ATTACHMENTS = "hub_module_attachments"
_IMAGE_INFO = b"image_module_info"


@dataclass(frozen=True, slots=True)
class Module:
    """How to call a module.

    Attributes:
        tags: tags of its graph.
        signature: name of the signature to call, or None to call the module itself.
        output: name of the signature's result.
        image_size: side of its images in pixels, if the module states it.
        takes: description of the signature's inputs; empty without a signature.
    """

    tags: tuple[str, ...]
    signature: str | None
    output: str | None
    image_size: int | None
    takes: str


def read_module(folder: Path) -> Module:
    """Read a SavedModel folder.

    Raises:
        ModelError: the folder is no SavedModel, or nothing in it returns one feature vector per
            image.
    """
    graph = _chosen(_graphs(folder))
    tags = tuple(graph.meta_info_def.tags)
    name = next((name for name in _SIGNATURES if name in graph.signature_def), None)
    signature = None if name is None else graph.signature_def[name]
    size = None if signature is None else _image_size(signature)
    takes = "" if signature is None else _description(signature.inputs)
    size = size or _attached_size(graph)
    if _is_callable(graph):
        return Module(tags, None, None, size, takes)
    if signature is None:
        raise ModelError(
            "it is not callable and has no signature for image features. Expected "
            f"{', '.join(_SIGNATURES)}, received {', '.join(sorted(graph.signature_def)) or 'none'}"
        )
    if not any(_is_image(tensor) for tensor in signature.inputs.values()):
        raise ModelError(f"it takes no images. Expected float32 (N, H, W, 3), received {takes}")
    outputs = sorted(signature.outputs)
    if len(outputs) > 1 and _OUTPUT not in outputs:
        raise ModelError(f"it has several outputs, not one feature vector: {', '.join(outputs)}")
    return Module(tags, name, _OUTPUT if _OUTPUT in outputs else outputs[0], size, takes)


def _graphs(folder: Path) -> list[Any]:
    try:
        data = (folder / MODULE_FILE).read_bytes()
        graphs = list(saved_model_pb2.SavedModel.FromString(data).meta_graphs)
    except OSError as error:
        raise ModelError(f"its {MODULE_FILE} cannot be read: {error.strerror}") from error
    except DecodeError as error:
        raise ModelError(f"its {MODULE_FILE} is damaged or of another format: {error}") from error
    if not graphs:
        raise ModelError(f"its {MODULE_FILE} contains no graph")
    return graphs


def _chosen(graphs: list[Any]) -> Any:
    """Return the graph for inference."""
    by_tags = {tuple(graph.meta_info_def.tags): graph for graph in graphs}
    return next((by_tags[tags] for tags in _TAGS if tags in by_tags), graphs[0])


def _is_callable(graph: Any) -> bool:
    nodes = graph.object_graph_def.nodes
    return bool(nodes) and any(child.local_name == "__call__" for child in nodes[0].children)


def _is_image(tensor: Any) -> bool:
    return tensor.dtype == tf.float32.as_datatype_enum and len(tensor.tensor_shape.dim) == 4


def _image_size(signature: Any) -> int | None:
    """Return the side of the square images that a signature requires, or None."""
    for tensor in filter(_is_image, signature.inputs.values()):
        _, height, width, _ = (dim.size for dim in tensor.tensor_shape.dim)
        if height == width > 0:
            return int(height)
    return None


def _description(tensors: Any) -> str:
    return ", ".join(
        f"{tf.as_dtype(tensor.dtype).name} {tuple(dim.size for dim in tensor.tensor_shape.dim)}"
        for _, tensor in sorted(tensors.items())
    )


def _attached_size(graph: Any) -> int | None:
    """Return the image size that a TF1 module states as an attachment of its graph, or None.

    TF Hub's library no longer contains the messages (``module_attachment.proto``,
    ``image_module_info.proto``): an attachment has a key (1) and a value (2), here another
    message, whose size (1) has a height (1).
    """
    if _ATTACHMENTS not in graph.collection_def:
        return None
    for attachment in graph.collection_def[_ATTACHMENTS].bytes_list.value:
        if _IMAGE_INFO in attachment:
            return next(_numbers(attachment, (2, 1, 1)), None)
    return None


def _numbers(message: bytes, path: Sequence[int]) -> Iterator[int]:
    """Yield the numbers at a path of field numbers of a message of unknown type."""
    for field in UnknownFieldSet(Empty.FromString(message)):
        if field.field_number != path[0]:
            continue
        if len(path) == 1:
            yield int(field.data)
        else:
            yield from _numbers(field.data, path[1:])
