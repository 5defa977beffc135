"""The scripts and styles that the pages load: packaged with the functions, named after their content.

``swagger-ui/`` holds files of the npm package swagger-ui-dist 5.35.0 as they were published, with its licence.
"""

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).with_name("assets")

FILES = {
    "swagger-ui-bundle.js": FOLDER / "swagger-ui" / "swagger-ui-bundle.js",
    "swagger-ui.css": FOLDER / "swagger-ui" / "swagger-ui.css",
    "swagger.js": FOLDER / "swagger.js",
    "swagger.css": FOLDER / "swagger.css",
    "reference.js": FOLDER / "reference.js",
    "pages.css": FOLDER / "pages.css",
}
_DIGEST_CHARACTERS = 12


@dataclass(frozen=True)
class Asset:
    """``name`` holds a digest of the content, so that a browser may keep it for ever."""

    name: str
    text: str


@cache
def asset(file_name: str) -> Asset:
    """One of `FILES`. Raises KeyError for another."""
    content = FILES[file_name].read_bytes()
    stem, _, suffix = file_name.rpartition(".")
    digest = hashlib.sha256(content).hexdigest()[:_DIGEST_CHARACTERS]
    return Asset(f"{stem}.{digest}.{suffix}", content.decode("utf-8"))


def published(name: str, suffix: str) -> Asset | None:
    """The asset with this name, digest included, if it is of the kind ``suffix`` (``.js``, ``.css``)."""
    named = (asset(file_name) for file_name in FILES if file_name.endswith(suffix))
    return next((each for each in named if each.name == name), None)
