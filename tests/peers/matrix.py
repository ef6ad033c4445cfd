"""The table of what each case of each peer gives with each server, as it is committed.

matrix.tsv: a line a case: peer, case, one result for each server ("-": not run), and the reason where ours
differs from Apache's latest. A line without a reason says by that that there is no difference.
"""

SERVERS = ["comet", "apache-4.9.7", "apache-5.5.0"]
HEADER = ["peer", "case", *SERVERS, "reason"]


class Table:
    def __init__(self, rows):
        self.rows = rows  # {(peer, case): [result..., reason]}

    @staticmethod
    def read(path):
        rows = {}
        if path.exists():
            for line in path.read_text("utf-8").splitlines():
                if not line or line.startswith("#") or line.split("\t")[0] == "peer":
                    continue
                peer, case, *rest = line.split("\t")
                rows[(peer, case)] = (rest + [""] * 4)[:4]
        return Table(rows)

    def write(self, path):
        lines = ["# Made by tests/peers/run.py --record; reasons are written by hand.", "\t".join(HEADER)]
        lines += ["\t".join([*key, *row]).rstrip("\t") for key, row in sorted(self.rows.items())]
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")

    def record(self, seen):
        for (peer, case, server), result in seen.items():
            row = self.rows.setdefault((peer, case), ["-", "-", "-", ""])
            row[SERVERS.index(server)] = result

    def wanted(self, peer, case, server):
        return self.rows.get((peer, case), ["-", "-", "-", ""])[SERVERS.index(server)]

    def differences(self, seen, complete):
        """Cells that are not as committed, cases that are missing, and differences from Apache without a reason."""
        problems = []
        for (peer, case, server), result in sorted(seen.items()):
            wanted = self.wanted(peer, case, server)
            if result != wanted:
                problems.append(f"{peer}, {case}, {server}: {result!r}, not {wanted!r}")
        ran = {(peer, server) for peer, _, server in seen}
        if complete:
            for (peer, case), row in sorted(self.rows.items()):
                for server, wanted in zip(SERVERS, row):
                    if (peer, server) in ran and wanted != "-" and (peer, case, server) not in seen:
                        problems.append(f"{peer}, {case}, {server}: did not run")
        for (peer, case), row in sorted(self.rows.items()):
            if self.differs(row) and not row[3]:
                problems.append(f"{peer}, {case}: ours ({row[0]}) differs from Apache's ({row[1]}; {row[2]}) and matrix.tsv gives no reason")
        return problems

    @staticmethod
    def differs(row):
        """True if ours does what neither of Apache's versions does, or fails."""
        return row[0] != "-" and (row[0].startswith("failed") or row[0] not in (row[1], row[2])) and row[1:3] != ["-", "-"]


def write_page(table, path):
    """Puts the table into the page."""
    peers = {}
    for (peer, case), row in sorted(table.rows.items()):
        peers.setdefault(peer, []).append((case, row))
    lines = []
    for peer, cases in peers.items():
        counts = ", ".join(f"{server} {sum(row[i] not in ('-', '') and not row[i].startswith('failed') for _, row in cases)}"
                           for i, server in enumerate(SERVERS))
        same = sum(not Table.differs(row) for _, row in cases)
        lines += [f"### {peer}", "", f"{len(cases)} cases; passed: {counts}; {same} are as one of Apache's.", ""]
        lines += ["| Case | CometMQ | Apache 4.9.7 | Apache 5.5.0 | Why ours differs |", "|---|---|---|---|---|"]
        lines += [f"| {case} | {cell(row[0])} | {cell(row[1])} | {cell(row[2])} | {row[3]} |" for case, row in cases]
        lines.append("")
    replace_part(path, "peers", lines[:-1])


def replace_part(path, name, lines):
    """Puts lines between the marks of that name in the page, and an empty one on each side."""
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    text = path.read_text("utf-8")
    if begin not in text or end not in text:
        raise SystemExit(f"{path}: the marks {begin} and {end} are missing")
    before, after = text.split(begin)[0], text.split(end)[1]
    path.write_text("\n".join([before + begin, "", *lines, "", end + after]), encoding="utf-8")


def cell(result):
    return result.replace("|", "\\|")
