"""DNS labels (RFC 1035 section 2.3.4, lower case only): names of clusters, aliases and stacks."""

import re

LABEL_PATTERN = r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$"
LABEL_MAX_LENGTH = 63


def is_label(text: str) -> bool:
    """Whether the text has the form of a label, of any length."""
    return re.fullmatch(LABEL_PATTERN, text) is not None
