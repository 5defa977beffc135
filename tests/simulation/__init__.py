"""Seeded runs of the whole application: each context says what may be done with it, and what must hold at rest."""
