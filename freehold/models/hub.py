"""Models from a hub: Hugging Face's, or another that speaks its protocol.

Three addresses of it are used: what a repository holds at a revision, with sizes and checksums
(`/api/models/ORG/NAME/revision/REVISION?blobs=true`), a file of it (`/ORG/NAME/resolve/COMMIT/FILE`), and
where that redirects to. They are spoken to here and not through the huggingface_hub library: that moves
large files by a part in Rust with connections of its own, which our one door out cannot judge, and checks
their sizes only. A revision is resolved to its commit once, and everything is taken from that commit; every
file is accepted by the checksum that the hub names for it, and none that could hold code is taken at all.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, quote, urljoin, urlsplit

from freehold.egress import Egress
from freehold.errors import FetchFailed, FreeholdError, InvalidInput, NotFound
from freehold.models.download import Checksum, Source, fetched
from freehold.models.formats.new_file import Progress
from freehold.net import Resolve, fetch, resolve
from freehold.net.response import Answer, raise_for_status, retry_after

HUGGING_FACE = "https://huggingface.co"
STORES = ("*.huggingface.co", "*.hf.co")
"""Where Hugging Face's hub sends us on to for large files."""

MAX_LISTING_BYTES = 32 * 2**20
_REPOSITORY = re.compile(r"hf:([A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95})(?:@(\S{1,200}))?")
_COMMIT = re.compile(r"[0-9a-f]{40}")
_PATH = re.compile(r"(?!/)[^\\\x00-\x1f\x7f]{1,500}")
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class HubFile:
    """A file of a repository."""

    path: str
    size: int
    checksum: Checksum


@dataclass(frozen=True, slots=True)
class Repository:
    """What a repository holds at one commit."""

    name: str
    commit: str
    files: tuple[HubFile, ...]
    card: dict[str, Any] = field(default_factory=dict)
    """The head of its model card: license, base_model, …"""


@dataclass(frozen=True, slots=True)
class Hub:
    """A hub, and who we are there."""

    address: str = HUGGING_FACE
    token: str | None = None

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Hub:
        """As HF_ENDPOINT and HF_TOKEN say, like the hub's own tools."""
        address = environment.get("HF_ENDPOINT", "").strip().rstrip("/") or HUGGING_FACE
        return cls(address, environment.get("HF_TOKEN", "").strip() or None)

    def egress(self, allowed: Egress) -> Egress:
        """What is allowed anyway, and this hub, which the command named by `hf:`.

        Raises:
            InvalidInput: HF_ENDPOINT is no web address, or one where others could read HF_TOKEN.
        """
        try:
            place = urlsplit(self.address)
            host, port = place.hostname, place.port
        except ValueError:  # half an IPv6 address, or a port that is no number
            host = None
        if not host or place.scheme not in ("http", "https"):
            raise InvalidInput(
                f"HF_ENDPOINT is {self.address[:200]!r}, which is no web address.",
                hint=f"Write it like {HUGGING_FACE}.",
            )
        named = allowed.with_named(host, port)
        if self.token and place.scheme == "http" and not named.permits_private(host, 80):
            raise InvalidInput(
                f"HF_TOKEN is not sent to {host} where others can read it.",
                hint="Set HF_ENDPOINT to an address with https.",
            )
        stores = STORES if self.address == HUGGING_FACE else ()
        return Egress((*named.allowed, *stores), named.allowed_private)

    def look(self, name: str, revision: str, *, egress: Egress, resolve: Resolve = resolve) -> Repository:
        """What a repository holds at a revision, which may be a branch, a tag or a commit.

        Raises:
            NotFound: there is no such repository or revision, or it is not shown to us.
            FetchFailed: it is gated, or the hub cannot be used; the message says why.
        """
        url = f"{self.address}/api/models/{name}/revision/{quote(revision, safe='')}?blobs=true"
        for _ in range(3):  # a renamed repository redirects to its new name
            answer = fetch(
                url,
                egress=self.egress(egress),
                max_bytes=MAX_LISTING_BYTES,
                headers=self._headers(),
                as_it_is=True,
                resolve=resolve,
            )
            if answer.redirect is None:
                break
            onward = _onward(url, answer.redirect)
            if onward is None or onward[:2] != urlsplit(url)[:2]:  # the token goes nowhere else
                where = "nowhere" if onward is None else f"{onward.scheme}://{onward.netloc}"
                raise FetchFailed(f"The hub sends us to {where[:200]} for {name}'s list of files.")
            url = onward.geturl()
        if answer.status != 200:
            raise self._refusal(answer.status, answer.headers, name, revision)
        return _repository(answer.body, name, revision)

    def get(
        self,
        repository: Repository,
        files: tuple[HubFile, ...],
        folder: Path,
        *,
        egress: Egress,
        progress: Progress = lambda done, total: None,
        sleep: Callable[[float], None] | None = None,
        resolve: Resolve = resolve,
    ) -> None:
        """Fetches files into `folder`, each by its own name; what lies there already is not fetched again.

        Raises:
            NoRoom: the disk is full; what has arrived stays.
            FetchFailed: the hub failed, or gave something else than it names; the message says what.
            FreeholdError: as `look`.
        """
        total, before = sum(each.size for each in files), 0
        allowed = self.egress(egress)

        def judge(answer: Answer) -> None:
            if answer.status in (401, 403, 404):
                raise self._refusal(answer.status, answer.headers, repository.name, repository.commit)
            raise_for_status(answer)

        def told(start: int, done: int) -> None:
            progress(start + done, total)

        for each in files:
            url = f"{self.address}/{repository.name}/resolve/{repository.commit}/{quote(each.path)}"
            fetched(
                Source(url, each.size, each.checksum, headers=self._headers(), judge=judge),
                folder / Path(each.path).name,
                egress=allowed,
                progress=partial(told, before),
                sleep=sleep,
                resolve=resolve,
            )
            before += each.size

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"} if self.token else {}

    def _refusal(self, status: int, headers: Mapping[str, str], name: str, revision: str) -> FreeholdError:
        """What the hub's status and its X-Error-Code mean."""
        code = headers.get("x-error-code", "")
        if code == "GatedRepo":
            who = "these credentials were not given access" if self.token else "HF_TOKEN is not set"
            return FetchFailed(
                f"{name} is gated: its makers give it to those who have accepted its terms, and {who}.",
                hint=f"Accept them at {self.address}/{name}, and set HF_TOKEN where the server runs.",
            )
        if code == "RevisionNotFound":
            return NotFound(
                f"{name} has no revision {revision}.", hint="Look at its branches, tags and commits."
            )
        if code == "EntryNotFound":
            return NotFound(f"{name} no longer has one of its files at {revision}.")
        if status in (401, 403) and self.token and code != "RepoNotFound":
            return FetchFailed(
                f"The hub does not accept HF_TOKEN (status {status}).", hint="Make a new one, or unset it."
            )
        if status in (401, 403, 404):  # the hub hides whether a private one exists
            return NotFound(
                f"The hub has no repository {name}, or does not show it to us.",
                hint="Look at its spelling; a private one needs HF_TOKEN where the server runs.",
            )
        return FetchFailed(
            f"The hub answered with status {status} when asked for {name}.",
            hint="Try again later." if status == 429 or status >= 500 else None,
            retry_after=retry_after(headers),
        )


def _onward(url: str, target: str) -> SplitResult | None:
    """Where a redirect leads; None where that is no address."""
    try:
        return urlsplit(urljoin(url, target))
    except ValueError:  # as of half an IPv6 address
        return None


def parsed(location: str) -> tuple[str, str]:
    """Repository and revision of `hf:ORG/NAME@REVISION`.

    Raises:
        InvalidInput: it is not written so; a revision must be named.
    """
    found = _REPOSITORY.fullmatch(location.strip())
    if found is None:
        raise InvalidInput(f"{location[:200]!r} is no model of a hub.", hint="Write hf:ORG/NAME@REVISION.")
    if found[2] is None:
        raise InvalidInput(
            f"{location} names no revision, so what it is could change.",
            hint=f"Write {location}@COMMIT; @main takes the commit that main is at now.",
        )
    return found[1], found[2]


def _repository(body: bytes, name: str, revision: str) -> Repository:
    """
    Raises:
        FetchFailed: that is no list of a repository's files.
    """
    nonsense = FetchFailed(f"The hub's list of {name}'s files makes no sense.", hint="Look at HF_ENDPOINT.")
    try:
        said = json.loads(body)
        commit, siblings, card = said["sha"], said["siblings"], said.get("cardData")
        files = tuple(_file(each) for each in siblings)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise nonsense from None
    if not isinstance(commit, str) or not _COMMIT.fullmatch(commit):
        raise nonsense
    if _COMMIT.fullmatch(revision) and commit != revision:
        raise FetchFailed(f"Asked for {name} at {revision}, the hub gives {commit}.")
    return Repository(name, commit, files, card if isinstance(card, dict) else {})


def _file(said: Mapping[str, Any]) -> HubFile:
    """
    Raises:
        ValueError, KeyError, TypeError: it is not described as the hub describes files.
    """
    path, size, lfs = said["rfilename"], said["size"], said.get("lfs")
    if not isinstance(path, str) or not _PATH.fullmatch(path) or ".." in path:
        raise ValueError
    if type(size) is not int or not 0 <= size < 2**50:
        raise ValueError
    if lfs:
        if not _SHA256.fullmatch(lfs["sha256"]) or lfs["size"] != size:
            raise ValueError
        return HubFile(path, size, Checksum("sha256", lfs["sha256"]))
    if not _COMMIT.fullmatch(said["blobId"]):
        raise ValueError
    return HubFile(path, size, Checksum("git", said["blobId"]))
