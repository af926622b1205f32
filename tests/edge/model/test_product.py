"""A line runs models of its own product only, however a model arrives."""

from __future__ import annotations

import dataclasses
import json
import logging
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st
from tests.edge.model_store.test_watch import Bench, Started

from partsight.cli.main import main
from partsight.config.location import CONFIG_VARIABLE
from partsight.decision.operating_point import OperatingPoint
from partsight.errors import ContractError
from partsight.image.spec import PreprocessSpec
from partsight.journal import read_events
from partsight.model.contract import Contract, contract_from_document, contract_to_document
from partsight.model.facts import FileFacts, file_facts
from partsight.model.file import load_model_file
from partsight.model.product import clean_product, same_product
from partsight.model_store.activate import activate_model, start_active
from partsight.model_store.history import read_history
from partsight.model_store.listing import Listed
from partsight.model_store.listing_text import lines_of
from partsight.model_store.store import ModelStore, activated

MakeModel = Callable[..., bytes]
E_ACUTE_NFD = unicodedata.normalize("NFD", "Träger é")
POINT = OperatingPoint(("good",))


@pytest.fixture(autouse=True)
def _no_configuration(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv(CONFIG_VARIABLE, raising=False)
    monkeypatch.setattr("partsight.config.location.SYSTEM_CONFIG", tmp_path / "none.toml")


def sha(data: bytes) -> str:
    return load_model_file(data).sha256


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(each) for each in arguments])


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("bolt", "bolt", True),
        ("bolt", " bolt\t", True),
        ("Träger é", E_ACUTE_NFD, True),
        ("bolt", "Bolt", False),
        ("bolt", "bolt 2", False),
        ("M8 bolt", "M8  bolt", False),
        ("bolt", None, False),
        (None, "bolt", False),
        (None, None, True),
    ],
)
def test_which_names_are_the_same(one: str | None, other: str | None, same: bool) -> None:
    assert same_product(one, other) is same


@given(st.text(st.characters(categories=["L", "N", "P"]), min_size=1))
def test_a_product_name_is_part_of_the_contract(name: str) -> None:
    contract = Contract(("bad", "good"), PreprocessSpec(8, 8), POINT, product=name)
    document = json.loads(json.dumps(contract_to_document(contract)))
    assert contract_from_document(document).product == clean_product(name) == contract.product


def test_without_a_name_the_document_equals_older_versions() -> None:
    contract = Contract(("bad", "good"), PreprocessSpec(8, 8), POINT)
    document = contract_to_document(contract)
    assert "product" not in document
    assert contract_from_document(json.loads(json.dumps(document))).product is None


@pytest.mark.parametrize("name", ["", "  ", "two\nlines", "bell\a", 7, ["bolt"], True])
def test_invalid_product_names_are_refused(name: object) -> None:
    document = contract_to_document(Contract(("bad", "good"), PreprocessSpec(8, 8), POINT))
    document = json.loads(json.dumps({**document, "product": name}))
    with pytest.raises((TypeError, ValueError), match="product"):
        contract_from_document(document)


# Product configured, of the active and of the new model, and the refusal; None accepts.
RULE = [
    (None, "bolt", "bolt", None),
    (None, "bolt", " bolt ", None),
    (None, "bolt", "nut", "expected product 'bolt', received product 'nut'"),
    (None, "bolt", "Bolt", "expected product 'bolt', received product 'Bolt'"),
    (None, "bolt", None, "expected product 'bolt', received no product name"),
    (None, None, "nut", None),
    (None, None, None, None),
    ("bolt", "bolt", "bolt", None),
    ("bolt", "bolt", "nut", "expected product 'bolt' (models.product), received product 'nut'"),
    ("bolt", "bolt", None, "(models.product), received no product name"),
    ("bolt", None, "bolt", None),
    ("bolt", None, None, "(models.product), received no product name"),
]


@pytest.mark.parametrize(("configured", "active", "new", "refusal"), RULE)
def test_a_new_model_file_in_the_store(
    configured: str | None,
    active: str | None,
    new: str | None,
    refusal: str | None,
    tmp_path: Path,
    make_model: MakeModel,
    caplog: pytest.LogCaptureFixture,
) -> None:
    old, offered = make_model("old", product=active), make_model("new", product=new)
    bench = Bench(tmp_path, old, product=configured)
    bench.drop(offered)
    bench.turns()
    taken = bench.watch.poll()
    if taken is not None:
        bench.watch.swapped(taken)
    (event,) = bench.events
    assert event["product"] == (new and clean_product(new))
    if refusal is None:
        assert taken is not None
        line = next(each for each in caplog.messages if "replaced by" in each)
        assert line.startswith(f"model {sha(old)[:12]} (")
        assert f"replaced by {sha(offered)[:12]} (" in line
        assert "activated by the line, from " in line
        assert "new.tflite" in line
        assert ("cannot be distinguished" in caplog.text) == (active is new is None)
    else:
        assert taken is None
        assert activated(bench.store) == [sha(old)]
        assert refusal in event["reason"]
        assert refusal in caplog.text
        assert refusal in (bench.store.refused / "new.tflite.reason.txt").read_text()


def test_a_missing_product_name_is_reported_once(
    tmp_path: Path, make_model: MakeModel, caplog: pytest.LogCaptureFixture
) -> None:
    bench = Bench(tmp_path, make_model("first"))
    for name in ("second", "third"):
        bench.drop(make_model(name), f"{name}.tflite")
        bench.turns()
        taken = bench.watch.poll()
        assert taken is not None
        bench.watch.swapped(taken)
    assert caplog.text.count("cannot be distinguished") == 1
    assert sum("replaced by" in each for each in caplog.messages) == 2


@pytest.mark.parametrize("configured", [None, "bolt"])
def test_the_line_follows_a_change_by_hand_but_not_against_its_configuration(
    configured: str | None,
    tmp_path: Path,
    make_model: MakeModel,
    caplog: pytest.LogCaptureFixture,
) -> None:
    old, new = make_model("old", product="bolt"), make_model("new", product="nut")
    bench = Bench(tmp_path, old, product=configured)
    origin = {"from": "nut.tflite", "by": "partsight model activate, user me"}
    activate_model(bench.store, load_model_file(new), 5, origin)
    bench.watch.turn()
    taken = bench.watch.poll()
    assert (taken is None) == (configured is not None)
    if taken is not None:
        bench.watch.swapped(taken)
    (event,) = bench.events
    assert event["outcome"] == ("activated" if configured is None else "refused")
    reported = "activated by partsight model activate, user me, from nut.tflite"
    assert ((reported if configured is None else "expected product 'bolt'") in caplog.text) is True


def test_a_line_starts_with_no_model_of_another_product_even_as_a_last_resort(
    tmp_path: Path, make_model: MakeModel
) -> None:
    store = ModelStore(tmp_path / "store")
    nut, bolt, last = (make_model(p + n, product=p) for p, n in
                       (("nut", "1"), ("bolt", "2"), ("nut", "3")))  # fmt: skip
    for data in (bolt, nut, bolt, last):
        activate_model(
            store, load_model_file(data), 9, {"product": load_model_file(data).contract.product}
        )
    store.model(sha(last)).write_bytes(b"torn")
    started = Started(store)
    assert started.classifier.model_sha256 == sha(nut)
    (event,) = started.events
    assert event["product"] == "nut"
    assert "expected product 'nut', received product 'bolt'" in event["reason"]


def test_without_a_history_the_pointer_still_says_which_product(
    tmp_path: Path, make_model: MakeModel
) -> None:
    """The active model is undamaged but cannot run: its file still has its product."""
    store = ModelStore(tmp_path / "store")
    bolt, nut = make_model("a", product="bolt"), make_model("b", product="nut")
    for data in (bolt, nut):
        activate_model(store, load_model_file(data), 9)
    store.history.unlink()

    def load(data: bytes) -> str:
        if sha(data) == sha(nut):
            raise ContractError("does not run here")
        return "runs"

    with pytest.raises(Exception, match="expected product 'nut', received product 'bolt'"):
        start_active(store, load)
    assert start_active(store, load, product="bolt")[1] == "runs"


def test_no_product_takes_over_from_an_active_model_of_which_nothing_is_known(
    tmp_path: Path, make_model: MakeModel
) -> None:
    store = ModelStore(tmp_path / "store")
    for data in (make_model("a"), make_model("b", product="bolt"), make_model("c", product="nut")):
        activate_model(store, load_model_file(data), 9)
    store.history.unlink()
    store.model(activated(store)[0]).write_bytes(b"torn")
    started = Started(store)
    assert started.classifier.model_sha256 == sha(make_model("a"))
    (event,) = started.events
    assert "is not known any more, and this model is for product 'bolt'" in event["reason"]


@pytest.mark.parametrize(
    ("given", "reported"),
    [("bolt", None), ("nut", "nut.tflite is not run: "), ("gone", "gone.tflite is not run: ")],
)
def test_an_argument_that_is_not_run_is_reported(
    given: str, reported: str | None, tmp_path: Path, picture: Path, make_model: MakeModel,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    for name in ("bolt", "nut"):
        (tmp_path / f"{name}.tflite").write_bytes(make_model(name, product=name))
    active = load_model_file(tmp_path / "bolt.tflite")
    activate_model(ModelStore(tmp_path / "store"), active, 5)
    config = configuration(tmp_path, "[models]\nstore = 'store'\n", picture)
    with caplog.at_level(logging.WARNING):
        done = run("watch", tmp_path / f"{given}.tflite", "--config", config)
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout.splitlines()[0])["model"] == active.sha256
    assert (reported is None) == ("is not run" not in caplog.text)
    assert (reported or "") in caplog.text


def configuration(folder: Path, text: str, source: Path) -> Path:
    path = folder / "partsight.toml"
    path.write_text(
        f'[source]\naddress = "{source}"\n[journal]\npath = "line.db"\n'
        f"[health]\nenabled = false\n{text}"
    )
    return path


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    import cv2
    import numpy as np

    folder = tmp_path / "parts"
    folder.mkdir()
    cv2.imwrite(str(folder / "a.png"), np.random.default_rng(0).integers(0, 255, (64, 64, 3)))
    return folder


NUT = "expected product 'bolt' (models.product), received product 'nut'"
WATCHED = {
    "the argument": ("[models]\nproduct = 'bolt'\n", "nut", NUT),
    "the argument without a name": ("[models]\nproduct = 'bolt'\n", None, "received no product"),
    "the argument of this product": ("[models]\nproduct = ' bolt'\n", "bolt", None),
    "the first of a store": ("[models]\nproduct = 'bolt'\nstore = 'store'\n", "nut", NUT),
    "the active one of a store": ("[models]\nproduct = 'bolt'\nstore = 'full'\n", None, NUT),
    "the shadow model": (
        "[models]\nproduct = 'bolt'\n[shadow]\nmodel = 'nut.tflite'\n", "bolt", NUT),
    "a shadow model of another product than the model's": (
        "[shadow]\nmodel = 'nut.tflite'\n", "bolt", "expected product 'bolt', received product"),
    "a shadow model without a name": (
        "[shadow]\nmodel = 'none.tflite'\n", "bolt", "expected product 'bolt', received no"),
    "a shadow model of this product": ("[shadow]\nmodel = 'bolt.tflite'\n", "bolt", None),
    "nothing named anywhere": ("[shadow]\nmodel = 'none.tflite'\n", None, None),
}  # fmt: skip


@pytest.mark.parametrize(("text", "product", "refusal"), WATCHED.values(), ids=WATCHED)
def test_watch_asks_for_the_product_of(
    text: str,
    product: str | None,
    refusal: str | None,
    tmp_path: Path,
    picture: Path,
    make_model: MakeModel,
) -> None:
    for name in ("bolt", "nut", None):
        (tmp_path / f"{name or 'none'}.tflite").write_bytes(make_model(f"{name}", product=name))
    activate_model(ModelStore(tmp_path / "full"), load_model_file(tmp_path / "nut.tflite"), 5)
    config = configuration(tmp_path, text, picture)
    model = tmp_path / f"{product or 'none'}.tflite"
    done = run("watch", model, "--config", config)
    if refusal is None:
        assert done.exit_code == 0, done.output
        (started,) = read_events(tmp_path / "line.db", kind="started")
        assert started["detail"]["product"] == product
    else:
        assert (done.exit_code, done.stdout) == (1, ""), done.output
        assert refusal in done.stderr


@pytest.fixture
def at(tmp_path: Path) -> tuple[str, Path]:
    return ("--store", tmp_path / "store")


@pytest.fixture
def files(tmp_path: Path, make_model: MakeModel) -> dict[str | None, Path]:
    paths = {name: tmp_path / f"{name}.tflite" for name in ("bolt", "nut", None)}
    for name, path in paths.items():
        path.write_bytes(make_model(f"{name}", product=name))
    return paths


def test_activation_and_rollback_by_hand(
    at: tuple[str, Path], files: dict[str | None, Path], tmp_path: Path
) -> None:
    store, bolt, nut = ModelStore(tmp_path / "store"), files["bolt"], files["nut"]
    assert run("model", "activate", bolt, *at).exit_code == 0
    for other, said in ((nut, "product 'nut'"), (files[None], "no product name")):
        refused = run("model", "activate", other, *at)
        assert refused.exit_code == 1
        assert f"expected product 'bolt', received {said}" in refused.stderr
        assert "--allow-other-product" in refused.stderr
    assert activated(store) == [sha(bolt.read_bytes())]
    done = run("model", "activate", nut, *at, "--allow-other-product")
    assert done.exit_code == 0, done.output
    assert "(product 'bolt', version" in done.stderr
    assert "(product 'nut', version" in done.stderr
    refused = run("model", "rollback", *at)
    assert "expected product 'nut', received product 'bolt'" in refused.stderr
    assert activated(store)[0] == sha(nut.read_bytes())
    done = run("model", "rollback", *at, "--allow-other-product")
    assert done.exit_code == 0, done.output
    assert "replaced by" in done.stderr
    assert activated(store)[0] == sha(bolt.read_bytes())
    entries = read_history(store)
    assert "partsight model rollback, user " in entries[-1]["by"]
    assert (entries[1]["from"], entries[1]["product"]) == (str(nut), "nut")


def test_no_option_overrides_the_configured_product(
    files: dict[str | None, Path], tmp_path: Path, picture: Path
) -> None:
    config = configuration(tmp_path, "[models]\nproduct = 'bolt'\nstore = 'store'\n", picture)
    refused = run("model", "activate", files["nut"], "--config", config, "--allow-other-product")
    assert refused.exit_code == 1
    assert NUT in refused.stderr
    store = ModelStore(tmp_path / "store")
    for name in ("nut", "bolt"):
        activate_model(store, load_model_file(files[name]), 5)
    refused = run("model", "rollback", "--config", config, "--allow-other-product")
    assert NUT in refused.stderr
    assert activated(store)[0] == sha(files["bolt"].read_bytes())


def test_the_product_of_a_damaged_active_model_is_known(
    at: tuple[str, Path], files: dict[str | None, Path], tmp_path: Path
) -> None:
    assert run("model", "activate", files["bolt"], *at).exit_code == 0
    ModelStore(tmp_path / "store").model(sha(files["bolt"].read_bytes())).write_bytes(b"torn")
    refused = run("model", "activate", files["nut"], *at)
    assert "expected product 'bolt', received product 'nut'" in refused.stderr


def test_desk_tools_run_any_model(
    files: dict[str | None, Path], tmp_path: Path, picture: Path
) -> None:
    config = configuration(tmp_path, "[models]\nproduct = 'bolt'\n", picture)
    assert run("classify", files["nut"], picture, "--config", config).exit_code == 0


def test_list_and_inspect_show_name_product_version_accuracy_and_origin(
    at: tuple[str, Path], files: dict[str | None, Path], tmp_path: Path
) -> None:
    activate_model(
        ModelStore(tmp_path / "store"),
        load_model_file(files["bolt"]),
        5,
        {"from": "somewhere.tflite", "challenge_pictures": 40, "accuracy": 0.975},
    )
    text = run("model", "list", *at).stdout
    for expected in (
        "name      partsight sample parts",
        "product   bolt",
        "version   2026-11-23T19:08:47+00:00",
        "accuracy  97.50% of 40 in the acceptance set",
        "trained   2026-11-23T19:08:47+00:00 on parts",
        "came from somewhere.tflite",
    ):
        assert expected in text
    (row,) = json.loads(run("model", "list", *at, "--json").stdout)["models"]
    assert (row["name"], row["product"]) == ("partsight sample parts", "bolt")
    assert row["acceptance"] == {"accuracy": 0.975, "recall_of_bad": None, "images": 40}
    assert row["trained_on"] == "parts"
    assert "product         bolt" in run("inspect", files["bolt"]).stdout
    assert "product         not named" in run("inspect", files[None]).stdout
    assert json.loads(run("inspect", files["bolt"], "--json").stdout)["product"] == "bolt"


@pytest.mark.parametrize(
    ("test", "accuracy", "images"),
    [
        ({"accuracy": 0.98, "images": 50}, 0.98, 50),
        ({"accuracy": None, "images": 0}, None, 0),
        (None, None, None),
        ("odd", None, None),
        ({"accuracy": "high", "images": True}, None, None),
        ({"accuracy": float("nan"), "images": 50}, None, 50),
    ],
)
def test_accuracy_is_that_of_the_file_with_the_number_of_images(
    test: object, accuracy: float | None, images: int | None, files: dict[str | None, Path]
) -> None:
    """Provenance is for people: no content causes a failure."""
    file = load_model_file(files["bolt"])
    provenance = {**file.contract.provenance, "export": {"test": test}}
    contract = dataclasses.replace(file.contract, provenance=provenance)
    facts = file_facts(dataclasses.replace(file, contract=contract))
    assert (facts.accuracy, facts.test_images) == (accuracy, images)


def test_on_a_terminal_the_list_has_80_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    labels = tuple(f"label number {index}" for index in range(20))
    facts = FileFacts("a name " * 20, "p" * 90, "1", 0.5, 1234567, "2026-11-23T19:08:47+00:00")
    row = Listed("a" * 64, True, False, labels, "2026", None, facts, "/far/away/" * 20)
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    lines = list(lines_of(row))
    assert max(map(len, lines)) <= 80
    assert "".join("".join(lines).split()).count("p" * 90) == 1
    monkeypatch.setattr("sys.stdout.isatty", lambda: False, raising=False)
    assert len(list(lines_of(row))) == 8


@pytest.mark.parametrize(
    ("text", "noted"),
    [
        ("[models]\nstore = 'store'\n", True),
        ("[models]\nstore = 'store'\nchallenge = 'set'\nmin_accuracy = 0.5\n", False),
        ("", False),
    ],
)
def test_a_store_without_an_acceptance_set_is_reported_at_the_start(
    text: str,
    noted: bool,
    files: dict[str | None, Path],
    tmp_path: Path,
    picture: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.WARNING):
        done = run("watch", files["bolt"], "--config", configuration(tmp_path, text, picture))
    assert done.exit_code == 0, done.output
    assert ("no acceptance set configured (models.challenge)" in caplog.text) is noted


@pytest.mark.parametrize(
    ("text", "product", "noted"),
    [
        ("[models]\nstore = 'store'\n", None, True),
        ("[models]\nstore = 'store'\n", "bolt", False),
        ("", None, False),
    ],
)
def test_indistinguishable_products_are_reported_at_the_start(
    text: str,
    product: str | None,
    noted: bool,
    files: dict[str | None, Path],
    tmp_path: Path,
    picture: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.WARNING):
        done = run("watch", files[product], "--config", configuration(tmp_path, text, picture))
    assert done.exit_code == 0, done.output
    assert ("models.product is not set: a new model of another product" in caplog.text) is noted


def test_the_configuration_check_reports_the_product(
    files: dict[str | None, Path], tmp_path: Path, picture: Path
) -> None:
    activate_model(ModelStore(tmp_path / "store"), load_model_file(files["nut"]), 5)
    config = configuration(tmp_path, "[models]\nproduct = 'bolt'\nstore = 'store'\n", picture)
    assert NUT in run("config", "check", config).output


def test_an_invalid_configured_product_is_reported_once(tmp_path: Path) -> None:
    path = tmp_path / "partsight.toml"
    path.write_text('[models]\nproduct = " \\n"\n')
    done = run("config", "check", path)
    assert done.exit_code == 1
    assert "models.product: a product's name must be printable text" in done.stderr
    assert done.stderr.count("Received") == 1
