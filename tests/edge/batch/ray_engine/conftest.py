"""Images, and the rows of the local engine for them."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from click.testing import CliRunner, Result

from partsight.cli.main import main


@pytest.fixture(autouse=True)
def in_tmp_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def make_captured() -> Callable[[int], Path]:
    """So many pictures in two folders, every tenth of them damaged: 40 of them, linked again."""

    def make(count: int) -> Path:
        rng, folder = np.random.default_rng(0), Path("captured")
        for number in range(count):
            path = folder / f"line {number % 2}" / f"{number:04}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            if number >= 40:
                os.link(folder / f"line {number % 2}" / f"{number % 40:04}.png", path)
                continue
            image_bgr = cv2.resize(rng.integers(0, 256, (6, 6, 3), np.uint8), (240, 240))
            cv2.imwrite(str(path), image_bgr)
            if number % 10 == 0:
                path.write_bytes(b"no picture")
        return folder

    return make


@pytest.fixture
def run() -> Callable[..., Result]:
    """``partsight classify``, in this process."""

    def run(*arguments: object) -> Result:
        result = CliRunner().invoke(main, ["classify", *map(str, arguments)])
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return run


@pytest.fixture
def parquet() -> Any:
    return pytest.importorskip("pyarrow.parquet")


def require(package: str) -> None:
    """Skip if a package is missing, unless ``PARTSIGHT_REQUIRE_RAY=1`` is set."""
    if importlib.util.find_spec(package) is None:
        if os.environ.get("PARTSIGHT_REQUIRE_RAY") == "1":
            pytest.fail(f"no {package}, and PARTSIGHT_REQUIRE_RAY=1 asks for it")
        pytest.skip(f"no {package}")


@pytest.fixture(scope="session")
def ray_installed() -> None:
    require("ray")


@pytest.fixture(scope="session")
def moto_installed() -> None:
    require("moto")
