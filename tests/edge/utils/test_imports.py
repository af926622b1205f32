"""A package that cannot be imported is reported with its real cause."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from partsight.utils.imports import import_fault


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        pytest.param(
            ModuleNotFoundError("No module named 'no_such_package'", name="no_such_package"),
            "not installed. Run pip install 'partsight[x]'",
            id="absent",
        ),
        pytest.param(
            ModuleNotFoundError("No module named 'json.no_such_part'", name="json.no_such_part"),
            "cannot be loaded: No module named 'json.no_such_part'. Run pip install",
            id="another version",
        ),
        pytest.param(
            ImportError("libGL.so.1: cannot open shared object file: No such file or directory"),
            "apt-get install libgl1",
            id="system library",
        ),
        pytest.param(
            ImportError("cv2.abi3.so: failed to map segment from shared object"),
            "Free memory on this machine",
            id="memory",
        ),
        pytest.param(
            ImportError("/lib/libc.so.6: version `GLIBC_2.34' not found"),
            "Use a newer system",
            id="old system",
        ),
        pytest.param(
            ImportError("numpy.core.multiarray failed to import"),
            "does not fit the installed NumPy",
            id="numpy",
        ),
        pytest.param(
            ImportError("x.so: wrong ELF class: ELFCLASS32"),
            "another kind of machine",
            id="machine",
        ),
    ],
)
def test_the_cause_and_the_step_that_fixes_it(error: ImportError, expected: str) -> None:
    fault = import_fault("X", "x", "partsight[x]", error, "apt-get install libgl1")
    assert str(fault).startswith("X needs the package x, which ")
    assert expected in str(fault)
    assert "\n" not in str(fault)


@pytest.mark.skipif(sys.platform != "linux", reason="a limit of Linux")
@pytest.mark.parametrize("mebibytes", [100, 200, 300])
def test_a_limit_on_memory_is_named(model_path: Path, tmp_path: Path, mebibytes: int) -> None:
    Image.new("RGB", (64, 64)).save(tmp_path / "part.png")
    command = f"ulimit -v {mebibytes * 1024}; exec {sys.executable} -m partsight classify"
    done = subprocess.run(
        ["/bin/sh", "-c", f"{command} {model_path} {tmp_path}"],
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1, done.stderr
    line = done.stderr.splitlines()[-1]  # before it, what the runtime itself says
    assert f"limited to {mebibytes} MiB (ulimit -v)" in line
    assert "libgl1" not in line
