"""Accounts of programs, which get tokens for their credentials."""
