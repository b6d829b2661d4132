#!/usr/bin/env python3
"""Can anything get out of the running program? System calls are made from inside it.

    bench/ways_out.py PROGRAM

Starts `PROGRAM serve` on a small folder, stops its threads one after another with ptrace, puts each attempt's registers
and data into them, lets the processor take the one instruction, and reads what the kernel said: the same code path, the
same credentials, the same seal as if the program's own code had been taken over. The same is done to its reading worker,
to the two small processes beside it (the configuration's keeper and the watcher), to a program with one declared way
out, and to one that declares `sealed = false`, so that a refusal means something. Then the journal is read: each refusal
in the program and its worker must stand in it, by the call, with its path or address where the program's memory tells,
and counted. Ends with 0 when everything was refused and written down, 1 otherwise, 2 when it can't be measured here.
x86-64 Linux, root.
"""

import atexit
import collections
import ctypes
import glob
import json
import os
import platform
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import urllib.request

PTRACE_SINGLESTEP, PTRACE_GETREGS, PTRACE_SETREGS, PTRACE_ATTACH, PTRACE_DETACH = 9, 12, 13, 16, 17
WALL = 0x40000000
NAMES = ("r15 r14 r13 r12 rbp rbx r11 r10 r9 r8 rax rcx rdx rsi rdi orig_rax rip cs eflags rsp ss fs_base gs_base ds es "
         "fs gs").split()
ARGUMENTS = ("rdi", "rsi", "rdx", "r10", "r8", "r9")
# EPERM, EACCES; EXDEV is how Landlock refuses a link to elsewhere; ENOSYS is how `clone3` is hidden.
REFUSED = {1, 13, 18, 38}


class Regs(ctypes.Structure):
    _fields_ = [(name, ctypes.c_ulonglong) for name in NAMES]


libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.restype = ctypes.c_long
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]


def ptrace(request, tid, data=None):
    pointer = ctypes.cast(ctypes.pointer(data), ctypes.c_void_p) if data is not None else None
    if libc.ptrace(request, tid, None, pointer) < 0:
        raise OSError(ctypes.get_errno(), f"ptrace {request} of {tid}")


class Thread:
    """A stopped thread of another process, which makes the system calls that it is told."""

    def __init__(self, pid, tid):
        self.tid = tid
        ptrace(PTRACE_ATTACH, tid)
        os.waitpid(tid, WALL)
        self.saved = Regs()
        ptrace(PTRACE_GETREGS, tid, self.saved)
        self.memory = open(f"/proc/{pid}/mem", "r+b", buffering=0)
        self.instruction = find_instruction(pid, self.memory)

    def call(self, number, arguments):
        at = (self.saved.rsp - 32768) & ~15
        regs = Regs.from_buffer_copy(self.saved)
        regs.rax, regs.orig_rax, regs.rip = number, 2**64 - 1, self.instruction
        for name, value in zip(ARGUMENTS, list(arguments) + [0] * 6):
            if isinstance(value, bytes):
                self.memory.seek(at)
                self.memory.write(value)
                value, at = at, (at + len(value) + 15) & ~15
            setattr(regs, name, value & 2**64 - 1)
        ptrace(PTRACE_SETREGS, self.tid, regs)
        while True:
            ptrace(PTRACE_SINGLESTEP, self.tid)
            _, status = os.waitpid(self.tid, WALL)
            if os.WIFSTOPPED(status) and os.WSTOPSIG(status) == signal.SIGTRAP:
                break
            if not os.WIFSTOPPED(status):
                raise SystemExit(f"the program fell: {status:#x}")
        ptrace(PTRACE_GETREGS, self.tid, regs)
        result = ctypes.c_longlong(regs.rax).value
        return result

    def attempt(self, steps):
        """The error and the call of the first step that failed, and what it was asked for; 0 when all went through."""
        results = []
        for number, *arguments in steps:
            arguments = [results[a.at] if isinstance(a, Result) else a for a in arguments]
            result = self.call(number, arguments)
            # On the way: whatever happens after the packet left is not the seal's doing.
            if result < 0 and -result not in (115, 101, 113, 111, 11, 99):
                return -result, CALLS.get(number, str(number)), asked_for(number, arguments)
            results.append(result)
        return 0, "", ""

    def go(self):
        ptrace(PTRACE_SETREGS, self.tid, self.saved)
        ptrace(PTRACE_DETACH, self.tid)
        self.memory.close()


def find_instruction(pid, memory):
    """Where the program has a `syscall` instruction."""
    for line in open(f"/proc/{pid}/maps"):
        start, end = (int(text, 16) for text in line.split()[0].split("-"))
        if "x" in line.split()[1] and "vsyscall" not in line:
            memory.seek(start)
            found = memory.read(end - start).find(b"\x0f\x05")
            if found >= 0:
                return start + found
    raise SystemExit("no system call instruction")


def asked_for(number, arguments):
    """What the journal should say that it was asked for, where the program's memory tells."""
    if number == 42:
        family, port = struct.unpack_from("<H", arguments[1])[0], struct.unpack_from(">H", arguments[1], 2)[0]
        return f"{socket.inet_ntoa(arguments[1][4:8])}:{port}" if family == 2 else f":{port}"
    paths = [a for a in arguments if isinstance(a, bytes) and a.startswith(b"/") and a.endswith(b"\0")]
    return paths[-1 if number == 82 else 0][:-1].decode() if paths else ""


# The calls that the attempts make, by their numbers.
CALLS = {41: "socket", 41 | 0x40000000: "socket by an x32 number", 42: "connect", 44: "sendto", 49: "bind", 56: "clone",
         59: "execve", 62: "kill", 76: "truncate", 82: "rename", 86: "link", 101: "ptrace", 157: "prctl",
         160: "setrlimit", 161: "chroot", 165: "mount", 250: "keyctl", 257: "openat", 272: "unshare",
         298: "perf_event_open", 310: "process_vm_readv", 319: "memfd_create", 321: "bpf", 322: "execveat",
         425: "io_uring_setup", 434: "pidfd_open", 435: "clone3", 438: "pidfd_getfd"}


class Result:
    def __init__(self, at):
        self.at = at


def v4(address, port):
    return struct.pack("<H", 2) + struct.pack(">H", port) + socket.inet_aton(address) + bytes(8)


def v6(port, mapped=False):
    address = bytes(10) + b"\xff\xff\x7f\0\0\1" if mapped else bytes(15) + b"\1"
    return struct.pack("<H", 10) + struct.pack(">H", port) + bytes(4) + address + bytes(4)


def unix(name):
    return struct.pack("<H", 1) + name


def ways(port, outside, parent):
    """Name, steps, and whether it would end or change the program where it is not refused."""
    stream, dgram, raw, nonblock = 1, 2, 3, 0o4000
    world, here = v4("192.0.2.1", 443), v4("127.0.0.1", port)

    def connect(address, kind=stream, protocol=0):
        return [(41, address[0], kind | nonblock, protocol), (42, Result(0), address, len(address))]

    def send(address, kind=dgram, protocol=0, flags=0):
        return [(41, address[0], kind | nonblock, protocol), (44, Result(0), b"secret", 6, flags, address, len(address))]

    def path(text):
        return os.fsencode(text) + b"\0"

    question = b"\x12\x34\1\0\0\1\0\0\0\0\0\0\3spy\7example\0\0\1\0\1"
    program = path("/bin/sh")
    at = 2**64 - 100
    return [
        ("connect to the world", connect(world), False),
        ("connect to an undeclared port here", connect(here), False),
        ("connect over IPv6", connect(v6(port)), False),
        ("connect through an IPv4-mapped address", connect(v6(port, True)), False),
        ("sendto with fast open", send(here, stream, 0, 0x20000000), False),
        ("multipath TCP", connect(here, stream, 262), False),
        ("SCTP", connect(here, stream, 132), False),
        ("a question to a name server over UDP",
         [(41, 2, dgram, 0), (44, Result(0), question, len(question), 0, v4("192.0.2.1", 53), 16)], False),
        ("a question to a name server over TCP", connect(v4("192.0.2.1", 53)), False),
        ("a question to the local resolver", send(v4("127.0.0.53", 53)), False),
        ("UDP to the world", send(v4("192.0.2.1", 443)), False),
        ("UDP over IPv6", send(v6(53)), False),
        ("UDP broadcast", send(v4("224.0.0.251", 5353)), False),
        ("UDP-Lite", send(v4("192.0.2.1", 53), dgram, 136), False),
        ("the metadata service of a cloud", connect(v4("169.254.169.254", 80)), False),
        ("ping socket", [(41, 2, dgram, 1)], False),
        ("raw ICMP", send(v4("192.0.2.1", 0), raw, 1), False),
        ("raw IP", [(41, 2, raw, 255)], False),
        ("raw TCP", [(41, 2, raw, 6)], False),
        ("packet socket", [(41, 17, raw, 0x0300)], False),
        ("netlink", [(41, 16, raw, 0)], False),
        ("vsock", [(41, 40, stream, 0)], False),
        ("XDP socket", [(41, 44, raw, 0)], False),
        ("kernel cryptography socket", [(41, 38, 5, 0)], False),
        ("Bluetooth", [(41, 31, raw, 1)], False),
        ("Unix socket to the system bus", connect(unix(b"/run/dbus/system_bus_socket\0")), False),
        ("Unix socket to a container engine", connect(unix(b"/var/run/docker.sock\0")), False),
        ("Unix datagram to the system log", send(unix(b"/dev/log\0")), False),
        ("abstract Unix socket", connect(unix(b"\0outside")), False),
        ("listening on another port", [(41, 2, stream, 0), (49, Result(0), v4("0.0.0.0", 0), 16), (50, Result(0), 1)], False),
        ("io_uring", [(425, 4, bytes(120))], False),
        ("a socket by the x32 numbers", [(41 | 0x40000000, 2, stream, 0)], False),
        ("a socket type with high bits set", [(41, 2, dgram | 1 << 40, 0)], False),
        ("a shell", [(59, program, 0, 0)], True),
        ("curl", [(59, path("/usr/bin/curl"), 0, 0)], True),
        ("a program by its descriptor", [(322, -100, program, 0, 0, 0)], True),
        ("a program in memory", [(319, b"x\0", 0)], False),
        ("tracing the parent", [(101, 16, parent, 0, 0), (101, 17, parent, 0, 0)], True),
        ("the parent's memory", [(310, parent, struct.pack("<QQ", at, 0), 0, struct.pack("<QQ", at, 0), 0, 0)], False),
        ("a descriptor of the parent", [(434, parent, 0), (438, Result(0), 0, 0)], False),
        ("a signal to the parent", [(62, parent, 0)], False),
        ("a user namespace", [(272, 0x10000000)], True),
        ("a network namespace", [(272, 0x40000000)], True),
        ("a child in a user namespace", [(56, 0x10000000 | 17, 0)], True),
        ("a child by clone3", [(435, struct.pack("<11Q", 0x10000000, 0, 0, 0, 17, 0, 0, 0, 0, 0, 0), 88)], True),
        ("a mount", [(165, b"tmpfs\0", path(outside), b"tmpfs\0", 0, 0)], True),
        ("another root", [(161, path(outside))], True),
        ("a BPF program", [(321, 0, bytes(72), 72)], False),
        ("performance counters", [(298, bytes(120), 0, -1, -1, 0)], False),
        ("the kernel's key ring", [(250, 0, -1, 0)], False),
        ("reading a file elsewhere", [(257, -100, path(outside + "/secret"), 0)], False),
        ("reading passwords", [(257, -100, b"/etc/shadow\0", 0)], False),
        ("reading a key of the user", [(257, -100, path(os.path.expanduser("~/.profile")), 0)], False),
        ("writing a file elsewhere", [(257, -100, path(outside + "/new"), 0o101, 0o600)], False),
        ("writing to /tmp", [(257, -100, path(f"/tmp/ways-out-{os.getpid()}"), 0o101, 0o600)], False),
        ("writing to a source", [(257, -100, path(outside + "/../documents/one.txt"), 0o1)], False),
        ("cutting a source's file", [(76, path(outside + "/../documents/one.txt"), 3)], True),
        ("a hard link into the data folder", [(86, path(outside + "/secret"), path(outside + "/../data/link"))], False),
        ("moving data out", [(82, path(outside + "/../data/moved"), path(outside + "/moved"))], False),
        ("the kernel's log", [(257, -100, b"/dev/kmsg\0", 0)], False),
        ("being readable by others again", [(157, 4, 1)], True),
        ("core dumps", [(160, 4, struct.pack("<QQ", 1 << 20, 1 << 20))], True),
    ]


class House:
    def __init__(self, program, sealed, more=""):
        self.folder = tempfile.mkdtemp()
        atexit.register(shutil.rmtree, self.folder, ignore_errors=True)
        for name in ("documents", "outside", "data", "configuration"):
            os.mkdir(f"{self.folder}/{name}")
        for name in ("documents/one.txt", "outside/secret", "data/moved"):
            with open(f"{self.folder}/{name}", "w") as file:
                file.write("One document.\n")
        # In a folder of its own, which the configuration's keeper may read.
        with open(f"{self.folder}/configuration/intramuros.toml", "w") as file:
            file.write(f"sealed = {str(sealed).lower()}\n[data]\nfolder = '{self.folder}/data'\n"
                       f"[[source]]\nname = 'd'\npath = '{self.folder}/documents'\n{more}")
        self.process = subprocess.Popen([program, "serve", "--config", "configuration/intramuros.toml", "--listen",
                                         "127.0.0.1:0"], cwd=self.folder,
                                        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.address = re.search(r"http://([\d.:]+)", self.process.stdout.readline()).group(1)
        for _ in range(600):
            if b'"total":1' in urllib.request.urlopen(f"http://{self.address}/api/v1/search?q=document").read():
                return
            time.sleep(0.1)
        raise SystemExit("it finds nothing")

    def child(self, name):
        """One of its processes: the worker that reads documents for it, its watcher, the configuration's keeper."""
        children = open(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read().split()
        for task in os.listdir(f"/proc/{self.process.pid}/task"):
            children += open(f"/proc/{self.process.pid}/task/{task}/children").read().split()
        for child in children:
            if name in open(f"/proc/{child}/cmdline", "rb").read().split(b"\0"):
                return int(child)
        return None

    def end(self):
        self.process.terminate()
        self.process.wait()

    def noted(self):
        """What the journal says that the kernel refused: by process and call, what it was asked for, and how often."""
        noted = collections.defaultdict(list)
        for name in sorted(glob.glob(f"{self.folder}/data/journal/*.jsonl")):
            for line in open(name):
                event = json.loads(line)["e"]
                if event["event"] == "kernel_refused":
                    noted[event["process"], event["call"]].append((event.get("with", ""), event["times"]))
        return noted


def try_all(house, pid, skip_harmful, listener, tids=None):
    """For each way, the errors of all threads, and all calls that failed."""
    outcomes, failed = {}, []
    for tid in tids or [int(tid) for tid in os.listdir(f"/proc/{pid}/task")]:
        thread = Thread(pid, tid)
        for name, steps, harmful in ways(listener, f"{house.folder}/outside", os.getpid()):
            if not (harmful and skip_harmful):
                error, call, asked = thread.attempt(steps)
                outcomes.setdefault(name, set()).add(error)
                if error:
                    failed.append((name, call, asked))
        thread.go()
    return outcomes, failed


def not_noted(process, failed, noted, with_what):
    """Ways whose refusal is not in the journal, or not as often as it happened."""
    missing = []
    for name, call, asked in failed:
        if not any(not with_what or asked in said for said, _ in noted[process, call]):
            missing.append(f"{process}: {name}: no entry of {call} {asked}")
    for call, times in collections.Counter(call for _, call, _ in failed).items():
        written = sum(often for _, often in noted[process, call])
        if written < times:
            missing.append(f"{process}: {call} was refused {times} times, and {written} are written down")
    return sorted(set(missing))


def in_program(program, port):
    """Every way from every thread of the program and from its worker; what is wrong, and a line about it."""
    house = House(program, True)
    pid, worker = house.process.pid, house.child(b"worker")
    threads = len(os.listdir(f"/proc/{pid}/task"))
    sealed, failed = try_all(house, pid, False, port)
    # Its reading thread was started before: the first of its threads needs no entry.
    inner, inner_failed = try_all(house, worker, False, port, [worker]) if worker else ({}, [])
    beside = {name: try_all(house, house.child(name), False, port, [house.child(name)])[0] for name in (b"keeper", b"watcher")}
    answers = urllib.request.urlopen(f"http://{house.address}/api/v1/search?q=document").status == 200
    house.end()
    noted = house.noted()
    missing = not_noted("program", failed, noted, True) + not_noted("reader", inner_failed, noted, False)
    wrong = [f"{what}: {name}: {sorted(errors)}"
             for what, outcomes in (("serve", sealed), ("worker", inner), *((n.decode(), o) for n, o in beside.items()))
             for name, errors in outcomes.items() if not errors <= REFUSED]
    lines = sum(len(entries) for entries in noted.values())
    print(f"{len(sealed) - sum(w.startswith('serve') for w in wrong)} of {len(sealed)} ways out refused in each of the "
          f"{threads} threads of serve; {len(inner) - sum(w.startswith('worker') for w in wrong)} of {len(inner)} in its "
          f"worker; {', '.join(f'{len(o)} in the {n.decode()}' for n, o in beside.items())}; it still answers: {answers}")
    print(f"in the journal: {len(failed) + len(inner_failed)} refusals of serve and its worker in {lines} entries, "
          f"{len(missing)} missing")
    return sealed, wrong + missing + ([] if answers and inner else ["it does not answer, or has no worker"])


def with_a_rule(program, port):
    """The same where one way out is declared: sockets can be made then, and Landlock decides where they lead."""
    with socket.create_server(("127.0.0.1", 0)) as declared:
        to = declared.getsockname()[1]
        house = House(program, True, f"[[egress]]\nhost = '127.0.0.1'\nport = {to}\npurpose = 'embedding'\ntls = false\n")
        thread = Thread(house.process.pid, house.process.pid)
        allowed = thread.attempt([(41, 2, 1, 0), (42, Result(0), v4("127.0.0.1", to), 16)])
        thread.go()
        outcomes, failed = try_all(house, house.process.pid, False, port, [house.process.pid])
        house.end()
    wrong = [f"one rule: {name}: {sorted(errors)}" for name, errors in outcomes.items() if not errors <= REFUSED]
    missing = not_noted("program", failed, house.noted(), True)
    connects = [asked for _, call, asked in failed if call == "connect"]
    print(f"with one rule: {len(outcomes) - len(wrong)} of {len(outcomes)} refused, {len(missing)} missing in the journal; "
          f"{len(connects)} connections refused by their port; the declared one works: {allowed[0] == 0}")
    return wrong + missing + ([] if allowed[0] == 0 and connects else ["one rule: the declared connection fails"])


def main():
    if platform.machine() != "x86_64" or os.geteuid() != 0:
        print("not measured: needs root on x86-64")
        return 2
    program = os.path.abspath(sys.argv[1])
    listener = socket.create_server(("", 0), family=socket.AF_INET6, dualstack_ipv6=True)
    port = listener.getsockname()[1]
    sealed, wrong = in_program(program, port)
    wrong += with_a_rule(program, port)
    open_house = House(program, False)
    free, _ = try_all(open_house, open_house.process.pid, True, port, [open_house.process.pid])
    open_house.end()
    if os.environ.get("INTRAMUROS_TABLE"):
        for name, errors in sealed.items():
            said = ", ".join(os.strerror(error) for error in errors)
            print(f"{name:45} sealed: {said:28} open: {', '.join(map(str, free.get(name, ['not tried'])))}")
    works = sum(1 for name in sealed if 0 in free.get(name, ()))
    print(f"{works} of them work without the seal")
    for line in wrong:
        print(line)
    return 1 if wrong or works < 20 else 0


sys.exit(main())
