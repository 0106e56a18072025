"""The answers as tools of the Model Context Protocol: over HTTP at ``/mcp``, and on standard input
and output (``python -m qa mcp``).

The protocol's library takes seconds to load: it is loaded with the first request.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated, Any

import anyio.to_thread
from pydantic import Field
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from qa.access import is_cross_site
from qa.api import conversation, models
from qa.api.conversation import LONGEST_TEXT, Source
from qa.api.negotiation import language_of
from qa.api.problems import problem
from qa.api.routes import answer_body, departments_of, found
from qa.types import Language

if TYPE_CHECKING:
    from mcp.server import MCPServer


PATH = "/mcp"
_LARGEST_BODY = 1_000_000

_DOCUMENTS = "ids of the policies to search in; without them all"
_INSTRUCTIONS = """Policies, answered by quotation. Every answer is a clause of a policy, word for
word, with the departments responsible: pass it on as it stands, with its source. Where the outcome
is no_clause, no policy here answers the question; do not answer it from elsewhere as if one did."""


def server(source: Source, session: str) -> MCPServer[Any]:
    """The tools, as a server of the protocol's library.

    Args:
        session: tells clients apart in the journal.
    """
    from mcp.server import MCPServer
    from mcp.server.mcpserver.exceptions import ToolError
    from mcp.types import ToolAnnotations

    tools: MCPServer[Any] = MCPServer(
        "policy-qa",
        title="Policy question answering",
        instructions=_INSTRUCTIONS,
        version="1",
        log_level="WARNING",
    )
    reads = ToolAnnotations(read_only_hint=True, idempotent_hint=True, open_world_hint=False)

    @tools.tool(title="Ask the policies", annotations=reads)
    def ask_policy(
        question: Annotated[str, Field(max_length=LONGEST_TEXT, description="in any words")],
        language: Annotated[
            Language | None, Field(description="of the answer; else that of the question")
        ] = None,
        earlier: Annotated[
            list[str] | None,
            Field(max_length=100, description="questions asked before, oldest first"),
        ] = None,
        documents: Annotated[
            list[str] | None, Field(max_length=1000, description=_DOCUMENTS)
        ] = None,
    ) -> models.Answer:
        """The clause that settles a question, quoted word for word, with its translation and the
        departments responsible; says so where no clause does. Chinese, English and Korean."""
        asked = models.Question(
            question=question,
            language=language,
            earlier=earlier or [],
            scope=models.ScopeBody(documents=documents),
        )
        given = conversation.answer(source, asked.asked(language), face="mcp", session=session)
        return answer_body(given.answer, given.assistant, given.entry)

    @tools.tool(title="Find clauses", annotations=reads)
    def find_clauses(
        words: Annotated[str, Field(max_length=LONGEST_TEXT, description="to search for")],
        limit: Annotated[int, Field(ge=1, le=50, description="most clauses")] = 10,
        documents: Annotated[
            list[str] | None, Field(max_length=1000, description=_DOCUMENTS)
        ] = None,
    ) -> models.Found:
        """The clauses nearest to some words, best first, whether or not they answer a question."""
        scope = models.ScopeBody(documents=documents)
        if not words.strip():
            raise ToolError("words: write what to search for")
        asked = models.SearchRequest(question=words, limit=limit, scope=scope)
        return found(source.assistant, asked)

    @tools.tool(title="List departments", annotations=reads)
    def list_departments() -> models.Departments:
        """The departments that clauses name as responsible, with their names in Chinese, English
        and Korean and how many clauses name them."""
        return departments_of(source.assistant)

    return tools


# --- over HTTP


class Tools:
    """The tools as an ASGI application, stateless: any process may answer any request."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._starting: asyncio.Task[ASGIApp] | None = None
        self._running: asyncio.Task[None] | None = None
        self._end = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        if is_cross_site(scope["method"], scope["scheme"], headers):
            # A page of another site must not reach a service of this machine (DNS rebinding).
            refusal = problem(403, language_of(headers.get("accept-language", "")))
            await refusal(scope, receive, send)
            return
        if self._starting is None:
            self._starting = asyncio.create_task(self._start())
        try:
            app = await asyncio.shield(self._starting)
        except Exception:
            self._starting = None
            raise
        await app(scope, receive, send)

    async def close(self) -> None:
        """Ends what the first request began."""
        self._end.set()
        if self._running:
            await self._running

    async def _start(self) -> ASGIApp:
        tools = await anyio.to_thread.run_sync(server, self._source, "mcp")
        ready: asyncio.Future[ASGIApp] = asyncio.get_running_loop().create_future()
        self._running = asyncio.create_task(self._run(tools, ready))
        return await ready

    async def _run(self, tools: MCPServer[Any], ready: asyncio.Future[ASGIApp]) -> None:
        from mcp.server.transport_security import TransportSecuritySettings

        try:
            app = tools.streamable_http_app(
                streamable_http_path=PATH,
                json_response=True,
                stateless_http=True,
                max_request_body_size=_LARGEST_BODY,
                # Behind a proxy the host is any; cross-site requests are refused above.
                transport_security=TransportSecuritySettings(enable_dns_rebinding_protection=False),
            )
            async with tools.session_manager.run():
                ready.set_result(app)
                await self._end.wait()
        except Exception as error:
            if ready.done():
                raise
            ready.set_exception(error)
