"""The mesh that nodes are members of, as a port: who assigns addresses and resolves names is a setting."""
