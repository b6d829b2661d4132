"""Does Open WebUI, pointed at the program, list its models and chat with its documents?

    webui.py BINARY PYTHON     PYTHON: one that has open-webui (`.ci/webui` makes it, without torch)

Starts both without a screen, makes an account there, and asks through Open WebUI's own API.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request

from clients_common import check, free_port, wait_for, write

QUESTION = "How long must invoices be kept?"


def main():
    binary, python = os.path.abspath(sys.argv[1]), sys.argv[2]
    port, web_port = free_port(), free_port()
    web = f"http://127.0.0.1:{web_port}"
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    processes, token = [], None

    def ask(path, body=None):
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
        request = urllib.request.Request(web + path, json.dumps(body).encode() if body else None, headers)
        with urllib.request.urlopen(request, timeout=300) as answer:
            return answer.read().decode()

    with tempfile.TemporaryDirectory() as folder:
        write(folder, "docs/archives.md", "# Retention of invoices\n\nInvoices must be kept for ten years. Quotes are kept for one year.\n")
        found = subprocess.run([python, "-c", "import importlib.util as u; print(u.find_spec('open_webui').submodule_search_locations[0])"], capture_output=True, text=True, check=True)
        ours = f"http://127.0.0.1:{port}/v1"
        environment = os.environ | {
            "DATA_DIR": os.path.join(folder, "web"), "FRONTEND_BUILD_DIR": os.path.join(found.stdout.strip(), "frontend"),
            "FROM_INIT_PY": "true", "OPENAI_API_BASE_URL": ours, "OPENAI_API_KEY": "anything", "ENABLE_OLLAMA_API": "false",
            "RAG_EMBEDDING_ENGINE": "openai", "RAG_OPENAI_API_BASE_URL": ours, "RAG_OPENAI_API_KEY": "anything",
            "AUDIO_STT_ENGINE": "openai", "OFFLINE_MODE": "true", "WEBUI_SECRET_KEY": "of this test alone",
        }
        os.mkdir(os.path.join(folder, "web"))
        try:
            command = [binary, "serve", os.path.join(folder, "docs"), "--data", os.path.join(folder, "data")]
            processes.append(subprocess.Popen(command + ["--listen", f"127.0.0.1:{port}"], **quiet))
            while not json.loads(wait_for(f"http://127.0.0.1:{port}/api/v1/search?q=invoices"))["total"]:
                time.sleep(0.3)
            command = [python, "-m", "uvicorn", "open_webui.main:app", "--host", "127.0.0.1", "--port", str(web_port)]
            processes.append(subprocess.Popen(command, env=environment, cwd=folder, **quiet))
            wait_for(f"{web}/health")
            account = {"name": "Anne", "email": "anne@example.org", "password": "quatre-mots-bien-choisis"}
            token = json.loads(ask("/api/v1/auths/signup", account))["token"]
            models = [model["id"] for model in json.loads(ask("/api/models"))["data"]]
            check("Open WebUI lists our models", "intramuros" in models, models)
            said = [{"role": "user", "content": QUESTION}]
            answer = json.loads(ask("/api/chat/completions", {"model": "intramuros", "messages": said, "stream": False}))
            text = answer["choices"][0]["message"]["content"]
            check("an answer comes through it, with its source", "ten years" in text and "/document/" in text, answer)
            said += [{"role": "assistant", "content": text}, {"role": "user", "content": "And quotes?"}]
            lines = ask("/api/chat/completions", {"model": "intramuros", "messages": said, "stream": True}).splitlines()
            chunks = [json.loads(line[6:]) for line in lines if line.startswith("data: {")]
            streamed = "".join(chunk["choices"][0]["delta"].get("content") or "" for chunk in chunks)
            check("a follow-up streams through it", "one year" in streamed and lines[-2:].count("data: [DONE]") == 1, lines)
        finally:
            for process in processes:
                process.terminate()
                process.wait()


main()
