#!/usr/bin/env python3
"""A broker that may open few files: connections beyond its limit are closed, everything else goes on."""

import pathlib
import resource
import socket
import subprocess
import sys
import unittest
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

from daemons import Daemon, DaemonTest, program, wait_until  # noqa: E402
from remoting import SUCCESS, Client  # noqa: E402

FILES, IDLE = 300, 400


class FewFiles(Daemon):
    """A daemon that may have FILES files open."""

    def __init__(self, name, arguments, log_path):
        real = subprocess.Popen

        def limited(command, **options):
            return real(command, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (FILES, FILES)), **options)
        subprocess.Popen = limited
        try:
            super().__init__(name, arguments, log_path)
        finally:
            subprocess.Popen = real


class Descriptors(DaemonTest):
    def test_sends_state_files_and_health_go_on_when_all_connections_are_taken(self):
        data = self.folder / "data"
        broker = FewFiles("comet-broker", self.broker_arguments(None, data, monitorPort=0), self.folder / "broker.log")
        self.daemons.append(broker)
        broker.wait_ready()
        self.assertIn("225 connections are served at most", broker.log())
        monitor = next(line.split("http://")[1].split()[0] for line in broker.log().splitlines() if "health and metrics on" in line)
        with Client(broker.port) as client:
            self.assertEqual(client.send_message("before", b"x").code, SUCCESS)
            idle = [socket.create_connection(("127.0.0.1", broker.port)) for _ in range(IDLE)]
            try:
                closed = [peer for peer in idle if self.is_closed(peer)]
                self.assertGreaterEqual(len(closed), IDLE - 225)
                self.assertLess(len(closed), IDLE)
                for topic in ("another", "one-more"):
                    self.assertEqual(client.send_message(topic, b"x").code, SUCCESS)
                wait_until(lambda: "another" in (data / "config/topics.json").read_text(), 30, "topics.json")
                with urllib.request.urlopen(f"http://{monitor}/health", timeout=10) as health:
                    self.assertEqual(health.status, 200)
            finally:
                for peer in idle:
                    peer.close()
        self.assertNotIn("Too many open files", broker.log())
        self.assertEqual(broker.stop(), 0)

    @staticmethod
    def is_closed(peer):
        peer.settimeout(0.05)
        try:
            return peer.recv(1) == b""
        except socket.timeout:
            return False
        except OSError:
            return True


if __name__ == "__main__":
    program("comet-broker")
    unittest.main(verbosity=2)
