"""Answers the messages of an assistant. It keeps no session: each request stands alone."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from chalicelib.kit.errors import EdgeError, Kind
from chalicelib.platform.access.principal import Principal
from chalicelib.web.answering import respond
from chalicelib.web.api import Api
from chalicelib.web.dispatch import find
from chalicelib.web.exchange import Incoming
from chalicelib.web.json_body import read_json
from chalicelib.web.mcp.arguments import request_of
from chalicelib.web.mcp.messages import INVALID_PARAMS, METHOD_NOT_FOUND, PARSE_ERROR, Message, RpcError, message_in
from chalicelib.web.mcp.prompts import Prompt
from chalicelib.web.mcp.results import refused, result_of
from chalicelib.web.mcp.tools import Tool, tools_in
from chalicelib.web.mcp.versions import HANDSHAKE_VERSIONS, REQUEST_VERSIONS, is_handshake
from chalicelib.web.rendering import to_json
from chalicelib.web.results import Bare
from chalicelib.web.version import VERSION

Json = dict[str, Any]

MOST_BYTES = 1024 * 1024
CACHED_MILLISECONDS = 300_000
"""How long a client may keep a list, which changes with a release or with the permissions of its key."""

_SERVER_KEY = "io.modelcontextprotocol/serverInfo"
_CAPABILITIES: Json = {"tools": {}, "prompts": {}}
_CACHEABLE = frozenset({"server/discover", "tools/list", "prompts/list"})


@dataclass(frozen=True)
class Asked:
    """One message: who sent it, in which request, to which container. ``reads_only``: nothing may be changed.
    ``by_handshake``: its version has one."""

    message: Message
    incoming: Incoming
    principal: Principal
    services: Any
    reads_only: bool
    by_handshake: bool

    @property
    def status(self) -> int:
        """The HTTP status of wrong parameters."""
        return 200 if self.by_handshake else 400


@dataclass(frozen=True, kw_only=True, eq=False)
class ToolServer:
    """The tools and prompts of an API. ``admits`` says whether the audience of that name accepts the principal's kind
    of key."""

    api: Api
    name: str
    title: str
    instructions: str
    prompts: Sequence[Prompt]
    admits: Callable[[str, Principal], bool]

    def answer(self, incoming: Incoming, principal: Principal, services: Any, *, reads_only: bool) -> Bare:
        """The answer to one request: JSON, or nothing for what wants no answer."""
        message_id: str | int | None = None
        try:
            message = message_in(_body(incoming))
            message_id = message.id
            by_handshake = is_handshake(message, incoming)
            if message_id is None:
                return Bare("", 202)
            result = self._result(Asked(message, incoming, principal, services, reads_only, by_handshake))
        except RpcError as error:
            return Bare(error.body(message_id), error.status)
        return Bare(to_json({"jsonrpc": "2.0", "id": message_id, "result": result}))

    def _result(self, asked: Asked) -> Json:
        methods: dict[str, Callable[[Asked], Json]] = {
            "tools/list": self._list_tools,
            "tools/call": self._call_tool,
            "prompts/list": self._list_prompts,
            "prompts/get": self._get_prompt,
        }
        methods |= (
            {"initialize": self._initialize, "ping": lambda _: {}}
            if asked.by_handshake
            else {"server/discover": self._discover}
        )
        name = asked.message.method
        if name not in methods:
            raise RpcError(METHOD_NOT_FOUND, f"There is no method {name}", status=200 if asked.by_handshake else 404)
        result = methods[name](asked)
        if asked.by_handshake:
            return result
        kept: Json = {"ttlMs": CACHED_MILLISECONDS, "cacheScope": "private"} if name in _CACHEABLE else {}
        return {**result, **kept, "resultType": "complete", "_meta": {_SERVER_KEY: self._about()}}

    def _about(self) -> Json:
        return {"name": self.name, "title": self.title, "version": VERSION}

    def _initialize(self, asked: Asked) -> Json:
        wanted = asked.message.params.get("protocolVersion")
        return {
            "protocolVersion": wanted if wanted in HANDSHAKE_VERSIONS else HANDSHAKE_VERSIONS[-1],
            "capabilities": _CAPABILITIES,
            "serverInfo": self._about(),
            "instructions": self.instructions,
        }

    def _discover(self, _asked: Asked) -> Json:
        return {
            "supportedVersions": [*REQUEST_VERSIONS],
            "capabilities": _CAPABILITIES,
            "instructions": self.instructions,
        }

    def _list_tools(self, asked: Asked) -> Json:
        _check_cursor(asked)
        return {
            "tools": [tool.shown for tool in tools_in(self.api.tools_document).values() if self._is_for(tool, asked)]
        }

    def _is_for(self, tool: Tool, asked: Asked) -> bool:
        is_allowed = tool.allows(asked.principal) and self.admits(tool.audience, asked.principal)
        return is_allowed and not (tool.changes and asked.reads_only)

    def _call_tool(self, asked: Asked) -> Json:
        tools, name = tools_in(self.api.tools_document), _text(asked, "name")
        if (tool := tools.get(name)) is None:
            close = get_close_matches(name, [each for each, one in tools.items() if self._is_for(one, asked)], n=3)
            meant = f". Did you mean {' or '.join(close)}?" if close else ""
            raise RpcError(INVALID_PARAMS, f"Unknown tool: {name}{meant}", status=asked.status)
        arguments = asked.message.params.get("arguments")
        if arguments is not None and not isinstance(arguments, dict):
            raise RpcError(INVALID_PARAMS, "arguments must be an object", status=asked.status)
        if tool.changes and asked.reads_only:
            text = "This connection only reads (read_only=true): it has no tools that change something"
            return refused(EdgeError(Kind.FORBIDDEN, text, code="read_only"), 403)
        try:
            request = request_of(tool, arguments or {}, asked.incoming)
        except EdgeError as error:
            return refused(error, 400)
        endpoint = find(tool.module, tool.method, tool.route)
        outgoing = respond(endpoint, request, asked.services, endpoint.protocol or self.api.protocol)
        asked.services.platform.tables.meter.reset()  # the log line of the operation has counted its calls
        return result_of(tool, outgoing)

    def _list_prompts(self, asked: Asked) -> Json:
        _check_cursor(asked)
        return {"prompts": [prompt.shown() for prompt in self.prompts if self._serves(prompt, asked)]}

    def _serves(self, prompt: Prompt, asked: Asked) -> bool:
        tools = tools_in(self.api.tools_document)
        return all(self._is_for(tools[name], asked) for name in prompt.tools)

    def _get_prompt(self, asked: Asked) -> Json:
        name, given = _text(asked, "name"), asked.message.params.get("arguments") or {}
        prompt = next((one for one in self.prompts if one.name == name and self._serves(one, asked)), None)
        if prompt is None:
            raise RpcError(INVALID_PARAMS, f"Unknown prompt: {name}", status=asked.status)
        if not isinstance(given, dict) or not all(isinstance(value, str) for value in given.values()):
            raise RpcError(INVALID_PARAMS, "The arguments of a prompt must be texts", status=asked.status)
        try:
            return prompt.filled(given)
        except ValueError as error:
            raise RpcError(INVALID_PARAMS, str(error), status=asked.status) from None


def _body(incoming: Incoming) -> Any:
    try:
        return read_json(incoming, required=True, max_bytes=MOST_BYTES)
    except EdgeError as error:
        text = "; ".join([error.message, *(text for texts in (error.details or {}).values() for text in texts)])
        statuses = {Kind.PAYLOAD_TOO_LARGE: 413, Kind.UNSUPPORTED_MEDIA_TYPE: 415}
        raise RpcError(PARSE_ERROR, text, status=statuses.get(error.kind, 400)) from None


def _text(asked: Asked, name: str) -> str:
    value = asked.message.params.get(name)
    if not isinstance(value, str):
        raise RpcError(INVALID_PARAMS, f"{name} must be a text", status=asked.status)
    return value


def _check_cursor(asked: Asked) -> None:
    if asked.message.params.get("cursor") is not None:
        raise RpcError(INVALID_PARAMS, "Unknown cursor: the list has one page", status=asked.status)
