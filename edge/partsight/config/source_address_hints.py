"""Advice for addresses that other programs read and partsight does not.

Each form of address has a regular expression and an answer. Answers never repeat an address, which
may hold a password.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection
from urllib.parse import urlsplit

__all__ = ["PIPELINE", "SUPPORTED", "hint"]

SUPPORTED = (
    "a camera's number such as 0, /dev/videoN, an rtsp:// or http:// address, a video file or a "
    "folder"
)
_BRIDGE = (
    "Feed the camera into a v4l2loopback device and give its /dev/videoN, or serve it over RTSP "
    "or MJPEG (MediaMTX does both) and give that address"
)
_PI = (
    "Cameras of libcamera (Raspberry Pi) are not opened directly. Run partsight under "
    "'libcamerify' with --source /dev/video0, or feed the camera into a v4l2loopback device "
    "('gst-launch-1.0 libcamerasrc ! videoconvert ! v4l2sink device=/dev/video10') and give "
    "/dev/video10, or serve it over RTSP (MediaMTX, rpiCamera) and give rtsp://127.0.0.1:8554/NAME"
)
_JETSON = (
    "Cameras of a Jetson (Argus) are not opened directly. Feed the camera into a v4l2loopback "
    "device ('gst-launch-1.0 nvarguscamerasrc ! nvvidconv ! video/x-raw,format=I420 ! v4l2sink "
    "device=/dev/video10') and give /dev/video10, or serve it over RTSP (MediaMTX) and give "
    "rtsp://127.0.0.1:8554/NAME"
)
_GSTREAMER = (
    "GStreamer pipelines are not read: OpenCV from PyPI is built without GStreamer. Give the "
    "first element of the pipeline: /dev/videoN, with size and format in [source.camera], or the "
    "rtsp:// address. For another source, end the pipeline with 'videoconvert ! v4l2sink "
    "device=/dev/videoN' of v4l2loopback and give that device"
)
_GENICAM = (
    "GigE Vision and USB3 Vision cameras (GenICam) are not opened directly. Have the camera or "
    "its program store files in a watched folder ([source.folder] watch = true), or feed it into "
    "a v4l2loopback device ('gst-launch-1.0 aravissrc ! videoconvert ! v4l2sink "
    "device=/dev/video10') and give /dev/video10"
)
_MOUNT = "Mount the folder on this machine and give its path"
_NUMBER = (
    "A camera is given by its number or device: {0}, or /dev/video{0}. A folder that is not there "
    "yet is given as ./NAME"
)

_PI_NAME = r"(?:lib|pi|rpi|raspi)cam\w*|csi"
# A GStreamer pipeline, such as "rtspsrc location=... ! appsink".
PIPELINE = r"gst-launch\S*\s.*|.*\s!\s.*|\w+src\s+\w[\w-]*=.*"
_GST_SOURCES = (
    "v4l2?|rtsp|rtmp2?|udp|tcp|srt|souphttp|curlhttp|file|multifile|videotest|autovideo|aravis|"
    "pylon|tcam|ximage|pipewire|nvv4l2camera|uvch264|ks|mfvideo|avfvideo|ndi|rpicam|raspivid"
)
# Regular expression for the whole address in lower case, and the answer; the first match counts. A
# plain path must match none of them: a watched folder may not exist yet.
_FORMS: tuple[tuple[str, str], ...] = (
    (rf"(?:{_PI_NAME})(?:[: \d-].*)?|/base/(?:soc|axi|scb|bus)\b.*|/base/.*@.*", _PI),
    (r"(?:.*[\s\"'])?libcamerasrc\b.*|mmal:.*", _PI),
    (r"(?:.*[\s\"'])?nvargus\w*\b.*|(?:nv)?argus:.*", _JETSON),
    (rf"{PIPELINE}|gst(?:reamer)?:.*|.*!\s*\w*sink\b.*", _GSTREAMER),
    (rf"(?:{_GST_SOURCES})src(?:\s.*)?|(?:uridecodebin|playbin)\d?(?:\s.*)?", _GSTREAMER),
    (r"(?:gev|gige|gigevision|genicam|u3v|usb3vision)(?:[: ].*)?|"
     r"(?:aravis|pylon|basler|vimba|spinnaker|tiscamera):.*", _GENICAM),
    (r"com\d+:?", "This names a serial port of Windows, which gives no pictures"),
    (r"[a-z]:[\\/].*|\\\\.*", "This is a path of Windows. Give a path of this machine"),
    (r"(?:smb|cifs|nfs|afp|sftp|scp|ssh|davs?|webdavs?)://.*", _MOUNT),
    (r"(?:s3|gs|az|abfs|hdfs)://.*",
     "Objects in a store are read by 'partsight classify --engine ray'. For the line, mount the "
     "store on this machine and give the path"),
    (r"onvif:.*", "ONVIF is not spoken. Look up the camera's stream (an ONVIF device manager "
     "shows it) and give that rtsp:// address"),
    (r"(?:webrtc|whep|whip|wss?|ndi|hls|dash):.*", f"This protocol is not read. {_BRIDGE}"),
    (r"(?:dshow|vfwcap|gdigrab|avfoundation|x11grab|pipe|fd|concat|lavfi|decklink):.*|video=.*|-|"
     r"-[a-z]+ .*", f"Inputs of FFmpeg's command line are not read. {_BRIDGE}"),
    (r"[^:]*\*[^:]*", "Patterns are read by 'partsight classify'. Give the folder"),
)  # fmt: skip
_COMPILED = tuple((re.compile(form, re.DOTALL), answer) for form, answer in _FORMS)

_DEVICE = re.compile(r"\w+:(?://)?(/dev/\w[\w./-]*)", re.IGNORECASE)
_CAMERA = re.compile(
    r"(?:/?(?:dev/)?video|usb|cam|camera|webcam|uvc|v4l2?|device|index)[:=#_ -]*(?:cam|camera)?"
    r"[:=#/_ -]*(?P<number>\d+)|webcam|(?:\w+ )?camera|usb ?cam|v4l2?:.*",
    re.IGNORECASE,
)
_HOST = re.compile(
    r"(?:[^/@\s]+(?::[^/@\s]*)?@)?(?:\d{1,3}(?:\.\d{1,3}){3}|[\w-]+(?:\.[\w-]+)*(?=:\d)|localhost|"
    r"\[[0-9a-f:]+\])(?::\d{1,5})?(?:[/?].*)?",
    re.IGNORECASE | re.DOTALL,
)
_WITH_PASSWORD = re.compile(r"[^/@\s:]+:[^@\s]*@[\w.-]+.*", re.DOTALL)
_SCHEME_LIKE = re.compile(r"([A-Za-z][\w+.-]*?)\s*([:;]?[/\\]{1,2}|:)(.*)", re.DOTALL)
_NEEDS_HOST = frozenset({"http", "https", "rtsp", "rtsps", "rtmp", "rtmps", "mms", "srt", "ftp"})
# Protocols that are suggested for a misspelt one.
_USUAL = ("rtsp", "http", "https", "rtmp", "udp")
_SIMILAR = 0.7


def hint(address: str, schemes: Collection[str]) -> str | None:
    """Return the error in an address and a correction, or None if there is none.

    Args:
        address: address as written; no file of that name exists.
        schemes: schemes of the URLs that can be read, in lower case.
    """
    text = address.strip()
    if found := _DEVICE.fullmatch(text):
        return _message(f"Give the device by itself: {found[1]}")
    for form, answer in _COMPILED:
        if form.fullmatch(text.lower()):
            return _message(answer)
    if found := _CAMERA.fullmatch(text):
        return _message(_NUMBER.format(int(found["number"] or 0)))
    if re.fullmatch(r"-\d+", text):
        return _message(_NUMBER.format(0))
    return _wrong_url(text, schemes)


def _wrong_url(text: str, schemes: Collection[str]) -> str | None:
    found = _SCHEME_LIKE.match(text)
    scheme = found[1].lower() if found else text.lower()
    if found and found[2] == "://":
        return _without_host(text, scheme) if scheme in schemes else _wrong_scheme(scheme)
    meant = _similar(scheme)
    # ftp/incoming is a path: only a colon or two slashes make a URL.
    if meant and found and found[2] not in ("/", "\\"):
        return _message(f"A URL has '://' behind its protocol. Write {meant}://HOST/PATH")
    if found is None and scheme in _USUAL:
        return _message(f"Give the whole address, {scheme}://HOST/PATH")
    if _HOST.fullmatch(text) or _WITH_PASSWORD.fullmatch(text):
        return _message("This looks like a host without a protocol. Put rtsp:// or http:// first")
    return None


def _similar(scheme: str) -> str | None:
    if scheme in _NEEDS_HOST:
        return scheme
    return next(iter(difflib.get_close_matches(scheme, _USUAL, 1, _SIMILAR)), None)


def _wrong_scheme(scheme: str) -> str:
    meant = _similar(scheme)
    answer = f"Did you mean {meant}://?" if meant else _BRIDGE
    return _message(f"The protocol {scheme}:// is not read. {answer}")


def _without_host(text: str, scheme: str) -> str | None:
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return _message(
            "The URL's host or port is malformed. Write PROTOCOL://HOST:PORT/PATH with a port up "
            "to 65535, an IPv6 address in brackets, and special characters of user name and "
            "password as %XX"
        )
    if not host and scheme in _NEEDS_HOST:
        return _message(f"The URL has no host. Write {scheme}://HOST/PATH")
    return None


def _message(answer: str) -> str:
    end = "" if answer.endswith("?") else "."
    return f"this source cannot be opened: {answer}{end} Expected {SUPPORTED}."
