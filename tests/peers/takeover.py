#!/usr/bin/env python3
"""Apache's brokers and ours take over each other's directories, there and back.

Apache's broker writes: plain messages in several queues, batches, delayed and (5.x) timer messages of which some
have come, transactions that are committed, rolled back and open, topics, groups and their offsets. It stops, or is
killed; ours opens the directory, is compared with what Apache's said, delivers and asks for what is due, writes
more, and ends in the same way; then both do so once more. Each step is a line; each line that differs says what.

Directories of 5.5.0 with RocksDB in them must be refused by name, and one with the default files must not.

  tests/peers/takeover.py [--versions 4.9.7,5.5.0] [--endings stop,kill] [--rocks KEYS]    (COMET_BIN names the programs' folder)

Ends with 0, 1 where something differs, 77 where nothing could be run.
"""

import argparse
import collections
import json
import pathlib
import re
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
import zlib

import installs
from run import inside, list_of, loopback_up, say
from servers import BROKER, ApacheServers, broker_keys, write_properties

HERE = pathlib.Path(__file__).resolve().parent
PROJECT = HERE.parents[1]
sys.path.insert(0, str(HERE.parent / "support"))

from daemons import Daemon, program, wait_until  # noqa: E402
from remoting import Client, records  # noqa: E402

VERSIONS = ["4.9.7", "5.5.0"]
ENDINGS = ["stop", "kill"]
SEND_BACK, QUERY_MESSAGE, QUERY_OFFSET, UPDATE_OFFSET = 36, 12, 14, 15
ALL_TOPICS, ALL_OFFSETS, HEARTBEAT, END_TRANSACTION, CHECK_TRANSACTION = 21, 43, 34, 37, 39
CREATE_GROUP, ALL_GROUPS = 200, 201
HALF, COMMIT, ROLLBACK = 4, 8, 12
COMPRESSED = 1

# Level 1 comes at the broker that was given the message, level 2 at the next one, level 3 at the one after that.
LEVELS = {1: 1, 2: 20, 3: 45}
KEYS = {
    "messageDelayLevel": " ".join(f"{seconds}s" for seconds in LEVELS.values()),
    "flushConsumerOffsetInterval": 500,
    "flushDelayOffsetInterval": 500,
    "deleteWhen": "03",
    "autoCreateTopicEnable": "false",
    "transactionCheckMax": 1000,
    # 5.x notes ends in batches, every 3 s if not told otherwise, and asks once more about what it has not noted.
    "transactionCheckInterval": 2000,
    "transactionOpBatchInterval": 200,
    # Several files, with what fills the end of each.
    "mappedFileSizeCommitLog": 1 << 20,
    "mapedFileSizeCommitLog": 1 << 20,
    "maxMessageSize": 1 << 18,
}
NOTED = 4.0  # seconds after which each broker has written down how far it is
FIRST_NOTED = 40.0  # Apache's broker saves offsets from 10 s after its start on
PLAIN, DELAYED, TIMED, PAID, EMPTY = "Plain", "Delayed", "Timed", "Paid", "Empty"
QUEUES = {PLAIN: 4, DELAYED: 2, TIMED: 2, PAID: 2, EMPTY: 3}
GROUPS = ["readers", "late-readers"]
PRODUCERS = "payers"


def tolerant_json(body):
    """fastjson writes numbers as names without quotes."""
    return json.loads(re.sub(rb'([{,])\s*(-?\d+)\s*:', rb'\1"\2":', body))


def properties_of(pairs):
    return "".join(f"{name}\x01{value}\x02" for name, value in pairs.items())


class Wire(Client):
    """A client that also gets requests: what a broker asks is kept in `asked`."""

    def __init__(self, port):
        super().__init__(port, 60.0)
        self.asked = []

    def read_reply(self):
        while True:
            reply = super().read_reply()
            if reply.flag & 1:
                return reply
            self.asked.append(reply)

    def wait_asked(self, seconds):
        """Reads what the broker asks on its own for so long."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self.socket.settimeout(max(0.05, deadline - time.monotonic()))
            try:
                self.asked.append(Client.read_reply(self))
            except TimeoutError:
                break
        self.socket.settimeout(60.0)

    def ok(self, what, reply):
        if reply.code != 0:
            raise AssertionError(f"{what}: {reply}")
        return reply


def fields_of(message):
    return {"queue offset": message.queue_offset, "place": message.physical_offset, "flag": message.flag, "sysFlag": message.sys_flag,
            "born": message.born_timestamp, "stored": message.store_timestamp, "reconsumed": message.reconsume_times,
            "prepared at": message.prepared_offset, "crc": (message.crc, message.crc_ok), "body": zlib.crc32(message.body),
            "name": message.body[:40].decode("utf-8", "replace").split("|")[0], "properties": message.properties}


def queues_of(wire, topics):
    """{(topic, queue id): the fields of all its messages}; a retry topic may not be there yet."""
    found = {}
    for topic in topics:
        for queue_id in range(QUEUES.get(topic, 1)):
            try:
                found[topic, queue_id] = [fields_of(one) for one in wire.read_queue(topic, queue_id)]
            except AssertionError:
                if topic in QUEUES:
                    raise
    return found


def names_in(queues):
    """{name: how often} of their messages."""
    return collections.Counter(message["name"] for messages in queues.values() for message in messages)


class Picture:
    """What a broker says that it has."""

    def __init__(self, wire, before=None):
        """`before`: its keys are looked for as well."""
        topics = tolerant_json(wire.ok("topics", wire.request(ALL_TOPICS)).body)["topicConfigTable"]
        groups = tolerant_json(wire.ok("groups", wire.request(ALL_GROUPS)).body)["subscriptionGroupTable"]
        offsets = tolerant_json(wire.ok("offsets", wire.request(ALL_OFFSETS)).body)["offsetTable"]
        self.topics = {name: (one["readQueueNums"], one["writeQueueNums"], one["perm"], one.get("order", False))
                       for name, one in topics.items() if name in QUEUES}
        self.groups = {name: (one["retryMaxTimes"], one["retryQueueNums"], one["consumeEnable"], one["consumeBroadcastEnable"])
                       for name, one in groups.items() if name in GROUPS}
        self.offsets = {key: value for key, value in offsets.items() if key.split("@")[-1] in GROUPS}
        self.queues = queues_of(wire, [*QUEUES, *(f"%RETRY%{group}" for group in GROUPS)])
        keys = set(before.keys if before else ())
        for (topic, _), messages in self.queues.items():
            keys |= {(topic, one["properties"]["KEYS"]) for one in messages[:: max(1, len(messages) // 5)] if "KEYS" in one["properties"]}
        self.keys = {(topic, key): self.found(wire, topic, key) for topic, key in sorted(keys)}

    @staticmethod
    def found(wire, topic, key):
        """The places of the messages with that key. An index may be behind by a moment."""
        for _ in range(50):
            reply = wire.request(QUERY_MESSAGE, {"topic": topic, "key": key, "maxNum": 32, "beginTimestamp": 0,
                                                 "endTimestamp": int(time.time() * 1000) + 10**6})
            # Each once: after a kill Apache's 4.9.7 indexes again what was indexed last (it skips what lies before that).
            places = sorted({one.physical_offset for one in records(reply.body)}) if reply.code == 0 else []
            if places:
                return places
            time.sleep(0.1)
        return []

    def names(self, topic):
        return names_in({queue: messages for queue, messages in self.queues.items() if queue[0] == topic})

    def count(self):
        return sum(map(len, self.queues.values()))


def differences(before, after, may_repeat):
    """What of `before` is not so in `after`, which may have more messages, of a known key the timers and those of may_repeat(topic, name)."""
    found = []
    for what in ("topics", "groups", "offsets"):
        one, other = getattr(before, what), getattr(after, what)
        found += [f"{what}: {name} is {other.get(name)}, was {value}" for name, value in one.items() if other.get(name) != value]
    for name, places in before.keys.items():
        now = after.keys[name]
        may = name[0] == TIMED or may_repeat(*name)
        if now != places and not (may and set(places) <= set(now)):
            found.append(f"key {name} is found at {now}, was at {places}")
    for name, messages in before.queues.items():
        now = after.queues.get(name, [])
        if len(now) < len(messages):
            found.append(f"queue {name} has {len(now)} messages, had {len(messages)}")
        for one, other in zip(messages, now):
            if one != other:
                fields = [f"{field} {other[field]!r}, was {value!r}" for field, value in one.items() if other[field] != value]
                found.append(f"queue {name} offset {one['queue offset']}: {'; '.join(fields)}")
    return found


class Cell:
    """One version of Apache's, one way to end."""

    def __init__(self, version, ending, jars, folder):
        self.version, self.ending, self.folder = version, ending, folder
        self.store = folder / BROKER
        self.apache = ApacheServers(version, jars, folder, keys=KEYS)
        self.ours = None
        self.has_timers = version.startswith("5.")
        self.problems = []
        self.open = {}      # {name of an open half message: (topic, state that its check is answered with)}
        self.ended = {COMMIT: set(), ROLLBACK: set()}
        self.due = {}        # {(topic, name): (when, the stage that is to deliver it)}
        self.delivered = {}  # {(topic, name): the stage that has shown it first}

    def line(self, step, problems, seen=""):
        self.problems += problems
        say(f"{self.version:6} {self.ending:5} {step:34} {'ok' if not problems else 'DIFFERS'}{'; ' + seen if seen else ''}")
        for problem in problems[:12]:
            say(f"    {problem}")
        if len(problems) > 12:
            say(f"    and {len(problems) - 12} more")

    # -- the brokers

    def start_apache(self):
        self.apache.start_one(BROKER)
        return Wire(self.apache.ports[BROKER])

    def end_apache(self):
        if self.ending == "kill":
            self.apache.kill_one(BROKER)
        else:
            self.apache.stop_one(BROKER)
        abort = (self.store / "abort").exists()
        return [] if abort == (self.ending == "kill") else [f"abort {'is' if abort else 'is not'} there"]

    def start_ours(self):
        self.launch_ours().wait_ready()
        return Wire(self.ours.port)

    def launch_ours(self):
        keys = broker_keys(BROKER, KEYS) | {"listenPort": 0, "storePathRootDir": self.store}
        self.ours = Daemon("comet-broker", ["-c", write_properties(self.folder / "comet.conf", keys)], self.folder / "comet.log")
        return self.ours

    def end_ours(self):
        if self.ending == "kill":
            self.ours.kill()
            return []
        code = self.ours.stop()
        return [f"comet-broker ended with {code}"] if code else []

    def clean_up(self):
        self.apache.stop()
        if self.ours and self.ours.alive():
            self.ours.kill()

    # -- what is written

    def make_tables(self, wire):
        for topic, queues in QUEUES.items():
            wire.ok(f"topic {topic}", wire.create_topic(topic, queues))
        for group in GROUPS:
            config = {"groupName": group, "consumeEnable": True, "consumeFromMinEnable": True, "consumeBroadcastEnable": group == GROUPS[1],
                      "retryQueueNums": 1, "retryMaxTimes": 7, "brokerId": 0, "whichBrokerWhenConsumeSlowly": 1,
                      "notifyConsumerIdsChangedEnable": True}
            wire.ok(f"group {group}", wire.request(CREATE_GROUP, body=json.dumps(config).encode()))

    def send(self, wire, topic, name, queue_id=0, size=0, **properties):
        body = f"{name}|{'x' * size}".encode()
        shown = {"KEYS": name, "UNIQ_KEY": f"{zlib.crc32(name.encode()):08X}" * 4, "TAGS": "tag" + name[-1], "colour": "grün"} | properties
        extra = {"sysFlag": HALF} if "TRAN_MSG" in properties else {}
        return wire.ok(f"send {name}", wire.send_message(topic, body, queue_id, properties_of(shown), producerGroup=PRODUCERS,
                                                           bornTimestamp=int(time.time() * 1000), **extra))

    def write(self, wire, stage):
        """`stage`: 1 and 3 are Apache's, 2 and 4 are ours."""
        for i in range(60):
            self.send(wire, PLAIN, f"{stage}-plain-{i}", i % 4, size=30_000 if i % 2 else 10)
        packed = zlib.compress(f"{stage}-packed|{'y' * 5000}".encode())
        wire.ok("compressed", wire.send_message(PLAIN, packed, 2, properties_of({"UNIQ_KEY": f"{stage}-packed"}), sysFlag=COMPRESSED))
        items = b""
        for i in range(10):
            body, properties = f"{stage}-batch-{i}".encode(), properties_of({"KEYS": f"{stage}-batch-{i}", "TAGS": "b"}).encode()
            item = struct.pack(">IIII", 0, 0, 0, len(body)) + body + struct.pack(">H", len(properties)) + properties
            items += struct.pack(">I", len(item) + 4) + item
        wire.ok("batch", wire.send_message(PLAIN, items, 1, batch="true"))
        now = time.time()
        for level, seconds in LEVELS.items():
            for i in range(4):
                name = f"{stage}-level-{level}-{i}"
                self.send(wire, DELAYED, name, i % 2, DELAY=str(level))
                self.due[DELAYED, name] = (now + seconds, stage + level - 1)
                if self.has_timers:
                    name = f"{stage}-timer-{level}-{i}"
                    self.send(wire, TIMED, name, i % 2, TIMER_DELIVER_MS=str(int((now + seconds) * 1000)))
                    self.due[TIMED, name] = (now + seconds, stage + level - 1)
        for state, word in ((COMMIT, "kept"), (ROLLBACK, "dropped"), (None, "asked"), (None, "refused"), (None, "left")):
            for i in range(2):
                self.pay(wire, f"{stage}-{word}-{i}", i % 2, state)
        for i in range(2):
            self.send_back(wire, stage, i)
        for number, group in enumerate(GROUPS):
            for queue_id in range(4):
                wire.ok("offset", wire.request(UPDATE_OFFSET, {"consumerGroup": group, "topic": PLAIN, "queueId": queue_id,
                                                               "commitOffset": stage * 5 + queue_id + number}))

    def pay(self, wire, name, queue_id, state):
        reply = self.send(wire, PAID, name, queue_id, TRAN_MSG="true", PGROUP=PRODUCERS)
        if state is None:
            # "left" waits for the next stage but one.
            self.open[name] = ROLLBACK if "refused" in name else COMMIT
            return
        place = int(reply.ext["msgId"][-16:], 16)
        header = {"producerGroup": PRODUCERS, "tranStateTableOffset": reply.ext["queueOffset"], "commitLogOffset": place,
                  "commitOrRollback": state, "fromTransactionCheck": "false", "msgId": f"{zlib.crc32(name.encode()):08X}" * 4,
                  "transactionId": f"{zlib.crc32(name.encode()):08X}" * 4, "topic": PAID}
        wire.ok(f"end {name}", wire.request(END_TRANSACTION, header))
        self.ended[state].add(name)

    def send_back(self, wire, stage, number):
        """A message that a consumer could not use: level 2, then it is in the group's retry topic."""
        messages, _ = wire.pull(PLAIN, number, 0, group=GROUPS[0])
        one = messages[stage]
        wire.ok("send back", wire.request(SEND_BACK, {"offset": one.physical_offset, "group": GROUPS[0], "delayLevel": 2, "originMsgId": "x",
                                                      "originTopic": PLAIN, "unitMode": "false", "maxReconsumeTimes": 7}))
        name = one.body.decode().split("|")[0]
        self.due[f"%RETRY%{GROUPS[0]}", name] = (time.time() + LEVELS[2], stage + 1)

    # -- what comes

    def answer_checks(self, wire, stage, seconds):
        """Of open transactions that an earlier stage has begun: those that the broker asks about are ended."""
        wire.ok("heartbeat", wire.request(HEARTBEAT, body=json.dumps({"clientID": f"takeover@{stage}", "consumerDataSet": [],
                                                                      "producerDataSet": [{"groupName": PRODUCERS}]}).encode()))
        wanted = {name for name in self.open if int(name[0]) < stage and ("left" not in name or int(name[0]) < stage - 1)}
        deadline = time.monotonic() + seconds
        problems = []
        while wanted and time.monotonic() < deadline:
            wire.wait_asked(0.5)
            while wire.asked:
                asked = wire.asked.pop()
                if asked.code != CHECK_TRANSACTION:
                    continue
                half = next(records(asked.body))
                name = half.body.decode().split("|")[0]
                if half.topic != PAID:
                    problems.append(f"the check of {name} says topic {half.topic}")
                if name not in self.open:
                    problems.append(f"{name} is asked about, and has ended")
                if name not in wanted:
                    continue
                header = dict(asked.ext) | {"producerGroup": PRODUCERS, "commitOrRollback": self.open[name], "fromTransactionCheck": "true"}
                wire.ok(f"answer about {name}", wire.request(END_TRANSACTION, header))
                self.ended[self.open.pop(name)].add(name)
                wanted.discard(name)
        return problems + [f"no check of {name}" for name in sorted(wanted)]

    def wait_for_due(self, wire, stage):
        """All that this stage is to deliver has come, or a quarter of a minute has passed since it was due."""
        wanted = {one: at for one, (at, by) in self.due.items() if by <= stage}
        time.sleep(max(0.0, max(wanted.values()) - time.time()))
        deadline = time.monotonic() + 15
        while time.monotonic() < deadline:
            names = {topic: names_in(queues_of(wire, [topic])) for topic in {topic for topic, _ in wanted}}
            if all(names[topic][name] for topic, name in wanted):
                return
            time.sleep(0.5)

    def wait_noted(self, stage):
        """What the broker would lose with its process is in its files."""
        since = time.time()
        time.sleep(NOTED)
        files = [self.store / "config" / name for name in ("consumerOffset.json", "delayOffset.json")]
        deadline = time.monotonic() + FIRST_NOTED
        while stage % 2 and time.monotonic() < deadline:
            if all(path.exists() and path.stat().st_mtime > since for path in files):
                return
            time.sleep(0.2)

    def may_repeat(self, topic, name, stage):
        """Whether this stage may deliver what the one before has delivered."""
        if self.delivered.get((topic, name)) != stage - 1:
            return False
        # Apache's broker finds our timer records, but not our progress (docs/delay.md).
        if topic == TIMED and stage == 3:
            return True
        # What comes in the last seconds before Apache's broker is killed, on a slow machine, it has not noted.
        return self.ending == "kill" and stage % 2 == 0 and self.due[topic, name][1] == stage

    def check_deliveries(self, picture, before, stage):
        problems, again = [], 0
        for (topic, name), (at, by) in self.due.items():
            count = picture.names(topic)[name]
            if by <= stage and count == 0:
                problems.append(f"{topic}: {name}, due {time.time() - at:.1f} s ago, has not come")
            if at > time.time() + 1.1 and count:
                problems.append(f"{topic}: {name} has come {at - time.time():.1f} s too early")
            known = before.names(topic)[name] if before else 0
            may_repeat = self.may_repeat(topic, name, stage)
            if count > max(1, known) and not may_repeat:
                problems.append(f"{topic}: {name} has come {count} times, {known} of them before")
            again += max(0, count - max(1, known)) if may_repeat else 0
            if count:
                self.delivered.setdefault((topic, name), stage)
        counts = picture.names(PAID)
        problems += [f"{name} is committed and there {counts[name]} times" for name in self.ended[COMMIT] if counts[name] != 1]
        problems += [f"{name} is rolled back and there" for name in self.ended[ROLLBACK] if counts[name]]
        problems += [f"{name} is open and there" for name in self.open if counts[name]]
        return problems, again

    def stage(self, number, wire, before):
        """One broker's part; returns what it has at its end."""
        who = "Apache" if number % 2 else "ours"
        if before is None:
            self.make_tables(wire)
        else:
            taken = Picture(wire, before)
            self.line(f"{number} {who}: what the other one had", differences(before, taken, lambda *one: one in self.due and self.may_repeat(*one, number)),
                      f"{before.count()} messages in {len(before.queues)} queues, {len(before.keys)} keys, "
                      f"{sum(map(len, before.offsets.values()))} offsets of {len(before.groups)} groups")
            self.line(f"{number} {who}: open transactions", self.answer_checks(wire, number, 40), f"{len(self.open)} left open")
        self.write(wire, number)
        self.wait_for_due(wire, number)
        self.wait_noted(number)
        picture = Picture(wire)
        problems, again = self.check_deliveries(picture, before, number)
        self.line(f"{number} {who}: delayed, timers, committed", problems,
                  f"{len(self.delivered)} of {len(self.due)} have come, {len(self.ended[COMMIT])} committed"
                  + (f", {again} once more" if again else ""))
        wire.close()
        return picture

    def verify(self, who):
        """The formats, by the checker that shares no code with the store."""
        done = subprocess.run([program("comet-store-inspect"), "verify", str(self.store)], capture_output=True, text=True, check=False)
        self.line(f"  formats after {who}", done.stdout.splitlines()[:5] if done.returncode else [])

    def run(self):
        picture = None
        for number in (1, 3):
            picture = self.stage(number, self.start_apache(), picture)
            self.line(f"{number} Apache: its end", self.end_apache())
            if self.ending == "stop":
                self.verify("Apache's")
            picture = self.stage(number + 1, self.start_ours(), picture)
            self.line(f"{number + 1} ours: its end", self.end_ours())
            if self.ending == "stop":
                self.verify("ours")
        errors = [one for one in (self.folder / "comet.log").read_text("utf-8", "replace").splitlines() if " E " in one[:40]]
        self.line("  errors in our log", errors)


# What of a 5.5.0 broker's is in RocksDB: (the keys, what our refusal names).
ROCKS = {
    "default files": ({}, None),
    "storeType": ({"storeType": "defaultRocksDB"}, "storeType=defaultRocksDB"),
    "timerRocksDBEnable": ({"timerRocksDBEnable": "true"}, "timerRocksDBEnable"),
    # By default half messages lie where they always do, and RocksDB has nothing.
    "transRocksDBEnable": ({"transRocksDBEnable": "true", "transWriteOriginTransHalfEnable": "false"}, "transRocksDBEnable"),
    "indexRocksDBEnable": ({"indexRocksDBEnable": "true"}, "indexRocksDBEnable"),
}
# A kill leaves nothing in RocksDB, which has no log of its own: all is in the files.
OPENED_AFTER_KILL = {"default files", "timerRocksDBEnable", "indexRocksDBEnable"}


class RocksCell(Cell):
    def __init__(self, name, ending, jars, folder):
        super().__init__("5.5.0", ending, jars, folder)
        self.name = name
        self.more, self.named = ROCKS[name]
        self.apache.keys = KEYS | self.more

    def run(self):
        wire = self.start_apache()
        self.make_tables(wire)
        self.write(wire, 1)
        time.sleep(NOTED)
        wire.close()
        self.end_apache()
        daemon = self.launch_ours()
        wait_until(lambda: not daemon.alive() or "comet-broker ready on" in daemon.log(), 30, "the start's outcome")
        said = next((line for line in daemon.log().splitlines() if "cannot start" in line), "")
        may_open = self.named is None or (self.ending == "kill" and self.name in OPENED_AFTER_KILL)
        if daemon.alive() and may_open:
            self.line(f"RocksDB: {self.name}", *self.look(Wire(daemon.wait_ready().port)))
        elif self.named and self.named in said and not daemon.alive() and daemon.process.wait() == 1:
            self.line(f"RocksDB: {self.name}", [], said.split("cannot start: ")[-1].replace(str(self.folder), "DIR"))
        else:
            self.line(f"RocksDB: {self.name}", [f"not {'opened' if may_open else 'refused by name'}: {said or daemon.log()[-300:]}"])

    def look(self, wire):
        """All that is due comes, some of it perhaps once more, and each key is found."""
        self.wait_for_due(wire, 2)
        picture = Picture(wire)
        counts = {one: picture.names(one[0])[one[1]] for one, (_, by) in self.due.items() if by <= 2}
        problems = [f"{topic}: {name} has not come" for (topic, name), count in counts.items() if count == 0]
        problems += [f"key {key} of {topic} is not found" for (topic, key), places in picture.keys.items() if not places]
        again = sum(count - 1 for count in counts.values() if count > 1)
        return problems, f"opened: {picture.count()} messages, {len(picture.keys)} keys, {again} delayed ones once more"


def run_cells(options):
    root = options.build_dir / "peers"
    problems = cells = 0
    jobs = [(version, ending, None) for version in options.versions for ending in options.endings]
    if "5.5.0" in options.versions:
        jobs += [("5.5.0", ending, name) for name in ROCKS if name in options.rocks for ending in ENDINGS]
    for version, ending, rocks in jobs:
        jars = root / f"server-{version}" / "jars"
        folder = pathlib.Path(tempfile.mkdtemp(prefix="comet-takeover-"))
        cell = RocksCell(rocks, ending, jars, folder) if rocks else Cell(version, ending, jars, folder)
        try:
            cell.run()
        except Exception as problem:  # the next cell is run all the same
            cell.line("the cell itself", [f"{type(problem).__name__}: {problem}"])
            for path in sorted(folder.glob("*.log")):
                print(f"--- last lines of {path.name}", *path.read_text("utf-8", "replace").splitlines()[-20:], sep="\n", file=sys.stderr)
        finally:
            cell.clean_up()
        cells += 1
        problems += len(cell.problems)
        if options.keep:
            say(f"files are kept in {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)
    say(f"{cells} cells of take-over, {problems} problems")
    sys.exit(1 if problems else 0 if cells else 77)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--versions", type=list_of, default=VERSIONS)
    parser.add_argument("--endings", type=list_of, default=ENDINGS)
    parser.add_argument("--rocks", type=list_of, default=list(ROCKS), help="directories with RocksDB, by the key that makes them")
    parser.add_argument("--build-dir", type=pathlib.Path, default=PROJECT / "build", help="jars are installed below it (default: build)")
    parser.add_argument("--keep", action="store_true", help="keep the directories")
    parser.add_argument("--inside", help=argparse.SUPPRESS)
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("takeover: stopped"))
    options.build_dir = options.build_dir.resolve()
    if options.inside:
        loopback_up()
        return run_cells(options)
    # The jars are installed outside of the namespace, which has no network.
    found = []
    for version in options.versions:
        try:
            installs.apache_servers(options.build_dir / "peers", version)
            found.append(version)
        except installs.Missing as reason:
            say(f"SKIPPED: the take-over of {version}: {reason}")
    if not found:
        sys.exit(77)
    arguments = ["--versions", ",".join(found), "--endings", ",".join(options.endings), "--rocks", ",".join(options.rocks),
                 "--build-dir", options.build_dir, *["--keep"] * options.keep]
    differs = False
    for line in inside(__file__, "Apache's", arguments, own_network=True):
        if line[0] == "error":  # what differs was said
            differs = True
        else:
            print("\t".join(line), flush=True)
    sys.exit(1 if differs else 0)


if __name__ == "__main__":
    main()
