"""Networks of a tenant: VPCs and what is in them, resources of the platform's engine, at EC2."""
