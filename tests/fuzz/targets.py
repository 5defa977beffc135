"""Everything that reads bytes of strangers: agents' metrics, keys, lists' parameters, URLs, frames, journals."""

import json
from pathlib import PurePath
from typing import Any

from edge_agent.enrollment_key import EnrollmentKey
from edge_agent.errors import FatalError
from edge_agent.journal import Journal
from edge_agent.wake_up import WakeUpSocket

from chalicelib.fleet.enrollment import blob
from chalicelib.fleet.metrics.exposition import read_samples
from chalicelib.kit.errors import EdgeError
from chalicelib.kit.listing.request import parse_order, parse_sort
from chalicelib.kit.openssh import BadKeyError, parse
from chalicelib.kit.outbound.target import UrlRefusedError, parse_target
from chalicelib.platform.access import key_text
from samples.agent.tests.support.memory_ports import MemoryDisk, VirtualClock
from tests.fuzz.fuzzer import Target
from tests.support.ssh_keys import ed25519_key

SORTABLE = frozenset({"name", "inserted_at", "updated_at"})
METRICS = frozenset({"node_load1", "node_memory_MemTotal_bytes"})
NODE_ID = "01a1fd8d-d58c-71b5-84e5-a833b3b827f9"
JOURNAL = PurePath("/state/journal.jsonl")


def text_of(data: bytes) -> str:
    return data.decode("utf-8", "replace")


class _Nobody:
    """Takes what a frame announces."""

    def __getattr__(self, _name: str) -> Any:
        return lambda *_arguments, **_options: None


def _read_frame(data: bytes) -> None:
    nothing: Any = _Nobody()
    socket = WakeUpSocket(
        session=nothing,
        intake=nothing,
        frames={"sessions": lambda _frame: None},
        instance_id="",
        network=nothing,
        backoff=nothing,
        slow_backoff=nothing,
        clock=nothing,
        rng=nothing,
        log=nothing,
    )
    socket._handle(data)  # noqa: SLF001 - what a socket does with one frame


def _read_journal(data: bytes) -> None:
    disk = MemoryDisk()
    disk.write(JOURNAL, data)
    Journal(JOURNAL, VirtualClock(), disk)


TARGETS = (
    Target(
        "metrics text",
        lambda data: read_samples(text_of(data), METRICS),
        (b'node_load1 0.5\nnode_memory_MemTotal_bytes{a="b\\"c",d="e"} 1e9 1700000000\n# HELP node_load1 x\n',),
        ("exposition.py", "prometheus_client/parser.py"),
    ),
    Target("SSH key", lambda data: parse(text_of(data)), (ed25519_key(1).encode(),), ("openssh.py",), (BadKeyError,)),
    Target(
        "enrollment key at the server",
        lambda data: blob.key_id_of(text_of(data)),
        (blob.to_blob(["https://a.example"], NODE_ID, bytes(32)).encode(),),
        ("enrollment/blob.py", "kit/ids.py"),
    ),
    Target(
        "enrollment key at the agent",
        lambda data: EnrollmentKey.parse(text_of(data)),
        (blob.to_blob(["https://a.example"], NODE_ID, bytes(32)).encode(),),
        ("enrollment_key.py", "secure_urls.py"),
        (FatalError,),
    ),
    Target(
        "key of the API",
        lambda data: key_text.parse(text_of(data)),
        (f"edge_{NODE_ID}_{'a' * 43}".encode(),),
        ("key_text.py",),
    ),
    Target(
        "order of a list",
        lambda data: (parse_order(text_of(data), text_of(data), SORTABLE), parse_sort(text_of(data), SORTABLE)),
        (b"name,inserted_at", b"-name,updated_at", b"asc,desc"),
        ("listing/request.py",),
        (EdgeError,),
    ),
    Target(
        "URL of a webhook",
        lambda data: parse_target(text_of(data)),
        (b"https://hooks.example:8443/a?b=c", b"http://[2001:db8::1]/"),
        ("outbound/target.py",),
        (UrlRefusedError,),
    ),
    Target(
        "frame",
        _read_frame,
        (json.dumps({"type": "executions", "ids": [NODE_ID]}).encode(), b'{"type":"cancel","ids":[1]}'),
        ("wake_up.py",),
    ),
    Target(
        "journal",
        _read_journal,
        (
            b'{"id":"e-1","state":"accepted","at":"2026-01-01T00:00:00.000000+00:00","work":{"id":"e-1","text":"true"}}\n',
            b'{"id":"e-1","state":"finished","at":"2026-01-01T00:00:00.000000+00:00","result":{"exit_code":0}}\n',
        ),
        ("journal.py",),
    ),
)
