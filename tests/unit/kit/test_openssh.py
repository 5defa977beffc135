"""Public keys in OpenSSH's form: what is read, and what is refused in which words."""

import base64
import hashlib
import shutil
import subprocess

import pytest

from chalicelib.kit.openssh import (
    INVALID_BASE64,
    INVALID_FORMAT,
    OTHER_ALGORITHM,
    PATTERN,
    WEAK_RSA,
    BadKeyError,
    parse,
)
from tests.support.ssh_keys import blob_of, ecdsa_key, ed25519_key, of_blob, relabelled, rsa_key

EVERY = [ed25519_key(), ecdsa_key(256), ecdsa_key(384), ecdsa_key(521), rsa_key(2048), rsa_key(4096)]

PUBLISHED = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGQw7Di3fBr2oc2vbZN5YLz8YpJ8PQb5bXwQwe+QgYX8 user@laptop"
"""The example of the API's document."""


def refusal(line):
    with pytest.raises(BadKeyError) as refused:
        parse(line)
    return refused.value.text


@pytest.mark.parametrize("line", [*EVERY, PUBLISHED])
def test_ssh_keys_of_every_algorithm_are_read(line):
    parsed = parse(line)

    assert PATTERN.match(line)
    assert (parsed.algorithm, parsed.blob) == (line.split()[0], blob_of(line))


def test_fingerprint_is_the_hash_of_the_whole_key_data():
    # echo 'ssh-ed25519 AAAA…gYX8' | ssh-keygen -lf -
    assert parse(PUBLISHED).fingerprint == "SHA256:" + _sha256_base64(blob_of(PUBLISHED))
    assert len(parse(PUBLISHED).fingerprint) == len("SHA256:") + 43


@pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="needs OpenSSH")
@pytest.mark.parametrize("line", EVERY)
def test_fingerprint_matches_ssh_keygen(line):
    printed = subprocess.run(
        ["ssh-keygen", "-lf", "-"], input=line, capture_output=True, text=True, check=True
    ).stdout.split()

    assert parse(line).fingerprint == printed[1]


@pytest.mark.parametrize(
    "written",
    ["{0} {1}", "{0}\t{1}", "{0}  \t {1}", "{0} {1} ", "{0} {1} a b  c", "{0} {1}\tc", " {0} {1}", "{0} {1} c\n"],
)
def test_ssh_key_with_other_white_space_or_comment_parses_the_same(written):
    algorithm, data = PUBLISHED.split()[:2]

    assert parse(written.format(algorithm, data)) == parse(PUBLISHED)


@pytest.mark.parametrize(
    "line",
    [
        "",
        " ",
        "ssh-ed25519",
        "ssh-ed25519 ",
        "hello world",
        "ssh-ed25519 AAAA",
        PUBLISHED.replace("ssh-ed25519", "SSH-ED25519"),
        PUBLISHED.replace(" AAAA", "\nAAAA"),
        PUBLISHED + "\n" + PUBLISHED,
        PUBLISHED + "\0",
        'command="x" ' + PUBLISHED,
        "ssh-dss AAAAB3NzaC1kc3M=",
        "sk-ssh-ed25519@openssh.com " + PUBLISHED.split()[1],
        relabelled(PUBLISHED, "ssh-ed25519-cert-v01@openssh.com"),
        of_blob("ssh-ed25519", b"\0\0\0\x0b"),  # ends inside the name
        of_blob("ssh-ed25519", b"\xff\xff\xff\xff"),
        of_blob("ssh-ed25519", blob_of(PUBLISHED)[:-1]),
        of_blob("ssh-ed25519", blob_of(PUBLISHED) + b"\0"),
        of_blob("ssh-rsa", blob_of(rsa_key()) + blob_of(rsa_key())),
        of_blob("ecdsa-sha2-nistp256", blob_of(ecdsa_key())[:-65] + b"\x04" + bytes(64)),  # no point of the curve
        of_blob("ecdsa-sha2-nistp256", blob_of(ecdsa_key())[:-69] + b"\0\0\0\x21\x02" + bytes(32)),  # compressed
    ],
)
def test_malformed_ssh_key_is_refused(line):
    assert refusal(line) == INVALID_FORMAT


def test_ssh_key_with_non_canonical_numbers_is_refused():
    blob = blob_of(rsa_key())
    name, exponent, rest = blob[:11], b"\0\0\0\x03\x01\0\x01", blob[18:]
    assert blob == name + exponent + rest

    assert refusal(of_blob("ssh-rsa", name + b"\0\0\0\x04\0\x01\0\x01" + rest)) == INVALID_FORMAT


@pytest.mark.parametrize("data", ["AAAA$", "AAAAC3Nza", "====", "AA==AA", "ÄAAA"])
def test_ssh_key_with_invalid_base64_is_refused(data):
    assert refusal(f"ssh-ed25519 {data}") == INVALID_BASE64


@pytest.mark.parametrize(
    "line",
    [
        relabelled(ed25519_key(), "ssh-rsa"),
        relabelled(rsa_key(), "ssh-ed25519"),
        relabelled(ecdsa_key(256), "ecdsa-sha2-nistp384"),
    ],
)
def test_ssh_key_with_another_label_than_its_data_is_refused(line):
    assert refusal(line) == OTHER_ALGORITHM


def test_rsa_key_below_2048_bits_is_refused():
    assert refusal(rsa_key(2047)) == WEAK_RSA
    assert refusal(rsa_key(1024)) == WEAK_RSA
    assert parse(rsa_key(2048)).algorithm == "ssh-rsa"


@pytest.mark.parametrize(
    ("line", "fits"),
    [
        (PUBLISHED, True),
        (PUBLISHED + "\n", True),
        ("ssh-rsa AAAA", True),
        (" " + PUBLISHED, False),
        ("ssh-dss AAAA", False),
        ("ssh-rsa", False),
        ("ssh-rsa ÄÄ", False),
    ],
)
def test_public_key_pattern_matches_the_contract(line, fits):
    assert (PATTERN.match(line) is not None) == fits


def _sha256_base64(blob):
    return base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")
