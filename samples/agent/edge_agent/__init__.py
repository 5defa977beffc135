"""The reference agent of Edge Admin: it enrols a machine, runs its commands and reports their results."""

__version__ = "0.2.0"
