"""Do people and groups kept by a directory stay in step, and does every address answer as it is described?

    accounts.py BINARY

Holds the program against scim2-tester (SCIM 2.0) and schemathesis (what the OpenAPI document describes). Starts the program
on a folder of its own, and ends it.
"""

import json
import os
import subprocess
import sys
import tempfile
import urllib.request

import httpx2
from scim2_client.engines.httpx2 import SyncSCIMClient
from scim2_tester import Status, check_server

from clients_common import free_port, wait_for, write

CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"


# What scim2-tester asks for and is not kept here, by the name of its check; docs/accounts.md says so.
NOT_KEPT = {
    "check_add_attribute": "an answer holds what is written here of a mail address (type, primary) and a member (display)",
    "check_replace_attribute": "the same",
    "check_remove_attribute": "somebody's access is open or closed, never neither",
}


def token(origin):
    """A program's token with the scope of directories."""
    body = json.dumps({"name": "directory", "scopes": ["scim"], "service": True}).encode()
    request = urllib.request.Request(origin + "/api/v1/tokens", body, {"Content-Type": "application/json"})
    return json.load(urllib.request.urlopen(request))["token"]


def directory(origin):
    """Everything that scim2-tester asks for."""
    headers = {"Authorization": "Bearer " + token(origin), "Content-Type": "application/scim+json"}
    with httpx2.Client(base_url=origin + "/scim/v2", headers=headers) as client:
        results = check_server(SyncSCIMClient(client))
    held = [result for result in results if result.status == Status.SUCCESS]
    others = [result for result in results if result.status not in (Status.SUCCESS, Status.SKIPPED)]
    failed = [result for result in others if result.title not in NOT_KEPT]
    for result in failed:
        print("FAILED ", result.title, "-", result.reason)
    known = len(others) - len(failed)
    print(f"scim2-tester: {len(held)} held, {known} known not to, {len(failed)} failed", flush=True)
    return not failed


def described(origin, folder):
    """No fault of ours, and no answer that is not described, whatever is asked."""
    command = [
        os.path.join(os.path.dirname(sys.executable), "st"), "run", origin + "/api/v1/openapi.json",
        "--checks", CHECKS, "--phases", "examples,coverage,fuzzing", "--max-examples", "15", "--seed", "1",
        # It never ends by itself.
        "--exclude-path", "/api/v1/events", "--request-timeout", "30", "--continue-on-failure", "--warnings", "off",
        "--generation-database", "none",
    ]
    return subprocess.run(command, cwd=folder, check=False).returncode == 0


def main(binary):
    with tempfile.TemporaryDirectory() as folder:
        write(folder, "docs/a.md", "# Invoices\n\nInvoices are kept for ten years.\n")
        port = free_port()
        arguments = ["serve", "docs", "--data", "data", "--listen", f"127.0.0.1:{port}"]
        program = subprocess.Popen([binary, *arguments], cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            origin = f"http://127.0.0.1:{port}"
            wait_for(origin + "/api/v1/health")
            well = [directory(origin), described(origin, folder)]
        finally:
            program.terminate()
            program.wait()
    raise SystemExit(0 if all(well) else 1)


if __name__ == "__main__":
    main(os.path.abspath(sys.argv[1]))
