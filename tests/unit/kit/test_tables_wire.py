import pytest

from chalicelib.kit.tables.wire import from_wire, to_wire

ROW = {
    "text": "t",
    "number": -12345678901234567890,
    "no": False,
    "raw": b"\x00\xff",
    "names": frozenset({"b", "a"}),
    "parts": [1, [b"x"], {"deep": True}],
    "shape": {"width": 3},
}
WIRE = {
    "text": {"S": "t"},
    "number": {"N": "-12345678901234567890"},
    "no": {"BOOL": False},
    "raw": {"B": b"\x00\xff"},
    "names": {"SS": ["a", "b"]},
    "parts": {"L": [{"N": "1"}, {"L": [{"B": b"x"}]}, {"M": {"deep": {"BOOL": True}}}]},
    "shape": {"M": {"width": {"N": "3"}}},
}


def test_every_type_converts_to_wire_form_and_back():
    assert to_wire(ROW) == WIRE
    assert from_wire(WIRE) == ROW


def test_attribute_of_none_is_left_out_of_a_row():
    assert to_wire({"a": None, "m": {"b": None, "c": 1}}) == {"m": {"M": {"c": {"N": "1"}}}}


def test_stream_bytes_are_decoded_from_base64_text():
    assert from_wire({"raw": {"B": "AP8="}, "parts": {"L": [{"B": "eA=="}]}}) == {"raw": b"\x00\xff", "parts": [b"x"]}


@pytest.mark.parametrize("value", [1.5, frozenset(), [None], {"deep": [1.5]}, object()])
def test_value_of_an_unsupported_type_is_refused(value):
    with pytest.raises(TypeError, match="cannot hold"):
        to_wire({"a": value})


@pytest.mark.parametrize("wire", [{"NULL": True}, {"NS": ["1"]}, {"N": "1.5"}, {"B": "not base64!"}])
def test_wire_value_never_written_by_this_application_is_refused(wire):
    with pytest.raises(ValueError, match=r"none of ours|invalid|base64"):
        from_wire({"a": wire})
