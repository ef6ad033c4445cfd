#!/usr/bin/env python3
"""Runs real clients of RocketMQ, which nobody here wrote, against our servers and against Apache's.

Each peer is one long-lived program that runs all its cases and prints a line a case. What each case gave
with each server is compared with matrix.tsv; a cell that differs fails the run. --record writes the
table anew, and docs/compatibility.md's part of it.

Peers, and Apache's servers, are installed into BUILD/peers at the first run. What cannot be had is
skipped by name with one line.
"""

import argparse
import concurrent.futures
import contextlib
import functools
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import zlib

import installs
import matrix
from servers import ApacheProxy, ApacheServers, CometServers, tls_options, write_properties

from own_network import loopback_up, unshare  # of tests/support
from tls_files import Authority  # of tests/support

HERE = pathlib.Path(__file__).resolve().parent
PROJECT = HERE.parents[1]
DEADLINE = 600  # seconds that one peer may take with one server

PEERS = {
    "java-5.5.0": lambda root: installs.java_client(root, "5.5.0"),
    "java-4.9.8": lambda root: installs.java_client(root, "4.9.8"),
    "mqadmin-5.5.0": lambda root: installs.mqadmin(root, "5.5.0"),
    "mqadmin-4.9.8": lambda root: installs.mqadmin(root, "4.9.8"),
    "go-2.1.2": lambda root: installs.go_client(root, "2.1.2"),
    "go-2.1.3": lambda root: installs.go_client(root, "2.1.3"),
    "python-rocketmq-0.4.4": installs.python_client,
    "ali-ons-3.12.0": lambda root: installs.node_client(root, "ali-ons"),
    "npm-rocketmq-2.0.1": lambda root: installs.node_client(root, "rocketmq"),
    "comet-producer": lambda _: installs.own_program("peer_producer"),
    "cometctl": lambda _: installs.cometctl(),
    "spring-2.3.5": lambda root: installs.spring(root, "2.3.5"),
    "grpc-node-1.0.8": installs.node_grpc_client,
    "grpc-python-5.1.2": installs.python_grpc_client,
    "java-5.5.0-tls": lambda root: installs.with_tls(installs.java_client(root, "5.5.0")),
    "java-4.9.8-tls": lambda root: installs.with_tls(installs.java_client(root, "4.9.8")),
    "go-2.1.3-tls": lambda root: installs.with_tls(installs.go_client(root, "2.1.3")),
}
SERVERS = ["comet", "apache-4.9.7", "apache-5.5.0"]
BEHIND_PROXY = ["grpc-node-1.0.8", "grpc-python-5.1.2"]  # these speak with Apache's proxy 5.5.0, which speaks with the servers
TLS_CASES = {  # of the peers with TLS, at servers that speak nothing else
    "java-5.5.0-tls": ["tls_plain_client", "consume_concurrent", "consume_retry", "consume_broadcast", "lite_pull_subscribe", "pull", "query_by_key",
                       "request_reply", "running_info", "send_async", "send_batch", "send_large_zlib", "send_oneway", "send_sync", "send_trace",
                       "send_vip_channel", "topic_stats", "transaction_check_back", "transaction_commit"],
    "go-2.1.3-tls": ["admin_topics", "consume_concurrent", "consume_retry", "pull", "send_async", "send_batch", "send_large", "send_oneway", "send_sync",
                     "transaction_check_back", "transaction_commit"],
}
TLS_CASES["java-4.9.8-tls"] = TLS_CASES["java-5.5.0-tls"]
UNTRUSTED_CASES = ["tls_untrusted_server"]  # run once more, with Java, by clients that trust somebody else
FAST_PEERS = ["java-5.5.0", "go-2.1.3", "ali-ons-3.12.0"]
peers_running = set()  # the ids of their processes, each of which leads a group


def say(text):
    print(f"peers: {text}", flush=True)


@contextlib.contextmanager
def running(server, root, keep, tls=False):
    folder = pathlib.Path(tempfile.mkdtemp(prefix=f"comet-peers-{server}-"))
    authority = Authority(folder) if tls else None
    if tls:
        authority.issue("server", "broker.example")
    if server == "comet":
        servers = CometServers(folder, authority=authority)
    else:
        version = server.removeprefix("apache-")
        servers = ApacheServers(version, root / f"server-{version}" / "jars", folder, authority=authority)
    try:
        yield servers.start()
    except BaseException:
        for path in servers.logs():
            print(f"--- last lines of {path.name}", *path.read_text("utf-8", "replace").splitlines()[-30:], sep="\n", file=sys.stderr)
        raise
    finally:
        servers.stop()
        if keep:
            say(f"files of {server} are kept in {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def proxy_running(needed, servers, root):
    proxy = ApacheProxy(root / "proxy-5.5.0" / "jars", servers).start() if needed else None
    try:
        yield
    finally:
        if proxy:
            proxy.stop()


def run_name(log_path):
    """Part of each topic's and group's name, six digits (Fingerprint.java knows them): of the time and the peer, since some run at the same time."""
    return f"r{int(time.time()) % 1000:03}{zlib.crc32(log_path.name.encode()) % 1000:03}"


def run_peer(command, servers, log_path, cases, environment=None):
    """{case: (seconds, result)} of one peer; what it writes to stderr goes into the log."""
    results = {}
    run = run_name(log_path)
    with open(log_path, "wb") as log:
        process = subprocess.Popen([*map(str, command), servers.nameserver, run, *cases], stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=log, text=True, errors="replace", start_new_session=True, cwd=servers.folder,
                                   env=os.environ | {"PEERS_BROKER": servers.address(servers.brokers[0]), "PEERS_PROXY": ApacheProxy.address,
                                                     "HOME": str(servers.folder)} | (environment or {}))
        killer = subprocess.Popen([sys.executable, "-c",
                                   f"import os,time;time.sleep({DEADLINE});os.killpg({process.pid},{signal.SIGKILL:d})"])
        ended = False
        peers_running.add(process.pid)
        try:
            for line in process.stdout:
                log.write(line.encode())
                fields = line.rstrip("\n").split("\t")
                if fields[0] == "case" and len(fields) == 4:
                    results[fields[1]] = (fields[2], fields[3].replace(run, "RUN"))
                ended = ended or fields[0] == "end"
            process.wait()
        finally:
            peers_running.discard(process.pid)
            killer.kill()
            killer.wait()
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
    if not ended:
        end = f"did not end within {DEADLINE} s" if process.returncode == -signal.SIGKILL else f"ended with {process.returncode} before its last line"
        results["(the program)"] = ("-", f"failed: it {end}; its log: {log_path}")
    return results


def tls_environment(servers, trusted):
    """Of clients that speak TLS and trust that certificate."""
    file = write_properties(servers.folder / f"trust-{trusted.parent.name}.properties", {
        "tls.test.mode.enable": "false", "tls.client.authServer": "true", "tls.client.trustCertPath": trusted})
    return {"PEERS_TLS": "1", "JAVA_TOOL_OPTIONS": " ".join(tls_options(file))}


def run_with_tls(peer, command, servers, log_path, cases):
    """run_peer's results for a peer with TLS; those of what must be refused, too."""
    chosen = [one for one in TLS_CASES[peer] if one in cases or not cases]
    results = run_peer(command, servers, log_path, chosen, tls_environment(servers, servers.folder / "ca.pem")) if chosen else {}
    chosen = [one for one in UNTRUSTED_CASES if peer.startswith("java") and (one in cases or not cases)]
    if chosen:
        stranger = servers.folder / "stranger"
        stranger.mkdir(exist_ok=True)
        untrusting = tls_environment(servers, Authority(stranger).certificate)
        results |= run_peer(command, servers, log_path.with_suffix(".untrusted.log"), chosen, untrusting)
    return results


def run_server(server, peers, root, options):
    """Prints the lines result TAB peer TAB case TAB seconds TAB result, and for each peer its time.

    In the fast part the peers run at the same time: most of theirs is waiting."""
    tls = peers[0] in TLS_CASES
    with running(server, root, options.keep, tls) as servers, proxy_running(set(peers) & set(BEHIND_PROXY), servers, root), \
            concurrent.futures.ThreadPoolExecutor(len(peers) if options.fast else 1) as pool:
        def timed(peer):
            started = time.monotonic()
            run_one = functools.partial(run_with_tls, peer) if tls else run_peer
            results = run_one(PEERS[peer](root), servers, root / f"{peer}-at-{server}.log", options.cases)
            return results, time.monotonic() - started

        for peer, (results, seconds) in zip(peers, pool.map(timed, peers)):
            for case, (case_seconds, result) in results.items():
                print("result", peer, case, case_seconds, result, sep="\t", flush=True)
            print("time", peer, f"{seconds:.0f}", sep="\t", flush=True)


def inside(script, server, arguments, own_network):
    """The fields of each line that the script prints with --inside, in a network namespace of its own if anything of Apache's listens."""
    command = [sys.executable, script, "--inside", server, *arguments]
    if own_network:
        command = [*unshare("--fork", "--kill-child=SIGTERM"), *command]
    with subprocess.Popen([*map(str, command)], stdout=subprocess.PIPE, text=True, errors="replace") as process:
        try:
            for line in process.stdout:
                yield line.rstrip("\n").split("\t")
        finally:
            process.terminate()  # nothing, if it has ended
    if process.returncode != 0:
        yield ["error", server, f"ended with {process.returncode}"]


def run_inside(server, peers, options):
    """The lines of run_server."""
    arguments = ["--build-dir", options.build_dir, "--peers", ",".join(peers)]
    arguments += ["--keep"] * options.keep + ["--fast"] * options.fast
    if options.cases:
        arguments += ["--cases", ",".join(options.cases)]
    return inside(__file__, server, arguments, own_network=server != "comet" or set(peers) <= set(BEHIND_PROXY))


def groups(peers):
    """Those that can have the same servers: the ordinary ones, those behind a proxy, those with TLS."""
    kinds = {}
    for one in peers:
        kinds.setdefault((one in BEHIND_PROXY, one in TLS_CASES), []).append(one)
    return kinds.values()


def available(names, installer, what, root):
    """Those of the names that this machine has or can get; the others are named with their reason."""
    found = []
    for name in names:
        started = time.monotonic()
        try:
            installer(name)
        except installs.Missing as reason:
            say(f"SKIPPED: {what} {name}: {reason}")
            continue
        found.append(name)
        if time.monotonic() - started > 5:
            say(f"{name} installed in {time.monotonic() - started:.0f} s")
    return found


def say_counts(seen, peers, servers):
    """How many cases each peer has run with each server, and how many of them failed."""
    for peer in peers:
        counts = []
        for server in servers:
            results = [result for (one, _, at), result in seen.items() if (one, at) == (peer, server)]
            failed = sum(result.startswith("failed") for result in results)
            counts.append(f"{server} {len(results)}" + (f" ({failed} failed)" if failed else ""))
        say(f"cases of {peer}: {', '.join(counts) or 'none'}")


def list_of(text):
    return [one for one in text.split(",") if one]


def parse():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--fast", action="store_true", help="our servers alone, with the peers that CI runs")
    parser.add_argument("--peers", type=list_of, help=f"some of {','.join(PEERS)}")
    parser.add_argument("--servers", type=list_of, help=f"some of {','.join(SERVERS)}")
    parser.add_argument("--cases", type=list_of, default=[], help="these cases alone")
    parser.add_argument("--build-dir", type=pathlib.Path, default=PROJECT / "build", help="peers are installed below it (default: build)")
    parser.add_argument("--record", action="store_true", help="write what was seen into matrix.tsv and docs/compatibility.md")
    parser.add_argument("--keep", action="store_true", help="keep the servers' files")
    parser.add_argument("--inside", help=argparse.SUPPRESS)
    options = parser.parse_args()
    for given, known in ((options.peers or [], PEERS), (options.servers or [], SERVERS)):
        for name in given:
            if name not in known:
                parser.error(f"'{name}' is not one of {', '.join(known)}")
    options.build_dir = options.build_dir.resolve()
    return options


def collect(server, peers, options, seen, times, problems):
    for line in run_inside(server, peers, options):
        if line[0] == "result":
            seen[(line[1], line[2], server)] = line[4]
            print(f"{server:14} {line[1]:14} {line[2]:38} {line[3]:>6} s  {line[4]}", flush=True)
        elif line[0] == "time":
            times.append(f"{line[1]} at {server}: {line[2]} s")
        elif line[0] == "error":
            problems.append(f"{server}: {line[2]}")
        else:
            print("\t".join(line), flush=True)


def run_again_what_differs(table, options, seen, times):
    """Once, and says so: clients look for routes and members every 20 or 30 s only, and may come too late on a busy machine."""
    count = 0
    for peer, server in sorted({(peer, server) for peer, _, server in seen}):
        cases = [case for (one, case, at), result in sorted(seen.items())
                 if (one, at) == (peer, server) and table.wanted(peer, case, server) not in ("-", result)]
        if cases and len(cases) <= 5:
            for case in cases:
                say(f"AGAIN: {peer}, {case}, {server}: {seen[(peer, case, server)]!r}, not {table.wanted(peer, case, server)!r}")
            collect(server, [peer], argparse.Namespace(**(vars(options) | {"cases": cases})), seen, times, [])
            count += len(cases)
    return count


def stop(*_):
    """Ends the program and what it has started: a thread waits for each peer."""
    for pid in list(peers_running):
        with contextlib.suppress(ProcessLookupError):  # it has just ended
            os.killpg(pid, signal.SIGKILL)
    sys.exit("peers: stopped")


def main():
    options = parse()
    signal.signal(signal.SIGTERM, stop)
    root = options.build_dir / "peers"
    if options.inside:
        loopback_up()
        run_server(options.inside, options.peers, root, options)
        return

    peers = options.peers or (FAST_PEERS if options.fast else list(PEERS))
    servers = options.servers or (["comet"] if options.fast else SERVERS)
    peers = available(peers, lambda name: PEERS[name](root), "the client", root)
    servers = available(servers, lambda name: name == "comet" or installs.apache_servers(root, name.removeprefix("apache-")),
                        "the server", root)
    seen, times, problems = {}, [], []
    for server in servers:
        for group in groups(peers):
            if server != "apache-4.9.7" or group[0] not in BEHIND_PROXY:
                collect(server, group, options, seen, times, problems)
    say_counts(seen, peers, servers)
    say("; ".join(times) if times else "nothing was run")

    table = matrix.Table.read(HERE / "matrix.tsv")
    again = 0
    if not options.record:
        again = run_again_what_differs(table, options, seen, times)
    if options.record:
        table.record(seen)
        table.write(HERE / "matrix.tsv")
        matrix.write_page(table, PROJECT / "docs" / "compatibility.md")
        say(f"recorded {len(seen)} cells")
    else:
        problems += table.differences(seen, complete=not options.cases)
    for problem in problems:
        say(f"DIFFERS: {problem}")
    say(f"{len(seen)} cells, {again} run again, {len(problems)} problems")
    sys.exit(1 if problems else 0 if seen else 77)


if __name__ == "__main__":
    main()
