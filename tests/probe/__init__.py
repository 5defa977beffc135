"""A probe of the emulators: which of AWS's rules each of them has."""
