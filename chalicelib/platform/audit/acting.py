"""The actor of a request without credentials, once its use case knows it: for stamps and the audit log."""

from collections.abc import Iterator
from contextlib import contextmanager

from chalicelib.kit.origin import current_origin, working_for
from chalicelib.platform.access.principal import PrincipalKind


@contextmanager
def acting_as(user_id: str, tenant: str) -> Iterator[None]:
    """Make this user of a tenant the actor of the current request until the block ends."""
    actor = f"{PrincipalKind.USER.value}:{user_id}"
    with working_for(current_origin()._replace(actor=actor, user=user_id, tenant=tenant)):
        yield
