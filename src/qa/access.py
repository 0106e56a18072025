"""Who may open the desk and the insights page.

Without a file of users both are open on this machine only. With one, people log in: passwords are
kept as argon2 hashes, a session is a signed cookie, and roles say what a user may open.

Cross-site requests: a request that changes something is refused where the browser says that it
comes from another site (``Sec-Fetch-Site``, else ``Origin``), and the cookie is ``SameSite=Lax``.
https://cheatsheetseries.owasp.org/cheatsheets/Cross-Site_Request_Forgery_Prevention_Cheat_Sheet.html
"""

from __future__ import annotations

import json
import os
import secrets
import sys
import tempfile
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from hashlib import blake2b
from ipaddress import ip_address
from pathlib import Path
from threading import BoundedSemaphore, Lock
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from qa.errors import AccessError
from qa.sessions import EndedSessions

if TYPE_CHECKING:
    import argparse

    from argon2 import PasswordHasher

    from qa.config import Settings

COOKIE = "qa-session"
SESSION_SECONDS = 12 * 3600
"""A working day: who goes home has to log in again tomorrow."""

_SHORTEST_PASSWORD = 10
_LONGEST_PASSWORD = 1024
_FORWARDED = ("forwarded", "x-forwarded-for", "x-real-ip")
_SAFE = {"GET", "HEAD", "OPTIONS"}


class Role(StrEnum):
    """What a user may open."""

    DESK = "desk"
    OFFICE = "office"


@dataclass(frozen=True, slots=True)
class User:
    """Somebody who can log in. ``password`` is its argon2 hash."""

    name: str
    roles: tuple[Role, ...]
    password: str


def read_users(path: Path) -> dict[str, User]:
    """The users of a file by name.

    Raises:
        AccessError: it cannot be read, or is no such file.
    """
    try:
        records = json.loads(path.read_text(encoding="utf-8"))["users"]
        users = [
            User(str(r["name"]), tuple(Role(role) for role in r["roles"]), str(r["password"]))
            for r in records
        ]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise AccessError(
            path,
            f"is not a file of users ({type(error).__name__})",
            "make one with: python -m qa user add NAME --role desk",
        ) from error
    return {user.name: user for user in users}


def write_users(path: Path, users: Mapping[str, User]) -> None:
    """Replaces the file of users in one step; only its owner can read it.

    Raises:
        AccessError: it cannot be written.
    """
    records = [asdict(users[name]) for name in sorted(users)]
    write_private(path, json.dumps({"users": records}, ensure_ascii=False, indent=1) + "\n")


def write_private(path: Path, text: str) -> None:
    """Replaces a file in one step by one that only its owner can read.

    Raises:
        AccessError: it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, beside = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:  # mkstemp: mode 0600
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(beside).replace(path)
    except OSError as error:
        raise AccessError(
            path, f"cannot be written ({error.strerror})", "check the disk and its permissions"
        ) from error


class Access:
    """Decides who may open what. With no users, whoever sits at this machine."""

    def __init__(self, users: Path | None, secret: str = "") -> None:
        """
        Args:
            users: the file of users; it is read again when it changes.
            secret: signs the cookies; of no use without users.

        Raises:
            AccessError: the file of users is not one.
        """
        self._path = users
        self._stamp = (0, 0)
        self._users: dict[str, User] = {}
        self._reading = Lock()
        self._secret = secret
        self._ended = EndedSessions(users.with_name(f"{users.name}.ended")) if users else None
        self._failures = Failures()
        # A hash takes 64 MiB for a moment: not as many at once as there are threads.
        self._hashing = BoundedSemaphore(2)
        if users:
            self._refresh(strict=True)

    @classmethod
    def of(cls, settings: Settings) -> Access:
        """As the settings have it.

        Raises:
            AccessError: the file of users or of the secret cannot be used.
        """
        if settings.users is None:
            return cls(None)
        return cls(settings.users, _secret(settings, settings.users))

    @property
    def configured(self) -> bool:
        """Whether there are users who log in."""
        return self._path is not None

    def log_in(self, name: str, password: str, client: str) -> str | None:
        """A token for the cookie; None where name or password are wrong.

        Raises:
            TooManyFailures: of this client or for this name, lately.
        """
        self._failures.check(client, name)
        self._refresh()
        user = self._users.get(name)
        if not self._verify(user, password):
            self._failures.add(client, name)
            return None
        assert user
        self._failures.forget(client, name)
        return str(self._serializer().dumps([user.name, _version(user), secrets.token_hex(8)]))

    def log_out(self, token: str) -> None:
        """Ends a session before its time, wherever its cookie has been copied to."""
        session = self._session(token)
        if session and self._ended is not None:
            self._ended.add(session[2])

    def user(self, token: str) -> User | None:
        """The user whose session a cookie's token is; None where it is none or has ended."""
        session = self._session(token) if token and self.configured else None
        if session is None or self._ended is None or session[2] in self._ended:
            return None
        self._refresh()
        user = self._users.get(session[0])
        # A changed password ends the sessions that were opened by the old one.
        return user if user and secrets.compare_digest(_version(user), session[1]) else None

    def _session(self, token: str) -> tuple[str, str, str] | None:
        from itsdangerous import BadData

        try:
            name, version, number = self._serializer().loads(token, max_age=SESSION_SECONDS)
        except (BadData, ValueError, TypeError):
            return None
        return str(name), str(version), str(number)

    def _serializer(self) -> Any:
        from itsdangerous import URLSafeTimedSerializer

        return URLSafeTimedSerializer(self._secret, salt="qa-session")

    def _verify(self, user: User | None, password: str) -> bool:
        """Whether a password is the user's; takes as long where there is no such user."""
        from argon2.exceptions import InvalidHashError, VerificationError

        if len(password) > _LONGEST_PASSWORD:
            return False
        with self._hashing:
            try:
                hasher().verify(user.password if user else _nobody(), password)
            except (VerificationError, InvalidHashError):
                return False
        return user is not None

    def _refresh(self, strict: bool = False) -> None:
        """Reads the users again where their file has changed; keeps those known where that fails."""
        assert self._path
        with self._reading:
            try:
                status = self._path.stat()
                stamp = (status.st_mtime_ns, status.st_ino)
                if stamp != self._stamp:
                    self._users, self._stamp = read_users(self._path), stamp
            except (OSError, AccessError):
                if strict:
                    self._users = read_users(self._path)


def _version(user: User) -> str:
    return blake2b(user.password.encode(), digest_size=8).hexdigest()


def hasher() -> PasswordHasher:
    """argon2id with the library's parameters (RFC 9106, low memory)."""
    from argon2 import PasswordHasher

    return PasswordHasher()


_nobodys: list[str] = []


def _nobody() -> str:
    """The hash of a password that nobody has."""
    if not _nobodys:
        _nobodys.append(hasher().hash(secrets.token_hex(16)))
    return _nobodys[0]


def _secret(settings: Settings, users: Path) -> str:
    """What signs the cookies: set, in a file, or made once and kept beside the users."""
    if settings.secret:
        return settings.secret.get_secret_value()
    path = settings.secret_file or users.with_name(f"{users.name}.secret")
    if not path.exists() and not settings.secret_file:
        write_private(path, secrets.token_hex(32))
    try:
        secret = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise AccessError(
            path, "holds no secret that can be read", "correct QA_SECRET_FILE or unset it"
        ) from error
    if len(secret) < 16:
        raise AccessError(
            path, "holds a secret that is too short", "put 32 random characters in it"
        )
    return secret


class TooManyFailures(Exception):
    """Wrong passwords came too fast; ``seconds`` says when the next may."""

    def __init__(self, seconds: int) -> None:
        self.seconds = seconds
        super().__init__(f"again in {seconds} s")


class Failures:
    """Counts wrong passwords in a sliding window: few for one name from one client, more from a
    client, many for a name (guessed from many clients; its owner is locked out only then)."""

    WINDOW = 300.0
    LIMITS = (5, 20, 100)
    MOST = 10_000

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._times: OrderedDict[tuple[str, str], list[float]] = OrderedDict()
        self._lock = Lock()

    def check(self, client: str, name: str) -> None:
        """Raises TooManyFailures where there were too many."""
        with self._lock:
            for key, limit in self._limits(client, name):
                times = self._recent(key)
                if len(times) >= limit:
                    raise TooManyFailures(max(1, round(times[-limit] + self.WINDOW - self._now())))

    def add(self, client: str, name: str) -> None:
        """Counts one more."""
        with self._lock:
            for key, _ in self._limits(client, name):
                self._times[key] = [*self._recent(key), self._now()]
                self._times.move_to_end(key)
            while len(self._times) > self.MOST:
                self._times.popitem(last=False)

    def forget(self, client: str, name: str) -> None:
        """Forgives those of a name from a client, after the right password."""
        with self._lock:
            self._times.pop((client, name), None)

    def _limits(self, client: str, name: str) -> list[tuple[tuple[str, str], int]]:
        name = name[:64]
        keys = ((client, name), (client, ""), ("", name))
        return list(zip(keys, self.LIMITS, strict=True))

    def _recent(self, key: tuple[str, str]) -> list[float]:
        since = self._now() - self.WINDOW
        return [moment for moment in self._times.get(key, []) if moment > since]


# --- requests


def is_local(client: str, headers: Mapping[str, str]) -> bool:
    """Whether a request was made on this machine: by its address, by no proxy, and under a name of
    this machine (a page of another site may have its name point here: DNS rebinding)."""
    if not _is_loopback(client) or any(name in headers for name in _FORWARDED):
        return False
    try:
        name = urlsplit(f"//{headers.get('host', '')}").hostname or ""
    except ValueError:  # [ without ]
        return False
    return name == "localhost" or _is_loopback(name)


def _is_loopback(address: str) -> bool:
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return False


def is_cross_site(method: str, scheme: str, headers: Mapping[str, str]) -> bool:
    """Whether a request that changes something was caused by a page of another site."""
    if method in _SAFE:
        return False
    site = headers.get("sec-fetch-site")
    if site:
        return site not in ("same-origin", "none")
    origin = headers.get("origin")
    return origin is not None and origin != f"{scheme}://{headers.get('host', '')}"


def safe_target(target: str, otherwise: str) -> str:
    """Where to go after the login: a path of this site, whatever a link says."""
    parts = urlsplit(target)
    own = not parts.scheme and not parts.netloc and target.startswith("/")
    return (
        target
        if own and not target.startswith(("//", "/\\")) and target.isprintable()
        else otherwise
    )


# --- python -m qa user


def add_command(commands: argparse._SubParsersAction[Any], settings: Settings) -> None:
    """Adds ``qa user add | remove | list`` to the command line."""
    parser = commands.add_parser("user", help="who may log in to desk and insights")
    parser.add_argument(
        "--users", type=Path, default=settings.users, metavar="FILE", help="default: QA_USERS"
    )
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    add = actions.add_parser("add", help="add a user, or change roles and password of one")
    add.add_argument("name")
    add.add_argument("--role", action="append", choices=list(Role), required=True)
    add.set_defaults(run=_add)
    remove = actions.add_parser("remove", help="remove a user")
    remove.add_argument("name")
    remove.set_defaults(run=_remove)
    actions.add_parser("list", help="names and roles").set_defaults(run=_list)


def _file(options: argparse.Namespace) -> Path:
    if options.users is None:
        raise AccessError(
            "QA_USERS", "names no file of users", "set it, or give --users FILE before the action"
        )
    path: Path = options.users
    return path


def _add(options: argparse.Namespace) -> int:
    path = _file(options)
    users = read_users(path) if path.exists() else {}
    password = _ask_password()
    users[options.name] = User(
        options.name, tuple(Role(role) for role in options.role), hasher().hash(password)
    )
    write_users(path, users)
    print(f"{path}: {options.name} ({', '.join(options.role)})")
    return 0


def _ask_password() -> str:
    """A password from the terminal, unseen, or the first line of standard input."""
    if sys.stdin.isatty():
        from getpass import getpass

        password = getpass("Password: ")
        if password != getpass("Again: "):
            raise AccessError("the password", "was typed differently", "try again")
    else:
        password = sys.stdin.readline().rstrip("\r\n")
    if not _SHORTEST_PASSWORD <= len(password) <= _LONGEST_PASSWORD:
        raise AccessError(
            "the password",
            f"has {len(password)} characters",
            f"choose one of at least {_SHORTEST_PASSWORD}",
        )
    return password


def _remove(options: argparse.Namespace) -> int:
    path = _file(options)
    users = read_users(path)
    if users.pop(options.name, None) is None:
        raise AccessError(path, f"has no user {options.name!r}", "see: python -m qa user list")
    write_users(path, users)
    return 0


def _list(options: argparse.Namespace) -> int:
    for user in read_users(_file(options)).values():
        print(f"{user.name}\t{', '.join(user.roles)}")
    return 0


def roles_of(paths: Mapping[str, Role], path: str) -> Role | None:
    """The role that a path takes: that of the prefix it lies under."""
    for prefix, role in paths.items():
        if path == prefix or path.startswith(f"{prefix}/"):
            return role
    return None


__all__: Sequence[str] = (
    "Access",
    "Failures",
    "Role",
    "TooManyFailures",
    "User",
    "add_command",
    "is_cross_site",
    "is_local",
    "read_users",
    "roles_of",
    "safe_target",
    "write_users",
)
