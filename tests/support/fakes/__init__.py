"""Stand-ins that behave: each keeps the promises and the failures of what it stands for."""
