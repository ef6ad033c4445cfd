#!/usr/bin/env python3
"""Apache's broker opens a directory of ours in which `logCut` lies: a slave had begun to cut its log and did not come to the end.

Apache's knows nothing of the file, takes the log as it is and writes behind it. When ours has the directory again, what the file says
counts no more: nothing may be cut that Apache's has acknowledged.

  tests/peers/log_cut.py [--versions 4.9.7,5.5.0]    (COMET_BIN names the programs' folder)

Ends with 0, 1 where something differs, 77 where nothing could be run.
"""

import argparse
import pathlib
import re
import shutil
import sys
import tempfile
import zlib

import installs
from run import PROJECT, available, inside, list_of, loopback_up, say
from servers import BROKER, ApacheServers, write_properties

from daemons import Daemon, real_lines  # of tests/support
from remoting import Client

ENDINGS = ["stop", "kill"]  # one that was killed has not written its checkpoint
TOPIC, QUEUES = "orders", 4
KEYS = {"mappedFileSizeCommitLog": 1 << 20, "mapedFileSizeCommitLog": 1 << 20, "maxMessageSize": 1 << 18}


def start_ours(folder):
    keys = {"brokerName": BROKER, "brokerClusterName": "peers", "brokerIP1": "127.0.0.1", "listenPort": 0, "storePathRootDir": folder / BROKER,
            "mappedFileSizeCommitLog": 1 << 20}
    return Daemon("comet-broker", ["-c", write_properties(folder / "ours.conf", keys)], folder / "ours.log").wait_ready()


def fill(port, lines):
    with Client(port) as client:
        return [client.send_message(TOPIC, line.encode(), queue_id=number % QUEUES).code for number, line in enumerate(lines)]


def bodies(port):
    with Client(port) as client:
        return sorted(message.body.decode() for queue in range(QUEUES) for message in client.read_queue(TOPIC, queue))


def write_note(folder, offset, timestamp):
    said = f"cut {offset} {timestamp}"
    (folder / BROKER / "logCut").write_text(f"{said} {zlib.crc32(said.encode())}\n".ljust(128), encoding="ascii")


def run_once(version, ending, jars, folder):
    """What differs."""
    lines, problems = real_lines(900), []
    ours = start_ours(folder)
    assert set(fill(ours.port, lines[:300])) == {0}
    with Client(ours.port) as client:
        middle = client.read_queue(TOPIC, 0)[20]
    ours.kill()
    (folder / BROKER / "abort").touch()
    write_note(folder, middle.physical_offset, middle.store_timestamp)

    apache = ApacheServers(version, jars, folder, keys=KEYS)
    apache.start()
    try:
        if bodies(apache.ports[BROKER]) != sorted(lines[:300]):
            problems.append("Apache's has not all of the log")
        if set(fill(apache.ports[BROKER], lines[300:600])) != {0}:
            problems.append("Apache's does not take everything")
        (apache.stop_one if ending == "stop" else apache.kill_one)(BROKER)
    finally:
        apache.stop()
    if not (folder / BROKER / "logCut").exists():
        problems.append("logCut is gone: nothing was tested")

    ours = start_ours(folder)
    try:
        if bodies(ours.port) != sorted(lines[:600]):
            problems.append(f"ours has {len(bodies(ours.port))} of 600 messages")
        if not re.search(r" E .*another broker has had it since: left alone", ours.log()):
            problems.append("ours does not say that it leaves logCut alone")
        if (folder / BROKER / "logCut").exists():
            problems.append("logCut is there still")
        if set(fill(ours.port, lines[600:])) != {0} or bodies(ours.port) != sorted(lines):
            problems.append("ours does not go on")
        ours.stop()
    finally:
        if ours.alive():
            ours.kill()
    return problems


def run_all(options):
    count = 0
    for version in options.versions:
        for ending in ENDINGS:
            folder = pathlib.Path(tempfile.mkdtemp(prefix="comet-log-cut-"))
            problems = run_once(version, ending, options.build_dir / "peers" / f"server-{version}" / "jars", folder)
            say(f"{version}, {ending}: {'; '.join(problems) or 'nothing was cut, nothing is missing'}")
            count += len(problems)
            shutil.rmtree(folder, ignore_errors=True)
    sys.exit(1 if count else 0)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--versions", type=list_of, default=["4.9.7", "5.5.0"])
    parser.add_argument("--build-dir", type=pathlib.Path, default=PROJECT / "build", help="jars are installed below it (default: build)")
    parser.add_argument("--inside", help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.build_dir = options.build_dir.resolve()
    if options.inside:
        loopback_up()
        run_all(options)
    root = options.build_dir / "peers"
    found = available(options.versions, lambda version: installs.apache_servers(root, version), "Apache's", root)
    if not found:
        sys.exit(77)
    differs = False
    for line in inside(__file__, "Apache's", ["--versions", ",".join(found), "--build-dir", options.build_dir], own_network=True):
        differs = differs or line[0] == "error"
        print("\t".join(line), flush=True)
    sys.exit(1 if differs else 0)


if __name__ == "__main__":
    main()
