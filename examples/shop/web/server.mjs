// The dev server of the page: serves public/, nothing else. Node's standard library only.

import { createReadStream } from "node:fs";
import { realpath, stat } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join, sep } from "node:path";
import { pipeline } from "node:stream/promises";
import { fileURLToPath } from "node:url";

const TYPES = {
  ".css": "text/css; charset=utf-8",
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".json": "application/json",
  ".mjs": "text/javascript; charset=utf-8",
  ".png": "image/png",
  ".svg": "image/svg+xml",
  ".txt": "text/plain; charset=utf-8",
};

const HEADERS = {
  "Cache-Control": "no-cache",
  "Content-Security-Policy": "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
  "Referrer-Policy": "no-referrer",
  "X-Content-Type-Options": "nosniff",
};

/** The file below root that a request path names, or null. Links that lead out of root name nothing. */
export async function fileFor(root, path) {
  try {
    const name = decodeURIComponent(path);
    const inside = await realpath(root);
    let file = await realpath(join(inside, name));
    if (file === inside && name.endsWith("/")) file = await realpath(join(inside, "index.html"));
    return file.startsWith(inside + sep) && (await stat(file)).isFile() ? file : null;
  } catch {
    return null; // not there, or not a name at all
  }
}

async function answer(root, request, response) {
  const send = (status, text, headers = {}) => {
    response.writeHead(status, { "Content-Type": TYPES[".txt"], ...HEADERS, ...headers });
    response.end(request.method === "HEAD" ? undefined : text);
  };
  if (request.method !== "GET" && request.method !== "HEAD") {
    return send(405, "method not allowed\n", { Allow: "GET, HEAD" });
  }
  const path = request.url.split("?", 1)[0];
  if (path === "/healthz") {
    return (await fileFor(root, "/")) ? send(200, "ok\n") : send(503, "index.html is missing\n");
  }
  const file = await fileFor(root, path);
  if (!file) return send(404, "not found\n");
  const { size } = await stat(file);
  response.writeHead(200, {
    "Content-Type": TYPES[extname(file)] ?? "application/octet-stream",
    "Content-Length": size,
    ...HEADERS,
  });
  if (request.method === "HEAD") return response.end();
  // No more than was promised, should the file grow meanwhile.
  if (size === 0) return response.end();
  await pipeline(createReadStream(file, { end: size - 1 }), response);
}

/** A server of the folder root that does not listen yet. */
export function serve(root) {
  return createServer((request, response) => {
    answer(root, request, response).catch(() => response.destroy());
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const port = Number(process.env.PORT ?? 3000);
  const server = serve(fileURLToPath(new URL("public", import.meta.url)));
  server.listen(port, () => console.log(`listening on port ${port}`));
  for (const signal of ["SIGTERM", "SIGINT"]) {
    process.once(signal, () => {
      server.close();
      server.closeIdleConnections();
    });
  }
}
