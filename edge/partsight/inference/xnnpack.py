"""Switches on XNNPACK's int8 kernels in tflite-runtime, where they are off by default.

ai-edge-litert runs int8 models with XNNPACK. tflite-runtime 2.14 contains the same library and uses
it for float models only. Its own int8 kernels are about 20 times slower on x86-64 and round
differently, which changes the label of one image in sixty. The shared object of tflite-runtime
exports the C interface of the delegate (tensorflow/lite/delegates/xnnpack/xnnpack_delegate.h at
v2.14), with the flags for int8; this module calls it.
"""

from __future__ import annotations

import ctypes
from pathlib import Path

__all__ = ["XnnpackDelegate"]

# TFLITE_XNNPACK_DELEGATE_FLAG_QS8 | TFLITE_XNNPACK_DELEGATE_FLAG_QU8
_INT8_FLAGS = 0x1 | 0x2


class _Options(ctypes.Structure):
    """``TfLiteXNNPackDelegateOptions``: the fields used here, then space for all others.

    The C functions read and write it by address; the space is larger than in any known version.
    """

    _fields_ = (
        ("num_threads", ctypes.c_int32),
        ("flags", ctypes.c_uint32),
        ("rest", ctypes.c_uint8 * 120),
    )


class XnnpackDelegate:
    """A delegate for the argument ``experimental_delegates`` of tflite-runtime.

    Args:
        library: the runtime's shared object.
        threads: maximum number of threads.

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
        if self._pointer is None:  # for example if it cannot identify the processor
            raise OSError("XNNPACK does not start on this machine")

    def _get_native_delegate_pointer(self) -> int | None:
        """The address of the delegate; tflite-runtime calls this name."""
        return self._pointer

    def __del__(self) -> None:
        # tflite-runtime releases its delegates after the interpreter that uses them.
        pointer, self._pointer = getattr(self, "_pointer", None), None
        if pointer:
            self._library.TfLiteXNNPackDelegateDelete(pointer)
