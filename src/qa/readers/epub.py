"""EPUB books: their chapters in reading order, each read as a web page."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from zipfile import ZipFile

from qa.readers import html
from qa.readers.archive import open_archive
from qa.readers.reading import Reading, clean, refusal
from qa.readers.residue import without_residue
from qa.readers.text import decoded

_CONTAINER = "META-INF/container.xml"
_ENCRYPTION = "META-INF/encryption.xml"
_FONTS = b"http://www.idpf.org/2008/embedding"


def read(path: Path, data: bytes) -> Reading:
    """The text of a book without its table of contents.

    Raises:
        CorpusError: it is damaged, protected, or unpacks to too much.
    """
    with open_archive(path, data, declarations=True) as archive:
        names = set(archive.namelist())
        if _ENCRYPTION in names and _FONTS not in archive.read(_ENCRYPTION):
            raise refusal(path, "password")
        package = _package(archive)
        pages = [
            html.page(decoded(path, archive.read(name))[0])
            for name in _chapters(package)
            if name in names
        ]
    root = package[1]
    titles = [element.text or "" for element in root.iter("{*}title")]
    return Reading(
        text=without_residue(clean("\n\n".join(page.text for page in pages if page.text))),
        format="epub",
        title=clean(titles[0]).strip() if titles else "",
        tables=sum(page.tables for page in pages),
        characters=sum(page.characters for page in pages),
        remarks=tuple(remark for page in pages for remark in page.remarks),
    )


def _package(archive: ZipFile) -> tuple[str, Any]:
    """The name of the package document, and its root element."""
    container = _xml(archive.read(_CONTAINER))
    name = next(container.iter("{*}rootfile")).get("full-path")
    return name, _xml(archive.read(name))


def _xml(data: bytes) -> Any:
    from lxml import etree

    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False
    )
    return etree.fromstring(data, parser)


def _chapters(package: tuple[str, Any]) -> Iterator[str]:
    """The names of the chapters in reading order."""
    name, root = package
    items = {item.get("id"): item for item in root.iter("{*}item")}
    for reference in root.iter("{*}itemref"):
        item = items.get(reference.get("idref"))
        if item is None or "nav" in (item.get("properties") or "").split():
            continue
        href = unquote(item.get("href") or "")
        yield posixpath.normpath(posixpath.join(posixpath.dirname(name), href))
