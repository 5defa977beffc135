"""The prices of AWS for things of tenants, for the report of strangers; those for tenants are `billing.prices`."""

from collections.abc import Mapping
from types import MappingProxyType

HOURLY: Mapping[str, float] = MappingProxyType(
    {
        "elastic-ip": 0.005,
        "natgateway": 0.045,
        # 0.08 USD and 0.05 USD a GB and month of 730 hours (gp3, standard snapshots).
        "volume": 0.08 / 730,
        "snapshot": 0.05 / 730,
    }
)
"""US dollars an hour by the type of EC2 (us-east-1): of one, or of one GB of a disk. A type that is missing costs
nothing."""


def hourly(ec2_type: str, units: float = 1) -> str:
    """The price of an hour, for people: "0.0050 USD". "" for a type that costs nothing."""
    price = HOURLY.get(ec2_type)
    return "" if price is None else f"{price * units:.4f} USD"
