"""The file of a pack: a zip archive that lists what it holds, and is signed.

    pack.json            the header: what it is, and path, size and SHA-256 of every other file
    signature.json       key and Ed25519 signature of the bytes of pack.json
    index/<build>/…      the build
    corpus/…             the files it was built from
    model/…              the model that built it, where it was asked for

Nothing in the file is believed before it is checked: the header once its signature is, a file once
its size and digest are. Reading is bounded by the sizes that the header names, and what would be
written outside its folder is refused.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import stat
import unicodedata
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from pathlib import Path, PurePosixPath
from typing import IO, Any

from qa.errors import PackError
from qa.packs.keys import Keys, is_signed

FORMAT = 1
"""Raised with every change of what a pack is."""

HEADER, SIGNATURE = "pack.json", "signature.json"
INDEX, CORPUS, MODEL = "index", "corpus", "model"

_CHUNK = 1 << 20
_LARGEST_HEADER = 256 << 20
_LARGEST_SIGNATURE = 4096
_RESERVED = re.compile(r"(?:con|prn|aux|nul|com\d|lpt\d)(?:\..*)?$", re.I)
_UNSAFE = re.compile(r'[\\:*?"<>|\x00-\x1f\x7f]')
_DAMAGED = "get it again from its sender"

Progress = Callable[[int, int], None]
"""Told (bytes done, bytes in all)."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A file of a pack: its size in bytes and its SHA-256."""

    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class PackedDocument:
    """A document as it is compared with another: ``digest`` is that of its text."""

    id: str
    title: str
    number: str
    issued: str
    clauses: int
    digest: str


@dataclass(frozen=True, slots=True)
class Header:
    """What a pack says of itself.

    ``created`` is a time (ISO 8601, UTC); ``build`` the name of the build, ``index_format`` its
    format; ``files`` are all files but header and signature, by their paths in the archive.
    """

    format: int
    product: str
    created: str
    build: str
    index_format: int
    model: str
    model_fingerprint: str
    corpus_digest: str
    documents: tuple[PackedDocument, ...]
    files: dict[str, Entry]
    note: str = ""

    def part(self, name: str) -> dict[str, Entry]:
        """The files below a folder of the archive, by their paths from there on."""
        prefix = f"{name}/"
        return {
            path.removeprefix(prefix): entry
            for path, entry in self.files.items()
            if path.startswith(prefix)
        }

    @property
    def size(self) -> int:
        """Bytes of all files, unpacked."""
        return sum(entry.size for entry in self.files.values())


# --- writing


def write_pack(
    path: Path, header: Header, sources: Mapping[str, Path], keys: Keys, progress: Progress
) -> None:
    """Writes a pack, in one step: whoever finds the file finds all of it.

    Args:
        sources: the files by their paths in the archive, as ``describe_files`` found them.

    Raises:
        PackError: a file has changed meanwhile, or the pack cannot be written.
    """
    beside = path.with_name(f".{path.name}.new")
    try:
        with zipfile.ZipFile(beside, "w", zipfile.ZIP_DEFLATED) as archive:
            text = json.dumps(asdict(header), ensure_ascii=False, sort_keys=True).encode()
            signature = {
                "key": keys.public_key(),
                "signature": base64.b64encode(keys.sign(text)).decode(),
            }
            archive.writestr(_member(HEADER), text)
            archive.writestr(_member(SIGNATURE), json.dumps(signature))
            done = 0
            for name, entry in header.files.items():
                with archive.open(_member(name), "w", force_zip64=True) as target:
                    found = _copy(sources[name].open("rb"), target, entry.size)
                if found != entry:
                    raise PackError(
                        sources[name],
                        "has changed while it was packed",
                        "build the index and pack again",
                    )
                done += entry.size
                progress(done, header.size)
        with beside.open("rb") as file:
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError as error:
        raise PackError(
            path,
            f"cannot be written ({error.strerror or error})",
            "make room on the disk or choose another place with --out",
        ) from error
    finally:
        beside.unlink(missing_ok=True)


def describe_files(sources: Mapping[str, Path]) -> dict[str, Entry]:
    """Size and digest of each file, by its path in the archive.

    Raises:
        PackError: a file has a name that some system could not carry, or cannot be read.
    """
    files = {}
    for name, path in sorted(sources.items()):
        if reason := unsafe(name):
            raise PackError(path, f"has a name that cannot be carried: {reason}", "rename it")
        try:
            files[name] = _copy(path.open("rb"), None, path.stat().st_size)
        except OSError as error:
            raise PackError(
                path, f"cannot be read ({error.strerror or error})", "check its permissions"
            ) from error
    if twins := _twins(files):
        raise PackError(twins[0], f"and {twins[1]} differ by case only", "rename one of them")
    return files


def _member(name: str) -> zipfile.ZipInfo:
    member = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
    member.compress_type = zipfile.ZIP_DEFLATED
    member.external_attr = (stat.S_IFREG | 0o644) << 16
    return member


# --- reading


class Pack:
    """A pack whose signature and list of contents have been checked."""

    def __init__(self, path: Path, archive: zipfile.ZipFile, header: Header, key: str) -> None:
        self.path, self.header, self.key = path, header, key
        self._archive = archive

    def extract(self, part: str, folder: Path, progress: Progress | None = None) -> None:
        """Writes the files below a folder of the archive into ``folder``, which is made; each is
        on the disk and checked when this returns.

        Raises:
            PackError: a file is not what the header says.
            OSError: the disk is full, or the folder cannot be written.
        """
        folder.mkdir(parents=True, exist_ok=True)
        done = 0
        for name, entry in self.header.part(part).items():
            target = folder / PurePosixPath(name)
            target.parent.mkdir(parents=True, exist_ok=True)
            self._extract(f"{part}/{name}", entry, target)
            done += entry.size
            if progress:
                progress(done, self.header.size)

    def check(self, progress: Progress | None = None) -> None:
        """Reads every file, and writes none.

        Raises:
            PackError: a file is not what the header says.
        """
        done = 0
        for name, entry in self.header.files.items():
            self._extract(name, entry, None)
            done += entry.size
            if progress:
                progress(done, self.header.size)

    def _extract(self, name: str, entry: Entry, target: Path | None) -> None:
        try:
            source = self._archive.open(name)
        except (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError) as error:
            raise PackError(self.path, f"is damaged ({name}: {error})", _DAMAGED) from error
        if target is None:
            found = self._read(name, source, None, entry.size)
        else:
            with target.open("xb") as file:
                found = self._read(name, source, file, entry.size)
                file.flush()
                os.fsync(file.fileno())
        if found != entry:
            raise PackError(self.path, f"is damaged ({name} is not what was packed)", _DAMAGED)

    def _read(self, name: str, source: IO[bytes], target: IO[bytes] | None, size: int) -> Entry:
        """Copies one file; an error of the archive is told apart from one of the target."""
        try:
            return _copy(source, target, size)
        except (zipfile.BadZipFile, zlib.error, EOFError) as error:
            raise PackError(self.path, f"is damaged ({name}: {error})", _DAMAGED) from error


@contextmanager
def read_pack(path: Path, keys: Keys) -> Iterator[Pack]:
    """A pack by somebody who is trusted.

    Raises:
        PackError: it is no pack, damaged, altered, of another format, or by somebody unknown.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            header, key = _checked(path, archive, keys)
            yield Pack(path, archive, header, key)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
        raise PackError(path, f"is not a whole pack ({error})", _DAMAGED) from error
    except FileNotFoundError as error:
        if error.filename not in (str(path), path):
            raise
        raise PackError(path, "does not exist", "name the file of the pack") from error
    except (IsADirectoryError, PermissionError) as error:
        if error.filename not in (str(path), path):
            raise
        raise PackError(path, f"cannot be read ({error.strerror})", "name a file") from error


def _checked(path: Path, archive: zipfile.ZipFile, keys: Keys) -> tuple[Header, str]:
    members = archive.infolist()
    text = _small(path, archive, HEADER, _LARGEST_HEADER)
    try:
        signed = json.loads(_small(path, archive, SIGNATURE, _LARGEST_SIGNATURE))
        key, signature = str(signed["key"]), base64.b64decode(signed["signature"])
        valid = is_signed(text, signature, key)
    except (ValueError, KeyError, TypeError, RecursionError, PackError):
        valid = False
    if not valid:
        raise PackError(path, "has been altered: its signature does not fit", _DAMAGED)
    if key not in keys.trusted():
        raise PackError(
            path,
            f"is signed by a key that is not trusted here: {key}",
            "ask its sender whether that is the key shown by 'python -m qa pack --public-key'; "
            f"if it is, add: --trust {key}",
        )
    header = _header(path, text)
    listed = [member.filename for member in members]
    if sorted(listed) != sorted({HEADER, SIGNATURE, *header.files}):
        raise PackError(path, "holds other files than it lists", _DAMAGED)
    for member in members:
        kind = stat.S_IFMT(member.external_attr >> 16)
        if kind not in (0, stat.S_IFREG) or member.flag_bits & 1:
            raise PackError(path, f"holds {member.filename}, which is no plain file", _DAMAGED)
    return header, key


def _header(path: Path, text: bytes) -> Header:
    """The header of a pack, of which every path is one that can be written."""
    try:
        record: dict[str, Any] = json.loads(text)
        if record["format"] != FORMAT:
            raise PackError(
                path,
                f"is of format {record['format']}, and this program reads {FORMAT}",
                "bring both programs to the same version and pack again",
            )
        record["files"] = {str(name): Entry(**entry) for name, entry in record["files"].items()}
        record["documents"] = tuple(PackedDocument(**each) for each in record["documents"])
        known = {field.name for field in fields(Header)}
        header = Header(**{name: value for name, value in record.items() if name in known})
        sizes = all(type(e.size) is int and e.size >= 0 for e in header.files.values())
        names = [name for name in header.files if name.partition("/")[0] in (INDEX, CORPUS, MODEL)]
        sound = sizes and header.build.isalnum() and len(names) == len(header.files)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise PackError(path, f"has a header that makes no sense ({error})", _DAMAGED) from error
    if not sound:
        raise PackError(path, "has a header that makes no sense", _DAMAGED)
    for name in header.files:
        if reason := unsafe(name):
            raise PackError(path, f"holds {name!r}, which is refused: {reason}", _DAMAGED)
    if twins := _twins(header.files):
        raise PackError(path, f"holds {twins[0]} and {twins[1]}, which are one name", _DAMAGED)
    return header


def _small(path: Path, archive: zipfile.ZipFile, name: str, largest: int) -> bytes:
    """A file of the archive that is read before anything is known about it."""
    try:
        with archive.open(name) as file:
            data = file.read(largest + 1)
    except KeyError as error:
        raise PackError(
            path, f"is not a knowledge pack (it has no {name})", "name the file of the pack"
        ) from error
    except RuntimeError as error:  # encrypted
        raise PackError(path, f"is not a knowledge pack ({error})", _DAMAGED) from error
    if len(data) > largest:
        raise PackError(path, f"has a {name} of more than {largest} bytes", _DAMAGED)
    return data


def unsafe(name: str) -> str:
    """Why a path of an archive may not be written; empty where it may, on any system."""
    if name != name.encode("utf-8", "replace").decode():
        return "it is not Unicode"
    parts = name.split("/")
    if any(part in ("", ".", "..") for part in parts):
        return "it leads elsewhere"
    for part in parts:
        if _UNSAFE.search(part) or part != part.strip(" ") or part.endswith("."):
            return "it holds a character that file names of some systems cannot hold"
        if _RESERVED.match(part) or len(part.encode()) > 255:
            return "some systems do not allow it"
    return ""


def _twins(names: Mapping[str, object]) -> tuple[str, str] | None:
    """Two paths that some systems take for one."""
    seen: dict[str, str] = {}
    for name in names:
        other = seen.setdefault(unicodedata.normalize("NFC", name).casefold(), name)
        if other != name:
            return other, name
    return None


def _copy(source: IO[bytes], target: IO[bytes] | None, size: int) -> Entry:
    """Copies a stream, no more than a byte beyond ``size``; its size and digest."""
    digest, length = hashlib.sha256(), 0
    with source:
        while length <= size and (chunk := source.read(min(_CHUNK, size + 1 - length))):
            digest.update(chunk)
            length += len(chunk)
            if target:
                target.write(chunk)
    return Entry(length, digest.hexdigest())
