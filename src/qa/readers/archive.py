"""Zip archives that office programs write, opened only after a look at what they would unpack to."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

from qa.readers.reading import refusal

LARGEST = 300_000_000
"""Bytes that an archive may unpack to: a Word file of a thousand pages with pictures has a tenth."""

_RATIO = 250  # unpacked to packed; the XML of an endless table is about 60
_HARMLESS = 20_000_000  # bytes; below, the ratio does not matter
_MEMBERS = 20_000
_ENCRYPTED = 1  # flag of a member
_DECLARATIONS = ("<!DOCTYPE", "<!ENTITY")


def open_archive(path: Path, data: bytes, *, declarations: bool = False) -> zipfile.ZipFile:
    """The archive, after its directory was checked. Nothing is unpacked to the disk.

    ``zipfile`` never reads more of a member than its directory says, so that the sizes there
    bound what parsing it can take. No office program declares a document type: an archive that
    does is refused (XXE), unless ``declarations`` are usual in its format.

    Raises:
        CorpusError: it is damaged, has a password, or unpacks to too much.
    """
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        raise refusal(path, "damaged", detail=str(error)) from error
    members = archive.infolist()
    size = sum(member.file_size for member in members)
    if any(member.flag_bits & _ENCRYPTED for member in members):
        raise refusal(path, "password")
    if size > _HARMLESS and size > _RATIO * len(data):
        raise refusal(path, "bomb", ratio=str(size // len(data)))
    if size > LARGEST or len(members) > _MEMBERS:
        raise refusal(path, "too_long", limit=f"{LARGEST // 1_000_000} MB")
    if not declarations:
        for member in members:
            if member.filename.endswith((".xml", ".rels")) and _declares(archive.read(member)):
                raise refusal(path, "entities")
    return archive


def _declares(xml: bytes) -> bool:
    return any(
        word.encode(encoding) in xml
        for word in _DECLARATIONS
        for encoding in ("ascii", "utf-16-le", "utf-16-be")
    )
