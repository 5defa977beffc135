"""Domain events: what the outside is told about changes, as CloudEvents."""
