"""The operations and invariants of the contexts of the machines."""
