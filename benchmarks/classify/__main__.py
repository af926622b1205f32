"""How fast many pictures are classified, against the ideal and against others, and in what room.

    pip install -c constraints.txt '.[litert]'
    python benchmarks/classify MODEL PICTURES [small] [colour] [large] [scaled] [memory] \
      [--openvino PYTHON] [--mediapipe PYTHON]

PICTURES is a folder of small JPEGs. The interpreters of others are of environments with
tests/interop/requirements-openvino.txt and opencv-python, and requirements-mediapipe.txt.

small: the rate over PICTURES against the ideal (cores by the seconds that the stages of one picture
    take alone), two processes of one thread each, which is what this machine's cores reach
    together, and OpenVINO's queue.
colour: the same pictures as colour JPEGs against the loop of MediaPipe, which fails on grey ones.
large: JPEGs of 12 megapixels against the loop of TFLite's label_image example.
scaled: what decoding these at a fraction changes in the network's input and in verdicts.
memory: what 'partsight classify' holds at most over 100,000 pictures; takes minutes, and runs only
    when it is named.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path

import cv2
from large import large, scaled
from memory import memory
from rounds import Contender, in_turns, table

# All contenders of one runtime have the same one.
os.environ["PARTSIGHT_RUNTIME"] = "litert"


def small(model: str, pictures: Path, openvino: str | None) -> None:
    """Print the rates over small pictures."""
    wanted = {
        "ideal": "wanted: at least x0.90",
        "openvino_default": "wanted: at least x1.0",
        "openvino_throughput": "wanted: at least x1.0",
    }
    contenders = [Contender(name, model, pictures) for name in ("partsight", "ideal")]
    contenders.append(Contender("one_loop", model, pictures, copies=2))
    if openvino:
        for name in ("openvino_default", "openvino_throughput"):
            contenders.append(Contender(name, model, pictures, openvino))
    table(in_turns(contenders, "partsight"), "partsight", wanted)


def colour(model: str, pictures: Path, mediapipe: str) -> None:
    """Print the rates over the same in colour: MediaPipe fails on JPEGs that are grey."""
    with tempfile.TemporaryDirectory() as folder:
        for number, path in enumerate(sorted(pictures.rglob("*.jpg"))):
            cv2.imwrite(f"{folder}/{number:05}.jpg", cv2.imread(str(path), cv2.IMREAD_COLOR))
        contenders = [
            Contender("partsight", model, Path(folder)),
            Contender("mediapipe", model, Path(folder), mediapipe),
        ]
        table(
            in_turns(contenders, "partsight"), "partsight", {"mediapipe": "wanted: at least x1.5"}
        )


def main() -> None:
    """Run the parts that were named; without any, all that take seconds."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model")
    parser.add_argument("pictures", type=Path)
    parser.add_argument("parts", nargs="*")
    parser.add_argument("--openvino", metavar="PYTHON")
    parser.add_argument("--mediapipe", metavar="PYTHON")
    asked = parser.parse_args()
    parts = {
        "small": lambda *given: small(*given, asked.openvino),
        "colour": lambda *given: colour(*given, asked.mediapipe),
        "large": large,
        "scaled": scaled,
        "memory": memory,
    }
    usual = ["small", *(["colour"] if asked.mediapipe else []), "large", "scaled"]
    for part in asked.parts or usual:
        print(f"-- {part}", flush=True)
        parts[part](asked.model, asked.pictures)


if __name__ == "__main__":
    main()
