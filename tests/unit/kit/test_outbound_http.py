"""Requests over real sockets: what is sent, what is believed, and that nothing outlasts its time."""

import time

import pytest

from chalicelib.kit.outbound import Answer, HttpExchange, NoAnswerError, Outbound, Reason
from chalicelib.kit.outbound.guard import ANSWER_BYTES
from chalicelib.kit.outbound.heads import HEAD_BYTES, INFORMATIONAL_MOST
from tests.support.fakes.receivers import FakeResolver
from tests.unit.kit.receivers import Certificate, make_certificate, receiver, says

NAME = "hooks.example"
HERE = "127.0.0.1"
PATIENT_SECONDS = 5.0
SHORT_SECONDS = 0.5
FAR_LESS_THAN_FOR_EVER = 4.0


@pytest.fixture(scope="module")
def certificate(tmp_path_factory) -> Certificate:
    return make_certificate(tmp_path_factory.mktemp("certificates"), NAME)


def outbound(ca_file=None, seconds=PATIENT_SECONDS, addresses=(HERE,), name=NAME):
    resolver = FakeResolver()
    resolver.set(name, list(addresses))
    return Outbound(resolver, HttpExchange(ca_file), allow_private=True, total_seconds=seconds)


def reason_of(sender: Outbound, url: str) -> Reason:
    with pytest.raises(NoAnswerError) as caught:
        sender.send("POST", url, {}, b"x")
    return caught.value.reason


def test_tls_request_goes_to_the_address_with_the_host_name(certificate):
    with receiver(says(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"), certificate) as (port, seen):
        url = f"https://{NAME}:{port}/hook?a=b"
        answer = outbound(certificate.certificate).send(
            "POST", url, {"content-type": "a/b", "user-agent": "u"}, b"body"
        )
    assert answer == Answer(200, b"ok")
    assert seen.server_names == [NAME]
    head, _, body = seen.requests[0].partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    assert lines[0] == "POST /hook?a=b HTTP/1.1"
    assert sorted(line.lower() for line in lines[1:]) == [
        "accept-encoding: identity",
        "content-length: 4",
        "content-type: a/b",
        f"host: {NAME}:{port}",
        "user-agent: u",
    ]
    assert body == b"body"


def test_untrusted_certificate_is_refused(certificate):
    with receiver(says(b""), certificate) as (port, seen):
        assert reason_of(outbound(), f"https://{NAME}:{port}/") is Reason.TLS
    assert seen.requests == []


def test_certificate_of_another_name_is_refused(certificate):
    with receiver(says(b""), certificate) as (port, seen):
        sender = outbound(certificate.certificate, name="other.example")
        assert reason_of(sender, f"https://other.example:{port}/") is Reason.TLS
    assert seen.requests == []


def test_name_is_not_resolved_again_for_the_connection(certificate):
    """The name exists in no resolver of this machine: only the checked address can have been connected to."""
    resolver = FakeResolver()
    resolver.set(NAME, [HERE], ["203.0.113.1"])
    with receiver(says(b"HTTP/1.1 204 No Content\r\n\r\n"), certificate) as (port, _):
        sender = Outbound(resolver, HttpExchange(certificate.certificate), allow_private=True)
        assert sender.send("POST", f"https://{NAME}:{port}/", {}, b"").status == 204
    assert resolver.asked == [NAME]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirect_is_returned_and_not_followed(status):
    with receiver(says(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")) as (elsewhere, followed):
        text = f"HTTP/1.1 {status} X\r\nlocation: http://{HERE}:{elsewhere}/\r\ncontent-length: 0\r\n\r\n"
        with receiver(says(text.encode())) as (port, _):
            assert outbound().send("POST", f"http://{NAME}:{port}/", {}, b"x").status == status
    assert followed.connections == 0


def test_retry_after_header_is_returned():
    with receiver(says(b"HTTP/1.1 503 X\r\nRetry-After: 120\r\ncontent-length: 0\r\n\r\n")) as (port, _):
        assert outbound().send("POST", f"http://{NAME}:{port}/", {}, b"x") == Answer(
            503, headers={"retry-after": "120"}
        )


def test_huge_response_body_is_read_only_up_to_the_bound():
    def flood(connection, seen):
        connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000000\r\n\r\n")
        while not seen.stop.is_set():
            connection.sendall(b"x" * 65536)

    with receiver(flood) as (port, _):
        answer = outbound().send("POST", f"http://{NAME}:{port}/", {}, b"x")
    assert answer == Answer(200, b"x" * ANSWER_BYTES, is_whole=False)


def test_compressed_response_body_is_not_unpacked():
    bomb = "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 3\r\n\r\n\x1f\x1f\x1f"
    with receiver(says(bomb.encode())) as (port, _):
        assert outbound().send("POST", f"http://{NAME}:{port}/", {}, b"x") == Answer(200, b"\x1f\x1f\x1f")


def test_chunked_response_body_is_read():
    text = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
    with receiver(says(text.encode())) as (port, _):
        assert outbound().send("POST", f"http://{NAME}:{port}/", {}, b"x") == Answer(200, b"abcde")


class TestTime:
    """The cap holds whatever the receiver does; the bounds are wide, since a loaded machine is no failure."""

    def timed(self, url: str, ca_file=None):
        started = time.monotonic()
        try:
            return outbound(ca_file, SHORT_SECONDS).send("POST", url, {}, b"x")
        except NoAnswerError as error:
            return error.reason
        finally:
            assert time.monotonic() - started < FAR_LESS_THAN_FOR_EVER

    def test_silent_receiver_is_a_timeout(self):
        with receiver(lambda _connection, seen: seen.stop.wait()) as (port, seen):
            assert self.timed(f"http://{NAME}:{port}/") is Reason.TIMEOUT
            assert len(seen.requests) == 1

    def test_receiver_sending_headers_byte_by_byte_is_a_timeout(self):
        def drip(connection, seen):
            connection.sendall(b"HTTP/1.1 200 OK\r\n")
            while not seen.stop.wait(0.05):
                connection.sendall(b"a")

        with receiver(drip) as (port, _):
            assert self.timed(f"http://{NAME}:{port}/") is Reason.TIMEOUT

    def test_slow_body_at_the_timeout_keeps_the_status(self):
        def drip(connection, seen):
            connection.sendall(b"HTTP/1.1 202 OK\r\ncontent-length: 1000\r\n\r\n")
            while not seen.stop.wait(0.05):
                connection.sendall(b"x")

        with receiver(drip) as (port, _):
            answer = self.timed(f"http://{NAME}:{port}/")
        assert answer.status == 202
        assert set(answer.body) <= set(b"x")

    def test_endless_tls_handshake_is_a_timeout(self, certificate):
        with receiver(lambda _connection, seen: seen.stop.wait()) as (port, _):
            assert self.timed(f"https://{NAME}:{port}/", certificate.certificate) is Reason.TIMEOUT


def test_url_is_not_logged_for_a_malformed_response(caplog):
    with receiver(says(b"HTTP/1.1 200 OK\r\nno header at all\r\n\r\n")) as (port, _):
        assert outbound().send("POST", f"http://{NAME}:{port}/?token=private-token", {}, b"x").status == 200
    assert "private-token" not in caplog.text


def test_closed_port_is_unreachable():
    with receiver(says(b"")) as (port, _):
        pass
    assert reason_of(outbound(), f"http://{NAME}:{port}/") is Reason.UNREACHABLE


def test_second_address_is_tried_after_an_unreachable_first():
    """The receiver listens on IPv4 only."""
    with receiver(says(b"HTTP/1.1 204 X\r\n\r\n")) as (port, _):
        answer = outbound(addresses=("::1", HERE)).send("POST", f"http://{NAME}:{port}/", {}, b"x")
    assert answer.status == 204


@pytest.mark.parametrize("text", ["", "SSH-2.0-OpenSSH_9.6\r\n", "HTTP/1.1 999999\r\n\r\n"])
def test_response_other_than_http_is_a_protocol_error(text):
    with receiver(says(text.encode())) as (port, _):
        assert reason_of(outbound(), f"http://{NAME}:{port}/") is Reason.PROTOCOL


class TestHeads:
    """What stands in front of the body is the protocol's, and not what a library makes of it."""

    def status_of(self, text: bytes) -> int | Reason:
        with receiver(says(text)) as (port, _):
            try:
                return outbound().send("POST", f"http://{NAME}:{port}/", {}, b"x").status
            except NoAnswerError as error:
                return error.reason

    @pytest.mark.parametrize(
        "before",
        [
            b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n",
            b"HTTP/1.1 102 Processing\r\n\r\n",
            b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 X\r\ncontent-length: 7\r\n\r\n",
            b"HTTP/1.1 103 X\r\n\r\n" * INFORMATIONAL_MOST,
        ],
        ids=["103", "102", "100 and 103", "a few"],
    )
    def test_informational_response_before_the_final_one_is_skipped(self, before):
        assert self.status_of(before + b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n") == 200

    @pytest.mark.parametrize("status", [100, 103])
    def test_endless_informational_responses_are_a_protocol_error(self, status):
        def more(connection, seen):
            while not seen.stop.is_set():
                connection.sendall(b"HTTP/1.1 %d X\r\n\r\n" % status)

        with receiver(more) as (port, _):
            assert reason_of(outbound(), f"http://{NAME}:{port}/") is Reason.PROTOCOL

    def test_informational_response_alone_is_a_protocol_error(self):
        assert self.status_of(b"HTTP/1.1 103 X\r\n\r\n") is Reason.PROTOCOL

    def test_unrequested_protocol_switch_is_a_protocol_error(self):
        assert self.status_of(b"HTTP/1.1 101 X\r\nupgrade: h2c\r\n\r\n") is Reason.PROTOCOL

    @pytest.mark.parametrize(
        "line", [b"HTTP/1.1 200", b"HTTP/1.1 200 ", b"HTTP/1.1 200 \xff\xfe", b"HTTP/1.0 200 OK", b"HTTP/1.9 200 OK"]
    )
    def test_unusual_status_line_with_200_is_accepted(self, line):
        assert self.status_of(line + b"\r\n\r\n") == 200

    @pytest.mark.parametrize(
        "line",
        [
            b"HTTP/0.9 200 OK",
            b"HTTP/2 200 OK",
            b"HTTP/1.1 2_00 OK",
            b"HTTP/1.1 +200 OK",
            b"HTTP/1.1 020 OK",
            b"HTTP/1.1 2000 OK",
            b"HTTP/1.1 OK",
            b"HTTP/1.1",
            b"ICY 200 OK",
            b"<html>hello</html>",
            b"HTTP/1.1 200 " + b"x" * HEAD_BYTES,
        ],
    )
    def test_malformed_status_line_is_a_protocol_error(self, line):
        assert self.status_of(line + b"\r\n\r\n") is Reason.PROTOCOL

    def test_many_headers_within_the_byte_bound_are_accepted(self):
        many = b"".join(b"x-header-%d: y\r\n" % number for number in range(500))
        text = b"HTTP/1.1 503 X\r\n" + many + b"retry-after: 7\r\ncontent-length: 2\r\n\r\nok!"
        with receiver(says(text)) as (port, _):
            assert outbound().send("POST", f"http://{NAME}:{port}/", {}, b"x") == Answer(
                503, b"ok", {"retry-after": "7"}
            )

    def test_headers_above_the_byte_bound_are_a_protocol_error(self):
        lines = (b"x: " + b"y" * 1000 + b"\r\n") * (HEAD_BYTES // 1000 + 1)
        assert self.status_of(b"HTTP/1.1 200 OK\r\n" + lines + b"\r\n") is Reason.PROTOCOL

    def test_truncated_response_head_is_a_protocol_error(self):
        assert self.status_of(b"HTTP/1.1 200 OK\r\ncontent-type: a/b\r\n") is Reason.PROTOCOL

    def test_malformed_header_line_hides_no_later_header(self):
        text = b"HTTP/1.1 503 X\r\nno header at all\r\n: none either\r\nretry-after: 9\r\n\r\n"
        with receiver(says(text)) as (port, _):
            assert outbound().send("POST", f"http://{NAME}:{port}/", {}, b"x").headers["retry-after"] == "9"

    @pytest.mark.parametrize("length", [b"-1", b"zero", b"1e9", b"9" * 5000, b"1, 1", b""])
    def test_invalid_content_length_keeps_the_status(self, length):
        assert self.status_of(b"HTTP/1.1 202 X\r\ncontent-length: " + length + b"\r\n\r\nx") == 202


class TestBodies:
    """How much is kept, and whether it is all."""

    def answer_to(self, text: bytes, answer_bytes: int = 8) -> Answer:
        resolver = FakeResolver()
        resolver.set(NAME, [HERE])
        sender = Outbound(resolver, HttpExchange(), allow_private=True, answer_bytes=answer_bytes)
        with receiver(says(b"HTTP/1.1 200 OK\r\n" + text)) as (port, _):
            return sender.send("GET", f"http://{NAME}:{port}/", {})

    @pytest.mark.parametrize(
        ("text", "body", "is_whole"),
        [
            (b"content-length: 8\r\n\r\n12345678", b"12345678", True),
            (b"content-length: 9\r\n\r\n123456789", b"12345678", False),
            (b"content-length: 8\r\n\r\n1234", b"1234", False),
            (b"content-length: 2\r\n\r\n12345678", b"12", True),
            (b"\r\n12345678", b"12345678", True),
            (b"\r\n123456789", b"12345678", False),
            (b"transfer-encoding: chunked\r\n\r\n8\r\n12345678\r\n0\r\n\r\n", b"12345678", True),
            (b"transfer-encoding: chunked\r\n\r\n8\r\n12345678\r\n1\r\n9\r\n0\r\n\r\n", b"12345678", False),
            (b"transfer-encoding: chunked\r\n\r\n8\r\n1234", b"1234", False),
            (b"transfer-encoding: chunked\r\n\r\nhello", b"", False),
            (b"transfer-encoding: chunked\r\n\r\n-5\r\n1234", None, None),
            (b"transfer-encoding: chunked\r\n\r\nffffffffffffffff\r\n123456789", b"12345678", False),
        ],
        ids=range(12),
    )
    def test_response_body_tells_whether_it_is_whole(self, text, body, is_whole):
        answer = self.answer_to(text)
        assert answer.status == 200
        assert len(answer.body) <= 8
        if body is not None:
            assert (answer.body, answer.is_whole) == (body, is_whole)

    def test_body_is_not_read_with_a_bound_of_zero(self):
        assert self.answer_to(b"content-length: 3\r\n\r\nabc", 0) == Answer(200, is_whole=False)


def test_failure_before_sending_says_the_request_cannot_have_arrived(certificate):
    def may_have_arrived(sender, url):
        with pytest.raises(NoAnswerError) as caught:
            sender.send("POST", url, {}, b"x")
        return caught.value.may_have_arrived

    with receiver(says(b"")) as (port, _):
        assert may_have_arrived(outbound(), f"http://{NAME}:{port}/")
    assert not may_have_arrived(outbound(), f"http://{NAME}:{port}/")
    assert not may_have_arrived(outbound(addresses=()), f"http://{NAME}:{port}/")
    with receiver(says(b""), certificate) as (port, _):
        assert not may_have_arrived(outbound(), f"https://{NAME}:{port}/")


@pytest.mark.parametrize("value", ["Bearer private\n", "Bearer private\u20ac"])
def test_unsendable_header_value_is_not_quoted(value):
    with receiver(says(b"HTTP/1.1 200 OK\r\n\r\n")) as (port, seen), pytest.raises(NoAnswerError) as caught:
        outbound().send("GET", f"http://{NAME}:{port}/", {"authorization": value})
    assert not caught.value.may_have_arrived
    assert (caught.value.__cause__, caught.value.__suppress_context__) == (None, True)
    assert b"private" not in b"".join(seen.requests)
