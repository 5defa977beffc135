"""Repeats of a request that carry its `Idempotency-Key`: answered as the first was, without doing the work again."""
