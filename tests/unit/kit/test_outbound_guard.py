"""Which URLs and addresses are refused, and with which words."""

import time
from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.kit.outbound import (
    DENIED_RANGES,
    GLOBAL_RANGES,
    Answer,
    NoAnswerError,
    Outbound,
    Reason,
    SystemResolver,
    Target,
    UnresolvedError,
    UrlRefusedError,
    is_denied,
    parse_target,
)
from tests.support.fakes.clock import FakeClock
from tests.support.fakes.receivers import PUBLIC_ADDRESS, FakeReceivers, FakeResolver

NOT_ABSOLUTE = "URL is not a valid absolute http(s) URL"
USERINFO = "URL must not include userinfo (user:pass@host)"
FRAGMENT = "URL must not include a fragment"


class Guarded:
    """A guard on fakes."""

    def __init__(self, *, allow_private: bool = False) -> None:
        self.resolver = FakeResolver()
        self.receivers = FakeReceivers(FakeClock())
        self.outbound = Outbound(self.resolver, self.receivers, allow_private=allow_private)

    def refusal(self, url: str) -> str | None:
        try:
            self.outbound.check(url)
        except UrlRefusedError as error:
            return str(error)
        return None


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0",
        "0.0.0.1",
        "10.0.0.1",
        "100.64.0.1",
        "100.100.100.200",
        "127.0.0.1",
        "127.255.255.254",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.192",
        "192.0.2.1",
        "192.168.1.1",
        "198.18.0.1",
        "198.19.255.255",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::7f00:1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "::ffff:169.254.169.254",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::1",
        "2001:0:4136:e378:8000:63bf:3fff:fdd2",
        "2001:db8::1",
        "2002:7f00:1::",
        "3fff::1",
        "fc00::1",
        "fd00:ec2::254",
        "fe80::1",
        "fe80::1%eth0",
        "fec0::1",
        "ff02::1",
        "100::1",
        "5f00::1",
        "64:ff9b::8.8.8.8",
        "::ffff:0:127.0.0.1",
        "::ffff:0:808:808",
        "::ffff:168.63.129.16",
        "168.63.129.16",
        "1::1",
        "a::1",
        "200::1",
        "1fff:ffff::1",
        "4000::1",
        "8000::1",
        "192.31.196.1",
        "2002:808:808::1",
        "2001::1",
        "2001:1ff::1",
    ],
)
def test_address_in_a_denied_range_is_denied(address):
    assert is_denied(address)


@pytest.mark.parametrize(
    "address",
    [
        "1.1.1.1",
        "8.8.8.8",
        "9.255.255.255",
        "11.0.0.0",
        "93.184.215.14",
        "100.63.255.255",
        "100.128.0.0",
        "126.255.255.255",
        "128.0.0.0",
        "172.15.255.255",
        "172.32.0.0",
        "192.167.255.255",
        "198.17.255.255",
        "198.20.0.0",
        "223.255.255.255",
        "::ffff:8.8.8.8",
        "2606:4700:4700::1111",
        "2a00:1450:4001:81b::200e",
        "168.63.129.15",
        "168.63.129.17",
        "2001:200::1",
        "2001:4860:4860::8888",
        "2003::1",
        "3ffe::1",
    ],
)
def test_public_address_is_allowed(address):
    assert not is_denied(address)


@given(st.ip_addresses())
def test_denied_ranges_cover_all_non_global_addresses_of_the_library(address):
    if not address.is_global:
        mapped = getattr(address, "ipv4_mapped", None)
        assert is_denied(str(address)) or (mapped is not None and mapped.is_global)


def test_denied_ranges_deny_both_their_ends_and_do_not_overlap():
    networks = [ip_network(cidr) for cidr, _ in DENIED_RANGES]
    for network in networks:
        assert is_denied(str(network[0]))
        assert is_denied(str(network[-1]))
        others = [other for other in networks if other is not network and other.version == network.version]
        assert not [other for other in others if network.subnet_of(other)]


@given(st.ip_addresses(v=6))
def test_ipv6_address_outside_global_unicast_is_denied(address):
    if address.ipv4_mapped is None:
        assert is_denied(str(address)) or address in ip_network("2000::/3")


def test_every_denied_range_lies_in_a_global_range():
    for network in (ip_network(cidr) for cidr, _ in DENIED_RANGES):
        blocks = [ip_network(cidr) for cidr in GLOBAL_RANGES]
        assert [block for block in blocks if block.version == network.version and network.subnet_of(block)]


def test_text_other_than_an_address_is_an_error():
    with pytest.raises(ValueError, match="does not appear"):
        is_denied("example.com")


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("", NOT_ABSOLUTE),
        ("/path", NOT_ABSOLUTE),
        ("ftp://example.com/", NOT_ABSOLUTE),
        ("file:///etc/passwd", NOT_ABSOLUTE),
        ("gopher://127.0.0.1:70/", NOT_ABSOLUTE),
        ("http://", NOT_ABSOLUTE),
        ("http:///x", NOT_ABSOLUTE),
        ("https://:443/", NOT_ABSOLUTE),
        ("https://example.com:0/", NOT_ABSOLUTE),
        ("https://example.com:65536/", NOT_ABSOLUTE),
        ("https://example.com:/", NOT_ABSOLUTE),
        ("https://exa mple.com/", NOT_ABSOLUTE),
        ("https://example.com/a b", NOT_ABSOLUTE),
        ("https://example.com/\r\nx: y", NOT_ABSOLUTE),
        ("https://exam\tple.com/", NOT_ABSOLUTE),
        ("https://ex\u00e4mple.com/", NOT_ABSOLUTE),
        ("https://public.example\\@10.0.0.1/", NOT_ABSOLUTE),
        ("https://[::1/", NOT_ABSOLUTE),
        ("https://[::1]x/", NOT_ABSOLUTE),
        ("https://[fe80::1%25eth0]/", NOT_ABSOLUTE),
        ("https://a..b/", NOT_ABSOLUTE),
        (f"https://{'a' * 64}.example/", NOT_ABSOLUTE),
        ("https://user@example.com/", USERINFO),
        ("https://user:pass@example.com/", USERINFO),
        ("https://@example.com/", USERINFO),
        ("https://public.example@10.0.0.1/", USERINFO),
        ("https://example.com/#x", FRAGMENT),
        ("https://example.com/#", FRAGMENT),
        ("https://metadata.google.internal/", "host metadata.google.internal is on the SSRF deny list"),
        ("https://METADATA.google.internal./x", "host metadata.google.internal is on the SSRF deny list"),
        ("http://metadata.azure.internal", "host metadata.azure.internal is on the SSRF deny list"),
        ("http://metadata.tencentyun.com/", "host metadata.tencentyun.com is on the SSRF deny list"),
        ("http://127.0.0.1/", "host 127.0.0.1 resolves to 127.0.0.1 which is in a denied range"),
        (
            "http://169.254.169.254/latest",
            "host 169.254.169.254 resolves to 169.254.169.254 which is in a denied range",
        ),
        ("http://[::1]:8080/", "host ::1 resolves to ::1 which is in a denied range"),
        ("http://[::ffff:10.0.0.1]/", "host ::ffff:10.0.0.1 resolves to ::ffff:10.0.0.1 which is in a denied range"),
        ("http://[4000::1]/", "host 4000::1 resolves to 4000::1 which is in a denied range"),
        ("http://168.63.129.16/", "host 168.63.129.16 resolves to 168.63.129.16 which is in a denied range"),
        ("http://100.64.0.1/", "host 100.64.0.1 resolves to 100.64.0.1 which is in a denied range"),
        ("https://8.8.8.8/hook", None),
        ("https://8.8.8.8.:8443/hook?a=b", None),
        ("http://[2606:4700:4700::1111]/", None),
        ("https://Example.COM./hook", None),
        ("HTTPS://example.com", None),
    ],
)
def test_url_that_must_not_be_called_is_refused_with_its_reason(url, text):
    assert Guarded().refusal(url) == text


@pytest.mark.parametrize("notation", ["2130706433", "0x7f.1", "0177.0.0.1", "127.1", "0"])
def test_unusual_notation_of_a_denied_address_is_refused(notation):
    outbound = Outbound(SystemResolver(), FakeReceivers(FakeClock()))
    with pytest.raises(UrlRefusedError, match="denied range"):
        outbound.check(f"http://{notation}/")


def test_system_resolver_resolves_localhost_and_no_invalid_name():
    assert set(SystemResolver().resolve("localhost", 5)) <= {"127.0.0.1", "::1"}
    with pytest.raises(UnresolvedError):
        SystemResolver().resolve("a" * 64 + ".example", 5)


def test_name_with_one_denied_address_is_refused():
    guarded = Guarded()
    guarded.resolver.set("mixed.example", [PUBLIC_ADDRESS, "10.1.2.3"])
    assert guarded.refusal("https://mixed.example/") == (
        "host mixed.example resolves to 10.1.2.3 which is in a denied range"
    )


def test_unresolvable_name_passes_the_check_and_fails_on_sending():
    guarded = Guarded()
    guarded.resolver.set("later.example", [])
    assert guarded.refusal("https://later.example/") is None
    with pytest.raises(NoAnswerError) as caught:
        guarded.outbound.send("POST", "https://later.example/", {}, b"")
    assert caught.value.reason is Reason.UNRESOLVED
    assert guarded.receivers.received == []


def test_private_addresses_allowed_by_settings_keep_the_other_url_rules():
    guarded = Guarded(allow_private=True)
    assert guarded.refusal("http://127.0.0.1:9000/") is None
    assert guarded.refusal("http://metadata.google.internal/") is None
    assert guarded.refusal("http://user@127.0.0.1/") == USERINFO
    assert guarded.refusal("http://127.0.0.1/#x") == FRAGMENT


def test_request_connects_to_the_checked_address_resolved_once():
    guarded = Guarded()
    guarded.resolver.set("rebinds.example", [PUBLIC_ADDRESS], ["127.0.0.1"])
    assert guarded.outbound.send("POST", "https://rebinds.example/a?b=c", {"x": "y"}, b"body") == Answer(204)
    (received,) = guarded.receivers.received
    assert (received.addresses, received.host, received.path) == ((PUBLIC_ADDRESS,), "rebinds.example", "/a?b=c")
    assert guarded.resolver.asked == ["rebinds.example"]


def test_name_that_resolves_to_a_private_address_on_sending_is_refused():
    guarded = Guarded()
    guarded.resolver.set("rebinds.example", [PUBLIC_ADDRESS], ["169.254.169.254"])
    guarded.outbound.check("https://rebinds.example/")
    with pytest.raises(UrlRefusedError, match=r"169\.254\.169\.254"):
        guarded.outbound.send("POST", "https://rebinds.example/", {}, b"")
    assert guarded.receivers.received == []


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("https://Example.com", Target(is_tls=True, host="example.com", port=443, path="/")),
        ("http://example.com:8080/a/b?c=d&e", Target(is_tls=False, host="example.com", port=8080, path="/a/b?c=d&e")),
        ("http://[2606:4700::1]:81/", Target(is_tls=False, host="2606:4700::1", port=81, path="/")),
        ("http://example.com?x=1", Target(is_tls=False, host="example.com", port=80, path="/?x=1")),
    ],
)
def test_url_is_parsed_into_its_target(url, target):
    assert parse_target(url) == target


def test_target_is_an_address_only_in_standard_notation():
    assert parse_target("http://8.8.8.8/").is_address
    assert not parse_target("http://2130706433/").is_address
    assert ip_address(parse_target("http://[::2]/").host).version == 6


class Calls:
    """Keeps what it is to send."""

    def __init__(self) -> None:
        self.calls = []

    def send(self, call, addresses):
        self.calls.append((call, tuple(addresses)))
        return Answer(204)


def test_time_of_resolving_is_subtracted_from_the_request_timeout():
    class Slow(FakeResolver):
        def resolve(self, host, seconds):
            assert seconds == 5
            time.sleep(0.02)
            return super().resolve(host, seconds)

    exchange = Calls()
    Outbound(Slow(), exchange, total_seconds=5).send("GET", "https://slow.example/", {})
    ((call, _),) = exchange.calls
    assert call.seconds < 5


def test_request_passes_method_body_and_bounds_to_the_exchange():
    exchange = Calls()
    sender = Outbound(FakeResolver(), exchange, answer_bytes=7)
    sender.send("DELETE", "https://a.example/x?y=z", {"n": "v"})
    ((call, addresses),) = exchange.calls
    assert (call.method, call.target.path, call.headers, call.body) == ("DELETE", "/x?y=z", {"n": "v"}, None)
    assert (call.answer_bytes, addresses) == (7, (PUBLIC_ADDRESS,))
