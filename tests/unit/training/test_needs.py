from importlib.metadata import version

import pytest

from freehold.training import needs


def test_what_is_missing_is_named_without_a_version(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(needs, "LIBRARIES", ("numpy", "no-such-package"))
    assert needs.versions() == {"numpy": version("numpy"), "no-such-package": None}
    assert needs.requirements() == f"numpy=={version('numpy')} no-such-package"


def test_a_build_of_ones_own_is_asked_for_as_indexes_have_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(needs.importlib.metadata, "version", lambda name: "2.13.0+cpu")
    assert needs.requirements().split()[0] == "torch==2.13.0"
