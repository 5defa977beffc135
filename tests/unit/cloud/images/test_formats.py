"""The format of a disk, and the file in a form."""

import pytest

from chalicelib.cloud.images.formats import format_of
from chalicelib.cloud.images.forms import file_in
from chalicelib.kit.errors import EdgeError, Kind
from tests.support.disks import QCOW2, RAW, VMDK

FIXED_VHD = b"conectix" + bytes(504)


@pytest.mark.parametrize(
    ("content", "name"),
    [(RAW, "raw"), (VMDK, "vmdk"), (b"conectix" + bytes(1016), "vhd"), (bytes(1024) + FIXED_VHD, "vhd")],
)
def test_format_is_told_by_the_bytes(content, name):
    assert format_of(content[: 64 * 1024], content[-512:]) == name


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (QCOW2, "qcow2"),
        (b"vhdxfile" + bytes(1016), "VHDX"),
        (b"\x1f\x8b" + bytes(1022), "gzip"),
        (bytes(257) + b"ustar" + bytes(600), "OVA"),
        (bytes(0x8001) + b"CD001" + bytes(600), "ISO"),
        (bytes(1024), "start from"),
        (b"x", "start from"),
    ],
)
def test_file_that_ec2_does_not_import_is_refused_with_the_way_to_convert_it(content, told):
    with pytest.raises(EdgeError) as error:
        format_of(content[: 64 * 1024], content[-512:])
    (text,) = error.value.details["file"]
    assert (error.value.kind, told in text, "qemu-img convert" in text.lower()) == (Kind.VALIDATION_FAILED, True, True)


def form(*parts, boundary="b0undary"):
    body = b"".join(
        b"--" + boundary.encode() + b"\r\n" + head + b"\r\n\r\n" + content + b"\r\n" for head, content in parts
    )
    return body + b"--" + boundary.encode() + b"--\r\n"


FILE = b'Content-Disposition: form-data; name="file"; filename="a.raw"\r\nContent-Type: application/octet-stream'
OTHER = b'content-disposition: form-data; name="note"'


@pytest.mark.parametrize("content", [RAW, b"", b"\r\n--\r\n\x00\r\n\r\n"])
@pytest.mark.parametrize("boundary", ["b0undary", '"b0undary"'])
def test_field_file_of_a_form_is_its_bytes(content, boundary):
    body = form((OTHER, b"text"), (FILE, content))
    assert file_in(f"Multipart/Form-Data; charset=utf-8; boundary={boundary}", body) == content


def test_body_of_another_type_is_the_file_itself():
    assert file_in("application/json", RAW) == RAW


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("multipart/form-data; boundary=b0undary", form((OTHER, b"x"))),
        ("multipart/form-data; boundary=other", form((FILE, b"x"))),
        ("multipart/form-data", form((FILE, b"x"))),
        ("multipart/form-data; boundary=b0undary", b""),
    ],
)
def test_form_without_the_field_is_refused(kind, body):
    with pytest.raises(EdgeError) as error:
        file_in(kind, body)
    assert error.value.kind is Kind.VALIDATION_FAILED
