"""The only import of TensorFlow, tf-keras, TF Hub, Keras 3 and their protobuf messages.

Networks are built with tf-keras (``keras``), because TF Hub needs it. Only the augmentation layers
are Keras 3's (``keras3``), because tf-keras has no shear.

Other modules use ``from partsight_train.tensorflow_stack import tf``. The import takes seconds and
half a gigabyte of memory, so it happens only inside a command.
"""

from __future__ import annotations

import os

from partsight.utils.imports import import_fault
from partsight.utils.native_output import suppressed_stderr

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
# tensorflow-hub's layers are tf-keras layers, not Keras 3 layers.
os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
# Otherwise Keras 3 could use another installed library.
os.environ["KERAS_BACKEND"] = "tensorflow"

try:
    with suppressed_stderr():
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
