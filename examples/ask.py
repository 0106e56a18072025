"""Asks questions, each of which may lean on the ones before: needs nothing but Python."""

import json
import os
import sys
from urllib.error import HTTPError
from urllib.request import Request, urlopen

ADDRESS = os.environ.get("QA_ADDRESS", "http://127.0.0.1:7860")
KEY = os.environ.get("QA_API_KEY")

earlier = []
for question in sys.argv[1:]:
    request = Request(
        f"{ADDRESS}/api/v1/answer",
        json.dumps({"question": question, "earlier": earlier}).encode(),
        {"Content-Type": "application/json", **({"Authorization": f"Bearer {KEY}"} if KEY else {})},
    )
    try:
        with urlopen(request, timeout=30) as reply:
            answer = json.load(reply)
    except HTTPError as error:  # a problem of RFC 9457
        sys.exit(json.load(error)["detail"])
    print(answer["text"])
    for citation in answer["citations"]:
        print(f"[{citation['document']} {citation['number']}] {citation['quote']}")
    earlier.append(question)
