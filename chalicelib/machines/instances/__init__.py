"""Compute instances: machines that a tenant has made, as resources of the provisioning engine."""
