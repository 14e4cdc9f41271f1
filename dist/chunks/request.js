"use strict";

Object.defineProperty(exports, Symbol.toStringTag, {
 value: "Module"
});

const http = require("node:http");

const https = require("node:https");

const core = require("./core.js");

const BODY_LIMIT_BYTES = 64 * 1024;

const TIMEOUT_MS = 5e3;

function createConnections(options) {
 const settings = {
  keepAlive: true,
  maxSockets: 1,
  maxFreeSockets: 1
 };
 const agents = {
  http: new http.Agent(settings),
  https: new https.Agent(settings)
 };
 return {
  async get(url, request) {
   core.throwIfAborted(request.signal);
   const first = await send(url, request, {
    ...options,
    agents: agents
   });
   if (first !== "stale-connection") return first;
   const second = await send(url, request, {
    ...options,
    agents: agents
   });
   return second === "stale-connection" ? {
    kind: "no-answer",
    detail: "the connection was reset"
   } : second;
  },
  close() {
   agents.http.destroy();
   agents.https.destroy();
  }
 };
}

function send(url, {headers: headers, signal: signal}, options) {
 const {clock: clock, timeoutMs: timeoutMs = TIMEOUT_MS, bodyLimitBytes: bodyLimitBytes = BODY_LIMIT_BYTES, agents: agents} = options;
 return new Promise((resolve, reject) => {
  let timer = null;
  let settled = false;
  const request = url.protocol === "https:" ? https.request(url, {
   method: "GET",
   headers: headers,
   agent: agents.https
  }) : http.request(url, {
   method: "GET",
   headers: headers,
   agent: agents.http
  });
  const settle = act => {
   if (settled) return;
   settled = true;
   timer?.cancel();
   signal.removeEventListener("abort", onAbort);
   act();
  };
  const giveUp = detail => {
   settle(() => resolve({
    kind: "no-answer",
    detail: detail
   }));
   request.destroy();
  };
  const onAbort = () => {
   settle(() => reject(core.abortReason(signal)));
   request.destroy();
  };
  const onError = error => {
   if (request.reusedSocket && error.code === "ECONNRESET") settle(() => resolve("stale-connection")); else giveUp(describeFailure(error, url));
  };
  signal.addEventListener("abort", onAbort, {
   once: true
  });
  request.on("error", onError);
  request.on("socket", () => {
   timer ??= clock.startTimer(timeoutMs, () => giveUp(`no complete answer within ${core.formatDuration(timeoutMs)}`));
  });
  request.on("response", response => {
   const chunks = [];
   let bytes = 0;
   const finish = cut => settle(() => resolve({
    kind: "answer",
    status: response.statusCode ?? 0,
    headers: flatten(response.headers),
    body: Buffer.concat(chunks).subarray(0, bodyLimitBytes).toString("utf8"),
    cut: cut
   }));
   response.on("data", chunk => {
    bytes += chunk.length;
    chunks.push(chunk);
    if (bytes <= bodyLimitBytes) return;
    finish(true);
    request.destroy();
   });
   response.on("end", () => finish(false));
   response.on("error", onError);
   response.on("aborted", () => giveUp("the connection ended in the middle of the answer"));
  });
  request.end();
 });
}

function flatten(headers) {
 const flat = {};
 for (const [name, value] of Object.entries(headers)) if (value !== undefined) flat[name] = Array.isArray(value) ? value.join(", ") : value;
 return flat;
}

function describeFailure(error, url) {
 const code = error.code ?? "no code";
 if (code === "ENOTFOUND" || code === "EAI_AGAIN") return `the name ${url.hostname} is not known (${code})`;
 if (code === "ECONNREFUSED") return `the connection to ${url.host} was refused (${code})`;
 if (/^(ERR_TLS|ERR_SSL|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO)|EPROTO/.test(code)) return `TLS: ${code}`;
 if (code.startsWith("HPE_")) return `the answer is not HTTP (${code})`;
 return `the connection failed (${code})`;
}

exports.BODY_LIMIT_BYTES = BODY_LIMIT_BYTES;

exports.createConnections = createConnections;
