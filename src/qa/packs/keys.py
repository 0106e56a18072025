"""Keys: the one that signs packs here, and those whose packs are installed here (Ed25519)."""

from __future__ import annotations

import base64
import binascii
import os
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from qa.builds import write_in_one_step
from qa.errors import PackError

_PRIVATE, _TRUSTED = "signing-key.pem", "trusted-keys.txt"
_CONTEXT = b"qa-policy knowledge pack\n"
"""What is signed begins with it: a signature for anything else is none for a pack."""
_BYTES = 32


class Keys:
    """The keys in a folder, made on first use."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def public_key(self) -> str:
        """Our own public key, as others trust it: 44 characters."""
        return _text(self._private().public_key())

    def sign(self, data: bytes) -> bytes:
        """The signature of ``data`` by our own key."""
        return self._private().sign(_CONTEXT + data)

    def trusted(self) -> set[str]:
        """The keys whose packs are installed: our own, and those that were added."""
        own = {self.public_key()} if (self._folder / _PRIVATE).exists() else set()
        return own | {line.split()[0] for line in self._lines() if line.strip()}

    def trust(self, key: str, whose: str = "") -> None:
        """Adds a key to those that are trusted.

        Raises:
            PackError: it is not a key.
        """
        parse_key(key)
        if key in self.trusted():
            return
        lines = [*self._lines(), f"{key} {' '.join(whose.split())}".strip()]
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            write_in_one_step(self._folder / _TRUSTED, "".join(f"{line}\n" for line in lines))
        except OSError as error:
            raise _unusable(self._folder / _TRUSTED, error) from error

    def _lines(self) -> list[str]:
        try:
            return (self._folder / _TRUSTED).read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return []
        except (OSError, UnicodeDecodeError) as error:
            raise _unusable(self._folder / _TRUSTED, error) from error

    def _private(self) -> Ed25519PrivateKey:
        path = self._folder / _PRIVATE
        try:
            if not path.exists():
                self._make(path)
            key = serialization.load_pem_private_key(path.read_bytes(), password=None)
        except (OSError, ValueError, TypeError) as error:
            raise _unusable(path, error) from error
        if not isinstance(key, Ed25519PrivateKey):
            raise _unusable(path, ValueError("it is of another kind"))
        return key

    def _make(self, path: Path) -> None:
        """Writes a new key that its owner alone can read."""
        pem = Ed25519PrivateKey.generate().private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        self._folder.mkdir(parents=True, exist_ok=True)
        beside = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            with os.fdopen(
                os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb"
            ) as file:
                file.write(pem)
                file.flush()
                os.fsync(file.fileno())
            if not path.exists():  # two processes that begin at once use the same key
                beside.replace(path)
        finally:
            beside.unlink(missing_ok=True)


def parse_key(key: str) -> Ed25519PublicKey:
    """The public key that a text gives.

    Raises:
        PackError: it is not a key.
    """
    try:
        raw = base64.b64decode(key, validate=True)
        if len(raw) != _BYTES:
            raise ValueError("wrong length")
        return Ed25519PublicKey.from_public_bytes(raw)
    except (binascii.Error, ValueError) as error:
        raise PackError(
            repr(key),
            "is not a key",
            "copy the line that the sender sees on: python -m qa pack --public-key",
        ) from error


def is_signed(data: bytes, signature: bytes, key: str) -> bool:
    """Whether ``signature`` is that of ``data`` by the owner of ``key``."""
    try:
        parse_key(key).verify(signature, _CONTEXT + data)
    except InvalidSignature:
        return False
    return True


def _text(key: Ed25519PublicKey) -> str:
    raw = key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return base64.b64encode(raw).decode()


def _unusable(path: Path, error: Exception) -> PackError:
    return PackError(
        path,
        f"cannot be used ({error})",
        "correct its permissions or name another folder in QA_KEYS",
    )
