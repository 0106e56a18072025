"""What staff need who answer while somebody waits: look-up as you type, the call script, who is
responsible. Values in, values out; the screen is ``web/desk.py``."""
