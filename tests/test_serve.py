"""Starting the dashboard: a port that is taken is one sentence, an address for a classroom can be typed."""

import ipaddress
import socket

import pytest

from spafit.serve import classroom_address, main, port_is_free


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
