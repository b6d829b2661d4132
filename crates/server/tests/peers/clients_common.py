"""What do the tests with other people's clients share?"""

import http.client
import json
import os
import socket
import sys
import time
import urllib.error
import urllib.request

# One thread, which waits without spinning: two wait for each other at each token, and on a machine that is busy otherwise each
# of these waits takes as long as a turn of somebody else's process (measured: 0.4 tokens a second instead of 8).
SERVER = """
import sys, time, xllamacpp
model, port, context, template, endless = sys.argv[1:]
params = xllamacpp.CommonParams()
params.model.path, params.port, params.n_ctx, params.n_parallel = model, int(port), int(context), 1
params.offline, params.warmup, params.endpoint_metrics = True, False, True
for processors in (params.cpuparams, params.cpuparams_batch):
    processors.n_threads, processors.poll = 1, 0
if template:
    params.use_jinja, params.chat_template = True, open(template, encoding="utf-8").read()
params.sampling.ignore_eos = endless == "endless"
server = xllamacpp.Server(params)
while True:
    time.sleep(60)
"""


def llama(model, port, context, template="", endless=False):
    """The command of llama.cpp's own server (PyPI's xllamacpp), which answers one question at a time.

    With a template (a Jinja file) it takes tools. Endless: each answer is as long as it may be.
    """
    return [sys.executable, "-c", SERVER, model, str(port), str(context), template, "endless" if endless else ""]


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


def wait_until_read(base, documents, seconds=180):
    """Until so many documents are in both indexes: what answers is judged by meaning as well."""
    end = time.time() + seconds
    while True:
        told = json.loads(wait_for(f"{base}/api/v1/status"))
        progress, work = told["progress"], told["progress"]["work"]
        if progress["words_in_step"] and work["embedded"] >= work["passages"] > 0 and told["counts"]["documents"] >= documents:
            return
        if time.time() > end:
            check(f"{documents} documents are read within {seconds} s", False, told)
        time.sleep(0.3)


def write(folder, name, text):
    path = os.path.join(folder, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path


def house(folder, documents, port, service_port, models, more=""):
    """Documents, and a configuration by which they are served with models at a service of this machine; gives its path."""
    for name, text in documents.items():
        write(folder, f"docs/{name}", text)
    return write(
        folder,
        "intramuros.toml",
        f'[data]\nfolder = "data"\n[server]\nlisten = "127.0.0.1:{port}"\n{more}'
        f'[[source]]\nname = "docs"\npath = "docs"\n'
        f'[[egress]]\nhost = "127.0.0.1"\nport = {service_port}\npurpose = "answers"\ntls = false\n{"".join(models)}',
    )


def model_at(service_port, name, window, more=""):
    """The declaration of a model at a service of this machine."""
    return (
        f'[[model]]\nname = "{name}"\nkind = "open-ai"\npurpose = "answers"\ncontext_tokens = {window}\n'
        f'timeout_seconds = 300\nurl = "http://127.0.0.1:{service_port}/v1"\n{more}'
    )


def check(what, holds, shown=""):
    """Says whether it holds; nothing follows what does not."""
    print(("ok      " if holds else "FAILED  ") + what, "" if holds else shown, flush=True)
    if not holds:
        raise SystemExit(1)


def stream(base, asked):
    """The events of an answer as they come, as name and data. Closing it hangs up."""
    connection = http.client.HTTPConnection(base.removeprefix("http://"), timeout=300)
    try:
        connection.request("POST", "/api/v1/answer", json.dumps(asked), {"Content-Type": "application/json"})
        answer, name = connection.getresponse(), None
        if answer.status != 200:
            check("a question is taken", False, answer.read())
        for line in answer:
            line = line.decode().rstrip("\n")
            if line.startswith("event: "):
                name = line[7:]
            elif line.startswith("data: "):
                yield name, json.loads(line[6:])
    finally:
        connection.close()


def events(base, question):
    """The events of a whole answer, as name and data."""
    return list(stream(base, {"question": question}))
