"""HTML that cannot be broken out of: text is escaped unless it is already markup."""

from reports.printable import printable

_VOID = frozenset({"meta", "link", "br", "path", "rect", "line"})
_ESCAPES = (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;"), ("'", "&#39;"))


class Html(str):
    """Markup; only what is written in this package's code becomes one without being escaped."""

    __slots__ = ()


def escaped(text: object) -> str:
    """Text for an element or an attribute, on one line."""
    safe = printable(text)
    for char, entity in _ESCAPES:
        safe = safe.replace(char, entity)
    return safe


def el(tag: str, /, *inside: str, **attributes: object) -> Html:
    """An element. `class_` and `aria_label` become `class` and `aria-label`; one that is None or "" is left out."""
    given = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{escaped(value)}"'
        for name, value in attributes.items()
        if value is not None and value != ""
    )
    if tag in _VOID:
        return Html(f"<{tag}{given}>" if tag in ("meta", "link", "br") else f"<{tag}{given}/>")
    return Html(f"<{tag}{given}>{join(*inside)}</{tag}>")


def join(*parts: str) -> Html:
    """Markup and text, one after another."""
    return Html("".join(part if isinstance(part, Html) else escaped(part) for part in parts))
