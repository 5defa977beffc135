"""SSH access: who may log in to which node, with what, and the check of what somebody presents there."""
