"""The auth API, below /api/auth/v2: users, their sessions and key pairs."""
