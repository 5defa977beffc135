"""The analytics API, below /v1."""
