"""What ``--engine ray`` gives for 1 and 2 workers, beside the local engine, and what rows weigh.

    python benchmarks/ray_engine.py MODEL [COUNT | FOLDER]

Renders sample images (default 6000) into a temporary folder, or takes those of a folder,
and judges them by either engine, in turns, on Ray's own test cluster of two nodes of a core each. A
rate is that between a run over a sixth of the pictures and one over all, so that what a start costs
is distinguished. Needs the extra ``ray``, and a machine of two idle cores at least. The figures are
those of docs/scaling.md.
"""

from __future__ import annotations

import os
import secrets
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet

from partsight.batch.ray_engine.plan import Planner
from partsight.sample_data.write import write_sample_data

ROUNDS = 3
PART_ROWS = 100
STORE_BYTES = 80_000_000


def seconds(model: str, pictures: list[Path], output: str, *more: str) -> float:
    """Of one run, from its command to its end."""
    Path("list.txt").write_text("\n".join(map(str, pictures)))
    arguments = ("classify", model, "list.txt", "-o", output, "--quiet", *more)
    before = time.perf_counter()
    subprocess.run([sys.executable, "-m", "partsight", *arguments], check=True)
    return time.perf_counter() - before


def measure(run: Callable[[list[Path], str], float], pictures: list[Path]) -> tuple[float, float]:
    """Pictures a second, and the seconds of a start."""
    some = pictures[: len(pictures) // 6]
    few = run(some, f"few-{secrets.token_hex(4)}")
    whole = run(pictures, f"all-{secrets.token_hex(4)}")
    rate = (len(pictures) - len(some)) / (whole - few)
    return rate, whole - len(pictures) / rate


def main(model: str, given: str) -> None:
    """Print one row per setting, then the estimate for 100 million images."""
    from ray.cluster_utils import Cluster

    if given.isdigit():
        write_sample_data(Path("parts"), per_label=int(given) // 2, seed=7)
    else:
        Path("parts").symlink_to(given)
    pictures = sorted(Path("parts").glob("**/*.jpg"))
    size = statistics.mean(picture.stat().st_size for picture in pictures)
    print(f"{len(pictures)} pictures of {size:.0f} bytes")
    cluster = Cluster(
        initialize_head=True,
        head_node_args={
            "num_cpus": 1,
            "include_dashboard": False,
            "object_store_memory": STORE_BYTES,
        },
    )
    cluster.add_node(num_cpus=1, object_store_memory=STORE_BYTES)
    on_cluster = ("--engine", "ray", "--ray-address", cluster.address)

    def by(engine: str, workers: int) -> Callable[[list[Path], str], float]:
        more = ("--workers", str(workers))
        if engine == "local":
            return lambda some, name: seconds(model, some, f"{name}.parquet", *more)
        parts = ("--rows-per-file", str(PART_ROWS))
        return lambda some, name: seconds(model, some, f"{name}/", *more, *parts, *on_cluster)

    settings = [(engine, workers) for engine in ("local", "ray") for workers in (1, 2)]
    rates: dict[tuple[str, int], list[float]] = {setting: [] for setting in settings}
    starts: dict[tuple[str, int], list[float]] = {setting: [] for setting in settings}
    for _ in range(ROUNDS):
        for setting in settings:
            rate, start = measure(by(*setting), pictures)
            rates[setting].append(rate)
            starts[setting].append(start)
    for engine in ("local", "ray"):
        ratios = [two / one for one, two in zip(rates[engine, 1], rates[engine, 2], strict=True)]
        for workers in (1, 2):
            median = statistics.median(rates[engine, workers])
            start = statistics.median(starts[engine, workers])
            print(
                f"{engine:6} {workers} workers  {median:6.1f} pictures/s  {start:5.1f} s to start"
            )
        listed = ", ".join(f"{ratio:.2f}" for ratio in ratios)
        print(f"{engine:6} 2 : 1       {statistics.median(ratios):.2f}  ({listed})")
    shares = [a / b for a, b in zip(rates["ray", 1], rates["local", 1], strict=True)]
    print(f"ray : local, a worker  {statistics.median(shares):.2f}")
    cluster.shutdown()
    weigh(model, pictures)
    plan(pictures)


def weigh(model: str, pictures: list[Path]) -> None:
    """The bytes of a row, in files of the default number of rows."""
    for more in ((), ("--details",)):
        output = f"rows-{len(more)}"
        seconds(model, pictures, f"{output}/", "--engine", "ray", *more)
        files = list(Path(output).glob("part-*"))
        rows = sum(pyarrow.parquet.read_metadata(file).num_rows for file in files)
        size = sum(file.stat().st_size for file in files)
        print(f"{size / rows:.1f} bytes a row {' '.join(more)}")


def plan(pictures: list[Path]) -> None:
    """How fast names become parts in Ray's store, and Ray takes them over."""
    import ray
    import ray.data

    ray.init(num_cpus=1, include_dashboard=False, object_store_memory=STORE_BYTES)
    before, names, size, blocks = time.perf_counter(), 0, 0, []
    while time.perf_counter() - before < 5:
        for part in Planner().chunks(["parts"], 1000):
            blocks.append(ray.put(pyarrow.table({"file": [part.file], "inputs": [part.inputs]})))
            size += len(part.inputs)
        names += len(pictures)
    listed_s = time.perf_counter() - before
    before = time.perf_counter()
    ray.data.from_arrow_refs(blocks)
    taken_s = time.perf_counter() - before
    print(f"{names / listed_s:.0f} names a second are listed, {size / names:.0f} bytes each")
    print(f"{len(blocks) / taken_s:.0f} parts a second are taken over ({len(blocks)} of them)")


if __name__ == "__main__":
    # A token of its own for its cluster; Ray reads these when it is imported.
    os.environ.update(
        RAY_AUTH_MODE="token",
        RAY_AUTH_TOKEN=secrets.token_hex(32),
        RAY_USAGE_STATS_ENABLED="0",
    )
    chosen, what = os.path.abspath(sys.argv[1]), [*sys.argv, "6000"][2]
    what = what if what.isdigit() else os.path.abspath(what)
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        main(chosen, what)
