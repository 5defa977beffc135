"""The parts of the cloud in a history."""
