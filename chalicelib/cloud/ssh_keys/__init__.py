"""Public SSH keys of a tenant, for the machines that it makes."""
