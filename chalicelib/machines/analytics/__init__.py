"""Analytics: what instances did, from the facts of the change stream."""
