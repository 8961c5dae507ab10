"""The answer task's prompt and the marks read back from it."""

from freehold.tasks import answer
from freehold.types import DocumentRef, Passage, Query, Turn


def passage(id: int, document: int, start: int, text: str) -> Passage:
    return Passage(
        id, 1, DocumentRef(document, f"Doc {document}", "x.md"), ("Part",), text, start, start + len(text)
    )


def test_order_depends_on_place_and_not_on_score() -> None:
    one, two, three = passage(9, 1, 0, "a"), passage(2, 1, 50, "b"), passage(1, 2, 0, "c")
    assert answer.stable_order([three, two, one]) == (one, two, three)


def test_prompt_numbers_the_passages_and_carries_no_location() -> None:
    request = answer.compose(
        Query("How long?", (Turn("user", "Hi"), Turn("assistant", "Hello"))),
        [passage(1, 1, 0, "Refunds take five days."), passage(2, 2, 0, "Shops open at nine.")],
        instructions="Be formal.",
    )
    assert "[1] Doc 1 > Part\nRefunds take five days." in request.system
    assert "[2] Doc 2 > Part" in request.system
    assert "Be formal." in request.system
    assert "x.md" not in request.system
    assert [turn.text for turn in request.messages] == ["Hi", "Hello", "How long?"]


def test_marks_are_read_and_removed() -> None:
    assert answer.cited("Refunds take five days [2][1]. [2]") == ("Refunds take five days.", (2, 1))
    assert answer.cited("No mark [a] here.") == ("No mark [a] here.", ())


def test_list_markers_claim_nothing() -> None:
    assert answer.bare("12. Open the page.") == "Open the page."
    assert answer.bare("- Open the page.") == "Open the page."
    assert answer.bare("2024 was good.") == "2024 was good."


def test_the_refusal_is_recognised_in_any_case() -> None:
    assert answer.refuses("Not in the documents.")
    assert not answer.refuses("It is in the documents.")


def test_the_pieces_of_the_system_message_are_the_whole_of_it() -> None:
    passages = [passage(1, 1, 0, "Refunds take five days."), passage(2, 2, 0, "Shops open at nine.")]
    whole = answer.compose(Query("How long?"), passages, instructions="Be formal.").system
    opening, blocks = answer.pieces(answer.policy("Be formal."), [answer.shown(each) for each in passages])
    assert opening + "".join(blocks) == whole
    assert [block.split()[0] for block in blocks] == ["[1]", "[2]"]


def test_an_example_is_the_prompt_with_its_passages_marked() -> None:
    query = Query("How long?", (Turn("user", "Hi"),))
    passages = [passage(1, 1, 0, "Refunds take five days."), passage(2, 2, 0, "Shops open at nine.")]
    learnt = answer.example(query, passages, "Refunds take five days. [1]", instructions="Be formal.")
    prompt = answer.compose(query, passages, instructions="Be formal.")
    assert learnt.system == prompt.system
    assert learnt.turns == (*prompt.messages, Turn("assistant", "Refunds take five days. [1]"))
    _, blocks = answer.pieces(answer.policy("Be formal."), [answer.shown(each) for each in passages])
    assert tuple(learnt.system[start:end] for start, end in learnt.passages) == blocks
    assert learnt.passages[0][1] == learnt.passages[1][0] and learnt.passages[1][1] == len(learnt.system)
    assert learnt.as_json()["messages"][0] == {"role": "system", "content": prompt.system}


def test_refusing_is_learnt_too_also_without_passages() -> None:
    learnt = answer.example(Query("How long?"), [], None)
    assert answer.refuses(learnt.target) and "passages" not in learnt.as_json()


def test_a_prompt_survives_the_trimming_of_chat_templates() -> None:
    learnt = answer.example(Query("How long?"), [passage(1, 1, 0, "\n Five days. \n")], "Five days. [1]")
    assert learnt.system == learnt.system.strip()
    assert learnt.passages[-1][1] == len(learnt.system)
    assert learnt.system.endswith("[1] Doc 1 > Part\nFive days.")
