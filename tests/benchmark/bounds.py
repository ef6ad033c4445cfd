#!/usr/bin/env python3
"""What one client can cost the others: memory that it makes a daemon keep, and how long it makes others wait.

  COMET_BIN=build/release/bin tests/benchmark/bounds.py [--only CASE ...] [--quick]

Each case starts a daemon of its own. While the case does its worst, another process sends one small message (or asks for
one route) after the other over a connection of its own. Reported: the longest of these round trips, the greatest memory
that the daemon had besides what it had before, and what was left when the connections of the case had closed. "idle" is
the same without anybody else: what the machine itself makes of it. Nothing is judged here: docs/limits.md has the figures.
"""

import argparse
import json
import multiprocessing
import pathlib
import socket
import struct
import sys
import time
import zlib

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

from daemons import DaemonTest  # noqa: E402
from remoting import GET_ROUTE, Client, frame  # noqa: E402

HEART_BEAT, SEND_BATCH, REGISTER_BROKER, UNREGISTER_BROKER = 34, 320, 103, 104
CLUSTER_INFO, ALL_TOPICS, WIPE_WRITE, ALL_TOPIC_CONFIG, RUNTIME_INFO = 106, 206, 205, 21, 28
TOPIC = "probe"


def probe(port, is_namesrv, stop, result):
    """Round trips of a client that has nothing to do with the case."""
    worst, count, total = 0.0, 0, 0.0
    with Client(port, timeout=120) as client:
        while not stop.is_set():
            began = time.perf_counter()
            if is_namesrv:
                client.request(GET_ROUTE, {"topic": TOPIC})
            else:
                client.send_message(TOPIC, b"x")
            took = time.perf_counter() - began
            worst, count, total = max(worst, took), count + 1, total + took
            time.sleep(0.001)
    result.put((worst * 1000, total / max(count, 1) * 1000, count))


def watch(port, is_namesrv, stop, worst):
    """The same, without a sum: `worst` is the longest since somebody set it to zero, in ms."""
    with Client(port, timeout=120) as client:
        while not stop.is_set():
            began = time.perf_counter()
            if is_namesrv:
                client.request(GET_ROUTE, {"topic": TOPIC})
            else:
                client.send_message(TOPIC, b"x")
            worst.value = max(worst.value, (time.perf_counter() - began) * 1000)
            time.sleep(0.001)


def status_kb(pid, kind):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith(kind + ":"))


def batch_item(body=b"", properties=b""):
    return struct.pack(">iiiii", 22 + len(body) + len(properties), 0, 0, 0, len(body)) + body + struct.pack(
        ">h", len(properties)) + properties


def batch(items, common):
    header = {"a": "raw", "b": TOPIC, "c": "TBW102", "d": 4, "e": 0, "f": 0, "g": 1700000000000, "h": 0, "i": common,
              "j": 0, "k": "false", "m": "true"}
    return frame(SEND_BATCH, header, batch_item() * items)


def producers(client_id, groups):
    return frame(HEART_BEAT, {}, json.dumps(
        {"clientID": client_id, "producerDataSet": [{"groupName": name} for name in groups]}).encode())


def consumers(client_id, groups, topics=("T",), full=False):
    def subscription(topic):
        if not full:
            return {"topic": topic}
        return {"classFilterMode": False, "codeSet": [], "expressionType": "TAG", "subString": "*",
                "subVersion": 1764444444444, "tagsSet": [], "topic": topic}
    data = [{"groupName": name, "consumeType": "CONSUME_PASSIVELY", "messageModel": "CLUSTERING",
             "consumeFromWhere": "CONSUME_FROM_LAST_OFFSET",
             "subscriptionDataSet": [subscription(topic) for topic in topics]} for name in groups]
    body = json.dumps({"clientID": client_id, "consumerDataSet": data}, separators=(",", ":")).encode()
    return frame(HEART_BEAT, {}, body)


def registration(name, port, topics, version):
    table = ",".join(f'"t{i}":{{"perm":6,"readQueueNums":4,"topicName":"t{i}","writeQueueNums":4}}' for i in topics)
    body = (f'{{"filterServerList":[],"topicConfigSerializeWrapper":{{"dataVersion":{{"counter":{version},"timestamp":1}},'
            f'"topicConfigTable":{{{table}}}}}}}').encode()
    header = {"brokerName": name, "brokerAddr": f"127.0.0.1:{port}", "clusterName": "DefaultCluster", "brokerId": 0,
              "haServerAddr": f"127.0.0.1:{port + 1}", "compressed": "false",
              "bodyCrc32": zlib.crc32(body) & 0x7FFFFFFF}
    return frame(REGISTER_BROKER, header, body)


def ask(client, data):
    client.send_raw(data)
    while True:
        reply = client.read_reply()
        if reply.flag & 1:  # not a notice
            return reply


class Bounds(DaemonTest):
    def _failed(self):
        return False  # the logs say nothing that is not reported

    def runTest(self):
        names = OPTIONS.only or [name[5:] for name in dir(self) if name.startswith("case_")]
        print(f"{'case':<26}{'worst ms':>10}{'mean ms':>10}{'frame MB':>10}{'peak +MB':>10}{'kept +MB':>10}  answer", flush=True)
        for name in names:
            getattr(self, "case_" + name)()

    def measure(self, case, daemon, work, is_namesrv=False, frame_bytes=0):
        """`work` returns what was answered and the connections that it leaves open."""
        time.sleep(1)
        with open(f"/proc/{daemon.process.pid}/clear_refs", "w", encoding="ascii") as file:
            file.write("5")  # VmHWM begins anew
        before = status_kb(daemon.process.pid, "VmRSS")
        stop, result = multiprocessing.Event(), multiprocessing.Queue()
        prober = multiprocessing.Process(target=probe, args=(daemon.port, is_namesrv, stop, result))
        prober.start()
        time.sleep(1)
        answer, connections = work()
        time.sleep(1)
        stop.set()
        worst, mean, _ = result.get()
        prober.join()
        peak = status_kb(daemon.process.pid, "VmHWM") - before
        for connection in connections:
            connection.close()
        time.sleep(3)
        kept = status_kb(daemon.process.pid, "VmRSS") - before
        print(f"{case:<26}{worst:>10.1f}{mean:>10.2f}{frame_bytes / 1e6:>10.2f}{peak / 1024:>10.1f}{kept / 1024:>10.1f}  {answer}",
              flush=True)
        daemon.stop()

    def broker(self, name, **keys):
        broker = self.start_broker(None, data=self.folder / name, mappedFileSizeCommitLog=1 << 28, **keys)
        with Client(broker.port) as client:
            client.create_topic(TOPIC, 4)
            client.send_message(TOPIC, b"x")
        return broker

    def one_frame(self, case, data, **keys):
        broker = self.broker(case, **keys)

        def work():
            client = Client(broker.port, timeout=120)
            reply = ask(client, data)
            return f"{reply.code} {reply.remark[:70]}", [client]
        self.measure(case, broker, work, frame_bytes=len(data))

    def case_idle(self):
        broker = self.broker("idle")
        self.measure("idle", broker, lambda: (time.sleep(3), []))

    def case_m1_batch_1000(self):
        self.one_frame("m1_batch_1000", batch(1000, "k\x01" + "v" * 32700))

    def case_m1_batch_50000(self):
        self.one_frame("m1_batch_50000", batch(50000, "k\x01" + "v" * 32700))

    def case_m1_batch_taken(self):
        self.one_frame("m1_batch_taken", batch(35000, ""))

    def case_m2_client_ids(self):
        broker = self.broker("m2")

        def work():
            client = Client(broker.port, timeout=120)
            count = 5000 if OPTIONS.quick else 100000
            for i in range(count):
                reply = ask(client, producers(f"{i:0>1000}", ["PG"]))
            return f"{count} heartbeats, {reply.code}", [client]
        self.measure("m2_client_ids", broker, work)

    def case_m3_groups(self):
        self.one_frame("m3_groups_100000", producers("c" * 1024, [f"g{i}" for i in range(100000)]))

    def case_m3_groups_taken(self):
        self.one_frame("m3_groups_5000_taken", producers("c" * 1024, [f"g{i}" for i in range(5000)]))

    def case_m3_consumers_taken(self):
        self.one_frame("m3_5000_consumers", consumers("c" * 1024, [f"g{i}" for i in range(5000)]))

    def case_m4_subscriptions(self):
        self.one_frame("m4_subs_200000", consumers("c", ["CG"], [f"t{i}" for i in range(200000)]))

    def case_m4_subscriptions_taken(self):
        self.one_frame("m4_subs_10000_taken", consumers("c", ["CG"], [f"topic-{i:0>30}" for i in range(10000)], full=True))

    def members(self, case, connections, groups):
        broker = self.broker(case, maxConnections=10000)
        members = [Client(broker.port, timeout=120) for _ in range(connections)]
        for i, member in enumerate(members):
            member.send_raw(consumers(f"c{i}", [f"CG{g}" for g in range(groups)]))
        for member in members:
            member.read_reply()
        stay = Client(broker.port, timeout=120)
        ask(stay, consumers("stays", [f"CG{g}" for g in range(groups)]))
        time.sleep(5)

        def work():
            for member in members:  # reset: all at once
                member.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            for member in members:
                member.close()
            return f"{connections} connections with {groups} groups each close", [stay]
        self.measure(case, broker, work)

    def case_m6_close_2000x10(self):
        self.members("m6_close_2000x10", 2000, 10)

    def case_m6_close_500x200(self):
        self.members("m6_close_500x200", 500, 200)

    def case_m7_unfinished(self):
        broker = self.broker("m7")
        data = batch(10, "")[:8] + b"x" * (15 << 20)
        data = struct.pack(">II", (16 << 20) - 4, 100) + data

        def work():
            clients = [Client(broker.port, timeout=120) for _ in range(40)]
            for client in clients:
                try:
                    client.send_raw(data)
                except OSError:
                    pass  # it was closed for the others
            time.sleep(2)
            return "40 x 15 MB of unfinished frames", clients
        self.measure("m7_unfinished", broker, work, frame_bytes=40 * len(data))

    def with_topics(self, case, count):
        """A broker with that many topics, written as a broker writes them."""
        config = self.folder / case / "config"
        config.mkdir(parents=True, exist_ok=True)
        (config.parent / "commitlog").mkdir(exist_ok=True)
        table = {f"topic-{i:0>20}": {"topicName": f"topic-{i:0>20}", "perm": 6, "readQueueNums": 4, "writeQueueNums": 4,
                                     "topicFilterType": "SINGLE_TAG", "topicSysFlag": 0, "order": False}
                 for i in range(count)}
        (config / "topics.json").write_text(json.dumps({"dataVersion": {"counter": 1, "timestamp": 1}, "topicConfigTable": table}))
        return self.broker(case)

    def case_admin_100000_topics(self):
        broker = self.with_topics("admin", 100000)

        def work():
            client = Client(broker.port, timeout=120)
            for code, ext in ((ALL_TOPIC_CONFIG, {}), (ALL_TOPIC_CONFIG, {"topicSeq": 0, "maxTopicNum": 2000, "dataVersion": ""}),
                              (RUNTIME_INFO, {}), (201, {}), (43, {}), (305, {}), (304, {}), (307, {}), (316, {})):
                client.request(code, ext)
            client.create_topic("another")
            return "21, 28, 43, 201, 304, 305, 307, 316, 17", [client]
        self.measure("admin_100000_topics", broker, work)

    def case_register_100000_topics(self):
        namesrv = self.start_namesrv()
        broker = None
        config = self.folder / "big" / "config"
        config.mkdir(parents=True)
        (config.parent / "commitlog").mkdir()
        table = {f"{i:0>127}": {"topicName": f"{i:0>127}", "perm": 6, "readQueueNums": 4, "writeQueueNums": 4,
                                "topicFilterType": "SINGLE_TAG", "topicSysFlag": 0, "order": False} for i in range(100000)}
        (config / "topics.json").write_text(json.dumps({"dataVersion": {"counter": 1, "timestamp": 1}, "topicConfigTable": table}))
        broker = self.start_broker(namesrv, data=self.folder / "big", mappedFileSizeCommitLog=1 << 28)
        with Client(broker.port) as client:
            client.create_topic(TOPIC, 4)

        def work():
            deadline = time.time() + 20
            with Client(namesrv.port, timeout=60) as client:
                while time.time() < deadline:
                    if client.request(GET_ROUTE, {"topic": f"{99999:0>127}"}).code == 0:
                        break
                    time.sleep(0.1)
                count = len(json.loads(client.request(ALL_TOPICS).body)["topicList"])
            time.sleep(35)  # a registration of all again
            return f"{count} topics are registered", []
        self.measure("register_100000x127", broker, work)
        namesrv.stop()

    def each_request(self, case, daemon, requests, is_namesrv=False, rounds=3):
        """The longest round trip of another client while each request is served, the least of some rounds: a busy
        machine makes others wait, too."""
        stop, worst = multiprocessing.Event(), multiprocessing.Value("d", 0.0)
        watcher = multiprocessing.Process(target=watch, args=(daemon.port, is_namesrv, stop, worst))
        watcher.start()
        time.sleep(0.5)
        with Client(daemon.port, timeout=120) as client:
            for name, data in requests:
                figures, answer = [], None
                for _ in range(rounds):
                    worst.value = 0.0
                    began = time.perf_counter()
                    reply = ask(client, data() if callable(data) else data)
                    took = (time.perf_counter() - began) * 1000
                    time.sleep(0.2)
                    figures.append((worst.value, took))
                    answer = f"{reply.code} {len(reply.body)} bytes {reply.remark[:50]}"
                least, took = min(figures)
                print(f"{case + ' ' + name:<44}{least:>10.1f}{took:>10.1f}  {answer}", flush=True)
        stop.set()
        watcher.join()
        daemon.stop()

    def case_broker_requests(self):
        """100,000 topics and groups, 400,000 offsets, a topic of 65,536 queues, 100 groups of one topic."""
        folder = self.folder / "requests"
        (folder / "config").mkdir(parents=True)
        (folder / "commitlog").mkdir()
        groups = {f"group-{i:0>20}": {"groupName": f"group-{i:0>20}", "consumeEnable": True} for i in range(100000)}
        (folder / "config" / "subscriptionGroup.json").write_text(json.dumps(
            {"dataVersion": {"counter": 1, "timestamp": 1}, "subscriptionGroupTable": groups}))
        offsets = {f"topic-{i:0>20}@group-{i % 1000:0>20}": {str(q): 0 for q in range(4)} for i in range(100000)}
        offsets.update({f"topic-{i:0>20}@one-of-all": {str(q): 0 for q in range(4)} for i in range(100000)})
        offsets.update({f"{TOPIC}@group-{i:0>20}": {"0": 0} for i in range(10000)})
        (folder / "config" / "consumerOffset.json").write_text(json.dumps({"offsetTable": offsets}))
        broker = self.with_topics("requests", 100000)
        with Client(broker.port, timeout=60) as client:
            client.create_topic("wide", 65536)
        member = Client(broker.port, timeout=120)  # takes what it is told, and answers nothing
        ask(member, consumers("c1", [f"group-{i:0>20}" for i in range(5000)], ("wide",)))
        ask(member, producers("c2", [f"producer-{i}" for i in range(5000)]))
        topic, group = f"topic-{7:0>20}", f"group-{7:0>20}"

        def plain(code, **fields):
            return f"{code} {' '.join(fields)}", frame(code, fields)
        queues = [{"topic": "wide", "brokerName": "b", "queueId": i} for i in range(65536)]
        names = {"topicConfigList": [{"topicName": f"topic-{i:0>20}"} for i in range(50000)]}
        group_list = {"groupConfigList": [{"groupName": f"group-{i:0>20}"} for i in range(50000)]}
        locks = {"consumerGroup": group, "clientId": "c1", "mqSet": queues}
        self.each_request("broker", broker, [
            plain(21), plain(21, topicSeq=0, maxTopicNum=2000, dataVersion=""), plain(201),
            plain(201, groupSeq=0, maxGroupNum=2000, dataVersion=""), plain(26), plain(28), plain(43), plain(45),
            plain(202, topic="wide"), plain(202, topic=topic), plain(203, consumerGroup=group), plain(204, producerGroup="producer-1"),
            plain(208, consumerGroup="one-of-all"), plain(208, consumerGroup=group), plain(208, consumerGroup=group, topic="wide"),
            plain(222, topic="wide", group=group, timestamp=-1, isForce="true"),
            plain(300, topic=TOPIC), plain(300, topic="wide"), plain(303, topic="wide", group=group), plain(304), plain(305), plain(306),
            plain(307, consumerGroup=group, clientId="c1"), plain(308, filterGroups="", compareGroup="one-of-all", topic=topic),
            plain(314, srcGroup="one-of-all", destGroup=group, topic=topic, offline="true"),
            plain(315, statsName="TOPIC_PUT_NUMS", statsKey=TOPIC), plain(316), plain(317, isOrder="false"), plain(321, topic="wide",
                queueId=0, index=0, count=1000, consumerGroup=group), plain(328), plain(343, group="one-of-all"),
            plain(345, group=group, topic="wide"), plain(351, topic="wide"), plain(38, consumerGroup=group),
            ("41 of 65,536 queues", frame(41, {}, json.dumps(locks).encode())),
            ("42 of 65,536 queues", frame(42, {}, json.dumps(locks).encode())),
            ("18 of 50,000 topics", frame(18, {}, json.dumps(names).encode())),
            ("225 of 50,000 groups", frame(225, {}, json.dumps(group_list).encode())),
            ("34 of 5,000 groups", consumers("c" * 1024, [f"g{i}" for i in range(5000)])),
            ("34 of 10,000 subscriptions", consumers("c", ["CG"], [f"topic-{i:0>30}" for i in range(10000)], full=True)),
            ("320 of 50,000 messages", batch(50000, "")), ("320 of 50,000 with 32 KB", batch(50000, "k\x01" + "v" * 32700)),
        ])
        member.close()

    def case_namesrv_requests(self):
        namesrv = self.start_namesrv()
        with Client(namesrv.port, timeout=120) as owner, Client(namesrv.port, timeout=120) as big:
            ask(owner, frame(REGISTER_BROKER, {"brokerName": "small", "brokerAddr": "127.0.0.1:1000", "clusterName": "DefaultCluster",
                                               "brokerId": 0, "haServerAddr": "127.0.0.1:1001"},
                             json.dumps({"filterServerList": [], "topicConfigSerializeWrapper": {
                                 "dataVersion": {"counter": 1, "timestamp": 1},
                                 "topicConfigTable": {TOPIC: {"topicName": TOPIC, "perm": 6}}}}).encode()))
            ask(big, registration("big", 2000, range(100000), 1))
            versions = iter(range(2, 1000))

            def plain(code, **fields):
                return f"{code} {' '.join(fields)}", frame(code, fields)
            self.each_request("namesrv", namesrv, [
                plain(105, topic="there is none"), plain(105, topic="t7"), plain(106), plain(206), plain(224, cluster="DefaultCluster"),
                plain(304), plain(311), plain(312), plain(313), plain(319), plain(901, clusterName="DefaultCluster", brokerName="big"),
                ("103 of 100,000 as they are", registration("big", 2000, range(100000), 1)),
                ("103 of 100,000 with a new version", lambda: registration("big", 2000, range(100000), next(versions))),
                ("103 of 100,000 others", lambda: registration("big", 2000, range(next(versions), 100000), next(versions))),
                plain(205, brokerName="big"), plain(327, brokerName="big"),
                plain(216, topic="t9"), ("100 of 500 KB", frame(100, {"namespace": "n", "key": "k", "value": "v" * 500000})),
                plain(219, namespace="n"), plain(101, namespace="n", key="k"),
                ("104", frame(UNREGISTER_BROKER, {"brokerName": "big", "brokerAddr": "127.0.0.1:2000", "clusterName": "DefaultCluster",
                                                  "brokerId": 0})),
            ], is_namesrv=True)

    def case_held_pulls_100000(self):
        """100,000 pulls wait for the message that then comes; likewise until their time is up."""
        broker = self.broker("held", maxConnections=10000)

        def pulls(first, millis):
            fields = {"consumerGroup": "CG", "topic": "held", "queueId": 0, "queueOffset": first, "maxMsgNums": 1, "sysFlag": 6,
                      "commitOffset": 0, "suspendTimeoutMillis": millis, "subscription": "*", "subVersion": 1}
            return frame(11, fields)

        def hold(first, millis):
            clients = [Client(broker.port, timeout=120) for _ in range(100)]
            for client in clients:
                client.send_raw(pulls(first, millis) * 1000)
            with Client(broker.port, timeout=120) as other:
                other.create_topic("other")
            return clients

        def drain(clients):
            for client in clients:
                for _ in range(1000):
                    client.read_reply()
                client.close()
        with Client(broker.port, timeout=120) as client:
            client.create_topic("held", 1)
            stop, worst = multiprocessing.Event(), multiprocessing.Value("d", 0.0)
            watcher = multiprocessing.Process(target=watch, args=(broker.port, False, stop, worst))
            watcher.start()
            for round_ in range(3):
                clients = hold(round_, 100000)
                time.sleep(1)
                worst.value = 0.0
                client.send_message("held", b"for all")
                drain(clients)
                print(f"held_pulls_100000 wake up together{worst.value:>28.1f}", flush=True)
            clients = hold(3, 10000)
            time.sleep(1)
            worst.value = 0.0
            drain(clients)
            print(f"held_pulls_100000 end together{worst.value:>32.1f}", flush=True)
            stop.set()
            watcher.join()
        broker.stop()

    def namesrv_case(self, case, work_on, registered=True):
        namesrv = self.start_namesrv()
        owner = Client(namesrv.port, timeout=120)
        ask(owner, frame(REGISTER_BROKER, {"brokerName": "small", "brokerAddr": "127.0.0.1:1000", "clusterName": "DefaultCluster",
                                           "brokerId": 0, "haServerAddr": "127.0.0.1:1001"},
                         json.dumps({"filterServerList": [], "topicConfigSerializeWrapper": {
                             "dataVersion": {"counter": 1, "timestamp": 1},
                             "topicConfigTable": {TOPIC: {"topicName": TOPIC, "perm": 6}}}}).encode()))
        big = Client(namesrv.port, timeout=120)
        if registered:
            ask(big, registration("big", 2000, range(100000), 1))
        data = registration("big", 2000, range(100000), 2)
        self.measure(case, namesrv, lambda: (work_on(big, data), [owner, big]), is_namesrv=True, frame_bytes=len(data))

    def case_ns_register_100000(self):
        self.namesrv_case("ns_register_100000", lambda big, data: ask(big, data).code, registered=False)

    def case_ns_register_again(self):
        self.namesrv_case("ns_register_again", lambda big, data: ask(big, data).code)

    def case_ns_lists(self):
        def work(big, _):
            return [big.request(code).code for code in (CLUSTER_INFO, ALL_TOPICS, 224, 304, 311)]
        self.namesrv_case("ns_106_206_224_304_311", work)

    def case_ns_wipe(self):
        self.namesrv_case("ns_wipe_100000", lambda big, _: big.request(WIPE_WRITE, {"brokerName": "big"}).code)

    def case_ns_close(self):
        self.namesrv_case("ns_close_100000", lambda big, _: big.close())

    def case_ns_unregister(self):
        self.namesrv_case("ns_unregister_100000", lambda big, _: big.request(UNREGISTER_BROKER, {
            "brokerName": "big", "brokerAddr": "127.0.0.1:2000", "clusterName": "DefaultCluster", "brokerId": 0}).code)

    def case_ns_unfinished(self):
        namesrv = self.start_namesrv()

        def work():
            data = struct.pack(">II", (16 << 20) - 4, 100) + b"x" * (15 << 20)
            clients = [Client(namesrv.port, timeout=120) for _ in range(40)]
            for client in clients:
                try:
                    client.send_raw(data)
                except OSError:
                    pass
            return "40 x 15 MB of unfinished frames", clients
        self.measure("ns_unfinished", namesrv, work, is_namesrv=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="*", help="names of cases")
    parser.add_argument("--quick", action="store_true", help="fewer repetitions where there are many")
    OPTIONS = parser.parse_args()
    benchmark = Bounds()
    benchmark.setUp()
    try:
        benchmark.runTest()
    finally:
        benchmark.doCleanups()
