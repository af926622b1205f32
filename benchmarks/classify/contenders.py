"""Who classifies a folder of pictures: each is a process that answers rounds on stdin.

    python contenders.py NAME MODEL FOLDER

It prints ``ready``; then, for each line that it reads, it classifies all pictures once and prints
a JSON object: ``rate`` in images per second, and ``cpu_s``, the processor time of all cores for
``pictures`` images. Imports partsight only to measure it, so that it runs in the
environments of others, too.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

SIDE = 224
# Classifies all pictures once; None, or the rate where that is not pictures by seconds.
Round = Callable[[], "float | None"]


def partsight(model: str, paths: Sequence[str]) -> Round:
    """``Classifier.classify_files`` as it comes."""
    from partsight.api import Classifier

    classifier = Classifier.load(model)

    def run() -> None:
        assert all(result.error is None for result in classifier.classify_files(paths))

    return run


def ideal(model: str, paths: Sequence[str]) -> Round:
    """Cores by the seconds of decode, preprocess and invoke, each measured alone on one thread."""
    import cv2
    import numpy as np

    from partsight.api import Classifier
    from partsight.image.decode import decode

    cv2.setNumThreads(1)
    classifier = Classifier.load(model, threads=1)
    spec, invoke = classifier.contract.preprocess, classifier.interpreter.invoke

    def run() -> float:
        seconds = [0.0, 0.0, 0.0]
        for path in paths:
            moments = [time.perf_counter()]
            image = decode(Path(path), spec)
            moments.append(time.perf_counter())
            tensor = classifier._feed(classifier.prepare(image))[np.newaxis]
            moments.append(time.perf_counter())
            invoke(tensor)
            moments.append(time.perf_counter())
            for stage, (start, end) in enumerate(zip(moments, moments[1:], strict=False)):
                seconds[stage] += end - start
        return (os.cpu_count() or 1) * len(paths) / sum(seconds)

    return run


def one_loop(model: str, paths: Sequence[str]) -> Round:
    """The same, whole, in a loop of one thread."""
    import cv2

    from partsight.api import Classifier
    from partsight.image.decode import decode

    cv2.setNumThreads(1)
    classifier = Classifier.load(model, threads=1)

    def run() -> None:
        for path in paths:
            classifier.classify([decode(Path(path), classifier.contract.preprocess)])

    return run


def label_image(model: str, paths: Sequence[str]) -> Round:
    """The loop of TFLite's example: Pillow opens and resizes, one interpreter on two threads."""
    import numpy as np
    from ai_edge_litert.interpreter import Interpreter
    from PIL import Image

    interpreter = Interpreter(model_path=model, num_threads=2)
    interpreter.allocate_tensors()
    (taken,), (given,) = interpreter.get_input_details(), interpreter.get_output_details()

    def run() -> None:
        for path in paths:
            picture = Image.open(path).convert("RGB").resize((SIDE, SIDE))
            interpreter.set_tensor(taken["index"], np.expand_dims(picture, 0))
            interpreter.invoke()
            interpreter.get_tensor(given["index"])

    return run


def openvino(model: str, paths: Sequence[str], hint: dict[str, str]) -> Round:
    """OpenVINO's queue of asynchronous requests, fed by OpenCV."""
    import cv2
    import openvino

    compiled = openvino.Core().compile_model(model, "CPU", hint)
    queue = openvino.AsyncInferQueue(compiled)
    queue.set_callback(lambda request, _: request.get_output_tensor().data[0].copy())

    def run() -> None:
        for path in paths:
            picture = cv2.resize(cv2.imread(path), (SIDE, SIDE))
            queue.start_async({0: cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)[None]})
        queue.wait_all()

    return run


def openvino_default(model: str, paths: Sequence[str]) -> Round:
    """As it comes."""
    return openvino(model, paths, {})


def openvino_throughput(model: str, paths: Sequence[str]) -> Round:
    """With the hint that OpenVINO documents for many pictures."""
    return openvino(model, paths, {"PERFORMANCE_HINT": "THROUGHPUT"})


def mediapipe(model: str, paths: Sequence[str]) -> Round:
    """MediaPipe's ImageClassifier, as its guide loops over files."""
    import mediapipe as mp
    from mediapipe.tasks.python.vision import ImageClassifier

    judge: Any = ImageClassifier.create_from_model_path(model)

    def run() -> None:
        for path in paths:
            judge.classify(mp.Image.create_from_file(path))

    return run


CONTENDERS = {
    each.__name__: each
    for each in (
        partsight,
        ideal,
        one_loop,
        label_image,
        openvino_default,
        openvino_throughput,
        mediapipe,
    )
}


def main(name: str, model: str, folder: str) -> None:
    """Answer rounds until stdin ends."""
    paths = sorted(str(path) for path in Path(folder).rglob("*.jpg"))
    run = CONTENDERS[name](model, paths)
    run()  # files, caches and lazy parts are warm for all
    print("ready", flush=True)
    for _ in sys.stdin:
        started, cpu_s = time.perf_counter(), time.process_time()
        rate = run() or len(paths) / (time.perf_counter() - started)
        cpu_s = time.process_time() - cpu_s
        answer = {"rate": rate, "cpu_s": cpu_s, "pictures": len(paths)}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
