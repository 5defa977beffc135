"""The audit log: which operator acted on what, and what they were refused."""
