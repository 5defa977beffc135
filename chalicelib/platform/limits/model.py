"""The answer of a limit to one request."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Standing:
    """A caller's rest of a limit after a request. ``quota`` requests are allowed at once and come back evenly
    within ``window_seconds``; ``remaining`` are left, and all of them again after ``reset_seconds``. ``wait_seconds``
    until the next one is allowed: above 0 for a request that was refused. ``policy`` names what is limited.
    """

    policy: str
    quota: int
    window_seconds: int
    remaining: int
    reset_seconds: int
    wait_seconds: int = 0
