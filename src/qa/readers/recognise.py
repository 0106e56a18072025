"""Which format a file has: by its ending, checked against its contents.

Endings lie: a web page is saved as ``.doc``, a PDF is renamed to ``.txt``. A file is read as what
it is called or not at all, so that nobody wonders why a policy looks odd.
"""

from __future__ import annotations

from pathlib import Path

from qa.errors import CorpusError
from qa.readers.reading import refusal

FORMATS: dict[str, str] = {
    ".txt": "text",
    ".md": "markdown",
    ".markdown": "markdown",
    ".html": "html",
    ".htm": "html",
    ".docx": "docx",
    ".pdf": "pdf",
    ".xlsx": "xlsx",
    ".csv": "csv_table",
    ".epub": "epub",
}
"""The endings that are read, in lower case, and the module of this package that reads them."""

_SIGNATURES: tuple[tuple[bytes, str], ...] = (
    (b"%PDF-", "pdf"),
    (b"PK\x03\x04", "zip"),
    (b"PK\x05\x06", "zip"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "ole"),
    (b"{\\rtf", "rtf"),
    (b"\x89PNG\r\n\x1a\n", "picture"),
    (b"\xff\xd8\xff", "picture"),
    (b"GIF87a", "picture"),
    (b"GIF89a", "picture"),
    (b"II*\x00", "picture"),
    (b"MM\x00*", "picture"),
    (b"BM", "picture"),
    (b"Rar!\x1a\x07", "archive"),
    (b"7z\xbc\xaf\x27\x1c", "archive"),
    (b"\x1f\x8b\x08", "archive"),
    (b"BZh", "archive"),
    (b"\xfd7zXZ\x00", "archive"),
    (b"(\xb5/\xfd", "archive"),
)
_OF_ENDING = {
    ".pdf": "pdf",
    ".docx": "docx",
    ".docm": "docx",
    ".xlsx": "xlsx",
    ".xlsm": "xlsx",
    ".epub": "epub",
    ".txt": "text",
    ".md": "text",
    ".markdown": "text",
    ".csv": "text",
    ".html": "html",
    ".htm": "html",
}
_RIGHT = {"pdf": ".pdf", "docx": ".docx", "xlsx": ".xlsx", "epub": ".epub", "html": ".html"}
_LEGACY: dict[str, tuple[str, str]] = {
    ".doc": ("Word 97–2003", ".docx"),
    ".dot": ("Word 97–2003", ".docx"),
    ".docm": ("Word + macros", ".docx"),
    ".wps": ("WPS", ".docx"),
    ".wpt": ("WPS", ".docx"),
    ".rtf": ("RTF", ".docx"),
    ".odt": ("OpenDocument", ".docx"),
    ".pages": ("Pages", ".docx"),
    ".hwp": ("HWP", ".docx"),
    ".hwpx": ("HWPX", ".docx"),
    ".ofd": ("OFD", ".pdf / .docx"),
    ".caj": ("CAJ", ".pdf"),
    ".xps": ("XPS", ".pdf"),
    ".xls": ("Excel 97–2003", ".xlsx"),
    ".xlsm": ("Excel + macros", ".xlsx"),
    ".xlsb": ("Excel binary", ".xlsx"),
    ".et": ("WPS", ".xlsx"),
    ".ods": ("OpenDocument", ".xlsx"),
    ".numbers": ("Numbers", ".xlsx"),
    ".ppt": ("PowerPoint", ".docx / .pdf"),
    ".pptx": ("PowerPoint", ".docx / .pdf"),
    ".dps": ("WPS", ".docx / .pdf"),
    ".mht": ("MHTML", ".html"),
    ".mhtml": ("MHTML", ".html"),
    ".mobi": ("Mobipocket", ".epub"),
}
_PICTURES = frozenset(
    (".png", ".jpg", ".jpeg", ".gif", ".bmp", ".tif", ".tiff", ".webp", ".heic", ".svg")
)
_ARCHIVES = frozenset((".zip", ".rar", ".7z", ".tar", ".gz", ".tgz", ".bz2", ".xz"))
_ENCRYPTED_OOXML = "EncryptedPackage".encode("utf-16-le")
_HTML = (b"<!doctype html", b"<html", b"<head", b"<body")


def recognise(path: Path, data: bytes) -> str:
    """The module of this package that reads the file.

    Raises:
        CorpusError: its format is none that is read, or its contents are not what it is called.
    """
    ending = path.suffix.lower()
    if not data.strip():
        raise refusal(path, "empty")
    actual = _contents(data)
    if actual in ("picture", "archive") and not _is_text(ending, data):
        raise refusal(path, actual)
    if ending in _LEGACY and (actual not in _RIGHT or ending[-1] == "m"):
        kind, target = _LEGACY[ending]
        raise refusal(path, "convert", kind=kind, target=target)
    if ending not in FORMATS:
        raise _unreadable(path, ending, actual)
    expected = _OF_ENDING[ending]
    if actual == expected or (
        actual in ("", "picture", "archive") and expected in ("text", "html")
    ):
        return FORMATS[ending]
    if actual == "html" and ending in (".md", ".markdown"):
        return FORMATS[ending]  # Markdown may begin with HTML
    raise _of_another_type(path, ending, actual, data)


def _unreadable(path: Path, ending: str, actual: str) -> CorpusError:
    if ending in _PICTURES:
        return refusal(path, "picture")
    if ending in _ARCHIVES:
        return refusal(path, "archive")
    if actual in _RIGHT:
        return refusal(path, "other_type", ending=ending, actual=actual, right=_RIGHT[actual])
    return refusal(path, "unknown", ending=ending or path.name)


def _of_another_type(path: Path, ending: str, actual: str, data: bytes) -> CorpusError:
    """The error for contents that are not what the ending says."""
    if actual == "ole":
        if _ENCRYPTED_OOXML in data:
            return refusal(path, "password")
        return refusal(path, "convert", kind="Office 97–2003 / WPS", target=".docx / .xlsx")
    if actual == "rtf":
        return refusal(path, "convert", kind="RTF", target=".docx")
    if actual in _RIGHT:
        return refusal(path, "other_type", ending=ending, actual=actual, right=_RIGHT[actual])
    if actual == "zip":
        texts = _OF_ENDING[ending] in ("text", "html")
        return refusal(path, "archive" if texts else "mislabelled", ending=ending)
    return refusal(path, "mislabelled", ending=ending)


def _contents(data: bytes) -> str:
    """What the first bytes say of the contents; empty where they say nothing."""
    for signature, kind in _SIGNATURES:
        if data.startswith(signature):
            return _in_zip(data) if kind == "zip" else kind
    if b"%PDF-" in data[:1024]:  # readers accept what stands before the mark
        return "pdf"
    head = data[:2048].removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        head = head.replace(b"\0", b"")[2:].lstrip()
    if head.startswith((b"<?xml", b"<!--")):
        return "html" if any(mark in head for mark in _HTML) else ""
    return "html" if head.startswith(_HTML) else ""


def _in_zip(data: bytes) -> str:
    """Which format a zip archive is, by the names of its first members as they stand in it."""
    for mark, kind in (
        (b"word/document", "docx"),
        (b"xl/workbook", "xlsx"),
        (b"application/epub+zip", "epub"),
    ):
        if mark in data:
            return kind
    return "zip"


def _is_text(ending: str, data: bytes) -> bool:
    """Whether a file called text may be text that begins like a picture (``BM``, ``BZh``)."""
    return _OF_ENDING.get(ending) in ("text", "html") and data[:2] in (b"BM", b"BZ")
