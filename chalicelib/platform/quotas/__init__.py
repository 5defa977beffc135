"""Quotas: how many things a tenant may have at a time."""
