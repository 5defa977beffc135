"""The version number that answers show."""

VERSION = "0.1.0"
"""The version of this software, as in pyproject.toml."""
