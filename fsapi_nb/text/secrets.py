"""Decide what a secret is, by its name or its shape, and hide it.

Every other module uses these rules. `script.redact` finds the literals of SQL that belong to a secret's name;
`text.masking` hides values that are known.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Self
from urllib.parse import unquote

STARS = "***"
#: libpq's parameters that are secrets.
SECRET_PARAMETERS = frozenset(
    {"password", "sslpassword", "oauth_client_secret", "scram_client_key", "scram_server_key"}
)
_ONE_WORD = (
    *("password", "passwd", "passphrase", "passcode", "pwd", "db_pass", "secret", "token", "jwt"),
    *("credential", "credentials"),
)
_KEYS = ("api", "access", "private", "secret", "signing", "encryption", "auth", "account", "master", "shared")
_ALL = (*_ONE_WORD, *(f"{kind}{gap}key" for kind in _KEYS for gap in ("", "_", "-")))
#: The words for a secret, as a regular expression. The name of a secret ends in one of them (`smtp_password`,
#: `app.jwtSecret`, `aws_secret_access_key`).
WORDS = rf"(?:{'|'.join(sorted(_ALL, reverse=True))})"
_SHAPE_MARKS = (
    "eyj",
    "ghp_",
    "gho_",
    "ghu_",
    "ghs_",
    "ghr_",
    "github_pat_",
    "akia",
    "asia",
    "xox",
    "sk_live_",
    "rk_live_",
    "whsec_",
    "glpat-",
    "npm_",
    "aiza",
    "sk-",
    "hvs.",
    "sg.",
    "-----begin",
    "bearer",
)
#: Beginnings of the words, of addresses, tokens and password hashes. They are looked for one by one, which is faster
#: than a regular expression by two orders of magnitude: a seed may have hundreds of megabytes.
MARKS = tuple(
    word.encode()
    for word in (*_ALL, *_SHAPE_MARKS, "://", "crypt", "hmac")
    if not any(other != word and other in word for other in _ONE_WORD)  # the shorter word finds it already
)
_OF_KEYS = (b"_key", b"-key")  # a text without either holds none of the marks that end in it
_MARKS_OF_KEYS = tuple(mark for mark in MARKS if mark.endswith(_OF_KEYS))
_OTHER_MARKS = tuple(mark for mark in MARKS if not mark.endswith(_OF_KEYS))
_NAME = re.compile(rf"[\w.]*{WORDS}", re.IGNORECASE)
# Values that are not a secret: a flag, one character, a word for nothing, one sign repeated, a placeholder, empty JSON.
_NO_SECRET = re.compile(
    r"|.|true|false|on|off|yes|no|none|null|nil|n/a|unset|todo|tbd|([\W_])\1*|x{3,}|<[^<>]*>|\$\{\w+\}|\{\{[^{}]*\}\}"
    r"|\{\s*\}|\[\s*\]",
    re.IGNORECASE,
)
_PROSE_WORD = re.compile(
    r"[(\[\"'“„«]*[^\W\d]+(?:[-'’/][^\W\d]+)*[)\]\"'”“».,;:!?…]*|[-–—…]|\.{3}"  # noqa: RUF001 - typographic marks are meant
)
_FEWEST_WORDS = 3  # of a sentence
_ENDS_IN_NAME = re.compile(
    r"(?<![\w.])(?P<name>[\w.]+)['\"]?\s*(?:=>|:=|[:=]|\bto\b)\s*['\"]*$|\b(?:password\s+|bearer\s+)['\"]*$",
    re.IGNORECASE,
)
# A variable may also hold a whole address, and its name may say what its secret is for (`token_prod`,
# `PGPASSWORD_NEW`).
_VARIABLE = re.compile(
    rf"{WORDS}(?!_?(?:count|limit|length|type|name|id|ttl|file|path)s?\b)"
    r"|(?:^|_)(?:pass|pw|dsn|url|uri|conn(?:ection)?(?:_?str(?:ing)?|info)?|auth|bearer|cookie|pin|otp|salt)$",
    re.IGNORECASE,
)

# An address: all of the text between the scheme and the last @ of its authority may be the password.
_URL = re.compile(r"(?P<before>://[^\s:/@'\"]*:)(?P<secret>[^\s'\"]+)(?=@)")
_BARE_URL = re.compile(r"(?P<before>(?<![\w:/])[\w.+-]{1,64}:)(?P<secret>(?!//)[^\s'\"]{1,256})(?=@[\w.\[-])")
_QUOTED = re.compile(rf"(?P<before>{WORDS}['\"]?\s*(?:=>|:=|[:=])\s*['\"])(?P<secret>[^'\"]+)", re.IGNORECASE)
_PLAIN = re.compile(rf"(?P<before>{WORDS}['\"]?\s*[:=]\s*)(?P<secret>[^\s'\"]+)", re.IGNORECASE)
_HEADER = re.compile(r"(?P<before>\b(?:bearer|basic)\s+)(?P<secret>[\w.~+/=-]{8,})", re.IGNORECASE)
#: Shapes that only secrets have: JSON web tokens, private keys, and the tokens of GitHub, AWS, Slack, Stripe, GitLab,
#: npm, Google, Vault, SendGrid and language models.
SHAPES = (
    r"eyJ[\w-]{8,}\.[\w-]+\.[\w-]*|gh[pousr]_\w{20,}|github_pat_\w{20,}"
    r"|A(?:KI|SI)A[A-Z0-9]{16}|xox[abprs]-[\w-]{10,}|[sr]k_live_\w{10,}|whsec_\w{16,}"
    r"|glpat-[\w-]{20,}|npm_[A-Za-z0-9]{36}|AIza[\w-]{35}|sk-(?=[\w-]*\d)[\w-]{32,}|hvs\.[\w-]{24,}|SG\.[\w-]{16,}\.[\w-]{32,}"
    r"|-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----[\s\S]{1,20000}?-----END [A-Z ]{0,40}PRIVATE KEY-----"
)
_SHAPES = re.compile(rf"(?P<before>(?<![\w-]))(?P<secret>{SHAPES})")
_IN_ADDRESS = re.compile(r"://[^\s:/@]*:([^\s]+)@|(?:^|[?&\s])(?:ssl)?password=(?:'((?:[^'\\]|\\.)+)'|([^\s&]+))")
_WITHOUT_ADDRESSES = (_QUOTED, _PLAIN, _HEADER, _SHAPES)
_PATTERNS = (_URL, _BARE_URL, *_WITHOUT_ADDRESSES)


def is_secret_name(name: str) -> bool:
    """Return whether a column, setting or option with this name holds a secret."""
    return name.lower().endswith(_ALL) and bool(_NAME.fullmatch(name))


def is_no_secret(value: str) -> bool:
    """Return whether the value beside a secret's name is not a secret: empty, a flag, `none`, `***`."""
    return bool(_NO_SECRET.fullmatch(value))


def is_prose(value: str) -> bool:
    """Return whether the value of a secret's name is a sentence, which rather explains it."""
    words = value.split()
    return len(words) >= _FEWEST_WORDS and all(map(_PROSE_WORD.fullmatch, words))


def ends_in_secret_name(text: str) -> bool:
    """Return whether a value added to this text would be a secret: `password=`, `ALTER ROLE r PASSWORD `."""
    found = _ENDS_IN_NAME.search(text)
    return found is not None and (found["name"] is None or is_secret_name(found["name"]))


def may_hold_secret(text: bytes) -> bool:
    """Return whether a text may hold a secret. False is certain. Fast, for texts of any length."""
    lowered = text.lower()
    if any(mark in lowered for mark in _OTHER_MARKS):
        return True
    return any(end in lowered for end in _OF_KEYS) and any(mark in lowered for mark in _MARKS_OF_KEYS)


def is_secret_variable(name: str) -> bool:
    """Return whether a variable with this name may hold a secret, or an address with a password."""
    return bool(_VARIABLE.search(name))


def hide_in_message(message: str) -> str:
    """Return a message of a program or a library without the secrets that their names or shapes reveal."""
    for pattern in _PATTERNS if "@" in message else _WITHOUT_ADDRESSES:
        message = pattern.sub(lambda found: f"{found['before']}{STARS}", message)
    return message


def hide_in_arguments(arguments: Sequence[str]) -> list[str]:
    """Return a program's arguments, the values of options that are secrets by their names as stars."""
    before = ("", *arguments)
    return [
        STARS if option.startswith("-") and is_secret_name(option.strip("-").replace("-", "_")) else argument
        for option, argument in zip(before, arguments, strict=False)
    ]


def find_passwords(address: str) -> Iterator[str]:
    """Yield each password in connection strings of either form twice: as written, and without %-encoding."""
    for match in _IN_ADDRESS.finditer(address):
        password = next(filter(None, match.groups()), "")
        yield password
        yield unquote(password)


class Secret(str):
    """A secret text: its `repr`, `str` and format are stars, and it cannot be pickled.

    It is a `str` so that libraries accept it. `reveal` returns the text, for the one place that connects with it.
    """

    __slots__ = ()

    def __new__(cls, text: str) -> Self:
        """Hide a text; a `Secret` stays as secret as it is."""
        return super().__new__(cls, revealed(text))

    def reveal(self) -> str:
        """Return the text itself."""
        return revealed(self)

    def __repr__(self) -> str:
        return f"'{STARS}'"

    def __str__(self) -> str:
        return STARS if self else ""

    def __format__(self, form: str) -> str:
        return format(str(self), form)

    def __reduce__(self) -> tuple[Any, ...]:
        raise TypeError("a secret cannot be pickled")

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, _memo: object) -> Self:
        return self


def revealed(text: str) -> str:
    """Return the plain text of a text that may be a `Secret`."""
    return str.__str__(text)


class SecretBytes(bytes):
    """The content of a file that may hold a secret. Its repr is stars."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"b'{STARS}'"


class Variables(Mapping[str, str]):
    """Variables, such as the environment's. Their repr shows only their names."""

    __slots__ = ("_values",)

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values

    def __getitem__(self, name: str) -> str:
        return Secret(self._values[name]) if is_secret_variable(name) else self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"Variables({', '.join(self)})"
