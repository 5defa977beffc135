"""Names and errors of quotas. Pure."""

from chalicelib.kit.errors import EdgeError, Kind

QUOTA_EXCEEDED = "quota_exceeded"

INSTANCES = "compute.instances"
"""The quota that an instance takes one of, whichever family makes it: `<service>.<feature>`, as in tiers."""

VCPUS, MEMORY_MB, STORAGE_GB = "vcpus", "memory_mb", "storage_gb"
"""The counters of what a tenant's things are made of."""

SHARES = "shares"
"""The attribute of a row that takes more than one of a quota: how much of each, by quota."""


def tenant_is_gone() -> EdgeError:
    """The refusal of a thing of a tenant that was deleted meanwhile."""
    return EdgeError(Kind.FORBIDDEN, "The tenant was deleted meanwhile: nothing can be made in it")


def quota_exceeded(quota: str, limit: int) -> EdgeError:
    """The refusal of more than a tenant may have."""
    text = f"The quota {quota} of {limit} is used up: delete what is not needed, or ask for a higher quota"
    return EdgeError(Kind.FORBIDDEN, text, code=QUOTA_EXCEEDED)
