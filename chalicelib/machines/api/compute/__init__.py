"""The compute API, below /api/compute/v1."""
