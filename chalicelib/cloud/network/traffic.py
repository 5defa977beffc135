"""`NatTraffic`: how much went through NAT gateways, as AWS tells CloudWatch, for the bills of their tenants.

Amazon VPC user guide, "NAT gateway CloudWatch metrics"; Amazon VPC pricing: each GB that a gateway processes costs, in
both directions. To the destinations and back is all that a gateway processes, counted on one of its sides.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta

from chalicelib.cloud.metrics import Metric, Metrics, UntoldError
from chalicelib.cloud.network.names import NAT_GATEWAY
from chalicelib.kit.clock import Clock
from chalicelib.platform.billing.model import Amount
from chalicelib.platform.provisioning.model import Resource

HOUR = timedelta(hours=1)

LATE = timedelta(minutes=10)
"""CloudWatch knows most of an hour some minutes after it: AWS tells it every minute. The rest is added by later
runs, which look back so far."""

LOOKS_BACK = timedelta(hours=6)
"""For so long the function may fail without a loss."""

_DIRECTIONS = ("BytesOutToDestination", "BytesInFromDestination")
_MB = 1024**2


class NatTraffic:
    """``every`` walks over the gateways of all tenants, some hundreds at a time; ``note`` records an amount on a bill,
    once."""

    def __init__(
        self,
        every: Callable[[], Iterable[Sequence[Resource]]],
        note: Callable[[Amount], None],
        metrics: Metrics,
        clock: Clock,
    ) -> None:
        self._every = every
        self._note = note
        self._metrics = metrics
        self._clock = clock

    def measure(self) -> None:
        """Record the traffic of the last whole hours, as far as it is not recorded yet. A call of CloudWatch for 250
        gateways, and a write for each hour of each that had traffic. Raises `UntoldError` after the others, for
        gateways of which CloudWatch did not tell all."""
        untold = 0
        end = (self._clock.now() - LATE).replace(minute=0, second=0, microsecond=0)
        for gateways in self._every():
            made = [each for each in gateways if "id" in each.external]
            asked = [_metric(each, direction) for each in made for direction in _DIRECTIONS]
            points = iter(self._metrics.points(asked, end - LOOKS_BACK, end)) if asked else iter(())
            for gateway in made:
                by_hour: Counter[str] = Counter()
                told = [next(points) for _ in _DIRECTIONS]
                if None in told:
                    untold += 1
                    continue
                for direction in told:
                    by_hour.update({point.at: point.value for point in direction or ()})
                for at, size in sorted(by_hour.items()):
                    if size:
                        self._note(_amount(gateway, at, size))
        if untold:
            raise UntoldError(untold)


def _metric(gateway: Resource, direction: str) -> Metric:
    return Metric("AWS/NATGateway", direction, {"NatGatewayId": gateway.external["id"]}, "Sum", HOUR)


def _amount(gateway: Resource, at: str, size: int) -> Amount:
    return Amount(
        tenant=gateway.tenant,
        resource_id=gateway.id,
        kind=NAT_GATEWAY,
        owner=gateway.owner,
        name="traffic",
        at=at,
        charge_type="nat_traffic",
        charge_size="processed",
        units=-(-size // _MB),
    )
