"""The words of passages in flat arrays: what changes is the same as what is read anew."""

import numpy as np

from freehold.knowledge.wordings import MARK, Entry, Vocabulary, path_words, read

ENTRIES = [
    Entry(2, 1, "Lamps", ("Oil",), "The old lamp burns oil"),
    Entry(3, 2, "", (), ""),
    Entry(5, 1, "Lamps", ("Oil",), "Wicks are trimmed"),
    Entry(9, 3, "Kettles", (), "Descale the kettle"),
]


def said(wordings):
    """What it holds, in words."""
    names = wordings.numbers.spelled
    return [
        (
            int(passage_id),
            int(wordings.sources[row]),
            [names[number] for number in wordings.words[wordings.begins[row] : wordings.begins[row + 1]]],
            int(wordings.above[row]),
            wordings.path(row),
        )
        for row, passage_id in enumerate(wordings.ids)
    ]


def test_passages_are_taken_apart():
    wordings = read(ENTRIES, Vocabulary())
    assert len(wordings) == 4
    held = ["", "lamp", "oil", "old", "lamp", "burn", "oil"]
    assert said(wordings)[0] == (2, 1, held, 2, ({"lamp"}, {"oil"}))
    assert said(wordings)[1] == (3, 2, [""], 0, (set(),))
    assert wordings.known == len(wordings.numbers)


def test_changes_make_what_reading_anew_makes():
    vocabulary = Vocabulary()
    before = [ENTRIES[0], ENTRIES[1]._replace(text="gone"), ENTRIES[3]._replace(title="Old")]
    wordings = read(before, vocabulary)
    fresh = read([ENTRIES[1], ENTRIES[3], ENTRIES[2]], vocabulary)
    assert said(wordings.changed(np.array([3, 5, 7, 9]), fresh)) == said(read(ENTRIES, Vocabulary()))
    assert said(wordings.changed(np.array([2, 3, 9]), read([], vocabulary))) == []


def test_some_are_laid_one_after_the_other():
    laid = read(ENTRIES, Vocabulary()).lay(np.array([9, 4, 3, 99, 5]))
    assert laid.here.tolist() == [True, False, True, False, True]
    assert [laid.words[at] for at in laid.begins] == [MARK] * 3
    assert laid.begins.tolist() == [0, 4, 5]
    assert laid.above.tolist() == [1, 0, 2]
    assert list(laid.paths) == [({"kettl"},), (set(),), ({"lamp"}, {"oil"})]
    nothing = read([], Vocabulary()).lay(np.array([1]))
    assert (nothing.here.tolist(), len(nothing.words)) == ([False], 0)


def test_a_heading_that_is_the_title_counts_once():
    assert path_words("Sales tax", ("Sales tax", "Setting up")) == [["sale", "tax"], ["set", "up"]]
