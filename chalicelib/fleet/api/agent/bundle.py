"""The agent itself, for machines: a script that installs it, and the archive that the script and later updates take."""

import shlex
from functools import cache
from pathlib import Path as FilePath

from pydantic import BaseModel, Field

from chalicelib.bootstrap import Services
from chalicelib.fleet.distribution.model import Architecture, Version
from chalicelib.fleet.enrollment.blob import key_id_of
from chalicelib.fleet.enrollment.model import Outcome
from chalicelib.kit.errors import EdgeError, Kind
from chalicelib.web.endpoint import PUBLIC, Endpoints, PlainText, Request
from chalicelib.web.validation import NoBody, NoPath, NoQuery, Query

SCRIPT = FilePath(__file__).with_name("install.sh")
OWN_URL = "@PUBLIC_URL@"
SCRIPT_TYPE = "text/x-shellscript; charset=utf-8"

routes = Endpoints(tag="Agents.Distribution")


class BundleQuery(Query):
    """``version`` is the current one unless given."""

    architecture: Architecture
    version: Version | None = None


class BundleOut(BaseModel):
    """``url`` can be read by whoever has it, for ``expires_seconds``; what is there has this SHA-256 and size in bytes.
    ``pythons`` are the versions of Python that it installs on."""

    version: str
    architecture: str
    pythons: list[str]
    sha256: str
    size: int
    url: str = Field(repr=False)
    expires_seconds: int


@routes.get(
    "/api/v1/agents/bundle",
    auth=PUBLIC,
    answer=BundleOut,
    errors=(401, 403, 404),
    summary="Get the agent: where its archive is, and the hash to check it by",
)
def get_bundle(request: Request[NoPath, BundleQuery, NoBody], services: Services) -> BundleOut:
    """For whoever shows, as bearer, an enrollment key that would let a machine in, or a node's token. It takes no use
    of the key."""
    _admit(request.bearer or "", services)
    offer = services.distribution.offer(request.query.architecture, request.query.version)
    return BundleOut(
        version=offer.version,
        architecture=request.query.architecture,
        pythons=list(offer.bundle.pythons),
        sha256=offer.bundle.sha256,
        size=offer.bundle.size,
        url=offer.url,
        expires_seconds=offer.expires_seconds,
    )


@routes.get("/agent/install.sh", auth=PUBLIC, media_type=SCRIPT_TYPE, summary="A script that installs the agent")
def get_installer(_request: Request[NoPath, NoQuery, NoBody], services: Services) -> PlainText:
    """Plain text without a secret: to be read before it is run. It says what it does, and asks for the key."""
    own = next(iter(services.settings.own_urls), "")
    text = _script().replace(OWN_URL, shlex.quote(own))
    return PlainText(text, SCRIPT_TYPE, {"cache-control": "no-store"})


def _admit(bearer: str, services: Services) -> None:
    """Raises `EdgeError` unauthorized; for a key it says what is wrong with it, as verifying it does."""
    if key_id_of(bearer) is None:
        services.nodes.authenticate(bearer)
        return
    outcome = services.enrollment.look_at(bearer)
    if outcome is not Outcome.VERIFIED:
        raise EdgeError(Kind.UNAUTHORIZED, "Unauthorized", {"enrollment_key": [outcome.value]})


@cache
def _script() -> str:
    return SCRIPT.read_text(encoding="utf-8")
