"""The settings and options of a deployment. A setting is a parameter of the application's stack and a variable of its
functions; an empty one is unset, and the code's default applies. An option is also a parameter, but concerns only the
stack, not the code.
"""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chalicelib.settings import Settings
from infra.deployables import StackKind

Json = dict[str, Any]

SECRET_KEYS = ("MASTER_KEY", "API_KEY", "METRICS_KEY", "NETMAKER_MASTER_KEY")
"""Settings that live in Secrets Manager, never in a template or a function's environment."""

STACK_VARIABLES = (
    "TABLE_PREFIX",
    "QUEUE_URL_PREFIX",
    "DELIVERY_QUEUE_URL",
    "EVENT_BUS_NAME",
    "KEYS_SECRET_ARN",
    "KMS_KEY_ID",
    "SIGNING_KEY_ID",
    "AGENT_BUCKET",
    "EXPORT_BUCKET",
    "IMAGES_BUCKET",
    "IMAGES_IMPORT_ROLE",
    "OUTPUT_BUCKET",
    "WEBSOCKET_MANAGEMENT_URL",
)
"""Variables that the stacks fill in themselves."""

LOCAL_VARIABLES = ("MAIL_DIR", "LOCAL_MACHINES_URL")
"""Settings of a local cloud alone, which deployments have no parameters for: a function's variables are few."""

FAMILY_SETTINGS = frozenset({"PUBLIC_URL"})
"""Settings that the stack of another family has for itself; it takes all others from the core."""

FOLLOWING_OPTIONS = frozenset({"API_ACCESS_LOGS"})
"""Options that other stacks take from the core unless they set them: their access logs need the account's role, which
the core makes."""

NETWORK_VARIABLES = ("SUBNET_IDS", "SECURITY_GROUP_IDS")
"""Comma lists of subnets and security groups, with which functions run in a network."""

_EVERY_STACK = tuple(StackKind)
_POSITIVE_OR_NONE = "([1-9][0-9]*)?"
_ADDRESS_OR_NONE = r"([^@\s]+@[^@\s]+)?"
_NAME_OR_NONE = r"([a-z0-9]([a-z0-9.-]*[a-z0-9])?)?"
_CERTIFICATE_OR_NONE = r"(arn:[a-z-]+:acm:.+)?"


@dataclass(frozen=True)
class Option:
    """A parameter of the stacks of those kinds. ``allowed``, ``pattern`` and, for numbers, ``least`` restrict its
    value."""

    meaning: str
    default: str = ""
    kind: str = "String"
    allowed: tuple[str, ...] = ()
    pattern: str = ""
    least: int = 1
    stacks: tuple[StackKind, ...] = _EVERY_STACK

    def parameter(self) -> Json:
        """Its declaration in a template."""
        limits: Json = {"AllowedValues": list(self.allowed)} if self.allowed else {}
        if self.pattern:
            limits["AllowedPattern"] = self.pattern
        if self.kind == "Number":
            limits["MinValue"] = self.least
        return {"Type": self.kind, "Default": self.default, **limits}


_CORE = (StackKind.CORE,)
_OF_FLEET = (StackKind.CORE, StackKind.FURTHER)

OPTIONS: Mapping[str, Option] = {
    "SUBNET_IDS": Option(
        "Comma list of subnets for the functions that reach nodes or their mesh.", "", "CommaDelimitedList"
    ),
    "SECURITY_GROUP_IDS": Option("Comma list of their security groups.", "", "CommaDelimitedList"),
    "ALARM_EMAIL": Option(
        "Address that every alarm is mailed to, once it has confirmed.", pattern=_ADDRESS_OR_NONE, stacks=_CORE
    ),
    "MONTHLY_BUDGET_USD": Option(
        "The account's bill of a month: ALARM_EMAIL is told at 80 % of it, and when it is going to be passed. "
        "Where CloudFormation has no budgets (GovCloud and many younger regions), make one by hand.",
        pattern=_POSITIVE_OR_NONE,
        stacks=_CORE,
    ),
    "REST_DOMAIN_NAME": Option("Host name of your own for the API, `edge.example.com`.", pattern=_NAME_OR_NONE),
    "REST_CERTIFICATE_ARN": Option("ACM certificate for it, of the same region.", pattern=_CERTIFICATE_OR_NONE),
    "WEBSOCKET_DOMAIN_NAME": Option("Host name of your own for sockets.", pattern=_NAME_OR_NONE, stacks=_CORE),
    "WEBSOCKET_CERTIFICATE_ARN": Option(
        "ACM certificate for it, of the same region.", pattern=_CERTIFICATE_OR_NONE, stacks=_CORE
    ),
    "FLEET_ROUTES_RATE": Option(
        "Requests a second that each route of the agents, and each that a Prometheus scrapes, takes from all callers.",
        "3500",
        "Number",
        stacks=_OF_FLEET,
    ),
    "FLEET_ROUTES_BURST": Option("Requests that each of these takes at once.", "5000", "Number", stacks=_OF_FLEET),
    "PUBLIC_ROUTES_RATE": Option(
        "As FLEET_ROUTES_RATE, for the agents' routes that ask for no token: verification and registration.",
        "300",
        "Number",
        stacks=_OF_FLEET,
    ),
    "PUBLIC_ROUTES_BURST": Option("Requests that each of these takes at once.", "600", "Number", stacks=_OF_FLEET),
    "ROUTES_RATE": Option(
        "As FLEET_ROUTES_RATE, for every other route, and for paths that there are not.", "100", "Number"
    ),
    "ROUTES_BURST": Option("Requests that each of these takes at once.", "300", "Number"),
    "SOCKET_ROUTES_RATE": Option(
        "Connects, frames and disconnects a second, each for itself, that the sockets take from all callers.",
        "1000",
        "Number",
        stacks=_CORE,
    ),
    "SOCKET_ROUTES_BURST": Option("Of each of these, at once.", "2000", "Number", stacks=_CORE),
    "FIREWALL": Option(
        "`on` puts a web ACL before the API that bounds what one address may ask for.", "off", allowed=("on", "off")
    ),
    "FIREWALL_REQUESTS": Option(
        "Requests that it lets one address make in five minutes. A site behind one address is one address.",
        "30000",
        "Number",
        least=10,
    ),
    "FIREWALL_PUBLIC_REQUESTS": Option(
        "Of these, on the routes that ask for no key.", "1000", "Number", least=10, stacks=_OF_FLEET
    ),
    "API_ACCESS_LOGS": Option(
        "`on`: both APIs log each request, and the account's role for that is set, which its other APIs share; "
        "`existing-role`: the account has one; `off`, and then `RateLimitedAlarm`, which counts lines of these logs, "
        "never rings. Further stacks and families take it from the core, unless they set it.",
        "on",
        allowed=("on", "existing-role", "off"),
    ),
    "SYSTEM_LOG_LEVEL": Option(
        "`INFO` also logs start, memory and billed time of every invocation.", "WARN", allowed=("DEBUG", "INFO", "WARN")
    ),
    "API_RESERVED_CONCURRENCY": Option(
        "Copies of the API's function that are kept for it, and that it never exceeds.", pattern=_POSITIVE_OR_NONE
    ),
}
"""The options of a deployment. The rates are for 140,000 machines: all of them polling is 2,300 requests a second of
one route; all of them on sockets is 260 beats a second, beside 500 that connect after an outage, which is what AWS lets
in."""


def documented_settings() -> tuple[str, ...]:
    """The names of the settings that a deployer may give, as environment variables."""
    names = (name.upper() for name in Settings.model_fields)
    return tuple(sorted(name for name in names if name not in (*SECRET_KEYS, *STACK_VARIABLES, *LOCAL_VARIABLES)))


def options_of(kind: StackKind) -> dict[str, Option]:
    """The options of a stack of that kind."""
    return {name: option for name, option in OPTIONS.items() if kind in option.stacks}


def check_options(given: Mapping[str, str]) -> None:
    """Raises ValueError for an option that needs another one, and for a name that two APIs would share."""
    for name, other in (
        ("MONTHLY_BUDGET_USD", "ALARM_EMAIL"),
        ("REST_DOMAIN_NAME", "REST_CERTIFICATE_ARN"),
        ("REST_CERTIFICATE_ARN", "REST_DOMAIN_NAME"),
        ("WEBSOCKET_DOMAIN_NAME", "WEBSOCKET_CERTIFICATE_ARN"),
        ("WEBSOCKET_CERTIFICATE_ARN", "WEBSOCKET_DOMAIN_NAME"),
        ("SUBNET_IDS", "SECURITY_GROUP_IDS"),
        ("SECURITY_GROUP_IDS", "SUBNET_IDS"),
    ):
        if given.get(name) and not given.get(other):
            raise ValueError(f"{name} is set, and {other} is not")
    if given.get("REST_DOMAIN_NAME") and given["REST_DOMAIN_NAME"] == given.get("WEBSOCKET_DOMAIN_NAME"):
        raise ValueError(
            "REST_DOMAIN_NAME and WEBSOCKET_DOMAIN_NAME are the same: API Gateway takes a name for one API"
        )


def parameter_name(setting: str) -> str:
    """``NODE_UNREACHABLE_SECONDS`` as CloudFormation's ``NodeUnreachableSeconds``."""
    return "".join(part.capitalize() for part in setting.split("_"))


def is_given(setting: str) -> Json:
    """A condition: its parameter is not empty."""
    return {"Fn::Not": [{"Fn::Equals": [{"Ref": parameter_name(setting)}, ""]}]}


_ONLY = {_CORE: " Of the core only.", _OF_FLEET: " Of the fleet's API only."}


def markdown_table() -> str:
    """The options as a Markdown table, in the order of their declaration."""
    lines = ["| Option | Default | Meaning |", "| --- | --- | --- |"]
    for name, option in OPTIONS.items():
        default = f"`{option.default}`" if option.default else "none"
        lines.append(f"| `{name}` | {default} | {option.meaning}{_ONLY.get(option.stacks, '')} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(markdown_table())
