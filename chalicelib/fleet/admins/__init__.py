"""The deployed stacks that share these tables, and which of them each cluster belongs to."""
