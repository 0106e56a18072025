"""The settings in effect: where each comes from, and what in them cannot work."""

from __future__ import annotations

import ipaddress
import os
import socket
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from qa.config import ROOT, Settings
from qa.errors import PolicyError
from qa.operations.flags import flag_of, has_flag

_MASK = "********"


@dataclass(frozen=True, slots=True)
class Effective:
    """A setting: its value as it may be shown, and where it comes from."""

    name: str
    value: str
    origin: str


@dataclass(frozen=True, slots=True)
class Remark:
    """What is wrong with the settings, or (``grave`` False) what is worth knowing."""

    grave: bool
    text: str


def effective(settings: Settings, given: Mapping[str, Any]) -> list[Effective]:
    """Every setting in effect; ``given`` are those of the command line."""
    environment = {name.upper(): value for name, value in os.environ.items()}
    found = []
    for name, information in Settings.model_fields.items():
        value = getattr(settings, name)
        variable = f"QA_{name.upper()}"
        origin = "default"
        if name in given:
            origin = flag_of(name)
        elif environment.get(variable):
            origin = variable
        secret = isinstance(value, SecretStr) or (not has_flag(information) and value)
        found.append(Effective(name, _MASK if secret else _shown(value), origin))
    return found


def _shown(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "on" if value else "off"
    return str(value) or "-"


def check(settings: Settings) -> list[Remark]:
    """What keeps the program from working as these settings want it, gravest first."""
    remarks = [remark for each in _CHECKS for remark in _tried(each, settings)]
    return sorted(remarks, key=lambda remark: not remark.grave)


def _tried(each: Callable[[Settings], Iterator[Remark]], settings: Settings) -> Iterator[Remark]:
    try:
        yield from each(settings)
    except PolicyError as error:
        yield Remark(True, str(error))


def _corpus(settings: Settings) -> Iterator[Remark]:
    from qa.builds import current_name

    if not current_name(settings.index):
        yield Remark(False, f"{settings.index} holds no index yet: it is built at the first start")
        if not settings.corpus.is_dir():
            yield Remark(
                True, f"{settings.corpus} is no folder: QA_CORPUS has to name the policies"
            )
    elif not settings.corpus.is_dir():
        yield Remark(False, f"{settings.corpus} is no folder: the index is used as it is")
    yield from _writable("QA_INDEX", settings.index, "no new policy can be taken up")


def _journal(settings: Settings) -> Iterator[Remark]:
    if settings.log:
        yield from _writable("QA_JOURNAL", settings.journal.parent, "no question is written down")
    else:
        yield Remark(False, "QA_LOG is off: questions are not written down, insights stay empty")


def _writable(name: str, folder: Path, effect: str) -> Iterator[Remark]:
    existing = next((each for each in (folder, *folder.parents) if each.exists()), folder)
    if not existing.is_dir():
        yield Remark(True, f"{name}: {existing} is no folder")
    elif not os.access(existing, os.W_OK | os.X_OK):
        yield Remark(True, f"{name}: {existing} cannot be written: {effect}")


def _model(settings: Settings) -> Iterator[Remark]:
    path = Path(settings.model)
    if not (path.is_dir() or (ROOT / path).is_dir()):
        yield Remark(
            True,
            f"QA_MODEL: {settings.model} is no folder: nothing is ever downloaded; copy it there",
        )


def _address(settings: Settings) -> Iterator[Remark]:
    try:
        family, *_, address = socket.getaddrinfo(
            settings.host, settings.port, type=socket.SOCK_STREAM
        )[0]
        with socket.socket(family) as tried:
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            tried.bind(address)
    except OSError as error:
        yield Remark(
            True,
            f"QA_HOST, QA_PORT: {settings.host}:{settings.port} cannot be listened on "
            f"({error.strerror}); perhaps the program runs already",
        )
        return
    if not ipaddress.ip_address(address[0]).is_loopback:
        yield Remark(
            False,
            f"{settings.host} is reachable from other machines: the chat is open to all of them; "
            "put a proxy with TLS before it (docs/operations.md)",
        )


def _access(settings: Settings) -> Iterator[Remark]:
    from qa.access import Access
    from qa.operations.keys import KeyRing

    if settings.users is None:
        yield Remark(False, "QA_USERS is not set: desk and insights open on this machine only")
    else:
        Access.of(settings)
    if settings.secret and len(settings.secret.get_secret_value()) < 16:
        yield Remark(True, "QA_SECRET is shorter than 16 characters: put 32 random ones in it")
    if not KeyRing(settings.api_keys).configured:
        yield Remark(False, f"{settings.api_keys} holds no key: the API opens on this machine only")
    for path in (settings.users, settings.secret_file, settings.api_keys):
        if path and path.exists() and os.name == "posix" and path.stat().st_mode & 0o077:
            yield Remark(True, f"{path} can be read by other users of this machine: chmod 600 it")


def _limits(settings: Settings) -> Iterator[Remark]:
    from qa.operations.limits import Rates

    Rates(settings.rate_limit).check()
    yield from ()


def _network(settings: Settings) -> Iterator[Remark]:
    for part in filter(None, (part.strip() for part in settings.proxies.split(","))):
        try:
            ipaddress.ip_network(part, strict=False)
        except ValueError:
            if part == "*":
                yield Remark(True, "QA_PROXIES: * believes everybody's headers; name the proxies")
            else:
                yield Remark(True, f"QA_PROXIES: {part!r} is no address or network")
    for origin in filter(None, (part.strip() for part in settings.cors_origins.split(","))):
        if not origin.startswith(("https://", "http://")) or origin.count("/") != 2:
            yield Remark(
                True, f"QA_CORS_ORIGINS: {origin!r} is no origin: write it as https://trade.example"
            )
    if settings.workers > 1 and os.name != "posix":
        yield Remark(True, "QA_WORKERS: several processes take Linux or macOS")


_CHECKS = (_corpus, _journal, _model, _address, _access, _limits, _network)
