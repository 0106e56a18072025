"""The answers in messengers: ``/channels/kakao`` and ``/channels/wechat``. Off unless configured.

Each verifies that a request comes from its platform, answers within the five seconds that both
allow, and keeps the thread of a conversation for half an hour, in memory only.
"""
