"""Roles and policies of a tenant: what its members may do."""
