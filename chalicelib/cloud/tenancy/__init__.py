"""Tenants, the places of users in them, and invitations to such places."""
