"""Callers in a tenant: their role there, and the rights that follow from it."""
