import os
from collections.abc import Mapping


def program_environment(inherited: Mapping[str, str], **own: str) -> dict[bytes, bytes]:
    """The variables of a program: the inherited ones byte for byte, our own in UTF-8, whatever the locale.

    Raises ValueError for one of our own that is no Unicode text.
    """
    environment = {os.fsencode(name): os.fsencode(value) for name, value in inherited.items()}
    return environment | {name.encode(): value.encode() for name, value in own.items()}
