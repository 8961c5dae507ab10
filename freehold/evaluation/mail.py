"""What a person wrote in a message: HTML, quoted history, greetings and signatures taken away.

Knows the customs of e-mail and help desks, in English mostly; what it does not recognise stays.
"""

from __future__ import annotations

import re
from html import unescape

MOST_CHARS = 20_000
"""A message is cut here: beyond stands quoted history or a pasted file."""

_HTML = re.compile(
    r"</?(?:p|br|div|span|ul|ol|li|h[1-6]|table|td|tr|a|b|strong|em|i|u|font|html|body|blockquote|pre"
    r"|code|img)\b[^>]{0,2000}>",
    re.I,
)
_BLOCKS = frozenset("p div br li tr h1 h2 h3 h4 h5 h6 table ul ol blockquote pre section article hr".split())
_QUOTES = (
    "//blockquote | //style | //script | //head | //title | //*[contains(@class, 'gmail_quote')]"
    " | //*[contains(@class, 'yahoo_quoted')] | //*[@id='appendonsend']/following-sibling::*"
    " | //*[@id='divRplyFwdMsg'] | //*[@id='divRplyFwdMsg']/following-sibling::*"
    " | //*[contains(@class, 'moz-cite-prefix')] | //*[contains(@class, 'signature')]"
)
_ABOVE = re.compile(r"^.*\b(?:type|write|reply)\b.{0,40}\babove this line\b.*$", re.I | re.M)
_SIGNATURE = re.compile(
    r"^(?:--|––|—|__+)[ \t]*$|^[ \t]*sent (?:from|via|with|using) (?:my )?[\w .]{2,40}$|^[ \t]*(?:get"
    r"|download) outlook for \w+"
    r"|^[ \t]*von meinem [\w ]+ gesendet",
    re.I | re.M,
)
_CLOSING = re.compile(
    r"^[ \t]*(?:(?:many |with )?(?:kind|best|warm|warmest|kindest)(?:est)? ?(?:regards|wishes)?|regards"
    r"|cheers|sincerely"
    r"|yours (?:sincerely|faithfully|truly)|thanks(?: (?:again|a lot|so much|in advance|and regards|for"
    r" (?:your|the|any) [\w ]{2,30}))?"
    r"|thank you(?: (?:very much|so much|in advance|again|for (?:your|the|any) [\w ]{2,30}))?|many thanks"
    r"|thx|all the best"
    r"|mit freundlichen grüßen|viele grüße|liebe grüße|freundliche grüße|mfg|cordialement|saludos"
    r"|cordiali saluti"
    r"|met vriendelijke groet(?:en)?|atenciosamente)[ \t]*[,.!–—-]*[ \t]*(?P<name>[^\n.?!]{0,40})$",
    re.I | re.M,
)
_DISCLAIMER = re.compile(
    r"^.*(?:this (?:e-?mail|message)(?:,? (?:and|including) any (?:attachments?|files?)[^.\n]{0,60})?"
    r" (?:is|are|may be|contains?) (?:confidential|intended)"
    r"|confidentiality notice|please consider the environment before printing)",
    re.I | re.M,
)
_GREETING = re.compile(
    r"\A\s*(?:hi|hello|hey|dear|good (?:morning|afternoon|evening|day)|greetings|hallo|liebe[sr]?|sehr"
    r" geehrte[rs]?|guten tag"
    r"|bonjour|hola|buenos días|ciao|buongiorno|olá)\b(?:[ \t]+[\w.'’\[\]/&-]+){0,5}[ \t]*(?:[,!.:–—-]+"
    r"|\n|\Z)\s*",
    re.I,
)
_AUTOMATIC = re.compile(
    r"\bauto(?:matic|mated)?[- ]?(?:reply|response|answer|message|e-?mail)\b|\bout of (?:the )?office\b"
    r"|\bon (?:annual )?leave until\b|\babwesenheit"
    r"|\b(?:we|i) (?:have |'ve |’ve )?(?:received|got) your (?:request|message|e-?mail|enquiry|inquiry"
    r"|ticket)\b"
    r"|\byour (?:request|ticket|message|e-?mail|case|enquiry|inquiry)\b.{0,30}\bhas been (?:received"
    r"|created|assigned|opened|closed|solved)\b"
    r"|\b(?:do not|don['’]t|please do not) reply to this (?:e-?mail|message)\b|\bthis is an automat(?:ed"
    r"|ic)\b"
    r"|\bthank(?:s| you) for (?:contacting|reaching out to|writing to)\b.{0,80}\b(?:we(?:['’]ll| will)|a"
    r" member of|someone|an agent|our team)\b"
    r"|\b(?:rate|how would you rate) (?:the|your) (?:support|experience|conversation)\b",
    re.I | re.S,
)
_EMPTY = re.compile(
    r"(?:(?:ok(?:ay)?|thanks?|thank you|thx|cheers|great|perfect|hi|hello|hey|there|again|please"
    r"|so much|very much|a lot"
    r"|many|got it|bye|goodbye|have a (?:nice|good|great) (?:day|one|weekend|evening)|you too|welcome"
    r"|you['’]?re|no problem|for your help)[\s,.!]*)+",
    re.I,
)


def said(text: str) -> str:
    """The message's own words; empty when it has none beside courtesies."""
    text = plain(text)
    text = _above(_unquoted(text))
    text = _unsigned(text)
    text = _GREETING.sub("", text, count=1)
    text = re.sub(r"[ \t]+$", "", text, flags=re.M)
    text = re.sub(r"\n{3,}", "\n\n", text).strip()
    return "" if courtesy(text) else text


def plain(text: str) -> str:
    """Without HTML and without what no one typed: soft hyphens, byte order marks, Windows line ends."""
    text = re.sub(r"[\u00ad\u200b-\u200d\u2060\ufeff]", "", text[: 10 * MOST_CHARS])
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\u00a0", " ").replace("\u2028", "\n")
    if _HTML.search(text):
        text = _without_html(text)
    elif re.search(r"&(?:amp|lt|gt|quot|nbsp|#\d{2,5});", text):
        text = unescape(text).replace("\u00a0", " ")
    return text[:MOST_CHARS]


def automatic(text: str) -> bool:
    """Whether no person wrote this: an acknowledgement, an absence, a survey."""
    return len(text) < 1_500 and _AUTOMATIC.search(text) is not None


def courtesy(text: str) -> bool:
    """Whether there is nothing but thanks and greetings."""
    return not re.search(r"[^\W_]", text) or _EMPTY.fullmatch(text) is not None


def _without_html(text: str) -> str:
    from lxml import etree, html

    try:
        root = html.document_fromstring(f"<div>{text}</div>", parser=html.HTMLParser(remove_comments=True))
    except (etree.ParserError, ValueError):  # nothing in it, or characters that XML does not have
        return re.sub(r"<[^>]{0,2000}>", " ", text)
    for part in root.xpath(_QUOTES):
        if part.getparent() is not None:
            part.drop_tree()
    for element in root.iter():
        if element.tag in _BLOCKS:
            lead = "\n- " if element.tag == "li" else "\n"
            if element.tag == "br":
                element.tail = "\n" + (element.tail or "")
            else:
                element.text = lead + (element.text or "")
                element.tail = "\n" + (element.tail or "")
    words = str(root.text_content())
    lines = (" ".join(line.split()) for line in words.split("\n"))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).replace("\n- \n", "\n- ").strip()


def _unquoted(text: str) -> str:
    from quotequail import quote

    return "\n".join(part for shown, part in quote(text) if shown) or text


def _above(text: str) -> str:
    if mark := _ABOVE.search(text):
        before = text[: mark.start()].strip()
        return before or text[mark.end() :]
    return text


def _unsigned(text: str) -> str:
    """Cut at the signature: at a mark for one, or at a closing line that little comes after."""
    if (mark := _SIGNATURE.search(text)) and text[: mark.start()].strip():
        text = text[: mark.start()]
    if (mark := _DISCLAIMER.search(text)) and text[: mark.start()].strip():
        text = text[: mark.start()]
    for mark in _CLOSING.finditer(text):
        rest = text[mark.end() :].strip()
        if text[: mark.start()].strip() and rest.count("\n") < 8 and len(rest) < 400 and "?" not in rest:
            return text[: mark.start()]
    return text
