"""The settings of a deployment: which variables the functions get, and which a deployer may set.

A documented setting is a parameter of the application's stack. Left empty it is unset, and the code's default holds.
"""

from chalicelib.settings import Settings

SECRET_KEYS = ("MASTER_KEY", "API_KEY", "METRICS_KEY", "NETMAKER_MASTER_KEY")
"""Settings that live in Secrets Manager, never in a template or a function's environment."""

STACK_VARIABLES = (
    "TABLE_PREFIX",
    "QUEUE_URLS",
    "DELIVERY_QUEUE_URL",
    "EVENT_BUS_NAME",
    "KEYS_SECRET_ARN",
    "KMS_KEY_ID",
    "WEBSOCKET_URL",
    "WEBSOCKET_MANAGEMENT_URL",
)
"""Variables that the stacks fill in themselves."""


NETWORK_VARIABLES = ("SUBNET_IDS", "SECURITY_GROUP_IDS")
"""Comma lists that a deployer gives for functions to stand in a network; the code knows nothing of it."""


def documented_settings() -> tuple[str, ...]:
    """The names of the settings that a deployer may give, as environment variables."""
    names = (name.upper() for name in Settings.model_fields)
    return tuple(sorted(name for name in names if name not in (*SECRET_KEYS, *STACK_VARIABLES)))


def parameter_name(setting: str) -> str:
    """``NODE_UNREACHABLE_SECONDS`` as CloudFormation's ``NodeUnreachableSeconds``."""
    return "".join(part.capitalize() for part in setting.split("_"))
