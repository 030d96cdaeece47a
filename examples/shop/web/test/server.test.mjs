import assert from "node:assert/strict";
import { mkdtemp, mkdir, rm, symlink, writeFile } from "node:fs/promises";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { serve } from "../server.mjs";

let folder;
let server;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "web-"));
  const root = join(folder, "public");
  await mkdir(join(root, "sub"), { recursive: true });
  await mkdir(join(folder, "public-not"));
  await writeFile(join(folder, "secret.txt"), "secret");
  await writeFile(join(folder, "public-not", "secret.txt"), "secret");
  await writeFile(join(root, "index.html"), "<p>hello");
  await writeFile(join(root, "app.mjs"), "0;");
  await writeFile(join(root, "style.css"), "");
  await writeFile(join(root, "a b.txt"), "space");
  await writeFile(join(root, "data.bin"), "\0");
  await symlink(join(folder, "secret.txt"), join(root, "link.txt"));
  server = serve(root);
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
});

after(async () => {
  server.close();
  await rm(folder, { recursive: true });
});

// fetch would tidy the path up before it sends it.
function ask(path, method = "GET") {
  return new Promise((resolve, reject) => {
    const { port } = server.address();
    request({ port, host: "127.0.0.1", path, method, agent: false }, (response) => {
      let body = "";
      response.setEncoding("utf8");
      response.on("data", (chunk) => (body += chunk));
      response.on("end", () => resolve({ status: response.statusCode, headers: response.headers, body }));
    })
      .on("error", reject)
      .end();
  });
}

test("the folder itself is its index.html", async () => {
  const { status, headers, body } = await ask("/?x=/../..");
  assert.equal(status, 200);
  assert.equal(body, "<p>hello");
  assert.equal(headers["content-type"], "text/html; charset=utf-8");
  assert.equal(headers["x-content-type-options"], "nosniff");
  assert.match(headers["content-security-policy"], /default-src 'self'/);
});

for (const [path, type] of [
  ["/app.mjs", "text/javascript; charset=utf-8"],
  ["/style.css", "text/css; charset=utf-8"],
  ["/a%20b.txt", "text/plain; charset=utf-8"],
  ["/data.bin", "application/octet-stream"],
]) {
  test(`${path} is ${type}`, async () => {
    const { status, headers } = await ask(path);
    assert.deepEqual([status, headers["content-type"]], [200, type]);
  });
}

for (const path of [
  "/nothing",
  "/sub",
  "/sub/",
  "/../secret.txt",
  "/..%2fsecret.txt",
  "/%2e%2e/secret.txt",
  "/../public-not/secret.txt",
  "/sub/../../secret.txt",
  "//etc/passwd",
  "/link.txt",
  "/index.html%00.txt",
  "/%zz",
  "/%ff",
]) {
  test(`${path} is not found`, async () => {
    assert.deepEqual((({ status, body }) => [status, body])(await ask(path)), [404, "not found\n"]);
  });
}

test("HEAD has the headers and no body", async () => {
  const { status, headers, body } = await ask("/index.html", "HEAD");
  assert.deepEqual([status, headers["content-length"], body], [200, "8", ""]);
});

test("other methods are refused", async () => {
  const { status, headers } = await ask("/", "POST");
  assert.deepEqual([status, headers.allow], [405, "GET, HEAD"]);
});

test("health is ok while there is a page", async () => {
  assert.deepEqual((({ status, body }) => [status, body])(await ask("/healthz")), [200, "ok\n"]);
});

test("health is not ok without a page", async () => {
  const empty = serve(join(folder, "public-not"));
  await new Promise((done) => empty.listen(0, "127.0.0.1", done));
  const response = await fetch(`http://127.0.0.1:${empty.address().port}/healthz`);
  empty.close();
  assert.equal(response.status, 503);
});
