"""XNNPACK's int8 kernels for tflite-runtime, which has them but leaves them off.

ai-edge-litert runs int8 models by XNNPACK. tflite-runtime 2.14 carries the same library
and uses it for float models only; for int8 it falls back to portable kernels that on
x86-64 are about 20 times slower and that round differently, enough to turn the label of
one picture in sixty. Its shared object exports the delegate's C interface
(tensorflow/lite/delegates/xnnpack/xnnpack_delegate.h at v2.14), with the flags for int8;
this module calls it. Called by ``interpreter`` alone.
"""

from __future__ import annotations

import ctypes
from pathlib import Path

__all__ = ["XnnpackDelegate"]

# TFLITE_XNNPACK_DELEGATE_FLAG_QS8 | TFLITE_XNNPACK_DELEGATE_FLAG_QU8
_INT8_FLAGS = 0x1 | 0x2


class _Options(ctypes.Structure):
    """``TfLiteXNNPackDelegateOptions``: the fields that are set here, then room for the rest.

    The C functions fill and read it by address; the room is larger than any version's rest.
    """

    _fields_ = (
        ("num_threads", ctypes.c_int32),
        ("flags", ctypes.c_uint32),
        ("rest", ctypes.c_uint8 * 120),
    )


class XnnpackDelegate:
    """A delegate as tflite-runtime's ``experimental_delegates`` takes it.

    Args:
        library: the runtime's shared object.
        threads: how many it may use.

    Raises:
        OSError: the library cannot be opened, or XNNPACK does not start on this machine.
        AttributeError: it does not export the delegate.
    """

    def __init__(self, library: Path, threads: int) -> None:
        self._library = ctypes.CDLL(str(library))
        default, create = (
            self._library.TfLiteXNNPackDelegateOptionsDefault,
            self._library.TfLiteXNNPackDelegateCreate,
        )
        default.restype = _Options
        create.restype, create.argtypes = ctypes.c_void_p, [ctypes.POINTER(_Options)]
        self._library.TfLiteXNNPackDelegateDelete.argtypes = [ctypes.c_void_p]
        options = default()
        options.num_threads = threads
        options.flags |= _INT8_FLAGS
        self._pointer: int | None = create(ctypes.byref(options))
        if self._pointer is None:  # so where it cannot read what processor this is
            raise OSError("XNNPACK does not start on this machine")

    def _get_native_delegate_pointer(self) -> int | None:
        """The name under which tflite-runtime asks a delegate for its address."""
        return self._pointer

    def __del__(self) -> None:
        # tflite-runtime drops its delegates after the interpreter that uses them.
        pointer, self._pointer = getattr(self, "_pointer", None), None
        if pointer:
            self._library.TfLiteXNNPackDelegateDelete(pointer)
