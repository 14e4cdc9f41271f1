"use strict";

Object.defineProperty(exports, Symbol.toStringTag, {
 value: "Module"
});

const xxhash = null;

exports.default = xxhash;
