"""Callers: their keys, and the principals that these stand for."""
