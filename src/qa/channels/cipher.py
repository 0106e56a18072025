"""How WeChat signs and encrypts what it sends to the server of an official account.

https://developers.weixin.qq.com/doc/oplatform/Third-party_Platforms/2.0/api/Before_Develop/Message_encryption_and_decryption.html
"""

from __future__ import annotations

import binascii
import secrets
from base64 import b64decode, b64encode
from hashlib import sha1
from hmac import compare_digest

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7

_BLOCK = 32
"""Bytes to a multiple of which a message is padded: not the 16 of the cipher."""

_RANDOM = 16


class Rejected(ValueError):
    """A message was not encrypted with this key, or is not for this account."""


def signature(*parts: str) -> str:
    """The signature of the parts of a request, of which the token is one."""
    return sha1("".join(sorted(parts)).encode()).hexdigest()


def is_signed(given: str, *parts: str) -> bool:
    """Whether a signature is that of the parts."""
    return compare_digest(given.encode(), signature(*parts).encode())


class MessageCipher:
    """Encrypts and decrypts messages: AES-256-CBC over 16 random bytes, the length of the message
    (32 bit, big-endian), the message, and the AppID.

    Args:
        key: the EncodingAESKey: 43 characters of Base64.

    Raises:
        ValueError: the key is none.
    """

    def __init__(self, key: str, app: str) -> None:
        try:
            self._key = b64decode(f"{key}=")
        except binascii.Error as error:
            raise ValueError("no Base64") from error
        if len(self._key) != 32 or len(key) != 43:
            raise ValueError("not 43 characters of Base64")
        self._app = app.encode()

    def decrypt(self, encrypted: str) -> bytes:
        """A message in clear.

        Raises:
            Rejected: it was not encrypted with this key, or for another account.
        """
        try:
            decryptor = self._cipher().decryptor()
            padded = decryptor.update(b64decode(encrypted, validate=True)) + decryptor.finalize()
            unpadder = PKCS7(8 * _BLOCK).unpadder()
            data = unpadder.update(padded) + unpadder.finalize()
        except ValueError as error:
            raise Rejected("not encrypted with this key") from error
        length = int.from_bytes(data[_RANDOM : _RANDOM + 4], "big")
        start = _RANDOM + 4
        if data[start + length :] != self._app:
            raise Rejected("not for this account")
        return data[start : start + length]

    def encrypt(self, text: bytes) -> str:
        """A message as the platform reads it."""
        data = secrets.token_bytes(_RANDOM) + len(text).to_bytes(4, "big") + text + self._app
        padder = PKCS7(8 * _BLOCK).padder()
        encryptor = self._cipher().encryptor()
        padded = padder.update(data) + padder.finalize()
        return b64encode(encryptor.update(padded) + encryptor.finalize()).decode()

    def _cipher(self) -> Cipher[modes.CBC]:
        return Cipher(algorithms.AES(self._key), modes.CBC(self._key[:16]))
