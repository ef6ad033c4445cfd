#!/usr/bin/env python3
"""Breaks rules of the store and of those who rely on it, one at a time, and shows which test notices first.

Works on a copy of the tree in build/mutations; takes a while. Not part of the test command.

  tests/crash/mutations.py [NAME...]      ends with 0 when every broken rule is noticed
"""

import pathlib
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
COPY = ROOT / "build" / "mutations"
BIN = COPY / "build" / "dev" / "bin"
STORE = "libs/store/src/"

POWER = ["crash_store", "power", "--schedules", "2000", "--seed", "1"]
TRUNCATE = ["crash_store", "truncate", "--step", "97", "--seed", "1"]
FLIP = ["crash_store", "flip", "--flips", "5000", "--seed", "1"]
ROT = ["crash_store", "rot", "--schedules", "2000", "--seed", "1"]
FAIL = ["crash_store", "fail", "--rounds", "1", "--seed", "1"]
UNIT = ["unit_store", "--log_level=error", "--report_level=short"]
CLAIM = ["crash_store", "rot", "--schedules", "1", "--seed", "22003059"]
REPLICATION = "libs/replication/src/"
PAIRS = ["unit_replication", "--log_level=error", "--report_level=short"]
SEEDS = ["replication_seeds", "--seeds", "300"]
SAVING = ["unit_broker", "--run_test=saving", "--log_level=error", "--report_level=short"]

# name: (file, the rule's code, what it becomes, tests that could notice)
MUTATIONS = {
    "acknowledge before the write": (
        STORE + "store_append.cpp",
        'error = judge(log_.write(pieces_, size, finish_segment), "write to the commit log");',
        "(void)log_.write(pieces_, size, finish_segment);",
        [FAIL, POWER, UNIT]),
    "acknowledge before the sync": (
        STORE + "async_store.cpp",
        "if (core_.config().flush == FlushMode::async_flush) return appends;",
        "if (!appends.empty()) return appends;",
        [UNIT]),
    "skip fsync": (
        STORE + "commit_log.cpp",
        "if (error_code error = segment->file_->sync_data()) return error;",
        "",
        [POWER, UNIT]),
    "ignore the CRC": (
        STORE + "recovery.cpp",
        "rules.crc = CheckCrc::yes;",
        "rules.crc = CheckCrc::no;",
        [POWER, TRUNCATE, FLIP, ROT, UNIT]),
    "cut one byte too late": (
        STORE + "commit_log.cpp",
        "segment.file_->resize(from - segment.start())",
        "segment.file_->resize(from + 1 - segment.start())",
        [TRUNCATE, POWER, UNIT]),
    "cut one byte too early": (
        STORE + "commit_log.cpp",
        "segment.file_->resize(from - segment.start())",
        "segment.file_->resize(from - 1 - segment.start())",
        [TRUNCATE, POWER, UNIT]),
    "forget to sync the directory": (
        STORE + "commit_log.cpp",
        "if (error_code error = files_.sync_directory(directory_)) return error;",
        "",
        [POWER, UNIT]),
    "take damage behind the checkpoint for a torn tail": (
        STORE + "log_walk.cpp",
        "    if (goes_on < 0) goes_on = search(next + 1, at);",
        "    if (at >= rules_.known_end) goes_on = -1;\n    else if (goes_on < 0) goes_on = search(next + 1, at);",
        [UNIT, ROT]),
    "cut without zeros": (
        STORE + "commit_log.cpp",
        "    zero_tail(*segments_.back(), end);",
        "",
        [POWER, TRUNCATE, UNIT]),
    "keep no copy of what is cut": (
        STORE + "damaged_copies.cpp",
        "  error_code error = path ? copy(*path, begin, end, read) : path.error();",
        "  error_code error = path && read ? error_code() : path.error();",
        [UNIT]),
    "ignore maxRecordsLostAtStart": (
        STORE + "recovery.cpp",
        "  if (most_lost < 0) return;",
        "  if (most_lost < 1'000'000) return;",
        [UNIT]),
    "give the offset of a damaged record again": (
        STORE + "queue_recovery.cpp",
        "    taken_.skip_remembered();\n    skip_expired();\n    if (report_.unclean) {\n      taken_.skip_where_units_are();\n      taken_.skip_damaged();\n    }\n",
        "",
        [UNIT, ROT]),
    "forget which damage is known": (
        STORE + "recovery.cpp",
        "  log.note_damage(still_damaged(log, last_life.known_damage));",
        "  log.note_damage(still_damaged(log, {}));",
        [ROT, UNIT]),
    "wipe a queue before it is written anew": (
        STORE + "consume_queue_start.cpp",
        "  must_wipe_ = must_wipe_ || wipe || has_unit(queue_offset);\n",
        "  if (wipe && queue_offset * QueueUnit::kSize < end_of_files_) zero_tail(queue_offset);\n",
        [UNIT, ROT]),
    "forget what a queue's files say that cannot be continued": (
        STORE + "consume_queue_start.cpp",
        "      aside_[start] = start % QueueUnit::kSize == 0 ? whole_units(entry.size) : 0;",
        "      aside_[start] = 0;",
        [UNIT]),
    "let a claim that may be in order save what is in front of it": (
        STORE + "queue_recovery.cpp",
        "      if (is_misfit && misfit_ < 0) misfit_ = record.physical_offset;",
        "      misfit_ = is_misfit && misfit_ < 0 ? record.physical_offset : -1;",
        [UNIT]),
    "believe each record's queue id": (
        STORE + "queue_recovery.cpp",
        "    return !contradicts(log_, queues_, record) && !is_of_another_queue(record, queue);",
        "    return !contradicts(log_, queues_, record);",
        [UNIT]),
    "believe each record's queue offset": (
        STORE + "queue_recovery.cpp",
        "    if (unit && unit->physical_offset == record.physical_offset) return true;",
        "    if (unit || record.total_size > 0) return true;",
        [CLAIM]),
    "SEND_OK before the topic is saved": (
        "libs/broker/src/tables/topic_table.cpp",
        "    if (!unsaved_.contains(topic)) return false;",
        "    if (!topic.empty() || !unsaved_.contains(topic)) return false;",
        [SAVING]),
    "read what a cut file does not have as zeros": (
        STORE + "file.cpp",
        "    if (*n == 0) return make_error_code(StoreErrc::short_file);",
        "    if (*n == 0) return {};",
        [UNIT]),
    "report to an Apache master before the flush": (
        REPLICATION + "apache_follow.cpp",
        "    const std::int64_t durable = log.durable_end();",
        "    const std::int64_t durable = log.end();",
        [PAIRS]),
    "confirm before the flush": (
        REPLICATION + "comet_follow.cpp",
        "    const std::int64_t durable = log.durable_end();",
        "    const std::int64_t durable = log.end();",
        [SEEDS, PAIRS]),
    "answer before the master's own flush": (
        REPLICATION + "in_sync_impl.cpp",
        "  std::int64_t end = log.durable_end();",
        "  std::int64_t end = log.end();",
        [SEEDS, PAIRS]),
    "skip the offset check": (
        REPLICATION + "apache_follow.cpp",
        "  if (!is_empty && head.offset != next_) {",
        "  if (!is_empty && head.offset < 0) {",
        [PAIRS]),
    "report more than the Apache master has": (
        REPLICATION + "apache_follow.cpp",
        "  if (log.end() > master_end) {",
        "  if (master_end < 0) {",
        [PAIRS]),
    "count a vanished replica": (
        REPLICATION + "in_sync_impl.cpp",
        "  return peer.info.flushed || config.count_unflushed_reports;",
        "  return peer.info.flushed || !peer.info.flushed;",
        [PAIRS]),
    "take equal epochs for equal logs": (
        REPLICATION + "epochs.cpp",
        "  while (!(ours.at(i) == theirs.at(j))) {",
        "  while (ours.at(i).epoch != theirs.at(j).epoch) {",
        [PAIRS]),
    "cut by length": (
        REPLICATION + "epochs.cpp",
        "  splice.offset = std::min(ours.end_of(i), theirs.end_of(j));",
        "  splice.offset = std::min(replica.end, master.end);",
        [SEEDS, PAIRS]),
    "skip the record in front of the splice": (
        REPLICATION + "comet_follow.cpp",
        "  const bool same = ours && welcome.record ? *ours == *welcome.record : is_proven;",
        "  const bool same = ours || is_proven;",
        [PAIRS]),
    "forget the promise": (
        REPLICATION + "comet_follow.cpp",
        "  if (welcome.epoch < history.promised()) {",
        "  if (welcome.epoch < 0) {",
        [PAIRS]),
    "let a replica join below what is confirmed": (
        REPLICATION + "in_sync_impl.cpp",
        "    if (peer != peers.end() && peer->second.confirmed >= enough) to.insert(id);",
        "    if (peer != peers.end() && enough >= 0) to.insert(id);",
        [SEEDS, PAIRS]),
    "do not count who joins": (
        REPLICATION + "in_sync_impl.cpp",
        "  if (asked) ids.insert(asked->begin(), asked->end());",
        "",
        [PAIRS]),
    "let the smaller set count when it is asked for": (
        REPLICATION + "in_sync_impl.cpp",
        "  std::set<MemberId> ids = members;",
        "  std::set<MemberId> ids = asked ? *asked : members;",
        [PAIRS, SEEDS]),
    "let a member that is gone stay": (
        REPLICATION + "in_sync_impl.cpp",
        "    return now - peer.gone >= config.member_gone ? \"its connection is gone\" : nullptr;",
        "    return nullptr;",
        [PAIRS]),
    "answer 0 when deposed": (
        REPLICATION + "in_sync_impl.cpp",
        "  if (!coordinator.is_master()) {",
        "  if (config.in_sync_replicas < 0) {",
        [PAIRS]),
}


def run(command, **options):
    return subprocess.run(command, cwd=COPY, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          check=False, **options)


def copy_tree():
    names = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, check=True,
                           stdout=subprocess.PIPE, text=True).stdout.split("\n")
    for name in filter(None, names):
        source, target = ROOT / name, COPY / name
        if not source.is_file():
            continue
        if target.exists() and target.read_bytes() == source.read_bytes():
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, target)


def programs_of(names):
    return sorted({test[0] for name in names for test in MUTATIONS[name][3]})


def build(programs):
    result = run(["cmake", "--build", "--preset", "dev", "--target", *programs])
    if result.returncode != 0:
        sys.exit(result.stdout[-3000:])


def first_line(text, *words):
    lines = [line for line in text.splitlines() if any(word in line for word in words)]
    return lines[0].strip() if lines else "it ended by a signal"


def what_it_says(test):
    """Of a test that fails; None when it passes."""
    label = " ".join(test[:2] if test[0] == "crash_store" else test[:1])
    try:
        result = run([str(BIN / test[0])] + test[1:], timeout=300)
    except subprocess.TimeoutExpired:
        return f"noticed by {label}, which waits for ever"
    if result.returncode == 0:
        return None
    return f"noticed by {label}: {first_line(result.stdout, 'BROKEN', 'error:')[-160:]}"


def try_mutation(name):
    path, before, after, tests = MUTATIONS[name]
    file = COPY / path
    source = file.read_text("utf-8")
    if source.count(before) != 1:
        sys.exit(f"{name}: {path} has its code {source.count(before)} times")
    file.write_text(source.replace(before, after), "utf-8")
    noticed = None
    try:
        build(programs_of([name]))
        for test in tests:
            noticed = what_it_says(test)
            if noticed:
                break
    finally:
        file.write_text(source, "utf-8")
    print(f"{name}: {noticed or 'NOT NOTICED'}", flush=True)
    return bool(noticed)


def main():
    names = sys.argv[1:] or list(MUTATIONS)
    copy_tree()
    configured = run(["cmake", "--preset", "dev"])
    if configured.returncode != 0:
        sys.exit(configured.stdout[-3000:])
    build(programs_of(names))
    for test in {" ".join(test): test for name in names for test in MUTATIONS[name][3]}.values():
        failed = what_it_says(test)
        if failed:
            sys.exit(f"without any mutation: {failed}")
    missed = [name for name in names if not try_mutation(name)]
    build(programs_of(names))
    print(f"{len(names)} rules broken, {len(names) - len(missed)} noticed")
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
