"""Addresses as a crawl sees them: one way of writing each, what belongs to a site, what never ends.

Judges what is written only; whether anything stands there is for the host to say.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import parse_qsl, quote, unquote, urljoin, urlsplit, urlunsplit

from freehold.errors import InvalidInput
from freehold.knowledge.sources import normal_url

MAX_ADDRESS_CHARS = 2_000
MAX_SEGMENTS = 20
MAX_REPEATS = 3
"""Times that one segment of a path may come again: relative links on the wrong page repeat it for ever."""
MAX_STEPS = 6
"""Steps from one dated page to the next of its kind: a calendar's "next month" has no end."""

_TRACKING = re.compile(
    r"utm_.*|hsa_.*|mc_[ce]id|[gdy]clid|gbraid|wbraid|fbclid|msclkid|igshid|_ga|_gl|_hsenc|_hsmi|mkt_tok"
    r"|vero_id|oly_(?:anon|enc)_id|wickedid",
    re.IGNORECASE,
)
_SESSION = re.compile(
    r"phpsessid|jsessionid|aspsessionid\w*|asp\.net_sessionid|session_?id|cfid|cftoken|zenid|oscsid|sid",
    re.IGNORECASE,
)
_SESSION_VALUE = re.compile(r"(?=.*\d)[\w-]{12,}")
_PATH_SESSION = re.compile(r";(?:jsessionid|phpsessid)=[^/?#;]*", re.IGNORECASE)
_INDEX = re.compile(r"/(?:index|default)\.(?:html?|xhtml|php\d?|aspx?|jsp|cfm)$", re.IGNORECASE)
_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})")
_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_NUMBER = re.compile(
    r"\d+|\b(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?"
    r"|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\b",
    re.IGNORECASE,
)
_DATE = re.compile(r"(?<!\d)(?:19|20)\d\d(?:[-/_.](?:0?[1-9]|1[0-2])|(?:0[1-9]|1[0-2])(?:[0-3]\d)?)(?!\d)")
_DATE_KEYS = frozenset("date month year day week calendar cal from to start end".split())

NOT_DOCUMENTS = frozenset(
    ".png .jpg .jpeg .gif .webp .avif .svg .ico .bmp .tif .tiff .css .js .mjs .map .woff .woff2 .ttf .otf "
    ".eot .mp3 .mp4 .m4a .m4v .webm .ogg .ogv .wav .avi .mov .mkv .zip .gz .tgz .bz2 .xz .7z .rar .tar .jar "
    ".exe .msi .dmg .pkg .deb .rpm .apk .iso .bin .img .xls .xlsx .ppt .pptx .doc .odt .ods .odp .rss .atom "
    ".xml .ics .vcf .torrent".split()
)
"""Endings of what is not read, so that it is not asked for either."""


@dataclass(frozen=True, slots=True)
class Address:
    """A page's address in the one way it is written."""

    url: str
    """Without fragment, tracking, session or a trailing index file; query in order."""
    found: str | None = None
    """As it was found, where its index file was left out: some hosts know it under no other name."""


def address_of(link: str, base: str = "") -> Address | None:
    """A link in the one way it is written; None for what is no address of a page."""
    try:
        url = normal_url(urljoin(base, link.strip()) if base else link)
        parts = urlsplit(url)
    except (InvalidInput, ValueError):
        return None
    path = _PATH_SESSION.sub("", _escaped(parts.path)) or "/"
    fields = sorted(
        _escaped(field) for field in parts.query.split("&") if field and not _is_passing(*_halves(field))
    )
    query = "&".join(fields)

    def written(path: str) -> str:
        return urlunsplit((parts.scheme, parts.netloc, path, query, ""))

    short = _INDEX.sub("/", path)
    return Address(written(short), written(path) if short != path else None)


def _halves(field: str) -> tuple[str, str]:
    name, _, value = field.partition("=")
    return unquote(name), unquote(value)


def _is_passing(name: str, value: str) -> bool:
    """Whether a field of the query says who asks or where they came from, not what is asked for."""
    if _TRACKING.fullmatch(name):
        return True
    return bool(_SESSION.fullmatch(name) and _SESSION_VALUE.fullmatch(value))


def _escaped(text: str) -> str:
    """Percent signs before what needs them, and before nothing else."""

    def plain(match: re.Match[str]) -> str:
        character = chr(int(match[1], 16))
        return character if character in _UNRESERVED else match[0].upper()

    return quote(_ESCAPE.sub(plain, text), safe="/%:@!$&'()*+,;=~?[]")


@dataclass(frozen=True, slots=True)
class Scope:
    """What belongs to a site: a host, and the part of its paths under the start page."""

    host: str
    """With its port, where that is not the ordinary one."""
    prefix: str

    @classmethod
    def of(cls, url: str) -> Scope:
        """Everything at or below a start page; a file's siblings are below its folder."""
        parts = urlsplit(url)
        path = parts.path
        if not path.endswith("/") and "." in path.rpartition("/")[2]:
            path = path.rpartition("/")[0] + "/"
        return cls(parts.netloc, path)

    def holds(self, url: str) -> bool:
        """Whether an address (as `address_of` writes it) is part of the site."""
        parts = urlsplit(url)
        if parts.netloc != self.host:
            return False
        below = self.prefix if self.prefix.endswith("/") else f"{self.prefix}/"
        return parts.path == self.prefix or parts.path.startswith(below)


def is_document(url: str) -> bool:
    """Whether its ending allows that it is a page or a document."""
    return PurePosixPath(unquote(urlsplit(url).path)).suffix.lower() not in NOT_DOCUMENTS


def family(url: str) -> str:
    """What addresses of one kind share: the path with its numbers left out, the names in the query."""
    parts = urlsplit(url)
    names = sorted({name for name, _ in parse_qsl(parts.query, keep_blank_values=True)})
    return f"{parts.netloc}{_NUMBER.sub('#', parts.path)}?{'&'.join(names)}"


def steps_after(steps: int, page: str, link: str) -> int:
    """How many steps in a row led from one dated page to the next of its kind."""
    return steps + 1 if is_dated(link) and family(page) == family(link) else 0


def is_dated(url: str) -> bool:
    """Whether an address names a day or a month, as calendars' do."""
    parts = urlsplit(url)
    if _DATE.search(f"{parts.path}?{parts.query}"):
        return True
    return any(name.lower() in _DATE_KEYS for name, _ in parse_qsl(parts.query, keep_blank_values=True))


def is_endless(url: str) -> bool:
    """Whether an address looks like one of a space without end."""
    segments = [segment for segment in urlsplit(url).path.split("/") if segment]
    return (
        len(url) > MAX_ADDRESS_CHARS
        or len(segments) > MAX_SEGMENTS
        or max(Counter(segments).values(), default=0) > MAX_REPEATS
    )
