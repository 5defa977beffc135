"""Limits, quotas and their use on the wire."""

from collections.abc import Mapping
from typing import Annotated

from annotated_types import Ge, Le, MaxLen, MinLen
from pydantic import BaseModel, Field

from chalicelib.kit.fields import about
from chalicelib.machines.api.compute.fields import Camel
from chalicelib.machines.api.compute.instance_models import CUSTOMER_ID, USER_ID
from chalicelib.web.validation import Int32, Path, Query, Timestamp

WINDOW = "minute"
"""The window of every limit."""

LIMIT = {"value": 60, "window": WINDOW, "description": "New instances"}
QUOTA = {"value": 50, "unit": "instances", "description": "Instances at a time"}
LIMIT_USE = {
    "featureKey": "create",
    "currentUsage": 3,
    "limit": 60,
    "remaining": 57,
    "tierName": "Pro",
    "window": WINDOW,
    "description": "New instances",
    "resetAt": 1795255203,
    "isLocked": False,
}
QUOTA_USE = {**LIMIT_USE, "featureKey": "instances", "limit": 50, "remaining": 47, "window": None, "resetAt": 0}

_CUSTOMER = about("The customer whose requests and things are counted, by its id.", CUSTOMER_ID)
_TIER = about("Tier that the numbers come from, by its name for people.", "Pro")
_SERVICE = about("Service that offers these operations or things.", "compute")
_FETCHED = about("When this was read, in Unix seconds.", 1795255200)
_TOTAL = about("Number of features in all services.", 1)


class ServicePath(Path):
    service: Annotated[str, MinLen(1), MaxLen(64), about("Name of a service.", "compute")]


class FeaturePath(ServicePath):
    feature: Annotated[str, MinLen(1), MaxLen(64), about("Name of a limit or quota of the service.", "create")]


class LimitOut(Camel):
    """The number of requests that are allowed in a window."""

    value: Annotated[int, about("Requests that are allowed in the window.", 60)]
    window: Annotated[str, about("The window: `minute`.", WINDOW)]
    description: Annotated[str, about("The requests that are counted, for people.", "New instances")]


class QuotaOut(Camel):
    """The number of things that there may be at a time."""

    value: Annotated[int, about("How many there may be at a time.", 50)]
    unit: Annotated[str, about("The things that are counted.", "instances")]
    description: Annotated[str, about("The quota for people.", "Instances at a time")]


class LimitsOut(Camel):
    """The limits of a customer."""

    customer_id: Annotated[str, _CUSTOMER]
    tier_name: Annotated[str, _TIER]
    limits: Annotated[
        Mapping[str, Mapping[str, LimitOut]],
        about("Limits by service and type of operation.", {"compute": {"create": LIMIT}}),
    ]


class ServiceLimitsOut(Camel):
    """The limits of a customer in one service."""

    customer_id: Annotated[str, _CUSTOMER]
    tier_name: Annotated[str, _TIER]
    service_name: Annotated[str, _SERVICE]
    limits: Annotated[Mapping[str, LimitOut], about("Limits by type of operation.", {"create": LIMIT})]


class AddressLimitsOut(Camel):
    """The limits of callers without credentials."""

    ip_limits: Annotated[
        Mapping[str, Mapping[str, LimitOut]],
        about("Limits of an address by service and type of operation.", {"public": {"requests": LIMIT}}),
    ]


class ServiceAddressLimitsOut(Camel):
    """The limits of callers without credentials in one service."""

    service_name: Annotated[
        str, about("Service that these limits are for: `public`, all routes that need no credentials.", "public")
    ]
    limits: Annotated[Mapping[str, LimitOut], about("Limits of an address by type of operation.", {"requests": LIMIT})]


class QuotasOut(Camel):
    """The quotas of a customer."""

    customer_id: Annotated[str, _CUSTOMER]
    tier_name: Annotated[str, _TIER]
    quotas: Annotated[
        Mapping[str, Mapping[str, QuotaOut]], about("Quotas by service.", {"compute": {"instances": QUOTA}})
    ]


class ServiceQuotasOut(Camel):
    """The quotas of a customer in one service."""

    customer_id: Annotated[str, _CUSTOMER]
    tier_name: Annotated[str, _TIER]
    service_name: Annotated[str, _SERVICE]
    quotas: Annotated[Mapping[str, QuotaOut], about("Quotas by name.", {"instances": QUOTA})]


class FeatureUseOut(Camel):
    """How much of a limit or a quota is used."""

    feature_key: Annotated[str, about("Name of the limit or quota.", "create")]
    current_usage: Annotated[int, about("How much is used now.", 3)]
    limit: Annotated[int, about("How much there may be.", 60)]
    remaining: Annotated[int, about("How much is left.", 57)]
    tier_name: Annotated[str | None, about("Name of the tier that it comes from; null for limits of addresses.", "Pro")]
    window: Annotated[str | None, about("Window of a limit; null for a quota, which has none.", WINDOW)]
    description: Annotated[str, about("What it counts.", "New instances")]
    reset_at: Annotated[
        int,
        about("When all of a limit is there again, in Unix seconds; 0 for a quota.", 1795255203),
    ]
    is_locked: Annotated[bool, about("Whether requests are refused now.", False)]


class ServiceUseOut(Camel):
    """The use of the limits or quotas of one service."""

    service_name: Annotated[str, _SERVICE]
    features: Annotated[tuple[FeatureUseOut, ...], about("Its limits or quotas.")]


_BY_LIMIT = about("Use by service.", {"compute": {"serviceName": "compute", "features": [LIMIT_USE]}})
_BY_QUOTA = about("Use by service.", {"compute": {"serviceName": "compute", "features": [QUOTA_USE]}})


class LimitUseOut(Camel):
    """How much of the limits is used."""

    identifier: Annotated[str, about("Id of the customer whose requests are counted.", CUSTOMER_ID)]
    identifier_type: Annotated[str, about("What is counted for: `customer`.", "customer")]
    services: Annotated[Mapping[str, ServiceUseOut], _BY_LIMIT]
    total_features: Annotated[int, _TOTAL]
    fetched_at: Annotated[int, _FETCHED]


class AddressUseOut(Camel):
    """How much of the limits of an address is used, as far as the function that answers knows."""

    identifier: Annotated[str, about("The caller's address.", "203.0.113.7")]
    identifier_type: Annotated[str, about("What is counted for: `ip`.", "ip")]
    services: Annotated[Mapping[str, ServiceUseOut], _BY_LIMIT]
    usage: Annotated[
        Mapping[str, ServiceUseOut],
        about("The same as `services`.", {"compute": {"serviceName": "compute", "features": [LIMIT_USE]}}),
    ]
    total_features: Annotated[int, _TOTAL]
    fetched_at: Annotated[int, _FETCHED]


class QuotaUseOut(Camel):
    """How much of the quotas is used."""

    customer_id: Annotated[str, _CUSTOMER]
    services: Annotated[Mapping[str, ServiceUseOut], _BY_QUOTA]
    usage: Annotated[
        Mapping[str, ServiceUseOut],
        about("The same as `services`.", {"compute": {"serviceName": "compute", "features": [QUOTA_USE]}}),
    ]
    total_features: Annotated[int, _TOTAL]
    fetched_at: Annotated[int, _FETCHED]


class CustomerOut(BaseModel):
    """The customer that the caller belongs to."""

    id: Annotated[str, about("Id of the customer, as `customerID` of its instances.", CUSTOMER_ID)]
    gcid: Annotated[str | None, about("Its id at a payment provider: null, since there is none.", None)] = None


class MemberQuery(Query):
    """The page of members."""

    limit: Annotated[Int32, Ge(1), Le(100), about("Members on a page, at most.")] = 10
    page: Annotated[Int32, Ge(1), about("Number of the page. A page after the last one is empty.")] = 1


class MemberOut(Camel):
    """A user of the caller's customer."""

    role_id: Annotated[str, Field(alias="roleID"), about("Id of the membership: that of the user.", USER_ID)]
    user_id: Annotated[str, Field(alias="userID"), about("Id of the user, as `userID` of its instances.", USER_ID)]
    role: Annotated[str, about("`owner` for the user that registered the customer, else `user`.", "owner")]
    email: Annotated[str, about("Address of the user.", "ada@example.com")]
    joined_at: Annotated[Timestamp, about("When the user was registered.", "2026-11-21T10:00:00Z")]


class MembersOut(Camel):
    """A page of the members of the caller's customer."""

    pages: Annotated[int, about("Number of pages with this limit.", 1)]
    items: Annotated[int, about("Number of members on all pages.", 1)]
    members: Annotated[tuple[MemberOut, ...], about("The members of this page, the oldest first.")]


class CustomerTierOut(Camel):
    """The tier of the caller's customer."""

    customer_id: Annotated[str, _CUSTOMER]
    tier_id: Annotated[str, about("Tier that the limits and quotas come from, as the operator names it.", "pro")]
    tier_name: Annotated[str, _TIER]
    description: Annotated[str, about("Description of the tier.", "For work")]
    is_active: Annotated[bool, about("Always true: a tier is not paid for here.", True)] = True
    subscription_status: Annotated[str, about("Always `active`.", "active")] = "active"
    stacks: Annotated[int, about("Number of times that the tier was bought: always 1.", 1)] = 1
    trial_used: Annotated[bool, about("Always true: there is no trial.", True)] = True
