"""Decides about buckets: names, keys, whether one can be used, what is asked of S3. Pure."""

import hashlib
import json
import re
from base64 import b32encode
from collections.abc import Mapping
from enum import Enum
from typing import Any
from urllib.parse import quote
from uuid import UUID

from chalicelib.cloud.storage.model import BUCKET, BucketSpec, LifecycleRule
from chalicelib.kit.errors import EdgeError, Kind, bad_request, conflict
from chalicelib.platform.provisioning.charging import is_usable
from chalicelib.platform.provisioning.model import Observation, Resource, State

RESERVED = frozenset({"buckets", "cluster", "multipart", "presign", "presigned", "versions"})
"""Names that are parts of paths of this API."""

LONGEST_KEY_BYTES = 1024
"""S3 takes no longer ones (user guide, "Naming Amazon S3 objects")."""

SETTINGS = "settings"
VERSIONING = "versioning_enabled"
"""Names of what is observed of a bucket: the digest of the settings that it was given last, and S3's own word."""

CHECKSUM_HEADER = "X-Content-Sha256"

MOST_RULES = 50

INLINE_BYTES = 4 * 1024 * 1024
"""The largest object that goes through a function: as base64 it is 5.6 of the 6 MB that Lambda takes and gives."""

LEAST_PART_BYTES = 5 * 1024 * 1024
MOST_PARTS = 10_000
"""Limits of S3 (user guide, "Amazon S3 multipart upload limits")."""

RETRY_SECONDS = 2

_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_NAME_RULE = "has 3 to 63 lower-case letters, digits, single dots and hyphens, with a letter or digit at both ends"
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_LOST = "\ufffd"
_NOT_IN_XML = re.compile(r"[\ud800-\udfff\ufffe\uffff]")
"""The characters beside control characters that no document of XML 1.0 has: S3 takes and lists keys in these."""

_PHYSICAL_LENGTH = 26
_SHA256 = re.compile(r"[0-9a-fA-F]{64}")


def check_name(name: str) -> None:
    """Raises `EdgeError` (bad request) for a name that no bucket can have."""
    if not _NAME.fullmatch(name) or ".." in name:
        raise bad_request({"name": [_NAME_RULE]})
    if name in RESERVED:
        raise bad_request({"name": [f"is part of this API's paths. Not allowed: {', '.join(sorted(RESERVED))}"]})


def check_key(key: str) -> str:
    """The key. Raises `EdgeError` (bad request) for one that cannot be reached by its path everywhere: clients and
    proxies change paths with empty parts, ``.`` and ``..``, and bytes that are not UTF-8 all arrive as one character.
    """
    wrong = _wrong_with(key)
    if wrong:
        raise bad_request({"key": [wrong]})
    return key


def check_prefix(prefix: str) -> str:
    """The beginning of keys. Raises `EdgeError` (bad request) for one that no key has, or that S3 refuses."""
    parts = prefix.split("/")
    wrong = _wrong_text(prefix)
    if not wrong and prefix and ("" in parts[:-1] or {".", ".."} & set(parts[:-1])):
        wrong = "is the beginning of a key: it has no slash at its beginning, no two in a row, and no part . or .."
    if wrong:
        raise bad_request({"prefix": [wrong]})
    return prefix


def _wrong_with(key: str) -> str:
    parts = key.split("/")
    if "" in parts:
        return "does not begin or end with a slash, and has no two in a row: clients change such paths"
    if "." in parts or ".." in parts:
        return "has no part . or ..: clients change such paths"
    return _wrong_text(key)


def _wrong_text(text: str) -> str:
    if len(text.encode("utf-8", "surrogatepass")) > LONGEST_KEY_BYTES:
        return f"has at most {LONGEST_KEY_BYTES} bytes in UTF-8"
    if _CONTROL.search(text):
        return "has no control characters"
    if _LOST in text:
        return "is text in UTF-8, percent-encoded"
    if _NOT_IN_XML.search(text):
        return "has no characters that XML 1.0 lacks (U+FFFE, U+FFFF, halves of surrogate pairs)"
    return ""


class Use(Enum):
    """The use that a request makes of the objects of a bucket."""

    READ = "read"
    WRITE = "write"
    REMOVE = "remove"


def named_uuid(*names: str) -> str:
    """The UUID (version 8) that follows from these names."""
    digest = bytearray(hashlib.sha256(json.dumps(names).encode()).digest()[:16])
    digest[6] = digest[6] & 0x0F | 0x80
    digest[8] = digest[8] & 0x3F | 0x80
    return str(UUID(bytes=bytes(digest)))


def claim_of(name: str) -> str:
    """The name that a bucket alone holds in its tenant."""
    return f"{BUCKET}/{name}"


def physical_prefix(table_prefix: str) -> str:
    """The beginning of the names of a stage's buckets at S3, to which the functions' rights are bound."""
    return f"{table_prefix}b-"


def physical_name(table_prefix: str, tenant: str, bucket_id: str) -> str:
    """The name of a bucket at S3, which all accounts share: it tells no tenant, and cannot be guessed."""
    digest = hashlib.sha256(json.dumps([table_prefix, tenant, bucket_id]).encode()).digest()
    return physical_prefix(table_prefix) + b32encode(digest).decode().lower()[:_PHYSICAL_LENGTH]


def spec_of(resource: Resource) -> BucketSpec:
    """The specification that the row of a bucket keeps."""
    return BucketSpec.model_validate(resource.spec)


def settings_of(spec: BucketSpec) -> Mapping[str, Any]:
    """The settings of a bucket at S3 that follow from its specification, for a digest."""
    rules = [rule.model_dump(include={"id", "prefix", "days", "enabled"}) for rule in spec.rules]
    return {"versioning": spec.versioning, "rules": rules}


def digest_of(spec: BucketSpec) -> str:
    """A text that changes with the settings of a bucket."""
    return hashlib.sha256(json.dumps(settings_of(spec), sort_keys=True).encode()).hexdigest()[:32]


def drifted(resource: Resource, observation: Observation) -> str:
    """The reason for which a bucket is not as its row wants it; "" if it is."""
    spec = spec_of(resource)
    facts = observation.facts
    if facts.get(SETTINGS) == digest_of(spec) and facts.get(VERSIONING) is spec.versioning:
        return ""
    return "Its settings at S3 are not those that it was given here: somebody has changed them elsewhere"


def check_usable(resource: Resource, use: Use) -> None:
    """Raises `EdgeError` (service unavailable) while a bucket is being made, or is getting another versioning that a
    change of its objects has to meet; (conflict) for a write into one that has failed, and for one that is lost.
    Objects in one that has failed, such as by a refused setting, can be read, and removed if its versioning is the
    wanted one: else a removal could take what a version was to keep."""
    if resource.state in {State.PENDING, State.CREATING}:
        raise not_yet("The bucket is being made")
    is_other = resource.observed.get(VERSIONING) is not spec_of(resource).versioning
    refused = use is Use.WRITE or not is_usable(resource) or (use is Use.REMOVE and is_other)
    if resource.state is State.FAILED and refused:
        raise conflict(f"The bucket cannot be used: {resource.reason}")
    if use is not Use.READ and is_other:
        raise not_yet("The versioning of the bucket is being changed")


def not_yet(text: str) -> EdgeError:
    """The refusal of what can be done in a moment."""
    return EdgeError(Kind.UNAVAILABLE, f"{text}: try again in a moment", retry_after_seconds=RETRY_SECONDS)


def bucket_not_found() -> EdgeError:
    return EdgeError(Kind.NOT_FOUND, "There is no bucket of that name", code="bucket_not_found")


def object_not_found() -> EdgeError:
    return EdgeError(Kind.NOT_FOUND, "There is no such object, or no such version of it", code="object_not_found")


def too_small() -> EdgeError:
    """The refusal of an upload that S3 would not make an object of."""
    return bad_request({"parts": [f"each but the last has {LEAST_PART_BYTES} bytes at least"]})


def check_sum(content: bytes, checksum: str | None) -> None:
    """Raises `EdgeError` (conflict) for bytes whose SHA-256 is another than their sender says, and (bad request) for
    another text."""
    if not checksum:
        return
    if not _SHA256.fullmatch(checksum):
        raise bad_request({CHECKSUM_HEADER: ["is a SHA-256: 64 hexadecimal digits"]})
    if hashlib.sha256(content).hexdigest() != checksum.lower():
        raise conflict(f"The bytes that arrived have another SHA-256 than {CHECKSUM_HEADER} says: send them again")


def disposition(key: str) -> str:
    """The header that has a browser save an object under the last part of its key, and never show it as a page of this
    API's host (RFC 6266)."""
    name = key.rpartition("/")[2]
    plain = "".join(each if each.isascii() and each.isprintable() and each not in '\\"' else "_" for each in name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


def with_rule(spec: BucketSpec, rule: LifecycleRule) -> BucketSpec:
    """The specification with one more rule. Raises `EdgeError` (conflict) for a prefix that has one, and for one too
    many."""
    if any(each.prefix == rule.prefix for each in spec.rules):
        raise conflict("the bucket has a rule for that prefix: delete it first")
    if len(spec.rules) >= MOST_RULES:
        raise conflict(f"a bucket has {MOST_RULES} rules at most: delete one first")
    return spec.model_copy(update={"rules": (*spec.rules, rule)})


def without_rule(spec: BucketSpec, rule_id: str) -> BucketSpec | None:
    """The specification without a rule; None if it has none of that id."""
    rest = tuple(each for each in spec.rules if each.id != rule_id)
    return None if len(rest) == len(spec.rules) else spec.model_copy(update={"rules": rest})
