"""The agent itself, for machines: a script that installs it, and the archive that the script and later updates use."""

import shlex
from functools import cache
from pathlib import Path as FilePath
from typing import Annotated

from pydantic import BaseModel, Field

from chalicelib.fleet import samples
from chalicelib.fleet.distribution.model import Architecture, Version
from chalicelib.fleet.enrollment.blob import key_id_of
from chalicelib.fleet.enrollment.model import Outcome
from chalicelib.fleet.wiring import Fleet
from chalicelib.kit.errors import EdgeError, Kind
from chalicelib.kit.fields import about
from chalicelib.web.endpoint import PUBLIC, Endpoints, PlainText, Request
from chalicelib.web.validation import NoBody, NoPath, NoQuery, Query

SCRIPT = FilePath(__file__).with_name("install.sh")
OWN_URL = "@PUBLIC_URL@"
SCRIPT_TYPE = "text/x-shellscript; charset=utf-8"

routes = Endpoints(tag="Agents.Distribution", auth=PUBLIC)


class BundleQuery(Query):
    """Which archive of the agent to fetch."""

    architecture: Annotated[Architecture, about("Processor of the machine, as `uname -m` prints it.")]
    version: Annotated[Version | None, about("Version of the agent; left out: the current one.")] = None


class BundleOut(BaseModel):
    """An archive with the agent and all its libraries."""

    version: Annotated[str, about("Version of the agent in the archive.", samples.VERSION)]
    architecture: Annotated[str, about("Processor that the archive is for.", "x86_64")]
    pythons: Annotated[list[str], about("Versions of Python that it installs on.", ["3.11", "3.12", "3.13", "3.14"])]
    sha256: Annotated[str, about("SHA-256 of the archive in hexadecimal; check it before unpacking.", "5e" * 32)]
    size: Annotated[int, about("Size of the archive in bytes.", 7340032, minimum=1)]
    url: Annotated[
        str,
        about(
            "Where to download the archive. Anyone who has the link can use it until it ends.",
            "https://bucket.s3.example.com/agent/files/5e5e.tar.gz?signature=example",
        ),
    ] = Field(repr=False)
    expires_seconds: Annotated[int, about("Seconds until `url` ends.", 900, minimum=1)]


@routes.get(
    "/api/v1/agents/bundle",
    answer=BundleOut,
    errors=(401, 403, 404),
    summary="Get a download link of the agent",
)
def get_bundle(request: Request[NoPath, BundleQuery, NoBody], services: Fleet) -> BundleOut:
    """Returns where the agent's archive is and the hash to check it by. The bearer is either an enrollment key that
    would admit a machine, which is not used up, or a node's token. Refused with 401 for an invalid key or token, with
    403 for a blocked machine, with 404 if this installation does not serve that version."""
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


@routes.get(
    "/agent/install.sh",
    media_type=SCRIPT_TYPE,
    example="#!/bin/sh\nset -eu\n",
    summary="Get the script that installs the agent",
)
def get_installer(_request: Request[NoPath, NoQuery, NoBody], services: Fleet) -> PlainText:
    """Returns a shell script that installs the agent. It holds no secret and asks for the enrollment key; read it
    before you run it."""
    own = next(iter(services.platform.settings.own_urls), "")
    text = _script().replace(OWN_URL, shlex.quote(own))
    return PlainText(text, SCRIPT_TYPE, {"cache-control": "no-store"})


def _admit(bearer: str, services: Fleet) -> None:
    """Raises `EdgeError` (unauthorized); for a key, with the same reason as its verification."""
    if key_id_of(bearer) is None:
        services.nodes.identity.authenticate(bearer)
        return
    outcome = services.enrollment.look_at(bearer)
    if outcome is not Outcome.VERIFIED:
        raise EdgeError(Kind.UNAUTHORIZED, "Unauthorized", {"enrollment_key": [outcome.value]})


@cache
def _script() -> str:
    return SCRIPT.read_text(encoding="utf-8")
