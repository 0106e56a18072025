"""What a service needs around its answers: who may call, how much, how it is watched and ended.

entrance.py   every request passes here: identity, limits, headers, a line in the log, a count
keys.py       API keys
limits.py     requests a client may make, and how many are dealt with at once
metrics.py    figures for Prometheus
logs.py       the log
flags.py      the settings as flags of the command line
check.py      the settings in effect, where each comes from, and whether it can work
supervisor.py several processes that answer at one address
"""
