"""A stand-in for CloudWatch, as far as metrics are read: strict where AWS refuses.

CloudWatch API reference, "GetMetricData": 500 queries a call, ids that begin with a lower-case letter and are unique, a
period of whole minutes, a start before the end, pages. A metric is told of exactly its dimensions and no others.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, NoReturn

from botocore.exceptions import ClientError
from botocore.session import get_session
from botocore.validate import ParamValidator

from tests.support.fakes.clock import FakeClock

MOST_QUERIES = 500

_ID = re.compile(r"[a-z][a-zA-Z0-9_]*")
_TOLD = {"AWS/S3": (86_400, {"Average"}), "AWS/NATGateway": (3_600, {"Sum", "Average", "Minimum", "Maximum"})}
"""The seconds and statistics with which the metrics of a service are asked for."""

Key = tuple[str, str, tuple[tuple[str, str], ...]]


class FakeCloudWatch:
    """``tell`` gives a metric the value of a day. A page of an answer has the results of ``page_size`` queries."""

    def __init__(self, clock: FakeClock, page_size: int = 100) -> None:
        self.asked: list[int] = []
        """The number of queries of each call."""
        self.page_size = page_size
        self._clock = clock
        self.untold: dict[str, str] = {}
        """The status of metrics of which not all is told, by a value of their dimensions."""
        self._values: dict[Key, dict[datetime, float]] = {}

    def tell(self, namespace: str, name: str, value: float, *, days_ago: int = 1, **dimensions: str) -> None:
        """The value of a metric on a day."""
        day = self._clock.now().replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=days_ago)
        self.tell_at(day, namespace, name, value, **dimensions)

    def tell_at(self, at: datetime, namespace: str, name: str, value: float, **dimensions: str) -> None:
        """The value of a metric in the period that begins then."""
        key = (namespace, name, tuple(sorted(dimensions.items())))
        self._values.setdefault(key, {})[at.astimezone(UTC)] = value

    def get_metric_data(self, **request: Any) -> dict[str, Any]:
        report = ParamValidator().validate(request, _shape())
        if report.has_errors():
            raise AssertionError(report.generate_report())
        queries = request["MetricDataQueries"]
        self.asked.append(len(queries))
        _check(queries, request["StartTime"], request["EndTime"])
        start = int(request.get("NextToken", "0"))
        shown = queries[start : start + self.page_size]
        answer: dict[str, Any] = {"MetricDataResults": [self._result(each, request) for each in shown], "Messages": []}
        if start + len(shown) < len(queries):
            answer["NextToken"] = str(start + len(shown))
        return answer

    def _result(self, query: Mapping[str, Any], request: Mapping[str, Any]) -> dict[str, Any]:
        metric = query["MetricStat"]["Metric"]
        dimensions = tuple(sorted((each["Name"], each["Value"]) for each in metric["Dimensions"]))
        values = self._values.get((metric["Namespace"], metric["MetricName"], dimensions), {})
        inside = [(at, value) for at, value in values.items() if request["StartTime"] <= at < request["EndTime"]]
        inside.sort(reverse=request.get("ScanBy", "TimestampDescending") == "TimestampDescending")
        status = next((self.untold[value] for _, value in dimensions if value in self.untold), "Complete")
        inside = inside[1:] if status != "Complete" else inside
        return {
            "Id": query["Id"],
            "Label": metric["MetricName"],
            "StatusCode": status,
            "Timestamps": [at for at, _ in inside],
            "Values": [value for _, value in inside],
        }


@cache
def _shape() -> Any:
    return get_session().get_service_model("cloudwatch").operation_model("GetMetricData").input_shape


def _check(queries: list[Mapping[str, Any]], start: datetime, end: datetime) -> None:
    if not 1 <= len(queries) <= MOST_QUERIES:
        _refuse("ValidationError", f"{len(queries)} queries: 1 to {MOST_QUERIES} are allowed")
    if start >= end:
        _refuse("ValidationError", "the start is not before the end")
    ids = [each["Id"] for each in queries]
    if len(set(ids)) < len(ids) or not all(map(_ID.fullmatch, ids)):
        _refuse("ValidationError", "an id is wrong, or used twice")
    for each in queries:
        stat = each["MetricStat"]
        if stat["Period"] % 60:
            _refuse("ValidationError", "the period is no whole minute")
        period, statistics = _TOLD[stat["Metric"]["Namespace"]]
        if stat["Period"] != period or stat["Stat"] not in statistics:
            raise AssertionError(f"{stat} finds nothing of what is told")


def _refuse(code: str, message: str) -> NoReturn:
    raise ClientError({"Error": {"Code": code, "Message": message}}, "GetMetricData")
