"""Runs the cases of PyPI's rocketmq-python-client, which speaks gRPC with Apache's proxy, and prints one line a case:
"case", name, seconds, result. A result is "ok", what was seen where servers differ, or "failed: ...". What was sent is
read back from the broker itself.

    python3 peer.py NAMESERVER RUN [CASE...]     (PEERS_PROXY, PEERS_BROKER: addresses)
"""

import concurrent.futures
import os
import pathlib
import sys
import threading
import time

HERE = pathlib.Path(__file__).resolve()
sys.path.insert(0, str(HERE.parents[3] / "support"))
sys.path.append(str(HERE.parents[1]))  # behind the packages: the folder "grpc" there is none of them
sys.modules["grpc_tools"] = None  # not installed, and not needed

from rocketmq import (ClientConfiguration, Credentials, FilterExpression, Message, Producer, SimpleConsumer,  # noqa: E402
                      TransactionChecker, TransactionResolution)

from checks import PATIENCE, Mismatch, check, equal, until  # noqa: E402
from remoting import SUCCESS, Client  # noqa: E402

QUEUES = 4
CASE_SECONDS = 120
AT_A_TIME = 6

one_at_a_time = threading.Lock()  # lines


def numbered(begin, end):
    return sorted(f"body {number}" for number in range(begin, end))


class Committing(TransactionChecker):
    """Commits whatever it is asked for."""

    def __init__(self):
        self.checked = []

    def check(self, message):
        self.checked.append(message.body.decode())
        return TransactionResolution.COMMIT


class World:
    """What one case has: a topic and a group of its own, and clients that are closed after it."""

    def __init__(self, run, name):
        self.topic = f"{run}-grpcpy-{name}"
        self.group = f"g-{self.topic}"
        self.broker = int(os.environ["PEERS_BROKER"].rsplit(":", 1)[1])
        self.clients = []

    def make_topic(self, kind):
        """kind: the type of its messages, an attribute of the topic that the proxy asks the broker for."""
        with Client(self.broker) as client:
            reply = client.request(17, {"topic": self.topic, "defaultTopic": "TBW102", "readQueueNums": QUEUES, "writeQueueNums": QUEUES, "perm": 6,
                                        "topicFilterType": "SINGLE_TAG", "topicSysFlag": 0, "order": "false", "attributes": f"+message.type={kind}"})
            equal(SUCCESS, reply.code, "code for a new topic")

    def configuration(self):
        return ClientConfiguration(os.environ["PEERS_PROXY"], Credentials(), request_timeout=10)

    def producer(self, topics=True, checker=None):
        producer = Producer(self.configuration(), (self.topic,) if topics else None, checker=checker)
        producer.startup()
        self.clients.append(producer)
        return producer

    def message(self, number, body=None, **more):
        message = Message()
        message.topic = self.topic
        message.body = body or f"body {number}".encode()
        message.tag = f"tag{number % 2}"
        message.keys = f"key{number}"
        message.add_property("colour", "gr\u00fcn")
        for name, value in more.items():
            setattr(message, name, value)
        return message

    def stored(self):
        with Client(self.broker) as client:
            return [one for queue in range(QUEUES) for one in client.read_queue(self.topic, queue)]

    def bodies(self):
        return sorted(one.body.decode() for one in self.stored())

    def close(self):
        for client in self.clients:
            try:
                client.shutdown()
            except Exception as error:  # pylint: disable=broad-except
                print("at the end of", self.topic, error, file=sys.stderr)


def told(error):
    """An error as its words, without what differs from run to run."""
    return " ".join(str(error).split(", request")[0].split())


def send_sync(world):
    world.make_topic("NORMAL")
    producer = world.producer()
    ids = [producer.send(world.message(number)).message_id for number in range(20)]
    equal(numbered(0, 20), world.bodies(), "bodies")
    first = next(one for one in world.stored() if one.body == b"body 0")
    equal(["tag0", "key0", "gr\u00fcn", ids[0]], [first.properties[name] for name in ("TAGS", "KEYS", "colour", "UNIQ_KEY")], "properties")


def send_async(world):
    world.make_topic("NORMAL")
    producer = world.producer()
    for future in [producer.send_async(world.message(number)) for number in range(50)]:
        future.result(PATIENCE)
    equal(numbered(0, 50), world.bodies(), "bodies")


def send_large(world):
    world.make_topic("NORMAL")
    body = "".join(f"line {number}\n" for number in range(4000)).encode()
    world.producer().send(world.message(0, body))
    check(world.stored()[0].body == body, "the body differs")


def send_ordered(world):
    world.make_topic("FIFO")
    producer = world.producer()
    for number in range(10):
        producer.send(world.message(number, message_group="one"))
    stored = world.stored()
    equal(numbered(0, 10), [one.body.decode() for one in stored], "bodies")
    equal(1, len({one.queue_id for one in stored}), "queues")


def send_wrong_type(world):
    world.make_topic("NORMAL")
    try:
        world.producer().send(world.message(0, delivery_timestamp=int(time.time()) + 3))
    except Exception as error:  # pylint: disable=broad-except
        return told(error).split(",")[0]
    return "accepted"


def send_to_unknown_topic(world):
    try:
        world.producer(topics=False).send(world.message(0))
    except Exception as error:  # pylint: disable=broad-except
        return f"refused: {told(error).replace(world.topic, 'TOPIC')}"
    return "accepted"


def timer_delay(world):
    world.make_topic("DELAY")
    world.producer().send(world.message(0, delivery_timestamp=int(time.time()) + 3))
    equal([], world.bodies(), "at once")
    until(world.bodies, "the message")
    one = world.stored()[0]
    waited = one.store_timestamp - one.born_timestamp
    check(1_500 <= waited < 8_000, f"delivered after {waited} ms instead of 3 s")


def timer_recall(world):
    world.make_topic("DELAY")
    producer = world.producer()
    receipt = producer.send(world.message(0, delivery_timestamp=int(time.time()) + 6))
    check(receipt.recall_handle, "no recall handle")
    producer.send(world.message(1, delivery_timestamp=int(time.time()) + 8))
    equal(receipt.message_id, producer.recall_message(world.topic, receipt.recall_handle), "id of what was recalled")
    until(world.bodies, "the message")
    equal(["body 1"], world.bodies(), "delivered")


def half_sent(world):
    """A transaction with a half message, and its checker."""
    world.make_topic("TRANSACTION")
    checker = Committing()
    producer = world.producer(checker=checker)
    transaction = producer.begin_transaction()
    receipt = producer.send(world.message(0), transaction)
    check(receipt.transaction_id, "no transaction id")
    equal([], world.bodies(), "before the end")
    return transaction, checker


def transaction_commit(world):
    half_sent(world)[0].commit()
    until(world.bodies, "the message")
    equal(["body 0"], world.bodies(), "after the commit")


def transaction_rollback(world):
    transaction, checker = half_sent(world)
    transaction.rollback()
    time.sleep(6)
    equal(([], []), (world.bodies(), checker.checked), "after the rollback")


def transaction_check_back(world):
    _, checker = half_sent(world)
    until(world.bodies, "the message")
    equal(["body 0"], checker.checked, "checked")


def receive(world):
    world.make_topic("NORMAL")
    producer = world.producer()
    for number in range(4):
        producer.send(world.message(number))
    consumer = SimpleConsumer(world.configuration(), world.group, {world.topic: FilterExpression()}, await_duration=5)
    consumer.startup()
    world.clients.append(consumer)
    bodies = []
    deadline = time.monotonic() + PATIENCE
    while len(bodies) < 4 and time.monotonic() < deadline:
        try:
            messages = consumer.receive(4, 30)
        except Exception as error:  # pylint: disable=broad-except
            if '"settings" is null' in str(error):  # the proxy has not yet got them: they come by another call of the client
                time.sleep(0.2)
                continue
            return f"refused: {told(error)}"
        for message in messages or []:
            bodies.append(message.body.decode())
            consumer.ack(message)
    equal(numbered(0, 4), sorted(bodies), "received")


CASES = [  # the long ones first
    receive, timer_recall, transaction_check_back, transaction_rollback, timer_delay, transaction_commit, send_sync, send_async, send_large,
    send_ordered, send_wrong_type, send_to_unknown_topic,
]


def run_case(case, run):
    started = time.monotonic()
    world = World(run, case.__name__)
    try:
        result = case(world) or "ok"
    except Mismatch as error:
        result = f"failed: {error}"
    except Exception as error:  # pylint: disable=broad-except
        result = f"failed: {type(error).__name__}: {error}"
    with one_at_a_time:
        print(f"case\t{case.__name__}\t{time.monotonic() - started:.1f}\t{' '.join(result.split())}", flush=True)
    world.close()


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    cases = [one for one in CASES if not sys.argv[3:] or one.__name__ in sys.argv[3:]]
    pool = concurrent.futures.ThreadPoolExecutor(AT_A_TIME)
    running = {pool.submit(run_case, case, sys.argv[2]): case.__name__ for case in cases}
    done, late = concurrent.futures.wait(running, timeout=3 * CASE_SECONDS)
    for one in late:
        print(f"case\t{running[one]}\t-\tfailed: no end within {3 * CASE_SECONDS} s", flush=True)
    print(f"end\t{len(done) + len(late)} cases", flush=True)
    os._exit(0)  # clients' threads do not end by themselves


main()
