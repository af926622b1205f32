"""Small modules of each kind that TF Hub has served."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from partsight_train.tensorflow_stack import tf

v1 = tf.compat.v1

SIDE, FEATURES, CLASSES = 32, 16, 10
# ModuleDef.format = FORMAT_V3, which marks TF Hub's own format.
_MODULE_DEF = b"\x08\x03"


def save_reusable(
    folder: Path, call: Any, takes: Any, variables: Sequence[Any] = (), *, callable_: bool = True
) -> Path:
    """Save a TensorFlow 2 module in TF Hub's format: call, variables, serving signature.

    Args:
        folder: the new folder.
        call: the function of the module.
        takes: the ``tf.TensorSpec`` of its input.
        variables: variables of the call, all trainable.
        callable_: False saves only the signature.
    """
    module = tf.train.Checkpoint()
    module.variables = module.trainable_variables = list(variables)
    function = tf.function(call, input_signature=[takes])
    if callable_:
        module.__call__ = function
    tf.saved_model.save(module, str(folder), signatures={"serving_default": function})
    return folder


def save_fine_tunable(folder: Path) -> Path:
    """Save a TensorFlow 2 module like those exported from TF-Slim: any size, and two modes.

    In training mode its features are zero, so that using the wrong mode is detected.
    """
    scale = tf.Variable(tf.ones(3))

    def call(images: Any, training: bool = False, batch_norm_momentum: Any = 0.99) -> Any:
        features = tf.reduce_mean(images, [1, 2]) * scale
        return features * 0.0 if training else features

    module = tf.train.Checkpoint()
    module.variables = module.trainable_variables = [scale]
    module.regularization_losses = []
    module.__call__ = tf.function(call)
    images = tf.TensorSpec((None, None, None, 3), tf.float32, "inputs")
    for training in (True, False):
        module.__call__.get_concrete_function(images, training, 0.99)
    serving = tf.function(lambda inputs: call(inputs), input_signature=[images])
    tf.saved_model.save(module, str(folder), signatures={"serving_default": serving})
    return folder


def save_tf1(
    folder: Path,
    *,
    side: int | None = SIDE,
    tags: Sequence[Sequence[str]] = (("train",), ()),
    names: Mapping[str, str] | None = None,
    attached_size: int | None = None,
    hub_format: bool = True,
) -> Path:
    """Save a TensorFlow 1 module: graphs for training and inference, called by signatures.

    Args:
        folder: the new folder.
        side: image side in pixels; None leaves it open.
        tags: tags of its graphs.
        names: signature to its output tensor, ``features`` or ``logits``.
        attached_size: the image size that an attachment states.
        hub_format: whether the module has TF Hub's marker.
    """
    names = names or {"default": "features", "image_feature_vector": "features"}
    builder = v1.saved_model.Builder(str(folder))
    for index, chosen in enumerate(tags):
        with v1.Graph().as_default() as graph, v1.Session() as session:
            signatures = _signatures(side, names)
            if attached_size is not None:
                v1.add_to_collection("hub_module_attachments", _attachment(attached_size))
            if index == 0:
                v1.set_random_seed(0)
                session.run(v1.global_variables_initializer())
                builder.add_meta_graph_and_variables(session, list(chosen), signatures)
            else:
                builder.add_meta_graph(list(chosen), signatures)
            del graph
    builder.save()
    if hub_format:
        (folder / "tfhub_module.pb").write_bytes(_MODULE_DEF)
    return folder


def _signatures(side: int | None, names: Mapping[str, str]) -> dict[str, Any]:
    images = v1.placeholder(tf.float32, (None, side, side, 3))
    kernel = v1.get_variable("kernel", (3, 3, 3, FEATURES))
    maps = tf.nn.relu(v1.nn.conv2d(images, kernel, strides=[1, 2, 2, 1], padding="SAME"))
    features = tf.reduce_mean(maps, [1, 2])
    logits = tf.matmul(features, v1.get_variable("logits", (FEATURES, CLASSES)))
    tensors = {"features": features, "logits": logits, "maps": maps}
    info = v1.saved_model.build_tensor_info
    return {
        name: v1.saved_model.build_signature_def(
            {"images": info(images)}, {"default": info(tensor)}
        )
        for name, tensor in ((name, tensors[output]) for name, output in names.items())
    }


def _attachment(size: int) -> bytes:
    """A ModuleAttachment: key 1, value 2; in it an ImageModuleInfo: size 1, with height 1."""
    assert 128 <= size < 1 << 14, "a varint of two bytes"
    number = bytes([size & 127 | 128, size >> 7])
    image_size = b"\x08" + number + b"\x10" + number
    info = b"\x0a" + bytes([len(image_size)]) + image_size
    key = b"image_module_info"
    return b"\x0a" + bytes([len(key)]) + key + b"\x12" + bytes([len(info)]) + info
