"""Is a real model asked for other wordings, are the documents searched with what it gives, and does the answer come without it?

    wordings.py BINARY MODEL     MODEL: a GGUF file, on llama.cpp's own server

What wordings so small a model finds is not judged: that it is asked within bounds, that its lines are searched as words, in
the asker's name and with an entry in the journal, and that an answer comes when it is gone.
"""

import json
import os
import subprocess
import sys
import tempfile
import time

from clients_common import check, events, free_port, house, llama, model_at, wait_for, wait_until_read

QUESTION = "How long must invoices be kept?"
DOCUMENTS = {
    "archives.md": "# Retention of invoices\n\nInvoices must be kept for ten years from the close of the financial year.\n",
    "bail.md": "# Bail\n\nLe bail des bureaux prend fin après neuf ans.\n",
    "cat.md": "# Cat\n\nThe cat sleeps on the roof of the house.\n",
}


def serve(binary, folder, wordings, model_port, port, processes):
    models = [model_at(model_port, "small", 1024)]
    config = house(folder, DOCUMENTS, port, model_port, models, f"[assistant]\nwordings = {wordings}\n")
    processes.append(subprocess.Popen([binary, "serve", "--config", config], stdout=subprocess.DEVNULL))
    base = f"http://127.0.0.1:{port}"
    wait_for(f"{base}/api/v1/health")
    wait_until_read(base, len(DOCUMENTS))
    return base


def main():
    binary, model = os.path.abspath(sys.argv[1]), sys.argv[2]
    model_port, processes = free_port(), []
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with tempfile.TemporaryDirectory() as folder:
        try:
            processes.append(subprocess.Popen(llama(model, model_port, 1024), **quiet))
            wait_for(f"http://127.0.0.1:{model_port}/v1/models")
            base = serve(binary, folder, "true", model_port, free_port(), processes)
            began = time.time()
            told = events(base, QUESTION)
            taken = time.time() - began
            sources, end = dict(told)["sources"]["citations"], told[-1][1]
            check(f"an answer ends after {taken:.1f} s, by {end['model']}", told[-1][0] == "end" and end["found"], told)
            titles = [source["document"]["title"] for source in sources]
            check(f"its passages are of {titles}", titles[0] == "Retention of invoices", titles)
            journal = json.loads(wait_for(f"{base}/api/v1/journal?kind=tool_called&limit=100"))["entries"]
            check(f"{len(journal)} wordings were searched, each with its entry", len(journal) <= 2, journal)
            processes[0].terminate()
            processes[0].wait()
            told = events(base, QUESTION)
            end = told[-1][1]
            check("with the model gone, sentences of the documents answer", end["found"] and end["model"] is None, told)
            later = json.loads(wait_for(f"{base}/api/v1/journal?kind=tool_called&limit=100"))["entries"]
            check("and nothing more was searched", len(later) == len(journal), later)
        finally:
            for process in processes:
                process.terminate()
                process.wait()


main()
