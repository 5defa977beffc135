"""Machines that are made by request: compute instances, hosted nodes, and analytics of both."""
