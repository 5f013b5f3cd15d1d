r"""A file's bytes → its lines of text, with the number of the line where decoding fails.

A line ends at ``\n`` or ``\r\n`` and nowhere else: U+2028 and form feeds are part of a text.
"""

from __future__ import annotations

import codecs
import gzip
import hashlib
import io
import os
import zlib
from collections.abc import Iterator
from pathlib import Path

from tenor.errors import DataError
from tenor.section import closest

StrPath = str | os.PathLike[str]

LINE_LIMIT_BYTES = 128 * 2**20
"""Of one line: a file without line breaks, or one that unpacks without end, must not fill the memory."""

_WIDE_MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",  # begins as UTF-16's does
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_GZIPPED = b"\x1f\x8b"
_EXPORT, _UNPACK = "export it as CSV in UTF-8", "unpack it, or pack it with gzip"
_NOT_TEXT = {
    b"PK\x03\x04": ("a zip archive or a spreadsheet", _EXPORT),
    b"PAR1": ("a Parquet file", _EXPORT),
    b"SQLite": ("a database", _EXPORT),
    b"%PDF": ("a PDF", _EXPORT),
    b"\xd0\xcf\x11\xe0": ("an old spreadsheet or document", _EXPORT),
    b"BZh": ("packed with bzip2", _UNPACK),
    b"\xfd7zXZ": ("packed with xz", _UNPACK),
    b"\x28\xb5\x2f\xfd": ("packed with zstd", _UNPACK),
    b"7z\xbc\xaf": ("a 7z archive", _UNPACK),
}
_TAR = 257, b"ustar"
"""Where and how an archive of files says that it is one."""


def check_file(path: Path) -> None:
    """Refuse what is not a file with something in it.

    Raises:
        DataError: nothing is there, or it is a folder (of a model, perhaps), or it is empty.
    """
    if holds_model(path):
        raise DataError(f"{path} is a model folder, not texts; give a file of texts in its place")
    if path.is_dir():
        raise DataError(f"{path} is a folder; name the file in it that holds the texts")
    if not path.exists():
        raise DataError(f"there is no file {path}{closest(path.name, _neighbours(path))}")
    if path.is_file() and path.stat().st_size == 0:
        raise DataError(f"{path} is empty; give a file with texts in it")


def holds_model(path: Path) -> bool:
    """Whether the path holds what Tenor saves a model as."""
    return (path / "manifest.json").is_file() and (path / "model.safetensors").is_file()


def plain_suffix(path: Path) -> str:
    """The ending that says the format: ``.csv`` for ``Reviews.CSV`` and for ``reviews.csv.gz``."""
    return Path(path.name.lower().removesuffix(".gz")).suffix


def hash_file(path: Path) -> str:
    """SHA-256 of a file, as ``sha256sum`` prints it.

    Raises:
        DataError: the file cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror}); check its permissions") from error


def read_lines(path: Path, encoding: str | None) -> Iterator[str]:
    r"""Lines of a text file, or of a gzipped one, each with the ``\n`` that ends it.

    Args:
        path: a file that ``check_file`` has passed.
        encoding: a Python codec; None reads UTF-8, and UTF-16 where its mark begins the file.

    Raises:
        DataError: a byte is not of the encoding, or the file cannot be read or unpacked.
    """
    try:
        with path.open("rb") as file, _unpacked(path, file) as stream:
            yield from decode_lines(stream, encoding, str(path))
    except gzip.BadGzipFile as error:
        raise DataError(f"{path} is not gzipped, as its name says; name it without .gz") from error
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or error
        raise DataError(f"{path} cannot be read to its end ({reason}); check or fetch it again") from error


def decode_lines(stream: io.BufferedReader, encoding: str | None, place: str) -> Iterator[str]:
    """Lines of a stream of bytes as they arrive; ``place`` names it in messages.

    Raises:
        DataError: the encoding is unknown, a byte is not of it, or a line is longer than
            ``LINE_LIMIT_BYTES``.
    """
    head = stream.peek(512)
    chosen = encoding or next((name for mark, name in _WIDE_MARKS.items() if head.startswith(mark)), "utf-8")
    if is_wide(chosen):
        lines = _decode_wide(stream, chosen, place)
    else:
        _check_plain(head, place)
        lines = _decode_each(stream, chosen, place, hint=encoding is None)
    for number, line in enumerate(lines):
        yield line if number else line.removeprefix("\ufeff")


def is_wide(encoding: str) -> bool:
    """Whether the codec writes a line break as more than one byte.

    Raises:
        DataError: there is no such codec for text.
    """
    try:
        return "\n".encode(encoding) != b"\n"
    except (LookupError, ValueError) as error:
        known = ("utf-8", "utf-16", "windows-1252", "latin-1", "shift_jis", "gb18030")
        raise DataError(
            f"there is no encoding {encoding!r}{closest(encoding, known)}; some are {', '.join(known)}"
        ) from error


def cut(line: str) -> str:
    r"""A line without the ``\n`` or ``\r\n`` that ends it."""
    return line[:-2] if line.endswith("\r\n") else line.removesuffix("\n")


def _unpacked(path: Path, file: io.BufferedReader) -> io.BufferedReader:
    if path.suffix.lower() != ".gz" and not file.peek(2).startswith(_GZIPPED):
        return file
    return io.BufferedReader(gzip.GzipFile(fileobj=file))


def _decode_each(stream: io.BufferedReader, encoding: str, place: str, *, hint: bool) -> Iterator[str]:
    lines = iter(lambda: stream.readline(LINE_LIMIT_BYTES + 1), b"")
    for number, line in enumerate(lines, 1):
        _check_length(line, f"{place}, line {number}")
        try:
            yield line.decode(encoding)
        except UnicodeDecodeError as error:
            advice = (
                "if a spreadsheet or Windows wrote it, add --encoding windows-1252"
                if hint
                else "name the file's own encoding with --encoding"
            )
            raise DataError(
                f"{place}, line {number}: byte 0x{line[error.start]:02x} is not {encoding.upper()}; {advice}"
            ) from error


def _decode_wide(stream: io.BufferedReader, encoding: str, place: str) -> Iterator[str]:
    reader = io.TextIOWrapper(stream, encoding=encoding, newline="\n")
    number = 0
    try:
        for line in iter(lambda: reader.readline(LINE_LIMIT_BYTES + 1), ""):
            _check_length(line, f"{place}, line {number + 1}")
            yield line
            number += 1
    except UnicodeError as error:
        raise DataError(
            f"{place}{f', after line {number}' if number else ''}: the bytes are not {encoding.upper()}; "
            "name the file's own encoding with --encoding"
        ) from error
    finally:
        reader.detach()


def _check_length(line: bytes | str, place: str) -> None:
    if len(line) > LINE_LIMIT_BYTES:
        raise DataError(
            f"{place} is longer than {LINE_LIMIT_BYTES:,} bytes; is this a file of texts? Break it into lines"
        )


def _check_plain(head: bytes, place: str) -> None:
    for mark, (kind, cure) in _NOT_TEXT.items():
        if head.startswith(mark):
            raise DataError(f"{place} is {kind}, not text; {cure}")
    if head[_TAR[0] :].startswith(_TAR[1]):
        raise DataError(f"{place} is an archive of files; unpack it, and give a file or folder of it")
    if len(head) >= 4 and (head[1:4:2] == b"\0\0" or head[:4:2] == b"\0\0"):
        order = "le" if head[1] == 0 else "be"
        raise DataError(f"{place} looks like UTF-16 without its mark; add --encoding utf-16-{order}")


def _neighbours(path: Path) -> list[str]:
    """Names that a mistyped file name may have meant."""
    return [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else []
