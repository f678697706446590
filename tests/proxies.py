"""What stands between a client and a server in tests: TLS where the server has none, and slowness."""

import asyncio
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

CHUNK = 65_536


def certificate(folder: Path, name: str = "localhost") -> tuple[Path, Path]:
    """A self-signed certificate for `name`, which is its own authority, and its key (PKCS #8)."""
    folder.mkdir(parents=True, exist_ok=True)
    cert, key = folder / "cert.pem", folder / "key.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
            *("-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}"),
            *("-keyout", str(key), "-out", str(cert)),
        ],
        check=True,
        capture_output=True,
        timeout=30,
    )
    return cert, key


class Proxy:
    """Passes connections on to a port of this machine; everything that passes waits `delay_s` each way."""

    def __init__(self, target: int, tls: tuple[Path, Path] | None, delay_s: float) -> None:
        self.target = target
        self.delay_s = delay_s
        self.port = 0
        self.passed = 0
        """Bytes, both ways."""
        self._tls = tls
        self._loop = asyncio.new_event_loop()
        self._up = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        self._thread.start()
        assert self._up.wait(10), "the proxy did not start"

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        context = None
        if self._tls is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*self._tls)
        # Handshakes that clients break off are what some tests want.
        self._loop.set_exception_handler(lambda *_: None)
        server = self._loop.run_until_complete(
            asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=context, limit=CHUNK)
        )
        self.port = server.sockets[0].getsockname()[1]
        self._up.set()
        self._loop.run_forever()
        server.close()
        tasks = asyncio.all_tasks(self._loop)
        for task in tasks:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        # Transports close in a later round of the loop.
        self._loop.run_until_complete(asyncio.sleep(0.1))
        self._loop.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers = [writer]
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.target, limit=CHUNK)
            writers.append(far_writer)
            await asyncio.gather(self._pass_on(reader, far_writer), self._pass_on(far_reader, writer))
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            for one in writers:
                one.transport.abort()

    async def _pass_on(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        """Delay without limiting: many chunks may be on their way at once."""
        underway: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(64)
        feeding = asyncio.ensure_future(self._read(source, underway))
        try:
            while True:
                due, data = await underway.get()
                if not data:
                    break
                await asyncio.sleep(max(0.0, due - self._loop.time()))
                sink.write(data)
                self.passed += len(data)
                await sink.drain()
        except (OSError, ssl.SSLError):
            pass
        finally:
            feeding.cancel()
            sink.close()

    async def _read(self, source: asyncio.StreamReader, underway: asyncio.Queue[tuple[float, bytes]]) -> None:
        data = b"begin"
        while data:
            try:
                data = await source.read(CHUNK)
            except (OSError, ssl.SSLError):
                data = b""
            await underway.put((self._loop.time() + self.delay_s, data))


@contextmanager
def proxy(target: int, tls: tuple[Path, Path] | None = None, delay_s: float = 0.0) -> Iterator[Proxy]:
    """A proxy to `target` for the length of the block, with TLS in front where `tls` has a certificate."""
    made = Proxy(target, tls, delay_s)
    made.start()
    try:
        yield made
    finally:
        made.stop()
