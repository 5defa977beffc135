import json
import random
import re

import pytest
from edge_agent.ports.disk import SystemDisk
from edge_agent.spool import HEAD_BYTES, OUTPUT_LIMIT_BYTES, TAIL_BYTES, OutputSpool, read_output


@pytest.fixture
def path(tmp_path):
    return tmp_path / "spool"


def spooled(path, *chunks, notes=()):
    spool = OutputSpool(path, SystemDisk())
    for chunk in chunks:
        spool.append(chunk)
    spool.sync()
    spool.close()
    return read_output(SystemDisk(), path, notes).text


def test_output_below_the_limit_is_complete(path):
    assert spooled(path, b"one\n", b"", b"two") == "one\ntwo"


def test_missing_or_empty_file_is_an_empty_output(path):
    assert read_output(SystemDisk(), path, ()).text == ""
    path.touch()
    assert read_output(SystemDisk(), path, ("a note",)).text == "a note\n"


def test_bytes_beyond_the_stored_total_are_read(path):
    """As when the agent is killed between the write of the bytes and that of their count."""
    spool = OutputSpool(path, SystemDisk())
    spool.append(b"counted ")
    spool.close()
    with path.open("ab") as file:
        file.write(b"and not")
    assert read_output(SystemDisk(), path, ()).text == "counted and not"


def test_notes_start_on_a_new_line(path):
    assert spooled(path, b"text", notes=("first", "second")) == "text\nfirst\nsecond\n"
    assert spooled(path, b"text\n", notes=("first",)) == "text\nfirst\n"


@pytest.mark.parametrize("extra", [-1, 0, 1, 17, TAIL_BYTES - 1, TAIL_BYTES, 3 * TAIL_BYTES + 5])
@pytest.mark.parametrize("chunk", [1000, 65536, 10_000_000])
def test_output_above_the_limit_keeps_head_and_tail(path, extra, chunk):
    size = HEAD_BYTES + TAIL_BYTES + extra
    whole = bytes(random.Random(extra).choices(b"abcdefgh\n", k=size))
    text = spooled(path, *(whole[start : start + chunk] for start in range(0, size, chunk)))
    if extra <= 0:
        assert text.encode() == whole
    else:
        marker = f"\n[{extra} bytes of output dropped]\n".encode()
        assert text.encode() == whole[:HEAD_BYTES] + marker + whole[-TAIL_BYTES:]
    assert path.stat().st_size <= 8 + HEAD_BYTES + TAIL_BYTES


@pytest.mark.parametrize("unit", [b"\xff", b"\x00", b"\x1b[31m", "€".encode(), "𝄞".encode(), b"\xe2\x82", b'"\\'])
@pytest.mark.parametrize("size", [200_000, 1_000_000])
def test_report_of_any_output_fits_the_limits(path, unit, size):
    content = b"abc" + unit * (size // len(unit))
    notes = ("x" * 200, "y" * 200)
    text = spooled(path, content, notes=notes)
    assert len(text.encode()) <= OUTPUT_LIMIT_BYTES
    assert len(json.dumps({"output": text}, ensure_ascii=False).encode()) < 1024 * 1024
    assert text.startswith("abc")
    assert text.endswith(f"{notes[0]}\n{notes[1]}\n")
    marker = re.search(r"\n\[(\d+) bytes of output dropped\]\n", text)
    if marker is None:
        assert text.startswith(content.decode(errors="replace"))
    else:
        assert 0 < int(marker[1]) < len(content)


def test_characters_at_the_cut_are_dropped(path):
    text = spooled(path, b"x" + "€".encode() * 200_000)
    assert "\ufffd" not in text
    marker = re.search(r"\n\[(\d+) bytes of output dropped\]\n", text)
    assert int(marker[1]) == 600_001 - len(text.replace(marker[0], "").encode())


def test_output_of_an_open_spool_can_be_read(path):
    spool = OutputSpool(path, SystemDisk())
    spool.append(b"so far")
    assert read_output(SystemDisk(), path, ()).text == "so far"
    spool.close()


def test_failing_disk_loses_output_and_records_the_reason(path):
    spool = OutputSpool(path, SystemDisk())
    spool.append(b"kept")
    spool.close()
    spool.append(b"lost")
    spool.append(b"lost too")
    assert spool.failure == "Bad file descriptor"
    assert read_output(SystemDisk(), path, ()).text == "kept"
