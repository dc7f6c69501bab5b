#!/usr/bin/env python3
"""For scripts/fuzz --coverage: reads what llvm-cov exports, prints it a line a file.

fuzz_coverage.py ROOT summary   of its JSON: the branches of each file that were taken, and all of them together
fuzz_coverage.py ROOT missing   of its lcov: where a branch never went one of its two ways. A template counts once: its
                                branch is taken where any instantiation took it.
"""
import collections
import json
import pathlib
import sys


def short(name, root):
    return str(pathlib.Path(name).relative_to(root)) if name.startswith(root) else name


def summary(root):
    files = json.load(sys.stdin)["data"][0]["files"]
    rows = [(short(f["filename"], root), f["summary"]["branches"]) for f in files]
    taken = sum(b["covered"] for _, b in rows)
    count = sum(b["count"] for _, b in rows)
    for name, branches in sorted(rows):
        part = 100 * branches["covered"] / branches["count"] if branches["count"] else 100
        print(f"{name:52} {branches['covered']:5} of {branches['count']:5}  {part:5.1f} %")
    print(f"{'all':52} {taken:5} of {count:5}  {100 * taken / max(count, 1):5.1f} %")


def missing(root):
    taken = collections.defaultdict(int)
    name = ""
    for line in sys.stdin:
        if line.startswith("SF:"):
            name = short(line[3:].strip(), root)
        elif line.startswith("BRDA:"):
            number, block, branch, count = line[5:].strip().split(",")
            taken[(name, int(number), block, branch)] += 0 if count == "-" else int(count)
    lines = collections.defaultdict(set)
    for (file, number, _, _), count in taken.items():
        if count == 0:
            lines[file].add(number)
    for file in sorted(lines):
        print(f"{file}: lines {', '.join(map(str, sorted(lines[file])))}")


{"summary": summary, "missing": missing}[sys.argv[2]](sys.argv[1])
