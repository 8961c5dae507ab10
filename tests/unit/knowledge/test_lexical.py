"""The index of words: it finds, it keeps to its scope, and it is always what the store says."""

import json
import signal
import subprocess
import sys
import textwrap
import threading
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shelf import Shelf

from freehold.errors import NoRoom, Unavailable
from freehold.knowledge import lexical as module
from freehold.knowledge.lexical import LexicalIndex
from freehold.knowledge.store import index_changes
from freehold.knowledge.words import indexed_text, words

OURS = frozenset({1, 2})


@pytest.fixture
def shelf(tmp_path):
    shelf = Shelf(tmp_path)
    yield shelf
    shelf.database.close()


@pytest.fixture
def index(tmp_path, shelf):
    index = LexicalIndex(tmp_path / "index", shelf.database)
    index.open()
    yield index
    index.close()


def ids(hits):
    return [passage_id for passage_id, _ in hits]


def test_a_passage_is_found_by_stems_title_and_headings(shelf, index):
    refund = shelf.put("Refunds reach you within five days.", title="Payments")
    parcel = shelf.put("Parcels are sent daily.", headings=("Shipping", "Abroad"))
    assert index.apply() == 2
    assert ids(index.search("when is a refund paid?", sources=OURS, limit=5)) == [refund]
    assert ids(index.search("payment", sources=OURS, limit=5)) == [refund]
    assert ids(index.search("shipped abroad", sources=OURS, limit=5)) == [parcel]
    assert index.search("what is the", sources=OURS, limit=5) == []
    assert index.search("refund", sources=OURS, limit=0) == []
    assert shelf.pending() == 0


def test_the_scope_is_part_of_the_query(shelf, index):
    for _ in range(30):
        shelf.put("refund refund refund", source=3)
    own = shelf.put("A long passage about many things, one of which is a refund.", source=2)
    index.apply()
    assert ids(index.search("refund", sources=OURS, limit=1)) == [own]
    assert ids(index.search("refund", sources=frozenset({1}), limit=9)) == []
    assert index.search("refund", sources=frozenset(), limit=9) == []
    assert ids(index.search("refund", sources=frozenset({99}), limit=9)) == []


def test_the_filter_is_left_out_only_where_there_is_nothing_else(shelf, index):
    own = shelf.put("A refund.", source=1)
    index.apply()
    before = index.search("refund", sources=frozenset({1}), limit=5)  # the only source there is
    assert ids(before) == [own]
    theirs = shelf.put("refund refund", source=2)
    index.apply()
    assert ids(index.search("refund", sources=frozenset({1}), limit=5)) == [own]
    assert set(ids(index.search("refund", sources=OURS, limit=5))) == {own, theirs}
    shelf.drop(theirs)
    index.apply()
    assert ids(index.search("refund", sources=frozenset({1}), limit=5)) == [own]
    assert index.search("refund", sources=frozenset({2}), limit=5) == []


def test_scores_mean_the_same_for_short_and_long_questions(shelf, index):
    shelf.put("The warranty of the kettle lasts two years.", title="Kettle")
    for number in range(20):
        shelf.put(f"Something else entirely, number {number}.")
    index.apply()
    short = index.search("kettle warranty", sources=OURS, limit=1)[0][1]
    long = index.search("kettle warranty lasts years", sources=OURS, limit=1)[0][1]
    half = index.search("kettle warranty zebra giraffe", sources=OURS, limit=1)[0][1]
    assert 0.8 < short < 1.3
    assert long == pytest.approx(short, rel=0.2)
    assert half < 0.7 * short


def test_given_passages_are_scored_as_they_were_found(shelf, index):
    for text in ("red kettle", "blue kettle", "green pan"):
        shelf.put(text)
    index.apply()
    also = [("blue things and kettles", 0.5)]
    found = dict(index.search("kettle", sources=OURS, limit=9, also=also))
    now = index.reading()
    texts = [(now.rarities(words(text)), weight) for text, weight in (("kettle", 1.0), *also)]
    scores = now.ask(texts).of(np.array([1, 2, 3, 77]))
    assert scores.tolist() == pytest.approx([found[1], found[2], 0, 0])
    assert found[2] > found[1]


def test_a_removed_passage_is_gone_and_a_changed_one_is_found_anew(shelf, index):
    one, two = shelf.put("alpha"), shelf.put("beta")
    index.apply()
    shelf.drop(one)
    three = shelf.put("gamma")
    assert index.apply() == 2
    assert index.search("alpha", sources=OURS, limit=5) == []
    assert ids(index.search("beta gamma", sources=OURS, limit=5)) in ([two, three], [three, two])


def test_applying_twice_changes_nothing(shelf, index, tmp_path):
    shelf.put("alpha beta")
    index.apply()
    with shelf.database.write() as connection:
        for _ in range(3):
            connection.execute(index_changes.insert(), {"passage_id": 1, "removed": False})
    assert index.apply() == 3
    assert ids(index.search("alpha", sources=OURS, limit=5)) == [1]


def test_it_opens_again_without_work(shelf, index, tmp_path, monkeypatch):
    shelf.put("alpha")
    index.apply()
    index.close()
    again = LexicalIndex(tmp_path / "index", shelf.database)
    monkeypatch.setattr(again, "_rebuild", lambda progress: pytest.fail("rebuilt"))
    again.open()
    assert ids(again.search("alpha", sources=OURS, limit=5)) == [1]


def test_changes_noted_while_it_was_closed_are_applied_at_opening(shelf, index, tmp_path):
    index.close()
    shelf.put("alpha")
    again = LexicalIndex(tmp_path / "index", shelf.database)
    again.open()
    assert ids(again.search("alpha", sources=OURS, limit=5)) == [1]


def damage_mark(folder):
    (folder / module.MARK).write_text("{")


def damage_version(folder):
    (folder / module.MARK).write_text(json.dumps({"schema": 0, "tantivy": "0.1"}))


def damage_everything(folder):
    for path in folder.iterdir():
        if path.name not in (module.MARK, ".tantivy-writer.lock", ".tantivy-meta.lock"):
            path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def damage_meta(folder):
    (folder / "meta.json").write_text("not json")


def damage_segments(folder):
    for path in folder.iterdir():
        if path.suffix in (".idx", ".term", ".fast", ".store", ".fieldnorm"):
            path.unlink()


@pytest.mark.parametrize(
    "damage", [damage_mark, damage_version, damage_everything, damage_meta, damage_segments]
)
def test_a_damaged_or_foreign_index_is_rebuilt(shelf, index, tmp_path, damage):
    for number in range(30):
        shelf.put(f"alpha number{number}")
    index.apply()
    index.close()
    damage(tmp_path / "index")
    seen = []
    again = LexicalIndex(tmp_path / "index", shelf.database)
    again.open(lambda done, total: seen.append((done, total)))
    assert len(again.search("alpha", sources=OURS, limit=50)) == 30
    assert seen[-1] == (30, 30)
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.startswith("index")) == ["index"]


def test_an_index_that_holds_something_else_than_the_store_is_rebuilt(shelf, index, tmp_path):
    """As when an older copy of the database is put back beside a newer index."""
    one = shelf.put("alpha")
    shelf.put("beta")
    index.apply()
    index.close()
    shelf.drop(one, noted=False)
    shelf.put("gamma", noted=False)
    again = LexicalIndex(tmp_path / "index", shelf.database)
    again.open()
    assert again.search("alpha", sources=OURS, limit=5) == []
    assert len(again.search("gamma", sources=OURS, limit=5)) == 1


def test_it_answers_while_it_is_rebuilt(shelf, index, monkeypatch):
    for number in range(50):
        shelf.put(f"alpha number{number}")
    index.apply()
    answers, done = [], threading.Event()
    monkeypatch.setattr(module, "READ_AT_ONCE", 5)

    def ask():
        while not done.is_set():
            answers.append(len(index.search("alpha", sources=OURS, limit=99)))

    thread = threading.Thread(target=ask)
    thread.start()
    index.rebuild(lambda *_: time.sleep(0.002))
    done.set()
    thread.join()
    assert set(answers) == {50}


def test_a_failure_before_the_commit_keeps_the_changes_noted(shelf, index, monkeypatch):
    shelf.put("alpha")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module, "_document", full)
    with pytest.raises(NoRoom):
        index.apply()
    monkeypatch.undo()
    assert shelf.pending() == 1
    assert index.search("alpha", sources=OURS, limit=5) == []
    assert index.apply() == 1
    assert ids(index.search("alpha", sources=OURS, limit=5)) == [1]


KILLED = """
    import os, signal, sys, threading
    from pathlib import Path
    from freehold.knowledge.lexical import LexicalIndex
    from freehold.store.database import Database
    home = Path(sys.argv[1])
    index = LexicalIndex(home / "index", Database(home / "freehold.db"))
    threading.Timer(float(sys.argv[2]), lambda: os.kill(os.getpid(), signal.SIGKILL)).start()
    print("ready", flush=True)
    index.open()
    while True:
        index.rebuild()
        index.apply()
"""


APPLIED = """
    import os, signal, sys, threading
    from pathlib import Path
    from freehold.knowledge import lexical
    from freehold.store.database import Database
    lexical.CHANGES_AT_ONCE = 5
    home = Path(sys.argv[1])
    index = lexical.LexicalIndex(home / "index", Database(home / "freehold.db"))
    threading.Timer(float(sys.argv[2]), lambda: os.kill(os.getpid(), signal.SIGKILL)).start()
    index.open()
    threading.Event().wait()
"""


@pytest.mark.parametrize("seconds", [0.05, 0.15, 0.3])
def test_a_kill_between_two_batches_applies_nothing_twice(shelf, index, tmp_path, seconds):
    kept = [shelf.put(f"alpha number{number}") for number in range(60)]
    index.apply()
    index.close()
    shelf.drop(*kept[:20])
    new = [shelf.put(f"alpha other{number}") for number in range(60)]
    program = [sys.executable, "-c", textwrap.dedent(APPLIED), str(tmp_path), str(seconds)]
    done = subprocess.run(program, check=False, timeout=60)
    assert done.returncode == -signal.SIGKILL
    again = LexicalIndex(tmp_path / "index", shelf.database)
    again.open()
    assert sorted(ids(again.search("alpha", sources=OURS, limit=500))) == sorted(kept[20:] + new)
    assert shelf.pending() == 0
    again.close()


@pytest.mark.parametrize("seconds", [0.05, 0.12, 0.2, 0.3])
def test_a_kill_at_any_moment_loses_nothing(shelf, tmp_path, seconds):
    for number in range(200):
        shelf.put(f"alpha number{number} " + "filler words here " * 20)
    program = [sys.executable, "-c", textwrap.dedent(KILLED), str(tmp_path), str(seconds)]
    with subprocess.Popen(program, stdout=subprocess.PIPE) as child:
        child.wait(timeout=60)
    assert child.returncode == -signal.SIGKILL
    index = LexicalIndex(tmp_path / "index", shelf.database)
    index.open()
    found = ids(index.search("alpha", sources=OURS, limit=500))
    assert sorted(found) == list(range(1, 201))
    assert shelf.pending() == 0
    index.close()


HOSTILE = ['"AND ) :', "body:foo", "NOT (* OR", "a " * 100_000, "\x00\x01", "\ud800 alpha", "+-\\/^~[]{}", ""]


@pytest.mark.parametrize("text", HOSTILE)
def test_a_question_is_words_and_nothing_else(shelf, index, text):
    shelf.put("alpha foo")
    index.apply()
    for passage_id, score in index.search(text, sources=OURS, limit=5):
        assert passage_id == 1
        assert score > 0


@settings(max_examples=60, deadline=None)
@given(text=st.text(max_size=200))
def test_any_text_can_be_searched_for(any_index, text):
    found = any_index.search(text, sources=OURS, limit=3)
    now = any_index.reading()
    scores = now.ask([(now.rarities(words(text)), 1.0)]).of(np.array([1, 2]))
    assert scores.tolist() == pytest.approx([dict(found).get(1, 0), 0])


@pytest.fixture(scope="module")
def any_index(tmp_path_factory):
    folder = tmp_path_factory.mktemp("any")
    shelf = Shelf(folder)
    shelf.put("alpha")
    index = LexicalIndex(folder / "index", shelf.database)
    index.open()
    yield index
    index.close()
    shelf.database.close()


def test_of_a_very_long_question_the_rarest_words_are_searched_for(shelf, index):
    common = [f"word{number}" for number in range(200)]
    for _ in range(3):
        shelf.put(" ".join(common))
    rare = shelf.put("quetzal")
    index.apply()
    hits = index.search(" ".join([*common, "quetzal"]), sources=OURS, limit=5)
    assert rare in ids(hits)


def test_rarities_are_given_for_the_words_asked_of(shelf, index):
    shelf.put("alpha beta")
    shelf.put("alpha gamma")
    index.apply()
    rarities = index.rarities(["beta", "alpha", "beta", "never"])
    assert list(rarities) == ["beta", "alpha", "never"]
    assert rarities["alpha"] < rarities["beta"] < rarities["never"]


def test_a_closed_index_says_so(shelf, tmp_path):
    with pytest.raises(Unavailable):
        LexicalIndex(tmp_path / "index", shelf.database).search("a", sources=OURS, limit=1)


def test_threads_may_search_while_one_applies(shelf, index):
    shelf.put("alpha zero")
    index.apply()
    failures, done = [], threading.Event()

    def ask():
        while not done.is_set():
            if not index.search("alpha", sources=OURS, limit=5):
                failures.append("nothing")

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    for number in range(10):
        shelf.put(f"alpha {number}")
        index.apply()
    done.set()
    for thread in threads:
        thread.join()
    assert failures == []


def test_words_fold_stem_and_cut():
    assert words("The Cafés' refunds, re-sent!") == ["cafe", "refund", "sent"]
    assert words("東京都") == ["東京", "京都"]
    assert words("") == []
    assert words("x" * 1000) == []
    assert indexed_text("Title", ("Title", "Sub"), "text") == "Title\nSub\ntext"
    assert indexed_text("", (), "text") == "text"


def test_languages_without_spaces_are_found(shelf, index):
    tokyo = shelf.put("返金は五日以内に行われます。")
    french = shelf.put("Le remboursement prend cinq jours ouvrés.")
    index.apply()
    assert ids(index.search("返金はいつですか", sources=OURS, limit=5)) == [tokyo]
    assert ids(index.search("remboursement jours ouvres", sources=OURS, limit=5)) == [french]
