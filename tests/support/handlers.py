"""The strings under which functions are deployed."""

from importlib.util import find_spec

_PACKAGES = ("chalicelib.platform.workers", "chalicelib.fleet.workers")


def module_of(worker: str) -> str:
    """The module of a worker. Raises LookupError."""
    for package in _PACKAGES:
        if find_spec(f"{package}.{worker}"):
            return f"{package}.{worker}"
    raise LookupError(worker)


def handler_of(worker: str) -> str:
    """The deployed string of a worker whose module has its name."""
    return f"{module_of(worker)}.handler"
