"""Does what is promised of generators hold of a real one: streaming, leaving in the middle, a window that is too small?

    generator.py BINARY MODEL     MODEL: a GGUF file, on llama.cpp's own server (PyPI's xllamacpp, which needs no compiler)

The server has one slot and a small window, and writes until it has no tokens left, so that there is always a middle to leave
in. What it writes is not judged. Its own counts (`/slots`, `/metrics`) say what it did, not ours.
"""

import contextlib
import http.client
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

from clients_common import check, free_port, house, llama, model_at, stream, wait_for, wait_until_read, write

# Tokens of the server's window, and of an answer in it: a quarter, as `prompt::compose` shares it out.
WINDOW = 768
ANSWER = WINDOW // 4
# How soon the server must have stopped. It looks between two steps, and the longest is a prompt: seconds on a busy machine.
STOPPED_SECONDS = 60
# How soon a first word must come, with the prompt that is read before it.
FIRST_WORD_SECONDS = 120
ENGLISH = "How long must invoices of Quibblesworth be kept?"
FRENCH = "Combien de temps faut-il conserver les factures de Quibblesworth ?"
SECRET = "quibblesworth"
ROOMS = ["cellar", "attic", "north wing", "south wing", "garage", "library"]
DOCUMENTS = {
    "archives.md": "# Retention of invoices\n\nInvoices of Quibblesworth must be kept for ten years from the close of the "
    "financial year. Quotes are kept for one year.\n",
    "conservation.md": "# Conservation des factures\n\nLes factures de Quibblesworth doivent être conservées pendant dix ans "
    "à compter de la clôture de l’exercice. Les devis sont conservés un an.\n",
    # Passages enough to fill the window several times.
    **{
        f"room{number}.md": f"# Invoices of Quibblesworth in the {room}\n\n"
        + f"Invoices of Quibblesworth in the {room} must be kept in their boxes, and no box may leave the {room}. " * 6
        + "\n\n## Factures\n\n"
        + f"Les factures de Quibblesworth doivent être conservées dans la salle {number}, et aucune boîte n’en sort. " * 6
        for number, room in enumerate(ROOMS)
    },
}


class Server:
    """llama.cpp's server, as it tells of itself."""

    def __init__(self, port):
        self.base = f"http://127.0.0.1:{port}"

    def works(self):
        return json.loads(wait_for(f"{self.base}/slots"))[0]["is_processing"]

    def steps(self):
        """Tokens written and prompts read so far, also those of answers that nobody waited for."""
        lines = wait_for(f"{self.base}/metrics").decode().splitlines()
        return int(next(line for line in lines if line.startswith("llamacpp:n_decode_total ")).split()[1])

    def until(self, works, seconds=STOPPED_SECONDS):
        """How many seconds it took until the slot was taken, or free."""
        began = time.time()
        while self.works() != works:
            if time.time() > began + seconds:
                check(f"the slot is {'taken' if works else 'free'} within {seconds} s", False)
            time.sleep(0.05)
        return time.time() - began

    def refuses(self, text):
        """Whether it refuses a text, and how."""
        body = json.dumps({"messages": [{"role": "user", "content": text}], "max_tokens": 1}).encode()
        request = urllib.request.Request(f"{self.base}/v1/chat/completions", body, {"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=300):
                return None
        except urllib.error.HTTPError as refused:
            return json.loads(refused.read())["error"]["type"]


def stopped(server, before, how):
    """The server has stopped, and not because it was done."""
    seconds, steps = server.until(works=False), server.steps() - before
    check(f"{how}: the server stops, {seconds:.1f} s later, after {steps} steps of {ANSWER}", steps < ANSWER)
    time.sleep(1)
    check(f"{how}: and stays so", not server.works() and server.steps() - before == steps)


def words(answer, count):
    """The first words of an answer."""
    found = []
    for name, data in answer:
        if name == "draft":
            found.append(data["text"])
            if len(found) == count:
                break
    return found


def leaving(base, server):
    """Three ways to leave; each leaves the server's one slot, and our one place at it, to who asks next."""
    before = server.steps()
    with contextlib.closing(stream(base, {"question": ENGLISH, "model": "small"})) as answer:
        heard = words(answer, 5)
    check("some words came", len(heard) == 5, heard)
    stopped(server, before, "left in the middle")

    before = server.steps()
    with contextlib.closing(stream(base, {"question": FRENCH, "model": "small"})) as answer:
        next(data for name, data in answer if name == "model")
        server.until(works=True)
    stopped(server, before, "left before the first word")

    before = server.steps()
    connection = http.client.HTTPConnection(base.removeprefix("http://"), timeout=300)
    asked = {"model": "small", "messages": [{"role": "user", "content": ENGLISH}]}
    connection.request("POST", "/v1/chat/completions", json.dumps(asked), {"Content-Type": "application/json"})
    server.until(works=True)
    connection.close()
    stopped(server, before, "a program that waits for a whole answer left")


def whole(base):
    """One answer to its end, word by word."""
    began, told, times = time.time(), [], []
    for name, data in stream(base, {"question": ENGLISH, "model": "small"}):
        told.append((name, data))
        if name == "draft":
            times.append(time.time() - began)
    names, end = [name for name, _ in told], told[-1][1]
    check(f"the next question gets its first word after {times[0]:.1f} s", times[0] < FIRST_WORD_SECONDS)
    between = times[-1] - times[0]
    check(f"its {len(times)} words come one by one, in {between:.1f} s", len(times) > ANSWER // 4 and between > 0.3, times)
    check("sources come before words, the end at the end", names.index("sources") < names.index("draft") and names[-1] == "end", names)
    check("sentences come between words, not after them", "draft" in names[names.index("sentence") :], names)
    sources = {source["number"] for source in dict(told)["sources"]["citations"]}
    sentences = [data for name, data in told if name == "sentence"]
    cited = {number for sentence in sentences for number in sentence["cited"]}
    check(f"{len(sentences)} sentences cite {sorted(cited)} of {len(sources)} sources", sentences and cited <= sources, told)
    check("each sentence is cited, or marked", all(bool(one["cited"]) != bool(one["unsupported"]) for one in sentences), sentences)
    check("the model answered, and nothing failed", end["model"] == "small" and not end["failed"], end)
    check("that it had no tokens left is said", end["cut_short"] and end["usage"]["completion_tokens"] == ANSWER, end)
    return end["usage"]


def used(base):
    """What the model in the right window was used for, as the administrator is shown it."""
    rows = json.loads(wait_for(f"{base}/api/v1/usage?days=1"))["used"]
    return next((row for row in rows if row["model"] == "small"), {"prompt_tokens": 0, "completion_tokens": 0, "failed": 0})


def counted(base, what, holds, seconds=20):
    """Counts are written a little later than answers end."""
    end = time.time() + seconds
    while not holds(used(base)) and time.time() < end:
        time.sleep(0.2)
    check(what, holds(used(base)), used(base))


def asked_outside(base):
    return len(json.loads(wait_for(f"{base}/api/v1/journal?kind=egress&limit=500"))["entries"])


def too_long(base, log):
    """Windows that are declared too large, or too small: sentences of the documents answer, and say why."""
    for model, question, says, refused_by_service in [
        ("boastful", ENGLISH, "too long", True),
        ("boastful", FRENCH, "trop long", True),
        ("narrow", ENGLISH, "too long", False),
        ("narrow", FRENCH, "trop long", False),
    ]:
        before, read = asked_outside(base), os.path.getsize(log)
        told = list(stream(base, {"question": question, "model": model}))
        end, sentences = told[-1][1], [data for name, data in told if name == "sentence"]
        why = end["failed"][0][1] if end["failed"] else None
        check(f"{model}: {why}", [name for name, _ in end["failed"]] == [model] and says in why, end)
        requests = asked_outside(base) - before
        check(f"{model}: the service was asked {requests} times", (requests > 0) == refused_by_service)
        quoted = end["found"] and end["model"] is None and sentences and all(one["cited"] for one in sentences)
        check(f"{model}: sentences of the documents answer", quoted and "quoting" in dict(told), told)
        with open(log, encoding="utf-8") as file:
            file.seek(read)
            lines = [line for line in file if "a model did not answer" in line]
        check(f"{model}: one line in the log says which and why", len(lines) == 1 and model in lines[0] and "too-long" in lines[0], lines)

    with contextlib.closing(stream(base, {"question": ENGLISH, "model": "modest"})) as answer:
        models = []
        for name, data in answer:
            models += [data] if name == "model" else []
            if name in ("draft", "end"):
                break
    check("the declared fallback writes", name == "draft" and [one["name"] for one in models] in (["modest", "small"], ["modest", "modest", "small"]), models)
    # What its service finds too long is tried once more with half of it.
    instead = models[-1]["instead_of"]
    check(f"and it is said in whose place: {instead}", instead["name"] == "modest" and "too long" in instead["why"], models)

    asked = {"model": "boastful", "stream": True, "messages": [{"role": "user", "content": ENGLISH}]}
    request = urllib.request.Request(f"{base}/v1/chat/completions", json.dumps(asked).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=300) as answer:
        chunks = [json.loads(line[6:])["choices"][0] for line in answer if line.startswith(b"data: {")]
    text = "".join(chunk["delta"].get("content") or "" for chunk in chunks)
    check("a program is told as well", "ten years" in text and "boastful: " in text and "too long" in text, text)
    noted = [number for number, chunk in enumerate(chunks) if chunk["delta"].get("annotations")]
    check("and its citations come at the end", noted == [len(chunks) - 1] and chunks[-1]["finish_reason"] == "stop", chunks)


def long_conversation(base, server):
    """Turns that would fill the window many times over."""
    turns = [
        {"person": number % 2 == 0, "text": f"Turn {number}: " + "invoices of Quibblesworth are kept in the cellar. " * 15}
        for number in range(40)
    ]
    said = "\n".join(turn["text"] for turn in turns)
    refused = server.refuses(said)
    check(f"the server refuses the whole conversation: {refused}", refused == "exceed_context_size_error", refused)
    end = list(stream(base, {"question": ENGLISH, "model": "small", "history": turns}))[-1][1]
    check("the model answers in it all the same", end["model"] == "small" and not end["failed"], end)
    prompt = end["usage"]["prompt_tokens"]
    check(f"with a prompt of {prompt} tokens, in a window of {WINDOW}", 0 < prompt <= WINDOW - ANSWER, end)


def main():
    binary, model = os.path.abspath(sys.argv[1]), sys.argv[2]
    port, model_port = free_port(), free_port()
    processes, quiet = [], {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with tempfile.TemporaryDirectory() as folder:
        alone = "concurrency = 1\n"
        models = [
            model_at(model_port, "small", WINDOW, alone),
            model_at(model_port, "boastful", 8192, alone),
            model_at(model_port, "modest", 8192, alone + 'fallback = "small"\n'),
            model_at(model_port, "narrow", 256, alone),
        ]
        config = house(folder, DOCUMENTS, port, model_port, models)
        log = write(folder, "log", "")
        try:
            processes.append(subprocess.Popen(llama(model, model_port, WINDOW, endless=True), **quiet))
            server = Server(model_port)
            wait_for(f"{server.base}/v1/models")
            with open(log, "w", encoding="utf-8") as errors:
                processes.append(subprocess.Popen([binary, "serve", "--config", config], stdout=subprocess.DEVNULL, stderr=errors))
            base = f"http://127.0.0.1:{port}"
            wait_for(f"{base}/api/v1/health")
            wait_until_read(base, len(DOCUMENTS))
            leaving(base, server)
            counted(base, "what was read for those who left is counted", lambda row: row["prompt_tokens"] > 0)
            before = used(base)
            usage = whole(base)
            counted(
                base,
                f"what the service counted is counted: {usage}",
                lambda row: all(row[name] == before[name] + tokens for name, tokens in usage.items()),
            )
            check("who leaves is no failure of the model", used(base)["failed"] == 0, used(base))
            with open(log, encoding="utf-8") as file:
                check("nor one in the log", "a model did not answer" not in file.read())
            too_long(base, log)
            long_conversation(base, server)
            with open(log, encoding="utf-8") as file:
                check("no word of a question is in the log", SECRET not in file.read().lower())
        finally:
            for process in processes:
                process.terminate()
                process.wait()


main()
