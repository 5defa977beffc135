import asyncio
import io
import os
import random
import stat
import uuid
from contextlib import ExitStack
from dataclasses import replace
from pathlib import PurePath

import pytest
from edge_agent.enrollment_key import EnrollmentKey, KeySource, key_in_file
from edge_agent.errors import FatalError, InUseError
from edge_agent.event_log import EventLog
from edge_agent.machine import Machine, store_machine, stored_machine, this_machine
from edge_agent.ports.disk import SystemDisk
from edge_agent.runtime import new_backoff
from edge_agent.secure_urls import keeps_secrets
from edge_agent.startup import Startup
from edge_agent.state_directory import StateDirectory, replace_file

from samples.agent.tests.support.memory_machine import HOUR, STATE, options, server_without_sockets
from samples.agent.tests.support.memory_ports import MemoryPorts


def test_directory_of_another_user_is_refused(tmp_path, monkeypatch):
    folder = tmp_path / "state"
    folder.mkdir()
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    with pytest.raises(FatalError, match="belongs to user"), StateDirectory(folder, SystemDisk()):
        pass


def test_link_to_the_directory_is_followed_only_if_it_is_ones_own(tmp_path, monkeypatch):
    (tmp_path / "real").mkdir()
    link = tmp_path / "state"
    link.symlink_to(tmp_path / "real")
    with StateDirectory(link, SystemDisk()) as state:
        state.write("a.json", {"a": 1})
    assert (tmp_path / "real" / "a.json").exists()
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    if os.getuid() != 0:
        with pytest.raises(FatalError, match="link"), StateDirectory(link, SystemDisk()):
            pass


def starting(ports, resources, versions):
    """An agent that is about to load its state."""
    asked = replace(options(server_without_sockets()), versions=versions)
    log, rng = EventLog(io.StringIO(), ports.clock), random.Random(1)
    return Startup(asked, resources, lambda: new_backoff(rng), ports.all(), rng, log)


def test_installed_agent_waits_for_another_that_holds_its_state():
    """As of one that hangs at the disk after its launcher was killed: nobody may have to come for that."""
    ports = MemoryPorts(None)
    other = ports.disk.lock(STATE / "lock")

    async def scenario():
        with ExitStack() as resources:
            loading = asyncio.ensure_future(starting(ports, resources, PurePath("/versions")).state())
            await ports.clock.sleep(HOUR)
            assert not loading.done()
            other.close()
            assert (await loading).path == STATE

    ports.run(scenario())


def test_agent_that_a_person_starts_beside_another_ends_at_once():
    ports = MemoryPorts(None)
    ports.disk.lock(STATE / "lock")
    with ExitStack() as resources, pytest.raises(InUseError):
        ports.run(starting(ports, resources, None).state())


def test_link_in_place_of_a_file_is_not_followed(tmp_path):
    victim = tmp_path / "victim"
    victim.write_text("mine")
    (tmp_path / "a.json.new").symlink_to(victim)
    with pytest.raises(OSError, match="symbolic link"):
        replace_file(SystemDisk(), tmp_path / "a.json", b"{}")
    assert victim.read_text() == "mine"


def test_write_uses_the_reserved_space(tmp_path):
    with StateDirectory(tmp_path / "state", SystemDisk()) as state:
        state.reserve("a.json", 8192)
        reserved = (state.path / "a.json.new").stat()
        assert (reserved.st_size, stat.S_IMODE(reserved.st_mode)) == (8192, 0o600)
        state.write("a.json", {"a": 1})
        assert (state.path / "a.json").stat().st_ino == reserved.st_ino
        assert state.read("a.json") == {"a": 1}


def test_failed_write_leaves_no_file(tmp_path, monkeypatch):
    replace_file(SystemDisk(), tmp_path / "a.json", b"old")

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        replace_file(SystemDisk(), tmp_path / "a.json", b"new")
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]
    assert (tmp_path / "a.json").read_bytes() == b"old"


def test_damaged_file_is_set_aside(tmp_path):
    with StateDirectory(tmp_path / "state", SystemDisk()) as state:
        (state.path / "a.json").write_bytes(b"\x00\x00")
        assert state.read("a.json") is None
        assert (state.path / "a.json.damaged").read_bytes() == b"\x00\x00"


@pytest.mark.parametrize(
    ("one", "other", "is_another"),
    [
        (Machine("h", "s"), Machine("h", "s"), False),
        (Machine("h", "s"), Machine("h", "t"), False),
        (Machine("h", "s"), Machine("g", "s"), True),
        (Machine(None, "s"), Machine("g", "s"), False),
        (Machine(None, "s"), Machine("g", "t"), True),
        (Machine(None, None), Machine("g", "t"), False),
    ],
)
def test_machines_are_compared_by_hardware_and_then_by_system(one, other, is_another):
    assert one.is_another_than(other) is is_another
    assert other.is_another_than(one) is is_another


def test_shared_hardware_ids_are_ignored(tmp_path):
    system = tmp_path / "machine-id"
    system.write_text(uuid.uuid4().hex)
    for text in ("", "0" * 32, "FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF", "03000200-0400-0500-0006-000700080009\n"):
        (tmp_path / "uuid").write_text(text)
        machine = this_machine(SystemDisk(), system, [str(tmp_path / "gone"), str(tmp_path / "uuid")])
        assert machine.hardware is None
        assert machine.system is not None
    (tmp_path / "uuid").write_text(str(uuid.uuid4()))
    machine = this_machine(SystemDisk(), system, [str(tmp_path / "uuid")])
    assert machine.hardware is not None
    with StateDirectory(tmp_path / "state", SystemDisk()) as state:
        assert stored_machine(state) is None
        store_machine(state, machine)
        assert stored_machine(state) == machine


@pytest.mark.parametrize(
    ("url", "keeps"),
    [
        ("https://edge.example", True),
        ("wss://edge.example/agent", True),
        ("http://127.0.0.1:8000", True),
        ("http://[::1]:8000", True),
        ("ws://localhost:8000", True),
        ("http://edge.example", False),
        ("http://10.0.0.1", False),
        ("http://127.0.0.1.edge.example", False),
        ("http://127.0.0.1@edge.example", False),
        ("http://[::1", False),
        ("ws://edge.example", False),
        ("", False),
    ],
)
def test_url_without_tls_keeps_secrets_only_on_this_machine(url, keeps):
    assert keeps_secrets(url) is keeps


def test_key_for_a_server_without_tls_is_refused_by_default(server):
    mixed, clear = server.key("http://edge.example", "https://edge.example"), server.key("http://edge.example")
    assert EnrollmentKey.parse(mixed).admin_urls == ("https://edge.example",)
    with pytest.raises(FatalError, match="--insecure-http"):
        EnrollmentKey.parse(clear)
    assert KeySource(lambda: clear, insecure_http=True).key().admin_urls == ("http://edge.example",)


def test_agent_with_a_key_for_a_server_without_tls_sends_nothing(server, agents):
    key = {"ENROLLMENT_KEY": server.key("http://192.0.2.1:1")}
    agent = agents.start(key=None, environment=key)
    assert agent.wait() == 2
    assert "--insecure-http" in agent.logged("agent.failed")[0]["reason"]
    agents.start("--insecure-http", key=None, environment=key).wait_for("enrollment.waiting")


def test_key_file_may_have_a_byte_order_mark_or_be_missing(tmp_path):
    assert key_in_file(SystemDisk(), tmp_path / "gone") is None
    (tmp_path / "key").write_bytes(b"\xef\xbb\xbfabc\r\n")
    assert key_in_file(SystemDisk(), tmp_path / "key").strip() == "abc"
    (tmp_path / "key").write_bytes("abc".encode("utf-16"))
    with pytest.raises(FatalError, match="cannot be read: UnicodeDecodeError"):
        key_in_file(SystemDisk(), tmp_path / "key")
