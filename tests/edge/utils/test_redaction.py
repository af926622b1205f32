"""``redaction`` hides secrets in every form of address."""

from __future__ import annotations

from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from partsight.utils.known_secrets import KnownSecrets, known_secrets
from partsight.utils.redaction import (
    redact_address,
    redact_origin,
    redact_text,
    remember_address,
    remember_secret,
)

# Contained in none of the forms below.
_WORD = "Zq7xK"
_FORMS = {
    "user info": "rtsp://{user}:{secret}@10.0.0.5:554/live/ch1",
    "user info without a path": "rtsp://{user}:{secret}@camera",
    "user info and IPv6": "rtsps://{user}:{secret}@[fe80::1]:322/live",
    "token as user": "https://{secret}@host/models/lite0.tar.gz",
    "scheme lost": "//{user}:{secret}@10.0.0.5/live",
    "path segments": "rtsp://10.0.0.5/live/admin/{secret}",
    "no scheme": "{user}:{secret}@10.0.0.5/live",
    "one slash": "rtsp:/{user}:{secret}@10.0.0.5/live",
    "broker": "mqtt://{user}:{secret}@broker:1883",
    "bucket": "s3://{user}:{secret}@bucket/parts",
    "proxy": "http://{user}:{secret}@proxy:3128",
    "query user pwd": "http://cam/snap.jpg?user={user}&pwd={secret}",
    "query username password": "rtsp://cam/live?username={user}&password={secret}&channel=1",
    "query passwd": "rtsp://cam/live?channel=1&usr={user}&passwd={secret}",
    "query pass": "rtsp://cam/live?u={user}&pass={secret}",
    "query loginpas": "http://cam/videostream.cgi?loginuse={user}&loginpas={secret}",
    "query p": "http://cam/cgi?cmd=Snap&u={user}&p={secret}",
    "query unknown key": "http://cam/cgi?whatever={secret}",
    "query token": "https://host/hook?token={secret}",
    "query apikey": "https://host/hook?apikey={secret}",
    "query signature": "https://bucket/lite0.tgz?X-Amz-Signature={secret}&X-Amz-Expires=300",
    "query bare": "https://host/hook?{secret}",
    "path underscore": "rtsp://cam:554/user={user}_password={secret}_channel=1_stream=0.sdp",
    "path ampersand": "rtsp://cam/user={user}&password={secret}&channel=1&stream=0.sdp?real_stream",
    "path colon": "rtsp://cam/{user}:{secret}/live",
    "path word": "https://host/token/{secret}/live",
    "fragment": "rtsp://cam/live#{secret}",
    "pipeline address": "rtspsrc location=rtsp://{user}:{secret}@cam/live ! decodebin ! appsink",
    "pipeline quoted": 'rtspsrc location="rtsp://{user}:{secret}@cam/live" latency=0 ! appsink',
    "pipeline user-pw": "rtspsrc location=rtsp://cam/a user-id={user} user-pw={secret} ! appsink",
    "pipeline user-pw first": "rtspsrc user-pw={secret} location=rtsp://cam/a ! appsink",
    "ffmpeg concat": "concat:rtsp://{user}:{secret}@cam/a|rtsp://{user}:{secret}@cam/b",
    "scheme-less query": "cam/snap?user={user}&pwd={secret}",
    "scheme-less unknown key": "cam/snap?user={user}&whatever={secret}",
    "scheme-less path": "cam/live/{user}/password={secret}",
    "scheme-less path word": "cam:80/token={secret}",
    "scheme-less fragment": "cam/live?pwd=x#password={secret}",
    "query after a port": "rtsp://cam:554/live?user={user}&pwd={secret}",
    "scheme lost, query": "//cam/live?user={user}:x&pwd={secret}",
}
_SECRETS = st.builds(
    lambda left, middle, right: left + middle + right,
    st.sampled_from([_WORD, _WORD[::-1]]),
    st.text(st.sampled_from("#/?[]@:%&=+;,_ !$\\\"'()<>|{}~äß漢aB3"), max_size=12)
    | st.text(st.sampled_from(":@/?#a"), max_size=6),
    st.sampled_from(["Wv9yJ", "Yj4hP"]),
)


def _as_written(secret: str) -> dict[str, str]:
    return {"plain": secret, "encoded": quote(secret, safe=""), "plus": quote_plus(secret)}


def _fragments(secret: str) -> list[str]:
    """Texts that must not appear: the secret, also encoded, and its distinct ends."""
    return [*_as_written(secret).values(), secret[:5], secret[-5:]]


@pytest.mark.parametrize("form", _FORMS.values(), ids=_FORMS)
@settings(deadline=None)
@given(secret=_SECRETS, way=st.sampled_from(["plain", "encoded", "plus"]))
def test_a_secret_never_appears_in_a_redacted_address(form: str, secret: str, way: str) -> None:
    address = form.format(user="operator", secret=_as_written(secret)[way])
    redacted = redact_address(address)
    assert [each for each in _fragments(secret) if each in redacted] == [], redacted
    assert redact_address(redacted) == redacted
    assert redact_text(redact_text(redacted)) == redact_text(redacted)


@pytest.mark.parametrize("form", _FORMS.values(), ids=_FORMS)
@settings(deadline=None)
@given(secret=_SECRETS)
def test_a_secret_of_a_remembered_address_never_appears_in_a_message(
    form: str, secret: str
) -> None:
    known_secrets.clear()
    remember_secret(secret)
    message = f"cannot open {form.format(user='operator', secret=secret)!r}: 401, {secret}."
    assert [each for each in _as_written(secret).values() if each in redact_text(message)] == []


@pytest.mark.parametrize(
    "address",
    ["cam/snap?user=operator&pwd={}", "no camera 'cam/live#password={}'", "pwd={}, 401"],
)
@settings(deadline=None)
@given(middle=st.text(st.sampled_from(":@a3"), max_size=8))
def test_a_secret_with_reserved_characters_is_hidden_in_a_message(
    address: str, middle: str
) -> None:
    known_secrets.clear()
    redacted = redact_text(address.format(f"Zq7xK{middle}Wv9yJ"))
    assert "Zq7xK" not in redacted
    assert "Wv9yJ" not in redacted


@pytest.mark.parametrize(
    ("address", "redacted"),
    [
        ("0", "0"),
        ("/dev/video0", "/dev/video0"),
        ("/data/@eaDir/a:b@c.mp4", "/data/@eaDir/a:b@c.mp4"),
        ("parts/2024@line.mp4", "parts/2024@line.mp4"),
        ("file:///data/line@2/a.mp4", "file:///data/line@2/a.mp4"),
        ("http://10.0.0.5:8080/video.mjpg", "http://10.0.0.5:8080/video.mjpg"),
        ("rtsp://cam/Streaming/Channels/101", "rtsp://cam/Streaming/Channels/101"),
        (
            "rtsp://cam/cam/realmonitor?channel=1&subtype=0",
            "rtsp://cam/cam/realmonitor?channel=1&subtype=0",
        ),
        ("rtsp://u:p@cam:554/live", "rtsp://***@cam:554/live"),
        ("rtsp://admin:p#ss@cam/live", "rtsp://***@cam/live"),
        ("rtsp://admin:p/ss@cam/live", "rtsp://***@cam/live"),
        ("rtsp://admin:p?ss@cam/live", "rtsp://***@cam/live"),
        ("rtsp://admin:p[ss@cam/live", "rtsp://***@cam/live"),
        ("rtsp://cam/live?user=a&pwd=b&channel=2", "rtsp://cam/live?user=***&pwd=***&channel=2"),
        ("rtsp://cam/user=a_password=b_channel=1.sdp", "rtsp://cam/***"),
        ("rtsps://cam:7441/AbCd3fGhIjKlMnOp?enableSrtp", "rtsps://cam:7441/***?***"),
        ("https://tfhub.dev/google/lite0/1#sha256=" + "a" * 64, None),
        ("rtsp://admin:secret", "rtsp://***"),
        ("cam/snap?channel=1&user=a&pwd=b", "cam/snap?channel=1&user=***"),
        ("cam/snap?user=a&pwd=b:@c", "***"),
        ("//server/share/a@2x.png", "//server/share/a@2x.png"),
        ("http://cam/administration/1", "http://cam/administration/1"),
        ("https://h/8f14e45f-ceea-467f-9575-6d0b1a2c3d4e/a", "https://h/***/a"),
        (
            "https://h/v2/mobilenet_v2_100_224/5.tar.gz",
            "https://h/v2/mobilenet_v2_100_224/5.tar.gz",
        ),
        ("rtsp://cam/h264Preview_01_main", "rtsp://cam/h264Preview_01_main"),
        ("s3://line-3/2024/date=2024-01-02/", "s3://line-3/2024/date=2024-01-02/"),
    ],
)
def test_harmless_components_of_an_address_stay(address: str, redacted: str | None) -> None:
    assert redact_address(address) == (address if redacted is None else redacted)


@pytest.mark.parametrize(
    ("address", "origin"),
    [
        ("https://hooks.example/services/T0/B0/x", "https://hooks.example/***"),
        ("https://u:p@hooks.example:8443/x?y=z", "https://***@hooks.example:8443/***"),
        ("https://hooks.example", "https://hooks.example"),
        ("hooks.example/x", "***"),
    ],
)
def test_only_the_origin_of_a_webhook_is_shown(address: str, origin: str) -> None:
    assert redact_origin(address) == origin
    assert redact_origin(origin) == origin


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ("http://h/a: it gave no frame", "http://h/a: it gave no frame"),
        ("(http://[::1]:80), and", "(http://[::1]:80), and"),
        ("at http://[::1].", "at http://[::1]."),
        ("Max retries exceeded with url: /hook?token=abc (Caused by", None),
        ("url: /services/password=x (Caused", "url: /services/password=x (Caused"),
        ("password=abc, user=def", "password=***, user=***"),
        ("Authorization: Basic dXNlcjpwYXNz", "Authorization: Basic ***"),
        ("expected password_env or password_file", "expected password_env or password_file"),
        ("17 of 20 inputs failed", "17 of 20 inputs failed"),
        ("exception_code=2, p=0.05, code=3", "exception_code=2, p=0.05, code=3"),
        ("the Basic settings of Bearer parts", "the Basic settings of Bearer parts"),
        ("cam/snap?u=geheim&p=geheim", "cam/snap?u=***&p=***"),
        ("no file rtsp:/op:geheim@cam/a.", "no file rtsp:/***@cam/a."),
        ("no file /cwd/rtsp:/op:geheim@cam/a.", "no file /cwd/rtsp:/***@cam/a."),
        ("no source 'op:geheim@cam/a'", "no source '***@cam/a'"),
        ("no source '//op:geheim@cam/a'", "no source '//***@cam/a'"),
        ("cannot read /data/a:b@c.mp4", "cannot read /data/a:b@c.mp4"),
        ("cannot read: /data/@eaDir/a", "cannot read: /data/@eaDir/a"),
        ("written by me@example.com: at 12:30", "written by me@example.com: at 12:30"),
    ],
)
def test_messages_stay_readable(text: str, redacted: str | None) -> None:
    if redacted is None:
        assert "abc" not in redact_text(text)
    elif "password=x" in text:
        assert "password=x" not in redact_text(text)
    else:
        assert redact_text(text) == redacted


@pytest.mark.parametrize(
    ("secret", "text"),
    [
        ("ge heim", "ge%20heim"),
        ("ge heim", "ge+heim"),
        ("gé/heim", "g%c3%a9%2Fheim"),
        ("gé/heim", "g%C3%A9/heim"),
        ('ge"heim', json := '{"x": "ge\\"heim"}'),
        ("ge%23heim", "ge#heim"),
        ("abc", "(abc)"),
    ],
)
def test_a_remembered_secret_is_hidden_in_every_spelling(secret: str, text: str) -> None:
    secrets = KnownSecrets()
    secrets.add(secret)
    assert secrets.hidden_in(text) in ("***", '{"x": "***"}', "(***)")


@pytest.mark.parametrize("secret", ["", "x", "ab"])
def test_short_texts_are_not_hidden(secret: str) -> None:
    secrets = KnownSecrets()
    secrets.add(secret)
    assert secrets.hidden_in("x ab abc") == "x ab abc"


def test_a_short_secret_is_hidden_as_a_word_only() -> None:
    secrets = KnownSecrets()
    secrets.add("1234")
    assert secrets.hidden_in("pin 1234 of 912345") == "pin *** of 912345"


def test_secrets_of_an_address_are_known_from_then_on() -> None:
    remember_address("rtsp://op:geh%23im@cam/a?pwd=andres&x=1")
    assert redact_text("geh#im geh%23im andres op") == "*** *** *** op"
