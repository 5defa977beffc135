"""The auth API in its published document."""

from chalicelib.machines.api.auth.protocol import AUTH as PROTOCOL
from chalicelib.machines.api.compute.description import ERROR, ERROR_HEADERS, ERRORS
from chalicelib.web.api import LOCAL_URL
from chalicelib.web.description import Description

AUTH = Description(
    title=PROTOCOL.name,
    version="2.0.0",
    text="Users, their sessions and key pairs. A credential is good once a code has come back that is sent by mail.",
    tags={
        "Sessions": "Tokens of users, for some hours",
        "Key pairs": "Credentials of programs, for days",
        "Users": "People, and how they become known",
        "Documentation": "This document",
    },
    server=LOCAL_URL,
    server_text="`make up`",
    error=ERROR,
    errors=ERRORS,
    error_headers=ERROR_HEADERS,
    is_newer=True,
)
