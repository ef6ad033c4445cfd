#!/usr/bin/env python3
"""Real clients whose connections our servers close for being idle go on as if nothing had been.

The servers close a connection after LIMIT seconds without traffic. That is more than a held pull takes, and less than the 30 s
between a client's heartbeats and between its questions for routes: so a client that sends nothing for PAUSE seconds loses its
connections to both servers, by itself, several times. Its next send must succeed at once, and come to its group. All clients
run at the same time; those that lost no connection to the broker have tested nothing, which is a failure, too.
"""

import argparse
import os
import pathlib
import shutil
import signal
import sys
import tempfile
import time

import installs
import run
from outages import CLIENTS, LoadingClient
from servers import BROKER, NAMESERVER, CometServers

LIMIT = 25
PAUSE = 70  # two heartbeats, at least, and the limit twice
CLIENTS = CLIENTS | {"go-2.1.2": lambda root: [*installs.go_client(root, "2.1.2"), "load"]}
ESTABLISHED = "01"


def connections(pid, port):
    """The process's own ports of its connections to that port."""
    inodes = set()
    for descriptor in pathlib.Path(f"/proc/{pid}/fd").iterdir():
        try:
            inodes.add(os.readlink(descriptor))
        except FileNotFoundError:
            pass  # closed meanwhile
    found = set()
    for family in ("tcp", "tcp6"):
        for line in pathlib.Path(f"/proc/{pid}/net/{family}").read_text("ascii").splitlines()[1:]:
            _, own, remote, state, *_ = fields = line.split()
            if state == ESTABLISHED and int(remote.rsplit(":", 1)[1], 16) == port and f"socket:[{fields[9]}]" in inodes:
                found.add(int(own.rsplit(":", 1)[1], 16))
    return found


def watch(clients, servers, seconds):
    """{client: {server: how many of its connections have gone}} in that time."""
    ports = {what: servers.ports[what] for what in (BROKER, NAMESERVER)}
    seen = {(client, what): set() for client in clients for what in ports}
    gone = {(client, what): set() for client in clients for what in ports}
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for client in clients:
            for what, port in ports.items():
                now = connections(client.process.pid, port)
                seen[client, what] |= now
                gone[client, what] |= seen[client, what] - now
        time.sleep(0.5)
    return {client: {what: len(gone[client, what]) for what in ports} for client in clients}


def check(names, servers, root):
    """Prints a line a client; yields what is wrong."""
    clients = [LoadingClient(name, CLIENTS[name](root), servers, root / f"{name}-idle.log", senders=1, pause_millis=PAUSE * 1000) for name in names]
    try:
        for client in clients:
            client.start(servers)
        for client in clients:
            client.wait_for(lambda one=client: one.sent and one.got, "its first message")
        lost = watch(clients, servers, PAUSE)
        for client in clients:
            problems = []
            try:
                client.wait_for(lambda one=client: len(one.sent) >= 2, "its send after the pause")
                client.wait_received()
            except AssertionError as error:
                problems.append(str(error))
            problems += [f"{client.name}: message {number} was not sent: {reason}" for number, _, reason in client.failed]
            if not lost[client][BROKER]:
                problems.append(f"{client.name} lost no connection to the broker in {PAUSE} s")
            run.say(f"{client.name}: {lost[client][BROKER]} connections to the broker and {lost[client][NAMESERVER]} to the nameserver were closed, "
                    f"{len(client.sent)} messages sent, {len(client.failed)} sends failed")
            yield from problems
    finally:
        for client in clients:
            client.end()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--clients", type=run.list_of, default=list(CLIENTS), help=f"some of {','.join(CLIENTS)}")
    parser.add_argument("--build-dir", type=pathlib.Path, default=run.PROJECT / "build", help="peers are installed below it (default: build)")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("idle: stopped"))  # what it has started ends with it
    for name in options.clients:
        if name not in CLIENTS:
            parser.error(f"'{name}' is not one of {', '.join(CLIENTS)}")
    root = options.build_dir.resolve() / "peers"
    names = run.available(options.clients, lambda name: CLIENTS[name](root), "the client", root)
    if not names:
        sys.exit(77)
    folder = pathlib.Path(tempfile.mkdtemp(prefix="comet-idle-"))
    limit = {"serverChannelMaxIdleTimeSeconds": LIMIT}
    # The broker's own connection to the nameserver is not one of those that are to be closed: it would be away from the routes.
    servers = CometServers(folder, keys=limit | {"registerNameServerPeriod": 10_000}, nameserver_keys=limit)
    try:
        problems = list(check(names, servers.start(), root))
    finally:
        servers.stop()
        shutil.rmtree(folder, ignore_errors=True)
    for problem in problems:
        run.say(f"FAILED: {problem}")
    run.say(f"{len(names)} idle clients, {len(problems)} problems")
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
