"""Bytes of a text file as text: by its byte order mark, as UTF-8, or by what chardet finds in its letters."""

from __future__ import annotations

import codecs
from collections.abc import Mapping
from dataclasses import dataclass

from spafit.tasks.task import TaskError, on_one_line, shortened

# What a person can choose, by Python's name for it; of several that fit equally well the first counts.
ENCODINGS = {
    "utf-8": "UTF-8",
    "utf-16": "UTF-16",
    "utf-16-le": "UTF-16 (little-endian)",
    "utf-16-be": "UTF-16 (big-endian)",
    "utf-32": "UTF-32",
    "cp1252": "Latin-1 (Windows-1252)",
    "cp1250": "Windows-1250 (Central European)",
    "iso8859-2": "ISO-8859-2 (Central European)",
    "cp1251": "Windows-1251 (Cyrillic)",
    "koi8-r": "KOI8-R (Cyrillic)",
    "koi8-u": "KOI8-U (Cyrillic)",
    "iso8859-5": "ISO-8859-5 (Cyrillic)",
    "cp866": "IBM866 (Cyrillic)",
    "mac-cyrillic": "Mac Cyrillic",
    "cp1253": "Windows-1253 (Greek)",
    "iso8859-7": "ISO-8859-7 (Greek)",
    "cp1254": "Windows-1254 (Turkish)",
    "cp1255": "Windows-1255 (Hebrew)",
    "iso8859-8": "ISO-8859-8 (Hebrew)",
    "cp1256": "Windows-1256 (Arabic)",
    "iso8859-6": "ISO-8859-6 (Arabic)",
    "cp1257": "Windows-1257 (Baltic)",
    "cp1258": "Windows-1258 (Vietnamese)",
    "cp874": "Windows-874 (Thai)",
    "gb18030": "GB18030 (GBK)",
    "big5": "Big5",
    "cp950": "Big5 (Windows-950)",
    "big5hkscs": "Big5-HKSCS",
    "cp932": "Shift-JIS (Windows-932)",
    "euc-jp": "EUC-JP",
    "iso2022-jp": "ISO-2022-JP",
    "cp949": "EUC-KR (Windows-949)",
    "johab": "Johab",
    "iso8859-15": "ISO-8859-15 (Western European)",
    "iso8859-16": "ISO-8859-16 (Romanian)",
    "mac-roman": "Mac Roman",
    "cp850": "IBM850 (Western European)",
    "cp437": "IBM437",
    "cp852": "IBM852 (Central European)",
}
# Encodings that another one includes: what they can say reads the same in that.
_WITHIN = {
    "ascii": "utf-8",
    "iso8859-1": "cp1252",
    "iso8859-9": "cp1254",
    "iso8859-11": "cp874",
    "tis-620": "cp874",
    "iso8859-13": "cp1257",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "shift_jis": "cp932",
    "shift_jis_2004": "cp932",
    "euc_kr": "cp949",
    "euc_jis_2004": "euc-jp",
    "iso2022_jp_1": "iso2022-jp",
    "iso2022_jp_2": "iso2022-jp",
    "iso2022_jp_3": "iso2022-jp",
    "iso2022_jp_2004": "iso2022-jp",
    "iso2022_jp_ext": "iso2022-jp",
}
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig", "UTF-8 with byte order mark"),
    (codecs.BOM_UTF32_LE, "utf-32", "UTF-32"),  # before UTF-16, whose mark it starts with
    (codecs.BOM_UTF32_BE, "utf-32", "UTF-32"),
    (codecs.BOM_UTF16_LE, "utf-16", "UTF-16"),
    (codecs.BOM_UTF16_BE, "utf-16", "UTF-16"),
)
_LOOKED_AT = 100_000  # bytes of lines with other than ASCII characters that chardet sees
_SURE = 0.12  # chardet's confidence from which on its answer counts; a true Latin alphabet reaches 0.15 to 0.3
_RATHER_SURE, _TIMES = 0.05, 3  # a lower one counts where it is so many times that of any other reading
_AS_GOOD = 0.01  # candidates this close to the best are told apart by the order of ENCODINGS
_LATIN_MARKS = frozenset("‘’‚“”„–—…•·°§©®™€£¥«»¿¡½¼¾²³±×µ\u00a0\u00ad")  # what English texts have beside ASCII
_SAMPLE = 60


@dataclass(frozen=True)
class Decoded:
    """A file's text and how it was come by."""

    text: str
    label: str  # the encoding's name for people
    remark: str = ""  # that the encoding was found by its letters, with a sample; empty where the file says it


def decode(data: bytes, name: str, encoding: str | None = None) -> Decoded:
    """Return a text file's text.

    Args:
        data: the whole file.
        name: what the person calls it.
        encoding: the one that a person chose; found when absent.

    Raises:
        TaskError: it is no text, or no encoding fits, or not the one that was chosen.
    """
    found = _as_chosen(data, name, encoding) if encoding else _found(data, name)
    if "\x00" in found.text:
        line = found.text[: found.text.index("\x00")].count("\n") + 1
        raise TaskError(f"{name} is not a text file: it contains zero (NUL) characters, the first in line {line}.")
    return found


def named(encoding: str) -> str:
    """Return Python's name for an encoding that a person names. Raises `TaskError` for what is no text encoding."""
    wanted = encoding.strip()
    for codec, label in ENCODINGS.items():
        if wanted.lower() in (codec, label.lower(), label.split(" (")[0].lower()):
            return codec
    try:
        info = codecs.lookup(wanted)
        "".encode(info.name)  # refused by codecs that are no text encodings, such as hex
    except (LookupError, ValueError, UnicodeError):
        info = None
    if info is None or info.name in ("idna", "punycode", "unicode_escape", "raw_unicode_escape", "undefined", "mbcs"):
        raise TaskError(
            f"There is no encoding “{shortened(on_one_line(wanted), 40)}”; "
            f"usual ones are utf-8, utf-16, cp1252, cp1251, gb18030, big5, cp932 and cp949."
        )
    return info.name


def _as_chosen(data: bytes, name: str, encoding: str) -> Decoded:
    codec = named(encoding)
    label = ENCODINGS.get(codec, codec.upper())
    try:
        return Decoded(data.decode(codec).removeprefix("\ufeff"), label)
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise TaskError(
            f"{name} is not {label}: byte {error.start + 1}, in line {line}, has no meaning there."
        ) from error


def _found(data: bytes, name: str) -> Decoded:
    for mark, codec, label in _MARKS:
        if data.startswith(mark):
            try:
                return Decoded(data.decode(codec), label)
            except UnicodeDecodeError as error:
                raise TaskError(f"{name} says that it is {label} but is not (byte {error.start + 1}).") from error
    if b"\x00" in data:
        return Decoded(_without_mark(data, name), "UTF-16")
    if b"\x1b$" in data and "iso2022-jp" in _candidates(data):  # Japanese written in ASCII and escapes
        return _by_its_letters(data, name)
    try:
        return Decoded(data.decode("utf-8"), "UTF-8")
    except UnicodeDecodeError:
        pass
    control = sum(data[:10_000].count(byte) for byte in range(32) if byte not in (9, 10, 12, 13, 27))
    if control > len(data[:10_000]) / 100:
        raise TaskError(f"{name} is not a text file.")
    _refuse_a_mixture(data, name)
    return _by_its_letters(data, name)


def _without_mark(data: bytes, name: str) -> str:
    even, odd = data[0:2000:2].count(0), data[1:2000:2].count(0)
    codec = "utf-16-le" if odd > 4 * max(even, 1) else "utf-16-be" if even > 4 * max(odd, 1) else None
    if codec is not None:
        try:
            return data.decode(codec)
        except UnicodeDecodeError:
            pass
    line = data[: data.index(b"\x00")].count(b"\n") + 1
    raise TaskError(f"{name} is not a text file: it contains zero (NUL) bytes, the first in line {line}.")


def _refuse_a_mixture(data: bytes, name: str) -> None:
    """Raise `TaskError` for UTF-8 with some other bytes in it: as anything else the rest would turn to gibberish."""
    text = data.decode("utf-8", "replace")
    wrong = text.count("\ufffd")
    if len(text) - len(text.encode("ascii", "ignore")) - wrong > wrong:
        line = text[: text.index("\ufffd")].count("\n") + 1
        raise TaskError(f"{name} is UTF-8 but for some characters, the first in line {line}; save it as UTF-8.")


def _by_its_letters(data: bytes, name: str) -> Decoded:
    """Return the text in the encoding that chardet finds most likely, if it is likely at all and decodes all of it."""
    likely = _candidates(data)
    for codec in [*likely, "cp1252"]:
        try:
            text = data.decode(codec)
        except UnicodeDecodeError:
            continue
        if codec in likely or _is_western(text):
            return Decoded(text, ENCODINGS[codec], _remark(text, ENCODINGS[codec]))
    raise TaskError(
        f"{name} is in no encoding that can be told by its letters; say which one it is (--encoding, or on the Data "
        f"page), or save it as UTF-8."
    )


def _candidates(data: bytes) -> list[str]:
    """Return the encodings that chardet holds for likely, the best first."""
    import chardet

    part = _telling(data)
    found = chardet.detect_all(part, ignore_threshold=True, compat_names=False)
    ours = {codecs.lookup(codec).name: codec for codec in ENCODINGS}
    ours |= {codecs.lookup(codec).name: outer for codec, outer in _WITHIN.items()}
    known: dict[str, float] = {}
    for one in found:
        codec = ours.get(codecs.lookup(one["encoding"]).name) if one["encoding"] else None
        if codec is not None:
            known.setdefault(codec, one["confidence"])
    likely = {codec: sure for codec, sure in known.items() if sure >= _SURE} or _outstanding(known)
    if not likely:
        return []
    best = next(iter(likely))
    text = part.decode(best, "replace")
    close = [codec for codec, sure in likely.items() if sure >= likely[best] - _AS_GOOD]
    same = [codec for codec in ENCODINGS if codec in close and part.decode(codec, "replace") == text]
    return [*same, *(codec for codec in likely if codec not in same)]


def _outstanding(known: Mapping[str, float]) -> dict[str, float]:
    """Return the one encoding that is far likelier than all others, as few and short texts leave it; else none."""
    best, second = sorted([*known.values(), 0.0, 0.0], reverse=True)[:2]
    return {codec: sure for codec, sure in known.items() if sure == best >= max(_RATHER_SURE, _TIMES * second)}


def _telling(data: bytes) -> bytes:
    """Return the lines that hold more than ASCII, up to a limit: what else there is says nothing of an encoding."""
    lines, size = [], 0
    for line in data.splitlines(keepends=True):
        if not line.isascii() or b"\x1b" in line:
            lines.append(line[:10_000])
            size += len(lines[-1])
            if size > _LOOKED_AT:
                break
    return b"".join(lines)


def _is_western(text: str) -> bool:
    """Whether what is not ASCII are single accented letters within Latin words, or an English text's usual marks."""
    telling = "".join(line for line in text[:10_000_000].splitlines() if not line.isascii())[:_LOOKED_AT]
    others = [char for char in telling if ord(char) > 127]
    letters = sum(char.isalpha() for char in others)
    plain = sum(char.isascii() and char.isalpha() for char in telling)
    return plain > 4 * letters and all(char.isalpha() or char in _LATIN_MARKS for char in others)


def _remark(text: str, label: str) -> str:
    line = next((line for line in text.splitlines() if not line.isascii()), "")
    return (
        f"The file does not say its encoding; its letters read as {label}: "
        f"“{shortened(on_one_line(line), _SAMPLE)}”. If that is gibberish, choose another encoding."
    )
