#!/usr/bin/env python3
"""`aotf backup mirror` over a line with latency: one worker beside several, and how long a stop takes.

Needs pyftpdlib (python3-pyftpdlib), lighttpd with lighttpd-mod-webdav, and sshd with ssh (openssh-server):
    cargo build --release && python3 benches/mirror_latency.py target/release/aotf 50
Prints a Markdown table. FTP waits the latency before each command; to the others a proxy delays every piece of data
on its way there.
"""
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

FILES = 60
BYTES = 20_000
LARGE = 200_000_000
WORKERS = [1, 4, 16]


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def wait_for(port):
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            time.sleep(0.05)


def proxy(target, seconds):
    """A port that leads to `target`, whose clients' data arrives later. Several pieces may be under way."""
    listener = socket.create_server(("127.0.0.1", 0))

    def copy(source, sink, delay):
        import queue

        pieces = queue.Queue()

        def send():
            while True:
                due, data = pieces.get()
                time.sleep(max(0, due - time.monotonic()))
                try:
                    sink.sendall(data) if data else sink.shutdown(socket.SHUT_WR)
                except OSError:
                    return
                if not data:
                    return

        threading.Thread(target=send, daemon=True).start()
        data = b"?"
        while data:
            try:
                data = source.recv(65536)
            except OSError:
                data = b""
            pieces.put((time.monotonic() + delay, data))

    def serve():
        while True:
            client, _ = listener.accept()
            server = socket.create_connection(("127.0.0.1", target))
            for end in (client, server):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=copy, args=(client, server, seconds), daemon=True).start()
            threading.Thread(target=copy, args=(server, client, 0), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    return listener.getsockname()[1]


def ftp(folder, seconds):
    script = Path(__file__).parent.parent / "tests/fixtures/ftp_server.py"
    words = ["/usr/bin/python3", str(script), str(folder / "target"), str(seconds * 1000)]
    server = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    return server, f"ftp://me:sesame@127.0.0.1:{server.stdout.readline().strip()}/", {}


def webdav(folder, seconds):
    port = free_port()
    (folder / "lighttpd.conf").write_text(
        f'server.document-root = "{folder}/target"\nserver.port = {port}\nserver.bind = "127.0.0.1"\n'
        f'server.modules = ("mod_webdav")\nserver.upload-dirs = ("{folder}")\nwebdav.activate = "enable"\n'
        'webdav.is-readonly = "disable"\n'
    )
    server = subprocess.Popen(["/usr/sbin/lighttpd", "-D", "-f", str(folder / "lighttpd.conf")], stderr=subprocess.DEVNULL)
    wait_for(port)
    return server, f"webdav://127.0.0.1:{proxy(port, seconds)}/", {}


def sftp(folder, seconds):
    port = free_port()
    for key in ("host", "user"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / key)], check=True)
    (folder / "sshd.conf").write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {folder}/host\nAuthorizedKeysFile {folder}/user.pub\nPidFile none\n"
        "StrictModes no\nUsePAM no\nPasswordAuthentication no\nSubsystem sftp internal-sftp\n"
    )
    os.makedirs("/run/sshd", exist_ok=True)
    server = subprocess.Popen(["/usr/sbin/sshd", "-D", "-e", "-f", str(folder / "sshd.conf")], stderr=subprocess.DEVNULL)
    wait_for(port)
    (folder / "bin").mkdir()
    (folder / "bin/ssh").write_text(f'#!/bin/sh\nexec /usr/bin/ssh -o UserKnownHostsFile={folder}/known "$@"\n')
    (folder / "bin/ssh").chmod(0o755)
    user = subprocess.check_output(["id", "-un"], text=True).strip()
    way = f"{user}@127.0.0.1:{proxy(port, seconds)}{folder}/target?key={folder}/user&known_hosts_strategy=add"
    return server, f"sftp://{way}", {"PATH": f"{folder}/bin:{os.environ['PATH']}"}


def backups(data, files, size):
    made = data / "backups/aotf-2026-01-01T00-00-00Z"
    made.mkdir(parents=True)
    for number in range(files):
        (made / f"part-{number:03}.zst").write_bytes(os.urandom(size))
    (made / "manifest.json").write_text("{}")


def mirror(aotf, folder, url, environment, *more):
    words = [aotf, "backup", "mirror", url, "--config", str(folder / "p.toml"), *more]
    return subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=os.environ | environment)


def run(aotf, service, seconds, workers):
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        (folder / "target").mkdir()
        (folder / "p.toml").write_text(f'data_dir = "{folder}/data"\n')
        backups(folder / "data", FILES, BYTES)
        server, url, environment = service(folder, seconds)
        begun = time.monotonic()
        status = mirror(aotf, folder, url, environment, "--workers", str(workers)).wait()
        took = time.monotonic() - begun
        server.kill()
        if status:
            sys.exit(f"{service.__name__} failed")
        return took


def stop(aotf, service, seconds):
    """From the signal to the end of the process, in the middle of large files; and half files under their own names."""
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        (folder / "target").mkdir()
        (folder / "p.toml").write_text(f'data_dir = "{folder}/data"\n')
        backups(folder / "data", 4, LARGE)
        server, url, environment = service(folder, seconds)
        child = mirror(aotf, folder, url, environment)
        while sum(path.stat().st_size for path in (folder / "target").rglob("*") if path.is_file()) < 1000:
            if child.poll() is not None:
                sys.exit(f"{service.__name__}: ended before it was stopped")
            time.sleep(0.01)
        begun = time.monotonic()
        child.send_signal(signal.SIGTERM)
        child.wait()
        took = time.monotonic() - begun
        half = [path for path in (folder / "target").rglob("part-???.zst") if path.stat().st_size != LARGE]
        server.kill()
        return took, len(half)


def main():
    aotf, seconds = str(Path(sys.argv[1]).resolve()), float(sys.argv[2]) / 1000
    head = " | ".join(f"{n} worker{'s' * (n > 1)}, s" for n in WORKERS)
    print(f"{FILES} files of {BYTES // 1000} kB with {sys.argv[2]} ms of latency; a stop amid four of {LARGE // 1_000_000} MB:\n")
    print(f"| | {head} | of one worker's time | stop, s (the longest of five) | half files |\n|---|{'---|' * len(WORKERS)}---|---|---|")
    for service in (ftp, webdav, sftp):
        took = [run(aotf, service, seconds, workers) for workers in WORKERS]
        stops = [stop(aotf, service, seconds) for _ in range(5)]
        cells = " | ".join(f"{t:.1f}" for t in took)
        ratio = " and ".join(f"{t / took[0]:.0%}" for t in took[1:])
        print(f"| {service.__name__.upper()} | {cells} | {ratio} | {max(t for t, _ in stops):.2f} | {sum(h for _, h in stops)} |", flush=True)


if __name__ == "__main__":
    main()
