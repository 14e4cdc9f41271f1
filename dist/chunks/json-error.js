"use strict";

Object.defineProperty(exports, Symbol.toStringTag, {
 value: "Module"
});

class Stop {
 at;
 message;
 constructor(at, message) {
  this.at = at;
  this.message = message;
 }
}

const MAX_DEPTH = 500;

const SPACE = /[ \t\n\r]*/y;

const LITERAL = /(?:true|false|null)(?![A-Za-z0-9_])/y;

const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;

const STRING_PART = /(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*/y;

function findJsonError(text) {
 try {
  const end = skipSpace(text, readValue(text, skipSpace(text, 0), 0));
  if (end < text.length) throw new Stop(end, "nothing may follow the value");
  return null;
 } catch (thrown) {
  if (!(thrown instanceof Stop)) throw thrown;
  const before = text.slice(0, thrown.at).split("\n");
  return {
   line: before.length,
   column: (before.at(-1) ?? "").length + 1,
   message: thrown.message
  };
 }
}

function skip(pattern, text, at) {
 pattern.lastIndex = at;
 return pattern.test(text) ? pattern.lastIndex : at;
}

function skipSpace(text, at) {
 return skip(SPACE, text, at);
}

function readValue(text, at, depth) {
 const first = text[at];
 if (first === "{" || first === "[") return readMembers(text, at, depth + 1);
 if (first === '"') return readString(text, at);
 const end = Math.max(skip(LITERAL, text, at), skip(NUMBER, text, at));
 if (end === at) throw new Stop(at, valueHint(text, at));
 return end;
}

function readMembers(text, start, depth) {
 if (depth > MAX_DEPTH) throw new Stop(start, "is nested too deeply");
 const close = text[start] === "{" ? "}" : "]";
 let at = skipSpace(text, start + 1);
 if (text[at] === close) return at + 1;
 for (;;) {
  if (close === "}") {
   if (text[at] !== '"') throw new Stop(at, nameHint(text, at));
   at = skipSpace(text, readString(text, at));
   if (text[at] !== ":") throw new Stop(at, "expected a colon after the name");
   at = skipSpace(text, at + 1);
  }
  at = skipSpace(text, readValue(text, at, depth));
  if (text[at] === close) return at + 1;
  if (text[at] !== ",") throw new Stop(at, commentHint(text, at) ?? `expected a comma or ${close}`);
  at = skipSpace(text, at + 1);
  if (text[at] === close) throw new Stop(at, `a comma may not stand before ${close}`);
 }
}

function readString(text, start) {
 const at = skip(STRING_PART, text, start + 1);
 if (text[at] === '"') return at + 1;
 if (text[at] === "\\") throw new Stop(at, "this escape is unknown; a backslash itself is written twice");
 throw new Stop(at, "the string is not closed on its line");
}

function valueHint(text, at) {
 if (at >= text.length) return "the text ends where a value is expected";
 if (text[at] === "'") return "a string needs double quotes";
 return commentHint(text, at) ?? "expected a value";
}

function nameHint(text, at) {
 if (at >= text.length) return "the text ends where a name is expected";
 return commentHint(text, at) ?? "a name needs double quotes";
}

function commentHint(text, at) {
 return text[at] === "/" || text[at] === "#" ? "JSON has no comments" : undefined;
}

exports.findJsonError = findJsonError;
