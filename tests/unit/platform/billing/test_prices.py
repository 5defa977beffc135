from decimal import Decimal

import pytest

from chalicelib.machines.catalogue.service import packaged
from chalicelib.platform.billing.prices import ANY, PRICES, NoPriceError, Price, price_of

OLD = Price("instance", "small", "2026-01-01T00:00:00Z", Decimal("0.01"))
NEW = Price("instance", "small", "2026-06-01T00:00:00Z", Decimal("0.02"))
REST = Price("instance", ANY, "2026-01-01T00:00:00Z", Decimal("0.5"))


@pytest.mark.parametrize(
    ("size", "at", "expected"),
    [
        ("small", "2026-05-31T23:59:59Z", OLD),
        ("small", "2026-06-01T00:00:00Z", NEW),
        ("small", "2027-01-01T00:00:00Z", NEW),
        ("large", "2026-03-01T00:00:00Z", REST),
    ],
)
def test_price_is_the_last_that_began_before_the_time(size, at, expected):
    assert price_of("instance", size, at, (NEW, REST, OLD)) == expected


def test_thing_without_a_price_is_refused_and_named():
    with pytest.raises(NoPriceError, match="database of size big has no price at 2026-03-01T00:00:00Z"):
        price_of("database", "big", "2026-03-01T00:00:00Z", PRICES)


def test_every_template_has_a_price_that_covers_its_cost():
    own = {price.size: price.per_hour for price in PRICES if price.type == "instance"}
    short = [one.id for one in packaged().templates if own.get(one.id, Decimal(0)) < Decimal(str(one.price_per_hour))]
    assert short == []


def test_prices_are_whole_billionths_in_their_order_and_stand_once():
    assert [price for price in PRICES if Decimal(price.nanos) / 1_000_000_000 != price.per_hour] == []
    keys = [(price.type, price.size, price.since) for price in PRICES]
    assert len(set(keys)) == len(keys)
