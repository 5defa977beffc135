"""A toy family: puppets that are made, broken and repaired."""
