"""The device package is independent, and the names in ``__all__`` exist."""

from __future__ import annotations

import ast
import importlib
import pkgutil
from collections.abc import Callable
from pathlib import Path

import pytest

import partsight

MODULES = [
    module.name
    for module in pkgutil.walk_packages(partsight.__path__, "partsight.")
    if module.name != "partsight.__main__"
]

BLOCK_AND_IMPORT = """
import importlib, pkgutil, sys

class Block:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"tensorflow", "partsight_train", "tf_keras", "keras"}:
            raise ImportError("blocked: " + name)

sys.meta_path.insert(0, Block())
import partsight
names = [m.name for m in pkgutil.walk_packages(partsight.__path__, "partsight.")]
for name in names:
    if name != "partsight.__main__":
        importlib.import_module(name)
for name in partsight.__all__:
    getattr(partsight, name)
print(len(names))
"""


def test_every_module_loads_without_tensorflow_and_the_training_package(
    run_python: Callable,
) -> None:
    done = run_python("-c", BLOCK_AND_IMPORT)

    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 30


def test_help_loads_nothing_heavy(run_python: Callable) -> None:
    """It must come at once, and where any of these is broken."""
    done = run_python(
        "-c",
        "import sys\n"
        "from partsight.cli.main import main\n"
        "main(['--help'], standalone_mode=False)\n"
        "print(sorted({'numpy', 'cv2', 'PIL', 'tensorflow', 'ai_edge_litert', 'tflite_runtime'}"
        " & set(sys.modules)))",
    )

    assert done.returncode == 0, done.stderr
    assert "Example:" in done.stdout
    assert done.stdout.splitlines()[-1] == "[]"


def test_only_one_file_names_and_one_imports_a_runtime() -> None:
    root = Path(partsight.__file__).parent
    texts = {
        path.relative_to(root).as_posix(): path.read_text("utf-8") for path in root.rglob("*.py")
    }
    assert [name for name in texts if "ai_edge_litert" in texts[name]] == ["inference/runtimes.py"]
    assert [name for name in texts if "import_module(runtime" in texts[name]] == [
        "inference/interpreter.py"
    ]


@pytest.mark.parametrize("package", ["cv2", "PIL"])
def test_opencv_and_pillow_are_imported_by_one_module_each(package: str) -> None:
    """OpenCV in ``utils.opencv``, Pillow in the module that decodes."""
    homes = {"cv2": {"utils/opencv.py"}, "PIL": {"image/decode.py"}}
    root = Path(partsight.__file__).parent
    importers = set()
    for path in root.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.module:
                names.append(node.module)
            if any(name.partition(".")[0] == package for name in names):
                importers.add(path.relative_to(root).as_posix())
    assert importers == homes[package]


@pytest.mark.parametrize("name", MODULES)
def test_names_in_all_exist(name: str) -> None:
    module = importlib.import_module(name)

    assert module.__doc__
    for promised in getattr(module, "__all__", ()):
        assert hasattr(module, promised), promised


def test_the_public_names() -> None:
    assert partsight.__all__ == [
        "Classifier",
        "PartsightError",
        "ImageResult",
        "Prediction",
        "Verdict",
    ]
    for name in partsight.__all__:
        assert getattr(partsight, name).__name__ == name


def test_other_names_are_refused() -> None:
    with pytest.raises(AttributeError, match="no attribute 'classifier'"):
        _ = partsight.classifier
