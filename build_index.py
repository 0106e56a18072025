"""Builds the index of a corpus: ``python build_index.py [--corpus DIR] [--index DIR] [--model NAME]``."""

from __future__ import annotations

import sys

from qa.build import main

if __name__ == "__main__":
    sys.exit(main())
