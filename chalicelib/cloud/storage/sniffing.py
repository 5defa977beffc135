"""The content type of bytes, by how they begin: the algorithm of the WHATWG's "MIME Sniffing Standard", section 7, as
far as clients of the published API know it from their servers. Pure.
"""

SNIFFED_BYTES = 512

_PLAIN = "text/plain; charset=utf-8"
_BYTES = "application/octet-stream"

_WHITESPACE = b"\t\n\x0c\r "
_TAGS = (
    *(b"<!DOCTYPE HTML", b"<HTML", b"<HEAD", b"<SCRIPT", b"<IFRAME", b"<H1", b"<DIV", b"<FONT", b"<TABLE", b"<A"),
    *(b"<STYLE", b"<TITLE", b"<B", b"<BODY", b"<BR", b"<P", b"<!--"),
)
_BEGINNINGS = (
    (b"%PDF-", "application/pdf"),
    (b"%!PS-Adobe-", "application/postscript"),
    (b"\xfe\xff", "text/plain; charset=utf-16be"),
    (b"\xff\xfe", "text/plain; charset=utf-16le"),
    (b"\xef\xbb\xbf", _PLAIN),
    (b"\x00\x00\x01\x00", "image/x-icon"),
    (b"\x00\x00\x02\x00", "image/x-icon"),
    (b"BM", "image/bmp"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"ID3", "audio/mpeg"),
    (b"OggS\x00", "application/ogg"),
    (b"MThd\x00\x00\x00\x06", "audio/midi"),
    (b"\x1a\x45\xdf\xa3", "video/webm"),
    (b"\x00\x01\x00\x00", "font/ttf"),
    (b"OTTO", "font/otf"),
    (b"ttcf", "font/collection"),
    (b"wOFF", "font/woff"),
    (b"wOF2", "font/woff2"),
    (b"\x1f\x8b\x08", "application/x-gzip"),
    (b"PK\x03\x04", "application/zip"),
    (b"Rar!\x1a\x07\x00", "application/x-rar-compressed"),
    (b"Rar!\x1a\x07\x01\x00", "application/x-rar-compressed"),
    (b"\x00asm", "application/wasm"),
)
_OF_FORMS = {
    (b"RIFF", b"WEBPVP"): "image/webp",
    (b"RIFF", b"AVI "): "video/avi",
    (b"RIFF", b"WAVE"): "audio/wave",
    (b"FORM", b"AIFF"): "audio/aiff",
}
"""Types of containers: how they begin, and how they go on after the length."""

_BINARY = frozenset([*range(0x09), 0x0B, *range(0x0E, 0x1B), *range(0x1C, 0x20)])
"""Bytes that no text has."""


def media_type_of(content: bytes) -> str:
    """The content type of what begins so."""
    head = content[:SNIFFED_BYTES]
    stripped = head.lstrip(_WHITESPACE)
    if any(_is_tag(stripped, tag) for tag in _TAGS):
        return "text/html; charset=utf-8"
    if stripped.startswith(b"<?xml"):
        return "text/xml; charset=utf-8"
    for beginning, kind in _BEGINNINGS:
        if head.startswith(beginning):
            return kind
    for (beginning, form), kind in _OF_FORMS.items():
        if head.startswith(beginning) and head[8:].startswith(form):
            return kind
    if _is_mp4(head):
        return "video/mp4"
    return _BYTES if _BINARY.intersection(head) else _PLAIN


def _is_tag(head: bytes, tag: bytes) -> bool:
    """Whether it begins with the tag in any letter case, which then ends."""
    if head[: len(tag)].upper() != tag:
        return False
    return tag == b"<!--" or head[len(tag) : len(tag) + 1] in (b" ", b">")


def _is_mp4(head: bytes) -> bool:
    """Whether it is a box of file types, one of which is MP4."""
    size = int.from_bytes(head[:4], "big")
    if len(head) < 12 or size > len(head) or size % 4 or head[4:8] != b"ftyp":  # noqa: PLR2004 - of the box's header
        return False
    brands = (head[start : start + 3] for start in range(8, size, 4) if start != 12)  # noqa: PLR2004 - a version
    return b"mp4" in brands
