"""The only door out: nothing else opens a connection."""

import ast
from pathlib import Path

import freehold

CONNECTING = (
    "aiohttp",
    "ftplib",
    "http.client",
    "httpcore",
    "httpx",
    "requests",
    "smtplib",
    "socket",
    "telnetlib",
    "urllib.request",
    "urllib3",
    "websockets",
)
"""Modules by which a connection can be opened."""


EXCEPTIONS = {
    "serving.py": {"socket"},  # listens
    "cli/client.py": {"httpx"},  # speaks to our own server on this machine
    "cli/doctor.py": {"socket"},  # tries whether the port is free
    "engines/process.py": {"socket"},  # the pair it shares with the worker
    "engines/worker.py": {"socket"},
    "engines/wheel_server.py": {"http.client", "socket"},  # the wheel's own server, on a Unix socket
    "net/connection.py": {"httpcore", "httpx", "socket"},
    "net/request.py": {"httpcore", "httpx"},
    "net/response.py": {"httpcore", "httpx"},
    "net/session.py": {"httpcore"},
}
"""Who may import which of them, and only that."""


CONNECTORS = {
    "net/connection.py",
    "net/request.py",
    "net/session.py",
    "cli/client.py",
    "engines/wheel_server.py",
}
"""Those of them that may call `connect`; the others only listen or inherit."""


def imports(tree: ast.AST) -> set[str]:
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return {
        name
        for name in CONNECTING
        if any(module == name or module.startswith(f"{name}.") for module in found)
    }


def test_nothing_else_can_open_a_connection() -> None:
    package = Path(freehold.__file__).parent
    doors = {
        str(path.relative_to(package)): used
        for path in sorted(package.rglob("*.py"))
        if (used := imports(ast.parse(path.read_text(encoding="utf-8"))))
    }
    assert doors == EXCEPTIONS


def test_those_who_only_listen_connect_to_nothing() -> None:
    package = Path(freehold.__file__).parent
    for name in set(EXCEPTIONS) - CONNECTORS:
        called = {
            node.attr
            for node in ast.walk(ast.parse((package / name).read_text(encoding="utf-8")))
            if isinstance(node, ast.Attribute)
        }
        assert called.isdisjoint({"connect", "connect_ex", "create_connection", "sendto"}), name
