"""Safe reader of legacy torch checkpoints (before torch 1.6), without torch.

A checkpoint is a pickle, and a pickle may run any code. This reader accepts four globals and
rejects all others, so a hostile file is only rejected.

The format: three small pickles (magic number, version, system), the pickle of an ordered dictionary
whose tensors refer to storages, a pickle with the keys of the storages, then each storage as a
little-endian element count and its elements.
"""

from __future__ import annotations

import io
import pickle
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from partsight.errors import ModelError

__all__ = ["read_state_dict"]

_MAGIC_NUMBER = 0x1950A86A20F9469CFC6C
_PROTOCOL_VERSION = 1001
_STORAGE_DTYPES = {"FloatStorage": np.dtype("<f4"), "LongStorage": np.dtype("<i8")}


@dataclass(frozen=True, slots=True)
class _Tensor:
    """A view of a storage, as the pickle describes it; offset, shape and stride are in elements."""

    storage: str
    dtype: np.dtype[Any]
    offset: int
    shape: tuple[int, ...]
    stride: tuple[int, ...]


class _RestrictedUnpickler(pickle.Unpickler):
    """Unpickles an ordered dictionary of float and long tensors, and nothing else."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _rebuild
        if module == "torch" and name in _STORAGE_DTYPES:
            return _STORAGE_DTYPES[name]
        raise pickle.UnpicklingError(f"it requires {module}.{name}")

    def persistent_load(self, pid: Any) -> tuple[str, np.dtype[Any]]:
        kind, dtype, key, _device, _count, view = pid
        if kind != "storage" or view is not None:
            raise pickle.UnpicklingError(f"it has a {kind!r} instead of a storage")
        return str(key), dtype


def _rebuild(
    storage: tuple[str, np.dtype[Any]],
    offset: int,
    shape: tuple[int, ...],
    stride: tuple[int, ...],
    *_unused: object,
) -> _Tensor:
    return _Tensor(*storage, offset, tuple(shape), tuple(stride))


def read_state_dict(data: bytes) -> Mapping[str, NDArray[Any]]:
    """Read every tensor of a legacy checkpoint.

    Args:
        data: the whole file.

    Returns:
        Name to array (float32 or int64), in the file's order.

    Raises:
        ModelError: not a legacy checkpoint, damaged, or with anything but tensors.
    """
    stream = io.BytesIO(data)
    try:
        header = [_load(stream) for _ in range(3)]
        if header[:2] != [_MAGIC_NUMBER, _PROTOCOL_VERSION]:
            raise pickle.UnpicklingError("it does not begin like a legacy torch file")
        tensors: dict[str, _Tensor] = _load(stream)
        dtypes = {tensor.storage: tensor.dtype for tensor in tensors.values()}
        storages = {key: _read_storage(stream, dtypes[key]) for key in _load(stream)}
        return {name: _view(tensor, storages) for name, tensor in tensors.items()}
    except (pickle.UnpicklingError, EOFError, KeyError, TypeError, ValueError) as error:
        raise ModelError(
            f"these weights cannot be read: {error}. "
            "Expected a legacy torch checkpoint of float tensors; reinstall its package."
        ) from error


def _load(stream: io.BytesIO) -> Any:
    return _RestrictedUnpickler(stream).load()


def _read_storage(stream: io.BytesIO, dtype: np.dtype[Any]) -> NDArray[Any]:
    count = int.from_bytes(stream.read(8), "little")
    data = stream.read(count * dtype.itemsize)
    return np.frombuffer(data, dtype, count)


def _view(tensor: _Tensor, storages: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
    flat = storages[tensor.storage]
    steps = zip(tensor.shape, tensor.stride, strict=True)
    last = tensor.offset + sum((size - 1) * stride for size, stride in steps)
    if min((*tensor.shape, *tensor.stride, 1 + tensor.offset)) < 1 or last >= flat.size:
        # as_strided would otherwise expose memory outside the file's data.
        raise ValueError("a tensor reaches beyond its storage")
    strides = [stride * flat.itemsize for stride in tensor.stride]
    return as_strided(flat[tensor.offset :], tensor.shape, strides).copy()
