"""`key`, `assistant`, and what holds for every command."""

import subprocess
import sys
import time

import pytest
from scripted import Run, Script

from freehold.cli.client import Client


def test_ctrl_c_ends_every_other_command(
    freehold: Run, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Client, "post", interrupted)
    assert freehold("sync").status == 130


def test_keys(freehold: Run, script: Script) -> None:
    script.answer(
        "POST", "/api/v1/keys", {"id": "k", "name": "shop", "scope": "chat", "key": "fh_chat_1"}, status=201
    )
    ran = freehold("key", "create", "shop")
    assert ran.out == "fh_chat_1\n"
    assert script.bodies("POST", "/api/v1/keys") == [{"name": "shop", "scope": "chat"}]
    assert freehold("key", "create", "shop", "--scope", "root").status == 2


def test_assistants(freehold: Run, script: Script) -> None:
    assistant = {
        "id": "default",
        "name": "Ada",
        "greeting": "Hello",
        "instructions": "",
        "allowed_origins": ["https://a.example"],
        "accent": None,
        "public_token": "pub_1",
        "created_at": 1.0,
    }
    script.answer("PATCH", "/api/v1/assistants/default", assistant)
    origins = ("--origin", "https://a.example", "--origin", "https://b.example")
    ran = freehold("assistant", "set", "default", "--name", "Ada", *origins)
    assert script.bodies("PATCH", "/api/v1/assistants/default") == [
        {"name": "Ada", "allowed_origins": ["https://a.example", "https://b.example"]}
    ]
    assert 'data-assistant="pub_1"' in ran.out
    freehold("assistant", "set", "default", "--origin", "")
    assert script.bodies("PATCH", "/api/v1/assistants/default")[1] == {"allowed_origins": []}
    assert freehold("assistant", "set", "default").status == 1
    script.answer("POST", "/api/v1/assistants/default/token", {**assistant, "public_token": "pub_2"})
    assert 'data-assistant="pub_2"' in freehold("assistant", "new-token", "default").out
    script.answer("DELETE", "/api/v1/assistants/default", None, status=204)
    assert freehold("assistant", "remove", "default").out == "assistant default: removed\n"


@pytest.mark.parametrize(
    "arguments", [["nonsense"], ["add"], ["search"], ["up", "--port", "x"], ["sync", "x"]]
)
def test_wrong_usage_is_status_2(freehold: Run, arguments: list[str]) -> None:
    ran = freehold(*arguments)
    assert ran.status == 2
    assert "Traceback" not in ran.err


def test_a_wrong_setting_is_named(freehold: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FREEHOLD_PORT", "many")
    ran = freehold("status")
    assert ran.status == 1
    assert ran.err.startswith("error: Setting port: ")


def test_help_is_quick_and_loads_nothing_heavy() -> None:
    code = (
        "import sys\n"
        "from freehold.cli import main\n"
        "try:\n    main(['--help'])\n"
        "except SystemExit:\n    pass\n"
        "heavy = {'rich', 'httpx', 'pydantic', 'uvicorn', 'sqlalchemy', 'numpy'} & set(sys.modules)\n"
        "sys.exit(f'loaded {heavy}' if heavy else 0)\n"
    )
    began = time.monotonic()
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "Usage: freehold" in ran.stdout
    assert time.monotonic() - began < 5  # 0.3 s alone; other tests may keep the processors busy
