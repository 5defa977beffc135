"""Tenants and their users: who they are, their sessions, and the codes that prove an address."""
