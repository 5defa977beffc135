"""The billing API's operations."""

from typing import Any

from tests.support.operations.table import Options


def as_it_is(_: Any) -> Options:
    return {}


def _named(service: str, feature: str) -> Any:
    return lambda _: {"variables": {"service": service, "feature": feature}}


PREPARED = {
    "show_billing_document": as_it_is,
    "get_limits": as_it_is,
    "get_limit_usage": as_it_is,
    "get_ip_usage": as_it_is,
    "get_ip_limits": as_it_is,
    "get_service_ip_limits": _named("public", ""),
    "get_service_limits": _named("compute", ""),
    "get_limit": _named("compute", "create"),
    "get_quotas": as_it_is,
    "get_quota_usage": as_it_is,
    "get_service_quotas": _named("compute", ""),
    "get_quota": _named("compute", "instances"),
    "get_customer": as_it_is,
    "get_customer_tier": as_it_is,
    "list_customer_members": as_it_is,
}
