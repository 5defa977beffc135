"""Which signatures clients may log in with: none that rests on SHA-1 (ssh-rsa, ssh-dss), as OpenSSH since 8.8."""

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
    """Let this key verify those signatures only. False: it can make none of them.

    The library offers the algorithms that its option names, and verifies all that it knows.
    """
    key.all_sig_algorithms = key.all_sig_algorithms & {name.encode() for name in ALGORITHMS}
    return bool(key.all_sig_algorithms)
