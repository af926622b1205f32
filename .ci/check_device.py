"""A device environment: TensorFlow is absent, and the shipped model judges pictures.

usage: check_device.py BIN_DIR PICTURES OUTPUT.jsonl
"""

import json
import subprocess
import sys
from pathlib import Path

bin_dir, pictures, output = map(Path, sys.argv[1:])
absent = "import importlib.util as u; assert not any(map(u.find_spec, ['tensorflow', 'tf_keras']))"
subprocess.run([bin_dir / "python", "-c", absent], check=True)
model = "models/sample-parts-int8.tflite"
subprocess.run([bin_dir / "partsight", "doctor"], check=True)
subprocess.run([bin_dir / "partsight", "classify", model, pictures, "-o", output], check=True)

rows = [json.loads(line) for line in output.read_text().splitlines()]
right = sum(row["label"] == Path(row["path"]).parent.name for row in rows)
sys.stdout.write(f"{right} of {len(rows)} right\n")
assert rows
assert right / len(rows) >= 0.95, "the model card promises 0.95"

missing = subprocess.run(
    [bin_dir / "partsight", "train", pictures, "-o", output.parent / "no-run"],
    capture_output=True,
    text=True,
    check=False,
)
assert missing.returncode == 1, missing
assert "partsight[train]" in missing.stderr, missing.stderr
assert missing.stderr.count("\n") == 1, missing.stderr
