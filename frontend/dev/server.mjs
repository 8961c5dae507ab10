/**
 * A stand-in for Freehold's server, for working on the front end without it: serves the built files and plays
 * scripted answers. What is asked chooses the script: "refuse", "error", "busy", "slow", "table", "code".
 *
 *     npm run dev                 http://127.0.0.1:8650/        the page
 *                                 http://127.0.0.1:8650/site    a page with the widget
 */
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";

const PORT = Number(process.env.PORT ?? 8650);
const STATIC = new URL("../../freehold/web/static/", import.meta.url);
const KEY = "fh_admin_development";
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self';" +
  " base-uri 'none'; form-action 'none'";
const TYPES = { html: "text/html; charset=utf-8", js: "text/javascript", css: "text/css", txt: "text/plain" };

const PASSAGE = `## Returning an item

You can return any item within **30 days** of delivery. The item must be unused and in its original packaging.

1. Open *Orders* and choose the order.
2. Press \`Return\` beside the item.
3. Print the label, and hand the parcel in at any counter.

| Country | Days | Cost |
| --- | --- | --- |
| Germany | 30 | free |
| Norway | 14 | 4.90 € |

Refunds are paid within five working days after the parcel has arrived with us. Gift cards cannot be returned.`;

const citation = (number, quote, location = "https://shop.example/help/returns") => {
  const start = [...PASSAGE.slice(0, PASSAGE.indexOf(quote))].length;
  return {
    number,
    passage_id: number,
    document: { id: 7, title: "Returns and refunds", location },
    heading_path: ["Returns and refunds", "Returning an item"],
    text: PASSAGE,
    quote,
    start,
    end: start + [...quote].length,
  };
};

const LIST = PASSAGE.slice(PASSAGE.indexOf("1. Open"), PASSAGE.indexOf("\n\n| Country"));
const TABLE = PASSAGE.slice(PASSAGE.indexOf("| Country"), PASSAGE.indexOf("\n\nRefunds"));
const SCRIPTS = {
  answer: [
    ["You can return any item within **30 days** of delivery.", 1],
    [`\n\n${LIST}`, 2],
    ["\n\nRefunds are paid within five working days after the parcel has arrived with us.", 3],
  ],
  table: [
    ["You can return any item within **30 days** of delivery.", 1],
    [`\n\n${TABLE}`, 2],
  ],
  code: [["Run this:\n\n```sh\nfreehold add ./docs --assistant default\n```", 1]],
  refuse: [["The documents do not say.", 0]],
};

const state = { origins: [], sources: [], jobs: new Map(), name: "Shop help", greeting: "", accent: null };
const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

createServer((request, response) => {
  handle(request, response).catch((error) => {
    console.error(error);
    response.destroy();
  });
}).listen(PORT, "127.0.0.1", () => console.log(`http://127.0.0.1:${PORT}/  key: ${KEY}`));

async function handle(request, response) {
  const { pathname } = new URL(request.url, "http://x");
  const path = `${request.method} ${pathname}`;
  const json = (status, body, headers = {}) => {
    response.writeHead(status, { "Content-Type": "application/json", ...headers });
    response.end(body === null ? undefined : JSON.stringify(body));
  };
  const fail = (status, code, message, hint, headers) =>
    json(status, { error: { code, message, hint } }, headers);

  if (path === "GET /site") {
    response.writeHead(200, { "Content-Type": TYPES.html });
    return response.end(
      `<!doctype html><meta name="viewport" content="width=device-width"><title>Shop</title><h1>A shop</h1>
       <p>Words of the shop's own page.</p><script src="/widget.js" data-assistant="pub_own" defer></script>`,
    );
  }
  if (!pathname.startsWith("/api/")) return file(pathname === "/" ? "/index.html" : pathname, response);

  const body = await bodyOf(request);
  if (pathname.startsWith("/api/v1/public/"))
    return visitors(path, pathname, body, { json, fail, request, response });
  if (path === "GET /api/v1/page") return json(200, pageInfo());
  if (request.headers.authorization !== `Bearer ${KEY}`)
    return fail(401, "unauthorized", "This needs an admin key.", "Send it as a bearer token.");
  return admin(path, pathname, body, { json, fail });
}

function visitors(path, pathname, body, { json, fail, request, response }) {
  if (/^GET .*\/public\/[^/]+$/.test(path)) {
    const { assistant } = pageInfo();
    const suggestions = ["How do I return an item?", "When are refunds paid?", "What does a return cost?"];
    return json(200, { assistant, suggestions, ready: true, mode: "extractive" });
  }
  if (path.endsWith("/feedback")) return json(204, null);
  if (path.endsWith("/conversations")) return json(201, { conversation_id: "c1", visitor_token: "vis_1" });
  if (path.startsWith("GET")) return fail(404, "not_found", "No such conversation.", null);
  if (body.text.includes("busy"))
    return fail(503, "overloaded", "Every place is taken.", "Try again shortly.", { "Retry-After": "5" });
  return stream(body.text, request, response);
}

async function stream(text, request, response) {
  response.writeHead(200, { "Content-Type": "text/event-stream" });
  const send = (event, data) => response.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
  const name = Object.keys(SCRIPTS).find((key) => text.includes(key)) ?? "answer";
  let gone = false;
  request.on("close", () => (gone = true));
  send("message_start", { message_id: `m${Date.now()}`, conversation_id: "c1", trace_id: "t1" });
  for (const [words, number] of SCRIPTS[name]) {
    await wait(text.includes("slow") ? 3000 : 500);
    if (gone) return;
    const quote = words.trim();
    if (number)
      send("citation", {
        citation: citation(number, PASSAGE.includes(quote) ? quote : "within **30 days**"),
      });
    send("message_delta", { text: words, citations: number ? [number] : [] });
    if (text.includes("error")) {
      send("error", { error: { code: "engine_crashed", message: "The model stopped.", hint: "Ask again." } });
      return response.end();
    }
  }
  const refused = name === "refuse";
  const nearby = {
    id: 7,
    title: "Returns and refunds",
    location: "help/returns.md",
    heading_path: ["Returning an item"],
  };
  const outcome = refused ? "refused" : "answered";
  send("message_end", {
    message_id: "m1",
    outcome,
    nearby: refused ? [nearby] : [],
    choices: [],
    usage: {},
    timings: {},
  });
  response.end();
}

function admin(path, pathname, body, { json, fail }) {
  const passages = state.sources.length * 240;
  if (path === "GET /api/v1/status")
    return json(200, {
      version: "0.1.0",
      assistants: [{ id: "default", name: state.name, sources: 1, documents: 24, passages, vectors: 90 }],
      passages,
      vectors: { done: Math.min(passages, 90), total: passages },
      search_mode: "hybrid",
      jobs: [...state.jobs.values()].filter((job) => job.state === "running"),
      model: null,
    });
  if (path === "GET /api/v1/sources") return json(200, { sources: state.sources });
  if (path === "POST /api/v1/sources/upload" || path === "POST /api/v1/sources") {
    if (body.location?.includes("127."))
      return fail(403, "egress_denied", "127.0.0.1 is a private address.", "Allow it by name.");
    const id = state.sources.length + 1;
    const title = body.location ?? "Uploaded files";
    const source = {
      id,
      assistant: "default",
      kind: "files",
      location: title,
      title,
      state: "syncing",
      error: null,
    };
    state.sources.push({
      ...source,
      documents: 22,
      passages: 240,
      failed: 2,
      created_at: 0,
      synced_at: null,
    });
    return json(202, { source: state.sources.at(-1), job: startJob(`j${id}`) });
  }
  if (pathname.startsWith("/api/v1/jobs/")) return json(200, state.jobs.get(pathname.split("/")[4]));
  if (pathname.startsWith("/api/v1/assistants/default")) {
    Object.assign(state, body.allowed_origins ? { origins: body.allowed_origins } : body);
    const { name, greeting, accent, origins } = state;
    return json(200, {
      id: "default",
      name,
      greeting,
      accent,
      allowed_origins: origins,
      public_token: "pub_own",
    });
  }
  if (path.startsWith("DELETE /api/v1/sources/")) {
    state.sources = state.sources.filter((source) => source.id !== Number(pathname.split("/")[4]));
    return json(204, null);
  }
  return fail(404, "not_found", `Nothing at ${pathname}.`, null);
}

function startJob(id) {
  const job = {
    id,
    kind: "sync",
    state: "running",
    progress: { done: 0, total: 24, current: null },
    result: null,
    error: null,
  };
  state.jobs.set(id, job);
  const timer = setInterval(() => {
    job.progress = { done: job.progress.done + 1, total: 24, current: `help/page-${job.progress.done}.md` };
    if (job.progress.done < 24) return;
    clearInterval(timer);
    job.state = "done";
    const failed = [
      { document: "old/contract.pdf", code: "unreadable_document", reason: "It is encrypted." },
      { document: "scan.pdf", code: "unreadable_document", reason: "It holds pictures of text, no text." },
    ];
    job.result = { added: 22, changed: 0, removed: 0, unchanged: 0, failed };
  }, 300);
  return job;
}

function pageInfo() {
  const needed = state.sources.length === 0;
  const { name, greeting, accent } = state;
  const own = { id: "default", name, greeting, accent };
  const demo = { id: "demo", name: "Freehold", greeting: "", accent: null };
  const setup = { needed, assistant_id: "default", public_token: "pub_own" };
  return { token: needed ? "pub_demo" : "pub_own", assistant: needed ? demo : own, demo: needed, setup };
}

async function bodyOf(request) {
  const parts = [];
  for await (const part of request) parts.push(part);
  const isJson = request.headers["content-type"]?.includes("json");
  return isJson ? JSON.parse(Buffer.concat(parts).toString() || "{}") : {};
}

async function file(path, response) {
  try {
    const data = await readFile(new URL(`.${path}`, STATIC));
    response.writeHead(200, {
      "Content-Type": TYPES[path.split(".").pop()],
      "Content-Security-Policy": POLICY,
    });
    response.end(data);
  } catch {
    response.writeHead(404).end();
  }
}
