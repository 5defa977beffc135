import time

PATIENCE_SECONDS = 60.0
"""Long: a machine that is busy with something else is no failure."""


def eventually(look, *, seconds=PATIENCE_SECONDS, what="the condition"):
    """Repeat `look` until it returns a true value, and return that. Fails after the limit."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := look():
            return found
        time.sleep(0.01)
    raise AssertionError(f"{what} did not come true within {seconds} s")
