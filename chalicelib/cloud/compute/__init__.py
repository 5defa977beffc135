"""Instances in the cloud's dialect, and what they are made of."""
