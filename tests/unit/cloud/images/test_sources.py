"""Files at addresses of users: what is taken for one, and what is refused with a reason."""

from datetime import timedelta

import pytest

from chalicelib.cloud.images.formats import BEGINNING_BYTES, ENDING_BYTES
from chalicelib.cloud.images.sources import MOST_REDIRECTS, SourceError, Sources, shown_url
from chalicelib.kit.outbound import Answer, HttpExchange, NoAnswerError, Outbound, Reason
from tests.support.fakes.clock import FakeClock
from tests.support.fakes.file_server import HOST, URL, FileServer
from tests.support.fakes.receivers import FakeReceivers, FakeResolver
from tests.unit.kit.receivers import receiver, says

CHANGED_AT = "Mon, 30 Nov 2026 10:00:00 GMT"
CONTENT = bytes(range(256)) * 1024


class Scene:
    def __init__(self):
        self.clock = FakeClock()
        self.resolver = FakeResolver()
        self.exchange = FakeReceivers(self.clock)
        self.server = FileServer(CONTENT)
        self.exchange.serve(HOST, self.server.answer)
        self.sources = Sources(Outbound(self.resolver, self.exchange, answer_bytes=len(CONTENT)), self.clock)

    def read(self, start, end):
        until = self.clock.now() + timedelta(seconds=10)
        return self.sources.read(URL, '"1"', start, end, len(CONTENT), until)

    def refusal(self, url=URL):
        with pytest.raises(SourceError) as refused:
            self.sources.look(url)
        return str(refused.value), refused.value.may_pass


@pytest.fixture
def scene():
    return Scene()


def always(answer):
    return lambda _call: answer


class TestLook:
    def test_file_is_known_by_size_ends_and_mark_after_two_short_reads(self, scene):
        found = scene.sources.look(URL)
        assert (found.size_bytes, found.mark) == (len(CONTENT), '"1"')
        assert found.beginning == CONTENT[:BEGINNING_BYTES]
        assert found.ending == CONTENT[-ENDING_BYTES:]
        assert len(scene.server.asked) == 2

    @pytest.mark.parametrize("size", [1, ENDING_BYTES, ENDING_BYTES + 1, BEGINNING_BYTES])
    def test_short_file_is_read_as_a_whole(self, scene, size):
        scene.server.content = CONTENT[:size]
        found = scene.sources.look(URL)
        assert (found.size_bytes, found.beginning) == (size, CONTENT[:size])
        assert found.ending == CONTENT[:size][-ENDING_BYTES:]

    @pytest.mark.parametrize("etag", [{}, {"etag": 'W/"1"'}, {"etag": "x" * 257}])
    def test_server_without_strong_etag_is_known_by_the_time_of_change(self, scene, etag):
        scene.server.headers = {**etag, "last-modified": CHANGED_AT, "date": "Mon, 30 Nov 2026 10:01:00 GMT"}
        assert scene.sources.look(URL).mark == CHANGED_AT

    @pytest.mark.parametrize(
        "headers",
        [
            {},
            {"etag": "x" * 257},
            {"etag": 'W/"1"'},
            {"last-modified": CHANGED_AT},
            {"last-modified": CHANGED_AT, "date": "Mon, 30 Nov 2026 10:00:59 GMT"},
            {"last-modified": "yesterday", "date": CHANGED_AT},
            {"last-modified": "Mon, 30 Nov 2026 10:00:00 -0000", "date": "Mon, 30 Nov 2026 12:00:00 -0000"},
            {"last-modified": "Mon, 30 Nov 99999999999999 10:00:00 GMT", "date": CHANGED_AT},
            {"last-modified": "Mon, 30 Nov 2020 10:00:00 +9999999999999999999", "date": CHANGED_AT},
            {"last-modified": "Mon, 30 Nov 2020 10:00:00 GMT " + "x" * 60_000, "date": CHANGED_AT},
            {"last-modified": "Xxx, 31 Xxx 2020 10:00:00 GMT", "date": CHANGED_AT},
        ],
    )
    def test_server_without_a_mark_to_rely_on_is_refused(self, scene, headers):
        scene.server.headers = headers
        assert "neither a strong ETag nor a Last-Modified" in scene.refusal()[0]

    @pytest.mark.parametrize(
        ("status", "reason"),
        [(200, "HTTP ranges"), (404, "answers 404"), (206, "not with a part"), (503, "answers 503")],
    )
    def test_other_status_is_refused_with_its_reason_and_may_pass(self, scene, status, reason):
        scene.server.odd = always(Answer(status))
        text, passes = scene.refusal()
        assert (reason in text, passes) == (True, True)

    @pytest.mark.parametrize("missing", list(Reason))
    def test_server_that_does_not_answer_may_answer_later(self, scene, missing):
        def silent(_call):
            raise NoAnswerError(missing)

        scene.server.odd = silent
        text, passes = scene.refusal()
        assert (text.startswith("its server does not answer: "), passes) == (True, True)

    @pytest.mark.parametrize(
        "range_told", ["bytes 1-65536/262144", "bytes 0-65535/*", "bytes 0-65535", "items 0-65535/262144", ""]
    )
    def test_answer_with_another_range_is_refused(self, scene, range_told):
        scene.server.odd = always(Answer(206, CONTENT[:BEGINNING_BYTES], {"etag": "1", "content-range": range_told}))
        assert "part of the file" in scene.refusal()[0]

    @pytest.mark.parametrize("text", ["Bytes 0-511/512", "bytes  0-511/512"])
    def test_range_is_read_in_any_spelling_of_its_unit(self, scene, text):
        scene.server.odd = always(Answer(206, CONTENT[:512], {"etag": '"1"', "content-range": text}))
        assert scene.sources.look(URL).size_bytes == 512

    def test_empty_file_is_refused(self, scene):
        scene.server.content = b""
        assert "empty" in scene.refusal()[0]

    def test_file_that_changes_between_both_reads_is_refused(self, scene):
        def change(_call):
            scene.server.headers = {"etag": f'"{len(scene.server.asked)}"'}

        scene.server.odd = change
        text, passes = scene.refusal()
        assert ("has changed" in text, passes) == (True, False)


class TestAddresses:
    @pytest.mark.parametrize("address", ["127.0.0.1", "169.254.169.254", "10.0.0.1", "::1", "fd00::1"])
    def test_name_of_a_private_address_is_refused_before_anything_is_sent(self, scene, address):
        scene.resolver.set(HOST, [address])
        text, passes = scene.refusal()
        assert ("denied range" in text, passes, scene.server.asked) == (True, False, [])

    @pytest.mark.parametrize(
        "location",
        ["https://inside.example/", "https://169.254.169.254/latest", "https://[::1]/", "https://localhost/"],
    )
    def test_redirect_to_a_private_address_is_refused(self, scene, location):
        for name in ("inside.example", "localhost"):
            scene.resolver.set(name, ["10.0.0.1"])
        scene.server.odd = always(Answer(302, headers={"location": location}))
        assert ("denied range" in scene.refusal()[0], len(scene.server.asked)) == (True, 1)
        assert scene.exchange.received == []

    @pytest.mark.parametrize("url", ["ftp://images.example/a", "https://user:secret@images.example/a", "images", ""])
    def test_text_that_is_no_address_is_refused(self, scene, url):
        assert (scene.refusal(url)[1], scene.server.asked) == (False, [])


class TestRedirects:
    @pytest.mark.parametrize("location", ["/moved", "moved", f"https://{HOST}/moved#part", f"//{HOST}/moved"])
    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    def test_file_behind_a_redirect_is_found(self, scene, status, location):
        moved = Answer(status, headers={"location": location})
        scene.server.odd = lambda call: None if call.target.path == "/moved" else moved
        assert scene.sources.look(URL).size_bytes == len(CONTENT)

    def test_chain_of_redirects_ends(self, scene):
        scene.server.odd = always(Answer(302, headers={"location": "/again"}))
        assert scene.refusal()[0] == f"its server redirects more than {MOST_REDIRECTS} times"
        assert len(scene.server.asked) == MOST_REDIRECTS + 1

    @pytest.mark.parametrize("location", ["", "http://[::1", "//]", "https://a[b", "mailto:a@b", "https://a b/"])
    def test_redirect_to_no_address_is_refused(self, scene, location):
        scene.server.odd = always(Answer(302, headers={"location": location}))
        assert (scene.refusal()[0], len(scene.server.asked)) == ("its server redirects to nowhere", 1)

    @pytest.mark.parametrize("url", [URL, URL.replace("https", "HTTPS")])
    def test_redirect_from_tls_to_none_is_refused(self, scene, url):
        scene.server.odd = always(Answer(302, headers={"location": f"http://{HOST}/"}))
        assert (scene.refusal(url)[1], len(scene.server.asked)) == (False, 1)

    def test_slow_redirects_take_one_time_together(self, scene):
        def slow(_call):
            scene.clock.sleep(5)
            return Answer(302, headers={"location": "/again"})

        scene.server.odd = slow
        with pytest.raises(SourceError) as refused:
            scene.read(0, 10)
        assert (refused.value.may_pass, len(scene.server.asked)) == (True, 2)


class TestRead:
    def test_part_of_the_same_file_is_its_bytes(self, scene):
        assert scene.read(10, 300) == CONTENT[10:300]

    @pytest.mark.parametrize(
        "change", [{"headers": {"etag": '"2"'}}, {"content": CONTENT[:1000]}, {"content": CONTENT[:5]}]
    )
    def test_file_that_has_changed_is_another_one(self, scene, change):
        for name, value in change.items():
            setattr(scene.server, name, value)
        with pytest.raises(SourceError) as refused:
            scene.read(10, 300)
        assert not refused.value.may_pass

    def test_part_that_breaks_off_may_come_later(self, scene):
        told = {"etag": '"1"', "content-range": f"bytes 10-299/{len(CONTENT)}"}
        scene.server.odd = always(Answer(206, CONTENT[10:50], told, is_whole=False))
        with pytest.raises(SourceError) as refused:
            scene.read(10, 300)
        assert refused.value.may_pass


def test_part_is_read_over_a_real_socket():
    head = b'HTTP/1.1 206 Partial\r\nETag: "1"\r\nContent-Range: bytes 2-4/9\r\nContent-Length: 3\r\n\r\n'
    resolver = FakeResolver()
    resolver.set(HOST, ["127.0.0.1"])
    with receiver(says(head + b"cde")) as (port, seen):
        clock = FakeClock()
        sources = Sources(Outbound(resolver, HttpExchange(), allow_private=True), clock)
        until = clock.now() + timedelta(seconds=10)
        assert sources.read(f"http://{HOST}:{port}/file", '"1"', 2, 5, 9, until) == b"cde"
    assert b"range: bytes=2-4" in seen.requests[0]


def test_address_is_shown_without_its_query():
    assert shown_url(f"{URL}?X-Amz-Signature=secret") == URL
