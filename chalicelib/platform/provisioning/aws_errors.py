"""Sorts the errors of AWS services into what the engine knows: again later, refused, gone.

A reason is for the owner of a resource. It never quotes a service's own message: that may name things of the account,
or be the encoded text of a refused permission. Codes: "Common errors" of each service's API reference, "Error codes for
the Amazon EC2 API", "Error responses" of Amazon S3.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from chalicelib.kit.aws_calls import CallRefusedError, CallUnansweredError, calling
from chalicelib.platform.provisioning.ports import AgainLaterError, GoneError, ProviderError, RefusedError

LIMIT = "the AWS account has reached its limit of {}: have it raised in Service Quotas, or delete {}"
"""The refusal of one more than the account may have: of what, and what to delete."""

NO_IMAGE = frozenset({"InvalidAMIID.NotFound", "InvalidAMIID.Unavailable"})
"""The codes of EC2 for an image that is not there, or not any more."""

NO_RIGHT = "UnauthorizedOperation"
"""The code of EC2 for a call without the right to it. Where the right is bound to the tags of a thing, it is also the
answer for one that is not there any more, which has none (IAM user guide, "Condition operators")."""

_RIGHTS = "the installation may not do this in its AWS account ({}): the operator has to look at its permissions"
_UNKNOWN = "{} does not take it ({}): the operator has to look at the request"
_THROTTLED = frozenset(
    {
        *("RequestLimitExceeded", "Throttling", "ThrottlingException", "EC2ThrottledException"),
        *("TooManyRequestsException", "SlowDown", "RequestThrottled", "RequestThrottledException"),
    }
)
_SILENT = frozenset(
    {
        *("InternalError", "InternalFailure", "ServiceUnavailable", "Unavailable", "RequestExpired"),
        *("RequestTimeout", "ServiceFailure"),
    }
)
_REFUSED = frozenset({"OptInRequired", "Blocked", NO_RIGHT, "AuthFailure", "AccessDenied", "AccessDeniedException"})
_SERVER_ERROR = 500


@dataclass(frozen=True, kw_only=True)
class AwsErrors:
    """The errors of one ``service``, as people call it. ``gone``, ``again``, ``unsure``, ``refused`` have the reasons
    of its own codes; those that all services have are known. After a code of ``again`` nothing has been done; one of
    ``unsure`` may tell of the work of an earlier call. ``unknown`` is the reason of a refusal with another code, which
    takes the place of its ``{}``."""

    service: str
    gone: Mapping[str, str] = field(default_factory=dict)
    again: Mapping[str, str] = field(default_factory=dict)
    unsure: Mapping[str, str] = field(default_factory=dict)
    refused: Mapping[str, str] = field(default_factory=dict)
    unknown: str = ""

    @contextmanager
    def sorted(self) -> Iterator[None]:
        """Turns errors of the service into those of the engine. Raises `ProviderError` in their place."""
        try:
            with calling():
                yield
        except CallRefusedError as error:
            raise self.of_answer(error.code, error.status) from None
        except CallUnansweredError:
            raise AgainLaterError(self._silent) from None

    def of_answer(self, code: str, status: int) -> ProviderError:
        """The error for a code and the status of its answer. An unknown code is a refusal, unless it is the service's
        own fault."""
        if code in self.gone:
            return GoneError(self.gone[code])
        if code in self.again:
            return AgainLaterError(self.again[code], nothing_done=True)
        if code in self.unsure:
            return AgainLaterError(self.unsure[code])
        if code in self.refused:
            return RefusedError(self.refused[code])
        if code in _THROTTLED:
            slow = f"{self.service} is answering slowly (too many requests in the AWS account)"
            return AgainLaterError(slow, nothing_done=True)
        if code in _SILENT or status >= _SERVER_ERROR:
            return AgainLaterError(self._silent)
        if code in _REFUSED:
            return RefusedError(_RIGHTS.format(code))
        return RefusedError(self.unknown.format(code) if self.unknown else _UNKNOWN.format(self.service, code))

    def not_gone(self) -> ProviderError:
        """The error for a removal without the right to it (`NO_RIGHT`) while the thing is shown: a description lags,
        or the right is missing indeed."""
        return AgainLaterError(_RIGHTS.format(NO_RIGHT), nothing_done=True)

    @property
    def _silent(self) -> str:
        return f"{self.service} did not answer"
