"""Patterns of the fleet's requests, in words."""

from collections.abc import Mapping

from chalicelib.kit.labels import LABEL_PATTERN

PATTERNS: Mapping[str, str] = {
    LABEL_PATTERN: "a-z, 0-9 and -, neither first nor last a -",
    r"^[a-z_][a-z0-9_-]*$": "a-z, 0-9, - and _, first a letter or _",
    r"^[0-9A-Za-z][0-9A-Za-z.+_-]{0,63}$": (
        "a version of at most 64 letters, digits and . + _ -, the first of them a letter or a digit"
    ),
    r"^https?://.+": "a URL that begins with http:// or https://",
    r"^[a-z0-9][a-z0-9._-]{0,62}$": "a name of at most 63 of a-z, 0-9 and . _ -, the first of them a letter or a digit",
    r"^[A-Za-z_][A-Za-z0-9_]{0,62}$": "a name of at most 63 letters, digits and _, the first of them no digit",
    r"^(100|[1-9]|[1-9][0-9])%$": "a share of 1% to 100%",
    r"^(100|[0-9]|[1-9][0-9])%$": "a share of 0% to 100%",
    r"^[0-9a-f]{64}$": "a SHA-256 of 64 digits and letters a-f",
    r"^[a-z0-9._]{1,100}$": "a type of event, as edge.node.registered",
    r"^SHA256:[A-Za-z0-9+/]{43}$": "a fingerprint as `ssh-keygen -l` prints it: SHA256: and 43 characters",
    r"^[a-z0-9._/-]{1,63}:[a-z0-9._/-]{1,63}$": "a label as name:value, of a-z, 0-9 and . _ / -",
    r"^\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}\/\d{1,2}$": "an IPv4 range, 10.20.0.0/24",
    r"^(ssh-[a-z0-9-]+|ecdsa-sha2-[a-z0-9]+) [A-Za-z0-9+/]+=*$": "a host key: its type, a space, base64",
    r"^[a-z0-9]+(-[a-z0-9]+)*(\.[a-z0-9]+)*$": "the name of a file of these pages",
    r"^(ssh-ed25519|ecdsa-sha2-nistp(?:256|384|521)|ssh-rsa)\s+([A-Za-z0-9+/]+=*)\s*(.*)$": (
        "an OpenSSH public key of type ssh-ed25519, ecdsa-sha2-nistp256, -384, -521 or ssh-rsa"
    ),
}
"""The patterns of requests, in words. A test holds that none is missing."""
