#!/usr/bin/env python3
"""ali-ons' push consumers at comet-broker: tags and keys, retries until the dead letters, two members of
a group that share its queues until one is killed, a store directory that Apache's broker has written.
"""

import base64
import collections
import json
import pathlib
import re
import subprocess
import sys
import tarfile
import threading
import unittest

HERE = pathlib.Path(__file__).resolve().parent
DATA = HERE.parent / "data"
sys.path.insert(0, str(HERE.parent / "support"))

from daemons import DaemonTest, wait_until  # noqa: E402
from remoting import Client, GET_ROUTE, SUCCESS  # noqa: E402

GET_ALL_CONSUMER_OFFSET = 43
PATIENCE = 90.0  # seconds; machines of CI are slow


class Member:
    """A running consume_group.js. `deliveries` grows while it runs."""

    def __init__(self, test, name, **wanted):
        self.deliveries = []
        self.ready = False
        self.log = open(test.folder / f"{name}.log", "ab")
        self.process = subprocess.Popen(["node", str(HERE / "consume_group.js"), json.dumps(wanted)],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log)
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()
        test.addCleanup(self.end)

    def _read(self):
        for line in self.process.stdout:
            one = json.loads(line)
            if "ready" in one:
                self.ready = True
            else:
                one["body"] = base64.b64decode(one["body"]).decode("utf-8", "replace")
                self.deliveries.append(one)

    def bodies(self):
        return [one["body"] for one in list(self.deliveries)]

    def queues(self):
        return {one["queueId"] for one in list(self.deliveries)}

    def leave(self):
        """Ends it in order: it saves its offsets and unregisters."""
        self.process.stdin.close()
        self.process.wait(60)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def end(self):
        if self.process.poll() is None:
            self.kill()
        if not self.process.stdin.closed:
            self.process.stdin.close()
        self.reader.join(10)
        self.process.stdout.close()
        self.log.close()


class Consumers(DaemonTest):
    def begin(self, data=None, **keys):
        self.namesrv = self.start_namesrv()
        self.broker = self.start_broker(self.namesrv, data=data, **keys)

    def member(self, name, **wanted):
        return Member(self, name, namesrv=self.namesrv.address, **wanted)

    def create(self, topic, queues):
        with Client(self.broker.port) as client:
            self.assertEqual(SUCCESS, client.create_topic(topic, queues).code)
        self.wait_for_route(topic)

    def wait_for_route(self, topic):
        def known():
            with Client(self.namesrv.port) as client:
                return client.request(GET_ROUTE, {"topic": topic}).code == SUCCESS
        wait_until(known, PATIENCE, f"the route of {topic}")

    def send(self, topic, messages, queues):
        """(body, tag, key) each, to the queues in turn."""
        with Client(self.broker.port) as client:
            for number, (body, tag, key) in enumerate(messages):
                reply = client.send_message(topic, body.encode(), number % queues,
                                            f"TAGS\x01{tag}\x02KEYS\x01{key}\x02")
                self.assertEqual(SUCCESS, reply.code, reply)

    def stored(self, topic):
        with Client(self.broker.port) as client:
            return client.read_queue(topic, 0)

    def offsets(self, topic, group):
        with Client(self.broker.port) as client:
            # Keys that are numbers come without quotes, as Java writes them.
            body = re.sub(rb"([{,])(\d+):", rb'\1"\2":', client.request(GET_ALL_CONSUMER_OFFSET).body)
            table = json.loads(body)["offsetTable"]
        return {int(queue): offset for queue, offset in table.get(f"{topic}@{group}", {}).items()}

    def test_what_a_consumer_refuses_comes_again_until_it_is_a_dead_letter(self):
        self.begin(messageDelayLevel="1s")
        self.create("work", 4)
        sent = [(f"{'bad' if number % 3 == 0 else 'good'} {number}", "AB"[number % 2], f"key-{number}")
                for number in range(12)]
        member = self.member("consumer", group="workers", topic="work", refuse="^bad", maxReconsumeTimes=2)
        wait_until(lambda: member.ready, PATIENCE, "the consumer's start")
        self.send("work", sent, 4)
        bad = [one for one in sent if one[0].startswith("bad")]

        def dead():
            with Client(self.broker.port) as client:
                return client.max_offset("%DLQ%workers", 0) >= len(bad)
        wait_until(dead, PATIENCE, "the dead letters")
        times = collections.defaultdict(list)
        for one in member.deliveries:
            times[one["body"]].append(one["reconsumeTimes"])
            self.assertIn((one["body"], one["tags"], one["keys"]), sent)
            self.assertEqual("work", one["topic"])
        for body, _, _ in sent:
            # At least once each: a consumer may get a message again.
            self.assertEqual({0, 1, 2} if body.startswith("bad") else {0}, set(times[body]), body)
        letters = self.stored("%DLQ%workers")
        self.assertEqual({one[0] for one in bad}, {one.body.decode() for one in letters})
        for letter in letters:
            body, tag, key = next(one for one in bad if one[0] == letter.body.decode())
            self.assertEqual(("work", tag, key, 3), (letter.properties["RETRY_TOPIC"], letter.properties["TAGS"],
                                                     letter.properties["KEYS"], letter.reconsume_times), body)

    def test_a_consumer_gets_the_tags_that_it_wants_and_goes_on_after_a_restart_of_the_broker(self):
        self.begin()
        self.create("tagged", 2)
        sent = [(f"message {number}", "ABC"[number % 3], f"key-{number}") for number in range(30)]
        member = self.member("first", group="some", topic="tagged", tags="A || C")
        wait_until(lambda: member.ready, PATIENCE, "the consumer's start")
        self.send("tagged", sent, 2)
        expected = {one[0] for one in sent if one[1] != "B"}
        wait_until(lambda: expected <= set(member.bodies()), PATIENCE, "the tagged messages")
        self.assertEqual(expected, set(member.bodies()))
        wait_until(lambda: sum(self.offsets("tagged", "some").values()) >= len(sent) - 2, PATIENCE,
                   "the offsets of both queues")
        member.leave()
        data = self.folder / "broker-a-data"
        self.broker.kill()
        self.assertTrue((data / "abort").exists())
        self.broker = self.start_broker(self.namesrv, data=data)
        self.wait_for_route("tagged")
        again = self.member("second", group="some", topic="tagged", tags="A || C")
        wait_until(lambda: again.ready, PATIENCE, "the second consumer's start")
        self.send("tagged", [("the last", "A", "k"), ("the very last", "C", "k")], 2)
        wait_until(lambda: {"the last", "the very last"} <= set(again.bodies()), PATIENCE, "the new messages")

    def test_two_members_share_the_queues_and_one_takes_over_when_the_other_is_killed(self):
        self.begin()
        self.create("shared", 4)
        members = [self.member(name, group="team", topic="shared") for name in ("one", "two")]
        for member in members:
            wait_until(lambda member=member: member.ready, PATIENCE, "a consumer's start")
        sent = []

        def send_round():
            batch = [(f"message {len(sent) + number}", "A", "k") for number in range(8)]
            sent.extend(body for body, _, _ in batch)
            self.send("shared", batch, 4)

        def shared():
            """What was sent last has come to two members, of two queues each."""
            before = [len(member.deliveries) for member in members]
            send_round()
            wanted = set(sent[-8:])
            wait_until(lambda: wanted <= set(members[0].bodies()) | set(members[1].bodies()), PATIENCE,
                       "a round of messages")
            queues = [{one["queueId"] for one in member.deliveries[start:]}
                      for member, start in zip(members, before)]
            return len(queues[0]) == len(queues[1]) == 2 and not queues[0] & queues[1]
        wait_until(shared, PATIENCE, "two queues for each member")

        members[0].kill()
        send_round()
        survivor = members[1]
        wait_until(lambda: set(sent[-8:]) <= set(survivor.bodies()), PATIENCE,
                   "the survivor gets the messages of all four queues")
        self.assertEqual({0, 1, 2, 3}, survivor.queues())
        self.assertEqual(set(), set(sent) - set(members[0].bodies()) - set(survivor.bodies()),
                         "lost messages")

    def test_a_store_of_apaches_broker_is_served_to_the_node_consumer(self):
        expected = json.loads((DATA / "apache_4_9_8_store.json").read_text("utf-8"))
        with tarfile.open(DATA / "apache_4_9_8_store.tar.gz") as archive:
            archive.extractall(self.folder, filter="data") if hasattr(tarfile, "data_filter") \
                else archive.extractall(self.folder)
        # Killed by its owner, 100 to 103 messages of each queue consumed by SampleGroup.
        self.begin(data=self.folder / "apache_4_9_8_unclean", brokerName="broker-a",
                   brokerClusterName="DefaultCluster", mappedFileSizeCommitLog=262144,
                   mappedFileSizeConsumeQueue=300 * 20, fileReservedTime=876000)
        self.wait_for_route("SampleTopic")
        everything = self.member("all", group="newcomers", topic="SampleTopic")
        rest = self.member("rest", group="SampleGroup", topic="SampleTopic")
        queues = expected["topics"]["SampleTopic"]
        offsets = {int(queue): offset
                   for queue, offset in expected["consumerOffsets"]["SampleTopic@SampleGroup"].items()}

        def wanted(first):
            return {(int(queue), one["queueOffset"]): (bytes.fromhex(one["bodyHex"]).decode("utf-8", "replace"),
                                                       one["tag"], " ".join(one["keys"]) or None)
                    for queue, messages in queues.items() for one in messages
                    if one["queueOffset"] >= first.get(int(queue), 0)}

        def got(member):
            return {(one["queueId"], one["queueOffset"]): (one["body"], one["tags"], one["keys"])
                    for one in list(member.deliveries) if one["reconsumeTimes"] == 0}
        for member, first in ((everything, {}), (rest, offsets)):
            want = wanted(first)
            wait_until(lambda member=member, want=want: want.keys() <= got(member).keys(), PATIENCE,
                       f"{len(want)} messages of Apache's store")
            have = got(member)
            for place, message in want.items():
                self.assertEqual(message, have[place], f"queue and offset {place}")
        # What was given back and the dead letter are there as well.
        retries = lambda: [one["body"] for one in list(rest.deliveries) if one["reconsumeTimes"] > 0]
        wait_until(retries, PATIENCE, "the message that SampleGroup had given back")
        self.assertEqual([bytes.fromhex(one).decode("utf-8", "replace") for one in expected["retry"]], retries())
        self.assertEqual(expected["dlq"], [one.body.hex() for one in self.stored("%DLQ%SampleGroup")])
        first_of_rest = {queue: min(offset for q, offset in got(rest) if q == queue) for queue in offsets}
        self.assertEqual(offsets, first_of_rest, "SampleGroup goes on where it was")


if __name__ == "__main__":
    unittest.main(verbosity=2)
