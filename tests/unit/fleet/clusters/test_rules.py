import pytest

from chalicelib.fleet.clusters.rules import below_count, check_capacity, check_name, not_empty, overlapping, parse_range
from chalicelib.kit.errors import EdgeError, Kind

RESERVED = "cannot use private, loopback, link-local, or multicast ranges"


def refusal(call, *arguments):
    with pytest.raises(EdgeError) as caught:
        call(*arguments)
    assert caught.value.kind is Kind.VALIDATION_FAILED
    return caught.value.details


def test_cluster_name_default_is_reserved():
    assert refusal(check_name, "default") == {"name": ["is reserved"]}
    assert check_name("defaults") is None


@pytest.mark.parametrize("octet", [0, 10, 127, 169, 172, 192, *range(224, 256)])
def test_range_with_a_reserved_first_octet_is_refused(octet):
    assert refusal(parse_range, f"{octet}.64.0.0/24") == {"ipv4_range": [RESERVED]}


@pytest.mark.parametrize("octet", [1, 9, 11, 100, 126, 128, 168, 170, 171, 173, 191, 193, 223])
def test_range_with_another_first_octet_is_accepted(octet):
    assert parse_range(f"{octet}.64.0.0/24").cidr == f"{octet}.64.0.0/24"


@pytest.mark.parametrize("cidr", ["0.0.0.0/0", "8.0.0.0/6", "168.0.0.0/7"])
def test_wide_range_reaching_a_reserved_octet_is_refused(cidr):
    assert refusal(parse_range, cidr) == {"ipv4_range": [RESERVED]}


@pytest.mark.parametrize("cidr", ["100.64.0.0/33", "100.64.0.256/24", "100.064.0.0/24"])
def test_malformed_cidr_range_is_refused(cidr):
    assert refusal(parse_range, cidr) == {"ipv4_range": ["invalid CIDR format"]}


@pytest.mark.parametrize("prefix", [31, 32])
def test_range_below_four_addresses_is_refused(prefix):
    text = f"prefix /{prefix} is too small — minimum is /30 (4 IPs)"
    assert refusal(parse_range, f"100.64.0.0/{prefix}") == {"ipv4_range": [text]}


def test_node_limit_leaves_room_for_reserved_slots():
    assert check_capacity(236, 24, 20) is None
    assert check_capacity(None, 30, 20) is None
    text = "cannot exceed 236 for /24 (256 IPs minus 20 reserved slots)"
    assert refusal(check_capacity, 237, 24, 20) == {"node_limit": [text]}


def test_node_limit_of_a_range_below_the_reserve_is_zero():
    text = "cannot exceed 0 for /30 (4 IPs minus 20 reserved slots)"
    assert refusal(check_capacity, 1, 30, 20) == {"node_limit": [text]}


def test_refusals_of_a_cluster_have_the_published_texts():
    assert below_count(2).details == {"node_limit": ["cannot be less than current node count (2)"]}
    assert overlapping("8.0.0.0/24").message == "8.0.0.0/24 overlaps with an existing cluster range"
    assert not_empty(3).message == "cannot delete cluster with 3 node(s) - remove all nodes first"
