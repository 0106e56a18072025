"""Asks by the Model Context Protocol: pip install mcp."""

import asyncio
import os
import sys

import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

ADDRESS = os.environ.get("QA_ADDRESS", "http://127.0.0.1:7860")
KEY = os.environ.get("QA_API_KEY")


async def main(question: str) -> None:
    headers = {"Authorization": f"Bearer {KEY}"} if KEY else {}
    async with (
        httpx2.AsyncClient(headers=headers) as http,
        Client(streamable_http_client(f"{ADDRESS}/mcp", http_client=http)) as client,
    ):
        print("Tools:", ", ".join(tool.name for tool in (await client.list_tools()).tools))
        result = await client.call_tool("ask_policy", {"question": question})
        print(result.structured_content["text"])


asyncio.run(main(sys.argv[1]))
