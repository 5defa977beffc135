"""Writes catalogue.json, which is packaged, from catalogue.yaml, which people read and review: ``python -m
chalicelib.machines.catalogue.generate``. Functions ship without a YAML parser."""

import sys
from pathlib import Path

import yaml

from chalicelib.machines.catalogue.model import CatalogueFile
from chalicelib.machines.catalogue.service import GENERATED

SOURCE = Path(__file__).with_name("catalogue.yaml")


def generated() -> dict[Path, str]:
    """The generated file and its text. Raises `ValidationError` (pydantic) for a catalogue that breaks a rule."""
    parsed = CatalogueFile.model_validate(yaml.safe_load(SOURCE.read_text(encoding="utf-8")))
    return {GENERATED: parsed.model_dump_json(indent=1) + "\n"}


def main() -> None:
    """Write the file."""
    for file, text in generated().items():
        file.write_text(text, encoding="utf-8")
        sys.stdout.write(f"wrote {file}\n")


if __name__ == "__main__":
    main()
