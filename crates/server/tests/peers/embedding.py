"""Does a model at a service take over from the built-in one, and does the old one serve until then?

    embedding.py BINARY

The service is another one of the program itself, at whose `/v1/embeddings` OpenAI's own client asks as well (`clients.py`):
a small generator on llama.cpp's server gives a vector for each token, which is no vector of a text.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.parse

from clients_common import check, free_port, wait_for, write

DOCUMENTS = 12


def main():
    binary = os.path.abspath(sys.argv[1])
    port, model_port = free_port(), free_port()
    base = f"http://127.0.0.1:{port}"
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    processes = []

    def get(path):
        return json.loads(wait_for(f"{base}/api/v1/{path}"))

    def work():
        return get("status")["progress"]["work"]

    def until(what, holds, seconds=300):
        end = time.time() + seconds
        while not holds():
            if time.time() > end:
                check(what, False, work())
            time.sleep(0.5)
        check(what, True)

    def found():
        return get("search?" + urllib.parse.urlencode({"q": "invoice number 7"}))["results"][0]["path"]

    with tempfile.TemporaryDirectory() as folder:
        for number in range(DOCUMENTS):
            write(folder, f"docs/p{number}.md", f"# Invoice number {number}\n\nThe invoice number {number} is about topic{number}.\n")
        plain = f'[data]\nfolder = "data"\n[server]\nlisten = "127.0.0.1:{port}"\n[[source]]\nname = "docs"\npath = "docs"\n'
        declared = plain + (
            f'[[egress]]\nhost = "127.0.0.1"\nport = {model_port}\npurpose = "embedding"\ntls = false\n'
            f'[[model]]\nname = "meaning"\nkind = "open-ai"\npurpose = "embedding"\nurl = "http://127.0.0.1:{model_port}/v1"\n'
            'model = "multilingual-e5-small"\n'
        )
        try:
            first = subprocess.Popen([binary, "serve", "--config", write(folder, "first.toml", plain)], **quiet)
            processes.append(first)
            until("the built-in model serves", lambda: work()["passages"] > 0 and work()["embedded"] >= work()["passages"])
            first.terminate()
            first.wait()
            config = write(folder, "second.toml", declared)
            processes.append(subprocess.Popen([binary, "serve", "--config", config], **quiet))
            until("a service that is down is told of", lambda: "serve meanwhile" in (work()["trouble"] or ""))
            check("and the old vectors serve", work()["embedded"] >= work()["passages"] and found() == "p7.md", found())
            write(folder, "other/one.md", "# One\n\nA document of another program.\n")
            command = [binary, "serve", os.path.join(folder, "other"), "--data", os.path.join(folder, "other-data")]
            processes.append(subprocess.Popen(command + ["--listen", f"127.0.0.1:{model_port}"], **quiet))
            wait_for(f"http://127.0.0.1:{model_port}/v1/models")
            until("the declared model takes over", lambda: work()["renewing"] is None and not work()["trouble"])
            check("all passages have its vectors", work()["embedded"] >= work()["passages"], work())
            check("and a question is answered with them", found() == "p7.md", found())
            asked = [binary, "search", "--config", config, "--json", "--by", "meaning", "invoice number 7"]
            said = json.loads(subprocess.run(asked, capture_output=True, text=True, check=True).stdout)
            first = said["documents"][0]
            check("in the terminal too", first["path"] == "p7.md" and first["passages"][0]["meaning"] is not None, said)
            sent = json.loads(wait_for(f"{base}/api/v1/journal?kind=egress&limit=500"))["entries"]
            check("through the declared way out", sent and all(entry["what"]["port"] == model_port for entry in sent), sent[:2])
        finally:
            for process in processes:
                process.terminate()
                process.wait()


main()
