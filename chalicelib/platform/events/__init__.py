"""Events: what happened, as CloudEvents envelopes."""
