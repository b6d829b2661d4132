"""Are all three tools done when a real model asks for them, whatever it writes into their arguments?

    forced.py BINARY MODEL     MODEL: a GGUF file, on llama.cpp's own server (PyPI's xllamacpp, which needs no compiler)

A small model calls what it likes, and that server does not enforce `tool_choice`. So each of the first three requests is put
to it with the schema of one tool's arguments as a grammar: what stands in the arguments is the model's, that it calls is not.
The bridge gives it on as a call in a stream, and the last request, which forbids calls, as it comes.
"""

import http.server
import json
import os
import subprocess
import sys
import tempfile
import threading
import urllib.request

from clients_common import check, events, free_port, house, llama, model_at, wait_for, wait_until_read

QUESTION = "How long must invoices be kept?"
TOOLS = ["search", "open", "list_sources"]
DOCUMENTS = {
    "archives.md": "# Retention of invoices\n\nInvoices must be kept for ten years from the close of the financial "
    "year. Quotes are kept for one year.\n",
}
# Arguments that end soon, and a passage that was shown.
BOUNDS = {"string": {"maxLength": 40}, "integer": {"minimum": 1, "maximum": 1}}


def plain(message):
    """A message without calls, for a model whose template knows none."""
    if message["role"] == "tool":
        return {"role": "user", "content": message["content"]}
    return {"role": message["role"], "content": message.get("content") or json.dumps(message.get("tool_calls", ""))}


class Bridge(http.server.BaseHTTPRequestHandler):
    """Stands between the program and the server."""

    server_url, calls, offered = "", [], []

    def log_message(self, *_):
        pass

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        tools = body.pop("tools", [])
        self.offered.append([tool["function"]["name"] for tool in tools])
        may_call = body.pop("tool_choice", "auto") != "none" and len(self.calls) < len(TOOLS)
        body["messages"] = [plain(message) for message in body["messages"]]
        tool = next((tool["function"] for tool in tools if may_call and tool["function"]["name"] == TOOLS[len(self.calls)]), None)
        if tool:
            schema = tool["parameters"]
            fields = {name: {**field, **BOUNDS.get(field["type"], {})} for name, field in schema.get("properties", {}).items()}
            body["json_schema"] = {"type": "object", "properties": fields, "required": list(fields)}
            body |= {"stream": False, "max_tokens": 100}
            body.pop("stream_options", None)
        request = urllib.request.Request(self.server_url, json.dumps(body).encode(), {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=600) as answer:
            text = answer.read().decode()
        if tool:
            written = json.loads(text)["choices"][0]["message"]["content"]
            self.calls.append((tool["name"], written))
            call = {"index": 0, "id": f"call{len(self.calls)}", "type": "function", "function": {"name": tool["name"], "arguments": written}}
            chunks = [{"delta": {"tool_calls": [call]}}, {"delta": {}, "finish_reason": "tool_calls"}]
            text = "".join("data: " + json.dumps({"choices": [chunk]}) + "\n\n" for chunk in chunks) + "data: [DONE]\n\n"
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        self.wfile.write(text.encode())


def main():
    binary, model = os.path.abspath(sys.argv[1]), sys.argv[2]
    port, bridge_port, model_port = free_port(), free_port(), free_port()
    processes, quiet = [], {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with tempfile.TemporaryDirectory() as folder:
        config = house(folder, DOCUMENTS, port, bridge_port, [model_at(bridge_port, "small", 2048, "tools = true\n")])
        try:
            processes.append(subprocess.Popen(llama(model, model_port, 2048), **quiet))
            wait_for(f"http://127.0.0.1:{model_port}/v1/models")
            Bridge.server_url = f"http://127.0.0.1:{model_port}/v1/chat/completions"
            bridge = http.server.ThreadingHTTPServer(("127.0.0.1", bridge_port), Bridge)
            threading.Thread(target=bridge.serve_forever, daemon=True).start()
            processes.append(subprocess.Popen([binary, "serve", "--config", config], **quiet))
            base = f"http://127.0.0.1:{port}"
            wait_for(f"{base}/api/v1/health")
            wait_until_read(base, len(DOCUMENTS))
            told = events(base, QUESTION)
            check(f"the model's arguments are {Bridge.calls}", [name for name, _ in Bridge.calls] == TOOLS, told)
            check("each tool is done", [data["name"] for name, data in told if name == "tool"] == TOOLS, told)
            check("the list of tools is the same in each request", len({tuple(names) for names in Bridge.offered}) == 1, Bridge.offered)
            entries = json.loads(wait_for(f"{base}/api/v1/journal?kind=tool_called&limit=100"))["entries"]
            done = [(entry["what"]["tool"], entry["what"]["allowed"]) for entry in entries]
            check("each call is in the journal, and was allowed", sorted(done) == sorted((tool, True) for tool in TOOLS), done)
            check("and the answer ends", told[-1][0] == "end" and told[-1][1]["calls"] == len(TOOLS), told[-1])
        finally:
            for process in processes:
                process.terminate()
                process.wait()


main()
