"""The container of the theatre."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chalicelib.platform.wiring import Platform
    from chalicelib.theatre.puppets.service import Puppets


class Theatre:
    """The parts of the theatre by name, made of the parts of the platform."""

    def __init__(self, platform: Platform) -> None:
        self.platform = platform

    @cached_property
    def puppets(self) -> Puppets:
        from chalicelib.theatre.puppets.service import Puppets

        platform = self.platform
        return Puppets(platform.tables, platform.clock, platform.ids, platform.lists)
