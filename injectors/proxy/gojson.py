"""JSON as Go's encoding/json reads and writes it, down to the texts of its errors. What is in it is not known here."""

import json
import re
import struct
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any, NoReturn

DEPTH_MAX = 10_000
"""Of objects and arrays in one another, as in Go."""
_WALKED_MAX = 256 * 1024
"""To find Go's words for what is wrong takes 1.5 s a megabyte, in which nobody is served."""


class BadBody(Exception):
    """A body that cannot be read; the message is what Go says of it."""


class Number(str):
    """A number as it is written: `1e3` and `1000` are not the same to a whole number."""

    __slots__ = ()


class Object(list[tuple[str, Any]]):
    """The fields of an object in the order in which they came; one name may come twice."""

    __slots__ = ()


def first_value(body: bytes) -> Any:
    """None, bool, str, Number, list or Object, after which anything may follow. Raises BadBody."""
    start = _BLANK.match(body).end()  # type: ignore[union-attr]  # it matches nothing too
    if body[start : start + 1] not in (b"{", b"["):
        return _scalar(body)
    try:
        # Bytes that are no UTF-8 become half characters, which are replaced where they are used.
        return _DECODER.raw_decode(body.decode("utf-8", "surrogateescape"), start)[0]
    except (ValueError, RecursionError) as problem:
        if len(body) > _WALKED_MAX:
            raise BadBody(f"invalid JSON: {problem}") from None
        raise BadBody(_fault(body) or "nested too deeply") from None


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)


_DECODER = json.JSONDecoder(object_pairs_hook=Object, parse_int=Number, parse_float=Number, parse_constant=_no_constant)


def _scalar(body: bytes) -> Any:
    """The value of a body that is neither an object nor an array; what a string says is left out."""
    if fault := _fault(body):
        raise BadBody(fault)
    first = body.lstrip(b" \t\r\n")[:1]
    return {b'"': "", b"t": True, b"f": False, b"n": None}.get(first, Number("0"))


_LONE = re.compile("[\ud800-\udfff]")
"""Half a character, or a byte that is no UTF-8."""
_BLANK = re.compile(rb"[ \t\r\n]*")
_STRING = re.compile(rb'"(?:[^"\\\x00-\x1f]++|\\["\\/bfnrt]|\\u[0-9a-fA-F]{4})*+')
_ESCAPE = re.compile(rb"\\(?:u[0-9a-fA-F]{0,3})?")
_EXPONENT = rb"(?:[eE](?:[+-]?[0-9]+)?)?"
_NUMBER = re.compile(rb"-?(?:(?:0|[1-9][0-9]*)(?:\.(?:[0-9]+" + _EXPONENT + rb")?|" + _EXPONENT + rb"))?")


def _fault(body: bytes) -> str:
    """What Go says of the first value, in Go's words; empty when it is well-formed. Used once something is wrong."""
    try:
        _walk(body)
    except BadBody as bad:
        return str(bad)
    return ""


def _walk(body: bytes) -> None:
    """Step through the first value without making anything of it, and without recursion."""
    inside: list[bytes] = []  # the brackets that are open
    expected: Callable[[bytes], str] = _value_place
    i = 0
    while True:
        i = _BLANK.match(body, i).end()  # type: ignore[union-attr]
        c = body[i : i + 1]
        if not c:
            raise BadBody("unexpected EOF" if body.strip(b" \t\r\n") else "EOF")
        what = expected(c)
        if what == "close":
            inside.pop()
            i += 1
        elif what == "open":
            inside.append(c)
            if len(inside) > DEPTH_MAX:
                raise _unexpected(c, "exceeded max depth")
            i += 1
            expected = _key_or_end if c == b"{" else _value_or_end
            continue
        elif what in (",", ":"):
            i += 1
            expected = _value_place if what == ":" or inside[-1] == b"[" else _key_place
            continue
        elif what == "key":
            i = _string_end(body, i)
            expected = _colon_place
            continue
        else:
            i = {"string": _string_end, "number": _number_end, "word": _word_end}[what](body, i)
        if not inside:
            return
        expected = _after_pair if inside[-1] == b"{" else _after_element


def _value_place(c: bytes) -> str:
    if c in b"{[":
        return "open"
    if c == b'"':
        return "string"
    if c in b"-0123456789":
        return "number"
    if c in b"tfn":
        return "word"
    raise _unexpected(c, "looking for beginning of value")


def _value_or_end(c: bytes) -> str:
    return "close" if c == b"]" else _value_place(c)


def _key_place(c: bytes) -> str:
    if c == b'"':
        return "key"
    raise _unexpected(c, "looking for beginning of object key string")


def _key_or_end(c: bytes) -> str:
    return "close" if c == b"}" else _key_place(c)


def _colon_place(c: bytes) -> str:
    if c == b":":
        return ":"
    raise _unexpected(c, "after object key")


def _after_pair(c: bytes) -> str:
    if c == b"}":
        return "close"
    if c == b",":
        return ","
    raise _unexpected(c, "after object key:value pair")


def _after_element(c: bytes) -> str:
    if c == b"]":
        return "close"
    if c == b",":
        return ","
    raise _unexpected(c, "after array element")


def _string_end(body: bytes, i: int) -> int:
    i = _STRING.match(body, i).end()  # type: ignore[union-attr]
    c = _at(body, i)
    if c == b'"':
        return i + 1
    if c != b"\\":
        raise _unexpected(c, "in string literal")
    end = _ESCAPE.match(body, i).end()  # type: ignore[union-attr]
    raise _unexpected(
        _at(body, end), "in string escape code" if end == i + 1 else "in \\u hexadecimal character escape"
    )


def _number_end(body: bytes, i: int) -> int:
    found = _NUMBER.match(body, i)
    assert found is not None
    end, last = found.end(), body[found.end() - 1 : found.end()]
    if last == b"-" and end == i + 1:
        raise _unexpected(_at(body, end), "in numeric literal")
    if last == b".":
        raise _unexpected(_at(body, end), "after decimal point in numeric literal")
    if last in b"eE":
        after = _at(body, end)
        raise _unexpected(_at(body, end + 1) if after in b"+-" else after, "in exponent of numeric literal")
    return end


def _word_end(body: bytes, i: int) -> int:
    word = {b"t": b"true", b"f": b"false", b"n": b"null"}[body[i : i + 1]]
    for j in range(1, len(word)):
        if _at(body, i + j) != word[j : j + 1]:
            raise _unexpected(_at(body, i + j), f"in literal {word.decode()} (expecting '{chr(word[j])}')")
    return i + len(word)


def _at(body: bytes, i: int) -> bytes:
    if i >= len(body):
        raise BadBody("unexpected EOF")
    return body[i : i + 1]


def _unexpected(c: bytes, where: str) -> BadBody:
    return BadBody(f"invalid character {_quoted(c)} {where}")


def _quoted(c: bytes) -> str:
    """One byte, read as Latin-1, as a literal of Go."""
    one = chr(c[0])
    if one in "'\\":
        return f"'\\{one}'"
    short = {"\a": "\\a", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\v": "\\v"}
    if one in short:
        return f"'{short[one]}'"
    if one.isprintable():
        return f"'{one}'"
    return f"'\\x{c[0]:02x}'" if c[0] < 0x80 else f"'\\u{c[0]:04x}'"


# Writing.


def rounded(number: float) -> float:
    """A number cut to 32 bits. Raises OverflowError for what they cannot hold."""
    if number in (float("inf"), float("-inf")):
        raise OverflowError
    return float(struct.unpack("<f", struct.pack("<f", number))[0])


def whole_characters(value: str) -> str:
    """What cannot be written in UTF-8 is replaced."""
    return value if value.isascii() else _LONE.sub("\ufffd", value)


def text(value: str) -> str:
    """A string in JSON as Go writes it: safe inside HTML and JavaScript."""
    return _text(value) if len(value) < 256 else _text.__wrapped__(value)


@lru_cache(maxsize=4096)
def _text(value: str) -> str:
    plain = json.dumps(whole_characters(value), ensure_ascii=False)
    for character in "<>&\u2028\u2029":
        plain = plain.replace(character, f"\\u{ord(character):04x}")
    return plain


def figure(number: int | float) -> str:
    """A number; 64 bits of it, when it is a fraction."""
    return str(number) if isinstance(number, int) else _laid_out(repr(number))


def figure32(number: float) -> str:
    """A number of 32 bits."""
    if number == 0:  # the two zeros are equal, yet not told alike
        return "-0" if str(number) == "-0.0" else "0"
    return _figure32(number)


@lru_cache(maxsize=256)
def _figure32(number: float) -> str:
    return _laid_out(next(short for short in _decimals(number) if _rounds_to(short, number)))


def _decimals(number: float) -> Iterator[str]:
    return (f"{number:.{digits}g}" for digits in range(1, 18))


def _rounds_to(decimal: str, number: float) -> bool:
    try:
        return rounded(float(decimal)) == number
    except OverflowError:  # the largest one, rounded up
        return False


def _laid_out(decimal: str) -> str:
    """The digits of this decimal, laid out as Go does: an exponent only below 1e-6 and from 1e21 on."""
    sign = "-" if decimal.startswith("-") else ""
    mantissa, _, exponent = decimal.lstrip("-").partition("e")
    whole, _, fraction = mantissa.partition(".")
    digits = (whole + fraction).lstrip("0").rstrip("0")
    if not digits:
        return f"{sign}0"
    point = len(whole) + int(exponent or 0) - (len(whole + fraction) - len((whole + fraction).lstrip("0")))
    if not -6 <= point - 1 < 21:
        rest = f".{digits[1:]}" if digits[1:] else ""
        return f"{sign}{digits[0]}{rest}e{point - 1:+d}"
    if point <= 0:
        return f"{sign}0.{'0' * -point}{digits}"
    return sign + digits[:point].ljust(point, "0") + (f".{digits[point:]}" if digits[point:] else "")
