"""A Netmaker server as far as the adapter sees it, with the answers of Netmaker's controllers. See `netmaker_http`.

It takes no request that Netmaker would not take as it is meant: an unknown path, a wrong key, a body of another shape
are refused and noted in ``wrong``, which tests hold against an empty list.
"""

import itertools
import json
import re
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Network
from typing import Any
from urllib.parse import unquote, urlsplit

MASTER_KEY = "netmaker-master-key"
DOMAIN = "nm.internal"

NOT_FOUND = "no result found"
NONE_FOUND = "could not find any records"

Json = Any
Answer = tuple[int, Json]


class RefusedError(Exception):
    """The answer of the server in place of a result."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.answer: Answer = (status, {"Code": status, "Message": message})


@dataclass
class NetmakerStub:
    """``overwrites_names``: an existing name is overwritten (1.x), otherwise refused. ``deletes_busy``: networks are
    deleted with their hosts (0.90 and later), otherwise refused. ``deletes_later``: a network is still there after the
    answer. ``makes_keys``: a network comes with its key. ``checked_in``: when a host last checked in, in seconds."""

    overwrites_names: bool = True
    deletes_busy: bool = True
    deletes_later: bool = False
    makes_keys: bool = True
    networks: dict[str, str] = field(default_factory=dict)
    hosts: dict[str, str] = field(default_factory=dict)
    members: dict[tuple[str, str], str] = field(default_factory=dict)
    names: dict[tuple[str, str], str] = field(default_factory=dict)
    keys: list[dict[str, Json]] = field(default_factory=list)
    checked_in: dict[str, int] = field(default_factory=dict)
    leaving: set[str] = field(default_factory=set)
    requests: list[tuple[str, str]] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    before: Callable[[str, str], object] | None = None
    numbers: Iterator[int] = field(default_factory=itertools.count)

    # -- what tests do to it -------------------------------------------------------------------------------------

    def join(self, token: str, name: str) -> str:
        """A machine registers with an enrollment token; returns its host's id. Raises `RefusedError` for one that is
        used up or gone."""
        key = next((key for key in self.keys if key["token"] == token), None)
        if key is None or not (key["unlimited"] or key["uses_remaining"]):
            raise RefusedError(400, "invalid enrollment key")
        key["uses_remaining"] -= not key["unlimited"]
        host = self.host(name)
        for network in key["networks"]:
            self.enter(host, network)
        return host

    def host(self, name: str) -> str:
        host = str(uuid.uuid5(uuid.NAMESPACE_DNS, f"{name}/{len(self.hosts)}"))
        self.hosts[host] = name
        return host

    def enter(self, host: str, network: str, address: str | None = None) -> None:
        taken = {used for (each, _), used in self.members.items() if each == network}
        free = (str(each) for each in IPv4Network(self.networks[network]).hosts() if str(each) not in taken)
        self.members[network, host] = next(free) if address is None else address

    def hosts_in(self, network: str) -> list[str]:
        return [host for each, host in self.members if each == network]

    def asked(self, method: str, path: str = "") -> list[str]:
        """The paths of the requests of a method, of those that hold ``path``."""
        return [each for verb, each in self.requests if verb == method and path in each]

    def writes(self) -> list[tuple[str, str]]:
        return [each for each in self.requests if each[0] != "GET"]

    # -- the server ----------------------------------------------------------------------------------------------

    def answer(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        bare = urlsplit(path).path
        try:
            if (method, bare) == ("GET", "/api/server/status"):
                return 200, {"db_connected": True, "broker_connected": True}
            if headers.get("authorization") != f"Bearer {MASTER_KEY}":
                raise self._wrong(401, "unauthorized", f"{method} {path} with a wrong key")
            handle = self._route(method, bare)
            if handle is None:
                raise self._wrong(404, "404 page not found", f"{method} {path} is no route")
            return handle(self._json(method, path, headers, body))
        except RefusedError as refused:
            return refused.answer

    def _wrong(self, status: int, message: str, what: str) -> RefusedError:
        self.wrong.append(what)
        return RefusedError(status, message)

    def _json(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Json:
        if not body:
            return None
        if headers.get("content-type") != "application/json":
            raise self._wrong(400, "not JSON", f"{method} {path} is of another content type")
        try:
            return json.loads(body)
        except ValueError:
            raise self._wrong(400, "not JSON", f"{method} {path} has no JSON") from None

    def _route(self, method: str, path: str) -> Callable[[Json], Answer] | None:
        """The handler of a request, with the variables of its path."""
        for verb, pattern, handle in ROUTES:
            match = re.fullmatch(pattern.replace("*", "([^/]+)"), path)
            if verb == method and match is not None:
                found = [unquote(each) for each in match.groups()]
                return lambda body: handle(self, body, *found)
        return None

    def list_networks(self, _: Json) -> Answer:
        return 200, [self._network(name) for name in sorted(self.networks)] or None

    def get_network(self, _: Json, name: str) -> Answer:
        return 200, self._network(self._known(name, 500))

    def list_nodes(self, _: Json, network: str) -> Answer:
        return 200, self.nodes_of(self._known(network, 401, "unauthorized"))

    def list_host_names(self, _: Json, network: str) -> Answer:
        return 200, self.host_names_of(network) or None

    def list_keys(self, _: Json) -> Answer:
        return 200, self.keys

    def _known(self, network: str, status: int, message: str = NOT_FOUND) -> str:
        if network not in self.networks:
            raise RefusedError(status, message)
        return network

    def _shape(self, what: str, body: Json, shape: Mapping[str, type]) -> dict[str, Json]:
        """A body with exactly these fields of these types."""
        if not isinstance(body, dict) or {name: type(value) for name, value in body.items()} != dict(shape):
            raise self._wrong(400, f"bad {what}", f"{what} of another shape: {body!r}")
        return body

    def _network(self, name: str) -> Json:
        return {"netid": name, "addressrange": self.networks[name], "addressrange6": "", "nodelimit": 999999999}

    def create_network(self, body: Json) -> Answer:
        given = self._shape("network", body, {"netid": str, "addressrange": str, "isipv4": str, "isipv6": str})
        name, wanted = given["netid"], IPv4Network(given["addressrange"])
        if not re.fullmatch(r"[a-z0-9_-]{1,32}", name):
            raise self._wrong(400, "netid is not valid", f"a network cannot be named {name}")
        if name in self.networks or any(wanted.overlaps(IPv4Network(each)) for each in self.networks.values()):
            raise RefusedError(400, "network cidr already in use")
        self.networks[name] = str(wanted)
        if self.makes_keys:
            self._add_key([name], [name])
        return 200, self._network(name)

    def delete_network(self, _: Json, name: str) -> Answer:
        if self.hosts_in(name) and not self.deletes_busy:
            raise RefusedError(403, "Node check failed. All nodes must be deleted before deleting network.")
        if self.deletes_later:
            return 200, "success"
        for host in self.hosts_in(name):
            del self.members[name, host]
        self.networks.pop(name, None)
        self.keys = [key for key in self.keys if key["tags"] != [name]]
        return 200, "success"

    def nodes_of(self, network: str) -> Json:
        prefix = IPv4Network(self.networks[network]).prefixlen
        return [
            {
                "id": f"{host}-{network}",
                "hostid": host,
                "address": f"{address}/{prefix}" if address else "",
                "network": network,
                "lastcheckin": self.checked_in.get(host, 0),
                "pendingdelete": host in self.leaving,
                "is_static": False,
            }
            for (each, host), address in self.members.items()
            if each == network
        ]

    def host_names_of(self, network: str) -> Json:
        return [
            {"address": address, "address6": "", "name": f"{self.hosts[host]}.{network}.{DOMAIN}", "network": network}
            for (each, host), address in self.members.items()
            if each == network
        ]

    def custom_names(self, _: Json, network: str) -> Answer:
        if not self.names:
            raise RefusedError(500, NONE_FOUND)
        found = [
            {"address": address, "address6": "", "name": f"{name}.{DOMAIN}", "network": each}
            for (each, name), address in self.names.items()
            if each == network
        ]
        return 200, found or None

    def create_name(self, body: Json, network: str) -> Answer:
        given = self._shape("name", body, {"name": str, "address": str, "address6": str, "network": str})
        if network not in self.networks:
            raise RefusedError(400, "Key: 'DNSEntry.Network' Error: failed on the 'network_exists' tag")
        if (network, given["name"]) in self.names and not self.overwrites_names:
            raise RefusedError(400, "Key: 'DNSEntry.Name' Error: failed on the 'name_unique' tag")
        self.names[network, given["name"]] = given["address"]
        return 200, {**given, "network": network}

    def delete_name(self, _: Json, network: str, name: str) -> Answer:
        self.names.pop((network, name), None)
        return 200, f"{name}.{network} deleted."

    def create_key(self, body: Json) -> Answer:
        shape = {"networks": list, "tags": list, "unlimited": bool, "type": int, "uses_remaining": int}
        given = self._shape("enrollment key", body, {**shape, "expiration": int, "relay": str, "groups": list})
        if not all(3 <= len(tag) <= 32 for tag in given["tags"]):
            raise self._wrong(400, "name length must be between 3 and 32", f"a key cannot be named {given['tags']}")
        if any(tag in key["tags"] for key in self.keys for tag in given["tags"]):
            raise RefusedError(400, "key names must be unique")
        if given["uses_remaining"] and (given["unlimited"] or given["expiration"]):
            raise self._wrong(
                400, "invalid key", "a key with a number of uses is good without end beside another limit"
            )
        return 200, self._add_key(given["networks"], given["tags"], given["uses_remaining"])

    def delete_key(self, _: Json, value: str) -> Answer:
        if all(key["value"] != value for key in self.keys):
            raise RefusedError(500, "no enrollmentkey found")
        self.keys = [key for key in self.keys if key["value"] != value]
        return 200, None

    def _add_key(self, networks: list[str], tags: list[str], uses: int = 0) -> Json:
        key = {
            "value": f"value-{tags[0]}",
            "token": f"token-{next(self.numbers)}-{tags[0]}",
            "networks": networks,
            "tags": tags,
            "unlimited": not uses,
            "type": 2 if uses else 3,
            "uses_remaining": uses,
            "expiration": "0001-01-01T00:00:00Z",
        }
        self.keys.append(key)
        return key

    def _host(self, host: str) -> str:
        if host not in self.hosts:
            raise RefusedError(500, NOT_FOUND)
        return host

    def admit(self, _: Json, host: str, network: str) -> Answer:
        if (self._known(network, 500), self._host(host)) in self.members:
            raise RefusedError(500, f"host already part of network {network}")
        self.enter(host, network)
        return 200, None

    def dismiss(self, _: Json, host: str, network: str) -> Answer:
        if self.members.pop((network, self._host(host)), None) is None:
            raise RefusedError(500, f"host not part of the network {network}")
        return 200, None

    def delete_host(self, _: Json, host: str) -> Answer:
        del self.hosts[self._host(host)]
        for member in [member for member in self.members if member[1] == host]:
            del self.members[member]
        return 200, {"id": host}


ROUTES: tuple[tuple[str, str, Callable[..., Answer]], ...] = (
    ("GET", "/api/networks", NetmakerStub.list_networks),
    ("POST", "/api/networks", NetmakerStub.create_network),
    ("GET", "/api/networks/*", NetmakerStub.get_network),
    ("DELETE", "/api/networks/*", NetmakerStub.delete_network),
    ("GET", "/api/nodes/*", NetmakerStub.list_nodes),
    ("GET", "/api/dns/adm/*/nodes", NetmakerStub.list_host_names),
    ("GET", "/api/dns/adm/*/custom", NetmakerStub.custom_names),
    ("POST", "/api/dns/*", NetmakerStub.create_name),
    ("DELETE", "/api/dns/*/*", NetmakerStub.delete_name),
    ("GET", "/api/v1/enrollment-keys", NetmakerStub.list_keys),
    ("POST", "/api/v1/enrollment-keys", NetmakerStub.create_key),
    ("DELETE", "/api/v1/enrollment-keys/*", NetmakerStub.delete_key),
    ("POST", "/api/hosts/*/networks/*", NetmakerStub.admit),
    ("DELETE", "/api/hosts/*/networks/*", NetmakerStub.dismiss),
    ("DELETE", "/api/hosts/*", NetmakerStub.delete_host),
)
"""The part of Netmaker's API that exists, with the bodies that each handler needs."""
