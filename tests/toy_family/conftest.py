"""The toy family's own tests run in the copy that it is added to."""

collect_ignore = ["tests"]
