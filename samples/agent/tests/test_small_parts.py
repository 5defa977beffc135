import io
import json
import random
import re
import shutil
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from edge_agent import cli
from edge_agent.acknowledgements import ACKNOWLEDGING_FILE, begin_acknowledgements
from edge_agent.backoff import Backoff
from edge_agent.enrollment import EnrollmentKey
from edge_agent.errors import FatalError
from edge_agent.event_log import EventLog
from edge_agent.health import Check, check_disk, overall_status
from edge_agent.identity import Identity, load_identity, registered, save_identity
from edge_agent.lookup_retries import DOUBT_SECONDS, RETRY_SECONDS, LookupRetries
from edge_agent.ports.disk import SystemDisk
from edge_agent.ports.proxies import proxy_for
from edge_agent.state_directory import StateDirectory
from edge_agent.times import ServerTime, format_time, parse_time

from samples.agent.tests.support.set_clock import SetClock


class TestBackoff:
    def backoff(self):
        return Backoff(first_seconds=1.0, cap_seconds=10.0, rng=random.Random(1))

    def test_delays_double_up_to_the_cap(self):
        backoff = self.backoff()
        waits = [backoff.next_seconds() for _ in range(40)]
        for wait, span in zip(waits, [1, 2, 4, 8, *[10] * 36], strict=True):
            assert span / 2 <= wait <= span
        assert len(set(waits)) == 40

    def test_reset_starts_with_the_first_delay(self):
        backoff = self.backoff()
        for _ in range(5):
            backoff.next_seconds()
        backoff.reset()
        assert backoff.next_seconds() <= 1.0

    def test_minimum_above_the_cap_is_respected(self):
        assert self.backoff().next_seconds(120.0) == 120.0
        assert self.backoff().next_seconds(0.0) >= 0.5


class TestServerTime:
    def test_server_time_without_a_timestamp_is_the_machines(self):
        clock = SetClock()
        server_time = ServerTime(clock)
        server_time.learn("yesterday")
        assert server_time.now() == clock.now()

    def test_server_time_with_a_wrong_clock_follows_the_timestamp(self):
        clock = SetClock()
        server_time = ServerTime(clock)
        server_time.learn("2026-05-01T10:00:00.500000Z")
        clock.seconds = 90.0
        assert server_time.now() == datetime(2026, 5, 1, 10, 1, 30, 500000, tzinfo=UTC)

    def test_times_are_formatted_in_utc(self):
        assert format_time(parse_time("2026-05-01T12:00:00+02:00")) == "2026-05-01T10:00:00Z"
        with pytest.raises(ValueError, match="offset"):
            parse_time("2026-05-01T12:00:00")


class TestLookupRetries:
    def test_id_is_looked_up_on_schedule_and_then_given_up(self):
        clock = SetClock()
        lookups = LookupRetries(clock)
        lookups.add("a")
        looks = []
        for look in range(len(RETRY_SECONDS)):
            clock.seconds = lookups.next_due()
            looks.append(clock.seconds)
            assert lookups.due() == ["a"]
            assert lookups.missed("a") is (look < len(RETRY_SECONDS) - 1)
        assert looks[:6] == pytest.approx([0.0, 0.3, 1.3, 4.3, 14.3, 44.3])
        assert (lookups.ids(), lookups.next_due()) == ([], None)

    def test_doubtful_id_is_looked_up_for_a_day(self):
        assert sum(DOUBT_SECONDS) >= 24 * 3600

    def test_id_added_again_keeps_its_schedule(self):
        lookups = LookupRetries(SetClock())
        lookups.add("a")
        lookups.missed("a")
        lookups.add("a")
        assert lookups.next_due() == 0.3
        lookups.found("a")
        assert lookups.ids() == []


@pytest.mark.parametrize(
    ("url", "proxies", "expected"),
    [
        ("https://edge.example/x", {}, None),
        ("https://edge.example/x", {"https": "http://proxy:3128"}, "http://proxy:3128"),
        ("wss://edge.example/x", {"https": "http://proxy:3128"}, "http://proxy:3128"),
        ("ws://edge.example/x", {"https": "http://proxy:3128"}, None),
        ("ws://edge.example/x", {"http": "proxy:3128"}, "http://proxy:3128"),
        ("https://edge.example/x", {"all": "http://proxy:3128"}, "http://proxy:3128"),
        ("https://edge.example/x", {"https": "http://proxy:3128", "no": ".example"}, None),
        ("wss://edge.example:8443/x", {"https": "http://proxy:3128", "no": "edge.example:8443"}, None),
        ("https://edge.example/x", {"https": "http://proxy:3128", "no": "*"}, None),
    ],
)
def test_proxy_of_a_url(url, proxies, expected):
    assert proxy_for(url, proxies) == expected


def test_secrets_are_not_in_messages_or_repr():
    with pytest.raises(FatalError) as caught:
        EnrollmentKey.parse("c2VjcmV0")
    assert "c2VjcmV0" not in str(caught.value)
    assert "secret" not in repr(EnrollmentKey("secret", ("https://edge.example",)))
    identity = Identity("node", "cluster-a", "secret", "secret", (), None, 60.0, None, "")
    assert "secret" not in repr(identity)


def test_event_is_one_line_of_json():
    stream = io.StringIO()
    EventLog(stream, SetClock()).write("thing.happened", text="two\nlines")
    assert json.loads(stream.getvalue()) == {
        "at": "1999-01-01T00:00:00.000000+00:00",
        "event": "thing.happened",
        "text": "two\nlines",
    }
    assert stream.getvalue().count("\n") == 1


def test_readme_lists_exactly_the_options():
    readme = (Path(cli.__file__).parents[1] / "README.md").read_text()
    rows = "\n".join(line for line in readme.splitlines() if line.startswith("|"))
    options = set(re.findall(r"--[a-z0-9][a-z0-9-]*", cli.option_parser().format_usage())) | {"--help"}
    assert set(re.findall(r"`(--[a-z0-9-]+)", rows)) == options


class FullDisk(io.StringIO):
    def flush(self):
        raise OSError(28, "No space left on device")


def test_event_without_a_stream_is_dropped():
    closed = io.StringIO()
    closed.close()
    for stream in (None, closed):
        EventLog(stream, SetClock()).write("thing.happened")


def test_event_on_a_full_disk_is_dropped():
    stream = FullDisk()
    for _ in range(2):
        EventLog(stream, SetClock()).write("thing.happened")
    assert stream.getvalue().count("thing.happened") == 2


@pytest.mark.parametrize(
    ("journal", "expected"), [(None, {"ids": []}), (b"", None)], ids=["new", "of an early version"]
)
def test_record_of_acknowledgements_begins_in_a_new_directory_alone(tmp_path, journal, expected):
    with StateDirectory(tmp_path / "state", SystemDisk()) as state:
        if journal is not None:
            state.disk.write(state.journal, journal)
        begin_acknowledgements(state)
        assert state.read(ACKNOWLEDGING_FILE) == expected
        if journal is None:
            state.write(ACKNOWLEDGING_FILE, {"ids": ["one"]})
            begin_acknowledgements(state)
            assert state.read(ACKNOWLEDGING_FILE) == {"ids": ["one"]}


NEWER_FIELDS = ("enrolled_at", "metrics_push_seconds", "previous_tokens")


def test_identity_of_another_version_is_read(tmp_path):
    identity = Identity("node", "cluster-a", "token", "secret", ("https://edge.example",), None, 60.0, None, "", 30.0)
    with StateDirectory(tmp_path / "state", SystemDisk()) as state:
        assert load_identity(state) is None
        save_identity(state, identity)
        assert load_identity(state) == identity
        save_identity(state, replace(identity, previous_tokens=("newer", "older")))
        assert load_identity(state).tokens == ("token", "newer", "older")
        kept = state.read("identity.json")
        older = {name: value for name, value in kept.items() if name not in NEWER_FIELDS}
        state.write("identity.json", {**older, "of_a_newer_version": 1})
        assert load_identity(state) == replace(identity, metrics_push_seconds=None)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ({"poll_seconds": 5}, {"poll_seconds": 5.0}),
        ({"poll_seconds": 0}, {"poll_seconds": 60.0}),
        ({"poll_seconds": -1}, {"poll_seconds": 60.0}),
        ({"poll_seconds": 1e-9}, {"poll_seconds": 0.1}),
        ({"poll_seconds": 1e300}, {"poll_seconds": 3600.0}),
        ({"poll_seconds": float("nan")}, {"poll_seconds": 60.0}),
        ({"poll_seconds": True}, {"poll_seconds": 60.0}),
        ({"poll_seconds": "5"}, {"poll_seconds": 60.0}),
        ({"metrics_push_seconds": 0}, {"metrics_push_seconds": None}),
        ({"metrics_push_seconds": 30}, {"metrics_push_seconds": 30.0}),
        ({"admin_urls": "https://a"}, {"admin_urls": ("https://asked",)}),
        ({"admin_urls": ["https://a", 7, "http://b"]}, {"admin_urls": ("https://a", "https://asked")}),
        ({"admin_urls": ["https://asked/", "https://a"]}, {"admin_urls": ("https://asked/", "https://a")}),
        ({"admin_urls": ["http://b"]}, {"admin_urls": ("https://asked",)}),
        ({"websocket_url": "wss://a"}, {"websocket_url": "wss://a"}),
        ({"websocket_url": "ws://a"}, {"websocket_url": None}),
        ({"websocket_url": 7}, {"websocket_url": None}),
        ({"network_name": ["x"], "derp_map_url": {}}, {"network_name": "cluster-a", "derp_map_url": None}),
    ],
)
def test_registration_with_invalid_fields_gets_defaults(answer, expected):
    identity = registered(
        {"api_token": "token", **answer},
        node_id="node",
        network_name="cluster-a",
        asked=("https://asked",),
        enrolled_at="",
        insecure_http=False,
        answered="https://asked",
    )
    assert {name: getattr(identity, name) for name in expected} == expected


@pytest.mark.parametrize("token", [None, "", 7, "tökén"])
def test_registration_without_a_token_is_refused(token):
    with pytest.raises(ValueError, match="api_token"):
        registered({"api_token": token}, node_id="", network_name="", asked=(), enrolled_at="", insecure_http=False)


def test_node_with_one_unhealthy_check_is_unhealthy():
    healthy, unhealthy = Check("a", "healthy", ""), Check("b", "unhealthy", "")
    assert overall_status([healthy, unhealthy]) == "unhealthy"
    assert overall_status([healthy]) == "healthy"


def test_disk_without_free_space_is_unhealthy(tmp_path):
    free_bytes = shutil.disk_usage(tmp_path).free
    assert check_disk(StateDirectory(tmp_path, SystemDisk()), free_bytes_needed=free_bytes * 2).status == "unhealthy"
    assert check_disk(StateDirectory(tmp_path, SystemDisk()), free_bytes_needed=1).status == "healthy"
    assert check_disk(StateDirectory(tmp_path / "gone", SystemDisk())).status == "unhealthy"
