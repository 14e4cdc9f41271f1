"use strict";

Object.defineProperty(exports, Symbol.toStringTag, {
 value: "Module"
});

const core = require("./core.js");

const answers = require("./answers.js");

const EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904";

const EMPTY_HINT = "push a first commit to it (a README will do)";

const ACCESS_HINT = "check OWNER/REPO, and that the token belongs to it with `contents: write` (a token that may not see a repository gets a 404)";

function createGitData(client, repository) {
 const name = `${repository.owner}/${repository.repo}`;
 const base = `/repos/${encodeURIComponent(repository.owner)}/${encodeURIComponent(repository.repo)}/git`;
 const object = (read, what) => {
  if (read.kind === "found") return read.data;
  if (read.kind === "missing") return null;
  if (answers.classifyRefRefusal(read.text) === "empty-repository") throw emptyRepository(name);
  throw new core.UnavailableError(`GitHub refused to read ${what} of ${name} (HTTP ${read.status}): ${read.text}`);
 };
 const moved = (write, {ref: ref}) => {
  if (write.kind === "done") return {
   kind: "moved"
  };
  if (write.status === 404) throw noAccess(name, `write ${ref}`);
  const refusal = answers.classifyRefRefusal(write.text);
  if (refusal === "empty-repository") throw emptyRepository(name);
  return {
   kind: "refused",
   refusal: refusal,
   text: write.text
  };
 };
 return {
  async readRef(ref, options = {}) {
   const data = object(await client.read(`${base}/ref/${refPath(ref)}`, options), ref);
   return data === null ? null : parseRef(data, ref).sha;
  },
  async listRefs(startingWith, options = {}) {
   const path = `${base}/matching-refs/${refPath(startingWith)}`;
   const data = object(await client.read(path, options), startingWith);
   if (data === null) return [];
   if (!Array.isArray(data)) throw senseless(startingWith);
   return data.map(item => parseRef(item, startingWith));
  },
  async readCommit(sha, options = {}) {
   const data = object(await client.read(`${base}/commits/${encodeURIComponent(sha)}`, options), sha);
   return data === null ? null : parseCommit(data, sha);
  },
  async createCommit({message: message, parents: parents}, {signal: signal} = {}) {
   const body = {
    message: message,
    tree: EMPTY_TREE,
    parents: parents
   };
   const write = await client.write({
    method: "POST",
    path: `${base}/commits`,
    body: body,
    signal: signal
   });
   if (write.kind === "done") return {
    kind: "created",
    sha: shaOf(write.data, "a new commit")
   };
   if (write.status === 404) throw noAccess(name, "create a commit");
   if (answers.classifyRefRefusal(write.text) === "empty-repository") throw emptyRepository(name);
   return {
    kind: "refused",
    text: `HTTP ${write.status}: ${write.text}`
   };
  },
  async createRef(target, {signal: signal} = {}) {
   const body = {
    ref: target.ref,
    sha: target.sha
   };
   return moved(await client.write({
    method: "POST",
    path: `${base}/refs`,
    body: body,
    signal: signal
   }), target);
  },
  async moveRef(target, {signal: signal} = {}) {
   const path = `${base}/refs/${refPath(target.ref)}`;
   const body = {
    sha: target.sha,
    force: false
   };
   return moved(await client.write({
    method: "PATCH",
    path: path,
    body: body,
    signal: signal
   }), target);
  }
 };
}

function refPath(ref) {
 return ref.replace(/^refs\//, "").split("/").map(encodeURIComponent).join("/");
}

function shaOf(data, what) {
 const sha = core.isJsonObject(data) ? data["sha"] : undefined;
 if (typeof sha !== "string" || !/^[0-9a-f]{40}([0-9a-f]{24})?$/.test(sha)) throw senseless(what);
 return sha;
}

function parseRef(data, what) {
 if (!core.isJsonObject(data) || typeof data["ref"] !== "string") throw senseless(what);
 return {
  ref: data["ref"],
  sha: shaOf(data["object"], what)
 };
}

function parseCommit(data, what) {
 const parents = core.isJsonObject(data) ? data["parents"] : undefined;
 const message = core.isJsonObject(data) ? data["message"] : undefined;
 if (typeof message !== "string" || !Array.isArray(parents)) throw senseless(what);
 return {
  sha: shaOf(data, what),
  message: message,
  parents: parents.map(parent => shaOf(parent, what))
 };
}

function senseless(what) {
 return new core.UnavailableError(`GitHub's answer about ${what} makes no sense`, {
  hint: "check the API address: something else may be answering there"
 });
}

function emptyRepository(name) {
 return new core.UnsupportedError(`the repository ${name} has no commit yet, so it cannot keep locks`, {
  hint: EMPTY_HINT
 });
}

function noAccess(name, what) {
 return new core.AuthError(`GitHub has no repository ${name} for this token, or lets it not ${what}`, {
  hint: ACCESS_HINT
 });
}

exports.EMPTY_TREE = EMPTY_TREE;

exports.createGitData = createGitData;
