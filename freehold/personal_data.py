"""Finds personal data in text: where it stands and of which kind.

Knows patterns, check digits and the words around them; it does not know languages, so a name in the middle
of a sentence that no greeting, signature or verb gives away is not found. Every pattern takes time in
proportion to the text, however hostile. Its measured errors stand in docs/benchmarks.md.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator
from typing import Literal, get_args

Kind = Literal[
    "link", "secret", "email", "iban", "card", "ip", "birth date", "phone", "number", "address", "name"
]
KINDS: tuple[Kind, ...] = get_args(Kind)
"""What is looked for, the surer before the vaguer: a stretch belongs to the first that claims it."""

_UP, _WORD = r"[^\W\d_a-zß-öø-ÿ]", r"[^\W\d_]"
_NAME_WORD = rf"{_UP}(?:{_WORD}|['’](?={_UP}))*(?:-{_UP}{_WORD}+)*\.?"
SURNAME = re.compile(rf"[ \t]+(?P<told>{_NAME_WORD})(?!\w)")
"""A name's next word, right behind what is known of it."""
_NAME_RUN = (
    rf"{_NAME_WORD}(?:[ \t]+(?:(?:van|von|de|der|den|di|da|la|le|al|el|bin|ibn)[ \t]+)*{_NAME_WORD}){{0,3}}"
)
_GREETING = (
    r"hi|hello|hey|dear|good (?:morning|afternoon|evening)|hallo|liebe[r]?|sehr geehrte[rs]?|bonjour"
    r"|cher|chère|hola|estimad[oa]|ciao|gentile|beste|olá"
)
_CLOSING = (
    r"(?:(?:many |with )?(?:kind|best|warm|warmest|kindest)(?: |est )?(?:regards|wishes)?|regards|cheers"
    r"|sincerely"
    r"|yours (?:sincerely|faithfully|truly)|thanks(?: again| a lot| so much| in advance)?|thank you(?:"
    r" very much| so much"
    r"| in advance)?|many thanks|best|all the best|love|mit freundlichen grüßen|viele grüße|liebe grüße"
    r"|freundliche grüße"
    r"|mfg|cordialement|bien à vous|saludos(?: cordiales)?|un saludo|cordiali saluti|met vriendelijke"
    r" groet(?:en)?"
    r"|atenciosamente|pozdrawiam)"
)
_TITLE = r"mr|mrs|ms|miss|mx|dr|prof|herr|frau|sr|sra|señor|señora|monsieur|madame|m|mme|signor|signora"
NOT_NAMES = frozenset(
    "there all team everyone everybody sir madam support service customer customers guys folks friends"
    " again sirs"
    " the a an i we you it this that these our your my is are was were do does can could would will"
    " please thanks"
    " thank hello hi hey yes no not so if when how what where why who and or but for from with to in on"
    " at of mr mrs"
    " ms miss dr prof herr frau monday tuesday wednesday thursday friday saturday sunday january february"
    " march april"
    " june july august september october november december sent sales help helpdesk desk billing"
    " community admin"
    " agent manager department office company ltd inc gmbh llc corp co group damen und herren zusammen"
    " team's regards"
    " best kind sincerely cheers glad happy sorry sure still also having trying looking writing wondering"
    " unable"
    " interested using getting currently just very really afraid located based here back new ok okay good"
    " great".split()
)
_STREET = (
    r"street|st|road|rd|avenue|ave|lane|ln|drive|dr|boulevard|blvd|court|ct|place|pl|square|sq|terrace|way"
    r"|crescent|close|gardens|grove|mews|parkway|pkwy|highway|hwy|circle|cir|quay|row|hill|walk"
)
_US_STATE = (
    r"A[KLRZ]|C[AOT]|D[CE]|FL|GA|HI|I[ADLN]|K[SY]|LA|M[ADEINOST]|N[CDEHJMVY]|O[HKR]|PA|RI|S[CD]|T[NX]|UT|V[AT]"
    r"|W[AIVY]"
)
_UK = r"\b(?:GIR ?0AA|[A-PR-UWYZ][A-HK-Y]?\d[A-HJKPSTUW\d]? \d[ABD-HJLNP-UW-Z]{2})\b"
_MONTH = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|sept|oct|nov|dec|mär|mai|okt|dez)(?:[^\W\d_]{0,7})\.?"
_DATE = (
    rf"(?:\d{{1,2}}[./-]\d{{1,2}}[./-]\d{{2,4}}|\d{{4}}-\d{{1,2}}-\d{{1,2}}|\d{{1,2}}(?:st|nd|rd|th"
    rf"|\.)?(?: of)? {_MONTH},? \d{{4}}"
    rf"|{_MONTH} \d{{1,2}}(?:st|nd|rd|th)?,? \d{{4}})"
)
_THING = (
    r"order|customer|client|invoice|bill|ticket|case|account|acct|booking|reservation|reference|ref"
    r"|tracking|confirmation"
    r"|policy|contract|member(?:ship)?|passport|licen[cs]e|serial|transaction|payment|shipment|parcel"
    r"|package|rma"
    r"|subscription|user|personal|national insurance|social security|ssn|tax|vat|pnr|imei|student|patient"
    r"|employee"
    r"|gift ?card|voucher|(?:bestell|kunden|rechnungs|vertrags|sendungs|auftrags)(?:nummer|nr\.?)"
    r"|bestellung|rechnung|vertrag"
    r"|commande|facture|pedido|factura"
)
_WORDS_FOR = r"(?:\s*-?(?:numbers?|no\.?|nr\.?|num\.?|nummer|id|ids|code|key|#|n°|número|numéro))"

_SECRET = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)"
    r"|\beyJ[\w-]{10,}\.[\w-]{10,}(?:\.[\w-]+)?"
    r"|\b(?:sk|pk|rk|ak|whsec|ghp|gho|ghs|github_pat|glpat|xox[abprs]|shpat|AKIA|ASIA|AIza|npm|pypi|hf|fh"
    r"|SG)[-_]?(?=[\w.-]*\d)[\w.-]{16,}"
    r"|(?<![A-Za-z0-9+/_-])(?=[A-Za-z0-9+/_-]*\d)(?=[A-Za-z0-9+/_-]*[A-Za-z])(?:[0-9a-fA-F]{32,}"
    r"|[A-Za-z0-9+/_-]{40,})={0,2}(?![\w/])",
    re.S,
)
_TOLD_SECRET = re.compile(
    r"\b(?:pass(?:word|code|phrase|wort)|pwd|passwd|mot de passe|contraseña|kennwort|pin(?:"
    r" ?code)?(?:[.,;]? it)?|otp|cvv2?|cvc2?"
    r"|security code|verification code|one[- ]time code|login code|api[ -]?key|access[ -]token|secret(?:"
    r" key)?|bearer|token)"
    r"(?:\s+(?:is|was|ist|est|es)\s*:?\s*"
    r"|\s*[:=]\s*)[\"'“‘`]?(?P<told>(?=\S*[\d\W_])[^\s\"'”’`,;]{3,}(?<![.?])"
    r"|[^\s\"'”’`,;.!?]{3,}(?=[.!?,;\"'”’`]*(?:\s*$|\n)))"
    r"|\bbearer\s+(?P<bearer>[\w.~+/-]{12,}=*)",
    re.I | re.M,
)
_URL = re.compile(r"\b(?:https?://|ftp://|www\.)[^\s<>\"'“”]+", re.I)
_AT = re.compile(
    r"\s?(?:@|\s?[\[(]\s?(?:at|@)\s?[\])]\s?)(?:[\w-]{1,63}(?:\.|\s?[\[(]\s?(?:dot"
    r"|\.)\s?[\])]\s?)){1,8}[^\W\d_]{2,24}\b"
)
_LOCAL = frozenset(".!#$%&'*+/=?^`{|}~-_")
"""What the part before the @ may hold, besides letters and digits."""
_IBAN = re.compile(r"\b[A-Z]{2}\d{2}(?:[ -]?[A-Z0-9]){11,30}\b")
_CARD = re.compile(r"(?<![\d.,])\d(?:[ -]?\d){12,18}(?![\d])")
_CARD_END = re.compile(
    r"\b(?:ending|ends|end)(?: in| with)?:? (?P<told>\d{4})\b|(?:[*x•]{4}[ -]?){1,4}(?P<star>\d{4})\b", re.I
)
_IP4 = re.compile(r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w]|\.\d)")
_IP6 = re.compile(r"(?<![\w:])(?:[0-9a-fA-F]{0,4}:){2,7}[0-9a-fA-F]{0,4}(?![\w:])")
_MAC = re.compile(r"(?<![\w:-])[0-9a-fA-F]{2}(?:([:-])[0-9a-fA-F]{2})(?:\1[0-9a-fA-F]{2}){4}(?![\w:-])")
_EXTENSION = re.compile(r"\b(?:ext(?:ension)?\.?|durchwahl|poste)\s?:?\s?(?P<told>\d{2,6})\b", re.I)
_VERSION_BEFORE = re.compile(r"(?:\bv|version|release|build|firmware|update)\s*:?\s*$", re.I)
_BIRTH = re.compile(
    rf"\b(?:born(?: on| in)?|d\.?o\.?b\.?|date of birth|birth ?date|birthday(?: is)?|geboren(?: am)?"
    rf"|geburtsdatum|née? le"
    rf"|fecha de nacimiento)\s*(?:is|was|:|=|-|on)?\s*(?P<told>{_DATE})",
    re.I,
)
_PHONE = re.compile(
    r"(?<![\w.,/=-])(?:\+|\(\+?)?\d(?:[ \t\u00a0]?[-./()]{0,2}[ \t\u00a0]?\d){6,14}(?!\w|[.,]\d)"
)
_PHONE_WORDS = re.compile(
    r"(?:tel(?:ephone|efon|éfono)?|phone|mobile|cell|call|ring|text|sms|whats ?app|fax|handy|number is"
    r"|reach (?:me|us)"
    r"(?: (?:on|at))?|me (?:on|at))\W*(?:\w+\W+){0,3}$",
    re.I,
)
_ANY_DATE = re.compile(rf"{_DATE}|\d{{4}}[./]\d{{1,2}}[./]\d{{1,2}}", re.I)
_DATE_TIME = re.compile(r"(?:\d{1,4}[./-]){2}\d{1,4}(?:[ T]+\d{1,2})?|\d{4}\s*[-–/]\s*\d{2,4}")
_GROUPED = re.compile(r"\d{1,3}(?:[ ,.'’\u00a0]\d{3})+(?:[.,]\d{1,2})?")
_KEYED = re.compile(
    rf"\b(?:{_THING})\b{_WORDS_FOR}?(?:\s*(?:is|was|:|=|#"
    rf"|\())*\s*#?\s*(?P<told>(?=[\w/.-]*\d)(?:[A-Za-z0-9]+[-/._])*[A-Za-z0-9]*\d[A-Za-z0-9]*(?:[-/._][A-Za-z0-9]+)*)"
    rf"|\b(?:{_THING}){_WORDS_FOR}\s*(?:is|was|:|=)?\s*#?\s*(?P<word>[A-Z]{{5,12}})\b",
    re.I,
)
_HASHED = re.compile(r"(?<![\w&])#(?P<told>\d{4,}|(?=[A-Z0-9-]*\d)[A-Z][A-Z0-9-]{4,})\b")
_MIXED = re.compile(r"(?<![\w./-])(?=(?:[A-Z]*\d){2})(?=(?:\d*[A-Z]){2})[A-Z0-9]{8,}(?![\w]|[-./]\w)")
_SSN = re.compile(
    r"(?<![\w-])\d{3}-\d{2}-\d{4}(?![\w-])|\b[A-CEGHJ-PR-TW-Z]{2} ?\d{2} ?\d{2} ?\d{2} ?[A-D]\b"
)
_DIGITS = re.compile(r"(?<![\w.,+-])\d{7,}(?![\w]|[.,]\d)")
_ADDRESS = re.compile(
    rf"(?<![\w.,])(?:(?i:apt|apartment|suite|unit|flat)\.? \w{{1,5}},?"
    rf" )?\d{{1,5}}[A-Za-z]?(?:[-/]\d{{1,5}}[A-Za-z]?)?,? (?:(?:N|S|E|W|NE|NW|SE|SW)\.?"
    rf" )?(?:{_UP}[\w'’.-]*|\d{{1,3}}(?:st|nd|rd|th))(?: {_UP}[\w'’.-]*){{0,3}}"
    rf" (?:(?i:{_STREET}))\b\.?(?:,? (?:(?i:apt|apartment|suite|ste|unit|flat|floor)\.?|#) ?\w{{1,5}}\b)?"
    rf"(?:,?\s(?:{_UP}(?:{_WORD}|['’.-])+(?!\w)[ ]?){{1,3}},?(?: (?:{_US_STATE})\b)?(?:"
    rf" ?\d{{5}}(?:-\d{{4}})?\b)?)?(?:,?[ ]*{_UK})?"
    rf"|\b{_UP}[\w-]*(?:straße|strasse|str\.|weg|platz|allee|gasse|ring|damm|ufer|laan|straat|gracht"
    rf"|plein|gatan|vägen|gade)[ ]\d{{1,4}} ?[a-z]?\b(?:,?\s+\d{{4,5}}\s+{_UP}{_WORD}+)?"
    rf"|\b\d{{1,4}}(?: ?(?:bis|ter))?,? (?:[Rr]ue|[Aa]venue|[Bb]oulevard|place|chemin|impasse|allée|quai"
    rf"|calle|via|piazza|rua|ul\.)(?: (?:d[aeiou]s?|la|les?|dell?a?|[Ll]['’]))*(?:"
    rf" ?{_UP}[\w'’-]+){{1,3}}(?:,?\s+\d{{4,5}}\s+{_UP}{_WORD}+)?"
    rf"|\b(?:[Cc]alle|[Vv]ia|[Pp]iazza|[Rr]ua|ul\.)(?: (?:d[aeiou]s?|la|les?|dell?a?))*(?:"
    rf" {_UP}[\w'’-]+){{1,3}},? \d{{1,4}}\b"
    rf"|\bP\.? ?O\.? ?Box \d+\b|\b(?:{_UP}[\w'’.-]+ ){{0,2}}{_UP}[\w'’.-]+, (?:{_US_STATE})"
    rf" \d{{5}}(?:-\d{{4}})?\b"
    rf"|{_UK}"
)
_POSTCODE = re.compile(
    r"\b(?:zip|zip ?code|post ?code|postal code|plz|code postal|código postal)\b\s*(?:is|:"
    r"|=)?\s*(?P<told>[A-Z]{0,2}-?\d[A-Z0-9 -]{2,8}\d?[A-Z0-9])\b",
    re.I,
)
_GREETED = re.compile(
    rf"^[ \t>*]*(?i:{_GREETING})[, ]+(?:(?i:{_TITLE})\.?[ \t]+)?(?P<told>{_NAME_RUN})(?=["
    rf" \t]*(?:[,!.:;–—-]|$))",
    re.M,
)
_SIGNED = re.compile(
    rf"(?:^|(?<=[.!?] )|(?<=[.!?]\n))[ \t>*]*(?i:{_CLOSING})[ \t]*[,.!–—-]*[ \t]*\n?\s*(?:[-–—~]["
    rf" \t]*)?(?P<told>{_NAME_RUN})[ \t]*(?=$|\n|\||,|\()",
    re.M,
)
_DASHED = re.compile(rf"(?:^|\s)(?:[-–—~]{{1,2}})[ \t]?(?P<told>{_NAME_RUN})[ \t]*\Z")
_RELATION = (
    r"wife|husband|son|daughter|colleague|co-?worker|neighbou?r|friend|boss|mother|father|mum|mom|dad"
    r"|brother|sister"
    r"|partner|assistant|flat ?mate|room ?mate|landlord|tenant|aunt|uncle|cousin|nephew|niece"
)
_CALLED = re.compile(
    rf"\b(?i:my (?:full |first |last |sur)?name(?: is|['’]s)|(?:customer|contact|full|first|last|account"
    rf" holder|cardholder)?['’]?s? ?name:|surname:?|ich bin|name on (?:the )?(?:account|card|order"
    rf"|booking) is|this is|i am called|ich heiße|mein name ist|je m['’]appelle|me llamo|mi nombre es"
    rf"|(?:on behalf of|signed by|attention|attn|booked under|reserved under|under the name(?: of)?|in"
    rf" the name of)):?[ \t]+(?P<told>{_NAME_RUN})"
    rf"|\b(?i:(?:spoke|speak|spoken|talked|talk|chatted|chat|dealt) (?:to|with)|(?:my|our|his|her|the)"
    rf" (?:{_RELATION})),?[ \t](?P<met>{_NAME_RUN})"
    rf"|\b(?i:contact|ask|email|call|ring)[ \t](?P<asked>{_NAME_WORD}(?: {_NAME_WORD})+)|\bI,"
    rf" (?P<hereby>{_NAME_RUN}),|^(?P<here>{_NAME_RUN}) here\b"
    rf"|\b(?i:i['’]m|i am) (?P<am>{_NAME_WORD}(?: {_NAME_WORD})*)"
    r"(?=[ \t]*(?:[,.;:!(–—]|$)| from\b| and i\b| here\b)",
    re.M,
)
_TITLED = re.compile(
    rf"\b(?:Mr|Mrs|Ms|Miss|Mx|Dr|Prof|Herrn?|Frau|Señora?|Sra?|Monsieur|Madame|Mme|Signora?)\.?["
    rf" \t](?P<told>{_NAME_RUN})"
)


def _told(pattern: re.Pattern[str]) -> Callable[[str], Iterator[tuple[int, int]]]:
    """What a pattern's named groups hold, or all of it where it has none."""
    groups: list[str | int] = [*pattern.groupindex] or [0]

    def find(text: str) -> Iterator[tuple[int, int]]:
        for match in pattern.finditer(text):
            yield from (match.span(group) for group in groups if match[group] is not None)

    return find


def _links(text: str) -> Iterator[tuple[int, int]]:
    """Addresses that may open something: with a query, a fragment, a login, or a part that is no word."""
    for match in _URL.finditer(text):
        url = match.group().rstrip(".,;:!?)]}'’")
        parts = re.split(r"[/?#&=]", url.partition("://")[2] or url)
        opaque = any(
            re.search(r"\d{5,}|%40|@", part)
            or (
                len(part) >= 16
                and re.search(r"\d", part)
                and re.search(r"[A-Za-z]", part)
                and "-" not in part
            )
            for part in parts[1:]
        )
        if opaque or re.search(r"[?@]|#.*[=/]|#\w{12,}", url):
            yield match.start(), match.start() + len(url)


def _emails(text: str) -> Iterator[tuple[int, int]]:
    """From the @ outwards: a pattern that begins at the front takes squares of time on long words."""
    for match in _AT.finditer(text):
        start = match.start()
        while start > 0 and (text[start - 1].isalnum() or text[start - 1] in _LOCAL):
            start -= 1
        if start < match.start():
            yield start, match.end()


def _ibans(text: str) -> Iterator[tuple[int, int]]:
    for match in _IBAN.finditer(text):
        value = match.group()
        while len(re.sub(r"[ -]", "", value)) >= 15:  # words may follow it without a mark between
            plain = re.sub(r"[ -]", "", value)
            if int("".join(str(int(letter, 36)) for letter in plain[4:] + plain[:4])) % 97 == 1:
                yield match.start(), match.start() + len(value)
                break
            value = value[:-1].rstrip(" -")


def _cards(text: str) -> Iterator[tuple[int, int]]:
    for match in _CARD.finditer(text):
        digits = [int(letter) for letter in match.group() if letter.isdigit()]
        doubled = sum(sum(divmod(2 * digit, 10)) for digit in digits[-2::-2])
        if (sum(digits[-1::-2]) + doubled) % 10 == 0 and len(set(digits)) > 1:
            yield match.span()
    yield from _told(_CARD_END)(text)


def _addresses_of_machines(text: str) -> Iterator[tuple[int, int]]:
    yield from _told(_MAC)(text)
    for pattern in (_IP4, _IP6):
        for match in pattern.finditer(text):
            if _VERSION_BEFORE.search(text, max(0, match.start() - 20), match.start()):
                continue
            try:
                ipaddress.ip_address(match.group())
            except ValueError:
                continue
            if match.group() != "::":
                yield match.span()


def _phones(text: str) -> Iterator[tuple[int, int]]:
    """Runs of 7 to 15 digits written as telephone numbers are, or after a word that says so."""
    for match in _PHONE.finditer(text):
        value = match.group()
        if (
            re.fullmatch(r"\d+\.\d+", value)
            or _DATE_TIME.match(value)
            or _ANY_DATE.match(value)
            or _GROUPED.fullmatch(value)
        ):
            continue
        written_so = value[0] in "+(0" or re.search(r"\d[-. ()]+\d", value)
        if written_so or _PHONE_WORDS.search(text, max(0, match.start() - 40), match.start()):
            if _SSN.fullmatch(value):
                continue
            yield match.span()
    yield from _told(_EXTENSION)(text)


def _numbers(text: str) -> Iterator[tuple[int, int]]:
    for match in _KEYED.finditer(text):
        group = "told" if match["told"] is not None else "word"
        value = match[group]
        digits = sum(letter.isdigit() for letter in value)
        if (group == "word" and value.isupper()) or (
            group == "told"
            and (digits >= 4 or (digits >= 2 and len(value) >= 5))
            and not _ANY_DATE.fullmatch(value)
            and not re.fullmatch(r"(?:19|20)\d\d", value)
        ):
            yield match.span(group)
    for pattern in (_HASHED, _SSN, _MIXED, _DIGITS):
        yield from _told(pattern)(text)


def _places(text: str) -> Iterator[tuple[int, int]]:
    yield from _told(_ADDRESS)(text)
    yield from _told(_POSTCODE)(text)


def names(text: str) -> Iterator[tuple[int, int]]:
    for pattern in (_GREETED, _SIGNED, _DASHED, _CALLED, _TITLED):
        for start, end in _told(pattern)(text):
            yield from _trimmed(text, start, end)


def _trimmed(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """The part of a run of capitalised words before the first that is no name."""
    stop = start
    for word in re.finditer(r"\S+", text[start:end]):
        bare = word.group().strip(".,'’").lower()
        if bare in NOT_NAMES:
            break
        stop = start + word.end()
    if stop > start and text[start:stop].rstrip(".")[1:]:
        yield start, stop - (text[stop - 1] == "." and stop - start > 3)


FINDERS: tuple[tuple[Kind, Callable[[str], Iterator[tuple[int, int]]]], ...] = (
    ("link", _links),
    ("secret", _told(_TOLD_SECRET)),
    ("secret", _told(_SECRET)),
    ("email", _emails),
    ("iban", _ibans),
    ("card", _cards),
    ("ip", _addresses_of_machines),
    ("birth date", _told(_BIRTH)),
    ("address", _places),
    ("phone", _phones),
    ("number", _numbers),
    ("name", names),
)
