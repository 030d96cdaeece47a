// Lint: every script parses (node --check). Prints what does not.

import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";

const files = readdirSync(".", { recursive: true })
  .filter((name) => name.endsWith(".mjs"))
  .sort();
const broken = files.filter(
  (name) => spawnSync(process.execPath, ["--check", name], { stdio: "inherit" }).status !== 0,
);
console.log(`${files.length} files, ${broken.length} broken`);
process.exitCode = broken.length > 0 || files.length === 0 ? 1 : 0;
