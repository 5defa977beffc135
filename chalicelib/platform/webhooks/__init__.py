"""Webhooks: who wants to be told of which events, and every attempt to tell them."""
