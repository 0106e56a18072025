"""The HTTP interface beside the faces for people, over the same chat.

/api/v1/…              questions, searches, policies, clauses, terms     routes, models, problems
/v1/chat/completions   the same answers for chat front ends              completions
/mcp                   the same answers as tools                         tools
"""

PREFIXES = ("/api/", "/v1/", "/mcp", "/channels/")
"""Where programs ask: what is refused there is told in a form that programs read."""
