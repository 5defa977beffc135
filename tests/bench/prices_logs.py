"""What access logs take: a line of each request, frame, connect and disconnect, as API Gateway fills in our formats."""

import json
import re
from collections.abc import Mapping
from typing import Any

from infra import apis
from infra.deployables import CORE
from tests.bench import prices
from tests.bench.prices import GB, Usage

SAMPLES: Mapping[str, str] = {
    "requestId": "3f6a1d2c-7c0f-4c36-9d0d-6a2b1e0c9f58",
    "extendedRequestId": "Xy3kZGVMoAMEVTQ=",
    "requestTimeEpoch": "1764345600000",
    "identity.sourceIp": "203.0.113.199",
    "httpMethod": "GET",
    "resourcePath": "/api/v1/agents/command_executions",
    "routeKey": "$default",
    "connectionId": "Xy3kYcX2oAMCJyA=",
    "status": "200",
    "error.responseType": "-",
    "responseLatency": "12",
    "integrationLatency": "12",
    "responseLength": "1234",
}
"""A value of each field of the context, as long as API Gateway writes it. A socket's request id is a short one."""

SOCKET_REQUEST_ID = SAMPLES["extendedRequestId"]


def rest_line_bytes() -> int:
    """Of a request, as charged."""
    return _line(apis.rest_api(CORE)["Properties"]["AccessLogSetting"], SAMPLES)


def socket_line_bytes() -> int:
    """Of a frame, a connect or a disconnect, as charged."""
    return _line(apis.socket_stage()["Properties"]["AccessLogSettings"], {**SAMPLES, "requestId": SOCKET_REQUEST_ID})


def _line(setting: Any, values: Mapping[str, str]) -> int:
    """Raises KeyError for a field of the format of which there is no sample."""
    [_condition, written, _else] = setting["Fn::If"]
    text = re.sub(r"\$context\.([\w.]+)", lambda found: values[found[1]], written["Format"])
    json.loads(text)
    return len(text.encode()) + int(prices.LINE_OVERHEAD.value)


def logged(size_bytes: float) -> Usage:
    """So many bytes of log, taken in and kept for the month that all are kept for."""
    kept = size_bytes * prices.LOG_COMPRESSION.value / GB
    return Usage(log_bytes=size_bytes, logged_gb_months=kept)
