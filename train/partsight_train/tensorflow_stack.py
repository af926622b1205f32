"""The one import of TensorFlow, tf-keras, TF Hub, Keras 3 and the protobuf below them.

Networks are built with tf-keras (``keras``), as TF Hub needs it; only the layers that vary
pictures are Keras 3's (``keras3``): tf-keras has no shear.

Everything that needs them says ``from partsight_train.tensorflow_stack import tf``. It
costs seconds and half a gigabyte, so it is reached only from inside a command.
"""

from __future__ import annotations

import os

from partsight.utils.imports import import_fault
from partsight.utils.native_output import held_stderr

__all__ = [
    "DecodeError",
    "Empty",
    "UnknownFieldSet",
    "freeze",
    "hub",
    "keras",
    "keras3",
    "quantize_calibrated",
    "saved_model_pb2",
    "schema",
    "tf",
]

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# tensorflow-hub loads modules as tf-keras layers; a Keras 3 layer it is not.
os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
# Keras 3 could run on another library that is installed.
os.environ["KERAS_BACKEND"] = "tensorflow"

try:
    with held_stderr():
        import keras as keras3
        import tensorflow as tf
        import tensorflow_hub as hub
        import tf_keras as keras
        from google.protobuf.empty_pb2 import Empty
        from google.protobuf.message import DecodeError
        from google.protobuf.unknown_fields import UnknownFieldSet
        from tensorflow.core.protobuf import saved_model_pb2
        from tensorflow.lite.python import schema_py_generated as schema
        from tensorflow.lite.python.convert import mlir_quantize as quantize_calibrated
        from tensorflow.python.framework.convert_to_constants import (
            convert_variables_to_constants_v2 as freeze,
        )
except ImportError as error:
    raise import_fault("training", "tensorflow", "partsight[train]", error) from error

tf.get_logger().setLevel("ERROR")
