"""Secrets of tenants: values that are stored sealed, and given to programs by their names."""
