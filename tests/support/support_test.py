#!/usr/bin/env python3
"""The helpers of the process tests against bytes recorded from Apache RocketMQ 4.9.8."""

import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from daemons import ADDRESS, real_lines  # noqa: E402
from remoting import decode_binary_header, frame, records  # noqa: E402

RECORD = bytes.fromhex(
    "00000072 daa320a7 3610a686 00000003 00000007 000000000000000b 00000000499602d2 00000000"
    "00000174876e8000 7f000001 00002a9f 00000174876e807b c0a80102 00002a9f 00000002 0000000000000000"
    "00000005 68656c6c6f 09 546f70696354657374 0009 54414753 01 54616741")
BINARY_REPLY = bytes.fromhex("0000 00 0199 0000004d 00000001 00000000 0000000d 00066f6666736574 00000001 38")


class Support(unittest.TestCase):
    def test_a_recorded_message_is_decoded(self):
        first, second = records(RECORD + RECORD)
        self.assertEqual(b"hello", first.body)
        self.assertEqual(("TopicTest", 3, 7, 11), (first.topic, first.queue_id, first.flag, first.queue_offset))
        self.assertEqual((1234567890, 1600000000000, 1600000000123),
                         (first.physical_offset, first.born_timestamp, first.store_timestamp))
        self.assertEqual({"TAGS": "TagA"}, first.properties)
        self.assertTrue(first.crc_ok)
        self.assertEqual(b"hello", second.body)

    def test_an_altered_body_is_noticed(self):
        altered = bytearray(RECORD)
        altered[altered.index(b"hello")] ^= 1
        self.assertFalse(next(records(bytes(altered))).crc_ok)

    def test_a_cut_record_is_an_error(self):
        with self.assertRaises(AssertionError):
            list(records(RECORD[:-1]))

    def test_a_recorded_binary_header_is_decoded(self):
        header = decode_binary_header(BINARY_REPLY)
        self.assertEqual((0, 77, 1, {"offset": "8"}),
                         (header["code"], header["opaque"], header["flag"], header["extFields"]))

    def test_a_frame_has_its_lengths_in_front(self):
        data = frame(105, {"topic": "t"}, b"body")
        self.assertEqual(len(data) - 4, int.from_bytes(data[:4], "big"))
        self.assertEqual(len(data) - 12, int.from_bytes(data[4:8], "big"))

    def test_addresses_are_found_in_a_ready_line(self):
        self.assertEqual([("127.0.0.1", "9876"), ("127.0.0.1", "10911")],
                         ADDRESS.findall("comet-standalone ready on 127.0.0.1:9876, broker 127.0.0.1:10911"))

    def test_real_lines_are_many_different_and_not_only_ascii(self):
        lines = real_lines(10000)
        self.assertEqual(10000, len(lines))
        self.assertEqual(len(lines), len(set(lines)))
        self.assertTrue(any(not line.isascii() for line in lines))
        self.assertFalse(any("\n" in line for line in lines))


if __name__ == "__main__":
    unittest.main()
