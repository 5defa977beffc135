"""The reference agent of Edge Admin: it enrols a machine, takes its commands and reports what came of them."""

__version__ = "0.2.0"
