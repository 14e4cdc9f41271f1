"use strict";

const require$$0 = require("node:net");

const node_path = require("node:path");

const core = require("./core.js");

function parseAgentEnd(text) {
 const value = parseLine(text);
 if (!core.isJsonObject(value)) return null;
 const {outcome: outcome, message: message, heldMs: heldMs} = value;
 if (outcome !== "released" && outcome !== "lost") return null;
 if (typeof message !== "string" || typeof heldMs !== "number") return null;
 return {
  outcome: outcome,
  message: message,
  heldMs: heldMs
 };
}

function parseGiveBack(text) {
 const value = parseLine(text);
 return core.isJsonObject(value) && typeof value["giveBack"] === "string" ? value["giveBack"] : null;
}

function parseLine(text) {
 try {
  return JSON.parse(text);
 } catch {
  return null;
 }
}

const MAX_LINE_BYTES = 4096;

const ANSWER_MS = 3e4;

async function listenForGiveBack(folder, onGiveBack) {
 const nonce = core.createNonce();
 const path = process.platform === "win32" ? `\\\\.\\pipe\\lockstep-${core.createNonce()}` : node_path.join(folder, "agent");
 const answers = new Set;
 const answer = async socket => {
  const line = `${JSON.stringify(await onGiveBack())}\n`;
  await new Promise(resolve => {
   socket.once("close", () => resolve());
   if (socket.destroyed) resolve(); else socket.write(line, () => resolve());
  });
 };
 const server = require$$0.createServer(socket => {
  socket.on("error", () => socket.destroy());
  readLine(socket, line => {
   if (line === null || parseGiveBack(line) !== nonce) socket.destroy(); else answers.add(answer(socket));
  });
 });
 await new Promise((resolve, reject) => {
  server.once("error", reject);
  server.listen(path, resolve);
 });
 return {
  address: {
   path: path,
   nonce: nonce
  },
  async close() {
   server.close();
   await Promise.all(answers);
  }
 };
}

function askToGiveBack({path: path, nonce: nonce}, clock) {
 return new Promise(resolve => {
  const socket = require$$0.createConnection(path);
  let end = null;
  const timer = clock.startTimer(ANSWER_MS, () => socket.destroy());
  socket.on("error", () => socket.destroy());
  socket.on("close", () => {
   timer.cancel();
   resolve(end);
  });
  readLine(socket, line => {
   end = line === null ? null : parseAgentEnd(line);
  });
  socket.write(`${JSON.stringify({
   giveBack: nonce
  })}\n`);
 });
}

function readLine(socket, callback) {
 let text = "";
 const onData = chunk => {
  text += chunk;
  const end = text.indexOf("\n");
  if (end < 0 && text.length <= MAX_LINE_BYTES) return;
  socket.off("data", onData);
  callback(end < 0 ? null : text.slice(0, end));
 };
 socket.setEncoding("utf8").on("data", onData);
}

exports.askToGiveBack = askToGiveBack;

exports.listenForGiveBack = listenForGiveBack;

exports.parseAgentEnd = parseAgentEnd;
