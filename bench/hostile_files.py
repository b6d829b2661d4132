#!/usr/bin/env python3
"""What do the hostile and the ordinary files of the manifest cost: seconds and memory, one program for each?

    bench/hostile_files.py PROGRAM DATA [ROWS]

  PROGRAM  the built `intramuros`
  DATA     a folder with documents/ and documents-manifest.tsv
  ROWS     how many rows of the table are printed; all when not given

Runs `PROGRAM extract FILE --json` for each file, in an empty folder so that no configuration but the built-in limits holds,
and prints a table sorted by memory: outcome, seconds by the clock, megabytes. The memory is the most that one process held
in RAM at any moment: the larger of the program and its reading worker (the kernel's own count of a child and of whatever
that child waited for), not their sum. Pages of the program's own file count, so that a development build shows more than a
release. OCR is kept out (no PATH, so that no tesseract is found): its processes have limits of their own, for each page.
Ends with 1 when a file took more than 60 s or 512 MiB, when a reader fell or was stopped for its time, or when the program
ended with anything but 0 (read) or 3 (a reason); with 2 when it can't be measured.
"""

import csv
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time

# The limits that `core::document::Limits` promises for one file.
SECONDS = 60
MEGABYTES = 512
# A program that does not end by itself is killed then: its own limit, with time to say so.
KILLED_AFTER = 2 * SECONDS
READ, NOT_READ = 0, 3
TIMEOUT = shutil.which("timeout")
WITHOUT_PATH = {name: value for name, value in os.environ.items() if name != "PATH"}


def measure(program, path, folder):
    """Outcome, exit code, seconds and megabytes of one run."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as errors:
        start = time.monotonic()
        child = subprocess.Popen(
            [TIMEOUT, "--signal=KILL", str(KILLED_AFTER), program, "extract", path, "--json"],
            cwd=folder, env=WITHOUT_PATH, stdin=subprocess.DEVNULL, stdout=out, stderr=errors,
        )
        _, status, used = os.wait4(child.pid, 0)
        seconds = time.monotonic() - start
        child.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        try:
            outcome = json.load(out).get("outcome", "no outcome")
        except ValueError:
            errors.seek(0)
            outcome = "no answer: " + errors.read(200).decode(errors="replace").strip()
    # The kernel counts in KiB.
    return outcome, child.returncode, seconds, used.ru_maxrss / 1024


def fault(outcome, code, seconds, megabytes):
    """What breaks the promise; empty when nothing does."""
    said = []
    if code != (READ if outcome == "read" else NOT_READ):
        said.append(f"ended with {code}")
    if outcome in ("crashed", "time"):
        said.append("no reason of its own")
    if seconds > SECONDS:
        said.append(f"over {SECONDS} s")
    if megabytes > MEGABYTES:
        said.append(f"over {MEGABYTES} MiB")
    return ", ".join(said)


def main():
    if len(sys.argv) not in (3, 4):
        print(__doc__, file=sys.stderr)
        return 2
    program, data = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
    table = os.path.join(data, "documents-manifest.tsv")
    if not TIMEOUT or not os.access(program, os.X_OK) or not os.path.exists(table):
        print(f"{program} is no program, {table} is not here, or `timeout` (coreutils) is missing", file=sys.stderr)
        return 2
    with open(table, encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))
    if not rows:
        print(f"{table} names no file", file=sys.stderr)
        return 2
    measured = []
    with tempfile.TemporaryDirectory() as folder:
        for row in rows:
            figures = measure(program, os.path.join(data, "documents", row["file"]), folder)
            measured.append((row["file"], row["kind"], *figures, fault(*figures)))
    measured.sort(key=lambda line: line[5], reverse=True)
    shown = int(sys.argv[3]) if len(sys.argv) == 4 else len(measured)
    print(f"{'MiB':>6} {'s':>6}  {'kind':9} {'outcome':11} file")
    for file, kind, outcome, _, seconds, megabytes, _ in measured[:shown]:
        print(f"{megabytes:6.0f} {seconds:6.2f}  {kind:9} {outcome:11} {file}")
    wrong = [line for line in measured if line[6]]
    for line in wrong:
        print(f"fault: {line[0]}: {line[6]} (outcome {line[2]}, {line[4]:.1f} s, {line[5]:.0f} MiB)")
    slowest = max(measured, key=lambda line: line[4])
    print(f"{len(measured)} files, {len(wrong)} faults; the slowest took {slowest[4]:.1f} s: {slowest[0]}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
