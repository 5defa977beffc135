"""Sorts the errors of EC2 into what the engine knows: again later, refused, gone.

Codes: Amazon EC2 developer guide, "Error codes for the Amazon EC2 API". A reason is for the owner of an instance. It
never quotes EC2's own message: that may name things of the account, or be the encoded text of a refused permission.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from chalicelib.kit.aws_calls import CallRefusedError, CallUnansweredError, calling
from chalicelib.platform.provisioning.ports import AgainLaterError, GoneError, ProviderError, RefusedError

MISMATCH = "IdempotentParameterMismatch"
NOT_FOUND = "InvalidInstanceID.NotFound"

_NO_CAPACITY = "EC2 has no capacity for this machine type in this zone now: use another zone or template, or try later"
_LIMIT = "the AWS account has reached its limit of {}: have it raised in Service Quotas, or delete instances"
_CATALOGUE = "EC2 does not take what the template names ({}): the operator has to mend the template or the settings"
_RIGHTS = "the installation may not do this in its AWS account ({}): the operator has to look at its permissions"
_THROTTLED = "EC2 is answering slowly (too many requests in the AWS account)"
_SILENT = "EC2 did not answer"

_AGAIN = {
    "InsufficientInstanceCapacity": _NO_CAPACITY,
    "InsufficientHostCapacity": _NO_CAPACITY,
    "InsufficientCapacity": _NO_CAPACITY,
    "InsufficientFreeAddressesInSubnet": "the zone's subnet has no free address: use another zone, or delete instances",
    "IncorrectInstanceState": "the machine is still changing its state",
    "IncorrectState": "the machine is still changing its state",
    "PendingVerification": "AWS is still verifying the account",
    "RequestLimitExceeded": _THROTTLED,
    "Throttling": _THROTTLED,
    "ThrottlingException": _THROTTLED,
    "EC2ThrottledException": _THROTTLED,
    "InternalError": _SILENT,
    "InternalFailure": _SILENT,
    "ServiceUnavailable": _SILENT,
    "Unavailable": _SILENT,
    "RequestExpired": _SILENT,
}
_REFUSED = {
    "VcpuLimitExceeded": _LIMIT.format("vCPUs of running instances"),
    "InstanceLimitExceeded": _LIMIT.format("running instances"),
    "VolumeLimitExceeded": _LIMIT.format("disk space"),
    "MaxIOPSLimitExceeded": _LIMIT.format("disk operations"),
    "Unsupported": "this machine type is not offered in this zone: use another zone or template",
    "OperationNotPermitted": "the machine is protected in EC2: the operator has to remove its protection",
    "OptInRequired": _RIGHTS,
    "Blocked": _RIGHTS,
    "UnauthorizedOperation": _RIGHTS,
    "AuthFailure": _RIGHTS,
    "AccessDenied": _RIGHTS,
}
_SERVER_ERROR = 500

_WHY_ENDED = {
    "Server.InsufficientInstanceCapacity": _NO_CAPACITY,
    "Server.InternalError": "EC2 could not start the machine: delete the instance and create another",
    "Server.ScheduledStop": "AWS has retired the machine's host: delete the instance and create another",
    "Client.InternalError": "the disk could not be used (often its encryption key): the operator has to look at EC2's "
    "default key for disks",
    "Client.VolumeLimitExceeded": _LIMIT.format("disk space"),
    "Client.InvalidSnapshot.NotFound": _CATALOGUE.format("InvalidSnapshot"),
    "Client.UserInitiatedShutdown": "the machine was terminated in EC2, not by this installation",
    "Client.InstanceInitiatedShutdown": "the machine shut itself down",
}
"""Reasons by the code of an instance's ``StateReason`` (EC2 API reference, StateReason)."""


@contextmanager
def sorted_errors() -> Iterator[None]:
    """Turns errors of EC2 into those of the engine. Raises `ProviderError` in their place."""
    try:
        with calling():
            yield
    except CallRefusedError as error:
        raise of_answer(error.code, error.status) from None
    except CallUnansweredError:
        raise AgainLaterError(_SILENT) from None


def of_answer(code: str, status: int) -> ProviderError:
    """The error for a code of EC2 and the status of its answer. An unknown code is a refusal, unless it is the
    service's own fault."""
    if code == NOT_FOUND:
        return GoneError("EC2 does not know the machine any more")
    if code in _AGAIN:
        return AgainLaterError(_AGAIN[code], nothing_done=_AGAIN[code] != _SILENT)
    if status >= _SERVER_ERROR:
        return AgainLaterError(_SILENT)
    return RefusedError(_REFUSED.get(code, _CATALOGUE).format(code))


def why_ended(code: str) -> str:
    """The reason for which a machine stopped or ended, by the code of its ``StateReason``; "" for an unknown one."""
    return _WHY_ENDED.get(code, "")
