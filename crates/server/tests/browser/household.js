// What do the houses have in common in which people sign in?

import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

export const PASSPHRASE = "quatre mots bien choisis";

/** Writes files below a folder. */
export const writerIn = (work) => (path, content) => {
  mkdirSync(dirname(join(work, path)), { recursive: true });
  writeFileSync(join(work, path), content);
};

/** The configuration of a program that people sign in to: a drive for everybody, with a folder of the same name for a group. */
export const driveFor = (port, group) => `
[server]
listen = "127.0.0.1:${port}"
[data]
folder = "data"
[accounts]
required = true
[[source]]
name = "drive"
path = "drive"
[[access]]
source = "drive"
everyone = true
[[access]]
source = "drive"
path = "${group}/**"
groups = ["${group}"]
`;

/** A way out to a service on this machine. */
export const wayOut = (port, purpose) => `
[[egress]]
host = "127.0.0.1"
port = ${port}
purpose = "${purpose}"
tls = false
`;

/** Opens a section of the administration. */
export async function section(visitor, name) {
  await visitor.open("/administration/" + name);
  await visitor.page.waitForSelector("#content h1");
}
