"""Answers to a web server's challenges, by the examples of RFC 7616 and RFC 7617."""

from __future__ import annotations

import pytest

from partsight.sources.http_login import authorization

REALM = 'realm="http-auth@example.org", qop="auth, auth-int", '
NONCES = (
    'nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", '
    'opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"'
)
MD5 = f"Digest {REALM}algorithm=MD5, {NONCES}"
SHA = f"Digest {REALM}algorithm=SHA-256, {NONCES}"
MD5_ANSWER = "8ca523f5e9506fed4657c9700eebdbec"
SHA_ANSWER = "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"
BASIC_ANSWER = "Basic TXVmYXNhOkNpcmNsZSBvZiBMaWZl"


def answer(*challenges: str) -> str | None:
    cnonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"
    return authorization(challenges, "GET", "/dir/index.html", "Mufasa", "Circle of Life", cnonce)


@pytest.mark.parametrize(
    ("challenges", "expected"),
    [
        ([MD5], MD5_ANSWER),
        ([SHA], SHA_ANSWER),
        ([MD5, SHA], SHA_ANSWER),
        ([SHA.replace("SHA-256", "SHA-512-256"), MD5], MD5_ANSWER),
        ([f"{SHA}, {MD5}"], SHA_ANSWER),
        ([f'Basic realm="x, y", {MD5}'], MD5_ANSWER),
        ([MD5.replace("Digest", "DIGEST").replace("algorithm=MD5, ", "")], MD5_ANSWER),
        ([MD5.replace("auth, auth-int", "auth-int"), "Basic realm=x"], BASIC_ANSWER),
        (["Basic"], BASIC_ANSWER),
        (['basic realm="camera"'], BASIC_ANSWER),
    ],
)
def test_the_strongest_challenge_is_answered(challenges: list[str], expected: str) -> None:
    given = answer(*challenges)
    assert given is not None
    assert f'response="{expected}"' in given or given == expected


@pytest.mark.parametrize(
    "challenges", [[], ["Bearer realm=x"], ["Negotiate"], ["Digest realm=x"], ["\xff,,=", ""]]
)
def test_other_files_are_not_images(challenges: list[str]) -> None:
    assert answer(*challenges) is None


def test_the_older_digest_without_qop() -> None:
    """The example of RFC 2069 with the erratum 749."""
    challenge = (
        'Digest realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", '
        'opaque="5ccc069c403ebaf9f0171e9517f40e41"'
    )
    given = authorization([challenge], "GET", "/dir/index.html", "Mufasa", "CircleOfLife", "")
    assert given is not None
    assert 'response="1949323746fe6a43ef61f9606e7febea"' in given
    assert "qop" not in given
