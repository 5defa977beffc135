"""Mails: what is sent, and by what."""
