"""Version numbers that answers show."""

VERSION = "0.1.0"
"""Of this software; the same as in pyproject.toml."""

CONTRACT_VERSION = "0.2.0"
"""Of the Edge Admin API that it serves."""
