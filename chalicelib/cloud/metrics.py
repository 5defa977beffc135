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


class Metrics:
    """``client`` is the SDK's client of CloudWatch."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def points(self, metrics: Sequence[Metric], start: datetime, end: datetime) -> list[list[Point]]:
        """The points of each metric between two times, the newest first; a period of which CloudWatch knows nothing
        has none. A call for each 500 metrics, and one for each further page of their answer."""
        return [
            points
            for first in range(0, len(metrics), AT_ONCE)
            for points in self._asked(metrics[first : first + AT_ONCE], start, end)
        ]

    def _asked(self, metrics: Sequence[Metric], start: datetime, end: datetime) -> list[list[Point]]:
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
                found[int(each["Id"][1:])] += [Point(round(value), to_seconds_text(at)) for at, value in pairs]
            if not page.get("NextToken"):
                return found
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
