#!/usr/bin/env python3
"""What does the seal cost at the start, and on questions?

    bench/seal_cost.py PROGRAM [QUESTIONS] [STARTS]

Starts `PROGRAM serve` STARTS times and reads how long the seal took, the handing over to the watcher included. Then asks a
sealed program and one that declares `sealed = false` the same QUESTIONS in turn, on one folder of ten files, and compares
time and processor time (of the program, its watcher and its workers). Says, judges nothing: the machine may be busy.
"""

import atexit
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request


def folder_for_now():
    folder = tempfile.mkdtemp()
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def get(address, path):
    return urllib.request.urlopen(f"http://{address}{path}").read()


class Program:
    def __init__(self, program, folder, sealed):
        place = folder_for_now()
        with open(f"{place}/intramuros.toml", "w") as file:
            file.write(f"sealed = {str(sealed).lower()}\n[data]\nfolder = 'data'\n[[source]]\nname = 'd'\npath = '{folder}'\n")
        self.said = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen([program, "serve", "--config", f"{place}/intramuros.toml", "--listen", "127.0.0.1:0"],
                                        stdout=subprocess.PIPE, stderr=self.said, text=True,
                                        env={**os.environ, "INTRAMUROS_LOG": "intramuros=info"})
        self.address = re.search(r"http://([\d.:]+)", self.process.stdout.readline()).group(1)
        self.times = []

    def processor_ms(self):
        """Of the program and its children, as far as they run."""
        ids = [self.process.pid]
        for task in os.listdir(f"/proc/{self.process.pid}/task"):
            try:
                ids += open(f"/proc/{self.process.pid}/task/{task}/children").read().split()
            except FileNotFoundError:
                pass  # A thread that has ended meanwhile.
        fields = [open(f"/proc/{one}/stat").read().rsplit(")", 1)[1].split() for one in ids]
        return sum(int(f[11]) + int(f[12]) for f in fields) * 1000 / os.sysconf("SC_CLK_TCK")

    def ask(self, number):
        began = time.perf_counter()
        get(self.address, f"/api/v1/search?q=combien+dure+le+bail+{number}")
        self.times.append((time.perf_counter() - began) * 1e3)

    def end(self):
        self.process.terminate()
        self.process.wait()
        self.said.seek(0)
        return self.said.read()


def main():
    program = os.path.abspath(sys.argv[1])
    questions, starts = (int(a) if a else b for a, b in zip((sys.argv[2:] + ["", ""])[:2], (300, 20)))
    folder = folder_for_now()
    for number in range(10):
        with open(f"{folder}/{number}.txt", "w") as file:
            file.write("\n\n".join(f"Le bail {number}.{line} dure {line} ans, le loyer est de {number * line} euros."
                                   for line in range(60)))
    took = sorted(int(re.search(r"microseconds=(\d+)", Program(program, folder, True).end()).group(1)) / 1000 for _ in range(starts))
    load = os.getloadavg()[0]
    print(f"seal: median {statistics.median(took):.1f} ms, 90% {took[starts * 9 // 10]:.1f}, worst {took[-1]:.1f} of {starts} "
          f"starts (load {load:.1f})")
    pair = [Program(program, folder, sealed) for sealed in (True, False)]
    for one in pair:
        while b'"phase":"idle"' not in get(one.address, "/api/v1/status"):
            time.sleep(0.5)
    time.sleep(10)
    for number in range(20):
        [one.ask(number) for one in pair]
    before = [one.processor_ms() for one in pair]
    for one in pair:
        one.times.clear()
    for number in range(questions):
        [one.ask(number) for one in (pair if number % 2 else pair[::-1])]
    for one, name, start in zip(pair, ("sealed", "open"), before):
        times = sorted(one.times)
        print(f"{name:6} median {statistics.median(times):.2f} ms, 90% {times[len(times) * 9 // 10]:.2f}; processor "
              f"{(one.processor_ms() - start) / questions:.2f} ms a question")
    apart = statistics.median(a - b for a, b in zip(pair[0].times, pair[1].times))
    print(f"median of the differences: {apart:+.2f} ms of {questions} pairs (load {os.getloadavg()[0]:.1f})")
    [one.end() for one in pair]


main()
