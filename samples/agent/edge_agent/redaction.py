import re

MASK = "[redacted]"
_SECRETS = (
    re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL),
    # The credentials of headers.
    re.compile(r"(?i)(?<=bearer )[^\s\"',;]+|(?<=basic )[a-z0-9+/=]{8,}"),
    re.compile(r"(?i)(?<=x-api-key: )\S+|(?<=api-secret: )\S+|(?<=api-key: )\S+"),
    # Signatures and session tokens of links; passwords in URLs.
    re.compile(r"(?i)(?<=[?&])(?:x-amz-(?:signature|security-token|credential)|signature|token)=[^\s&\"']+"),
    re.compile(r"(?<=://)[^\s/@:]+:[^\s/@]+(?=@)"),
    # Named API keys and secrets of webhooks.
    re.compile(r"\b(?:edge|whsec)_[A-Za-z0-9_\-+/=]{16,}"),
    # `password=…`, `"api_token": "…"` and the like.
    re.compile(r"(?i)(?<=password)(?:\"?\s*[:=]\s*)\"?[^\s\"',;&]+|(?<=token)(?:\"?\s*[:=]\s*)\"?[^\s\"',;&]+"),
    re.compile(r"(?i)(?<=secret)(?:\"?\s*[:=]\s*)\"?[^\s\"',;&]+|(?<=enrollment_key)(?:\"?\s*[:=]\s*)\"?[^\s\"',;&]+"),
)


def redacted(text: str, known: frozenset[str]) -> str:
    """The text without the known secrets and without everything that has the form of one."""
    for secret in sorted(known, key=len, reverse=True):
        text = text.replace(secret, MASK)
    for pattern in _SECRETS:
        text = pattern.sub(MASK, text)
    return text
