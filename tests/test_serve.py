"""Starting the dashboard: a port that is taken is one sentence, an address for a classroom can be typed."""

import ipaddress
import os
import socket
import threading
import tomllib
from pathlib import Path

import pytest

from spafit import access
from spafit.serve import classroom_address, main, port_is_free

ROOT = Path(__file__).parent.parent


def test_a_taken_port_is_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert not port_is_free("127.0.0.1", port)
        assert main(["--port", str(port)]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.strip() == (
        f"Port {port} on 127.0.0.1 is taken or not allowed; choose another with: make run PORT={port + 1}"
    )


def test_the_address_for_a_classroom_is_one_that_other_machines_could_type() -> None:
    address = classroom_address()
    assert address not in ("", "0.0.0.0")
    assert address == socket.gethostname() or ipaddress.ip_address(address).version == 4


def test_an_administrators_key_that_is_too_short_is_one_sentence(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access, "_serving_others", threading.Event())
    monkeypatch.setenv("SPAFIT_ADMIN_KEY", "short")
    assert main(["--shared", "--port", "0"]) == 2
    said = capsys.readouterr()
    assert (said.out, said.err.strip()) == ("", "SPAFIT_ADMIN_KEY must have at least 12 characters.")


@pytest.mark.parametrize("options", [["--host", "0.0.0.0"], ["--shared"], []])
def test_a_key_is_printed_where_others_are_served_and_no_process_inherits_one(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, options: list[str]
) -> None:
    served: list[dict[str, object]] = []
    monkeypatch.setattr("spafit.ui.server.serve", served.append)
    monkeypatch.chdir(ROOT)
    for given in ("", "a key of the administrator's own"):
        monkeypatch.setattr(access, "_serving_others", threading.Event())
        monkeypatch.setenv("SPAFIT_ADMIN_KEY", given)
        assert main([*options, "--port", "0"]) == 0
        said = capsys.readouterr().out
        assert "SPAFIT_ADMIN_KEY" not in os.environ
        assert access.shared() == bool(options)
        assert ("Administrator's key, for the About page" in said) == (bool(options) and not given)
        assert not given or given not in said
        assert ("server.allowedHosts" in served[-1]) == (not options)


def test_streamlit_run_serves_this_machine_alone() -> None:
    """Without `make run` there is no cookie that makes an owner, so it must not listen for others by default."""
    config = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text(encoding="utf-8"))
    assert access.is_loopback(config["server"]["address"])
