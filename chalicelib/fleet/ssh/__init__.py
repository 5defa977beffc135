"""SSH access: user names and keys on nodes, and the verification of presented credentials."""
