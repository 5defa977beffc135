"""Images of tenants: files of disks that become images at EC2."""
