"""Version numbers that answers show."""

VERSION = "0.1.0"
"""The version of this software, as in pyproject.toml."""

CONTRACT_VERSION = "0.2.0"
"""The version of the Edge Admin API that it serves."""
