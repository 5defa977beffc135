"""The billing API: limits, quotas and the customer, read-only."""
