"""The model of SSH keys."""

from pydantic import BaseModel


class SshKey(BaseModel, frozen=True):
    """A public key of a tenant. ``user`` is the id of the user who added it, None for none. Times are seconds text."""

    id: str
    name: str
    public_key: str
    fingerprint: str
    user: str | None = None
    inserted_at: str
    version: int = 0
