"""Reads the catalogue, which is part of the package: a template costs no call."""

from functools import cached_property
from pathlib import Path

from pydantic import BaseModel

from chalicelib.kit.errors import found
from chalicelib.machines.catalogue.model import Template

GENERATED = Path(__file__).with_name("catalogue.json")
"""The catalogue as it is packaged."""


class CatalogueFile(BaseModel, frozen=True):
    """The content of the catalogue."""

    templates: tuple[Template, ...]


class Catalogue:
    """The catalogue of this package."""

    @cached_property
    def _file(self) -> CatalogueFile:
        return CatalogueFile.model_validate_json(GENERATED.read_bytes())

    @property
    def templates(self) -> tuple[Template, ...]:
        """All templates, in the order of the file."""
        return self._file.templates

    def template(self, template_id: str) -> Template:
        """Raises `EdgeError` (not found)."""
        return found(next((one for one in self.templates if one.id == template_id), None))
