"""When two questions are one, and when they are not."""

import pytest

from freehold.assistant.answer_memory import same_question
from freehold.assistant.slips import mended
from freehold.assistant.wording import read
from freehold.testing import FakeEmbedder


def tier(one: str, other: str) -> str | None:
    found = same_question(read(one), read(other), FakeEmbedder())
    assert (found is None) == (same_question(read(other), read(one), FakeEmbedder()) is None)
    return found and found[0]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("How do I reset my password?", "  how do I reset my password"),
        ("What's the fee?", "WHAT IS THE FEE"),
        ("I can't log in", "I cannot log in."),
        ("如何重置密码？", "如何重置密码"),
    ],
)
def test_marks_case_and_contractions_leave_the_words_the_same(one: str, other: str) -> None:
    assert tier(one, other) == "exact"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("How do I reset my password?", "Hi, could you please tell me how I can reset my password? Thanks!"),
        ("How do I reset my password?", "how to reset password"),
        ("Can I park here?", "I was wondering if I can park here"),
        ("Can I return shoes in Germany?", "In Germany, can I return shoes?"),
        ("What is the price of the Pro plan?", "How much does the Pro plan cost?"),
        ("Do I have to pay?", "Do I need to pay?"),
        ("Can I fly from Paris to Rome?", "Can I fly to Rome from Paris?"),
        ("How do I log in?", "How do I sign in?"),
    ],
)
def test_politeness_and_the_order_of_parts_change_nothing(one: str, other: str) -> None:
    assert tier(one, other) in ("words", "exact")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("How do I buy a ticket?", "How do I purchase a ticket?"),
        ("How do I reset my password?", "How do I reset my pasword?"),
    ],
)
def test_synonyms_and_slips_need_the_embedding_model(one: str, other: str) -> None:
    class Near(FakeEmbedder):
        def embed(self, texts):
            return super().embed(["the same"] * len(texts))

    class Far(FakeEmbedder):
        def embed(self, texts):
            vectors = super().embed(texts)
            vectors[0] = -vectors[-1]
            return vectors

    assert (same_question(read(one), read(other), Near()) or ("", 0))[0] == "meaning"
    assert same_question(read(one), read(other), Far()) is None
    assert same_question(read(one), read(other), None) is None


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("How many days do refunds take in 2024?", "How many days do refunds take in 2025?"),
        ("Does it work with 1.5 GB?", "Does it work with 15 GB?"),
        ("Can I return shoes?", "Can I not return shoes?"),
        ("Can I pay with cash?", "Can I pay without cash?"),
        ("Can I fly from Paris to Rome?", "Can I fly from Rome to Paris?"),
        ("What did Watt find before Black?", "What did Black find before Watt?"),
        ("What was found by Black and later by Watt?", "What was found by Watt and later by Black?"),
        ("When does the shop open?", "Where does the shop open?"),
        ("How do I cancel?", "Can I cancel?"),
        ("Can I cancel my order?", "Can you cancel my order?"),
        ("When will you refund me?", "When will I refund you?"),
        ("What is my limit?", "What is your limit?"),
        ("How much does the Pro plan cost?", "How much does the Basic plan cost?"),
        ("Must I pay?", "Can I pay?"),
        ("Is my card blocked?", "Was my card blocked?"),
        ("My card is blocked", "Is my card blocked?"),
        ("What is an exchange rate?", "What is the exchange rate?"),
        ("Does it ship to the US?", "Does it ship to us?"),
        ("Is the shop open in May?", "Is the shop open in June?"),
        ("How long is delivery in days?", "How long is delivery in weeks?"),
        ("Can all users export?", "Can some users export?"),
        ("Do I get more than ten?", "Do I get less than ten?"),
        ("Is there parking?", "Is there a park?"),
        ("I need a refund", "I need my refund"),
        ("How do I shop?", "How do I ship?"),
        ("I lost my card. Can I get a new phone?", "I lost my phone. Can I get a new card?"),
        ("Ask Maria", "Ask Marie"),
    ],
)
def test_what_may_change_the_answer_makes_another_question(one: str, other: str) -> None:
    assert tier(one, other) is None


@pytest.mark.parametrize("text", ["", "???", "  \n", "\ud83d", "，。"])
def test_a_text_without_words_is_no_question(text: str) -> None:
    assert read(text).exact in ("", "\ud83d")


def test_only_slips_within_usual_words_are_mended() -> None:
    assert [mended(word) for word in ("recieve", "subscripton", "adress", "passsword")] == [
        "receive", "subscription", "address", "password",
    ]  # fmt: skip
    for word in ("massage", "shopping", "protect", "alphax", "truck", "acount", "Pasword", "charged"):
        assert mended(word) == word
