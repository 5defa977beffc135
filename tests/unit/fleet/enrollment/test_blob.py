import base64
import json

import pytest

from chalicelib.fleet.enrollment.blob import BLOB_MAX_LENGTH, key_id_of, to_blob

KEY_ID = "01936d2c-0000-7000-8000-0123456789ab"
SECRET = bytes(range(32))


def test_enrollment_blob_is_padded_base64_of_compact_json():
    blob = to_blob(["https://a.example", "https://b.example"], KEY_ID, SECRET)

    text = base64.b64decode(blob, validate=True).decode()
    content = json.loads(text)
    assert list(content) == ["admin_urls", "nonce"]
    assert content["admin_urls"] == ["https://a.example", "https://b.example"]
    assert json.dumps(content, separators=(",", ":")) == text
    assert len(content["nonce"]) == 64
    assert "=" not in content["nonce"]
    assert len(blob) % 4 == 0


def test_key_id_is_read_from_its_blob():
    assert key_id_of(to_blob([], KEY_ID, SECRET)) == KEY_ID


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no base64!",
        "\ud800",
        "é",
        encoded("no json"),
        encoded("[]"),
        encoded("7"),
        encoded("null"),
        encoded('"text"'),
        encoded("{}"),
        encoded('{"nonce":7}'),
        encoded('{"nonce":null}'),
        encoded('{"nonce":["a"]}'),
        encoded('{"nonce":"AAAA"}'),
        encoded('{"nonce":"a"}'),
        encoded('{"nonce":"\\ud800"}'),
        base64.b64encode(b"\xff\xfe\x00").decode(),
        encoded("[" * 9000),
        "A" * (BLOB_MAX_LENGTH + 4),
    ],
)
def test_malformed_key_blob_has_no_key_id(text):
    assert key_id_of(text) is None
