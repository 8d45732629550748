"""A mosquitto of our own, with passwords, the published access list and persistence."""

import asyncio
import getpass
import signal
import socket
import subprocess
from pathlib import Path

from callrouter.toolchain import locate

ACL = Path(__file__).parents[2] / "docs" / "howto" / "partner-acl.example"
TLS = Path(__file__).parent / "tls"
"""An authority and a certificate for 127.0.0.1, for tests; the authority's key was thrown away."""
USERS = {"callrouter": "router-secret", "12315": "partner-secret", "12333": "other-secret"}


class TestBroker:
    __test__ = False

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port = int(probe.getsockname()[1])
        passwords = folder / "passwords"
        passwords.write_text("".join(f"{user}:{password}\n" for user, password in USERS.items()))
        passwords.chmod(0o600)
        acl = self._acl = folder / "acl"
        self._process: subprocess.Popen[bytes] | None = None
        self.allow()
        tool = locate("mosquitto_passwd")
        subprocess.run(tool.command("-U", passwords), env=tool.environment(), check=True, timeout=30)
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.tls_port = int(probe.getsockname()[1])
        self._conf = folder / "mosquitto.conf"
        self._conf.write_text(
            f"user {getpass.getuser()}\n"
            f"listener {self.tls_port} 127.0.0.1\ncertfile {TLS}/server.crt\nkeyfile {TLS}/server.key\n"
            f"listener {self.port} 127.0.0.1\nallow_anonymous false\npassword_file {passwords}\n"
            f"acl_file {acl}\npersistence true\npersistence_location {folder}/\n"
            "autosave_interval 1\nmax_queued_messages 100000\n"
            f"log_dest file {folder}/log\n"
        )

    def allow(self, rules: str | None = None) -> None:
        """Use this access list, at once; none: the published one."""
        self._acl.write_text(ACL.read_text() if rules is None else rules)
        self._acl.chmod(0o600)
        if self._process is not None:
            self._process.send_signal(signal.SIGHUP)

    async def start(self) -> None:
        self._process = await asyncio.to_thread(self._run)
        async with asyncio.timeout(20):
            while True:
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", self.port)
                except OSError:
                    assert self._process.poll() is None, (self._folder / "log").read_text()
                    await asyncio.sleep(0.05)
                else:
                    writer.close()
                    return

    def _run(self) -> "subprocess.Popen[bytes]":
        program = locate("mosquitto")
        return subprocess.Popen(program.command("-c", self._conf), env=program.environment())

    @property
    def memory(self) -> Path:
        """What the broker has written down: all that it knows after it was killed."""
        return self._folder / "mosquitto.db"

    async def stop(self, *, kill: bool = False) -> None:
        if self._process is not None:
            (self._process.kill if kill else self._process.terminate)()
            await asyncio.to_thread(self._process.wait, 20)
            self._process = None
