"""Requests to addresses that strangers choose: checked, pinned to what was checked, bounded in time and size."""

from chalicelib.kit.outbound.addresses import DENIED_RANGES, is_denied
from chalicelib.kit.outbound.exchange import Answer, Exchange, HttpExchange, NoAnswerError, Reason
from chalicelib.kit.outbound.guard import Outbound
from chalicelib.kit.outbound.resolver import Resolver, SystemResolver, UnresolvedError
from chalicelib.kit.outbound.target import Target, UrlRefusedError, parse_target

__all__ = [
    "DENIED_RANGES",
    "Answer",
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
]
