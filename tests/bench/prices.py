"""What AWS asks for, and what is assumed where nothing can be measured without an account.

On-demand prices of us-east-1 in US dollars, first tier, without any free tier: an account pays less, never more.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields

KNOWN = "2026-11"
"""When the prices were looked up."""


@dataclass(frozen=True)
class Price:
    """``usd`` for ``per`` units of a field of `Usage`.

    ``page`` is AWS's own pricing page. ``verified`` prices agree with independent price guides of 2025 and 2026; the
    others are that page as remembered.
    """

    field: str
    service: str
    what: str
    usd: float
    per: float
    page: str
    verified: bool = True

    @property
    def each(self) -> float:
        return self.usd / self.per

    @property
    def source(self) -> str:
        return f"https://aws.amazon.com/{self.page}/"


MILLION = 1_000_000
GB = 1_000_000_000

_GATEWAY = "api-gateway/pricing"
_LAMBDA = "lambda/pricing"
_DYNAMODB = "dynamodb/pricing/on-demand"
_WATCH = "cloudwatch/pricing"
_SECRETS = "secrets-manager/pricing"
_S3 = "s3/pricing"

PRICES: tuple[Price, ...] = (
    Price("rest_requests", "API Gateway", "REST requests", 3.50, MILLION, _GATEWAY),
    Price("socket_messages", "API Gateway", "WebSocket messages, 32 KB", 1.00, MILLION, _GATEWAY),
    Price("connection_minutes", "API Gateway", "WebSocket minutes", 0.25, MILLION, _GATEWAY),
    Price("lambda_requests", "Lambda", "requests", 0.20, MILLION, _LAMBDA),
    Price("lambda_gb_seconds", "Lambda", "GB-seconds, x86", 0.0000166667, 1, _LAMBDA),
    Price("read_units", "DynamoDB", "read request units", 0.125, MILLION, _DYNAMODB),
    Price("write_units", "DynamoDB", "write request units", 0.625, MILLION, _DYNAMODB),
    Price("stored_gb_months", "DynamoDB", "storage, GB-month", 0.25, 1, _DYNAMODB, verified=False),
    Price("backup_gb_months", "DynamoDB", "point-in-time recovery, GB-month", 0.20, 1, _DYNAMODB, verified=False),
    Price("sqs_requests", "SQS", "requests, 64 KB", 0.40, MILLION, "sqs/pricing"),
    Price("fair_queue_requests", "SQS", "requests with a message group, on top", 0.10, MILLION, "sqs/pricing"),
    Price("bus_events", "EventBridge", "custom events, 64 KB", 1.00, MILLION, "eventbridge/pricing"),
    Price("log_bytes", "CloudWatch", "logs taken in, GB", 0.50, GB, _WATCH),
    Price("logged_gb_months", "CloudWatch", "logs kept, GB-month, compressed", 0.03, 1, _WATCH, verified=False),
    Price("alarm_months", "CloudWatch", "alarms, month", 0.10, 1, _WATCH),
    Price("dashboard_months", "CloudWatch", "dashboards, month", 3.00, 1, _WATCH),
    Price("key_months", "KMS", "keys, month", 1.00, 1, "kms/pricing"),
    Price("kms_calls", "KMS", "requests", 0.03, 10_000, "kms/pricing"),
    Price("secret_months", "Secrets Manager", "secrets, month", 0.40, 1, _SECRETS, verified=False),
    Price("secret_calls", "Secrets Manager", "requests", 0.05, 10_000, _SECRETS, verified=False),
    Price("acl_months", "WAF", "web ACL, month", 5.00, 1, "waf/pricing", verified=False),
    Price("rule_months", "WAF", "rules, month", 1.00, 1, "waf/pricing", verified=False),
    Price("inspected_requests", "WAF", "requests", 0.60, MILLION, "waf/pricing", verified=False),
    Price("nat_hours", "VPC", "NAT gateway, hour", 0.045, 1, "vpc/pricing", verified=False),
    Price("nat_bytes", "VPC", "through a NAT gateway, GB", 0.045, GB, "vpc/pricing", verified=False),
    Price("object_writes", "S3", "PUT requests", 0.005, 1000, _S3),
    Price("object_reads", "S3", "GET and HEAD requests", 0.0004, 1000, _S3),
    Price("object_gb_months", "S3", "storage, GB-month", 0.023, 1, _S3),
    Price("egress_bytes", "Data transfer", "out to the internet, GB", 0.09, GB, "ec2/pricing/on-demand"),
)
"""Not in it, since it costs nothing: change streams read by Lambda, EventBridge's schedules, data between services of a
region, backups that nobody restores, the first two budgets of an account, mails to 1,000 addresses a month, metrics
that AWS's services write."""


@dataclass(frozen=True)
class Usage:
    """An amount of everything that is charged for; fields as in `PRICES`."""

    rest_requests: float = 0
    socket_messages: float = 0
    connection_minutes: float = 0
    lambda_requests: float = 0
    lambda_gb_seconds: float = 0
    read_units: float = 0
    write_units: float = 0
    stored_gb_months: float = 0
    backup_gb_months: float = 0
    sqs_requests: float = 0
    fair_queue_requests: float = 0
    bus_events: float = 0
    log_bytes: float = 0
    logged_gb_months: float = 0
    alarm_months: float = 0
    dashboard_months: float = 0
    key_months: float = 0
    kms_calls: float = 0
    secret_months: float = 0
    secret_calls: float = 0
    acl_months: float = 0
    rule_months: float = 0
    inspected_requests: float = 0
    nat_hours: float = 0
    nat_bytes: float = 0
    object_writes: float = 0
    object_reads: float = 0
    object_gb_months: float = 0
    egress_bytes: float = 0

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(**{name: mine + theirs for (name, mine), (_, theirs) in zip(self, other, strict=True)})

    def __sub__(self, other: "Usage") -> "Usage":
        return self + other * -1

    def __mul__(self, times: float) -> "Usage":
        return Usage(**{name: value * times for name, value in self})

    def __iter__(self) -> Iterator[tuple[str, float]]:
        return ((field.name, getattr(self, field.name)) for field in fields(self))

    @property
    def usd(self) -> float:
        return sum(self.by_service().values())

    def by_service(self) -> dict[str, float]:
        """Dollars by service."""
        amounts = dict(self)
        dollars: dict[str, float] = {}
        for price in PRICES:
            dollars[price.service] = dollars.get(price.service, 0.0) + price.each * amounts[price.field]
        return dollars


@dataclass(frozen=True)
class Assumption:
    """A quantity that no run here can measure."""

    what: str
    value: float
    unit: str
    why: str


OWN_CODE = Assumption("own code of an invocation on a whole processor", 4, "ms", "some times what it takes in process")
READ_MS = Assumption("a read of DynamoDB", 4, "ms", "single-digit milliseconds, DynamoDB developer guide")
WRITE_MS = Assumption("a write of DynamoDB", 6, "ms", "as above")
TRANSACTION_MS = Assumption("a transaction of DynamoDB", 12, "ms", "two rounds of a write")
SEND_MS = Assumption("a batch of messages to SQS", 10, "ms", "usual within a region")
BUS_MS = Assumption("a batch of events to EventBridge", 15, "ms", "usual within a region")
POST_MS = Assumption("a frame posted to a WebSocket", 10, "ms", "usual; eight go side by side")
PUSH_MS = Assumption(
    "a machine's push of its metrics after it was asked", 500, "ms", "a frame, node_exporter, a request"
)
RECEIVER_MS = Assumption("the answer of a webhook's receiver", 200, "ms", "a round trip with TLS across a continent")
WHOLE_PROCESSOR = Assumption("memory that has a whole processor", 1769, "MB", "Lambda developer guide, memory")
PLATFORM_LOG = Assumption(
    "Lambda's own lines of an invocation", 420, "bytes", "START, END and REPORT, 26 bytes each on top"
)
LINE_OVERHEAD = Assumption("what is charged for a log line on top", 26, "bytes", "CloudWatch Logs API, PutLogEvents")
LOG_COMPRESSION = Assumption("what is kept of a log's bytes", 0.15, "of them", "CloudWatch pricing page, its examples")
HEADERS = Assumption("headers and TLS of an answer", 600, "bytes", "API Gateway's headers on a kept connection")
IDLE_POLLERS = Assumption("long polls of Lambda at an idle queue", 5, "at once", "Lambda developer guide: five batches")
POLL_WAIT = Assumption("an empty long poll", 20, "s", "the longest that SQS has")
ENVIRONMENT_LIFE = Assumption("life of a function's environment", 2, "hours", "as many have seen; AWS promises nothing")
COLD_START_MS = Assumption("a cold start, billed", 1000, "ms", "imports on a part of a processor")
ITEM_OVERHEAD = Assumption("a stored row or index entry, on top", 100, "bytes", "DynamoDB developer guide, item sizes")
BEHIND_NAT_BYTES = Assumption(
    "through the NAT for an invocation in a network", 8_000, "bytes", "TLS and the calls of a poll, no endpoints"
)
MONTH_HOURS = Assumption("a month", 730, "hours", "AWS's pricing calculator")

ASSUMPTIONS = (
    *(OWN_CODE, READ_MS, WRITE_MS, TRANSACTION_MS, SEND_MS, BUS_MS, POST_MS, PUSH_MS, RECEIVER_MS, WHOLE_PROCESSOR),
    *(PLATFORM_LOG, LINE_OVERHEAD, LOG_COMPRESSION, HEADERS, IDLE_POLLERS, POLL_WAIT, ENVIRONMENT_LIFE, COLD_START_MS),
    *(ITEM_OVERHEAD, BEHIND_NAT_BYTES, MONTH_HOURS),
)
