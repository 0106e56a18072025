"""Training of the trilingual sentence encoder: pairs → tokenizer → train → export → evaluate.

One command runs it all: ``python -m training --data ../shared/data``. See ``README.md``.
"""
