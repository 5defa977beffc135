"""The published contract of the API, where `EDGE_CONTRACT_DIR` names the folder that holds it.

Other documents may lie in that folder, also later revisions: a test names the revision that it holds answers against.
"""

import json
import os
from pathlib import Path
from typing import Any

FOLDER = os.environ.get("EDGE_CONTRACT_DIR", "")

OPENAPI = "edge-admin-openapi-v0.2.0.json"
ASYNCAPI = "edge-admin-asyncapi-v0.2.0.json"
LATER_OPENAPI = "edge-admin-openapi-v0.2.0-released.json"
LATER_ASYNCAPI = "edge-admin-asyncapi-v0.2.0-released.json"


def published(name: str) -> Any:
    """A document of the contract. Raises FileNotFoundError where the folder does not have it."""
    return json.loads((Path(FOLDER) / name).read_text(encoding="utf-8"))
