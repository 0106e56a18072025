"""Everything that can go wrong, as one tree; each message says what, where and what to do.

PolicyError
├── CorpusError          a file of the corpus cannot be used
├── IndexUnusable          the index cannot be used
│   ├── IndexMissing     there is none
│   ├── IndexStale       it was built from another corpus, model or version
│   └── IndexDamaged     its files are not what its manifest says
├── BuildInProgress      another process is building the same index
├── ModelError           the encoder cannot be loaded
├── StoreUnavailable     the engine of QA_STORE does not answer
├── PackError            a knowledge pack cannot be written, trusted or installed
├── AccessError          the file of users, or of the secret, cannot be used
├── JournalUnavailable   the journal of what was asked cannot be read or written
└── SettingsError        a setting has no such value
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path


class PolicyError(Exception):
    """Base of all errors that a user can do something about.

    Args:
        where: the file or folder concerned.
        what: what is wrong with it, to be read after its name.
        remedy: what the user can do, in the imperative.
    """

    def __init__(self, where: Path | str, what: str, remedy: str) -> None:
        self.where, self.what, self.remedy = str(where), what, remedy
        super().__init__(f"{where} {what}; {remedy}")


class CorpusError(PolicyError):
    """A file or folder of the corpus cannot be used.

    Args:
        reason: where the error has a text in every language, what follows ``refused.`` and
            ``remedy.`` in their keys; the texts are filled in with ``values``.
    """

    def __init__(
        self,
        where: Path | str,
        what: str,
        remedy: str,
        reason: str = "",
        values: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(where, what, remedy)
        self.reason, self.values = reason, dict(values or {})


class IndexUnusable(PolicyError):
    """The index cannot be used."""


class IndexMissing(IndexUnusable):
    """There is no index in the folder."""


class IndexStale(IndexUnusable):
    """The index was built from another corpus, by another model or version."""


class IndexDamaged(IndexUnusable):
    """A file of the index is missing, truncated or altered."""


class BuildInProgress(PolicyError):
    """Another process is building the same index."""


class ModelError(PolicyError):
    """The encoder cannot be loaded."""


class StoreUnavailable(PolicyError):
    """The engine that holds vectors and terms does not answer, or not in time."""


class JournalUnavailable(PolicyError):
    """The journal of what was asked cannot be read or written, or is turned off."""


class AccessError(PolicyError):
    """The file of users, or of the secret, cannot be used."""


class PackError(PolicyError):
    """A knowledge pack cannot be written, trusted or installed."""


class SettingsError(PolicyError):
    """A setting of the environment or the command line has no such value."""
