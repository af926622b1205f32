"""Pictures of 12 megapixels: their rate, and what decoding them at a fraction changes."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from rounds import Contender, in_turns, table

WIDTH_HEIGHT = (4000, 3000)
COUNT = 24
# Images per side of a mosaic, which gives details as fine as those of a sharp camera.
MOSAIC = 10


def large(model: str, pictures: Path) -> None:
    """Print partsight's rate against that of TFLite's example."""
    with tempfile.TemporaryDirectory() as folder:
        sizes = [write(folder, number, image) for number, image in enumerate(mosaics(pictures))]
        print(f"{len(sizes)} JPEGs of 12 megapixels, {sum(sizes) / len(sizes) / 1e6:.1f} MB each")
        names = ("partsight", "label_image")
        rounds = in_turns((Contender(name, model, Path(folder)) for name in names), "partsight")
    table(rounds, "partsight", {"label_image": "wanted: at least x3"})


def scaled(model: str, pictures: Path) -> None:
    """Print by how many levels the network's input differs, and how many verdicts do."""
    from partsight.api import Classifier
    from partsight.image.decode import decode

    classifier = Classifier.load(model)
    spec = classifier.contract.preprocess
    kinds = {"mosaics": mosaics, "real, enlarged": enlarged, "parts, enlarged": parts}
    for kind, images in kinds.items():
        means, most, changed, scores = [], 0, 0, []
        with tempfile.TemporaryDirectory() as folder:
            for number, image in enumerate(images(pictures)):
                write(folder, number, image)
                path = Path(folder, f"{number}.jpg")
                seen = [classifier.prepare(each) for each in (decode(path), decode(path, spec))]
                difference = cv2.absdiff(*seen)
                means.append(difference.mean())
                most = max(most, int(difference.max()))
                whole, fraction = (classifier.predict(each) for each in seen)
                changed += classifier.decide(whole) != classifier.decide(fraction)
                scores += [abs(whole.scores[key] - fraction.scores[key]) for key in whole.scores]
        print(
            f"{kind:16} {len(means)} pictures: {np.mean(means):.3f} levels of 255 on average, "
            f"{most} at most; scores differ by {max(scores):.3f} at most; "
            f"{changed} verdicts changed, wanted: 0"
        )


def write(folder: str, number: int, image: np.ndarray) -> int:
    """Write a JPEG of quality 90; its bytes."""
    path = Path(folder, f"{number}.jpg")
    cv2.imwrite(str(path), image, [cv2.IMWRITE_JPEG_QUALITY, 90])
    return path.stat().st_size


def enlarged(pictures: Path) -> Iterator[np.ndarray]:
    """Real pictures of all labels, each enlarged."""
    for path in chosen(pictures, COUNT):
        yield cv2.resize(cv2.imread(path), WIDTH_HEIGHT, interpolation=cv2.INTER_CUBIC)


def mosaics(pictures: Path) -> Iterator[np.ndarray]:
    """Each of a hundred real pictures, enlarged less."""
    width, height = WIDTH_HEIGHT[0] // MOSAIC, WIDTH_HEIGHT[1] // MOSAIC
    paths = np.random.default_rng(0).permutation(chosen(pictures, COUNT * MOSAIC))
    for number in range(COUNT):
        tiles = [
            cv2.resize(cv2.imread(str(path)), (width, height), interpolation=cv2.INTER_CUBIC)
            for path in np.roll(paths, -number * MOSAIC)[: MOSAIC * MOSAIC]
        ]
        rows = [np.hstack(tiles[row : row + MOSAIC]) for row in range(0, len(tiles), MOSAIC)]
        yield np.vstack(rows)


def parts(_: Path) -> Iterator[np.ndarray]:
    """Rendered parts, which the model of this repository was made for, each enlarged."""
    from partsight.sample_data import LABELS, render_part

    for number in range(4 * COUNT):
        image = render_part(LABELS[number % len(LABELS)], number // len(LABELS), seed=7)
        yield cv2.resize(image, WIDTH_HEIGHT, interpolation=cv2.INTER_CUBIC)


def chosen(pictures: Path, count: int) -> list[str]:
    """So many of the pictures, evenly over all labels."""
    paths = sorted(str(path) for path in pictures.rglob("*.jpg"))
    if len(paths) < count:
        sys.exit(f"expected {count} pictures below {pictures} at least, received {len(paths)}")
    return [paths[index] for index in np.linspace(0, len(paths) - 1, count).astype(int)]
