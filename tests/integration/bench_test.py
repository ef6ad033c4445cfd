#!/usr/bin/env python3
"""comet-bench measures what really happened, and says so in the form that scripts read."""

import json
import pathlib
import signal
import socket
import subprocess
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

from daemons import DaemonTest, TOOL_TIMEOUT, program, wait_until  # noqa: E402
from remoting import Client, GET_ROUTE  # noqa: E402

FIELDS = {"sent", "failed", "rate", "p50_ms", "p99_ms", "p999_ms", "max_ms", "client_cpu_seconds"}


class Bench(DaemonTest):
    def produce(self, namesrv, *arguments, **options):
        done = self.run_program("comet-bench", "produce", "--namesrv", namesrv, "--json", *arguments, **options)
        return done, json.loads(done.stdout.splitlines()[-1]) if done.stdout else None

    def test_what_it_counts_is_stored_with_the_size_that_was_asked_for(self):
        namesrv = self.start_namesrv()
        broker = self.start_broker(namesrv)
        _, result = self.produce(namesrv.address, "--topic", "bench", "--concurrency", 16, "--size", 1000,
                                 "--count", 2000)
        self.assertLessEqual(FIELDS, set(result))
        self.assertEqual((2000, 0), (result["sent"], result["failed"]))
        self.assertGreater(result["rate"], 0)
        self.assertTrue(0 < result["p50_ms"] <= result["p99_ms"] <= result["p999_ms"] <= result["max_ms"], result)
        with Client(broker.port) as client:
            sizes = [len(message.body) for queue_id in range(4) for message in client.read_queue("bench", queue_id)]
        self.assertEqual([1000] * 2000, sizes)

    def test_batches_order_rates_and_size_ranges_are_what_was_asked_for(self):
        namesrv = self.start_namesrv()
        broker = self.start_broker(namesrv)
        for options in (["--batch", 50], ["--auto-batch"], ["--ordered", 7], ["--rate", 2000]):
            with self.subTest(options=options):
                topic = "bench" + options[0]
                _, result = self.produce(namesrv.address, "--topic", topic, "--concurrency", 16, "--size", "10-200",
                                         "--count", 1020, "--timeout", 60, "--broker-pid", broker.process.pid, *options)
                self.assertEqual((1020, 0), (result["sent"], result["failed"]))
                self.assertGreaterEqual(result["broker_cpu_seconds"], 0)
                self.assertGreater(result["broker_memory_mb"], 1)
                with Client(broker.port) as client:
                    sizes = [len(message.body) for queue_id in range(4)
                             for message in client.read_queue(topic, queue_id)]
                self.assertEqual(1020, len(sizes))
                self.assertTrue(10 <= min(sizes) < max(sizes) <= 200, sizes)
                if options[0] == "--rate":
                    self.assertLessEqual(result["rate"], 2100)

    def test_latencies_count_from_when_messages_were_due(self):
        namesrv = self.start_namesrv()
        broker = self.start_broker(namesrv)
        sending = subprocess.Popen([program("comet-bench"), "produce", "--namesrv", namesrv.address, "--json", "--topic",
                                    "due", "--rate", "500", "--count", "2500", "--concurrency", "4", "--timeout", "60"],
                                   stdout=subprocess.PIPE, text=True)
        self.addCleanup(sending.stdout.close)
        with Client(broker.port) as client:
            wait_until(lambda: sum(client.max_offset("due", queue_id) for queue_id in range(4)) > 100, 60,
                       "the first messages")
        broker.process.send_signal(signal.SIGSTOP)
        try:
            time.sleep(0.5)  # how long the stall is, not how long something takes
        finally:
            broker.process.send_signal(signal.SIGCONT)
        result = json.loads(sending.communicate(timeout=TOOL_TIMEOUT)[0])
        self.assertEqual((2500, 0), (result["sent"], result["failed"]))
        # 4 sends waited for the broker; some 250 were due meanwhile, half of them 0.2 s late or more.
        self.assertGreater(result["max_ms"], 400)
        self.assertGreater(result["p99_ms"], 300)

    def test_pulls_are_measured_and_every_message_is_looked_at(self):
        namesrv = self.start_namesrv()
        broker = self.start_broker(namesrv)
        self.produce(namesrv.address, "--topic", "bench", "--concurrency", 8, "--size", 500, "--count", 1000)
        for count in (0, 1000):  # what is there; so many, if need be by waiting for them
            done = self.run_program("comet-bench", "consume", "--namesrv", namesrv.address, "--topic", "bench", "--json",
                                    "--server-pid", broker.process.pid, "--count", count)
            result = json.loads(done.stdout)
            self.assertEqual((1000, 0), (result["received"], result["failed"]), result)
            self.assertGreaterEqual(result["pulls"] - result["empty_pulls"], 1000 / 32)
            self.assertTrue(0 < result["pull_p50_ms"] <= result["pull_p99_ms"], result)
            self.assertGreater(result["broker_memory_mb"], 1)
        done = self.run_program("comet-bench", "consume", "--namesrv", namesrv.address, "--topic", "none", check=False)
        self.assertEqual(1, done.returncode)
        self.assertIn("none", done.stderr)

    def test_routes_are_asked_for_and_the_servers_share_is_reported(self):
        namesrv = self.start_namesrv()
        done = self.run_program("comet-bench", "routes", "--namesrv", namesrv.address, "--json", "--seconds", 1,
                                "--topics", 50, "--brokers", 4, "--spread", 2, "--connections", 3, "--in-flight", 2,
                                "--server-pid", namesrv.process.pid, "--register-topics", 2000,
                                "--registrations", 2)
        result = json.loads(done.stdout)
        self.assertEqual((0, 2), (result["failed"], result["registrations"]))
        self.assertGreater(result["answered"], 0)
        self.assertTrue(0 < result["p50_ms"] <= result["p99_ms"] <= result["max_ms"], result)
        self.assertGreater(result["memory_registered_mb"], 1)
        self.assertGreater(result["registration_p50_ms"], 0)
        with Client(namesrv.port) as client:
            wait_until(lambda: client.request(GET_ROUTE, {"topic": "bench-topic-1"}).code != 0, 30,
                       "the end of its brokers with their connections")

    def test_failures_are_counted_and_end_it_with_1(self):
        with socket.create_server(("127.0.0.1", 0)) as holder:
            port = holder.getsockname()[1]
        done, result = self.produce(f"127.0.0.1:{port}", "--topic", "bench", "--concurrency", 2, "--count", 3,
                                    check=False)
        self.assertEqual(1, done.returncode, done.stderr)
        self.assertIn(f"127.0.0.1:{port}", done.stderr)
        if result is not None:
            self.assertEqual((0, 3), (result["sent"], result["failed"]))


if __name__ == "__main__":
    unittest.main(verbosity=2)
