"""The family for operators of machines that exist: the Edge Admin API."""
