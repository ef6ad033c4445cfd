#!/usr/bin/env python3
"""Two masters and their slaves on hosts of their own: a network namespace, an address and a HOME each, and the settings of Apache's
conf/2m-2s-sync and conf/2m-2s-async. A bridge is between them, so that a host can be cut off without a word.
"""

import json
import os
import pathlib
import signal
import subprocess
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import apache_conf  # noqa: E402
import own_network  # noqa: E402
from daemons import Daemon, DaemonTest, program, real_lines, wait_until  # noqa: E402

INSIDE = "COMET_HOSTS_INSIDE"
NETWORK = "10.18.0"
HOSTS = {"namesrv": 1, "broker-a": 11, "broker-a-s": 12, "broker-b": 21, "broker-b-s": 22, "client": 99}
NAMESRV = f"{NETWORK}.1:9876"
LINES = 2000


class Network:
    """The hosts: a process each that holds its namespace."""

    def __init__(self):
        self.holders = {}
        self.ip("link", "add", "hub", "type", "bridge")
        self.ip("link", "set", "hub", "up")
        for host, number in HOSTS.items():
            holder = self.holders[host] = subprocess.Popen(["unshare", "--net", "sh", "-c", "echo; exec sleep infinity"], stdout=subprocess.PIPE)
            holder.stdout.read(1)  # it has its namespace
            self.ip("link", "add", f"port{number}", "type", "veth", "peer", "name", "uplink", "netns", str(holder.pid))
            self.ip("link", "set", f"port{number}", "master", "hub", "up")
            for words in (["link", "set", "lo", "up"], ["addr", "add", f"{NETWORK}.{number}/24", "dev", "uplink"], ["link", "set", "uplink", "up"]):
                subprocess.run([*self.prefix(host), "ip", *words], check=True)

    @staticmethod
    def ip(*words):
        subprocess.run(["ip", *words], check=True)

    def prefix(self, host):
        """The words in front of a command that runs there."""
        return ["nsenter", f"--net=/proc/{self.holders[host].pid}/ns/net"]

    def cut(self, host):
        self.ip("link", "set", f"port{HOSTS[host]}", "down")

    def mend(self, host):
        self.ip("link", "set", f"port{HOSTS[host]}", "up")

    def end(self):
        for holder in self.holders.values():
            holder.kill()
            holder.wait()
            holder.stdout.close()
        for device in [f"port{number}" for number in HOSTS.values()] + ["hub"]:
            # Ends with the namespace of its other end, or here, whichever is first.
            subprocess.run(["ip", "link", "del", device], stderr=subprocess.DEVNULL, check=False)


class Hosts(DaemonTest):
    def setUp(self):
        super().setUp()
        self.network = Network()
        self.addCleanup(self.network.end)
        self.addCleanup(self.kill_all)  # in front of it
        configuration = self.write_properties("namesrv.conf", bindAddress="0.0.0.0")
        self.run_on("namesrv", "comet-namesrv", ["-c", configuration])
        self.brokers = {}

    def kill_all(self):
        for daemon in self.daemons:
            if daemon.alive():
                daemon.kill()

    def run_on(self, host, name, arguments):
        home = self.folder / f"home-{host}"
        home.mkdir(exist_ok=True)
        daemon = Daemon(name, arguments, self.folder / f"{host}.log", prefix=self.network.prefix(host), env=os.environ | {"HOME": str(home)})
        self.daemons.append(daemon)
        return daemon.wait_ready()

    def start_broker_on(self, host, kind, *more):
        """As Apache's documents do it: the file, and the nameserver as an option."""
        file = apache_conf.write(self.folder, kind, host, *more)
        self.brokers[host] = daemon = self.run_on(host, "comet-broker", ["-c", file, "-n", NAMESRV])
        wait_until(lambda: "registered with name server" in daemon.log(), 30, "the broker's registration")
        return daemon

    def start_reachable(self, host, kind):
        """With the one line that a host on a network needs beside Apache's file."""
        return self.start_broker_on(host, kind, f"brokerIP1={NETWORK}.{HOSTS[host]}")

    def at_client(self, name, *arguments, check=True):
        command = [*self.network.prefix("client"), program(name), *map(str, arguments)]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, check=False)
        if check:
            self.assertEqual(0, done.returncode, f"{name} {arguments}: {done.stdout[-1500:]}{done.stderr[-1500:]}")
        return done

    def status(self, host):
        done = self.at_client("cometctl", "haStatus", "-n", NAMESRV, "-b", f"{NETWORK}.{HOSTS[host]}:10911", "--json", check=False)
        return json.loads(done.stdout) if done.returncode == 0 else {}

    def wait_copied(self, master):
        """Until its slave is there and has all."""
        def copied():
            status = self.status(master)
            replicas = status.get("replicas", [])
            return status.get("inSyncSlaveNums") == 1 and all(one["slaveAckOffset"] == status["masterCommitLogMaxOffset"] for one in replicas)
        wait_until(copied, 60, f"the slave of {master}")

    def send(self, lines, check=True):
        """The lines that were acknowledged."""
        text, ledger = self.folder / "lines.txt", self.folder / "ledger.tsv"
        text.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")
        ledger.unlink(missing_ok=True)
        self.at_client("example-send_lines", "--namesrv", NAMESRV, "--topic", "orders", "--file", text, "--window", 16, "--show", 0, "--ledger", ledger,
                       check=check)
        return [lines[int(line.split("\t")[0]) - 1] for line in ledger.read_text("utf-8").splitlines()]

    def read(self, count):
        target = self.folder / "read.txt"
        self.at_client("example-read_queue", "--namesrv", NAMESRV, "--topic", "orders", "--count", count, "--output", target)
        return target.read_text("utf-8").split("\n")[:-1]

    def test_apaches_files_start_as_they_are(self):
        for kind in apache_conf.KINDS:
            with self.subTest(kind):
                for host in apache_conf.FILES:
                    broker = self.start_broker_on(host, kind)
                    self.assertEqual([], [line for line in broker.log().splitlines() if " E " in line])
                    self.assertTrue((self.folder / f"home-{host}" / "store" / "commitlog").is_dir(), "the store is in HOME")
                    self.assertIn(f"the address towards name server {NAMESRV}", broker.ready_line)
                for host in reversed(apache_conf.FILES):
                    self.assertEqual(0, self.brokers[host].stop())
                    subprocess.run(["rm", "-rf", self.folder / f"home-{host}" / "store"], check=True)

    def test_apaches_files_make_a_cluster_as_they_are(self):
        for host in apache_conf.FILES:
            self.start_broker_on(host, "sync")
        for master in ("broker-a", "broker-b"):
            self.wait_copied(master)
        self.assertEqual(LINES, len(self.send(real_lines(LINES))))

    def test_four_brokers_copy_and_their_slaves_serve_when_both_masters_die(self):
        for kind in apache_conf.KINDS:
            with self.subTest(kind):
                self.check_cluster(kind)
                self.kill_brokers()

    def kill_brokers(self):
        for host, daemon in self.brokers.items():
            if daemon.alive():
                daemon.kill()
            subprocess.run(["rm", "-rf", self.folder / f"home-{host}" / "store"], check=True)

    def check_cluster(self, kind):
        for host in apache_conf.FILES:
            self.start_reachable(host, kind)
        for master in ("broker-a", "broker-b"):
            self.wait_copied(master)
        lines = real_lines(2 * LINES)
        sent = self.send(lines[:LINES])
        self.assertEqual(LINES, len(sent))
        for master in ("broker-a", "broker-b"):
            self.wait_copied(master)
            self.brokers[master].kill()
        time.sleep(4)  # then the slaves' readers see all that they have
        self.assertEqual(sorted(sent), sorted(self.read(LINES)))
        for master in ("broker-a", "broker-b"):
            self.start_reachable(master, kind)
            self.wait_copied(master)
        self.assertEqual(LINES, len(self.send(lines[LINES:])))
        self.assertEqual(sorted(lines), sorted(self.read(2 * LINES)))

    def test_a_slave_that_is_cut_off_costs_its_master_alone(self):
        for host in apache_conf.FILES:
            self.start_reachable(host, "sync")
        for master in ("broker-a", "broker-b"):
            self.wait_copied(master)
        self.at_client("cometctl", "updateTopic", "-n", NAMESRV, "-c", "DefaultCluster", "-t", "probes")
        lines = real_lines(3 * LINES)
        acknowledged = self.send(lines[:LINES])
        self.network.cut("broker-a-s")
        wait_until(lambda: self.codes_of("broker-a") == {11}, 30, "SLAVE_NOT_AVAILABLE of broker-a")
        self.assertEqual({0}, self.codes_of("broker-b"))
        self.assertEqual(0, self.status("broker-a")["inSyncSlaveNums"])
        self.network.mend("broker-a-s")
        self.wait_copied("broker-a")
        wait_until(lambda: self.codes_of("broker-a") == {0}, 30, "acknowledgements of broker-a")
        acknowledged += self.send(lines[LINES:2 * LINES])
        self.assertEqual(2 * LINES, len(acknowledged))
        self.brokers["broker-a"].kill()
        self.brokers["broker-b"].kill()
        time.sleep(4)
        found = self.read(2 * LINES)
        self.assertEqual(set(), set(acknowledged) - set(found))

    def codes_of(self, broker):
        """What a send to one broker is answered, as a status."""
        words = {"SEND_OK": 0, "FLUSH_SLAVE_TIMEOUT": 12, "SLAVE_NOT_AVAILABLE": 11}
        done = self.at_client("cometctl", "sendMessage", "-n", NAMESRV, "-t", "probes", "-b", broker, "-i", 0, "-p", "probe", check=False)
        return {code for word, code in words.items() if word in done.stdout + done.stderr}


def main():
    if os.environ.get(INSIDE):
        own_network.loopback_up()
        signal.signal(signal.SIGTERM, lambda *_: sys.exit("hosts_test: stopped"))
        unittest.main(verbosity=2)
        return
    reason = own_network.why_not()
    if reason:
        print(f"skipped: {reason}")
        return
    os.execvpe("unshare", [*own_network.unshare("--fork", "--kill-child=SIGTERM"), sys.executable, __file__, *sys.argv[1:]], os.environ | {INSIDE: "1"})


if __name__ == "__main__":
    main()
