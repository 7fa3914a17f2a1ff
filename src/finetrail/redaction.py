"""Keeps secrets out of what people read: passwords and tokens in addresses, and those in the environment."""

import os
import re

# hf://NAME@REVISION has no user.
_USER = re.compile(r"(?<!\bhf)://[^/\s]*@")
_QUERY = re.compile(r"([?&][\w-]*(?:token|key|secret|password|signature|sig)=)[^&\s'\"#]+", re.IGNORECASE)
_NAMED = re.compile(r"(^|_)(TOKEN|SECRET|PASSWORD|PASSWD|API_?KEY|ACCESS_KEY)(_|$)", re.IGNORECASE)
_SHORTEST = 8  # a shorter value may be an ordinary word


def without_secrets(text: str) -> str:
    """Return the text without the secrets in its addresses and the values of secret environment variables."""
    text = _QUERY.sub(r"\1***", _USER.sub("://", text))
    for name, value in os.environ.items():
        if _NAMED.search(name) and len(value) >= _SHORTEST:
            text = text.replace(value, "***")
    return text
