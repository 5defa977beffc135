"""A small family that no deployment has. `tests.toy_family.add` puts it into a clone of the project, and its tests and
the project's then say whether a family can be added by one folder and one line."""
