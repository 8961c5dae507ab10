"""Questions and answers from tables and records."""

import json

import pytest

from freehold.errors import UnreadableDocument
from freehold.knowledge.parse import parse

EXPECTED = "# May I return it?\n\nYes, within 30 days.\n\n# Where are you?\n\nIn Springfield;\nsecond floor."


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize(
    "names", ["question{}answer", "\ufeffQ{}A", "Title{}Body", "Frage{}Antwort", "Question Text{}answers"]
)
def test_tables(delimiter: str, names: str) -> None:
    rows = [
        'May I return it?{}"Yes, within 30 days."',
        'Where are you?{}"In Springfield;\nsecond floor."',
        "Draft?{}",
        "",
    ]
    source = "\n".join([names, *rows]).replace("{}", delimiter)
    parsed = parse("our-faq.tsv" if delimiter == "\t" else "our-faq.csv", source.encode())
    assert parsed.title == "Our faq"
    assert parsed.text == EXPECTED
    assert [block.heading_path for block in parsed.blocks if block.kind != "heading"] == [
        ("May I return it?",),
        ("Where are you?",),
    ]


def test_more_columns_and_categories() -> None:
    names = "id,question id,Category,Question,Answer,url"
    source = f"{names}\n1,7,Orders,Q1?,A1.,x\n2,8,Orders,Q2?,A2.,x\n3,9,,Q3?,A3.,x\n"
    assert (
        parse("a.csv", source.encode()).text == "# Orders\n\n## Q1?\n\nA1.\n\n## Q2?\n\nA2.\n\n# Q3?\n\nA3."
    )


def test_formulas_are_text() -> None:
    parsed = parse("a.csv", b'question,answer\n=1+1?,"=HYPERLINK(""http://x"",""y"")"\n')
    assert parsed.text == '# =1+1?\n\n=HYPERLINK("http://x","y")'


def test_answers_in_html() -> None:
    rows = [
        {
            "title": "How?",
            "body": "<p>So:</p><ol><li>a</li><li>b</li></ol><script>EVIL</script><h2>Then</h2><p>c</p>",
        }
    ]
    assert parse("a.json", json.dumps(rows).encode()).text == "# How?\n\nSo:\n\n1. a\n2. b\n\n**Then**\n\nc"


@pytest.mark.parametrize(
    "source",
    [
        '{"question": "Q?", "answer": "A."}\n\n{"q": "R?", "a": "B."}\n',
        '[{"question": "Q?", "answer": "A."}, {"question": "R?", "answer": ["B."]}]',
        '{"faqs": [{"question": "Q?", "answer": "A."}, {"question": "R?", "answer": "B."}]}',
        '{"@type": "FAQPage", "mainEntity": [{"name": "Q?", "acceptedAnswer": {"text": "A."}},\n'
        ' {"name": "R?", "acceptedAnswer": {"text": "B."}}]}',
    ],
)
def test_records(source: str) -> None:
    assert parse("a.jsonl", source.encode()).text == "# Q?\n\nA.\n\n# R?\n\nB."


@pytest.mark.parametrize(
    ("name", "source", "reason"),
    [
        ("a.csv", "name;price\nx;1\n", "found: “name”, “price”"),
        ("a.csv", "just words", "found: “just words”"),
        ("a.csv", "question,answer\n", "no question with an answer"),
        ("a.csv", 'question,answer\nq,"never closed\nmore\n', r"Line \d is not sound CSV"),
        ("a.csv", "question,answer\nq,a,b\n", "Line 2 has 3 cells"),
        ("a.csv", "question,answer\n,a\n", "Line 2 has an answer but no question"),
        ("a.csv", " \n \n", "white space"),
        ("a.jsonl", '{"q": "x", "a": "y"}\n{"q": \n', "Line 2 is not sound JSON"),
        ("a.jsonl", '{"q": "x", "a": "y"}\n[1]\n', "Line 2 is not an object"),
        ("a.jsonl", '{"q": "x", "a": "y"}\n{"x": "y", "z": 1}', "Line 2 names no .* found: “x”, “z”"),
        ("a.json", "[" * 100_000, "nested too deeply"),
        ("a.json", "{}", "found: none"),
        ("a.json", '{"a": 1}\n\n}', "not sound JSON"),
    ],
)
def test_what_cannot_be_read_says_why(name: str, source: str, reason: str) -> None:
    with pytest.raises(UnreadableDocument, match=reason):
        parse(name, source.encode())
