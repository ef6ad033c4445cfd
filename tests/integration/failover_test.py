#!/usr/bin/env python3
"""A broker is killed: how long until producers use the other one, with real processes."""

import json
import pathlib
import re
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

from daemons import DaemonTest, wait_until  # noqa: E402
from remoting import Client, GET_ROUTE, SUCCESS  # noqa: E402

POLL = 30.0  # seconds, of clients that do not watch


class Failover(DaemonTest):
    def setUp(self):
        super().setUp()
        self.namesrv = self.start_namesrv()
        self.brokers = [self.start_broker(self.namesrv, name=name) for name in ("broker-a", "broker-b")]
        for broker in self.brokers:
            with Client(broker.port) as client:
                self.assertEqual(SUCCESS, client.send_message("orders", b"first").code)
        wait_until(lambda: self.route() == {"broker-a", "broker-b"}, 60, "the topic's route on both brokers")

    def route(self):
        with Client(self.namesrv.port) as client:
            reply = client.request(GET_ROUTE, {"topic": "orders"})
            return {queue["brokerName"] for queue in json.loads(reply.body)["queueDatas"]} if reply.body else set()

    def start_sender(self, *arguments):
        """comet-bench failover: sends in turn without retries and says when what has changed."""
        return self.start("comet-bench", ["failover", "--namesrv", self.namesrv.address, "--topic", "orders",
                                          *arguments], ready=False, log="sender.log")

    def events(self, sender):
        """Lines 'at <ms> ...' of the sender, as (ms since 1970, text)."""
        return [(float(at), text) for at, text in re.findall(r"^at (\d+\.\d+) (.*)$", sender.log(), re.M)]

    def measure(self, seconds, *arguments):
        sender = self.start_sender("--seconds", seconds, *arguments)
        wait_until(lambda: any("2 brokers" in text for _, text in self.events(sender)), 60, "the sender's route")
        time.sleep(0.5)
        killed = time.time() * 1000
        self.brokers[0].kill()
        wait_until(lambda: any("1 brokers" in text for at, text in self.events(sender) if at > killed), seconds,
                   "a route without the dead broker")
        sender.process.wait(seconds + 60)
        events = self.events(sender)
        left = min(at for at, text in events if "1 brokers" in text and at > killed)
        failures = [at for at, text in events if "failed" in text]
        last_failure = max(failures, default=killed)
        return left - killed, last_failure - killed, len(failures)

    def test_a_watching_producer_leaves_a_killed_broker_long_before_it_would_poll(self):
        left, last_failure, failures = self.measure(5)
        print(f"watching: route without the dead broker after {left:.1f} ms, last failure after {last_failure:.1f} ms, "
              f"{failures} failed sends")
        self.assertLess(left, POLL * 1000 / 10)
        self.assertLess(last_failure, POLL * 1000 / 10)

    def test_a_polling_producer_goes_on_failing_until_it_polls(self):
        # A shorter interval stands for the 30 s, so that the test ends soon.
        left, last_failure, failures = self.measure(20, "--no-watch", "--poll-ms", 4000)
        print(f"polling every 4 s: route without the dead broker after {left:.1f} ms, last failure after "
              f"{last_failure:.1f} ms, {failures} failed sends")
        self.assertGreater(failures, 3)
        self.assertLess(left, 10_000)


if __name__ == "__main__":
    unittest.main(verbosity=2)
