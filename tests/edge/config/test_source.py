"""``[source]`` of the configuration."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import BaseModel

from partsight.config.file import read_config
from partsight.config.source import SourceConfig
from partsight.errors import ConfigError

WHOLE = """
[source]
address = "rtsp://camera/line"
warm_up_frames = 3

[source.camera]
width = 1920
pixel_format = "MJPG"

[source.conditions]
blurred_below = 80.0

[source.folder]
watch = true
"""


def test_the_section_is_read_with_its_subsections(tmp_path: Path) -> None:
    path = tmp_path / "partsight.toml"
    path.write_text(WHOLE)
    source = read_config(path).source
    assert source.address == "rtsp://camera/line"
    assert source.camera.pixel_format == "MJPG"
    assert source.conditions.blurred_below == 80
    assert source.folder.watch
    assert source.stale_after_s == SourceConfig().stale_after_s


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("stale_after_s = 6.0", "stale_after_s must not be above read_timeout_s"),
        ("conditions.dark_below = 251.0", "dark_below must be below"),
        ("conditions.dark_below = -1.0", "source.conditions.dark_below"),
        ("camera.pixel_format = 'MJPEG'", "source.camera.pixel_format"),
        ("camera.widht = 3", "Did you mean width"),
        ("adress = '0'", "Did you mean address"),
        ("address = ''", "source.address"),
        ("warm_up_frames = -1", "source.warm_up_frames"),
    ],
)
def test_invalid_values_are_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "partsight.toml"
    path.write_text("[source]\n" + text)
    with pytest.raises(ConfigError, match=message):
        read_config(path)


def fields(section: type[BaseModel]) -> Iterator[tuple[str, str | None]]:
    for name, field in section.model_fields.items():
        yield name, field.description
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from fields(field.annotation)


def test_every_key_is_described() -> None:
    assert [name for name, description in fields(SourceConfig) if not description] == []
