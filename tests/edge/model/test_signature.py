"""Signed models: only files signed with the trusted key are run."""

from __future__ import annotations

import hashlib
import io
import json
import os
import stat
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from hypothesis import given, settings
from hypothesis import strategies as st

from partsight import Classifier
from partsight.cli.main import main
from partsight.errors import ModelError, OutputError, SignatureError
from partsight.inference.runtimes import runtimes
from partsight.model.file import load_model_file
from partsight.model.key_files import make_key_pair, read_private_key, read_public_key
from partsight.model.signature import PUBLIC_KEY_VARIABLE, is_signed, require_signature, signed
from partsight.model.third_party import MARK
from partsight.model.zip_tail import append_tail
from partsight.sample_data import write_sample_data

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
OTHER_KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))
MODEL = append_tail(b"\x1c\0\0\0TFL3" + bytes(range(64)), {"partsight.json": b"{}"})
SIGNED = signed(MODEL, KEY, "it")


def verified(data: bytes, key: Ed25519PrivateKey = KEY) -> None:
    require_signature(data, key.public_key(), "it")


def invoke(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(each) for each in arguments])


@given(st.binary(max_size=200), st.dictionaries(st.sampled_from("abc"), st.binary(max_size=50)))
@settings(deadline=None)
def test_a_signed_model_is_verified(flatbuffer: bytes, members: dict[str, bytes]) -> None:
    model = append_tail(flatbuffer, members)
    once = signed(model, KEY, "it")
    verified(once)
    assert is_signed(once)
    assert not is_signed(model)
    assert signed(once, KEY, "it") == once
    assert signed(signed(model, OTHER_KEY, "it"), KEY, "it") == once


@given(st.integers(0, len(SIGNED) - 1), st.integers(1, 255))
@settings(deadline=None)
def test_any_changed_byte_is_found(place: int, change: int) -> None:
    other = SIGNED[:place] + bytes([SIGNED[place] ^ change]) + SIGNED[place + 1 :]
    with pytest.raises(SignatureError):
        verified(other)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        pytest.param(MODEL, "is not signed", id="unsigned"),
        pytest.param(b"", "is not signed", id="nothing"),
        pytest.param(SIGNED[:-1], "is not signed", id="cut"),
        pytest.param(SIGNED + b"\0", "is not signed", id="with more behind"),
        pytest.param(SIGNED[1:], "was changed", id="cut in front"),
        pytest.param(b"\0" + SIGNED, "was changed", id="with more in front"),
        pytest.param(signed(MODEL, OTHER_KEY, "it"), "by another key", id="of another key"),
        pytest.param(MODEL[:30] + SIGNED[30:], None, id="the same bytes"),
    ],
)
def test_other_files_and_keys_are_refused(data: bytes, message: str | None) -> None:
    if message is None:
        return verified(data)
    with pytest.raises(SignatureError, match=message) as refusal:
        verified(data)
    assert str(refusal.value).isprintable()


def test_a_signature_of_other_data_is_not_valid_for_a_model() -> None:
    """The key may sign other data; a signature is bound to its purpose."""
    body = MODEL[:-2]
    comment = f"partsight ed25519 {KEY.sign(body).hex()}".encode()
    with pytest.raises(SignatureError, match="was changed"):
        verified(body + len(comment).to_bytes(2, "little") + comment)


def test_a_file_without_an_archive_gets_an_empty_one() -> None:
    data = signed(b"another tool's", KEY, "it")
    verified(data)
    assert zipfile.ZipFile(io.BytesIO(data)).namelist() == []


def test_a_comment_of_another_tool_is_not_replaced() -> None:
    stream = io.BytesIO(MODEL)
    with zipfile.ZipFile(stream, "a") as tail:
        tail.comment = b"mine"
    with pytest.raises(ModelError, match="cannot be signed: expected a zip archive without a"):
        signed(stream.getvalue(), KEY, "it")


@pytest.mark.parametrize("runtime", [runtime.name for runtime in runtimes()])
def test_a_signed_model_decides_as_before(
    runtime: str, model_path: Path, tmp_path: Path, run_partsight: Callable
) -> None:
    approved, parts = tmp_path / "approved.tflite", tmp_path / "parts"
    approved.write_bytes(signed(model_path.read_bytes(), KEY, "it"))
    write_sample_data(parts, 4, 5)

    def rows_of(model: Path) -> list[dict[str, object]]:
        done = run_partsight("classify", model, parts, PARTSIGHT_RUNTIME=runtime)
        assert done.returncode == 0, done
        rows = [json.loads(line) for line in done.stdout.splitlines()]
        assert {row.pop("model") for row in rows} == {load_model_file(model).sha256}
        return rows

    before = rows_of(model_path)
    assert len({row["label"] for row in before}) == 2
    assert rows_of(approved) == before


def test_a_signed_model_keeps_its_contract(model_path: Path) -> None:
    data = signed(model_path.read_bytes(), KEY, "it")
    assert load_model_file(data).contract == load_model_file(model_path).contract
    with zipfile.ZipFile(io.BytesIO(data)) as tail:
        assert tail.testzip() is None


def test_keys_are_made_for_their_owner_only(tmp_path: Path) -> None:
    mask = os.umask(0)
    try:
        public = make_key_pair(tmp_path / "line.key")
    finally:
        os.umask(mask)
    assert public == tmp_path / "line.key.pub"
    assert stat.S_IMODE((tmp_path / "line.key").stat().st_mode) == 0o600
    key = read_private_key(tmp_path / "line.key")
    verified(signed(MODEL, key, "it"), key)
    assert read_public_key(public) == key.public_key()


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
@pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["LF", "CRLF"])
def test_a_key_file_in_utf_16_is_accepted(tmp_path: Path, encoding: str, end: str) -> None:
    path = tmp_path / "line.key"
    public = make_key_pair(path)
    expected = read_public_key(public), read_private_key(path).public_key()
    for file in (public, path):
        file.write_bytes(file.read_text().replace("\n", end).encode(encoding))
    assert (read_public_key(public), read_private_key(path).public_key()) == expected


@pytest.mark.parametrize("there", ["line.key", "line.key.pub"])
def test_no_key_is_ever_replaced(there: str, tmp_path: Path) -> None:
    (tmp_path / there).write_text("precious")
    result = invoke("keygen", tmp_path / "line.key")
    assert result.exit_code == 1
    assert "an existing key is never replaced" in result.stderr
    assert [each.name for each in tmp_path.iterdir()] == [there]
    assert (tmp_path / there).read_text() == "precious"


def test_a_failure_leaves_no_half_key_pair(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written = iter([None, OSError(28, "No space left on device")])

    def fsync(descriptor: int) -> None:
        error = next(written)
        if error is not None:
            raise error

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(OutputError, match=r"cannot write .*line\.key: No space left"):
        make_key_pair(tmp_path / "line.key")
    assert list(tmp_path.iterdir()) == []


def pem(key: object, password: bytes | None = None) -> bytes:
    return key.private_bytes(  # type: ignore[attr-defined]
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(password)
        if password
        else serialization.NoEncryption(),
    )


def public_pem(key: object) -> bytes:
    return key.public_key().public_bytes(  # type: ignore[attr-defined]
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )


RSA = generate_private_key(65537, 2048)


@pytest.mark.parametrize(
    ("read", "data", "message"),
    [
        (read_private_key, pem(RSA), "expected a private key of Ed25519"),
        (read_private_key, pem(KEY, b"word"), "expected an unencrypted private key"),
        (read_private_key, public_pem(KEY), "expected an unencrypted private key"),
        (read_private_key, b"", "expected an unencrypted private key"),
        (read_public_key, public_pem(RSA), "expected a public key of Ed25519"),
        (read_public_key, pem(KEY), "expected a public key"),
        (read_public_key, b"\xff", "expected a public key"),
    ],
)
def test_unusable_keys(
    read: Callable[[Path], object], data: bytes, message: str, tmp_path: Path
) -> None:
    path = tmp_path / "key"
    path.write_bytes(data)
    path.chmod(0o600)
    with pytest.raises(SignatureError, match=message) as refusal:
        read(path)
    assert str(refusal.value).isprintable()
    assert "BEGIN" not in str(refusal.value)


@pytest.mark.skipif(os.name != "posix", reason="other systems have other permissions")
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o601])
def test_a_private_key_readable_by_others_is_refused(mode: int, tmp_path: Path) -> None:
    path = tmp_path / "my key"
    path.write_bytes(pem(KEY))
    path.chmod(mode)
    with pytest.raises(SignatureError, match=r"chmod 600 '.*my key'"):
        read_private_key(path)


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    make_key_pair(tmp_path / "line.key")
    return tmp_path / "line.key"


def test_the_commands(keys: Path, model_path: Path, tmp_path: Path) -> None:
    delivery = tmp_path / "signed.tflite"
    done = invoke("sign", model_path, "--key", keys, "-o", delivery)
    assert done.exit_code == 0, done.output
    result = invoke("verify", delivery, "--public-key", f"{keys}.pub", "--json")
    digest = hashlib.sha256(delivery.read_bytes()).hexdigest()
    assert json.loads(result.stdout) == {"model": str(delivery), "sha256": digest, "signed": True}
    assert "signature       carries one" in invoke("inspect", delivery).stdout
    assert "signature       none" in invoke("inspect", model_path).stdout

    refused = invoke("verify", model_path, "--public-key", f"{keys}.pub")
    assert refused.exit_code == 1
    assert refused.stderr.count("\n") == 1
    before = delivery.read_bytes()
    assert invoke("sign", delivery, "--key", keys).exit_code == 0
    assert delivery.read_bytes() == before


def another_tools(data: bytes) -> bytes:
    """The flatbuffer alone, without the name by which a lost contract is noticed."""
    return data[: data.index(b"PK\3\4")].replace(MARK.encode(), b"?" * len(MARK))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda data: b"\xff\xd8\xff no model", "is not a TFLite model"),
        (lambda data: data[:50_000] + b"?" + data[50_001:], "is damaged"),
        (lambda data: data[:-600], "has lost its contract"),
        (another_tools, None),
    ],
    ids=["picture", "a byte changed", "cut in the contract", "another tool's"],
)
def test_only_an_undamaged_model_is_signed(
    damage: Callable[[bytes], bytes], message: str | None, keys: Path, model_path: Path
) -> None:
    path = keys.with_name("model.tflite")
    path.write_bytes(damage(model_path.read_bytes()))
    before = path.read_bytes()
    result = invoke("sign", path, "--key", keys)
    if message is None:
        assert result.exit_code == 0, result.output
        return verified(path.read_bytes(), read_private_key(keys))
    assert result.exit_code == 1
    assert message in result.stderr
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "command",
    [
        ("classify", "PARTS"),
        ("evaluate", "PARTS"),
        ("watch", "--source", "PARTS"),
        ("check",),
        ("benchmark", "--frames", "1"),
    ],
)
def test_a_device_with_a_key_runs_signed_models_only(
    command: tuple[str, ...],
    keys: Path,
    model_path: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The check comes before anything is run, so that no pictures are needed."""
    monkeypatch.setenv(PUBLIC_KEY_VARIABLE, f"{keys}.pub")
    others = tmp_path / "others.tflite"
    others.write_bytes(signed(model_path.read_bytes(), OTHER_KEY, "it"))
    (tmp_path / "parts").mkdir()
    name, *rest = [str(tmp_path / "parts") if each == "PARTS" else each for each in command]
    for model, message in ((model_path, "is not signed"), (others, "by another key")):
        result = invoke(name, model, *rest)
        assert (result.exit_code, result.stdout) == (1, "")
        assert message in result.stderr
        assert result.stderr.count("\n") == 1


def test_the_python_api_checks_signatures_too(
    keys: Path, model_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = signed(model_path.read_bytes(), read_private_key(keys), "it")
    monkeypatch.setenv(PUBLIC_KEY_VARIABLE, f"{keys}.pub")
    assert Classifier.load(data).contract.labels == ("defected", "healthy")
    with pytest.raises(SignatureError):
        Classifier.load(model_path)
    monkeypatch.setenv(PUBLIC_KEY_VARIABLE, f"{keys}.lost")
    with pytest.raises(SignatureError, match="cannot read the key"):
        Classifier.load(data)


def test_without_cryptography_nothing_is_trusted(
    model_path: Path, keys: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "cryptography.exceptions", None)
    monkeypatch.delitem(sys.modules, "partsight.model.key_files")
    monkeypatch.setenv(PUBLIC_KEY_VARIABLE, f"{keys}.pub")
    result = invoke("classify", model_path, model_path.parent)
    assert result.exit_code == 1
    assert "pip install --force-reinstall 'cryptography'" in result.stderr
