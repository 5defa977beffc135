"""Wakes agents. The work is already in the tables, so delivery only makes it start sooner."""
