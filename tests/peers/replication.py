#!/usr/bin/env python3
"""A pair of a Java broker and ours, each as the other's slave: what the slave has is what the master has.

  java-slave   Apache's slave of each version under our SYNC_MASTER, our nameserver
  comet-slave  our slave under Apache's SYNC_MASTER of each version, its nameserver

The master takes messages in several queues, batches, messages with keys and large ones, topics, groups and offsets; then
both are compared message by message and table by table; then the master is killed, and the slave is read alone.

  tests/peers/replication.py [--versions 4.9.7,5.5.0] [--pairs java-slave,comet-slave]    (COMET_BIN names the programs' folder)

Ends with 0, 1 where something differs, 77 where nothing could be run.
"""

import argparse
import json
import pathlib
import re
import shutil
import signal
import sys
import tempfile
import time

import installs
from run import inside, list_of, loopback_up, say
from servers import READY_TIMEOUT, ApacheServers, CometServers, write_properties

HERE = pathlib.Path(__file__).resolve().parent
PROJECT = HERE.parents[1]
sys.path.insert(0, str(HERE.parent / "support"))

from daemons import Daemon, free_port, real_lines, wait_until  # noqa: E402
from remoting import Client  # noqa: E402

VERSIONS = ["4.9.7", "5.5.0"]
PAIRS = ["java-slave", "comet-slave"]
NAME = "broker-a"
TOPICS = ("orders", "payments")
QUEUES = 4
CREATE_GROUP, ALL_TOPICS, ALL_OFFSETS, ALL_GROUPS, ALL_DELAYS = 200, 21, 43, 201, 45
QUERY_OFFSET, UPDATE_OFFSET, HA_STATUS = 14, 15, 907
SUCCESS, SLAVE_NOT_AVAILABLE, FLUSH_SLAVE_TIMEOUT = 0, 11, 12
LARGE = 400_000
COMMON = {"brokerName": NAME, "slaveReadEnable": "true", "mappedFileSizeCommitLog": 8 << 20, "mapedFileSizeCommitLog": 8 << 20,
          "flushConsumerOffsetInterval": 500, "autoCreateTopicEnable": "true"}
MASTER = COMMON | {"brokerRole": "SYNC_MASTER", "brokerId": 0, "inSyncReplicas": 2}
SLAVE = COMMON | {"brokerRole": "SLAVE", "brokerId": 1}


def broker(what, folder, keys):
    """Ours: the port it listens on and the daemon."""
    keys = {"brokerClusterName": "peers", "brokerIP1": "127.0.0.1", "listenPort": free_port(), "storePathRootDir": folder / what} | keys
    daemon = Daemon("comet-broker", ["-c", write_properties(folder / f"{what}.conf", keys)], folder / f"{what}.log")
    return daemon.wait_ready()


class Pair:
    """A master and its slave: `ports` by role."""

    def __init__(self, version, jars, folder):
        self.version, self.jars, self.folder = version, jars, folder
        self.ports, self.ends = {}, []
        self.problems = []

    def line(self, what, problems):
        say(f"{self.version} {self.kind}: {what}: {'; '.join(problems) if problems else 'as it should be'}")
        self.problems += problems

    def clean_up(self):
        for end in reversed(self.ends):
            end()

    def ask(self, role, code, ext=None, body=b""):
        with Client(self.ports[role]) as client:
            return client.request(code, ext or {}, body)

    def table(self, role, code, member):
        """A table of an answer, without what only names its version."""
        text = self.ask(role, code).body.decode()
        return json.loads(re.sub(r"([{,])(\d+):", r'\1"\2":', text)).get(member, {})

    # --- The steps

    def fill(self, count, begin=0):
        """Sends until all are answered 0; what was answered is said."""
        lines, answers = real_lines(begin + count)[begin:], {}
        with Client(self.ports["master"], timeout=30) as client:
            for number, line in enumerate(lines):
                topic, queue = TOPICS[number % 2], number % QUEUES
                body = (line + " " + "x" * LARGE).encode() if number % 97 == 5 else line.encode()
                properties = f"KEYS\x01key-{number % 50}\x02TAGS\x01tag-{number % 3}\x02"
                code = client.send_message(topic, body, queue_id=queue, properties=properties).code
                answers[code] = answers.get(code, 0) + 1
        return answers

    def wait_in_sync(self):
        """Until a send is acknowledged."""
        def acknowledged():
            with Client(self.ports["master"], timeout=30) as client:
                return client.send_message(TOPICS[0], b"probe").code == SUCCESS
        wait_until(acknowledged, READY_TIMEOUT, "the first acknowledged message")

    def make_tables(self):
        with Client(self.ports["master"]) as client:
            assert client.create_topic("made", 3).code == SUCCESS
            group = {"groupName": "reader", "consumeEnable": True, "consumeFromMinEnable": True, "consumeBroadcastEnable": True,
                     "retryQueueNums": 1, "retryMaxTimes": 7, "brokerId": 0, "whichBrokerWhenConsumeSlowly": 1}
            assert client.request(CREATE_GROUP, {}, json.dumps(group).encode()).code == SUCCESS
            for queue in range(QUEUES):
                assert client.request(UPDATE_OFFSET, {"consumerGroup": "reader", "topic": TOPICS[0], "queueId": queue,
                                                      "commitOffset": queue + 2}).code == SUCCESS

    def messages(self, role):
        found = {}
        with Client(self.ports[role], timeout=30) as client:
            for topic in TOPICS:
                for queue in range(QUEUES):
                    found[topic, queue] = [(one.queue_offset, one.physical_offset, one.store_timestamp, one.body, sorted(one.properties.items()))
                                           for one in client.read_queue(topic, queue)]
        return found

    def compare_messages(self):
        def equal():
            try:
                return self.messages("master") == self.messages("slave")
            except AssertionError:
                return False
        try:
            wait_until(equal, 30, "equal messages")
            count = sum(map(len, self.messages("slave").values()))
            self.line(f"{count} messages compared", [])
        except AssertionError as problem:
            self.line("messages compared", [str(problem)])

    def compare_tables(self):
        problems = []

        def differs():
            problems.clear()
            topics = {role: self.table(role, ALL_TOPICS, "topicConfigTable") for role in self.ports}
            for name in (*TOPICS, "made"):
                config = {role: {key: topics[role].get(name, {}).get(key) for key in ("readQueueNums", "writeQueueNums", "perm")} for role in topics}
                if config["master"] != config["slave"] or not config["master"]["perm"]:
                    problems.append(f"topic {name}: {config}")
            groups = {role: self.table(role, ALL_GROUPS, "subscriptionGroupTable").get("reader", {}).get("retryMaxTimes") for role in self.ports}
            if set(groups.values()) != {7}:
                problems.append(f"group reader: {groups}")
            offsets = {role: self.table(role, ALL_OFFSETS, "offsetTable").get(f"{TOPICS[0]}@reader") for role in self.ports}
            if offsets["master"] != offsets["slave"] or not offsets["master"]:
                problems.append(f"offsets: {offsets}")
            return problems
        try:
            wait_until(lambda: not differs(), self.patience, "equal tables")
        except AssertionError:
            pass
        self.line("tables compared", problems)

    def read_alone(self):
        """The master is killed: everything is on the slave still."""
        before = self.messages("master")
        self.kill_master()
        time.sleep(4)
        self.line("the slave alone", [] if self.messages("slave") == before else ["it has not all messages"])

    def run(self):
        self.start()
        self.wait_in_sync()
        answers = self.fill(600)
        self.line(f"answers {answers}", [] if set(answers) == {SUCCESS} else ["not all were acknowledged"])
        self.make_tables()
        self.compare_tables()  # in front: a slave serves no topic that it does not know
        self.compare_messages()
        self.more()
        self.read_alone()

    def more(self):
        pass


class JavaSlave(Pair):
    kind = "java-slave"

    @property
    def patience(self):
        return 25 if self.version.startswith("4.") else 80  # 5.x asks for tables first after 60 s

    def start(self):
        namesrv = CometServers(self.folder, brokers=())
        self.ends.append(namesrv.stop)
        namesrv.start()
        self.master = broker("master", self.folder, MASTER | {"namesrvAddr": namesrv.nameserver})
        self.ends.append(lambda: self.master.alive() and self.master.kill())
        self.ports["master"] = self.master.port
        slave = ApacheServers(self.version, self.jars, self.folder, brokers=("slave",), keys=SLAVE | {"namesrvAddr": namesrv.nameserver})
        self.ends.append(slave.stop)
        slave.start_one("slave")
        self.ports["slave"] = slave.ports["slave"]

    def more(self):
        status = json.loads(self.ask("master", HA_STATUS).body)
        wrong = [] if status["inSyncSlaveNums"] == 1 and not status["haConnectionInfo"][0]["flushed"] else [str(status)]
        self.line("haStatus names a slave that has not flushed", wrong)

    def kill_master(self):
        self.master.kill()


class CometSlave(Pair):
    kind = "comet-slave"
    patience = 25

    def start(self):
        self.master = ApacheServers(self.version, self.jars, self.folder, brokers=(NAME,), keys=MASTER)
        self.ends.append(self.master.stop)
        self.master.start()
        self.ports["master"] = self.master.ports[NAME]
        slave = broker("slave", self.folder, SLAVE | {"namesrvAddr": self.master.nameserver})
        self.ends.append(lambda: slave.alive() and slave.kill())
        self.ports["slave"] = slave.port

    def more(self):
        status = json.loads(self.ask("slave", HA_STATUS).body)
        ends = status["haClientRuntimeInfo"]
        self.line("haStatus of a slave", [] if not status["master"] and ends["maxOffset"] > 0 else [str(status)])

    def kill_master(self):
        self.master.kill_one(NAME)


def run_pairs(options):
    problems = pairs = 0
    for version in options.versions:
        for kind in (one for one in (JavaSlave, CometSlave) if one.kind in options.pairs):
            folder = pathlib.Path(tempfile.mkdtemp(prefix="comet-replication-"))
            pair = kind(version, options.build_dir / "peers" / f"server-{version}" / "jars", folder)
            try:
                pair.run()
            except Exception as problem:  # the next pair is run all the same
                pair.line("the pair itself", [f"{type(problem).__name__}: {problem}"])
            finally:
                pair.clean_up()
            if pair.problems:
                for path in sorted(folder.glob("*.log")):
                    print(f"--- last lines of {path.name}", *path.read_text("utf-8", "replace").splitlines()[-25:], sep="\n", file=sys.stderr)
            pairs += 1
            problems += len(pair.problems)
            shutil.rmtree(folder, ignore_errors=True)
    say(f"{pairs} pairs, {problems} problems")
    sys.exit(1 if problems else 0 if pairs else 77)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--versions", type=list_of, default=VERSIONS)
    parser.add_argument("--pairs", type=list_of, default=PAIRS)
    parser.add_argument("--build-dir", type=pathlib.Path, default=PROJECT / "build", help="jars are installed below it (default: build)")
    parser.add_argument("--inside", help=argparse.SUPPRESS)
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("replication: stopped"))
    options.build_dir = options.build_dir.resolve()
    if options.inside:
        loopback_up()
        return run_pairs(options)
    found = []
    for version in options.versions:
        try:
            installs.apache_servers(options.build_dir / "peers", version)
            found.append(version)
        except installs.Missing as reason:
            say(f"SKIPPED: replication with {version}: {reason}")
    if not found:
        sys.exit(77)
    arguments = ["--versions", ",".join(found), "--pairs", ",".join(options.pairs), "--build-dir", options.build_dir]
    differs = False
    for line in inside(__file__, "Apache's", arguments, own_network=True):
        if line[0] == "error":
            differs = True
        else:
            print("\t".join(line), flush=True)
    sys.exit(1 if differs else 0)


if __name__ == "__main__":
    main()
