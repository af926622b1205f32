"""An archive is extracted to a SavedModel folder, completely or not at all."""

from __future__ import annotations

import gzip
import io
import tarfile
from pathlib import Path

import pytest

from partsight.errors import ModelError
from partsight_train.backbones.unpack import unpack


def packed(mode: str, *names: str) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode=mode) as tar:  # type: ignore[call-overload]
        for name in names:
            entry = tarfile.TarInfo(name)
            entry.size = 5
            tar.addfile(entry, io.BytesIO(b"graph"))
    return stream.getvalue()


@pytest.mark.parametrize("mode", ["w:gz", "w", "w:bz2", "w:xz"])
@pytest.mark.parametrize("name", ["saved_model.pb", "./saved_model.pb", "module/saved_model.pb"])
def test_the_module_in_an_archive_is_extracted(tmp_path: Path, mode: str, name: str) -> None:
    archive, folder = tmp_path / "archive", tmp_path / "new" / "folder"
    archive.write_bytes(packed(mode, name))
    unpack(archive, folder)
    assert (folder / "saved_model.pb").read_bytes() == b"graph"
    assert list(folder.parent.iterdir()) == [folder], "nothing else is left"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "received 0 bytes"),
        (b"no archive", "begin with b'no archive'"),
        (b"\0" * 2000, "contains no SavedModel|cannot be unpacked"),
        (gzip.compress(b"no tar"), "cannot be unpacked"),
        (packed("w:gz", "saved_model.pb")[:-20], "cannot be unpacked"),
        (packed("w:gz", "readme.txt"), "contains no SavedModel"),
        (packed("w:gz", "a/b/saved_model.pb"), "contains no SavedModel"),
        (packed("w:gz", "saved_model.pb", "../../escaped"), "cannot be unpacked"),
        (packed("w:gz", "saved_model.pb", "/tmp/partsight-escaped"), "leads outside"),
        (packed("w:gz", "saved_model.pb", "a\\..\\escaped"), "leads outside"),
        (packed("w:gz", "saved_model.pb", "saved_model.pb"), "cannot be unpacked"),
        (packed("w:gz", "saved_model.pb", "saved_model.pb/x"), "cannot be unpacked"),
        (packed("w:gz", "saved_model.pb", "x" * 5000), "a name of more than"),
    ],
    ids=[
        "empty",
        "text",
        "zeros",
        "no tar",
        "cut off",
        "no module",
        "too deep",
        "escape",
        "absolute",
        "backslashes",
        "twice",
        "file as folder",
        "long name",
    ],
)
def test_an_archive_without_a_module_is_refused(tmp_path: Path, data: bytes, reason: str) -> None:
    archive, folder = tmp_path / "archive", tmp_path / "folder"
    archive.write_bytes(data)
    with pytest.raises(ModelError, match=reason):
        unpack(archive, folder)
    assert sorted(tmp_path.iterdir()) == [archive]
    assert not list(tmp_path.parent.rglob("escaped"))
    assert not Path("/tmp/partsight-escaped").exists()


def link(name: str, target: str, kind: bytes = tarfile.SYMTYPE) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.type, entry.linkname = kind, target
    return entry


def escaping(steps: int = 16) -> list[tarfile.TarInfo]:
    """CVE-2025-4517: a path beyond PATH_MAX, which ``os.path.realpath`` stops resolving."""
    directory, entries, at = "d" * 247, [], ""
    for step in "abcdefghijklmnop"[:steps]:
        folder = tarfile.TarInfo(f"{at}{directory}")
        folder.type = tarfile.DIRTYPE
        entries += [folder, link(f"{at}{step}", directory)]
        at += f"{step}/"
    long = "/".join("abcdefghijklmnop"[:steps]) + "/" + "l" * 254
    entries += [link(long, "../" * steps)]
    entries += [link("escape", f"{long}/../../outside")]
    victim = tarfile.TarInfo("escape/victim")
    victim.size = 5
    return [*entries, victim]


@pytest.mark.parametrize(
    "entries",
    [
        escaping(),
        [link("outside", "/tmp")],
        [link("inside", "saved_model.pb")],
        [link("hard", "saved_model.pb", tarfile.LNKTYPE)],
        [link("pipe", "", tarfile.FIFOTYPE)],
        [link("device", "", tarfile.CHRTYPE)],
        [link("sparse", "", tarfile.GNUTYPE_SPARSE)],
    ],
    ids=["CVE-2025-4517", "outside", "inside", "hard link", "pipe", "device", "sparse"],
)
def test_nothing_but_files_and_folders_is_extracted(
    tmp_path: Path, entries: list[tarfile.TarInfo]
) -> None:
    archive, outside = tmp_path / "archive", tmp_path / "outside"
    outside.mkdir()
    (outside / "victim").write_bytes(b"theirs")
    with tarfile.open(archive, "w:gz") as tar:
        for entry in entries:
            tar.addfile(entry, io.BytesIO(b"ours!"))
    with pytest.raises(ModelError, match="cannot be unpacked") as caught:
        unpack(archive, tmp_path / "folder")
    assert "\n" not in str(caught.value)
    assert sorted(tmp_path.iterdir()) == [archive, outside]
    assert (outside / "victim").read_bytes() == b"theirs"


@pytest.mark.parametrize("limit", ["MAX_UNPACKED_BYTES", "MAX_ARCHIVE_MEMBERS"])
def test_an_archive_beyond_a_limit_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    archive = tmp_path / "archive"
    archive.write_bytes(packed("w:gz", "saved_model.pb", "a", "b", "c", "d", "e"))
    monkeypatch.setattr(f"partsight_train.backbones.unpack.{limit}", 5)
    with pytest.raises(ModelError, match="more than 5"):
        unpack(archive, tmp_path / "folder")
    assert sorted(tmp_path.iterdir()) == [archive]


def test_a_module_extracted_by_another_run_stays(tmp_path: Path) -> None:
    archive, folder = tmp_path / "archive", tmp_path / "folder"
    archive.write_bytes(packed("w:gz", "saved_model.pb"))
    folder.mkdir()
    (folder / "saved_model.pb").write_bytes(b"theirs")
    unpack(archive, folder)
    assert (folder / "saved_model.pb").read_bytes() == b"theirs"


def test_a_folder_that_is_not_a_module_is_not_overwritten(tmp_path: Path) -> None:
    archive, folder = tmp_path / "archive", tmp_path / "folder"
    archive.write_bytes(packed("w:gz", "saved_model.pb"))
    folder.mkdir()
    (folder / "notes.txt").touch()
    with pytest.raises(ModelError, match=f"cannot write {folder}"):
        unpack(archive, folder)
    assert (folder / "notes.txt").is_file()
