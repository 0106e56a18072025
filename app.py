"""Opens the chat: ``python app.py``. Builds the index first when it is missing or stale."""

from __future__ import annotations

import sys

from qa.web.launch import main

if __name__ == "__main__":
    sys.exit(main())
