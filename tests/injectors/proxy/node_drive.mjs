// Drives a Toxiproxy with npm's client and prints what it got: node node_drive.mjs CLIENT_FOLDER URL
import { createRequire } from "node:module";

const [folder, url] = process.argv.slice(2);
const { Toxiproxy } = createRequire(`${folder}/`)("toxiproxy-node-client");
const server = new Toxiproxy(url);
const told = [];
const tell = (what, value) => told.push([what, JSON.parse(JSON.stringify(value ?? null).replace(/:\d{4,5}"/g, ':P"'))]);
const attempt = async (what, doing) => {
  try {
    const value = await doing();
    tell(what, value?.toJson ? value.toJson() : value);
    return value;
  } catch (error) {
    tell(what, { name: error.name, message: error.message, status: error.status, code: error.code });
  }
};

const proxy = await attempt("create", () =>
  server.createProxy({ name: "a", listen: "127.0.0.1:0", upstream: "127.0.0.1:1" }));
await attempt("create twice", () => server.createProxy({ name: "a", listen: "127.0.0.1:0", upstream: "u:1" }));
await attempt("get", () => server.get("a"));
await attempt("get none", () => server.get("none"));
const attributes = { latency: 5, jitter: 1 };
const toxic = await attempt("add", () => proxy.addToxic({ type: "latency", attributes, toxicity: 0.5 }));
await attempt("add twice", () => proxy.addToxic({ type: "latency", attributes }));
await attempt("add wrong type", () => proxy.addToxic({ type: "down", attributes: {} }));
await attempt("add fraction", () => proxy.addToxic({ type: "latency", name: "f", attributes: { latency: 1.5 } }));
await attempt("get toxic", () => proxy.getToxic("latency_downstream"));
await attempt("get no toxic", () => proxy.getToxic("none"));
await attempt("refresh", () => toxic.refresh());
await attempt("update toxic", () => toxic.update({ attributes: { latency: 7, jitter: 0 }, toxicity: 1 }));
await attempt("disable", () => proxy.update({ enabled: false, listen: proxy.listen, upstream: proxy.upstream }));
await attempt("reset", () => server.reset());
await attempt("after reset", async () => (await server.get("a")).toJson());
await attempt("remove toxic", () => toxic.remove());
await attempt("populate", async () => {
  const found = await server.populate([{ name: "b", listen: "127.0.0.1:0", upstream: "u:1" }]);
  return Object.keys(found);
});
await attempt("all", async () => Object.keys(await server.getAll()));
await attempt("remove", () => proxy.remove());
await attempt("remove twice", () => proxy.remove());
console.log(JSON.stringify(told));
