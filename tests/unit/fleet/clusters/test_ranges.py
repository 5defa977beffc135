import pytest

from chalicelib.fleet.clusters.ranges import AddressRange, Pools


@pytest.mark.parametrize(
    ("cidr", "canonical", "size"),
    [("100.64.1.5/24", "100.64.1.0/24", 256), ("8.8.8.8/30", "8.8.8.8/30", 4), ("1.2.3.4/32", "1.2.3.4/32", 1)],
)
def test_address_range_drops_host_bits(cidr, canonical, size):
    read = AddressRange.of_cidr(cidr)

    assert (read.cidr, read.size) == (canonical, size)


@pytest.mark.parametrize("text", ["", "1.2.3.4/33", "300.1.1.1/8", "1.2.3/8", "01.2.3.4/8", "nonsense"])
def test_invalid_address_range_is_refused(text):
    with pytest.raises(ValueError):  # noqa: PT011 - ipaddress words each case differently
        AddressRange.of_cidr(text)


@pytest.mark.parametrize(
    ("left", "right", "overlap"),
    [
        ("8.0.0.0/24", "8.0.0.0/24", True),
        ("8.0.0.0/24", "8.0.0.128/25", True),
        ("8.0.0.128/25", "8.0.0.0/16", True),
        ("8.0.0.0/25", "8.0.0.128/25", False),
        ("8.0.0.0/24", "9.0.0.0/24", False),
    ],
)
def test_range_overlap_is_symmetric(left, right, overlap):
    one, other = AddressRange.of_cidr(left), AddressRange.of_cidr(right)

    assert one.overlaps(other) is overlap
    assert other.overlaps(one) is overlap


def test_slots_are_numbered_through_the_pools_in_order():
    pools = Pools.of(["20.0.0.0/23", "9.0.0.0/24"], 24)

    assert pools.count == 3
    assert [pools.at(slot).cidr for slot in range(3)] == ["20.0.0.0/24", "20.0.1.0/24", "9.0.0.0/24"]
    assert [pools.first_slot_of_next_pool(slot) for slot in range(3)] == [2, 2, 3]
    assert pools.pool_of(2).cidr == "9.0.0.0/24"


@pytest.mark.parametrize(
    ("cidr", "slot"), [("20.0.1.7/32", 1), ("20.0.0.0/16", 0), ("9.0.0.0/8", 2), ("8.0.0.0/8", None)]
)
def test_first_slot_touching_a_range_is_found(cidr, slot):
    pools = Pools.of(["20.0.0.0/23", "9.0.0.0/24"], 24)

    assert pools.first_slot_touching(AddressRange.of_cidr(cidr)) == slot


def test_slot_beyond_the_last_is_an_error():
    pools = Pools.of(["20.0.0.0/23"], 24)

    with pytest.raises(IndexError, match="slot 2 of 2"):
        pools.at(2)
    with pytest.raises(IndexError, match="slot 2 of 2"):
        pools.pool_of(2)


@pytest.mark.parametrize(
    ("cidrs", "prefix"), [([], 24), (["20.0.0.0/24"], 23), (["20.0.0.0/24"], 31), (["20.0.0.0/33"], 30)]
)
def test_invalid_pools_are_refused(cidrs, prefix):
    with pytest.raises(ValueError):  # noqa: PT011 - any wording stops the start
        Pools.of(cidrs, prefix)
