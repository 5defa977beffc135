"""The errors of EC2 about instances, with the reasons that their owners read, and why an instance has ended.

Codes: Amazon EC2 developer guide, "Error codes for the Amazon EC2 API".
"""

from dataclasses import replace

from chalicelib.platform.provisioning.aws_errors import LIMIT, NO_IMAGE, AwsErrors

MISMATCH = "IdempotentParameterMismatch"
NOT_FOUND = "InvalidInstanceID.NotFound"

_NO_CAPACITY = "EC2 has no capacity for this machine type in this zone now: use another zone or template, or try later"
_CHANGING = "the machine is still changing its state"
_CATALOGUE = "EC2 does not take what the template names ({}): the operator has to mend the template or the settings"
_NO_IMAGE = "its image is gone: create another instance from another image"
_DISK_SPACE = LIMIT.format("disk space", "instances")

ERRORS = AwsErrors(
    service="EC2",
    gone={NOT_FOUND: "EC2 does not know the machine any more"},
    again={
        "InsufficientInstanceCapacity": _NO_CAPACITY,
        "InsufficientHostCapacity": _NO_CAPACITY,
        "InsufficientCapacity": _NO_CAPACITY,
        "InsufficientFreeAddressesInSubnet": "the zone's subnet has no free address: use another zone, or delete "
        "instances",
        "IncorrectInstanceState": _CHANGING,
        "IncorrectState": _CHANGING,
        "PendingVerification": "AWS is still verifying the account",
    },
    refused={
        "VcpuLimitExceeded": LIMIT.format("vCPUs of running instances", "instances"),
        "InstanceLimitExceeded": LIMIT.format("running instances", "instances"),
        "VolumeLimitExceeded": _DISK_SPACE,
        "MaxIOPSLimitExceeded": LIMIT.format("disk operations", "instances"),
        "SecurityGroupsPerInstanceLimitExceeded": "it cannot have so many security groups: detach one",
        "SecurityGroupsPerInterfaceLimitExceeded": "it cannot have so many security groups: detach one",
        **dict.fromkeys(NO_IMAGE, _NO_IMAGE),
        "Unsupported": "this machine type is not offered in this zone: use another zone or template",
        "OperationNotPermitted": "the machine is protected in EC2: the operator has to remove its protection",
    },
    unknown=_CATALOGUE,
)

_NO_GROUP = "EC2 does not find its security group yet"

TENANT_ERRORS = replace(
    ERRORS,
    again={
        **ERRORS.again,
        "InvalidSubnetID.NotFound": "EC2 does not find its subnet yet",
        "InvalidGroup.NotFound": _NO_GROUP,
        "InvalidSecurityGroupID.NotFound": _NO_GROUP,
    },
)
"""Those of calls that name parts of a tenant's network. Rows say that these are there, and EC2 may not find for a while
what was made a moment ago ("Eventual consistency in the Amazon EC2 API")."""

PAUSE_ERRORS = replace(
    ERRORS,
    again={**ERRORS.again, "UnsupportedOperation": "the machine is not ready to be paused yet: it started lately"},
)
"""Those of a pause, for which a machine is ready some two minutes after its start (EC2 user guide, "Troubleshoot Amazon
EC2 instance hibernation issues")."""

_WHY_ENDED = {
    "Server.InsufficientInstanceCapacity": _NO_CAPACITY,
    "Server.InternalError": "EC2 could not start the machine: delete the instance and create another",
    "Server.ScheduledStop": "AWS has retired the machine's host: delete the instance and create another",
    "Client.InternalError": "the disk could not be used (often its encryption key): the operator has to look at EC2's "
    "default key for disks",
    "Client.VolumeLimitExceeded": _DISK_SPACE,
    "Client.InvalidSnapshot.NotFound": _CATALOGUE.format("InvalidSnapshot"),
    "Client.UserInitiatedShutdown": "the machine was terminated in EC2, not by this installation",
    "Client.InstanceInitiatedShutdown": "the machine shut itself down",
}
"""Reasons by the code of an instance's ``StateReason`` (EC2 API reference, StateReason)."""


def why_ended(code: str) -> str:
    """The reason for which a machine stopped or ended, by the code of its ``StateReason``; "" for an unknown one."""
    return _WHY_ENDED.get(code, "")
