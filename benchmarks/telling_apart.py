"""Questions that each of many products answers differently, asked of a help centre that has them all.

    python benchmarks/telling_apart.py --data FOLDER [--cache FOLDER] [--read]

"What is the monthly fee?" is asked of a bank's help centre, with the production answer path and the reader.
It is told apart where what several documents say stands under their titles, or asked back; it is not where
one product's answer stands for all. Questions that name their product must not be told apart. `first` are
those that the rules were made with; `second` were written after and changed nothing. `--read` prints every
answer.
"""

from __future__ import annotations

from collections.abc import Iterator

from asking_back import Answer
from branching_questions import written
from outcomes import counted

from freehold.assistant.marks import DIFFERENTLY

COMES = ("told apart", "asked back", "several documents", "one document", "refused")
"""What may come of a question; only the first two say that there are several answers."""

FIRST_OF_MANY = """
    What is the monthly fee?
    Is there an annual fee?
    What is the annual fee?
    What is the foreign transaction fee?
    What is the minimum opening deposit?
    What is the APY?
    What interest rate do I earn on my balance?
    How much is the monthly maintenance fee?
    What is the minimum balance?
    How much cash back do I get?
    What is the intro APR?
    What is the APR on purchases?
    What is the late payment fee?
    How many free withdrawals do I get each month?
    What is the mobile deposit limit?
    What is the daily ATM withdrawal limit?
    How much is the ATM fee rebate?
    What is the referral bonus?
    How much do I get for referring a friend?
    What is the credit limit?
    What is the overdraft fee?
    How much does a wire transfer cost?
    What is the cash advance fee?
    What is the balance transfer fee?
    How long is the promotional period?
    How many points do I earn per dollar?
    What is the sign-up bonus?
    How much is the welcome bonus?
    What is the stop payment fee?
    How much does a replacement card cost?
    What is the excess withdrawal fee?
    How do I avoid the monthly fee?
    What is the paper statement fee?
    How much insurance does the card include?
    How many cards can I get for my employees?
    What is the spending limit?
    What balance do I need for the higher APY?
    What is the daily transfer limit?
    What is the fee for going over the withdrawal limit?
    How long does it take until interest is paid?
"""
SECOND_OF_MANY = """
    What does it cost to keep the account each month?
    How high is the yearly fee?
    How much interest do I get?
    What do I need to open an account?
    What credit score do I need?
    How much can I withdraw per day?
    How much can I deposit by phone?
    What happens if I fall below the minimum balance?
    What are the wire fees?
    How many months does the introductory rate last?
    What rate do I pay after the promotion?
    What bonus do new customers get?
    How much cash back is paid on groceries?
    How many authorized users may I add?
    What is the minimum redemption amount?
    What is the fee for paper statements?
    How many referrals can I make a year?
    What do I pay for cash withdrawals abroad?
    What is the fee for a returned deposit?
    How many free checks do I get?
"""
CARDS = (
    "EcoCard",
    "Diamond Elite Card",
    "Business Gold Rewards Card",
    "Silver Zoom Card",
    "Platinum Rewards Card",
    "Green Rewards Card",
    "Bronze Rewards Card",
    "Gold Rewards Card",
)
ACCOUNTS = (
    "Light Blue Account",
    "Diamond Elite Account",
    "Purple Account",
    "Gold Plus Account",
    "Silver Account",
    "Bronze Account",
    "Blue Account",
    "World Blue",
    "Hunter Green",
    "True Blue Account",
    "Navy Blue Account",
    "Sky Blue Account",
)
SECOND_OF_ONE = """
    How high is the yearly fee of the Silver Zoom Card?
    What credit score do I need for the Diamond Elite Card?
    How much cash back does the Business Silver Rewards Card pay?
    What bonus do new EcoCard customers get?
    How many withdrawals are free with the Gold Saver Account?
    What is the overdraft fee on Navy Blue?
    How much can I deposit by phone with a platinum account?
    What does the Purple Account cost each month?
    How many referrals can I make with the light green account?
    What is the minimum opening deposit of the Gold Account?
    What rate does the Emerald Saver Account pay?
    What are the wire fees of the Bronze Saver Account?
    How much interest does Lime Green earn?
    What is the ATM rebate on Bluest?
    What is the fee for stop payments on the green fee-free account?
    How long is the free period of Sky Blue?
    What is the late fee of BNPL Diamond?
    What does the Crypto-Cash Back card pay?
    What is the spending limit for minors?
    What balance does World Blue need to avoid the monthly fee?
"""


def questions() -> Iterator[tuple[str, str]]:
    """Each with its kind."""
    yield from (("first, of many", line) for line in written(FIRST_OF_MANY))
    yield from (("second, of many", line) for line in written(SECOND_OF_MANY))
    for card in CARDS:
        yield "first, naming one", f"What is the annual fee of the {card}?"
        yield "first, naming one", f"What is the credit limit of my {card.lower()}?"
        yield "first, naming one", f"What APR does the {card} have?"
    for account in ACCOUNTS:
        yield "first, naming one", f"What is the monthly fee of the {account}?"
        yield "first, naming one", f"What is the minimum balance for {account.lower()}?"
        yield "first, naming one", f"What APY do I get with the {account}?"
    yield from (("second, naming one", line) for line in written(SECOND_OF_ONE))


def comes(told: Answer) -> str:
    """Which of COMES."""
    if told.outcome == "refused":
        return "refused"
    if told.choices:
        return "asked back"
    if told.text.startswith(DIFFERENTLY):
        return "told apart"
    return "several documents" if len(told.titles) > 1 else "one document"


def main() -> None:
    counted(__doc__, COMES, lambda bench: ((kind, text, comes) for kind, text in questions()))


if __name__ == "__main__":
    main()
