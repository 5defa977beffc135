"""The signature algorithms for logins: none based on SHA-1 (ssh-rsa, ssh-dss), as in OpenSSH since 8.8."""

import asyncssh

ALGORITHMS = (
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "rsa-sha2-512",
    "rsa-sha2-256",
)


def restrict(key: asyncssh.SSHKey) -> bool:
    """Restrict a key to these algorithms. False if it supports none of them.

    The library offers only the algorithms of its option, but verifies every one that it knows.
    """
    key.all_sig_algorithms = key.all_sig_algorithms & {name.encode() for name in ALGORITHMS}
    return bool(key.all_sig_algorithms)
