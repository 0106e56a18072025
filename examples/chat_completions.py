"""Asks as a chat front end does: pip install openai."""

import os
import sys

from openai import OpenAI

client = OpenAI(
    base_url=f"{os.environ.get('QA_ADDRESS', 'http://127.0.0.1:7860')}/v1",
    api_key=os.environ.get("QA_API_KEY", "none"),
)
stream = client.chat.completions.create(
    model="policy-qa",
    messages=[{"role": "user", "content": question} for question in sys.argv[1:]],
    stream=True,
)
for chunk in stream:
    print(chunk.choices[0].delta.content or "", end="", flush=True)
