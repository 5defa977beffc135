"""Outgoing HTTP requests other than those of the AWS SDK. URLs from users are checked (SSRF guard), the connection goes
to the checked address, and time and size are bounded."""

from chalicelib.kit.outbound.addresses import DENIED_RANGES, GLOBAL_RANGES, is_denied
from chalicelib.kit.outbound.exchange import Answer, Call, Exchange, HttpExchange, NoAnswerError, Reason
from chalicelib.kit.outbound.guard import Caller, Outbound, unguarded
from chalicelib.kit.outbound.resolver import Resolver, SystemResolver, UnresolvedError
from chalicelib.kit.outbound.target import Target, UrlRefusedError, parse_target

__all__ = [
    "DENIED_RANGES",
    "GLOBAL_RANGES",
    "Answer",
    "Call",
    "Caller",
    "Exchange",
    "HttpExchange",
    "NoAnswerError",
    "Outbound",
    "Reason",
    "Resolver",
    "SystemResolver",
    "Target",
    "UnresolvedError",
    "UrlRefusedError",
    "is_denied",
    "parse_target",
    "unguarded",
]
