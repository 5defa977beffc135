"""Asymmetric keys: signatures that anyone can verify with a published key, and certificates for clients."""
