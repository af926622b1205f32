"""The device's configuration: strict, kept as people wrote it, and beaten by what is nearer."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from hypothesis import given, settings
from hypothesis import strategies as st

from partsight import Classifier
from partsight.cli.main import main
from partsight.config.document import Config
from partsight.config.file import read_config, save_choice
from partsight.config.journal import JournalConfig
from partsight.config.location import (
    CONFIG_VARIABLE,
    PUBLIC_KEY_VARIABLE,
    RUNTIME_VARIABLE,
    THREADS_VARIABLE,
    find_config,
)
from partsight.config.model import ModelConfig
from partsight.config.section import Section
from partsight.config.sinks import (
    CsvSinkConfig,
    JsonLinesSinkConfig,
    StdoutSinkConfig,
    sink_name,
)
from partsight.deploy.device import open_device
from partsight.errors import ConfigError, ModelError, OutputError, SignatureError
from partsight.inference.interpreter import Interpreter
from partsight.inference.runtimes import RuntimeOptions, runtimes
from partsight.model.key_files import make_key_pair, read_private_key
from partsight.model.signature import signed
from partsight.model.third_party import ModelOverrides
from partsight.qualification.trust import TrustPolicy
from partsight.sample_data import write_sample_data


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "partsight.toml"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", None),
        ("[model]", None),
        ("[model]\nthreads = 2\nruntime = 'litert'\npublic_key = 'a.pub'", None),
        ("[model]\nthread = 2", "model.thread is unknown. Did you mean threads?"),
        ("[modell]\nthreads = 2", "modell is unknown. Did you mean model?"),
        ("threads = 2", "threads is unknown"),
        ("model = 3", "model: Input should be .* Received: 3"),
        ("[model]\nthreads = 0", "model.threads: Input should be greater than 0. Received: 0"),
        ("[model]\nthreads = true", "model.threads: Input should be a valid integer"),
        ("[model]\nthreads = '2'", "model.threads: Input should be a valid integer"),
        ("[model]\nthreads = 2.0", "model.threads: Input should be a valid integer"),
        ("[model]\npublic_key = 3", "model.public_key: Input is not a valid path"),
        ("[model]\nthreads = 'x'\nruntime = 'torch'", "runtime: .*torch.*; model.threads: .*'x'"),
        ("[journal]\npath = 'a.db'\nkeep_days = 90\nkeep_rows = 1000", None),
        ("[journal]\nkeep_day = 90", "journal.keep_day is unknown. Did you mean keep_days?"),
        ("[journal]\nkeep_days = 0", "journal.keep_days: Input should be greater than 0"),
        ("[[sinks]]\nkind = 'csv'\npath = 'a.csv'\n[[sinks]]\nkind = 'stdout'", None),
        ("[[sinks]]\nkind = 'stdout'\nnam = 'a'", r"sinks\[0\].nam .* Did you mean name?"),
        ("[[sinks]]\nkind = 'stdout'\nmax_mb = 1.0", "Known are name, start, kind$"),
        (
            "[[sinks]]\nkind = 'xml'",
            r"sinks\[0\].kind 'xml' is unknown.* Known are jsonl, csv, stdout, mqtt",
        ),
        ("[[sinks]]\nname = 'a'", r"sinks\[0\].kind is missing: expected one of jsonl, csv"),
        ("[[sinks]]\nkind = 'csv'", r"sinks\[0\].path is missing"),
        ("[[sinks]]\nkind = 'csv'\npath = 'a'\nmax_mb = -1", "max_mb: Input should be greater"),
        ("[[sinks]]\nkind = 'stdout'\n" * 2, "its own name, more than one is 'stdout'"),
        ("sinks = 3", "sinks: Input should be a valid tuple. Received: 3"),
        (
            "[source]\nrestart_budget = 3",
            r"key source\.restart_budget was removed in this version: it is now a constant \(10\). "
            "Remove it",
        ),
        (
            "[[sinks]]\nkind = 'mqtt'\nhost = 'h'\nkeepalive_s = 3",
            r"key sinks\[0\]\.keepalive_s was removed in this version: it is now a constant \(15\)",
        ),
        (
            "[trigger]\nkind = 'mqtt'\nhost = 'h'\ntopic = 't'\nkeepalive_s = 3",
            r"key trigger\.keepalive_s was removed",
        ),
        ("[model", "cannot read the configuration .* Expected a TOML file"),
        ("[model]\nthreads = 1\nthreads = 2", "cannot read the configuration"),
        ("\xff", "cannot read the configuration"),
    ],
)
def test_what_may_stand_in_it(text: str, message: str | None, path: Path) -> None:
    path.write_text(text, "latin-1")
    if message is None:
        read_config(path)
        return
    with pytest.raises(ConfigError, match=message) as refusal:
        read_config(path)
    assert "\n" not in str(refusal.value).replace(text, "")


@pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["LF", "CRLF"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
def test_it_is_read_in_every_encoding(path: Path, encoding: str, end: str) -> None:
    text = f"# Prüfplatz 3{end}[source]{end}address = 'teile/größe'{end}"
    path.write_bytes(text.encode(encoding))
    assert read_config(path).source.address == str(path.parent / "teile/größe")
    save_choice(path, "litert", 2)
    assert path.read_bytes().startswith(f"# Prüfplatz 3{end}".encode())
    assert read_config(path).model.threads == 2


def test_one_that_is_no_text_says_in_which_line(path: Path) -> None:
    path.write_bytes(b"[source]\naddress = 'gr\xf6\xdfe'\n")
    with pytest.raises(ConfigError, match=r"line 2 .* \(byte 0xf6\)\. Save the file as UTF-8\."):
        read_config(path)


def test_one_that_is_not_there(path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        read_config(path)


@pytest.mark.parametrize(
    "section",
    [
        Config,
        ModelConfig,
        JournalConfig,
        JsonLinesSinkConfig,
        CsvSinkConfig,
        StdoutSinkConfig,
    ],
)
def test_every_key_is_described(section: type[Section]) -> None:
    assert all(field.description for field in section.model_fields.values())


def test_places_start_at_the_file(path: Path) -> None:
    path.write_text("[journal]\npath = 'a.db'\n[[sinks]]\nkind = 'jsonl'\npath = 'b/c.jsonl'")
    config = read_config(path)

    assert config.journal.path == path.parent / "a.db"
    assert [sink_name(sink) for sink in config.sinks] == ["jsonl"]
    assert config.sinks[0].path == path.parent / "b" / "c.jsonl"


@pytest.mark.parametrize(
    ("said", "runtime"), [("tflite-runtime", "tflite-runtime"), ("", "litert"), (None, "litert")]
)
def test_the_environment_beats_the_file(said: str | None, runtime: str, path: Path) -> None:
    """Unless it is empty, which says nothing: else it would switch a key off."""
    path.write_text("[model]\nthreads = 3\nruntime = 'litert'\npublic_key = 'keys/line.pub'")
    environ = {} if said is None else {RUNTIME_VARIABLE: said, PUBLIC_KEY_VARIABLE: ""}
    device = open_device(path, environ)
    assert device.options == RuntimeOptions(runtime, 3)
    assert device.trust == TrustPolicy(path.parent / "keys" / "line.pub")


def test_a_key_of_the_environment_replaces_that_of_the_file(path: Path) -> None:
    path.write_text("[model]\npublic_key = 'line.pub'")
    device = open_device(path, {PUBLIC_KEY_VARIABLE: "other.pub"})
    assert device.trust == TrustPolicy(Path("other.pub"))


@given(st.sampled_from(["litert", "tflite-runtime"]), st.integers(1, 64))
@settings(deadline=None)
def test_a_choice_is_saved_and_read(runtime: str, threads: int) -> None:
    from tempfile import TemporaryDirectory

    with TemporaryDirectory() as folder:
        path = Path(folder, "new", "partsight.toml")
        save_choice(path, runtime, threads)
        assert read_config(path).model == ModelConfig(runtime=runtime, threads=threads)


def test_all_else_stays_as_people_wrote_it(path: Path) -> None:
    path.write_text(
        "# line 3\n\n[model]   # do not touch\npublic_key = 'a.pub' # ours\nthreads=9\n"
    )
    save_choice(path, "litert", 2)
    assert path.read_text() == (
        "# line 3\n\n[model]   # do not touch\npublic_key = 'a.pub' # ours\nthreads=2\n"
        'runtime = "litert"\n'
    )


def test_one_that_cannot_be_read_is_not_replaced(path: Path) -> None:
    path.write_text("[model")
    with pytest.raises(ConfigError):
        save_choice(path, "litert", 2)
    assert path.read_text() == "[model"


@pytest.mark.skipif(os.name != "posix", reason="other systems have other permissions")
@pytest.mark.parametrize("mode", [0o600, 0o640, 0o664])
def test_a_link_and_permissions_stay(mode: int, path: Path, tmp_path: Path) -> None:
    path.write_text("[model]\nthreads = 9")
    path.chmod(mode)
    link = tmp_path / "link.toml"
    link.symlink_to(path.name)
    save_choice(link, "litert", 2)
    assert link.is_symlink()
    assert read_config(path).model.threads == 2
    assert stat.S_IMODE(path.stat().st_mode) == mode


@pytest.fixture
def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the system's configuration would be; the environment names no other."""
    path = tmp_path / "etc" / "partsight.toml"
    monkeypatch.setattr("partsight.config.location.SYSTEM_CONFIG", path)
    monkeypatch.delenv(CONFIG_VARIABLE, raising=False)
    monkeypatch.delenv(PUBLIC_KEY_VARIABLE, raising=False)
    return path


@pytest.mark.parametrize(
    ("environ", "there", "found"),
    [
        ({}, False, None),
        ({CONFIG_VARIABLE: ""}, False, None),
        ({}, True, "etc/partsight.toml"),
        ({CONFIG_VARIABLE: "mine.toml"}, True, "mine.toml"),
        ({CONFIG_VARIABLE: "mine.toml"}, False, "mine.toml"),
    ],
)
def test_the_configuration_in_force(
    environ: dict[str, str], there: bool, found: str | None, system: Path
) -> None:
    if there:
        system.parent.mkdir()
        system.touch()
    at = find_config(environ)
    assert at == (None if found is None else Path(environ.get(CONFIG_VARIABLE) or system))


def test_a_link_to_nothing_is_no_leave_to_run_anything(system: Path, model_path: Path) -> None:
    system.parent.mkdir()
    system.symlink_to("gone.toml")
    with pytest.raises(ConfigError, match=r"cannot read the configuration .*partsight\.toml: No"):
        open_device(None, {})
    with pytest.raises(ConfigError):
        Classifier.load(model_path)


def test_one_that_may_not_be_looked_at_is_in_force(
    system: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path) -> os.stat_result:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "lstat", refuse)
    assert find_config({}) == system


def test_python_asks_for_the_configured_key_too(
    system: Path, model_path: Path, tmp_path: Path
) -> None:
    system.parent.mkdir()
    make_key_pair(system.parent / "line.key")
    approved = signed(model_path.read_bytes(), read_private_key(system.parent / "line.key"), "it")
    Classifier.load(model_path)
    system.write_text("[model]\npublic_key = 'line.key.pub'")
    with pytest.raises(SignatureError, match="is not signed"):
        Classifier.load(model_path)
    Classifier.load(approved)
    Classifier.load(model_path, trusted=True)
    system.write_text("[model]\npublic_key = 'lost.pub'")
    with pytest.raises(SignatureError, match="cannot read the key"):
        Classifier.load(approved)
    system.write_text("[modle]")
    with pytest.raises(ConfigError, match="Did you mean model"):
        Classifier.load(approved)


@pytest.mark.parametrize(
    ("config", "arguments", "expected"),
    [
        ("", {}, (RuntimeOptions(), None)),
        ("threads = 3", {}, (RuntimeOptions(threads=3), None)),
        ("threads = 3", {"threads": 2}, (RuntimeOptions(threads=2), None)),
        ("runtime = 'tflite-runtime'", {"runtime": "litert"}, (RuntimeOptions("litert"), None)),
        ("runtime = 'litert'", {}, (RuntimeOptions("litert"), None)),
        ("bit_depth = 12", {}, (RuntimeOptions(), 12)),
        ("bit_depth = 12", {"overrides": ModelOverrides(bit_depth=10)}, (RuntimeOptions(), 10)),
    ],
)
@pytest.mark.parametrize("trusted", [False, True])
def test_python_uses_the_configured_model_section(
    config: str,
    arguments: dict[str, Any],
    expected: tuple[RuntimeOptions, int | None],
    trusted: bool,
    system: Path,
    model_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An argument wins over the configuration, for trusted models too."""
    opened: list[RuntimeOptions] = []
    open_interpreter = Interpreter.__init__

    def recorded(self: Interpreter, model: bytes, options: RuntimeOptions, **more: Any) -> None:
        opened.append(options)
        open_interpreter(self, model, options, **more)

    monkeypatch.setattr(Interpreter, "__init__", recorded)
    monkeypatch.delenv(RUNTIME_VARIABLE, raising=False)
    system.parent.mkdir()
    system.write_text(f"[model]\n{config}")
    classifier = Classifier.load(model_path, trusted=trusted, **arguments)
    assert (opened[-1], classifier.contract.preprocess.bit_depth) == expected


def test_a_device_without_a_configuration_waits_for_no_pydantic(run_python: Callable) -> None:
    modules = "{'pydantic', 'tomlkit', 'cryptography'} & set(sys.modules)"
    code = f"import sys, partsight.api, partsight.cli.commands.watch; print(sorted({modules}))"
    done = run_python("-c", code)
    assert done.stdout == "[]\n", done


def test_where_nothing_can_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError):
        save_choice(tmp_path / "file" / "partsight.toml", "litert", 2)


def partsight(*arguments: object, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run a command in a separate process."""
    names = (RUNTIME_VARIABLE, THREADS_VARIABLE, PUBLIC_KEY_VARIABLE)
    clean = {name: value for name, value in os.environ.items() if name not in names}
    command = [sys.executable, "-m", "partsight", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env={**clean, **environ})


def here(*arguments: object, **environ: str) -> Result:
    """In this process, whose environment is put back: for what a new process would only repeat."""
    with pytest.MonkeyPatch.context() as patch:
        for name in (RUNTIME_VARIABLE, THREADS_VARIABLE, PUBLIC_KEY_VARIABLE, CONFIG_VARIABLE):
            patch.delenv(name, raising=False)
        for name, value in environ.items():
            patch.setenv(name, value)
        return CliRunner().invoke(main, [*map(str, arguments)])


@pytest.fixture
def parts(tmp_path: Path) -> Path:
    write_sample_data(tmp_path / "parts", 1)
    return tmp_path / "parts"


def test_a_configured_key_is_asked_of_every_model(
    path: Path, parts: Path, model_path: Path, tmp_path: Path
) -> None:
    make_key_pair(tmp_path / "line.key")
    path.write_text("[model]\npublic_key = 'line.key.pub'")
    approved = tmp_path / "approved.tflite"
    key = read_private_key(tmp_path / "line.key")
    approved.write_bytes(signed(model_path.read_bytes(), key, "it"))
    for command in (("classify", parts), ("evaluate", parts), ("watch", "--source", parts)):
        name, *rest = command
        refused = here(name, model_path, *rest, "--config", path)
        assert refused.exit_code == 1, refused.output
        assert "is not signed" in refused.output
        assert here(name, approved, *rest, PARTSIGHT_CONFIG=str(path)).exit_code == 0


@pytest.mark.parametrize(
    "command",
    [("check",), ("benchmark", "--frames", "1"), ("model activate",)],
    ids=lambda command: command[0],
)
def test_other_commands_require_the_configured_key_too(
    command: tuple[str, ...], path: Path, model_path: Path
) -> None:
    make_key_pair(path.parent / "line.key")
    path.write_text("[model]\npublic_key = 'line.key.pub'\n[models]\nstore = 'models'")
    name, *rest = command
    refused = here(*name.split(), model_path, *rest, "--config", path)
    assert refused.exit_code == 1, refused.output
    assert "is not signed" in refused.output


@pytest.mark.parametrize(
    ("text", "message"),
    [("[model]\nruntime = 'torch'", "is wrong: model.runtime"), (None, "No such file")],
)
def test_a_wrong_configuration_stops_all(
    text: str | None, message: str, path: Path, parts: Path, model_path: Path
) -> None:
    if text is not None:
        path.write_text(text)
    for environ, options in (({}, ["--config", path]), ({"PARTSIGHT_CONFIG": str(path)}, [])):
        done = partsight("classify", model_path, parts, *options, **environ)
        assert done.returncode == 1
        assert message in done.stderr
        assert done.stderr.count("\n") == 1


def test_the_configured_runtime_and_threads_are_used(
    path: Path, parts: Path, model_path: Path
) -> None:
    """Told apart by what fails: threads that are no number, a runtime that is not there."""
    path.write_text(f"[model]\nruntime = '{runtimes()[-1].name}'\nthreads = 2")
    command = ("watch", model_path, "--source", parts, "--config", path)
    rows = partsight(*command)
    assert rows.returncode == 0, rows
    assert json.loads(rows.stdout.splitlines()[0])["error"] is None
    wrong = here(*command, PARTSIGHT_THREADS="x")
    assert wrong.exit_code == 2
    assert "'x' is not a valid integer range" in wrong.output
    missing = here(*command, PARTSIGHT_RUNTIME="none")
    assert "PARTSIGHT_RUNTIME must be one of" in missing.output


@pytest.mark.parametrize(
    "command",
    [
        ("watch", "MODEL", "--source", "PARTS"),
        ("watch", "--source", "PARTS"),
        ("classify", "MODEL", "PARTS"),
        ("evaluate", "MODEL", "PARTS"),
        ("check", "MODEL"),
        ("benchmark", "MODEL", "--frames", "1"),
        ("model", "activate", "MODEL"),
        ("model", "list"),
        ("journal", "query"),
        ("config", "check"),
        ("config", "show"),
    ],
)
def test_a_command_reads_the_configuration_once(
    command: tuple[str, ...],
    path: Path,
    parts: Path,
    model_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reads: list[Path] = []

    def counted(file: Path) -> Config:
        reads.append(file)
        return read_config(file)

    monkeypatch.setattr("partsight.config.file.read_config", counted)
    monkeypatch.setattr("partsight.benchmark.measure.benchmark", lambda *options: [])
    path.write_text("[models]\nstore = 'models'\n[journal]\npath = 'journal.db'")
    places = {"MODEL": str(model_path), "PARTS": str(parts)}
    here(*(places.get(each, each) for each in command), PARTSIGHT_CONFIG=str(path))
    assert reads == [path]


def test_no_command_changes_the_environment(path: Path, parts: Path, model_path: Path) -> None:
    """Checked for the command that used to write most variables."""
    path.write_text(f"[model]\nruntime = '{runtimes()[0].name}'\nthreads = 2")
    with pytest.MonkeyPatch.context() as patch:
        for name in (RUNTIME_VARIABLE, THREADS_VARIABLE, PUBLIC_KEY_VARIABLE, CONFIG_VARIABLE):
            patch.delenv(name, raising=False)
        before = dict(os.environ)
        command = ["watch", str(model_path), "--source", str(parts), "--config", str(path)]
        assert CliRunner().invoke(main, command).exit_code == 0
        assert {name: value for name, value in os.environ.items() if "PARTSIGHT" in name} == {
            name: value for name, value in before.items() if "PARTSIGHT" in name
        }


def test_new_models_are_examined_with_the_key_and_runtime_of_the_device(
    path: Path, parts: Path, model_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from partsight.model_store import watch as watch_module

    examined: list[dict[str, object]] = []

    class Recorded(watch_module.ModelWatch):
        def __init__(self, *arguments: object, **options: Any) -> None:
            examined.append(options["examine"].keywords)
            super().__init__(*arguments, **options)  # type: ignore[arg-type]

    make_key_pair(path.parent / "line.key")
    approved = path.parent / "approved.tflite"
    key = read_private_key(path.parent / "line.key")
    approved.write_bytes(signed(model_path.read_bytes(), key, "it"))
    monkeypatch.setattr(watch_module, "ModelWatch", Recorded)
    path.write_text(
        f"[model]\npublic_key = 'line.key.pub'\nruntime = '{runtimes()[0].name}'\n"
        "[models]\nstore = 'models'"
    )
    done = here("watch", approved, "--source", parts, "--config", path)
    assert done.exit_code == 0, done.output
    assert examined == [
        {
            "trust": TrustPolicy(path.parent / "line.key.pub"),
            "options": RuntimeOptions(runtimes()[0].name, 1),
        }
    ]


def test_the_examination_process_requires_the_key(model_path: Path, tmp_path: Path) -> None:
    from partsight.qualification.isolated import examine_isolated
    from partsight.qualification.rules import Rules

    make_key_pair(tmp_path / "line.key")
    data, trust = model_path.read_bytes(), TrustPolicy(tmp_path / "line.key.pub")
    with pytest.raises(ModelError, match="is not signed"):
        examine_isolated(data, Rules(), trust=trust)
    approved = signed(data, read_private_key(tmp_path / "line.key"), "it")
    assert examine_isolated(approved, Rules(), trust=trust).golden_samples > 0
