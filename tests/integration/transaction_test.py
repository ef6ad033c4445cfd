#!/usr/bin/env python3
"""Transactions whose producers are gone, across restarts of the broker: other members end them."""

import pathlib
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

from daemons import DaemonTest, TOOL_TIMEOUT, wait_until  # noqa: E402
from remoting import Client, SUCCESS  # noqa: E402

GROUP = "comet-bench"
HALF_TOPIC = "RMQ_SYS_TRANS_HALF_TOPIC"


class Transactions(DaemonTest):
    def setUp(self):
        super().setUp()
        self.namesrv = self.start_namesrv()
        self.start_checking_broker()

    def start_checking_broker(self):
        self.broker = self.start_broker(self.namesrv, transactionCheckInterval=1000, transactionTimeOut=0)
        wait_until(lambda: "registered with name server" in self.broker.log(), TOOL_TIMEOUT, "registration")

    def send_half(self, body, group=GROUP):
        """By a producer that is never heard of again."""
        properties = "\x02".join(("TRAN_MSG\x01true", f"PGROUP\x01{group}", f"UNIQ_KEY\x01id-{body.decode()}"))
        with Client(self.broker.port) as client:
            reply = client.send_message("orders", body, properties=properties, sysFlag=4,
                                        bornTimestamp=int(time.time() * 1000))
            self.assertEqual(SUCCESS, reply.code, reply)

    def stored(self, topic="orders", queues=4):
        with Client(self.broker.port) as client:
            return [message.body for queue in range(queues) for message in client.read_queue(topic, queue)]

    def run_members(self, *arguments):
        """A member of the group, for some seconds; its own transactions go to another topic."""
        return self.run_program("comet-bench", "produce", "--namesrv", self.namesrv.address, "--transactions",
                                "--topic", "others", "--group", GROUP, "--size", 10, "--timeout", 30, *arguments)

    def wait_until_committed(self, bodies):
        deadline = time.monotonic() + TOOL_TIMEOUT
        while sorted(self.stored()) != sorted(bodies):
            self.assertLess(time.monotonic(), deadline, f"{self.stored()}\n{self.broker.log()}")
            self.run_members("--count", 20, "--rate", 10)

    def test_another_member_of_the_group_is_asked(self):
        self.send_half(b"one")
        self.send_half(b"two")
        self.send_half(b"of strangers", group="strangers")
        self.assertEqual([], self.stored())
        self.wait_until_committed([b"one", b"two"])

    def test_neither_kill_nor_stop_of_the_broker_loses_or_doubles_a_transaction(self):
        bodies = [b"order %d" % i for i in range(50)]
        for body in bodies:
            self.send_half(body)
        self.broker.kill()
        self.start_checking_broker()
        self.assertEqual([], self.stored())
        self.wait_until_committed(bodies)
        self.broker.kill()
        self.start_checking_broker()
        self.run_members("--count", 30, "--rate", 10)
        self.assertEqual(0, self.broker.stop())
        self.start_checking_broker()
        self.run_members("--count", 30, "--rate", 10)
        self.assertEqual(sorted(bodies), sorted(self.stored()))

    def test_many_transactions_of_a_living_producer_each_end_once(self):
        self.run_members("--count", 2000, "--concurrency", 50)
        others = self.stored("others")
        deadline = time.monotonic() + TOOL_TIMEOUT
        while len(others) < 2000:  # their ends are oneway requests
            self.assertLess(time.monotonic(), deadline)
            others = self.stored("others")
        self.assertEqual(2000, len(others))
        self.assertGreaterEqual(len(self.stored(HALF_TOPIC, 1)), 2000)


if __name__ == "__main__":
    unittest.main(verbosity=2)
