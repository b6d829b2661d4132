// What do people see while a model writes, and when it fails?

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { writeDocuments } from "./fixture.js";
import { wayOut } from "./household.js";

const QUESTION = "Quelle est la durée de conservation des factures ?";
const SLOW = "Combien de temps garde-t-on les bulletins de paie ?";

const PIECES = ["La durée de conservation ", "des factures est de dix ans ", "à compter de la clôture [1]. ", "Elle est de 47 ans ", "pour les timbres [1]."];

/** A service with OpenAI's interface: one model that fails, one that writes the same to everybody, and to one question without end. */
export function startModel(port) {
  const asked = { slow: 0, left: 0 };
  const server = createServer(async (request, response) => {
    let body = "";
    for await (const part of request) body += part;
    const { model, messages } = JSON.parse(body);
    if (model === "broken") return response.writeHead(500).end("{}");
    const slow = messages.at(-1).content.includes("garde-t-on");
    response.writeHead(200, { "content-type": "text/event-stream" });
    const send = (delta, finish_reason = null) => response.write(`data: ${JSON.stringify({ choices: [{ index: 0, delta, finish_reason }] })}\n\n`);
    if (slow) {
      asked.slow += 1;
      const timer = setInterval(() => send({ content: "Les bulletins de paie " }), 50);
      response.on("close", () => { asked.left += 1; clearInterval(timer); });
      return undefined;
    }
    for (const content of PIECES) {
      send({ content });
      await new Promise((resolve) => setTimeout(resolve, 60));
    }
    send({}, "stop");
    return response.end("data: [DONE]\n\n");
  });
  return new Promise((resolve) => server.listen(port, "127.0.0.1", () => resolve({ server, asked })));
}

/** The documents, and a file that declares the failing model with the other as its fallback. */
export function writeModels(work, port, modelPort) {
  writeDocuments(join(work, "documents"));
  mkdirSync(work, { recursive: true });
  const model = (name, further) => `
[[model]]
name = "${name}"
kind = "open-ai"
purpose = "answers"
url = "http://127.0.0.1:${modelPort}/v1"
${further}`;
  writeFileSync(join(work, "intramuros.toml"), `
[server]
listen = "127.0.0.1:${port}"
[data]
folder = "data"
[[source]]
name = "documents"
path = "documents"
${wayOut(modelPort, "answers")}${model("broken", 'fallback = "local"')}
${model("local", "")}`);
}

async function write({ page, open }, question) {
  await open("/?q=" + encodeURIComponent(question));
  await page.locator(".offer button, .written button.write").first().click();
}

async function written(visitor) {
  await write(visitor, QUESTION);
  await visitor.page.waitForSelector(".written .unsupported");
  await visitor.page.waitForFunction(() => !document.querySelector(".written button.write"));
}

export const writingCases = {
  async "an answer is written by the other model, with its sources, and what nothing supports is marked"(visitor) {
    const { page, shot } = visitor;
    await written(visitor);
    assert.match(await page.textContent(".written .statement"), /dix ans à compter de la clôture/);
    const doubted = await page.locator(".written .unsupported").allTextContents();
    assert.equal(doubted.length, 1);
    assert.match(doubted[0], /47 ans/);
    assert.match(await page.textContent(".written .note"), /broken\s: [^]*local/);
    await shot("written");
    await page.locator(".written .cite").first().click();
    await page.waitForSelector("#document .body mark, #document .pages mark");
  },

  async "what is being written can be stopped, and the model hears of it"({ page, open, shot, model }) {
    await write({ page, open }, SLOW);
    await page.waitForSelector(".written .draft");
    await page.waitForFunction(() => document.querySelector(".written .draft")?.textContent.length > 20);
    await shot("writing");
    await page.getByRole("button", { name: "Arrêter" }).click();
    await page.waitForFunction(() => document.querySelector(".written .note").textContent.length > 0 && !document.querySelector(".written .draft"));
    const until = Date.now() + 10_000;
    while (model.asked.left < model.asked.slow && Date.now() < until) await new Promise((resolve) => setTimeout(resolve, 50));
    assert.ok(model.asked.slow > 0 && model.asked.left === model.asked.slow, JSON.stringify(model.asked));
  },
};

/** Pages on which nothing may stand in anybody's way. */
export const writingPages = { written };
