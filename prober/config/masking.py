"""What of a configuration may be shown: secrets become stars."""

from __future__ import annotations

import re

MASK = "********"
SECRETS = frozenset({"password", "bearer_token", "client_secret", "credentials", "token"})
_SENSITIVE = re.compile(r"authorization|cookie|token|key|secret|password|auth", re.IGNORECASE)
_PASSWORD = re.compile(r"(?<=://)([^/@]*?):(.*)@")
_PARAMETER = re.compile(r"([?&][^=&]*(?:token|key|secret|password)[^=&]*=)[^&]*", re.IGNORECASE)


def is_sensitive(name: str) -> bool:
    """Whether a header or variable of this name is likely to hold a secret."""
    return bool(_SENSITIVE.search(name))


def is_secret(key: str) -> bool:
    """Whether a key of the configuration holds a secret."""
    return key in SECRETS


def header(name: str, value: str) -> str:
    """The value of a header as it may be shown; an empty one hides nothing."""
    return MASK if value and is_sensitive(name) else value


def url(text: str) -> str:
    """A url without its password and without parameters that look like one."""
    return _PARAMETER.sub(rf"\1{MASK}", _PASSWORD.sub(rf"\1:{MASK}@", text))
