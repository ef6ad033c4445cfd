#!/usr/bin/env python3
"""cometctl: every subcommand against a real cluster, its JSON, wrong usage, servers that are away."""

import json
import pathlib
import re
import subprocess
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

from daemons import DaemonTest, program, wait_until  # noqa: E402
from remoting import Client  # noqa: E402
from tls_files import Authority  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
OK, REFUSED, WRONG_USAGE, UNREACHABLE = 0, 1, 2, 3
GROUP_NOT_EXIST = 26
SYSTEM_ERROR = 1
NOT_ONLINE = 206  # CONSUMER_NOT_ONLINE
CLUSTER = "DefaultCluster"


class Cometctl(DaemonTest):
    def start_cluster(self):
        daemon = self.start("comet-standalone", ["--data", self.folder / "data", "--namesrv-port", 0, "--broker-port", 0])
        self.namesrv, self.broker = (f"127.0.0.1:{port}" for _, port in daemon.addresses)
        self.used = set()
        wait_until(lambda: "broker-a" in self.ctl("clusterList").stdout, 30, "the broker's registration")

    def ctl(self, subcommand, *arguments, **options):
        """For people; never fails by itself."""
        self.used.add(subcommand)
        options.setdefault("check", False)
        return self.run_program("cometctl", subcommand, "-n", self.namesrv, *arguments, **options)

    def ask(self, subcommand, *arguments, code=OK):
        """For programs: the JSON document. The text form must end in the same way."""
        done = self.ctl(subcommand, *arguments, "--json")
        self.assertEqual(code, done.returncode, f"{subcommand} {arguments}: {done.stdout[-500:]} {done.stderr[-500:]}")
        self.assertEqual("", done.stderr, subcommand)
        return json.loads(done.stdout)

    def lines(self, subcommand, *arguments, code=OK):
        """A JSON object on each line."""
        done = self.ctl(subcommand, *arguments, "--json")
        self.assertEqual(code, done.returncode, done.stderr)
        return [json.loads(line) for line in done.stdout.splitlines()]

    def refused(self, subcommand, *arguments):
        """What a server says no with: its response code and the text."""
        done = self.ctl(subcommand, *arguments, "--json")
        self.assertEqual((REFUSED, ""), (done.returncode, done.stdout), done.stderr)
        problem = json.loads(done.stderr)
        self.assertEqual(REFUSED, problem["exitCode"])
        return problem.get("responseCode"), problem["error"]

    def text(self, subcommand, *arguments, code=OK):
        done = self.ctl(subcommand, *arguments)
        self.assertEqual(code, done.returncode, f"{subcommand} {arguments}: {done.stdout[-500:]} {done.stderr[-500:]}")
        self.assertEqual("", done.stderr, subcommand)
        return done.stdout

    def test_every_subcommand_does_what_it_says(self):
        self.start_cluster()
        self.topics()
        self.messages()
        self.groups_and_offsets()
        self.brokers_and_statistics()
        self.name_servers()
        self.deletions()
        everything = set(re.findall(r"^#### (\w+)$", self.run_program("cometctl", "help", "--markdown").stdout, re.M))
        self.assertGreater(len(everything), 40)
        self.assertEqual(set(), everything - self.used, "subcommands that were not tried")

    def topics(self):
        created = self.ask("updateTopic", "-t", "orders", "-c", CLUSTER, "-r", 4, "-w", 4)
        self.assertEqual([True], [one["ok"] for one in created["servers"]])
        self.ask("updateTopic", "-t", "ordered", "-b", self.broker, "-o", "true")
        self.assertEqual("broker-a:8", self.ask("updateOrderConf", "-t", "ordered", "-m", "get")["orderConf"])
        self.ask("updateOrderConf", "-t", "ordered", "-m", "put", "-v", "broker-a:2")
        self.ask("updateOrderConf", "-t", "ordered", "-m", "delete")
        self.assertEqual(22, self.refused("updateOrderConf", "-t", "ordered", "-m", "get")[0])
        self.assertLessEqual({"orders", "ordered"}, {one["topic"] for one in self.ask("topicList")["topics"]})
        self.assertIn({"cluster": CLUSTER}, self.ask("topicClusterList", "-t", "orders")["clusters"])
        route = self.ask("topicRoute", "-t", "orders")
        self.assertEqual([("broker-a", 4, 4, 6)], [(one["brokerName"], one["readQueueNums"], one["writeQueueNums"],
                                                    one["perm"]) for one in route["queueDatas"]])
        self.assertEqual([self.broker], [one["address"] for one in route["brokers"]])
        self.assertRegex(self.text("topicRoute", "-t", "orders"), r"broker-a +4 +4 +RW-")
        self.ask("updateTopicPerm", "-t", "orders", "-c", CLUSTER, "-p", 4)
        wait_until(lambda: self.ask("topicRoute", "-t", "orders")["queueDatas"][0]["perm"] == 4, 30, "the permission")
        self.ask("updateTopicPerm", "-t", "orders", "-b", self.broker, "-p", 6)
        wait_until(lambda: self.ask("topicRoute", "-t", "orders")["queueDatas"][0]["perm"] == 6, 30, "the permission")
        shares = self.ask("allocateMQ", "-t", "orders", "-i", "a,b,c")["allocation"]
        self.assertEqual(["a", "a", "b", "c"], [one["consumer"] for one in shares])
        self.assertEqual(17, self.refused("topicRoute", "-t", "no-such")[0])

    def messages(self):
        sent = self.ask("sendMessage", "-t", "orders", "-p", "für Käse", "-k", "k1 k2", "-c", "A")["results"][0]
        self.assertEqual("SEND_OK", sent["sendStatus"])
        there = self.ask("sendMessage", "-t", "orders", "-p", "second", "-b", "broker-a", "-i", 3)["results"][0]
        self.assertEqual(3, there["queueId"])
        self.assertRegex(self.text("sendMessage", "-t", "orders", "-p", "third"), "SEND_OK")

        message = self.ask("queryMsgById", "-i", sent["offsetMsgId"])
        self.assertEqual(("für Käse", "A", "k1 k2", sent["msgId"]),
                         (message["body"], message["tags"], message["keys"], message["msgId"]))
        self.assertEqual("für Käse", self.ask("queryMsgById", "-i", sent["msgId"], "-t", "orders")["body"])
        self.assertEqual([sent["msgId"]],
                         [one["msgId"] for one in self.ask("queryMsgByKey", "-t", "orders", "-k", "k2")["messages"]])
        self.assertEqual([], self.ask("queryMsgByKey", "-t", "orders", "-k", "none", code=REFUSED)["messages"])
        self.assertEqual("second", self.ask("queryMsgByUniqueKey", "-t", "orders", "-i", there["msgId"])["body"])
        self.assertEqual(1, len(self.ask("queryMsgByUniqueKey", "-t", "orders", "-i", there["msgId"], "-a")["messages"]))
        place = ["-t", "orders", "-b", "broker-a", "-i", 3, "-o"]
        self.assertEqual("second", self.ask("queryMsgByOffset", *place, there["queueOffset"])["body"])
        self.assertIn("no message at offset 99", self.refused("queryMsgByOffset", *place, 99)[1])
        again = self.ask("queryMsgById", "-i", sent["offsetMsgId"], "-s", "true")["results"][0]
        copy = self.ask("queryMsgById", "-i", again["offsetMsgId"])
        self.assertEqual(("für Käse", "A", "k1 k2"), (copy["body"], copy["tags"], copy["keys"]))
        self.assertNotEqual(sent["msgId"], copy["msgId"])

        bodies = sorted(one["body"] for one in self.lines("printMsg", "-t", "orders"))
        self.assertEqual(["für Käse", "für Käse", "second", "third"], bodies)
        self.assertEqual(2, len(self.lines("printMsg", "-t", "orders", "-s", "A || B")))
        self.assertEqual([], self.lines("printMsg", "-t", "orders", "-e", "1000"))
        self.assertEqual(4, len(self.lines("printMsg", "-t", "orders", "-b", "2020-01-01#00:00:00:000", "-e", "now")))
        self.assertNotIn("body", self.lines("printMsg", "-t", "orders", "-d", "false")[0])
        self.assertIn("third", self.text("printMsg", "-t", "orders"))
        queue = ["-t", "orders", "-a", "broker-a", "-i", sent["queueId"]]
        self.assertIn("für Käse", [one["body"] for one in self.lines("printMsgByQueue", *queue)])
        tags = self.ask("printMsgByQueue", *queue, "-f", "true")["tags"]
        self.assertEqual("A", tags[0]["tag"])
        self.assertEqual(2, len(self.lines("consumeMessage", "-t", "orders", "-c", 2)))
        self.assertEqual(["second"], [one["body"] for one in self.lines(
            "consumeMessage", "-t", "orders", "-b", "broker-a", "-i", 3, "-o", there["queueOffset"], "-c", 1)])
        self.ask("updateTopic", "-t", "RMQ_TRACES", "-c", CLUSTER, "-r", 1, "-w", 1)
        self.assertEqual([], self.ask("queryMsgTraceById", "-i", sent["msgId"], "-t", "RMQ_TRACES", code=REFUSED)["traces"])

    def groups_and_offsets(self):
        self.ask("updateSubGroup", "-g", "billing", "-c", CLUSTER, "-r", 3, "-q", 2)
        config = self.ask("getConsumerConfig", "-g", "billing")["brokers"]
        self.assertEqual([(3, 2, False)], [(one["retryMaxTimes"], one["retryQueueNums"], one["consumeBroadcastEnable"])
                                           for one in config])
        self.assertEqual([], self.ask("getConsumerConfig", "-g", "no-such", code=REFUSED)["brokers"])

        reset = ["-g", "billing", "-t", "orders"]
        with Client(int(self.broker.split(":")[1])) as client:
            heartbeat = {"clientID": "10.0.0.3@1", "producerDataSet": [{"groupName": "shop"}], "consumerDataSet": [{
                "groupName": "billing", "consumeType": "CONSUME_ACTIVELY", "messageModel": "CLUSTERING",
                "consumeFromWhere": "CONSUME_FROM_FIRST_OFFSET", "unitMode": False, "subscriptionDataSet": [
                    {"topic": "orders", "subString": "*", "expressionType": "TAG", "subVersion": 1}]}]}
            self.assertEqual(0, client.request(34, {}, body=json.dumps(heartbeat).encode()).code)
            wait_until(lambda: self.ctl("topicRoute", "-t", "%RETRY%billing").returncode == OK, 30, "the retry topic")
            for queue_id in range(4):
                client.request(15, {"consumerGroup": "billing", "topic": "orders", "queueId": str(queue_id),
                                    "commitOffset": "0"})
            for arguments in ([], ["-b", self.broker]):
                consumers = self.ask("consumerConnection", "-g", "billing", *arguments)
                self.assertEqual(["10.0.0.3@1"], [one["clientId"] for one in consumers["connections"]])
                self.assertEqual("CLUSTERING", consumers["messageModel"])
                self.assertEqual(["orders"], [one["topic"] for one in consumers["subscriptions"]])
            producers = self.ask("producerConnection", "-g", "shop", "-t", "orders")
            self.assertEqual(["10.0.0.3@1"], [one["clientId"] for one in producers["connections"]])
            self.assertEqual(["shop"], [one["group"] for one in self.ask("producer", "-b", self.broker)["producers"]])
        wait_until(lambda: self.ctl("consumerConnection", "-g", "billing").returncode == REFUSED, 30, "its departure")
        self.assertEqual(NOT_ONLINE, self.refused("consumerStatus", "-g", "nobody")[0])
        done = self.ask("skipAccumulatedMessage", *reset)
        self.assertEqual([0, 1, 2, 3], [one["queueId"] for one in done["queues"]])
        self.assertEqual((False, 4), (done["offline"], sum(one["offset"] for one in done["queues"])))
        self.assertEqual(0, self.ask("consumerProgress", "-g", "billing", "-t", "orders")["diffTotal"])
        done = self.ask("resetOffsetByTime", *reset, "-s", "2020-01-01#00:00:00:000")
        self.assertEqual([0, 0, 0, 0], [one["offset"] for one in done["queues"]])
        self.assertEqual(4, self.ask("consumerProgress", "-g", "billing", "-t", "orders")["diffTotal"])
        self.assertIn(("billing", 0), [(one["group"], one["count"]) for one in self.ask("consumerProgress")["groups"]])
        self.ask("cloneGroupOffset", "-s", "billing", "-d", "other", "-t", "orders", "-o", "true")
        self.assertEqual(4, self.ask("consumerProgress", "-g", "other")["diffTotal"])
        self.assertEqual(GROUP_NOT_EXIST, self.refused("resetOffsetByTime", "-g", "never", "-t", "orders", "-s", "now")[0])
        message = self.lines("printMsg", "-t", "orders")[0]["offsetMsgId"]
        tracks = {one["group"]: one["trackType"] for one in self.ask("queryMsgById", "-i", message)["tracks"]}
        self.assertEqual({"billing": "NOT_ONLINE", "other": "NOT_ONLINE"}, tracks)
        self.assertEqual(SYSTEM_ERROR, self.refused("queryMsgById", "-i", message, "-g", "billing", "-d", "nobody")[0])

    def brokers_and_statistics(self):
        brokers = self.ask("clusterList")["brokers"]
        self.assertEqual([("broker-a", 0, self.broker, "")], [(one["brokerName"], one["brokerId"], one["address"],
                                                               one["problem"]) for one in brokers])
        self.assertIsInstance(self.ask("clusterList", "-m")["brokers"][0]["inToday"], int)
        ha = self.ask("haStatus", "-b", self.broker)
        self.assertEqual((self.broker, 0, []), (ha["masterAddr"], ha["inSyncSlaveNums"], ha["replicas"]))
        for order in ("promote", "resync"):  # with slaves: replication_test.py
            self.assertIn("is a master", self.refused(order, "-b", self.broker)[1])
        accounts = self.folder / "plain_acl.yml"
        accounts.write_text("accounts: [{accessKey: operator, secretKey: 'a-long-secret', admin: true}]\n", encoding="utf-8")
        self.assertIn("operator", json.dumps(self.ask("aclCheck", "-f", accounts)))
        status = {one["key"]: one["value"] for one in self.ask("brokerStatus", "-b", self.broker)["status"]}
        self.assertIn("brokerVersionDesc", status)
        config = {one["key"]: one["value"] for one in self.ask("getBrokerConfig", "-c", CLUSTER)["config"]}
        self.assertEqual("broker-a", config["brokerName"])
        queues = self.ask("topicStatus", "-t", "orders")["queues"]
        self.assertEqual([4, 4], [len(queues), sum(one["maxOffset"] for one in queues)])
        self.assertEqual(queues, self.ask("topicStatus", "-t", "orders", "-b", self.broker)["queues"])
        flows = self.ask("statsAll", "-t", "orders")["topics"]  # rates are sampled every 10 s: not looked at
        self.assertEqual([("billing", 4), ("other", 4)], [(one["group"], one["accumulation"]) for one in flows])
        self.assertEqual(["-"], [one["group"] or "-" for one in self.ask("statsAll", "-t", "ordered")["topics"]])
        self.assertIsInstance(self.ask("brokerConsumeStats", "-b", self.broker)["queues"], list)
        entries = self.ask("queryCq", "-t", "orders", "-q", 3, "-i", 0)
        self.assertEqual(entries["maxQueueIndex"], len(entries["queueData"]))
        self.assertEqual([], self.ask("queryCq", "-t", "orders", "-q", 3, "-i", 99, code=REFUSED)["queueData"])
        for subcommand, arguments in (("cleanExpiredCQ", []), ("cleanUnusedTopic", ["-c", CLUSTER]),
                                      ("deleteExpiredCommitLog", ["-b", self.broker])):
            self.assertEqual([True], [one["ok"] for one in self.ask(subcommand, *arguments)["servers"]])
        refusal = self.ask("updateBrokerConfig", "-b", self.broker, "-k", "storePathRootDir", "-v", "/x", code=REFUSED)
        self.assertIn("NO_PERMISSION", refusal["servers"][0]["problem"])

    def name_servers(self):
        self.ask("updateKvConfig", "-s", "N", "-k", "key", "-v", "value")
        self.ask("deleteKvConfig", "-s", "N", "-k", "key")
        self.assertLess(0, self.ask("wipeWritePerm", "-b", "broker-a")["servers"][0]["topics"])
        self.assertEqual(4, self.ask("topicRoute", "-t", "orders")["queueDatas"][0]["perm"])
        self.assertLess(0, self.ask("addWritePerm", "-b", "broker-a")["servers"][0]["topics"])
        self.assertEqual(0, self.ask("addWritePerm", "-b", "broker-z", code=REFUSED)["servers"][0]["topics"])
        self.assertIsInstance(self.ask("getNamesrvConfig")["config"], list)
        done = self.ctl("updateNamesrvConfig", "-k", "kvConfigPath", "-v", "/x", "--json")
        self.assertEqual(REFUSED, done.returncode)
        self.assertFalse(json.loads(done.stdout)["servers"][0]["ok"])

    def deletions(self):
        self.ask("deleteSubGroup", "-g", "billing", "-c", CLUSTER, "-r", "true")
        self.assertEqual([], self.ask("getConsumerConfig", "-g", "billing", code=REFUSED)["brokers"])
        deleted = self.ask("deleteTopic", "-t", "orders", "-c", CLUSTER)
        self.assertEqual([self.broker, self.namesrv], [one["address"] for one in deleted["servers"]])
        self.assertNotIn("orders", {one["topic"] for one in self.ask("topicList")["topics"]})

    def test_wrong_usage_says_what_is_wrong_and_ends_with_2(self):
        def complaint(*arguments):
            done = self.run_program("cometctl", *arguments, check=False)
            self.assertEqual((WRONG_USAGE, ""), (done.returncode, done.stdout), arguments)
            return done.stderr

        self.assertIn("did you mean topicRoute?", complaint("topicRout", "-t", "x"))
        self.assertIn("-t (--topic) is missing", complaint("topicRoute"))
        self.assertIn("is no number", complaint("updateTopic", "-t", "x", "-b", "127.0.0.1:1", "-r", "many"))
        self.assertIn("is missing", complaint("updateTopic", "-t", "x"))
        self.assertIn("host:port", complaint("brokerStatus", "-b", "nowhere"))
        self.assertIn("--namesrvAddr", complaint("topicList", "-n", "nowhere"))
        self.assertIn("unrecognised", complaint("topicList", "--colour"))
        self.assertIn("secret key", complaint("topicList", "-n", "127.0.0.1:1", "--accessKey", "a"))
        self.assertIn("usage", complaint())
        self.assertIn("bash", complaint("completion", "fish"))
        problem = json.loads(complaint("topicRoute", "--json"))
        self.assertEqual(WRONG_USAGE, problem["exitCode"])
        without = {"PATH": "/usr/bin"}
        done = self.run_program("cometctl", "topicList", check=False, env=without)
        self.assertEqual(WRONG_USAGE, done.returncode)
        self.assertIn("NAMESRV_ADDR", done.stderr)

    def test_a_server_that_is_away_ends_with_3_and_its_address(self):
        for arguments in (["topicList", "-n", "127.0.0.1:1"], ["brokerStatus", "-b", "127.0.0.1:1"],
                          ["sendMessage", "-n", "127.0.0.1:1", "-t", "x", "-p", "y"]):
            done = self.run_program("cometctl", *arguments, check=False)
            self.assertEqual(UNREACHABLE, done.returncode, done.stderr)
            self.assertIn("127.0.0.1:1", done.stderr)
            self.assertEqual(1, len(done.stderr.splitlines()))

    def test_help_and_completion_come_from_the_same_table_as_the_document(self):
        reference = self.run_program("cometctl", "help", "--markdown").stdout
        document = (ROOT / "docs/cometctl.md").read_text("utf-8")
        self.assertEqual(reference.strip(), document.split("<!-- generated: cometctl help --markdown -->\n")[1].strip(),
                         "docs/cometctl.md is not what cometctl help --markdown prints")
        for name in re.findall(r"^#### (\w+)$", reference, re.M):
            self.assertIn(f"usage: cometctl {name}", self.run_program("cometctl", "help", name).stdout)
        script = self.run_program("cometctl", "completion", "bash").stdout
        complete = script + '\nCOMP_WORDS=(cometctl queryMsgByK); COMP_CWORD=1; _cometctl; echo "${COMPREPLY[@]}"\n' \
            'COMP_WORDS=(cometctl queryMsgByKey --m); COMP_CWORD=2; _cometctl; echo "${COMPREPLY[@]}"\n'
        done = subprocess.run(["bash", "-c", complete], capture_output=True, text=True, check=True, timeout=60)
        self.assertEqual(["queryMsgByKey", "--msgKey --maxNum"], done.stdout.splitlines())

    def test_it_speaks_tls_and_checks_the_servers(self):
        authority = Authority(self.folder)
        authority.issue("server", "broker.example")
        keys = {**authority.server_keys(), "tls.server.mode": "enforcing"}
        namesrv = self.start_namesrv(**keys)
        arguments = ["getNamesrvConfig", "-n", namesrv.address]
        trusting = [*arguments, "--tlsTrustCert", authority.certificate, "--json"]
        config = json.loads(self.run_program("cometctl", *trusting).stdout)["config"]
        self.assertIn("listenPort", {one["key"] for one in config})
        self.assertEqual(0, self.run_program("cometctl", *arguments, "--tls", "--tlsAnyServer").returncode)
        for wrong in ([], ["--tls"]):  # plain; with the authorities of the system alone
            done = self.run_program("cometctl", *arguments, *wrong, check=False)
            self.assertEqual(UNREACHABLE, done.returncode, done.stderr)

    def test_the_environment_names_the_name_server(self):
        self.start_cluster()
        done = self.run_program("cometctl", "topicList", env={"NAMESRV_ADDR": self.namesrv})
        self.assertIn("TBW102", done.stdout)

    def test_it_answers_in_milliseconds(self):
        self.start_cluster()
        times = []
        for _ in range(20):
            begin = time.monotonic()
            subprocess.run([program("cometctl"), "topicRoute", "-n", self.namesrv, "-t", "TBW102"], check=True,
                           stdout=subprocess.DEVNULL, timeout=60)
            times.append((time.monotonic() - begin) * 1000)
        print(f"cometctl topicRoute: {sorted(times)[10]:.1f} ms median of 20, process start included")


if __name__ == "__main__":
    unittest.main(verbosity=2)
