"""What do the tests with other people's clients share?"""

import importlib.util
import json
import os
import socket
import sys
import time
import urllib.error
import urllib.request

SERVER = """
import sys, time, xllamacpp
params = xllamacpp.CommonParams()
params.model.path, params.port, params.n_ctx, params.n_parallel = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), 1
params.offline, params.warmup, params.cpuparams.n_threads = True, False, 2
if len(sys.argv) > 4:
    params.use_jinja, params.chat_template = True, open(sys.argv[4], encoding="utf-8").read()
server = xllamacpp.Server(params)
while True:
    time.sleep(60)
"""


def llama(model, port, context, template=None):
    """The command of llama.cpp's own server where it is installed ready-made, of llama-cpp-python's otherwise.

    With a template (a Jinja file) it takes tools, which the ready-made one alone does.
    """
    if importlib.util.find_spec("xllamacpp"):
        return [sys.executable, "-c", SERVER, model, str(port), str(context)] + ([template] if template else [])
    command = [sys.executable, "-m", "llama_cpp.server", "--model", model, "--port", str(port)]
    return command + ["--n_ctx", str(context), "--n_threads", "2"]


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def wait_for(url, seconds=180):
    end = time.time() + seconds
    while time.time() < end:
        try:
            return urllib.request.urlopen(url, timeout=5).read()
        except (urllib.error.URLError, OSError):
            time.sleep(0.3)
    raise SystemExit(f"{url} did not answer in {seconds} s")


def write(folder, name, text):
    path = os.path.join(folder, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path


def check(what, holds, shown=""):
    """Says whether it holds; nothing follows what does not."""
    print(("ok      " if holds else "FAILED  ") + what, "" if holds else shown, flush=True)
    if not holds:
        raise SystemExit(1)


def events(base, question):
    """The events of an answer, as name and data."""
    body = json.dumps({"question": question}).encode()
    request = urllib.request.Request(f"{base}/api/v1/answer", body, {"Content-Type": "application/json"})
    name, found = None, []
    for line in urllib.request.urlopen(request, timeout=600):
        line = line.decode().rstrip("\n")
        if line.startswith("event: "):
            name = line[7:]
        elif line.startswith("data: "):
            found.append((name, json.loads(line[6:])))
    return found
