"""The restricted reader of legacy torch files, tested with a writer of the same format."""

from __future__ import annotations

import io
import os
import pickle
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from partsight.errors import ModelError
from partsight_train.backbones.torch_weights import read_state_dict


class Global:
    """Pickles as a reference to ``module.name``, which may be missing here."""

    def __init__(self, module: str, name: str) -> None:
        self.module, self.name = module, name


class Storage:
    def __init__(self, kind: str, key: str, count: int) -> None:
        self.pid = ("storage", Global("torch", kind), key, "cpu", count, None)


class Tensor:
    def __init__(self, storage: Storage, offset: int, shape: tuple[int, ...], stride: Any) -> None:
        self.arguments = (storage, offset, shape, stride, False, OrderedDict())


class TorchPickler(pickle._Pickler):  # the Python one: its dispatch can be extended
    def persistent_id(self, obj: Any) -> Any:
        return obj.pid if isinstance(obj, Storage) else None

    def save(self, obj: Any, save_persistent_id: bool = True) -> None:
        if isinstance(obj, Global):
            self.write(pickle.GLOBAL + f"{obj.module}\n{obj.name}\n".encode())
        elif isinstance(obj, Tensor):
            self.save(Global("torch._utils", "_rebuild_tensor_v2"))
            self.save(obj.arguments)
            self.write(pickle.REDUCE)
        else:
            super().save(obj, save_persistent_id)


def torch_file(tensors: OrderedDict[str, Any], storages: dict[str, NDArray[Any]]) -> bytes:
    stream = io.BytesIO()
    for header in (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}):
        pickle.dump(header, stream, protocol=2)
    TorchPickler(stream, protocol=2).dump(tensors)
    pickle.dump(list(storages), stream, protocol=2)
    for array in storages.values():
        stream.write(array.size.to_bytes(8, "little") + array.tobytes())
    return stream.getvalue()


FLOATS = np.arange(24, dtype="<f4")
COUNTS = np.array([7], dtype="<i8")


def example() -> bytes:
    floats, counts = Storage("FloatStorage", "0", 24), Storage("LongStorage", "1", 1)
    tensors = OrderedDict(
        plain=Tensor(floats, 0, (2, 3, 4), (12, 4, 1)),
        transposed=Tensor(floats, 0, (4, 6), (1, 4)),
        offset=Tensor(floats, 20, (4,), (1,)),
        scalar=Tensor(counts, 0, (), ()),
    )
    return torch_file(tensors, {"0": FLOATS, "1": COUNTS})


def test_every_tensor_is_read() -> None:
    arrays = read_state_dict(example())
    assert list(arrays) == ["plain", "transposed", "offset", "scalar"]
    np.testing.assert_array_equal(arrays["plain"], FLOATS.reshape(2, 3, 4))
    np.testing.assert_array_equal(arrays["transposed"], FLOATS.reshape(6, 4).T)
    np.testing.assert_array_equal(arrays["offset"], FLOATS[20:])
    assert arrays["scalar"] == 7
    assert arrays["scalar"].dtype == np.int64


def one_tensor(offset: int, shape: tuple[int, ...], stride: tuple[int, ...]) -> bytes:
    tensor = Tensor(Storage("FloatStorage", "0", 24), offset, shape, stride)
    return torch_file(OrderedDict(x=tensor), {"0": FLOATS})


@pytest.mark.parametrize(
    ("data", "exception"),
    [
        (b"", ModelError),
        (b"garbage", ModelError),
        (pickle.dumps({"a": 1}), ModelError),
        (example()[:200], ModelError),
        (example()[:-5], ModelError),
        (one_tensor(1, (24,), (1,)), ModelError),
        (one_tensor(-1, (2,), (1,)), ModelError),
        (one_tensor(0, (2, 24), (24, 1)), ModelError),
        (one_tensor(20, (6,), (-1,)), ModelError),
        (torch_file(OrderedDict(x=Global("torch", "HalfStorage")), {}), ModelError),
    ],
)
def test_an_invalid_checkpoint_is_refused(data: bytes, exception: type[Exception]) -> None:
    with pytest.raises(exception, match="cannot be read"):
        read_state_dict(data)


class Hostile:
    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.marker),)


def test_a_hostile_pickle_is_refused_and_not_executed(tmp_path: Path) -> None:
    marker = tmp_path / "was-run"
    with pytest.raises(ModelError, match="it requires"):
        read_state_dict(pickle.dumps(Hostile(marker)))
    assert not marker.exists()
