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
    return read_output(SystemDisk(), path, notes)


def test_small_output_is_whole_and_in_order(path):
    assert spooled(path, b"one\n", b"", b"two") == "one\ntwo"


def test_no_file_and_an_empty_one_are_no_output(path):
    assert read_output(SystemDisk(), path, ()) == ""
    path.touch()
    assert read_output(SystemDisk(), path, ("a note",)) == "a note\n"


def test_bytes_that_the_count_does_not_know_yet_are_read(path):
    """As when the agent is killed between the write of the bytes and that of their count."""
    spool = OutputSpool(path, SystemDisk())
    spool.append(b"counted ")
    spool.close()
    with path.open("ab") as file:
        file.write(b"and not")
    assert read_output(SystemDisk(), path, ()) == "counted and not"


def test_notes_begin_on_a_line_of_their_own(path):
    assert spooled(path, b"text", notes=("first", "second")) == "text\nfirst\nsecond\n"
    assert spooled(path, b"text\n", notes=("first",)) == "text\nfirst\n"


@pytest.mark.parametrize("extra", [-1, 0, 1, 17, TAIL_BYTES - 1, TAIL_BYTES, 3 * TAIL_BYTES + 5])
@pytest.mark.parametrize("chunk", [1000, 65536, 10_000_000])
def test_head_and_tail_are_those_of_the_output_whatever_the_pieces(path, extra, chunk):
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
def test_whatever_is_written_the_report_fits(path, unit, size):
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


def test_characters_at_the_cut_are_left_out_whole(path):
    text = spooled(path, b"x" + "€".encode() * 200_000)
    assert "\ufffd" not in text
    marker = re.search(r"\n\[(\d+) bytes of output dropped\]\n", text)
    assert int(marker[1]) == 600_001 - len(text.replace(marker[0], "").encode())


def test_output_so_far_is_there_when_nobody_closed_the_file(path):
    spool = OutputSpool(path, SystemDisk())
    spool.append(b"so far")
    assert read_output(SystemDisk(), path, ()) == "so far"
    spool.close()


def test_a_disk_that_fails_costs_output_and_says_why(path):
    spool = OutputSpool(path, SystemDisk())
    spool.append(b"kept")
    spool.close()
    spool.append(b"lost")
    spool.append(b"lost too")
    assert spool.failure == "Bad file descriptor"
    assert read_output(SystemDisk(), path, ()) == "kept"
