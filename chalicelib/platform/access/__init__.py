"""Authentication with operators' keys, and rate limits for routes without a key."""
