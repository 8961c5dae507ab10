"""Passages: every word once, nothing across headings, whole blocks where they fit."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from freehold.knowledge.chunk import chunk
from freehold.knowledge.parse import parse
from freehold.knowledge.parsed import BlockKind, Draft, Parsed

WORDS = st.text(st.sampled_from("abc äß。.! ?\n|-*\u3000日"), max_size=400)
KINDS: st.SearchStrategy[BlockKind] = st.sampled_from(["paragraph", "list", "code", "quote", "table"])
ENTRIES = st.lists(
    st.one_of(
        st.tuples(st.just("heading"), st.integers(1, 6), WORDS),
        st.tuples(KINDS, st.just(0), WORDS),
        st.tuples(KINDS, st.just(0), st.integers(100, 900).map(lambda n: "x" * n)),
        st.tuples(
            KINDS, st.just(0), st.integers(1, 60).map(lambda n: "\n".join(f"- item {k}" for k in range(n)))
        ),
    ),
    max_size=20,
)


def parsed_of(entries: list[tuple[str, int, str]]) -> Parsed:
    draft = Draft()
    for kind, level, text in entries:
        if kind == "heading":
            draft.heading(level, text)
        elif kind == "code":
            draft.code(text)
        elif kind == "table":
            draft.table([line.split("|") for line in text.split("\n")])
        else:
            draft.add(kind, text)
    return draft.finish(None, "t")


@settings(deadline=None, max_examples=150)
@given(entries=ENTRIES, target=st.integers(40, 400), extra=st.integers(0, 400))
def test_every_word_of_every_block_exactly_once(
    entries: list[tuple[str, int, str]], target: int, extra: int
) -> None:
    parsed = parsed_of(entries)
    limit = target + extra
    chunks = chunk(parsed, target_chars=target, max_chars=limit)
    covered = [0] * len(parsed.text)
    for piece in chunks:
        assert piece.text == parsed.text[piece.start : piece.end]
        assert piece.text == piece.text.strip()
        assert 0 < len(piece.text) <= limit
        for n in range(piece.start, piece.end):
            covered[n] += 1
    content = [block for block in parsed.blocks if block.kind != "heading"]
    for block in content or parsed.blocks:
        for n in range(block.start, block.end):
            assert covered[n] == 1 or (covered[n] == 0 and parsed.text[n].isspace())
    if content:
        for block in parsed.blocks:
            if block.kind == "heading":
                assert not any(covered[block.start : block.end])
    for piece in chunks:
        inside = [block for block in content if block.start < piece.end and piece.start < block.end]
        assert all(block.heading_path == piece.heading_path for block in inside)
    assert [piece.start for piece in chunks] == sorted(piece.start for piece in chunks)


def test_sections_are_never_mixed_and_headings_never_alone() -> None:
    parsed = parse("a.md", b"# A\n\none\n\n## B\n\n## C\n\ntwo\n\n# D\n")
    assert [(piece.heading_path, piece.text) for piece in chunk(parsed)] == [
        (("A",), "one"),
        (("A", "C"), "two"),
    ]


def test_a_document_of_headings_has_them_as_text() -> None:
    parsed = parse("a.md", b"# A\n\n## B\n")
    assert [(piece.heading_path, piece.text) for piece in chunk(parsed)] == [((), "# A\n\n## B")]


def test_lists_and_tables_stay_whole_where_they_fit() -> None:
    steps = "".join(f"{n}. Step {n} of the procedure, told in some words.\n" for n in range(1, 25))
    parsed = parse("a.md", f"Some words before it all, {'and more ' * 60}.\n\nDo this:\n\n{steps}".encode())
    pieces = chunk(parsed)
    assert len(pieces) == 2
    assert pieces[1].text.startswith("Do this:\n\n1. Step 1 ")
    assert pieces[1].text.endswith("words.")


def test_a_long_table_is_cut_between_rows() -> None:
    rows = "".join(f"| key {n} | {'value ' * 10}|\n" for n in range(100))
    pieces = chunk(parse("a.md", f"| K | V |\n|---|---|\n{rows}".encode()))
    assert len(pieces) > 5
    assert all(piece.text.startswith("| ") and piece.text.endswith(" |") for piece in pieces)
    assert all(len(piece.text) <= 900 for piece in pieces)


def test_a_long_list_is_cut_between_items() -> None:
    items = "".join(f"- item {n} {'word ' * 20}\n  - below {n}\n" for n in range(40))
    pieces = chunk(parse("a.md", items.encode()))
    assert all(piece.text.startswith("- item") for piece in pieces)


def test_long_text_is_cut_at_sentences_then_words_then_anywhere() -> None:
    sentences = chunk(parse("a.txt", ("This sentence has exactly six words. " * 100).encode()))
    assert all(piece.text.endswith("words.") for piece in sentences)
    words = chunk(parse("a.txt", ("word " * 1000).encode()))
    assert all(set(piece.text.split()) == {"word"} for piece in words)
    letters = chunk(parse("a.txt", b"x" * 5000))
    assert [len(piece.text) for piece in letters] == [1600, 1600, 1600, 200]


def test_scraps_join_their_section() -> None:
    source = b"# A\n\nTiny.\n\n" + b"Long enough a sentence to fill. " * 29 + b"\n\nBye.\n"
    assert len(chunk(parse("a.md", source))) == 1


def test_navigation_gives_no_passages() -> None:
    assert chunk(parse("toc.md", b"# [A](a)")) == []


@pytest.mark.parametrize(
    "source", [b"a " * 1_000_000, b"x" * 1_000_000, b"a.\n" * 300_000, b"- a\n" * 300_000]
)
def test_large_blocks_take_linear_time(source: bytes) -> None:
    pieces = chunk(parse("a.txt", source))
    assert sum(len(piece.text) for piece in pieces) > len(source) * 0.6
