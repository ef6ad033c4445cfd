#!/usr/bin/env python3
"""What must not be copied, and who must not count, at a real master's HA port: one clear line each, no loop, and no effect on the
answers that others get. A good slave is in sync beside it all the time."""

import contextlib
import json
import pathlib
import re
import shutil
import socket
import struct
import sys
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

from daemons import DaemonTest, real_lines, wait_until  # noqa: E402
from pair import HA_STATUS, SLAVE_NOT_AVAILABLE, PairTest  # noqa: E402
from remoting import GET_ROUTE, SUCCESS, Client  # noqa: E402
from tls_files import Authority, TlsClient  # noqa: E402

TOPIC = "orders"
WATCH = 12  # seconds: a slave that is refused tries again every 5 s
MIB = 1 << 20
ALONE = {"brokerRole": "ASYNC_MASTER"}


class Refusals(PairTest):
    def start_good_pair(self, **keys):
        master, slave = self.start_master(**keys), self.start_slave(**keys)
        self.wait_in_sync(master)
        return master, slave

    @contextlib.contextmanager
    def others_are_served(self, master, slave):
        """Sends go on meanwhile; each is answered 0, soon, and is on the good slave."""
        answers, stopped = [], threading.Event()

        def send():
            with Client(master.port) as client:
                for line in real_lines(20000):
                    if stopped.is_set():
                        return
                    answers.append((*self.send_timed(client, TOPIC, line), line))
                    time.sleep(0.01)

        thread = threading.Thread(target=send)
        thread.start()
        try:
            yield
            wait_until(lambda: len(answers) > 50 or not thread.is_alive(), 30, "answers")
        finally:
            stopped.set()
            thread.join(60)
        self.assertEqual({SUCCESS}, {code for code, _, _ in answers})
        self.assertLess(max(took for _, took, _ in answers), 1.5)
        self.wait_equal(master, slave, TOPIC)
        self.check_nothing_is_missing([line for _, _, line in answers], slave, TOPIC)

    def state(self, slave):
        runtime = self.status(slave)["haClientRuntimeInfo"]
        return runtime.get("state"), runtime.get("problem")

    def check_refused(self, master, slave, bad, state, *words):
        """The bad slave says why, once; so does the master; nobody loops."""
        with self.others_are_served(master, slave):
            wait_until(lambda: self.state(bad)[0] == state, 30, f"the state {state}: {self.state(bad)}")
            time.sleep(WATCH)
        self.assertTrue(bad.alive())
        said = self.problems(bad, f"({state})")
        self.assertEqual(1, len(said), f"lines of the slave: {said}")
        for word in words:
            self.assertIn(str(word), said[0])
            self.assertIn(str(word), self.state(bad)[1])
        told = self.problems(master, "#2")
        self.assertEqual(1, len(told), f"lines of the master: {told}")
        self.assertEqual(1, self.status(master)["inSyncSlaveNums"])
        self.assertLess(master.log().count("has connected"), 2 + WATCH, "no loop")

    def start_bad(self, **keys):
        return self.start_slave("bad", **{"brokerId": 2} | keys)

    def test_another_file_size(self):
        master, slave = self.start_good_pair()
        bad = self.start_bad(mappedFileSizeCommitLog=32 * MIB)
        self.check_refused(master, slave, bad, "other_file_size", 32 * MIB, 64 * MIB)

    def test_another_brokers_name(self):
        master, slave = self.start_good_pair()
        bad = self.start_bad(brokerName="broker-b", haMasterAddress=f"127.0.0.1:{self.ha_port(master)}")
        self.check_refused(master, slave, bad, "wrong_name", "broker-b", "broker-a")

    def test_a_log_of_another_cluster_is_not_mixed_in(self):
        stranger = self.start_broker(None, self.folder / "bad", "bad", brokerName="broker-a", **ALONE)
        with Client(stranger.port) as client:
            for number in range(10):
                self.assertEqual(SUCCESS, client.send_message("strange", f"{number}".encode()).code)
        self.assertEqual(0, stranger.stop())
        kept = self.log_bytes("bad")
        master, slave = self.start_good_pair()
        self.check_refused(master, slave, self.start_bad(), "ahead", len(kept.rstrip(b"\0")))  # one that had a replica: wrong_log
        self.assertEqual(kept, self.log_bytes("bad"), "nothing of it is touched")

    def test_logs_that_parted_before_there_were_epochs_have_diverged(self):
        for name in ("master", "bad"):
            broker = self.start_broker(None, self.folder / name, name, brokerName="broker-a", **ALONE)
            with Client(broker.port) as client:
                for number in range(10):
                    self.assertEqual(SUCCESS, client.send_message("strange", f"{name} {number}".encode()).code)
            self.assertEqual(0, broker.stop())
            (self.folder / name / "config" / "replication").unlink(missing_ok=True)  # as a broker that knew no replication has left it
        kept = self.log_bytes("bad")
        master, slave = self.start_good_pair()
        self.check_refused(master, slave, self.start_bad(), "diverged", len(kept.rstrip(b"\0")))
        self.assertEqual(kept, self.log_bytes("bad"), "nothing of it is touched")

    def log_bytes(self, name):
        return b"".join(path.read_bytes() for path in sorted((self.folder / name / "commitlog").iterdir()) if path.name.isdigit())

    def check_backup(self, *, new_mastership):
        """The master comes back from a backup that is older than what its slave has confirmed."""
        master = self.start_master()
        first = self.start_bad()
        self.wait_in_sync(master)
        with Client(master.port) as client:
            self.assertEqual(SUCCESS, client.send_message(TOPIC, b"saved").code)
        self.assertEqual(0, master.stop())
        shutil.copytree(self.folder / "master", self.folder / "backup")
        master = self.start_master()
        self.wait_in_sync(master)
        with Client(master.port) as client:
            for number in range(100):
                self.assertEqual(SUCCESS, client.send_message("later", f"after the backup {number}".encode()).code)
        if new_mastership:  # the slave notes what is confirmed when it hears of one
            self.assertEqual(0, master.stop())
            master = self.start_master()
            self.wait_in_sync(master)
        self.assertEqual([0, 0], [first.stop(), master.stop()])
        kept = self.log_bytes("bad")
        shutil.rmtree(self.folder / "master")
        (self.folder / "backup").rename(self.folder / "master")
        if new_mastership:  # one that knows of the newer one deposes this master; started anew it goes above what it has heard
            master, bad = self.start_master(), self.start_bad()
            wait_until(lambda: self.state(bad)[0] == "deposed", 40, f"the slave refuses this mastership: {self.state(bad)}")
            with Client(master.port) as client:
                self.assertNotEqual(SUCCESS, client.send_message(TOPIC, b"deposed").code)
            self.assertEqual([0, 0], [bad.stop(), master.stop()])
        master, slave = self.start_good_pair()
        self.check_refused(master, slave, self.start_bad(), "ahead", len(kept.rstrip(b"\0")))
        self.assertEqual(kept, self.log_bytes("bad"), "nothing of it is touched")

    def test_a_master_that_came_back_with_less_than_was_confirmed_is_not_followed(self):
        self.check_backup(new_mastership=True)

    def test_nor_one_whose_slave_has_had_no_handshake_since(self):
        self.check_backup(new_mastership=False)

    # --- Who may follow

    def test_a_wrong_secret_is_refused_and_a_right_one_is_not(self):
        master, slave = self.start_good_pair(haSecret="the tea is green")
        self.check_refused(master, slave, self.start_bad(haSecret="the tea is black"), "wrong_secret")

    def test_a_slave_without_the_secret_is_refused_and_so_is_a_master_without_it(self):
        master, slave = self.start_good_pair(haSecret="the tea is green")
        bad = self.start_bad()
        self.check_refused(master, slave, bad, "wrong_secret")
        for daemon in (bad, slave, master):
            daemon.kill()
        master = self.start_master()
        slave = self.start_slave(haSecret="the tea is green")
        wait_until(lambda: self.state(slave)[0] == "wrong_secret", 30, f"the slave refuses the master: {self.state(slave)}")
        with Client(master.port) as client:
            self.assertEqual(SLAVE_NOT_AVAILABLE, client.send_message(TOPIC, b"alone").code)

    def test_a_master_with_a_secret_takes_no_reports_on_apaches_wire(self):
        master, slave = self.start_good_pair(haSecret="the tea is green")
        with self.others_are_served(master, slave), socket.create_connection(("127.0.0.1", self.ha_port(master))) as java:
            java.settimeout(10)
            java.sendall(struct.pack(">q", 0))
            self.assertEqual(b"", java.recv(100), "closed, and nothing of the log was sent")
        self.assertEqual(1, len(self.problems(master, "haSecret")))

    # --- Masters that are none

    def check_strange_master(self, serve, most):
        """How often the slave calls in 10 s; it lives, and answers meanwhile."""
        calls = []
        with socket.create_server(("127.0.0.1", 0)) as listener:
            def accept():
                with contextlib.suppress(OSError):
                    while True:
                        peer, _ = listener.accept()
                        calls.append(peer)
                        serve(peer)
            threading.Thread(target=accept, daemon=True).start()
            slave = self.start_slave(haMasterAddress=f"127.0.0.1:{listener.getsockname()[1]}")
            time.sleep(10)
            self.assertIn(len(calls), range(1, most + 1))
            self.assertEqual("false", str(self.status(slave)["master"]).lower())
            self.assertEqual(0, slave.stop())
        for peer in calls:
            peer.close()
        return slave

    def test_a_master_that_accepts_and_closes_is_called_a_few_times(self):
        slave = self.check_strange_master(lambda peer: peer.close(), 5)
        self.assertLessEqual(len(self.problems(slave, "HA: master")), 3)

    def test_a_master_that_says_nothing_and_one_that_says_junk_are_called_a_few_times(self):
        self.check_strange_master(lambda peer: None, 3)
        self.check_strange_master(lambda peer: peer.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n"), 8)

    # --- Foreign bytes

    def test_foreign_bytes_at_the_ha_port_are_closed_with_a_line(self):
        master, slave = self.start_good_pair()
        with self.others_are_served(master, slave):
            for greeting in (b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", bytes([0xFF]) * 100,
                             struct.pack(">q", 1 << 60), b"\x8fCOMETHA" + b"\xff" * 64):
                with socket.create_connection(("127.0.0.1", self.ha_port(master))) as stranger:
                    stranger.settimeout(8)
                    stranger.sendall(greeting)
                    with contextlib.suppress(ConnectionResetError, socket.timeout):
                        while stranger.recv(65536):
                            pass
        self.assertEqual(1, self.status(master)["inSyncSlaveNums"])
        lines = [line for line in master.log().splitlines() if re.search(r" [WE] ", line) and "HA" in line]
        self.assertGreaterEqual(len(lines), 4, lines)
        self.assertLessEqual(len(lines), 8, lines)

    def test_connections_that_say_nothing_change_no_answer_and_end(self):
        master, slave = self.start_good_pair(haHousekeepingInterval=3000)
        with self.others_are_served(master, slave), contextlib.ExitStack() as silent:
            begin = time.monotonic()
            sockets = [silent.enter_context(socket.create_connection(("127.0.0.1", self.ha_port(master)))) for _ in range(40)]
            for one in sockets:
                one.settimeout(15)
                self.assertEqual(b"", one.recv(1))
            self.assertLess(time.monotonic() - begin, 10)
        slave.kill()
        with socket.create_connection(("127.0.0.1", self.ha_port(master))), Client(master.port) as client:
            wait_until(lambda: self.status(master)["inSyncSlaveNums"] == 0, 10, "the slave's leaving")
            self.assertEqual((SLAVE_NOT_AVAILABLE, True), (lambda code, took: (code, took < 1))(*self.send_timed(client, TOPIC, "alone")),
                             "a port check makes no 12 of 11")

    def test_more_connections_than_there_may_be_leave_the_slave_alone(self):
        master, slave = self.start_good_pair()
        with self.others_are_served(master, slave), contextlib.ExitStack() as many:
            sockets = [many.enter_context(socket.create_connection(("127.0.0.1", self.ha_port(master)))) for _ in range(150)]
            sockets[-1].settimeout(5)
            self.assertEqual(b"", sockets[-1].recv(1), "closed at once")
            time.sleep(2)
        self.assertEqual(1, len(self.problems(master, "connections already")))


class TlsPair(DaemonTest):
    def test_with_tls_the_log_travels_so_and_a_plain_slave_is_refused(self):
        authority = Authority(self.folder)
        authority.issue("server", "broker.example")
        keys = {"brokerName": "broker-a", "haSecret": "the tea is green", "tls.server.mode": "enforcing", "tls.enable": "true",
                "tls.client.authServer": "true"} | authority.server_keys()
        namesrv = self.start_namesrv(**{key: value for key, value in keys.items() if key.startswith("tls.")})
        master = self.start_broker(namesrv, self.folder / "master", "master", brokerRole="SYNC_MASTER", **keys)
        slave = self.start_broker(namesrv, self.folder / "slave", "slave", brokerRole="SLAVE", brokerId=1, **keys)
        context = authority.context()

        def ask(daemon, code, ext=None):
            with TlsClient(daemon.port, context) as client:
                return client.request(code, ext or {})
        wait_until(lambda: json.loads(ask(master, HA_STATUS).body)["inSyncSlaveNums"] == 1, 60, "a slave in sync over TLS")
        with TlsClient(master.port, context) as client:
            for line in real_lines(200):
                self.assertEqual(SUCCESS, client.send_message(TOPIC, line.encode()).code)
        with TlsClient(slave.port, context) as client:
            wait_until(lambda: len(client.read_queue(TOPIC, 0)) == 200, 10, "the messages")
            self.assertEqual(real_lines(200), [one.body.decode() for one in client.read_queue(TOPIC, 0)])
        port = int(re.search(r"HA port on [\d.]+:(\d+)", master.log()).group(1))
        with socket.create_connection(("127.0.0.1", port)) as plain:
            plain.settimeout(15)
            plain.sendall(b"\x8fCOMETHA")
            with contextlib.suppress(ConnectionResetError):
                self.assertEqual(b"", plain.recv(100), "closed without a byte")
        with socket.create_connection(("127.0.0.1", port)) as plain, context.wrap_socket(plain, server_hostname="127.0.0.1") as secured:
            secured.sendall(b"\x8fCOMETHA")
            self.assertEqual(b"\x8fCOMETHM", secured.recv(8))
        self.assertEqual(SUCCESS, ask(namesrv, GET_ROUTE, {"topic": TOPIC}).code)


if __name__ == "__main__":
    unittest.main(verbosity=2)
