"""The composition root: the container of this process.

Only the edges (`web.endpoint`, the workers) ask for `services()`. Contexts get what they need as constructor arguments.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from chalicelib.families import deployed
from chalicelib.platform.families import Families
from chalicelib.platform.gateways import Aws, Gateways
from chalicelib.platform.wiring import Platform
from chalicelib.settings import Settings, running_function

_current: list[Platform] = []


def platform_of(settings: Settings, gateways: Gateways, find_families: Callable[[], Families] = deployed) -> Platform:
    """The container of the platform, with those of all families that are deployed (`Platform.container`)."""
    return Platform(settings, gateways, find_families)


def services() -> Platform:
    """The process's one container, made from its environment when it is first asked for."""
    if not _current:
        settings = Settings.from_environment()
        _current.append(platform_of(settings, Aws(settings)))
    return _current[-1]


def prepare(function: str, build: Callable[[Platform], object]) -> None:
    """Build now what every invocation of that function needs, if this process is an instance of it; else do nothing.

    Lambda gives a function that starts a whole processor, and its share, by memory, once it works: what is left to the
    first invocation takes several times as long. Passes on the errors of the settings and the parts; Lambda starts it
    again.
    """
    if running_function() == function:
        build(services())


@contextmanager
def serving(replacement: Platform) -> Iterator[None]:
    """Answer `services()` with this one until the block ends: how a test passes its own to deployed handlers."""
    _current.append(replacement)
    try:
        yield
    finally:
        _current.remove(replacement)
