"""Every request passes here before it reaches a face or an interface.

    who it is        an API key, or this machine; a page of another site causes nothing
    what it opens    the health of the program, the chat and the login; all else takes a key or role
    how much         bytes of a body, questions a minute, questions at once
    what goes back   headers by which a browser protects the reader; the number of the request
    what is known    a line in the log and figures, in which no question and no client appears

https://cheatsheetseries.owasp.org/cheatsheets/HTTP_Headers_Cheat_Sheet.html
"""

from __future__ import annotations

import asyncio
import re
import secrets
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

from starlette._utils import get_route_path
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Send
from starlette.types import Scope as Connection

from qa.access import is_cross_site, is_local
from qa.api import PREFIXES
from qa.config import Settings
from qa.operations.keys import ApiKey, KeyRing, Scope
from qa.operations.limits import Busy, Gate, Rates, TooLong, bounded, client_of
from qa.operations.logs import REQUEST, log
from qa.operations.metrics import CONTENT_TYPE, Metrics
from qa.operations.replies import refusal, turned_away

_GRADIO = "/gradio_api/"
_GRADIO_OPEN = frozenset(
    {"run", "queue", "component_server", "heartbeat", "startup-events", "info", "theme.css",
     "cancel", "reset"}
)  # fmt: skip
"""What the pages call of Gradio. The rest of it (files, uploads, proxy, streams, monitoring …) does
not exist here: the product neither takes files from the browser nor hands out any of the disk."""

_GRADIO_SHUT = (
    "/monitoring", "/custom_component", "/proxy=", "/file", "/upload", "/stream", "/token",
    "/user", "/app_id", "/login_check", "/dev/", "/deep_link", "/svelte", "/manifest.json",
    "/pwa_icon", "/docs", "/redoc", "/openapi.json",
)  # fmt: skip
_MOUNTS = ("/desk", "/insights")
_KEYLESS = ("/channels/",)
"""Channels sign what they send; see there."""

_METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
_CLEAN = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_IDLE_LOOK = 0.05

_HEADERS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
}
_INERT = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
"""The policy of what is no page: opened as one, it does nothing."""


@dataclass(frozen=True, slots=True)
class State:
    """How the program is: the ``build`` that answers (empty: none yet) and when it was ``built``
    (seconds since 1970), the ``problem`` that keeps a newer one out, lines the journal ``lost``."""

    build: str = ""
    built: float = 0.0
    problem: str = ""
    lost: int = 0


@dataclass(slots=True)
class _Request:
    """A request on its way."""

    scope: Connection
    path: str
    number: str
    began: float = field(default_factory=time.perf_counter)
    status: int = 0

    @property
    def headers(self) -> Headers:
        return Headers(scope=self.scope)

    @property
    def method(self) -> str:
        return str(self.scope["method"])

    @property
    def client(self) -> str:
        return self.scope["client"][0] if self.scope.get("client") else ""


class Entrance:
    """The outermost ASGI application.

    Args:
        app: what answers.
        settings: the limits.
        state: how the program is; asked by health checks and for figures.

    Raises:
        AccessError: the file of API keys cannot be used.
    """

    def __init__(
        self, app: ASGIApp, settings: Settings, state: Callable[[], State] = State
    ) -> None:
        self._settings, self._state = settings, state
        self._keys = KeyRing(settings.api_keys)
        self._rates = Rates(settings.rate_limit)
        self._gate = Gate(settings.concurrency, settings.queue)
        self._app = _with_cors(app, settings.cors_origins)
        self._under_way = 0
        self._ending = False
        self.metrics = Metrics()

    def load(self) -> None:
        """Loads what the first request need not wait for."""
        self.metrics.load()
        self._rates.load()

    # --- the end

    def end(self) -> None:
        """Tells whoever balances the load that no more requests should come here."""
        self._ending = True

    async def finished(self, seconds: float, hurry: Callable[[], bool] = lambda: False) -> bool:
        """Waits until no request is under way; whether none is after at most ``seconds``. What
        stays open as long as a page does is no such request."""
        until = time.monotonic() + seconds
        while self._under_way and time.monotonic() < until and not hurry():
            await asyncio.sleep(_IDLE_LOOK)
        return not self._under_way

    # --- a request

    async def __call__(self, scope: Connection, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":  # none of the faces opens one
            await send({"type": "websocket.close", "code": 1008})
        else:
            await self._http(scope, receive, send)

    async def _http(self, scope: Connection, receive: Receive, send: Send) -> None:
        request = _Request(scope, get_route_path(scope) or "/", _number(scope, self._settings))
        token = REQUEST.set(request.number)
        lasting = _lasts(request.path)
        self._under_way += not lasting
        sending = self._sending(request, send)
        try:
            await self._deal(request, receive, sending)
        except TooLong:
            await self._say(request, 413, "too_long", receive, sending)
        except Exception:
            log.exception("a request could not be dealt with")
            if not request.status:
                await self._say(request, 500, "", receive, sending)
        finally:
            self._under_way -= not lasting
            self._tell(request, lasting)
            REQUEST.reset(token)

    async def _deal(self, request: _Request, receive: Receive, send: Send) -> None:
        own = _OWN.get(request.path)
        if own and request.method in ("GET", "HEAD"):
            await own(self, request)(request.scope, receive, send)
            return
        allowed = self._allowed(request)
        if isinstance(allowed, Response):
            await allowed(request.scope, receive, send)
            return
        most = self._settings.longest_request
        if _length(request.headers) > most:
            raise TooLong
        receive = bounded(receive, most)
        async with AsyncExitStack() as stack:
            if _takes_work(request):
                seconds = self._counted(request, allowed)
                try:
                    if seconds:
                        raise Busy(seconds)
                    await stack.enter_async_context(self._gate.entered())
                except Busy as busy:
                    reason = "too_many" if seconds else "busy"
                    self.metrics.refused(reason)
                    reply = await turned_away(
                        request.path, request.headers, receive, reason, busy.seconds
                    )
                    await reply(request.scope, receive, send)
                    return
            await self._app(request.scope, receive, send)

    def _counted(self, request: _Request, key: ApiKey | None) -> int:
        """Seconds to wait for whoever has asked too much; counts the request."""
        if key:
            return self._rates.wait(f"key {key.number}", key.rate)
        if request.path.startswith((*_MOUNTS, *_KEYLESS)):
            return 0  # a role, or a platform, whose people are counted one by one behind it
        if is_local(request.client, request.headers):
            return 0
        return self._rates.wait(client_of(request.client))

    # --- who may

    def _allowed(self, request: _Request) -> ApiKey | Response | None:
        """The key of a request, None where it needs none, or why it is refused."""
        if _shut(request.path):
            return self._refused(request, 404, "")
        scope = _scope_of(request.path)
        if scope is None or (request.method == "OPTIONS" and "origin" in request.headers):
            return None  # a browser asks beforehand without the key
        presented = _presented(request.headers)
        key = self._keys.find(presented) if presented else None
        if key:
            return key if scope in key.scopes else self._refused(request, 403, "no_scope")
        if presented or self._keys.configured:
            return self._refused(request, 401, "no_key")
        if not is_local(request.client, request.headers):
            return self._refused(request, 401, "local_only")
        if is_cross_site(request.method, request.scope["scheme"], request.headers):
            return self._refused(request, 403, "cross_site")
        return None

    def _refused(self, request: _Request, status: int, reason: str) -> Response:
        if reason:
            self.metrics.refused(reason)
        headers = {"www-authenticate": "Bearer"} if status == 401 else {}
        return refusal(request.path, request.headers, status, reason, headers)

    async def _say(
        self, request: _Request, status: int, reason: str, receive: Receive, send: Send
    ) -> None:
        if not request.status:
            reply = self._refused(request, status, reason)
            reply.headers["connection"] = "close"  # what is left of its body is not read
            await reply(request.scope, receive, send)

    # --- what it answers itself

    def _healthy(self, _request: _Request) -> Response:
        """The process lives."""
        return PlainTextResponse("ok\n")

    def _ready(self, _request: _Request) -> Response:
        """Questions are answered; the place to look before sending any here."""
        state = self._state()
        problem = "stopping" if self._ending else "" if state.build else "no index yet"
        body = {"status": problem or "ready", "build": state.build}
        return JSONResponse(body, 503 if problem else 200)

    def _figures(self, request: _Request) -> Response:
        allowed = self._allowed(request)
        if isinstance(allowed, Response):
            return allowed
        state = self._state()
        gate = self._gate
        self.metrics.state(gate.waiting, gate.within, state.build, state.built, state.lost)
        return Response(self.metrics.page(), media_type=CONTENT_TYPE)

    # --- what goes back, and what is known of it

    def _sending(self, request: _Request, send: Send) -> Send:
        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                request.status = message["status"]
                _protect(MutableHeaders(scope=message), request, self._settings)
            await send(message)

        return sending

    def _tell(self, request: _Request, lasting: bool) -> None:
        seconds = time.perf_counter() - request.began
        route, method = route_of(request.path), request.method
        method = method if method in _METHODS else "other"
        if not lasting:
            self.metrics.request(route, method, request.status, seconds)
        facts = {
            "method": method,
            "route": route,
            "status": request.status,
            "milliseconds": round(1000 * seconds, 1),
        }
        log.info("request", extra={"facts": facts})


_OWN: dict[str, Callable[[Entrance, _Request], Response]] = {
    "/healthz": Entrance._healthy,
    "/readyz": Entrance._ready,
    "/metrics": Entrance._figures,
}


def _with_cors(app: ASGIApp, origins: str) -> ASGIApp:
    """``app``, whose API pages of these origins may call."""
    if not origins.strip():
        return app
    from starlette.middleware.cors import CORSMiddleware

    allowing = CORSMiddleware(
        app,
        allow_origins=[origin.strip() for origin in origins.split(",") if origin.strip()],
        allow_methods=["GET", "POST"],
        allow_headers=["authorization", "content-type", "accept-language", "x-api-key"],
        expose_headers=["x-request-id", "retry-after"],
    )

    async def choose(scope: Connection, receive: Receive, send: Send) -> None:
        programs = scope["type"] == "http" and get_route_path(scope).startswith(PREFIXES)
        await (allowing if programs else app)(scope, receive, send)

    return choose


def _number(scope: Connection, settings: Settings) -> str:
    """The id of a request: a proxy's, which has its own log, or a new one."""
    if settings.proxies:
        given: bytes = dict(scope["headers"]).get(b"x-request-id", b"")
        if _CLEAN.fullmatch(given):
            return given.decode()
    return secrets.token_hex(8)


def _presented(headers: Headers) -> str:
    kind, _, key = headers.get("authorization", "").partition(" ")
    return key.strip() if kind.lower() == "bearer" else headers.get("x-api-key", "").strip()


def _scope_of(path: str) -> Scope | None:
    if path == "/metrics":
        return Scope.METRICS
    programs = f"{path}/".startswith(PREFIXES) and not path.startswith(_KEYLESS)
    return Scope.ASK if programs else None


def _inner(path: str) -> str:
    """A path of a face, without where the face is mounted."""
    for mount in _MOUNTS:
        if path.startswith(f"{mount}/"):
            return path[len(mount) :]
    return path


def _shut(path: str) -> bool:
    inner = _inner(path)
    if inner.startswith(_GRADIO):
        return inner[len(_GRADIO) :].split("/")[0] not in _GRADIO_OPEN
    return inner.startswith(_GRADIO_SHUT)


def _takes_work(request: _Request) -> bool:
    return request.method == "POST" and request.path not in ("/login", "/logout")


def _lasts(path: str) -> bool:
    """Whether a request stays open as long as a page does."""
    inner = _inner(path)
    return inner.startswith((f"{_GRADIO}heartbeat/", f"{_GRADIO}queue/data"))


def _length(headers: Headers) -> int:
    text = headers.get("content-length", "0")
    return int(text) if text.isascii() and text.isdigit() else 0


ROUTES = frozenset(
    {
        *("/", "/config", "/faces", "/login", "/logout", "/healthz", "/readyz", "/metrics"),
        *("/theme.css", "/status/build", "/insights/export", "/widget", "/widget.js"),
        *(
            f"/api/v1/{name}"
            for name in (
                *("answer", "search", "documents", "clauses", "departments", "glossary"),
                *("quote-check", "feedback"),
            )
        ),
        *("/api/openapi.json", "/v1/chat/completions", "/v1/models"),
        *("/mcp", "/channels/kakao", "/channels/wechat"),
        *(f"/gradio_api/{name}" for name in _GRADIO_OPEN),
    }
)
"""What log and figures know by name; beside these there are ``/assets`` and ``/other``."""


def route_of(path: str) -> str:
    """The name of a path in log and figures: one of a closed list, so that nobody can make it tell
    anything or grow."""
    inner = "/" if path in _MOUNTS else _inner(path)
    mount = path if path in _MOUNTS else path[: len(path) - len(inner)]
    if inner in ROUTES:
        return mount + inner
    first, second, third = (*inner.split("/")[1:4], "", "", "")[:3]
    for shorter in (f"/{first}/{second}/{third}", f"/{first}/{second}", f"/{first}"):
        if shorter in ROUTES:
            return mount + shorter
    return mount + ("/assets" if first in ("assets", "static") else "/other")


def _protect(headers: MutableHeaders, request: _Request, settings: Settings) -> None:
    """Adds what protects the reader, and takes away what Gradio grants to every site."""
    headers["x-request-id"] = request.number
    for name, value in _HEADERS.items():
        headers.setdefault(name, value)
    if not (settings.cors_origins and request.path.startswith(PREFIXES)):
        for name in [name for name in headers if name.startswith("access-control-")]:
            del headers[name]
    kind = headers.get("content-type", "")
    if "javascript" not in kind and "content-security-policy" not in headers:
        headers["content-security-policy"] = _INERT
    if "frame-ancestors" not in headers.get("content-security-policy", ""):
        headers.setdefault("x-frame-options", "SAMEORIGIN")
    if _scope_of(request.path):
        headers.setdefault("cache-control", "no-store")
    if request.scope["scheme"] == "https":
        headers.setdefault("strict-transport-security", "max-age=31536000")
