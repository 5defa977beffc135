"""The targets of commands and self-update requests: the operator's selection, and the nodes that match it."""
