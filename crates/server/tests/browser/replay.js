// What of the time from a key to its results is the page's own?
//
//   node replay.js ADDRESS [ASSETS]
//
// Serves the page with answers that the program at ADDRESS gives once and that are given again after as long as a search
// takes, at 127.0.0.1:7400: so two states of the page are compared on a machine that has other work, without building the
// program. ASSETS: the folder of the page's files. Then, elsewhere: `node typing.js http://127.0.0.1:7400/`, twice; the
// first time answers are fetched.

import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { basename, extname, join } from "node:path";
import { gzipSync } from "node:zlib";

/** What a search takes at 100,000 passages, at the median. */
const SEARCH_MS = 19;
const KINDS = { ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml" };

const [, , program, assets = "../../assets"] = process.argv;
const answers = new Map();

async function answer(path) {
  if (!answers.has(path)) answers.set(path, gzipSync(await fetch(new URL(path, program)).then((response) => response.text()), { level: 1 }));
  return answers.get(path);
}

createServer(async (request, response) => {
  const { pathname } = new URL(request.url, "http://localhost");
  if (pathname.startsWith("/assets/")) {
    response.writeHead(200, { "content-type": KINDS[extname(pathname)] });
    return response.end(readFileSync(join(assets, basename(pathname))));
  }
  if (pathname === "/api/v1/events") return response.writeHead(200, { "content-type": "text/event-stream" });
  if (!pathname.startsWith("/api/")) {
    response.writeHead(200, { "content-type": "text/html; charset=utf-8" });
    return response.end(readFileSync(join(assets, "index.html")));
  }
  const asked = performance.now();
  const body = await answer(request.url);
  const left = pathname.endsWith("/search") ? Math.max(0, SEARCH_MS - (performance.now() - asked)) : 0;
  setTimeout(() => {
    response.writeHead(200, { "content-type": "application/json", "content-encoding": "gzip", "content-length": body.length });
    response.end(body);
  }, left);
}).listen(7400, "127.0.0.1");
