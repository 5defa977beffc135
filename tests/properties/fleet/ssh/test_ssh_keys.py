"""Lines of public keys: what writing may change and what it may not."""

import base64

from hypothesis import example, given
from hypothesis import strategies as st

from chalicelib.kit.openssh import INVALID_BASE64, INVALID_FORMAT, OTHER_ALGORITHM, WEAK_RSA, BadKeyError, parse
from tests.support.ssh_keys import blob_of, ecdsa_key, ed25519_key, of_blob, rsa_key

LINES = [ed25519_key(), ecdsa_key(256), ecdsa_key(384), ecdsa_key(521), rsa_key(2048)]
LABELS = [line.split()[0] for line in LINES]

lines = st.sampled_from(LINES)
blanks = st.text(" \t", min_size=1, max_size=4)
comments = st.text(st.characters(exclude_characters="\r\n\0", exclude_categories=["Cs"]), max_size=40)


@given(lines, blanks, blanks, comments, st.sampled_from(["", "\n", "\r\n"]))
def test_ssh_key_parses_the_same_with_any_blanks_and_comments(line, first, second, comment, end):
    label, data = line.split()[:2]

    assert parse(f"{label}{first}{data}{second}{comment}{end}") == parse(line)


@given(lines, st.sampled_from(LABELS))
def test_ssh_key_with_a_label_other_than_its_datas_is_refused(line, label):
    data = line.split()[1]
    if label == line.split()[0]:
        assert parse(f"{label} {data}").algorithm == label
    else:
        assert refusal(f"{label} {data}") == OTHER_ALGORITHM


@given(st.binary(min_size=32, max_size=32), st.binary(min_size=32, max_size=32))
def test_ssh_key_fingerprints_are_equal_only_for_equal_data(left, right):
    """Any 32 bytes are read as an Ed25519 key; whether somebody can have the other half is not looked at."""
    one, other = (parse(of_blob("ssh-ed25519", _string(b"ssh-ed25519") + _string(raw))) for raw in (left, right))

    assert (one.fingerprint == other.fingerprint) == (left == right)


@given(st.text(max_size=200))
@example("ssh-rsa AAAA")
def test_arbitrary_text_is_an_ssh_key_or_a_known_refusal(text):
    assert refusal(text) in {INVALID_FORMAT, INVALID_BASE64, OTHER_ALGORITHM, WEAK_RSA}


@given(st.sampled_from(LABELS), st.binary(max_size=200))
def test_arbitrary_key_data_is_an_ssh_key_or_a_known_refusal(label, data):
    line = of_blob(label, _string(label.encode()) + data)
    refused = refusal(line)

    assert refused in {None, INVALID_FORMAT, WEAK_RSA}
    if refused is None:
        assert parse(line).blob == base64.b64decode(line.split()[1])


@given(lines, st.data())
def test_ssh_key_with_a_changed_byte_is_another_key_or_refused(line, data):
    blob = bytearray(blob_of(line))
    place = data.draw(st.integers(0, len(blob) - 1))
    blob[place] ^= data.draw(st.integers(1, 255))
    try:
        changed = parse(of_blob(line.split()[0], bytes(blob)))
    except BadKeyError:
        return
    assert changed.fingerprint != parse(line).fingerprint


def refusal(line):
    try:
        parse(line)
    except BadKeyError as error:
        return error.text
    return None


def _string(raw):
    return len(raw).to_bytes(4) + raw
