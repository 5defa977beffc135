"""Fails when the committed API document is not the one that the models make."""

import sys

from chalicelib.api.openapi import DOCUMENT, PUBLISHED, document_text


def main() -> int:
    text = document_text()
    stale = [file for file in (DOCUMENT, PUBLISHED) if not file.exists() or file.read_text(encoding="utf-8") != text]
    for file in stale:
        print(f"{file} is stale: make openapi", file=sys.stderr)
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
