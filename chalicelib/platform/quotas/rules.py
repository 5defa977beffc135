"""Names and errors of quotas. Pure."""

from chalicelib.kit.errors import EdgeError, Kind

QUOTA_EXCEEDED = "quota_exceeded"

INSTANCES = "compute.instances"
"""The quota that an instance takes one of, whichever family makes it: `<service>.<feature>`, as in tiers."""


def quota_exceeded(quota: str, limit: int) -> EdgeError:
    """The refusal of one more than a tenant may have."""
    text = f"The quota {quota} of {limit} is used up: delete what is not needed, or ask for a higher quota"
    return EdgeError(Kind.FORBIDDEN, text, code=QUOTA_EXCEEDED)
