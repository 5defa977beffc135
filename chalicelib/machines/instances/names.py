"""Readable names for instances that were given none. Pure."""

import hashlib

_ADJECTIVES = (
    "amber", "brave", "brisk", "calm", "clear", "clever", "crisp", "eager", "early", "fair", "fleet", "fresh", "gentle",
    "golden", "grand", "happy", "keen", "kind", "late", "light", "lively", "lucky", "mellow", "merry", "mild", "neat",
    "noble", "proud", "quick", "quiet", "rapid", "ready", "royal", "sharp", "silent", "silver", "smart", "solid",
    "steady", "still", "sunny", "swift", "tidy", "true", "vivid", "warm", "wise", "young",
)  # fmt: skip
_ANIMALS = (
    "badger", "beaver", "bison", "crane", "dolphin", "eagle", "falcon", "ferret", "finch", "fox", "gecko", "gull",
    "hare", "heron", "ibis", "jackal", "kestrel", "koala", "lark", "lemur", "lion", "lynx", "magpie", "marten", "mole",
    "moose", "otter", "owl", "panda", "plover", "puffin", "rabbit", "raven", "robin", "salmon", "seal", "sparrow",
    "stork", "swan", "tern", "tiger", "trout", "turtle", "walrus", "weasel", "whale", "wolf", "wren",
)  # fmt: skip


def readable_name(instance_id: str) -> str:
    """The name that this id always gives, such as ``brisk-otter-3f9a``. Names need not be unique; the last part makes
    it unlikely that two of a tenant's are the same."""
    digest = hashlib.sha256(instance_id.encode()).digest()
    adjective, animal = _ADJECTIVES[digest[0] % len(_ADJECTIVES)], _ANIMALS[digest[1] % len(_ANIMALS)]
    return f"{adjective}-{animal}-{digest[2:4].hex()}"
