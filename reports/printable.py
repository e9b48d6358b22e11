"""Text from outside, made safe to print: nothing in it can move a cursor, reverse a line or break a file's encoding."""

import unicodedata

_REORDER = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Embeddings, overrides and isolates: with these, `exe.txt` can be made to read `txt.exe`."""


def printable(text: object) -> str:
    """On one line, with control characters shown as `\\x1b`. Letters of any script stay as they are."""
    line = str(text)
    # Nearly everything that is printed is short and harmless; looking once is much cheaper than going through it.
    if line.isprintable():
        return line
    return "".join(
        " " if char in "\t\n\r\v\f\u2028\u2029" else _escaped(char) if _harms(char) else char for char in line
    )


def _harms(char: str) -> bool:
    # Cc: controls. Cs: half a surrogate pair, which no encoding takes. The last two of a plane: no characters in XML.
    return char in _REORDER or unicodedata.category(char) in ("Cc", "Cs") or ord(char) & 0xFFFE == 0xFFFE


def _escaped(char: str) -> str:
    code = ord(char)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
