"""The launcher's log. A part of the launcher, see `launcher.py`."""

import json
import sys
from datetime import UTC, datetime


def log(event: str, **fields: object) -> None:
    """Write a line of the log, if the disk behind it allows."""
    at = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    try:
        sys.stderr.write(json.dumps({"at": at, "event": event, **fields}) + "\n")
        sys.stderr.flush()
    except OSError:
        return
