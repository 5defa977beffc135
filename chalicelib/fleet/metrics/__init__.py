"""Figures about machines, as their agents publish them in Prometheus' text format, and about this installation."""
