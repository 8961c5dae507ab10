"""Questions that name a product and ask what is told of products of another kind.

    python benchmarks/named_elsewhere.py --data FOLDER [--cache FOLDER] [--read]

"What is the overdraft fee of the EcoCard?" is asked of a bank's help centre, with the production answer path
and the reader. An answer from documents that do not name the product must say so. What is quoted of the
product's own documents may still be beside the question; only whether it names the product is judged here,
by its words. `first` are those that the rules were made with; `second` were written after and changed
nothing. `--read` prints every answer.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import partial
from itertools import product

from asking_back import Answer
from branching_questions import written
from datasets import BenchSet
from outcomes import Asked, counted
from telling_apart import CARDS

from freehold.assistant.marks import UNNAMED

COMES = ("names it", "does not, and says so", "does not", "asked back", "refused")

FIRST = {
    ", ".join(CARDS): """
        What is the overdraft fee of the {}?
        How much interest does the {} earn?
        What is the minimum opening deposit of the {}?
        How much can I deposit by phone with the {}?
        What is the stop payment fee of the {}?
        How many free checks come with the {}?
    """,
    "Light Blue Account, Purple Account, Gold Plus Account, Silver Account, Bronze Account, Blue Account,"
    " Hunter Green Account, True Blue Account, Navy Blue Account, Sky Blue Account, Gold Saver Account,"
    " BNPL Bronze, BNPL Diamond": """
        What is the annual fee of the {}?
        How much cash back does the {} pay on groceries?
        What credit score do I need for the {}?
        Does the {} have lounge access?
    """,
    "Business Platinum Rewards Card, Business Silver Rewards Card, Virtual Card, Silver Rewards Card,"
    " EcoCard": """
        What is the paper statement fee of the {}?
        How much does a wire transfer cost with the {}?
        How many withdrawals are free with the {}?
        What balance do I need for the {}?
        What APY does the {} pay?
    """,
    "World Blue, Emerald Saver Account, Lime Green, Gold Years Account, BNPL Silver, Green Fee-Free Account,"
    " Bluest, Diamond Elite Account": """
        What is the foreign transaction fee of the {}?
        What is the balance transfer fee of the {}?
        How many authorized users can I add to the {}?
        Does the {} include travel insurance?
        What is the late payment fee of the {}?
    """,
}
SECOND = {
    "Gold Rewards Card, Business Platinum Rewards Card, EcoCard, silver zoom card, diamond elite card": """
        Is there a monthly maintenance fee on the {}?
        How do I order checks for my {}?
        What happens if my {} falls below the minimum balance?
        How long until interest is paid on my {}?
    """,
    "Light Green Account, Navy Blue, Gold Plus Saver Account, purple account, true blue account,"
    " bronze saver account, Bluest": """
        What is the credit limit of the {}?
        What is the intro APR of my {}?
        How much is the cash advance fee of the {}?
        How do I redeem the points of my {}?
    """,
}


def asked(bench: BenchSet) -> Iterator[Asked]:
    texts = {one.id: " ".join((one.title, *one.headings, one.text)) for one in bench.passages}
    for kind, grid in (("first", FIRST), ("second", SECOND)):
        for names, lines in grid.items():
            for name, line in product(names.split(","), written(lines)):
                yield kind, line.format(name.strip()), partial(comes, name=name.strip(), texts=texts)


def comes(told: Answer, name: str, texts: Mapping[str, str]) -> str:
    """Which of COMES."""
    if told.outcome == "refused":
        return "refused"
    if told.choices:
        return "asked back"
    core = re.sub(r" (?:account|card)$", "", name.lower())
    other = re.compile(rf"\b{re.escape(core)}\b(?! (?:rewards|zoom|saver|plus|elite))")
    if any(other.search(texts[each].lower()) for each in told.cited):
        return "names it"
    return "does not, and says so" if told.text.startswith(UNNAMED.split("{}")[0]) else "does not"


def main() -> None:
    counted(__doc__, COMES, asked)


if __name__ == "__main__":
    main()
