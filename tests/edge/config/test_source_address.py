"""Classification of a source's address, first by the disk and then by its form."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from partsight.config.file import read_config
from partsight.config.source import FolderConfig, SourceConfig
from partsight.config.source_address import Kind, classify_address
from partsight.errors import SourceError
from partsight.image.spec import PreprocessSpec
from partsight.inputs.base import InputImage
from partsight.inputs.open import open_inputs
from partsight.records import Frame
from partsight.sources import open_frames, open_source
from partsight.sources.checked import CheckedFrames
from partsight.telemetry.telemetry import Telemetry

SPEC = PreprocessSpec(24, 24)
PNG = cv2.imencode(".png", np.full((30, 40, 3), 90, np.uint8))[1].tobytes()


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder and the home folder, with a folder of one picture under many names."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def folder(name: str) -> None:
    Path(name).mkdir(parents=True)
    Path(name, "a.png").write_bytes(PNG)


@pytest.mark.parametrize(
    ("name", "address"),
    [
        ("0", "0"),
        ("2024", "2024"),
        ("2024", "./2024"),
        ("rtsp:/host/line", "rtsp://host/line"),
        ("v4l2src ! appsink", "v4l2src ! appsink"),
        ("a://b", "a://b"),
        ("camera", "camera"),
        ("usb:0", "usb:0"),
        ("parts*", "parts*"),
        ("with space#1?", "file://{here}/with%20space%231%3F"),
        ("100%41", "file://{here}/100%41"),
        ("good", "file://{here}/good"),
        ("good", "file://localhost{here}/good/"),
        ("good", "FILE://{here}/good"),
        ("good", "file:{here}/good"),
        ("good", "~/good"),
    ],
)
def test_an_existing_folder_is_read_whatever_its_name(here: Path, name: str, address: str) -> None:
    folder(name)
    address = address.format(here=here)
    assert classify_address(address).kind is Kind.FOLDER
    with open_source(address, SPEC) as source:
        (frame,) = source
    assert isinstance(frame, Frame)
    at_once = FolderConfig(watch=True, existing=True, settle_s=0.01)
    watched = SourceConfig(address=address, folder=at_once)
    with open_frames(watched, SPEC, Telemetry()) as frames:
        assert isinstance(frames, CheckedFrames)
        assert isinstance(frames.after(0, 10), Frame)


@pytest.mark.skipif(not os.access("/dev/shm", os.W_OK), reason="no /dev/shm")
def test_a_folder_in_shared_memory_is_no_camera() -> None:
    path = f"/dev/shm/partsight-test-{os.getpid()}"
    assert classify_address(path).kind is Kind.MISSING, "it can be waited for"
    os.mkdir(path)
    try:
        assert classify_address(path).kind is Kind.FOLDER
    finally:
        os.rmdir(path)


@pytest.mark.parametrize("name", ["0", "2024.avi", "belt.TS", "belt.wmv", "noending", "clip.dat"])
def test_watch_and_classify_read_the_same_videos(
    name: str, write_video: Callable[[Path, int], Path]
) -> None:
    os.rename(write_video(Path("made.avi"), 3), name)
    assert classify_address(name).kind is Kind.VIDEO
    with open_source(name, SPEC) as source:
        watched = [frame.index for frame in source]
    classified = [each.name for each in open_inputs([name])]
    assert classified == [f"{name}#{index}" for index in watched] == [f"{name}#{n}" for n in "012"]


@pytest.mark.parametrize(
    ("name", "data"), [("a.png", PNG), ("noending", PNG), ("x.gif", PNG), ("x.dat", b"text " * 99)]
)
def test_watch_and_classify_take_the_same_files_for_pictures(name: str, data: bytes) -> None:
    Path(name).write_bytes(data)
    assert classify_address(name).kind is Kind.PICTURE
    (taken,) = open_inputs([name])
    assert isinstance(taken, InputImage)
    assert taken.content == Path(name)
    with open_source(name, SPEC) as source:
        (event,) = source
    assert isinstance(event, Frame) == (data == PNG)


def test_a_link_to_a_device_is_a_camera(here: Path) -> None:
    Path("camera-line-3").symlink_to("/dev/null")
    found = classify_address("camera-line-3")
    assert (found.kind, found.target) == (Kind.CAMERA, str(here / "camera-line-3"))


@pytest.mark.parametrize(
    ("address", "kind", "target"),
    [
        ("0", Kind.CAMERA, "0"),
        ("12", Kind.CAMERA, "12"),
        ("/dev/video3", Kind.CAMERA, "/dev/video3"),
        ("/dev/v4l/by-id/usb-046d-video-index0", Kind.CAMERA, None),
        ("/dev/null", Kind.CAMERA, "/dev/null"),
        ("rtsp://user:pw@host:554/line", Kind.STREAM, None),
        ("RTSP://Host/Line", Kind.STREAM, "rtsp://Host/Line"),
        ("http://host/snap.jpg", Kind.STREAM, None),
        ("https://host/x?a=http://b", Kind.STREAM, None),
        ("udp://@239.0.0.1:1234", Kind.STREAM, None),
        ("tcp://:5000?listen", Kind.STREAM, None),
        ("missing.avi", Kind.MISSING, None),
        ("", Kind.MISSING, ""),
        ("later/in", Kind.MISSING, None),
        ("ftp/incoming", Kind.MISSING, None),
        ("basler/line-1", Kind.MISSING, None),
        ("/srv/parts@line/2024", Kind.MISSING, None),
        ("in/a://b", Kind.MISSING, None),
        ("./2024", Kind.MISSING, "./2024"),
        ("file:///gone/a%20b", Kind.MISSING, "/gone/a b"),
    ],
)
def test_an_address_not_on_the_disk_is_classified_by_its_form(
    address: str, kind: Kind, target: str | None
) -> None:
    found = classify_address(address)
    assert (found.kind, found.target) == (kind, address if target is None else target)
    assert bool(found.reason) == (kind is Kind.MISSING)


@pytest.mark.parametrize(
    ("address", "hint"),
    [
        ("v4l2src ! appsink", "GStreamer.*v4l2sink"),
        ("v4l2src device=/dev/video0 ! videoconvert ! appsink", "GStreamer"),
        ("rtspsrc location=rtsp://u:marker@h/x latency=0 ! decodebin ! appsink", "rtsp://"),
        ("gst-launch-1.0 videotestsrc", "GStreamer"),
        ("videotestsrc", "GStreamer"),
        ("nvarguscamerasrc sensor-id=0 ! nvvidconv ! appsink", "Cameras of a Jetson"),
        ("gst-launch-1.0 nvarguscamerasrc ! fakesink", "Cameras of a Jetson"),
        ("argus://0", "Cameras of a Jetson"),
        ("libcamerasrc ! videoconvert ! appsink", "Raspberry Pi"),
        ("libcamerasrc ! appsink", "libcamerify"),
        ("libcamera:0", "libcamerify"),
        ("libcamera", "libcamerify"),
        ("libcamera-vid -t 0", "libcamerify"),
        ("/base/soc/i2c0mux/i2c@1/imx219@10", "libcamerify"),
        ("/base/axi/pcie@120000/rp1/i2c@88000/imx708@1a", "libcamerify"),
        ("picamera", "libcamerify"),
        ("picamera2", "libcamerify"),
        ("rpicam:1", "libcamerify"),
        ("csi://0", "libcamerify"),
        ("usb:0", "its number or device: 0, or /dev/video0"),
        ("usb://2", "2, or /dev/video2"),
        ("video0", "0, or /dev/video0"),
        ("dev/video1", "1, or /dev/video1"),
        ("cam2", "2, or /dev/video2"),
        ("webcam", "0, or /dev/video0"),
        ("USB camera 1", "1, or /dev/video1"),
        ("-1", "0, or /dev/video0"),
        ("v4l2:///dev/video4", "device by itself: /dev/video4"),
        ("v4l2:/dev/video4", "device by itself: /dev/video4"),
        ("COM3", "serial port"),
        (r"C:\parts", "path of Windows"),
        (r"\\server\parts", "path of Windows"),
        ("gev://192.168.0.5", "GigE.*watched folder"),
        ("gige:Basler-1", "GigE"),
        ("u3v://2", "USB3"),
        ("onvif://192.168.0.5", "rtsp://"),
        ("smb://server/share", "Mount"),
        ("s3://bucket/parts", "mount the store"),
        ("ws://host/x", "RTSP or MJPEG"),
        ("foo://bar", "foo:// is not read"),
        ("rtps://u:marker@h/x", "Did you mean rtsp://"),
        ("rstp://h/x", "Did you mean rtsp://"),
        ("htpp://h/x", "Did you mean http://"),
        ("htps://h/x", "Did you mean https://"),
        ("http:/host", "Write http://HOST"),
        ("rtsp:/u:marker@host/x", "Write rtsp://HOST"),
        ("http:host", "Write http://HOST"),
        ("http//host", "Write http://HOST"),
        ("rtsp;//host", "Write rtsp://HOST"),
        (r"rtsp:\\host\x", "Write rtsp://HOST"),
        ("rtsp:///line", "no host"),
        ("http://:8080/x", "no host"),
        ("http://[::1/x", "host or port is malformed"),
        ("http://host:99999/x", "host or port is malformed"),
        ("rtsp://user:marker@host:port/x", "host or port is malformed"),
        ("rtsp", "whole address, rtsp://HOST"),
        ("192.168.0.5:554/line", "Put rtsp:// or http:// first"),
        ("192.168.0.5", "Put rtsp:// or http:// first"),
        ("camera.local:8080/video", "Put rtsp:// or http:// first"),
        ("user:marker@camera/line", "Put rtsp:// or http:// first"),
        ("avfoundation:0", "FFmpeg"),
        ("video=Integrated Camera", "FFmpeg"),
        ("parts/*.png", "Give the folder"),
        ("file://otherhost/parts", "file:///"),
        ("file:relative", "file:///"),
    ],
)
def test_forms_of_other_programs_get_an_answer(address: str, hint: str) -> None:
    found = classify_address(address)
    assert found.kind is Kind.UNSUPPORTED, found
    with pytest.raises(SourceError, match=hint) as raised:
        open_source(address, SPEC)
    assert "\n" not in str(raised.value)
    assert "marker" not in str(raised.value), "it is part of a password"


def test_a_pipe_or_socket_is_named_and_not_waited_for(here: Path) -> None:
    os.mkfifo("pipe")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket")
    for name in ("pipe", "socket"):
        with pytest.raises(SourceError, match="is a pipe, a socket or a disk"):
            open_source(name, SPEC)


def test_a_file_cannot_be_watched(write_video: Callable[[Path, int], Path]) -> None:
    write_video(Path("line.avi"), 2)
    config = SourceConfig(address="line.avi", folder=FolderConfig(watch=True))
    with pytest.raises(SourceError, match=r"cannot watch line\.avi: expected a folder"):
        open_frames(config, SPEC, Telemetry())


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("parts", "{etc}/parts"),
        ("2024", "{etc}/2024"),
        ("0", "0"),
        ("7", "/dev/video7"),
        ("./later", "{etc}/later"),
        ("/srv/x", "/srv/x"),
        ("~/x", "{here}/x"),
        ("file:///srv/a%20b", "/srv/a b"),
        ("/dev/video0", "/dev/video0"),
        ("rtsp://host/x", "rtsp://host/x"),
        ("usb:0", "usb:0"),
    ],
)
def test_an_address_in_a_file_means_the_same_from_everywhere(
    here: Path, address: str, expected: str
) -> None:
    etc = here / "etc"
    folder("etc/parts")
    folder("etc/2024")
    folder("7")  # in the current folder, which is not meant
    (etc / "partsight.toml").write_text(f"[source]\naddress = '{address}'\n")
    found = read_config(etc / "partsight.toml").source.address
    assert found == expected.format(etc=etc, here=here)


@pytest.mark.parametrize(
    "address", ["\0", "a\0b", "x" * 5000, "file:", "file://", "://", ":", "~nobody", "~", "http:"]
)
def test_no_address_does_harm(address: str) -> None:
    assert classify_address(address).kind in (Kind.MISSING, Kind.UNSUPPORTED, Kind.FOLDER)
    assert (address == "~") == (classify_address(address).kind is Kind.FOLDER)


def test_a_folder_with_the_name_of_a_camera_is_reported(caplog: pytest.LogCaptureFixture) -> None:
    folder("0")
    with open_frames(SourceConfig(address="0"), SPEC, Telemetry()):
        assert "source 0 is the folder of that name; the camera is /dev/video0" in caplog.text
    caplog.clear()
    with open_frames(SourceConfig(address="./0"), SPEC, Telemetry()):
        assert not caplog.text
