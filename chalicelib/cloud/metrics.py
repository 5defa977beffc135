"""`Metrics`: figures that AWS services tell CloudWatch of things, many things to a call.

Sources: CloudWatch API reference, "GetMetricData" and "MetricDataQuery" (500 metrics a call, ids that begin with a
lower-case letter, pages); CloudWatch pricing (0.01 USD for a thousand metrics that are asked for).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from chalicelib.kit.clock import to_seconds_text

AT_ONCE = 500

_WHOLE = "Complete"
"""The last status of a metric all of whose points were told; `PartialData` goes on with another page, and
`InternalError` and `Forbidden` tell of nothing."""


@dataclass(frozen=True)
class Metric:
    """A metric of one thing. ``statistic`` is that of the values of a ``period``: "Average", "Sum"."""

    namespace: str
    name: str
    dimensions: Mapping[str, str]
    statistic: str
    period: timedelta


@dataclass(frozen=True)
class Point:
    """The value of a period, which begins ``at`` (seconds text)."""

    value: int
    at: str


class UntoldError(Exception):
    """CloudWatch did not tell all of some metrics: what they are of is left as it was."""

    def __init__(self, count: int) -> None:
        super().__init__(f"CloudWatch did not tell all that was asked of {count} thing(s)")


class Metrics:
    """``client`` is the SDK's client of CloudWatch."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def points(self, metrics: Sequence[Metric], start: datetime, end: datetime) -> list[list[Point] | None]:
        """The points of each metric between two times, the newest first; a period of which CloudWatch knows nothing
        has none. None stands for a metric of which it could not tell all. A call for each 500 metrics, and one for
        each further page of their answer."""
        return [
            points
            for first in range(0, len(metrics), AT_ONCE)
            for points in self._asked(metrics[first : first + AT_ONCE], start, end)
        ]

    def _asked(self, metrics: Sequence[Metric], start: datetime, end: datetime) -> list[list[Point] | None]:
        status = [""] * len(metrics)
        found: list[list[Point]] = [[] for _ in metrics]
        asked = {
            "MetricDataQueries": [_query(number, metric) for number, metric in enumerate(metrics)],
            "StartTime": start,
            "EndTime": end,
            "ScanBy": "TimestampDescending",
        }
        more: dict[str, str] = {}
        while True:
            page = self._client.get_metric_data(**asked, **more)
            for each in page["MetricDataResults"]:
                pairs = zip(each["Timestamps"], each["Values"], strict=True)
                number = int(each["Id"][1:])
                found[number] += [Point(round(value), to_seconds_text(at)) for at, value in pairs]
                status[number] = each["StatusCode"]
            if not page.get("NextToken"):
                return [points if last == _WHOLE else None for points, last in zip(found, status, strict=True)]
            more = {"NextToken": page["NextToken"]}


def _query(number: int, metric: Metric) -> dict[str, Any]:
    dimensions = [{"Name": name, "Value": value} for name, value in metric.dimensions.items()]
    return {
        "Id": f"m{number}",
        "MetricStat": {
            "Metric": {"Namespace": metric.namespace, "MetricName": metric.name, "Dimensions": dimensions},
            "Period": int(metric.period.total_seconds()),
            "Stat": metric.statistic,
        },
    }
