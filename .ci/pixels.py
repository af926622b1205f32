"""What the network sees of pictures of many kinds, as digests: the same on every machine.

usage: pixels.py PICTURES > DIGESTS
"""

import hashlib
import io
import sys

import numpy as np
from PIL import Image

from partsight.image.decode import decode
from partsight.image.preprocess import preprocess
from partsight.image.spec import PreprocessSpec

rng = np.random.default_rng(11)


def picture() -> np.ndarray:
    height, width = np.exp(rng.uniform(0, np.log(2000), 2)).astype(int)
    coarse = rng.integers(0, 256, (height // 9 + 1, width // 9 + 1, 3), np.uint8)
    smooth = Image.fromarray(coarse).resize((int(width), int(height)), Image.Resampling.BICUBIC)
    noise = rng.integers(-9, 10, (height, width, 3))
    return np.clip(np.asarray(smooth) + noise, 0, 255).astype(np.uint8)


def spec() -> PreprocessSpec:
    side = int(rng.choice([96, 160, 224, 260, 299]))
    corner, size = rng.uniform(0, 0.5, 2), rng.uniform(0.1, 0.5, 2)
    roi = (*map(float, corner), *map(float, size)) if rng.random() < 0.3 else None
    return PreprocessSpec(side, side, fit=str(rng.choice(["stretch", "letterbox"])), roi=roi)


def digest(seen: np.ndarray) -> str:
    return hashlib.sha256(seen.tobytes()).hexdigest()[:16]


for number in range(int(sys.argv[1])):
    pixels, wanted, file = picture(), spec(), io.BytesIO()
    mode = "L" if number % 2 else "RGB"
    Image.fromarray(pixels).convert(mode).save(file, "JPEG", quality=88, subsampling=number % 3)
    seen = digest(preprocess(decode(file.getvalue(), wanted), wanted))
    frame = digest(preprocess(pixels, wanted))
    sys.stdout.write(f"{number} {pixels.shape[:2]} {mode} {wanted}: file {seen}, frame {frame}\n")
