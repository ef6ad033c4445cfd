"""Sends numbered messages with PyPI's `rocketmq` and consumes them with a group, whatever happens to the servers, and
prints a line for each message that was acknowledged ("sent"), whose send failed ("failed") or that came ("got"): word,
TAB, number, TAB, milliseconds since 1970, and the reason of a failure.

    python3 load.py NAMESERVER TOPIC GROUP SENDERS PAUSE_MILLIS

A line on the standard input ends the sending ("stopped"), the input's end everything.
"""

import itertools
import os
import sys
import threading
import time

from rocketmq.client import Message, Producer, PushConsumer

nameserver, topic, group, senders, pause = sys.argv[1:]
lock = threading.Lock()
out = os.fdopen(os.dup(1), "w", encoding="utf-8", errors="replace")
numbers = itertools.count()
stopped = threading.Event()


def say(what, number="", reason=""):
    line = f"{what}\t{number}\t{time.time() * 1000:.0f}\t{' '.join(str(reason).split())}\n" if number != "" else f"{what}\n"
    with lock:
        out.write(line)
        out.flush()


def send(producer):
    while not stopped.is_set():
        number = next(numbers)
        message = Message(topic)
        message.set_body(str(number))
        try:
            status = int(producer.send_sync(message).status)
        except Exception as error:  # pylint: disable=broad-except
            say("failed", number, f"{type(error).__name__} {error}")
            time.sleep(0.02)
            continue
        say("failed" if status else "sent", number, status)
        time.sleep(int(pause) / 1000)


def main():
    producer = Producer(f"p-{group}")
    producer.set_namesrv_addr(nameserver)
    producer.start()
    consumer = PushConsumer(group)
    consumer.set_namesrv_addr(nameserver)
    consumer.set_instance_name("receiver")  # with connections of its own
    consumer.set_thread_count(2)
    consumer.subscribe(topic, lambda one: say("got", one.body.decode("utf-8", "replace")))
    consumer.start()
    threads = [threading.Thread(target=send, args=(producer,)) for _ in range(int(senders))]
    for thread in threads:
        thread.start()
    if sys.stdin.readline():
        stopped.set()
        for thread in threads:
            thread.join()
        say("stopped")
        sys.stdin.read()
    os._exit(0)  # the client's threads do not end by themselves


main()
