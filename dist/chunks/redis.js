"use strict";

Object.defineProperty(exports, Symbol.toStringTag, {
 value: "Module"
});

const core = require("./core.js");

const engine = require("./engine.js");

const require$$0 = require("node:crypto");

const require$$0$5 = require("node:events");

const require$$0$4 = require("node:net");

const require$$5 = require("node:tls");

const require$$3$1 = require("node:timers/promises");

const require$$0$3 = require("net");

const require$$1 = require("dns/promises");

const require$$0$1 = require("node:assert");

const require$$0$2 = require("node:diagnostics_channel");

const require$$0$6 = require("events");

const require$$1$1 = require("node:url");

const require$$5$1 = require("node:perf_hooks");

const stream = require("stream");

const _commonjsHelpers = require("./_commonjsHelpers.js");

const connection = require("./connection.js");

const tlsFiles = require("./tls-files.js");

var dist = {};

var types$2 = {};

var decoder = {};

var verbatimString = {};

var hasRequiredVerbatimString;

function requireVerbatimString() {
 if (hasRequiredVerbatimString) return verbatimString;
 hasRequiredVerbatimString = 1;
 Object.defineProperty(verbatimString, "__esModule", {
  value: true
 });
 verbatimString.VerbatimString = void 0;
 class VerbatimString extends String {
  format;
  constructor(format, value) {
   super(value);
   this.format = format;
  }
 }
 verbatimString.VerbatimString = VerbatimString;
 Object.create(String.prototype).redisVerbatimString = true;
 return verbatimString;
}

var errors = {};

var hasRequiredErrors;

function requireErrors() {
 if (hasRequiredErrors) return errors;
 hasRequiredErrors = 1;
 Object.defineProperty(errors, "__esModule", {
  value: true
 });
 errors.MaxCommandRedirectionsError = errors.OpenTelemetryError = errors.MultiErrorReply = errors.CommandTimeoutDuringMaintenanceError = errors.SocketTimeoutDuringMaintenanceError = errors.TimeoutError = errors.BlobError = errors.SimpleError = errors.ErrorReply = errors.ReconnectStrategyError = errors.ScanIteratorInterruptedError = errors.RootNodesUnavailableError = errors.SocketClosedUnexpectedlyError = errors.DisconnectsClientError = errors.ClientOfflineError = errors.ClientClosedError = errors.SocketTimeoutError = errors.ConnectionTimeoutError = errors.WatchError = errors.AbortError = void 0;
 class AbortError extends Error {
  constructor() {
   super("The command was aborted");
  }
 }
 errors.AbortError = AbortError;
 class WatchError extends Error {
  constructor(message = "One (or more) of the watched keys has been changed") {
   super(message);
  }
 }
 errors.WatchError = WatchError;
 class ConnectionTimeoutError extends Error {
  constructor() {
   super("Connection timeout");
  }
 }
 errors.ConnectionTimeoutError = ConnectionTimeoutError;
 class SocketTimeoutError extends Error {
  constructor(timeout) {
   super(`Socket timeout timeout. Expecting data, but didn't receive any in ${timeout}ms.`);
  }
 }
 errors.SocketTimeoutError = SocketTimeoutError;
 class ClientClosedError extends Error {
  constructor() {
   super("The client is closed");
  }
 }
 errors.ClientClosedError = ClientClosedError;
 class ClientOfflineError extends Error {
  constructor() {
   super("The client is offline");
  }
 }
 errors.ClientOfflineError = ClientOfflineError;
 class DisconnectsClientError extends Error {
  constructor() {
   super("Disconnects client");
  }
 }
 errors.DisconnectsClientError = DisconnectsClientError;
 class SocketClosedUnexpectedlyError extends Error {
  constructor() {
   super("Socket closed unexpectedly");
  }
 }
 errors.SocketClosedUnexpectedlyError = SocketClosedUnexpectedlyError;
 class RootNodesUnavailableError extends Error {
  constructor() {
   super("All the root nodes are unavailable");
  }
 }
 errors.RootNodesUnavailableError = RootNodesUnavailableError;
 class ScanIteratorInterruptedError extends Error {
  constructor(cause) {
   super("Scan iteration was interrupted by a Sentinel master change", cause === undefined ? undefined : {
    cause: cause
   });
  }
 }
 errors.ScanIteratorInterruptedError = ScanIteratorInterruptedError;
 class ReconnectStrategyError extends Error {
  originalError;
  socketError;
  constructor(originalError, socketError) {
   super(originalError.message);
   this.originalError = originalError;
   this.socketError = socketError;
  }
 }
 errors.ReconnectStrategyError = ReconnectStrategyError;
 class ErrorReply extends Error {}
 errors.ErrorReply = ErrorReply;
 class SimpleError extends ErrorReply {}
 errors.SimpleError = SimpleError;
 class BlobError extends ErrorReply {}
 errors.BlobError = BlobError;
 class TimeoutError extends Error {}
 errors.TimeoutError = TimeoutError;
 class SocketTimeoutDuringMaintenanceError extends TimeoutError {
  constructor(timeout) {
   super(`Socket timeout during maintenance. Expecting data, but didn't receive any in ${timeout}ms.`);
  }
 }
 errors.SocketTimeoutDuringMaintenanceError = SocketTimeoutDuringMaintenanceError;
 class CommandTimeoutDuringMaintenanceError extends TimeoutError {
  constructor(timeout) {
   super(`Command timeout during maintenance. Waited to write command for more than ${timeout}ms.`);
  }
 }
 errors.CommandTimeoutDuringMaintenanceError = CommandTimeoutDuringMaintenanceError;
 class MultiErrorReply extends ErrorReply {
  replies;
  errorIndexes;
  constructor(replies, errorIndexes) {
   super(`${errorIndexes.length} commands failed, see .replies and .errorIndexes for more information`);
   this.replies = replies;
   this.errorIndexes = errorIndexes;
  }
  * errors() {
   for (const index of this.errorIndexes) {
    yield this.replies[index];
   }
  }
 }
 errors.MultiErrorReply = MultiErrorReply;
 class OpenTelemetryError extends Error {}
 errors.OpenTelemetryError = OpenTelemetryError;
 class MaxCommandRedirectionsError extends Error {
  constructor(cause) {
   super("Too many Cluster redirections", cause === undefined ? undefined : {
    cause: cause
   });
  }
 }
 errors.MaxCommandRedirectionsError = MaxCommandRedirectionsError;
 return errors;
}

var hasRequiredDecoder;

function requireDecoder() {
 if (hasRequiredDecoder) return decoder;
 hasRequiredDecoder = 1;
 (function(exports) {
  Object.defineProperty(exports, "__esModule", {
   value: true
  });
  exports.Decoder = exports.PUSH_TYPE_MAPPING = exports.RESP_TYPES = void 0;
  const verbatim_string_1 = requireVerbatimString();
  const errors_1 = requireErrors();
  exports.RESP_TYPES = {
   NULL: 95,
   BOOLEAN: 35,
   NUMBER: 58,
   BIG_NUMBER: 40,
   DOUBLE: 44,
   SIMPLE_STRING: 43,
   BLOB_STRING: 36,
   VERBATIM_STRING: 61,
   SIMPLE_ERROR: 45,
   BLOB_ERROR: 33,
   ARRAY: 42,
   SET: 126,
   MAP: 37,
   PUSH: 62
  };
  const ASCII = {
   "\r": 13,
   t: 116,
   "+": 43,
   "-": 45,
   0: 48,
   ".": 46
  };
  const POWERS_OF_10 = [ 1, 10, 100, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22 ];
  const MAX_SIGNIFICAND_BEFORE_DIGIT = 900719925474098;
  function slowParseDouble(buffer, start, end) {
   const string = buffer.toString(undefined, start, end);
   switch (string) {
   case "inf":
   case "+inf":
    return Infinity;

   case "-inf":
    return -Infinity;

   case "nan":
    return NaN;
   }
   return Number(string);
  }
  exports.PUSH_TYPE_MAPPING = {
   [exports.RESP_TYPES.BLOB_STRING]: Buffer
  };
  class Decoder {
   onReply;
   onErrorReply;
   onPush;
   getTypeMapping;
   #cursor=0;
   #next;
   constructor(config) {
    this.onReply = config.onReply;
    this.onErrorReply = config.onErrorReply;
    this.onPush = config.onPush;
    this.getTypeMapping = config.getTypeMapping;
   }
   reset() {
    this.#cursor = 0;
    this.#next = undefined;
   }
   write(chunk) {
    if (this.#cursor >= chunk.length) {
     this.#cursor -= chunk.length;
     return;
    }
    if (this.#next) {
     if (this.#next(chunk) || this.#cursor >= chunk.length) {
      this.#cursor -= chunk.length;
      return;
     }
    }
    do {
     const type = chunk[this.#cursor];
     if (++this.#cursor === chunk.length) {
      this.#next = this.#continueDecodeTypeValue.bind(this, type);
      break;
     }
     if (this.#decodeTypeValue(type, chunk)) {
      break;
     }
    } while (this.#cursor < chunk.length);
    this.#cursor -= chunk.length;
   }
   #continueDecodeTypeValue(type, chunk) {
    this.#next = undefined;
    return this.#decodeTypeValue(type, chunk);
   }
   #decodeTypeValue(type, chunk) {
    switch (type) {
    case exports.RESP_TYPES.NULL:
     this.onReply(this.#decodeNull());
     return false;

    case exports.RESP_TYPES.BOOLEAN:
     return this.#handleDecodedValue(this.onReply, this.#decodeBoolean(chunk));

    case exports.RESP_TYPES.NUMBER:
     return this.#handleDecodedValue(this.onReply, this.#decodeNumber(this.getTypeMapping()[exports.RESP_TYPES.NUMBER], chunk));

    case exports.RESP_TYPES.BIG_NUMBER:
     return this.#handleDecodedValue(this.onReply, this.#decodeBigNumber(this.getTypeMapping()[exports.RESP_TYPES.BIG_NUMBER], chunk));

    case exports.RESP_TYPES.DOUBLE:
     return this.#handleDecodedValue(this.onReply, this.#decodeDouble(this.getTypeMapping()[exports.RESP_TYPES.DOUBLE], chunk));

    case exports.RESP_TYPES.SIMPLE_STRING:
     return this.#handleDecodedValue(this.onReply, this.#decodeSimpleString(this.getTypeMapping()[exports.RESP_TYPES.SIMPLE_STRING], chunk));

    case exports.RESP_TYPES.BLOB_STRING:
     return this.#handleDecodedValue(this.onReply, this.#decodeBlobString(this.getTypeMapping()[exports.RESP_TYPES.BLOB_STRING], chunk));

    case exports.RESP_TYPES.VERBATIM_STRING:
     return this.#handleDecodedValue(this.onReply, this.#decodeVerbatimString(this.getTypeMapping()[exports.RESP_TYPES.VERBATIM_STRING], chunk));

    case exports.RESP_TYPES.SIMPLE_ERROR:
     return this.#handleDecodedValue(this.onErrorReply, this.#decodeSimpleError(chunk));

    case exports.RESP_TYPES.BLOB_ERROR:
     return this.#handleDecodedValue(this.onErrorReply, this.#decodeBlobError(chunk));

    case exports.RESP_TYPES.ARRAY:
     return this.#handleDecodedValue(this.onReply, this.#decodeArray(this.getTypeMapping(), chunk));

    case exports.RESP_TYPES.SET:
     return this.#handleDecodedValue(this.onReply, this.#decodeSet(this.getTypeMapping(), chunk));

    case exports.RESP_TYPES.MAP:
     return this.#handleDecodedValue(this.onReply, this.#decodeMap(this.getTypeMapping(), chunk));

    case exports.RESP_TYPES.PUSH:
     return this.#handleDecodedValue(this.onPush, this.#decodeArray(exports.PUSH_TYPE_MAPPING, chunk));

    default:
     throw new Error(`Unknown RESP type ${type} "${String.fromCharCode(type)}"`);
    }
   }
   #handleDecodedValue(cb, value) {
    if (typeof value === "function") {
     this.#next = this.#continueDecodeValue.bind(this, cb, value);
     return true;
    }
    cb(value);
    return false;
   }
   #continueDecodeValue(cb, next, chunk) {
    this.#next = undefined;
    return this.#handleDecodedValue(cb, next(chunk));
   }
   #decodeNull() {
    this.#cursor += 2;
    return null;
   }
   #decodeBoolean(chunk) {
    const boolean = chunk[this.#cursor] === ASCII.t;
    this.#cursor += 3;
    return boolean;
   }
   #decodeNumber(type, chunk) {
    if (type === String) {
     return this.#decodeSimpleString(String, chunk);
    }
    switch (chunk[this.#cursor]) {
    case ASCII["+"]:
     return this.#maybeDecodeNumberValue(false, chunk);

    case ASCII["-"]:
     return this.#maybeDecodeNumberValue(true, chunk);

    default:
     return this.#decodeNumberValue(false, this.#decodeUnsingedNumber.bind(this, 0), chunk);
    }
   }
   #maybeDecodeNumberValue(isNegative, chunk) {
    const cb = this.#decodeUnsingedNumber.bind(this, 0);
    return ++this.#cursor === chunk.length ? this.#decodeNumberValue.bind(this, isNegative, cb) : this.#decodeNumberValue(isNegative, cb, chunk);
   }
   #decodeNumberValue(isNegative, numberCb, chunk) {
    const number = numberCb(chunk);
    return typeof number === "function" ? this.#decodeNumberValue.bind(this, isNegative, number) : isNegative ? -number : number;
   }
   #decodeUnsingedNumber(number, chunk) {
    let cursor = this.#cursor;
    do {
     const byte = chunk[cursor];
     if (byte === ASCII["\r"]) {
      this.#cursor = cursor + 2;
      return number;
     }
     number = number * 10 + byte - ASCII["0"];
    } while (++cursor < chunk.length);
    this.#cursor = cursor;
    return this.#decodeUnsingedNumber.bind(this, number);
   }
   #decodeBigNumber(type, chunk) {
    if (type === String) {
     return this.#decodeSimpleString(String, chunk);
    }
    switch (chunk[this.#cursor]) {
    case ASCII["+"]:
     return this.#maybeDecodeBigNumberValue(false, chunk);

    case ASCII["-"]:
     return this.#maybeDecodeBigNumberValue(true, chunk);

    default:
     return this.#decodeBigNumberValue(false, this.#decodeUnsingedBigNumber.bind(this, 0n), chunk);
    }
   }
   #maybeDecodeBigNumberValue(isNegative, chunk) {
    const cb = this.#decodeUnsingedBigNumber.bind(this, 0n);
    return ++this.#cursor === chunk.length ? this.#decodeBigNumberValue.bind(this, isNegative, cb) : this.#decodeBigNumberValue(isNegative, cb, chunk);
   }
   #decodeBigNumberValue(isNegative, bigNumberCb, chunk) {
    const bigNumber = bigNumberCb(chunk);
    return typeof bigNumber === "function" ? this.#decodeBigNumberValue.bind(this, isNegative, bigNumber) : isNegative ? -bigNumber : bigNumber;
   }
   #decodeUnsingedBigNumber(bigNumber, chunk) {
    let cursor = this.#cursor;
    do {
     const byte = chunk[cursor];
     if (byte === ASCII["\r"]) {
      this.#cursor = cursor + 2;
      return bigNumber;
     }
     bigNumber = bigNumber * 10n + BigInt(byte - ASCII["0"]);
    } while (++cursor < chunk.length);
    this.#cursor = cursor;
    return this.#decodeUnsingedBigNumber.bind(this, bigNumber);
   }
   #decodeDouble(type, chunk) {
    if (type === String) {
     return this.#decodeSimpleString(String, chunk);
    }
    const start = this.#cursor;
    let cursor = start;
    if (chunk[cursor] === ASCII["-"] || chunk[cursor] === ASCII["+"]) {
     cursor++;
    }
    let significand = 0, digits = 0, fractionDigits = -1;
    while (cursor < chunk.length) {
     const byte = chunk[cursor];
     if (byte === ASCII["\r"]) {
      this.#cursor = cursor + 2;
      if (digits === 0 || fractionDigits >= POWERS_OF_10.length) {
       return slowParseDouble(chunk, start, cursor);
      }
      const double = fractionDigits > 0 ? significand / POWERS_OF_10[fractionDigits] : significand;
      return chunk[start] === ASCII["-"] ? -double : double;
     }
     if (byte === ASCII["."] && fractionDigits === -1) {
      fractionDigits = 0;
     } else {
      const digit = byte - ASCII["0"];
      if (digit < 0 || digit > 9 || significand > MAX_SIGNIFICAND_BEFORE_DIGIT) {
       const crlfIndex = this.#findCRLF(chunk, cursor);
       return crlfIndex === -1 ? this.#continueDecodeDouble.bind(this, [ chunk.subarray(start) ]) : slowParseDouble(chunk, start, crlfIndex);
      }
      significand = significand * 10 + digit;
      digits++;
      if (fractionDigits !== -1) fractionDigits++;
     }
     cursor++;
    }
    this.#cursor = cursor;
    return this.#continueDecodeDouble.bind(this, [ chunk.subarray(start) ]);
   }
   #continueDecodeDouble(chunks, chunk) {
    const buffer = this.#continueDecodeSimpleString(chunks, Buffer, chunk);
    return typeof buffer === "function" ? this.#continueDecodeDouble.bind(this, chunks) : slowParseDouble(buffer, 0, buffer.length);
   }
   #findCRLF(chunk, cursor) {
    while (chunk[cursor] !== ASCII["\r"]) {
     if (++cursor === chunk.length) {
      this.#cursor = chunk.length;
      return -1;
     }
    }
    this.#cursor = cursor + 2;
    return cursor;
   }
   #decodeSimpleString(type, chunk) {
    const start = this.#cursor, crlfIndex = this.#findCRLF(chunk, start);
    if (crlfIndex === -1) {
     return this.#continueDecodeSimpleString.bind(this, [ chunk.subarray(start) ], type);
    }
    const slice = chunk.subarray(start, crlfIndex);
    return type === Buffer ? slice : slice.toString();
   }
   #continueDecodeSimpleString(chunks, type, chunk) {
    const start = this.#cursor, crlfIndex = this.#findCRLF(chunk, start);
    if (crlfIndex === -1) {
     chunks.push(chunk.subarray(start));
     return this.#continueDecodeSimpleString.bind(this, chunks, type);
    }
    chunks.push(chunk.subarray(start, crlfIndex));
    const buffer = Buffer.concat(chunks);
    return type === Buffer ? buffer : buffer.toString();
   }
   #decodeBlobString(type, chunk) {
    if (chunk[this.#cursor] === ASCII["-"]) {
     this.#cursor += 4;
     return null;
    }
    const length = this.#decodeUnsingedNumber(0, chunk);
    if (typeof length === "function") {
     return this.#continueDecodeBlobStringLength.bind(this, length, type);
    } else if (this.#cursor >= chunk.length) {
     return this.#decodeBlobStringWithLength.bind(this, length, type);
    }
    return this.#decodeBlobStringWithLength(length, type, chunk);
   }
   #continueDecodeBlobStringLength(lengthCb, type, chunk) {
    const length = lengthCb(chunk);
    if (typeof length === "function") {
     return this.#continueDecodeBlobStringLength.bind(this, length, type);
    } else if (this.#cursor >= chunk.length) {
     return this.#decodeBlobStringWithLength.bind(this, length, type);
    }
    return this.#decodeBlobStringWithLength(length, type, chunk);
   }
   #decodeStringWithLength(length, skip, type, chunk) {
    const end = this.#cursor + length;
    if (end >= chunk.length) {
     const slice = chunk.subarray(this.#cursor);
     this.#cursor = chunk.length;
     return this.#continueDecodeStringWithLength.bind(this, length - slice.length, [ slice ], skip, type);
    }
    const slice = chunk.subarray(this.#cursor, end);
    this.#cursor = end + skip;
    return type === Buffer ? slice : slice.toString();
   }
   #continueDecodeStringWithLength(length, chunks, skip, type, chunk) {
    const end = this.#cursor + length;
    if (end >= chunk.length) {
     const slice = chunk.subarray(this.#cursor);
     chunks.push(slice);
     this.#cursor = chunk.length;
     return this.#continueDecodeStringWithLength.bind(this, length - slice.length, chunks, skip, type);
    }
    chunks.push(chunk.subarray(this.#cursor, end));
    this.#cursor = end + skip;
    const buffer = Buffer.concat(chunks);
    return type === Buffer ? buffer : buffer.toString();
   }
   #decodeBlobStringWithLength(length, type, chunk) {
    return this.#decodeStringWithLength(length, 2, type, chunk);
   }
   #decodeVerbatimString(type, chunk) {
    return this.#continueDecodeVerbatimStringLength(this.#decodeUnsingedNumber.bind(this, 0), type, chunk);
   }
   #continueDecodeVerbatimStringLength(lengthCb, type, chunk) {
    const length = lengthCb(chunk);
    return typeof length === "function" ? this.#continueDecodeVerbatimStringLength.bind(this, length, type) : this.#decodeVerbatimStringWithLength(length, type, chunk);
   }
   #decodeVerbatimStringWithLength(length, type, chunk) {
    const stringLength = length - 4;
    if (type === verbatim_string_1.VerbatimString) {
     return this.#decodeVerbatimStringFormat(stringLength, chunk);
    }
    this.#cursor += 4;
    return this.#cursor >= chunk.length ? this.#decodeBlobStringWithLength.bind(this, stringLength, type) : this.#decodeBlobStringWithLength(stringLength, type, chunk);
   }
   #decodeVerbatimStringFormat(stringLength, chunk) {
    const formatCb = this.#decodeStringWithLength.bind(this, 3, 1, String);
    return this.#cursor >= chunk.length ? this.#continueDecodeVerbatimStringFormat.bind(this, stringLength, formatCb) : this.#continueDecodeVerbatimStringFormat(stringLength, formatCb, chunk);
   }
   #continueDecodeVerbatimStringFormat(stringLength, formatCb, chunk) {
    const format = formatCb(chunk);
    return typeof format === "function" ? this.#continueDecodeVerbatimStringFormat.bind(this, stringLength, format) : this.#decodeVerbatimStringWithFormat(stringLength, format, chunk);
   }
   #decodeVerbatimStringWithFormat(stringLength, format, chunk) {
    return this.#continueDecodeVerbatimStringWithFormat(format, this.#decodeBlobStringWithLength.bind(this, stringLength, String), chunk);
   }
   #continueDecodeVerbatimStringWithFormat(format, stringCb, chunk) {
    const string = stringCb(chunk);
    return typeof string === "function" ? this.#continueDecodeVerbatimStringWithFormat.bind(this, format, string) : new verbatim_string_1.VerbatimString(format, string);
   }
   #decodeSimpleError(chunk) {
    const string = this.#decodeSimpleString(String, chunk);
    return typeof string === "function" ? this.#continueDecodeSimpleError.bind(this, string) : new errors_1.SimpleError(string);
   }
   #continueDecodeSimpleError(stringCb, chunk) {
    const string = stringCb(chunk);
    return typeof string === "function" ? this.#continueDecodeSimpleError.bind(this, string) : new errors_1.SimpleError(string);
   }
   #decodeBlobError(chunk) {
    const string = this.#decodeBlobString(String, chunk);
    return typeof string === "function" ? this.#continueDecodeBlobError.bind(this, string) : new errors_1.BlobError(string);
   }
   #continueDecodeBlobError(stringCb, chunk) {
    const string = stringCb(chunk);
    return typeof string === "function" ? this.#continueDecodeBlobError.bind(this, string) : new errors_1.BlobError(string);
   }
   #decodeNestedType(typeMapping, chunk) {
    const type = chunk[this.#cursor];
    return ++this.#cursor === chunk.length ? this.#decodeNestedTypeValue.bind(this, type, typeMapping) : this.#decodeNestedTypeValue(type, typeMapping, chunk);
   }
   #decodeNestedTypeValue(type, typeMapping, chunk) {
    switch (type) {
    case exports.RESP_TYPES.NULL:
     return this.#decodeNull();

    case exports.RESP_TYPES.BOOLEAN:
     return this.#decodeBoolean(chunk);

    case exports.RESP_TYPES.NUMBER:
     return this.#decodeNumber(typeMapping[exports.RESP_TYPES.NUMBER], chunk);

    case exports.RESP_TYPES.BIG_NUMBER:
     return this.#decodeBigNumber(typeMapping[exports.RESP_TYPES.BIG_NUMBER], chunk);

    case exports.RESP_TYPES.DOUBLE:
     return this.#decodeDouble(typeMapping[exports.RESP_TYPES.DOUBLE], chunk);

    case exports.RESP_TYPES.SIMPLE_STRING:
     return this.#decodeSimpleString(typeMapping[exports.RESP_TYPES.SIMPLE_STRING], chunk);

    case exports.RESP_TYPES.BLOB_STRING:
     return this.#decodeBlobString(typeMapping[exports.RESP_TYPES.BLOB_STRING], chunk);

    case exports.RESP_TYPES.VERBATIM_STRING:
     return this.#decodeVerbatimString(typeMapping[exports.RESP_TYPES.VERBATIM_STRING], chunk);

    case exports.RESP_TYPES.SIMPLE_ERROR:
     return this.#decodeSimpleError(chunk);

    case exports.RESP_TYPES.BLOB_ERROR:
     return this.#decodeBlobError(chunk);

    case exports.RESP_TYPES.ARRAY:
     return this.#decodeArray(typeMapping, chunk);

    case exports.RESP_TYPES.SET:
     return this.#decodeSet(typeMapping, chunk);

    case exports.RESP_TYPES.MAP:
     return this.#decodeMap(typeMapping, chunk);

    default:
     throw new Error(`Unknown RESP type ${type} "${String.fromCharCode(type)}"`);
    }
   }
   #decodeArray(typeMapping, chunk) {
    if (chunk[this.#cursor] === ASCII["-"]) {
     this.#cursor += 4;
     return null;
    }
    return this.#decodeArrayWithLength(this.#decodeUnsingedNumber(0, chunk), typeMapping, chunk);
   }
   #decodeArrayWithLength(length, typeMapping, chunk) {
    return typeof length === "function" ? this.#continueDecodeArrayLength.bind(this, length, typeMapping) : this.#decodeArrayItems(new Array(length), 0, typeMapping, chunk);
   }
   #continueDecodeArrayLength(lengthCb, typeMapping, chunk) {
    return this.#decodeArrayWithLength(lengthCb(chunk), typeMapping, chunk);
   }
   #decodeArrayItems(array, filled, typeMapping, chunk) {
    for (let i = filled; i < array.length; i++) {
     if (this.#cursor >= chunk.length) {
      return this.#decodeArrayItems.bind(this, array, i, typeMapping);
     }
     const item = this.#decodeNestedType(typeMapping, chunk);
     if (typeof item === "function") {
      return this.#continueDecodeArrayItems.bind(this, array, i, item, typeMapping);
     }
     array[i] = item;
    }
    return array;
   }
   #continueDecodeArrayItems(array, filled, itemCb, typeMapping, chunk) {
    const item = itemCb(chunk);
    if (typeof item === "function") {
     return this.#continueDecodeArrayItems.bind(this, array, filled, item, typeMapping);
    }
    array[filled++] = item;
    return this.#decodeArrayItems(array, filled, typeMapping, chunk);
   }
   #decodeSet(typeMapping, chunk) {
    const length = this.#decodeUnsingedNumber(0, chunk);
    if (typeof length === "function") {
     return this.#continueDecodeSetLength.bind(this, length, typeMapping);
    }
    return this.#decodeSetItems(length, typeMapping, chunk);
   }
   #continueDecodeSetLength(lengthCb, typeMapping, chunk) {
    const length = lengthCb(chunk);
    return typeof length === "function" ? this.#continueDecodeSetLength.bind(this, length, typeMapping) : this.#decodeSetItems(length, typeMapping, chunk);
   }
   #decodeSetItems(length, typeMapping, chunk) {
    return typeMapping[exports.RESP_TYPES.SET] === Set ? this.#decodeSetAsSet(new Set, length, typeMapping, chunk) : this.#decodeArrayItems(new Array(length), 0, typeMapping, chunk);
   }
   #decodeSetAsSet(set, remaining, typeMapping, chunk) {
    while (remaining > 0) {
     if (this.#cursor >= chunk.length) {
      return this.#decodeSetAsSet.bind(this, set, remaining, typeMapping);
     }
     const item = this.#decodeNestedType(typeMapping, chunk);
     if (typeof item === "function") {
      return this.#continueDecodeSetAsSet.bind(this, set, remaining, item, typeMapping);
     }
     set.add(item);
     --remaining;
    }
    return set;
   }
   #continueDecodeSetAsSet(set, remaining, itemCb, typeMapping, chunk) {
    const item = itemCb(chunk);
    if (typeof item === "function") {
     return this.#continueDecodeSetAsSet.bind(this, set, remaining, item, typeMapping);
    }
    set.add(item);
    return this.#decodeSetAsSet(set, remaining - 1, typeMapping, chunk);
   }
   #decodeMap(typeMapping, chunk) {
    const length = this.#decodeUnsingedNumber(0, chunk);
    if (typeof length === "function") {
     return this.#continueDecodeMapLength.bind(this, length, typeMapping);
    }
    return this.#decodeMapItems(length, typeMapping, chunk);
   }
   #continueDecodeMapLength(lengthCb, typeMapping, chunk) {
    const length = lengthCb(chunk);
    return typeof length === "function" ? this.#continueDecodeMapLength.bind(this, length, typeMapping) : this.#decodeMapItems(length, typeMapping, chunk);
   }
   #decodeMapItems(length, typeMapping, chunk) {
    switch (typeMapping[exports.RESP_TYPES.MAP]) {
    case Map:
     return this.#decodeMapAsMap(new Map, length, typeMapping, chunk);

    case Array:
     return this.#decodeArrayItems(new Array(length * 2), 0, typeMapping, chunk);

    default:
     return this.#decodeMapAsObject({}, length, typeMapping, chunk);
    }
   }
   #decodeMapAsMap(map, remaining, typeMapping, chunk) {
    while (remaining > 0) {
     if (this.#cursor >= chunk.length) {
      return this.#decodeMapAsMap.bind(this, map, remaining, typeMapping);
     }
     const key = this.#decodeMapKey(typeMapping, chunk);
     if (typeof key === "function") {
      return this.#continueDecodeMapKey.bind(this, map, remaining, key, typeMapping);
     }
     if (this.#cursor >= chunk.length) {
      return this.#continueDecodeMapValue.bind(this, map, remaining, key, this.#decodeNestedType.bind(this, typeMapping), typeMapping);
     }
     const value = this.#decodeNestedType(typeMapping, chunk);
     if (typeof value === "function") {
      return this.#continueDecodeMapValue.bind(this, map, remaining, key, value, typeMapping);
     }
     map.set(key, value);
     --remaining;
    }
    return map;
   }
   #decodeMapKey(typeMapping, chunk) {
    const type = chunk[this.#cursor];
    return ++this.#cursor === chunk.length ? this.#decodeMapKeyValue.bind(this, type, typeMapping) : this.#decodeMapKeyValue(type, typeMapping, chunk);
   }
   #decodeMapKeyValue(type, typeMapping, chunk) {
    switch (type) {
    case exports.RESP_TYPES.SIMPLE_STRING:
     return this.#decodeSimpleString(String, chunk);

    case exports.RESP_TYPES.BLOB_STRING:
     return this.#decodeBlobString(String, chunk);

    default:
     return this.#decodeNestedTypeValue(type, typeMapping, chunk);
    }
   }
   #continueDecodeMapKey(map, remaining, keyCb, typeMapping, chunk) {
    const key = keyCb(chunk);
    if (typeof key === "function") {
     return this.#continueDecodeMapKey.bind(this, map, remaining, key, typeMapping);
    }
    if (this.#cursor >= chunk.length) {
     return this.#continueDecodeMapValue.bind(this, map, remaining, key, this.#decodeNestedType.bind(this, typeMapping), typeMapping);
    }
    const value = this.#decodeNestedType(typeMapping, chunk);
    if (typeof value === "function") {
     return this.#continueDecodeMapValue.bind(this, map, remaining, key, value, typeMapping);
    }
    map.set(key, value);
    return this.#decodeMapAsMap(map, remaining - 1, typeMapping, chunk);
   }
   #continueDecodeMapValue(map, remaining, key, valueCb, typeMapping, chunk) {
    const value = valueCb(chunk);
    if (typeof value === "function") {
     return this.#continueDecodeMapValue.bind(this, map, remaining, key, value, typeMapping);
    }
    map.set(key, value);
    return this.#decodeMapAsMap(map, remaining - 1, typeMapping, chunk);
   }
   #decodeMapAsObject(object, remaining, typeMapping, chunk) {
    while (remaining > 0) {
     if (this.#cursor >= chunk.length) {
      return this.#decodeMapAsObject.bind(this, object, remaining, typeMapping);
     }
     const key = this.#decodeMapKey(typeMapping, chunk);
     if (typeof key === "function") {
      return this.#continueDecodeMapAsObjectKey.bind(this, object, remaining, key, typeMapping);
     }
     if (this.#cursor >= chunk.length) {
      return this.#continueDecodeMapAsObjectValue.bind(this, object, remaining, key, this.#decodeNestedType.bind(this, typeMapping), typeMapping);
     }
     const value = this.#decodeNestedType(typeMapping, chunk);
     if (typeof value === "function") {
      return this.#continueDecodeMapAsObjectValue.bind(this, object, remaining, key, value, typeMapping);
     }
     object[key] = value;
     --remaining;
    }
    return object;
   }
   #continueDecodeMapAsObjectKey(object, remaining, keyCb, typeMapping, chunk) {
    const key = keyCb(chunk);
    if (typeof key === "function") {
     return this.#continueDecodeMapAsObjectKey.bind(this, object, remaining, key, typeMapping);
    }
    if (this.#cursor >= chunk.length) {
     return this.#continueDecodeMapAsObjectValue.bind(this, object, remaining, key, this.#decodeNestedType.bind(this, typeMapping), typeMapping);
    }
    const value = this.#decodeNestedType(typeMapping, chunk);
    if (typeof value === "function") {
     return this.#continueDecodeMapAsObjectValue.bind(this, object, remaining, key, value, typeMapping);
    }
    object[key] = value;
    return this.#decodeMapAsObject(object, remaining - 1, typeMapping, chunk);
   }
   #continueDecodeMapAsObjectValue(object, remaining, key, valueCb, typeMapping, chunk) {
    const value = valueCb(chunk);
    if (typeof value === "function") {
     return this.#continueDecodeMapAsObjectValue.bind(this, object, remaining, key, value, typeMapping);
    }
    object[key] = value;
    return this.#decodeMapAsObject(object, remaining - 1, typeMapping, chunk);
   }
  }
  exports.Decoder = Decoder;
 })(decoder);
 return decoder;
}

var hasRequiredTypes$2;

function requireTypes$2() {
 if (hasRequiredTypes$2) return types$2;
 hasRequiredTypes$2 = 1;
 Object.defineProperty(types$2, "__esModule", {
  value: true
 });
 types$2.DEFAULT_RESP = void 0;
 requireDecoder();
 types$2.DEFAULT_RESP = 3;
 return types$2;
}

var luaScript = {};

var hasRequiredLuaScript;

function requireLuaScript() {
 if (hasRequiredLuaScript) return luaScript;
 hasRequiredLuaScript = 1;
 Object.defineProperty(luaScript, "__esModule", {
  value: true
 });
 luaScript.scriptSha1 = luaScript.defineScript = void 0;
 const node_crypto_1 = require$$0;
 function defineScript(script) {
  return {
   ...script,
   SHA1: scriptSha1(script.SCRIPT)
  };
 }
 luaScript.defineScript = defineScript;
 function scriptSha1(script) {
  return (0, node_crypto_1.createHash)("sha1").update(script).digest("hex");
 }
 luaScript.scriptSha1 = scriptSha1;
 return luaScript;
}

var digest = {};

var hasRequiredDigest;

function requireDigest() {
 if (hasRequiredDigest) return digest;
 hasRequiredDigest = 1;
 Object.defineProperty(digest, "__esModule", {
  value: true
 });
 digest.digest = void 0;
 let xxh3Cache = null;
 async function getXxh3() {
  if (!xxh3Cache) {
   try {
    const module = await Promise.resolve().then(() => require("./xxhash.js"));
    xxh3Cache = module.xxh3;
   } catch {
    throw new Error('The "digest" function requires the "@node-rs/xxhash" package, but it was not found.');
   }
  }
  return xxh3Cache;
 }
 async function digest$1(value) {
  const xxh3 = await getXxh3();
  const data = typeof value === "string" ? value : new Uint8Array(value);
  const hash = xxh3.xxh64(data);
  return hash.toString(16).padStart(16, "0");
 }
 digest.digest = digest$1;
 return digest;
}

var client = {};

var commands$1 = {};

var ACL_CAT = {};

var hasRequiredACL_CAT;

function requireACL_CAT() {
 if (hasRequiredACL_CAT) return ACL_CAT;
 hasRequiredACL_CAT = 1;
 Object.defineProperty(ACL_CAT, "__esModule", {
  value: true
 });
 ACL_CAT.default = {
  IS_READ_ONLY: true,
  parseCommand(parser, categoryName) {
   parser.push("ACL", "CAT");
   if (categoryName) {
    parser.push(categoryName);
   }
  },
  transformReply: undefined
 };
 return ACL_CAT;
}

var ACL_DELUSER = {};

var hasRequiredACL_DELUSER;

function requireACL_DELUSER() {
 if (hasRequiredACL_DELUSER) return ACL_DELUSER;
 hasRequiredACL_DELUSER = 1;
 Object.defineProperty(ACL_DELUSER, "__esModule", {
  value: true
 });
 ACL_DELUSER.default = {
  parseCommand(parser, username) {
   parser.push("ACL", "DELUSER");
   parser.pushVariadic(username);
  },
  transformReply: undefined
 };
 return ACL_DELUSER;
}

var ACL_DRYRUN = {};

var hasRequiredACL_DRYRUN;

function requireACL_DRYRUN() {
 if (hasRequiredACL_DRYRUN) return ACL_DRYRUN;
 hasRequiredACL_DRYRUN = 1;
 Object.defineProperty(ACL_DRYRUN, "__esModule", {
  value: true
 });
 ACL_DRYRUN.default = {
  IS_READ_ONLY: true,
  parseCommand(parser, username, command) {
   parser.push("ACL", "DRYRUN", username, ...command);
  },
  transformReply: undefined
 };
 return ACL_DRYRUN;
}

var ACL_GENPASS = {};

var hasRequiredACL_GENPASS;

function requireACL_GENPASS() {
 if (hasRequiredACL_GENPASS) return ACL_GENPASS;
 hasRequiredACL_GENPASS = 1;
 Object.defineProperty(ACL_GENPASS, "__esModule", {
  value: true
 });
 ACL_GENPASS.default = {
  IS_READ_ONLY: true,
  parseCommand(parser, bits) {
   parser.push("ACL", "GENPASS");
   if (bits) {
    parser.push(bits.toString());
   }
  },
  transformReply: undefined
 };
 return ACL_GENPASS;
}

var ACL_GETUSER = {};

var genericTransformers = {};

var parser = {};

var hasRequiredParser;

function requireParser() {
 if (hasRequiredParser) return parser;
 hasRequiredParser = 1;
 Object.defineProperty(parser, "__esModule", {
  value: true
 });
 parser.BasicCommandParser = parser.prefixKeys = parser.prefixKey = void 0;
 function prefixKey(keyPrefix, key) {
  if (keyPrefix === undefined) return key;
  if (typeof keyPrefix === "string" && typeof key === "string") {
   return keyPrefix + key;
  }
  return Buffer.concat([ typeof keyPrefix === "string" ? Buffer.from(keyPrefix) : keyPrefix, typeof key === "string" ? Buffer.from(key) : key ]);
 }
 parser.prefixKey = prefixKey;
 function prefixKeys(keyPrefix, keys) {
  return Array.isArray(keys) ? keys.map(key => prefixKey(keyPrefix, key)) : [ prefixKey(keyPrefix, keys) ];
 }
 parser.prefixKeys = prefixKeys;
 class BasicCommandParser {
  #redisArgs=[];
  #keys=[];
  #keyPrefix;
  #commandIdentifier;
  preserve;
  constructor(keyPrefix) {
   this.#keyPrefix = keyPrefix === undefined || keyPrefix.length === 0 ? undefined : keyPrefix;
  }
  get redisArgs() {
   return this.#redisArgs;
  }
  get keys() {
   return this.#keys;
  }
  get firstKey() {
   return this.#keys[0];
  }
  get cacheKey() {
   const tmp = new Array(this.#redisArgs.length * 2);
   for (let i = 0; i < this.#redisArgs.length; i++) {
    tmp[i] = this.#redisArgs[i].length;
    tmp[i + this.#redisArgs.length] = this.#redisArgs[i];
   }
   return tmp.join("_");
  }
  get commandIdentifier() {
   if (this.#commandIdentifier) return this.#commandIdentifier;
   const rawCommand = this.#redisArgs[0];
   const rawSubcommand = this.#redisArgs[1];
   const command = rawCommand instanceof Buffer ? rawCommand.toString() : rawCommand;
   const subcommand = rawSubcommand === undefined ? undefined : rawSubcommand instanceof Buffer ? rawSubcommand.toString() : rawSubcommand;
   return this.#commandIdentifier = {
    command: command,
    subcommand: subcommand
   };
  }
  push(...arg) {
   this.#redisArgs.push(...arg);
  }
  pushVariadic(vals) {
   if (Array.isArray(vals)) {
    for (const val of vals) {
     this.push(val);
    }
   } else {
    this.push(vals);
   }
  }
  pushVariadicWithLength(vals) {
   if (Array.isArray(vals)) {
    this.#redisArgs.push(vals.length.toString());
   } else {
    this.#redisArgs.push("1");
   }
   this.pushVariadic(vals);
  }
  pushVariadicNumber(vals) {
   if (Array.isArray(vals)) {
    for (const val of vals) {
     this.push(val.toString());
    }
   } else {
    this.push(vals.toString());
   }
  }
  #addKey(key, applyPrefix) {
   const finalKey = applyPrefix ? prefixKey(this.#keyPrefix, key) : key;
   this.#keys.push(finalKey);
   this.#redisArgs.push(finalKey);
  }
  pushKey(key, applyPrefix = true) {
   this.#addKey(key, applyPrefix);
  }
  markRoutingKey(key) {
   this.#keys.push(key);
  }
  pushKeysLength(keys) {
   if (Array.isArray(keys)) {
    this.#redisArgs.push(keys.length.toString());
   } else {
    this.#redisArgs.push("1");
   }
   this.pushKeys(keys);
  }
  pushKeys(keys) {
   if (Array.isArray(keys)) {
    for (const key of keys) {
     this.#addKey(key, true);
    }
   } else {
    this.#addKey(keys, true);
   }
  }
 }
 parser.BasicCommandParser = BasicCommandParser;
 return parser;
}

var policiesConstants = {};

var hasRequiredPoliciesConstants;

function requirePoliciesConstants() {
 if (hasRequiredPoliciesConstants) return policiesConstants;
 hasRequiredPoliciesConstants = 1;
 (function(exports) {
  Object.defineProperty(exports, "__esModule", {
   value: true
  });
  exports.defaultCommandPolicies = exports.RESPONSE_POLICIES_WITH_DEFAULTS = exports.REQUEST_POLICIES_WITH_DEFAULTS = void 0;
  exports.REQUEST_POLICIES_WITH_DEFAULTS = {
   ALL_NODES: "all_nodes",
   ALL_SHARDS: "all_shards",
   MULTI_SHARD: "multi_shard",
   SPECIAL: "special",
   DEFAULT_KEYLESS: "default-keyless",
   DEFAULT_KEYED: "default-keyed"
  };
  exports.RESPONSE_POLICIES_WITH_DEFAULTS = {
   ONE_SUCCEEDED: "one_succeeded",
   ALL_SUCCEEDED: "all_succeeded",
   AGG_LOGICAL_AND: "agg_logical_and",
   AGG_LOGICAL_OR: "agg_logical_or",
   AGG_MIN: "agg_min",
   AGG_MAX: "agg_max",
   AGG_SUM: "agg_sum",
   SPECIAL: "special",
   DEFAULT_KEYLESS: "default-keyless",
   DEFAULT_KEYED: "default-keyed"
  };
  function defaultCommandPolicies(isKeyless) {
   return isKeyless ? {
    request: exports.REQUEST_POLICIES_WITH_DEFAULTS.DEFAULT_KEYLESS,
    response: exports.RESPONSE_POLICIES_WITH_DEFAULTS.DEFAULT_KEYLESS,
    isKeyless: true
   } : {
    request: exports.REQUEST_POLICIES_WITH_DEFAULTS.DEFAULT_KEYED,
    response: exports.RESPONSE_POLICIES_WITH_DEFAULTS.DEFAULT_KEYED,
    isKeyless: false
   };
  }
  exports.defaultCommandPolicies = defaultCommandPolicies;
 })(policiesConstants);
 return policiesConstants;
}

var hasRequiredGenericTransformers;

function requireGenericTransformers() {
 if (hasRequiredGenericTransformers) return genericTransformers;
 hasRequiredGenericTransformers = 1;
 (function(exports) {
  Object.defineProperty(exports, "__esModule", {
   value: true
  });
  exports.transformRedisJsonNullReply = exports.transformRedisJsonReply = exports.transformRedisJsonArgument = exports.transformStreamsMessagesReplyResp3Compat = exports.transformStreamsMessagesReplyResp3 = exports.transformStreamsMessagesReplyResp2 = exports.transformStreamMessagesReply = exports.transformStreamMessageNullReply = exports.transformStreamMessageReply = exports.parseArgs = exports.parseZKeysArguments = exports.transformRangeReply = exports.parseSlotRangesArguments = exports.transformFunctionListItemReply = exports.RedisFunctionFlags = exports.transformCommandReply = exports.transformKeySpec = exports.CommandCategories = exports.CommandFlags = exports.parseOptionalVariadicArgument = exports.pushVariadicArgument = exports.pushVariadicNumberArguments = exports.pushVariadicArguments = exports.pushEvalArguments = exports.evalFirstKeyIndex = exports.transformPXAT = exports.transformEXAT = exports.transformSortedSetReply = exports.transformTuplesReply = exports.createTransformTuplesReplyFunc = exports.transformTuplesToMap = exports.transformNullableDoubleReply = exports.createTransformNullableDoubleReplyResp2Func = exports.transformDoubleArrayReply = exports.createTransformDoubleReplyResp2Func = exports.transformDoubleReply = exports.transformStringDoubleArgument = exports.transformDoubleArgument = exports.transformBooleanArrayReply = exports.transformBooleanReply = exports.isArrayReply = exports.isNullReply = void 0;
  const parser_1 = requireParser();
  const policies_constants_1 = requirePoliciesConstants();
  const decoder_1 = requireDecoder();
  function isNullReply(reply) {
   return reply === null;
  }
  exports.isNullReply = isNullReply;
  function isArrayReply(reply) {
   return Array.isArray(reply);
  }
  exports.isArrayReply = isArrayReply;
  exports.transformBooleanReply = {
   2: reply => reply === 1,
   3: undefined
  };
  exports.transformBooleanArrayReply = {
   2: reply => reply.map(exports.transformBooleanReply[2]),
   3: undefined
  };
  function transformDoubleArgument(num) {
   switch (num) {
   case Infinity:
    return "+inf";

   case -Infinity:
    return "-inf";

   default:
    return num.toString();
   }
  }
  exports.transformDoubleArgument = transformDoubleArgument;
  function transformStringDoubleArgument(num) {
   if (typeof num !== "number") return num;
   return transformDoubleArgument(num);
  }
  exports.transformStringDoubleArgument = transformStringDoubleArgument;
  exports.transformDoubleReply = {
   2: (reply, preserve, typeMapping) => {
    const double = typeMapping ? typeMapping[decoder_1.RESP_TYPES.DOUBLE] : undefined;
    switch (double) {
    case String:
     {
      return reply;
     }

    default:
     {
      let ret;
      switch (reply.toString()) {
      case "inf":
      case "+inf":
       ret = Infinity;
       break;

      case "-inf":
       ret = -Infinity;
       break;

      case "nan":
       ret = NaN;
       break;

      default:
       ret = Number(reply);
      }
      return ret;
     }
    }
   },
   3: undefined
  };
  function createTransformDoubleReplyResp2Func(preserve, typeMapping) {
   return reply => exports.transformDoubleReply[2](reply, preserve, typeMapping);
  }
  exports.createTransformDoubleReplyResp2Func = createTransformDoubleReplyResp2Func;
  exports.transformDoubleArrayReply = {
   2: (reply, preserve, typeMapping) => reply.map(createTransformDoubleReplyResp2Func(preserve, typeMapping)),
   3: undefined
  };
  function createTransformNullableDoubleReplyResp2Func(preserve, typeMapping) {
   return reply => exports.transformNullableDoubleReply[2](reply, preserve, typeMapping);
  }
  exports.createTransformNullableDoubleReplyResp2Func = createTransformNullableDoubleReplyResp2Func;
  exports.transformNullableDoubleReply = {
   2: (reply, preserve, typeMapping) => {
    if (reply === null) return null;
    return exports.transformDoubleReply[2](reply, preserve, typeMapping);
   },
   3: undefined
  };
  function transformTuplesToMap(reply, func) {
   const message = {};
   for (let i = 0; i < reply.length; i += 2) {
    message[reply[i].toString()] = func(reply[i + 1]);
   }
   return message;
  }
  exports.transformTuplesToMap = transformTuplesToMap;
  function createTransformTuplesReplyFunc(preserve, typeMapping) {
   return reply => transformTuplesReply(reply, preserve, typeMapping);
  }
  exports.createTransformTuplesReplyFunc = createTransformTuplesReplyFunc;
  function transformTuplesReply(reply, preserve, typeMapping) {
   const mapType = typeMapping ? typeMapping[decoder_1.RESP_TYPES.MAP] : undefined;
   const inferred = reply;
   switch (mapType) {
   case Array:
    {
     return reply;
    }

   case Map:
    {
     const ret = new Map;
     for (let i = 0; i < inferred.length; i += 2) {
      ret.set(inferred[i].toString(), inferred[i + 1]);
     }
     return ret;
    }

   default:
    {
     const ret = {};
     for (let i = 0; i < inferred.length; i += 2) {
      ret[inferred[i].toString()] = inferred[i + 1];
     }
     return ret;
    }
   }
  }
  exports.transformTuplesReply = transformTuplesReply;
  exports.transformSortedSetReply = {
   2: (reply, preserve, typeMapping) => {
    const inferred = reply, members = [];
    for (let i = 0; i < inferred.length; i += 2) {
     members.push({
      value: inferred[i],
      score: exports.transformDoubleReply[2](inferred[i + 1], preserve, typeMapping)
     });
    }
    return members;
   },
   3: reply => reply.map(member => {
    const [value, score] = member;
    return {
     value: value,
     score: score
    };
   })
  };
  function transformEXAT(EXAT) {
   return (typeof EXAT === "number" ? EXAT : Math.floor(EXAT.getTime() / 1e3)).toString();
  }
  exports.transformEXAT = transformEXAT;
  function transformPXAT(PXAT) {
   return (typeof PXAT === "number" ? PXAT : PXAT.getTime()).toString();
  }
  exports.transformPXAT = transformPXAT;
  function evalFirstKeyIndex(options) {
   return options?.keys?.[0];
  }
  exports.evalFirstKeyIndex = evalFirstKeyIndex;
  function pushEvalArguments(args, options) {
   if (options?.keys) {
    args.push(options.keys.length.toString(), ...options.keys);
   } else {
    args.push("0");
   }
   if (options?.arguments) {
    args.push(...options.arguments);
   }
   return args;
  }
  exports.pushEvalArguments = pushEvalArguments;
  function pushVariadicArguments(args, value) {
   if (Array.isArray(value)) {
    args = args.concat(value);
   } else {
    args.push(value);
   }
   return args;
  }
  exports.pushVariadicArguments = pushVariadicArguments;
  function pushVariadicNumberArguments(args, value) {
   if (Array.isArray(value)) {
    for (const item of value) {
     args.push(item.toString());
    }
   } else {
    args.push(value.toString());
   }
   return args;
  }
  exports.pushVariadicNumberArguments = pushVariadicNumberArguments;
  function pushVariadicArgument(args, value) {
   if (Array.isArray(value)) {
    args.push(value.length.toString(), ...value);
   } else {
    args.push("1", value);
   }
   return args;
  }
  exports.pushVariadicArgument = pushVariadicArgument;
  function parseOptionalVariadicArgument(parser, name, value) {
   if (value === undefined) return;
   parser.push(name);
   parser.pushVariadicWithLength(value);
  }
  exports.parseOptionalVariadicArgument = parseOptionalVariadicArgument;
  var CommandFlags;
  (function(CommandFlags) {
   CommandFlags["WRITE"] = "write";
   CommandFlags["READONLY"] = "readonly";
   CommandFlags["DENYOOM"] = "denyoom";
   CommandFlags["ADMIN"] = "admin";
   CommandFlags["PUBSUB"] = "pubsub";
   CommandFlags["NOSCRIPT"] = "noscript";
   CommandFlags["RANDOM"] = "random";
   CommandFlags["SORT_FOR_SCRIPT"] = "sort_for_script";
   CommandFlags["LOADING"] = "loading";
   CommandFlags["STALE"] = "stale";
   CommandFlags["SKIP_MONITOR"] = "skip_monitor";
   CommandFlags["ASKING"] = "asking";
   CommandFlags["FAST"] = "fast";
   CommandFlags["MOVABLEKEYS"] = "movablekeys";
  })(CommandFlags || (exports.CommandFlags = CommandFlags = {}));
  var CommandCategories;
  (function(CommandCategories) {
   CommandCategories["KEYSPACE"] = "@keyspace";
   CommandCategories["READ"] = "@read";
   CommandCategories["WRITE"] = "@write";
   CommandCategories["SET"] = "@set";
   CommandCategories["SORTEDSET"] = "@sortedset";
   CommandCategories["LIST"] = "@list";
   CommandCategories["HASH"] = "@hash";
   CommandCategories["STRING"] = "@string";
   CommandCategories["BITMAP"] = "@bitmap";
   CommandCategories["HYPERLOGLOG"] = "@hyperloglog";
   CommandCategories["GEO"] = "@geo";
   CommandCategories["STREAM"] = "@stream";
   CommandCategories["PUBSUB"] = "@pubsub";
   CommandCategories["ADMIN"] = "@admin";
   CommandCategories["FAST"] = "@fast";
   CommandCategories["SLOW"] = "@slow";
   CommandCategories["BLOCKING"] = "@blocking";
   CommandCategories["DANGEROUS"] = "@dangerous";
   CommandCategories["CONNECTION"] = "@connection";
   CommandCategories["TRANSACTION"] = "@transaction";
   CommandCategories["SCRIPTING"] = "@scripting";
  })(CommandCategories || (exports.CommandCategories = CommandCategories = {}));
  function normalizeKeySpecMap(raw) {
   if (raw === null || typeof raw !== "object") return undefined;
   if (!Array.isArray(raw)) return raw;
   if (raw.length % 2 !== 0) return undefined;
   const normalized = {};
   for (let i = 0; i < raw.length; i += 2) {
    const field = raw[i];
    if (typeof field !== "string") return undefined;
    normalized[field] = raw[i + 1];
   }
   return normalized;
  }
  function transformNumber(raw) {
   const value = Number(raw);
   return Number.isInteger(value) ? value : undefined;
  }
  const UNKNOWN_KEY_SPEC_PART = {
   type: "unknown"
  };
  function transformBeginSearch(raw) {
   const beginSearch = normalizeKeySpecMap(raw);
   const spec = normalizeKeySpecMap(beginSearch?.spec);
   if (!beginSearch || !spec) return UNKNOWN_KEY_SPEC_PART;
   switch (beginSearch.type) {
   case "index":
    {
     const index = transformNumber(spec.index);
     if (index !== undefined) return {
      type: "index",
      index: index
     };
     break;
    }

   case "keyword":
    {
     const startFrom = transformNumber(spec.startfrom);
     if (typeof spec.keyword === "string" && startFrom !== undefined) {
      return {
       type: "keyword",
       keyword: spec.keyword,
       startFrom: startFrom
      };
     }
     break;
    }
   }
   return UNKNOWN_KEY_SPEC_PART;
  }
  function transformFindKeys(raw) {
   const findKeys = normalizeKeySpecMap(raw);
   const spec = normalizeKeySpecMap(findKeys?.spec);
   if (!findKeys || !spec) return UNKNOWN_KEY_SPEC_PART;
   switch (findKeys.type) {
   case "range":
    {
     const lastKey = transformNumber(spec.lastkey), keyStep = transformNumber(spec.keystep), limit = transformNumber(spec.limit);
     if (lastKey !== undefined && keyStep !== undefined && limit !== undefined) {
      return {
       type: "range",
       lastKey: lastKey,
       keyStep: keyStep,
       limit: limit
      };
     }
     break;
    }

   case "keynum":
    {
     const keyNumIdx = transformNumber(spec.keynumidx), firstKey = transformNumber(spec.firstkey), keyStep = transformNumber(spec.keystep);
     if (keyNumIdx !== undefined && firstKey !== undefined && keyStep !== undefined) {
      return {
       type: "keynum",
       keyNumIdx: keyNumIdx,
       firstKey: firstKey,
       keyStep: keyStep
      };
     }
     break;
    }
   }
   return UNKNOWN_KEY_SPEC_PART;
  }
  function transformKeySpec(raw) {
   const entry = normalizeKeySpecMap(raw);
   return {
    beginSearch: transformBeginSearch(entry?.begin_search),
    findKeys: transformFindKeys(entry?.find_keys)
   };
  }
  exports.transformKeySpec = transformKeySpec;
  function transformCommandReply([name, arity, flags, firstKeyIndex, lastKeyIndex, step, categories, tips = [], keySpecifications = [], subcommandsReply = []]) {
   let requestPolicy;
   let responsePolicy;
   let nondeterministicOutput = false;
   const otherTips = [];
   for (const tip of tips) {
    if (tip.startsWith("request_policy:")) {
     const raw = tip.slice("request_policy:".length);
     if (Object.values(policies_constants_1.REQUEST_POLICIES_WITH_DEFAULTS).includes(raw)) {
      requestPolicy = raw;
     }
    } else if (tip.startsWith("response_policy:")) {
     const raw = tip.slice("response_policy:".length);
     if (Object.values(policies_constants_1.RESPONSE_POLICIES_WITH_DEFAULTS).includes(raw)) {
      responsePolicy = raw;
     }
    } else {
     otherTips.push(tip);
     if (tip === "nondeterministic_output") {
      nondeterministicOutput = true;
     }
    }
   }
   const subcommands = subcommandsReply.map(transformCommandReply);
   return {
    name: name,
    arity: arity,
    flags: new Set(flags),
    firstKeyIndex: firstKeyIndex,
    lastKeyIndex: lastKeyIndex,
    step: step,
    categories: new Set(categories),
    policies: {
     request: requestPolicy,
     response: responsePolicy
    },
    isKeyless: keySpecifications.length === 0,
    nondeterministicOutput: nondeterministicOutput,
    tips: otherTips,
    keySpecs: keySpecifications.map(transformKeySpec),
    subcommands: subcommands
   };
  }
  exports.transformCommandReply = transformCommandReply;
  var RedisFunctionFlags;
  (function(RedisFunctionFlags) {
   RedisFunctionFlags["NO_WRITES"] = "no-writes";
   RedisFunctionFlags["ALLOW_OOM"] = "allow-oom";
   RedisFunctionFlags["ALLOW_STALE"] = "allow-stale";
   RedisFunctionFlags["NO_CLUSTER"] = "no-cluster";
  })(RedisFunctionFlags || (exports.RedisFunctionFlags = RedisFunctionFlags = {}));
  function transformFunctionListItemReply(reply) {
   return {
    libraryName: reply[1],
    engine: reply[3],
    functions: reply[5].map(fn => ({
     name: fn[1],
     description: fn[3],
     flags: fn[5]
    }))
   };
  }
  exports.transformFunctionListItemReply = transformFunctionListItemReply;
  function parseSlotRangeArguments(parser, range) {
   parser.push(range.start.toString(), range.end.toString());
  }
  function parseSlotRangesArguments(parser, ranges) {
   if (Array.isArray(ranges)) {
    for (const range of ranges) {
     parseSlotRangeArguments(parser, range);
    }
   } else {
    parseSlotRangeArguments(parser, ranges);
   }
  }
  exports.parseSlotRangesArguments = parseSlotRangesArguments;
  function transformRangeReply([start, end]) {
   return {
    start: start,
    end: end
   };
  }
  exports.transformRangeReply = transformRangeReply;
  function parseZKeysArguments(parser, keys) {
   if (Array.isArray(keys)) {
    parser.push(keys.length.toString());
    if (keys.length) {
     if (isPlainKeys(keys)) {
      parser.pushKeys(keys);
     } else {
      for (let i = 0; i < keys.length; i++) {
       parser.pushKey(keys[i].key);
      }
      parser.push("WEIGHTS");
      for (let i = 0; i < keys.length; i++) {
       parser.push(transformDoubleArgument(keys[i].weight));
      }
     }
    }
   } else {
    parser.push("1");
    if (isPlainKey(keys)) {
     parser.pushKey(keys);
    } else {
     parser.pushKey(keys.key);
     parser.push("WEIGHTS", transformDoubleArgument(keys.weight));
    }
   }
  }
  exports.parseZKeysArguments = parseZKeysArguments;
  function isPlainKey(key) {
   return typeof key === "string" || key instanceof Buffer;
  }
  function isPlainKeys(keys) {
   return isPlainKey(keys[0]);
  }
  function parseArgs(command, ...args) {
   const parser = new parser_1.BasicCommandParser;
   command.parseCommand(parser, ...args);
   const redisArgs = parser.redisArgs;
   if (parser.preserve) {
    redisArgs.preserve = parser.preserve;
   }
   return redisArgs;
  }
  exports.parseArgs = parseArgs;
  function transformStreamMessageReply(typeMapping, reply) {
   const [id, message, millisElapsedFromDelivery, deliveriesCounter] = reply;
   return {
    id: id,
    message: transformTuplesReply(message, undefined, typeMapping),
    ...millisElapsedFromDelivery !== undefined ? {
     millisElapsedFromDelivery: millisElapsedFromDelivery
    } : {},
    ...deliveriesCounter !== undefined ? {
     deliveriesCounter: deliveriesCounter
    } : {}
   };
  }
  exports.transformStreamMessageReply = transformStreamMessageReply;
  function transformStreamMessageNullReply(typeMapping, reply) {
   return isNullReply(reply) ? reply : transformStreamMessageReply(typeMapping, reply);
  }
  exports.transformStreamMessageNullReply = transformStreamMessageNullReply;
  function transformStreamMessagesReply(r, typeMapping) {
   const reply = r;
   return reply.map(transformStreamMessageReply.bind(undefined, typeMapping));
  }
  exports.transformStreamMessagesReply = transformStreamMessagesReply;
  function transformStreamsMessagesReplyResp2(reply, preserve, typeMapping) {
   if (reply === null) return null;
   switch (typeMapping ? typeMapping[decoder_1.RESP_TYPES.MAP] : undefined) {
   default:
    {
     const ret = [];
     for (let i = 0; i < reply.length; i++) {
      const stream = reply[i];
      ret.push({
       name: stream[0],
       messages: transformStreamMessagesReply(stream[1], typeMapping)
      });
     }
     return ret;
    }
   }
  }
  exports.transformStreamsMessagesReplyResp2 = transformStreamsMessagesReplyResp2;
  function transformStreamsMessagesReplyResp3(reply, typeMapping) {
   if (reply === null) return null;
   if (reply instanceof Map) {
    const ret = new Map;
    for (const [n, rawMessages] of reply) {
     const name = n;
     ret.set(name.toString(), transformStreamMessagesReply(rawMessages, typeMapping));
    }
    return ret;
   } else if (reply instanceof Array) {
    const ret = [];
    for (let i = 0; i < reply.length; i += 2) {
     const name = reply[i];
     const rawMessages = reply[i + 1];
     ret.push(name);
     ret.push(transformStreamMessagesReply(rawMessages, typeMapping));
    }
    return ret;
   } else {
    const ret = {};
    for (const [name, rawMessages] of Object.entries(reply)) {
     ret[name] = transformStreamMessagesReply(rawMessages, typeMapping);
    }
    return ret;
   }
  }
  exports.transformStreamsMessagesReplyResp3 = transformStreamsMessagesReplyResp3;
  function transformStreamsMessagesReplyResp3Compat(reply, preserve, typeMapping) {
   const transformed = transformStreamsMessagesReplyResp3(reply, typeMapping);
   if (transformed === null) return null;
   const compat = [];
   if (transformed instanceof Map) {
    for (const [name, messages] of transformed.entries()) {
     compat.push({
      name: name,
      messages: messages
     });
    }
    return compat;
   }
   if (Array.isArray(transformed)) {
    for (let i = 0; i < transformed.length; i += 2) {
     const rawName = transformed[i];
     compat.push({
      name: rawName?.toString?.() ?? rawName,
      messages: transformed[i + 1]
     });
    }
    return compat;
   }
   for (const [name, messages] of Object.entries(transformed)) {
    compat.push({
     name: name,
     messages: messages
    });
   }
   return compat;
  }
  exports.transformStreamsMessagesReplyResp3Compat = transformStreamsMessagesReplyResp3Compat;
  function transformRedisJsonArgument(json) {
   return JSON.stringify(json);
  }
  exports.transformRedisJsonArgument = transformRedisJsonArgument;
  function transformRedisJsonReply(json, reviver) {
   const res = JSON.parse(json.toString(), reviver);
   return res;
  }
  exports.transformRedisJsonReply = transformRedisJsonReply;
  function transformRedisJsonNullReply(json, reviver) {
   return isNullReply(json) ? json : transformRedisJsonReply(json, reviver);
  }
  exports.transformRedisJsonNullReply = transformRedisJsonNullReply;
 })(genericTransformers);
 return genericTransformers;
}

var hasRequiredACL_GETUSER;

function requireACL_GETUSER() {
 if (hasRequiredACL_GETUSER) return ACL_GETUSER;
 hasRequiredACL_GETUSER = 1;
 Object.defineProperty(ACL_GETUSER, "__esModule", {
  value: true
 });
 const generic_transformers_1 = requireGenericTransformers();
 ACL_GETUSER.default = {
  IS_READ_ONLY: true,
  parseCommand(parser, username) {
   parser.push("ACL", "GETUSER", username);
  },
  transformReply: {
   2: reply => {
    if ((0, generic_transformers_1.isNullReply)(reply)) return reply;
    return {
     flags: reply[1],
     passwords: reply[3],
     commands: reply[5],
     keys: reply[7],
     channels: reply[9],
     selectors: reply[11]?.map(selector => {
      const inferred = selector;
      return {
       commands: inferred[1],
       keys: inferred[3],
       channels: inferred[5]
      };
     })
    };
   },
   3: undefined
  }
 };
 return ACL_GETUSER;
}

var ACL_LIST = {};

var hasRequiredACL_LIST;

function requireACL_LIST() {
 if (hasRequiredACL_LIST) return ACL_LIST;
 hasRequiredACL_LIST = 1;
 Object.defineProperty(ACL_LIST, "__esModule", {
  value: true
 });
 ACL_LIST.default = {
  IS_READ_ONLY: true,
  parseCommand(parser) {
   parser.push("ACL", "LIST");
  },
  transformReply: undefined
 };
 return ACL_LIST;
}

var ACL_LOAD = {};

var hasRequiredACL_LOAD;

function requireACL_LOAD() {
 if (hasRequiredACL_LOAD) return ACL_LOAD;
 hasRequiredACL_LOAD = 1;
 Object.defineProperty(ACL_LOAD, "__esModule", {
  value: true
 });
 ACL_LOAD.default = {
  parseCommand(parser) {
   parser.push("ACL", "LOAD");
  },
  transformReply: undefined
 };
 return ACL_LOAD;
}

var ACL_LOG_RESET = {};

var hasRequiredACL_LOG_RESET;

function requireACL_LOG_RESET() {
 if (hasRequiredACL_LOG_RESET) return ACL_LOG_RESET;
 hasRequiredACL_LOG_RESET = 1;
 Object.defineProperty(ACL_LOG_RESET, "__esModule", {
  value: true
 });
 ACL_LOG_RESET.default = {
  parseCommand(parser) {
   parser.push("ACL", "LOG", "RESET");
  },
  transformReply: undefined
 };
 return ACL_LOG_RESET;
}

var ACL_LOG = {};

var hasRequiredACL_LOG;

function requireACL_LOG() {
 if (hasRequiredACL_LOG) return ACL_LOG;
 hasRequiredACL_LOG = 1;
 Object.defineProperty(ACL_LOG, "__esModule", {
  value: true
 });
 const generic_transformers_1 = requireGenericTransformers();
 ACL_LOG.default = {
  IS_READ_ONLY: true,
  parseCommand(parser, count) {
   parser.push("ACL", "LOG");
   if (count != undefined) {
    parser.push(count.toString());
   }
  },
  transformReply: {
   2: (reply, preserve, typeMapping) => reply.map(item => {
    const inferred = item;
    return {
     count: inferred[1],
     reason: inferred[3],
     context: inferred[5],
     object: inferred[7],
     username: inferred[9],
     "age-seconds": generic_transformers_1.transformDoubleReply[2](inferred[11], preserve, typeMapping),
     "client-info": inferred[13],
     "entry-id": inferred[15],
     "timestamp-created": inferred[17],
     "timestamp-last-updated": inferred[19]
    };
   }),
   3: undefined
  }
 };
 return ACL_LOG;
}

var ACL_SAVE = {};

var hasRequiredACL_SAVE;

function requireACL_SAVE() {
 if (hasRequiredACL_SAVE) return ACL_SAVE;
 hasRequiredACL_SAVE = 1;
 Object.defineProperty(ACL_SAVE, "__esModule", {
  value: true
 });
 ACL_SAVE.default = {
  parseCommand(parser) {
   parser.push("ACL", "SAVE");
  },
  transformReply: undefined
 };
 return ACL_SAVE;
}

var ACL_SETUSER = {};

var hasRequiredACL_SETUSER;

function requireACL_SETUSER() {
 if (hasRequiredACL_SETUSER) return ACL_SETUSER;
 hasRequiredACL_SETUSER = 1;
 Object.defineProperty(ACL_SETUSER, "__esModule", {
  value: true
 });
 ACL_SETUSER.default = {
  parseCommand(parser, username, rule) {
   parser.push("ACL", "SETUSER", username);
   parser.pushVariadic(rule);
  },
  transformReply: undefined
 };
 return ACL_SETUSER;
}

var ACL_USERS = {};

var hasRequiredACL_USERS;

function requireACL_USERS() {
 if (hasRequiredACL_USERS) return ACL_USERS;
 hasRequiredACL_USERS = 1;
 Object.defineProperty(ACL_USERS, "__esModule", {
  value: true
 });
 ACL_USERS.default = {
  IS_READ_ONLY: true,
  parseCommand(parser) {
   parser.push("ACL", "USERS");
  },
  transformReply: undefined
 };
 return ACL_USERS;
}

var ACL_WHOAMI = {};

var hasRequiredACL_WHOAMI;

function requireACL_WHOAMI() {
 if (hasRequiredACL_WHOAMI) return ACL_WHOAMI;
 hasRequiredACL_WHOAMI = 1;
 Object.defineProperty(ACL_WHOAMI, "__esModule", {
  value: true
 });
 ACL_WHOAMI.default = {
  IS_READ_ONLY: true,
  parseCommand(parser) {
   parser.push("ACL", "WHOAMI");
  },
  transformReply: undefined
 };
 return ACL_WHOAMI;
}

var APPEND = {};

var hasRequiredAPPEND;

function requireAPPEND() {
 if (hasRequiredAPPEND) return APPEND;
 hasRequiredAPPEND = 1;
 Object.defineProperty(APPEND, "__esModule", {
  value: true
 });
 APPEND.default = {
  parseCommand(parser, key, value) {
   parser.push("APPEND");
   parser.pushKey(key);
   parser.push(value);
  },
  transformReply: undefined
 };
 return APPEND;
}

var ARCOUNT = {};

var hasRequiredARCOUNT;

function requireARCOUNT() {
 if (hasRequiredARCOUNT) return ARCOUNT;
 hasRequiredARCOUNT = 1;
 Object.defineProperty(ARCOUNT, "__esModule", {
  value: true
 });
 ARCOUNT.default = {
  parseCommand(parser, key) {
   parser.push("ARCOUNT");
   parser.pushKey(key);
  },
  transformReply: undefined
 };
 return ARCOUNT;
}

var ARDEL = {};

var hasRequiredARDEL;

function requireARDEL() {
 if (hasRequiredARDEL) return ARDEL;
 hasRequiredARDEL = 1;
 Object.defineProperty(ARDEL, "__esModule", {
  value: true
 });
 ARDEL.default = {
  parseCommand(parser, key, indices) {
   parser.push("ARDEL");
   parser.pushKey(key);
   if (Array.isArray(indices)) {
    for (const i of indices) parser.push(i.toString());
   } else {
    parser.push(indices.toString());
   }
  },
  transformReply: undefined
 };
 return ARDEL;
}

var ARDELRANGE = {};

var hasRequiredARDELRANGE;

function requireARDELRANGE() {
 if (hasRequiredARDELRANGE) return ARDELRANGE;
 hasRequiredARDELRANGE = 1;
 Object.defineProperty(ARDELRANGE, "__esModule", {
  value: true
 });
 ARDELRANGE.default = {
  parseCommand(parser, key, ranges) {
   parser.push("ARDELRANGE");
   parser.pushKey(key);
   for (const [start, end] of ranges) {
    parser.push(start.toString(), end.toString());
   }
  },
  transformReply: undefined
 };
 return ARDELRANGE;
}

var ARGET = {};

var hasRequiredARGET;

function requireARGET() {
 if (hasRequiredARGET) return ARGET;
 hasRequiredARGET = 1;
 Object.defineProperty(ARGET, "__esModule", {
  value: true
 });
 ARGET.default = {
  parseCommand(parser, key, index) {
   parser.push("ARGET");
   parser.pushKey(key);
   parser.push(index.toString());
  },
  transformReply: undefined
 };
 return ARGET;
}

var ARGETRANGE = {};

var hasRequiredARGETRANGE;

function requireARGETRANGE() {
 if (hasRequiredARGETRANGE) return ARGETRANGE;
 hasRequiredARGETRANGE = 1;
 Object.defineProperty(ARGETRANGE, "__esModule", {
  value: true
 });
 ARGETRANGE.default = {
  parseCommand(parser, key, start, end) {
   parser.push("ARGETRANGE");
   parser.pushKey(key);
   parser.push(start.toString(), end.toString());
  },
  transformReply: undefined
 };
 return ARGETRANGE;
}

var ARGREP = {};

var hasRequiredARGREP;

function requireARGREP() {
 if (hasRequiredARGREP) return ARGREP;
 hasRequiredARGREP = 1;
 Object.defineProperty(ARGREP, "__esModule", {
  value: true
 });
 ARGREP.parseArGrepArguments = ARGREP.AR_PREDICATE_COMBINATORS = ARGREP.AR_PREDICATE_TYPES = void 0;
 ARGREP.AR_PREDICATE_TYPES = {
  EXACT: "EXACT",
  MATCH: "MATCH",
  GLOB: "GLOB",
  RE: "RE"
 };
 ARGREP.AR_PREDICATE_COMBINATORS = {
  AND: "AND",
  OR: "OR"
 };
 function parseArGrepArguments(parser, key, start, end, predicates, options) {
  parser.pushKey(key);
  parser.push(typeof start === "number" ? start.toString() : start, typeof end === "number" ? end.toString() : end);
  for (const [type, value] of predicates) {
   parser.push(type, value);
  }
  if (options?.COMBINATOR !== undefined) {
   parser.push(options.COMBINATOR);
  }
  if (options?.LIMIT !== undefined) {
   parser.push("LIMIT", options.LIMIT.toString());
  }
  if (options?.NOCASE) {
   parser.push("NOCASE");
  }
 }
 ARGREP.parseArGrepArguments = parseArGrepArguments;
 ARGREP.default = {
  parseCommand(parser, ...args) {
   parser.push("ARGREP");
   parseArGrepArguments(parser, ...args);
  },
  transformReply: undefined
 };
 return ARGREP;
}

var ARGREP_WITHVALUES = {};

var hasRequiredARGREP_WITHVALUES;

function requireARGREP_WITHVALUES() {
 if (hasRequiredARGREP_WITHVALUES) return ARGREP_WITHVALUES;
 hasRequiredARGREP_WITHVALUES = 1;
 Object.defineProperty(ARGREP_WITHVALUES, "__esModule", {
  value: true
 });
 const ARGREP_1 = requireARGREP();
 ARGREP_WITHVALUES.default = {
  parseCommand(parser, ...args) {
   parser.push("ARGREP");
   (0, ARGREP_1.parseArGrepArguments)(parser, ...args);
   parser.push("WITHVALUES");
  },
  transformReply: reply => {
   const unwrapped = reply;
   return unwrapped.map(pair => {
    const [index, value] = pair;
    return {
     index: index,
     value: value
    };
   });
  }
 };
 return ARGREP_WITHVALUES;
}

var ARINFO = {};

var hasRequiredARINFO;

function requireARINFO() {
 if (hasRequiredARINFO) return ARINFO;
 hasRequiredARINFO = 1;
 Object.defineProperty(ARINFO, "__esModule", {
  value: true
 });
 const generic_transformers_1 = requireGenericTransformers();
 ARINFO.default = {
  parseCommand(parser, key, options) {
   parser.push("ARINFO");
   parser.pushKey(key);
   if (options?.FULL) {
    parser.push("FULL");
   }
  },
  transformReply: {
   2: (reply, preserve, typeMapping) => (0, generic_transformers_1.transformTuplesReply)(reply, preserve, typeMapping),
   3: undefined
  }
 };
 return ARINFO;
}

var ARINSERT = {};

var hasRequiredARINSERT;

function requireARINSERT() {
 if (hasRequiredARINSERT) return ARINSERT;
 hasRequiredARINSERT = 1;
 Object.defineProperty(ARINSERT, "__esModule", {
  value: true
 });
 ARINSERT.default = {
  parseCommand(parser, key, values) {
   parser.push("ARINSERT");
   parser.pushKey(key);
   parser.pushVariadic(values);
  },
  transformReply: undefined
 };
 return ARINSERT;
}

var ARLASTITEMS = {};

var hasRequiredARLASTITEMS;

function requireARLASTITEMS() {
 if (hasRequiredARLASTITEMS) return ARLASTITEMS;
 hasRequiredARLASTITEMS = 1;
 Object.defineProperty(ARLASTITEMS, "__esModule", {
  value: true
 });
 ARLASTITEMS.default = {
  parseCommand(parser, key, count, options) {
   parser.push("ARLASTITEMS");
   parser.pushKey(key);
   parser.push(count.toString());
   if (options?.REV) {
    parser.push("REV");
   }
  },
  transformReply: undefined
 };
 return ARLASTITEMS;
}

var ARLEN = {};

var hasRequiredARLEN;

function requireARLEN() {
 if (hasRequiredARLEN) return ARLEN;
 hasRequiredARLEN = 1;
 Object.defineProperty(ARLEN, "__esModule", {
  value: true
 });
 ARLEN.default = {
  parseCommand(parser, key) {
   parser.push("ARLEN");
   parser.pushKey(key);
  },
  transformReply: undefined
 };
 return ARLEN;
}

var ARMGET = {};

var hasRequiredARMGET;

function requireARMGET() {
 if (hasRequiredARMGET) return ARMGET;
 hasRequiredARMGET = 1;
 Object.defineProperty(ARMGET, "__esModule", {
  value: true
 });
 ARMGET.default = {
  parseCommand(parser, key, indices) {
   parser.push("ARMGET");
   parser.pushKey(key);
   if (Array.isArray(indices)) {
    for (const i of indices) parser.push(i.toString());
   } else {
    parser.push(indices.toString());
   }
  },
  transformReply: undefined
 };
 return ARMGET;
}

var ARMSET = {};

var hasRequiredARMSET;

function requireARMSET() {
 if (hasRequiredARMSET) return ARMSET;
 hasRequiredARMSET = 1;
 Object.defineProperty(ARMSET, "__esModule", {
  value: true
 });
 ARMSET.default = {
  parseCommand(parser, key, entries) {
   parser.push("ARMSET");
   parser.pushKey(key);
   if (entries instanceof Map) {
    for (const [index, value] of entries.entries()) {
     parser.push(index.toString(), value);
    }
   } else if (Array.isArray(entries)) {
    for (const [index, value] of entries) {
     parser.push(index.toString(), value);
    }
   } else {
    for (const index of Object.keys(entries)) {
     parser.push(index, entries[index]);
    }
   }
  },
  transformReply: undefined
 };
 return ARMSET;
}

var ARNEXT = {};

var hasRequiredARNEXT;

function requireARNEXT() {
 if (hasRequiredARNEXT) return ARNEXT;
 hasRequiredARNEXT = 1;
 Object.defineProperty(ARNEXT, "__esModule", {
  value: true
 });
 ARNEXT.default = {
  parseCommand(parser, key) {
   parser.push("ARNEXT");
   parser.pushKey(key);
  },
  transformReply: undefined
 };
 return ARNEXT;
}

var AROP = {};

var hasRequiredAROP;

function requireAROP() {
 if (hasRequiredAROP) return AROP;
 hasRequiredAROP = 1;
 Object.defineProperty(AROP, "__esModule", {
  value: true
 });
 AROP.AR_OPERATIONS = void 0;
 AROP.AR_OPERATIONS = {
  SUM: "SUM",
  MIN: "MIN",
  MAX: "MAX",
  AND: "AND",
  OR: "OR",
  XOR: "XOR",
  MATCH: "MATCH",
  USED: "USED"
 };
 AROP.default = {
  parseCommand(parser, key, start, end, operation, value) {
   parser.push("AROP");
   parser.pushKey(key);
   parser.push(start.toString(), end.toString(), operation);
   if (value !== undefined) {
    parser.push(typeof value === "number" ? value.toString() : value);
   }
  },
  transformReply: undefined
 };
 return AROP;
}

var ARRING = {};

var hasRequiredARRING;

function requireARRING() {
 if (hasRequiredARRING) return ARRING;
 hasRequiredARRING = 1;
 Object.defineProperty(ARRING, "__esModule", {
  value: true
 });
 ARRING.default = {
  parseCommand(parser, key, size, values) {
   parser.push("ARRING");
   parser.pushKey(key);
   parser.push(size.toString());
   parser.pushVariadic(values);
  },
  transformReply: undefined
 };
 return ARRING;
}

var ARSCAN = {};

var hasRequiredARSCAN;

function requireARSCAN() {
 if (hasRequiredARSCAN) return ARSCAN;
 hasRequiredARSCAN = 1;
 Object.defineProperty(ARSCAN, "__esModule", {
  value: true
 });
 ARSCAN.default = {
  parseCommand(parser, key, start, end, options) {
   parser.push("ARSCAN");
   parser.pushKey(key);
   parser.push(start.toString(), end.toString());
   if (options?.LIMIT !== undefined) {
    parser.push("LIMIT", options.LIMIT.toString());
   }
  },
  transformReply: reply => {
   const unwrapped = reply;
   return unwrapped.map(pair => {
    const [index, value] = pair;
    return {
     index: index,
     value: value
    };
   });
  }
 };
 return ARSCAN;
}

var ARSEEK = {};

var hasRequiredARSEEK;

function requireARSEEK() {
 if (hasRequiredARSEEK) return ARSEEK;
 hasRequiredARSEEK = 1;
 Object.defineProperty(ARSEEK, "__esModule", {
  value: true
 });
 ARSEEK.default = {
  parseCommand(parser, key, index) {
   parser.push("ARSEEK");
   parser.pushKey(key);
   parser.push(index.toString());
  },
  transformReply: undefined
 };
 return ARSEEK;
}

var ARSET = {};

var hasRequiredARSET;

function requireARSET() {
 if (hasRequiredARSET) return ARSET;
 hasRequiredARSET = 1;
 Object.defineProperty(ARSET, "__esModule", {
  value: true
 });
 ARSET.default = {
  parseCommand(parser, key, index, value) {
   parser.push("ARSET");
   parser.pushKey(key);
   parser.push(index.toString());
   parser.pushVariadic(value);
  },
  transformReply: undefined
 };
 return ARSET;
}

var ASKING = {};

var hasRequiredASKING;

function requireASKING() {
 if (hasRequiredASKING) return ASKING;
 hasRequiredASKING = 1;
 (function(exports) {
  Object.defineProperty(exports, "__esModule", {
   value: true
  });
  exports.ASKING_CMD = void 0;
  exports.ASKING_CMD = "ASKING";
  exports.default = {
   IS_READ_ONLY: true,
   parseCommand(parser) {
    parser.push(exports.ASKING_CMD);
   },
   transformReply: undefined
  };
 })(ASKING);
 return ASKING;
}

var AUTH = {};

var hasRequiredAUTH;

function requireAUTH() {
 if (hasRequiredAUTH) return AUTH;
 hasRequiredAUTH = 1;
 Object.defineProperty(AUTH, "__esModule", {
  value: true
 });
 AUTH.default = {
  IS_READ_ONLY: true,
  parseCommand(parser, {username: username, password: password}) {
   parser.push("AUTH");
   if (username !== undefined) {
    parser.push(username);
   }
   parser.push(password);
  },
  transformReply: undefined
 };
 return AUTH;
}

var BGREWRITEAOF = {};

var hasRequiredBGREWRITEAOF;

function requireBGREWRITEAOF() {
 if (hasRequiredBGREWRITEAOF) return BGREWRITEAOF;
 hasRequiredBGREWRITEAOF = 1;
 Object.defineProperty(BGREWRITEAOF, "__esModule", {
  value: true
 });
 BGREWRITEAOF.default = {
  parseCommand(parser) {
   parser.push("BGREWRITEAOF");
  },
  transformReply: undefined
 };
 return BGREWRITEAOF;
}

var BGSAVE = {};

var hasRequiredBGSAVE;

function requireBGSAVE() {
 if (hasRequiredBGSAVE) return BGSAVE;
 hasRequiredBGSAVE = 1;
 Object.defineProperty(BGSAVE, "__esModule", {
  value: true
 });
 BGSAVE.default = {
  parseCommand(parser, options) {
   parser.push("BGSAVE");
   if (options?.SCHEDULE) {
    parser.push("SCHEDULE");
   }
  },
  transformReply: undefined
 };
 return BGSAVE;
}

var BITCOUNT = {};

var hasRequiredBITCOUNT;

function requireBITCOUNT() {
 if (hasRequiredBITCOUNT) return BITCOUNT;
 hasRequiredBITCOUNT = 1;
 Object.defineProperty(BITCOUNT, "__esModule", {
  value: true
 });
 BITCOUNT.default = {
  parseCommand(parser, key, range) {
   parser.push("BITCOUNT");
   parser.pushKey(key);
   if (range) {
    parser.push(range.start.toString());
    parser.push(range.end.toString());
    if (range.mode) {
     parser.push(range.mode);
    }
   }
  },
  transformReply: undefined
 };
 return BITCOUNT;
}

var BITFIELD_RO = {};

var hasRequiredBITFIELD_RO;

function requireBITFIELD_RO() {
 if (hasRequiredBITFIELD_RO) return BITFIELD_RO;
 hasRequiredBITFIELD_RO = 1;
 Object.defineProperty(BITFIELD_RO, "__esModule", {
  value: true
 });
 BITFIELD_RO.default = {
  parseCommand(parser, key, operations) {
   parser.push("BITFIELD_RO");
   parser.pushKey(key);
   for (const operation of operations) {
    parser.push("GET");
    parser.push(operation.encoding);
    parser.push(operation.offset.toString());
   }
  },
  transformReply: undefined
 };
 return BITFIELD_RO;
}

var BITFIELD = {};

var hasRequiredBITFIELD;

function requireBITFIELD() {
 if (hasRequiredBITFIELD) return BITFIELD;
 hasRequiredBITFIELD = 1;
 Object.defineProperty(BITFIELD, "__esModule", {
  value: true
 });
 BITFIELD.default = {
  parseCommand(parser, key, operations) {
   parser.push("BITFIELD");
   parser.pushKey(key);
   for (const options of operations) {
    switch (options.operation) {
    case "GET":
     parser.push("GET", options.encoding, options.offset.toString());
     break;

    case "SET":
     parser.push("SET", options.encoding, options.offset.toString(), options.value.toString());
     break;

    case "INCRBY":
     parser.push("INCRBY", options.encoding, options.offset.toString(), options.increment.toString());
     break;

    case "OVERFLOW":
     parser.push("OVERFLOW", options.behavior);
     break;
    }
   }
  },
  transformReply: undefined
 };
 return BITFIELD;
}

var BITOP = {};

var hasRequiredBITOP;

function requireBITOP() {
 if (hasRequiredBITOP) return BITOP;
 hasRequiredBITOP = 1;
 Object.defineProperty(BITOP, "__esModule", {
  value: true
 });
 BITOP.default = {
  parseCommand(parser, operation, destKey, key) {
   parser.push("BITOP", operation);
   parser.pushKey(destKey);
   parser.pushKeys(key);
  },
  transformReply: undefined
 };
 return BITOP;
}

var BITPOS = {};

var hasRequiredBITPOS;

function requireBITPOS() {
 if (hasRequiredBITPOS) return BITPOS;
 hasRequiredBITPOS = 1;
 Object.defineProperty(BITPOS, "__esModule", {
  value: true
 });
 BITPOS.default = {
  parseCommand(parser, key, bit, start, end, mode) {
   parser.push("BITPOS");
   parser.pushKey(key);
   parser.push(bit.toString());
   if (start !== undefined) {
    parser.push(start.toString());
   }
   if (end !== undefined) {
    parser.push(end.toString());
   }
   if (mode) {
    parser.push(mode);
   }
  },
  transformReply: undefined
 };
 return BITPOS;
}

var BLESS_GET = {};

var hasRequiredBLESS_GET;

function requireBLESS_GET() {
 if (hasRequiredBLESS_GET) return BLESS_GET;
 hasRequiredBLESS_GET = 1;
 Object.defineProperty(BLESS_GET, "__esModule", {
  value: true
 });
 BLESS_GET.default = {
  parseCommand(parser, key) {
   parser.push("BLESS");
   parser.push("GET");
   parser.pushKey(key);
  },
  transformReply: undefined
 };
 return BLESS_GET;
}

var BLESS_SET = {};

var hasRequiredBLESS_SET;

function requireBLESS_SET() {
 if (hasRequiredBLESS_SET) return BLESS_SET;
 hasRequiredBLESS_SET = 1;
 Object.defineProperty(BLESS_SET, "__esModule", {
  value: true
 });
 BLESS_SET.default = {
  parseCommand(parser, key, flag) {
   parser.push("BLESS");
   parser.push("SET");
   parser.pushKey(key);
   parser.push(flag);
  },
  transformReply: undefined
 };
 return BLESS_SET;
}

var BLESS_CLEAR = {};

var hasRequiredBLESS_CLEAR;

function requireBLESS_CLEAR() {
 if (hasRequiredBLESS_CLEAR) return BLESS_CLEAR;
 hasRequiredBLESS_CLEAR = 1;
 Object.defineProperty(BLESS_CLEAR, "__esModule", {
  value: true
 });
 BLESS_CLEAR.default = {
  parseCommand(parser, key, flag) {
   parser.push("BLESS");
   parser.push("CLEAR");
   parser.pushKey(key);
   parser.push(flag);
  },
  transformReply: undefined
 };
 return BLESS_CLEAR;
}

var BLESS_SCAN = {};

var hasRequiredBLESS_SCAN;

function requireBLESS_SCAN() {
 if (hasRequiredBLESS_SCAN) return BLESS_SCAN;
 hasRequiredBLESS_SCAN = 1;
 Object.defineProperty(BLESS_SCAN, "__esModule", {
  value: true
 });
 BLESS_SCAN.default = {
  IS_READ_ONLY: true,
  parseCommand(parser, cursor, flag, options) {
   parser.push("BLESS");
   parser.push("SCAN");
   parser.push(cursor);
   parser.push(flag);
   if (options?.COUNT) {
    parser.push("COUNT", options.COUNT.toString());
   }
  },
  transformReply([cursor, keys]) {
   return {
    cursor: cursor,
    keys: keys
   };
  }
 };
 return BLESS_SCAN;
}

var BLMOVE = {};

var hasRequiredBLMOVE;

function requireBLMOVE() {
 if (hasRequiredBLMOVE) return BLMOVE;
 hasRequiredBLMOVE = 1;
 Object.defineProperty(BLMOVE, "__esModule", {
  value: true
 });
 BLMOVE.default = {
  parseCommand(parser, source, destination, sourceSide, destinationSide, timeout) {
   parser.push("BLMOVE");
   parser.pushKeys([ source, destination ]);
   parser.push(sourceSide, destinationSide, timeout.toString());
  },
  transformReply: undefined
 };
 return BLMOVE;
}

var BLMOVEM = {};

var LMOVEM = {};

var hasRequiredLMOVEM;

function requireLMOVEM() {
 if (hasRequiredLMOVEM) return LMOVEM;
 hasRequiredLMOVEM = 1;
 Object.defineProperty(LMOVEM, "__esModule", {
  value: true
 });
 LMOVEM.parseLMoveMOptions = void 0;
 function parseLMoveMOptions(parser, options) {
  if (options) {
   if ("EXACTLY" in options) {
    parser.push("EXACTLY", options.EXACTLY.toString());
   } else {
    parser.push("COUNT", options.COUNT.toString());
   }
   parser.push(options.ORDER);
  }
 }
 LMOVEM.parseLMoveMOptions = parseLMoveMOptions;
 LMOVEM.default = {
  IS_READ_ONLY: false,
  parseCommand(parser, source, destination, sourceSide, destinationSide, options) {
   parser.push("LMOVEM");
   parser.pushKeys([ source, destination ]);
   parser.push(sourceSide, destinationSide);
   parseLMoveMOptions(parser, options);
  },
  transformReply: undefined
 };
 return LMOVEM;
}

var hasRequiredBLMOVEM;

function requireBLMOVEM() {
 if (hasRequiredBLMOVEM) return BLMOVEM;
 hasRequiredBLMOVEM = 1;
 var __createBinding = BLMOVEM && BLMOVEM.__createBinding || (Object.create ? function(o, m, k, k2) {
  if (k2 === undefined) k2 = k;
  var desc = Object.getOwnPropertyDescriptor(m, k);
  if (!desc || ("get" in desc ? !m.__esModule : desc.writable || desc.configurable)) {
   desc = {
    enumerable: true,
    get: function() {
     return m[k];
    }
   };
  }
  Object.defineProperty(o, k2, desc);
 } : function(o, m, k, k2) {
  if (k2 === undefined) k2 = k;
  o[k2] = m[k];
 });
 var __setModuleDefault = BLMOVEM && BLMOVEM.__setModuleDefault || (Object.create ? function(o, v) {
  Object.defineProperty(o, "default", {
   enumerable: true,
   value: v
  });
 } : function(o, v) {
  o["default"] = v;
 });
 var __importStar = BLMOVEM && BLMOVEM.__importStar || function(mod) {
  if (mod && mod.__esModule) return mod;
  var result = {};
  if (mod != null) for (var k in mod) if (k !== "default" && Object.prototype.hasOwnProperty.call(mod, k)) __createBinding(result, mod, k);
  __setModuleDefault(result, mod);
  return result;
 };
 Object.defineProperty(BLMOVEM, "__esModule", {
  value: true
 });
 const LMOVEM_1 = __importStar(requireLMOVEM());
 BLMOVEM.default = {
  IS_READ_ONLY: false,
  parseCommand(parser, source, destination, sourceSide, destinationSide, timeout, options) {
   parser.push("BLMOVEM");
   parser.pushKeys([ source, destination ]);
   parser.push(sourceSide, destinationSide, timeout.toString());
   (0, LMOVEM_1.parseLMoveMOptions)(parser, options);
  },
  transformReply: LMOVEM_1.default.transformReply
 };
 return BLMOVEM;
}

var BLMPOP = {};

var LMPOP = {};

var hasRequiredLMPOP;

function requireLMPOP() {
 if (hasRequiredLMPOP) return LMPOP;
 hasRequiredLMPOP = 1;
 Object.defineProperty(LMPOP, "__esModule", {
  value: true
 });
 LMPOP.parseLMPopArguments = void 0;
 function parseLMPopArguments(parser, keys, side, options) {
  parser.pushKeysLength(keys);
  parser.push(side);
  if (options?.COUNT !== undefined) {
   parser.push("COUNT", options.COUNT.toString());
  }
 }
 LMPOP.parseLMPopArguments = parseLMPopArguments;
 LMPOP.default = {
  parseCommand(parser, ...args) {
   parser.push("LMPOP");
   parseLMPopArguments(parser, ...args);
  },
  transformReply: undefined
 };
 return LMPOP;
}

var hasRequiredBLMPOP;

function requireBLMPOP() {
 if (hasRequiredBLMPOP) return BLMPOP;
 hasRequiredBLMPOP = 1;
 var __createBinding = BLMPOP && BLMPOP.__createBinding || (Object.create ? function(o, m, k, k2) {
  if (k2 === undefined) k2 = k;
  var desc = Object.getOwnPropertyDescriptor(m, k);
  if (!desc || ("get" in desc ? !m.__esModule : desc.writable || desc.configurable)) {
   desc = {
    enumerable: true,
    get: function() {
     return m[k];
    }
   };
  }
  Object.defineProperty(o, k2, desc);
 } : function(o, m, k, k2) {
  if (k2 === undefined) k2 = k;
  o[k2] = m[k];
 });
 var __setModuleDefault = BLMPOP && BLMPOP.__setModuleDefault || (Object.create ? function(o, v) {
  Object.defineProperty(o, "default", {
   enumerable: true,
   value: v
  });
 } : function(o, v) {
  o["default"] = v;
 });
 var __importStar = BLMPOP && BLMPOP.__importStar || function(mod) {
  if (mod && mod.__esModule) return mod;
  var result = {};
  if (mod != null) for (var k in mod) if (k !== "default" && Object.prototype.hasOwnProperty.call(mod, k)) __createBinding(result, mod, k);
  __setModuleDefault(result, mod);
  return result;
 };
 Object.defineProperty(BLMPOP, "__esModule", {
  value: true
 });
 const LMPOP_1 = __importStar(requireLMPOP());
 BLMPOP.default = {
  parseCommand(parser, timeout, ...args) {
   parser.push("BLMPOP", timeout.toString());
   (0, LMPOP_1.parseLMPopArguments)(parser, ...args);
  },
  transformReply: LMPOP_1.default.transformReply
 };
 return BLMPOP;
}

var BLPOP = {};

var hasRequiredBLPOP;

function requireBLPOP() {
 if (hasRequiredBLPOP) return BLPOP;
 hasRequiredBLPOP = 1;
 Object.defineProperty(BLPOP, "__esModule", {
  value: true
 });
 BLPOP.default = {
  parseCommand(parser, key, timeout) {
   parser.push("BLPOP");
   parser.pushKeys(key);
   parser.push(timeout.toString());
  },
  transformReply(reply) {
   if (reply === null) return null;
   return {
    key: reply[0],
    element: reply[1]
   };
  }
 };
 return BLPOP;
}

var BRPOP = {};

var hasRequiredBRPOP;

function requireBRPOP() {
 if (hasRequiredBRPOP) return BRPOP;
 hasRequiredBRPOP = 1;
 var __importDefault = BRPOP && BRPOP.__importDefault || function(mod) {
  return mod && mod.__esModule ? mod : {
   default: mod
  };
 };
 Object.defineProperty(BRPOP, "__esModule", {
  value: true
 });
 const BLPOP_1 = __importDefault(requireBLPOP());
 BRPOP.default = {
  parseCommand(parser, key, timeout) {
   parser.push("BRPOP");
   parser.pushKeys(key);
   parser.push(timeout.toString());
  },
  transformReply: BLPOP_1.default.transformReply
 };
 return BRPOP;
}

var BRPOPLPUSH = {};

var hasRequiredBRPOPLPUSH;

function requireBRPOPLPUSH() {
 if (hasRequiredBRPOPLPUSH) return BRPOPLPUSH;
 hasRequiredBRPOPLPUSH = 1;
 Object.defineProperty(BRPOPLPUSH, "__esModule", {
  value: true
 });
 BRPOPLPUSH.default = {
  parseCommand(parser, source, destination, timeout) {
   parser.push("BRPOPLPUSH");
   parser.pushKeys([ source, destination ]);
   parser.push(timeout.toString());
  },
  transformReply: undefined
 };
 return BRPOPLPUSH;
}

var BZMPOP = {};

var ZMPOP = {};

var hasRequiredZMPOP;

function requireZMPOP() {
 if (hasRequiredZMPOP) return ZMPOP;
 hasRequiredZMPOP = 1;
 Object.defineProperty(ZMPOP, "__esModule", {
  value: true
 });
 ZMPOP.parseZMPopArguments = void 0;
 const generic_transformers_1 = requireGenericTransformers();
 function parseZMPopArguments(parser, keys, side, options) {
  parser.pushKeysLength(keys);
  parser.push(side);
  if (options?.COUNT) {
   parser.push("COUNT", options.COUNT.toString());
  }
 }
 ZMPOP.parseZMPopArguments = parseZMPopArguments;
 ZMPOP.default = {
  parseCommand(parser, keys, side, options) {
   parser.push("ZMPOP");
   parseZMPopArguments(parser, keys, side, options);
  },
  transformReply: {
   2(reply, preserve, typeMapping) {
    return reply === null ? null : {
     key: reply[0],
     members: reply[1].map(member => {
      const [value, score] = member;
      return {
       value: value,
       score: generic_transformers_1.transformDoubleReply[2](score, preserve, typeMapping)
      };
     })
    };
   },
   3(reply) {
    return reply === null ? null : {
     key: reply[0],
     members: generic_transformers_1.transformSortedSetReply[3](reply[1])
    };
   }
  }
 };
 return ZMPOP;
}

var hasRequiredBZMPOP;

function requireBZMPOP() {
 if (hasRequiredBZMPOP) return BZMPOP;
 hasRequiredBZMPOP = 1;
 var __createBinding = BZMPOP && BZMPOP.__createBinding || (Object.create ? function(o, m, k, k2) {
  if (k2 === undefined) k2 = k;
  var desc = Object.getOwnPropertyDescriptor(m, k);
  if (!desc || ("get" in desc ? !m.__esModule : desc.writable || desc.configurable)) {
   desc = {
    enumerable: true,
    get: function() {
     return m[k];
    }
   };
  }
  Object.defineProperty(o, k2, desc);
 } : function(o, m, k, k2) {
  if (k2 === undefined) k2 = k;
  o[k2] = m[k];
 });
 var __setModuleDefault = BZMPOP && BZMPOP.__setModuleDefault || (Object.create ? function(o, v) {
  Object.defineProperty(o, "default", {
   enumerable: true,
   value: v
  });
 } : function(o, v) {
  o["default"] = v;
 });
 var __importStar = BZMPOP && BZMPOP.__importStar || function(mod) {
  if (mod && mod.__esModule) return mod;
  var result = {};
  if (mod != null) for (var k in mod) if (k !== "default" && Object.prototype.hasOwnProperty.call(mod, k)) __createBinding(result, mod, k);
  __setModuleDefault(result, mod);
  return result;
 };
 Object.defineProperty(BZMPOP, "__esModule", {
  value: true
 });
 const ZMPOP_1 = __importStar(requireZMPOP());
 BZMPOP.default = {
  parseCommand(parser, timeout, ...args) {
   parser.push("BZMPOP", timeout.toString());
   (0, ZMPOP_1.parseZMPopArguments)(parser, ...args);
  },
  transformReply: ZMPOP_1.default.transformReply
 };
 return BZMPOP;
}

var BZPOPMAX = {};

var hasRequiredBZPOPMAX;

function requireBZPOPMAX() {
 if (hasRequiredBZPOPMAX) return BZPOPMAX;
 hasRequiredBZPOPMAX = 1;
 Object.defineProperty(BZPOPMAX, "__esModule", {
  value: true
 });
 const generic_transformers_1 = requireGenericTransformers();
 BZPOPMAX.default = {
  parseCommand(parser, keys, timeout) {
   parser.push("BZPOPMAX");
   parser.pushKeys(keys);
   parser.push(timeout.toString());
  },
  transformReply: {
   2(reply, preserve, typeMapping) {
    return reply === null ? null : {
     key: reply[0],
     value: reply[1],
     score: generic_transformers_1.transformDoubleReply[2](reply[2], preserve, typeMapping)
    };
   },
   3(reply) {
    return reply === null ? null : {
     key: reply[0],
     value: reply[1],
     score: reply[2]
    };
   }
  }
 };
 return BZPOPMAX;
}

var BZPOPMIN = {};

var hasRequiredBZPOPMIN;

function requireBZPOPMIN() {
 if (hasRequiredBZPOPMIN) return BZPOPMIN;
 hasRequiredBZPOPMIN = 1;
 var __importDefault = BZPOPMIN && BZPOPMIN.__importDefault || function(mod) {
  return mod && mod.__esModule ? mod : {
   default: mod
  };
 };
 Object.defineProperty(BZPOPMIN, "__esModule", {
  value: true
 });
 const BZPOPMAX_1 = __importDefault(requireBZPOPMAX());
 BZPOPMIN.default = {
  parseCommand(parser, keys, timeout) {
   parser.push("BZPOPMIN");
   parser.pushKeys(keys);
   parser.push(timeout.toString());
  },
  transformReply: BZPOPMAX_1.default.transformReply
 };
 return BZPOPMIN;
}

var CLIENT_CACHING = {};

var hasRequiredCLIENT_CACHING;

function requireCLIENT_CACHING() {
 if (hasRequiredCLIENT_CACHING) return CLIENT_CACHING;
 hasRequiredCLIENT_CACHING = 1;
 Object.defineProperty(CLIENT_CACHING, "__esModule", {
  value: true
 });
 CLIENT_CACHING.default = {
  IS_READ_ONLY: true,
  parseCommand(parser, value) {
   parser.push("CLIENT", "CACHING", value ? "YES" : "NO");
  },
  transformReply: undefined
 };
 return CLIENT_CACHING;
}

var CLIENT_GETNAME = {};

var hasRequiredCLIENT_GETNAME;

function requireCLIENT_GETNAME() {
 if (hasRequiredCLIENT_GETNAME) return CLIENT_GETNAME;
 hasRequiredCLIENT_GETNAME = 1;
 Object.defineProperty(CLIENT_GETNAME, "__esModule", {
  value: true
 });
 CLIENT_GETNAME.default = {
  IS_READ_ONLY: true,
  parseCommand(parser) {
   parser.push("CLIENT", "GETNAME");
  },
  transformReply: undefined
 };
 return CLIENT_GETNAME;
}

var CLIENT_GETREDIR = {};

var hasRequiredCLIENT_GETREDIR;

function requireCLIENT_GETREDIR() {
 if (hasRequiredCLIENT_GETREDIR) return CLIENT_GETREDIR;
 hasRequiredCLIENT_GETREDIR = 1;
 Object.defineProperty(CLIENT_GETREDIR, "__esModule", {
  value: true
 });
 CLIENT_GETREDIR.default = {
  IS_READ_ONLY: true,
  parseCommand(parser) {
   parser.push("CLIENT", "GETREDIR");
  },
  transformReply: undefined
 };
 return CLIENT_GETREDIR;
}

var CLIENT_ID = {};

var hasRequiredCLIENT_ID;

function requireCLIENT_ID() {
 if (hasRequiredCLIENT_ID) return CLIENT_ID;
 hasRequiredCLIENT_ID = 1;
 Object.defineProperty(CLIENT_ID, "__esModule", {
  value: true
 });
 CLIENT_ID.default = {
  IS_READ_ONLY: true,
  parseCommand(parser) {
   parser.push("CLIENT", "ID");
  },
  transformReply: undefined
 };
 return CLIENT_ID;
}

var CLIENT_INFO = {};

var hasRequiredCLIENT_INFO;

function requireCLIENT_INFO() {
 if (hasRequiredCLIENT_INFO) return CLIENT_INFO;
 hasRequiredCLIENT_INFO = 1;
 Object.defineProperty(CLIENT_INFO, "__esModule", {
  value: true
 });
 const CLIENT_INFO_REGEX = /([^\s=]+)=([^\s]*)/g;
 CLIENT_INFO.default = {
  IS_READ_ONLY: true,
  parseCommand(parser) {
   parser.push("CLIENT", "INFO");
  },
  transformReply(rawReply) {
   const map = {};
   for (const item of rawReply.toString().matchAll(CLIENT_INFO_REGEX)) {
    map[item[1]] = item[2];
   }
   const reply = {
    id: Number(map.id),
    addr: map.addr,
    fd: Number(map.fd),
    name: map.name,
    age: Number(map.age),
    idle: Number(map.idle),
    flags: map.flags,
    db: Number(map.db),
    sub: Number(map.sub),
    psub: Number(map.psub),
    multi: Number(map.multi),
    qbuf: Number(map.qbuf),
    qbufFree: Number(map["qbuf-free"]),
    argvMem: Number(map["argv-mem"]),
    obl: Number(map.obl),
    oll: Number(map.oll),
    omem: Number(map.omem),
    totMem: Number(map["tot-mem"]),
    events: map.events,
    cmd: map.cmd,
    user: map.user,
    libName: map["lib-name"],
    libVer: map["lib-ver"]
   };
   if (map.laddr !== undefined) {
    reply.laddr = map.laddr;
   }
   if (map.redir !== undefined) {
    reply.redir = Number(map.redir);
   }
   if (map.ssub !== undefined) {
    reply.ssub = Number(map.ssub);
   }
   if (map["multi-mem"] !== undefined) {
    reply.multiMem = Number(map["multi-mem"]);
   }
   if (map.resp !== undefined) {
    reply.resp = Number(map.resp);
   }
   if (map.watch !== undefined) {
    reply.watch = Number(map.watch);
   }
   if (map.rbs !== undefined) {
    reply.rbs = Number(map.rbs);
   }
   if (map.rbp !== undefined) {
    reply.rbp = Number(map.rbp);
   }
   return reply;
  }
 };
 return CLIENT_INFO;
}

var CLIENT_KILL = {};

var hasRequiredCLIENT_KILL;

function requireCLIENT_KILL() {
 if (hasRequiredCLIENT_KILL) return CLIENT_KILL;
 hasRequiredCLIENT_KILL = 1;
 (function(exports) {
  Object.defineProperty(exports, "__esModule", {
   value: true
  });
  exports.CLIENT_KILL_FILTERS = void 0;
  exports.CLIENT_KILL_FILTERS = {
   ADDRESS: "ADDR",
   LOCAL_ADDRESS: "LADDR",
   ID: "ID",
   TYPE: "TYPE",
   USER: "USER",
   SKIP_ME: "SKIPME",
   MAXAGE: "MAXAGE"
  };
  exports.default = {
   parseCommand(parser, filters) {
    parser.push("CLIENT", "KILL");
    if (Array.isArray(filters)) {
     for (const filter of filters) {
      pushFilter(parser, filter);
     }
    } else {
     pushFilter(parser, filters);
    }
   },
   transformReply: undefined
  };
  function pushFilter(parser, filter) {
   if (filter === exports.CLIENT_KILL_FILTERS.SKIP_ME) {
    parser.push("SKIPME");
    return;
   }
   parser.push(filter.filter);
   switch (filter.filter) {
   case exports.CLIENT_KILL_FILTERS.ADDRESS:
    parser.push(filter.address);
    break;

   case exports.CLIENT_KILL_FILTERS.LOCAL_ADDRESS:
    parser.push(filter.localAddress);
    break;

   case exports.CLIENT_KILL_FILTERS.ID:
    parser.push(typeof filter.id === "number" ? filter.id.toString() : filter.id);
    break;

   case exports.CLIENT_KILL_FILTERS.TYPE:
    parser.push(filter.type);
    break;

   case exports.CLIENT_KILL_FILTERS.USER:
    parser.push(filter.username);
    break;

   case exports.CLIENT_KILL_FILTERS.SKIP_ME:
    parser.push(filter.skipMe ? "yes" : "no");
    break;

   case exports.CLIENT_KILL_FILTERS.MAXAGE:
    parser.push(filter.maxAge.toString());
    break;
   }
  }
 })(CLIENT_KILL);
 return CLIENT_KILL;
}

var CLIENT_LIST = {};

var hasRequiredCLIENT_LIST;

function requireCLIENT_LIST() {
 if (hasRequiredCLIENT_LIST) return CLIENT_LIST;
 hasRequiredCLIENT_LIST = 1;
 var __importDefault = CLIENT_LIST && CLIENT_LIST.__importDefault || function(mod) {
  return mod && mod.__esModule ? mod : {
   default: mod
  };
 };
 Object.defineProperty(CLIENT_LIST, "__esModule", {
  value: true
 });
 const CLIENT_INFO_1 = __importDefault(requireCLIENT_INFO());
 CLIENT_LIST.default = {
  IS_READ_ONLY: true,
  parseCommand(parser, filter) {
   parser.push("CLIENT", "LIST");
   if (filter) {
    if (filter.TYPE !== undefined) {
     parser.push("TYPE", filter.TYPE);
    } else {
     parser.push("ID");
     parser.pushVariadic(filter.ID);
    }
   }
  },
  transformReply(rawReply) {
   const split = rawReply.toString().split("\n"), length = split.length - 1, reply = [];
   for (let i = 0; i < length; i++) {
    reply.push(CLIENT_INFO_1.default.transformReply(split[i]));
   }
   return reply;
  }
 };
 return CLIENT_LIST;
}

var CLIENT_NOEVICT = {};

var hasRequiredCLIENT_NOEVICT;

function requireCLIENT_NOEVICT() {
 if (hasRequiredCLIENT_NOEVICT) return CLIENT_NOEVICT;
 hasRequiredCLIENT_NOEVICT = 1;
 Object.defineProperty(CLIENT_NOEVICT, "__esModule", {
  value: true
 });
 CLIENT_NOEVICT.default = {
  IS_READ_ONLY: true,
  parseCommand(parser, value) {
   parser.push("CLIENT", "NO-EVICT", value ? "ON" : "OFF");
  },
  transformReply: undefined
 };
 return CLIENT_NOEVICT;
}

var CLIENT_NOTOUCH = {};

var hasRequiredCLIENT_NOTOUCH;

function requireCLIENT_NOTOUCH() {
 if (hasRequiredCLIENT_NOTOUCH) return CLIENT_NOTOUCH;
 hasRequiredCLIENT_NOTOUCH = 1;
 Object.defineProperty(CLIENT_NOTOUCH, "__esModule", {
  value: true
 });
 CLIENT_NOTOUCH.default = {
  IS_READ_ONLY: true,
  parseCommand(parser, value) {
   parser.push("CLIENT", "NO-TOUCH", value ? "ON" : "OFF");
  },
  transformReply: undefined
 };
 return CLIENT_NOTOUCH;
}

var CLIENT_PAUSE = {};

var hasRequiredCLIENT_PAUSE;

function requireCLIENT_PAUSE() {
 if (hasRequiredCLIENT_PAUSE) return CLIENT_PAUSE;
 hasRequiredCLIENT_PAUSE = 1;
 Object.defineProperty(CLIENT_PAUSE, "__esModule", {
  value: true
 });
 CLIENT_PAUSE.default = {
  parseCommand(parser, timeout, mode) {
   parser.push("CLIENT", "PAUSE", timeout.toString());
   if (mode) {
    parser.push(mode);
   }
  },
  transformReply: undefined
 };
 return CLIENT_PAUSE;
}

var CLIENT_SETNAME = {};

var hasRequiredCLIENT_SETNAME;

function requireCLIENT_SETNAME() {
 if (hasRequiredCLIENT_SETNAME) return CLIENT_SETNAME;
 hasRequiredCLIENT_SETNAME = 1;
 Object.defineProperty(CLIENT_SETNAME, "__esModule", {
  value: true
 });
 CLIENT_SETNAME.default = {
  IS_READ_ONLY: true,
  parseCommand(parser, name) {
   parser.push("CLIENT", "SETNAME", name);
  },
  transformReply: undefined
 };
 return CLIENT_SETNAME;
}

var CLIENT_TRACKING = {};

var hasRequiredCLIENT_TRACKING;

function requireCLIENT_TRACKING() {
 if (hasRequiredCLIENT_TRACKING) return CLIENT_TRACKING;
 hasRequiredCLIENT_TRACKING = 1;
 Object.defineProperty(CLIENT_TRACKING, "__esModule", {
  value: true
 });
 CLIENT_TRACKING.default = {
  IS_READ_ONLY: true,
  parseCommand(parser, mode, options) {
   parser.push("CLIENT", "TRACKING", mode ? "ON" : "OFF");
   if (mode) {
    if (options?.REDIRECT) {
     parser.push("REDIRECT", options.REDIRECT.toString());
    }
    if (isBroadcast(options)) {
     parser.push("BCAST");
     if (options?.PREFIX) {
      if (Array.isArray(options.PREFIX)) {
       for (const prefix of options.PREFIX) {
        parser.push("PREFIX", prefix);
       }
      } else {
       parser.push("PREFIX", options.PREFIX);
      }
     }
    } else if (isOptIn(options)) {
     parser.push("OPTIN");
    } else if (isOptOut(options)) {
     parser.push("OPTOUT");
    }
    if (options?.NOLOOP) {
     parser.push("NOLOOP");
    }
   }
  },
  transformReply: undefined
 };
 function isBroadcast(options) {
  return options?.BCAST === true;
 }
 function isOptIn(options) {
  return options?.OPTIN === true;
 }
 function isOptOut(options) {
  return options?.OPTOUT === true;
 }
 return CLIENT_TRACKING;
}

var CLIENT_TRACKINGINFO = {};

var hasRequiredCLIENT_TRACKINGINFO;

function requireCLIENT_TRACKINGINFO() {
 if (hasRequiredCLIENT_TRACKINGINFO) return CLIENT_TRACKINGINFO;
 hasRequiredCLIENT_TRACKINGINFO = 1;
 Object.defineProperty(CLIENT_TRACKINGINFO, "__esModule", {
  value: true
 });
 CLIENT_TRACKINGINFO.default = {
  IS_READ_ONLY: true,
  parseCommand(parser) {
   parser.push("CLIENT", "TRACKINGINFO");
  },
  transformReply: {
   2: reply => ({
    flags: reply[1],
    redirect: reply[3],
    prefixes: reply[5]
   }),
   3: undefined
  }
 };
 return CLIENT_TRACKINGINFO;
}

var CLIENT_UNBLOCK = {};

var hasRequiredCLIENT_UNBLOCK;

function requireCLIENT_UNBLOCK() {
 if (hasRequiredCLIENT_UNBLOCK) return CLIENT_UNBLOCK;
 hasRequiredCLIENT_UNBLOCK = 1;
 Object.defineProperty(CLIENT_UNBLOCK, "__esModule", {
  value: true
 });
 CLIENT_UNBLOCK.CLIENT_UNBLOCK_MODES = void 0;
 CLIENT_UNBLOCK.CLIENT_UNBLOCK_MODES = {
  TIMEOUT: "TIMEOUT",
  ERROR: "ERROR"
 };
 CLIENT_UNBLOCK.default = {
  parseCommand(parser, clientId, mode) {
   parser.push("CLIENT", "UNBLOCK", typeof clientId === "number" ? clientId.toString() : clientId);
   if (mode) {
    parser.push(mode);
   }
  },
  transformReply: undefined
 };
 return CLIENT_UNBLOCK;
}

var CLIENT_UNPAUSE = {};

var hasRequiredCLIENT_UNPAUSE;

function requireCLIENT_UNPAUSE() {
 if (hasRequiredCLIENT_UNPAUSE) return CLIENT_UNPAUSE;
 hasRequiredCLIENT_UNPAUSE = 1;
 Object.defineProperty(CLIENT_UNPAUSE, "__esModule", {
  value: true
 });
 CLIENT_UNPAUSE.default = {
  parseCommand(parser) {
   parser.push("CLIENT", "UNPAUSE");
  },
  transformReply: undefined
 };
 return CLIENT_UNPAUSE;
}

var CLUSTER_ADDSLOTS = {};

var hasRequiredCLUSTER_ADDSLOTS;

function requireCLUSTER_ADDSLOTS() {
 if (hasRequiredCLUSTER_ADDSLOTS) return CLUSTER_ADDSLOTS;
 hasRequiredCLUSTER_ADDSLOTS = 1;
 Object.defineProperty(CLUSTER_ADDSLOTS, "__esModule", {
  value: true
 });
 CLUSTER_ADDSLOTS.default = {
  parseCommand(parser, slots) {
   parser.push("CLUSTER", "ADDSLOTS");
   parser.pushVariadicNumber(slots);
  },
  transformReply: undefined
 };
 return CLUSTER_ADDSLOTS;
}

var CLUSTER_ADDSLOTSRANGE = {};

var hasRequiredCLUSTER_ADDSLOTSRANGE;

function requireCLUSTER_ADDSLOTSRANGE() {
 if (hasRequiredCLUSTER_ADDSLOTSRANGE) return CLUSTER_ADDSLOTSRANGE;
 hasRequiredCLUSTER_ADDSLOTSRANGE = 1;
 Object.defineProperty(CLUSTER_ADDSLOTSRANGE, "__esModule", {
  value: true
 });
 const generic_transformers_1 = requireGenericTransformers();
 CLUSTER_ADDSLOTSRANGE.default = {
  parseCommand(parser, ranges) {
   parser.push("CLUSTER", "ADDSLOTSRANGE");
   (0, generic_transformers_1.parseSlotRangesArguments)(parser, ranges);
  },
  transformReply: undefined
 };
 return CLUSTER_ADDSLOTSRANGE;
}

var CLUSTER_BUMPEPOCH = {};

var hasRequiredCLUSTER_BUMPEPOCH;

function requireCLUSTER_BUMPEPOCH() {
 if (hasRequiredCLUSTER_BUMPEPOCH) return CLUSTER_BUMPEPOCH;
 hasRequiredCLUSTER_BUMPEPOCH = 1;
 Object.defineProperty(CLUSTER_BUMPEPOCH, "__esModule", {
  value: true
 });
 CLUSTER_BUMPEPOCH.default = {
  parseCommand(parser) {
   parser.push("CLUSTER", "BUMPEPOCH");
  },
  transformReply: undefined
 };
 return CLUSTER_BUMPEPOCH;
}

var CLUSTER_COUNTFAILUREREPORTS = {};

var hasRequiredCLUSTER_COUNTFAILUREREPORTS;

function requireCLUSTER_COUNTFAILUREREPORTS() {
 if (hasRequiredCLUSTER_COUNTFAILUREREPORTS) return CLUSTER_COUNTFAILUREREPORTS;
 hasRequiredCLUSTER_COUNTFAILUREREPORTS = 1;
 Object.defineProperty(CLUSTER_COUNTFAILUREREPORTS, "__esModule", {
  value: true
 });
 CLUSTER_COUNTFAILUREREPORTS.default = {
  IS_READ_ONLY: true,
  parseCommand(parser, nodeId) {
   parser.push("CLUSTER", "COUNT-FAILURE-REPORTS", nodeId);
  },
  transformReply: undefined
 };
 return CLUSTER_COUNTFAILUREREPORTS;
}

var CLUSTER_COUNTKEYSINSLOT = {};

var hasRequiredCLUSTER_COUNTKEYSINSLOT;

function requireCLUSTER_COUNTKEYSINSLOT() {
 if (hasRequiredCLUSTER_COUNTKEYSINSLOT) return CLUSTER_COUNTKEYSINSLOT;
 hasRequiredCLUSTER_COUNTKEYSINSLOT = 1;
 Object.defineProperty(CLUSTER_COUNTKEYSINSLOT, "__esModule", {
  value: true
 });
 CLUSTER_COUNTKEYSINSLOT.default = {
  IS_READ_ONLY: true,
  parseCommand(parser, slot) {
   parser.push("CLUSTER", "COUNTKEYSINSLOT", slot.toString());
  },
  transformReply: undefined
 };
 return CLUSTER_COUNTKEYSINSLOT;
}

var CLUSTER_DELSLOTS = {};

var hasRequiredCLUSTER_DELSLOTS;

function requireCLUSTER_DELSLOTS() {
 if (hasRequiredCLUSTER_DELSLOTS) return CLUSTER_DELSLOTS;
 hasRequiredCLUSTER_DELSLOTS = 1;
 Object.defineProperty(CLUSTER_DELSLOTS, "__esModule", {
  value: true
 });
 CLUSTER_DELSLOTS.default = {
  parseCommand(parser, slots) {
   parser.push("CLUSTER", "DELSLOTS");
   parser.pushVariadicNumber(slots);
  },
  transformReply: undefined
 };
 return CLUSTER_DELSLOTS;
}

var CLUSTER_DELSLOTSRANGE = {};

var hasRequiredCLUSTER_DELSLOTSRANGE;

function requireCLUSTER_DELSLOTSRANGE() {
 if (hasRequiredCLUSTER_DELSLOTSRANGE) return CLUSTER_DELSLOTSRANGE;
 hasRequiredCLUSTER_DELSLOTSRANGE = 1;
 Object.defineProperty(CLUSTER_DELSLOTSRANGE, "__esModule", {
  value: true
 });
 const generic_transformers_1 = requireGenericTransformers();
 CLUSTER_DELSLOTSRANGE.default = {
  parseCommand(parser, ranges) {
   parser.push("CLUSTER", "DELSLOTSRANGE");
   (0, generic_transformers_1.parseSlotRangesArguments)(parser, ranges);
  },
  transformReply: undefined
 };
 return CLUSTER_DELSLOTSRANGE;
}

var CLUSTER_FAILOVER = {};

var hasRequiredCLUSTER_FAILOVER;

function requireCLUSTER_FAILOVER() {
 if (hasRequiredCLUSTER_FAILOVER) return CLUSTER_FAILOVER;
 hasRequiredCLUSTER_FAILOVER = 1;
 Object.defineProperty(CLUSTER_FAILOVER, "__esModule", {
  value: true
 });
 CLUSTER_FAILOVER.FAILOVER_MODES = void 0;
 CLUSTER_FAILOVER.FAILOVER_MODES = {
  FORCE: "FORCE",
  TAKEOVER: "TAKEOVER"
 };
 CLUSTER_FAILOVER.default = {
  parseCommand(parser, options) {
   parser.push("CLUSTER", "FAILOVER");
   if (options?.mode) {
    parser.push(options.mode);
   }
  },
  transformReply: undefined
 };
 return CLUSTER_FAILOVER;
}

var CLUSTER_FLUSHSLOTS = {};

var hasRequiredCLUSTER_FLUSHSLOTS;

function requireCLUSTER_FLUSHSLOTS() {
 if (hasRequiredCLUSTER_FLUSHSLOTS) return CLUSTER_FLUSHSLOTS;
 hasRequiredCLUSTER_FLUSHSLOTS = 1;
 Object.defineProperty(CLUSTER_FLUSHSLOTS, "__esModule", {
  value: true
 });
 CLUSTER_FLUSHSLOTS.default = {
  parseCommand(parser) {
   parser.push("CLUSTER", "FLUSHSLOTS");
  },
  transformReply: undefined
 };
 return CLUSTER_FLUSHSLOTS;
}

var CLUSTER_FORGET = {};

var hasRequiredCLUSTER_FORGET;

function requireCLUSTER_FORGET() {
 if (hasRequiredCLUSTER_FORGET) return CLUSTER_FORGET;
 hasRequiredCLUSTER_FORGET = 1;
 Object.defineProperty(CLUSTER_FORGET, "__esModule", {
  value: true
 });
 CLUSTER_FORGET.default = {
  parseCommand(parser, nodeId) {
   parser.push("CLUSTER", "FORGET", nodeId);
  },
  transformReply: undefined
 };
 return CLUSTER_FORGET;
}

var CLUSTER_GETKEYSINSLOT = {};

var hasRequiredCLUSTER_GETKEYSINSLOT;

function requireCLUSTER_GETKEYSINSLOT() {
 if (hasRequiredCLUSTER_GETKEYSINSLOT) return CLUSTER_GETKEYSINSLOT;
 hasRequiredCLUSTER_GETKEYSINSLOT = 1;
 Object.defineProperty(CLUSTER_GETKEYSINSLOT, "__esModule", {
  value: true
 });
 CLUSTER_GETKEYSINSLOT.default = {
  IS_READ_ONLY: true,
  parseCommand(parser, slot, count) {
   parser.push("CLUSTER", "GETKEYSINSLOT", slot.toString(), count.toString());
  },
  transformReply: undefined
 };
 return CLUSTER_GETKEYSINSLOT;
}

var CLUSTER_INFO = {};

var hasRequiredCLUSTER_INFO;

function requireCLUSTER_INFO() {
 if (hasRequiredCLUSTER_INFO) return CLUSTER_INFO;
 hasRequiredCLUSTER_INFO = 1;
 Object.defineProperty(CLUSTER_INFO, "__esModule", {
  value: true
 });
 CLUSTER_INFO.default = {
  IS_READ_ONLY: true,
  parseCommand(parser) {
   parser.push("CLUSTER", "INFO");
  },
  transformReply: undefined
 };
 return CLUSTER_INFO;
}

var CLUSTER_KEYSLOT = {};

var hasRequiredCLUSTER_KEYSLOT;

function requireCLUSTER_KEYSLOT() {
 if (hasRequiredCLUSTER_KEYSLOT) return CLUSTER_KEYSLOT;
 hasRequiredCLUSTER_KEYSLOT = 1;
 Object.defineProperty(CLUSTER_KEYSLOT, "__esModule", {
  value: true
 });
 CLUSTER_KEYSLOT.default = {
  IS_READ_ONLY: true,
  parseCommand(parser, key) {
   parser.push("CLUSTER", "KEYSLOT");
   parser.pushKey(key);
  },
  transformReply: undefined
 };
 return CLUSTER_KEYSLOT;
}

var CLUSTER_LINKS = {};

var hasRequiredCLUSTER_LINKS;

function requireCLUSTER_LINKS() {
 if (hasRequiredCLUSTER_LINKS) return CLUSTER_LINKS;
 hasRequiredCLUSTER_LINKS = 1;
 Object.defineProperty(CLUSTER_LINKS, "__esModule", {
  value: true
 });
 CLUSTER_LINKS.default = {
  IS_READ_ONLY: true,
  parseCommand(parser) {
   parser.push("CLUSTER", "LINKS");
  },
  transformReply: {
   2: reply => reply.map(link => {
    const unwrapped = link;
    return {
     direction: unwrapped[1],
     node: unwrapped[3],
     "create-time": unwrapped[5],
     events: unwrapped[7],
     "send-buffer-allocated": unwrapped[9],
     "send-buffer-used": unwrapped[11]
    };
   }),
   3: undefined
  }
 };
 return CLUSTER_LINKS;
}

var CLUSTER_MEET = {};

var hasRequiredCLUSTER_MEET;

function requireCLUSTER_MEET() {
 if (hasRequiredCLUSTER_MEET) return CLUSTER_MEET;
 hasRequiredCLUSTER_MEET = 1;
 Object.defineProperty(CLUSTER_MEET, "__esModule", {
  value: true
 });
 CLUSTER_MEET.default = {
  parseCommand(parser, host, port) {
   parser.push("CLUSTER", "MEET", host, port.toString());
  },
  transformReply: undefined
 };
 return CLUSTER_MEET;
}

var CLUSTER_MYID = {};

var hasRequiredCLUSTER_MYID;

function requireCLUSTER_MYID() {
 if (hasRequiredCLUSTER_MYID) return CLUSTER_MYID;
 hasRequiredCLUSTER_MYID = 1;
 Object.defineProperty(CLUSTER_MYID, "__esModule", {
  value: true
 });
 CLUSTER_MYID.default = {
  IS_READ_ONLY: true,
  parseCommand(parser) {
   parser.push("CLUSTER", "MYID");
  },
  transformReply: undefined
 };
 return CLUSTER_MYID;
}

var CLUSTER_MYSHARDID = {};

var hasRequiredCLUSTER_MYSHARDID;

function requireCLUSTER_MYSHARDID() {
 if (hasRequiredCLUSTER_MYSHARDID) return CLUSTER_MYSHARDID;
 hasRequiredCLUSTER_MYSHARDID = 1;
 Object.defineProperty(CLUSTER_MYSHARDID, "__esModule", {
  value: true
 });
 CLUSTER_MYSHARDID.default = {
  IS_READ_ONLY: true,
  parseCommand(parser) {
   parser.push("CLUSTER", "MYSHARDID");
  },
  transformReply: undefined
 };
 return CLUSTER_MYSHARDID;
}

var CLUSTER_NODES = {};

var hasRequiredCLUSTER_NODES;

function requireCLUSTER_NODES() {
 if (hasRequiredCLUSTER_NODES) return CLUSTER_NODES;
 hasRequiredCLUSTER_NODES = 1;
 Object.defineProperty(CLUSTER_NODES, "__esModule", {
  value: true
 });
 CLUSTER_NODES.default = {
  IS_READ_ONLY: true,
  parseCommand(parser) {
   parser.push("CLUSTER", "NODES");
  },
  transformReply: undefined
 };
 return CLUSTER_NODES;
}

var CLUSTER_REPLICAS = {};

var hasRequiredCLUSTER_REPLICAS;

function requireCLUSTER_REPLICAS() {
 if (hasRequiredCLUSTER_REPLICAS) return CLUSTER_REPLICAS;
 hasRequiredCLUSTER_REPLICAS = 1;
 Object.defineProperty(CLUSTER_REPLICAS, "__esModule", {
  value: true
 });
 CLUSTER_REPLICAS.default = {
  IS_READ_ONLY: true,
  parseCommand(parser, nodeId) {
   parser.push("CLUSTER", "REPLICAS", nodeId);
  },
  transformReply: undefined
 };
 return CLUSTER_REPLICAS;
}

var CLUSTER_REPLICATE = {};

var hasRequiredCLUSTER_REPLICATE;

function requireCLUSTER_REPLICATE() {
 if (hasRequiredCLUSTER_REPLICATE) return CLUSTER_REPLICATE;
 hasRequiredCLUSTER_REPLICATE = 1;
 Object.defineProperty(CLUSTER_REPLICATE, "__esModule", {
  value: true
 });
 CLUSTER_REPLICATE.default = {
  parseCommand(parser, nodeId) {
   parser.push("CLUSTER", "REPLICATE", nodeId);
  },
  transformReply: undefined
 };
 return CLUSTER_REPLICATE;
}

var CLUSTER_RESET = {};

var hasRequiredCLUSTER_RESET;

function requireCLUSTER_RESET() {
 if (hasRequiredCLUSTER_RESET) return CLUSTER_RESET;
 hasRequiredCLUSTER_RESET = 1;
 Object.defineProperty(CLUSTER_RESET, "__esModule", {
  value: true
 });
 CLUSTER_RESET.default = {
  parseCommand(parser, options) {
   parser.push("CLUSTER", "RESET");
   if (options?.mode) {
    parser.push(options.mode);
   }
  },
  transformReply: undefined
 };
 return CLUSTER_RESET;
}

var CLUSTER_SAVECONFIG = {};

var hasRequiredCLUSTER_SAVECONFIG;

function requireCLUSTER_SAVECONFIG() {
 if (hasRequiredCLUSTER_SAVECONFIG) return CLUSTER_SAVECONFIG;
 hasRequiredCLUSTER_SAVECONFIG = 1;
 Object.defineProperty(CLUSTER_SAVECONFIG, "__esModule", {
  value: true
 });
 CLUSTER_SAVECONFIG.default = {
  parseCommand(parser) {
   parser.push("CLUSTER", "SAVECONFIG");
  },
  transformReply: undefined
 };
 return CLUSTER_SAVECONFIG;
}

var CLUSTER_SETCONFIGEPOCH = {};

var hasRequiredCLUSTER_SETCONFIGEPOCH;

function requireCLUSTER_SETCONFIGEPOCH() {
 if (hasRequiredCLUSTER_SETCONFIGEPOCH) return CLUSTER_SETCONFIGEPOCH;
 hasRequiredCLUSTER_SETCONFIGEPOCH = 1;
 Object.defineProperty(CLUSTER_SETCONFIGEPOCH, "__esModule", {
  value: true
 });
 CLUSTER_SETCONFIGEPOCH.default = {
  parseCommand(parser, configEpoch) {
   parser.push("CLUSTER", "SET-CONFIG-EPOCH", configEpoch.toString());
  },
  transformReply: undefined
 };
 return CLUSTER_SETCONFIGEPOCH;
}

var CLUSTER_SETSLOT = {};

var hasRequiredCLUSTER_SETSLOT;

function requireCLUSTER_SETSLOT() {
 if (hasRequiredCLUSTER_SETSLOT) return CLUSTER_SETSLOT;
 hasRequiredCLUSTER_SETSLOT = 1;
 Object.defineProperty(CLUSTER_SETSLOT, "__esModule", {
  value: true
 });
 CLUSTER_SETSLOT.CLUSTER_SLOT_STATES = void 0;
 CLUSTER_SETSLOT.CLUSTER_SLOT_STATES = {
  IMPORTING: "IMPORTING",
  MIGRATING: "MIGRATING",
  STABLE: "STABLE",
  NODE: "NODE"
 };
 CLUSTER_SETSLOT.default = {
  parseCommand(parser, slot, state, nodeId) {
   parser.push("CLUSTER", "SETSLOT", slot.toString(), state);
   if (nodeId) {
    parser.push(nodeId);
   }
  },
  transformReply: undefined
 };
 return CLUSTER_SETSLOT;
}

var CLUSTER_SLOTS = {};

var hasRequiredCLUSTER_SLOTS;

function requireCLUSTER_SLOTS() {
 if (hasRequiredCLUSTER_SLOTS) return CLUSTER_SLOTS;
 hasRequiredCLUSTER_SLOTS = 1;
 Object.defineProperty(CLUSTER_SLOTS, "__esModule", {
  value: true
 });
 CLUSTER_SLOTS.default = {
  IS_READ_ONLY: true,
  parseCommand(parser) {
   parser.push("CLUSTER", "SLOTS");
  },
  transformReply(reply) {
   return reply.map(([from, to, master, ...replicas]) => ({
    from: from,
    to: to,
    master: transformNode(master),
    replicas: replicas.map(transformNode)
   }));
  }
 };
 function transformNode(node) {
  const [host, port, id] = node;
  return {
   host: host,
   port: port,
   id: id
  };
 }
 return CLUSTER_SLOTS;
}

var COMMAND_COUNT = {};

var hasRequiredCOMMAND_COUNT;

function requireCOMMAND_COUNT() {
 if (hasRequiredCOMMAND_COUNT) return COMMAND_COUNT;
 hasRequiredCOMMAND_COUNT = 1;
 Object.defineProperty(COMMAND_COUNT, "__esModule", {
  value: true
 });
 COMMAND_COUNT.default = {
  IS_READ_ONLY: true,
  parseCommand(parser) {
   parser.push("COMMAND", "COUNT");
  },
  transformReply: undefined
 };
 return COMMAND_COUNT;
}

var COMMAND_DOCS = {};

var hasRequiredCOMMAND_DOCS;

function requireCOMMAND_DOCS() {
 if (hasRequiredCOMMAND_DOCS) return COMMAND_DOCS;
 hasRequiredCOMMAND_DOCS = 1;
 Object.defineProperty(COMMAND_DOCS, "__esModule", {
  value: true
 });
 const decoder_1 = requireDecoder();
 function transformMap(reply, typeMapping, transformValue) {
  if (!Array.isArray(reply)) {
   return reply;
  }
  const entries = [];
  for (let i = 0; i < reply.length; i += 2) {
   const key = reply[i].toString();
   entries.push([ key, transformValue(key, reply[i + 1]) ]);
  }
  switch (typeMapping?.[decoder_1.RESP_TYPES.MAP]) {
  case Array:
   return entries.flat();

  case Map:
   return new Map(entries);

  default:
   {
    const object = {};
    for (const [key, value] of entries) {
     object[key] = value;
    }
    return object;
   }
  }
 }
 function transformArgument(reply, typeMapping) {
  return transformMap(reply, typeMapping, (key, value) => {
   if (key === "arguments" && Array.isArray(value)) {
    return value.map(argument => transformArgument(argument, typeMapping));
   }
   return value;
  });
 }
 function transformDoc(reply, typeMapping) {
  return transformMap(reply, typeMapping, (key, value) => {
   switch (key) {
   case "arguments":
    return Array.isArray(value) ? value.map(argument => transformArgument(argument, typeMapping)) : value;

   case "subcommands":
    return transformDocsMap(value, typeMapping);

   case "reply_schema":
    return value;

   default:
    return value;
   }
  });
 }
 function transformDocsMap(reply, typeMapping) {
  return transformMap(reply, typeMapping, (_key, value) => transformDoc(value, typeMapping));
 }
 COMMAND_DOCS.default = {
  IS_READ_ONLY: true,
  parseCommand(parser, commands) {
   parser.push("COMMAND", "DOCS");
   if (commands !== undefined) {
    parser.pushVariadic(commands);
   }
  },
  transformReply: {
   2: (reply, _preserve, typeMapping) => transformDocsMap(reply, typeMapping),
   3: undefined
  }
 };
 return COMMAND_DOCS;
}

var COMMAND_GETKEYS = {};

var hasRequiredCOMMAND_GETKEYS;

function requireCOMMAND_GETKEYS() {
 if (hasRequiredCOMMAND_GETKEYS) return COMMAND_GETKEYS;
 hasRequiredCOMMAND_GETKEYS = 1;
 Object.defineProperty(COMMAND_GETKEYS, "__esModule", {
  value: true
 });
 COMMAND_GETKEYS.default = {
  IS_READ_ONLY: true,
  parseCommand(parser, args) {
   parser.push("COMMAND", "GETKEYS");
   parser.push(...args);
  },
  transformReply: undefined
 };
 return COMMAND_GETKEYS;
}

var COMMAND_GETKEYSANDFLAGS = {};

var hasRequiredCOMMAND_GETKEYSANDFLAGS;

function requireCOMMAND_GETKEYSANDFLAGS() {
 if (hasRequiredCOMMAND_GETKEYSANDFLAGS) return COMMAND_GETKEYSANDFLAGS;
 hasRequiredCOMMAND_GETKEYSANDFLAGS = 1;
 Object.defineProperty(COMMAND_GETKEYSANDFLAGS, "__esModule", {
  value: true
 });
 COMMAND_GETKEYSANDFLAGS.default = {
  IS_READ_ONLY: true,
  parseCommand(parser, args) {
   parser.push("COMMAND", "GETKEYSANDFLAGS");
   parser.push(...args);
  },
  transformReply(reply) {
   return reply.map(entry => {
    const [key, flags] = entry;
    return {
     key: key,
     flags: flags
    };
   });
  }
 };
 return COMMAND_GETKEYSANDFLAGS;
}

var COMMAND_INFO = {};

var hasRequiredCOMMAND_INFO;

function requireCOMMAND_INFO() {
 if (hasRequiredCOMMAND_INFO) return COMMAND_INFO;
 hasRequiredCOMMAND_INFO = 1;
 Object.defineProperty(COMMAND_INFO, "__esModule", {
  value: true
 });
 const generic_transformers_1 = requireGenericTransformers();
 COMMAND_INFO.default = {
  IS_READ_ONLY: true,
  parseCommand(parser, commands) {
   parser.push("COMMAND", "INFO", ...commands);
  },
  transformReply(reply) {
   return reply.map(command => command ? (0, generic_transformers_1.transformCommandReply)(command) : null);
  }
 };
 return COMMAND_INFO;
}

var COMMAND_LIST = {};

var hasRequiredCOMMAND_LIST;

function requireCOMMAND_LIST() {
 if (hasRequiredCOMMAND_LIST) return COMMAND_LIST;
 hasRequiredCOMMAND_LIST = 1;
 Object.defineProperty(COMMAND_LIST, "__esModule", {
  value: true
 });
 COMMAND_LIST.COMMAND_LIST_FILTER_BY = void 0;
 COMMAND_LIST.COMMAND_LIST_FILTER_BY = {
  MODULE: "MODULE",
  ACLCAT: "ACLCAT",
  PATTERN: "PATTERN"
 };
 COMMAND_LIST.default = {
  IS_READ_ONLY: true,
  parseCommand(parser, options) {
   parser.push("COMMAND", "LIST");
   if (options?.FILTERBY) {
    parser.push("FILTERBY", options.FILTERBY.type, options.FILTERBY.value);
   }
  },
  transformReply: undefined
 };
 return COMMAND_LIST;
}

var COMMAND = {};

var hasRequiredCOMMAND;

function requireCOMMAND() {
 if (hasRequiredCOMMAND) return COMMAND;
 hasRequiredCOMMAND = 1;
 Object.defineProperty(COMMAND, "__esModule", {
  value: true
 });
 const generic_transformers_1 = requireGenericTransformers();
 COMMAND.default = {
  IS_READ_ONLY: true,
  parseCommand(parser) {
   parser.push("COMMAND");
  },
  transformReply(reply) {
   return reply.map(generic_transformers_1.transformCommandReply);
  }
 };
 return COMMAND;
}

var CONFIG_GET = {};

var hasRequiredCONFIG_GET;

function requireCONFIG_GET() {
 if (hasRequiredCONFIG_GET) return CONFIG_GET;
 hasRequiredCONFIG_GET = 1;
 Object.defineProperty(CONFIG_GET, "__esModule", {
  value: true
 });
 const generic_transformers_1 = requireGenericTransformers();
 CONFIG_GET.default = {
  IS_READ_ONLY: true,
  parseCommand(parser, parameters) {
   parser.push("CONFIG", "GET");
   parser.pushVariadic(parameters);
  },
  transformReply: {
   2: generic_transformers_1.transformTuplesReply,
   3: undefined
  }
 };
 return CONFIG_GET;
}

var CONFIG_RESETSTAT = {};

var hasRequiredCONFIG_RESETSTAT;

function requireCONFIG_RESETSTAT() {
 if (hasRequiredCONFIG_RESETSTAT) return CONFIG_RESETSTAT;
 hasRequiredCONFIG_RESETSTAT = 1;
 Object.defineProperty(CONFIG_RESETSTAT, "__esModule", {
  value: true
 });
 CONFIG_RESETSTAT.default = {
  parseCommand(parser) {
   parser.push("CONFIG", "RESETSTAT");
  },
  transformReply: undefined
 };
 return CONFIG_RESETSTAT;
}

var CONFIG_REWRITE = {};

var hasRequiredCONFIG_REWRITE;

function requireCONFIG_REWRITE() {
 if (hasRequiredCONFIG_REWRITE) return CONFIG_REWRITE;
 hasRequiredCONFIG_REWRITE = 1;
 Object.defineProperty(CONFIG_REWRITE, "__esModule", {
  value: true
 });
 CONFIG_REWRITE.default = {
  parseCommand(parser) {
   parser.push("CONFIG", "REWRITE");
  },
  transformReply: undefined
 };
 return CONFIG_REWRITE;
}

var CONFIG_SET = {};

var hasRequiredCONFIG_SET;

function requireCONFIG_SET() {
 if (hasRequiredCONFIG_SET) return CONFIG_SET;
 hasRequiredCONFIG_SET = 1;
 Object.defineProperty(CONFIG_SET, "__esModule", {
  value: true
 });
 CONFIG_SET.default = {
  parseCommand(parser, ...[parameterOrConfig, value]) {
   parser.push("CONFIG", "SET");
   if (typeof parameterOrConfig === "string" || parameterOrConfig instanceof Buffer) {
    parser.push(parameterOrConfig, value);
   } else {
    for (const [key, value] of Object.entries(parameterOrConfig)) {
     parser.push(key, value);
    }
   }
  },
  transformReply: undefined
 };
 return CONFIG_SET;
}

var COPY = {};

var hasRequiredCOPY;

function requireCOPY() {
 if (hasRequiredCOPY) return COPY;
 hasRequiredCOPY = 1;
 Object.defineProperty(COPY, "__esModule", {
  value: true
 });
 COPY.default = {
  parseCommand(parser, source, destination, options) {
   parser.push("COPY");
   parser.pushKeys([ source, destination ]);
   if (options?.DB !== undefined) {
    parser.push("DB", options.DB.toString());
   }
   if (options?.REPLACE) {
    parser.push("REPLACE");
   }
  },
  transformReply: undefined
 };
 return COPY;
}

var DBSIZE = {};

var hasRequiredDBSIZE;

function requireDBSIZE() {
 if (hasRequiredDBSIZE) return DBSIZE;
 hasRequiredDBSIZE = 1;
 Object.defineProperty(DBSIZE, "__esModule", {
  value: true
 });
 DBSIZE.default = {
  IS_READ_ONLY: true,
  parseCommand(parser) {
   parser.push("DBSIZE");
  },
  transformReply: undefined
 };
 return DBSIZE;
}

var DECR = {};

var hasRequiredDECR;

function requireDECR() {
 if (hasRequiredDECR) return DECR;
 hasRequiredDECR = 1;
 Object.defineProperty(DECR, "__esModule", {
  value: true
 });
 DECR.default = {
  parseCommand(parser, key) {
   parser.push("DECR");
   parser.pushKey(key);
  },
  transformReply: undefined
 };
 return DECR;
}

var DECRBY = {};

var hasRequiredDECRBY;

function requireDECRBY() {
 if (hasRequiredDECRBY) return DECRBY;
 hasRequiredDECRBY = 1;
 Object.defineProperty(DECRBY, "__esModule", {
  value: true
 });
 DECRBY.default = {
  parseCommand(parser, key, decrement) {
   parser.push("DECRBY");
   parser.pushKey(key);
   parser.push(decrement.toString());
  },
  transformReply: undefined
 };
 return DECRBY;
}

var DEL = {};

var hasRequiredDEL;

function requireDEL() {
 if (hasRequiredDEL) return DEL;
 hasRequiredDEL = 1;
 Object.defineProperty(DEL, "__esModule", {
  value: true
 });
 DEL.default = {
  parseCommand(parser, keys) {
   parser.push("DEL");
   parser.pushKeys(keys);
  },
  transformReply: undefined
 };
 return DEL;
}

var DELEX = {};

var hasRequiredDELEX;

function requireDELEX() {
 if (hasRequiredDELEX) return DELEX;
 hasRequiredDELEX = 1;
 Object.defineProperty(DELEX, "__esModule", {
  value: true
 });
 DELEX.DelexCondition = void 0;
 DELEX.DelexCondition = {
  IFEQ: "IFEQ",
  IFNE: "IFNE",
  IFDEQ: "IFDEQ",
  IFDNE: "IFDNE"
 };
 DELEX.default = {
  parseCommand(parser, key, options) {
   parser.push("DELEX");
   parser.pushKey(key);
   if (options) {
    parser.push(options.condition);
    parser.push(options.matchValue);
   }
  },
  transformReply: undefined
 };
 return DELEX;
}

var DIGEST = {};

var hasRequiredDIGEST;

function requireDIGEST() {
 if (hasRequiredDIGEST) return DIGEST;
 hasRequiredDIGEST = 1;
 Object.defineProperty(DIGEST, "__esModule", {
  value: true
 });
 DIGEST.default = {
  parseCommand(parser, key) {
   parser.push("DIGEST");
   parser.pushKey(key);
  },
  transformReply: undefined
 };
 return DIGEST;
}

var DUMP = {};

var hasRequiredDUMP;

function requireDUMP() {
 if (hasRequiredDUMP) return DUMP;
 hasRequiredDUMP = 1;
 Object.defineProperty(DUMP, "__esModule", {
  value: true
 });
 DUMP.default = {
  parseCommand(parser, key) {
   parser.push("DUMP");
   parser.pushKey(key);
  },
  transformReply: undefined
 };
 return DUMP;
}

var ECHO = {};

var hasRequiredECHO;

function requireECHO() {
 if (hasRequiredECHO) return ECHO;
 hasRequiredECHO = 1;
 Object.defineProperty(ECHO, "__esModule", {
  value: true
 });
 ECHO.default = {
  IS_READ_ONLY: true,
  parseCommand(parser, message) {
   parser.push("ECHO", message);
  },
  transformReply: undefined
 };
 return ECHO;
}

var EVAL_RO = {};

var EVAL = {};

var hasRequiredEVAL;

function requireEVAL() {
 if (hasRequiredEVAL) return EVAL;
 hasRequiredEVAL = 1;
 Object.defineProperty(EVAL, "__esModule", {
  value: true
 });
 EVAL.parseEvalArguments = void 0;
 function parseEvalArguments(parser, script, options) {
  parser.push(script);
  if (options?.keys) {
   parser.pushKeysLength(options.keys);
  } else {
   parser.push("0");
  }
  if (options?.arguments) {
   parser.push(...options.arguments);
  }
 }
 EVAL.parseEvalArguments = parseEvalArguments;
 EVAL.default = {
  parseCommand(...args) {
   args[0].push("EVAL");
   parseEvalArguments(...args);
  },
  transformReply: undefined
 };
 return EVAL;
}

var hasRequiredEVAL_RO;

function requireEVAL_RO() {
 if (hasRequiredEVAL_RO) return EVAL_RO;
 hasRequiredEVAL_RO = 1;
 var __createBinding = EVAL_RO && EVAL_RO.__createBinding || (Object.create ? function(o, m, k, k2) {
  if (k2 === undefined) k2 = k;
  var desc = Object.getOwnPropertyDescriptor(m, k);
  if (!desc || ("get" in desc ? !m.__esModule : desc.writable || desc.configurable)) {
   desc = {
    enumerable: true,
    get: function() {
     return m[k];
    }
   };
  }
  Object.defineProperty(o, k2, desc);
 } : function(o, m, k, k2) {
  if (k2 === undefined) k2 = k;
  o[k2] = m[k];
 });
 var __setModuleDefault = EVAL_RO && EVAL_RO.__setModuleDefault || (Object.create ? function(o, v) {
  Object.defineProperty(o, "default", {
   enumerable: true,
   value: v
  });
 } : function(o, v) {
  o["default"] = v;
 });
 var __importStar = EVAL_RO && EVAL_RO.__importStar || function(mod) {
  if (mod && mod.__esModule) return mod;
  var result = {};
  if (mod != null) for (var k in mod) if (k !== "default" && Object.prototype.hasOwnProperty.call(mod, k)) __createBinding(result, mod, k);
  __setModuleDefault(result, mod);
  return result;
 };
 Object.defineProperty(EVAL_RO, "__esModule", {
  value: true
 });
 const EVAL_1 = __importStar(requireEVAL());
 EVAL_RO.default = {
  IS_READ_ONLY: true,
  parseCommand(...args) {
   args[0].push("EVAL_RO");
   (0, EVAL_1.parseEvalArguments)(...args);
  },
  transformReply: EVAL_1.default.transformReply
 };
 return EVAL_RO;
}

var EVALSHA_RO = {};

var hasRequiredEVALSHA_RO;

function requireEVALSHA_RO() {
 if (hasRequiredEVALSHA_RO) return EVALSHA_RO;
 hasRequiredEVALSHA_RO = 1;
 var __createBinding = EVALSHA_RO && EVALSHA_RO.__createBinding || (Object.create ? function(o, m, k, k2) {
  if (k2 === undefined) k2 = k;
  var desc = Object.getOwnPropertyDescriptor(m, k);
  if (!desc || ("get" in desc ? !m.__esModule : desc.writable || desc.configurable)) {
   desc = {
    enumerable: true,
    get: function() {
     return m[k];
    }
   };
  }
  Object.defineProperty(o, k2, desc);
 } : function(o, m, k, k2) {
  if (k2 === undefined) k2 = k;
  o[k2] = m[k];
 });
 var __setModuleDefault = EVALSHA_RO && EVALSHA_RO.__setModuleDefault || (Object.create ? function(o, v) {
  Object.defineProperty(o, "default", {
   enumerable: true,
   value: v
  });
 } : function(o, v) {
  o["default"] = v;
 });
 var __importStar = EVALSHA_RO && EVALSHA_RO.__importStar || function(mod) {
  if (mod && mod.__esModule) return mod;
  var result = {};
  if (mod != null) for (var k in mod) if (k !== "default" && Object.prototype.hasOwnProperty.call(mod, k)) __createBinding(result, mod, k);
  __setModuleDefault(result, mod);
  return result;
 };
 Object.defineProperty(EVALSHA_RO, "__esModule", {
  value: true
 });
 const EVAL_1 = __importStar(requireEVAL());
 EVALSHA_RO.default = {
  IS_READ_ONLY: true,
  parseCommand(...args) {
   args[0].push("EVALSHA_RO");
   (0, EVAL_1.parseEvalArguments)(...args);
  },
  transformReply: EVAL_1.default.transformReply
 };
 return EVALSHA_RO;
}

var EVALSHA = {};

var hasRequiredEVALSHA;

function requireEVALSHA() {
 if (hasRequiredEVALSHA) return EVALSHA;
 hasRequiredEVALSHA = 1;
 var __createBinding = EVALSHA && EVALSHA.__createBinding || (Object.create ? function(o, m, k, k2) {
  if (k2 === undefined) k2 = k;
  var desc = Object.getOwnPropertyDescriptor(m, k);
  if (!desc || ("get" in desc ? !m.__esModule : desc.writable || desc.configurable)) {
   desc = {
    enumerable: true,
    get: function() {
     return m[k];
    }
   };
  }
  Object.defineProperty(o, k2, desc);
 } : function(o, m, k, k2) {
  if (k2 === undefined) k2 = k;
  o[k2] = m[k];
 });
 var __setModuleDefault = EVALSHA && EVALSHA.__setModuleDefault || (Object.create ? function(o, v) {
  Object.defineProperty(o, "default", {
   enumerable: true,
   value: v
  });
 } : function(o, v) {
  o["default"] = v;
 });
 var __importStar = EVALSHA && EVALSHA.__importStar || function(mod) {
  if (mod && mod.__esModule) return mod;
  var result = {};
  if (mod != null) for (var k in mod) if (k !== "default" && Object.prototype.hasOwnProperty.call(mod, k)) __createBinding(result, mod, k);
  __setModuleDefault(result, mod);
  return result;
 };
 Object.defineProperty(EVALSHA, "__esModule", {
  value: true
 });
 const EVAL_1 = __importStar(requireEVAL());
 EVALSHA.default = {
  parseCommand(...args) {
   args[0].push("EVALSHA");
   (0, EVAL_1.parseEvalArguments)(...args);
  },
  transformReply: EVAL_1.default.transformReply
 };
 return EVALSHA;
}

var GEOADD = {};

var hasRequiredGEOADD;

function requireGEOADD() {
 if (hasRequiredGEOADD) return GEOADD;
 hasRequiredGEOADD = 1;
 Object.defineProperty(GEOADD, "__esModule", {
  value: true
 });
 GEOADD.default = {
  parseCommand(parser, key, toAdd, options) {
   parser.push("GEOADD");
   parser.pushKey(key);
   if (options?.condition) {
    parser.push(options.condition);
   } else if (options?.NX) {
    parser.push("NX");
   } else if (options?.XX) {
    parser.push("XX");
   }
   if (options?.CH) {
    parser.push("CH");
   }
   if (Array.isArray(toAdd)) {
    for (const member of toAdd) {
     pushMember(parser, member);
    }
   } else {
    pushMember(parser, toAdd);
   }
  },
  transformReply: undefined
 };
 function pushMember(parser, {longitude: longitude, latitude: latitude, member: member}) {
  parser.push(longitude.toString(), latitude.toString(), member);
 }
 return GEOADD;
}

var GEODIST = {};

var hasRequiredGEODIST;

function requireGEODIST() {
 if (hasRequiredGEODIST) return GEODIST;
 hasRequiredGEODIST = 1;
 Object.defineProperty(GEODIST, "__esModule", {
  value: true
 });
 GEODIST.default = {
  parseCommand(parser, key, member1, member2, unit) {
   parser.push("GEODIST");
   parser.pushKey(key);
   parser.push(member1, member2);
   if (unit) {
    parser.push(unit);
   }
  },
  transformReply(reply) {
   return reply === null ? null : Number(reply);
  }
 };
 return GEODIST;
}

var GEOHASH = {};

var hasRequiredGEOHASH;

function requireGEOHASH() {
 if (hasRequiredGEOHASH) return GEOHASH;
 hasRequiredGEOHASH = 1;
 Object.defineProperty(GEOHASH, "__esModule", {
  value: true
 });
 GEOHASH.default = {
  parseCommand(parser, key, member) {
   parser.push("GEOHASH");
   parser.pushKey(key);
   parser.pushVariadic(member);
  },
  transformReply: undefined
 };
 return GEOHASH;
}

var GEOPOS = {};

var hasRequiredGEOPOS;

function requireGEOPOS() {
 if (hasRequiredGEOPOS) return GEOPOS;
 hasRequiredGEOPOS = 1;
 Object.defineProperty(GEOPOS, "__esModule", {
  value: true
 });
 GEOPOS.default = {
  parseCommand(parser, key, member) {
   parser.push("GEOPOS");
   parser.pushKey(key);
   parser.pushVariadic(member);
  },
  transformReply(reply) {
   return reply.map(item => {
    const unwrapped = item;
    return unwrapped === null ? null : {
     longitude: unwrapped[0],
     latitude: unwrapped[1]
    };
   });
  }
 };
 return GEOPOS;
}

var GEORADIUS_RO_WITH = {};

var GEORADIUS_WITH = {};

var GEORADIUS = {};

var GEOSEARCH = {};

var hasRequiredGEOSEARCH;

function requireGEOSEARCH() {
 if (hasRequiredGEOSEARCH) return GEOSEARCH;
 hasRequiredGEOSEARCH = 1;
 Object.defineProperty(GEOSEARCH, "__esModule", {
  value: true
 });
 GEOSEARCH.parseGeoSearchOptions = GEOSEARCH.parseGeoSearchArguments = void 0;
 function parseGeoSearchArguments(parser, key, from, by, options) {
  parser.pushKey(key);
  if (typeof from === "string" || from instanceof Buffer) {
   parser.push("FROMMEMBER", from);
  } else {
   parser.push("FROMLONLAT", from.longitude.toString(), from.latitude.toString());
  }
  if ("radius" in by) {
   parser.push("BYRADIUS", by.radius.toString(), by.unit);
  } else {
   parser.push("BYBOX", by.width.toString(), by.height.toString(), by.unit);
  }
  parseGeoSearchOptions(parser, options);
 }
 GEOSEARCH.parseGeoSearchArguments = parseGeoSearchArguments;
 function parseGeoSearchOptions(parser, options) {
  if (options?.SORT) {
   parser.push(options.SORT);
  }
  if (options?.COUNT) {
   if (typeof options.COUNT === "number") {
    parser.push("COUNT", options.COUNT.toString());
   } else {
    parser.push("COUNT", options.COUNT.value.toString());
    if (options.COUNT.ANY) {
     parser.push("ANY");
    }
   }
  }
 }
 GEOSEARCH.parseGeoSearchOptions = parseGeoSearchOptions;
 GEOSEARCH.default = {
  parseCommand(parser, key, from, by, options) {
   parser.push("GEOSEARCH");
   parseGeoSearchArguments(parser, key, from, by, options);
  },
  transformReply: undefined
 };
 return GEOSEARCH;
}

var hasRequiredGEORADIUS;

function requireGEORADIUS() {
 if (hasRequiredGEORADIUS) return GEORADIUS;
 hasRequiredGEORADIUS = 1;
 Object.defineProperty(GEORADIUS, "__esModule", {
  value: true
 });
 GEORADIUS.parseGeoRadiusArguments = void 0;
 const GEOSEARCH_1 = requireGEOSEARCH();
 function parseGeoRadiusArguments(parser, key, from, radius, unit, options) {
  parser.pushKey(key);
  parser.push(from.longitude.toString(), from.latitude.toString(), radius.toString(), unit);
  (0, GEOSEARCH_1.parseGeoSearchOptions)(parser, options);
 }
 GEORADIUS.parseGeoRadiusArguments = parseGeoRadiusArguments;
 GEORADIUS.default = {
  parseCommand(...args) {
   args[0].push("GEORADIUS");
   return parseGeoRadiusArguments(...args);
  },
  transformReply: undefined
 };
 return GEORADIUS;
}

var GEOSEARCH_WITH = {};

var hasRequiredGEOSEARCH_WITH;

function requireGEOSEARCH_WITH() {
 if (hasRequiredGEOSEARCH_WITH) return GEOSEARCH_WITH;
 hasRequiredGEOSEARCH_WITH = 1;
 (function(exports) {
  var __importDefault = GEOSEARCH_WITH && GEOSEARCH_WITH.__importDefault || function(mod) {
   return mod && mod.__esModule ? mod : {
    default: mod
   };
  };
  Object.defineProperty(exports, "__esModule", {
   value: true
  });
  exports.GEO_REPLY_WITH = void 0;
  const decoder_1 = requireDecoder();
  const GEOSEARCH_1 = __importDefault(requireGEOSEARCH());
  const generic_transformers_1 = requireGenericTransformers();
  exports.GEO_REPLY_WITH = {
   DISTANCE: "WITHDIST",
   HASH: "WITHHASH",
   COORDINATES: "WITHCOORD"
  };
  exports.default = {
   parseCommand(parser, key, from, by, replyWith, options) {
    GEOSEARCH_1.default.parseCommand(parser, key, from, by, options);
    parser.push(...replyWith);
    parser.preserve = replyWith;
   },
   transformReply(reply, replyWith, typeMapping) {
    const replyWithSet = new Set(replyWith);
    let index = 0;
    const distanceIndex = replyWithSet.has(exports.GEO_REPLY_WITH.DISTANCE) && ++index, hashIndex = replyWithSet.has(exports.GEO_REPLY_WITH.HASH) && ++index, coordinatesIndex = replyWithSet.has(exports.GEO_REPLY_WITH.COORDINATES) && ++index;
    const doubleMapping = typeMapping ? typeMapping[decoder_1.RESP_TYPES.DOUBLE] : undefined;
    const parseDouble = value => {
     if (typeof value !== "number") {
      return generic_transformers_1.transformDoubleReply[2](value, undefined, typeMapping);
     }
     if (doubleMapping === String) {
      return value.toString();
     }
     return value;
    };
    return reply.map(raw => {
     const unwrapped = raw;
     const item = {
      member: unwrapped[0]
     };
     if (distanceIndex) {
      item.distance = parseDouble(unwrapped[distanceIndex]);
     }
     if (hashIndex) {
      item.hash = unwrapped[hashIndex];
     }
     if (coordinatesIndex) {
      const [longitude, latitude] = unwrapped[coordinatesIndex];
      item.coordinates = {
       longitude: parseDouble(longitude),
       latitude: parseDouble(latitude)
      };
     }
     return item;
    });
   }
  };
 })(GEOSEARCH_WITH);
 return GEOSEARCH_WITH;
}

var hasRequiredGEORADIUS_WITH;

function requireGEORADIUS_WITH() {
 if (hasRequiredGEORADIUS_WITH) return GEORADIUS_WITH;
 hasRequiredGEORADIUS_WITH = 1;
 var __importDefault = GEORADIUS_WITH && GEORADIUS_WITH.__importDefault || function(mod) {
  return mod && mod.__esModule ? mod : {
   default: mod
  };
 };
 Object.defineProperty(GEORADIUS_WITH, "__esModule", {
  value: true
 });
 GEORADIUS_WITH.parseGeoRadiusWithArguments = void 0;
 const GEORADIUS_1 = requireGEORADIUS();
 const GEOSEARCH_WITH_1 = __importDefault(requireGEOSEARCH_WITH());
 function parseGeoRadiusWithArguments(parser, key, from, radius, unit, replyWith, options) {
  (0, GEORADIUS_1.parseGeoRadiusArguments)(parser, key, from, radius, unit, options);
  parser.pushVariadic(replyWith);
  parser.preserve = replyWith;
 }
 GEORADIUS_WITH.parseGeoRadiusWithArguments = parseGeoRadiusWithArguments;
 GEORADIUS_WITH.default = {
  parseCommand(parser, key, from, radius, unit, replyWith, options) {
   parser.push("GEORADIUS");
   parseGeoRadiusWithArguments(parser, key, from, radius, unit, replyWith, options);
  },
  transformReply: GEOSEARCH_WITH_1.default.transformReply
 };
 return GEORADIUS_WITH;
}

var hasRequiredGEORADIUS_RO_WITH;

function requireGEORADIUS_RO_WITH() {
 if (hasRequiredGEORADIUS_RO_WITH) return GEORADIUS_RO_WITH;
 hasRequiredGEORADIUS_RO_WITH = 1;
 var __importDefault = GEORADIUS_RO_WITH && GEORADIUS_RO_WITH.__importDefault || function(mod) {
  return mod && mod.__esModule ? mod : {
   default: mod
  };
 };
 Object.defineProperty(GEORADIUS_RO_WITH, "__esModule", {
  value: true
 });
 const GEORADIUS_WITH_1 = requireGEORADIUS_WITH();
 const GEORADIUS_WITH_2 = __importDefault(requireGEORADIUS_WITH());
 GEORADIUS_RO_WITH.default = {
  parseCommand(...args) {
   args[0].push("GEORADIUS_RO");
   (0, GEORADIUS_WITH_1.parseGeoRadiusWithArguments)(...args);
  },
  transformReply: GEORADIUS_WITH_2.default.transformReply
 };
 return GEORADIUS_RO_WITH;
}

var GEORADIUS_RO = {};

var hasRequiredGEORADIUS_RO;

function requireGEORADIUS_RO() {
 if (hasRequiredGEORADIUS_RO) return GEORADIUS_RO;
 hasRequiredGEORADIUS_RO = 1;
 var __createBinding = GEORADIUS_RO && GEORADIUS_RO.__createBinding || (Object.create ? function(o, m, k, k2) {
  if (k2 === undefined) k2 = k;
  var desc = Object.getOwnPropertyDescriptor(m, k);
  if (!desc || ("get" in desc ? !m.__esModule : desc.writable || desc.configurable)) {
   desc = {
    enumerable: true,
    get: function() {
     return m[k];
    }
   };
  }
  Object.defineProperty(o, k2, desc);
 } : function(o, m, k, k2) {
  if (k2 === undefined) k2 = k;
  o[k2] = m[k];
 });
 var __setModuleDefault = GEORADIUS_RO && GEORADIUS_RO.__setModuleDefault || (Object.create ? function(o, v) {
  Object.defineProperty(o, "default", {
   enumerable: true,
   value: v
  });
 } : function(o, v) {
  o["default"] = v;
 });
 var __importStar = GEORADIUS_RO && GEORADIUS_RO.__importStar || function(mod) {
  if (mod && mod.__esModule) return mod;
  var result = {};
  if (mod != null) for (var k in mod) if (k !== "default" && Object.prototype.hasOwnProperty.call(mod, k)) __createBinding(result, mod, k);
  __setModuleDefault(result, mod);
  return result;
 };
 Object.defineProperty(GEORADIUS_RO, "__esModule", {
  value: true
 });
 const GEORADIUS_1 = __importStar(requireGEORADIUS());
 GEORADIUS_RO.default = {
  parseCommand(...args) {
   args[0].push("GEORADIUS_RO");
   (0, GEORADIUS_1.parseGeoRadiusArguments)(...args);
  },
  transformReply: GEORADIUS_1.default.transformReply
 };
 return GEORADIUS_RO;
}

var GEORADIUS_STORE = {};

var hasRequiredGEORADIUS_STORE;

function requireGEORADIUS_STORE() {
 if (hasRequiredGEORADIUS_STORE) return GEORADIUS_STORE;
 hasRequiredGEORADIUS_STORE = 1;
 Object.defineProperty(GEORADIUS_STORE, "__esModule", {
  value: true
 });
 const GEORADIUS_1 = requireGEORADIUS();
 GEORADIUS_STORE.default = {
  parseCommand(parser, key, from, radius, unit, destination, options) {
   parser.push("GEORADIUS");
   (0, GEORADIUS_1.parseGeoRadiusArguments)(parser, key, from, radius, unit, options);
   if (options?.STOREDIST) {
    parser.push("STOREDIST");
    parser.pushKey(destination);
   } else {
    parser.push("STORE");
    parser.pushKey(destination);
   }
  },
  transformReply: undefined
 };
 return GEORADIUS_STORE;
}

var GEORADIUSBYMEMBER_RO_WITH = {};

var GEORADIUSBYMEMBER_WITH = {};

var hasRequiredGEORADIUSBYMEMBER_WITH;

function requireGEORADIUSBYMEMBER_WITH() {
 if (hasRequiredGEORADIUSBYMEMBER_WITH) return GEORADIUSBYMEMBER_WITH;
 hasRequiredGEORADIUSBYMEMBER_WITH = 1;
 var __importDefault = GEORADIUSBYMEMBER_WITH && GEORADIUSBYMEMBER_WITH.__importDefault || function(mod) {
  return mod && mod.__esModule ? mod : {
   default: mod
  };
 };
 Object.defineProperty(GEORADIUSBYMEMBER_WITH, "__esModule", {
  value: true
 });
 GEORADIUSBYMEMBER_WITH.parseGeoRadiusByMemberWithArguments = void 0;
 const GEOSEARCH_1 = requireGEOSEARCH();
 const GEOSEARCH_WITH_1 = __importDefault(requireGEOSEARCH_WITH());
 function parseGeoRadiusByMemberWithArguments(parser, key, from, radius, unit, replyWith, options) {
  parser.pushKey(key);
  parser.push(from, radius.toString(), unit);
  (0, GEOSEARCH_1.parseGeoSearchOptions)(parser, options);
  parser.push(...replyWith);
  parser.preserve = replyWith;
 }
 GEORADIUSBYMEMBER_WITH.parseGeoRadiusByMemberWithArguments = parseGeoRadiusByMemberWithArguments;
 GEORADIUSBYMEMBER_WITH.default = {
  parseCommand(parser, key, from, radius, unit, replyWith, options) {
   parser.push("GEORADIUSBYMEMBER");
   parseGeoRadiusByMemberWithArguments(parser, key, from, radius, unit, replyWith, options);
  },
  transformReply: GEOSEARCH_WITH_1.default.transformReply
 };
 return GEORADIUSBYMEMBER_WITH;
}

var hasRequiredGEORADIUSBYMEMBER_RO_WITH;

function requireGEORADIUSBYMEMBER_RO_WITH() {
 if (hasRequiredGEORADIUSBYMEMBER_RO_WITH) return GEORADIUSBYMEMBER_RO_WITH;
 hasRequiredGEORADIUSBYMEMBER_RO_WITH = 1;
 var __createBinding = GEORADIUSBYMEMBER_RO_WITH && GEORADIUSBYMEMBER_RO_WITH.__createBinding || (Object.create ? function(o, m, k, k2) {
  if (k2 === undefined) k2 = k;
  var desc = Object.getOwnPropertyDescriptor(m, k);
  if (!desc || ("get" in desc ? !m.__esModule : desc.writable || desc.configurable)) {
   desc = {
    enumerable: true,
    get: function() {
     return m[k];
    }
   };
  }
  Object.defineProperty(o, k2, desc);
 } : function(o, m, k, k2) {
  if (k2 === undefined) k2 = k;
  o[k2] = m[k];
 });
 var __setModuleDefault = GEORADIUSBYMEMBER_RO_WITH && GEORADIUSBYMEMBER_RO_WITH.__setModuleDefault || (Object.create ? function(o, v) {
  Object.defineProperty(o, "default", {
   enumerable: true,
   value: v
  });
 } : function(o, v) {
  o["default"] = v;
 });
 var __importStar = GEORADIUSBYMEMBER_RO_WITH && GEORADIUSBYMEMBER_RO_WITH.__importStar || function(mod) {
  if (mod && mod.__esModule) return mod;
  var result = {};
  if (mod != null) for (var k in mod) if (k !== "default" && Object.prototype.hasOwnProperty.call(mod, k)) __createBinding(result, mod, k);
  __setModuleDefault(result, mod);
  return result;
 };
 Object.defineProperty(GEORADIUSBYMEMBER_RO_WITH, "__esModule", {
  value: true
 });
 const GEORADIUSBYMEMBER_WITH_1 = __importStar(requireGEORADIUSBYMEMBER_WITH());
 GEORADIUSBYMEMBER_RO_WITH.default = {
  parseCommand(...args) {
   const parser = args[0];
   parser.push("GEORADIUSBYMEMBER_RO");
   (0, GEORADIUSBYMEMBER_WITH_1.parseGeoRadiusByMemberWithArguments)(...args);
  },
  transformReply: GEORADIUSBYMEMBER_WITH_1.default.transformReply
 };
 return GEORADIUSBYMEMBER_RO_WITH;
}

var GEORADIUSBYMEMBER_RO = {};

var GEORADIUSBYMEMBER = {};

var hasRequiredGEORADIUSBYMEMBER;

function requireGEORADIUSBYMEMBER() {
 if (hasRequiredGEORADIUSBYMEMBER) return GEORADIUSBYMEMBER;
 hasRequiredGEORADIUSBYMEMBER = 1;
 Object.defineProperty(GEORADIUSBYMEMBER, "__esModule", {
  value: true
 });
 GEORADIUSBYMEMBER.parseGeoRadiusByMemberArguments = void 0;
 const GEOSEARCH_1 = requireGEOSEARCH();
 function parseGeoRadiusByMemberArguments(parser, key, from, radius, unit, options) {
  parser.pushKey(key);
  parser.push(from, radius.toString(), unit);
  (0, GEOSEARCH_1.parseGeoSearchOptions)(parser, options);
 }
 GEORADIUSBYMEMBER.parseGeoRadiusByMemberArguments = parseGeoRadiusByMemberArguments;
 GEORADIUSBYMEMBER.default = {
  parseCommand(parser, key, from, radius, unit, options) {
   parser.push("GEORADIUSBYMEMBER");
   parseGeoRadiusByMemberArguments(parser, key, from, radius, unit, options);
  },
  transformReply: undefined
 };
 return GEORADIUSBYMEMBER;
}

var hasRequiredGEORADIUSBYMEMBER_RO;

function requireGEORADIUSBYMEMBER_RO() {
 if (hasRequiredGEORADIUSBYMEMBER_RO) return GEORADIUSBYMEMBER_RO;
 hasRequiredGEORADIUSBYMEMBER_RO = 1;
 var __createBinding = GEORADIUSBYMEMBER_RO && GEORADIUSBYMEMBER_RO.__createBinding || (Object.create ? function(o, m, k, k2) {
  if (k2 === undefined) k2 = k;
  var desc = Object.getOwnPropertyDescriptor(m, k);
  if (!desc || ("get" in desc ? !m.__esModule : desc.writable || desc.configurable)) {
   desc = {
    enumerable: true,
    get: function() {
     return m[k];
    }
   };
  }
  Object.defineProperty(o, k2, desc);
 } : function(o, m, k, k2) {
  if (k2 === undefined) k2 = k;
  o[k2] = m[k];
 });
 var __setModuleDefault = GEORADIUSBYMEMBER_RO && GEORADIUSBYMEMBER_RO.__setModuleDefault || (Object.create ? function(o, v) {
  Object.defineProperty(o, "default", {
   enumerable: true,
   value: v
  });
 } : function(o, v) {
  o["default"] = v;
 });
 var __importStar = GEORADIUSBYMEMBER_RO && GEORADIUSBYMEMBER_RO.__importStar || function(mod) {
  if (mod && mod.__esModule) return mod;
  var result = {};
  if (mod != null) for (var k in mod) if (k !== "default" && Object.prototype.hasOwnProperty.call(mod, k)) __createBinding(result, mod, k);
  __setModuleDefault(result, mod);
  return result;
 };
 Object.defineProperty(GEORADIUSBYMEMBER_RO, "__esModule", {
  value: true
 });
 const GEORADIUSBYMEMBER_1 = __importStar(requireGEORADIUSBYMEMBER());
 GEORADIUSBYMEMBER_RO.default = {
  parseCommand(...args) {
   const parser = args[0];
   parser.push("GEORADIUSBYMEMBER_RO");
   (0, GEORADIUSBYMEMBER_1.parseGeoRadiusByMemberArguments)(...args);
  },
  transformReply: GEORADIUSBYMEMBER_1.default.transformReply
 };
 return GEORADIUSBYMEMBER_RO;
}

var GEORADIUSBYMEMBER_STORE = {};

var hasRequiredGEORADIUSBYMEMBER_STORE;

function requireGEORADIUSBYMEMBER_STORE() {
 if (hasRequiredGEORADIUSBYMEMBER_STORE) return GEORADIUSBYMEMBER_STORE;
 hasRequiredGEORADIUSBYMEMBER_STORE = 1;
 Object.defineProperty(GEORADIUSBYMEMBER_STORE, "__esModule", {
  value: true
 });
 const GEORADIUSBYMEMBER_1 = requireGEORADIUSBYMEMBER();
 GEORADIUSBYMEMBER_STORE.default = {
  parseCommand(parser, key, from, radius, unit, destination, options) {
   parser.push("GEORADIUSBYMEMBER");
   (0, GEORADIUSBYMEMBER_1.parseGeoRadiusByMemberArguments)(parser, key, from, radius, unit, options);
   if (options?.STOREDIST) {
    parser.push("STOREDIST");
    parser.pushKey(destination);
   } else {
    parser.push("STORE");
    parser.pushKey(destination);
   }
  },
  transformReply: undefined
 };
 return GEORADIUSBYMEMBER_STORE;
}

var GEOSEARCHSTORE = {};

var hasRequiredGEOSEARCHSTORE;

function requireGEOSEARCHSTORE() {
 if (hasRequiredGEOSEARCHSTORE) return GEOSEARCHSTORE;
 hasRequiredGEOSEARCHSTORE = 1;
 Object.defineProperty(GEOSEARCHSTORE, "__esModule", {
  value: true
 });
 const GEOSEARCH_1 = requireGEOSEARCH();
 GEOSEARCHSTORE.default = {
  parseCommand(parser, destination, source, from, by, options) {
   parser.push("GEOSEARCHSTORE");
   if (destination !== undefined) {
    parser.pushKey(destination);
   }
   (0, GEOSEARCH_1.parseGeoSearchArguments)(parser, source, from, by, options);
   if (options?.STOREDIST) {
    parser.push("STOREDIST");
   }
  },
  transformReply: undefined
 };
 return GEOSEARCHSTORE;
}

var GET = {};

var hasRequiredGET;

function requireGET() {
 if (hasRequiredGET) return GET;
 hasRequiredGET = 1;
 Object.defineProperty(GET, "__esModule", {
  value: true
 });
 GET.default = {
  parseCommand(parser, key) {
   parser.push("GET");
   parser.pushKey(key);
  },
  transformReply: undefined
 };
 return GET;
}

var GETBIT = {};

var hasRequiredGETBIT;

function requireGETBIT() {
 if (hasRequiredGETBIT) return GETBIT;
 hasRequiredGETBIT = 1;
 Object.defineProperty(GETBIT, "__esModule", {
  value: true
 });
 GETBIT.default = {
  parseCommand(parser, key, offset) {
   parser.push("GETBIT");
   parser.pushKey(key);
   parser.push(offset.toString());
  },
  transformReply: undefined
 };
 return GETBIT;
}

var GETDEL = {};

var hasRequiredGETDEL;

function requireGETDEL() {
 if (hasRequiredGETDEL) return GETDEL;
 hasRequiredGETDEL = 1;
 Object.defineProperty(GETDEL, "__esModule", {
  value: true
 });
 GETDEL.default = {
  parseCommand(parser, key) {
   parser.push("GETDEL");
   parser.pushKey(key);
  },
  transformReply: undefined
 };
 return GETDEL;
}

var GETEX = {};

var hasRequiredGETEX;

function requireGETEX() {
 if (hasRequiredGETEX) return GETEX;
 hasRequiredGETEX = 1;
 Object.defineProperty(GETEX, "__esModule", {
  value: true
 });
 const generic_transformers_1 = requireGenericTransformers();
 GETEX.default = {
  parseCommand(parser, key, options) {
   parser.push("GETEX");
   parser.pushKey(key);
   if ("type" in options) {
    switch (options.type) {
    case "EX":
    case "PX":
     parser.push(options.type, options.value.toString());
     break;

    case "EXAT":
     parser.push(options.type, (0, generic_transformers_1.transformEXAT)(options.value));
     break;

    case "PXAT":
     parser.push(options.type, (0, generic_transformers_1.transformPXAT)(options.value));
     break;

    case "PERSIST":
     parser.push("PERSIST");
     break;
    }
   } else {
    if ("EX" in options) {
     parser.push("EX", options.EX.toString());
    } else if ("PX" in options) {
     parser.push("PX", options.PX.toString());
    } else if ("EXAT" in options) {
     parser.push("EXAT", (0, generic_transformers_1.transformEXAT)(options.EXAT));
    } else if ("PXAT" in options) {
     parser.push("PXAT", (0, generic_transformers_1.transformPXAT)(options.PXAT));
    } else {
     parser.push("PERSIST");
    }
   }
  },
  transformReply: undefined
 };
 return GETEX;
}

var GETRANGE = {};

var hasRequiredGETRANGE;

function requireGETRANGE() {
 if (hasRequiredGETRANGE) return GETRANGE;
 hasRequiredGETRANGE = 1;
 Object.defineProperty(GETRANGE, "__esModule", {
  value: true
 });
 GETRANGE.default = {
  parseCommand(parser, key, start, end) {
   parser.push("GETRANGE");
   parser.pushKey(key);
   parser.push(start.toString(), end.toString());
  },
  transformReply: undefined
 };
 return GETRANGE;
}

var GETSET = {};

var hasRequiredGETSET;

function requireGETSET() {
 if (hasRequiredGETSET) return GETSET;
 hasRequiredGETSET = 1;
 Object.defineProperty(GETSET, "__esModule", {
  value: true
 });
 GETSET.default = {
  parseCommand(parser, key, value) {
   parser.push("GETSET");
   parser.pushKey(key);
   parser.push(value);
  },
  transformReply: undefined
 };
 return GETSET;
}

var EXISTS = {};

var hasRequiredEXISTS;

function requireEXISTS() {
 if (hasRequiredEXISTS) return EXISTS;
 hasRequiredEXISTS = 1;
 Object.defineProperty(EXISTS, "__esModule", {
  value: true
 });
 EXISTS.default = {
  parseCommand(parser, keys) {
   parser.push("EXISTS");
   parser.pushKeys(keys);
  },
  transformReply: undefined
 };
 return EXISTS;
}

var EXPIRE = {};

var hasRequiredEXPIRE;

function requireEXPIRE() {
 if (hasRequiredEXPIRE) return EXPIRE;
 hasRequiredEXPIRE = 1;
 Object.defineProperty(EXPIRE, "__esModule", {
  value: true
 });
 EXPIRE.default = {
  parseCommand(parser, key, seconds, mode) {
   parser.push("EXPIRE");
   parser.pushKey(key);
   parser.push(seconds.toString());
   if (mode) {
    parser.push(mode);
   }
  },
  transformReply: undefined
 };
 return EXPIRE;
}

var EXPIREAT = {};

var hasRequiredEXPIREAT;

function requireEXPIREAT() {
 if (hasRequiredEXPIREAT) return EXPIREAT;
 hasRequiredEXPIREAT = 1;
 Object.defineProperty(EXPIREAT, "__esModule", {
  value: true
 });
 const generic_transformers_1 = requireGenericTransformers();
 EXPIREAT.default = {
  parseCommand(parser, key, timestamp, mode) {
   parser.push("EXPIREAT");
   parser.pushKey(key);
   parser.push((0, generic_transformers_1.transformEXAT)(timestamp));
   if (mode) {
    parser.push(mode);
   }
  },
  transformReply: undefined
 };
 return EXPIREAT;
}

var EXPIRETIME = {};

var hasRequiredEXPIRETIME;

function requireEXPIRETIME() {
 if (hasRequiredEXPIRETIME) return EXPIRETIME;
 hasRequiredEXPIRETIME = 1;
 Object.defineProperty(EXPIRETIME, "__esModule", {
  value: true
 });
 EXPIRETIME.default = {
  parseCommand(parser, key) {
   parser.push("EXPIRETIME");
   parser.pushKey(key);
  },
  transformReply: undefined
 };
 return EXPIRETIME;
}

var FLUSHALL = {};

var hasRequiredFLUSHALL;

function requireFLUSHALL() {
 if (hasRequiredFLUSHALL) return FLUSHALL;
 hasRequiredFLUSHALL = 1;
 Object.defineProperty(FLUSHALL, "__esModule", {
  value: true
 });
 FLUSHALL.REDIS_FLUSH_MODES = void 0;
 FLUSHALL.REDIS_FLUSH_MODES = {
  ASYNC: "ASYNC",
  SYNC: "SYNC"
 };
 FLUSHALL.default = {
  parseCommand(parser, mode) {
   parser.push("FLUSHALL");
   if (mode) {
    parser.push(mode);
   }
  },
  transformReply: undefined
 };
 return FLUSHALL;
}

var FLUSHDB = {};

var hasRequiredFLUSHDB;

function requireFLUSHDB() {
 if (hasRequiredFLUSHDB) return FLUSHDB;
 hasRequiredFLUSHDB = 1;
 Object.defineProperty(FLUSHDB, "__esModule", {
  value: true
 });
 FLUSHDB.default = {
  parseCommand(parser, mode) {
   parser.push("FLUSHDB");
   if (mode) {
    parser.push(mode);
   }
  },
  transformReply: undefined
 };
 return FLUSHDB;
}

var FCALL = {};

var hasRequiredFCALL;

function requireFCALL() {
 if (hasRequiredFCALL) return FCALL;
 hasRequiredFCALL = 1;
 var __createBinding = FCALL && FCALL.__createBinding || (Object.create ? function(o, m, k, k2) {
  if (k2 === undefined) k2 = k;
  var desc = Object.getOwnPropertyDescriptor(m, k);
  if (!desc || ("get" in desc ? !m.__esModule : desc.writable || desc.configurable)) {
   desc = {
    enumerable: true,
    get: function() {
     return m[k];
    }
   };
  }
  Object.defineProperty(o, k2, desc);
 } : function(o, m, k, k2) {
  if (k2 === undefined) k2 = k;
  o[k2] = m[k];
 });
 var __setModuleDefault = FCALL && FCALL.__setModuleDefault || (Object.create ? function(o, v) {
  Object.defineProperty(o, "default", {
   enumerable: true,
   value: v
  });
 } : function(o, v) {
  o["default"] = v;
 });
 var __importStar = FCALL && FCALL.__importStar || function(mod) {
  if (mod && mod.__esModule) return mod;
  var result = {};
  if (mod != null) for (var k in mod) if (k !== "default" && Object.prototype.hasOwnProperty.call(mod, k)) __createBinding(result, mod, k);
  __setModuleDefault(result, mod);
  return result;
 };
 Object.defineProperty(FCALL, "__esModule", {
  value: true
 });
 const EVAL_1 = __importStar(requireEVAL());
 FCALL.default = {
  parseCommand(...args) {
   args[0].push("FCALL");
   (0, EVAL_1.parseEvalArguments)(...args);
  },
  transformReply: EVAL_1.default.transformReply
 };
 return FCALL;
}

var FCALL_RO = {};

var hasRequiredFCALL_RO;

function requireFCALL_RO() {
 if (hasRequiredFCALL_RO) return FCALL_RO;
 hasRequiredFCALL_RO = 1;
 var __createBinding = FCALL_RO && FCALL_RO.__createBinding || (Object.create ? function(o, m, k, k2) {
  if (k2 === undefined) k2 = k;
  var desc = Object.getOwnPropertyDescriptor(m, k);
  if (!desc || ("get" in desc ? !m.__esModule : desc.writable || desc.configurable)) {
   desc = {
    enumerable: true,
    get: function() {
     return m[k];
    }
   };
  }
  Object.defineProperty(o, k2, desc);
 } : function(o, m, k, k2) {
  if (k2 === undefined) k2 = k;
  o[k2] = m[k];
 });
 var __setModuleDefault = FCALL_RO && FCALL_RO.__setModuleDefault || (Object.create ? function(o, v) {
  Object.defineProperty(o, "default", {
   enumerable: true,
   value: v
  });
 } : function(o, v) {
  o["default"] = v;
 });
 var __importStar = FCALL_RO && FCALL_RO.__importStar || function(mod) {
  if (mod && mod.__esModule) return mod;
  var result = {};
  if (mod != null) for (var k in mod) if (k !== "default" && Object.prototype.hasOwnProperty.call(mod, k)) __createBinding(result, mod, k);
  __setModuleDefault(result, mod);
  return result;
 };
 Object.defineProperty(FCALL_RO, "__esModule", {
  value: true
 });
 const EVAL_1 = __importStar(requireEVAL());
 FCALL_RO.default = {
  IS_READ_ONLY: true,
  parseCommand(...args) {
   args[0].push("FCALL_RO");
   (0, EVAL_1.parseEvalArguments)(...args);
  },
  transformReply: EVAL_1.default.transformReply
 };
 return FCALL_RO;
}

var FUNCTION_DELETE = {};

var hasRequiredFUNCTION_DELETE;

function requireFUNCTION_DELETE() {
 if (hasRequiredFUNCTION_DELETE) return FUNCTION_DELETE;
 hasRequiredFUNCTION_DELETE = 1;
 Object.defineProperty(FUNCTION_DELETE, "__esModule", {
  value: true
 });
 FUNCTION_DELETE.default = {
  parseCommand(parser, library) {
   parser.push("FUNCTION", "DELETE", library);
  },
  transformReply: undefined
 };
 return FUNCTION_DELETE;
}

var FUNCTION_DUMP = {};

var hasRequiredFUNCTION_DUMP;

function requireFUNCTION_DUMP() {
 if (hasRequiredFUNCTION_DUMP) return FUNCTION_DUMP;
 hasRequiredFUNCTION_DUMP = 1;
 Object.defineProperty(FUNCTION_DUMP, "__esModule", {
  value: true
 });
 FUNCTION_DUMP.default = {
  IS_READ_ONLY: true,
  parseCommand(parser) {
   parser.push("FUNCTION", "DUMP");
  },
  transformReply: undefined
 };
 return FUNCTION_DUMP;
}

var FUNCTION_FLUSH = {};

var hasRequiredFUNCTION_FLUSH;

function requireFUNCTION_FLUSH() {
 if (hasRequiredFUNCTION_FLUSH) return FUNCTION_FLUSH;
 hasRequiredFUNCTION_FLUSH = 1;
 Object.defineProperty(FUNCTION_FLUSH, "__esModule", {
  value: true
 });
 FUNCTION_FLUSH.default = {
  parseCommand(parser, mode) {
   parser.push("FUNCTION", "FLUSH");
   if (mode) {
    parser.push(mode);
   }
  },
  transformReply: undefined
 };
 return FUNCTION_FLUSH;
}

var FUNCTION_KILL = {};

var hasRequiredFUNCTION_KILL;

function requireFUNCTION_KILL() {
 if (hasRequiredFUNCTION_KILL) return FUNCTION_KILL;
 hasRequiredFUNCTION_KILL = 1;
 Object.defineProperty(FUNCTION_KILL, "__esModule", {
  value: true
 });
 FUNCTION_KILL.default = {
  parseCommand(parser) {
   parser.push("FUNCTION", "KILL");
  },
  transformReply: undefined
 };
 return FUNCTION_KILL;
}

var FUNCTION_LIST_WITHCODE = {};

var FUNCTION_LIST = {};

var hasRequiredFUNCTION_LIST;

function requireFUNCTION_LIST() {
 if (hasRequiredFUNCTION_LIST) return FUNCTION_LIST;
 hasRequiredFUNCTION_LIST = 1;
 Object.defineProperty(FUNCTION_LIST, "__esModule", {
  value: true
 });
 FUNCTION_LIST.default = {
  IS_READ_ONLY: true,
  parseCommand(parser, options) {
   parser.push("FUNCTION", "LIST");
   if (options?.LIBRARYNAME) {
    parser.push("LIBRARYNAME", options.LIBRARYNAME);
   }
  },
  transformReply: {
   2: reply => reply.map(library => {
    const unwrapped = library;
    return {
     library_name: unwrapped[1],
     engine: unwrapped[3],
     functions: unwrapped[5].map(fn => {
      const unwrapped = fn;
      return {
       name: unwrapped[1],
       description: unwrapped[3],
       flags: unwrapped[5]
      };
     })
    };
   }),
   3: undefined
  }
 };
 return FUNCTION_LIST;
}

var hasRequiredFUNCTION_LIST_WITHCODE;

function requireFUNCTION_LIST_WITHCODE() {
 if (hasRequiredFUNCTION_LIST_WITHCODE) return FUNCTION_LIST_WITHCODE;
 hasRequiredFUNCTION_LIST_WITHCODE = 1;
 var __importDefault = FUNCTION_LIST_WITHCODE && FUNCTION_LIST_WITHCODE.__importDefault || function(mod) {
  return mod && mod.__esModule ? mod : {
   default: mod
  };
 };
 Object.defineProperty(FUNCTION_LIST_WITHCODE, "__esModule", {
  value: true
 });
 const FUNCTION_LIST_1 = __importDefault(requireFUNCTION_LIST());
 FUNCTION_LIST_WITHCODE.default = {
  IS_READ_ONLY: true,
  parseCommand(...args) {
   FUNCTION_LIST_1.default.parseCommand(...args);
   args[0].push("WITHCODE");
  },
  transformReply: {
   2: reply => reply.map(library => {
    const unwrapped = library;
    return {
     library_name: unwrapped[1],
     engine: unwrapped[3],
     functions: unwrapped[5].map(fn => {
      const unwrapped = fn;
      return {
       name: unwrapped[1],
       description: unwrapped[3],
       flags: unwrapped[5]
      };
     }),
     library_code: unwrapped[7]
    };
   }),
   3: undefined
  }
 };
 return FUNCTION_LIST_WITHCODE;
}

var FUNCTION_LOAD = {};

var hasRequiredFUNCTION_LOAD;

function requireFUNCTION_LOAD() {
 if (hasRequiredFUNCTION_LOAD) return FUNCTION_LOAD;
 hasRequiredFUNCTION_LOAD = 1;
 Object.defineProperty(FUNCTION_LOAD, "__esModule", {
  value: true
 });
 FUNCTION_LOAD.default = {
  parseCommand(parser, code, options) {
   parser.push("FUNCTION", "LOAD");
   if (options?.REPLACE) {
    parser.push("REPLACE");
   }
   parser.push(code);
  },
  transformReply: undefined
 };
 return FUNCTION_LOAD;
}

var FUNCTION_RESTORE = {};

var hasRequiredFUNCTION_RESTORE;

function requireFUNCTION_RESTORE() {
 if (hasRequiredFUNCTION_RESTORE) return FUNCTION_RESTORE;
 hasRequiredFUNCTION_RESTORE = 1;
 Object.defineProperty(FUNCTION_RESTORE, "__esModule", {
  value: true
 });
 FUNCTION_RESTORE.default = {
  parseCommand(parser, dump, options) {
   parser.push("FUNCTION", "RESTORE", dump);
   if (options?.mode) {
    parser.push(options.mode);
   }
  },
  transformReply: undefined
 };
 return FUNCTION_RESTORE;
}

var FUNCTION_STATS = {};

var hasRequiredFUNCTION_STATS;

function requireFUNCTION_STATS() {
 if (hasRequiredFUNCTION_STATS) return FUNCTION_STATS;
 hasRequiredFUNCTION_STATS = 1;
 Object.defineProperty(FUNCTION_STATS, "__esModule", {
  value: true
 });
 const generic_transformers_1 = requireGenericTransformers();
 FUNCTION_STATS.default = {
  IS_READ_ONLY: true,
  parseCommand(parser) {
   parser.push("FUNCTION", "STATS");
  },
  transformReply: {
   2: reply => ({
    running_script: transformRunningScript(reply[1]),
    engines: transformEngines(reply[3])
   }),
   3: undefined
  }
 };
 function transformRunningScript(reply) {
  if ((0, generic_transformers_1.isNullReply)(reply)) {
   return null;
  }
  const unwraped = reply;
  return {
   name: unwraped[1],
   command: unwraped[3],
   duration_ms: unwraped[5]
  };
 }
 function transformEngines(reply) {
  const unwraped = reply;
  const engines = {};
  for (let i = 0; i < unwraped.length; i++) {
   const name = unwraped[i], stats = unwraped[++i], unwrapedStats = stats;
   engines[name.toString()] = {
    libraries_count: unwrapedStats[1],
    functions_count: unwrapedStats[3]
   };
  }
  return engines;
 }
 return FUNCTION_STATS;
}

var HDEL = {};

var hasRequiredHDEL;

function requireHDEL() {
 if (hasRequiredHDEL) return HDEL;
 hasRequiredHDEL = 1;
 Object.defineProperty(HDEL, "__esModule", {
  value: true
 });
 HDEL.default = {
  parseCommand(parser, key, field) {
   parser.push("HDEL");
   parser.pushKey(key);
   parser.pushVariadic(field);
  },
  transformReply: undefined
 };
 return HDEL;
}

var HELLO = {};

var hasRequiredHELLO;

function requireHELLO() {
 if (hasRequiredHELLO) return HELLO;
 hasRequiredHELLO = 1;
 Object.defineProperty(HELLO, "__esModule", {
  value: true
 });
 HELLO.default = {
  parseCommand(parser, protover, options) {
   parser.push("HELLO");
   if (protover) {
    parser.push(protover.toString());
    if (options?.AUTH) {
     parser.push("AUTH", options.AUTH.username, options.AUTH.password);
    }
    if (options?.SETNAME !== undefined) {
     parser.push("SETNAME", options.SETNAME);
    }
   }
  },
  transformReply: {
   2: reply => ({
    server: reply[1],
    version: reply[3],
    proto: reply[5],
    id: reply[7],
    mode: reply[9],
    role: reply[11],
    modules: reply[13]
   }),
   3: undefined
  }
 };
 return HELLO;
}

var HEXISTS = {};

var hasRequiredHEXISTS;

function requireHEXISTS() {
 if (hasRequiredHEXISTS) return HEXISTS;
 hasRequiredHEXISTS = 1;
 Object.defineProperty(HEXISTS, "__esModule", {
  value: true
 });
 HEXISTS.default = {
  parseCommand(parser, key, field) {
   parser.push("HEXISTS");
   parser.pushKey(key);
   parser.push(field);
  },
  transformReply: undefined
 };
 return HEXISTS;
}

var HEXPIRE = {};

var hasRequiredHEXPIRE;

function requireHEXPIRE() {
 if (hasRequiredHEXPIRE) return HEXPIRE;
 hasRequiredHEXPIRE = 1;
 Object.defineProperty(HEXPIRE, "__esModule", {
  value: true
 });
 HEXPIRE.HASH_EXPIRATION = void 0;
 HEXPIRE.HASH_EXPIRATION = {
  FIELD_NOT_EXISTS: -2,
  CONDITION_NOT_MET: 0,
  UPDATED: 1,
  DELETED: 2
 };
 HEXPIRE.default = {
  parseCommand(parser, key, fields, seconds, mode) {
   parser.push("HEXPIRE");
   parser.pushKey(key);
   parser.push(seconds.toString());
   if (mode) {
    parser.push(mode);
   }
   parser.push("FIELDS");
   parser.pushVariadicWithLength(fields);
  },
  transformReply: undefined
 };
 return HEXPIRE;
}

var HEXPIREAT = {};

var hasRequiredHEXPIREAT;

function requireHEXPIREAT() {
 if (hasRequiredHEXPIREAT) return HEXPIREAT;
 hasRequiredHEXPIREAT = 1;
 Object.defineProperty(HEXPIREAT, "__esModule", {
  value: true
 });
 const generic_transformers_1 = requireGenericTransformers();
 HEXPIREAT.default = {
  parseCommand(parser, key, fields, timestamp, mode) {
   parser.push("HEXPIREAT");
   parser.pushKey(key);
   parser.push((0, generic_transformers_1.transformEXAT)(timestamp));
   if (mode) {
    parser.push(mode);
   }
   parser.push("FIELDS");
   parser.pushVariadicWithLength(fields);
  },
  transformReply: undefined
 };
 return HEXPIREAT;
}

var HEXPIRETIME = {};

var hasRequiredHEXPIRETIME;

function requireHEXPIRETIME() {
 if (hasRequiredHEXPIRETIME) return HEXPIRETIME;
 hasRequiredHEXPIRETIME = 1;
 Object.defineProperty(HEXPIRETIME, "__esModule", {
  value: true
 });
 HEXPIRETIME.HASH_EXPIRATION_TIME = void 0;
 HEXPIRETIME.HASH_EXPIRATION_TIME = {
  FIELD_NOT_EXISTS: -2,
  NO_EXPIRATION: -1
 };
 HEXPIRETIME.default = {
  parseCommand(parser, key, fields) {
   parser.push("HEXPIRETIME");
   parser.pushKey(key);
   parser.push("FIELDS");
   parser.pushVariadicWithLength(fields);
  },
  transformReply: undefined
 };
 return HEXPIRETIME;
}

var HGET = {};

var hasRequiredHGET;

function requireHGET() {
 if (hasRequiredHGET) return HGET;
 hasRequiredHGET = 1;
 Object.defineProperty(HGET, "__esModule", {
  value: true
 });
 HGET.default = {
  parseCommand(parser, key, field) {
   parser.push("HGET");
   parser.pushKey(key);
   parser.push(field);
  },
  transformReply: undefined
 };
 return HGET;
}

var HGETALL = {};

var hasRequiredHGETALL;

function requireHGETALL() {
 if (hasRequiredHGETALL) return HGETALL;
 hasRequiredHGETALL = 1;
 Object.defineProperty(HGETALL, "__esModule", {
  value: true
 });
 const generic_transformers_1 = requireGenericTransformers();
 HGETALL.default = {
  parseCommand(parser, key) {
   parser.push("HGETALL");
   parser.pushKey(key);
  },
  TRANSFORM_LEGACY_REPLY: true,
  transformReply: {
   2: generic_transformers_1.transformTuplesReply,
   3: undefined
  }
 };
 return HGETALL;
}

var HGETDEL = {};

var hasRequiredHGETDEL;

function requireHGETDEL() {
 if (hasRequiredHGETDEL) return HGETDEL;
 hasRequiredHGETDEL = 1;
 Object.defineProperty(HGETDEL, "__esModule", {
  value: true
 });
 HGETDEL.default = {
  parseCommand(parser, key, fields) {
   parser.push("HGETDEL");
   parser.pushKey(key);
   parser.push("FIELDS");
   parser.pushVariadicWithLength(fields);
  },
  transformReply: undefined
 };
 return HGETDEL;
}

var HGETEX = {};

var hasRequiredHGETEX;

function requireHGETEX() {
 if (hasRequiredHGETEX) return HGETEX;
 hasRequiredHGETEX = 1;
 Object.defineProperty(HGETEX, "__esModule", {
  value: true
 });
 HGETEX.default = {
  parseCommand(parser, key, fields, options) {
   parser.push("HGETEX");
   parser.pushKey(key);
   if (options?.expiration) {
    if (typeof options.expiration === "string") {
     parser.push(options.expiration);
    } else if (options.expiration.type === "PERSIST") {
     parser.push("PERSIST");
    } else {
     parser.push(options.expiration.type, options.expiration.value.toString());
    }
   }
   parser.push("FIELDS");
   parser.pushVariadicWithLength(fields);
  },
  transformReply: undefined
 };
 return HGETEX;
}

var HIMPORT_DISCARD = {};

var hasRequiredHIMPORT_DISCARD;

function requireHIMPORT_DISCARD() {
 if (hasRequiredHIMPORT_DISCARD) return HIMPORT_DISCARD;
 hasRequiredHIMPORT_DISCARD = 1;
 Object.defineProperty(HIMPORT_DISCARD, "__esModule", {
  value: true
 });
 HIMPORT_DISCARD.default = {
  parseCommand(parser, fieldset) {
   parser.push("HIMPORT", "DISCARD", fieldset);
  },
  transformReply: undefined
 };
 return HIMPORT_DISCARD;
}

var HIMPORT_DISCARDALL = {};

var hasRequiredHIMPORT_DISCARDALL;

function requireHIMPORT_DISCARDALL() {
 if (hasRequiredHIMPORT_DISCARDALL) return HIMPORT_DISCARDALL;
 hasRequiredHIMPORT_DISCARDALL = 1;
 Object.defineProperty(HIMPORT_DISCARDALL, "__esModule", {
  value: true
 });
 HIMPORT_DISCARDALL.default = {
  parseCommand(parser) {
   parser.push("HIMPORT", "DISCARDALL");
  },
  transformReply: undefined
 };
 return HIMPORT_DISCARDALL;
}

var HIMPORT_PREPARE = {};

var hasRequiredHIMPORT_PREPARE;

function requireHIMPORT_PREPARE() {
 if (hasRequiredHIMPORT_PREPARE) return HIMPORT_PREPARE;
 hasRequiredHIMPORT_PREPARE = 1;
 Object.defineProperty(HIMPORT_PREPARE, "__esModule", {
  value: true
 });
 HIMPORT_PREPARE.default = {
  parseCommand(parser, fieldset, fields) {
   parser.push("HIMPORT", "PREPARE", fieldset);
   parser.pushVariadic(fields);
  },
  transformReply: undefined
 };
 return HIMPORT_PREPARE;
}

var HIMPORT_SET = {};

var hasRequiredHIMPORT_SET;

function requireHIMPORT_SET() {
 if (hasRequiredHIMPORT_SET) return HIMPORT_SET;
 hasRequiredHIMPORT_SET = 1;
 Object.defineProperty(HIMPORT_SET, "__esModule", {
  value: true
 });
 HIMPORT_SET.default = {
  parseCommand(parser, key, fieldset, values) {
   parser.push("HIMPORT", "SET");
   parser.pushKey(key);
   parser.push(fieldset);
   parser.pushVariadic(values);
  },
  transformReply: undefined
 };
 return HIMPORT_SET;
}

var HINCRBY = {};

var hasRequiredHINCRBY;

function requireHINCRBY() {
 if (hasRequiredHINCRBY) return HINCRBY;
 hasRequiredHINCRBY = 1;
 Object.defineProperty(HINCRBY, "__esModule", {
  value: true
 });
 HINCRBY.default = {
  parseCommand(parser, key, field, increment) {
   parser.push("HINCRBY");
   parser.pushKey(key);
   parser.push(field, increment.toString());
  },
  transformReply: undefined
 };
 return HINCRBY;
}

var HINCRBYFLOAT = {};

var hasRequiredHINCRBYFLOAT;

function requireHINCRBYFLOAT() {
 if (hasRequiredHINCRBYFLOAT) return HINCRBYFLOAT;
 hasRequiredHINCRBYFLOAT = 1;
 Object.defineProperty(HINCRBYFLOAT, "__esModule", {
  value: true
 });
 HINCRBYFLOAT.default = {
  parseCommand(parser, key, field, increment) {
   parser.push("HINCRBYFLOAT");
   parser.pushKey(key);
   parser.push(field, increment.toString());
  },
  transformReply: undefined
 };
 return HINCRBYFLOAT;
}

var HKEYS = {};

var hasRequiredHKEYS;

function requireHKEYS() {
 if (hasRequiredHKEYS) return HKEYS;
 hasRequiredHKEYS = 1;
 Object.defineProperty(HKEYS, "__esModule", {
  value: true
 });
 HKEYS.default = {
  parseCommand(parser, key) {
   parser.push("HKEYS");
   parser.pushKey(key);
  },
  transformReply: undefined
 };
 return HKEYS;
}

var HLEN = {};

var hasRequiredHLEN;

function requireHLEN() {
 if (hasRequiredHLEN) return HLEN;
 hasRequiredHLEN = 1;
 Object.defineProperty(HLEN, "__esModule", {
  value: true
 });
 HLEN.default = {
  parseCommand(parser, key) {
   parser.push("HLEN");
   parser.pushKey(key);
  },
  transformReply: undefined
 };
 return HLEN;
}

var HMGET = {};

var hasRequiredHMGET;

function requireHMGET() {
 if (hasRequiredHMGET) return HMGET;
 hasRequiredHMGET = 1;
 Object.defineProperty(HMGET, "__esModule", {
  value: true
 });
 HMGET.default = {
  parseCommand(parser, key, fields) {
   parser.push("HMGET");
   parser.pushKey(key);
   parser.pushVariadic(fields);
  },
  transformReply: undefined
 };
 return HMGET;
}

var HPERSIST = {};

var hasRequiredHPERSIST;

function requireHPERSIST() {
 if (hasRequiredHPERSIST) return HPERSIST;
 hasRequiredHPERSIST = 1;
 Object.defineProperty(HPERSIST, "__esModule", {
  value: true
 });
 HPERSIST.default = {
  parseCommand(parser, key, fields) {
   parser.push("HPERSIST");
   parser.pushKey(key);
   parser.push("FIELDS");
   parser.pushVariadicWithLength(fields);
  },
  transformReply: undefined
 };
 return HPERSIST;
}

var HPEXPIRE = {};

var hasRequiredHPEXPIRE;

function requireHPEXPIRE() {
 if (hasRequiredHPEXPIRE) return HPEXPIRE;
 hasRequiredHPEXPIRE = 1;
 Object.defineProperty(HPEXPIRE, "__esModule", {
  value: true
 });
 HPEXPIRE.default = {
  parseCommand(parser, key, fields, ms, mode) {
   parser.push("HPEXPIRE");
   parser.pushKey(key);
   parser.push(ms.toString());
   if (mode) {
    parser.push(mode);
   }
   parser.push("FIELDS");
   parser.pushVariadicWithLength(fields);
  },
  transformReply: undefined
 };
 return HPEXPIRE;
}

var HPEXPIREAT = {};

var hasRequiredHPEXPIREAT;

function requireHPEXPIREAT() {
 if (hasRequiredHPEXPIREAT) return HPEXPIREAT;
 hasRequiredHPEXPIREAT = 1;
 Object.defineProperty(HPEXPIREAT, "__esModule", {
  value: true
 });
 const generic_transformers_1 = requireGenericTransformers();
 HPEXPIREAT.default = {
  parseCommand(parser, key, fields, timestamp, mode) {
   parser.push("HPEXPIREAT");
   parser.pushKey(key);
   parser.push((0, generic_transformers_1.transformPXAT)(timestamp));
   if (mode) {
    parser.push(mode);
   }
   parser.push("FIELDS");
   parser.pushVariadicWithLength(fields);
  },
  transformReply: undefined
 };
 return HPEXPIREAT;
}

var HPEXPIRETIME = {};

var hasRequiredHPEXPIRETIME;

function requireHPEXPIRETIME() {
 if (hasRequiredHPEXPIRETIME) return HPEXPIRETIME;
 hasRequiredHPEXPIRETIME = 1;
 Object.defineProperty(HPEXPIRETIME, "__esModule", {
  value: true
 });
 HPEXPIRETIME.default = {
  parseCommand(parser, key, fields) {
   parser.push("HPEXPIRETIME");
   parser.pushKey(key);
   parser.push("FIELDS");
   parser.pushVariadicWithLength(fields);
  },
  transformReply: undefined
 };
 return HPEXPIRETIME;
}

var HPTTL = {};

var hasRequiredHPTTL;

function requireHPTTL() {
 if (hasRequiredHPTTL) return HPTTL;
 hasRequiredHPTTL = 1;
 Object.defineProperty(HPTTL, "__esModule", {
  value: true
 });
 HPTTL.default = {
  parseCommand(parser, key, fields) {
   parser.push("HPTTL");
   parser.pushKey(key);
   parser.push("FIELDS");
   parser.pushVariadicWithLength(fields);
  },
  transformReply: undefined
 };
 return HPTTL;
}

var HRANDFIELD_COUNT_WITHVALUES = {};

var hasRequiredHRANDFIELD_COUNT_WITHVALUES;

function requireHRANDFIELD_COUNT_WITHVALUES() {
 if (hasRequiredHRANDFIELD_COUNT_WITHVALUES) return HRANDFIELD_COUNT_WITHVALUES;
 hasRequiredHRANDFIELD_COUNT_WITHVALUES = 1;
 Object.defineProperty(HRANDFIELD_COUNT_WITHVALUES, "__esModule", {
  value: true
 });
 HRANDFIELD_COUNT_WITHVALUES.default = {
  parseCommand(parser, key, count) {
   parser.push("HRANDFIELD");
   parser.pushKey(key);
   parser.push(count.toString(), "WITHVALUES");
  },
  transformReply: {
   2: rawReply => {
    const reply = [];
    let i = 0;
    while (i < rawReply.length) {
     reply.push({
      field: rawReply[i++],
      value: rawReply[i++]
     });
    }
    return reply;
   },
   3: reply => reply.map(entry => {
    const [field, value] = entry;
    return {
     field: field,
     value: value
    };
   })
  }
 };
 return HRANDFIELD_COUNT_WITHVALUES;
}

var HRANDFIELD_COUNT = {};

var hasRequiredHRANDFIELD_COUNT;

function requireHRANDFIELD_COUNT() {
 if (hasRequiredHRANDFIELD_COUNT) return HRANDFIELD_COUNT;
 hasRequiredHRANDFIELD_COUNT = 1;
 Object.defineProperty(HRANDFIELD_COUNT, "__esModule", {
  value: true
 });
 HRANDFIELD_COUNT.default = {
  parseCommand(parser, key, count) {
   parser.push("HRANDFIELD");
   parser.pushKey(key);
   parser.push(count.toString());
  },
  transformReply: undefined
 };
 return HRANDFIELD_COUNT;
}

var HRANDFIELD = {};

var hasRequiredHRANDFIELD;

function requireHRANDFIELD() {
 if (hasRequiredHRANDFIELD) return HRANDFIELD;
 hasRequiredHRANDFIELD = 1;
 Object.defineProperty(HRANDFIELD, "__esModule", {
  value: true
 });
 HRANDFIELD.default = {
  parseCommand(parser, key) {
   parser.push("HRANDFIELD");
   parser.pushKey(key);
  },
  transformReply: undefined
 };
 return HRANDFIELD;
}

var HSCAN = {};

var SCAN = {};

var hasRequiredSCAN;

function requireSCAN() {
 if (hasRequiredSCAN) return SCAN;
 hasRequiredSCAN = 1;
 Object.defineProperty(SCAN, "__esModule", {
  value: true
 });
 SCAN.pushScanArguments = SCAN.parseScanArguments = void 0;
 function parseScanArguments(parser, cursor, options) {
  parser.push(cursor);
  if (options?.MATCH !== undefined) {
   parser.push("MATCH", options.MATCH);
  }
  if (options?.COUNT) {
   parser.push("COUNT", options.COUNT.toString());
  }
 }
 SCAN.parseScanArguments = parseScanArguments;
 function pushScanArguments(args, cursor, options) {
  args.push(cursor.toString());
  if (options?.MATCH !== undefined) {
   args.push("MATCH", options.MATCH);
  }
  if (options?.COUNT) {
   args.push("COUNT", options.COUNT.toString());
  }
  return args;
 }
 SCAN.pushScanArguments = pushScanArguments;
 SCAN.default = {
  IS_READ_ONLY: true,
  parseCommand(parser, cursor, options) {
   parser.push("SCAN");
   parseScanArguments(parser, cursor, options);
   if (options?.TYPE) {
    parser.push("TYPE", options.TYPE);
   }
  },
  transformReply([cursor, keys]) {
   return {
    cursor: cursor,
    keys: keys
   };
  }
 };
 return SCAN;
}

var hasRequiredHSCAN;

function requireHSCAN() {
 if (hasRequiredHSCAN) return HSCAN;
 hasRequiredHSCAN = 1;
 Object.defineProperty(HSCAN, "__esModule", {
  value: true
 });
 const SCAN_1 = requireSCAN();
 HSCAN.default = {
  parseCommand(parser, key, cursor, options) {
   parser.push("HSCAN");
   parser.pushKey(key);
   (0, SCAN_1.parseScanArguments)(parser, cursor, options);
  },
  transformReply([cursor, rawEntries]) {
   const entries = [];
   let i = 0;
   while (i < rawEntries.length) {
    entries.push({
     field: rawEntries[i++],
     value: rawEntries[i++]
    });
   }
   return {
    cursor: cursor,
    entries: entries
   };
  }
 };
 return HSCAN;
}

var HSCAN_NOVALUES = {};

var hasRequiredHSCAN_NOVALUES;

function requireHSCAN_NOVALUES() {
 if (hasRequiredHSCAN_NOVALUES) return HSCAN_NOVALUES;
 hasRequiredHSCAN_NOVALUES = 1;
 var __importDefault = HSCAN_NOVALUES && HSCAN_NOVALUES.__importDefault || function(mod) {
  return mod && mod.__esModule ? mod : {
   default: mod
  };
 };
 Object.defineProperty(HSCAN_NOVALUES, "__esModule", {
  value: true
 });
 const HSCAN_1 = __importDefault(requireHSCAN());
 HSCAN_NOVALUES.default = {
  parseCommand(...args) {
   const parser = args[0];
   HSCAN_1.default.parseCommand(...args);
   parser.push("NOVALUES");
  },
  transformReply([cursor, fields]) {
   return {
    cursor: cursor,
    fields: fields
   };
  }
 };
 return HSCAN_NOVALUES;
}

var HSET = {};

var hasRequiredHSET;

function requireHSET() {
 if (hasRequiredHSET) return HSET;
 hasRequiredHSET = 1;
 Object.defineProperty(HSET, "__esModule", {
  value: true
 });
 HSET.default = {
  parseCommand(parser, ...[key, value, fieldValue]) {
   parser.push("HSET");
   parser.pushKey(key);
   if (typeof value === "string" || typeof value === "number" || value instanceof Buffer) {
    parser.push(convertValue(value), convertValue(fieldValue));
   } else if (value instanceof Map) {
    pushMap(parser, value);
   } else if (Array.isArray(value)) {
    pushTuples(parser, value);
   } else {
    pushObject(parser, value);
   }
  },
  transformReply: undefined
 };
 function pushMap(parser, map) {
  for (const [key, value] of map.entries()) {
   parser.push(convertValue(key), convertValue(value));
  }
 }
 function pushTuples(parser, tuples) {
  for (const tuple of tuples) {
   if (Array.isArray(tuple)) {
    pushTuples(parser, tuple);
    continue;
   }
   parser.push(convertValue(tuple));
  }
 }
 function pushObject(parser, object) {
  for (const key of Object.keys(object)) {
   parser.push(convertValue(key), convertValue(object[key]));
  }
 }
 function convertValue(value) {
  return typeof value === "number" ? value.toString() : value;
 }
 return HSET;
}

var HSETEX = {};

var hasRequiredHSETEX;

function requireHSETEX() {
 if (hasRequiredHSETEX) return HSETEX;
 hasRequiredHSETEX = 1;
 Object.defineProperty(HSETEX, "__esModule", {
  value: true
 });
 const parser_1 = requireParser();
 HSETEX.default = {
  parseCommand(parser, key, fields, options) {
   parser.push("HSETEX");
   parser.pushKey(key);
   if (options?.mode) {
    parser.push(options.mode);
   }
   if (options?.expiration) {
    if (typeof options.expiration === "string") {
     parser.push(options.expiration);
    } else if (options.expiration.type === "KEEPTTL") {
     parser.push("KEEPTTL");
    } else {
     parser.push(options.expiration.type, options.expiration.value.toString());
    }
   }
   parser.push("FIELDS");
   if (fields instanceof Map) {
    pushMap(parser, fields);
   } else if (Array.isArray(fields)) {
    pushTuples(parser, fields);
   } else {
    pushObject(parser, fields);
   }
  },
  transformReply: undefined
 };
 function pushMap(parser, map) {
  parser.push(map.size.toString());
  for (const [key, value] of map.entries()) {
   parser.push(convertValue(key), convertValue(value));
  }
 }
 function pushTuples(parser, tuples) {
  const tmpParser = new parser_1.BasicCommandParser;
  _pushTuples(tmpParser, tuples);
  if (tmpParser.redisArgs.length % 2 != 0) {
   throw Error("invalid number of arguments, expected key value ....[key value] pairs, got key without value");
  }
  parser.push((tmpParser.redisArgs.length / 2).toString());
  parser.push(...tmpParser.redisArgs);
 }
 function _pushTuples(parser, tuples) {
  for (const tuple of tuples) {
   if (Array.isArray(tuple)) {
    _pushTuples(parser, tuple);
    continue;
   }
   parser.push(convertValue(tuple));
  }
 }
 function pushObject(parser, object) {
  const len = Object.keys(object).length;
  if (len == 0) {
   throw Error("object without keys");
  }
  parser.push(len.toString());
  for (const key of Object.keys(object)) {
   parser.push(convertValue(key), convertValue(object[key]));
  }
 }
 function convertValue(value) {
  return typeof value === "number" ? value.toString() : value;
 }
 return HSETEX;
}

var HSETNX = {};

var hasRequiredHSETNX;

function requireHSETNX() {
 if (hasRequiredHSETNX) return HSETNX;
 hasRequiredHSETNX = 1;
 Object.defineProperty(HSETNX, "__esModule", {
  value: true
 });
 HSETNX.default = {
  parseCommand(parser, key, field, value) {
   parser.push("HSETNX");
   parser.pushKey(key);
   parser.push(field, value);
  },
  transformReply: undefined
 };
 return HSETNX;
}

var HSTRLEN = {};

var hasRequiredHSTRLEN;

function requireHSTRLEN() {
 if (hasRequiredHSTRLEN) return HSTRLEN;
 hasRequiredHSTRLEN = 1;
 Object.defineProperty(HSTRLEN, "__esModule", {
  value: true
 });
 HSTRLEN.default = {
  parseCommand(parser, key, field) {
   parser.push("HSTRLEN");
   parser.pushKey(key);
   parser.push(field);
  },
  transformReply: undefined
 };
 return HSTRLEN;
}

var HTTL = {};

var hasRequiredHTTL;

function requireHTTL() {
 if (hasRequiredHTTL) return HTTL;
 hasRequiredHTTL = 1;
 Object.defineProperty(HTTL, "__esModule", {
  value: true
 });
 HTTL.default = {
  parseCommand(parser, key, fields) {
   parser.push("HTTL");
   parser.pushKey(key);
   parser.push("FIELDS");
   parser.pushVariadicWithLength(fields);
  },
  transformReply: undefined
 };
 return HTTL;
}

var HVALS = {};

var hasRequiredHVALS;

function requireHVALS() {
 if (hasRequiredHVALS) return HVALS;
 hasRequiredHVALS = 1;
 Object.defineProperty(HVALS, "__esModule", {
  value: true
 });
 HVALS.default = {
  parseCommand(parser, key) {
   parser.push("HVALS");
   parser.pushKey(key);
  },
  transformReply: undefined
 };
 return HVALS;
}

var HOTKEYS_GET = {};

var replyUtils = {};

var hasRequiredReplyUtils;

function requireReplyUtils() {
 if (hasRequiredReplyUtils) return replyUtils;
 hasRequiredReplyUtils = 1;
 Object.defineProperty(replyUtils, "__esModule", {
  value: true
 });
 replyUtils.getMapValue = replyUtils.mapLikeToFlatArray = replyUtils.mapLikeToObject = replyUtils.mapLikeValues = replyUtils.mapLikeEntries = replyUtils.keyToString = replyUtils.isPlainObject = void 0;
 function isPlainObject(value) {
  return value !== null && typeof value === "object" && !Array.isArray(value) && !(value instanceof Map) && !ArrayBuffer.isView(value) && Object.prototype.toString.call(value) === "[object Object]";
 }
 replyUtils.isPlainObject = isPlainObject;
 function keyToString(key) {
  if (key === null || key === undefined) return "";
  return key.toString();
 }
 replyUtils.keyToString = keyToString;
 function mapLikeEntries(value) {
  if (value instanceof Map) {
   return Array.from(value.entries(), ([key, entryValue]) => [ keyToString(key), entryValue ]);
  }
  if (Array.isArray(value)) {
   if (value.length === 1 && (Array.isArray(value[0]) || value[0] instanceof Map || isPlainObject(value[0]))) {
    return mapLikeEntries(value[0]);
   }
   if (value.every(item => Array.isArray(item) && item.length >= 2)) {
    return value.map(item => [ keyToString(item[0]), item[1] ]);
   }
   const entries = [];
   for (let i = 0; i < value.length - 1; i += 2) {
    entries.push([ keyToString(value[i]), value[i + 1] ]);
   }
   return entries;
  }
  if (isPlainObject(value)) {
   return Object.entries(value);
  }
  return [];
 }
 replyUtils.mapLikeEntries = mapLikeEntries;
 function mapLikeValues(value) {
  if (Array.isArray(value)) return value;
  if (value instanceof Map) return [ ...value.values() ];
  if (isPlainObject(value)) return Object.values(value);
  return [];
 }
 replyUtils.mapLikeValues = mapLikeValues;
 function mapLikeToObject(value) {
  const object = {};
  for (const [key, entryValue] of mapLikeEntries(value)) {
   object[key] = entryValue;
  }
  return object;
 }
 replyUtils.mapLikeToObject = mapLikeToObject;
 function mapLikeToFlatArray(value) {
  const flat = [];
  for (const [key, entryValue] of mapLikeEntries(value)) {
   flat.push(key, entryValue);
  }
  return flat;
 }
 replyUtils.mapLikeToFlatArray = mapLikeToFlatArray;
 function getMapValue(value, keys) {
  const object = mapLikeToObject(value);
  for (const key of keys) {
   if (Object.hasOwn(object, key)) {
    return object[key];
   }
  }
  const lowerCaseKeyToOriginal = new Map;
  for (const key of Object.keys(object)) {
   const lowerCaseKey = key.toLowerCase();
   if (!lowerCaseKeyToOriginal.has(lowerCaseKey)) {
    lowerCaseKeyToOriginal.set(lowerCaseKey, key);
   }
  }
  for (const key of keys) {
   const original = lowerCaseKeyToOriginal.get(key.toLowerCase());
   if (original !== undefined) {
    return object[original];
   }
  }
  return undefined;
 }
 replyUtils.getMapValue = getMapValue;
 return replyUtils;
}

var hasRequiredHOTKEYS_GET;

function requireHOTKEYS_GET() {
 if (hasRequiredHOTKEYS_GET) return HOTKEYS_GET;
 hasRequiredHOTKEYS_GET = 1;
 Object.defineProperty(HOTKEYS_GET, "__esModule", {
  value: true
 });
 const reply_utils_1 = requireReplyUtils();
 function toSlotNumber(value) {
  const slot = Number(value);
  if (!Number.isFinite(slot)) {
   throw new TypeError(`HOTKEYS GET: expected slot to be a finite number, got ${JSON.stringify(value)}`);
  }
  return slot;
 }
 function parseHotkeysList(arr) {
  return (0, reply_utils_1.mapLikeEntries)(arr).map(([key, value]) => ({
   key: key,
   value: Number(value)
  }));
 }
 function parseSlotRanges(arr) {
  return (0, reply_utils_1.mapLikeValues)(arr).map(range => {
   let unwrapped;
   if (Array.isArray(range)) {
    unwrapped = range;
   } else if (range instanceof Map) {
    unwrapped = [ ...range.values() ];
   } else if ((0, reply_utils_1.isPlainObject)(range)) {
    const start = range.start ?? range[0];
    const end = range.end ?? range[1] ?? start;
    unwrapped = [ start, end ];
   } else {
    const slot = toSlotNumber(range);
    return {
     start: slot,
     end: slot
    };
   }
   if (unwrapped.length === 1) {
    const slot = toSlotNumber(unwrapped[0]);
    return {
     start: slot,
     end: slot
    };
   }
   return {
    start: toSlotNumber(unwrapped[0]),
    end: toSlotNumber(unwrapped[1])
   };
  });
 }
 function transformHotkeysGetReply(reply) {
  if (reply === null) return null;
  const result = {};
  for (const [key, value] of (0, reply_utils_1.mapLikeEntries)(reply)) {
   switch (key) {
   case "tracking-active":
    result.trackingActive = Number(value);
    break;

   case "sample-ratio":
    result.sampleRatio = Number(value);
    break;

   case "selected-slots":
    result.selectedSlots = parseSlotRanges(value);
    break;

   case "sampled-commands-selected-slots-us":
    result.sampledCommandsSelectedSlotsUs = Number(value);
    break;

   case "all-commands-selected-slots-us":
    result.allCommandsSelectedSlotsUs = Number(value);
    break;

   case "all-commands-all-slots-us":
    result.allCommandsAllSlotsUs = Number(value);
    break;

   case "net-bytes-sampled-commands-selected-slots":
    result.netBytesSampledCommandsSelectedSlots = Number(value);
    break;

   case "net-bytes-all-commands-selected-slots":
    result.netBytesAllCommandsSelectedSlots = Number(value);
    break;

   case "net-bytes-all-commands-all-slots":
    result.netBytesAllCommandsAllSlots = Number(value);
    break;

   case "collection-start-time-unix-ms":
    result.collectionStartTimeUnixMs = Number(value);
    break;

   case "collection-duration-ms":
    result.collectionDurationMs = Number(value);
    break;

   case "total-cpu-time-sys-ms":
    result.totalCpuTimeSysMs = Number(value);
    break;

   case "total-cpu-time-user-ms":
    result.totalCpuTimeUserMs = Number(value);
    break;

   case "total-net-bytes":
    result.totalNetBytes = Number(value);
    break;

   case "by-cpu-time-us":
    result.byCpuTimeUs = parseHotkeysList(value);
    break;

   case "by-net-bytes":
    result.byNetBytes = parseHotkeysList(value);
    break;
   }
  }
  return result;
 }
 HOTKEYS_GET.default = {
  IS_READ_ONLY: true,
  parseCommand(parser) {
   parser.push("HOTKEYS", "GET");
  },
  transformReply: transformHotkeysGetReply
 };
 return HOTKEYS_GET;
}

var HOTKEYS_RESET = {};

var hasRequiredHOTKEYS_RESET;

function requireHOTKEYS_RESET() {
 if (hasRequiredHOTKEYS_RESET) return HOTKEYS_RESET;
 hasRequiredHOTKEYS_RESET = 1;
 Object.defineProperty(HOTKEYS_RESET, "__esModule", {
  value: true
 });
 HOTKEYS_RESET.default = {
  parseCommand(parser) {
   parser.push("HOTKEYS", "RESET");
  },
  transformReply: undefined
 };
 return HOTKEYS_RESET;
}

var HOTKEYS_START = {};

var hasRequiredHOTKEYS_START;

function requireHOTKEYS_START() {
 if (hasRequiredHOTKEYS_START) return HOTKEYS_START;
 hasRequiredHOTKEYS_START = 1;
 Object.defineProperty(HOTKEYS_START, "__esModule", {
  value: true
 });
 HOTKEYS_START.HOTKEYS_METRICS = void 0;
 HOTKEYS_START.HOTKEYS_METRICS = {
  CPU: "CPU",
  NET: "NET"
 };
 HOTKEYS_START.default = {
  parseCommand(parser, options) {
   parser.push("HOTKEYS", "START");
   parser.push("METRICS", options.METRICS.count.toString());
   if (options.METRICS.CPU) {
    parser.push("CPU");
   }
   if (options.METRICS.NET) {
    parser.push("NET");
   }
   if (options.COUNT !== undefined) {
    parser.push("COUNT", options.COUNT.toString());
   }
   if (options.DURATION !== undefined) {
    parser.push("DURATION", options.DURATION.toString());
   }
   if (options.SAMPLE !== undefined) {
    parser.push("SAMPLE", options.SAMPLE.toString());
   }
   if (options.SLOTS !== undefined) {
    parser.push("SLOTS", options.SLOTS.count.toString());
    for (const slot of options.SLOTS.slots) {
     parser.push(slot.toString());
    }
   }
  },
  transformReply: undefined
 };
 return HOTKEYS_START;
}

var HOTKEYS_STOP = {};

var hasRequiredHOTKEYS_STOP;

function requireHOTKEYS_STOP() {
 if (hasRequiredHOTKEYS_STOP) return HOTKEYS_STOP;
 hasRequiredHOTKEYS_STOP = 1;
 Object.defineProperty(HOTKEYS_STOP, "__esModule", {
  value: true
 });
 HOTKEYS_STOP.default = {
  parseCommand(parser) {
   parser.push("HOTKEYS", "STOP");
  },
  transformReply: undefined
 };
 return HOTKEYS_STOP;
}

var INCR = {};

var hasRequiredINCR;

function requireINCR() {
 if (hasRequiredINCR) return INCR;
 hasRequiredINCR = 1;
 Object.defineProperty(INCR, "__esModule", {
  value: true
 });
 INCR.default = {
  parseCommand(parser, key) {
   parser.push("INCR");
   parser.pushKey(key);
  },
  transformReply: undefined
 };
 return INCR;
}

var INCRBY = {};

var hasRequiredINCRBY;

function requireINCRBY() {
 if (hasRequiredINCRBY) return INCRBY;
 hasRequiredINCRBY = 1;
 Object.defineProperty(INCRBY, "__esModule", {
  value: true
 });
 INCRBY.default = {
  parseCommand(parser, key, increment) {
   parser.push("INCRBY");
   parser.pushKey(key);
   parser.push(increment.toString());
  },
  transformReply: undefined
 };
 return INCRBY;
}

var INCRBYFLOAT = {};

var hasRequiredINCRBYFLOAT;

function requireINCRBYFLOAT() {
 if (hasRequiredINCRBYFLOAT) return INCRBYFLOAT;
 hasRequiredINCRBYFLOAT = 1;
 Object.defineProperty(INCRBYFLOAT, "__esModule", {
  value: true
 });
 INCRBYFLOAT.default = {
  parseCommand(parser, key, increment) {
   parser.push("INCRBYFLOAT");
   parser.pushKey(key);
   parser.push(increment.toString());
  },
  transformReply: undefined
 };
 return INCRBYFLOAT;
}

var INCREX = {};

var hasRequiredINCREX;

function requireINCREX() {
 if (hasRequiredINCREX) return INCREX;
 hasRequiredINCREX = 1;
 Object.defineProperty(INCREX, "__esModule", {
  value: true
 });
 const generic_transformers_1 = requireGenericTransformers();
 INCREX.default = {
  parseCommand(parser, key, options) {
   parser.push("INCREX");
   parser.pushKey(key);
   if (options?.by !== undefined) {
    parser.push("BYINT", (0, generic_transformers_1.transformStringDoubleArgument)(options.by));
   }
   if (options?.lowerBound !== undefined) {
    parser.push("LBOUND", (0, generic_transformers_1.transformStringDoubleArgument)(options.lowerBound));
   }
   if (options?.upperBound !== undefined) {
    parser.push("UBOUND", (0, generic_transformers_1.transformStringDoubleArgument)(options.upperBound));
   }
   if (options?.saturate) {
    parser.push("SATURATE");
   }
   if (options?.expiration) {
    if (options.expiration.type === "PERSIST") {
     parser.push("PERSIST");
    } else {
     parser.push(options.expiration.type, options.expiration.value.toString());
     if (options.expiration.ENX) {
      parser.push("ENX");
     }
    }
   }
  },
  transformReply: undefined
 };
 return INCREX;
}

var INCREXBYFLOAT = {};

var hasRequiredINCREXBYFLOAT;

function requireINCREXBYFLOAT() {
 if (hasRequiredINCREXBYFLOAT) return INCREXBYFLOAT;
 hasRequiredINCREXBYFLOAT = 1;
 Object.defineProperty(INCREXBYFLOAT, "__esModule", {
  value: true
 });
 const generic_transformers_1 = requireGenericTransformers();
 INCREXBYFLOAT.default = {
  parseCommand(parser, key, value, options) {
   parser.push("INCREX");
   parser.pushKey(key);
   parser.push("BYFLOAT", (0, generic_transformers_1.transformStringDoubleArgument)(value));
   if (options?.lowerBound !== undefined) {
    parser.push("LBOUND", (0, generic_transformers_1.transformStringDoubleArgument)(options.lowerBound));
   }
   if (options?.upperBound !== undefined) {
    parser.push("UBOUND", (0, generic_transformers_1.transformStringDoubleArgument)(options.upperBound));
   }
   if (options?.saturate) {
    parser.push("SATURATE");
   }
   if (options?.expiration) {
    if (options.expiration.type === "PERSIST") {
     parser.push("PERSIST");
    } else {
     parser.push(options.expiration.type, options.expiration.value.toString());
     if (options.expiration.ENX) {
      parser.push("ENX");
     }
    }
   }
  },
  transformReply: {
   2: undefined,
   3: undefined
  }
 };
 return INCREXBYFLOAT;
}

var INFO = {};

var hasRequiredINFO;

function requireINFO() {
 if (hasRequiredINFO) return INFO;
 hasRequiredINFO = 1;
 Object.defineProperty(INFO, "__esModule", {
  value: true
 });
 INFO.default = {
  IS_READ_ONLY: true,
  parseCommand(parser, section) {
   parser.push("INFO");
   if (section) {
    parser.push(section);
   }
  },
  transformReply: undefined
 };
 return INFO;
}

var KEYS = {};

var hasRequiredKEYS;

function requireKEYS() {
 if (hasRequiredKEYS) return KEYS;
 hasRequiredKEYS = 1;
 Object.defineProperty(KEYS, "__esModule", {
  value: true
 });
 KEYS.default = {
  IS_READ_ONLY: true,
  parseCommand(parser, pattern) {
   parser.push("KEYS", pattern);
  },
  transformReply: undefined
 };
 return KEYS;
}

var LASTSAVE = {};

var hasRequiredLASTSAVE;

function requireLASTSAVE() {
 if (hasRequiredLASTSAVE) return LASTSAVE;
 hasRequiredLASTSAVE = 1;
 Object.defineProperty(LASTSAVE, "__esModule", {
  value: true
 });
 LASTSAVE.default = {
  IS_READ_ONLY: true,
  parseCommand(parser) {
   parser.push("LASTSAVE");
  },
  transformReply: undefined
 };
 return LASTSAVE;
}

var LATENCY_DOCTOR = {};

var hasRequiredLATENCY_DOCTOR;

function requireLATENCY_DOCTOR() {
 if (hasRequiredLATENCY_DOCTOR) return LATENCY_DOCTOR;
 hasRequiredLATENCY_DOCTOR = 1;
 Object.defineProperty(LATENCY_DOCTOR, "__esModule", {
  value: true
 });
 LATENCY_DOCTOR.default = {
  IS_READ_ONLY: true,
  parseCommand(parser) {
   parser.push("LATENCY", "DOCTOR");
  },
  transformReply: undefined
 };
 return LATENCY_DOCTOR;
}

var LATENCY_GRAPH = {};

var hasRequiredLATENCY_GRAPH;

function requireLATENCY_GRAPH() {
 if (hasRequiredLATENCY_GRAPH) return LATENCY_GRAPH;
 hasRequiredLATENCY_GRAPH = 1;
 Object.defineProperty(LATENCY_GRAPH, "__esModule", {
  value: true
 });
 LATENCY_GRAPH.LATENCY_EVENTS = void 0;
 LATENCY_GRAPH.LATENCY_EVENTS = {
  ACTIVE_DEFRAG_CYCLE: "active-defrag-cycle",
  AOF_FSTAT: "aof-fstat",
  AOF_FSYNC_ALWAYS: "aof-fsync-always",
  AOF_STAT: "aof-stat",
  AOF_REWRITE_DIFF_WRITE: "aof-rewrite-diff-write",
  AOF_RENAME: "aof-rename",
  AOF_WRITE: "aof-write",
  AOF_WRITE_ACTIVE_CHILD: "aof-write-active-child",
  AOF_WRITE_ALONE: "aof-write-alone",
  AOF_WRITE_PENDING_FSYNC: "aof-write-pending-fsync",
  COMMAND: "command",
  EXPIRE_CYCLE: "expire-cycle",
  EVICTION_CYCLE: "eviction-cycle",
  EVICTION_DEL: "eviction-del",
  EVICTION_LAZYFREE: "eviction-lazyfree",
  FAST_COMMAND: "fast-command",
  FORK: "fork",
  RDB_UNLINK_TEMP_FILE: "rdb-unlink-temp-file",
  WHILE_BLOCKED_CRON: "while-blocked-cron"
 };
 LATENCY_GRAPH.default = {
  IS_READ_ONLY: true,
  parseCommand(parser, event) {
   parser.push("LATENCY", "GRAPH", event);
  },
  transformReply: undefined
 };
 return LATENCY_GRAPH;
}

var LATENCY_HISTORY = {};

var hasRequiredLATENCY_HISTORY;

function requireLATENCY_HISTORY() {
 if (hasRequiredLATENCY_HISTORY) return LATENCY_HISTORY;
 hasRequiredLATENCY_HISTORY = 1;
 Object.defineProperty(LATENCY_HISTORY, "__esModule", {
  value: true
 });
 LATENCY_HISTORY.default = {
  IS_READ_ONLY: true,
  parseCommand(parser, event) {
   parser.push("LATENCY", "HISTORY", event);
  },
  transformReply: undefined
 };
 return LATENCY_HISTORY;
}

var LATENCY_LATEST = {};

var hasRequiredLATENCY_LATEST;

function requireLATENCY_LATEST() {
 if (hasRequiredLATENCY_LATEST) return LATENCY_LATEST;
 hasRequiredLATENCY_LATEST = 1;
 Object.defineProperty(LATENCY_LATEST, "__esModule", {
  value: true
 });
 LATENCY_LATEST.default = {
  IS_READ_ONLY: true,
  parseCommand(parser) {
   parser.push("LATENCY", "LATEST");
  },
  transformReply: undefined
 };
 return LATENCY_LATEST;
}

var LATENCY_RESET = {};

var hasRequiredLATENCY_RESET;

function requireLATENCY_RESET() {
 if (hasRequiredLATENCY_RESET) return LATENCY_RESET;
 hasRequiredLATENCY_RESET = 1;
 (function(exports) {
  Object.defineProperty(exports, "__esModule", {
   value: true
  });
  exports.LATENCY_EVENTS = void 0;
  const LATENCY_GRAPH_1 = requireLATENCY_GRAPH();
  Object.defineProperty(exports, "LATENCY_EVENTS", {
   enumerable: true,
   get: function() {
    return LATENCY_GRAPH_1.LATENCY_EVENTS;
   }
  });
  exports.default = {
   parseCommand(parser, ...events) {
    const args = [ "LATENCY", "RESET" ];
    if (events.length > 0) {
     args.push(...events);
    }
    parser.push(...args);
   },
   transformReply: undefined
  };
 })(LATENCY_RESET);
 return LATENCY_RESET;
}

var LCS_IDX_WITHMATCHLEN = {};

var LCS_IDX = {};

var LCS = {};

var hasRequiredLCS;

function requireLCS() {
 if (hasRequiredLCS) return LCS;
 hasRequiredLCS = 1;
 Object.defineProperty(LCS, "__esModule", {
  value: true
 });
 LCS.default = {
  parseCommand(parser, key1, key2) {
   parser.push("LCS");
   parser.pushKeys([ key1, key2 ]);
  },
  transformReply: undefined
 };
 return LCS;
}

var hasRequiredLCS_IDX;

function requireLCS_IDX() {
 if (hasRequiredLCS_IDX) return LCS_IDX;
 hasRequiredLCS_IDX = 1;
 var __importDefault = LCS_IDX && LCS_IDX.__importDefault || function(mod) {
  return mod && mod.__esModule ? mod : {
   default: mod
  };
 };
 Object.defineProperty(LCS_IDX, "__esModule", {
  value: true
 });
 const LCS_1 = __importDefault(requireLCS());
 LCS_IDX.default = {
  parseCommand(parser, key1, key2, options) {
   LCS_1.default.parseCommand(parser, key1, key2);
   parser.push("IDX");
   if (options?.MINMATCHLEN) {
    parser.push("MINMATCHLEN", options.MINMATCHLEN.toString());
   }
  },
  transformReply: {
   2: reply => ({
    matches: reply[1],
    len: reply[3]
   }),
   3: undefined
  }
 };
 return LCS_IDX;
}

var hasRequiredLCS_IDX_WITHMATCHLEN;

function requireLCS_IDX_WITHMATCHLEN() {
 if (hasRequiredLCS_IDX_WITHMATCHLEN) return LCS_IDX_WITHMATCHLEN;
 hasRequiredLCS_IDX_WITHMATCHLEN = 1;
 var __importDefault = LCS_IDX_WITHMATCHLEN && LCS_IDX_WITHMATCHLEN.__importDefault || function(mod) {
  return mod && mod.__esModule ? mod : {
   default: mod
  };
 };
 Object.defineProperty(LCS_IDX_WITHMATCHLEN, "__esModule", {
  value: true
 });
 const LCS_IDX_1 = __importDefault(requireLCS_IDX());
 LCS_IDX_WITHMATCHLEN.default = {
  parseCommand(...args) {
   const parser = args[0];
   LCS_IDX_1.default.parseCommand(...args);
   parser.push("WITHMATCHLEN");
  },
  transformReply: {
   2: reply => ({
    matches: reply[1],
    len: reply[3]
   }),
   3: undefined
  }
 };
 return LCS_IDX_WITHMATCHLEN;
}

var LCS_LEN = {};

var hasRequiredLCS_LEN;

function requireLCS_LEN() {
 if (hasRequiredLCS_LEN) return LCS_LEN;
 hasRequiredLCS_LEN = 1;
 var __importDefault = LCS_LEN && LCS_LEN.__importDefault || function(mod) {
  return mod && mod.__esModule ? mod : {
   default: mod
  };
 };
 Object.defineProperty(LCS_LEN, "__esModule", {
  value: true
 });
 const LCS_1 = __importDefault(requireLCS());
 LCS_LEN.default = {
  parseCommand(...args) {
   const parser = args[0];
   LCS_1.default.parseCommand(...args);
   parser.push("LEN");
  },
  transformReply: undefined
 };
 return LCS_LEN;
}

var LINDEX = {};

var hasRequiredLINDEX;

function requireLINDEX() {
 if (hasRequiredLINDEX) return LINDEX;
 hasRequiredLINDEX = 1;
 Object.defineProperty(LINDEX, "__esModule", {
  value: true
 });
 LINDEX.default = {
  parseCommand(parser, key, index) {
   parser.push("LINDEX");
   parser.pushKey(key);
   parser.push(index.toString());
  },
  transformReply: undefined
 };
 return LINDEX;
}

var LINSERT = {};

var hasRequiredLINSERT;

function requireLINSERT() {
 if (hasRequiredLINSERT) return LINSERT;
 hasRequiredLINSERT = 1;
 Object.defineProperty(LINSERT, "__esModule", {
  value: true
 });
 LINSERT.default = {
  parseCommand(parser, key, position, pivot, element) {
   parser.push("LINSERT");
   parser.pushKey(key);
   parser.push(position, pivot, element);
  },
  transformReply: undefined
 };
 return LINSERT;
}

var LLEN = {};

var hasRequiredLLEN;

function requireLLEN() {
 if (hasRequiredLLEN) return LLEN;
 hasRequiredLLEN = 1;
 Object.defineProperty(LLEN, "__esModule", {
  value: true
 });
 LLEN.default = {
  parseCommand(parser, key) {
   parser.push("LLEN");
   parser.pushKey(key);
  },
  transformReply: undefined
 };
 return LLEN;
}

var LMOVE = {};

var hasRequiredLMOVE;

function requireLMOVE() {
 if (hasRequiredLMOVE) return LMOVE;
 hasRequiredLMOVE = 1;
 Object.defineProperty(LMOVE, "__esModule", {
  value: true
 });
 LMOVE.default = {
  parseCommand(parser, source, destination, sourceSide, destinationSide) {
   parser.push("LMOVE");
   parser.pushKeys([ source, destination ]);
   parser.push(sourceSide, destinationSide);
  },
  transformReply: undefined
 };
 return LMOVE;
}

var LOLWUT = {};

var hasRequiredLOLWUT;

function requireLOLWUT() {
 if (hasRequiredLOLWUT) return LOLWUT;
 hasRequiredLOLWUT = 1;
 Object.defineProperty(LOLWUT, "__esModule", {
  value: true
 });
 LOLWUT.default = {
  parseCommand(parser, version, ...optionalArguments) {
   parser.push("LOLWUT");
   if (version) {
    parser.push("VERSION", version.toString());
    parser.pushVariadic(optionalArguments.map(String));
   }
  },
  transformReply: undefined
 };
 return LOLWUT;
}

var LPOP_COUNT = {};

var LPOP = {};

var hasRequiredLPOP;

function requireLPOP() {
 if (hasRequiredLPOP) return LPOP;
 hasRequiredLPOP = 1;
 Object.defineProperty(LPOP, "__esModule", {
  value: true
 });
 LPOP.default = {
  parseCommand(parser, key) {
   parser.push("LPOP");
   parser.pushKey(key);
  },
  transformReply: undefined
 };
 return LPOP;
}

var hasRequiredLPOP_COUNT;

function requireLPOP_COUNT() {
 if (hasRequiredLPOP_COUNT) return LPOP_COUNT;
 hasRequiredLPOP_COUNT = 1;
 var __importDefault = LPOP_COUNT && LPOP_COUNT.__importDefault || function(mod) {
  return mod && mod.__esModule ? mod : {
   default: mod
  };
 };
 Object.defineProperty(LPOP_COUNT, "__esModule", {
  value: true
 });
 const LPOP_1 = __importDefault(requireLPOP());
 LPOP_COUNT.default = {
  parseCommand(parser, key, count) {
   LPOP_1.default.parseCommand(parser, key);
   parser.push(count.toString());
  },
  transformReply: undefined
 };
 return LPOP_COUNT;
}

var LPOS_COUNT = {};

var LPOS = {};

var hasRequiredLPOS;

function requireLPOS() {
 if (hasRequiredLPOS) return LPOS;
 hasRequiredLPOS = 1;
 Object.defineProperty(LPOS, "__esModule", {
  value: true
 });
 LPOS.default = {
  parseCommand(parser, key, element, options) {
   parser.push("LPOS");
   parser.pushKey(key);
   parser.push(element);
   if (options?.RANK !== undefined) {
    parser.push("RANK", options.RANK.toString());
   }
   if (options?.MAXLEN !== undefined) {
    parser.push("MAXLEN", options.MAXLEN.toString());
   }
  },
  transformReply: undefined
 };
 return LPOS;
}

var hasRequiredLPOS_COUNT;

function requireLPOS_COUNT() {
 if (hasRequiredLPOS_COUNT) return LPOS_COUNT;
 hasRequiredLPOS_COUNT = 1;
 var __importDefault = LPOS_COUNT && LPOS_COUNT.__importDefault || function(mod) {
  return mod && mod.__esModule ? mod : {
   default: mod
  };
 };
 Object.defineProperty(LPOS_COUNT, "__esModule", {
  value: true
 });
 const LPOS_1 = __importDefault(requireLPOS());
 LPOS_COUNT.default = {
  parseCommand(parser, key, element, count, options) {
   LPOS_1.default.parseCommand(parser, key, element, options);
   parser.push("COUNT", count.toString());
  },
  transformReply: undefined
 };
 return LPOS_COUNT;
}

var LPUSH = {};

var hasRequiredLPUSH;

function requireLPUSH() {
 if (hasRequiredLPUSH) return LPUSH;
 hasRequiredLPUSH = 1;
 Object.defineProperty(LPUSH, "__esModule", {
  value: true
 });
 LPUSH.default = {
  parseCommand(parser, key, elements) {
   parser.push("LPUSH");
   parser.pushKey(key);
   parser.pushVariadic(elements);
  },
  transformReply: undefined
 };
 return LPUSH;
}

var LPUSHX = {};

var hasRequiredLPUSHX;

function requireLPUSHX() {
 if (hasRequiredLPUSHX) return LPUSHX;
 hasRequiredLPUSHX = 1;
 Object.defineProperty(LPUSHX, "__esModule", {
  value: true
 });
 LPUSHX.default = {
  parseCommand(parser, key, elements) {
   parser.push("LPUSHX");
   parser.pushKey(key);
   parser.pushVariadic(elements);
  },
  transformReply: undefined
 };
 return LPUSHX;
}

var LRANGE = {};

var hasRequiredLRANGE;

function requireLRANGE() {
 if (hasRequiredLRANGE) return LRANGE;
 hasRequiredLRANGE = 1;
 Object.defineProperty(LRANGE, "__esModule", {
  value: true
 });
 LRANGE.default = {
  parseCommand(parser, key, start, stop) {
   parser.push("LRANGE");
   parser.pushKey(key);
   parser.push(start.toString(), stop.toString());
  },
  transformReply: undefined
 };
 return LRANGE;
}

var LREM = {};

var hasRequiredLREM;

function requireLREM() {
 if (hasRequiredLREM) return LREM;
 hasRequiredLREM = 1;
 Object.defineProperty(LREM, "__esModule", {
  value: true
 });
 LREM.default = {
  parseCommand(parser, key, count, element) {
   parser.push("LREM");
   parser.pushKey(key);
   parser.push(count.toString());
   parser.push(element);
  },
  transformReply: undefined
 };
 return LREM;
}

var LSET = {};

var hasRequiredLSET;

function requireLSET() {
 if (hasRequiredLSET) return LSET;
 hasRequiredLSET = 1;
 Object.defineProperty(LSET, "__esModule", {
  value: true
 });
 LSET.default = {
  parseCommand(parser, key, index, element) {
   parser.push("LSET");
   parser.pushKey(key);
   parser.push(index.toString(), element);
  },
  transformReply: undefined
 };
 return LSET;
}

var LTRIM = {};

var hasRequiredLTRIM;

function requireLTRIM() {
 if (hasRequiredLTRIM) return LTRIM;
 hasRequiredLTRIM = 1;
 Object.defineProperty(LTRIM, "__esModule", {
  value: true
 });
 LTRIM.default = {
  parseCommand(parser, key, start, stop) {
   parser.push("LTRIM");
   parser.pushKey(key);
   parser.push(start.toString(), stop.toString());
  },
  transformReply: undefined
 };
 return LTRIM;
}

var MEMORY_DOCTOR = {};

var hasRequiredMEMORY_DOCTOR;

function requireMEMORY_DOCTOR() {
 if (hasRequiredMEMORY_DOCTOR) return MEMORY_DOCTOR;
 hasRequiredMEMORY_DOCTOR = 1;
 Object.defineProperty(MEMORY_DOCTOR, "__esModule", {
  value: true
 });
 MEMORY_DOCTOR.default = {
  IS_READ_ONLY: true,
  parseCommand(parser) {
   parser.push("MEMORY", "DOCTOR");
  },
  transformReply: undefined
 };
 return MEMORY_DOCTOR;
}

var MEMORY_MALLOCSTATS = {};

var hasRequiredMEMORY_MALLOCSTATS;

function requireMEMORY_MALLOCSTATS() {
 if (hasRequiredMEMORY_MALLOCSTATS) return MEMORY_MALLOCSTATS;
 hasRequiredMEMORY_MALLOCSTATS = 1;
 Object.defineProperty(MEMORY_MALLOCSTATS, "__esModule", {
  value: true
 });
 MEMORY_MALLOCSTATS.default = {
  IS_READ_ONLY: true,
  parseCommand(parser) {
   parser.push("MEMORY", "MALLOC-STATS");
  },
  transformReply: undefined
 };
 return MEMORY_MALLOCSTATS;
}

var MEMORY_PURGE = {};

var hasRequiredMEMORY_PURGE;

function requireMEMORY_PURGE() {
 if (hasRequiredMEMORY_PURGE) return MEMORY_PURGE;
 hasRequiredMEMORY_PURGE = 1;
 Object.defineProperty(MEMORY_PURGE, "__esModule", {
  value: true
 });
 MEMORY_PURGE.default = {
  parseCommand(parser) {
   parser.push("MEMORY", "PURGE");
  },
  transformReply: undefined
 };
 return MEMORY_PURGE;
}

var MEMORY_STATS = {};

var hasRequiredMEMORY_STATS;

function requireMEMORY_STATS() {
 if (hasRequiredMEMORY_STATS) return MEMORY_STATS;
 hasRequiredMEMORY_STATS = 1;
 Object.defineProperty(MEMORY_STATS, "__esModule", {
  value: true
 });
 const generic_transformers_1 = requireGenericTransformers();
 MEMORY_STATS.default = {
  IS_READ_ONLY: true,
  parseCommand(parser) {
   parser.push("MEMORY", "STATS");
  },
  transformReply: {
   2: (rawReply, preserve, typeMapping) => {
    const reply = {};
    let i = 0;
    while (i < rawReply.length) {
     switch (rawReply[i].toString()) {
     case "dataset.percentage":
     case "peak.percentage":
     case "allocator-fragmentation.ratio":
     case "allocator-rss.ratio":
     case "rss-overhead.ratio":
     case "fragmentation":
      reply[rawReply[i++].toString()] = generic_transformers_1.transformDoubleReply[2](rawReply[i++], preserve, typeMapping);
      break;

     default:
      reply[rawReply[i++].toString()] = rawReply[i++];
     }
    }
    return reply;
   },
   3: undefined
  }
 };
 return MEMORY_STATS;
}

var MEMORY_USAGE = {};

var hasRequiredMEMORY_USAGE;

function requireMEMORY_USAGE() {
 if (hasRequiredMEMORY_USAGE) return MEMORY_USAGE;
 hasRequiredMEMORY_USAGE = 1;
 Object.defineProperty(MEMORY_USAGE, "__esModule", {
  value: true
 });
 MEMORY_USAGE.default = {
  parseCommand(parser, key, options) {
   parser.push("MEMORY", "USAGE");
   parser.pushKey(key);
   if (options?.SAMPLES !== undefined) {
    parser.push("SAMPLES", options.SAMPLES.toString());
   }
  },
  transformReply: undefined
 };
 return MEMORY_USAGE;
}

var MGET = {};

var hasRequiredMGET;

function requireMGET() {
 if (hasRequiredMGET) return MGET;
 hasRequiredMGET = 1;
 Object.defineProperty(MGET, "__esModule", {
  value: true
 });
 MGET.default = {
  parseCommand(parser, keys) {
   parser.push("MGET");
   parser.pushKeys(keys);
  },
  transformReply: undefined
 };
 return MGET;
}

var MIGRATE = {};

var hasRequiredMIGRATE;

function requireMIGRATE() {
 if (hasRequiredMIGRATE) return MIGRATE;
 hasRequiredMIGRATE = 1;
 Object.defineProperty(MIGRATE, "__esModule", {
  value: true
 });
 MIGRATE.default = {
  parseCommand(parser, host, port, key, destinationDb, timeout, options) {
   parser.push("MIGRATE", host, port.toString());
   const isKeyArray = Array.isArray(key);
   if (isKeyArray) {
    parser.push("");
   } else {
    parser.pushKey(key);
   }
   parser.push(destinationDb.toString(), timeout.toString());
   if (options?.COPY) {
    parser.push("COPY");
   }
   if (options?.REPLACE) {
    parser.push("REPLACE");
   }
   if (options?.AUTH) {
    if (options.AUTH.username) {
     parser.push("AUTH2", options.AUTH.username, options.AUTH.password);
    } else {
     parser.push("AUTH", options.AUTH.password);
    }
   }
   if (isKeyArray) {
    parser.push("KEYS");
    parser.pushKeys(key);
   }
  },
  transformReply: undefined
 };
 return MIGRATE;
}

var MODULE_LIST = {};

var hasRequiredMODULE_LIST;

function requireMODULE_LIST() {
 if (hasRequiredMODULE_LIST) return MODULE_LIST;
 hasRequiredMODULE_LIST = 1;
 Object.defineProperty(MODULE_LIST, "__esModule", {
  value: true
 });
 function moduleEntries(moduleReply) {
  if (Array.isArray(moduleReply)) {
   const entries = [];
   for (let i = 0; i + 1 < moduleReply.length; i += 2) {
    const key = moduleReply[i];
    if (key === null || key === undefined) continue;
    entries.push([ key.toString(), moduleReply[i + 1] ]);
   }
   return entries;
  }
  if (moduleReply instanceof Map) {
   return Array.from(moduleReply.entries(), ([key, value]) => {
    const k = key === null || key === undefined ? "" : key.toString();
    return [ k, value ];
   });
  }
  if (moduleReply !== null && typeof moduleReply === "object") {
   return Object.entries(moduleReply);
  }
  return [];
 }
 function transformModuleReply(moduleReply) {
  const result = {};
  for (const [key, value] of moduleEntries(moduleReply)) {
   result[key] = value;
  }
  return result;
 }
 function transformModuleListReply(reply) {
  return reply.map(moduleReply => transformModuleReply(moduleReply));
 }
 MODULE_LIST.default = {
  IS_READ_ONLY: true,
  parseCommand(parser) {
   parser.push("MODULE", "LIST");
  },
  transformReply: {
   2: transformModuleListReply,
   3: transformModuleListReply
  }
 };
 return MODULE_LIST;
}

var MODULE_LOAD = {};

var hasRequiredMODULE_LOAD;

function requireMODULE_LOAD() {
 if (hasRequiredMODULE_LOAD) return MODULE_LOAD;
 hasRequiredMODULE_LOAD = 1;
 Object.defineProperty(MODULE_LOAD, "__esModule", {
  value: true
 });
 MODULE_LOAD.default = {
  parseCommand(parser, path, moduleArguments) {
   parser.push("MODULE", "LOAD", path);
   if (moduleArguments) {
    parser.push(...moduleArguments);
   }
  },
  transformReply: undefined
 };
 return MODULE_LOAD;
}

var MODULE_UNLOAD = {};

var hasRequiredMODULE_UNLOAD;

function requireMODULE_UNLOAD() {
 if (hasRequiredMODULE_UNLOAD) return MODULE_UNLOAD;
 hasRequiredMODULE_UNLOAD = 1;
 Object.defineProperty(MODULE_UNLOAD, "__esModule", {
  value: true
 });
 MODULE_UNLOAD.default = {
  parseCommand(parser, name) {
   parser.push("MODULE", "UNLOAD", name);
  },
  transformReply: undefined
 };
 return MODULE_UNLOAD;
}

var MOVE = {};

var hasRequiredMOVE;

function requireMOVE() {
 if (hasRequiredMOVE) return MOVE;
 hasRequiredMOVE = 1;
 Object.defineProperty(MOVE, "__esModule", {
  value: true
 });
 MOVE.default = {
  parseCommand(parser, key, db) {
   parser.push("MOVE");
   parser.pushKey(key);
   parser.push(db.toString());
  },
  transformReply: undefined
 };
 return MOVE;
}

var MSET = {};

var hasRequiredMSET;

function requireMSET() {
 if (hasRequiredMSET) return MSET;
 hasRequiredMSET = 1;
 Object.defineProperty(MSET, "__esModule", {
  value: true
 });
 MSET.parseMSetArguments = void 0;
 function parseMSetArguments(parser, toSet) {
  if (Array.isArray(toSet)) {
   if (toSet.length == 0) {
    throw new Error("empty toSet Argument");
   }
   if (Array.isArray(toSet[0])) {
    for (const tuple of toSet) {
     parser.pushKey(tuple[0]);
     parser.push(tuple[1]);
    }
   } else {
    const arr = toSet;
    for (let i = 0; i < arr.length; i += 2) {
     parser.pushKey(arr[i]);
     parser.push(arr[i + 1]);
    }
   }
  } else {
   for (const tuple of Object.entries(toSet)) {
    parser.pushKey(tuple[0]);
    parser.push(tuple[1]);
   }
  }
 }
 MSET.parseMSetArguments = parseMSetArguments;
 MSET.default = {
  parseCommand(parser, toSet) {
   parser.push("MSET");
   return parseMSetArguments(parser, toSet);
  },
  transformReply: undefined
 };
 return MSET;
}

var MSETEX = {};

var hasRequiredMSETEX;

function requireMSETEX() {
 if (hasRequiredMSETEX) return MSETEX;
 hasRequiredMSETEX = 1;
 (function(exports) {
  Object.defineProperty(exports, "__esModule", {
   value: true
  });
  exports.parseMSetExArguments = exports.ExpirationMode = exports.SetMode = void 0;
  const generic_transformers_1 = requireGenericTransformers();
  exports.SetMode = {
   XX: "XX",
   NX: "NX"
  };
  exports.ExpirationMode = {
   EX: "EX",
   PX: "PX",
   EXAT: "EXAT",
   PXAT: "PXAT",
   KEEPTTL: "KEEPTTL"
  };
  function parseMSetExArguments(parser, keyValuePairs) {
   let tuples = [];
   if (Array.isArray(keyValuePairs)) {
    if (keyValuePairs.length == 0) {
     throw new Error("empty keyValuePairs Argument");
    }
    if (Array.isArray(keyValuePairs[0])) {
     tuples = keyValuePairs;
    } else {
     const arr = keyValuePairs;
     for (let i = 0; i < arr.length; i += 2) {
      tuples.push([ arr[i], arr[i + 1] ]);
     }
    }
   } else {
    for (const tuple of Object.entries(keyValuePairs)) {
     tuples.push([ tuple[0], tuple[1] ]);
    }
   }
   parser.push(tuples.length.toString());
   for (const tuple of tuples) {
    parser.pushKey(tuple[0]);
    parser.push(tuple[1]);
   }
  }
  exports.parseMSetExArguments = parseMSetExArguments;
  exports.default = {
   parseCommand(parser, keyValuePairs, options) {
    parser.push("MSETEX");
    parseMSetExArguments(parser, keyValuePairs);
    if (options?.mode) {
     parser.push(options.mode);
    }
    if (options?.expiration) {
     switch (options.expiration.type) {
     case exports.ExpirationMode.EXAT:
      parser.push(exports.ExpirationMode.EXAT, (0, generic_transformers_1.transformEXAT)(options.expiration.value));
      break;

     case exports.ExpirationMode.PXAT:
      parser.push(exports.ExpirationMode.PXAT, (0, generic_transformers_1.transformPXAT)(options.expiration.value));
      break;

     case exports.ExpirationMode.KEEPTTL:
      parser.push(exports.ExpirationMode.KEEPTTL);
      break;

     case exports.ExpirationMode.EX:
     case exports.ExpirationMode.PX:
      parser.push(options.expiration.type, options.expiration.value?.toString());
      break;
     }
    }
   },
   transformReply: undefined
  };
 })(MSETEX);
 return MSETEX;
}

var MSETNX = {};

var hasRequiredMSETNX;

function requireMSETNX() {
 if (hasRequiredMSETNX) return MSETNX;
 hasRequiredMSETNX = 1;
 Object.defineProperty(MSETNX, "__esModule", {
  value: true
 });
 const MSET_1 = requireMSET();
 MSETNX.default = {
  parseCommand(parser, toSet) {
   parser.push("MSETNX");
   return (0, MSET_1.parseMSetArguments)(parser, toSet);
  },
  transformReply: undefined
 };
 return MSETNX;
}

var OBJECT_ENCODING = {};

var hasRequiredOBJECT_ENCODING;

function requireOBJECT_ENCODING() {
 if (hasRequiredOBJECT_ENCODING) return OBJECT_ENCODING;
 hasRequiredOBJECT_ENCODING = 1;
 Object.defineProperty(OBJECT_ENCODING, "__esModule", {
  value: true
 });
 OBJECT_ENCODING.default = {
  parseCommand(parser, key) {
   parser.push("OBJECT", "ENCODING");
   parser.pushKey(key);
  },
  transformReply: undefined
 };
 return OBJECT_ENCODING;
}

var OBJECT_FREQ = {};

var hasRequiredOBJECT_FREQ;

function requireOBJECT_FREQ() {
 if (hasRequiredOBJECT_FREQ) return OBJECT_FREQ;
 hasRequiredOBJECT_FREQ = 1;
 Object.defineProperty(OBJECT_FREQ, "__esModule", {
  value: true
 });
 OBJECT_FREQ.default = {
  parseCommand(parser, key) {
   parser.push("OBJECT", "FREQ");
   parser.pushKey(key);
  },
  transformReply: undefined
 };
 return OBJECT_FREQ;
}

var OBJECT_IDLETIME = {};

var hasRequiredOBJECT_IDLETIME;

function requireOBJECT_IDLETIME() {
 if (hasRequiredOBJECT_IDLETIME) return OBJECT_IDLETIME;
 hasRequiredOBJECT_IDLETIME = 1;
 Object.defineProperty(OBJECT_IDLETIME, "__esModule", {
  value: true
 });
 OBJECT_IDLETIME.default = {
  parseCommand(parser, key) {
   parser.push("OBJECT", "IDLETIME");
   parser.pushKey(key);
  },
  transformReply: undefined
 };
 return OBJECT_IDLETIME;
}

var OBJECT_REFCOUNT = {};

var hasRequiredOBJECT_REFCOUNT;

function requireOBJECT_REFCOUNT() {
 if (hasRequiredOBJECT_REFCOUNT) return OBJECT_REFCOUNT;
 hasRequiredOBJECT_REFCOUNT = 1;
 Object.defineProperty(OBJECT_REFCOUNT, "__esModule", {
  value: true
 });
 OBJECT_REFCOUNT.default = {
  parseCommand(parser, key) {
   parser.push("OBJECT", "REFCOUNT");
   parser.pushKey(key);
  },
  transformReply: undefined
 };
 return OBJECT_REFCOUNT;
}

var PERSIST = {};

var hasRequiredPERSIST;

function requirePERSIST() {
 if (hasRequiredPERSIST) return PERSIST;
 hasRequiredPERSIST = 1;
 Object.defineProperty(PERSIST, "__esModule", {
  value: true
 });
 PERSIST.default = {
  parseCommand(parser, key) {
   parser.push("PERSIST");
   parser.pushKey(key);
  },
  transformReply: undefined
 };
 return PERSIST;
}

var PEXPIRE = {};

var hasRequiredPEXPIRE;

function requirePEXPIRE() {
 if (hasRequiredPEXPIRE) return PEXPIRE;
 hasRequiredPEXPIRE = 1;
 Object.defineProperty(PEXPIRE, "__esModule", {
  value: true
 });
 PEXPIRE.default = {
  parseCommand(parser, key, ms, mode) {
   parser.push("PEXPIRE");
   parser.pushKey(key);
   parser.push(ms.toString());
   if (mode) {
    parser.push(mode);
   }
  },
  transformReply: undefined
 };
 return PEXPIRE;
}

var PEXPIREAT = {};

var hasRequiredPEXPIREAT;

function requirePEXPIREAT() {
 if (hasRequiredPEXPIREAT) return PEXPIREAT;
 hasRequiredPEXPIREAT = 1;
 Object.defineProperty(PEXPIREAT, "__esModule", {
  value: true
 });
 const generic_transformers_1 = requireGenericTransformers();
 PEXPIREAT.default = {
  parseCommand(parser, key, msTimestamp, mode) {
   parser.push("PEXPIREAT");
   parser.pushKey(key);
   parser.push((0, generic_transformers_1.transformPXAT)(msTimestamp));
   if (mode) {
    parser.push(mode);
   }
  },
  transformReply: undefined
 };
 return PEXPIREAT;
}

var PEXPIRETIME = {};

var hasRequiredPEXPIRETIME;

function requirePEXPIRETIME() {
 if (hasRequiredPEXPIRETIME) return PEXPIRETIME;
 hasRequiredPEXPIRETIME = 1;
 Object.defineProperty(PEXPIRETIME, "__esModule", {
  value: true
 });
 PEXPIRETIME.default = {
  parseCommand(parser, key) {
   parser.push("PEXPIRETIME");
   parser.pushKey(key);
  },
  transformReply: undefined
 };
 return PEXPIRETIME;
}

var PFADD = {};

var hasRequiredPFADD;

function requirePFADD() {
 if (hasRequiredPFADD) return PFADD;
 hasRequiredPFADD = 1;
 Object.defineProperty(PFADD, "__esModule", {
  value: true
 });
 PFADD.default = {
  parseCommand(parser, key, element) {
   parser.push("PFADD");
   parser.pushKey(key);
   if (element) {
    parser.pushVariadic(element);
   }
  },
  transformReply: undefined
 };
 return PFADD;
}

var PFCOUNT = {};

var hasRequiredPFCOUNT;

function requirePFCOUNT() {
 if (hasRequiredPFCOUNT) return PFCOUNT;
 hasRequiredPFCOUNT = 1;
 Object.defineProperty(PFCOUNT, "__esModule", {
  value: true
 });
 PFCOUNT.default = {
  parseCommand(parser, keys) {
   parser.push("PFCOUNT");
   parser.pushKeys(keys);
  },
  transformReply: undefined
 };
 return PFCOUNT;
}

var PFMERGE = {};

var hasRequiredPFMERGE;

function requirePFMERGE() {
 if (hasRequiredPFMERGE) return PFMERGE;
 hasRequiredPFMERGE = 1;
 Object.defineProperty(PFMERGE, "__esModule", {
  value: true
 });
 PFMERGE.default = {
  parseCommand(parser, destination, sources) {
   parser.push("PFMERGE");
   parser.pushKey(destination);
   if (sources) {
    parser.pushKeys(sources);
   }
  },
  transformReply: undefined
 };
 return PFMERGE;
}

var PING = {};

var hasRequiredPING;

function requirePING() {
 if (hasRequiredPING) return PING;
 hasRequiredPING = 1;
 Object.defineProperty(PING, "__esModule", {
  value: true
 });
 PING.default = {
  IS_READ_ONLY: true,
  parseCommand(parser, message) {
   parser.push("PING");
   if (message !== undefined) {
    parser.push(message);
   }
  },
  transformReply: undefined
 };
 return PING;
}

var PSETEX = {};

var hasRequiredPSETEX;

function requirePSETEX() {
 if (hasRequiredPSETEX) return PSETEX;
 hasRequiredPSETEX = 1;
 Object.defineProperty(PSETEX, "__esModule", {
  value: true
 });
 PSETEX.default = {
  parseCommand(parser, key, ms, value) {
   parser.push("PSETEX");
   parser.pushKey(key);
   parser.push(ms.toString(), value);
  },
  transformReply: undefined
 };
 return PSETEX;
}

var PTTL = {};

var hasRequiredPTTL;

function requirePTTL() {
 if (hasRequiredPTTL) return PTTL;
 hasRequiredPTTL = 1;
 Object.defineProperty(PTTL, "__esModule", {
  value: true
 });
 PTTL.default = {
  parseCommand(parser, key) {
   parser.push("PTTL");
   parser.pushKey(key);
  },
  transformReply: undefined
 };
 return PTTL;
}

var PUBLISH = {};

var hasRequiredPUBLISH;

function requirePUBLISH() {
 if (hasRequiredPUBLISH) return PUBLISH;
 hasRequiredPUBLISH = 1;
 Object.defineProperty(PUBLISH, "__esModule", {
  value: true
 });
 PUBLISH.default = {
  IS_READ_ONLY: true,
  parseCommand(parser, channel, message) {
   parser.push("PUBLISH", channel, message);
  },
  transformReply: undefined
 };
 return PUBLISH;
}

var PUBSUB_CHANNELS = {};

var hasRequiredPUBSUB_CHANNELS;

function requirePUBSUB_CHANNELS() {
 if (hasRequiredPUBSUB_CHANNELS) return PUBSUB_CHANNELS;
 hasRequiredPUBSUB_CHANNELS = 1;
 Object.defineProperty(PUBSUB_CHANNELS, "__esModule", {
  value: true
 });
 PUBSUB_CHANNELS.default = {
  IS_READ_ONLY: true,
  parseCommand(parser, pattern) {
   parser.push("PUBSUB", "CHANNELS");
   if (pattern) {
    parser.push(pattern);
   }
  },
  transformReply: undefined
 };
 return PUBSUB_CHANNELS;
}

var PUBSUB_NUMPAT = {};

var hasRequiredPUBSUB_NUMPAT;

function requirePUBSUB_NUMPAT() {
 if (hasRequiredPUBSUB_NUMPAT) return PUBSUB_NUMPAT;
 hasRequiredPUBSUB_NUMPAT = 1;
 Object.defineProperty(PUBSUB_NUMPAT, "__esModule", {
  value: true
 });
 PUBSUB_NUMPAT.default = {
  IS_READ_ONLY: true,
  parseCommand(parser) {
   parser.push("PUBSUB", "NUMPAT");
  },
  transformReply: undefined
 };
 return PUBSUB_NUMPAT;
}

var PUBSUB_NUMSUB = {};

var hasRequiredPUBSUB_NUMSUB;

function requirePUBSUB_NUMSUB() {
 if (hasRequiredPUBSUB_NUMSUB) return PUBSUB_NUMSUB;
 hasRequiredPUBSUB_NUMSUB = 1;
 Object.defineProperty(PUBSUB_NUMSUB, "__esModule", {
  value: true
 });
 PUBSUB_NUMSUB.default = {
  IS_READ_ONLY: true,
  parseCommand(parser, channels) {
   parser.push("PUBSUB", "NUMSUB");
   if (channels) {
    parser.pushVariadic(channels);
   }
  },
  transformReply(rawReply) {
   const reply = {};
   let i = 0;
   while (i < rawReply.length) {
    reply[rawReply[i++].toString()] = Number(rawReply[i++]);
   }
   return reply;
  }
 };
 return PUBSUB_NUMSUB;
}

var PUBSUB_SHARDNUMSUB = {};

var hasRequiredPUBSUB_SHARDNUMSUB;

function requirePUBSUB_SHARDNUMSUB() {
 if (hasRequiredPUBSUB_SHARDNUMSUB) return PUBSUB_SHARDNUMSUB;
 hasRequiredPUBSUB_SHARDNUMSUB = 1;
 Object.defineProperty(PUBSUB_SHARDNUMSUB, "__esModule", {
  value: true
 });
 PUBSUB_SHARDNUMSUB.default = {
  IS_READ_ONLY: true,
  parseCommand(parser, channels) {
   parser.push("PUBSUB", "SHARDNUMSUB");
   if (channels) {
    parser.pushVariadic(channels);
   }
  },
  transformReply(reply) {
   const transformedReply = {};
   for (let i = 0; i < reply.length; i += 2) {
    transformedReply[reply[i].toString()] = reply[i + 1];
   }
   return transformedReply;
  }
 };
 return PUBSUB_SHARDNUMSUB;
}

var PUBSUB_SHARDCHANNELS = {};

var hasRequiredPUBSUB_SHARDCHANNELS;

function requirePUBSUB_SHARDCHANNELS() {
 if (hasRequiredPUBSUB_SHARDCHANNELS) return PUBSUB_SHARDCHANNELS;
 hasRequiredPUBSUB_SHARDCHANNELS = 1;
 Object.defineProperty(PUBSUB_SHARDCHANNELS, "__esModule", {
  value: true
 });
 PUBSUB_SHARDCHANNELS.default = {
  IS_READ_ONLY: true,
  parseCommand(parser, pattern) {
   parser.push("PUBSUB", "SHARDCHANNELS");
   if (pattern) {
    parser.push(pattern);
   }
  },
  transformReply: undefined
 };
 return PUBSUB_SHARDCHANNELS;
}

var RANDOMKEY = {};

var hasRequiredRANDOMKEY;

function requireRANDOMKEY() {
 if (hasRequiredRANDOMKEY) return RANDOMKEY;
 hasRequiredRANDOMKEY = 1;
 Object.defineProperty(RANDOMKEY, "__esModule", {
  value: true
 });
 RANDOMKEY.default = {
  IS_READ_ONLY: true,
  parseCommand(parser) {
   parser.push("RANDOMKEY");
  },
  transformReply: undefined
 };
 return RANDOMKEY;
}

var READONLY = {};

var hasRequiredREADONLY;

function requireREADONLY() {
 if (hasRequiredREADONLY) return READONLY;
 hasRequiredREADONLY = 1;
 Object.defineProperty(READONLY, "__esModule", {
  value: true
 });
 READONLY.default = {
  IS_READ_ONLY: true,
  parseCommand(parser) {
   parser.push("READONLY");
  },
  transformReply: undefined
 };
 return READONLY;
}

var RENAME = {};

var hasRequiredRENAME;

function requireRENAME() {
 if (hasRequiredRENAME) return RENAME;
 hasRequiredRENAME = 1;
 Object.defineProperty(RENAME, "__esModule", {
  value: true
 });
 RENAME.default = {
  parseCommand(parser, key, newKey) {
   parser.push("RENAME");
   parser.pushKeys([ key, newKey ]);
  },
  transformReply: undefined
 };
 return RENAME;
}

var RENAMENX = {};

var hasRequiredRENAMENX;

function requireRENAMENX() {
 if (hasRequiredRENAMENX) return RENAMENX;
 hasRequiredRENAMENX = 1;
 Object.defineProperty(RENAMENX, "__esModule", {
  value: true
 });
 RENAMENX.default = {
  parseCommand(parser, key, newKey) {
   parser.push("RENAMENX");
   parser.pushKeys([ key, newKey ]);
  },
  transformReply: undefined
 };
 return RENAMENX;
}

var REPLICAOF = {};

var hasRequiredREPLICAOF;

function requireREPLICAOF() {
 if (hasRequiredREPLICAOF) return REPLICAOF;
 hasRequiredREPLICAOF = 1;
 Object.defineProperty(REPLICAOF, "__esModule", {
  value: true
 });
 REPLICAOF.default = {
  parseCommand(parser, host, port) {
   parser.push("REPLICAOF", host, port.toString());
  },
  transformReply: undefined
 };
 return REPLICAOF;
}

var RESTOREASKING = {};

var hasRequiredRESTOREASKING;

function requireRESTOREASKING() {
 if (hasRequiredRESTOREASKING) return RESTOREASKING;
 hasRequiredRESTOREASKING = 1;
 Object.defineProperty(RESTOREASKING, "__esModule", {
  value: true
 });
 RESTOREASKING.default = {
  parseCommand(parser) {
   parser.push("RESTORE-ASKING");
  },
  transformReply: undefined
 };
 return RESTOREASKING;
}

var RESTORE = {};

var hasRequiredRESTORE;

function requireRESTORE() {
 if (hasRequiredRESTORE) return RESTORE;
 hasRequiredRESTORE = 1;
 Object.defineProperty(RESTORE, "__esModule", {
  value: true
 });
 RESTORE.default = {
  parseCommand(parser, key, ttl, serializedValue, options) {
   parser.push("RESTORE");
   parser.pushKey(key);
   parser.push(ttl.toString(), serializedValue);
   if (options?.REPLACE) {
    parser.push("REPLACE");
   }
   if (options?.ABSTTL) {
    parser.push("ABSTTL");
   }
   if (options?.IDLETIME !== undefined) {
    parser.push("IDLETIME", options.IDLETIME.toString());
   }
   if (options?.FREQ !== undefined) {
    parser.push("FREQ", options.FREQ.toString());
   }
  },
  transformReply: undefined
 };
 return RESTORE;
}

var ROLE = {};

var hasRequiredROLE;

function requireROLE() {
 if (hasRequiredROLE) return ROLE;
 hasRequiredROLE = 1;
 Object.defineProperty(ROLE, "__esModule", {
  value: true
 });
 ROLE.default = {
  IS_READ_ONLY: true,
  parseCommand(parser) {
   parser.push("ROLE");
  },
  transformReply(reply) {
   switch (reply[0]) {
   case "master":
    {
     const [role, replicationOffest, replicas] = reply;
     return {
      role: role,
      replicationOffest: replicationOffest,
      replicas: replicas.map(replica => {
       const [host, port, replicationOffest] = replica;
       return {
        host: host,
        port: Number(port),
        replicationOffest: Number(replicationOffest)
       };
      })
     };
    }

   case "slave":
    {
     const [role, masterHost, masterPort, state, dataReceived] = reply;
     return {
      role: role,
      master: {
       host: masterHost,
       port: masterPort
      },
      state: state,
      dataReceived: dataReceived
     };
    }

   case "sentinel":
    {
     const [role, masterNames] = reply;
     return {
      role: role,
      masterNames: masterNames
     };
    }
   }
  }
 };
 return ROLE;
}

var RPOP_COUNT = {};

var hasRequiredRPOP_COUNT;

function requireRPOP_COUNT() {
 if (hasRequiredRPOP_COUNT) return RPOP_COUNT;
 hasRequiredRPOP_COUNT = 1;
 Object.defineProperty(RPOP_COUNT, "__esModule", {
  value: true
 });
 RPOP_COUNT.default = {
  parseCommand(parser, key, count) {
   parser.push("RPOP");
   parser.pushKey(key);
   parser.push(count.toString());
  },
  transformReply: undefined
 };
 return RPOP_COUNT;
}

var RPOP = {};

var hasRequiredRPOP;

function requireRPOP() {
 if (hasRequiredRPOP) return RPOP;
 hasRequiredRPOP = 1;
 Object.defineProperty(RPOP, "__esModule", {
  value: true
 });
 RPOP.default = {
  parseCommand(parser, key) {
   parser.push("RPOP");
   parser.pushKey(key);
  },
  transformReply: undefined
 };
 return RPOP;
}

var RPOPLPUSH = {};

var hasRequiredRPOPLPUSH;

function requireRPOPLPUSH() {
 if (hasRequiredRPOPLPUSH) return RPOPLPUSH;
 hasRequiredRPOPLPUSH = 1;
 Object.defineProperty(RPOPLPUSH, "__esModule", {
  value: true
 });
 RPOPLPUSH.default = {
  parseCommand(parser, source, destination) {
   parser.push("RPOPLPUSH");
   parser.pushKeys([ source, destination ]);
  },
  transformReply: undefined
 };
 return RPOPLPUSH;
}

var RPUSH = {};

var hasRequiredRPUSH;

function requireRPUSH() {
 if (hasRequiredRPUSH) return RPUSH;
 hasRequiredRPUSH = 1;
 Object.defineProperty(RPUSH, "__esModule", {
  value: true
 });
 RPUSH.default = {
  parseCommand(parser, key, element) {
   parser.push("RPUSH");
   parser.pushKey(key);
   parser.pushVariadic(element);
  },
  transformReply: undefined
 };
 return RPUSH;
}

var RPUSHX = {};

var hasRequiredRPUSHX;

function requireRPUSHX() {
 if (hasRequiredRPUSHX) return RPUSHX;
 hasRequiredRPUSHX = 1;
 Object.defineProperty(RPUSHX, "__esModule", {
  value: true
 });
 RPUSHX.default = {
  parseCommand(parser, key, element) {
   parser.push("RPUSHX");
   parser.pushKey(key);
   parser.pushVariadic(element);
  },
  transformReply: undefined
 };
 return RPUSHX;
}

var SADD = {};

var hasRequiredSADD;

function requireSADD() {
 if (hasRequiredSADD) return SADD;
 hasRequiredSADD = 1;
 Object.defineProperty(SADD, "__esModule", {
  value: true
 });
 SADD.default = {
  parseCommand(parser, key, members) {
   parser.push("SADD");
   parser.pushKey(key);
   parser.pushVariadic(members);
  },
  transformReply: undefined
 };
 return SADD;
}

var SCARD = {};

var hasRequiredSCARD;

function requireSCARD() {
 if (hasRequiredSCARD) return SCARD;
 hasRequiredSCARD = 1;
 Object.defineProperty(SCARD, "__esModule", {
  value: true
 });
 SCARD.default = {
  parseCommand(parser, key) {
   parser.push("SCARD");
   parser.pushKey(key);
  },
  transformReply: undefined
 };
 return SCARD;
}

var SCRIPT_DEBUG = {};

var hasRequiredSCRIPT_DEBUG;

function requireSCRIPT_DEBUG() {
 if (hasRequiredSCRIPT_DEBUG) return SCRIPT_DEBUG;
 hasRequiredSCRIPT_DEBUG = 1;
 Object.defineProperty(SCRIPT_DEBUG, "__esModule", {
  value: true
 });
 SCRIPT_DEBUG.default = {
  IS_READ_ONLY: true,
  parseCommand(parser, mode) {
   parser.push("SCRIPT", "DEBUG", mode);
  },
  transformReply: undefined
 };
 return SCRIPT_DEBUG;
}

var SCRIPT_EXISTS = {};

var hasRequiredSCRIPT_EXISTS;

function requireSCRIPT_EXISTS() {
 if (hasRequiredSCRIPT_EXISTS) return SCRIPT_EXISTS;
 hasRequiredSCRIPT_EXISTS = 1;
 Object.defineProperty(SCRIPT_EXISTS, "__esModule", {
  value: true
 });
 SCRIPT_EXISTS.default = {
  IS_READ_ONLY: true,
  parseCommand(parser, sha1) {
   parser.push("SCRIPT", "EXISTS");
   parser.pushVariadic(sha1);
  },
  transformReply: undefined
 };
 return SCRIPT_EXISTS;
}

var SCRIPT_FLUSH = {};

var hasRequiredSCRIPT_FLUSH;

function requireSCRIPT_FLUSH() {
 if (hasRequiredSCRIPT_FLUSH) return SCRIPT_FLUSH;
 hasRequiredSCRIPT_FLUSH = 1;
 Object.defineProperty(SCRIPT_FLUSH, "__esModule", {
  value: true
 });
 SCRIPT_FLUSH.default = {
  parseCommand(parser, mode) {
   parser.push("SCRIPT", "FLUSH");
   if (mode) {
    parser.push(mode);
   }
  },
  transformReply: undefined
 };
 return SCRIPT_FLUSH;
}

var SCRIPT_KILL = {};

var hasRequiredSCRIPT_KILL;

function requireSCRIPT_KILL() {
 if (hasRequiredSCRIPT_KILL) return SCRIPT_KILL;
 hasRequiredSCRIPT_KILL = 1;
 Object.defineProperty(SCRIPT_KILL, "__esModule", {
  value: true
 });
 SCRIPT_KILL.default = {
  parseCommand(parser) {
   parser.push("SCRIPT", "KILL");
  },
  transformReply: undefined
 };
 return SCRIPT_KILL;
}

var SCRIPT_LOAD = {};

var hasRequiredSCRIPT_LOAD;

function requireSCRIPT_LOAD() {
 if (hasRequiredSCRIPT_LOAD) return SCRIPT_LOAD;
 hasRequiredSCRIPT_LOAD = 1;
 Object.defineProperty(SCRIPT_LOAD, "__esModule", {
  value: true
 });
 SCRIPT_LOAD.default = {
  parseCommand(parser, script) {
   parser.push("SCRIPT", "LOAD", script);
  },
  transformReply: undefined
 };
 return SCRIPT_LOAD;
}

var SDIFF = {};

var hasRequiredSDIFF;

function requireSDIFF() {
 if (hasRequiredSDIFF) return SDIFF;
 hasRequiredSDIFF = 1;
 Object.defineProperty(SDIFF, "__esModule", {
  value: true
 });
 SDIFF.default = {
  parseCommand(parser, keys) {
   parser.push("SDIFF");
   parser.pushKeys(keys);
  },
  transformReply: undefined
 };
 return SDIFF;
}

var SDIFFCARD = {};

var hasRequiredSDIFFCARD;

function requireSDIFFCARD() {
 if (hasRequiredSDIFFCARD) return SDIFFCARD;
 hasRequiredSDIFFCARD = 1;
 Object.defineProperty(SDIFFCARD, "__esModule", {
  value: true
 });
 SDIFFCARD.default = {
  IS_READ_ONLY: true,
  parseCommand(parser, keys, options) {
   parser.push("SDIFFCARD");
   parser.pushKeysLength(keys);
   if (options?.LIMIT !== undefined) {
    parser.push("LIMIT", options.LIMIT.toString());
   }
  },
  transformReply: undefined
 };
 return SDIFFCARD;
}

var SDIFFSTORE = {};

var hasRequiredSDIFFSTORE;

function requireSDIFFSTORE() {
 if (hasRequiredSDIFFSTORE) return SDIFFSTORE;
 hasRequiredSDIFFSTORE = 1;
 Object.defineProperty(SDIFFSTORE, "__esModule", {
  value: true
 });
 SDIFFSTORE.default = {
  parseCommand(parser, destination, keys) {
   parser.push("SDIFFSTORE");
   parser.pushKey(destination);
   parser.pushKeys(keys);
  },
  transformReply: undefined
 };
 return SDIFFSTORE;
}

var SET = {};

var hasRequiredSET;

function requireSET() {
 if (hasRequiredSET) return SET;
 hasRequiredSET = 1;
 Object.defineProperty(SET, "__esModule", {
  value: true
 });
 SET.default = {
  parseCommand(parser, key, value, options) {
   parser.push("SET");
   parser.pushKey(key);
   parser.push(typeof value === "number" ? value.toString() : value);
   if (options?.expiration) {
    if (typeof options.expiration === "string") {
     parser.push(options.expiration);
    } else if (options.expiration.type === "KEEPTTL") {
     parser.push("KEEPTTL");
    } else {
     parser.push(options.expiration.type, options.expiration.value.toString());
    }
   } else if (options?.EX !== undefined) {
    parser.push("EX", options.EX.toString());
   } else if (options?.PX !== undefined) {
    parser.push("PX", options.PX.toString());
   } else if (options?.EXAT !== undefined) {
    parser.push("EXAT", options.EXAT.toString());
   } else if (options?.PXAT !== undefined) {
    parser.push("PXAT", options.PXAT.toString());
   } else if (options?.KEEPTTL) {
    parser.push("KEEPTTL");
   }
   if (options?.condition) {
    parser.push(options.condition);
    if (options?.matchValue !== undefined) {
     parser.push(options.matchValue);
    }
   } else if (options?.NX) {
    parser.push("NX");
   } else if (options?.XX) {
    parser.push("XX");
   }
   if (options?.GET) {
    parser.push("GET");
   }
  },
  transformReply: undefined
 };
 return SET;
}

var SETBIT = {};

var hasRequiredSETBIT;

function requireSETBIT() {
 if (hasRequiredSETBIT) return SETBIT;
 hasRequiredSETBIT = 1;
 Object.defineProperty(SETBIT, "__esModule", {
  value: true
 });
 SETBIT.default = {
  parseCommand(parser, key, offset, value) {
   parser.push("SETBIT");
   parser.pushKey(key);
   parser.push(offset.toString(), value.toString());
  },
  transformReply: undefined
 };
 return SETBIT;
}

var SETEX = {};

var hasRequiredSETEX;

function requireSETEX() {
 if (hasRequiredSETEX) return SETEX;
 hasRequiredSETEX = 1;
 Object.defineProperty(SETEX, "__esModule", {
  value: true
 });
 SETEX.default = {
  parseCommand(parser, key, seconds, value) {
   parser.push("SETEX");
   parser.pushKey(key);
   parser.push(seconds.toString(), value);
  },
  transformReply: undefined
 };
 return SETEX;
}

var SETNX = {};

var hasRequiredSETNX;

function requireSETNX() {
 if (hasRequiredSETNX) return SETNX;
 hasRequiredSETNX = 1;
 Object.defineProperty(SETNX, "__esModule", {
  value: true
 });
 SETNX.default = {
  parseCommand(parser, key, value) {
   parser.push("SETNX");
   parser.pushKey(key);
   parser.push(value);
  },
  transformReply: undefined
 };
 return SETNX;
}

var SETRANGE = {};

var hasRequiredSETRANGE;

function requireSETRANGE() {
 if (hasRequiredSETRANGE) return SETRANGE;
 hasRequiredSETRANGE = 1;
 Object.defineProperty(SETRANGE, "__esModule", {
  value: true
 });
 SETRANGE.default = {
  parseCommand(parser, key, offset, value) {
   parser.push("SETRANGE");
   parser.pushKey(key);
   parser.push(offset.toString(), value);
  },
  transformReply: undefined
 };
 return SETRANGE;
}

var SINTER = {};

var hasRequiredSINTER;

function requireSINTER() {
 if (hasRequiredSINTER) return SINTER;
 hasRequiredSINTER = 1;
 Object.defineProperty(SINTER, "__esModule", {
  value: true
 });
 SINTER.default = {
  parseCommand(parser, keys) {
   parser.push("SINTER");
   parser.pushKeys(keys);
  },
  transformReply: undefined
 };
 return SINTER;
}

var SINTERCARD = {};

var hasRequiredSINTERCARD;

function requireSINTERCARD() {
 if (hasRequiredSINTERCARD) return SINTERCARD;
 hasRequiredSINTERCARD = 1;
 Object.defineProperty(SINTERCARD, "__esModule", {
  value: true
 });
 SINTERCARD.default = {
  parseCommand(parser, keys, options) {
   parser.push("SINTERCARD");
   parser.pushKeysLength(keys);
   if (typeof options === "number") {
    parser.push("LIMIT", options.toString());
   } else if (options?.LIMIT !== undefined) {
    parser.push("LIMIT", options.LIMIT.toString());
   }
  },
  transformReply: undefined
 };
 return SINTERCARD;
}

var SINTERSTORE = {};

var hasRequiredSINTERSTORE;

function requireSINTERSTORE() {
 if (hasRequiredSINTERSTORE) return SINTERSTORE;
 hasRequiredSINTERSTORE = 1;
 Object.defineProperty(SINTERSTORE, "__esModule", {
  value: true
 });
 SINTERSTORE.default = {
  parseCommand(parser, destination, keys) {
   parser.push("SINTERSTORE");
   parser.pushKey(destination);
   parser.pushKeys(keys);
  },
  transformReply: undefined
 };
 return SINTERSTORE;
}

var SISMEMBER = {};

var hasRequiredSISMEMBER;

function requireSISMEMBER() {
 if (hasRequiredSISMEMBER) return SISMEMBER;
 hasRequiredSISMEMBER = 1;
 Object.defineProperty(SISMEMBER, "__esModule", {
  value: true
 });
 SISMEMBER.default = {
  parseCommand(parser, key, member) {
   parser.push("SISMEMBER");
   parser.pushKey(key);
   parser.push(member);
  },
  transformReply: undefined
 };
 return SISMEMBER;
}

var SMEMBERS = {};

var hasRequiredSMEMBERS;

function requireSMEMBERS() {
 if (hasRequiredSMEMBERS) return SMEMBERS;
 hasRequiredSMEMBERS = 1;
 Object.defineProperty(SMEMBERS, "__esModule", {
  value: true
 });
 SMEMBERS.default = {
  parseCommand(parser, key) {
   parser.push("SMEMBERS");
   parser.pushKey(key);
  },
  transformReply: {
   2: undefined,
   3: undefined
  }
 };
 return SMEMBERS;
}

var SMISMEMBER = {};

var hasRequiredSMISMEMBER;

function requireSMISMEMBER() {
 if (hasRequiredSMISMEMBER) return SMISMEMBER;
 hasRequiredSMISMEMBER = 1;
 Object.defineProperty(SMISMEMBER, "__esModule", {
  value: true
 });
 SMISMEMBER.default = {
  parseCommand(parser, key, members) {
   parser.push("SMISMEMBER");
   parser.pushKey(key);
   parser.pushVariadic(members);
  },
  transformReply: undefined
 };
 return SMISMEMBER;
}

var SMOVE = {};

var hasRequiredSMOVE;

function requireSMOVE() {
 if (hasRequiredSMOVE) return SMOVE;
 hasRequiredSMOVE = 1;
 Object.defineProperty(SMOVE, "__esModule", {
  value: true
 });
 SMOVE.default = {
  parseCommand(parser, source, destination, member) {
   parser.push("SMOVE");
   parser.pushKeys([ source, destination ]);
   parser.push(member);
  },
  transformReply: undefined
 };
 return SMOVE;
}

var SORT_RO = {};

var SORT = {};

var hasRequiredSORT;

function requireSORT() {
 if (hasRequiredSORT) return SORT;
 hasRequiredSORT = 1;
 Object.defineProperty(SORT, "__esModule", {
  value: true
 });
 SORT.parseSortArguments = void 0;
 function parseSortArguments(parser, key, options) {
  parser.pushKey(key);
  if (options?.BY) {
   parser.push("BY", options.BY);
  }
  if (options?.LIMIT) {
   parser.push("LIMIT", options.LIMIT.offset.toString(), options.LIMIT.count.toString());
  }
  if (options?.GET) {
   if (Array.isArray(options.GET)) {
    for (const pattern of options.GET) {
     parser.push("GET", pattern);
    }
   } else {
    parser.push("GET", options.GET);
   }
  }
  if (options?.DIRECTION) {
   parser.push(options.DIRECTION);
  }
  if (options?.ALPHA) {
   parser.push("ALPHA");
  }
 }
 SORT.parseSortArguments = parseSortArguments;
 SORT.default = {
  parseCommand(parser, key, options) {
   parser.push("SORT");
   parseSortArguments(parser, key, options);
  },
  transformReply: undefined
 };
 return SORT;
}

var hasRequiredSORT_RO;

function requireSORT_RO() {
 if (hasRequiredSORT_RO) return SORT_RO;
 hasRequiredSORT_RO = 1;
 var __createBinding = SORT_RO && SORT_RO.__createBinding || (Object.create ? function(o, m, k, k2) {
  if (k2 === undefined) k2 = k;
  var desc = Object.getOwnPropertyDescriptor(m, k);
  if (!desc || ("get" in desc ? !m.__esModule : desc.writable || desc.configurable)) {
   desc = {
    enumerable: true,
    get: function() {
     return m[k];
    }
   };
  }
  Object.defineProperty(o, k2, desc);
 } : function(o, m, k, k2) {
  if (k2 === undefined) k2 = k;
  o[k2] = m[k];
 });
 var __setModuleDefault = SORT_RO && SORT_RO.__setModuleDefault || (Object.create ? function(o, v) {
  Object.defineProperty(o, "default", {
   enumerable: true,
   value: v
  });
 } : function(o, v) {
  o["default"] = v;
 });
 var __importStar = SORT_RO && SORT_RO.__importStar || function(mod) {
  if (mod && mod.__esModule) return mod;
  var result = {};
  if (mod != null) for (var k in mod) if (k !== "default" && Object.prototype.hasOwnProperty.call(mod, k)) __createBinding(result, mod, k);
  __setModuleDefault(result, mod);
  return result;
 };
 Object.defineProperty(SORT_RO, "__esModule", {
  value: true
 });
 const SORT_1 = __importStar(requireSORT());
 SORT_RO.default = {
  parseCommand(...args) {
   const parser = args[0];
   parser.push("SORT_RO");
   (0, SORT_1.parseSortArguments)(...args);
  },
  transformReply: SORT_1.default.transformReply
 };
 return SORT_RO;
}

var SORT_STORE = {};

var hasRequiredSORT_STORE;

function requireSORT_STORE() {
 if (hasRequiredSORT_STORE) return SORT_STORE;
 hasRequiredSORT_STORE = 1;
 var __importDefault = SORT_STORE && SORT_STORE.__importDefault || function(mod) {
  return mod && mod.__esModule ? mod : {
   default: mod
  };
 };
 Object.defineProperty(SORT_STORE, "__esModule", {
  value: true
 });
 const SORT_1 = __importDefault(requireSORT());
 SORT_STORE.default = {
  parseCommand(parser, source, destination, options) {
   SORT_1.default.parseCommand(parser, source, options);
   parser.push("STORE");
   parser.pushKey(destination);
  },
  transformReply: undefined
 };
 return SORT_STORE;
}

var SPOP_COUNT = {};

var hasRequiredSPOP_COUNT;

function requireSPOP_COUNT() {
 if (hasRequiredSPOP_COUNT) return SPOP_COUNT;
 hasRequiredSPOP_COUNT = 1;
 Object.defineProperty(SPOP_COUNT, "__esModule", {
  value: true
 });
 SPOP_COUNT.default = {
  parseCommand(parser, key, count) {
   parser.push("SPOP");
   parser.pushKey(key);
   parser.push(count.toString());
  },
  transformReply: undefined
 };
 return SPOP_COUNT;
}

var SPOP = {};

var hasRequiredSPOP;

function requireSPOP() {
 if (hasRequiredSPOP) return SPOP;
 hasRequiredSPOP = 1;
 Object.defineProperty(SPOP, "__esModule", {
  value: true
 });
 SPOP.default = {
  parseCommand(parser, key) {
   parser.push("SPOP");
   parser.pushKey(key);
  },
  transformReply: undefined
 };
 return SPOP;
}

var SPUBLISH = {};

var hasRequiredSPUBLISH;

function requireSPUBLISH() {
 if (hasRequiredSPUBLISH) return SPUBLISH;
 hasRequiredSPUBLISH = 1;
 Object.defineProperty(SPUBLISH, "__esModule", {
  value: true
 });
 SPUBLISH.default = {
  parseCommand(parser, channel, message) {
   parser.push("SPUBLISH");
   parser.pushKey(channel, false);
   parser.push(message);
  },
  transformReply: undefined
 };
 return SPUBLISH;
}

var SRANDMEMBER_COUNT = {};

var SRANDMEMBER = {};

var hasRequiredSRANDMEMBER;

function requireSRANDMEMBER() {
 if (hasRequiredSRANDMEMBER) return SRANDMEMBER;
 hasRequiredSRANDMEMBER = 1;
 Object.defineProperty(SRANDMEMBER, "__esModule", {
  value: true
 });
 SRANDMEMBER.default = {
  parseCommand(parser, key) {
   parser.push("SRANDMEMBER");
   parser.pushKey(key);
  },
  transformReply: undefined
 };
 return SRANDMEMBER;
}

var hasRequiredSRANDMEMBER_COUNT;

function requireSRANDMEMBER_COUNT() {
 if (hasRequiredSRANDMEMBER_COUNT) return SRANDMEMBER_COUNT;
 hasRequiredSRANDMEMBER_COUNT = 1;
 var __importDefault = SRANDMEMBER_COUNT && SRANDMEMBER_COUNT.__importDefault || function(mod) {
  return mod && mod.__esModule ? mod : {
   default: mod
  };
 };
 Object.defineProperty(SRANDMEMBER_COUNT, "__esModule", {
  value: true
 });
 const SRANDMEMBER_1 = __importDefault(requireSRANDMEMBER());
 SRANDMEMBER_COUNT.default = {
  parseCommand(parser, key, count) {
   SRANDMEMBER_1.default.parseCommand(parser, key);
   parser.push(count.toString());
  },
  transformReply: undefined
 };
 return SRANDMEMBER_COUNT;
}

var SREM = {};

var hasRequiredSREM;

function requireSREM() {
 if (hasRequiredSREM) return SREM;
 hasRequiredSREM = 1;
 Object.defineProperty(SREM, "__esModule", {
  value: true
 });
 SREM.default = {
  parseCommand(parser, key, members) {
   parser.push("SREM");
   parser.pushKey(key);
   parser.pushVariadic(members);
  },
  transformReply: undefined
 };
 return SREM;
}

var SSCAN = {};

var hasRequiredSSCAN;

function requireSSCAN() {
 if (hasRequiredSSCAN) return SSCAN;
 hasRequiredSSCAN = 1;
 Object.defineProperty(SSCAN, "__esModule", {
  value: true
 });
 const SCAN_1 = requireSCAN();
 SSCAN.default = {
  parseCommand(parser, key, cursor, options) {
   parser.push("SSCAN");
   parser.pushKey(key);
   (0, SCAN_1.parseScanArguments)(parser, cursor, options);
  },
  transformReply([cursor, members]) {
   return {
    cursor: cursor,
    members: members
   };
  }
 };
 return SSCAN;
}

var STRLEN = {};

var hasRequiredSTRLEN;

function requireSTRLEN() {
 if (hasRequiredSTRLEN) return STRLEN;
 hasRequiredSTRLEN = 1;
 Object.defineProperty(STRLEN, "__esModule", {
  value: true
 });
 STRLEN.default = {
  parseCommand(parser, key) {
   parser.push("STRLEN");
   parser.pushKey(key);
  },
  transformReply: undefined
 };
 return STRLEN;
}

var SUNION = {};

var hasRequiredSUNION;

function requireSUNION() {
 if (hasRequiredSUNION) return SUNION;
 hasRequiredSUNION = 1;
 Object.defineProperty(SUNION, "__esModule", {
  value: true
 });
 SUNION.default = {
  parseCommand(parser, keys) {
   parser.push("SUNION");
   parser.pushKeys(keys);
  },
  transformReply: undefined
 };
 return SUNION;
}

var SUNIONCARD = {};

var hasRequiredSUNIONCARD;

function requireSUNIONCARD() {
 if (hasRequiredSUNIONCARD) return SUNIONCARD;
 hasRequiredSUNIONCARD = 1;
 Object.defineProperty(SUNIONCARD, "__esModule", {
  value: true
 });
 SUNIONCARD.default = {
  IS_READ_ONLY: true,
  parseCommand(parser, keys, options) {
   parser.push("SUNIONCARD");
   parser.pushKeysLength(keys);
   if (options?.APPROX) {
    parser.push("APPROX");
   }
   if (options?.LIMIT !== undefined) {
    parser.push("LIMIT", options.LIMIT.toString());
   }
  },
  transformReply: undefined
 };
 return SUNIONCARD;
}

var SUNIONSTORE = {};

var hasRequiredSUNIONSTORE;

function requireSUNIONSTORE() {
 if (hasRequiredSUNIONSTORE) return SUNIONSTORE;
 hasRequiredSUNIONSTORE = 1;
 Object.defineProperty(SUNIONSTORE, "__esModule", {
  value: true
 });
 SUNIONSTORE.default = {
  parseCommand(parser, destination, keys) {
   parser.push("SUNIONSTORE");
   parser.pushKey(destination);
   parser.pushKeys(keys);
  },
  transformReply: undefined
 };
 return SUNIONSTORE;
}

var SWAPDB = {};

var hasRequiredSWAPDB;

function requireSWAPDB() {
 if (hasRequiredSWAPDB) return SWAPDB;
 hasRequiredSWAPDB = 1;
 Object.defineProperty(SWAPDB, "__esModule", {
  value: true
 });
 SWAPDB.default = {
  parseCommand(parser, index1, index2) {
   parser.push("SWAPDB", index1.toString(), index2.toString());
  },
  transformReply: undefined
 };
 return SWAPDB;
}

var TIME = {};

var hasRequiredTIME;

function requireTIME() {
 if (hasRequiredTIME) return TIME;
 hasRequiredTIME = 1;
 Object.defineProperty(TIME, "__esModule", {
  value: true
 });
 TIME.default = {
  IS_READ_ONLY: true,
  parseCommand(parser) {
   parser.push("TIME");
  },
  transformReply: undefined
 };
 return TIME;
}

var TOUCH = {};

var hasRequiredTOUCH;

function requireTOUCH() {
 if (hasRequiredTOUCH) return TOUCH;
 hasRequiredTOUCH = 1;
 Object.defineProperty(TOUCH, "__esModule", {
  value: true
 });
 TOUCH.default = {
  IS_READ_ONLY: false,
  CACHEABLE: false,
  parseCommand(parser, key) {
   parser.push("TOUCH");
   parser.pushKeys(key);
  },
  transformReply: undefined
 };
 return TOUCH;
}

var TTL = {};

var hasRequiredTTL;

function requireTTL() {
 if (hasRequiredTTL) return TTL;
 hasRequiredTTL = 1;
 Object.defineProperty(TTL, "__esModule", {
  value: true
 });
 TTL.default = {
  parseCommand(parser, key) {
   parser.push("TTL");
   parser.pushKey(key);
  },
  transformReply: undefined
 };
 return TTL;
}

var TYPE = {};

var hasRequiredTYPE;

function requireTYPE() {
 if (hasRequiredTYPE) return TYPE;
 hasRequiredTYPE = 1;
 Object.defineProperty(TYPE, "__esModule", {
  value: true
 });
 TYPE.default = {
  parseCommand(parser, key) {
   parser.push("TYPE");
   parser.pushKey(key);
  },
  transformReply: undefined
 };
 return TYPE;
}

var UNLINK = {};

var hasRequiredUNLINK;

function requireUNLINK() {
 if (hasRequiredUNLINK) return UNLINK;
 hasRequiredUNLINK = 1;
 Object.defineProperty(UNLINK, "__esModule", {
  value: true
 });
 UNLINK.default = {
  parseCommand(parser, keys) {
   parser.push("UNLINK");
   parser.pushKeys(keys);
  },
  transformReply: undefined
 };
 return UNLINK;
}

var WAIT = {};

var hasRequiredWAIT;

function requireWAIT() {
 if (hasRequiredWAIT) return WAIT;
 hasRequiredWAIT = 1;
 Object.defineProperty(WAIT, "__esModule", {
  value: true
 });
 WAIT.default = {
  parseCommand(parser, numberOfReplicas, timeout) {
   parser.push("WAIT", numberOfReplicas.toString(), timeout.toString());
  },
  transformReply: undefined
 };
 return WAIT;
}

var XACK = {};

var hasRequiredXACK;

function requireXACK() {
 if (hasRequiredXACK) return XACK;
 hasRequiredXACK = 1;
 Object.defineProperty(XACK, "__esModule", {
  value: true
 });
 XACK.default = {
  parseCommand(parser, key, group, id) {
   parser.push("XACK");
   parser.pushKey(key);
   parser.push(group);
   parser.pushVariadic(id);
  },
  transformReply: undefined
 };
 return XACK;
}

var XACKDEL = {};

var hasRequiredXACKDEL;

function requireXACKDEL() {
 if (hasRequiredXACKDEL) return XACKDEL;
 hasRequiredXACKDEL = 1;
 Object.defineProperty(XACKDEL, "__esModule", {
  value: true
 });
 XACKDEL.default = {
  parseCommand(parser, key, group, id, policy) {
   parser.push("XACKDEL");
   parser.pushKey(key);
   parser.push(group);
   if (policy) {
    parser.push(policy);
   }
   parser.push("IDS");
   parser.pushVariadicWithLength(id);
  },
  transformReply: undefined
 };
 return XACKDEL;
}

var XADD_NOMKSTREAM = {};

var XADD = {};

var hasRequiredXADD;

function requireXADD() {
 if (hasRequiredXADD) return XADD;
 hasRequiredXADD = 1;
 Object.defineProperty(XADD, "__esModule", {
  value: true
 });
 XADD.parseXAddArguments = void 0;
 function parseXAddArguments(optional, parser, key, id, message, options) {
  parser.push("XADD");
  parser.pushKey(key);
  if (optional) {
   parser.push(optional);
  }
  if (options?.policy) {
   parser.push(options.policy);
  }
  if (options?.IDMPAUTO) {
   parser.push("IDMPAUTO", options.IDMPAUTO.pid);
  } else if (options?.IDMP) {
   parser.push("IDMP", options.IDMP.pid, options.IDMP.iid);
  }
  if (options?.TRIM) {
   parser.push(options.TRIM.strategy);
   if (options.TRIM.strategyModifier) {
    parser.push(options.TRIM.strategyModifier);
   }
   parser.push(options.TRIM.threshold.toString());
   if (options.TRIM.limit !== undefined) {
    parser.push("LIMIT", options.TRIM.limit.toString());
   }
   if (options.TRIM.policy) {
    parser.push(options.TRIM.policy);
   }
  }
  parser.push(id);
  for (const [key, value] of Object.entries(message)) {
   parser.push(key, value);
  }
 }
 XADD.parseXAddArguments = parseXAddArguments;
 XADD.default = {
  parseCommand(...args) {
   return parseXAddArguments(undefined, ...args);
  },
  transformReply: undefined
 };
 return XADD;
}

var hasRequiredXADD_NOMKSTREAM;

function requireXADD_NOMKSTREAM() {
 if (hasRequiredXADD_NOMKSTREAM) return XADD_NOMKSTREAM;
 hasRequiredXADD_NOMKSTREAM = 1;
 Object.defineProperty(XADD_NOMKSTREAM, "__esModule", {
  value: true
 });
 const XADD_1 = requireXADD();
 XADD_NOMKSTREAM.default = {
  parseCommand(...args) {
   return (0, XADD_1.parseXAddArguments)("NOMKSTREAM", ...args);
  },
  transformReply: undefined
 };
 return XADD_NOMKSTREAM;
}

var XAUTOCLAIM_JUSTID = {};

var XAUTOCLAIM = {};

var hasRequiredXAUTOCLAIM;

function requireXAUTOCLAIM() {
 if (hasRequiredXAUTOCLAIM) return XAUTOCLAIM;
 hasRequiredXAUTOCLAIM = 1;
 Object.defineProperty(XAUTOCLAIM, "__esModule", {
  value: true
 });
 const generic_transformers_1 = requireGenericTransformers();
 XAUTOCLAIM.default = {
  parseCommand(parser, key, group, consumer, minIdleTime, start, options) {
   parser.push("XAUTOCLAIM");
   parser.pushKey(key);
   parser.push(group, consumer, minIdleTime.toString(), start);
   if (options?.COUNT) {
    parser.push("COUNT", options.COUNT.toString());
   }
  },
  transformReply(reply, preserve, typeMapping) {
   return {
    nextId: reply[0],
    messages: reply[1].map(generic_transformers_1.transformStreamMessageNullReply.bind(undefined, typeMapping)),
    deletedMessages: reply[2]
   };
  }
 };
 return XAUTOCLAIM;
}

var hasRequiredXAUTOCLAIM_JUSTID;

function requireXAUTOCLAIM_JUSTID() {
 if (hasRequiredXAUTOCLAIM_JUSTID) return XAUTOCLAIM_JUSTID;
 hasRequiredXAUTOCLAIM_JUSTID = 1;
 var __importDefault = XAUTOCLAIM_JUSTID && XAUTOCLAIM_JUSTID.__importDefault || function(mod) {
  return mod && mod.__esModule ? mod : {
   default: mod
  };
 };
 Object.defineProperty(XAUTOCLAIM_JUSTID, "__esModule", {
  value: true
 });
 const XAUTOCLAIM_1 = __importDefault(requireXAUTOCLAIM());
 XAUTOCLAIM_JUSTID.default = {
  parseCommand(...args) {
   const parser = args[0];
   XAUTOCLAIM_1.default.parseCommand(...args);
   parser.push("JUSTID");
  },
  transformReply(reply) {
   return {
    nextId: reply[0],
    messages: reply[1],
    deletedMessages: reply[2]
   };
  }
 };
 return XAUTOCLAIM_JUSTID;
}

var XCLAIM_JUSTID = {};

var XCLAIM = {};

var hasRequiredXCLAIM;

function requireXCLAIM() {
 if (hasRequiredXCLAIM) return XCLAIM;
 hasRequiredXCLAIM = 1;
 Object.defineProperty(XCLAIM, "__esModule", {
  value: true
 });
 const generic_transformers_1 = requireGenericTransformers();
 XCLAIM.default = {
  parseCommand(parser, key, group, consumer, minIdleTime, id, options) {
   parser.push("XCLAIM");
   parser.pushKey(key);
   parser.push(group, consumer, minIdleTime.toString());
   parser.pushVariadic(id);
   if (options?.IDLE !== undefined) {
    parser.push("IDLE", options.IDLE.toString());
   }
   if (options?.TIME !== undefined) {
    parser.push("TIME", (options.TIME instanceof Date ? options.TIME.getTime() : options.TIME).toString());
   }
   if (options?.RETRYCOUNT !== undefined) {
    parser.push("RETRYCOUNT", options.RETRYCOUNT.toString());
   }
   if (options?.FORCE) {
    parser.push("FORCE");
   }
   if (options?.LASTID !== undefined) {
    parser.push("LASTID", options.LASTID);
   }
  },
  transformReply(reply, preserve, typeMapping) {
   return reply.map(generic_transformers_1.transformStreamMessageNullReply.bind(undefined, typeMapping));
  }
 };
 return XCLAIM;
}

var hasRequiredXCLAIM_JUSTID;

function requireXCLAIM_JUSTID() {
 if (hasRequiredXCLAIM_JUSTID) return XCLAIM_JUSTID;
 hasRequiredXCLAIM_JUSTID = 1;
 var __importDefault = XCLAIM_JUSTID && XCLAIM_JUSTID.__importDefault || function(mod) {
  return mod && mod.__esModule ? mod : {
   default: mod
  };
 };
 Object.defineProperty(XCLAIM_JUSTID, "__esModule", {
  value: true
 });
 const XCLAIM_1 = __importDefault(requireXCLAIM());
 XCLAIM_JUSTID.default = {
  parseCommand(...args) {
   const parser = args[0];
   XCLAIM_1.default.parseCommand(...args);
   parser.push("JUSTID");
  },
  transformReply: undefined
 };
 return XCLAIM_JUSTID;
}

var XCFGSET = {};

var hasRequiredXCFGSET;

function requireXCFGSET() {
 if (hasRequiredXCFGSET) return XCFGSET;
 hasRequiredXCFGSET = 1;
 Object.defineProperty(XCFGSET, "__esModule", {
  value: true
 });
 XCFGSET.default = {
  parseCommand(parser, key, options) {
   parser.push("XCFGSET");
   parser.pushKey(key);
   if (options?.IDMP_DURATION !== undefined) {
    parser.push("IDMP-DURATION", options.IDMP_DURATION.toString());
   }
   if (options?.IDMP_MAXSIZE !== undefined) {
    parser.push("IDMP-MAXSIZE", options.IDMP_MAXSIZE.toString());
   }
  },
  transformReply: undefined
 };
 return XCFGSET;
}

var XDEL = {};

var hasRequiredXDEL;

function requireXDEL() {
 if (hasRequiredXDEL) return XDEL;
 hasRequiredXDEL = 1;
 Object.defineProperty(XDEL, "__esModule", {
  value: true
 });
 XDEL.default = {
  parseCommand(parser, key, id) {
   parser.push("XDEL");
   parser.pushKey(key);
   parser.pushVariadic(id);
  },
  transformReply: undefined
 };
 return XDEL;
}

var XDELEX = {};

var hasRequiredXDELEX;

function requireXDELEX() {
 if (hasRequiredXDELEX) return XDELEX;
 hasRequiredXDELEX = 1;
 Object.defineProperty(XDELEX, "__esModule", {
  value: true
 });
 XDELEX.default = {
  parseCommand(parser, key, id, policy) {
   parser.push("XDELEX");
   parser.pushKey(key);
   if (policy) {
    parser.push(policy);
   }
   parser.push("IDS");
   parser.pushVariadicWithLength(id);
  },
  transformReply: undefined
 };
 return XDELEX;
}

var XGROUP_CREATE = {};

var hasRequiredXGROUP_CREATE;

function requireXGROUP_CREATE() {
 if (hasRequiredXGROUP_CREATE) return XGROUP_CREATE;
 hasRequiredXGROUP_CREATE = 1;
 Object.defineProperty(XGROUP_CREATE, "__esModule", {
  value: true
 });
 XGROUP_CREATE.default = {
  parseCommand(parser, key, group, id, options) {
   parser.push("XGROUP", "CREATE");
   parser.pushKey(key);
   parser.push(group, id);
   if (options?.MKSTREAM) {
    parser.push("MKSTREAM");
   }
   if (options?.ENTRIESREAD !== undefined) {
    parser.push("ENTRIESREAD", options.ENTRIESREAD.toString());
   }
  },
  transformReply: undefined
 };
 return XGROUP_CREATE;
}

var XGROUP_CREATECONSUMER = {};

var hasRequiredXGROUP_CREATECONSUMER;

function requireXGROUP_CREATECONSUMER() {
 if (hasRequiredXGROUP_CREATECONSUMER) return XGROUP_CREATECONSUMER;
 hasRequiredXGROUP_CREATECONSUMER = 1;
 Object.defineProperty(XGROUP_CREATECONSUMER, "__esModule", {
  value: true
 });
 XGROUP_CREATECONSUMER.default = {
  parseCommand(parser, key, group, consumer) {
   parser.push("XGROUP", "CREATECONSUMER");
   parser.pushKey(key);
   parser.push(group, consumer);
  },
  transformReply: undefined
 };
 return XGROUP_CREATECONSUMER;
}

var XGROUP_DELCONSUMER = {};

var hasRequiredXGROUP_DELCONSUMER;

function requireXGROUP_DELCONSUMER() {
 if (hasRequiredXGROUP_DELCONSUMER) return XGROUP_DELCONSUMER;
 hasRequiredXGROUP_DELCONSUMER = 1;
 Object.defineProperty(XGROUP_DELCONSUMER, "__esModule", {
  value: true
 });
 XGROUP_DELCONSUMER.default = {
  parseCommand(parser, key, group, consumer) {
   parser.push("XGROUP", "DELCONSUMER");
   parser.pushKey(key);
   parser.push(group, consumer);
  },
  transformReply: undefined
 };
 return XGROUP_DELCONSUMER;
}

var XGROUP_DESTROY = {};

var hasRequiredXGROUP_DESTROY;

function requireXGROUP_DESTROY() {
 if (hasRequiredXGROUP_DESTROY) return XGROUP_DESTROY;
 hasRequiredXGROUP_DESTROY = 1;
 Object.defineProperty(XGROUP_DESTROY, "__esModule", {
  value: true
 });
 XGROUP_DESTROY.default = {
  parseCommand(parser, key, group) {
   parser.push("XGROUP", "DESTROY");
   parser.pushKey(key);
   parser.push(group);
  },
  transformReply: undefined
 };
 return XGROUP_DESTROY;
}

var XGROUP_SETID = {};

var hasRequiredXGROUP_SETID;

function requireXGROUP_SETID() {
 if (hasRequiredXGROUP_SETID) return XGROUP_SETID;
 hasRequiredXGROUP_SETID = 1;
 Object.defineProperty(XGROUP_SETID, "__esModule", {
  value: true
 });
 XGROUP_SETID.default = {
  parseCommand(parser, key, group, id, options) {
   parser.push("XGROUP", "SETID");
   parser.pushKey(key);
   parser.push(group, id);
   if (options?.ENTRIESREAD !== undefined) {
    parser.push("ENTRIESREAD", options.ENTRIESREAD.toString());
   }
  },
  transformReply: undefined
 };
 return XGROUP_SETID;
}

var XINFO_CONSUMERS = {};

var hasRequiredXINFO_CONSUMERS;

function requireXINFO_CONSUMERS() {
 if (hasRequiredXINFO_CONSUMERS) return XINFO_CONSUMERS;
 hasRequiredXINFO_CONSUMERS = 1;
 Object.defineProperty(XINFO_CONSUMERS, "__esModule", {
  value: true
 });
 XINFO_CONSUMERS.default = {
  parseCommand(parser, key, group) {
   parser.push("XINFO", "CONSUMERS");
   parser.pushKey(key);
   parser.push(group);
  },
  transformReply: {
   2: reply => reply.map(consumer => {
    const unwrapped = consumer;
    return {
     name: unwrapped[1],
     pending: unwrapped[3],
     idle: unwrapped[5],
     inactive: unwrapped[7]
    };
   }),
   3: undefined
  }
 };
 return XINFO_CONSUMERS;
}

var XINFO_GROUPS = {};

var hasRequiredXINFO_GROUPS;

function requireXINFO_GROUPS() {
 if (hasRequiredXINFO_GROUPS) return XINFO_GROUPS;
 hasRequiredXINFO_GROUPS = 1;
 Object.defineProperty(XINFO_GROUPS, "__esModule", {
  value: true
 });
 XINFO_GROUPS.default = {
  parseCommand(parser, key) {
   parser.push("XINFO", "GROUPS");
   parser.pushKey(key);
  },
  transformReply: {
   2: reply => reply.map(group => {
    const unwrapped = group;
    return {
     name: unwrapped[1],
     consumers: unwrapped[3],
     pending: unwrapped[5],
     "last-delivered-id": unwrapped[7],
     "entries-read": unwrapped[9],
     lag: unwrapped[11]
    };
   }),
   3: undefined
  }
 };
 return XINFO_GROUPS;
}

var XINFO_STREAM = {};

var hasRequiredXINFO_STREAM;

function requireXINFO_STREAM() {
 if (hasRequiredXINFO_STREAM) return XINFO_STREAM;
 hasRequiredXINFO_STREAM = 1;
 Object.defineProperty(XINFO_STREAM, "__esModule", {
  value: true
 });
 const generic_transformers_1 = requireGenericTransformers();
 XINFO_STREAM.default = {
  parseCommand(parser, key) {
   parser.push("XINFO", "STREAM");
   parser.pushKey(key);
  },
  transformReply: {
   2(reply, preserve, typeMapping) {
    const parsedReply = {};
    for (let i = 0; i < reply.length; i += 2) {
     switch (reply[i]) {
     case "first-entry":
     case "last-entry":
      parsedReply[reply[i]] = transformEntry(reply[i + 1], typeMapping);
      break;

     default:
      parsedReply[reply[i]] = reply[i + 1];
      break;
     }
    }
    return parsedReply;
   },
   3(reply, preserve, typeMapping) {
    if (reply instanceof Map) {
     reply.set("first-entry", transformEntry(reply.get("first-entry"), typeMapping));
     reply.set("last-entry", transformEntry(reply.get("last-entry"), typeMapping));
    } else if (reply instanceof Array) {
     for (let i = 0; i < reply.length; i += 2) {
      if (reply[i] === "first-entry" || reply[i] === "last-entry") {
       reply[i + 1] = transformEntry(reply[i + 1], typeMapping);
      }
     }
    } else {
     reply["first-entry"] = transformEntry(reply["first-entry"], typeMapping);
     reply["last-entry"] = transformEntry(reply["last-entry"], typeMapping);
    }
    return reply;
   }
  }
 };
 function transformEntry(entry, typeMapping) {
  if ((0, generic_transformers_1.isNullReply)(entry)) return entry;
  const [id, message] = entry;
  return {
   id: id,
   message: (0, generic_transformers_1.transformTuplesReply)(message, undefined, typeMapping)
  };
 }
 return XINFO_STREAM;
}

var XLEN = {};

var hasRequiredXLEN;

function requireXLEN() {
 if (hasRequiredXLEN) return XLEN;
 hasRequiredXLEN = 1;
 Object.defineProperty(XLEN, "__esModule", {
  value: true
 });
 XLEN.default = {
  parseCommand(parser, key) {
   parser.push("XLEN");
   parser.pushKey(key);
  },
  transformReply: undefined
 };
 return XLEN;
}

var XNACK = {};

var hasRequiredXNACK;

function requireXNACK() {
 if (hasRequiredXNACK) return XNACK;
 hasRequiredXNACK = 1;
 Object.defineProperty(XNACK, "__esModule", {
  value: true
 });
 XNACK.default = {
  parseCommand(parser, key, group, mode, id, options) {
   parser.push("XNACK");
   parser.pushKey(key);
   parser.push(group, mode, "IDS");
   parser.pushVariadicWithLength(id);
   if (options?.RETRYCOUNT !== undefined) {
    parser.push("RETRYCOUNT", options.RETRYCOUNT.toString());
   }
   if (options?.FORCE) {
    parser.push("FORCE");
   }
  },
  transformReply: undefined
 };
 return XNACK;
}

var XPENDING_RANGE = {};

var hasRequiredXPENDING_RANGE;

function requireXPENDING_RANGE() {
 if (hasRequiredXPENDING_RANGE) return XPENDING_RANGE;
 hasRequiredXPENDING_RANGE = 1;
 Object.defineProperty(XPENDING_RANGE, "__esModule", {
  value: true
 });
 XPENDING_RANGE.default = {
  parseCommand(parser, key, group, start, end, count, options) {
   parser.push("XPENDING");
   parser.pushKey(key);
   parser.push(group);
   if (options?.IDLE !== undefined) {
    parser.push("IDLE", options.IDLE.toString());
   }
   parser.push(start, end, count.toString());
   if (options?.consumer) {
    parser.push(options.consumer);
   }
  },
  transformReply(reply) {
   return reply.map(pending => {
    const unwrapped = pending;
    return {
     id: unwrapped[0],
     consumer: unwrapped[1],
     millisecondsSinceLastDelivery: unwrapped[2],
     deliveriesCounter: unwrapped[3]
    };
   });
  }
 };
 return XPENDING_RANGE;
}

var XPENDING = {};

var hasRequiredXPENDING;

function requireXPENDING() {
 if (hasRequiredXPENDING) return XPENDING;
 hasRequiredXPENDING = 1;
 Object.defineProperty(XPENDING, "__esModule", {
  value: true
 });
 XPENDING.default = {
  parseCommand(parser, key, group) {
   parser.push("XPENDING");
   parser.pushKey(key);
   parser.push(group);
  },
  transformReply(reply) {
   const consumers = reply[3];
   return {
    pending: reply[0],
    firstId: reply[1],
    lastId: reply[2],
    consumers: consumers === null ? null : consumers.map(consumer => {
     const [name, deliveriesCounter] = consumer;
     return {
      name: name,
      deliveriesCounter: Number(deliveriesCounter)
     };
    })
   };
  }
 };
 return XPENDING;
}

var XRANGE = {};

var hasRequiredXRANGE;

function requireXRANGE() {
 if (hasRequiredXRANGE) return XRANGE;
 hasRequiredXRANGE = 1;
 Object.defineProperty(XRANGE, "__esModule", {
  value: true
 });
 XRANGE.xRangeArguments = void 0;
 const generic_transformers_1 = requireGenericTransformers();
 function xRangeArguments(start, end, options) {
  const args = [ start, end ];
  if (options?.COUNT !== undefined) {
   args.push("COUNT", options.COUNT.toString());
  }
  return args;
 }
 XRANGE.xRangeArguments = xRangeArguments;
 XRANGE.default = {
  parseCommand(parser, key, ...args) {
   parser.push("XRANGE");
   parser.pushKey(key);
   parser.pushVariadic(xRangeArguments(args[0], args[1], args[2]));
  },
  transformReply(reply, preserve, typeMapping) {
   if (reply === null) return null;
   return reply.map(generic_transformers_1.transformStreamMessageReply.bind(undefined, typeMapping));
  }
 };
 return XRANGE;
}

var XREAD = {};

var hasRequiredXREAD;

function requireXREAD() {
 if (hasRequiredXREAD) return XREAD;
 hasRequiredXREAD = 1;
 Object.defineProperty(XREAD, "__esModule", {
  value: true
 });
 XREAD.pushXReadStreams = void 0;
 const generic_transformers_1 = requireGenericTransformers();
 function pushXReadStreams(parser, streams) {
  parser.push("STREAMS");
  if (Array.isArray(streams)) {
   for (let i = 0; i < streams.length; i++) {
    parser.pushKey(streams[i].key);
   }
   for (let i = 0; i < streams.length; i++) {
    parser.push(streams[i].id);
   }
  } else {
   parser.pushKey(streams.key);
   parser.push(streams.id);
  }
 }
 XREAD.pushXReadStreams = pushXReadStreams;
 XREAD.default = {
  parseCommand(parser, streams, options) {
   parser.push("XREAD");
   if (options?.COUNT !== undefined) {
    parser.push("COUNT", options.COUNT.toString());
   }
   if (options?.MAXCOUNT !== undefined) {
    parser.push("MAXCOUNT", options.MAXCOUNT.toString());
   }
   if (options?.MAXSIZE !== undefined) {
    parser.push("MAXSIZE", options.MAXSIZE.toString());
   }
   if (options?.BLOCK !== undefined) {
    parser.push("BLOCK", options.BLOCK.toString());
   }
   pushXReadStreams(parser, streams);
  },
  transformReply: {
   2: generic_transformers_1.transformStreamsMessagesReplyResp2,
   3: generic_transformers_1.transformStreamsMessagesReplyResp3Compat
  }
 };
 return XREAD;
}

var XREADGROUP = {};

var hasRequiredXREADGROUP;

function requireXREADGROUP() {
 if (hasRequiredXREADGROUP) return XREADGROUP;
 hasRequiredXREADGROUP = 1;
 Object.defineProperty(XREADGROUP, "__esModule", {
  value: true
 });
 const XREAD_1 = requireXREAD();
 const generic_transformers_1 = requireGenericTransformers();
 XREADGROUP.default = {
  parseCommand(parser, group, consumer, streams, options) {
   parser.push("XREADGROUP", "GROUP", group, consumer);
   if (options?.COUNT !== undefined) {
    parser.push("COUNT", options.COUNT.toString());
   }
   if (options?.MAXCOUNT !== undefined) {
    parser.push("MAXCOUNT", options.MAXCOUNT.toString());
   }
   if (options?.MAXSIZE !== undefined) {
    parser.push("MAXSIZE", options.MAXSIZE.toString());
   }
   if (options?.BLOCK !== undefined) {
    parser.push("BLOCK", options.BLOCK.toString());
   }
   if (options?.CLAIM !== undefined) {
    parser.push("CLAIM", options.CLAIM.toString());
   }
   if (options?.NOACK) {
    parser.push("NOACK");
   }
   (0, XREAD_1.pushXReadStreams)(parser, streams);
  },
  transformReply: {
   2: generic_transformers_1.transformStreamsMessagesReplyResp2,
   3: generic_transformers_1.transformStreamsMessagesReplyResp3Compat
  }
 };
 return XREADGROUP;
}

var XREVRANGE = {};

var hasRequiredXREVRANGE;

function requireXREVRANGE() {
 if (hasRequiredXREVRANGE) return XREVRANGE;
 hasRequiredXREVRANGE = 1;
 var __createBinding = XREVRANGE && XREVRANGE.__createBinding || (Object.create ? function(o, m, k, k2) {
  if (k2 === undefined) k2 = k;
  var desc = Object.getOwnPropertyDescriptor(m, k);
  if (!desc || ("get" in desc ? !m.__esModule : desc.writable || desc.configurable)) {
   desc = {
    enumerable: true,
    get: function() {
     return m[k];
    }
   };
  }
  Object.defineProperty(o, k2, desc);
 } : function(o, m, k, k2) {
  if (k2 === undefined) k2 = k;
  o[k2] = m[k];
 });
 var __setModuleDefault = XREVRANGE && XREVRANGE.__setModuleDefault || (Object.create ? function(o, v) {
  Object.defineProperty(o, "default", {
   enumerable: true,
   value: v
  });
 } : function(o, v) {
  o["default"] = v;
 });
 var __importStar = XREVRANGE && XREVRANGE.__importStar || function(mod) {
  if (mod && mod.__esModule) return mod;
  var result = {};
  if (mod != null) for (var k in mod) if (k !== "default" && Object.prototype.hasOwnProperty.call(mod, k)) __createBinding(result, mod, k);
  __setModuleDefault(result, mod);
  return result;
 };
 Object.defineProperty(XREVRANGE, "__esModule", {
  value: true
 });
 const XRANGE_1 = __importStar(requireXRANGE());
 XREVRANGE.default = {
  parseCommand(parser, key, ...args) {
   parser.push("XREVRANGE");
   parser.pushKey(key);
   parser.pushVariadic((0, XRANGE_1.xRangeArguments)(args[0], args[1], args[2]));
  },
  transformReply: XRANGE_1.default.transformReply
 };
 return XREVRANGE;
}

var XSETID = {};

var hasRequiredXSETID;

function requireXSETID() {
 if (hasRequiredXSETID) return XSETID;
 hasRequiredXSETID = 1;
 Object.defineProperty(XSETID, "__esModule", {
  value: true
 });
 XSETID.default = {
  parseCommand(parser, key, lastId, options) {
   parser.push("XSETID");
   parser.pushKey(key);
   parser.push(lastId);
   if (options?.ENTRIESADDED !== undefined) {
    parser.push("ENTRIESADDED", options.ENTRIESADDED.toString());
   }
   if (options?.MAXDELETEDID) {
    parser.push("MAXDELETEDID", options.MAXDELETEDID);
   }
  },
  transformReply: undefined
 };
 return XSETID;
}

var XTRIM = {};

var hasRequiredXTRIM;

function requireXTRIM() {
 if (hasRequiredXTRIM) return XTRIM;
 hasRequiredXTRIM = 1;
 Object.defineProperty(XTRIM, "__esModule", {
  value: true
 });
 XTRIM.default = {
  parseCommand(parser, key, strategy, threshold, options) {
   parser.push("XTRIM");
   parser.pushKey(key);
   parser.push(strategy);
   if (options?.strategyModifier !== undefined) {
    parser.push(options.strategyModifier);
   }
   parser.push(threshold.toString());
   if (options?.strategyModifier === "~" && options.LIMIT !== undefined) {
    parser.push("LIMIT", options.LIMIT.toString());
   }
   if (options?.policy) {
    parser.push(options.policy);
   }
  },
  transformReply: undefined
 };
 return XTRIM;
}

var ZADD_INCR = {};

var ZADD = {};

var hasRequiredZADD;

function requireZADD() {
 if (hasRequiredZADD) return ZADD;
 hasRequiredZADD = 1;
 Object.defineProperty(ZADD, "__esModule", {
  value: true
 });
 ZADD.pushMembers = void 0;
 const generic_transformers_1 = requireGenericTransformers();
 ZADD.default = {
  parseCommand(parser, key, members, options) {
   parser.push("ZADD");
   parser.pushKey(key);
   if (options?.condition) {
    parser.push(options.condition);
   } else if (options?.NX) {
    parser.push("NX");
   } else if (options?.XX) {
    parser.push("XX");
   }
   if (options?.comparison) {
    parser.push(options.comparison);
   } else if (options?.LT) {
    parser.push("LT");
   } else if (options?.GT) {
    parser.push("GT");
   }
   if (options?.CH) {
    parser.push("CH");
   }
   pushMembers(parser, members);
  },
  transformReply: generic_transformers_1.transformDoubleReply
 };
 function pushMembers(parser, members) {
  if (Array.isArray(members)) {
   for (const member of members) {
    pushMember(parser, member);
   }
  } else {
   pushMember(parser, members);
  }
 }
 ZADD.pushMembers = pushMembers;
 function pushMember(parser, member) {
  parser.push((0, generic_transformers_1.transformDoubleArgument)(member.score), member.value);
 }
 return ZADD;
}

var hasRequiredZADD_INCR;

function requireZADD_INCR() {
 if (hasRequiredZADD_INCR) return ZADD_INCR;
 hasRequiredZADD_INCR = 1;
 Object.defineProperty(ZADD_INCR, "__esModule", {
  value: true
 });
 const ZADD_1 = requireZADD();
 const generic_transformers_1 = requireGenericTransformers();
 ZADD_INCR.default = {
  parseCommand(parser, key, members, options) {
   parser.push("ZADD");
   parser.pushKey(key);
   if (options?.condition) {
    parser.push(options.condition);
   }
   if (options?.comparison) {
    parser.push(options.comparison);
   }
   if (options?.CH) {
    parser.push("CH");
   }
   parser.push("INCR");
   (0, ZADD_1.pushMembers)(parser, members);
  },
  transformReply: generic_transformers_1.transformNullableDoubleReply
 };
 return ZADD_INCR;
}

var ZCARD = {};

var hasRequiredZCARD;

function requireZCARD() {
 if (hasRequiredZCARD) return ZCARD;
 hasRequiredZCARD = 1;
 Object.defineProperty(ZCARD, "__esModule", {
  value: true
 });
 ZCARD.default = {
  parseCommand(parser, key) {
   parser.push("ZCARD");
   parser.pushKey(key);
  },
  transformReply: undefined
 };
 return ZCARD;
}

var ZCOUNT = {};

var hasRequiredZCOUNT;

function requireZCOUNT() {
 if (hasRequiredZCOUNT) return ZCOUNT;
 hasRequiredZCOUNT = 1;
 Object.defineProperty(ZCOUNT, "__esModule", {
  value: true
 });
 const generic_transformers_1 = requireGenericTransformers();
 ZCOUNT.default = {
  parseCommand(parser, key, min, max) {
   parser.push("ZCOUNT");
   parser.pushKey(key);
   parser.push((0, generic_transformers_1.transformStringDoubleArgument)(min), (0, 
   generic_transformers_1.transformStringDoubleArgument)(max));
  },
  transformReply: undefined
 };
 return ZCOUNT;
}

var ZDIFF_WITHSCORES = {};

var ZDIFF = {};

var hasRequiredZDIFF;

function requireZDIFF() {
 if (hasRequiredZDIFF) return ZDIFF;
 hasRequiredZDIFF = 1;
 Object.defineProperty(ZDIFF, "__esModule", {
  value: true
 });
 ZDIFF.default = {
  parseCommand(parser, keys) {
   parser.push("ZDIFF");
   parser.pushKeysLength(keys);
  },
  transformReply: undefined
 };
 return ZDIFF;
}

var hasRequiredZDIFF_WITHSCORES;

function requireZDIFF_WITHSCORES() {
 if (hasRequiredZDIFF_WITHSCORES) return ZDIFF_WITHSCORES;
 hasRequiredZDIFF_WITHSCORES = 1;
 var __importDefault = ZDIFF_WITHSCORES && ZDIFF_WITHSCORES.__importDefault || function(mod) {
  return mod && mod.__esModule ? mod : {
   default: mod
  };
 };
 Object.defineProperty(ZDIFF_WITHSCORES, "__esModule", {
  value: true
 });
 const generic_transformers_1 = requireGenericTransformers();
 const ZDIFF_1 = __importDefault(requireZDIFF());
 ZDIFF_WITHSCORES.default = {
  parseCommand(parser, keys) {
   ZDIFF_1.default.parseCommand(parser, keys);
   parser.push("WITHSCORES");
  },
  transformReply: generic_transformers_1.transformSortedSetReply
 };
 return ZDIFF_WITHSCORES;
}

var ZDIFFSTORE = {};

var hasRequiredZDIFFSTORE;

function requireZDIFFSTORE() {
 if (hasRequiredZDIFFSTORE) return ZDIFFSTORE;
 hasRequiredZDIFFSTORE = 1;
 Object.defineProperty(ZDIFFSTORE, "__esModule", {
  value: true
 });
 ZDIFFSTORE.default = {
  parseCommand(parser, destination, inputKeys) {
   parser.push("ZDIFFSTORE");
   parser.pushKey(destination);
   parser.pushKeysLength(inputKeys);
  },
  transformReply: undefined
 };
 return ZDIFFSTORE;
}

var ZINCRBY = {};

var hasRequiredZINCRBY;

function requireZINCRBY() {
 if (hasRequiredZINCRBY) return ZINCRBY;
 hasRequiredZINCRBY = 1;
 Object.defineProperty(ZINCRBY, "__esModule", {
  value: true
 });
 const generic_transformers_1 = requireGenericTransformers();
 ZINCRBY.default = {
  parseCommand(parser, key, increment, member) {
   parser.push("ZINCRBY");
   parser.pushKey(key);
   parser.push((0, generic_transformers_1.transformDoubleArgument)(increment), member);
  },
  transformReply: generic_transformers_1.transformDoubleReply
 };
 return ZINCRBY;
}

var ZINTER_WITHSCORES = {};

var ZINTER = {};

var hasRequiredZINTER;

function requireZINTER() {
 if (hasRequiredZINTER) return ZINTER;
 hasRequiredZINTER = 1;
 Object.defineProperty(ZINTER, "__esModule", {
  value: true
 });
 ZINTER.parseZInterArguments = void 0;
 const generic_transformers_1 = requireGenericTransformers();
 function parseZInterArguments(parser, keys, options) {
  (0, generic_transformers_1.parseZKeysArguments)(parser, keys);
  if (options?.AGGREGATE) {
   parser.push("AGGREGATE", options.AGGREGATE);
  }
 }
 ZINTER.parseZInterArguments = parseZInterArguments;
 ZINTER.default = {
  parseCommand(parser, keys, options) {
   parser.push("ZINTER");
   parseZInterArguments(parser, keys, options);
  },
  transformReply: undefined
 };
 return ZINTER;
}

var hasRequiredZINTER_WITHSCORES;

function requireZINTER_WITHSCORES() {
 if (hasRequiredZINTER_WITHSCORES) return ZINTER_WITHSCORES;
 hasRequiredZINTER_WITHSCORES = 1;
 var __importDefault = ZINTER_WITHSCORES && ZINTER_WITHSCORES.__importDefault || function(mod) {
  return mod && mod.__esModule ? mod : {
   default: mod
  };
 };
 Object.defineProperty(ZINTER_WITHSCORES, "__esModule", {
  value: true
 });
 const generic_transformers_1 = requireGenericTransformers();
 const ZINTER_1 = __importDefault(requireZINTER());
 ZINTER_WITHSCORES.default = {
  parseCommand(...args) {
   ZINTER_1.default.parseCommand(...args);
   args[0].push("WITHSCORES");
  },
  transformReply: generic_transformers_1.transformSortedSetReply
 };
 return ZINTER_WITHSCORES;
}

var ZINTERCARD = {};

var hasRequiredZINTERCARD;

function requireZINTERCARD() {
 if (hasRequiredZINTERCARD) return ZINTERCARD;
 hasRequiredZINTERCARD = 1;
 Object.defineProperty(ZINTERCARD, "__esModule", {
  value: true
 });
 ZINTERCARD.default = {
  parseCommand(parser, keys, options) {
   parser.push("ZINTERCARD");
   parser.pushKeysLength(keys);
   if (typeof options === "number") {
    parser.push("LIMIT", options.toString());
   } else if (options?.LIMIT) {
    parser.push("LIMIT", options.LIMIT.toString());
   }
  },
  transformReply: undefined
 };
 return ZINTERCARD;
}

var ZINTERSTORE = {};

var hasRequiredZINTERSTORE;

function requireZINTERSTORE() {
 if (hasRequiredZINTERSTORE) return ZINTERSTORE;
 hasRequiredZINTERSTORE = 1;
 Object.defineProperty(ZINTERSTORE, "__esModule", {
  value: true
 });
 const ZINTER_1 = requireZINTER();
 ZINTERSTORE.default = {
  parseCommand(parser, destination, keys, options) {
   parser.push("ZINTERSTORE");
   parser.pushKey(destination);
   (0, ZINTER_1.parseZInterArguments)(parser, keys, options);
  },
  transformReply: undefined
 };
 return ZINTERSTORE;
}

var ZLEXCOUNT = {};

var hasRequiredZLEXCOUNT;

function requireZLEXCOUNT() {
 if (hasRequiredZLEXCOUNT) return ZLEXCOUNT;
 hasRequiredZLEXCOUNT = 1;
 Object.defineProperty(ZLEXCOUNT, "__esModule", {
  value: true
 });
 ZLEXCOUNT.default = {
  parseCommand(parser, key, min, max) {
   parser.push("ZLEXCOUNT");
   parser.pushKey(key);
   parser.push(min);
   parser.push(max);
  },
  transformReply: undefined
 };
 return ZLEXCOUNT;
}

var ZMSCORE = {};

var hasRequiredZMSCORE;

function requireZMSCORE() {
 if (hasRequiredZMSCORE) return ZMSCORE;
 hasRequiredZMSCORE = 1;
 Object.defineProperty(ZMSCORE, "__esModule", {
  value: true
 });
 const generic_transformers_1 = requireGenericTransformers();
 ZMSCORE.default = {
  parseCommand(parser, key, member) {
   parser.push("ZMSCORE");
   parser.pushKey(key);
   parser.pushVariadic(member);
  },
  transformReply: {
   2: (reply, preserve, typeMapping) => reply.map((0, generic_transformers_1.createTransformNullableDoubleReplyResp2Func)(preserve, typeMapping)),
   3: undefined
  }
 };
 return ZMSCORE;
}

var ZPOPMAX_COUNT = {};

var hasRequiredZPOPMAX_COUNT;

function requireZPOPMAX_COUNT() {
 if (hasRequiredZPOPMAX_COUNT) return ZPOPMAX_COUNT;
 hasRequiredZPOPMAX_COUNT = 1;
 Object.defineProperty(ZPOPMAX_COUNT, "__esModule", {
  value: true
 });
 const generic_transformers_1 = requireGenericTransformers();
 ZPOPMAX_COUNT.default = {
  parseCommand(parser, key, count) {
   parser.push("ZPOPMAX");
   parser.pushKey(key);
   parser.push(count.toString());
  },
  transformReply: generic_transformers_1.transformSortedSetReply
 };
 return ZPOPMAX_COUNT;
}

var ZPOPMAX = {};

var hasRequiredZPOPMAX;

function requireZPOPMAX() {
 if (hasRequiredZPOPMAX) return ZPOPMAX;
 hasRequiredZPOPMAX = 1;
 Object.defineProperty(ZPOPMAX, "__esModule", {
  value: true
 });
 const generic_transformers_1 = requireGenericTransformers();
 ZPOPMAX.default = {
  parseCommand(parser, key) {
   parser.push("ZPOPMAX");
   parser.pushKey(key);
  },
  transformReply: {
   2: (reply, preserve, typeMapping) => {
    if (reply.length === 0) return null;
    return {
     value: reply[0],
     score: generic_transformers_1.transformDoubleReply[2](reply[1], preserve, typeMapping)
    };
   },
   3: reply => {
    if (reply.length === 0) return null;
    return {
     value: reply[0],
     score: reply[1]
    };
   }
  }
 };
 return ZPOPMAX;
}

var ZPOPMIN_COUNT = {};

var hasRequiredZPOPMIN_COUNT;

function requireZPOPMIN_COUNT() {
 if (hasRequiredZPOPMIN_COUNT) return ZPOPMIN_COUNT;
 hasRequiredZPOPMIN_COUNT = 1;
 Object.defineProperty(ZPOPMIN_COUNT, "__esModule", {
  value: true
 });
 const generic_transformers_1 = requireGenericTransformers();
 ZPOPMIN_COUNT.default = {
  parseCommand(parser, key, count) {
   parser.push("ZPOPMIN");
   parser.pushKey(key);
   parser.push(count.toString());
  },
  transformReply: generic_transformers_1.transformSortedSetReply
 };
 return ZPOPMIN_COUNT;
}

var ZPOPMIN = {};

var hasRequiredZPOPMIN;

function requireZPOPMIN() {
 if (hasRequiredZPOPMIN) return ZPOPMIN;
 hasRequiredZPOPMIN = 1;
 var __importDefault = ZPOPMIN && ZPOPMIN.__importDefault || function(mod) {
  return mod && mod.__esModule ? mod : {
   default: mod
  };
 };
 Object.defineProperty(ZPOPMIN, "__esModule", {
  value: true
 });
 const ZPOPMAX_1 = __importDefault(requireZPOPMAX());
 ZPOPMIN.default = {
  parseCommand(parser, key) {
   parser.push("ZPOPMIN");
   parser.pushKey(key);
  },
  transformReply: ZPOPMAX_1.default.transformReply
 };
 return ZPOPMIN;
}

var ZRANDMEMBER_COUNT_WITHSCORES = {};

var ZRANDMEMBER_COUNT = {};

var ZRANDMEMBER = {};

var hasRequiredZRANDMEMBER;

function requireZRANDMEMBER() {
 if (hasRequiredZRANDMEMBER) return ZRANDMEMBER;
 hasRequiredZRANDMEMBER = 1;
 Object.defineProperty(ZRANDMEMBER, "__esModule", {
  value: true
 });
 ZRANDMEMBER.default = {
  parseCommand(parser, key) {
   parser.push("ZRANDMEMBER");
   parser.pushKey(key);
  },
  transformReply: undefined
 };
 return ZRANDMEMBER;
}

var hasRequiredZRANDMEMBER_COUNT;

function requireZRANDMEMBER_COUNT() {
 if (hasRequiredZRANDMEMBER_COUNT) return ZRANDMEMBER_COUNT;
 hasRequiredZRANDMEMBER_COUNT = 1;
 var __importDefault = ZRANDMEMBER_COUNT && ZRANDMEMBER_COUNT.__importDefault || function(mod) {
  return mod && mod.__esModule ? mod : {
   default: mod
  };
 };
 Object.defineProperty(ZRANDMEMBER_COUNT, "__esModule", {
  value: true
 });
 const ZRANDMEMBER_1 = __importDefault(requireZRANDMEMBER());
 ZRANDMEMBER_COUNT.default = {
  parseCommand(parser, key, count) {
   ZRANDMEMBER_1.default.parseCommand(parser, key);
   parser.push(count.toString());
  },
  transformReply: undefined
 };
 return ZRANDMEMBER_COUNT;
}

var hasRequiredZRANDMEMBER_COUNT_WITHSCORES;

function requireZRANDMEMBER_COUNT_WITHSCORES() {
 if (hasRequiredZRANDMEMBER_COUNT_WITHSCORES) return ZRANDMEMBER_COUNT_WITHSCORES;
 hasRequiredZRANDMEMBER_COUNT_WITHSCORES = 1;
 var __importDefault = ZRANDMEMBER_COUNT_WITHSCORES && ZRANDMEMBER_COUNT_WITHSCORES.__importDefault || function(mod) {
  return mod && mod.__esModule ? mod : {
   default: mod
  };
 };
 Object.defineProperty(ZRANDMEMBER_COUNT_WITHSCORES, "__esModule", {
  value: true
 });
 const generic_transformers_1 = requireGenericTransformers();
 const ZRANDMEMBER_COUNT_1 = __importDefault(requireZRANDMEMBER_COUNT());
 ZRANDMEMBER_COUNT_WITHSCORES.default = {
  parseCommand(parser, key, count) {
   ZRANDMEMBER_COUNT_1.default.parseCommand(parser, key, count);
   parser.push("WITHSCORES");
  },
  transformReply: generic_transformers_1.transformSortedSetReply
 };
 return ZRANDMEMBER_COUNT_WITHSCORES;
}

var ZRANGE_WITHSCORES = {};

var ZRANGE = {};

var hasRequiredZRANGE;

function requireZRANGE() {
 if (hasRequiredZRANGE) return ZRANGE;
 hasRequiredZRANGE = 1;
 Object.defineProperty(ZRANGE, "__esModule", {
  value: true
 });
 ZRANGE.zRangeArgument = void 0;
 const generic_transformers_1 = requireGenericTransformers();
 function zRangeArgument(min, max, options) {
  const args = [ (0, generic_transformers_1.transformStringDoubleArgument)(min), (0, 
  generic_transformers_1.transformStringDoubleArgument)(max) ];
  switch (options?.BY) {
  case "SCORE":
   args.push("BYSCORE");
   break;

  case "LEX":
   args.push("BYLEX");
   break;
  }
  if (options?.REV) {
   args.push("REV");
  }
  if (options?.LIMIT) {
   args.push("LIMIT", options.LIMIT.offset.toString(), options.LIMIT.count.toString());
  }
  return args;
 }
 ZRANGE.zRangeArgument = zRangeArgument;
 ZRANGE.default = {
  parseCommand(parser, key, min, max, options) {
   parser.push("ZRANGE");
   parser.pushKey(key);
   parser.pushVariadic(zRangeArgument(min, max, options));
  },
  transformReply: undefined
 };
 return ZRANGE;
}

var hasRequiredZRANGE_WITHSCORES;

function requireZRANGE_WITHSCORES() {
 if (hasRequiredZRANGE_WITHSCORES) return ZRANGE_WITHSCORES;
 hasRequiredZRANGE_WITHSCORES = 1;
 var __importDefault = ZRANGE_WITHSCORES && ZRANGE_WITHSCORES.__importDefault || function(mod) {
  return mod && mod.__esModule ? mod : {
   default: mod
  };
 };
 Object.defineProperty(ZRANGE_WITHSCORES, "__esModule", {
  value: true
 });
 const generic_transformers_1 = requireGenericTransformers();
 const ZRANGE_1 = __importDefault(requireZRANGE());
 ZRANGE_WITHSCORES.default = {
  parseCommand(...args) {
   const parser = args[0];
   ZRANGE_1.default.parseCommand(...args);
   parser.push("WITHSCORES");
  },
  transformReply: generic_transformers_1.transformSortedSetReply
 };
 return ZRANGE_WITHSCORES;
}

var ZRANGEBYLEX = {};

var hasRequiredZRANGEBYLEX;

function requireZRANGEBYLEX() {
 if (hasRequiredZRANGEBYLEX) return ZRANGEBYLEX;
 hasRequiredZRANGEBYLEX = 1;
 Object.defineProperty(ZRANGEBYLEX, "__esModule", {
  value: true
 });
 const generic_transformers_1 = requireGenericTransformers();
 ZRANGEBYLEX.default = {
  parseCommand(parser, key, min, max, options) {
   parser.push("ZRANGEBYLEX");
   parser.pushKey(key);
   parser.push((0, generic_transformers_1.transformStringDoubleArgument)(min), (0, 
   generic_transformers_1.transformStringDoubleArgument)(max));
   if (options?.LIMIT) {
    parser.push("LIMIT", options.LIMIT.offset.toString(), options.LIMIT.count.toString());
   }
  },
  transformReply: undefined
 };
 return ZRANGEBYLEX;
}

var ZRANGEBYSCORE_WITHSCORES = {};

var ZRANGEBYSCORE = {};

var hasRequiredZRANGEBYSCORE;

function requireZRANGEBYSCORE() {
 if (hasRequiredZRANGEBYSCORE) return ZRANGEBYSCORE;
 hasRequiredZRANGEBYSCORE = 1;
 Object.defineProperty(ZRANGEBYSCORE, "__esModule", {
  value: true
 });
 const generic_transformers_1 = requireGenericTransformers();
 ZRANGEBYSCORE.default = {
  parseCommand(parser, key, min, max, options) {
   parser.push("ZRANGEBYSCORE");
   parser.pushKey(key);
   parser.push((0, generic_transformers_1.transformStringDoubleArgument)(min), (0, 
   generic_transformers_1.transformStringDoubleArgument)(max));
   if (options?.LIMIT) {
    parser.push("LIMIT", options.LIMIT.offset.toString(), options.LIMIT.count.toString());
   }
  },
  transformReply: undefined
 };
 return ZRANGEBYSCORE;
}

var hasRequiredZRANGEBYSCORE_WITHSCORES;

function requireZRANGEBYSCORE_WITHSCORES() {
 if (hasRequiredZRANGEBYSCORE_WITHSCORES) return ZRANGEBYSCORE_WITHSCORES;
 hasRequiredZRANGEBYSCORE_WITHSCORES = 1;
 var __importDefault = ZRANGEBYSCORE_WITHSCORES && ZRANGEBYSCORE_WITHSCORES.__importDefault || function(mod) {
  return mod && mod.__esModule ? mod : {
   default: mod
  };
 };
 Object.defineProperty(ZRANGEBYSCORE_WITHSCORES, "__esModule", {
  value: true
 });
 const generic_transformers_1 = requireGenericTransformers();
 const ZRANGEBYSCORE_1 = __importDefault(requireZRANGEBYSCORE());
 ZRANGEBYSCORE_WITHSCORES.default = {
  parseCommand(...args) {
   const parser = args[0];
   ZRANGEBYSCORE_1.default.parseCommand(...args);
   parser.push("WITHSCORES");
  },
  transformReply: generic_transformers_1.transformSortedSetReply
 };
 return ZRANGEBYSCORE_WITHSCORES;
}

var ZRANGESTORE = {};

var hasRequiredZRANGESTORE;

function requireZRANGESTORE() {
 if (hasRequiredZRANGESTORE) return ZRANGESTORE;
 hasRequiredZRANGESTORE = 1;
 Object.defineProperty(ZRANGESTORE, "__esModule", {
  value: true
 });
 const generic_transformers_1 = requireGenericTransformers();
 ZRANGESTORE.default = {
  parseCommand(parser, destination, source, min, max, options) {
   parser.push("ZRANGESTORE");
   parser.pushKey(destination);
   parser.pushKey(source);
   parser.push((0, generic_transformers_1.transformStringDoubleArgument)(min), (0, 
   generic_transformers_1.transformStringDoubleArgument)(max));
   switch (options?.BY) {
   case "SCORE":
    parser.push("BYSCORE");
    break;

   case "LEX":
    parser.push("BYLEX");
    break;
   }
   if (options?.REV) {
    parser.push("REV");
   }
   if (options?.LIMIT) {
    parser.push("LIMIT", options.LIMIT.offset.toString(), options.LIMIT.count.toString());
   }
  },
  transformReply: undefined
 };
 return ZRANGESTORE;
}

var ZREMRANGEBYSCORE = {};

var hasRequiredZREMRANGEBYSCORE;

function requireZREMRANGEBYSCORE() {
 if (hasRequiredZREMRANGEBYSCORE) return ZREMRANGEBYSCORE;
 hasRequiredZREMRANGEBYSCORE = 1;
 Object.defineProperty(ZREMRANGEBYSCORE, "__esModule", {
  value: true
 });
 const generic_transformers_1 = requireGenericTransformers();
 ZREMRANGEBYSCORE.default = {
  parseCommand(parser, key, min, max) {
   parser.push("ZREMRANGEBYSCORE");
   parser.pushKey(key);
   parser.push((0, generic_transformers_1.transformStringDoubleArgument)(min), (0, 
   generic_transformers_1.transformStringDoubleArgument)(max));
  },
  transformReply: undefined
 };
 return ZREMRANGEBYSCORE;
}

var ZRANK_WITHSCORE = {};

var ZRANK = {};

var hasRequiredZRANK;

function requireZRANK() {
 if (hasRequiredZRANK) return ZRANK;
 hasRequiredZRANK = 1;
 Object.defineProperty(ZRANK, "__esModule", {
  value: true
 });
 ZRANK.default = {
  parseCommand(parser, key, member) {
   parser.push("ZRANK");
   parser.pushKey(key);
   parser.push(member);
  },
  transformReply: undefined
 };
 return ZRANK;
}

var hasRequiredZRANK_WITHSCORE;

function requireZRANK_WITHSCORE() {
 if (hasRequiredZRANK_WITHSCORE) return ZRANK_WITHSCORE;
 hasRequiredZRANK_WITHSCORE = 1;
 var __importDefault = ZRANK_WITHSCORE && ZRANK_WITHSCORE.__importDefault || function(mod) {
  return mod && mod.__esModule ? mod : {
   default: mod
  };
 };
 Object.defineProperty(ZRANK_WITHSCORE, "__esModule", {
  value: true
 });
 const ZRANK_1 = __importDefault(requireZRANK());
 ZRANK_WITHSCORE.default = {
  parseCommand(...args) {
   const parser = args[0];
   ZRANK_1.default.parseCommand(...args);
   parser.push("WITHSCORE");
  },
  transformReply: {
   2: reply => {
    if (reply === null) return null;
    return {
     rank: reply[0],
     score: Number(reply[1])
    };
   },
   3: reply => {
    if (reply === null) return null;
    return {
     rank: reply[0],
     score: reply[1]
    };
   }
  }
 };
 return ZRANK_WITHSCORE;
}

var ZREM = {};

var hasRequiredZREM;

function requireZREM() {
 if (hasRequiredZREM) return ZREM;
 hasRequiredZREM = 1;
 Object.defineProperty(ZREM, "__esModule", {
  value: true
 });
 ZREM.default = {
  parseCommand(parser, key, member) {
   parser.push("ZREM");
   parser.pushKey(key);
   parser.pushVariadic(member);
  },
  transformReply: undefined
 };
 return ZREM;
}

var ZREMRANGEBYLEX = {};

var hasRequiredZREMRANGEBYLEX;

function requireZREMRANGEBYLEX() {
 if (hasRequiredZREMRANGEBYLEX) return ZREMRANGEBYLEX;
 hasRequiredZREMRANGEBYLEX = 1;
 Object.defineProperty(ZREMRANGEBYLEX, "__esModule", {
  value: true
 });
 const generic_transformers_1 = requireGenericTransformers();
 ZREMRANGEBYLEX.default = {
  parseCommand(parser, key, min, max) {
   parser.push("ZREMRANGEBYLEX");
   parser.pushKey(key);
   parser.push((0, generic_transformers_1.transformStringDoubleArgument)(min), (0, 
   generic_transformers_1.transformStringDoubleArgument)(max));
  },
  transformReply: undefined
 };
 return ZREMRANGEBYLEX;
}

var ZREMRANGEBYRANK = {};

var hasRequiredZREMRANGEBYRANK;

function requireZREMRANGEBYRANK() {
 if (hasRequiredZREMRANGEBYRANK) return ZREMRANGEBYRANK;
 hasRequiredZREMRANGEBYRANK = 1;
 Object.defineProperty(ZREMRANGEBYRANK, "__esModule", {
  value: true
 });
 ZREMRANGEBYRANK.default = {
  parseCommand(parser, key, start, stop) {
   parser.push("ZREMRANGEBYRANK");
   parser.pushKey(key);
   parser.push(start.toString(), stop.toString());
  },
  transformReply: undefined
 };
 return ZREMRANGEBYRANK;
}

var ZREVRANK_WITHSCORE = {};

var ZREVRANK = {};

var hasRequiredZREVRANK;

function requireZREVRANK() {
 if (hasRequiredZREVRANK) return ZREVRANK;
 hasRequiredZREVRANK = 1;
 Object.defineProperty(ZREVRANK, "__esModule", {
  value: true
 });
 ZREVRANK.default = {
  parseCommand(parser, key, member) {
   parser.push("ZREVRANK");
   parser.pushKey(key);
   parser.push(member);
  },
  transformReply: undefined
 };
 return ZREVRANK;
}

var hasRequiredZREVRANK_WITHSCORE;

function requireZREVRANK_WITHSCORE() {
 if (hasRequiredZREVRANK_WITHSCORE) return ZREVRANK_WITHSCORE;
 hasRequiredZREVRANK_WITHSCORE = 1;
 var __importDefault = ZREVRANK_WITHSCORE && ZREVRANK_WITHSCORE.__importDefault || function(mod) {
  return mod && mod.__esModule ? mod : {
   default: mod
  };
 };
 Object.defineProperty(ZREVRANK_WITHSCORE, "__esModule", {
  value: true
 });
 const ZRANK_WITHSCORE_1 = __importDefault(requireZRANK_WITHSCORE());
 const ZREVRANK_1 = __importDefault(requireZREVRANK());
 ZREVRANK_WITHSCORE.default = {
  parseCommand(...args) {
   const parser = args[0];
   ZREVRANK_1.default.parseCommand(...args);
   parser.push("WITHSCORE");
  },
  transformReply: ZRANK_WITHSCORE_1.default.transformReply
 };
 return ZREVRANK_WITHSCORE;
}

var ZSCAN = {};

var hasRequiredZSCAN;

function requireZSCAN() {
 if (hasRequiredZSCAN) return ZSCAN;
 hasRequiredZSCAN = 1;
 Object.defineProperty(ZSCAN, "__esModule", {
  value: true
 });
 const SCAN_1 = requireSCAN();
 const generic_transformers_1 = requireGenericTransformers();
 ZSCAN.default = {
  parseCommand(parser, key, cursor, options) {
   parser.push("ZSCAN");
   parser.pushKey(key);
   (0, SCAN_1.parseScanArguments)(parser, cursor, options);
  },
  transformReply([cursor, rawMembers]) {
   return {
    cursor: cursor,
    members: generic_transformers_1.transformSortedSetReply[2](rawMembers)
   };
  }
 };
 return ZSCAN;
}

var ZSCORE = {};

var hasRequiredZSCORE;

function requireZSCORE() {
 if (hasRequiredZSCORE) return ZSCORE;
 hasRequiredZSCORE = 1;
 Object.defineProperty(ZSCORE, "__esModule", {
  value: true
 });
 const generic_transformers_1 = requireGenericTransformers();
 ZSCORE.default = {
  parseCommand(parser, key, member) {
   parser.push("ZSCORE");
   parser.pushKey(key);
   parser.push(member);
  },
  transformReply: generic_transformers_1.transformNullableDoubleReply
 };
 return ZSCORE;
}

var ZUNION_WITHSCORES = {};

var ZUNION = {};

var hasRequiredZUNION;

function requireZUNION() {
 if (hasRequiredZUNION) return ZUNION;
 hasRequiredZUNION = 1;
 Object.defineProperty(ZUNION, "__esModule", {
  value: true
 });
 const generic_transformers_1 = requireGenericTransformers();
 ZUNION.default = {
  parseCommand(parser, keys, options) {
   parser.push("ZUNION");
   (0, generic_transformers_1.parseZKeysArguments)(parser, keys);
   if (options?.AGGREGATE) {
    parser.push("AGGREGATE", options.AGGREGATE);
   }
  },
  transformReply: undefined
 };
 return ZUNION;
}

var hasRequiredZUNION_WITHSCORES;

function requireZUNION_WITHSCORES() {
 if (hasRequiredZUNION_WITHSCORES) return ZUNION_WITHSCORES;
 hasRequiredZUNION_WITHSCORES = 1;
 var __importDefault = ZUNION_WITHSCORES && ZUNION_WITHSCORES.__importDefault || function(mod) {
  return mod && mod.__esModule ? mod : {
   default: mod
  };
 };
 Object.defineProperty(ZUNION_WITHSCORES, "__esModule", {
  value: true
 });
 const generic_transformers_1 = requireGenericTransformers();
 const ZUNION_1 = __importDefault(requireZUNION());
 ZUNION_WITHSCORES.default = {
  parseCommand(...args) {
   const parser = args[0];
   ZUNION_1.default.parseCommand(...args);
   parser.push("WITHSCORES");
  },
  transformReply: generic_transformers_1.transformSortedSetReply
 };
 return ZUNION_WITHSCORES;
}

var ZUNIONSTORE = {};

var hasRequiredZUNIONSTORE;

function requireZUNIONSTORE() {
 if (hasRequiredZUNIONSTORE) return ZUNIONSTORE;
 hasRequiredZUNIONSTORE = 1;
 Object.defineProperty(ZUNIONSTORE, "__esModule", {
  value: true
 });
 const generic_transformers_1 = requireGenericTransformers();
 ZUNIONSTORE.default = {
  parseCommand(parser, destination, keys, options) {
   parser.push("ZUNIONSTORE");
   parser.pushKey(destination);
   (0, generic_transformers_1.parseZKeysArguments)(parser, keys);
   if (options?.AGGREGATE) {
    parser.push("AGGREGATE", options.AGGREGATE);
   }
  },
  transformReply: undefined
 };
 return ZUNIONSTORE;
}

var VADD = {};

var hasRequiredVADD;

function requireVADD() {
 if (hasRequiredVADD) return VADD;
 hasRequiredVADD = 1;
 Object.defineProperty(VADD, "__esModule", {
  value: true
 });
 const generic_transformers_1 = requireGenericTransformers();
 VADD.default = {
  parseCommand(parser, key, vector, element, options) {
   parser.push("VADD");
   parser.pushKey(key);
   if (options?.REDUCE !== undefined) {
    parser.push("REDUCE", options.REDUCE.toString());
   }
   parser.push("VALUES", vector.length.toString());
   for (const value of vector) {
    parser.push((0, generic_transformers_1.transformDoubleArgument)(value));
   }
   parser.push(element);
   if (options?.CAS) {
    parser.push("CAS");
   }
   if (options?.QUANT) {
    parser.push(options.QUANT);
   }
   if (options?.EF !== undefined) {
    parser.push("EF", options.EF.toString());
   }
   if (options?.SETATTR) {
    parser.push("SETATTR", JSON.stringify(options.SETATTR));
   }
   if (options?.M !== undefined) {
    parser.push("M", options.M.toString());
   }
  },
  transformReply: generic_transformers_1.transformBooleanReply
 };
 return VADD;
}

var VCARD = {};

var hasRequiredVCARD;

function requireVCARD() {
 if (hasRequiredVCARD) return VCARD;
 hasRequiredVCARD = 1;
 Object.defineProperty(VCARD, "__esModule", {
  value: true
 });
 VCARD.default = {
  parseCommand(parser, key) {
   parser.push("VCARD");
   parser.pushKey(key);
  },
  transformReply: undefined
 };
 return VCARD;
}

var VDIM = {};

var hasRequiredVDIM;

function requireVDIM() {
 if (hasRequiredVDIM) return VDIM;
 hasRequiredVDIM = 1;
 Object.defineProperty(VDIM, "__esModule", {
  value: true
 });
 VDIM.default = {
  parseCommand(parser, key) {
   parser.push("VDIM");
   parser.pushKey(key);
  },
  transformReply: undefined
 };
 return VDIM;
}

var VEMB = {};

var hasRequiredVEMB;

function requireVEMB() {
 if (hasRequiredVEMB) return VEMB;
 hasRequiredVEMB = 1;
 Object.defineProperty(VEMB, "__esModule", {
  value: true
 });
 const generic_transformers_1 = requireGenericTransformers();
 VEMB.default = {
  parseCommand(parser, key, element) {
   parser.push("VEMB");
   parser.pushKey(key);
   parser.push(element);
  },
  transformReply: generic_transformers_1.transformDoubleArrayReply
 };
 return VEMB;
}

var VEMB_RAW = {};

var hasRequiredVEMB_RAW;

function requireVEMB_RAW() {
 if (hasRequiredVEMB_RAW) return VEMB_RAW;
 hasRequiredVEMB_RAW = 1;
 var __importDefault = VEMB_RAW && VEMB_RAW.__importDefault || function(mod) {
  return mod && mod.__esModule ? mod : {
   default: mod
  };
 };
 Object.defineProperty(VEMB_RAW, "__esModule", {
  value: true
 });
 const generic_transformers_1 = requireGenericTransformers();
 const VEMB_1 = __importDefault(requireVEMB());
 const transformRawVembReply = {
  2: (reply, preserve, typeMapping) => ({
   quantization: reply[0],
   raw: reply[1],
   l2Norm: generic_transformers_1.transformDoubleReply[2](reply[2], preserve, typeMapping),
   ...reply[3] !== undefined && {
    quantizationRange: generic_transformers_1.transformDoubleReply[2](reply[3], preserve, typeMapping)
   }
  }),
  3: reply => ({
   quantization: reply[0],
   raw: reply[1],
   l2Norm: reply[2],
   quantizationRange: reply[3]
  })
 };
 VEMB_RAW.default = {
  parseCommand(parser, key, element) {
   VEMB_1.default.parseCommand(parser, key, element);
   parser.push("RAW");
  },
  transformReply: transformRawVembReply
 };
 return VEMB_RAW;
}

var VGETATTR = {};

var hasRequiredVGETATTR;

function requireVGETATTR() {
 if (hasRequiredVGETATTR) return VGETATTR;
 hasRequiredVGETATTR = 1;
 Object.defineProperty(VGETATTR, "__esModule", {
  value: true
 });
 const generic_transformers_1 = requireGenericTransformers();
 VGETATTR.default = {
  parseCommand(parser, key, element) {
   parser.push("VGETATTR");
   parser.pushKey(key);
   parser.push(element);
  },
  transformReply: generic_transformers_1.transformRedisJsonNullReply
 };
 return VGETATTR;
}

var VINFO = {};

var hasRequiredVINFO;

function requireVINFO() {
 if (hasRequiredVINFO) return VINFO;
 hasRequiredVINFO = 1;
 Object.defineProperty(VINFO, "__esModule", {
  value: true
 });
 VINFO.default = {
  parseCommand(parser, key) {
   parser.push("VINFO");
   parser.pushKey(key);
  },
  transformReply: {
   2: reply => {
    const ret = {};
    for (let i = 0; i < reply.length; i += 2) {
     ret[reply[i].toString()] = reply[i + 1];
    }
    return ret;
   },
   3: undefined
  }
 };
 return VINFO;
}

var VLINKS = {};

var hasRequiredVLINKS;

function requireVLINKS() {
 if (hasRequiredVLINKS) return VLINKS;
 hasRequiredVLINKS = 1;
 Object.defineProperty(VLINKS, "__esModule", {
  value: true
 });
 VLINKS.default = {
  parseCommand(parser, key, element) {
   parser.push("VLINKS");
   parser.pushKey(key);
   parser.push(element);
  },
  transformReply: undefined
 };
 return VLINKS;
}

var VLINKS_WITHSCORES = {};

var hasRequiredVLINKS_WITHSCORES;

function requireVLINKS_WITHSCORES() {
 if (hasRequiredVLINKS_WITHSCORES) return VLINKS_WITHSCORES;
 hasRequiredVLINKS_WITHSCORES = 1;
 var __importDefault = VLINKS_WITHSCORES && VLINKS_WITHSCORES.__importDefault || function(mod) {
  return mod && mod.__esModule ? mod : {
   default: mod
  };
 };
 Object.defineProperty(VLINKS_WITHSCORES, "__esModule", {
  value: true
 });
 const generic_transformers_1 = requireGenericTransformers();
 const VLINKS_1 = __importDefault(requireVLINKS());
 function transformVLinksWithScoresReply(reply, preserve, typeMapping) {
  const layers = [];
  for (const layer of reply) {
   const obj = {};
   for (let i = 0; i < layer.length; i += 2) {
    const element = layer[i];
    const score = generic_transformers_1.transformDoubleReply[2](layer[i + 1], preserve, typeMapping);
    obj[element.toString()] = score;
   }
   layers.push(obj);
  }
  return layers;
 }
 VLINKS_WITHSCORES.default = {
  parseCommand(...args) {
   const parser = args[0];
   VLINKS_1.default.parseCommand(...args);
   parser.push("WITHSCORES");
  },
  transformReply: {
   2: transformVLinksWithScoresReply,
   3: undefined
  }
 };
 return VLINKS_WITHSCORES;
}

var VRANDMEMBER = {};

var hasRequiredVRANDMEMBER;

function requireVRANDMEMBER() {
 if (hasRequiredVRANDMEMBER) return VRANDMEMBER;
 hasRequiredVRANDMEMBER = 1;
 Object.defineProperty(VRANDMEMBER, "__esModule", {
  value: true
 });
 VRANDMEMBER.default = {
  CACHEABLE: false,
  parseCommand(parser, key, count) {
   parser.push("VRANDMEMBER");
   parser.pushKey(key);
   if (count !== undefined) {
    parser.push(count.toString());
   }
  },
  transformReply: undefined
 };
 return VRANDMEMBER;
}

var VRANGE = {};

var hasRequiredVRANGE;

function requireVRANGE() {
 if (hasRequiredVRANGE) return VRANGE;
 hasRequiredVRANGE = 1;
 Object.defineProperty(VRANGE, "__esModule", {
  value: true
 });
 VRANGE.default = {
  parseCommand(parser, key, start, end, count) {
   parser.push("VRANGE");
   parser.pushKey(key);
   parser.push(start, end);
   if (count !== undefined) {
    parser.push(count.toString());
   }
  },
  transformReply: undefined
 };
 return VRANGE;
}

var VREM = {};

var hasRequiredVREM;

function requireVREM() {
 if (hasRequiredVREM) return VREM;
 hasRequiredVREM = 1;
 Object.defineProperty(VREM, "__esModule", {
  value: true
 });
 const generic_transformers_1 = requireGenericTransformers();
 VREM.default = {
  parseCommand(parser, key, element) {
   parser.push("VREM");
   parser.pushKey(key);
   parser.push(element);
  },
  transformReply: generic_transformers_1.transformBooleanReply
 };
 return VREM;
}

var VSETATTR = {};

var hasRequiredVSETATTR;

function requireVSETATTR() {
 if (hasRequiredVSETATTR) return VSETATTR;
 hasRequiredVSETATTR = 1;
 Object.defineProperty(VSETATTR, "__esModule", {
  value: true
 });
 const generic_transformers_1 = requireGenericTransformers();
 VSETATTR.default = {
  parseCommand(parser, key, element, attributes) {
   parser.push("VSETATTR");
   parser.pushKey(key);
   parser.push(element);
   if (typeof attributes === "object" && attributes !== null) {
    parser.push(JSON.stringify(attributes));
   } else {
    parser.push(attributes);
   }
  },
  transformReply: generic_transformers_1.transformBooleanReply
 };
 return VSETATTR;
}

var VSIM = {};

var hasRequiredVSIM;

function requireVSIM() {
 if (hasRequiredVSIM) return VSIM;
 hasRequiredVSIM = 1;
 Object.defineProperty(VSIM, "__esModule", {
  value: true
 });
 const generic_transformers_1 = requireGenericTransformers();
 VSIM.default = {
  parseCommand(parser, key, query, options) {
   parser.push("VSIM");
   parser.pushKey(key);
   if (Array.isArray(query)) {
    parser.push("VALUES", query.length.toString());
    for (const value of query) {
     parser.push((0, generic_transformers_1.transformDoubleArgument)(value));
    }
   } else {
    parser.push("ELE", query);
   }
   if (options?.COUNT !== undefined) {
    parser.push("COUNT", options.COUNT.toString());
   }
   if (options?.EPSILON !== undefined) {
    parser.push("EPSILON", options.EPSILON.toString());
   }
   if (options?.EF !== undefined) {
    parser.push("EF", options.EF.toString());
   }
   if (options?.FILTER) {
    parser.push("FILTER", options.FILTER);
   }
   if (options?.["FILTER-EF"] !== undefined) {
    parser.push("FILTER-EF", options["FILTER-EF"].toString());
   }
   if (options?.TRUTH) {
    parser.push("TRUTH");
   }
   if (options?.NOTHREAD) {
    parser.push("NOTHREAD");
   }
  },
  transformReply: undefined
 };
 return VSIM;
}

var VSIM_WITHSCORES = {};

var hasRequiredVSIM_WITHSCORES;

function requireVSIM_WITHSCORES() {
 if (hasRequiredVSIM_WITHSCORES) return VSIM_WITHSCORES;
 hasRequiredVSIM_WITHSCORES = 1;
 var __importDefault = VSIM_WITHSCORES && VSIM_WITHSCORES.__importDefault || function(mod) {
  return mod && mod.__esModule ? mod : {
   default: mod
  };
 };
 Object.defineProperty(VSIM_WITHSCORES, "__esModule", {
  value: true
 });
 const generic_transformers_1 = requireGenericTransformers();
 const VSIM_1 = __importDefault(requireVSIM());
 VSIM_WITHSCORES.default = {
  parseCommand(...args) {
   const parser = args[0];
   VSIM_1.default.parseCommand(...args);
   parser.push("WITHSCORES");
  },
  transformReply: {
   2: (reply, preserve, typeMapping) => {
    const inferred = reply;
    const members = {};
    for (let i = 0; i < inferred.length; i += 2) {
     members[inferred[i].toString()] = generic_transformers_1.transformDoubleReply[2](inferred[i + 1], preserve, typeMapping);
    }
    return members;
   },
   3: undefined
  }
 };
 return VSIM_WITHSCORES;
}

var LATENCY_HISTOGRAM = {};

var hasRequiredLATENCY_HISTOGRAM;

function requireLATENCY_HISTOGRAM() {
 if (hasRequiredLATENCY_HISTOGRAM) return LATENCY_HISTOGRAM;
 hasRequiredLATENCY_HISTOGRAM = 1;
 Object.defineProperty(LATENCY_HISTOGRAM, "__esModule", {
  value: true
 });
 const generic_transformers_1 = requireGenericTransformers();
 const id = n => n;
 LATENCY_HISTOGRAM.default = {
  IS_READ_ONLY: true,
  parseCommand(parser, ...commands) {
   const args = [ "LATENCY", "HISTOGRAM" ];
   if (commands.length !== 0) {
    args.push(...commands);
   }
   parser.push(...args);
  },
  transformReply: {
   2: reply => {
    const result = {};
    if (reply.length === 0) return result;
    for (let i = 1; i < reply.length; i += 2) {
     const histogram = reply[i];
     result[reply[i - 1]] = {
      calls: histogram[1],
      histogram_usec: (0, generic_transformers_1.transformTuplesToMap)(histogram[3], id)
     };
    }
    return result;
   },
   3: undefined
  }
 };
 return LATENCY_HISTOGRAM;
}

var hasRequiredCommands$1;

function requireCommands$1() {
 if (hasRequiredCommands$1) return commands$1;
 hasRequiredCommands$1 = 1;
 (function(exports) {
  var __createBinding = commands$1 && commands$1.__createBinding || (Object.create ? function(o, m, k, k2) {
   if (k2 === undefined) k2 = k;
   var desc = Object.getOwnPropertyDescriptor(m, k);
   if (!desc || ("get" in desc ? !m.__esModule : desc.writable || desc.configurable)) {
    desc = {
     enumerable: true,
     get: function() {
      return m[k];
     }
    };
   }
   Object.defineProperty(o, k2, desc);
  } : function(o, m, k, k2) {
   if (k2 === undefined) k2 = k;
   o[k2] = m[k];
  });
  var __setModuleDefault = commands$1 && commands$1.__setModuleDefault || (Object.create ? function(o, v) {
   Object.defineProperty(o, "default", {
    enumerable: true,
    value: v
   });
  } : function(o, v) {
   o["default"] = v;
  });
  var __importStar = commands$1 && commands$1.__importStar || function(mod) {
   if (mod && mod.__esModule) return mod;
   var result = {};
   if (mod != null) for (var k in mod) if (k !== "default" && Object.prototype.hasOwnProperty.call(mod, k)) __createBinding(result, mod, k);
   __setModuleDefault(result, mod);
   return result;
  };
  var __importDefault = commands$1 && commands$1.__importDefault || function(mod) {
   return mod && mod.__esModule ? mod : {
    default: mod
   };
  };
  Object.defineProperty(exports, "__esModule", {
   value: true
  });
  exports.NON_STICKY_COMMANDS = exports.REDIS_FLUSH_MODES = exports.COMMAND_LIST_FILTER_BY = exports.CLUSTER_SLOT_STATES = exports.FAILOVER_MODES = exports.CLIENT_UNBLOCK_MODES = exports.CLIENT_KILL_FILTERS = exports.AR_OPERATIONS = exports.AR_PREDICATE_COMBINATORS = exports.AR_PREDICATE_TYPES = void 0;
  const ACL_CAT_1 = __importDefault(requireACL_CAT());
  const ACL_DELUSER_1 = __importDefault(requireACL_DELUSER());
  const ACL_DRYRUN_1 = __importDefault(requireACL_DRYRUN());
  const ACL_GENPASS_1 = __importDefault(requireACL_GENPASS());
  const ACL_GETUSER_1 = __importDefault(requireACL_GETUSER());
  const ACL_LIST_1 = __importDefault(requireACL_LIST());
  const ACL_LOAD_1 = __importDefault(requireACL_LOAD());
  const ACL_LOG_RESET_1 = __importDefault(requireACL_LOG_RESET());
  const ACL_LOG_1 = __importDefault(requireACL_LOG());
  const ACL_SAVE_1 = __importDefault(requireACL_SAVE());
  const ACL_SETUSER_1 = __importDefault(requireACL_SETUSER());
  const ACL_USERS_1 = __importDefault(requireACL_USERS());
  const ACL_WHOAMI_1 = __importDefault(requireACL_WHOAMI());
  const APPEND_1 = __importDefault(requireAPPEND());
  const ARCOUNT_1 = __importDefault(requireARCOUNT());
  const ARDEL_1 = __importDefault(requireARDEL());
  const ARDELRANGE_1 = __importDefault(requireARDELRANGE());
  const ARGET_1 = __importDefault(requireARGET());
  const ARGETRANGE_1 = __importDefault(requireARGETRANGE());
  const ARGREP_1 = __importStar(requireARGREP());
  Object.defineProperty(exports, "AR_PREDICATE_TYPES", {
   enumerable: true,
   get: function() {
    return ARGREP_1.AR_PREDICATE_TYPES;
   }
  });
  Object.defineProperty(exports, "AR_PREDICATE_COMBINATORS", {
   enumerable: true,
   get: function() {
    return ARGREP_1.AR_PREDICATE_COMBINATORS;
   }
  });
  const ARGREP_WITHVALUES_1 = __importDefault(requireARGREP_WITHVALUES());
  const ARINFO_1 = __importDefault(requireARINFO());
  const ARINSERT_1 = __importDefault(requireARINSERT());
  const ARLASTITEMS_1 = __importDefault(requireARLASTITEMS());
  const ARLEN_1 = __importDefault(requireARLEN());
  const ARMGET_1 = __importDefault(requireARMGET());
  const ARMSET_1 = __importDefault(requireARMSET());
  const ARNEXT_1 = __importDefault(requireARNEXT());
  const AROP_1 = __importStar(requireAROP());
  Object.defineProperty(exports, "AR_OPERATIONS", {
   enumerable: true,
   get: function() {
    return AROP_1.AR_OPERATIONS;
   }
  });
  const ARRING_1 = __importDefault(requireARRING());
  const ARSCAN_1 = __importDefault(requireARSCAN());
  const ARSEEK_1 = __importDefault(requireARSEEK());
  const ARSET_1 = __importDefault(requireARSET());
  const ASKING_1 = __importDefault(requireASKING());
  const AUTH_1 = __importDefault(requireAUTH());
  const BGREWRITEAOF_1 = __importDefault(requireBGREWRITEAOF());
  const BGSAVE_1 = __importDefault(requireBGSAVE());
  const BITCOUNT_1 = __importDefault(requireBITCOUNT());
  const BITFIELD_RO_1 = __importDefault(requireBITFIELD_RO());
  const BITFIELD_1 = __importDefault(requireBITFIELD());
  const BITOP_1 = __importDefault(requireBITOP());
  const BITPOS_1 = __importDefault(requireBITPOS());
  const BLESS_GET_1 = __importDefault(requireBLESS_GET());
  const BLESS_SET_1 = __importDefault(requireBLESS_SET());
  const BLESS_CLEAR_1 = __importDefault(requireBLESS_CLEAR());
  const BLESS_SCAN_1 = __importDefault(requireBLESS_SCAN());
  const BLMOVE_1 = __importDefault(requireBLMOVE());
  const BLMOVEM_1 = __importDefault(requireBLMOVEM());
  const BLMPOP_1 = __importDefault(requireBLMPOP());
  const BLPOP_1 = __importDefault(requireBLPOP());
  const BRPOP_1 = __importDefault(requireBRPOP());
  const BRPOPLPUSH_1 = __importDefault(requireBRPOPLPUSH());
  const BZMPOP_1 = __importDefault(requireBZMPOP());
  const BZPOPMAX_1 = __importDefault(requireBZPOPMAX());
  const BZPOPMIN_1 = __importDefault(requireBZPOPMIN());
  const CLIENT_CACHING_1 = __importDefault(requireCLIENT_CACHING());
  const CLIENT_GETNAME_1 = __importDefault(requireCLIENT_GETNAME());
  const CLIENT_GETREDIR_1 = __importDefault(requireCLIENT_GETREDIR());
  const CLIENT_ID_1 = __importDefault(requireCLIENT_ID());
  const CLIENT_INFO_1 = __importDefault(requireCLIENT_INFO());
  const CLIENT_KILL_1 = __importStar(requireCLIENT_KILL());
  Object.defineProperty(exports, "CLIENT_KILL_FILTERS", {
   enumerable: true,
   get: function() {
    return CLIENT_KILL_1.CLIENT_KILL_FILTERS;
   }
  });
  const CLIENT_LIST_1 = __importDefault(requireCLIENT_LIST());
  const CLIENT_NO_EVICT_1 = __importDefault(requireCLIENT_NOEVICT());
  const CLIENT_NO_TOUCH_1 = __importDefault(requireCLIENT_NOTOUCH());
  const CLIENT_PAUSE_1 = __importDefault(requireCLIENT_PAUSE());
  const CLIENT_SETNAME_1 = __importDefault(requireCLIENT_SETNAME());
  const CLIENT_TRACKING_1 = __importDefault(requireCLIENT_TRACKING());
  const CLIENT_TRACKINGINFO_1 = __importDefault(requireCLIENT_TRACKINGINFO());
  const CLIENT_UNBLOCK_1 = __importStar(requireCLIENT_UNBLOCK());
  Object.defineProperty(exports, "CLIENT_UNBLOCK_MODES", {
   enumerable: true,
   get: function() {
    return CLIENT_UNBLOCK_1.CLIENT_UNBLOCK_MODES;
   }
  });
  const CLIENT_UNPAUSE_1 = __importDefault(requireCLIENT_UNPAUSE());
  const CLUSTER_ADDSLOTS_1 = __importDefault(requireCLUSTER_ADDSLOTS());
  const CLUSTER_ADDSLOTSRANGE_1 = __importDefault(requireCLUSTER_ADDSLOTSRANGE());
  const CLUSTER_BUMPEPOCH_1 = __importDefault(requireCLUSTER_BUMPEPOCH());
  const CLUSTER_COUNT_FAILURE_REPORTS_1 = __importDefault(requireCLUSTER_COUNTFAILUREREPORTS());
  const CLUSTER_COUNTKEYSINSLOT_1 = __importDefault(requireCLUSTER_COUNTKEYSINSLOT());
  const CLUSTER_DELSLOTS_1 = __importDefault(requireCLUSTER_DELSLOTS());
  const CLUSTER_DELSLOTSRANGE_1 = __importDefault(requireCLUSTER_DELSLOTSRANGE());
  const CLUSTER_FAILOVER_1 = __importStar(requireCLUSTER_FAILOVER());
  Object.defineProperty(exports, "FAILOVER_MODES", {
   enumerable: true,
   get: function() {
    return CLUSTER_FAILOVER_1.FAILOVER_MODES;
   }
  });
  const CLUSTER_FLUSHSLOTS_1 = __importDefault(requireCLUSTER_FLUSHSLOTS());
  const CLUSTER_FORGET_1 = __importDefault(requireCLUSTER_FORGET());
  const CLUSTER_GETKEYSINSLOT_1 = __importDefault(requireCLUSTER_GETKEYSINSLOT());
  const CLUSTER_INFO_1 = __importDefault(requireCLUSTER_INFO());
  const CLUSTER_KEYSLOT_1 = __importDefault(requireCLUSTER_KEYSLOT());
  const CLUSTER_LINKS_1 = __importDefault(requireCLUSTER_LINKS());
  const CLUSTER_MEET_1 = __importDefault(requireCLUSTER_MEET());
  const CLUSTER_MYID_1 = __importDefault(requireCLUSTER_MYID());
  const CLUSTER_MYSHARDID_1 = __importDefault(requireCLUSTER_MYSHARDID());
  const CLUSTER_NODES_1 = __importDefault(requireCLUSTER_NODES());
  const CLUSTER_REPLICAS_1 = __importDefault(requireCLUSTER_REPLICAS());
  const CLUSTER_REPLICATE_1 = __importDefault(requireCLUSTER_REPLICATE());
  const CLUSTER_RESET_1 = __importDefault(requireCLUSTER_RESET());
  const CLUSTER_SAVECONFIG_1 = __importDefault(requireCLUSTER_SAVECONFIG());
  const CLUSTER_SET_CONFIG_EPOCH_1 = __importDefault(requireCLUSTER_SETCONFIGEPOCH());
  const CLUSTER_SETSLOT_1 = __importStar(requireCLUSTER_SETSLOT());
  Object.defineProperty(exports, "CLUSTER_SLOT_STATES", {
   enumerable: true,
   get: function() {
    return CLUSTER_SETSLOT_1.CLUSTER_SLOT_STATES;
   }
  });
  const CLUSTER_SLOTS_1 = __importDefault(requireCLUSTER_SLOTS());
  const COMMAND_COUNT_1 = __importDefault(requireCOMMAND_COUNT());
  const COMMAND_DOCS_1 = __importDefault(requireCOMMAND_DOCS());
  const COMMAND_GETKEYS_1 = __importDefault(requireCOMMAND_GETKEYS());
  const COMMAND_GETKEYSANDFLAGS_1 = __importDefault(requireCOMMAND_GETKEYSANDFLAGS());
  const COMMAND_INFO_1 = __importDefault(requireCOMMAND_INFO());
  const COMMAND_LIST_1 = __importStar(requireCOMMAND_LIST());
  Object.defineProperty(exports, "COMMAND_LIST_FILTER_BY", {
   enumerable: true,
   get: function() {
    return COMMAND_LIST_1.COMMAND_LIST_FILTER_BY;
   }
  });
  const COMMAND_1 = __importDefault(requireCOMMAND());
  const CONFIG_GET_1 = __importDefault(requireCONFIG_GET());
  const CONFIG_RESETSTAT_1 = __importDefault(requireCONFIG_RESETSTAT());
  const CONFIG_REWRITE_1 = __importDefault(requireCONFIG_REWRITE());
  const CONFIG_SET_1 = __importDefault(requireCONFIG_SET());
  const COPY_1 = __importDefault(requireCOPY());
  const DBSIZE_1 = __importDefault(requireDBSIZE());
  const DECR_1 = __importDefault(requireDECR());
  const DECRBY_1 = __importDefault(requireDECRBY());
  const DEL_1 = __importDefault(requireDEL());
  const DELEX_1 = __importDefault(requireDELEX());
  const DIGEST_1 = __importDefault(requireDIGEST());
  const DUMP_1 = __importDefault(requireDUMP());
  const ECHO_1 = __importDefault(requireECHO());
  const EVAL_RO_1 = __importDefault(requireEVAL_RO());
  const EVAL_1 = __importDefault(requireEVAL());
  const EVALSHA_RO_1 = __importDefault(requireEVALSHA_RO());
  const EVALSHA_1 = __importDefault(requireEVALSHA());
  const GEOADD_1 = __importDefault(requireGEOADD());
  const GEODIST_1 = __importDefault(requireGEODIST());
  const GEOHASH_1 = __importDefault(requireGEOHASH());
  const GEOPOS_1 = __importDefault(requireGEOPOS());
  const GEORADIUS_RO_WITH_1 = __importDefault(requireGEORADIUS_RO_WITH());
  const GEORADIUS_RO_1 = __importDefault(requireGEORADIUS_RO());
  const GEORADIUS_STORE_1 = __importDefault(requireGEORADIUS_STORE());
  const GEORADIUS_WITH_1 = __importDefault(requireGEORADIUS_WITH());
  const GEORADIUS_1 = __importDefault(requireGEORADIUS());
  const GEORADIUSBYMEMBER_RO_WITH_1 = __importDefault(requireGEORADIUSBYMEMBER_RO_WITH());
  const GEORADIUSBYMEMBER_RO_1 = __importDefault(requireGEORADIUSBYMEMBER_RO());
  const GEORADIUSBYMEMBER_STORE_1 = __importDefault(requireGEORADIUSBYMEMBER_STORE());
  const GEORADIUSBYMEMBER_WITH_1 = __importDefault(requireGEORADIUSBYMEMBER_WITH());
  const GEORADIUSBYMEMBER_1 = __importDefault(requireGEORADIUSBYMEMBER());
  const GEOSEARCH_WITH_1 = __importDefault(requireGEOSEARCH_WITH());
  const GEOSEARCH_1 = __importDefault(requireGEOSEARCH());
  const GEOSEARCHSTORE_1 = __importDefault(requireGEOSEARCHSTORE());
  const GET_1 = __importDefault(requireGET());
  const GETBIT_1 = __importDefault(requireGETBIT());
  const GETDEL_1 = __importDefault(requireGETDEL());
  const GETEX_1 = __importDefault(requireGETEX());
  const GETRANGE_1 = __importDefault(requireGETRANGE());
  const GETSET_1 = __importDefault(requireGETSET());
  const EXISTS_1 = __importDefault(requireEXISTS());
  const EXPIRE_1 = __importDefault(requireEXPIRE());
  const EXPIREAT_1 = __importDefault(requireEXPIREAT());
  const EXPIRETIME_1 = __importDefault(requireEXPIRETIME());
  const FLUSHALL_1 = __importStar(requireFLUSHALL());
  Object.defineProperty(exports, "REDIS_FLUSH_MODES", {
   enumerable: true,
   get: function() {
    return FLUSHALL_1.REDIS_FLUSH_MODES;
   }
  });
  const FLUSHDB_1 = __importDefault(requireFLUSHDB());
  const FCALL_1 = __importDefault(requireFCALL());
  const FCALL_RO_1 = __importDefault(requireFCALL_RO());
  const FUNCTION_DELETE_1 = __importDefault(requireFUNCTION_DELETE());
  const FUNCTION_DUMP_1 = __importDefault(requireFUNCTION_DUMP());
  const FUNCTION_FLUSH_1 = __importDefault(requireFUNCTION_FLUSH());
  const FUNCTION_KILL_1 = __importDefault(requireFUNCTION_KILL());
  const FUNCTION_LIST_WITHCODE_1 = __importDefault(requireFUNCTION_LIST_WITHCODE());
  const FUNCTION_LIST_1 = __importDefault(requireFUNCTION_LIST());
  const FUNCTION_LOAD_1 = __importDefault(requireFUNCTION_LOAD());
  const FUNCTION_RESTORE_1 = __importDefault(requireFUNCTION_RESTORE());
  const FUNCTION_STATS_1 = __importDefault(requireFUNCTION_STATS());
  const HDEL_1 = __importDefault(requireHDEL());
  const HELLO_1 = __importDefault(requireHELLO());
  const HEXISTS_1 = __importDefault(requireHEXISTS());
  const HEXPIRE_1 = __importDefault(requireHEXPIRE());
  const HEXPIREAT_1 = __importDefault(requireHEXPIREAT());
  const HEXPIRETIME_1 = __importDefault(requireHEXPIRETIME());
  const HGET_1 = __importDefault(requireHGET());
  const HGETALL_1 = __importDefault(requireHGETALL());
  const HGETDEL_1 = __importDefault(requireHGETDEL());
  const HGETEX_1 = __importDefault(requireHGETEX());
  const HIMPORT_DISCARD_1 = __importDefault(requireHIMPORT_DISCARD());
  const HIMPORT_DISCARDALL_1 = __importDefault(requireHIMPORT_DISCARDALL());
  const HIMPORT_PREPARE_1 = __importDefault(requireHIMPORT_PREPARE());
  const HIMPORT_SET_1 = __importDefault(requireHIMPORT_SET());
  const HINCRBY_1 = __importDefault(requireHINCRBY());
  const HINCRBYFLOAT_1 = __importDefault(requireHINCRBYFLOAT());
  const HKEYS_1 = __importDefault(requireHKEYS());
  const HLEN_1 = __importDefault(requireHLEN());
  const HMGET_1 = __importDefault(requireHMGET());
  const HPERSIST_1 = __importDefault(requireHPERSIST());
  const HPEXPIRE_1 = __importDefault(requireHPEXPIRE());
  const HPEXPIREAT_1 = __importDefault(requireHPEXPIREAT());
  const HPEXPIRETIME_1 = __importDefault(requireHPEXPIRETIME());
  const HPTTL_1 = __importDefault(requireHPTTL());
  const HRANDFIELD_COUNT_WITHVALUES_1 = __importDefault(requireHRANDFIELD_COUNT_WITHVALUES());
  const HRANDFIELD_COUNT_1 = __importDefault(requireHRANDFIELD_COUNT());
  const HRANDFIELD_1 = __importDefault(requireHRANDFIELD());
  const HSCAN_1 = __importDefault(requireHSCAN());
  const HSCAN_NOVALUES_1 = __importDefault(requireHSCAN_NOVALUES());
  const HSET_1 = __importDefault(requireHSET());
  const HSETEX_1 = __importDefault(requireHSETEX());
  const HSETNX_1 = __importDefault(requireHSETNX());
  const HSTRLEN_1 = __importDefault(requireHSTRLEN());
  const HTTL_1 = __importDefault(requireHTTL());
  const HVALS_1 = __importDefault(requireHVALS());
  const HOTKEYS_GET_1 = __importDefault(requireHOTKEYS_GET());
  const HOTKEYS_RESET_1 = __importDefault(requireHOTKEYS_RESET());
  const HOTKEYS_START_1 = __importDefault(requireHOTKEYS_START());
  const HOTKEYS_STOP_1 = __importDefault(requireHOTKEYS_STOP());
  const INCR_1 = __importDefault(requireINCR());
  const INCRBY_1 = __importDefault(requireINCRBY());
  const INCRBYFLOAT_1 = __importDefault(requireINCRBYFLOAT());
  const INCREX_1 = __importDefault(requireINCREX());
  const INCREXBYFLOAT_1 = __importDefault(requireINCREXBYFLOAT());
  const INFO_1 = __importDefault(requireINFO());
  const KEYS_1 = __importDefault(requireKEYS());
  const LASTSAVE_1 = __importDefault(requireLASTSAVE());
  const LATENCY_DOCTOR_1 = __importDefault(requireLATENCY_DOCTOR());
  const LATENCY_GRAPH_1 = __importDefault(requireLATENCY_GRAPH());
  const LATENCY_HISTORY_1 = __importDefault(requireLATENCY_HISTORY());
  const LATENCY_LATEST_1 = __importDefault(requireLATENCY_LATEST());
  const LATENCY_RESET_1 = __importDefault(requireLATENCY_RESET());
  const LCS_IDX_WITHMATCHLEN_1 = __importDefault(requireLCS_IDX_WITHMATCHLEN());
  const LCS_IDX_1 = __importDefault(requireLCS_IDX());
  const LCS_LEN_1 = __importDefault(requireLCS_LEN());
  const LCS_1 = __importDefault(requireLCS());
  const LINDEX_1 = __importDefault(requireLINDEX());
  const LINSERT_1 = __importDefault(requireLINSERT());
  const LLEN_1 = __importDefault(requireLLEN());
  const LMOVE_1 = __importDefault(requireLMOVE());
  const LMOVEM_1 = __importDefault(requireLMOVEM());
  const LMPOP_1 = __importDefault(requireLMPOP());
  const LOLWUT_1 = __importDefault(requireLOLWUT());
  const LPOP_COUNT_1 = __importDefault(requireLPOP_COUNT());
  const LPOP_1 = __importDefault(requireLPOP());
  const LPOS_COUNT_1 = __importDefault(requireLPOS_COUNT());
  const LPOS_1 = __importDefault(requireLPOS());
  const LPUSH_1 = __importDefault(requireLPUSH());
  const LPUSHX_1 = __importDefault(requireLPUSHX());
  const LRANGE_1 = __importDefault(requireLRANGE());
  const LREM_1 = __importDefault(requireLREM());
  const LSET_1 = __importDefault(requireLSET());
  const LTRIM_1 = __importDefault(requireLTRIM());
  const MEMORY_DOCTOR_1 = __importDefault(requireMEMORY_DOCTOR());
  const MEMORY_MALLOC_STATS_1 = __importDefault(requireMEMORY_MALLOCSTATS());
  const MEMORY_PURGE_1 = __importDefault(requireMEMORY_PURGE());
  const MEMORY_STATS_1 = __importDefault(requireMEMORY_STATS());
  const MEMORY_USAGE_1 = __importDefault(requireMEMORY_USAGE());
  const MGET_1 = __importDefault(requireMGET());
  const MIGRATE_1 = __importDefault(requireMIGRATE());
  const MODULE_LIST_1 = __importDefault(requireMODULE_LIST());
  const MODULE_LOAD_1 = __importDefault(requireMODULE_LOAD());
  const MODULE_UNLOAD_1 = __importDefault(requireMODULE_UNLOAD());
  const MOVE_1 = __importDefault(requireMOVE());
  const MSET_1 = __importDefault(requireMSET());
  const MSETEX_1 = __importDefault(requireMSETEX());
  const MSETNX_1 = __importDefault(requireMSETNX());
  const OBJECT_ENCODING_1 = __importDefault(requireOBJECT_ENCODING());
  const OBJECT_FREQ_1 = __importDefault(requireOBJECT_FREQ());
  const OBJECT_IDLETIME_1 = __importDefault(requireOBJECT_IDLETIME());
  const OBJECT_REFCOUNT_1 = __importDefault(requireOBJECT_REFCOUNT());
  const PERSIST_1 = __importDefault(requirePERSIST());
  const PEXPIRE_1 = __importDefault(requirePEXPIRE());
  const PEXPIREAT_1 = __importDefault(requirePEXPIREAT());
  const PEXPIRETIME_1 = __importDefault(requirePEXPIRETIME());
  const PFADD_1 = __importDefault(requirePFADD());
  const PFCOUNT_1 = __importDefault(requirePFCOUNT());
  const PFMERGE_1 = __importDefault(requirePFMERGE());
  const PING_1 = __importDefault(requirePING());
  const PSETEX_1 = __importDefault(requirePSETEX());
  const PTTL_1 = __importDefault(requirePTTL());
  const PUBLISH_1 = __importDefault(requirePUBLISH());
  const PUBSUB_CHANNELS_1 = __importDefault(requirePUBSUB_CHANNELS());
  const PUBSUB_NUMPAT_1 = __importDefault(requirePUBSUB_NUMPAT());
  const PUBSUB_NUMSUB_1 = __importDefault(requirePUBSUB_NUMSUB());
  const PUBSUB_SHARDNUMSUB_1 = __importDefault(requirePUBSUB_SHARDNUMSUB());
  const PUBSUB_SHARDCHANNELS_1 = __importDefault(requirePUBSUB_SHARDCHANNELS());
  const RANDOMKEY_1 = __importDefault(requireRANDOMKEY());
  const READONLY_1 = __importDefault(requireREADONLY());
  const RENAME_1 = __importDefault(requireRENAME());
  const RENAMENX_1 = __importDefault(requireRENAMENX());
  const REPLICAOF_1 = __importDefault(requireREPLICAOF());
  const RESTORE_ASKING_1 = __importDefault(requireRESTOREASKING());
  const RESTORE_1 = __importDefault(requireRESTORE());
  const ROLE_1 = __importDefault(requireROLE());
  const RPOP_COUNT_1 = __importDefault(requireRPOP_COUNT());
  const RPOP_1 = __importDefault(requireRPOP());
  const RPOPLPUSH_1 = __importDefault(requireRPOPLPUSH());
  const RPUSH_1 = __importDefault(requireRPUSH());
  const RPUSHX_1 = __importDefault(requireRPUSHX());
  const SADD_1 = __importDefault(requireSADD());
  const SCAN_1 = __importDefault(requireSCAN());
  const SCARD_1 = __importDefault(requireSCARD());
  const SCRIPT_DEBUG_1 = __importDefault(requireSCRIPT_DEBUG());
  const SCRIPT_EXISTS_1 = __importDefault(requireSCRIPT_EXISTS());
  const SCRIPT_FLUSH_1 = __importDefault(requireSCRIPT_FLUSH());
  const SCRIPT_KILL_1 = __importDefault(requireSCRIPT_KILL());
  const SCRIPT_LOAD_1 = __importDefault(requireSCRIPT_LOAD());
  const SDIFF_1 = __importDefault(requireSDIFF());
  const SDIFFCARD_1 = __importDefault(requireSDIFFCARD());
  const SDIFFSTORE_1 = __importDefault(requireSDIFFSTORE());
  const SET_1 = __importDefault(requireSET());
  const SETBIT_1 = __importDefault(requireSETBIT());
  const SETEX_1 = __importDefault(requireSETEX());
  const SETNX_1 = __importDefault(requireSETNX());
  const SETRANGE_1 = __importDefault(requireSETRANGE());
  const SINTER_1 = __importDefault(requireSINTER());
  const SINTERCARD_1 = __importDefault(requireSINTERCARD());
  const SINTERSTORE_1 = __importDefault(requireSINTERSTORE());
  const SISMEMBER_1 = __importDefault(requireSISMEMBER());
  const SMEMBERS_1 = __importDefault(requireSMEMBERS());
  const SMISMEMBER_1 = __importDefault(requireSMISMEMBER());
  const SMOVE_1 = __importDefault(requireSMOVE());
  const SORT_RO_1 = __importDefault(requireSORT_RO());
  const SORT_STORE_1 = __importDefault(requireSORT_STORE());
  const SORT_1 = __importDefault(requireSORT());
  const SPOP_COUNT_1 = __importDefault(requireSPOP_COUNT());
  const SPOP_1 = __importDefault(requireSPOP());
  const SPUBLISH_1 = __importDefault(requireSPUBLISH());
  const SRANDMEMBER_COUNT_1 = __importDefault(requireSRANDMEMBER_COUNT());
  const SRANDMEMBER_1 = __importDefault(requireSRANDMEMBER());
  const SREM_1 = __importDefault(requireSREM());
  const SSCAN_1 = __importDefault(requireSSCAN());
  const STRLEN_1 = __importDefault(requireSTRLEN());
  const SUNION_1 = __importDefault(requireSUNION());
  const SUNIONCARD_1 = __importDefault(requireSUNIONCARD());
  const SUNIONSTORE_1 = __importDefault(requireSUNIONSTORE());
  const SWAPDB_1 = __importDefault(requireSWAPDB());
  const TIME_1 = __importDefault(requireTIME());
  const TOUCH_1 = __importDefault(requireTOUCH());
  const TTL_1 = __importDefault(requireTTL());
  const TYPE_1 = __importDefault(requireTYPE());
  const UNLINK_1 = __importDefault(requireUNLINK());
  const WAIT_1 = __importDefault(requireWAIT());
  const XACK_1 = __importDefault(requireXACK());
  const XACKDEL_1 = __importDefault(requireXACKDEL());
  const XADD_NOMKSTREAM_1 = __importDefault(requireXADD_NOMKSTREAM());
  const XADD_1 = __importDefault(requireXADD());
  const XAUTOCLAIM_JUSTID_1 = __importDefault(requireXAUTOCLAIM_JUSTID());
  const XAUTOCLAIM_1 = __importDefault(requireXAUTOCLAIM());
  const XCLAIM_JUSTID_1 = __importDefault(requireXCLAIM_JUSTID());
  const XCLAIM_1 = __importDefault(requireXCLAIM());
  const XCFGSET_1 = __importDefault(requireXCFGSET());
  const XDEL_1 = __importDefault(requireXDEL());
  const XDELEX_1 = __importDefault(requireXDELEX());
  const XGROUP_CREATE_1 = __importDefault(requireXGROUP_CREATE());
  const XGROUP_CREATECONSUMER_1 = __importDefault(requireXGROUP_CREATECONSUMER());
  const XGROUP_DELCONSUMER_1 = __importDefault(requireXGROUP_DELCONSUMER());
  const XGROUP_DESTROY_1 = __importDefault(requireXGROUP_DESTROY());
  const XGROUP_SETID_1 = __importDefault(requireXGROUP_SETID());
  const XINFO_CONSUMERS_1 = __importDefault(requireXINFO_CONSUMERS());
  const XINFO_GROUPS_1 = __importDefault(requireXINFO_GROUPS());
  const XINFO_STREAM_1 = __importDefault(requireXINFO_STREAM());
  const XLEN_1 = __importDefault(requireXLEN());
  const XNACK_1 = __importDefault(requireXNACK());
  const XPENDING_RANGE_1 = __importDefault(requireXPENDING_RANGE());
  const XPENDING_1 = __importDefault(requireXPENDING());
  const XRANGE_1 = __importDefault(requireXRANGE());
  const XREAD_1 = __importDefault(requireXREAD());
  const XREADGROUP_1 = __importDefault(requireXREADGROUP());
  const XREVRANGE_1 = __importDefault(requireXREVRANGE());
  const XSETID_1 = __importDefault(requireXSETID());
  const XTRIM_1 = __importDefault(requireXTRIM());
  const ZADD_INCR_1 = __importDefault(requireZADD_INCR());
  const ZADD_1 = __importDefault(requireZADD());
  const ZCARD_1 = __importDefault(requireZCARD());
  const ZCOUNT_1 = __importDefault(requireZCOUNT());
  const ZDIFF_WITHSCORES_1 = __importDefault(requireZDIFF_WITHSCORES());
  const ZDIFF_1 = __importDefault(requireZDIFF());
  const ZDIFFSTORE_1 = __importDefault(requireZDIFFSTORE());
  const ZINCRBY_1 = __importDefault(requireZINCRBY());
  const ZINTER_WITHSCORES_1 = __importDefault(requireZINTER_WITHSCORES());
  const ZINTER_1 = __importDefault(requireZINTER());
  const ZINTERCARD_1 = __importDefault(requireZINTERCARD());
  const ZINTERSTORE_1 = __importDefault(requireZINTERSTORE());
  const ZLEXCOUNT_1 = __importDefault(requireZLEXCOUNT());
  const ZMPOP_1 = __importDefault(requireZMPOP());
  const ZMSCORE_1 = __importDefault(requireZMSCORE());
  const ZPOPMAX_COUNT_1 = __importDefault(requireZPOPMAX_COUNT());
  const ZPOPMAX_1 = __importDefault(requireZPOPMAX());
  const ZPOPMIN_COUNT_1 = __importDefault(requireZPOPMIN_COUNT());
  const ZPOPMIN_1 = __importDefault(requireZPOPMIN());
  const ZRANDMEMBER_COUNT_WITHSCORES_1 = __importDefault(requireZRANDMEMBER_COUNT_WITHSCORES());
  const ZRANDMEMBER_COUNT_1 = __importDefault(requireZRANDMEMBER_COUNT());
  const ZRANDMEMBER_1 = __importDefault(requireZRANDMEMBER());
  const ZRANGE_WITHSCORES_1 = __importDefault(requireZRANGE_WITHSCORES());
  const ZRANGE_1 = __importDefault(requireZRANGE());
  const ZRANGEBYLEX_1 = __importDefault(requireZRANGEBYLEX());
  const ZRANGEBYSCORE_WITHSCORES_1 = __importDefault(requireZRANGEBYSCORE_WITHSCORES());
  const ZRANGEBYSCORE_1 = __importDefault(requireZRANGEBYSCORE());
  const ZRANGESTORE_1 = __importDefault(requireZRANGESTORE());
  const ZREMRANGEBYSCORE_1 = __importDefault(requireZREMRANGEBYSCORE());
  const ZRANK_WITHSCORE_1 = __importDefault(requireZRANK_WITHSCORE());
  const ZRANK_1 = __importDefault(requireZRANK());
  const ZREM_1 = __importDefault(requireZREM());
  const ZREMRANGEBYLEX_1 = __importDefault(requireZREMRANGEBYLEX());
  const ZREMRANGEBYRANK_1 = __importDefault(requireZREMRANGEBYRANK());
  const ZREVRANK_WITHSCORE_1 = __importDefault(requireZREVRANK_WITHSCORE());
  const ZREVRANK_1 = __importDefault(requireZREVRANK());
  const ZSCAN_1 = __importDefault(requireZSCAN());
  const ZSCORE_1 = __importDefault(requireZSCORE());
  const ZUNION_WITHSCORES_1 = __importDefault(requireZUNION_WITHSCORES());
  const ZUNION_1 = __importDefault(requireZUNION());
  const ZUNIONSTORE_1 = __importDefault(requireZUNIONSTORE());
  const VADD_1 = __importDefault(requireVADD());
  const VCARD_1 = __importDefault(requireVCARD());
  const VDIM_1 = __importDefault(requireVDIM());
  const VEMB_1 = __importDefault(requireVEMB());
  const VEMB_RAW_1 = __importDefault(requireVEMB_RAW());
  const VGETATTR_1 = __importDefault(requireVGETATTR());
  const VINFO_1 = __importDefault(requireVINFO());
  const VLINKS_1 = __importDefault(requireVLINKS());
  const VLINKS_WITHSCORES_1 = __importDefault(requireVLINKS_WITHSCORES());
  const VRANDMEMBER_1 = __importDefault(requireVRANDMEMBER());
  const VRANGE_1 = __importDefault(requireVRANGE());
  const VREM_1 = __importDefault(requireVREM());
  const VSETATTR_1 = __importDefault(requireVSETATTR());
  const VSIM_1 = __importDefault(requireVSIM());
  const VSIM_WITHSCORES_1 = __importDefault(requireVSIM_WITHSCORES());
  const LATENCY_HISTOGRAM_1 = __importDefault(requireLATENCY_HISTOGRAM());
  exports.default = {
   ACL_CAT: ACL_CAT_1.default,
   aclCat: ACL_CAT_1.default,
   ACL_DELUSER: ACL_DELUSER_1.default,
   aclDelUser: ACL_DELUSER_1.default,
   ACL_DRYRUN: ACL_DRYRUN_1.default,
   aclDryRun: ACL_DRYRUN_1.default,
   ACL_GENPASS: ACL_GENPASS_1.default,
   aclGenPass: ACL_GENPASS_1.default,
   ACL_GETUSER: ACL_GETUSER_1.default,
   aclGetUser: ACL_GETUSER_1.default,
   ACL_LIST: ACL_LIST_1.default,
   aclList: ACL_LIST_1.default,
   ACL_LOAD: ACL_LOAD_1.default,
   aclLoad: ACL_LOAD_1.default,
   ACL_LOG_RESET: ACL_LOG_RESET_1.default,
   aclLogReset: ACL_LOG_RESET_1.default,
   ACL_LOG: ACL_LOG_1.default,
   aclLog: ACL_LOG_1.default,
   ACL_SAVE: ACL_SAVE_1.default,
   aclSave: ACL_SAVE_1.default,
   ACL_SETUSER: ACL_SETUSER_1.default,
   aclSetUser: ACL_SETUSER_1.default,
   ACL_USERS: ACL_USERS_1.default,
   aclUsers: ACL_USERS_1.default,
   ACL_WHOAMI: ACL_WHOAMI_1.default,
   aclWhoAmI: ACL_WHOAMI_1.default,
   APPEND: APPEND_1.default,
   append: APPEND_1.default,
   ARCOUNT: ARCOUNT_1.default,
   arCount: ARCOUNT_1.default,
   ARDEL: ARDEL_1.default,
   arDel: ARDEL_1.default,
   ARDELRANGE: ARDELRANGE_1.default,
   arDelRange: ARDELRANGE_1.default,
   ARGET: ARGET_1.default,
   arGet: ARGET_1.default,
   ARGETRANGE: ARGETRANGE_1.default,
   arGetRange: ARGETRANGE_1.default,
   ARGREP: ARGREP_1.default,
   arGrep: ARGREP_1.default,
   ARGREP_WITHVALUES: ARGREP_WITHVALUES_1.default,
   arGrepWithValues: ARGREP_WITHVALUES_1.default,
   ARINFO: ARINFO_1.default,
   arInfo: ARINFO_1.default,
   ARINSERT: ARINSERT_1.default,
   arInsert: ARINSERT_1.default,
   ARLASTITEMS: ARLASTITEMS_1.default,
   arLastItems: ARLASTITEMS_1.default,
   ARLEN: ARLEN_1.default,
   arLen: ARLEN_1.default,
   ARMGET: ARMGET_1.default,
   arMGet: ARMGET_1.default,
   ARMSET: ARMSET_1.default,
   arMSet: ARMSET_1.default,
   ARNEXT: ARNEXT_1.default,
   arNext: ARNEXT_1.default,
   AROP: AROP_1.default,
   arOp: AROP_1.default,
   ARRING: ARRING_1.default,
   arRing: ARRING_1.default,
   ARSCAN: ARSCAN_1.default,
   arScan: ARSCAN_1.default,
   ARSEEK: ARSEEK_1.default,
   arSeek: ARSEEK_1.default,
   ARSET: ARSET_1.default,
   arSet: ARSET_1.default,
   ASKING: ASKING_1.default,
   asking: ASKING_1.default,
   AUTH: AUTH_1.default,
   auth: AUTH_1.default,
   BGREWRITEAOF: BGREWRITEAOF_1.default,
   bgRewriteAof: BGREWRITEAOF_1.default,
   BGSAVE: BGSAVE_1.default,
   bgSave: BGSAVE_1.default,
   BITCOUNT: BITCOUNT_1.default,
   bitCount: BITCOUNT_1.default,
   BITFIELD_RO: BITFIELD_RO_1.default,
   bitFieldRo: BITFIELD_RO_1.default,
   BITFIELD: BITFIELD_1.default,
   bitField: BITFIELD_1.default,
   BITOP: BITOP_1.default,
   bitOp: BITOP_1.default,
   BITPOS: BITPOS_1.default,
   bitPos: BITPOS_1.default,
   BLESS_GET: BLESS_GET_1.default,
   blessGet: BLESS_GET_1.default,
   BLESS_SET: BLESS_SET_1.default,
   blessSet: BLESS_SET_1.default,
   BLESS_CLEAR: BLESS_CLEAR_1.default,
   blessClear: BLESS_CLEAR_1.default,
   BLESS_SCAN: BLESS_SCAN_1.default,
   blessScan: BLESS_SCAN_1.default,
   BLMOVE: BLMOVE_1.default,
   blMove: BLMOVE_1.default,
   BLMOVEM: BLMOVEM_1.default,
   blMoveM: BLMOVEM_1.default,
   BLMPOP: BLMPOP_1.default,
   blmPop: BLMPOP_1.default,
   BLPOP: BLPOP_1.default,
   blPop: BLPOP_1.default,
   BRPOP: BRPOP_1.default,
   brPop: BRPOP_1.default,
   BRPOPLPUSH: BRPOPLPUSH_1.default,
   brPopLPush: BRPOPLPUSH_1.default,
   BZMPOP: BZMPOP_1.default,
   bzmPop: BZMPOP_1.default,
   BZPOPMAX: BZPOPMAX_1.default,
   bzPopMax: BZPOPMAX_1.default,
   BZPOPMIN: BZPOPMIN_1.default,
   bzPopMin: BZPOPMIN_1.default,
   CLIENT_CACHING: CLIENT_CACHING_1.default,
   clientCaching: CLIENT_CACHING_1.default,
   CLIENT_GETNAME: CLIENT_GETNAME_1.default,
   clientGetName: CLIENT_GETNAME_1.default,
   CLIENT_GETREDIR: CLIENT_GETREDIR_1.default,
   clientGetRedir: CLIENT_GETREDIR_1.default,
   CLIENT_ID: CLIENT_ID_1.default,
   clientId: CLIENT_ID_1.default,
   CLIENT_INFO: CLIENT_INFO_1.default,
   clientInfo: CLIENT_INFO_1.default,
   CLIENT_KILL: CLIENT_KILL_1.default,
   clientKill: CLIENT_KILL_1.default,
   CLIENT_LIST: CLIENT_LIST_1.default,
   clientList: CLIENT_LIST_1.default,
   "CLIENT_NO-EVICT": CLIENT_NO_EVICT_1.default,
   clientNoEvict: CLIENT_NO_EVICT_1.default,
   "CLIENT_NO-TOUCH": CLIENT_NO_TOUCH_1.default,
   clientNoTouch: CLIENT_NO_TOUCH_1.default,
   CLIENT_PAUSE: CLIENT_PAUSE_1.default,
   clientPause: CLIENT_PAUSE_1.default,
   CLIENT_SETNAME: CLIENT_SETNAME_1.default,
   clientSetName: CLIENT_SETNAME_1.default,
   CLIENT_TRACKING: CLIENT_TRACKING_1.default,
   clientTracking: CLIENT_TRACKING_1.default,
   CLIENT_TRACKINGINFO: CLIENT_TRACKINGINFO_1.default,
   clientTrackingInfo: CLIENT_TRACKINGINFO_1.default,
   CLIENT_UNBLOCK: CLIENT_UNBLOCK_1.default,
   clientUnblock: CLIENT_UNBLOCK_1.default,
   CLIENT_UNPAUSE: CLIENT_UNPAUSE_1.default,
   clientUnpause: CLIENT_UNPAUSE_1.default,
   CLUSTER_ADDSLOTS: CLUSTER_ADDSLOTS_1.default,
   clusterAddSlots: CLUSTER_ADDSLOTS_1.default,
   CLUSTER_ADDSLOTSRANGE: CLUSTER_ADDSLOTSRANGE_1.default,
   clusterAddSlotsRange: CLUSTER_ADDSLOTSRANGE_1.default,
   CLUSTER_BUMPEPOCH: CLUSTER_BUMPEPOCH_1.default,
   clusterBumpEpoch: CLUSTER_BUMPEPOCH_1.default,
   "CLUSTER_COUNT-FAILURE-REPORTS": CLUSTER_COUNT_FAILURE_REPORTS_1.default,
   clusterCountFailureReports: CLUSTER_COUNT_FAILURE_REPORTS_1.default,
   CLUSTER_COUNTKEYSINSLOT: CLUSTER_COUNTKEYSINSLOT_1.default,
   clusterCountKeysInSlot: CLUSTER_COUNTKEYSINSLOT_1.default,
   CLUSTER_DELSLOTS: CLUSTER_DELSLOTS_1.default,
   clusterDelSlots: CLUSTER_DELSLOTS_1.default,
   CLUSTER_DELSLOTSRANGE: CLUSTER_DELSLOTSRANGE_1.default,
   clusterDelSlotsRange: CLUSTER_DELSLOTSRANGE_1.default,
   CLUSTER_FAILOVER: CLUSTER_FAILOVER_1.default,
   clusterFailover: CLUSTER_FAILOVER_1.default,
   CLUSTER_FLUSHSLOTS: CLUSTER_FLUSHSLOTS_1.default,
   clusterFlushSlots: CLUSTER_FLUSHSLOTS_1.default,
   CLUSTER_FORGET: CLUSTER_FORGET_1.default,
   clusterForget: CLUSTER_FORGET_1.default,
   CLUSTER_GETKEYSINSLOT: CLUSTER_GETKEYSINSLOT_1.default,
   clusterGetKeysInSlot: CLUSTER_GETKEYSINSLOT_1.default,
   CLUSTER_INFO: CLUSTER_INFO_1.default,
   clusterInfo: CLUSTER_INFO_1.default,
   CLUSTER_KEYSLOT: CLUSTER_KEYSLOT_1.default,
   clusterKeySlot: CLUSTER_KEYSLOT_1.default,
   CLUSTER_LINKS: CLUSTER_LINKS_1.default,
   clusterLinks: CLUSTER_LINKS_1.default,
   CLUSTER_MEET: CLUSTER_MEET_1.default,
   clusterMeet: CLUSTER_MEET_1.default,
   CLUSTER_MYID: CLUSTER_MYID_1.default,
   clusterMyId: CLUSTER_MYID_1.default,
   CLUSTER_MYSHARDID: CLUSTER_MYSHARDID_1.default,
   clusterMyShardId: CLUSTER_MYSHARDID_1.default,
   CLUSTER_NODES: CLUSTER_NODES_1.default,
   clusterNodes: CLUSTER_NODES_1.default,
   CLUSTER_REPLICAS: CLUSTER_REPLICAS_1.default,
   clusterReplicas: CLUSTER_REPLICAS_1.default,
   CLUSTER_REPLICATE: CLUSTER_REPLICATE_1.default,
   clusterReplicate: CLUSTER_REPLICATE_1.default,
   CLUSTER_RESET: CLUSTER_RESET_1.default,
   clusterReset: CLUSTER_RESET_1.default,
   CLUSTER_SAVECONFIG: CLUSTER_SAVECONFIG_1.default,
   clusterSaveConfig: CLUSTER_SAVECONFIG_1.default,
   "CLUSTER_SET-CONFIG-EPOCH": CLUSTER_SET_CONFIG_EPOCH_1.default,
   clusterSetConfigEpoch: CLUSTER_SET_CONFIG_EPOCH_1.default,
   CLUSTER_SETSLOT: CLUSTER_SETSLOT_1.default,
   clusterSetSlot: CLUSTER_SETSLOT_1.default,
   CLUSTER_SLOTS: CLUSTER_SLOTS_1.default,
   clusterSlots: CLUSTER_SLOTS_1.default,
   COMMAND_COUNT: COMMAND_COUNT_1.default,
   commandCount: COMMAND_COUNT_1.default,
   COMMAND_GETKEYS: COMMAND_GETKEYS_1.default,
   commandGetKeys: COMMAND_GETKEYS_1.default,
   COMMAND_GETKEYSANDFLAGS: COMMAND_GETKEYSANDFLAGS_1.default,
   commandGetKeysAndFlags: COMMAND_GETKEYSANDFLAGS_1.default,
   COMMAND_DOCS: COMMAND_DOCS_1.default,
   commandDocs: COMMAND_DOCS_1.default,
   COMMAND_INFO: COMMAND_INFO_1.default,
   commandInfo: COMMAND_INFO_1.default,
   COMMAND_LIST: COMMAND_LIST_1.default,
   commandList: COMMAND_LIST_1.default,
   COMMAND: COMMAND_1.default,
   command: COMMAND_1.default,
   CONFIG_GET: CONFIG_GET_1.default,
   configGet: CONFIG_GET_1.default,
   CONFIG_RESETASTAT: CONFIG_RESETSTAT_1.default,
   configResetStat: CONFIG_RESETSTAT_1.default,
   CONFIG_REWRITE: CONFIG_REWRITE_1.default,
   configRewrite: CONFIG_REWRITE_1.default,
   CONFIG_SET: CONFIG_SET_1.default,
   configSet: CONFIG_SET_1.default,
   COPY: COPY_1.default,
   copy: COPY_1.default,
   DBSIZE: DBSIZE_1.default,
   dbSize: DBSIZE_1.default,
   DECR: DECR_1.default,
   decr: DECR_1.default,
   DECRBY: DECRBY_1.default,
   decrBy: DECRBY_1.default,
   DEL: DEL_1.default,
   del: DEL_1.default,
   DELEX: DELEX_1.default,
   delEx: DELEX_1.default,
   DIGEST: DIGEST_1.default,
   digest: DIGEST_1.default,
   DUMP: DUMP_1.default,
   dump: DUMP_1.default,
   ECHO: ECHO_1.default,
   echo: ECHO_1.default,
   EVAL_RO: EVAL_RO_1.default,
   evalRo: EVAL_RO_1.default,
   EVAL: EVAL_1.default,
   eval: EVAL_1.default,
   EVALSHA_RO: EVALSHA_RO_1.default,
   evalShaRo: EVALSHA_RO_1.default,
   EVALSHA: EVALSHA_1.default,
   evalSha: EVALSHA_1.default,
   EXISTS: EXISTS_1.default,
   exists: EXISTS_1.default,
   EXPIRE: EXPIRE_1.default,
   expire: EXPIRE_1.default,
   EXPIREAT: EXPIREAT_1.default,
   expireAt: EXPIREAT_1.default,
   EXPIRETIME: EXPIRETIME_1.default,
   expireTime: EXPIRETIME_1.default,
   FLUSHALL: FLUSHALL_1.default,
   flushAll: FLUSHALL_1.default,
   FLUSHDB: FLUSHDB_1.default,
   flushDb: FLUSHDB_1.default,
   FCALL: FCALL_1.default,
   fCall: FCALL_1.default,
   FCALL_RO: FCALL_RO_1.default,
   fCallRo: FCALL_RO_1.default,
   FUNCTION_DELETE: FUNCTION_DELETE_1.default,
   functionDelete: FUNCTION_DELETE_1.default,
   FUNCTION_DUMP: FUNCTION_DUMP_1.default,
   functionDump: FUNCTION_DUMP_1.default,
   FUNCTION_FLUSH: FUNCTION_FLUSH_1.default,
   functionFlush: FUNCTION_FLUSH_1.default,
   FUNCTION_KILL: FUNCTION_KILL_1.default,
   functionKill: FUNCTION_KILL_1.default,
   FUNCTION_LIST_WITHCODE: FUNCTION_LIST_WITHCODE_1.default,
   functionListWithCode: FUNCTION_LIST_WITHCODE_1.default,
   FUNCTION_LIST: FUNCTION_LIST_1.default,
   functionList: FUNCTION_LIST_1.default,
   FUNCTION_LOAD: FUNCTION_LOAD_1.default,
   functionLoad: FUNCTION_LOAD_1.default,
   FUNCTION_RESTORE: FUNCTION_RESTORE_1.default,
   functionRestore: FUNCTION_RESTORE_1.default,
   FUNCTION_STATS: FUNCTION_STATS_1.default,
   functionStats: FUNCTION_STATS_1.default,
   GEOADD: GEOADD_1.default,
   geoAdd: GEOADD_1.default,
   GEODIST: GEODIST_1.default,
   geoDist: GEODIST_1.default,
   GEOHASH: GEOHASH_1.default,
   geoHash: GEOHASH_1.default,
   GEOPOS: GEOPOS_1.default,
   geoPos: GEOPOS_1.default,
   GEORADIUS_RO_WITH: GEORADIUS_RO_WITH_1.default,
   geoRadiusRoWith: GEORADIUS_RO_WITH_1.default,
   GEORADIUS_RO: GEORADIUS_RO_1.default,
   geoRadiusRo: GEORADIUS_RO_1.default,
   GEORADIUS_STORE: GEORADIUS_STORE_1.default,
   geoRadiusStore: GEORADIUS_STORE_1.default,
   GEORADIUS_WITH: GEORADIUS_WITH_1.default,
   geoRadiusWith: GEORADIUS_WITH_1.default,
   GEORADIUS: GEORADIUS_1.default,
   geoRadius: GEORADIUS_1.default,
   GEORADIUSBYMEMBER_RO_WITH: GEORADIUSBYMEMBER_RO_WITH_1.default,
   geoRadiusByMemberRoWith: GEORADIUSBYMEMBER_RO_WITH_1.default,
   GEORADIUSBYMEMBER_RO: GEORADIUSBYMEMBER_RO_1.default,
   geoRadiusByMemberRo: GEORADIUSBYMEMBER_RO_1.default,
   GEORADIUSBYMEMBER_STORE: GEORADIUSBYMEMBER_STORE_1.default,
   geoRadiusByMemberStore: GEORADIUSBYMEMBER_STORE_1.default,
   GEORADIUSBYMEMBER_WITH: GEORADIUSBYMEMBER_WITH_1.default,
   geoRadiusByMemberWith: GEORADIUSBYMEMBER_WITH_1.default,
   GEORADIUSBYMEMBER: GEORADIUSBYMEMBER_1.default,
   geoRadiusByMember: GEORADIUSBYMEMBER_1.default,
   GEOSEARCH_WITH: GEOSEARCH_WITH_1.default,
   geoSearchWith: GEOSEARCH_WITH_1.default,
   GEOSEARCH: GEOSEARCH_1.default,
   geoSearch: GEOSEARCH_1.default,
   GEOSEARCHSTORE: GEOSEARCHSTORE_1.default,
   geoSearchStore: GEOSEARCHSTORE_1.default,
   GET: GET_1.default,
   get: GET_1.default,
   GETBIT: GETBIT_1.default,
   getBit: GETBIT_1.default,
   GETDEL: GETDEL_1.default,
   getDel: GETDEL_1.default,
   GETEX: GETEX_1.default,
   getEx: GETEX_1.default,
   GETRANGE: GETRANGE_1.default,
   getRange: GETRANGE_1.default,
   GETSET: GETSET_1.default,
   getSet: GETSET_1.default,
   HDEL: HDEL_1.default,
   hDel: HDEL_1.default,
   HELLO: HELLO_1.default,
   hello: HELLO_1.default,
   HEXISTS: HEXISTS_1.default,
   hExists: HEXISTS_1.default,
   HEXPIRE: HEXPIRE_1.default,
   hExpire: HEXPIRE_1.default,
   HEXPIREAT: HEXPIREAT_1.default,
   hExpireAt: HEXPIREAT_1.default,
   HEXPIRETIME: HEXPIRETIME_1.default,
   hExpireTime: HEXPIRETIME_1.default,
   HGET: HGET_1.default,
   hGet: HGET_1.default,
   HGETALL: HGETALL_1.default,
   hGetAll: HGETALL_1.default,
   HGETDEL: HGETDEL_1.default,
   hGetDel: HGETDEL_1.default,
   HGETEX: HGETEX_1.default,
   hGetEx: HGETEX_1.default,
   HIMPORT_DISCARD: HIMPORT_DISCARD_1.default,
   hImportDiscard: HIMPORT_DISCARD_1.default,
   HIMPORT_DISCARDALL: HIMPORT_DISCARDALL_1.default,
   hImportDiscardAll: HIMPORT_DISCARDALL_1.default,
   HIMPORT_PREPARE: HIMPORT_PREPARE_1.default,
   hImportPrepare: HIMPORT_PREPARE_1.default,
   HIMPORT_SET: HIMPORT_SET_1.default,
   hImportSet: HIMPORT_SET_1.default,
   HINCRBY: HINCRBY_1.default,
   hIncrBy: HINCRBY_1.default,
   HINCRBYFLOAT: HINCRBYFLOAT_1.default,
   hIncrByFloat: HINCRBYFLOAT_1.default,
   HKEYS: HKEYS_1.default,
   hKeys: HKEYS_1.default,
   HLEN: HLEN_1.default,
   hLen: HLEN_1.default,
   HMGET: HMGET_1.default,
   hmGet: HMGET_1.default,
   HPERSIST: HPERSIST_1.default,
   hPersist: HPERSIST_1.default,
   HPEXPIRE: HPEXPIRE_1.default,
   hpExpire: HPEXPIRE_1.default,
   HPEXPIREAT: HPEXPIREAT_1.default,
   hpExpireAt: HPEXPIREAT_1.default,
   HPEXPIRETIME: HPEXPIRETIME_1.default,
   hpExpireTime: HPEXPIRETIME_1.default,
   HPTTL: HPTTL_1.default,
   hpTTL: HPTTL_1.default,
   HRANDFIELD_COUNT_WITHVALUES: HRANDFIELD_COUNT_WITHVALUES_1.default,
   hRandFieldCountWithValues: HRANDFIELD_COUNT_WITHVALUES_1.default,
   HRANDFIELD_COUNT: HRANDFIELD_COUNT_1.default,
   hRandFieldCount: HRANDFIELD_COUNT_1.default,
   HRANDFIELD: HRANDFIELD_1.default,
   hRandField: HRANDFIELD_1.default,
   HSCAN: HSCAN_1.default,
   hScan: HSCAN_1.default,
   HSCAN_NOVALUES: HSCAN_NOVALUES_1.default,
   hScanNoValues: HSCAN_NOVALUES_1.default,
   HSET: HSET_1.default,
   hSet: HSET_1.default,
   HSETEX: HSETEX_1.default,
   hSetEx: HSETEX_1.default,
   HSETNX: HSETNX_1.default,
   hSetNX: HSETNX_1.default,
   HSTRLEN: HSTRLEN_1.default,
   hStrLen: HSTRLEN_1.default,
   HTTL: HTTL_1.default,
   hTTL: HTTL_1.default,
   HVALS: HVALS_1.default,
   hVals: HVALS_1.default,
   HOTKEYS_GET: HOTKEYS_GET_1.default,
   hotkeysGet: HOTKEYS_GET_1.default,
   HOTKEYS_RESET: HOTKEYS_RESET_1.default,
   hotkeysReset: HOTKEYS_RESET_1.default,
   HOTKEYS_START: HOTKEYS_START_1.default,
   hotkeysStart: HOTKEYS_START_1.default,
   HOTKEYS_STOP: HOTKEYS_STOP_1.default,
   hotkeysStop: HOTKEYS_STOP_1.default,
   INCR: INCR_1.default,
   incr: INCR_1.default,
   INCRBY: INCRBY_1.default,
   incrBy: INCRBY_1.default,
   INCRBYFLOAT: INCRBYFLOAT_1.default,
   incrByFloat: INCRBYFLOAT_1.default,
   INCREX: INCREX_1.default,
   increx: INCREX_1.default,
   INCREXBYFLOAT: INCREXBYFLOAT_1.default,
   incrExByFloat: INCREXBYFLOAT_1.default,
   INFO: INFO_1.default,
   info: INFO_1.default,
   KEYS: KEYS_1.default,
   keys: KEYS_1.default,
   LASTSAVE: LASTSAVE_1.default,
   lastSave: LASTSAVE_1.default,
   LATENCY_DOCTOR: LATENCY_DOCTOR_1.default,
   latencyDoctor: LATENCY_DOCTOR_1.default,
   LATENCY_GRAPH: LATENCY_GRAPH_1.default,
   latencyGraph: LATENCY_GRAPH_1.default,
   LATENCY_HISTORY: LATENCY_HISTORY_1.default,
   latencyHistory: LATENCY_HISTORY_1.default,
   LATENCY_HISTOGRAM: LATENCY_HISTOGRAM_1.default,
   latencyHistogram: LATENCY_HISTOGRAM_1.default,
   LATENCY_LATEST: LATENCY_LATEST_1.default,
   latencyLatest: LATENCY_LATEST_1.default,
   LATENCY_RESET: LATENCY_RESET_1.default,
   latencyReset: LATENCY_RESET_1.default,
   LCS_IDX_WITHMATCHLEN: LCS_IDX_WITHMATCHLEN_1.default,
   lcsIdxWithMatchLen: LCS_IDX_WITHMATCHLEN_1.default,
   LCS_IDX: LCS_IDX_1.default,
   lcsIdx: LCS_IDX_1.default,
   LCS_LEN: LCS_LEN_1.default,
   lcsLen: LCS_LEN_1.default,
   LCS: LCS_1.default,
   lcs: LCS_1.default,
   LINDEX: LINDEX_1.default,
   lIndex: LINDEX_1.default,
   LINSERT: LINSERT_1.default,
   lInsert: LINSERT_1.default,
   LLEN: LLEN_1.default,
   lLen: LLEN_1.default,
   LMOVE: LMOVE_1.default,
   lMove: LMOVE_1.default,
   LMOVEM: LMOVEM_1.default,
   lMoveM: LMOVEM_1.default,
   LMPOP: LMPOP_1.default,
   lmPop: LMPOP_1.default,
   LOLWUT: LOLWUT_1.default,
   LPOP_COUNT: LPOP_COUNT_1.default,
   lPopCount: LPOP_COUNT_1.default,
   LPOP: LPOP_1.default,
   lPop: LPOP_1.default,
   LPOS_COUNT: LPOS_COUNT_1.default,
   lPosCount: LPOS_COUNT_1.default,
   LPOS: LPOS_1.default,
   lPos: LPOS_1.default,
   LPUSH: LPUSH_1.default,
   lPush: LPUSH_1.default,
   LPUSHX: LPUSHX_1.default,
   lPushX: LPUSHX_1.default,
   LRANGE: LRANGE_1.default,
   lRange: LRANGE_1.default,
   LREM: LREM_1.default,
   lRem: LREM_1.default,
   LSET: LSET_1.default,
   lSet: LSET_1.default,
   LTRIM: LTRIM_1.default,
   lTrim: LTRIM_1.default,
   MEMORY_DOCTOR: MEMORY_DOCTOR_1.default,
   memoryDoctor: MEMORY_DOCTOR_1.default,
   "MEMORY_MALLOC-STATS": MEMORY_MALLOC_STATS_1.default,
   memoryMallocStats: MEMORY_MALLOC_STATS_1.default,
   MEMORY_PURGE: MEMORY_PURGE_1.default,
   memoryPurge: MEMORY_PURGE_1.default,
   MEMORY_STATS: MEMORY_STATS_1.default,
   memoryStats: MEMORY_STATS_1.default,
   MEMORY_USAGE: MEMORY_USAGE_1.default,
   memoryUsage: MEMORY_USAGE_1.default,
   MGET: MGET_1.default,
   mGet: MGET_1.default,
   MIGRATE: MIGRATE_1.default,
   migrate: MIGRATE_1.default,
   MODULE_LIST: MODULE_LIST_1.default,
   moduleList: MODULE_LIST_1.default,
   MODULE_LOAD: MODULE_LOAD_1.default,
   moduleLoad: MODULE_LOAD_1.default,
   MODULE_UNLOAD: MODULE_UNLOAD_1.default,
   moduleUnload: MODULE_UNLOAD_1.default,
   MOVE: MOVE_1.default,
   move: MOVE_1.default,
   MSET: MSET_1.default,
   mSet: MSET_1.default,
   MSETEX: MSETEX_1.default,
   mSetEx: MSETEX_1.default,
   MSETNX: MSETNX_1.default,
   mSetNX: MSETNX_1.default,
   OBJECT_ENCODING: OBJECT_ENCODING_1.default,
   objectEncoding: OBJECT_ENCODING_1.default,
   OBJECT_FREQ: OBJECT_FREQ_1.default,
   objectFreq: OBJECT_FREQ_1.default,
   OBJECT_IDLETIME: OBJECT_IDLETIME_1.default,
   objectIdleTime: OBJECT_IDLETIME_1.default,
   OBJECT_REFCOUNT: OBJECT_REFCOUNT_1.default,
   objectRefCount: OBJECT_REFCOUNT_1.default,
   PERSIST: PERSIST_1.default,
   persist: PERSIST_1.default,
   PEXPIRE: PEXPIRE_1.default,
   pExpire: PEXPIRE_1.default,
   PEXPIREAT: PEXPIREAT_1.default,
   pExpireAt: PEXPIREAT_1.default,
   PEXPIRETIME: PEXPIRETIME_1.default,
   pExpireTime: PEXPIRETIME_1.default,
   PFADD: PFADD_1.default,
   pfAdd: PFADD_1.default,
   PFCOUNT: PFCOUNT_1.default,
   pfCount: PFCOUNT_1.default,
   PFMERGE: PFMERGE_1.default,
   pfMerge: PFMERGE_1.default,
   PING: PING_1.default,
   ping: PING_1.default,
   PSETEX: PSETEX_1.default,
   pSetEx: PSETEX_1.default,
   PTTL: PTTL_1.default,
   pTTL: PTTL_1.default,
   PUBLISH: PUBLISH_1.default,
   publish: PUBLISH_1.default,
   PUBSUB_CHANNELS: PUBSUB_CHANNELS_1.default,
   pubSubChannels: PUBSUB_CHANNELS_1.default,
   PUBSUB_NUMPAT: PUBSUB_NUMPAT_1.default,
   pubSubNumPat: PUBSUB_NUMPAT_1.default,
   PUBSUB_NUMSUB: PUBSUB_NUMSUB_1.default,
   pubSubNumSub: PUBSUB_NUMSUB_1.default,
   PUBSUB_SHARDNUMSUB: PUBSUB_SHARDNUMSUB_1.default,
   pubSubShardNumSub: PUBSUB_SHARDNUMSUB_1.default,
   PUBSUB_SHARDCHANNELS: PUBSUB_SHARDCHANNELS_1.default,
   pubSubShardChannels: PUBSUB_SHARDCHANNELS_1.default,
   RANDOMKEY: RANDOMKEY_1.default,
   randomKey: RANDOMKEY_1.default,
   READONLY: READONLY_1.default,
   readonly: READONLY_1.default,
   RENAME: RENAME_1.default,
   rename: RENAME_1.default,
   RENAMENX: RENAMENX_1.default,
   renameNX: RENAMENX_1.default,
   REPLICAOF: REPLICAOF_1.default,
   replicaOf: REPLICAOF_1.default,
   "RESTORE-ASKING": RESTORE_ASKING_1.default,
   restoreAsking: RESTORE_ASKING_1.default,
   RESTORE: RESTORE_1.default,
   restore: RESTORE_1.default,
   RPOP_COUNT: RPOP_COUNT_1.default,
   rPopCount: RPOP_COUNT_1.default,
   ROLE: ROLE_1.default,
   role: ROLE_1.default,
   RPOP: RPOP_1.default,
   rPop: RPOP_1.default,
   RPOPLPUSH: RPOPLPUSH_1.default,
   rPopLPush: RPOPLPUSH_1.default,
   RPUSH: RPUSH_1.default,
   rPush: RPUSH_1.default,
   RPUSHX: RPUSHX_1.default,
   rPushX: RPUSHX_1.default,
   SADD: SADD_1.default,
   sAdd: SADD_1.default,
   SCAN: SCAN_1.default,
   scan: SCAN_1.default,
   SCARD: SCARD_1.default,
   sCard: SCARD_1.default,
   SCRIPT_DEBUG: SCRIPT_DEBUG_1.default,
   scriptDebug: SCRIPT_DEBUG_1.default,
   SCRIPT_EXISTS: SCRIPT_EXISTS_1.default,
   scriptExists: SCRIPT_EXISTS_1.default,
   SCRIPT_FLUSH: SCRIPT_FLUSH_1.default,
   scriptFlush: SCRIPT_FLUSH_1.default,
   SCRIPT_KILL: SCRIPT_KILL_1.default,
   scriptKill: SCRIPT_KILL_1.default,
   SCRIPT_LOAD: SCRIPT_LOAD_1.default,
   scriptLoad: SCRIPT_LOAD_1.default,
   SDIFF: SDIFF_1.default,
   sDiff: SDIFF_1.default,
   SDIFFCARD: SDIFFCARD_1.default,
   sDiffCard: SDIFFCARD_1.default,
   SDIFFSTORE: SDIFFSTORE_1.default,
   sDiffStore: SDIFFSTORE_1.default,
   SET: SET_1.default,
   set: SET_1.default,
   SETBIT: SETBIT_1.default,
   setBit: SETBIT_1.default,
   SETEX: SETEX_1.default,
   setEx: SETEX_1.default,
   SETNX: SETNX_1.default,
   setNX: SETNX_1.default,
   SETRANGE: SETRANGE_1.default,
   setRange: SETRANGE_1.default,
   SINTER: SINTER_1.default,
   sInter: SINTER_1.default,
   SINTERCARD: SINTERCARD_1.default,
   sInterCard: SINTERCARD_1.default,
   SINTERSTORE: SINTERSTORE_1.default,
   sInterStore: SINTERSTORE_1.default,
   SISMEMBER: SISMEMBER_1.default,
   sIsMember: SISMEMBER_1.default,
   SMEMBERS: SMEMBERS_1.default,
   sMembers: SMEMBERS_1.default,
   SMISMEMBER: SMISMEMBER_1.default,
   smIsMember: SMISMEMBER_1.default,
   SMOVE: SMOVE_1.default,
   sMove: SMOVE_1.default,
   SORT_RO: SORT_RO_1.default,
   sortRo: SORT_RO_1.default,
   SORT_STORE: SORT_STORE_1.default,
   sortStore: SORT_STORE_1.default,
   SORT: SORT_1.default,
   sort: SORT_1.default,
   SPOP_COUNT: SPOP_COUNT_1.default,
   sPopCount: SPOP_COUNT_1.default,
   SPOP: SPOP_1.default,
   sPop: SPOP_1.default,
   SPUBLISH: SPUBLISH_1.default,
   sPublish: SPUBLISH_1.default,
   SRANDMEMBER_COUNT: SRANDMEMBER_COUNT_1.default,
   sRandMemberCount: SRANDMEMBER_COUNT_1.default,
   SRANDMEMBER: SRANDMEMBER_1.default,
   sRandMember: SRANDMEMBER_1.default,
   SREM: SREM_1.default,
   sRem: SREM_1.default,
   SSCAN: SSCAN_1.default,
   sScan: SSCAN_1.default,
   STRLEN: STRLEN_1.default,
   strLen: STRLEN_1.default,
   SUNION: SUNION_1.default,
   sUnion: SUNION_1.default,
   SUNIONCARD: SUNIONCARD_1.default,
   sUnionCard: SUNIONCARD_1.default,
   SUNIONSTORE: SUNIONSTORE_1.default,
   sUnionStore: SUNIONSTORE_1.default,
   SWAPDB: SWAPDB_1.default,
   swapDb: SWAPDB_1.default,
   TIME: TIME_1.default,
   time: TIME_1.default,
   TOUCH: TOUCH_1.default,
   touch: TOUCH_1.default,
   TTL: TTL_1.default,
   ttl: TTL_1.default,
   TYPE: TYPE_1.default,
   type: TYPE_1.default,
   UNLINK: UNLINK_1.default,
   unlink: UNLINK_1.default,
   WAIT: WAIT_1.default,
   wait: WAIT_1.default,
   XACK: XACK_1.default,
   xAck: XACK_1.default,
   XACKDEL: XACKDEL_1.default,
   xAckDel: XACKDEL_1.default,
   XADD_NOMKSTREAM: XADD_NOMKSTREAM_1.default,
   xAddNoMkStream: XADD_NOMKSTREAM_1.default,
   XADD: XADD_1.default,
   xAdd: XADD_1.default,
   XAUTOCLAIM_JUSTID: XAUTOCLAIM_JUSTID_1.default,
   xAutoClaimJustId: XAUTOCLAIM_JUSTID_1.default,
   XAUTOCLAIM: XAUTOCLAIM_1.default,
   xAutoClaim: XAUTOCLAIM_1.default,
   XCLAIM_JUSTID: XCLAIM_JUSTID_1.default,
   xClaimJustId: XCLAIM_JUSTID_1.default,
   XCLAIM: XCLAIM_1.default,
   xClaim: XCLAIM_1.default,
   XCFGSET: XCFGSET_1.default,
   xCfgSet: XCFGSET_1.default,
   XDEL: XDEL_1.default,
   xDel: XDEL_1.default,
   XDELEX: XDELEX_1.default,
   xDelEx: XDELEX_1.default,
   XGROUP_CREATE: XGROUP_CREATE_1.default,
   xGroupCreate: XGROUP_CREATE_1.default,
   XGROUP_CREATECONSUMER: XGROUP_CREATECONSUMER_1.default,
   xGroupCreateConsumer: XGROUP_CREATECONSUMER_1.default,
   XGROUP_DELCONSUMER: XGROUP_DELCONSUMER_1.default,
   xGroupDelConsumer: XGROUP_DELCONSUMER_1.default,
   XGROUP_DESTROY: XGROUP_DESTROY_1.default,
   xGroupDestroy: XGROUP_DESTROY_1.default,
   XGROUP_SETID: XGROUP_SETID_1.default,
   xGroupSetId: XGROUP_SETID_1.default,
   XINFO_CONSUMERS: XINFO_CONSUMERS_1.default,
   xInfoConsumers: XINFO_CONSUMERS_1.default,
   XINFO_GROUPS: XINFO_GROUPS_1.default,
   xInfoGroups: XINFO_GROUPS_1.default,
   XINFO_STREAM: XINFO_STREAM_1.default,
   xInfoStream: XINFO_STREAM_1.default,
   XLEN: XLEN_1.default,
   xLen: XLEN_1.default,
   XNACK: XNACK_1.default,
   xNack: XNACK_1.default,
   XPENDING_RANGE: XPENDING_RANGE_1.default,
   xPendingRange: XPENDING_RANGE_1.default,
   XPENDING: XPENDING_1.default,
   xPending: XPENDING_1.default,
   XRANGE: XRANGE_1.default,
   xRange: XRANGE_1.default,
   XREAD: XREAD_1.default,
   xRead: XREAD_1.default,
   XREADGROUP: XREADGROUP_1.default,
   xReadGroup: XREADGROUP_1.default,
   XREVRANGE: XREVRANGE_1.default,
   xRevRange: XREVRANGE_1.default,
   XSETID: XSETID_1.default,
   xSetId: XSETID_1.default,
   XTRIM: XTRIM_1.default,
   xTrim: XTRIM_1.default,
   ZADD_INCR: ZADD_INCR_1.default,
   zAddIncr: ZADD_INCR_1.default,
   ZADD: ZADD_1.default,
   zAdd: ZADD_1.default,
   ZCARD: ZCARD_1.default,
   zCard: ZCARD_1.default,
   ZCOUNT: ZCOUNT_1.default,
   zCount: ZCOUNT_1.default,
   ZDIFF_WITHSCORES: ZDIFF_WITHSCORES_1.default,
   zDiffWithScores: ZDIFF_WITHSCORES_1.default,
   ZDIFF: ZDIFF_1.default,
   zDiff: ZDIFF_1.default,
   ZDIFFSTORE: ZDIFFSTORE_1.default,
   zDiffStore: ZDIFFSTORE_1.default,
   ZINCRBY: ZINCRBY_1.default,
   zIncrBy: ZINCRBY_1.default,
   ZINTER_WITHSCORES: ZINTER_WITHSCORES_1.default,
   zInterWithScores: ZINTER_WITHSCORES_1.default,
   ZINTER: ZINTER_1.default,
   zInter: ZINTER_1.default,
   ZINTERCARD: ZINTERCARD_1.default,
   zInterCard: ZINTERCARD_1.default,
   ZINTERSTORE: ZINTERSTORE_1.default,
   zInterStore: ZINTERSTORE_1.default,
   ZLEXCOUNT: ZLEXCOUNT_1.default,
   zLexCount: ZLEXCOUNT_1.default,
   ZMPOP: ZMPOP_1.default,
   zmPop: ZMPOP_1.default,
   ZMSCORE: ZMSCORE_1.default,
   zmScore: ZMSCORE_1.default,
   ZPOPMAX_COUNT: ZPOPMAX_COUNT_1.default,
   zPopMaxCount: ZPOPMAX_COUNT_1.default,
   ZPOPMAX: ZPOPMAX_1.default,
   zPopMax: ZPOPMAX_1.default,
   ZPOPMIN_COUNT: ZPOPMIN_COUNT_1.default,
   zPopMinCount: ZPOPMIN_COUNT_1.default,
   ZPOPMIN: ZPOPMIN_1.default,
   zPopMin: ZPOPMIN_1.default,
   ZRANDMEMBER_COUNT_WITHSCORES: ZRANDMEMBER_COUNT_WITHSCORES_1.default,
   zRandMemberCountWithScores: ZRANDMEMBER_COUNT_WITHSCORES_1.default,
   ZRANDMEMBER_COUNT: ZRANDMEMBER_COUNT_1.default,
   zRandMemberCount: ZRANDMEMBER_COUNT_1.default,
   ZRANDMEMBER: ZRANDMEMBER_1.default,
   zRandMember: ZRANDMEMBER_1.default,
   ZRANGE_WITHSCORES: ZRANGE_WITHSCORES_1.default,
   zRangeWithScores: ZRANGE_WITHSCORES_1.default,
   ZRANGE: ZRANGE_1.default,
   zRange: ZRANGE_1.default,
   ZRANGEBYLEX: ZRANGEBYLEX_1.default,
   zRangeByLex: ZRANGEBYLEX_1.default,
   ZRANGEBYSCORE_WITHSCORES: ZRANGEBYSCORE_WITHSCORES_1.default,
   zRangeByScoreWithScores: ZRANGEBYSCORE_WITHSCORES_1.default,
   ZRANGEBYSCORE: ZRANGEBYSCORE_1.default,
   zRangeByScore: ZRANGEBYSCORE_1.default,
   ZRANGESTORE: ZRANGESTORE_1.default,
   zRangeStore: ZRANGESTORE_1.default,
   ZRANK_WITHSCORE: ZRANK_WITHSCORE_1.default,
   zRankWithScore: ZRANK_WITHSCORE_1.default,
   ZRANK: ZRANK_1.default,
   zRank: ZRANK_1.default,
   ZREM: ZREM_1.default,
   zRem: ZREM_1.default,
   ZREMRANGEBYLEX: ZREMRANGEBYLEX_1.default,
   zRemRangeByLex: ZREMRANGEBYLEX_1.default,
   ZREMRANGEBYRANK: ZREMRANGEBYRANK_1.default,
   zRemRangeByRank: ZREMRANGEBYRANK_1.default,
   ZREMRANGEBYSCORE: ZREMRANGEBYSCORE_1.default,
   zRemRangeByScore: ZREMRANGEBYSCORE_1.default,
   ZREVRANK_WITHSCORE: ZREVRANK_WITHSCORE_1.default,
   zRevRankWithScore: ZREVRANK_WITHSCORE_1.default,
   ZREVRANK: ZREVRANK_1.default,
   zRevRank: ZREVRANK_1.default,
   ZSCAN: ZSCAN_1.default,
   zScan: ZSCAN_1.default,
   ZSCORE: ZSCORE_1.default,
   zScore: ZSCORE_1.default,
   ZUNION_WITHSCORES: ZUNION_WITHSCORES_1.default,
   zUnionWithScores: ZUNION_WITHSCORES_1.default,
   ZUNION: ZUNION_1.default,
   zUnion: ZUNION_1.default,
   ZUNIONSTORE: ZUNIONSTORE_1.default,
   zUnionStore: ZUNIONSTORE_1.default,
   VADD: VADD_1.default,
   vAdd: VADD_1.default,
   VCARD: VCARD_1.default,
   vCard: VCARD_1.default,
   VDIM: VDIM_1.default,
   vDim: VDIM_1.default,
   VEMB: VEMB_1.default,
   vEmb: VEMB_1.default,
   VEMB_RAW: VEMB_RAW_1.default,
   vEmbRaw: VEMB_RAW_1.default,
   VGETATTR: VGETATTR_1.default,
   vGetAttr: VGETATTR_1.default,
   VINFO: VINFO_1.default,
   vInfo: VINFO_1.default,
   VLINKS: VLINKS_1.default,
   vLinks: VLINKS_1.default,
   VLINKS_WITHSCORES: VLINKS_WITHSCORES_1.default,
   vLinksWithScores: VLINKS_WITHSCORES_1.default,
   VRANDMEMBER: VRANDMEMBER_1.default,
   vRandMember: VRANDMEMBER_1.default,
   VRANGE: VRANGE_1.default,
   vRange: VRANGE_1.default,
   VREM: VREM_1.default,
   vRem: VREM_1.default,
   VSETATTR: VSETATTR_1.default,
   vSetAttr: VSETATTR_1.default,
   VSIM: VSIM_1.default,
   vSim: VSIM_1.default,
   VSIM_WITHSCORES: VSIM_WITHSCORES_1.default,
   vSimWithScores: VSIM_WITHSCORES_1.default
  };
  const index_1 = __importDefault(requireCommands$1());
  const {HOTKEYS_GET: _HOTKEYS_GET, hotkeysGet: _hotkeysGet, HOTKEYS_RESET: _HOTKEYS_RESET, hotkeysReset: _hotkeysReset, HOTKEYS_START: _HOTKEYS_START, hotkeysStart: _hotkeysStart, HOTKEYS_STOP: _HOTKEYS_STOP, hotkeysStop: _hotkeysStop, ...NON_STICKY_COMMANDS} = index_1.default;
  exports.NON_STICKY_COMMANDS = NON_STICKY_COMMANDS;
 })(commands$1);
 return commands$1;
}

var socket = {};

var enterpriseMaintenanceManager = {};

var tracing = {};

var hasRequiredTracing;

function requireTracing() {
 if (hasRequiredTracing) return tracing;
 hasRequiredTracing = 1;
 (function(exports) {
  Object.defineProperty(exports, "__esModule", {
   value: true
  });
  exports.publish = exports.getChannel = exports.trace = exports.getTracingChannel = exports.sanitizeArgs = exports.CHANNELS = void 0;
  const dc = (() => {
   try {
    return "getBuiltinModule" in process ? process.getBuiltinModule("node:diagnostics_channel") : require("node:diagnostics_channel");
   } catch {
    return undefined;
   }
  })();
  const hasTracingChannel = typeof dc?.tracingChannel === "function";
  exports.CHANNELS = {
   TRACE_COMMAND: "node-redis:command",
   TRACE_BATCH: "node-redis:batch",
   TRACE_CONNECT: "node-redis:connect",
   CONNECTION_READY: "node-redis:connection:ready",
   CONNECTION_CLOSED: "node-redis:connection:closed",
   CONNECTION_RELAXED_TIMEOUT: "node-redis:connection:relaxed-timeout",
   CONNECTION_HANDOFF: "node-redis:connection:handoff",
   ERROR: "node-redis:error",
   MAINTENANCE: "node-redis:maintenance",
   PUBSUB: "node-redis:pubsub",
   CACHE_REQUEST: "node-redis:cache:request",
   CACHE_EVICTION: "node-redis:cache:eviction",
   COMMAND_REPLY: "node-redis:command:reply",
   POOL_CONNECTION_WAIT: "node-redis:pool:connection-wait"
  };
  const SERIALIZATION_SUBSETS = [ {
   regex: /^ECHO/i,
   args: 0
  }, {
   regex: /^(LPUSH|MSET|PFA|PUBLISH|RPUSH|SADD|SET|SPUBLISH|XADD|ZADD)/i,
   args: 1
  }, {
   regex: /^(HSET|HMSET|LSET|LINSERT)/i,
   args: 2
  }, {
   regex: /^(ACL|BIT|B[LRZ]|CLIENT|CLUSTER|CONFIG|COMMAND|DECR|DEL|EVAL|EX|FUNCTION|GEO|GET|HINCR|HMGET|HSCAN|INCR|L[TRLM]|MEMORY|P[EFISTU]|RPOP|S[CDIMORSU]|XACK|X[CDGILPRT]|Z[CDILMPRS])/i,
   args: -1
  } ];
  function sanitizeArgs(args) {
   if (args.length === 0) return [];
   const commandName = String(args[0]);
   let allowedArgCount = 0;
   for (const subset of SERIALIZATION_SUBSETS) {
    if (subset.regex.test(commandName)) {
     allowedArgCount = subset.args;
     break;
    }
   }
   if (allowedArgCount === -1) {
    return args.map(a => String(a));
   }
   const result = [ commandName ];
   for (let i = 1; i < args.length; i++) {
    if (i <= allowedArgCount) {
     result.push(String(args[i]));
    } else {
     result.push("?");
    }
   }
   return result;
  }
  exports.sanitizeArgs = sanitizeArgs;
  const tracingChannels = hasTracingChannel ? {
   [exports.CHANNELS.TRACE_COMMAND]: dc.tracingChannel(exports.CHANNELS.TRACE_COMMAND),
   [exports.CHANNELS.TRACE_BATCH]: dc.tracingChannel(exports.CHANNELS.TRACE_BATCH),
   [exports.CHANNELS.TRACE_CONNECT]: dc.tracingChannel(exports.CHANNELS.TRACE_CONNECT)
  } : undefined;
  function getTracingChannel(name) {
   return tracingChannels?.[name];
  }
  exports.getTracingChannel = getTracingChannel;
  function trace(name, fn, contextFactory) {
   const channel = tracingChannels?.[name];
   if (channel && channel.hasSubscribers !== false) {
    return channel.tracePromise(fn, contextFactory());
   }
   return fn();
  }
  exports.trace = trace;
  const pointChannels = dc?.channel ? {
   [exports.CHANNELS.CONNECTION_READY]: dc.channel(exports.CHANNELS.CONNECTION_READY),
   [exports.CHANNELS.CONNECTION_CLOSED]: dc.channel(exports.CHANNELS.CONNECTION_CLOSED),
   [exports.CHANNELS.CONNECTION_RELAXED_TIMEOUT]: dc.channel(exports.CHANNELS.CONNECTION_RELAXED_TIMEOUT),
   [exports.CHANNELS.CONNECTION_HANDOFF]: dc.channel(exports.CHANNELS.CONNECTION_HANDOFF),
   [exports.CHANNELS.ERROR]: dc.channel(exports.CHANNELS.ERROR),
   [exports.CHANNELS.MAINTENANCE]: dc.channel(exports.CHANNELS.MAINTENANCE),
   [exports.CHANNELS.PUBSUB]: dc.channel(exports.CHANNELS.PUBSUB),
   [exports.CHANNELS.CACHE_REQUEST]: dc.channel(exports.CHANNELS.CACHE_REQUEST),
   [exports.CHANNELS.CACHE_EVICTION]: dc.channel(exports.CHANNELS.CACHE_EVICTION),
   [exports.CHANNELS.COMMAND_REPLY]: dc.channel(exports.CHANNELS.COMMAND_REPLY),
   [exports.CHANNELS.POOL_CONNECTION_WAIT]: dc.channel(exports.CHANNELS.POOL_CONNECTION_WAIT)
  } : undefined;
  function getChannel(name) {
   return pointChannels?.[name];
  }
  exports.getChannel = getChannel;
  function publish(name, factory) {
   const ch = pointChannels?.[name];
   if (ch?.hasSubscribers) {
    ch.publish(factory());
   }
  }
  exports.publish = publish;
 })(tracing);
 return tracing;
}

var hasRequiredEnterpriseMaintenanceManager;

function requireEnterpriseMaintenanceManager() {
 if (hasRequiredEnterpriseMaintenanceManager) return enterpriseMaintenanceManager;
 hasRequiredEnterpriseMaintenanceManager = 1;
 (function(exports) {
  var __importDefault = enterpriseMaintenanceManager && enterpriseMaintenanceManager.__importDefault || function(mod) {
   return mod && mod.__esModule ? mod : {
    default: mod
   };
  };
  var _a;
  Object.defineProperty(exports, "__esModule", {
   value: true
  });
  exports.emitDiagnostics = exports.dbgMaintenance = exports.MAINTENANCE_EVENTS = exports.SMIGRATED_EVENT = void 0;
  const net_1 = require$$0$3;
  const promises_1 = require$$1;
  const node_assert_1 = __importDefault(require$$0$1);
  const promises_2 = require$$3$1;
  const node_diagnostics_channel_1 = __importDefault(require$$0$2);
  const types_1 = requireTypes$2();
  const tracing_1 = requireTracing();
  exports.SMIGRATED_EVENT = "__SMIGRATED";
  exports.MAINTENANCE_EVENTS = {
   PAUSE_WRITING: "pause-writing",
   RESUME_WRITING: "resume-writing",
   TIMEOUTS_UPDATE: "timeouts-update"
  };
  const PN = {
   MOVING: "MOVING",
   MIGRATING: "MIGRATING",
   MIGRATED: "MIGRATED",
   FAILING_OVER: "FAILING_OVER",
   FAILED_OVER: "FAILED_OVER",
   SMIGRATING: "SMIGRATING",
   SMIGRATED: "SMIGRATED"
  };
  const dbgMaintenance = (...args) => {
   if (!process.env.REDIS_DEBUG_MAINTENANCE) return;
   return console.log((new Date).toISOString().slice(11, 23), "[MNT]", ...args);
  };
  exports.dbgMaintenance = dbgMaintenance;
  const emitDiagnostics = event => {
   if (!process.env.REDIS_EMIT_DIAGNOSTICS) return;
   const channel = node_diagnostics_channel_1.default.channel("redis.maintenance");
   channel.publish(event);
  };
  exports.emitDiagnostics = emitDiagnostics;
  class EnterpriseMaintenanceManager {
   #commandsQueue;
   #options;
   #isMaintenance=0;
   #client;
   static setupDefaultMaintOptions(options) {
    if (options.maintNotifications === undefined) {
     options.maintNotifications = (options?.RESP ?? types_1.DEFAULT_RESP) === 3 ? "auto" : "disabled";
    }
    if (options.maintEndpointType === undefined) {
     options.maintEndpointType = "auto";
    }
    if (options.maintRelaxedSocketTimeout === undefined) {
     options.maintRelaxedSocketTimeout = 1e4;
    }
    if (options.maintRelaxedCommandTimeout === undefined) {
     options.maintRelaxedCommandTimeout = 1e4;
    }
   }
   static async getHandshakeCommand(options, clientId) {
    if (options.maintNotifications === "disabled") return;
    const host = options.url ? new URL(options.url).hostname : options.socket?.host;
    if (!host) return;
    const tls = options.socket?.tls ?? false;
    const movingEndpointType = await determineEndpoint(tls, host, options);
    return {
     cmd: [ "CLIENT", "MAINT_NOTIFICATIONS", "ON", "moving-endpoint-type", movingEndpointType ],
     errorHandler: error => {
      (0, exports.dbgMaintenance)("handshake failed:", error);
      if (options.maintNotifications === "enabled") {
       (0, tracing_1.publish)(tracing_1.CHANNELS.ERROR, () => ({
        error: error,
        origin: "client",
        internal: true,
        clientId: clientId
       }));
       throw error;
      }
     }
    };
   }
   constructor(commandsQueue, client, options) {
    this.#commandsQueue = commandsQueue;
    this.#options = options;
    this.#client = client;
    this.#commandsQueue.addPushHandler(this.#onPush);
   }
   #onPush=push => {
    (0, exports.dbgMaintenance)("ONPUSH:", push.map(String));
    if (!Array.isArray(push) || !Object.values(PN).includes(String(push[0]))) {
     return false;
    }
    const type = String(push[0]);
    (0, tracing_1.publish)(tracing_1.CHANNELS.MAINTENANCE, () => ({
     notification: type,
     clientId: this.#client._clientId
    }));
    (0, exports.emitDiagnostics)({
     type: type,
     timestamp: Date.now(),
     data: {
      push: push.map(String)
     }
    });
    switch (type) {
    case PN.MOVING:
     {
      const afterSeconds = push[2];
      const url = push[3] ? String(push[3]) : null;
      (0, exports.dbgMaintenance)("Received MOVING:", afterSeconds, url);
      this.#onMoving(afterSeconds, url);
      return true;
     }

    case PN.MIGRATING:
    case PN.SMIGRATING:
    case PN.FAILING_OVER:
     {
      (0, exports.dbgMaintenance)("Received MIGRATING|SMIGRATING|FAILING_OVER");
      this.#onMigrating();
      return true;
     }

    case PN.MIGRATED:
    case PN.FAILED_OVER:
     {
      (0, exports.dbgMaintenance)("Received MIGRATED|FAILED_OVER");
      this.#onMigrated();
      return true;
     }

    case PN.SMIGRATED:
     {
      (0, exports.dbgMaintenance)("Received SMIGRATED");
      this.#onSMigrated(push);
      this.#onMigrated();
      return true;
     }
    }
    return false;
   };
   #onMoving=async (afterSeconds, url) => {
    this.#onMigrating();
    let host;
    let port;
    if (url === null) {
     (0, node_assert_1.default)(this.#options.maintEndpointType === "none");
     const {host: h, port: p} = this.#getAddress();
     host = h;
     port = p;
     const waitTime = afterSeconds * 1e3 / 2;
     (0, exports.dbgMaintenance)(`Wait for ${waitTime}ms`);
     await (0, promises_2.setTimeout)(waitTime);
    } else {
     const split = url.split(":");
     host = split[0];
     port = Number(split[1]);
    }
    (0, exports.dbgMaintenance)("Pausing writing of new commands to old socket");
    this.#client._pause();
    (0, exports.dbgMaintenance)("Creating new tmp client");
    let start = performance.now();
    if (this.#options.url) {
     const u = new URL(this.#options.url);
     u.hostname = host;
     u.port = String(port);
     this.#options.url = u.toString();
    } else {
     this.#options.socket = {
      ...this.#options.socket,
      host: host,
      port: port
     };
    }
    const tmpClient = this.#client.duplicate();
    tmpClient.on("error", error => {
     (0, exports.dbgMaintenance)(`[ERR]`, error);
    });
    (0, exports.dbgMaintenance)(`Tmp client created in ${(performance.now() - start).toFixed(2)}ms`);
    (0, exports.dbgMaintenance)(`Set timeout for tmp client to ${this.#options.maintRelaxedSocketTimeout}`);
    tmpClient._maintenanceUpdate({
     relaxedCommandTimeout: this.#options.maintRelaxedCommandTimeout,
     relaxedSocketTimeout: this.#options.maintRelaxedSocketTimeout
    });
    (0, exports.dbgMaintenance)(`Connecting tmp client: ${host}:${port}`);
    start = performance.now();
    await tmpClient.connect();
    (0, exports.dbgMaintenance)(`Connected to tmp client in ${(performance.now() - start).toFixed(2)}ms`);
    (0, exports.dbgMaintenance)(`Wait for all in-flight commands to complete`);
    await this.#commandsQueue.waitForInflightCommandsToComplete();
    (0, exports.dbgMaintenance)(`In-flight commands completed`);
    (0, exports.dbgMaintenance)("Swap client sockets...");
    const oldSocket = this.#client._ejectSocket();
    const newSocket = tmpClient._ejectSocket();
    this.#client._insertSocket(newSocket);
    tmpClient._insertSocket(oldSocket);
    tmpClient.destroy();
    (0, exports.dbgMaintenance)("Swap client sockets done.");
    (0, exports.dbgMaintenance)("Resume writing");
    this.#client._unpause();
    this.#onMigrated();
    (0, tracing_1.publish)(tracing_1.CHANNELS.CONNECTION_HANDOFF, () => ({
     clientId: this.#client._clientId
    }));
   };
   #onMigrating=() => {
    this.#isMaintenance++;
    if (this.#isMaintenance > 1) {
     (0, exports.dbgMaintenance)(`Timeout relaxation already done`);
     return;
    }
    const update = {
     relaxedCommandTimeout: this.#options.maintRelaxedCommandTimeout,
     relaxedSocketTimeout: this.#options.maintRelaxedSocketTimeout
    };
    this.#client._maintenanceUpdate(update);
   };
   #onMigrated=() => {
    this.#isMaintenance = Math.max(this.#isMaintenance - 1, 0);
    if (this.#isMaintenance > 0) {
     (0, exports.dbgMaintenance)(`Not ready to unrelax timeouts yet`);
     return;
    }
    const update = {
     relaxedCommandTimeout: undefined,
     relaxedSocketTimeout: undefined
    };
    this.#client._maintenanceUpdate(update);
   };
   #onSMigrated=push => {
    const smigratedEvent = _a.parseSMigratedPush(push);
    (0, exports.dbgMaintenance)(`emit smigratedEvent`, smigratedEvent);
    this.#client._handleSmigrated(smigratedEvent);
   };
   static parseSMigratedPush(push) {
    const map = new Map;
    for (const [src, destination, slots] of push[2]) {
     const source = String(src);
     const [dHost, dPort] = String(destination).split(":");
     const parsedSlots = String(slots).split(",").map(singleOrRange => {
      const separatorIndex = singleOrRange.indexOf("-");
      if (separatorIndex === -1) {
       return Number(singleOrRange);
      }
      return [ Number(singleOrRange.substring(0, separatorIndex)), Number(singleOrRange.substring(separatorIndex + 1)) ];
     });
     const destinations = map.get(source) ?? [];
     const dest = destinations.find(d => d.addr.host === dHost && d.addr.port === Number(dPort));
     if (dest) {
      dest.slots = dest.slots.concat(parsedSlots);
     } else {
      destinations.push({
       addr: {
        host: dHost,
        port: Number(dPort)
       },
       slots: parsedSlots
      });
     }
     map.set(source, destinations);
    }
    const entries = [];
    for (const [src, destinations] of map.entries()) {
     const [host, port] = src.split(":");
     entries.push({
      source: {
       host: host,
       port: Number(port)
      },
      destinations: destinations
     });
    }
    return {
     seqId: push[1],
     entries: entries
    };
   }
   #getAddress() {
    (0, node_assert_1.default)(this.#options.socket !== undefined);
    (0, node_assert_1.default)("host" in this.#options.socket);
    (0, node_assert_1.default)(typeof this.#options.socket.host === "string");
    const host = this.#options.socket.host;
    (0, node_assert_1.default)(typeof this.#options.socket.port === "number");
    const port = this.#options.socket.port;
    return {
     host: host,
     port: port
    };
   }
  }
  _a = EnterpriseMaintenanceManager;
  exports.default = EnterpriseMaintenanceManager;
  function isPrivateIP(ip) {
   const version = (0, net_1.isIP)(ip);
   if (version === 4) {
    const octets = ip.split(".").map(Number);
    return octets[0] === 10 || octets[0] === 172 && octets[1] >= 16 && octets[1] <= 31 || octets[0] === 192 && octets[1] === 168;
   }
   if (version === 6) {
    return ip.startsWith("fc") || ip.startsWith("fd") || ip === "::1" || ip.startsWith("fe80");
   }
   return false;
  }
  async function determineEndpoint(tlsEnabled, host, options) {
   (0, node_assert_1.default)(options.maintEndpointType !== undefined);
   if (options.maintEndpointType !== "auto") {
    (0, exports.dbgMaintenance)(`Determine endpoint type: ${options.maintEndpointType}`);
    return options.maintEndpointType;
   }
   const ip = (0, net_1.isIP)(host) ? host : (await (0, promises_1.lookup)(host, {
    family: 0
   })).address;
   const isPrivate = isPrivateIP(ip);
   let result;
   if (tlsEnabled) {
    result = isPrivate ? "internal-fqdn" : "external-fqdn";
   } else {
    result = isPrivate ? "internal-ip" : "external-ip";
   }
   (0, exports.dbgMaintenance)(`Determine endpoint type: ${result}`);
   return result;
  }
 })(enterpriseMaintenanceManager);
 return enterpriseMaintenanceManager;
}

var defaults = {};

var hasRequiredDefaults;

function requireDefaults() {
 if (hasRequiredDefaults) return defaults;
 hasRequiredDefaults = 1;
 Object.defineProperty(defaults, "__esModule", {
  value: true
 });
 defaults.DEFAULT_COMMAND_TIMEOUT = defaults.DEFAULT_KEEPALIVE_INITIAL_DELAY = void 0;
 defaults.DEFAULT_KEEPALIVE_INITIAL_DELAY = 3e4;
 defaults.DEFAULT_COMMAND_TIMEOUT = 5e3;
 return defaults;
}

var hasRequiredSocket;

function requireSocket() {
 if (hasRequiredSocket) return socket;
 hasRequiredSocket = 1;
 var __importDefault = socket && socket.__importDefault || function(mod) {
  return mod && mod.__esModule ? mod : {
   default: mod
  };
 };
 Object.defineProperty(socket, "__esModule", {
  value: true
 });
 const node_events_1 = require$$0$5;
 const node_net_1 = __importDefault(require$$0$4);
 const node_tls_1 = __importDefault(require$$5);
 const errors_1 = requireErrors();
 const promises_1 = require$$3$1;
 const enterprise_maintenance_manager_1 = requireEnterpriseMaintenanceManager();
 const tracing_1 = requireTracing();
 const defaults_1 = requireDefaults();
 class RedisSocket extends node_events_1.EventEmitter {
  #initiator;
  #connectTimeout;
  #reconnectStrategy;
  #socketFactory;
  #socketTimeout;
  #clientId;
  #maintenanceTimeout;
  #socket;
  #isOpen=false;
  get isOpen() {
   return this.#isOpen;
  }
  #isReady=false;
  get isReady() {
   return this.#isReady;
  }
  #isSocketUnrefed=false;
  #socketEpoch=0;
  get socketEpoch() {
   return this.#socketEpoch;
  }
  get host() {
   return this.#socket?.remoteAddress;
  }
  get port() {
   return this.#socket?.remotePort;
  }
  constructor(initiator, clientId, options) {
   super();
   this.#initiator = initiator;
   this.#connectTimeout = options?.connectTimeout ?? 5e3;
   this.#reconnectStrategy = this.#createReconnectStrategy(options);
   this.#socketFactory = this.#createSocketFactory(options);
   this.#socketTimeout = options?.socketTimeout;
   this.#clientId = clientId;
  }
  #createReconnectStrategy(options) {
   const strategy = options?.reconnectStrategy;
   if (strategy === false || typeof strategy === "number") {
    return () => ({
     retryIn: strategy
    });
   }
   if (strategy) {
    return (retries, cause) => {
     try {
      const retryIn = strategy(retries, cause);
      if (retryIn !== false && !(retryIn instanceof Error) && typeof retryIn !== "number") {
       throw new TypeError(`Reconnect strategy should return \`false | Error | number\`, got ${retryIn} instead`);
      }
      return {
       retryIn: retryIn
      };
     } catch (err) {
      return {
       retryIn: this.defaultReconnectStrategy(retries, err),
       error: err
      };
     }
    };
   }
   return (retries, cause) => ({
    retryIn: this.defaultReconnectStrategy(retries, cause)
   });
  }
  #createSocketFactory(options) {
   if (options?.tls === true) {
    const withDefaults = {
     ...options,
     port: options?.port ?? 6379,
     noDelay: options?.noDelay ?? true,
     keepAlive: options?.keepAlive ?? true,
     keepAliveInitialDelay: options?.keepAliveInitialDelay ?? defaults_1.DEFAULT_KEEPALIVE_INITIAL_DELAY,
     timeout: undefined,
     onread: undefined,
     readable: true,
     writable: true
    };
    return {
     create() {
      return node_tls_1.default.connect(withDefaults);
     },
     event: "secureConnect"
    };
   }
   if (options && "path" in options) {
    const withDefaults = {
     ...options,
     timeout: undefined,
     onread: undefined,
     readable: true,
     writable: true
    };
    return {
     create() {
      return node_net_1.default.createConnection(withDefaults);
     },
     event: "connect"
    };
   }
   const withDefaults = {
    ...options,
    port: options?.port ?? 6379,
    noDelay: options?.noDelay ?? true,
    keepAlive: options?.keepAlive ?? true,
    keepAliveInitialDelay: options?.keepAliveInitialDelay ?? defaults_1.DEFAULT_KEEPALIVE_INITIAL_DELAY,
    timeout: undefined,
    onread: undefined,
    readable: true,
    writable: true
   };
   return {
    create() {
     return node_net_1.default.createConnection(withDefaults);
    },
    event: "connect"
   };
  }
  #shouldReconnect(retries, cause) {
   const {retryIn: retryIn, error: strategyError} = this.#reconnectStrategy(retries, cause);
   if (retryIn === false) {
    this.#isOpen = false;
    this.emit("terminated", cause);
    this.#emitError(cause);
    return {
     retryIn: cause,
     strategyError: strategyError
    };
   } else if (retryIn instanceof Error) {
    this.#isOpen = false;
    const terminatedBy = new errors_1.ReconnectStrategyError(retryIn, cause);
    this.emit("terminated", terminatedBy);
    this.#emitError(cause);
    return {
     retryIn: terminatedBy,
     strategyError: strategyError
    };
   }
   return {
    retryIn: retryIn,
    strategyError: strategyError
   };
  }
  #emitError(err) {
   (0, tracing_1.publish)(tracing_1.CHANNELS.ERROR, () => ({
    error: err,
    origin: "client",
    internal: false,
    clientId: this.#clientId
   }));
   this.emit("error", err);
  }
  async connect() {
   if (this.#isOpen) {
    throw new Error("Socket already opened");
   }
   this.#isOpen = true;
   return this.#connect();
  }
  async #connect(retries = 0) {
   do {
    try {
     const connectStartTime = performance.now();
     const socket = this.#socket = await this.#createSocket();
     this.emit("connect");
     try {
      await this.#initiateWhileSocketAlive(socket);
      if (!this.#socket || this.#socket.destroyed || !this.#socket.readable || !this.#socket.writable) {
       const error = new errors_1.SocketClosedUnexpectedlyError;
       const {retryIn: retryIn, strategyError: strategyError} = this.#shouldReconnect(retries++, error);
       if (typeof retryIn !== "number") {
        throw retryIn;
       }
       this.#emitError(error);
       if (strategyError) this.#emitError(strategyError);
       if (!this.#isOpen) throw new errors_1.ClientClosedError;
       await (0, promises_1.setTimeout)(retryIn);
       if (!this.#isOpen) throw new errors_1.ClientClosedError;
       this.emit("reconnecting");
       continue;
      }
     } catch (err) {
      this.#socket?.destroy();
      this.#socket = undefined;
      throw err;
     }
     this.#isReady = true;
     this.#socketEpoch++;
     (0, tracing_1.publish)(tracing_1.CHANNELS.CONNECTION_READY, () => ({
      clientId: this.#clientId,
      serverAddress: this.host,
      serverPort: this.port,
      createTimeMs: performance.now() - connectStartTime
     }));
     this.emit("ready");
    } catch (err) {
     if (!this.#isOpen) throw err;
     const {retryIn: retryIn, strategyError: strategyError} = this.#shouldReconnect(retries++, err);
     if (typeof retryIn !== "number") {
      throw retryIn;
     }
     this.#emitError(err);
     if (strategyError) this.#emitError(strategyError);
     if (!this.#isOpen) throw err;
     await (0, promises_1.setTimeout)(retryIn);
     if (!this.#isOpen) throw err;
     this.emit("reconnecting");
    }
   } while (this.#isOpen && !this.#isReady);
  }
  #initiateWhileSocketAlive(socket) {
   let onSocketDied;
   const socketDied = new Promise((_, reject) => {
    onSocketDied = err => {
     reject(err instanceof Error ? err : new errors_1.SocketClosedUnexpectedlyError);
    };
    socket.once("error", onSocketDied);
    socket.once("close", onSocketDied);
   });
   const initiated = Promise.resolve().then(() => this.#initiator());
   initiated.catch(() => {});
   return Promise.race([ initiated, socketDied ]).finally(() => {
    socket.removeListener("error", onSocketDied);
    socket.removeListener("close", onSocketDied);
   });
  }
  setMaintenanceTimeout(ms) {
   (0, enterprise_maintenance_manager_1.dbgMaintenance)(`Set socket timeout to ${ms}`);
   if (this.#maintenanceTimeout === ms) {
    (0, enterprise_maintenance_manager_1.dbgMaintenance)(`Socket already set maintenanceCommandTimeout to ${ms}, skipping`);
    return;
   }
   this.#maintenanceTimeout = ms;
   if (ms !== undefined) {
    this.#socket?.setTimeout(ms);
    (0, tracing_1.publish)(tracing_1.CHANNELS.CONNECTION_RELAXED_TIMEOUT, () => ({
     clientId: this.#clientId,
     value: 1
    }));
   } else {
    this.#socket?.setTimeout(this.#socketTimeout ?? 0);
    (0, tracing_1.publish)(tracing_1.CHANNELS.CONNECTION_RELAXED_TIMEOUT, () => ({
     clientId: this.#clientId,
     value: -1
    }));
   }
  }
  async #createSocket() {
   const socket = this.#socketFactory.create();
   let onTimeout;
   if (this.#connectTimeout !== undefined) {
    onTimeout = () => socket.destroy(new errors_1.ConnectionTimeoutError);
    socket.once("timeout", onTimeout);
    socket.setTimeout(this.#connectTimeout);
   }
   if (this.#isSocketUnrefed) {
    socket.unref();
   }
   await (0, node_events_1.once)(socket, this.#socketFactory.event);
   if (onTimeout) {
    socket.removeListener("timeout", onTimeout);
   }
   if (this.#socketTimeout) {
    socket.once("timeout", () => {
     const error = this.#maintenanceTimeout ? new errors_1.SocketTimeoutDuringMaintenanceError(this.#maintenanceTimeout) : new errors_1.SocketTimeoutError(this.#socketTimeout);
     socket.destroy(error);
    });
    socket.setTimeout(this.#socketTimeout);
   }
   socket.once("error", err => this.#onSocketError(err)).once("close", hadError => {
    if (hadError || !this.#isOpen || this.#socket !== socket) return;
    this.#onSocketError(new errors_1.SocketClosedUnexpectedlyError);
   }).on("drain", () => this.emit("drain")).on("data", data => this.emit("data", data));
   return socket;
  }
  #onSocketError(err) {
   const wasReady = this.#isReady;
   this.#isReady = false;
   const socket = this.#socket;
   this.#socket = undefined;
   socket?.removeAllListeners("data");
   socket?.destroy();
   if (wasReady) {
    (0, tracing_1.publish)(tracing_1.CHANNELS.CONNECTION_CLOSED, () => ({
     clientId: this.#clientId,
     reason: "error",
     wasConnected: true
    }));
   }
   if (!wasReady) {
    if (!this.#isOpen) {
     this.#emitError(err);
    }
    return;
   }
   if (!this.#isOpen) {
    this.#emitError(err);
    return;
   }
   const {retryIn: retryIn, strategyError: strategyError} = this.#shouldReconnect(0, err);
   if (typeof retryIn !== "number") return;
   this.#emitError(err);
   if (strategyError) this.#emitError(strategyError);
   if (!this.#isOpen) return;
   this.emit("reconnecting");
   this.#connect(1).catch(() => {});
  }
  write(iterable) {
   if (!this.#socket || !this.#socket.writable) return;
   this.#socket.cork();
   try {
    for (const args of iterable) {
     for (const toWrite of args) {
      this.#socket.write(toWrite);
     }
     if (this.#socket.writableNeedDrain) break;
    }
   } catch (err) {
    if (!err || err.code !== "EPIPE") {
     throw err;
    }
   } finally {
    this.#socket.uncork();
   }
  }
  async quit(fn) {
   if (!this.#isOpen) {
    throw new errors_1.ClientClosedError;
   }
   this.#isOpen = false;
   const reply = await fn();
   this.destroySocket();
   return reply;
  }
  close() {
   if (!this.#isOpen) {
    throw new errors_1.ClientClosedError;
   }
   this.#isOpen = false;
  }
  destroy() {
   if (!this.#isOpen && !this.#socket) return;
   this.#isOpen = false;
   this.destroySocket();
  }
  destroySocket() {
   const wasReady = this.#isReady;
   this.#isReady = false;
   if (this.#socket) {
    this.#socket.destroy();
    this.#socket = undefined;
   }
   (0, tracing_1.publish)(tracing_1.CHANNELS.CONNECTION_CLOSED, () => ({
    clientId: this.#clientId,
    reason: "application_close",
    wasConnected: wasReady
   }));
   this.emit("end");
  }
  ref() {
   this.#isSocketUnrefed = false;
   this.#socket?.ref();
  }
  unref() {
   this.#isSocketUnrefed = true;
   this.#socket?.unref();
  }
  defaultReconnectStrategy(retries, cause) {
   if (cause instanceof errors_1.SocketTimeoutError) {
    return false;
   }
   const jitter = Math.floor(Math.random() * 200);
   const delay = Math.min(Math.pow(2, retries) * 50, 2e3);
   return delay + jitter;
  }
 }
 socket.default = RedisSocket;
 return socket;
}

var authx = {};

var tokenManager = {};

var token = {};

var hasRequiredToken;

function requireToken() {
 if (hasRequiredToken) return token;
 hasRequiredToken = 1;
 Object.defineProperty(token, "__esModule", {
  value: true
 });
 token.Token = void 0;
 class Token {
  value;
  expiresAtMs;
  receivedAtMs;
  constructor(value, expiresAtMs, receivedAtMs) {
   this.value = value;
   this.expiresAtMs = expiresAtMs;
   this.receivedAtMs = receivedAtMs;
  }
  getTtlMs(now) {
   if (this.expiresAtMs < now) {
    return 0;
   }
   return this.expiresAtMs - now;
  }
 }
 token.Token = Token;
 return token;
}

var hasRequiredTokenManager;

function requireTokenManager() {
 if (hasRequiredTokenManager) return tokenManager;
 hasRequiredTokenManager = 1;
 Object.defineProperty(tokenManager, "__esModule", {
  value: true
 });
 tokenManager.TokenManager = tokenManager.IDPError = void 0;
 const token_1 = requireToken();
 class IDPError extends Error {
  message;
  isRetryable;
  constructor(message, isRetryable) {
   super(message);
   this.message = message;
   this.isRetryable = isRetryable;
   this.name = "IDPError";
  }
 }
 tokenManager.IDPError = IDPError;
 class TokenManager {
  identityProvider;
  config;
  currentToken=null;
  refreshTimeout=null;
  listener=null;
  retryAttempt=0;
  constructor(identityProvider, config) {
   this.identityProvider = identityProvider;
   this.config = config;
   if (this.config.expirationRefreshRatio > 1) {
    throw new Error("expirationRefreshRatio must be less than or equal to 1");
   }
   if (this.config.expirationRefreshRatio < 0) {
    throw new Error("expirationRefreshRatio must be greater or equal to 0");
   }
  }
  start(listener, initialDelayMs = 0) {
   if (this.listener) {
    this.stop();
   }
   this.listener = listener;
   this.retryAttempt = 0;
   this.scheduleNextRefresh(initialDelayMs);
   return {
    dispose: () => this.stop()
   };
  }
  calculateRetryDelay() {
   if (!this.config.retry) return 0;
   const {initialDelayMs: initialDelayMs, maxDelayMs: maxDelayMs, backoffMultiplier: backoffMultiplier, jitterPercentage: jitterPercentage} = this.config.retry;
   let delay = initialDelayMs * Math.pow(backoffMultiplier, this.retryAttempt - 1);
   delay = Math.min(delay, maxDelayMs);
   if (jitterPercentage) {
    const jitterRange = delay * (jitterPercentage / 100);
    const jitterAmount = Math.random() * jitterRange - jitterRange / 2;
    delay += jitterAmount;
   }
   let result = Math.max(0, Math.floor(delay));
   return result;
  }
  shouldRetry(error) {
   if (!this.config.retry) return false;
   const {maxAttempts: maxAttempts, isRetryable: isRetryable} = this.config.retry;
   if (this.retryAttempt >= maxAttempts) {
    return false;
   }
   if (isRetryable) {
    return isRetryable(error, this.retryAttempt);
   }
   return false;
  }
  isRunning() {
   return this.listener !== null;
  }
  async refresh() {
   if (!this.listener) {
    throw new Error("TokenManager is not running, but refresh was called");
   }
   try {
    await this.identityProvider.requestToken().then(this.handleNewToken);
    this.retryAttempt = 0;
   } catch (error) {
    if (this.shouldRetry(error)) {
     this.retryAttempt++;
     const retryDelay = this.calculateRetryDelay();
     this.notifyError(`Token refresh failed (attempt ${this.retryAttempt}), retrying in ${retryDelay}ms: ${error}`, true);
     this.scheduleNextRefresh(retryDelay);
    } else {
     this.notifyError(error, false);
     this.stop();
    }
   }
  }
  handleNewToken=async ({token: nativeToken, ttlMs: ttlMs}) => {
   if (!this.listener) {
    throw new Error("TokenManager is not running, but a new token was received");
   }
   const token = this.wrapAndSetCurrentToken(nativeToken, ttlMs);
   this.listener.onNext(token);
   this.scheduleNextRefresh(this.calculateRefreshTime(token));
  };
  wrapAndSetCurrentToken(nativeToken, ttlMs) {
   const now = Date.now();
   const token = new token_1.Token(nativeToken, now + ttlMs, now);
   this.currentToken = token;
   return token;
  }
  scheduleNextRefresh(delayMs) {
   if (this.refreshTimeout) {
    clearTimeout(this.refreshTimeout);
    this.refreshTimeout = null;
   }
   if (delayMs === 0) {
    this.refresh();
   } else {
    this.refreshTimeout = setTimeout(() => this.refresh(), delayMs);
   }
  }
  calculateRefreshTime(token, now = Date.now()) {
   const ttlMs = token.getTtlMs(now);
   return Math.floor(ttlMs * this.config.expirationRefreshRatio);
  }
  stop() {
   if (this.refreshTimeout) {
    clearTimeout(this.refreshTimeout);
    this.refreshTimeout = null;
   }
   this.listener = null;
   this.currentToken = null;
   this.retryAttempt = 0;
  }
  getCurrentToken() {
   return this.currentToken;
  }
  notifyError(error, isRetryable) {
   const errorMessage = error instanceof Error ? error.message : String(error);
   if (!this.listener) {
    throw new Error(`TokenManager is not running but received an error: ${errorMessage}`);
   }
   this.listener.onError(new IDPError(errorMessage, isRetryable));
  }
 }
 tokenManager.TokenManager = TokenManager;
 return tokenManager;
}

var credentialsProvider = {};

var hasRequiredCredentialsProvider;

function requireCredentialsProvider() {
 if (hasRequiredCredentialsProvider) return credentialsProvider;
 hasRequiredCredentialsProvider = 1;
 Object.defineProperty(credentialsProvider, "__esModule", {
  value: true
 });
 credentialsProvider.UnableToObtainNewCredentialsError = credentialsProvider.CredentialsError = void 0;
 class CredentialsError extends Error {
  constructor(message) {
   super(`Re-authentication with latest credentials failed: ${message}`);
   this.name = "CredentialsError";
  }
 }
 credentialsProvider.CredentialsError = CredentialsError;
 class UnableToObtainNewCredentialsError extends Error {
  constructor(message) {
   super(`Unable to obtain new credentials : ${message}`);
   this.name = "UnableToObtainNewCredentialsError";
  }
 }
 credentialsProvider.UnableToObtainNewCredentialsError = UnableToObtainNewCredentialsError;
 return credentialsProvider;
}

var hasRequiredAuthx;

function requireAuthx() {
 if (hasRequiredAuthx) return authx;
 hasRequiredAuthx = 1;
 (function(exports) {
  Object.defineProperty(exports, "__esModule", {
   value: true
  });
  exports.Token = exports.CredentialsError = exports.UnableToObtainNewCredentialsError = exports.IDPError = exports.TokenManager = void 0;
  var token_manager_1 = requireTokenManager();
  Object.defineProperty(exports, "TokenManager", {
   enumerable: true,
   get: function() {
    return token_manager_1.TokenManager;
   }
  });
  Object.defineProperty(exports, "IDPError", {
   enumerable: true,
   get: function() {
    return token_manager_1.IDPError;
   }
  });
  var credentials_provider_1 = requireCredentialsProvider();
  Object.defineProperty(exports, "UnableToObtainNewCredentialsError", {
   enumerable: true,
   get: function() {
    return credentials_provider_1.UnableToObtainNewCredentialsError;
   }
  });
  Object.defineProperty(exports, "CredentialsError", {
   enumerable: true,
   get: function() {
    return credentials_provider_1.CredentialsError;
   }
  });
  var token_1 = requireToken();
  Object.defineProperty(exports, "Token", {
   enumerable: true,
   get: function() {
    return token_1.Token;
   }
  });
 })(authx);
 return authx;
}

var commandsQueue = {};

var linkedList = {};

var hasRequiredLinkedList;

function requireLinkedList() {
 if (hasRequiredLinkedList) return linkedList;
 hasRequiredLinkedList = 1;
 var __importDefault = linkedList && linkedList.__importDefault || function(mod) {
  return mod && mod.__esModule ? mod : {
   default: mod
  };
 };
 Object.defineProperty(linkedList, "__esModule", {
  value: true
 });
 linkedList.EmptyAwareSinglyLinkedList = linkedList.SinglyLinkedList = linkedList.DoublyLinkedList = void 0;
 const events_1 = __importDefault(require$$0$6);
 class DoublyLinkedList {
  #length=0;
  get length() {
   return this.#length;
  }
  #head;
  get head() {
   return this.#head;
  }
  #tail;
  get tail() {
   return this.#tail;
  }
  push(value) {
   ++this.#length;
   if (this.#tail === undefined) {
    return this.#head = this.#tail = {
     previous: this.#head,
     next: undefined,
     value: value
    };
   }
   return this.#tail = this.#tail.next = {
    previous: this.#tail,
    next: undefined,
    value: value
   };
  }
  unshift(value) {
   ++this.#length;
   if (this.#head === undefined) {
    return this.#head = this.#tail = {
     previous: undefined,
     next: undefined,
     value: value
    };
   }
   return this.#head = this.#head.previous = {
    previous: undefined,
    next: this.#head,
    value: value
   };
  }
  add(value, prepend = false) {
   return prepend ? this.unshift(value) : this.push(value);
  }
  shift() {
   if (this.#head === undefined) return undefined;
   --this.#length;
   const node = this.#head;
   if (node.next) {
    node.next.previous = undefined;
    this.#head = node.next;
    node.next = undefined;
   } else {
    this.#head = this.#tail = undefined;
   }
   return node.value;
  }
  remove(node) {
   if (this.#length === 0) return;
   if (node !== this.#head && node !== this.#tail && node.previous === undefined && node.next === undefined) return;
   --this.#length;
   if (node.previous) {
    node.previous.next = node.next;
   } else {
    this.#head = node.next;
   }
   if (node.next) {
    node.next.previous = node.previous;
   } else {
    this.#tail = node.previous;
   }
   node.previous = undefined;
   node.next = undefined;
  }
  reset() {
   this.#length = 0;
   this.#head = this.#tail = undefined;
  }
  * [Symbol.iterator]() {
   let node = this.#head;
   while (node !== undefined) {
    yield node.value;
    node = node.next;
   }
  }
  * nodes() {
   let node = this.#head;
   while (node) {
    const next = node.next;
    yield node;
    node = next;
   }
  }
 }
 linkedList.DoublyLinkedList = DoublyLinkedList;
 class SinglyLinkedList {
  #length=0;
  get length() {
   return this.#length;
  }
  #head;
  get head() {
   return this.#head;
  }
  #tail;
  get tail() {
   return this.#tail;
  }
  push(value) {
   ++this.#length;
   const node = {
    value: value,
    next: undefined,
    removed: false
   };
   if (this.#head === undefined) {
    return this.#head = this.#tail = node;
   }
   return this.#tail.next = this.#tail = node;
  }
  remove(node, parent) {
   if (node.removed) {
    throw new Error("node already removed");
   }
   --this.#length;
   if (this.#head === node) {
    if (this.#tail === node) {
     this.#head = this.#tail = undefined;
    } else {
     this.#head = node.next;
    }
   } else if (this.#tail === node) {
    this.#tail = parent;
    parent.next = undefined;
   } else {
    parent.next = node.next;
   }
   node.removed = true;
  }
  shift() {
   if (this.#head === undefined) return undefined;
   const node = this.#head;
   if (--this.#length === 0) {
    this.#head = this.#tail = undefined;
   } else {
    this.#head = node.next;
   }
   node.removed = true;
   return node.value;
  }
  reset() {
   this.#length = 0;
   this.#head = this.#tail = undefined;
  }
  * [Symbol.iterator]() {
   let node = this.#head;
   while (node !== undefined) {
    yield node.value;
    node = node.next;
   }
  }
 }
 linkedList.SinglyLinkedList = SinglyLinkedList;
 class EmptyAwareSinglyLinkedList extends SinglyLinkedList {
  events=new events_1.default;
  reset() {
   const old = this.length;
   super.reset();
   if (old !== this.length && this.length === 0) {
    this.events.emit("empty");
   }
  }
  shift() {
   const old = this.length;
   const ret = super.shift();
   if (old !== this.length && this.length === 0) {
    this.events.emit("empty");
   }
   return ret;
  }
  remove(node, parent) {
   const old = this.length;
   super.remove(node, parent);
   if (old !== this.length && this.length === 0) {
    this.events.emit("empty");
   }
  }
 }
 linkedList.EmptyAwareSinglyLinkedList = EmptyAwareSinglyLinkedList;
 return linkedList;
}

var encoder = {};

var hasRequiredEncoder;

function requireEncoder() {
 if (hasRequiredEncoder) return encoder;
 hasRequiredEncoder = 1;
 Object.defineProperty(encoder, "__esModule", {
  value: true
 });
 const CRLF = "\r\n";
 function encodeCommand(args) {
  const toWrite = [];
  let strings = "*" + args.length + CRLF;
  for (let i = 0; i < args.length; i++) {
   const arg = args[i];
   if (typeof arg === "string") {
    strings += "$" + Buffer.byteLength(arg) + CRLF + arg + CRLF;
   } else if (arg instanceof Buffer) {
    toWrite.push(strings + "$" + arg.length.toString() + CRLF, arg);
    strings = CRLF;
   } else {
    throw new TypeError(`"arguments[${i}]" must be of type "string | Buffer", got ${typeof arg} instead.`);
   }
  }
  toWrite.push(strings);
  return toWrite;
 }
 encoder.default = encodeCommand;
 return encoder;
}

var pubSub = {};

var calculateSlot = {};

var hasRequiredCalculateSlot;

function requireCalculateSlot() {
 if (hasRequiredCalculateSlot) return calculateSlot;
 hasRequiredCalculateSlot = 1;
 Object.defineProperty(calculateSlot, "__esModule", {
  value: true
 });
 const lookup = [ 0, 4129, 8258, 12387, 16516, 20645, 24774, 28903, 33032, 37161, 41290, 45419, 49548, 53677, 57806, 61935, 4657, 528, 12915, 8786, 21173, 17044, 29431, 25302, 37689, 33560, 45947, 41818, 54205, 50076, 62463, 58334, 9314, 13379, 1056, 5121, 25830, 29895, 17572, 21637, 42346, 46411, 34088, 38153, 58862, 62927, 50604, 54669, 13907, 9842, 5649, 1584, 30423, 26358, 22165, 18100, 46939, 42874, 38681, 34616, 63455, 59390, 55197, 51132, 18628, 22757, 26758, 30887, 2112, 6241, 10242, 14371, 51660, 55789, 59790, 63919, 35144, 39273, 43274, 47403, 23285, 19156, 31415, 27286, 6769, 2640, 14899, 10770, 56317, 52188, 64447, 60318, 39801, 35672, 47931, 43802, 27814, 31879, 19684, 23749, 11298, 15363, 3168, 7233, 60846, 64911, 52716, 56781, 44330, 48395, 36200, 40265, 32407, 28342, 24277, 20212, 15891, 11826, 7761, 3696, 65439, 61374, 57309, 53244, 48923, 44858, 40793, 36728, 37256, 33193, 45514, 41451, 53516, 49453, 61774, 57711, 4224, 161, 12482, 8419, 20484, 16421, 28742, 24679, 33721, 37784, 41979, 46042, 49981, 54044, 58239, 62302, 689, 4752, 8947, 13010, 16949, 21012, 25207, 29270, 46570, 42443, 38312, 34185, 62830, 58703, 54572, 50445, 13538, 9411, 5280, 1153, 29798, 25671, 21540, 17413, 42971, 47098, 34713, 38840, 59231, 63358, 50973, 55100, 9939, 14066, 1681, 5808, 26199, 30326, 17941, 22068, 55628, 51565, 63758, 59695, 39368, 35305, 47498, 43435, 22596, 18533, 30726, 26663, 6336, 2273, 14466, 10403, 52093, 56156, 60223, 64286, 35833, 39896, 43963, 48026, 19061, 23124, 27191, 31254, 2801, 6864, 10931, 14994, 64814, 60687, 56684, 52557, 48554, 44427, 40424, 36297, 31782, 27655, 23652, 19525, 15522, 11395, 7392, 3265, 61215, 65342, 53085, 57212, 44955, 49082, 36825, 40952, 28183, 32310, 20053, 24180, 11923, 16050, 3793, 7920 ];
 function toUTF8Array(str) {
  let char;
  let i = 0;
  let p = 0;
  const utf8 = [];
  const len = str.length;
  for (;i < len; i++) {
   char = str.charCodeAt(i);
   if (char < 128) {
    utf8[p++] = char;
   } else if (char < 2048) {
    utf8[p++] = char >> 6 | 192;
    utf8[p++] = char & 63 | 128;
   } else if ((char & 64512) === 55296 && i + 1 < str.length && (str.charCodeAt(i + 1) & 64512) === 56320) {
    char = 65536 + ((char & 1023) << 10) + (str.charCodeAt(++i) & 1023);
    utf8[p++] = char >> 18 | 240;
    utf8[p++] = char >> 12 & 63 | 128;
    utf8[p++] = char >> 6 & 63 | 128;
    utf8[p++] = char & 63 | 128;
   } else {
    utf8[p++] = char >> 12 | 224;
    utf8[p++] = char >> 6 & 63 | 128;
    utf8[p++] = char & 63 | 128;
   }
  }
  return utf8;
 }
 function generate(value) {
  let char;
  let i = 0;
  let start = -1;
  let done = false;
  let result = 0;
  let resultHash = 0;
  const utf8 = typeof value === "string" ? toUTF8Array(value) : value;
  const len = utf8.length;
  while (i < len) {
   char = utf8[i++];
   if (done || start === -1) {
    if (!done && char === 123) {
     start = i;
    }
   } else if (char !== 125) {
    resultHash = lookup[(char ^ resultHash >> 8) & 255] ^ resultHash << 8;
   } else if (i - 1 !== start) {
    return resultHash & 16383;
   } else {
    done = true;
   }
   result = lookup[(char ^ result >> 8) & 255] ^ result << 8;
  }
  return result & 16383;
 }
 const calculateSlot$1 = generate;
 calculateSlot$1.generateMulti = function generateMulti(values) {
  let i = 1;
  const len = values.length;
  const base = generate(values[0]);
  while (i < len) {
   if (generate(values[i++]) !== base) return -1;
  }
  return base;
 };
 calculateSlot.default = calculateSlot$1;
 return calculateSlot;
}

var hasRequiredPubSub;

function requirePubSub() {
 if (hasRequiredPubSub) return pubSub;
 hasRequiredPubSub = 1;
 (function(exports) {
  var __importDefault = pubSub && pubSub.__importDefault || function(mod) {
   return mod && mod.__esModule ? mod : {
    default: mod
   };
  };
  Object.defineProperty(exports, "__esModule", {
   value: true
  });
  exports.PubSub = exports.PUBSUB_TYPE = void 0;
  const calculate_slot_1 = __importDefault(requireCalculateSlot());
  const tracing_1 = requireTracing();
  exports.PUBSUB_TYPE = {
   CHANNELS: "CHANNELS",
   PATTERNS: "PATTERNS",
   SHARDED: "SHARDED"
  };
  const COMMANDS = {
   [exports.PUBSUB_TYPE.CHANNELS]: {
    subscribe: Buffer.from("subscribe"),
    unsubscribe: Buffer.from("unsubscribe"),
    message: Buffer.from("message")
   },
   [exports.PUBSUB_TYPE.PATTERNS]: {
    subscribe: Buffer.from("psubscribe"),
    unsubscribe: Buffer.from("punsubscribe"),
    message: Buffer.from("pmessage")
   },
   [exports.PUBSUB_TYPE.SHARDED]: {
    subscribe: Buffer.from("ssubscribe"),
    unsubscribe: Buffer.from("sunsubscribe"),
    message: Buffer.from("smessage")
   }
  };
  class PubSub {
   #clientId;
   constructor(clientId) {
    this.#clientId = clientId;
   }
   static isStatusReply(reply) {
    const firstElement = typeof reply[0] === "string" ? Buffer.from(reply[0]) : reply[0];
    return COMMANDS[exports.PUBSUB_TYPE.CHANNELS].subscribe.equals(firstElement) || COMMANDS[exports.PUBSUB_TYPE.CHANNELS].unsubscribe.equals(firstElement) || COMMANDS[exports.PUBSUB_TYPE.PATTERNS].subscribe.equals(firstElement) || COMMANDS[exports.PUBSUB_TYPE.PATTERNS].unsubscribe.equals(firstElement) || COMMANDS[exports.PUBSUB_TYPE.SHARDED].subscribe.equals(firstElement);
   }
   static isShardedUnsubscribe(reply) {
    const firstElement = typeof reply[0] === "string" ? Buffer.from(reply[0]) : reply[0];
    return COMMANDS[exports.PUBSUB_TYPE.SHARDED].unsubscribe.equals(firstElement);
   }
   residualAfterUnsubscribeAll(reply) {
    const firstElement = typeof reply[0] === "string" ? Buffer.from(reply[0]) : reply[0];
    if (COMMANDS[exports.PUBSUB_TYPE.PATTERNS].unsubscribe.equals(firstElement)) {
     return this.listeners[exports.PUBSUB_TYPE.CHANNELS].size;
    }
    if (COMMANDS[exports.PUBSUB_TYPE.CHANNELS].unsubscribe.equals(firstElement)) {
     return this.listeners[exports.PUBSUB_TYPE.PATTERNS].size;
    }
    return 0;
   }
   static #channelsArray(channels) {
    return Array.isArray(channels) ? channels : [ channels ];
   }
   static #listenersSet(listeners, returnBuffers) {
    return returnBuffers ? listeners.buffers : listeners.strings;
   }
   #subscribing=0;
   #isActive=false;
   get isActive() {
    return this.#isActive;
   }
   listeners={
    [exports.PUBSUB_TYPE.CHANNELS]: new Map,
    [exports.PUBSUB_TYPE.PATTERNS]: new Map,
    [exports.PUBSUB_TYPE.SHARDED]: new Map
   };
   subscribe(type, channels, listener, returnBuffers) {
    const args = [ COMMANDS[type].subscribe ], channelsArray = PubSub.#channelsArray(channels), newChannels = [];
    for (const channel of channelsArray) {
     const channelListeners = this.listeners[type].get(channel);
     if (!channelListeners || channelListeners.unsubscribing) {
      args.push(channel);
      newChannels.push(channel);
     } else {
      PubSub.#listenersSet(channelListeners, returnBuffers).add(listener);
     }
    }
    if (args.length === 1) {
     return;
    }
    this.#isActive = true;
    this.#subscribing++;
    return {
     args: args,
     channelsCounter: args.length - 1,
     resolve: () => {
      this.#subscribing--;
      for (const channel of newChannels) {
       let listeners = this.listeners[type].get(channel);
       if (!listeners) {
        listeners = {
         unsubscribing: false,
         buffers: new Set,
         strings: new Set
        };
        this.listeners[type].set(channel, listeners);
       }
       PubSub.#listenersSet(listeners, returnBuffers).add(listener);
      }
     },
     reject: () => {
      this.#subscribing--;
      this.#updateIsActive();
     }
    };
   }
   extendChannelListeners(type, channel, listeners) {
    if (!this.#extendChannelListeners(type, channel, listeners)) return;
    this.#isActive = true;
    this.#subscribing++;
    return {
     args: [ COMMANDS[type].subscribe, channel ],
     channelsCounter: 1,
     resolve: () => this.#subscribing--,
     reject: () => {
      this.#subscribing--;
      this.#updateIsActive();
     }
    };
   }
   #extendChannelListeners(type, channel, listeners) {
    const existingListeners = this.listeners[type].get(channel);
    if (!existingListeners) {
     this.listeners[type].set(channel, listeners);
     return true;
    }
    for (const listener of listeners.buffers) {
     existingListeners.buffers.add(listener);
    }
    for (const listener of listeners.strings) {
     existingListeners.strings.add(listener);
    }
    return false;
   }
   extendTypeListeners(type, listeners) {
    const args = [ COMMANDS[type].subscribe ];
    for (const [channel, channelListeners] of listeners) {
     if (this.#extendChannelListeners(type, channel, channelListeners)) {
      args.push(channel);
     }
    }
    if (args.length === 1) return;
    this.#isActive = true;
    this.#subscribing++;
    return {
     args: args,
     channelsCounter: args.length - 1,
     resolve: () => this.#subscribing--,
     reject: () => {
      this.#subscribing--;
      this.#updateIsActive();
     }
    };
   }
   unsubscribe(type, channels, listener, returnBuffers) {
    const listeners = this.listeners[type];
    if (!channels) {
     return this.#unsubscribeCommand([ COMMANDS[type].unsubscribe ], NaN, () => listeners.clear());
    }
    const channelsArray = PubSub.#channelsArray(channels);
    if (!listener) {
     return this.#unsubscribeCommand([ COMMANDS[type].unsubscribe, ...channelsArray ], channelsArray.length, () => {
      for (const channel of channelsArray) {
       listeners.delete(channel);
      }
     });
    }
    const args = [ COMMANDS[type].unsubscribe ];
    for (const channel of channelsArray) {
     const sets = listeners.get(channel);
     if (sets) {
      let current, other;
      if (returnBuffers) {
       current = sets.buffers;
       other = sets.strings;
      } else {
       current = sets.strings;
       other = sets.buffers;
      }
      const currentSize = current.has(listener) ? current.size - 1 : current.size;
      if (currentSize !== 0 || other.size !== 0) continue;
      sets.unsubscribing = true;
     }
     args.push(channel);
    }
    if (args.length === 1) {
     for (const channel of channelsArray) {
      PubSub.#listenersSet(listeners.get(channel), returnBuffers).delete(listener);
     }
     return;
    }
    return this.#unsubscribeCommand(args, args.length - 1, () => {
     for (const channel of channelsArray) {
      const sets = listeners.get(channel);
      if (!sets) continue;
      (returnBuffers ? sets.buffers : sets.strings).delete(listener);
      if (sets.buffers.size === 0 && sets.strings.size === 0) {
       listeners.delete(channel);
      }
     }
    });
   }
   #unsubscribeCommand(args, channelsCounter, removeListeners) {
    return {
     args: args,
     channelsCounter: channelsCounter,
     resolve: () => {
      removeListeners();
      this.#updateIsActive();
     },
     reject: undefined
    };
   }
   #updateIsActive() {
    this.#isActive = this.listeners[exports.PUBSUB_TYPE.CHANNELS].size !== 0 || this.listeners[exports.PUBSUB_TYPE.PATTERNS].size !== 0 || this.listeners[exports.PUBSUB_TYPE.SHARDED].size !== 0 || this.#subscribing !== 0;
   }
   reset() {
    this.#isActive = false;
    this.#subscribing = 0;
   }
   resubscribe() {
    const commands = [];
    for (const [type, listeners] of Object.entries(this.listeners)) {
     if (!listeners.size) continue;
     this.#isActive = true;
     if (type === exports.PUBSUB_TYPE.SHARDED) {
      this.#shardedResubscribe(commands, listeners);
     } else {
      this.#normalResubscribe(commands, type, listeners);
     }
    }
    return commands;
   }
   #normalResubscribe(commands, type, listeners) {
    this.#subscribing++;
    const callback = () => {
     if (this.#subscribing > 0) this.#subscribing--;
    };
    commands.push({
     args: [ COMMANDS[type].subscribe, ...listeners.keys() ],
     channelsCounter: listeners.size,
     resolve: callback,
     reject: callback
    });
   }
   #shardedResubscribe(commands, listeners) {
    const callback = () => {
     if (this.#subscribing > 0) this.#subscribing--;
    };
    for (const channel of listeners.keys()) {
     this.#subscribing++;
     commands.push({
      args: [ COMMANDS[exports.PUBSUB_TYPE.SHARDED].subscribe, channel ],
      channelsCounter: 1,
      resolve: callback,
      reject: callback
     });
    }
   }
   handleMessageReply(reply) {
    const firstElement = typeof reply[0] === "string" ? Buffer.from(reply[0]) : reply[0];
    if (COMMANDS[exports.PUBSUB_TYPE.CHANNELS].message.equals(firstElement)) {
     this.#emitPubSubMessage(exports.PUBSUB_TYPE.CHANNELS, reply[2], reply[1]);
     return true;
    } else if (COMMANDS[exports.PUBSUB_TYPE.PATTERNS].message.equals(firstElement)) {
     this.#emitPubSubMessage(exports.PUBSUB_TYPE.PATTERNS, reply[3], reply[2], reply[1]);
     return true;
    } else if (COMMANDS[exports.PUBSUB_TYPE.SHARDED].message.equals(firstElement)) {
     this.#emitPubSubMessage(exports.PUBSUB_TYPE.SHARDED, reply[2], reply[1]);
     return true;
    }
    return false;
   }
   removeShardedListeners(channel) {
    const listeners = this.listeners[exports.PUBSUB_TYPE.SHARDED].get(channel);
    this.listeners[exports.PUBSUB_TYPE.SHARDED].delete(channel);
    this.#updateIsActive();
    return listeners;
   }
   removeAllListeners() {
    const result = {
     [exports.PUBSUB_TYPE.CHANNELS]: this.listeners[exports.PUBSUB_TYPE.CHANNELS],
     [exports.PUBSUB_TYPE.PATTERNS]: this.listeners[exports.PUBSUB_TYPE.PATTERNS],
     [exports.PUBSUB_TYPE.SHARDED]: this.listeners[exports.PUBSUB_TYPE.SHARDED]
    };
    this.listeners[exports.PUBSUB_TYPE.CHANNELS] = new Map;
    this.listeners[exports.PUBSUB_TYPE.PATTERNS] = new Map;
    this.listeners[exports.PUBSUB_TYPE.SHARDED] = new Map;
    this.#updateIsActive();
    return result;
   }
   removeShardedPubSubListenersForSlots(slots) {
    const sharded = new Map;
    for (const [chanel, value] of this.listeners[exports.PUBSUB_TYPE.SHARDED]) {
     if (slots.has((0, calculate_slot_1.default)(chanel))) {
      sharded.set(chanel, value);
      this.listeners[exports.PUBSUB_TYPE.SHARDED].delete(chanel);
     }
    }
    this.#updateIsActive();
    return {
     [exports.PUBSUB_TYPE.SHARDED]: sharded
    };
   }
   #emitPubSubMessage(type, message, channel, pattern) {
    const keyString = (pattern ?? channel).toString(), listeners = this.listeners[type].get(keyString);
    if (!listeners) return;
    (0, tracing_1.publish)(tracing_1.CHANNELS.PUBSUB, () => ({
     direction: "in",
     clientId: this.#clientId,
     channel: channel,
     sharded: type === exports.PUBSUB_TYPE.SHARDED
    }));
    for (const listener of listeners.buffers) {
     listener(message, channel);
    }
    if (!listeners.strings.size) return;
    const channelString = pattern ? channel.toString() : keyString, messageString = channelString === "__redis__:invalidate" ? message === null ? null : message.map(x => x.toString()) : message.toString();
    for (const listener of listeners.strings) {
     listener(messageString, channelString);
    }
   }
  }
  exports.PubSub = PubSub;
 })(pubSub);
 return pubSub;
}

var hasRequiredCommandsQueue;

function requireCommandsQueue() {
 if (hasRequiredCommandsQueue) return commandsQueue;
 hasRequiredCommandsQueue = 1;
 var __importDefault = commandsQueue && commandsQueue.__importDefault || function(mod) {
  return mod && mod.__esModule ? mod : {
   default: mod
  };
 };
 var _a;
 Object.defineProperty(commandsQueue, "__esModule", {
  value: true
 });
 const linked_list_1 = requireLinkedList();
 const encoder_1 = __importDefault(requireEncoder());
 const decoder_1 = requireDecoder();
 const pub_sub_1 = requirePubSub();
 const errors_1 = requireErrors();
 const enterprise_maintenance_manager_1 = requireEnterpriseMaintenanceManager();
 const PONG = Buffer.from("pong"), RESET = Buffer.from("RESET");
 const RESP2_PUSH_TYPE_MAPPING = {
  ...decoder_1.PUSH_TYPE_MAPPING,
  [decoder_1.RESP_TYPES.SIMPLE_STRING]: Buffer
 };
 class RedisCommandsQueue {
  #respVersion;
  #maxLength;
  #toWrite=new linked_list_1.DoublyLinkedList;
  #waitingForReply=new linked_list_1.EmptyAwareSinglyLinkedList;
  #onShardedChannelMoved;
  #chainInExecution;
  decoder;
  #pubSub;
  #clientId;
  #pushHandlers=[ this.#onPush.bind(this) ];
  #maintenanceCommandTimeout;
  setMaintenanceCommandTimeout(ms) {
   if (this.#maintenanceCommandTimeout === ms) {
    (0, enterprise_maintenance_manager_1.dbgMaintenance)(`Queue already set maintenanceCommandTimeout to ${ms}, skipping`);
    return;
   }
   (0, enterprise_maintenance_manager_1.dbgMaintenance)(`Setting maintenance command timeout to ${ms}`);
   this.#maintenanceCommandTimeout = ms;
   if (this.#maintenanceCommandTimeout === undefined) {
    (0, enterprise_maintenance_manager_1.dbgMaintenance)(`Queue will keep maintenanceCommandTimeout for exisitng commands, just to be on the safe side. New commands will receive normal timeouts`);
    return;
   }
   let counter = 0;
   const total = this.#toWrite.length;
   for (const node of this.#toWrite.nodes()) {
    const command = node.value;
    _a.#removeTimeoutListener(command);
    counter++;
    const newTimeout = this.#maintenanceCommandTimeout;
    const signal = AbortSignal.timeout(newTimeout);
    command.timeout = {
     signal: signal,
     listener: this.#createTimeoutListener(node, command, newTimeout, true),
     originalTimeout: command.timeout?.originalTimeout,
     effectiveTimeout: newTimeout,
     wasInMaintenance: true
    };
    signal.addEventListener("abort", command.timeout.listener, {
     once: true
    });
   }
   (0, enterprise_maintenance_manager_1.dbgMaintenance)(`Total of ${counter} of ${total} timeouts reset to ${ms}`);
  }
  get isPubSubActive() {
   return this.#pubSub.isActive;
  }
  get pendingCount() {
   return this.#toWrite.length + this.#waitingForReply.length;
  }
  get chainInExecution() {
   return this.#chainInExecution;
  }
  constructor(respVersion, maxLength, onShardedChannelMoved, clientId) {
   this.#respVersion = respVersion;
   this.#maxLength = maxLength;
   this.#onShardedChannelMoved = onShardedChannelMoved;
   this.decoder = this.#initiateDecoder();
   this.#clientId = clientId;
   this.#pubSub = new pub_sub_1.PubSub(this.#clientId);
  }
  #onReply(reply) {
   this.#waitingForReply.shift().resolve(reply);
  }
  #onErrorReply(err) {
   this.#waitingForReply.shift().reject(err);
  }
  #onPush(push) {
   if (this.#pubSub.handleMessageReply(push)) return true;
   const isShardedUnsubscribe = pub_sub_1.PubSub.isShardedUnsubscribe(push);
   if (isShardedUnsubscribe && !this.#waitingForReply.length) {
    const channel = push[1].toString();
    this.#onShardedChannelMoved(channel, this.#pubSub.removeShardedListeners(channel));
    return true;
   } else if (isShardedUnsubscribe || pub_sub_1.PubSub.isStatusReply(push)) {
    const head = this.#waitingForReply.head.value;
    if (Number.isNaN(head.channelsCounter) && push[2] === this.#pubSub.residualAfterUnsubscribeAll(push) || --head.channelsCounter === 0) {
     this.#waitingForReply.shift().resolve();
    }
    return true;
   }
   return false;
  }
  #getTypeMapping() {
   const head = this.#waitingForReply.head;
   if (!head) return decoder_1.PUSH_TYPE_MAPPING;
   return head.value.typeMapping ?? {};
  }
  #initiateDecoder() {
   return new decoder_1.Decoder({
    onReply: reply => this.#onReply(reply),
    onErrorReply: err => this.#onErrorReply(err),
    onPush: push => {
     for (const pushHandler of this.#pushHandlers) {
      if (pushHandler(push)) return;
     }
    },
    getTypeMapping: () => this.#getTypeMapping()
   });
  }
  addPushHandler(handler) {
   this.#pushHandlers.push(handler);
  }
  async waitForInflightCommandsToComplete(options) {
   if (this.#waitingForReply.length === 0) {
    return;
   }
   return new Promise(resolve => {
    const onEmpty = () => {
     if (timeoutId) clearTimeout(timeoutId);
     resolve();
    };
    let timeoutId;
    const timeoutMs = options?.timeoutMs;
    if (timeoutMs !== undefined && timeoutMs > 0) {
     timeoutId = setTimeout(() => {
      this.#waitingForReply.events.off("empty", onEmpty);
      const pendingCount = this.#waitingForReply.length;
      (0, enterprise_maintenance_manager_1.dbgMaintenance)(`waitForInflightCommandsToComplete timed out after ${timeoutMs}ms with ${pendingCount} commands still waiting`);
      if (options?.flushOnTimeout && pendingCount > 0) {
       (0, enterprise_maintenance_manager_1.dbgMaintenance)(`Flushing ${pendingCount} commands that timed out waiting for reply`);
       this.#flushWaitingForReply(new errors_1.TimeoutError);
      }
      resolve();
     }, timeoutMs);
    }
    this.#waitingForReply.events.once("empty", onEmpty);
   });
  }
  #createAbortListener(node, value) {
   return () => {
    this.#rejectCommand(node, value, new errors_1.AbortError);
   };
  }
  #createTimeoutListener(node, value, effectiveTimeout, wasInMaintenance) {
   return () => {
    this.#rejectCommand(node, value, wasInMaintenance ? new errors_1.CommandTimeoutDuringMaintenanceError(effectiveTimeout) : new errors_1.TimeoutError);
   };
  }
  #rejectCommand(node, value, err) {
   if (value.rejected) return;
   value.rejected = true;
   _a.#removeCommandListeners(value);
   this.#toWrite.remove(node);
   value.reject(err);
  }
  addCommand(args, options) {
   if (this.#maxLength && this.#toWrite.length + this.#waitingForReply.length >= this.#maxLength) {
    return Promise.reject(new Error("The queue is full"));
   } else if (options?.abortSignal?.aborted) {
    return Promise.reject(new errors_1.AbortError);
   }
   return new Promise((resolve, reject) => {
    const value = {
     args: args,
     chainId: options?.chainId,
     abort: undefined,
     timeout: undefined,
     resolve: resolve,
     reject: reject,
     channelsCounter: undefined,
     typeMapping: options?.typeMapping
    };
    value.slotNumber = options?.slotNumber;
    const node = this.#toWrite.add(value, options?.asap);
    try {
     const timeout = this.#maintenanceCommandTimeout ?? options?.timeout;
     const wasInMaintenance = this.#maintenanceCommandTimeout !== undefined;
     if (timeout) {
      const signal = AbortSignal.timeout(timeout);
      value.timeout = {
       signal: signal,
       listener: this.#createTimeoutListener(node, value, timeout, wasInMaintenance),
       originalTimeout: options?.timeout,
       effectiveTimeout: timeout,
       wasInMaintenance: wasInMaintenance
      };
      signal.addEventListener("abort", value.timeout.listener, {
       once: true
      });
     }
     const signal = options?.abortSignal;
     if (signal) {
      value.abort = {
       signal: signal,
       listener: this.#createAbortListener(node, value)
      };
      signal.addEventListener("abort", value.abort.listener, {
       once: true
      });
     }
    } catch (err) {
     _a.#removeCommandListeners(value);
     this.#toWrite.remove(node);
     reject(err);
    }
   });
  }
  #addPubSubCommand(command, asap = false, chainId) {
   return new Promise((resolve, reject) => {
    this.#toWrite.add({
     args: command.args,
     chainId: chainId,
     abort: undefined,
     timeout: undefined,
     resolve() {
      command.resolve();
      resolve();
     },
     reject(err) {
      command.reject?.();
      reject(err);
     },
     channelsCounter: command.channelsCounter,
     typeMapping: decoder_1.PUSH_TYPE_MAPPING
    }, asap);
   });
  }
  #setupPubSubHandler() {
   if (this.#respVersion !== 2) return;
   this.decoder.onReply = reply => {
    if (Array.isArray(reply)) {
     if (this.#onPush(reply)) return;
     const firstElement = typeof reply[0] === "string" ? Buffer.from(reply[0]) : reply[0];
     if (PONG.equals(firstElement)) {
      const {resolve: resolve, typeMapping: typeMapping} = this.#waitingForReply.shift(), buffer = reply[1].length === 0 ? reply[0] : reply[1];
      resolve(typeMapping?.[decoder_1.RESP_TYPES.SIMPLE_STRING] === Buffer ? buffer : buffer.toString());
      return;
     }
    }
    return this.#onReply(reply);
   };
   this.decoder.getTypeMapping = () => RESP2_PUSH_TYPE_MAPPING;
  }
  subscribe(type, channels, listener, returnBuffers) {
   const command = this.#pubSub.subscribe(type, channels, listener, returnBuffers);
   if (!command) return;
   this.#setupPubSubHandler();
   return this.#addPubSubCommand(command);
  }
  #resetDecoderCallbacks() {
   this.decoder.onReply = reply => this.#onReply(reply);
   this.decoder.getTypeMapping = () => this.#getTypeMapping();
  }
  unsubscribe(type, channels, listener, returnBuffers) {
   const command = this.#pubSub.unsubscribe(type, channels, listener, returnBuffers);
   if (!command) return;
   if (command && this.#respVersion === 2) {
    const {resolve: resolve} = command;
    command.resolve = () => {
     if (!this.#pubSub.isActive) {
      this.#resetDecoderCallbacks();
     }
     resolve();
    };
   }
   return this.#addPubSubCommand(command);
  }
  removeAllPubSubListeners() {
   return this.#pubSub.removeAllListeners();
  }
  removeShardedPubSubListenersForSlots(slots) {
   return this.#pubSub.removeShardedPubSubListenersForSlots(slots);
  }
  resubscribe(chainId) {
   const commands = this.#pubSub.resubscribe();
   if (!commands.length) return;
   this.#setupPubSubHandler();
   return Promise.all(commands.map(command => this.#addPubSubCommand(command, true, chainId)));
  }
  extendPubSubChannelListeners(type, channel, listeners) {
   const command = this.#pubSub.extendChannelListeners(type, channel, listeners);
   if (!command) return;
   this.#setupPubSubHandler();
   return this.#addPubSubCommand(command);
  }
  extendPubSubListeners(type, listeners) {
   const command = this.#pubSub.extendTypeListeners(type, listeners);
   if (!command) return;
   this.#setupPubSubHandler();
   return this.#addPubSubCommand(command);
  }
  getPubSubListeners(type) {
   return this.#pubSub.listeners[type];
  }
  monitor(callback, options) {
   return new Promise((resolve, reject) => {
    const typeMapping = options?.typeMapping ?? {};
    this.#toWrite.add({
     args: [ "MONITOR" ],
     chainId: options?.chainId,
     abort: undefined,
     timeout: undefined,
     resolve: () => {
      if (this.#resetFallbackOnReply) {
       this.#resetFallbackOnReply = callback;
      } else {
       this.decoder.onReply = callback;
      }
      this.decoder.getTypeMapping = () => typeMapping;
      resolve();
     },
     reject: reject,
     channelsCounter: undefined,
     typeMapping: typeMapping
    }, options?.asap);
   });
  }
  resetDecoder() {
   this.#resetDecoderCallbacks();
   this.decoder.reset();
  }
  #resetFallbackOnReply;
  async reset(chainId, typeMapping) {
   return new Promise((resolve, reject) => {
    this.#resetFallbackOnReply = this.decoder.onReply;
    this.decoder.onReply = reply => {
     if (typeof reply === "string" && reply === "RESET" || reply instanceof Buffer && RESET.equals(reply)) {
      this.#resetDecoderCallbacks();
      this.#resetFallbackOnReply = undefined;
      this.#pubSub.reset();
      this.#waitingForReply.shift().resolve(reply);
      return;
     }
     this.#resetFallbackOnReply(reply);
    };
    this.#toWrite.push({
     args: [ "RESET" ],
     chainId: chainId,
     abort: undefined,
     timeout: undefined,
     resolve: resolve,
     reject: reject,
     channelsCounter: undefined,
     typeMapping: typeMapping
    });
   });
  }
  isWaitingToWrite() {
   return this.#toWrite.length > 0;
  }
  * commandsToWrite() {
   let toSend = this.#toWrite.shift();
   while (toSend) {
    let encoded;
    try {
     encoded = (0, encoder_1.default)(toSend.args);
    } catch (err) {
     toSend.reject(err);
     toSend = this.#toWrite.shift();
     continue;
    }
    toSend.args = undefined;
    if (toSend.abort) {
     _a.#removeAbortListener(toSend);
     toSend.abort = undefined;
    }
    if (toSend.timeout) {
     _a.#removeTimeoutListener(toSend);
     toSend.timeout = undefined;
    }
    this.#chainInExecution = toSend.chainId;
    toSend.chainId = undefined;
    this.#waitingForReply.push(toSend);
    yield encoded;
    toSend = this.#toWrite.shift();
   }
  }
  #flushWaitingForReply(err) {
   for (const node of this.#waitingForReply) {
    node.reject(err);
   }
   this.#waitingForReply.reset();
  }
  static #removeAbortListener(command) {
   command.abort.signal.removeEventListener("abort", command.abort.listener);
  }
  static #removeTimeoutListener(command) {
   command.timeout?.signal.removeEventListener("abort", command.timeout.listener);
  }
  static #removeCommandListeners(command) {
   if (command.abort) {
    _a.#removeAbortListener(command);
    command.abort = undefined;
   }
   if (command.timeout) {
    _a.#removeTimeoutListener(command);
    command.timeout = undefined;
   }
  }
  static #flushToWrite(toBeSent, err) {
   if (toBeSent.abort) {
    _a.#removeAbortListener(toBeSent);
   }
   if (toBeSent.timeout) {
    _a.#removeTimeoutListener(toBeSent);
   }
   toBeSent.reject(err);
  }
  flushWaitingForReply(err) {
   this.resetDecoder();
   this.#pubSub.reset();
   this.#flushWaitingForReply(err);
   if (!this.#chainInExecution) return;
   while (this.#toWrite.head?.value.chainId === this.#chainInExecution) {
    _a.#flushToWrite(this.#toWrite.shift(), err);
   }
   this.#chainInExecution = undefined;
  }
  flushAll(err) {
   this.resetDecoder();
   this.#pubSub.reset();
   this.#flushWaitingForReply(err);
   for (const node of this.#toWrite) {
    _a.#flushToWrite(node, err);
   }
   this.#toWrite.reset();
  }
  isEmpty() {
   return this.#toWrite.length === 0 && this.#waitingForReply.length === 0;
  }
  extractCommandsForSlots(slots) {
   const result = [];
   let current = this.#toWrite.head;
   while (current !== undefined) {
    if (current.value.slotNumber === undefined || !slots.has(current.value.slotNumber)) {
     current = current.next;
     continue;
    }
    if (this.#chainInExecution !== undefined && current.value.chainId === this.#chainInExecution) {
     break;
    }
    const command = current.value;
    if (command.abort) {
     _a.#removeAbortListener(command);
    }
    if (command.timeout) {
     _a.#removeTimeoutListener(command);
    }
    result.push(command);
    const toRemove = current;
    current = current.next;
    this.#toWrite.remove(toRemove);
   }
   return result;
  }
  extractAllCommands() {
   const result = [];
   let current = this.#toWrite.head;
   while (current) {
    const command = current.value;
    if (command.abort) {
     _a.#removeAbortListener(command);
    }
    if (command.timeout) {
     _a.#removeTimeoutListener(command);
    }
    result.push(command);
    const toRemove = current;
    current = current.next;
    this.#toWrite.remove(toRemove);
   }
   return result;
  }
  rejectCommands(commands, err) {
   for (const command of commands) {
    if (command.rejected) continue;
    command.rejected = true;
    _a.#removeCommandListeners(command);
    command.reject(err);
   }
  }
  prependCommandsToWrite(commands) {
   if (!commands.length) {
    return;
   }
   for (let i = commands.length - 1; i >= 0; i--) {
    const value = commands[i];
    const node = this.#toWrite.unshift(value);
    if (value.rejected) {
     this.#toWrite.remove(node);
     continue;
    }
    if (value.timeout) {
     _a.#removeTimeoutListener(value);
     if (value.timeout.signal.aborted) {
      this.#rejectCommand(node, value, value.timeout.wasInMaintenance ? new errors_1.CommandTimeoutDuringMaintenanceError(value.timeout.effectiveTimeout) : new errors_1.TimeoutError);
      continue;
     } else {
      value.timeout.listener = this.#createTimeoutListener(node, value, value.timeout.effectiveTimeout, value.timeout.wasInMaintenance);
      value.timeout.signal.addEventListener("abort", value.timeout.listener, {
       once: true
      });
     }
    }
    if (value.abort) {
     _a.#removeAbortListener(value);
     if (value.abort.signal.aborted) {
      this.#rejectCommand(node, value, new errors_1.AbortError);
     } else {
      value.abort.listener = this.#createAbortListener(node, value);
      value.abort.signal.addEventListener("abort", value.abort.listener, {
       once: true
      });
     }
    }
   }
  }
 }
 _a = RedisCommandsQueue;
 commandsQueue.default = RedisCommandsQueue;
 return commandsQueue;
}

var commander = {};

var hasRequiredCommander;

function requireCommander() {
 if (hasRequiredCommander) return commander;
 hasRequiredCommander = 1;
 Object.defineProperty(commander, "__esModule", {
  value: true
 });
 commander.scriptArgumentsPrefix = commander.functionArgumentsPrefix = commander.getTransformReply = commander.attachConfig = void 0;
 const types_1 = requireTypes$2();
 function attachConfig({BaseClass: BaseClass, commands: commands, createCommand: createCommand, createModuleCommand: createModuleCommand, createFunctionCommand: createFunctionCommand, createScriptCommand: createScriptCommand, config: config}) {
  const RESP = config?.RESP ?? types_1.DEFAULT_RESP, Class = class extends BaseClass {};
  for (const [name, command] of Object.entries(commands)) {
   Class.prototype[name] = createCommand(command, RESP);
  }
  if (config?.modules) {
   for (const [moduleName, module] of Object.entries(config.modules)) {
    const fns = {};
    for (const [name, command] of Object.entries(module)) {
     fns[name] = createModuleCommand(command, RESP);
    }
    attachNamespace(Class.prototype, moduleName, fns);
   }
  }
  if (config?.functions) {
   for (const [library, commands] of Object.entries(config.functions)) {
    const fns = {};
    for (const [name, command] of Object.entries(commands)) {
     fns[name] = createFunctionCommand(name, command, RESP);
    }
    attachNamespace(Class.prototype, library, fns);
   }
  }
  if (config?.scripts) {
   for (const [name, script] of Object.entries(config.scripts)) {
    Class.prototype[name] = createScriptCommand(script, RESP);
   }
  }
  return Class;
 }
 commander.attachConfig = attachConfig;
 const namespaceCache = new WeakMap;
 function attachNamespace(prototype, name, fns) {
  Object.defineProperty(prototype, name, {
   get() {
    let perReceiver = namespaceCache.get(this);
    if (perReceiver === undefined) {
     perReceiver = new Map;
     namespaceCache.set(this, perReceiver);
    }
    let value = perReceiver.get(name);
    if (value === undefined) {
     value = Object.create(fns);
     value._self = this;
     perReceiver.set(name, value);
    }
    return value;
   }
  });
 }
 function getTransformReply(command, resp) {
  switch (typeof command.transformReply) {
  case "function":
   return command.transformReply;

  case "object":
   return command.transformReply[resp];
  }
 }
 commander.getTransformReply = getTransformReply;
 function functionArgumentsPrefix(name, fn) {
  const prefix = [ fn.IS_READ_ONLY ? "FCALL_RO" : "FCALL", name ];
  if (fn.NUMBER_OF_KEYS !== undefined) {
   prefix.push(fn.NUMBER_OF_KEYS.toString());
  }
  return prefix;
 }
 commander.functionArgumentsPrefix = functionArgumentsPrefix;
 function scriptArgumentsPrefix(script) {
  const prefix = [ script.IS_READ_ONLY ? "EVALSHA_RO" : "EVALSHA", script.SHA1 ];
  if (script.NUMBER_OF_KEYS !== undefined) {
   prefix.push(script.NUMBER_OF_KEYS.toString());
  }
  return prefix;
 }
 commander.scriptArgumentsPrefix = scriptArgumentsPrefix;
 return commander;
}

var commandMetadata = {};

var staticMetadataResolver = {};

var types$1 = {};

var hasRequiredTypes$1;

function requireTypes$1() {
 if (hasRequiredTypes$1) return types$1;
 hasRequiredTypes$1 = 1;
 Object.defineProperty(types$1, "__esModule", {
  value: true
 });
 types$1.parseCommandName = void 0;
 function parseCommandName(fullCommandName) {
  const parts = fullCommandName.split(".");
  if (parts.length === 1) return {
   moduleName: "std",
   commandName: fullCommandName
  };
  if (parts.length === 2) return {
   moduleName: parts[0],
   commandName: parts[1]
  };
  return undefined;
 }
 types$1.parseCommandName = parseCommandName;
 return types$1;
}

var commandMetadataData = {};

var hasRequiredCommandMetadataData;

function requireCommandMetadataData() {
 if (hasRequiredCommandMetadataData) return commandMetadataData;
 hasRequiredCommandMetadataData = 1;
 Object.defineProperty(commandMetadataData, "__esModule", {
  value: true
 });
 commandMetadataData.COMMAND_METADATA = void 0;
 commandMetadataData.COMMAND_METADATA = {
  ft: {
   aggregate: {
    request: "default-keyless",
    response: "default-keyless",
    isKeyless: true,
    flags: [ "readonly", "module" ],
    tips: [ "dont_cache" ]
   },
   aliasadd: {
    request: "default-keyless",
    response: "default-keyless",
    isKeyless: true,
    flags: [ "write", "denyoom", "module" ],
    tips: [ "dont_cache" ]
   },
   aliasdel: {
    request: "default-keyless",
    response: "default-keyless",
    isKeyless: true,
    flags: [ "write", "module" ],
    tips: [ "dont_cache" ]
   },
   aliaslist: {
    request: "default-keyless",
    response: "default-keyless",
    isKeyless: true,
    flags: [ "readonly", "module" ],
    tips: [ "dont_cache" ]
   },
   aliasupdate: {
    request: "default-keyless",
    response: "default-keyless",
    isKeyless: true,
    flags: [ "write", "denyoom", "module" ],
    tips: [ "dont_cache" ]
   },
   alter: {
    request: "default-keyless",
    response: "default-keyless",
    isKeyless: true,
    flags: [ "write", "denyoom", "module" ],
    tips: [ "dont_cache" ]
   },
   create: {
    request: "default-keyless",
    response: "default-keyless",
    isKeyless: true,
    flags: [ "write", "denyoom", "module" ],
    tips: [ "dont_cache" ]
   },
   cursor: {
    request: "special",
    response: "default-keyless",
    isKeyless: true,
    flags: [ "readonly", "module" ],
    subcommands: {
     del: {
      request: "special",
      response: "default-keyless",
      isKeyless: true,
      flags: [ "readonly", "module" ],
      tips: [ "dont_cache" ]
     },
     gc: {
      request: "default-keyless",
      response: "default-keyless",
      isKeyless: true,
      flags: [ "readonly", "module" ],
      tips: [ "dont_cache" ]
     },
     read: {
      request: "special",
      response: "default-keyless",
      isKeyless: true,
      flags: [ "readonly", "module" ],
      tips: [ "dont_cache" ]
     }
    }
   },
   dictadd: {
    request: "default-keyless",
    response: "default-keyless",
    isKeyless: true,
    flags: [ "write", "denyoom", "module" ],
    tips: [ "dont_cache" ]
   },
   dictdel: {
    request: "default-keyless",
    response: "default-keyless",
    isKeyless: true,
    flags: [ "write", "module" ],
    tips: [ "dont_cache" ]
   },
   dictdump: {
    request: "default-keyless",
    response: "default-keyless",
    isKeyless: true,
    flags: [ "readonly", "module" ],
    tips: [ "dont_cache" ]
   },
   drop: {
    request: "default-keyless",
    response: "default-keyless",
    isKeyless: true,
    flags: [ "write", "module" ]
   },
   dropindex: {
    request: "default-keyless",
    response: "default-keyless",
    isKeyless: true,
    flags: [ "write", "module" ],
    tips: [ "dont_cache" ]
   },
   explain: {
    request: "default-keyless",
    response: "default-keyless",
    isKeyless: true,
    flags: [ "readonly", "module" ],
    tips: [ "dont_cache" ]
   },
   explaincli: {
    request: "default-keyless",
    response: "default-keyless",
    isKeyless: true,
    flags: [ "readonly", "module" ],
    tips: [ "dont_cache" ]
   },
   info: {
    request: "default-keyless",
    response: "default-keyless",
    isKeyless: true,
    flags: [ "readonly", "module" ],
    tips: [ "dont_cache" ]
   },
   profile: {
    request: "default-keyless",
    response: "default-keyless",
    isKeyless: true,
    flags: [ "readonly", "module" ],
    tips: [ "dont_cache" ]
   },
   search: {
    request: "default-keyless",
    response: "default-keyless",
    isKeyless: true,
    flags: [ "readonly", "module" ],
    tips: [ "dont_cache" ]
   },
   spellcheck: {
    request: "default-keyless",
    response: "default-keyless",
    isKeyless: true,
    flags: [ "readonly", "module" ],
    tips: [ "dont_cache" ]
   },
   sugadd: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "denyoom", "module" ],
    tips: [ "dont_cache" ]
   },
   sugdel: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "module" ],
    tips: [ "dont_cache" ]
   },
   sugget: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "readonly", "module" ]
   },
   suglen: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "readonly", "module" ]
   },
   syndump: {
    request: "default-keyless",
    response: "default-keyless",
    isKeyless: true,
    flags: [ "readonly", "module" ],
    tips: [ "dont_cache" ]
   },
   synupdate: {
    request: "default-keyless",
    response: "default-keyless",
    isKeyless: true,
    flags: [ "write", "denyoom", "module" ],
    tips: [ "dont_cache" ]
   },
   tagvals: {
    request: "default-keyless",
    response: "default-keyless",
    isKeyless: true,
    flags: [ "readonly", "module" ],
    tips: [ "dont_cache" ]
   }
  },
  bf: {
   add: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "denyoom", "module" ]
   },
   card: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "readonly", "module", "fast" ]
   },
   debug: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "readonly", "module", "fast" ],
    tips: [ "dont_cache" ]
   },
   exists: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "readonly", "module", "fast" ]
   },
   info: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "readonly", "module", "fast" ],
    tips: [ "dont_cache" ]
   },
   insert: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "denyoom", "module" ]
   },
   loadchunk: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "denyoom", "module" ]
   },
   madd: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "denyoom", "module" ]
   },
   mexists: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "readonly", "module", "fast" ]
   },
   reserve: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "denyoom", "module" ]
   },
   scandump: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "readonly", "module", "fast" ],
    tips: [ "dont_cache" ]
   }
  },
  cf: {
   add: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "denyoom", "module" ]
   },
   addnx: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "denyoom", "module" ]
   },
   compact: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "readonly", "module", "fast" ]
   },
   count: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "readonly", "module", "fast" ]
   },
   debug: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "readonly", "module", "fast" ],
    tips: [ "dont_cache" ]
   },
   del: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "module", "fast" ]
   },
   exists: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "readonly", "module", "fast" ]
   },
   info: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "readonly", "module", "fast" ],
    tips: [ "dont_cache" ]
   },
   insert: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "denyoom", "module" ]
   },
   insertnx: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "denyoom", "module" ]
   },
   loadchunk: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "denyoom", "module" ]
   },
   mexists: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "readonly", "module", "fast" ]
   },
   reserve: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "denyoom", "module" ]
   },
   scandump: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "readonly", "module", "fast" ],
    tips: [ "dont_cache" ]
   }
  },
  cms: {
   incrby: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "denyoom", "module" ]
   },
   info: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "readonly", "module" ],
    tips: [ "dont_cache" ]
   },
   initbydim: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "denyoom", "module" ]
   },
   initbyprob: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "denyoom", "module" ]
   },
   merge: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "denyoom", "module" ]
   },
   query: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "readonly", "module" ]
   }
  },
  json: {
   arrappend: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "denyoom", "module" ]
   },
   arrindex: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "readonly", "module" ]
   },
   arrinsert: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "denyoom", "module" ]
   },
   arrlen: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "readonly", "module" ]
   },
   arrpop: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "module" ]
   },
   arrtrim: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "module" ]
   },
   clear: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "module" ]
   },
   debug: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "readonly", "module", "movablekeys" ],
    tips: [ "dont_cache" ]
   },
   del: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "module" ]
   },
   forget: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "module" ]
   },
   get: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "readonly", "module" ]
   },
   merge: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "denyoom", "module" ]
   },
   mget: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "readonly", "module" ]
   },
   mset: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "denyoom", "module" ]
   },
   numincrby: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "module" ]
   },
   nummultby: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "module" ]
   },
   numpowby: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "module" ]
   },
   objkeys: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "readonly", "module" ]
   },
   objlen: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "readonly", "module" ]
   },
   resp: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "readonly", "module" ]
   },
   set: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "denyoom", "module" ]
   },
   strappend: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "denyoom", "module" ]
   },
   strlen: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "readonly", "module" ]
   },
   toggle: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "module" ]
   },
   type: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "readonly", "module" ]
   }
  },
  std: {
   vadd: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "denyoom", "module" ]
   },
   vcard: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "readonly", "module", "fast" ]
   },
   vdim: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "readonly", "module", "fast" ]
   },
   vemb: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "readonly", "module", "fast" ]
   },
   vgetattr: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "readonly", "module", "fast" ]
   },
   vinfo: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "readonly", "module", "fast" ]
   },
   vismember: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "readonly", "module" ]
   },
   vlinks: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "readonly", "module", "fast" ]
   },
   vrandmember: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "readonly", "module" ]
   },
   vrange: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "readonly", "module" ]
   },
   vrem: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "module" ]
   },
   vsetattr: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "module", "fast" ]
   },
   vsim: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "readonly", "module" ]
   },
   acl: {
    request: "default-keyless",
    response: "default-keyless",
    isKeyless: true,
    flags: [],
    subcommands: {
     cat: {
      request: "default-keyless",
      response: "default-keyless",
      isKeyless: true,
      flags: [ "noscript", "loading", "stale" ]
     },
     deluser: {
      request: "all_nodes",
      response: "all_succeeded",
      isKeyless: true,
      flags: [ "admin", "noscript", "loading", "stale" ]
     },
     dryrun: {
      request: "default-keyless",
      response: "default-keyless",
      isKeyless: true,
      flags: [ "admin", "noscript", "loading", "stale" ]
     },
     genpass: {
      request: "default-keyless",
      response: "default-keyless",
      isKeyless: true,
      flags: [ "noscript", "loading", "stale" ]
     },
     getuser: {
      request: "default-keyless",
      response: "default-keyless",
      isKeyless: true,
      flags: [ "admin", "noscript", "loading", "stale" ]
     },
     help: {
      request: "default-keyless",
      response: "default-keyless",
      isKeyless: true,
      flags: [ "loading", "stale" ]
     },
     list: {
      request: "default-keyless",
      response: "default-keyless",
      isKeyless: true,
      flags: [ "admin", "noscript", "loading", "stale" ]
     },
     load: {
      request: "default-keyless",
      response: "default-keyless",
      isKeyless: true,
      flags: [ "admin", "noscript", "loading", "stale" ]
     },
     log: {
      request: "default-keyless",
      response: "default-keyless",
      isKeyless: true,
      flags: [ "admin", "noscript", "loading", "stale" ]
     },
     save: {
      request: "all_nodes",
      response: "all_succeeded",
      isKeyless: true,
      flags: [ "admin", "noscript", "loading", "stale" ]
     },
     setuser: {
      request: "all_nodes",
      response: "all_succeeded",
      isKeyless: true,
      flags: [ "admin", "noscript", "loading", "stale" ]
     },
     users: {
      request: "default-keyless",
      response: "default-keyless",
      isKeyless: true,
      flags: [ "admin", "noscript", "loading", "stale" ]
     },
     whoami: {
      request: "default-keyless",
      response: "default-keyless",
      isKeyless: true,
      flags: [ "noscript", "loading", "stale" ]
     }
    }
   },
   append: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "denyoom", "fast" ]
   },
   arcount: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "readonly", "fast" ]
   },
   ardel: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "fast" ]
   },
   ardelrange: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write" ]
   },
   arget: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "readonly", "fast" ]
   },
   argetrange: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "readonly" ]
   },
   argrep: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "readonly" ]
   },
   arinfo: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "readonly" ]
   },
   arinsert: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "denyoom", "fast" ]
   },
   arlastitems: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "readonly" ]
   },
   arlen: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "readonly", "fast" ]
   },
   armget: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "readonly", "fast" ]
   },
   armset: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "denyoom", "fast" ]
   },
   arnext: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "readonly", "fast" ]
   },
   arop: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "readonly" ]
   },
   arring: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "denyoom" ]
   },
   arscan: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "readonly" ]
   },
   arseek: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "fast" ]
   },
   arset: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "denyoom", "fast" ]
   },
   asking: {
    request: "default-keyless",
    response: "default-keyless",
    isKeyless: true,
    flags: [ "fast" ]
   },
   auth: {
    request: "default-keyless",
    response: "default-keyless",
    isKeyless: true,
    flags: [ "noscript", "loading", "stale", "fast", "no_auth", "allow_busy" ]
   },
   backup: {
    request: "default-keyless",
    response: "default-keyless",
    isKeyless: true,
    flags: [],
    subcommands: {
     abort: {
      request: "default-keyless",
      response: "default-keyless",
      isKeyless: true,
      flags: [ "admin", "noscript" ]
     },
     cleanup: {
      request: "default-keyless",
      response: "default-keyless",
      isKeyless: true,
      flags: [ "admin", "noscript" ]
     },
     help: {
      request: "default-keyless",
      response: "default-keyless",
      isKeyless: true,
      flags: [ "loading", "stale" ]
     },
     list: {
      request: "default-keyless",
      response: "default-keyless",
      isKeyless: true,
      flags: [ "admin", "stale" ]
     },
     seal: {
      request: "default-keyless",
      response: "default-keyless",
      isKeyless: true,
      flags: [ "admin", "noscript" ]
     },
     start: {
      request: "default-keyless",
      response: "default-keyless",
      isKeyless: true,
      flags: [ "admin", "noscript" ]
     },
     status: {
      request: "default-keyless",
      response: "default-keyless",
      isKeyless: true,
      flags: [ "admin", "stale" ]
     }
    }
   },
   bgrewriteaof: {
    request: "default-keyless",
    response: "default-keyless",
    isKeyless: true,
    flags: [ "admin", "noscript", "no_async_loading" ]
   },
   bgsave: {
    request: "default-keyless",
    response: "default-keyless",
    isKeyless: true,
    flags: [ "admin", "noscript", "no_async_loading" ]
   },
   bitcount: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "readonly" ]
   },
   bitfield: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "denyoom" ]
   },
   bitfield_ro: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "readonly", "fast" ]
   },
   bitop: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "denyoom" ]
   },
   bitpos: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "readonly" ]
   },
   bless: {
    request: "default-keyless",
    response: "default-keyless",
    isKeyless: true,
    flags: [],
    subcommands: {
     clear: {
      request: "default-keyed",
      response: "default-keyed",
      isKeyless: false,
      flags: [ "write", "fast" ]
     },
     get: {
      request: "default-keyed",
      response: "default-keyed",
      isKeyless: false,
      flags: [ "fast" ]
     },
     scan: {
      request: "special",
      response: "special",
      isKeyless: true,
      flags: [],
      tips: [ "nondeterministic_output" ]
     },
     set: {
      request: "default-keyed",
      response: "default-keyed",
      isKeyless: false,
      flags: [ "write", "denyoom", "fast" ]
     }
    }
   },
   blmove: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "denyoom", "blocking" ]
   },
   blmovem: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "denyoom", "blocking" ]
   },
   blmpop: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "blocking", "movablekeys" ]
   },
   blpop: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "blocking" ]
   },
   brpop: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "blocking" ]
   },
   brpoplpush: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "denyoom", "blocking" ]
   },
   bzmpop: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "blocking", "movablekeys" ]
   },
   bzpopmax: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "blocking", "fast" ]
   },
   bzpopmin: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "blocking", "fast" ]
   },
   client: {
    request: "default-keyless",
    response: "default-keyless",
    isKeyless: true,
    flags: [],
    subcommands: {
     caching: {
      request: "default-keyless",
      response: "default-keyless",
      isKeyless: true,
      flags: [ "noscript", "loading", "stale" ]
     },
     getname: {
      request: "default-keyless",
      response: "default-keyless",
      isKeyless: true,
      flags: [ "noscript", "loading", "stale" ]
     },
     getredir: {
      request: "default-keyless",
      response: "default-keyless",
      isKeyless: true,
      flags: [ "noscript", "loading", "stale" ]
     },
     help: {
      request: "default-keyless",
      response: "default-keyless",
      isKeyless: true,
      flags: [ "loading", "stale" ]
     },
     id: {
      request: "default-keyless",
      response: "default-keyless",
      isKeyless: true,
      flags: [ "noscript", "loading", "stale" ]
     },
     info: {
      request: "default-keyless",
      response: "default-keyless",
      isKeyless: true,
      flags: [ "noscript", "loading", "stale" ],
      tips: [ "nondeterministic_output" ]
     },
     kill: {
      request: "default-keyless",
      response: "default-keyless",
      isKeyless: true,
      flags: [ "admin", "noscript", "loading", "stale" ]
     },
     list: {
      request: "default-keyless",
      response: "default-keyless",
      isKeyless: true,
      flags: [ "admin", "noscript", "loading", "stale" ],
      tips: [ "nondeterministic_output" ]
     },
     "no-evict": {
      request: "default-keyless",
      response: "default-keyless",
      isKeyless: true,
      flags: [ "admin", "noscript", "loading", "stale" ]
     },
     "no-touch": {
      request: "default-keyless",
      response: "default-keyless",
      isKeyless: true,
      flags: [ "noscript", "loading", "stale" ]
     },
     pause: {
      request: "default-keyless",
      response: "default-keyless",
      isKeyless: true,
      flags: [ "admin", "noscript", "loading", "stale" ]
     },
     reply: {
      request: "default-keyless",
      response: "default-keyless",
      isKeyless: true,
      flags: [ "noscript", "loading", "stale" ]
     },
     setinfo: {
      request: "all_nodes",
      response: "all_succeeded",
      isKeyless: true,
      flags: [ "noscript", "loading", "stale" ]
     },
     setname: {
      request: "all_nodes",
      response: "all_succeeded",
      isKeyless: true,
      flags: [ "noscript", "loading", "stale" ]
     },
     tracking: {
      request: "default-keyless",
      response: "default-keyless",
      isKeyless: true,
      flags: [ "noscript", "loading", "stale" ]
     },
     trackinginfo: {
      request: "default-keyless",
      response: "default-keyless",
      isKeyless: true,
      flags: [ "noscript", "loading", "stale" ]
     },
     unblock: {
      request: "default-keyless",
      response: "default-keyless",
      isKeyless: true,
      flags: [ "admin", "noscript", "loading", "stale" ]
     },
     unpause: {
      request: "default-keyless",
      response: "default-keyless",
      isKeyless: true,
      flags: [ "admin", "noscript", "loading", "stale" ]
     }
    }
   },
   cluster: {
    request: "default-keyless",
    response: "default-keyless",
    isKeyless: true,
    flags: [],
    subcommands: {
     addslots: {
      request: "default-keyless",
      response: "default-keyless",
      isKeyless: true,
      flags: [ "admin", "stale", "no_async_loading" ]
     },
     addslotsrange: {
      request: "default-keyless",
      response: "default-keyless",
      isKeyless: true,
      flags: [ "admin", "stale", "no_async_loading" ]
     },
     bumpepoch: {
      request: "default-keyless",
      response: "default-keyless",
      isKeyless: true,
      flags: [ "admin", "stale", "no_async_loading" ],
      tips: [ "nondeterministic_output" ]
     },
     "count-failure-reports": {
      request: "default-keyless",
      response: "default-keyless",
      isKeyless: true,
      flags: [ "admin", "loading", "stale" ],
      tips: [ "nondeterministic_output" ]
     },
     countkeysinslot: {
      request: "default-keyless",
      response: "default-keyless",
      isKeyless: true,
      flags: [ "stale" ]
     },
     delslots: {
      request: "default-keyless",
      response: "default-keyless",
      isKeyless: true,
      flags: [ "admin", "stale", "no_async_loading" ]
     },
     delslotsrange: {
      request: "default-keyless",
      response: "default-keyless",
      isKeyless: true,
      flags: [ "admin", "stale", "no_async_loading" ]
     },
     failover: {
      request: "default-keyless",
      response: "default-keyless",
      isKeyless: true,
      flags: [ "admin", "stale", "no_async_loading" ]
     },
     flushslots: {
      request: "default-keyless",
      response: "default-keyless",
      isKeyless: true,
      flags: [ "admin", "stale", "no_async_loading" ]
     },
     forget: {
      request: "default-keyless",
      response: "default-keyless",
      isKeyless: true,
      flags: [ "admin", "stale", "no_async_loading" ]
     },
     getkeysinslot: {
      request: "default-keyless",
      response: "default-keyless",
      isKeyless: true,
      flags: [ "stale" ],
      tips: [ "nondeterministic_output" ]
     },
     help: {
      request: "default-keyless",
      response: "default-keyless",
      isKeyless: true,
      flags: [ "loading", "stale" ]
     },
     info: {
      request: "default-keyless",
      response: "default-keyless",
      isKeyless: true,
      flags: [ "loading", "stale" ],
      tips: [ "nondeterministic_output" ]
     },
     keyslot: {
      request: "default-keyless",
      response: "default-keyless",
      isKeyless: true,
      flags: [ "loading", "stale" ]
     },
     links: {
      request: "default-keyless",
      response: "default-keyless",
      isKeyless: true,
      flags: [ "loading", "stale" ],
      tips: [ "nondeterministic_output" ]
     },
     meet: {
      request: "default-keyless",
      response: "default-keyless",
      isKeyless: true,
      flags: [ "admin", "stale", "no_async_loading" ]
     },
     migration: {
      request: "default-keyless",
      response: "default-keyless",
      isKeyless: true,
      flags: [ "admin", "stale", "no_async_loading" ]
     },
     myid: {
      request: "default-keyless",
      response: "default-keyless",
      isKeyless: true,
      flags: [ "loading", "stale" ]
     },
     myshardid: {
      request: "default-keyless",
      response: "default-keyless",
      isKeyless: true,
      flags: [ "loading", "stale" ],
      tips: [ "nondeterministic_output" ]
     },
     nodes: {
      request: "default-keyless",
      response: "default-keyless",
      isKeyless: true,
      flags: [ "loading", "stale" ],
      tips: [ "nondeterministic_output" ]
     },
     replicas: {
      request: "default-keyless",
      response: "default-keyless",
      isKeyless: true,
      flags: [ "admin", "loading", "stale" ],
      tips: [ "nondeterministic_output" ]
     },
     replicate: {
      request: "default-keyless",
      response: "default-keyless",
      isKeyless: true,
      flags: [ "admin", "stale", "no_async_loading" ]
     },
     reset: {
      request: "default-keyless",
      response: "default-keyless",
      isKeyless: true,
      flags: [ "admin", "noscript", "stale" ]
     },
     saveconfig: {
      request: "default-keyless",
      response: "default-keyless",
      isKeyless: true,
      flags: [ "admin", "stale", "no_async_loading" ]
     },
     "set-config-epoch": {
      request: "default-keyless",
      response: "default-keyless",
      isKeyless: true,
      flags: [ "admin", "stale", "no_async_loading" ]
     },
     setslot: {
      request: "default-keyless",
      response: "default-keyless",
      isKeyless: true,
      flags: [ "admin", "stale", "no_async_loading" ]
     },
     shards: {
      request: "default-keyless",
      response: "default-keyless",
      isKeyless: true,
      flags: [ "loading", "stale" ],
      tips: [ "nondeterministic_output" ]
     },
     slaves: {
      request: "default-keyless",
      response: "default-keyless",
      isKeyless: true,
      flags: [ "admin", "loading", "stale" ],
      tips: [ "nondeterministic_output" ]
     },
     "slot-stats": {
      request: "all_shards",
      response: "default-keyless",
      isKeyless: true,
      flags: [ "loading", "stale" ],
      tips: [ "nondeterministic_output" ]
     },
     slots: {
      request: "default-keyless",
      response: "default-keyless",
      isKeyless: true,
      flags: [ "loading", "stale" ],
      tips: [ "nondeterministic_output" ]
     },
     syncslots: {
      request: "default-keyless",
      response: "default-keyless",
      isKeyless: true,
      flags: [ "admin", "stale", "no_async_loading" ],
      tips: [ "nondeterministic_output" ]
     }
    }
   },
   command: {
    request: "default-keyless",
    response: "default-keyless",
    isKeyless: true,
    flags: [ "loading", "stale" ],
    tips: [ "nondeterministic_output_order" ],
    subcommands: {
     count: {
      request: "default-keyless",
      response: "default-keyless",
      isKeyless: true,
      flags: [ "loading", "stale" ]
     },
     docs: {
      request: "default-keyless",
      response: "default-keyless",
      isKeyless: true,
      flags: [ "loading", "stale" ],
      tips: [ "nondeterministic_output_order" ]
     },
     getkeys: {
      request: "default-keyless",
      response: "default-keyless",
      isKeyless: true,
      flags: [ "loading", "stale" ]
     },
     getkeysandflags: {
      request: "default-keyless",
      response: "default-keyless",
      isKeyless: true,
      flags: [ "loading", "stale" ]
     },
     help: {
      request: "default-keyless",
      response: "default-keyless",
      isKeyless: true,
      flags: [ "loading", "stale" ]
     },
     info: {
      request: "default-keyless",
      response: "default-keyless",
      isKeyless: true,
      flags: [ "loading", "stale" ],
      tips: [ "nondeterministic_output_order" ]
     },
     list: {
      request: "default-keyless",
      response: "default-keyless",
      isKeyless: true,
      flags: [ "loading", "stale" ],
      tips: [ "nondeterministic_output_order" ]
     }
    }
   },
   config: {
    request: "default-keyless",
    response: "default-keyless",
    isKeyless: true,
    flags: [],
    subcommands: {
     get: {
      request: "default-keyless",
      response: "default-keyless",
      isKeyless: true,
      flags: [ "admin", "noscript", "loading", "stale" ]
     },
     help: {
      request: "default-keyless",
      response: "default-keyless",
      isKeyless: true,
      flags: [ "loading", "stale" ]
     },
     resetstat: {
      request: "all_nodes",
      response: "all_succeeded",
      isKeyless: true,
      flags: [ "admin", "noscript", "loading", "stale" ]
     },
     rewrite: {
      request: "all_nodes",
      response: "all_succeeded",
      isKeyless: true,
      flags: [ "admin", "noscript", "loading", "stale" ]
     },
     set: {
      request: "all_nodes",
      response: "all_succeeded",
      isKeyless: true,
      flags: [ "admin", "noscript", "loading", "stale" ]
     }
    }
   },
   copy: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "denyoom" ]
   },
   dbsize: {
    request: "all_shards",
    response: "agg_sum",
    isKeyless: true,
    flags: [ "readonly", "fast" ]
   },
   debug: {
    request: "default-keyless",
    response: "default-keyless",
    isKeyless: true,
    flags: [ "admin", "noscript", "loading", "stale" ]
   },
   decr: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "denyoom", "fast" ]
   },
   decrby: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "denyoom", "fast" ]
   },
   del: {
    request: "multi_shard",
    response: "agg_sum",
    isKeyless: false,
    flags: [ "write" ],
    keySpecs: [ {
     beginSearch: {
      type: "index",
      index: 1
     },
     findKeys: {
      type: "range",
      lastKey: -1,
      keyStep: 1,
      limit: 0
     }
    } ]
   },
   delex: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "fast" ]
   },
   digest: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "readonly", "fast" ]
   },
   discard: {
    request: "default-keyless",
    response: "default-keyless",
    isKeyless: true,
    flags: [ "noscript", "loading", "stale", "fast", "allow_busy" ]
   },
   dump: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "readonly" ],
    tips: [ "nondeterministic_output" ]
   },
   echo: {
    request: "default-keyless",
    response: "default-keyless",
    isKeyless: true,
    flags: [ "loading", "stale", "fast" ]
   },
   eval: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "noscript", "stale", "skip_monitor", "no_mandatory_keys", "movablekeys", "script_runner" ]
   },
   eval_ro: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "readonly", "noscript", "stale", "skip_monitor", "no_mandatory_keys", "movablekeys", "script_runner" ]
   },
   evalsha: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "noscript", "stale", "skip_monitor", "no_mandatory_keys", "movablekeys", "script_runner" ]
   },
   evalsha_ro: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "readonly", "noscript", "stale", "skip_monitor", "no_mandatory_keys", "movablekeys", "script_runner" ]
   },
   exec: {
    request: "default-keyless",
    response: "default-keyless",
    isKeyless: true,
    flags: [ "noscript", "loading", "stale", "skip_slowlog" ]
   },
   exists: {
    request: "multi_shard",
    response: "agg_sum",
    isKeyless: false,
    flags: [ "readonly", "fast" ],
    keySpecs: [ {
     beginSearch: {
      type: "index",
      index: 1
     },
     findKeys: {
      type: "range",
      lastKey: -1,
      keyStep: 1,
      limit: 0
     }
    } ]
   },
   expire: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "fast" ]
   },
   expireat: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "fast" ]
   },
   expiretime: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "readonly", "fast" ]
   },
   failover: {
    request: "default-keyless",
    response: "default-keyless",
    isKeyless: true,
    flags: [ "admin", "noscript", "stale" ]
   },
   fcall: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "noscript", "stale", "skip_monitor", "no_mandatory_keys", "movablekeys", "script_runner" ]
   },
   fcall_ro: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "readonly", "noscript", "stale", "skip_monitor", "no_mandatory_keys", "movablekeys", "script_runner" ]
   },
   flushall: {
    request: "all_shards",
    response: "all_succeeded",
    isKeyless: true,
    flags: [ "write" ]
   },
   flushdb: {
    request: "all_shards",
    response: "all_succeeded",
    isKeyless: true,
    flags: [ "write" ]
   },
   function: {
    request: "default-keyless",
    response: "default-keyless",
    isKeyless: true,
    flags: [],
    subcommands: {
     delete: {
      request: "all_shards",
      response: "all_succeeded",
      isKeyless: true,
      flags: [ "write", "noscript" ]
     },
     dump: {
      request: "default-keyless",
      response: "default-keyless",
      isKeyless: true,
      flags: [ "noscript" ]
     },
     flush: {
      request: "all_shards",
      response: "all_succeeded",
      isKeyless: true,
      flags: [ "write", "noscript" ]
     },
     help: {
      request: "default-keyless",
      response: "default-keyless",
      isKeyless: true,
      flags: [ "loading", "stale" ]
     },
     kill: {
      request: "all_shards",
      response: "one_succeeded",
      isKeyless: true,
      flags: [ "noscript", "allow_busy" ]
     },
     list: {
      request: "default-keyless",
      response: "default-keyless",
      isKeyless: true,
      flags: [ "noscript" ],
      tips: [ "nondeterministic_output_order" ]
     },
     load: {
      request: "all_shards",
      response: "all_succeeded",
      isKeyless: true,
      flags: [ "write", "denyoom", "noscript" ]
     },
     restore: {
      request: "all_shards",
      response: "all_succeeded",
      isKeyless: true,
      flags: [ "write", "denyoom", "noscript" ]
     },
     stats: {
      request: "default-keyless",
      response: "default-keyless",
      isKeyless: true,
      flags: [ "noscript", "allow_busy" ],
      tips: [ "nondeterministic_output" ]
     }
    }
   },
   geoadd: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "denyoom" ]
   },
   geodist: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "readonly" ]
   },
   geohash: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "readonly" ]
   },
   geopos: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "readonly" ]
   },
   georadius: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "denyoom", "movablekeys" ]
   },
   georadius_ro: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "readonly" ]
   },
   georadiusbymember: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "denyoom", "movablekeys" ]
   },
   georadiusbymember_ro: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "readonly" ]
   },
   geosearch: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "readonly" ]
   },
   geosearchstore: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "denyoom" ]
   },
   get: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "readonly", "fast" ]
   },
   getbit: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "readonly", "fast" ]
   },
   getdel: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "fast" ]
   },
   getex: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "fast" ]
   },
   getrange: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "readonly" ]
   },
   getset: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "denyoom", "fast" ]
   },
   hdel: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "fast" ]
   },
   hello: {
    request: "default-keyless",
    response: "default-keyless",
    isKeyless: true,
    flags: [ "noscript", "loading", "stale", "fast", "no_auth", "allow_busy" ]
   },
   hexists: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "readonly", "fast" ]
   },
   hexpire: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "fast" ]
   },
   hexpireat: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "fast" ]
   },
   hexpiretime: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "readonly", "fast" ]
   },
   hget: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "readonly", "fast" ]
   },
   hgetall: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "readonly" ],
    tips: [ "nondeterministic_output_order" ]
   },
   hgetdel: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "fast" ]
   },
   hgetex: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "fast" ]
   },
   himport: {
    request: "default-keyless",
    response: "default-keyless",
    isKeyless: true,
    flags: [],
    subcommands: {
     discard: {
      request: "all_shards",
      response: "agg_max",
      isKeyless: true,
      flags: []
     },
     discardall: {
      request: "all_shards",
      response: "agg_max",
      isKeyless: true,
      flags: []
     },
     prepare: {
      request: "all_shards",
      response: "all_succeeded",
      isKeyless: true,
      flags: [ "denyoom" ]
     },
     set: {
      request: "default-keyed",
      response: "default-keyed",
      isKeyless: false,
      flags: [ "write", "denyoom" ]
     }
    }
   },
   hincrby: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "denyoom", "fast" ]
   },
   hincrbyfloat: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "denyoom", "fast" ]
   },
   hkeys: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "readonly" ],
    tips: [ "nondeterministic_output_order" ]
   },
   hlen: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "readonly", "fast" ]
   },
   hmget: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "readonly", "fast" ]
   },
   hmset: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "denyoom", "fast" ]
   },
   hotkeys: {
    request: "default-keyless",
    response: "default-keyless",
    isKeyless: true,
    flags: [],
    subcommands: {
     get: {
      request: "default-keyless",
      response: "default-keyless",
      isKeyless: true,
      flags: [ "admin", "noscript" ],
      tips: [ "nondeterministic_output" ]
     },
     help: {
      request: "default-keyless",
      response: "default-keyless",
      isKeyless: true,
      flags: [ "loading", "stale" ]
     },
     reset: {
      request: "default-keyless",
      response: "default-keyless",
      isKeyless: true,
      flags: [ "admin", "noscript" ]
     },
     start: {
      request: "default-keyless",
      response: "default-keyless",
      isKeyless: true,
      flags: [ "admin", "noscript" ]
     },
     stop: {
      request: "default-keyless",
      response: "default-keyless",
      isKeyless: true,
      flags: [ "admin", "noscript" ]
     }
    }
   },
   hpersist: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "fast" ]
   },
   hpexpire: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "fast" ]
   },
   hpexpireat: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "fast" ]
   },
   hpexpiretime: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "readonly", "fast" ]
   },
   hpttl: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "readonly", "fast" ],
    tips: [ "nondeterministic_output" ]
   },
   hrandfield: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "readonly" ],
    tips: [ "nondeterministic_output" ]
   },
   hscan: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "readonly" ],
    tips: [ "nondeterministic_output" ]
   },
   hset: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "denyoom", "fast" ]
   },
   hsetex: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "denyoom", "fast" ]
   },
   hsetnx: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "denyoom", "fast" ]
   },
   hstrlen: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "readonly", "fast" ]
   },
   httl: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "readonly", "fast" ],
    tips: [ "nondeterministic_output" ]
   },
   hvals: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "readonly" ],
    tips: [ "nondeterministic_output_order" ]
   },
   incr: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "denyoom", "fast" ]
   },
   incrby: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "denyoom", "fast" ]
   },
   incrbyfloat: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "denyoom", "fast" ]
   },
   increx: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "denyoom", "fast" ]
   },
   info: {
    request: "default-keyless",
    response: "default-keyless",
    isKeyless: true,
    flags: [ "loading", "stale" ],
    tips: [ "nondeterministic_output" ]
   },
   keys: {
    request: "all_shards",
    response: "default-keyless",
    isKeyless: true,
    flags: [ "readonly" ],
    tips: [ "nondeterministic_output_order" ]
   },
   lastsave: {
    request: "default-keyless",
    response: "default-keyless",
    isKeyless: true,
    flags: [ "loading", "stale", "fast" ],
    tips: [ "nondeterministic_output" ]
   },
   latency: {
    request: "default-keyless",
    response: "default-keyless",
    isKeyless: true,
    flags: [],
    subcommands: {
     doctor: {
      request: "default-keyless",
      response: "default-keyless",
      isKeyless: true,
      flags: [ "admin", "noscript", "loading", "stale" ],
      tips: [ "nondeterministic_output" ]
     },
     graph: {
      request: "default-keyless",
      response: "default-keyless",
      isKeyless: true,
      flags: [ "admin", "noscript", "loading", "stale" ],
      tips: [ "nondeterministic_output" ]
     },
     help: {
      request: "default-keyless",
      response: "default-keyless",
      isKeyless: true,
      flags: [ "loading", "stale" ]
     },
     histogram: {
      request: "default-keyless",
      response: "default-keyless",
      isKeyless: true,
      flags: [ "admin", "noscript", "loading", "stale" ],
      tips: [ "nondeterministic_output" ]
     },
     history: {
      request: "default-keyless",
      response: "default-keyless",
      isKeyless: true,
      flags: [ "admin", "noscript", "loading", "stale" ],
      tips: [ "nondeterministic_output" ]
     },
     latest: {
      request: "default-keyless",
      response: "default-keyless",
      isKeyless: true,
      flags: [ "admin", "noscript", "loading", "stale" ],
      tips: [ "nondeterministic_output" ]
     },
     reset: {
      request: "all_nodes",
      response: "agg_sum",
      isKeyless: true,
      flags: [ "admin", "noscript", "loading", "stale" ]
     }
    }
   },
   lcs: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "readonly" ]
   },
   lindex: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "readonly" ]
   },
   linsert: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "denyoom" ]
   },
   llen: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "readonly", "fast" ]
   },
   lmove: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "denyoom" ]
   },
   lmovem: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "denyoom" ]
   },
   lmpop: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "movablekeys" ]
   },
   lolwut: {
    request: "default-keyless",
    response: "default-keyless",
    isKeyless: true,
    flags: [ "readonly", "fast" ]
   },
   lpop: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "fast" ]
   },
   lpos: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "readonly" ]
   },
   lpush: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "denyoom", "fast" ]
   },
   lpushx: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "denyoom", "fast" ]
   },
   lrange: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "readonly" ]
   },
   lrem: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write" ]
   },
   lset: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "denyoom" ]
   },
   ltrim: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write" ]
   },
   memory: {
    request: "default-keyless",
    response: "default-keyless",
    isKeyless: true,
    flags: [],
    subcommands: {
     doctor: {
      request: "default-keyless",
      response: "default-keyless",
      isKeyless: true,
      flags: [],
      tips: [ "nondeterministic_output" ]
     },
     help: {
      request: "default-keyless",
      response: "default-keyless",
      isKeyless: true,
      flags: [ "loading", "stale" ]
     },
     "malloc-stats": {
      request: "default-keyless",
      response: "default-keyless",
      isKeyless: true,
      flags: [],
      tips: [ "nondeterministic_output" ]
     },
     purge: {
      request: "all_shards",
      response: "all_succeeded",
      isKeyless: true,
      flags: []
     },
     stats: {
      request: "default-keyless",
      response: "default-keyless",
      isKeyless: true,
      flags: [],
      tips: [ "nondeterministic_output" ]
     },
     usage: {
      request: "default-keyed",
      response: "default-keyed",
      isKeyless: false,
      flags: [ "readonly" ]
     }
    }
   },
   mget: {
    request: "multi_shard",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "readonly", "fast" ],
    keySpecs: [ {
     beginSearch: {
      type: "index",
      index: 1
     },
     findKeys: {
      type: "range",
      lastKey: -1,
      keyStep: 1,
      limit: 0
     }
    } ]
   },
   migrate: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "movablekeys" ],
    tips: [ "nondeterministic_output" ]
   },
   module: {
    request: "default-keyless",
    response: "default-keyless",
    isKeyless: true,
    flags: [],
    subcommands: {
     help: {
      request: "default-keyless",
      response: "default-keyless",
      isKeyless: true,
      flags: [ "loading", "stale" ]
     },
     list: {
      request: "default-keyless",
      response: "default-keyless",
      isKeyless: true,
      flags: [ "admin", "noscript" ],
      tips: [ "nondeterministic_output_order" ]
     },
     load: {
      request: "default-keyless",
      response: "default-keyless",
      isKeyless: true,
      flags: [ "admin", "noscript", "no_async_loading" ]
     },
     loadex: {
      request: "default-keyless",
      response: "default-keyless",
      isKeyless: true,
      flags: [ "admin", "noscript", "no_async_loading" ]
     },
     unload: {
      request: "default-keyless",
      response: "default-keyless",
      isKeyless: true,
      flags: [ "admin", "noscript", "no_async_loading" ]
     }
    }
   },
   monitor: {
    request: "default-keyless",
    response: "default-keyless",
    isKeyless: true,
    flags: [ "admin", "noscript", "loading", "stale" ]
   },
   move: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "fast" ]
   },
   mset: {
    request: "multi_shard",
    response: "all_succeeded",
    isKeyless: false,
    flags: [ "write", "denyoom" ],
    keySpecs: [ {
     beginSearch: {
      type: "index",
      index: 1
     },
     findKeys: {
      type: "range",
      lastKey: -1,
      keyStep: 2,
      limit: 0
     }
    } ]
   },
   msetex: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "denyoom", "movablekeys" ]
   },
   msetnx: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "denyoom" ]
   },
   multi: {
    request: "default-keyless",
    response: "default-keyless",
    isKeyless: true,
    flags: [ "noscript", "loading", "stale", "fast", "allow_busy" ]
   },
   object: {
    request: "default-keyless",
    response: "default-keyless",
    isKeyless: true,
    flags: [],
    subcommands: {
     encoding: {
      request: "default-keyed",
      response: "default-keyed",
      isKeyless: false,
      flags: [ "readonly" ],
      tips: [ "nondeterministic_output" ]
     },
     freq: {
      request: "default-keyed",
      response: "default-keyed",
      isKeyless: false,
      flags: [ "readonly" ],
      tips: [ "nondeterministic_output" ]
     },
     help: {
      request: "default-keyless",
      response: "default-keyless",
      isKeyless: true,
      flags: [ "loading", "stale" ]
     },
     idletime: {
      request: "default-keyed",
      response: "default-keyed",
      isKeyless: false,
      flags: [ "readonly" ],
      tips: [ "nondeterministic_output" ]
     },
     refcount: {
      request: "default-keyed",
      response: "default-keyed",
      isKeyless: false,
      flags: [ "readonly" ],
      tips: [ "nondeterministic_output" ]
     }
    }
   },
   persist: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "fast" ]
   },
   pexpire: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "fast" ]
   },
   pexpireat: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "fast" ]
   },
   pexpiretime: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "readonly", "fast" ]
   },
   pfadd: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "denyoom", "fast" ]
   },
   pfcount: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "readonly" ]
   },
   pfdebug: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "denyoom", "admin" ]
   },
   pfmerge: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "denyoom" ]
   },
   pfselftest: {
    request: "default-keyless",
    response: "default-keyless",
    isKeyless: true,
    flags: [ "admin" ]
   },
   ping: {
    request: "all_shards",
    response: "all_succeeded",
    isKeyless: true,
    flags: [ "fast" ]
   },
   psetex: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "denyoom" ]
   },
   psubscribe: {
    request: "default-keyless",
    response: "default-keyless",
    isKeyless: true,
    flags: [ "denyoom", "pubsub", "noscript", "loading", "stale" ]
   },
   psync: {
    request: "default-keyless",
    response: "default-keyless",
    isKeyless: true,
    flags: [ "admin", "noscript", "no_async_loading", "no_multi" ]
   },
   pttl: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "readonly", "fast" ],
    tips: [ "nondeterministic_output" ]
   },
   publish: {
    request: "default-keyless",
    response: "default-keyless",
    isKeyless: true,
    flags: [ "pubsub", "loading", "stale", "fast" ]
   },
   pubsub: {
    request: "default-keyless",
    response: "default-keyless",
    isKeyless: true,
    flags: [],
    subcommands: {
     channels: {
      request: "default-keyless",
      response: "default-keyless",
      isKeyless: true,
      flags: [ "pubsub", "loading", "stale" ]
     },
     help: {
      request: "default-keyless",
      response: "default-keyless",
      isKeyless: true,
      flags: [ "loading", "stale" ]
     },
     numpat: {
      request: "default-keyless",
      response: "default-keyless",
      isKeyless: true,
      flags: [ "pubsub", "loading", "stale" ]
     },
     numsub: {
      request: "default-keyless",
      response: "default-keyless",
      isKeyless: true,
      flags: [ "pubsub", "loading", "stale" ]
     },
     shardchannels: {
      request: "default-keyless",
      response: "default-keyless",
      isKeyless: true,
      flags: [ "pubsub", "loading", "stale" ]
     },
     shardnumsub: {
      request: "default-keyless",
      response: "default-keyless",
      isKeyless: true,
      flags: [ "pubsub", "loading", "stale" ]
     }
    }
   },
   punsubscribe: {
    request: "default-keyless",
    response: "default-keyless",
    isKeyless: true,
    flags: [ "pubsub", "noscript", "loading", "stale" ]
   },
   quit: {
    request: "default-keyless",
    response: "default-keyless",
    isKeyless: true,
    flags: [ "noscript", "loading", "stale", "fast", "no_auth", "allow_busy" ]
   },
   randomkey: {
    request: "all_shards",
    response: "special",
    isKeyless: true,
    flags: [ "readonly" ],
    tips: [ "nondeterministic_output" ]
   },
   readonly: {
    request: "default-keyless",
    response: "default-keyless",
    isKeyless: true,
    flags: [ "loading", "stale", "fast" ]
   },
   readwrite: {
    request: "default-keyless",
    response: "default-keyless",
    isKeyless: true,
    flags: [ "loading", "stale", "fast" ]
   },
   rename: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write" ]
   },
   renamenx: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "fast" ]
   },
   replconf: {
    request: "default-keyless",
    response: "default-keyless",
    isKeyless: true,
    flags: [ "admin", "noscript", "loading", "stale", "allow_busy" ]
   },
   replicaof: {
    request: "default-keyless",
    response: "default-keyless",
    isKeyless: true,
    flags: [ "admin", "noscript", "stale", "no_async_loading" ]
   },
   reset: {
    request: "default-keyless",
    response: "default-keyless",
    isKeyless: true,
    flags: [ "noscript", "loading", "stale", "fast", "no_auth", "allow_busy" ]
   },
   restore: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "denyoom" ]
   },
   "restore-asking": {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "denyoom", "asking" ]
   },
   role: {
    request: "default-keyless",
    response: "default-keyless",
    isKeyless: true,
    flags: [ "noscript", "loading", "stale", "fast" ]
   },
   rpop: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "fast" ]
   },
   rpoplpush: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "denyoom" ]
   },
   rpush: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "denyoom", "fast" ]
   },
   rpushx: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "denyoom", "fast" ]
   },
   sadd: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "denyoom", "fast" ]
   },
   save: {
    request: "default-keyless",
    response: "default-keyless",
    isKeyless: true,
    flags: [ "admin", "noscript", "no_async_loading", "no_multi" ]
   },
   scan: {
    request: "special",
    response: "special",
    isKeyless: true,
    flags: [ "readonly" ],
    tips: [ "nondeterministic_output" ]
   },
   scard: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "readonly", "fast" ]
   },
   script: {
    request: "default-keyless",
    response: "default-keyless",
    isKeyless: true,
    flags: [],
    subcommands: {
     debug: {
      request: "default-keyless",
      response: "default-keyless",
      isKeyless: true,
      flags: [ "noscript" ]
     },
     exists: {
      request: "all_shards",
      response: "agg_logical_and",
      isKeyless: true,
      flags: [ "noscript" ]
     },
     flush: {
      request: "all_nodes",
      response: "all_succeeded",
      isKeyless: true,
      flags: [ "noscript" ]
     },
     help: {
      request: "default-keyless",
      response: "default-keyless",
      isKeyless: true,
      flags: [ "loading", "stale" ]
     },
     kill: {
      request: "all_shards",
      response: "one_succeeded",
      isKeyless: true,
      flags: [ "noscript", "allow_busy" ]
     },
     load: {
      request: "all_nodes",
      response: "all_succeeded",
      isKeyless: true,
      flags: [ "noscript", "stale" ]
     }
    }
   },
   sdiff: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "readonly" ],
    tips: [ "nondeterministic_output_order" ]
   },
   sdiffcard: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "readonly", "movablekeys" ]
   },
   sdiffstore: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "denyoom" ]
   },
   select: {
    request: "default-keyless",
    response: "default-keyless",
    isKeyless: true,
    flags: [ "loading", "stale", "fast" ]
   },
   set: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "denyoom" ]
   },
   setbit: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "denyoom" ]
   },
   setex: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "denyoom" ]
   },
   setnx: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "denyoom", "fast" ]
   },
   setrange: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "denyoom" ]
   },
   shutdown: {
    request: "default-keyless",
    response: "default-keyless",
    isKeyless: true,
    flags: [ "admin", "noscript", "loading", "stale", "no_multi", "allow_busy" ]
   },
   sinter: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "readonly" ],
    tips: [ "nondeterministic_output_order" ]
   },
   sintercard: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "readonly", "movablekeys" ]
   },
   sinterstore: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "denyoom" ]
   },
   sismember: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "readonly", "fast" ]
   },
   slaveof: {
    request: "default-keyless",
    response: "default-keyless",
    isKeyless: true,
    flags: [ "admin", "noscript", "stale", "no_async_loading" ]
   },
   slowlog: {
    request: "default-keyless",
    response: "default-keyless",
    isKeyless: true,
    flags: [],
    subcommands: {
     get: {
      request: "all_nodes",
      response: "default-keyless",
      isKeyless: true,
      flags: [ "admin", "loading", "stale" ],
      tips: [ "nondeterministic_output" ]
     },
     help: {
      request: "default-keyless",
      response: "default-keyless",
      isKeyless: true,
      flags: [ "loading", "stale" ]
     },
     len: {
      request: "all_nodes",
      response: "agg_sum",
      isKeyless: true,
      flags: [ "admin", "loading", "stale" ],
      tips: [ "nondeterministic_output" ]
     },
     reset: {
      request: "all_nodes",
      response: "all_succeeded",
      isKeyless: true,
      flags: [ "admin", "loading", "stale" ]
     }
    }
   },
   smembers: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "readonly" ],
    tips: [ "nondeterministic_output_order" ]
   },
   smismember: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "readonly", "fast" ]
   },
   smove: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "fast" ]
   },
   sort: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "denyoom", "movablekeys" ]
   },
   sort_ro: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "readonly", "movablekeys" ]
   },
   spop: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "fast" ],
    tips: [ "nondeterministic_output" ]
   },
   spublish: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "pubsub", "loading", "stale", "fast" ]
   },
   srandmember: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "readonly" ],
    tips: [ "nondeterministic_output" ]
   },
   srem: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "fast" ]
   },
   sscan: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "readonly" ],
    tips: [ "nondeterministic_output" ]
   },
   ssubscribe: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "denyoom", "pubsub", "noscript", "loading", "stale" ]
   },
   strlen: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "readonly", "fast" ]
   },
   subscribe: {
    request: "default-keyless",
    response: "default-keyless",
    isKeyless: true,
    flags: [ "denyoom", "pubsub", "noscript", "loading", "stale" ]
   },
   substr: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "readonly" ]
   },
   sunion: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "readonly" ],
    tips: [ "nondeterministic_output_order" ]
   },
   sunioncard: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "readonly", "movablekeys" ]
   },
   sunionstore: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "denyoom" ]
   },
   sunsubscribe: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "pubsub", "noscript", "loading", "stale" ]
   },
   swapdb: {
    request: "default-keyless",
    response: "default-keyless",
    isKeyless: true,
    flags: [ "write", "fast" ]
   },
   sync: {
    request: "default-keyless",
    response: "default-keyless",
    isKeyless: true,
    flags: [ "admin", "noscript", "no_async_loading", "no_multi" ]
   },
   time: {
    request: "default-keyless",
    response: "default-keyless",
    isKeyless: true,
    flags: [ "loading", "stale", "fast" ],
    tips: [ "nondeterministic_output" ]
   },
   touch: {
    request: "multi_shard",
    response: "agg_sum",
    isKeyless: false,
    flags: [ "readonly", "fast" ],
    keySpecs: [ {
     beginSearch: {
      type: "index",
      index: 1
     },
     findKeys: {
      type: "range",
      lastKey: -1,
      keyStep: 1,
      limit: 0
     }
    } ]
   },
   trimslots: {
    request: "default-keyless",
    response: "default-keyless",
    isKeyless: true,
    flags: [ "write" ]
   },
   ttl: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "readonly", "fast" ],
    tips: [ "nondeterministic_output" ]
   },
   type: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "readonly", "fast" ]
   },
   unlink: {
    request: "multi_shard",
    response: "agg_sum",
    isKeyless: false,
    flags: [ "write", "fast" ],
    keySpecs: [ {
     beginSearch: {
      type: "index",
      index: 1
     },
     findKeys: {
      type: "range",
      lastKey: -1,
      keyStep: 1,
      limit: 0
     }
    } ]
   },
   unsubscribe: {
    request: "default-keyless",
    response: "default-keyless",
    isKeyless: true,
    flags: [ "pubsub", "noscript", "loading", "stale" ]
   },
   unwatch: {
    request: "default-keyless",
    response: "default-keyless",
    isKeyless: true,
    flags: [ "noscript", "loading", "stale", "fast", "allow_busy" ]
   },
   wait: {
    request: "all_shards",
    response: "agg_min",
    isKeyless: true,
    flags: [ "blocking" ]
   },
   waitaof: {
    request: "all_shards",
    response: "agg_min",
    isKeyless: true,
    flags: [ "blocking" ]
   },
   watch: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "noscript", "loading", "stale", "fast", "allow_busy" ]
   },
   xack: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "fast" ]
   },
   xackdel: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "fast" ]
   },
   xadd: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "denyoom", "fast" ],
    tips: [ "nondeterministic_output" ]
   },
   xautoclaim: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "fast" ],
    tips: [ "nondeterministic_output" ]
   },
   xcfgset: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "fast" ]
   },
   xclaim: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "fast" ],
    tips: [ "nondeterministic_output" ]
   },
   xdel: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "fast" ]
   },
   xdelex: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "fast" ]
   },
   xgroup: {
    request: "default-keyless",
    response: "default-keyless",
    isKeyless: true,
    flags: [],
    subcommands: {
     create: {
      request: "default-keyed",
      response: "default-keyed",
      isKeyless: false,
      flags: [ "write", "denyoom" ]
     },
     createconsumer: {
      request: "default-keyed",
      response: "default-keyed",
      isKeyless: false,
      flags: [ "write", "denyoom" ]
     },
     delconsumer: {
      request: "default-keyed",
      response: "default-keyed",
      isKeyless: false,
      flags: [ "write" ]
     },
     destroy: {
      request: "default-keyed",
      response: "default-keyed",
      isKeyless: false,
      flags: [ "write" ]
     },
     help: {
      request: "default-keyless",
      response: "default-keyless",
      isKeyless: true,
      flags: [ "loading", "stale" ]
     },
     setid: {
      request: "default-keyed",
      response: "default-keyed",
      isKeyless: false,
      flags: [ "write" ]
     }
    }
   },
   xidmprecord: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "denyoom", "fast" ]
   },
   xinfo: {
    request: "default-keyless",
    response: "default-keyless",
    isKeyless: true,
    flags: [],
    subcommands: {
     consumers: {
      request: "default-keyed",
      response: "default-keyed",
      isKeyless: false,
      flags: [ "readonly" ],
      tips: [ "nondeterministic_output" ]
     },
     groups: {
      request: "default-keyed",
      response: "default-keyed",
      isKeyless: false,
      flags: [ "readonly" ]
     },
     help: {
      request: "default-keyless",
      response: "default-keyless",
      isKeyless: true,
      flags: [ "loading", "stale" ]
     },
     stream: {
      request: "default-keyed",
      response: "default-keyed",
      isKeyless: false,
      flags: [ "readonly" ]
     }
    }
   },
   xlen: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "readonly", "fast" ]
   },
   xnack: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "fast" ]
   },
   xpending: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "readonly" ],
    tips: [ "nondeterministic_output" ]
   },
   xrange: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "readonly" ]
   },
   xread: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "readonly", "blocking", "movablekeys" ]
   },
   xreadgroup: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "blocking", "movablekeys" ]
   },
   xrevrange: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "readonly" ]
   },
   xsetid: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "denyoom", "fast" ]
   },
   xtrim: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write" ],
    tips: [ "nondeterministic_output" ]
   },
   zadd: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "denyoom", "fast" ]
   },
   zcard: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "readonly", "fast" ]
   },
   zcount: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "readonly", "fast" ]
   },
   zdiff: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "readonly", "movablekeys" ]
   },
   zdiffstore: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "denyoom", "movablekeys" ]
   },
   zincrby: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "denyoom", "fast" ]
   },
   zinter: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "readonly", "movablekeys" ]
   },
   zintercard: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "readonly", "movablekeys" ]
   },
   zinterstore: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "denyoom", "movablekeys" ]
   },
   zlexcount: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "readonly", "fast" ]
   },
   zmpop: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "movablekeys" ]
   },
   zmscore: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "readonly", "fast" ]
   },
   zpopmax: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "fast" ]
   },
   zpopmin: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "fast" ]
   },
   zrandmember: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "readonly" ],
    tips: [ "nondeterministic_output" ]
   },
   zrange: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "readonly" ]
   },
   zrangebylex: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "readonly" ]
   },
   zrangebyscore: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "readonly" ]
   },
   zrangestore: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "denyoom" ]
   },
   zrank: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "readonly", "fast" ]
   },
   zrem: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "fast" ]
   },
   zremrangebylex: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write" ]
   },
   zremrangebyrank: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write" ]
   },
   zremrangebyscore: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write" ]
   },
   zrevrange: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "readonly" ]
   },
   zrevrangebylex: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "readonly" ]
   },
   zrevrangebyscore: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "readonly" ]
   },
   zrevrank: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "readonly", "fast" ]
   },
   zscan: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "readonly" ],
    tips: [ "nondeterministic_output" ]
   },
   zscore: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "readonly", "fast" ]
   },
   zunion: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "readonly", "movablekeys" ]
   },
   zunionstore: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "denyoom", "movablekeys" ]
   }
  },
  tdigest: {
   add: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "denyoom", "module" ]
   },
   byrank: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "readonly", "module" ]
   },
   byrevrank: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "readonly", "module" ]
   },
   cdf: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "readonly", "module" ]
   },
   create: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "denyoom", "module" ]
   },
   info: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "readonly", "module" ],
    tips: [ "dont_cache" ]
   },
   max: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "readonly", "module" ]
   },
   merge: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "denyoom", "module", "movablekeys" ]
   },
   min: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "readonly", "module" ]
   },
   quantile: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "readonly", "module" ]
   },
   rank: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "readonly", "module" ]
   },
   reset: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "denyoom", "module" ]
   },
   revrank: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "readonly", "module" ]
   },
   trimmed_mean: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "readonly", "module" ]
   }
  },
  timeseries: {
   refreshcluster: {
    request: "default-keyless",
    response: "default-keyless",
    isKeyless: true,
    flags: [ "readonly", "module", "noscript" ]
   }
  },
  topk: {
   add: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "denyoom", "module" ]
   },
   count: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "readonly", "module" ]
   },
   incrby: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "denyoom", "module" ]
   },
   info: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "readonly", "module" ]
   },
   list: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "readonly", "module" ]
   },
   query: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "readonly", "module" ]
   },
   reserve: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "denyoom", "module" ]
   }
  },
  ts: {
   add: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "denyoom", "module" ]
   },
   alter: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "denyoom", "module" ]
   },
   create: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "denyoom", "module" ]
   },
   createrule: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "module", "fast" ]
   },
   decrby: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "denyoom", "module" ]
   },
   del: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "module" ]
   },
   deleterule: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "module" ]
   },
   get: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "readonly", "module" ]
   },
   incrby: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "denyoom", "module" ]
   },
   info: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "readonly", "module" ],
    tips: [ "dont_cache" ]
   },
   madd: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "write", "denyoom", "module" ]
   },
   mget: {
    request: "default-keyless",
    response: "default-keyless",
    isKeyless: true,
    flags: [ "readonly", "module" ],
    tips: [ "dont_cache" ]
   },
   mrange: {
    request: "default-keyless",
    response: "default-keyless",
    isKeyless: true,
    flags: [ "readonly", "module" ],
    tips: [ "dont_cache" ]
   },
   mrevrange: {
    request: "default-keyless",
    response: "default-keyless",
    isKeyless: true,
    flags: [ "readonly", "module" ],
    tips: [ "dont_cache" ]
   },
   nrange: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "readonly", "module", "movablekeys" ]
   },
   nrevrange: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "readonly", "module", "movablekeys" ]
   },
   queryindex: {
    request: "default-keyless",
    response: "default-keyless",
    isKeyless: true,
    flags: [ "readonly", "module" ],
    tips: [ "dont_cache" ]
   },
   querylabels: {
    request: "default-keyless",
    response: "default-keyless",
    isKeyless: true,
    flags: [ "readonly", "module" ],
    tips: [ "dont_cache" ]
   },
   range: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "readonly", "module" ]
   },
   read: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "readonly", "module" ],
    tips: [ "dont_cache" ]
   },
   revrange: {
    request: "default-keyed",
    response: "default-keyed",
    isKeyless: false,
    flags: [ "readonly", "module" ]
   }
  }
 };
 return commandMetadataData;
}

var hasRequiredStaticMetadataResolver;

function requireStaticMetadataResolver() {
 if (hasRequiredStaticMetadataResolver) return staticMetadataResolver;
 hasRequiredStaticMetadataResolver = 1;
 Object.defineProperty(staticMetadataResolver, "__esModule", {
  value: true
 });
 staticMetadataResolver.StaticMetadataResolver = void 0;
 const types_1 = requireTypes$1();
 const command_metadata_data_1 = requireCommandMetadataData();
 const lowercaseCommandMetadata = metadata => {
  if (!metadata.subcommands) return metadata;
  const subcommands = Object.create(null);
  for (const [name, sub] of Object.entries(metadata.subcommands)) {
   subcommands[name.toLowerCase()] = lowercaseCommandMetadata(sub);
  }
  return {
   ...metadata,
   subcommands: subcommands
  };
 };
 const lowercaseModuleMetadata = metadata => {
  const out = Object.create(null);
  for (const [moduleName, commands] of Object.entries(metadata)) {
   const normalized = Object.create(null);
   for (const [commandName, entry] of Object.entries(commands)) {
    normalized[commandName.toLowerCase()] = lowercaseCommandMetadata(entry);
   }
   out[moduleName.toLowerCase()] = normalized;
  }
  return out;
 };
 class StaticMetadataResolver {
  fallbackResolver=null;
  policies;
  constructor(policies = command_metadata_data_1.COMMAND_METADATA, fallbackResolver) {
   this.policies = lowercaseModuleMetadata(policies);
   this.fallbackResolver = fallbackResolver || null;
  }
  lookup(commandIdentifier) {
   const result = this.resolvePolicy(commandIdentifier);
   return result.ok ? result.value : undefined;
  }
  resolvePolicy(commandIdentifier) {
   const parsed = (0, types_1.parseCommandName)(commandIdentifier.command.toLowerCase());
   if (!parsed) {
    return {
     ok: false,
     error: "wrong-command-or-module-name"
    };
   }
   const {moduleName: moduleName, commandName: commandName} = parsed;
   if (!this.policies[moduleName]) {
    if (this.fallbackResolver) {
     return this.fallbackResolver.resolvePolicy(commandIdentifier);
    }
    if (moduleName === "std") {
     return {
      ok: false,
      error: "unknown-command"
     };
    }
    return {
     ok: false,
     error: "unknown-module"
    };
   }
   if (!this.policies[moduleName][commandName]) {
    if (this.fallbackResolver) {
     return this.fallbackResolver.resolvePolicy(commandIdentifier);
    }
    return {
     ok: false,
     error: "unknown-command"
    };
   }
   const policy = this.policies[moduleName][commandName];
   if (policy.subcommands && commandIdentifier.subcommand !== undefined) {
    const subcommandPolicy = policy.subcommands[commandIdentifier.subcommand.toLowerCase()];
    if (subcommandPolicy) {
     return {
      ok: true,
      value: subcommandPolicy
     };
    }
   }
   return {
    ok: true,
    value: policy
   };
  }
 }
 staticMetadataResolver.StaticMetadataResolver = StaticMetadataResolver;
 return staticMetadataResolver;
}

var dynamicPolicyResolverFactory = {};

var hasRequiredDynamicPolicyResolverFactory;

function requireDynamicPolicyResolverFactory() {
 if (hasRequiredDynamicPolicyResolverFactory) return dynamicPolicyResolverFactory;
 hasRequiredDynamicPolicyResolverFactory = 1;
 Object.defineProperty(dynamicPolicyResolverFactory, "__esModule", {
  value: true
 });
 dynamicPolicyResolverFactory.DynamicPolicyResolverFactory = void 0;
 const policies_constants_1 = requirePoliciesConstants();
 const types_1 = requireTypes$1();
 const static_metadata_resolver_1 = requireStaticMetadataResolver();
 class DynamicPolicyResolverFactory {
  static async create(commandFetcher, fallbackResolver) {
   const commands = await commandFetcher();
   const policies = DynamicPolicyResolverFactory.buildModuleMetadataRecords(commands);
   return new static_metadata_resolver_1.StaticMetadataResolver(policies, fallbackResolver);
  }
  static buildModuleMetadataRecords(commands) {
   const policies = {};
   for (const command of commands) {
    const parsed = (0, types_1.parseCommandName)(command.name);
    if (!parsed) {
     continue;
    }
    const {moduleName: moduleName, commandName: commandName} = parsed;
    if (!policies[moduleName]) {
     policies[moduleName] = {};
    }
    const commandPolicies = DynamicPolicyResolverFactory.#buildCommandPolicies(command);
    policies[moduleName][commandName] = commandPolicies;
   }
   return policies;
  }
  static #buildCommandPolicies(command) {
   const isKeyless = command.isKeyless;
   const defaults = (0, policies_constants_1.defaultCommandPolicies)(isKeyless);
   let subcommands;
   if (command.subcommands.length > 0) {
    subcommands = {};
    for (const subcommand of command.subcommands) {
     const parts = subcommand.name.split("|");
     if (parts.length !== 2) {
      throw new Error(`Invalid subcommand name: ${subcommand.name}`);
     }
     const subcommandName = parts[1];
     subcommands[subcommandName] = DynamicPolicyResolverFactory.#buildCommandPolicies(subcommand);
    }
   }
   const request = command.policies.request ?? defaults.request;
   return {
    request: request,
    response: command.policies.response ?? defaults.response,
    isKeyless: isKeyless,
    flags: [ ...command.flags ],
    tips: command.tips.length ? command.tips : undefined,
    keySpecs: request === policies_constants_1.REQUEST_POLICIES_WITH_DEFAULTS.MULTI_SHARD ? command.keySpecs : undefined,
    subcommands: subcommands
   };
  }
 }
 dynamicPolicyResolverFactory.DynamicPolicyResolverFactory = DynamicPolicyResolverFactory;
 return dynamicPolicyResolverFactory;
}

var predicates = {};

var hasRequiredPredicates;

function requirePredicates() {
 if (hasRequiredPredicates) return predicates;
 hasRequiredPredicates = 1;
 Object.defineProperty(predicates, "__esModule", {
  value: true
 });
 predicates.isCacheable = predicates.isReplicaSafe = void 0;
 function isReplicaSafe(meta, override) {
  if (override !== undefined) return override;
  if (!meta?.flags) return false;
  if (meta.flags.includes("write")) return false;
  if (meta.flags.includes("script_runner")) return false;
  return !meta.isKeyless;
 }
 predicates.isReplicaSafe = isReplicaSafe;
 function isCacheable(meta, override) {
  if (override !== undefined) return override;
  if (!meta?.flags) return false;
  const tips = meta.tips ?? [];
  return !tips.includes("dont_cache") && meta.flags.includes("readonly") && !meta.isKeyless && !tips.includes("nondeterministic_output") && !meta.flags.includes("script_runner") && !meta.flags.includes("blocking");
 }
 predicates.isCacheable = isCacheable;
 return predicates;
}

var hasRequiredCommandMetadata;

function requireCommandMetadata() {
 if (hasRequiredCommandMetadata) return commandMetadata;
 hasRequiredCommandMetadata = 1;
 (function(exports) {
  var __createBinding = commandMetadata && commandMetadata.__createBinding || (Object.create ? function(o, m, k, k2) {
   if (k2 === undefined) k2 = k;
   var desc = Object.getOwnPropertyDescriptor(m, k);
   if (!desc || ("get" in desc ? !m.__esModule : desc.writable || desc.configurable)) {
    desc = {
     enumerable: true,
     get: function() {
      return m[k];
     }
    };
   }
   Object.defineProperty(o, k2, desc);
  } : function(o, m, k, k2) {
   if (k2 === undefined) k2 = k;
   o[k2] = m[k];
  });
  var __exportStar = commandMetadata && commandMetadata.__exportStar || function(m, exports) {
   for (var p in m) if (p !== "default" && !Object.prototype.hasOwnProperty.call(exports, p)) __createBinding(exports, m, p);
  };
  Object.defineProperty(exports, "__esModule", {
   value: true
  });
  exports.defaultCommandMetadata = exports.COMMAND_METADATA = exports.isCacheable = exports.isReplicaSafe = exports.DynamicPolicyResolverFactory = exports.StaticMetadataResolver = void 0;
  var static_metadata_resolver_1 = requireStaticMetadataResolver();
  Object.defineProperty(exports, "StaticMetadataResolver", {
   enumerable: true,
   get: function() {
    return static_metadata_resolver_1.StaticMetadataResolver;
   }
  });
  var dynamic_policy_resolver_factory_1 = requireDynamicPolicyResolverFactory();
  Object.defineProperty(exports, "DynamicPolicyResolverFactory", {
   enumerable: true,
   get: function() {
    return dynamic_policy_resolver_factory_1.DynamicPolicyResolverFactory;
   }
  });
  __exportStar(requirePoliciesConstants(), exports);
  var predicates_1 = requirePredicates();
  Object.defineProperty(exports, "isReplicaSafe", {
   enumerable: true,
   get: function() {
    return predicates_1.isReplicaSafe;
   }
  });
  Object.defineProperty(exports, "isCacheable", {
   enumerable: true,
   get: function() {
    return predicates_1.isCacheable;
   }
  });
  var command_metadata_data_1 = requireCommandMetadataData();
  Object.defineProperty(exports, "COMMAND_METADATA", {
   enumerable: true,
   get: function() {
    return command_metadata_data_1.COMMAND_METADATA;
   }
  });
  const static_metadata_resolver_2 = requireStaticMetadataResolver();
  const command_metadata_data_2 = requireCommandMetadataData();
  exports.defaultCommandMetadata = new static_metadata_resolver_2.StaticMetadataResolver(command_metadata_data_2.COMMAND_METADATA);
 })(commandMetadata);
 return commandMetadata;
}

var multiCommand$2 = {};

var multiCommand$1 = {};

var hasRequiredMultiCommand$2;

function requireMultiCommand$2() {
 if (hasRequiredMultiCommand$2) return multiCommand$1;
 hasRequiredMultiCommand$2 = 1;
 Object.defineProperty(multiCommand$1, "__esModule", {
  value: true
 });
 const errors_1 = requireErrors();
 class RedisMultiCommand {
  typeMapping;
  constructor(typeMapping) {
   this.typeMapping = typeMapping;
  }
  queue=[];
  scriptsInUse=new Set;
  addCommand(args, transformReply) {
   this.queue.push({
    args: args,
    transformReply: transformReply
   });
  }
  addScript(script, args, transformReply) {
   const redisArgs = [];
   redisArgs.preserve = args.preserve;
   if (this.scriptsInUse.has(script.SHA1)) {
    redisArgs.push("EVALSHA", script.SHA1);
   } else {
    this.scriptsInUse.add(script.SHA1);
    redisArgs.push("EVAL", script.SCRIPT);
   }
   if (script.NUMBER_OF_KEYS !== undefined) {
    redisArgs.push(script.NUMBER_OF_KEYS.toString());
   }
   redisArgs.push(...args);
   this.addCommand(redisArgs, transformReply);
  }
  transformReplies(rawReplies) {
   const errorIndexes = [], replies = rawReplies.map((reply, i) => {
    if (reply instanceof errors_1.ErrorReply) {
     errorIndexes.push(i);
     return reply;
    }
    const {transformReply: transformReply, args: args} = this.queue[i];
    return transformReply ? transformReply(reply, args.preserve, this.typeMapping) : reply;
   });
   if (errorIndexes.length) throw new errors_1.MultiErrorReply(replies, errorIndexes);
   return replies;
  }
 }
 multiCommand$1.default = RedisMultiCommand;
 return multiCommand$1;
}

var hasRequiredMultiCommand$1;

function requireMultiCommand$1() {
 if (hasRequiredMultiCommand$1) return multiCommand$2;
 hasRequiredMultiCommand$1 = 1;
 var __importDefault = multiCommand$2 && multiCommand$2.__importDefault || function(mod) {
  return mod && mod.__esModule ? mod : {
   default: mod
  };
 };
 Object.defineProperty(multiCommand$2, "__esModule", {
  value: true
 });
 const commands_1 = __importDefault(requireCommands$1());
 const multi_command_1 = __importDefault(requireMultiCommand$2());
 const commander_1 = requireCommander();
 const parser_1 = requireParser();
 class RedisClientMultiCommand {
  static #createCommand(command, resp) {
   const transformReply = (0, commander_1.getTransformReply)(command, resp);
   return function(...args) {
    const parser = new parser_1.BasicCommandParser(this.#keyPrefix);
    command.parseCommand(parser, ...args);
    const redisArgs = parser.redisArgs;
    redisArgs.preserve = parser.preserve;
    return this.addCommand(redisArgs, transformReply);
   };
  }
  static #createModuleCommand(command, resp) {
   const transformReply = (0, commander_1.getTransformReply)(command, resp);
   return function(...args) {
    const parser = new parser_1.BasicCommandParser(this._self.#keyPrefix);
    command.parseCommand(parser, ...args);
    const redisArgs = parser.redisArgs;
    redisArgs.preserve = parser.preserve;
    return this._self.addCommand(redisArgs, transformReply);
   };
  }
  static #createFunctionCommand(name, fn, resp) {
   const prefix = (0, commander_1.functionArgumentsPrefix)(name, fn);
   const transformReply = (0, commander_1.getTransformReply)(fn, resp);
   return function(...args) {
    const parser = new parser_1.BasicCommandParser(this._self.#keyPrefix);
    parser.push(...prefix);
    fn.parseCommand(parser, ...args);
    const redisArgs = parser.redisArgs;
    redisArgs.preserve = parser.preserve;
    return this._self.addCommand(redisArgs, transformReply);
   };
  }
  static #createScriptCommand(script, resp) {
   const transformReply = (0, commander_1.getTransformReply)(script, resp);
   return function(...args) {
    const parser = new parser_1.BasicCommandParser(this.#keyPrefix);
    script.parseCommand(parser, ...args);
    const redisArgs = parser.redisArgs;
    redisArgs.preserve = parser.preserve;
    return this.#addScript(script, redisArgs, transformReply);
   };
  }
  static extend(config) {
   return (0, commander_1.attachConfig)({
    BaseClass: RedisClientMultiCommand,
    commands: commands_1.default,
    createCommand: RedisClientMultiCommand.#createCommand,
    createModuleCommand: RedisClientMultiCommand.#createModuleCommand,
    createFunctionCommand: RedisClientMultiCommand.#createFunctionCommand,
    createScriptCommand: RedisClientMultiCommand.#createScriptCommand,
    config: config
   });
  }
  #multi;
  #executeMulti;
  #executePipeline;
  #keyPrefix;
  #selectedDB;
  constructor(executeMulti, executePipeline, typeMapping, keyPrefix) {
   this.#multi = new multi_command_1.default(typeMapping);
   this.#executeMulti = executeMulti;
   this.#executePipeline = executePipeline;
   this.#keyPrefix = keyPrefix;
  }
  SELECT(db, transformReply) {
   this.#selectedDB = db;
   this.#multi.addCommand([ "SELECT", db.toString() ], transformReply);
   return this;
  }
  select=this.SELECT;
  addCommand(args, transformReply) {
   this.#multi.addCommand(args, transformReply);
   return this;
  }
  #addScript(script, args, transformReply) {
   this.#multi.addScript(script, args, transformReply);
   return this;
  }
  async exec(execAsPipeline = false) {
   if (execAsPipeline) return this.execAsPipeline();
   return this.#multi.transformReplies(await this.#executeMulti(this.#multi.queue, this.#selectedDB));
  }
  EXEC=this.exec;
  execTyped(execAsPipeline = false) {
   return this.exec(execAsPipeline);
  }
  async execAsPipeline() {
   if (this.#multi.queue.length === 0) return [];
   return this.#multi.transformReplies(await this.#executePipeline(this.#multi.queue, this.#selectedDB));
  }
  execAsPipelineTyped() {
   return this.execAsPipeline();
  }
  sendCommand(args) {
   const redisArgs = args.slice();
   this.#multi.addCommand(redisArgs);
   return this;
  }
 }
 multiCommand$2.default = RedisClientMultiCommand;
 return multiCommand$2;
}

var legacyMode = {};

var hasRequiredLegacyMode;

function requireLegacyMode() {
 if (hasRequiredLegacyMode) return legacyMode;
 hasRequiredLegacyMode = 1;
 var __importDefault = legacyMode && legacyMode.__importDefault || function(mod) {
  return mod && mod.__esModule ? mod : {
   default: mod
  };
 };
 Object.defineProperty(legacyMode, "__esModule", {
  value: true
 });
 legacyMode.RedisLegacyClient = void 0;
 const types_1 = requireTypes$2();
 const commander_1 = requireCommander();
 const commands_1 = __importDefault(requireCommands$1());
 const multi_command_1 = __importDefault(requireMultiCommand$2());
 class RedisLegacyClient {
  static #transformArguments(redisArgs, args) {
   let callback;
   if (typeof args[args.length - 1] === "function") {
    callback = args.pop();
   }
   RedisLegacyClient.pushArguments(redisArgs, args);
   return callback;
  }
  static pushArguments(redisArgs, args) {
   for (let i = 0; i < args.length; ++i) {
    const arg = args[i];
    if (Array.isArray(arg)) {
     RedisLegacyClient.pushArguments(redisArgs, arg);
    } else {
     redisArgs.push(typeof arg === "number" || arg instanceof Date ? arg.toString() : arg);
    }
   }
  }
  static getTransformReply(command, resp) {
   return command.TRANSFORM_LEGACY_REPLY ? (0, commander_1.getTransformReply)(command, resp) : undefined;
  }
  static #createCommand(name, command, resp) {
   const transformReply = RedisLegacyClient.getTransformReply(command, resp);
   return function(...args) {
    const redisArgs = [ name ], callback = RedisLegacyClient.#transformArguments(redisArgs, args), promise = this.#client.sendCommand(redisArgs);
    if (!callback) {
     promise.catch(err => this.#client.emit("error", err));
     return;
    }
    promise.then(reply => callback(null, transformReply ? transformReply(reply) : reply)).catch(err => callback(err));
   };
  }
  #client;
  #Multi;
  constructor(client) {
   this.#client = client;
   const RESP = client.options?.RESP ?? types_1.DEFAULT_RESP;
   for (const [name, command] of Object.entries(commands_1.default)) {
    this[name] = RedisLegacyClient.#createCommand(name, command, RESP);
   }
   this.#Multi = LegacyMultiCommand.factory(RESP);
  }
  sendCommand(...args) {
   const redisArgs = [], callback = RedisLegacyClient.#transformArguments(redisArgs, args), promise = this.#client.sendCommand(redisArgs);
   if (!callback) {
    promise.catch(err => this.#client.emit("error", err));
    return;
   }
   promise.then(reply => callback(null, reply)).catch(err => callback(err));
  }
  quit(callback) {
   const promise = this.#client.quit();
   if (!callback) {
    promise.catch(err => this.#client.emit("error", err));
    return;
   }
   promise.then(reply => callback(null, reply)).catch(err => callback(err));
  }
  multi() {
   return this.#Multi(this.#client);
  }
 }
 legacyMode.RedisLegacyClient = RedisLegacyClient;
 class LegacyMultiCommand {
  static #createCommand(name, command, resp) {
   const transformReply = RedisLegacyClient.getTransformReply(command, resp);
   return function(...args) {
    const redisArgs = [ name ];
    RedisLegacyClient.pushArguments(redisArgs, args);
    this.#multi.addCommand(redisArgs, transformReply);
    return this;
   };
  }
  static factory(resp) {
   const Multi = class extends LegacyMultiCommand {};
   for (const [name, command] of Object.entries(commands_1.default)) {
    Multi.prototype[name] = LegacyMultiCommand.#createCommand(name, command, resp);
   }
   return client => new Multi(client);
  }
  #multi=new multi_command_1.default;
  #client;
  constructor(client) {
   this.#client = client;
  }
  sendCommand(...args) {
   const redisArgs = [];
   RedisLegacyClient.pushArguments(redisArgs, args);
   this.#multi.addCommand(redisArgs);
   return this;
  }
  exec(cb) {
   const promise = this.#client._executeMulti(this.#multi.queue);
   if (!cb) {
    promise.catch(err => this.#client.emit("error", err));
    return;
   }
   promise.then(results => cb(null, this.#multi.transformReplies(results))).catch(err => cb?.(err));
  }
 }
 return legacyMode;
}

var pool = {};

var cache = {};

var hasRequiredCache;

function requireCache() {
 if (hasRequiredCache) return cache;
 hasRequiredCache = 1;
 Object.defineProperty(cache, "__esModule", {
  value: true
 });
 cache.PooledNoRedirectClientSideCache = cache.BasicPooledClientSideCache = cache.PooledClientSideCacheProvider = cache.BasicClientSideCache = cache.ClientSideCacheProvider = cache.CacheStats = void 0;
 const stream_1 = stream;
 const tracing_1 = requireTracing();
 class CacheStats {
  hitCount;
  missCount;
  loadSuccessCount;
  loadFailureCount;
  totalLoadTime;
  evictionCount;
  constructor(hitCount, missCount, loadSuccessCount, loadFailureCount, totalLoadTime, evictionCount) {
   this.hitCount = hitCount;
   this.missCount = missCount;
   this.loadSuccessCount = loadSuccessCount;
   this.loadFailureCount = loadFailureCount;
   this.totalLoadTime = totalLoadTime;
   this.evictionCount = evictionCount;
   if (hitCount < 0 || missCount < 0 || loadSuccessCount < 0 || loadFailureCount < 0 || totalLoadTime < 0 || evictionCount < 0) {
    throw new Error("All statistics values must be non-negative");
   }
  }
  static of(hitCount = 0, missCount = 0, loadSuccessCount = 0, loadFailureCount = 0, totalLoadTime = 0, evictionCount = 0) {
   return new CacheStats(hitCount, missCount, loadSuccessCount, loadFailureCount, totalLoadTime, evictionCount);
  }
  static empty() {
   return CacheStats.EMPTY_STATS;
  }
  static EMPTY_STATS=new CacheStats(0, 0, 0, 0, 0, 0);
  requestCount() {
   return this.hitCount + this.missCount;
  }
  hitRate() {
   const requestCount = this.requestCount();
   return requestCount === 0 ? 1 : this.hitCount / requestCount;
  }
  missRate() {
   const requestCount = this.requestCount();
   return requestCount === 0 ? 0 : this.missCount / requestCount;
  }
  loadCount() {
   return this.loadSuccessCount + this.loadFailureCount;
  }
  loadFailureRate() {
   const loadCount = this.loadCount();
   return loadCount === 0 ? 0 : this.loadFailureCount / loadCount;
  }
  averageLoadPenalty() {
   const loadCount = this.loadCount();
   return loadCount === 0 ? 0 : this.totalLoadTime / loadCount;
  }
  minus(other) {
   return CacheStats.of(Math.max(0, this.hitCount - other.hitCount), Math.max(0, this.missCount - other.missCount), Math.max(0, this.loadSuccessCount - other.loadSuccessCount), Math.max(0, this.loadFailureCount - other.loadFailureCount), Math.max(0, this.totalLoadTime - other.totalLoadTime), Math.max(0, this.evictionCount - other.evictionCount));
  }
  plus(other) {
   return CacheStats.of(this.hitCount + other.hitCount, this.missCount + other.missCount, this.loadSuccessCount + other.loadSuccessCount, this.loadFailureCount + other.loadFailureCount, this.totalLoadTime + other.totalLoadTime, this.evictionCount + other.evictionCount);
  }
 }
 cache.CacheStats = CacheStats;
 class DisabledStatsCounter {
  static INSTANCE=new DisabledStatsCounter;
  constructor() {}
  recordHits(count) {}
  recordMisses(count) {}
  recordLoadSuccess(loadTime) {}
  recordLoadFailure(loadTime) {}
  recordEvictions(count) {}
  snapshot() {
   return CacheStats.empty();
  }
 }
 function disabledStatsCounter() {
  return DisabledStatsCounter.INSTANCE;
 }
 class DefaultStatsCounter {
  #hitCount=0;
  #missCount=0;
  #loadSuccessCount=0;
  #loadFailureCount=0;
  #totalLoadTime=0;
  #evictionCount=0;
  recordHits(count) {
   this.#hitCount += count;
  }
  recordMisses(count) {
   this.#missCount += count;
  }
  recordLoadSuccess(loadTime) {
   this.#loadSuccessCount++;
   this.#totalLoadTime += loadTime;
  }
  recordLoadFailure(loadTime) {
   this.#loadFailureCount++;
   this.#totalLoadTime += loadTime;
  }
  recordEvictions(count) {
   this.#evictionCount += count;
  }
  snapshot() {
   return CacheStats.of(this.#hitCount, this.#missCount, this.#loadSuccessCount, this.#loadFailureCount, this.#totalLoadTime, this.#evictionCount);
  }
  static create() {
   return new DefaultStatsCounter;
  }
 }
 function generateCacheKey(redisArgs) {
  const tmp = new Array(redisArgs.length * 2);
  for (let i = 0; i < redisArgs.length; i++) {
   tmp[i] = redisArgs[i].length;
   tmp[i + redisArgs.length] = redisArgs[i];
  }
  return tmp.join("_");
 }
 class ClientSideCacheEntryBase {
  #invalidated=false;
  #expireTime;
  constructor(ttl) {
   if (ttl == 0) {
    this.#expireTime = 0;
   } else {
    this.#expireTime = Date.now() + ttl;
   }
  }
  invalidate() {
   this.#invalidated = true;
  }
  validate() {
   return !this.#invalidated && (this.#expireTime == 0 || Date.now() < this.#expireTime);
  }
 }
 class ClientSideCacheEntryValue extends ClientSideCacheEntryBase {
  #value;
  get value() {
   return this.#value;
  }
  constructor(ttl, value) {
   super(ttl);
   this.#value = value;
  }
 }
 class ClientSideCacheEntryPromise extends ClientSideCacheEntryBase {
  #sendCommandPromise;
  get promise() {
   return this.#sendCommandPromise;
  }
  constructor(ttl, sendCommandPromise) {
   super(ttl);
   this.#sendCommandPromise = sendCommandPromise;
  }
 }
 class ClientSideCacheProvider extends stream_1.EventEmitter {}
 cache.ClientSideCacheProvider = ClientSideCacheProvider;
 class BasicClientSideCache extends ClientSideCacheProvider {
  #cacheKeyToEntryMap;
  #keyToCacheKeySetMap;
  ttl;
  maxEntries;
  lru;
  #statsCounter;
  recordEvictions(count) {
   this.#statsCounter.recordEvictions(count);
  }
  recordHits(count) {
   this.#statsCounter.recordHits(count);
  }
  recordMisses(count) {
   this.#statsCounter.recordMisses(count);
  }
  constructor(config) {
   super();
   this.#cacheKeyToEntryMap = new Map;
   this.#keyToCacheKeySetMap = new Map;
   this.ttl = config?.ttl ?? 0;
   this.maxEntries = config?.maxEntries ?? 0;
   this.lru = config?.evictPolicy !== "FIFO";
   const recordStats = config?.recordStats !== false;
   this.#statsCounter = recordStats ? DefaultStatsCounter.create() : disabledStatsCounter();
  }
  async handleCache(client, parser, fn, transformReply, typeMapping) {
   let reply;
   const cacheKey = generateCacheKey(parser.redisArgs);
   let cacheEntry = this.get(cacheKey);
   if (cacheEntry) {
    if (cacheEntry instanceof ClientSideCacheEntryValue) {
     this.#statsCounter.recordHits(1);
     (0, tracing_1.publish)(tracing_1.CHANNELS.CACHE_REQUEST, () => ({
      result: "hit",
      clientId: client._clientId
     }));
     return structuredClone(cacheEntry.value);
    } else if (cacheEntry instanceof ClientSideCacheEntryPromise) {
     this.#statsCounter.recordMisses(1);
     (0, tracing_1.publish)(tracing_1.CHANNELS.CACHE_REQUEST, () => ({
      result: "miss",
      clientId: client._clientId
     }));
     reply = await cacheEntry.promise;
    } else {
     throw new Error("unknown cache entry type");
    }
   } else {
    this.#statsCounter.recordMisses(1);
    (0, tracing_1.publish)(tracing_1.CHANNELS.CACHE_REQUEST, () => ({
     result: "miss",
     clientId: client._clientId
    }));
    const startTime = performance.now();
    const promise = fn();
    cacheEntry = this.createPromiseEntry(client, promise);
    this.set(cacheKey, cacheEntry, parser.keys);
    try {
     reply = await promise;
     const loadTime = performance.now() - startTime;
     this.#statsCounter.recordLoadSuccess(loadTime);
    } catch (err) {
     const loadTime = performance.now() - startTime;
     this.#statsCounter.recordLoadFailure(loadTime);
     if (cacheEntry.validate()) {
      this.delete(cacheKey);
     }
     throw err;
    }
   }
   let val;
   if (transformReply) {
    val = transformReply(reply, parser.preserve, typeMapping);
   } else {
    val = reply;
   }
   if (cacheEntry.validate()) {
    cacheEntry = this.createValueEntry(client, val);
    this.set(cacheKey, cacheEntry, parser.keys);
    this.emit("cached-key", cacheKey);
   }
   return structuredClone(val);
  }
  trackingOn() {
   return [ "CLIENT", "TRACKING", "ON" ];
  }
  invalidate(key) {
   if (key === null) {
    const oldSize = this.size();
    this.clear(false);
    if (oldSize > 0) {
     (0, tracing_1.publish)(tracing_1.CHANNELS.CACHE_EVICTION, () => ({
      reason: "invalidation",
      count: oldSize
     }));
    }
    this.emit("invalidate", key);
    return;
   }
   const keySet = this.#keyToCacheKeySetMap.get(key.toString());
   if (keySet) {
    let deletedCount = 0;
    for (const cacheKey of keySet) {
     const entry = this.#cacheKeyToEntryMap.get(cacheKey);
     if (entry) {
      entry.invalidate();
      deletedCount++;
     }
     this.#cacheKeyToEntryMap.delete(cacheKey);
    }
    this.#keyToCacheKeySetMap.delete(key.toString());
    if (deletedCount > 0) {
     (0, tracing_1.publish)(tracing_1.CHANNELS.CACHE_EVICTION, () => ({
      reason: "invalidation",
      count: deletedCount
     }));
    }
   }
   this.emit("invalidate", key);
  }
  clear(resetStats = true) {
   const oldSize = this.#cacheKeyToEntryMap.size;
   this.#cacheKeyToEntryMap.clear();
   this.#keyToCacheKeySetMap.clear();
   if (resetStats) {
    if (!(this.#statsCounter instanceof DisabledStatsCounter)) {
     this.#statsCounter = DefaultStatsCounter.create();
    }
   } else {
    if (oldSize > 0) {
     this.#statsCounter.recordEvictions(oldSize);
    }
   }
  }
  get(cacheKey) {
   const val = this.#cacheKeyToEntryMap.get(cacheKey);
   if (val && !val.validate()) {
    this.delete(cacheKey);
    this.#statsCounter.recordEvictions(1);
    (0, tracing_1.publish)(tracing_1.CHANNELS.CACHE_EVICTION, () => ({
     reason: "ttl",
     count: 1
    }));
    this.emit("cache-evict", cacheKey);
    return undefined;
   }
   if (val !== undefined && this.lru) {
    this.#cacheKeyToEntryMap.delete(cacheKey);
    this.#cacheKeyToEntryMap.set(cacheKey, val);
   }
   return val;
  }
  delete(cacheKey) {
   const entry = this.#cacheKeyToEntryMap.get(cacheKey);
   if (entry) {
    entry.invalidate();
    this.#cacheKeyToEntryMap.delete(cacheKey);
   }
  }
  has(cacheKey) {
   return this.#cacheKeyToEntryMap.has(cacheKey);
  }
  set(cacheKey, cacheEntry, keys) {
   let count = this.#cacheKeyToEntryMap.size;
   const oldEntry = this.#cacheKeyToEntryMap.get(cacheKey);
   if (oldEntry) {
    count--;
    oldEntry.invalidate();
   }
   if (this.maxEntries > 0 && count >= this.maxEntries) {
    this.deleteOldest();
    this.#statsCounter.recordEvictions(1);
    (0, tracing_1.publish)(tracing_1.CHANNELS.CACHE_EVICTION, () => ({
     reason: "full",
     count: 1
    }));
   }
   this.#cacheKeyToEntryMap.set(cacheKey, cacheEntry);
   for (const key of keys) {
    if (!this.#keyToCacheKeySetMap.has(key.toString())) {
     this.#keyToCacheKeySetMap.set(key.toString(), new Set);
    }
    const cacheKeySet = this.#keyToCacheKeySetMap.get(key.toString());
    cacheKeySet.add(cacheKey);
   }
  }
  size() {
   return this.#cacheKeyToEntryMap.size;
  }
  createValueEntry(client, value) {
   return new ClientSideCacheEntryValue(this.ttl, value);
  }
  createPromiseEntry(client, sendCommandPromise) {
   return new ClientSideCacheEntryPromise(this.ttl, sendCommandPromise);
  }
  stats() {
   return this.#statsCounter.snapshot();
  }
  onError() {
   this.clear();
  }
  onClose() {
   this.clear();
  }
  deleteOldest() {
   const it = this.#cacheKeyToEntryMap[Symbol.iterator]();
   const n = it.next();
   if (!n.done) {
    const key = n.value[0];
    const entry = this.#cacheKeyToEntryMap.get(key);
    if (entry) {
     entry.invalidate();
    }
    this.#cacheKeyToEntryMap.delete(key);
   }
  }
  entryEntries() {
   return this.#cacheKeyToEntryMap.entries();
  }
  keySetEntries() {
   return this.#keyToCacheKeySetMap.entries();
  }
 }
 cache.BasicClientSideCache = BasicClientSideCache;
 class PooledClientSideCacheProvider extends BasicClientSideCache {
  #disabled=false;
  disable() {
   this.#disabled = true;
  }
  enable() {
   this.#disabled = false;
  }
  get(cacheKey) {
   if (this.#disabled) {
    return undefined;
   }
   return super.get(cacheKey);
  }
  has(cacheKey) {
   if (this.#disabled) {
    return false;
   }
   return super.has(cacheKey);
  }
  onPoolClose() {
   this.clear();
  }
 }
 cache.PooledClientSideCacheProvider = PooledClientSideCacheProvider;
 class BasicPooledClientSideCache extends PooledClientSideCacheProvider {
  onError() {
   this.clear(false);
  }
  onClose() {
   this.clear(false);
  }
 }
 cache.BasicPooledClientSideCache = BasicPooledClientSideCache;
 class PooledClientSideCacheEntryValue extends ClientSideCacheEntryValue {
  #creator;
  constructor(ttl, creator, value) {
   super(ttl, value);
   this.#creator = creator;
  }
  validate() {
   let ret = super.validate();
   if (this.#creator) {
    ret = ret && this.#creator.client.isReady && this.#creator.client.socketEpoch == this.#creator.epoch;
   }
   return ret;
  }
 }
 class PooledClientSideCacheEntryPromise extends ClientSideCacheEntryPromise {
  #creator;
  constructor(ttl, creator, sendCommandPromise) {
   super(ttl, sendCommandPromise);
   this.#creator = creator;
  }
  validate() {
   let ret = super.validate();
   return ret && this.#creator.client.isReady && this.#creator.client.socketEpoch == this.#creator.epoch;
  }
 }
 class PooledNoRedirectClientSideCache extends BasicPooledClientSideCache {
  createValueEntry(client, value) {
   const creator = {
    epoch: client.socketEpoch,
    client: client
   };
   return new PooledClientSideCacheEntryValue(this.ttl, creator, value);
  }
  createPromiseEntry(client, sendCommandPromise) {
   const creator = {
    epoch: client.socketEpoch,
    client: client
   };
   return new PooledClientSideCacheEntryPromise(this.ttl, creator, sendCommandPromise);
  }
  onError() {}
  onClose() {}
 }
 cache.PooledNoRedirectClientSideCache = PooledNoRedirectClientSideCache;
 return cache;
}

var singleEntryCache = {};

var hasRequiredSingleEntryCache;

function requireSingleEntryCache() {
 if (hasRequiredSingleEntryCache) return singleEntryCache;
 hasRequiredSingleEntryCache = 1;
 Object.defineProperty(singleEntryCache, "__esModule", {
  value: true
 });
 class SingleEntryCache {
  #cached;
  #serializedKey;
  get(keyObj) {
   return JSON.stringify(keyObj, makeCircularReplacer()) === this.#serializedKey ? this.#cached : undefined;
  }
  set(keyObj, obj) {
   this.#cached = obj;
   this.#serializedKey = JSON.stringify(keyObj, makeCircularReplacer());
  }
 }
 singleEntryCache.default = SingleEntryCache;
 function makeCircularReplacer() {
  const seen = new WeakSet;
  return function serialize(_, value) {
   if (value && typeof value === "object") {
    if (seen.has(value)) {
     return "circular";
    }
    seen.add(value);
    return value;
   }
   return value;
  };
 }
 return singleEntryCache;
}

var identity = {};

var hasRequiredIdentity;

function requireIdentity() {
 if (hasRequiredIdentity) return identity;
 hasRequiredIdentity = 1;
 Object.defineProperty(identity, "__esModule", {
  value: true
 });
 identity.generateClusterClientId = identity.generateClientId = identity.ClientRole = void 0;
 const node_crypto_1 = require$$0;
 const MAX_ID_LENGTH = 128;
 var ClientRole;
 (function(ClientRole) {
  ClientRole["STANDALONE"] = "standalone";
  ClientRole["CLUSTER"] = "cluster";
  ClientRole["CLUSTER_NODE"] = "clusterNode";
  ClientRole["POOL"] = "pool";
  ClientRole["POOL_MEMBER"] = "poolMember";
  ClientRole["SENTINEL"] = "sentinel";
  ClientRole["SENTINEL_CLIENT"] = "sentinelClient";
 })(ClientRole || (identity.ClientRole = ClientRole = {}));
 const truncateId = (prefix, hash) => {
  const suffix = `-${hash}`;
  const fullId = `${prefix}${suffix}`;
  if (fullId.length <= MAX_ID_LENGTH) {
   return fullId;
  }
  const ellipsis = "...";
  const maxPrefixLength = MAX_ID_LENGTH - ellipsis.length - suffix.length;
  const truncatedPrefix = prefix.substring(0, maxPrefixLength);
  return `${truncatedPrefix}${ellipsis}${suffix}`;
 };
 const generateClientId = (host, port, db) => {
  const hash = (0, node_crypto_1.randomBytes)(4).toString("hex");
  const prefix = `${host ?? "unknown"}:${port ?? "unknown"}/${db ?? "unknown"}`;
  return truncateId(prefix, hash);
 };
 identity.generateClientId = generateClientId;
 const generateClusterClientId = nodes => {
  const hash = (0, node_crypto_1.randomBytes)(4).toString("hex");
  const prefix = nodes.map(n => `${n?.socket?.host ?? "unknown"}:${n?.socket?.port ?? "unknown"}`).join(",");
  return truncateId(prefix, hash);
 };
 identity.generateClusterClientId = generateClusterClientId;
 return identity;
}

var registry = {};

var hasRequiredRegistry;

function requireRegistry() {
 if (hasRequiredRegistry) return registry;
 hasRequiredRegistry = 1;
 Object.defineProperty(registry, "__esModule", {
  value: true
 });
 registry.PreparedFieldsets = registry.FieldsetRegistry = void 0;
 class FieldsetRegistry {
  #fieldsets=new Map;
  #versionCounter=0;
  discardCount=0;
  set(name, fields) {
   const key = String(name);
   const existing = this.#fieldsets.get(key);
   if (existing !== undefined && fieldsEqual(existing.fields, fields)) return;
   this.#fieldsets.set(key, {
    fields: fields.slice(),
    version: ++this.#versionCounter
   });
  }
  get(name) {
   return this.#fieldsets.get(String(name));
  }
  snapshot() {
   const out = new Map;
   for (const [name, fs] of this.#fieldsets) out.set(name, fs.fields);
   return out;
  }
  discard(name) {
   const removed = this.#fieldsets.delete(String(name));
   if (removed) this.discardCount++;
   return removed;
  }
  discardAll() {
   const removed = this.#fieldsets.size;
   if (removed > 0) {
    this.#fieldsets.clear();
    this.discardCount++;
   }
   return removed;
  }
  diff(sessionNames) {
   const pending = new Set;
   for (const name of sessionNames) {
    if (!this.#fieldsets.has(name)) pending.add(name);
   }
   return pending;
  }
 }
 registry.FieldsetRegistry = FieldsetRegistry;
 class PreparedFieldsets {
  #versions=new Map;
  syncedDiscardCount=0;
  get(name) {
   return this.#versions.get(name);
  }
  set(name, version) {
   this.#versions.set(name, version);
  }
  delete(name) {
   return this.#versions.delete(name);
  }
  names() {
   return new Set(this.#versions.keys());
  }
  entries() {
   return this.#versions.entries();
  }
  get size() {
   return this.#versions.size;
  }
  clear() {
   this.#versions.clear();
  }
 }
 registry.PreparedFieldsets = PreparedFieldsets;
 function fieldsEqual(a, b) {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) {
   const x = a[i], y = b[i];
   if (typeof x === "string" && typeof y === "string") {
    if (x !== y) return false;
   } else {
    const xb = typeof x === "string" ? Buffer.from(x) : x;
    const yb = typeof y === "string" ? Buffer.from(y) : y;
    if (!xb.equals(yb)) return false;
   }
  }
  return true;
 }
 return registry;
}

var hasRequiredPool;

function requirePool() {
 if (hasRequiredPool) return pool;
 hasRequiredPool = 1;
 var __importDefault = pool && pool.__importDefault || function(mod) {
  return mod && mod.__esModule ? mod : {
   default: mod
  };
 };
 Object.defineProperty(pool, "__esModule", {
  value: true
 });
 pool.RedisClientPool = void 0;
 const commands_1 = requireCommands$1();
 const _1 = __importDefault(requireClient());
 const node_events_1 = require$$0$5;
 const node_perf_hooks_1 = require$$5$1;
 const linked_list_1 = requireLinkedList();
 const errors_1 = requireErrors();
 const commander_1 = requireCommander();
 const multi_command_1 = __importDefault(requireMultiCommand$1());
 const cache_1 = requireCache();
 const parser_1 = requireParser();
 const single_entry_cache_1 = __importDefault(requireSingleEntryCache());
 const tracing_1 = requireTracing();
 const identity_1 = requireIdentity();
 const registry_1 = requireRegistry();
 class RedisClientPool extends node_events_1.EventEmitter {
  static #createCommand(command, resp) {
   const transformReply = (0, commander_1.getTransformReply)(command, resp);
   return async function(...args) {
    const parser = new parser_1.BasicCommandParser(this._self._keyPrefix);
    command.parseCommand(parser, ...args);
    return this.execute(client => client._executeCommand(command, parser, this._commandOptions, transformReply));
   };
  }
  static #createModuleCommand(command, resp) {
   const transformReply = (0, commander_1.getTransformReply)(command, resp);
   return async function(...args) {
    const parser = new parser_1.BasicCommandParser(this._self._keyPrefix);
    command.parseCommand(parser, ...args);
    return this._self.execute(client => client._executeCommand(command, parser, this._self._commandOptions, transformReply));
   };
  }
  static #createFunctionCommand(name, fn, resp) {
   const prefix = (0, commander_1.functionArgumentsPrefix)(name, fn);
   const transformReply = (0, commander_1.getTransformReply)(fn, resp);
   return async function(...args) {
    const parser = new parser_1.BasicCommandParser(this._self._keyPrefix);
    parser.push(...prefix);
    fn.parseCommand(parser, ...args);
    return this._self.execute(client => client._executeCommand(fn, parser, this._self._commandOptions, transformReply));
   };
  }
  static #createScriptCommand(script, resp) {
   const prefix = (0, commander_1.scriptArgumentsPrefix)(script);
   const transformReply = (0, commander_1.getTransformReply)(script, resp);
   return async function(...args) {
    const parser = new parser_1.BasicCommandParser(this._self._keyPrefix);
    parser.pushVariadic(prefix);
    script.parseCommand(parser, ...args);
    return this.execute(client => client._executeScript(script, parser, this._commandOptions, transformReply));
   };
  }
  static #SingleEntryCache=new single_entry_cache_1.default;
  static create(clientOptions, options) {
   let Pool = RedisClientPool.#SingleEntryCache.get(clientOptions);
   if (!Pool) {
    Pool = (0, commander_1.attachConfig)({
     BaseClass: RedisClientPool,
     commands: commands_1.NON_STICKY_COMMANDS,
     createCommand: RedisClientPool.#createCommand,
     createModuleCommand: RedisClientPool.#createModuleCommand,
     createFunctionCommand: RedisClientPool.#createFunctionCommand,
     createScriptCommand: RedisClientPool.#createScriptCommand,
     config: clientOptions
    });
    Pool.prototype.Multi = multi_command_1.default.extend(clientOptions);
    RedisClientPool.#SingleEntryCache.set(clientOptions, Pool);
   }
   return Object.create(new Pool(clientOptions, options));
  }
  static #DEFAULTS={
   minimum: 1,
   maximum: 100,
   acquireTimeout: 3e3,
   cleanupDelay: 3e3
  };
  #clientFactory;
  #options;
  #identity;
  #idleClients=new linked_list_1.SinglyLinkedList;
  get idleClients() {
   return this._self.#idleClients.length;
  }
  #clientsInUse=new linked_list_1.DoublyLinkedList;
  get clientsInUse() {
   return this._self.#clientsInUse.length;
  }
  get totalClients() {
   return this._self.#idleClients.length + this._self.#clientsInUse.length;
  }
  #tasksQueue=new linked_list_1.DoublyLinkedList;
  get tasksQueueLength() {
   return this._self.#tasksQueue.length;
  }
  #isOpen=false;
  get isOpen() {
   return this._self.#isOpen;
  }
  get isClosing() {
   return this._self.#closePromise !== undefined;
  }
  #drainResolve;
  #closePromise;
  #clientSideCache;
  get clientSideCache() {
   return this._self.#clientSideCache;
  }
  get identity() {
   return this._self.#identity;
  }
  constructor(clientOptions, options) {
   super();
   const socketOpts = clientOptions?.socket;
   this.#identity = {
    id: (0, identity_1.generateClientId)(socketOpts?.host, socketOpts?.port, clientOptions?.database),
    role: identity_1.ClientRole.POOL
   };
   this.#options = {
    ...RedisClientPool.#DEFAULTS,
    ...options
   };
   if (options?.clientSideCache) {
    if (clientOptions === undefined) {
     clientOptions = {};
    }
    if (options.clientSideCache instanceof cache_1.PooledClientSideCacheProvider) {
     this.#clientSideCache = clientOptions.clientSideCache = options.clientSideCache;
    } else {
     const cscConfig = options.clientSideCache;
     this.#clientSideCache = clientOptions.clientSideCache = new cache_1.BasicPooledClientSideCache(cscConfig);
    }
   }
   clientOptions = {
    ...clientOptions,
    himportRegistry: new registry_1.FieldsetRegistry
   };
   this._keyPrefix = clientOptions?.keyPrefix;
   if (clientOptions?.keyPrefix !== undefined) {
    clientOptions = {
     ...clientOptions,
     keyPrefix: undefined
    };
   }
   this.#clientFactory = _1.default.factory(clientOptions).bind(undefined, clientOptions);
   this._commandOptions = clientOptions?.commandOptions;
  }
  _self=this;
  _commandOptions;
  _keyPrefix;
  withCommandOptions(options) {
   const proxy = Object.create(this._self);
   proxy._commandOptions = options;
   return proxy;
  }
  _commandOptionsProxy(key, value) {
   const proxy = Object.create(this._self);
   proxy._commandOptions = {
    ...this._commandOptions,
    [key]: value
   };
   return proxy;
  }
  withTypeMapping(typeMapping) {
   return this._commandOptionsProxy("typeMapping", typeMapping);
  }
  withAbortSignal(abortSignal) {
   return this._commandOptionsProxy("abortSignal", abortSignal);
  }
  asap() {
   return this._commandOptionsProxy("asap", true);
  }
  async connect() {
   if (this._self.#isOpen) return;
   this._self.#isOpen = true;
   const promises = [];
   while (promises.length < this._self.#options.minimum) {
    promises.push(this._self.#create());
   }
   try {
    await Promise.all(promises);
   } catch (err) {
    this.destroy();
    throw err;
   }
   return this;
  }
  async #create() {
   const client = this._self.#clientFactory();
   client._setIdentity(identity_1.ClientRole.POOL_MEMBER, this._self.#identity.id);
   client.on("error", err => this.emit("error", err));
   const node = this._self.#clientsInUse.push(client);
   try {
    await client.connect();
   } catch (err) {
    this._self.#clientsInUse.remove(node);
    if (this._self.isClosing && this._self.#clientsInUse.length === 0) {
     let task;
     while (task = this._self.#tasksQueue.shift()) {
      clearTimeout(task.timeout);
      task.reject(err);
     }
     this._self.#drainResolve?.();
    }
    throw err;
   }
   this._self.#returnClient(node);
  }
  execute(fn) {
   return new Promise((resolve, reject) => {
    if (this._self.isClosing || !this._self.#isOpen) {
     return reject(new errors_1.ClientClosedError);
    }
    const waitStartTimestamp = node_perf_hooks_1.performance.now();
    const client = this._self.#idleClients.shift();
    if (!client) {
     let timeout;
     if (this._self.#options.acquireTimeout > 0) {
      timeout = setTimeout(() => {
       this._self.#tasksQueue.remove(task);
       reject(new errors_1.TimeoutError(`Timeout waiting for a client after ${this._self.#options.acquireTimeout}ms`));
      }, this._self.#options.acquireTimeout);
     }
     const task = this._self.#tasksQueue.push({
      timeout: timeout,
      resolve: resolve,
      reject: reject,
      fn: fn,
      waitStartTimestamp: waitStartTimestamp
     });
     if (this.totalClients < this._self.#options.maximum) {
      this._self.#create().catch(err => {
       this._self.#tasksQueue.remove(task);
       clearTimeout(timeout);
       reject(err);
      });
     }
     return;
    }
    const node = this._self.#clientsInUse.push(client);
    (0, tracing_1.publish)(tracing_1.CHANNELS.POOL_CONNECTION_WAIT, () => ({
     clientId: client._clientId,
     waitStartTimestamp: waitStartTimestamp
    }));
    this._self.#executeTask(node, resolve, reject, fn);
   });
  }
  #executeTask(node, resolve, reject, fn) {
   let result;
   try {
    result = fn(node.value);
   } catch (err) {
    reject(err);
    this.#returnClient(node);
    return;
   }
   if (result instanceof Promise) {
    result.then(resolve, reject).finally(() => {
     this.#returnClient(node);
    });
   } else {
    resolve(result);
    this.#returnClient(node);
   }
  }
  #returnClient(node) {
   const task = this.#tasksQueue.shift();
   if (task) {
    clearTimeout(task.timeout);
    (0, tracing_1.publish)(tracing_1.CHANNELS.POOL_CONNECTION_WAIT, () => ({
     clientId: node.value._clientId,
     waitStartTimestamp: task.waitStartTimestamp
    }));
    this.#executeTask(node, task.resolve, task.reject, task.fn);
    return;
   }
   this.#clientsInUse.remove(node);
   this.#idleClients.push(node.value);
   if (this.isClosing && this.#clientsInUse.length === 0) {
    this.#drainResolve?.();
    return;
   }
   this.#scheduleCleanup();
  }
  cleanupTimeout;
  #scheduleCleanup() {
   if (this.totalClients <= this.#options.minimum) return;
   clearTimeout(this.cleanupTimeout);
   this.cleanupTimeout = setTimeout(() => this.#cleanup(), this.#options.cleanupDelay);
  }
  #cleanup() {
   const toDestroy = Math.min(this.#idleClients.length, this.totalClients - this.#options.minimum);
   for (let i = 0; i < toDestroy; i++) {
    const client = this.#idleClients.shift();
    client.destroy();
   }
  }
  sendCommand(args, options) {
   const mergedOptions = {
    ...this._commandOptions,
    ...options
   };
   return this.execute(client => client.sendCommand(args, mergedOptions));
  }
  MULTI() {
   return new this.Multi((commands, selectedDB) => this.execute(client => client._executeMulti(commands, selectedDB)), (commands, selectedDB) => this.execute(client => client._executePipeline(commands, selectedDB)), this._commandOptions?.typeMapping, this._self._keyPrefix);
  }
  multi=this.MULTI;
  async close() {
   if (this._self.isClosing) return this._self.#closePromise;
   if (!this._self.#isOpen) return;
   clearTimeout(this._self.cleanupTimeout);
   this._self.#closePromise = Promise.resolve().then(() => this._self.#doClose());
   return this._self.#closePromise;
  }
  async #doClose() {
   try {
    if (this._self.#clientsInUse.length > 0) {
     await new Promise(resolve => {
      this._self.#drainResolve = resolve;
     });
    }
    const promises = [];
    for (const client of this._self.#idleClients) {
     promises.push(client.close().catch(err => {
      try {
       client.destroy();
      } catch {}
      throw err;
     }));
    }
    const results = await Promise.allSettled(promises);
    for (const result of results) {
     if (result.status === "rejected") throw result.reason;
    }
   } finally {
    try {
     this._self.#clientSideCache?.onPoolClose();
    } catch {}
    this._self.#idleClients.reset();
    this._self.#clientsInUse.reset();
    this._self.#drainResolve = undefined;
    this._self.#isOpen = false;
    this._self.#closePromise = undefined;
   }
  }
  destroy() {
   for (const client of this._self.#idleClients) {
    client.destroy();
   }
   this._self.#idleClients.reset();
   for (const client of this._self.#clientsInUse) {
    client.destroy();
   }
   this._self.#clientSideCache?.onPoolClose();
   this._self.#clientsInUse.reset();
   this._self.#isOpen = false;
  }
 }
 pool.RedisClientPool = RedisClientPool;
 return pool;
}

var version = "6.3.1";

const require$$19 = {
 version: version
};

var opentelemetry = {};

var clientRegistry = {};

var hasRequiredClientRegistry;

function requireClientRegistry() {
 if (hasRequiredClientRegistry) return clientRegistry;
 hasRequiredClientRegistry = 1;
 Object.defineProperty(clientRegistry, "__esModule", {
  value: true
 });
 clientRegistry.ClientRegistry = void 0;
 class NoOpClientRegistry {
  register(_handle) {}
  unregister(_clientId) {}
  getById(_clientId) {
   return undefined;
  }
  getAll() {
   return [];
  }
 }
 class ClientRegistryImpl {
  #clients=new Map;
  register(handle) {
   this.#clients.set(handle.identity.id, handle);
  }
  unregister(clientId) {
   this.#clients.delete(clientId);
  }
  getById(clientId) {
   return this.#clients.get(clientId);
  }
  getAll() {
   return this.#clients.values();
  }
 }
 class ClientRegistry {
  static #instance=new NoOpClientRegistry;
  static #initialized=false;
  constructor() {}
  static init() {
   if (ClientRegistry.#initialized) {
    return;
   }
   ClientRegistry.#instance = new ClientRegistryImpl;
   ClientRegistry.#initialized = true;
  }
  static get instance() {
   return ClientRegistry.#instance;
  }
  static isInitialized() {
   return ClientRegistry.#initialized;
  }
  static reset() {
   ClientRegistry.#instance = new NoOpClientRegistry;
   ClientRegistry.#initialized = false;
  }
 }
 clientRegistry.ClientRegistry = ClientRegistry;
 return clientRegistry;
}

var metrics = {};

var types = {};

var hasRequiredTypes;

function requireTypes() {
 if (hasRequiredTypes) return types;
 hasRequiredTypes = 1;
 (function(exports) {
  Object.defineProperty(exports, "__esModule", {
   value: true
  });
  exports.METRIC_ERROR_ORIGIN = exports.METRIC_ERROR_TYPE = exports.DEFAULT_HISTOGRAM_BUCKETS = exports.DEFAULT_METRIC_GROUPS = exports.METRIC_NAMES = exports.DEFAULT_OTEL_ATTRIBUTES = exports.INSTRUMENTATION_SCOPE_NAME = exports.CSC_EVICTION_REASON = exports.CSC_RESULT = exports.CONNECTION_CLOSE_REASON = exports.ERROR_CATEGORY = exports.OTEL_ATTRIBUTES = exports.METRIC_GROUP = void 0;
  const package_json_1 = require$$19;
  exports.METRIC_GROUP = {
   COMMAND: "command",
   CONNECTION_BASIC: "connection-basic",
   CONNECTION_ADVANCED: "connection-advanced",
   RESILIENCY: "resiliency",
   PUBSUB: "pubsub",
   STREAMING: "streaming",
   CLIENT_SIDE_CACHING: "client-side-caching"
  };
  exports.OTEL_ATTRIBUTES = {
   dbSystemName: "db.system.name",
   dbNamespace: "db.namespace",
   dbOperationName: "db.operation.name",
   dbResponseStatusCode: "db.response.status_code",
   errorType: "error.type",
   serverAddress: "server.address",
   serverPort: "server.port",
   networkPeerAddress: "network.peer.address",
   networkPeerPort: "network.peer.port",
   dbStoredProcedureName: "db.stored_procedure.name",
   dbClientConnectionPoolName: "db.client.connection.pool.name",
   dbClientConnectionState: "db.client.connection.state",
   redisClientLibrary: "redis.client.library",
   redisRedirectionKind: "redis.client.redirection.kind",
   redisClientErrorsInternal: "redis.client.errors.internal",
   redisClientErrorsCategory: "redis.client.errors.category",
   redisClientConnectionCloseReason: "redis.client.connection.close.reason",
   redisClientCscResult: "redis.client.csc.result",
   redisClientCscReason: "redis.client.csc.reason",
   redisClientPubSubChannel: "redis.client.pubsub.channel",
   redisClientPubSubSharded: "redis.client.pubsub.sharded",
   redisClientPubSubMessageDirection: "redis.client.pubsub.message.direction",
   redisClientStreamName: "redis.client.stream.name",
   redisClientConsumerGroup: "redis.client.stream.consumer_group",
   redisClientOperationRetryAttempts: "redis.client.operation.retry_attempts",
   redisClientOperationBlocking: "redis.client.operation.blocking",
   redisClientConnectionNotification: "redis.client.connection.notification",
   redisClientParentId: "redis.client.parent.id"
  };
  exports.ERROR_CATEGORY = {
   NETWORK: "network",
   TLS: "tls",
   AUTH: "auth",
   SERVER: "server",
   OTHER: "other"
  };
  exports.CONNECTION_CLOSE_REASON = {
   APPLICATION_CLOSE: "application_close",
   POOL_EVICTION_IDLE: "pool_eviction_idle",
   SERVER_CLOSE: "server_close",
   ERROR: "error",
   HEALTHCHECK_FAILED: "healthcheck_failed"
  };
  exports.CSC_RESULT = {
   HIT: "hit",
   MISS: "miss"
  };
  exports.CSC_EVICTION_REASON = {
   FULL: "full",
   INVALIDATION: "invalidation",
   TTL: "ttl"
  };
  exports.INSTRUMENTATION_SCOPE_NAME = "node-redis";
  exports.DEFAULT_OTEL_ATTRIBUTES = {
   [exports.OTEL_ATTRIBUTES.redisClientLibrary]: `node-redis:${package_json_1.version}`,
   [exports.OTEL_ATTRIBUTES.dbSystemName]: "redis"
  };
  exports.METRIC_NAMES = {
   dbClientOperationDuration: "db.client.operation.duration",
   redisClientConnectionCount: "redis.client.connection.count",
   dbClientConnectionCreateTime: "db.client.connection.create_time",
   redisClientConnectionRelaxedTimeout: "redis.client.connection.relaxed_timeout",
   redisClientConnectionHandoff: "redis.client.connection.handoff",
   dbClientConnectionWaitTime: "db.client.connection.wait_time",
   redisClientConnectionClosed: "redis.client.connection.closed",
   redisClientErrors: "redis.client.errors",
   redisClientMaintenanceNotifications: "redis.client.maintenance.notifications",
   redisClientPubsubMessages: "redis.client.pubsub.messages",
   redisClientStreamLag: "redis.client.stream.lag",
   redisClientCscRequests: "redis.client.csc.requests",
   redisClientCscItems: "redis.client.csc.items",
   redisClientCscEvictions: "redis.client.csc.evictions"
  };
  exports.DEFAULT_METRIC_GROUPS = [ "connection-basic", "resiliency" ];
  const DEFAULT_HISTOGRAM_BUCKET = [ .001, .005, .01, .05, .1, .5, 1, 5, 10 ];
  exports.DEFAULT_HISTOGRAM_BUCKETS = {
   OPERATION_DURATION: DEFAULT_HISTOGRAM_BUCKET,
   CONNECTION_CREATE_TIME: DEFAULT_HISTOGRAM_BUCKET,
   CONNECTION_WAIT_TIME: DEFAULT_HISTOGRAM_BUCKET,
   CONNECTION_USE_TIME: DEFAULT_HISTOGRAM_BUCKET,
   STREAM_LAG: DEFAULT_HISTOGRAM_BUCKET
  };
  exports.METRIC_ERROR_TYPE = {
   MOVED: "MOVED",
   ASK: "ASK",
   HANDSHAKE_FAILED: "HANDSHAKE_FAILED"
  };
  exports.METRIC_ERROR_ORIGIN = {
   CLIENT: "client",
   CLUSTER: "cluster"
  };
 })(types);
 return types;
}

var utils$1 = {};

var error_util = {};

var hasRequiredError_util;

function requireError_util() {
 if (hasRequiredError_util) return error_util;
 hasRequiredError_util = 1;
 Object.defineProperty(error_util, "__esModule", {
  value: true
 });
 error_util.isRedirectionError = error_util.getErrorInfo = void 0;
 const types_1 = requireTypes();
 const errors_1 = requireErrors();
 const REDIS_ERROR_PREFIX_REGEX = /^([A-Z][A-Z0-9_]*)\s/;
 function extractRedisStatusCode(error) {
  if (!(error instanceof errors_1.ErrorReply)) {
   return undefined;
  }
  const match = REDIS_ERROR_PREFIX_REGEX.exec(error.message);
  return match?.[1];
 }
 const NETWORK_ERROR_CODES = new Set([ "ECONNREFUSED", "ECONNRESET", "ETIMEDOUT", "ENOTFOUND", "ENETUNREACH", "EHOSTUNREACH", "EPIPE", "ECONNABORTED", "EAI_AGAIN" ]);
 const TLS_ERROR_CODES = new Set([ "UNABLE_TO_VERIFY_LEAF_SIGNATURE", "CERT_HAS_EXPIRED", "DEPTH_ZERO_SELF_SIGNED_CERT", "SELF_SIGNED_CERT_IN_CHAIN", "ERR_TLS_CERT_ALTNAME_INVALID", "CERT_SIGNATURE_FAILURE", "ERR_SSL_WRONG_VERSION_NUMBER" ]);
 const AUTH_ERROR_PREFIXES = new Set([ "NOAUTH", "WRONGPASS", "NOPERM" ]);
 const SERVER_ERROR_PREFIXES = new Set([ "ASK", "BUSY", "BUSYGROUP", "BUSYKEY", "CLUSTERDOWN", "CROSSSLOT", "DENIED", "ERR", "EXECABORT", "INPROG", "INVALIDOBJ", "IOERR", "LOADING", "MASTERDOWN", "MISCONF", "MOVED", "NOAUTH", "NOGROUP", "NOGOODSLAVE", "NOMASTERLINK", "NOPERM", "NOPROTO", "NOQUORUM", "NOREPLICAS", "NOSCRIPT", "NOTBUSY", "NOTREADY", "OOM", "READONLY", "TRYAGAIN", "UNBLOCKED", "UNKILLABLE", "WRONGPASS", "WRONGTYPE" ]);
 function isNodeRedisNetworkError(error) {
  return error instanceof errors_1.ConnectionTimeoutError || error instanceof errors_1.SocketTimeoutError || error instanceof errors_1.SocketClosedUnexpectedlyError || error instanceof errors_1.SocketTimeoutDuringMaintenanceError || error instanceof errors_1.CommandTimeoutDuringMaintenanceError;
 }
 function isTlsErrorMessage(message) {
  const lowerMessage = message.toLowerCase();
  return lowerMessage.includes("certificate") || lowerMessage.includes("handshake") || lowerMessage.includes("ssl") || lowerMessage.includes("tls");
 }
 function categorizeRedisError(error) {
  const prefix = extractRedisStatusCode(error);
  if (!prefix) {
   return undefined;
  }
  if (AUTH_ERROR_PREFIXES.has(prefix)) {
   return types_1.ERROR_CATEGORY.AUTH;
  }
  if (SERVER_ERROR_PREFIXES.has(prefix)) {
   return types_1.ERROR_CATEGORY.SERVER;
  }
  return undefined;
 }
 function getCategory(error) {
  if (isNodeRedisNetworkError(error)) {
   return types_1.ERROR_CATEGORY.NETWORK;
  }
  const errorCode = error.code;
  if (errorCode) {
   if (NETWORK_ERROR_CODES.has(errorCode)) {
    return types_1.ERROR_CATEGORY.NETWORK;
   }
   if (TLS_ERROR_CODES.has(errorCode)) {
    return types_1.ERROR_CATEGORY.TLS;
   }
  }
  if (isTlsErrorMessage(error.message)) {
   return types_1.ERROR_CATEGORY.TLS;
  }
  const category = categorizeRedisError(error);
  if (category) {
   return category;
  }
  return types_1.ERROR_CATEGORY.OTHER;
 }
 function getErrorInfo(error) {
  if (!(error instanceof Error)) {
   return {
    errorType: "unknown",
    category: types_1.ERROR_CATEGORY.OTHER,
    statusCode: undefined
   };
  }
  const actualError = error instanceof errors_1.ReconnectStrategyError ? error.originalError : error;
  return {
   errorType: actualError.constructor.name,
   category: getCategory(actualError),
   statusCode: extractRedisStatusCode(actualError)
  };
 }
 error_util.getErrorInfo = getErrorInfo;
 function isRedirectionError(statusCode) {
  return statusCode !== undefined && (statusCode.startsWith(types_1.METRIC_ERROR_TYPE.ASK) || statusCode.startsWith(types_1.METRIC_ERROR_TYPE.MOVED));
 }
 error_util.isRedirectionError = isRedirectionError;
 return error_util;
}

var hasRequiredUtils$1;

function requireUtils$1() {
 if (hasRequiredUtils$1) return utils$1;
 hasRequiredUtils$1 = 1;
 (function(exports) {
  Object.defineProperty(exports, "__esModule", {
   value: true
  });
  exports.parseClientAttributes = exports.noopFunction = exports.isRedirectionError = exports.getErrorInfo = void 0;
  const types_1 = requireTypes();
  var error_util_1 = requireError_util();
  Object.defineProperty(exports, "getErrorInfo", {
   enumerable: true,
   get: function() {
    return error_util_1.getErrorInfo;
   }
  });
  Object.defineProperty(exports, "isRedirectionError", {
   enumerable: true,
   get: function() {
    return error_util_1.isRedirectionError;
   }
  });
  function noopFunction() {}
  exports.noopFunction = noopFunction;
  const parseClientAttributes = clientAttributes => ({
   ...clientAttributes?.db === undefined ? {} : {
    [types_1.OTEL_ATTRIBUTES.dbNamespace]: clientAttributes.db.toString()
   },
   ...clientAttributes?.host && {
    [types_1.OTEL_ATTRIBUTES.serverAddress]: clientAttributes.host
   },
   ...clientAttributes?.port && {
    [types_1.OTEL_ATTRIBUTES.serverPort]: clientAttributes.port.toString()
   },
   ...clientAttributes?.clientId && {
    [types_1.OTEL_ATTRIBUTES.dbClientConnectionPoolName]: clientAttributes.clientId
   },
   ...clientAttributes?.parentId && {
    [types_1.OTEL_ATTRIBUTES.redisClientParentId]: clientAttributes.parentId
   }
  });
  exports.parseClientAttributes = parseClientAttributes;
 })(utils$1);
 return utils$1;
}

var hasRequiredMetrics;

function requireMetrics() {
 if (hasRequiredMetrics) return metrics;
 hasRequiredMetrics = 1;
 Object.defineProperty(metrics, "__esModule", {
  value: true
 });
 metrics.OTelMetrics = void 0;
 const client_registry_1 = requireClientRegistry();
 const types_1 = requireTypes();
 const utils_1 = requireUtils$1();
 const errors_1 = requireErrors();
 const tracing_1 = requireTracing();
 function resolveClientAttributes(clientId) {
  return clientId ? client_registry_1.ClientRegistry.instance.getById(clientId)?.getAttributes() : undefined;
 }
 function subscribeCommandTC(tc, handlers) {
  const h = handlers;
  tc.subscribe(h);
  return () => tc.unsubscribe(h);
 }
 function subscribeBatchTC(tc, handlers) {
  const h = handlers;
  tc.subscribe(h);
  return () => tc.unsubscribe(h);
 }
 class OTelCommandMetrics {
  #instruments;
  #options;
  #metricsState=new WeakMap;
  #unsubscribers=[];
  constructor(options, instruments) {
   this.#options = options;
   this.#instruments = instruments;
   this.#subscribeToTracingChannel();
  }
  #subscribeToTracingChannel() {
   const commandTC = (0, tracing_1.getTracingChannel)(tracing_1.CHANNELS.TRACE_COMMAND);
   const batchTC = (0, tracing_1.getTracingChannel)(tracing_1.CHANNELS.TRACE_BATCH);
   if (!commandTC || !batchTC) return;
   const onStart = ctx => {
    const commandName = ctx.command?.toString() || "UNKNOWN";
    if (this.#isCommandExcluded(commandName)) return;
    this.#metricsState.set(ctx, {
     startTime: performance.now(),
     clientAttributes: resolveClientAttributes(ctx.clientId),
     commandName: commandName
    });
   };
   const onAsyncEnd = ctx => {
    const state = this.#metricsState.get(ctx);
    if (!state) return;
    this.#metricsState.delete(ctx);
    this.#instruments.dbClientOperationDuration.record((performance.now() - state.startTime) / 1e3, {
     ...this.#options.attributes,
     [types_1.OTEL_ATTRIBUTES.dbNamespace]: state.clientAttributes?.db?.toString(),
     [types_1.OTEL_ATTRIBUTES.serverAddress]: state.clientAttributes?.host,
     [types_1.OTEL_ATTRIBUTES.serverPort]: state.clientAttributes?.port?.toString(),
     [types_1.OTEL_ATTRIBUTES.dbOperationName]: state.commandName
    });
   };
   const onError = ctx => {
    const state = this.#metricsState.get(ctx);
    if (!state) return;
    this.#metricsState.delete(ctx);
    const errorInfo = (0, utils_1.getErrorInfo)(ctx.error);
    this.#instruments.dbClientOperationDuration.record((performance.now() - state.startTime) / 1e3, {
     ...this.#options.attributes,
     [types_1.OTEL_ATTRIBUTES.dbNamespace]: state.clientAttributes?.db?.toString(),
     [types_1.OTEL_ATTRIBUTES.serverAddress]: state.clientAttributes?.host,
     [types_1.OTEL_ATTRIBUTES.serverPort]: state.clientAttributes?.port?.toString(),
     [types_1.OTEL_ATTRIBUTES.dbOperationName]: state.commandName,
     [types_1.OTEL_ATTRIBUTES.errorType]: errorInfo.errorType,
     [types_1.OTEL_ATTRIBUTES.redisClientErrorsCategory]: errorInfo.category,
     ...errorInfo.statusCode !== undefined ? {
      [types_1.OTEL_ATTRIBUTES.dbResponseStatusCode]: errorInfo.statusCode
     } : {}
    });
   };
   const onBatchStart = ctx => {
    this.#metricsState.set(ctx, {
     startTime: performance.now(),
     clientAttributes: resolveClientAttributes(ctx.clientId),
     commandName: ctx.batchMode
    });
   };
   const onBatchAsyncEnd = ctx => {
    const state = this.#metricsState.get(ctx);
    if (!state) return;
    this.#metricsState.delete(ctx);
    this.#instruments.dbClientOperationDuration.record((performance.now() - state.startTime) / 1e3, {
     ...this.#options.attributes,
     [types_1.OTEL_ATTRIBUTES.dbNamespace]: state.clientAttributes?.db?.toString(),
     [types_1.OTEL_ATTRIBUTES.serverAddress]: state.clientAttributes?.host,
     [types_1.OTEL_ATTRIBUTES.serverPort]: state.clientAttributes?.port?.toString(),
     [types_1.OTEL_ATTRIBUTES.dbOperationName]: state.commandName
    });
   };
   const onBatchError = ctx => {
    const state = this.#metricsState.get(ctx);
    if (!state) return;
    this.#metricsState.delete(ctx);
    const errorInfo = (0, utils_1.getErrorInfo)(ctx.error);
    this.#instruments.dbClientOperationDuration.record((performance.now() - state.startTime) / 1e3, {
     ...this.#options.attributes,
     [types_1.OTEL_ATTRIBUTES.dbNamespace]: state.clientAttributes?.db?.toString(),
     [types_1.OTEL_ATTRIBUTES.serverAddress]: state.clientAttributes?.host,
     [types_1.OTEL_ATTRIBUTES.serverPort]: state.clientAttributes?.port?.toString(),
     [types_1.OTEL_ATTRIBUTES.dbOperationName]: state.commandName,
     [types_1.OTEL_ATTRIBUTES.errorType]: errorInfo.errorType,
     [types_1.OTEL_ATTRIBUTES.redisClientErrorsCategory]: errorInfo.category,
     ...errorInfo.statusCode !== undefined ? {
      [types_1.OTEL_ATTRIBUTES.dbResponseStatusCode]: errorInfo.statusCode
     } : {}
    });
   };
   this.#unsubscribers.push(subscribeCommandTC(commandTC, {
    start: onStart,
    asyncEnd: onAsyncEnd,
    error: onError
   }), subscribeBatchTC(batchTC, {
    start: onBatchStart,
    asyncEnd: onBatchAsyncEnd,
    error: onBatchError
   }));
  }
  destroy() {
   this.#unsubscribers.forEach(fn => fn());
  }
  #isCommandExcluded(commandName) {
   return this.#options.hasIncludeCommands && !this.#options.includeCommands[commandName] || this.#options.excludeCommands[commandName];
  }
 }
 class OTelChannelSubscribers {
  #instruments;
  #options;
  #unsubscribers=[];
  constructor(options, instruments, enabledGroups) {
   this.#options = options;
   this.#instruments = instruments;
   const hasBasic = enabledGroups.includes(types_1.METRIC_GROUP.CONNECTION_BASIC);
   const hasAdvanced = enabledGroups.includes(types_1.METRIC_GROUP.CONNECTION_ADVANCED);
   if (hasBasic) {
    this.#subscribeConnectionBasic();
   }
   if (hasAdvanced) {
    this.#subscribeConnectionAdvanced();
   }
   if (hasAdvanced) {
    this.#subscribeConnectionClosed();
   }
   if (enabledGroups.includes(types_1.METRIC_GROUP.RESILIENCY)) {
    this.#subscribeResiliency();
   }
   if (enabledGroups.includes(types_1.METRIC_GROUP.CLIENT_SIDE_CACHING)) {
    this.#subscribeClientSideCache();
   }
   if (enabledGroups.includes(types_1.METRIC_GROUP.PUBSUB)) {
    this.#subscribePubSub();
   }
   if (enabledGroups.includes(types_1.METRIC_GROUP.PUBSUB) || enabledGroups.includes(types_1.METRIC_GROUP.STREAMING)) {
    this.#subscribeCommandReply(enabledGroups);
   }
  }
  #sub(name, handler) {
   const ch = (0, tracing_1.getChannel)(name);
   if (!ch) return;
   ch.subscribe(handler);
   this.#unsubscribers.push(() => ch.unsubscribe(handler));
  }
  destroy() {
   this.#unsubscribers.forEach(fn => fn());
  }
  #subscribeConnectionBasic() {
   this.#sub(tracing_1.CHANNELS.CONNECTION_READY, ctx => {
    const clientAttributes = resolveClientAttributes(ctx.clientId);
    this.#instruments.dbClientConnectionCreateTime.record(ctx.createTimeMs / 1e3, {
     ...this.#options.attributes,
     ...(0, utils_1.parseClientAttributes)(clientAttributes)
    });
   });
   this.#sub(tracing_1.CHANNELS.CONNECTION_RELAXED_TIMEOUT, ctx => {
    const clientAttributes = resolveClientAttributes(ctx.clientId);
    this.#instruments.redisClientConnectionRelaxedTimeout.add(ctx.value, {
     ...this.#options.attributes,
     ...(0, utils_1.parseClientAttributes)(clientAttributes)
    });
   });
   this.#sub(tracing_1.CHANNELS.CONNECTION_HANDOFF, ctx => {
    const clientAttributes = resolveClientAttributes(ctx.clientId);
    this.#instruments.redisClientConnectionHandoff.add(1, {
     ...this.#options.attributes,
     ...(0, utils_1.parseClientAttributes)(clientAttributes)
    });
   });
  }
  #subscribeConnectionClosed() {
   this.#sub(tracing_1.CHANNELS.CONNECTION_CLOSED, ctx => {
    const clientAttributes = resolveClientAttributes(ctx.clientId);
    this.#instruments.redisClientConnectionClosed.add(1, {
     ...this.#options.attributes,
     ...(0, utils_1.parseClientAttributes)(clientAttributes),
     [types_1.OTEL_ATTRIBUTES.redisClientConnectionCloseReason]: ctx.reason
    });
   });
  }
  #subscribeConnectionAdvanced() {
   this.#sub(tracing_1.CHANNELS.POOL_CONNECTION_WAIT, ctx => {
    if (!ctx.waitStartTimestamp) return;
    const clientAttributes = resolveClientAttributes(ctx.clientId);
    this.#instruments.dbClientConnectionWaitTime.record((performance.now() - ctx.waitStartTimestamp) / 1e3, {
     ...this.#options.attributes,
     ...(0, utils_1.parseClientAttributes)(clientAttributes)
    });
   });
  }
  #recordError(error, clientId, extra) {
   const clientAttributes = resolveClientAttributes(clientId);
   const errorInfo = (0, utils_1.getErrorInfo)(error);
   this.#instruments.redisClientErrors.add(1, {
    ...this.#options.attributes,
    ...(0, utils_1.parseClientAttributes)(clientAttributes),
    [types_1.OTEL_ATTRIBUTES.errorType]: errorInfo.errorType,
    [types_1.OTEL_ATTRIBUTES.redisClientErrorsCategory]: errorInfo.category,
    ...errorInfo.statusCode !== undefined && {
     [types_1.OTEL_ATTRIBUTES.dbResponseStatusCode]: errorInfo.statusCode
    },
    ...extra
   });
  }
  #subscribeResiliency() {
   this.#sub(tracing_1.CHANNELS.ERROR, ctx => {
    if (ctx.origin === "client" && (0, utils_1.isRedirectionError)((0, utils_1.getErrorInfo)(ctx.error).statusCode)) return;
    this.#recordError(ctx.error, ctx.clientId, {
     [types_1.OTEL_ATTRIBUTES.redisClientErrorsInternal]: ctx.internal,
     ...ctx.retryCount !== undefined && {
      [types_1.OTEL_ATTRIBUTES.redisClientOperationRetryAttempts]: ctx.retryCount
     }
    });
   });
   const commandTC = (0, tracing_1.getTracingChannel)(tracing_1.CHANNELS.TRACE_COMMAND);
   if (commandTC) {
    const onError = ctx => {
     if ((0, utils_1.isRedirectionError)((0, utils_1.getErrorInfo)(ctx.error).statusCode)) return;
     this.#recordError(ctx.error, ctx.clientId, {
      [types_1.OTEL_ATTRIBUTES.redisClientErrorsInternal]: false
     });
    };
    this.#unsubscribers.push(subscribeCommandTC(commandTC, {
     error: onError
    }));
   }
   this.#sub(tracing_1.CHANNELS.MAINTENANCE, ctx => {
    const clientAttributes = resolveClientAttributes(ctx.clientId);
    this.#instruments.redisClientMaintenanceNotifications.add(1, {
     ...this.#options.attributes,
     ...(0, utils_1.parseClientAttributes)(clientAttributes),
     [types_1.OTEL_ATTRIBUTES.redisClientConnectionNotification]: ctx.notification
    });
   });
  }
  #subscribeClientSideCache() {
   this.#sub(tracing_1.CHANNELS.CACHE_REQUEST, ctx => {
    const clientAttributes = resolveClientAttributes(ctx.clientId);
    this.#instruments.redisClientCscRequests.add(1, {
     ...this.#options.attributes,
     [types_1.OTEL_ATTRIBUTES.serverAddress]: clientAttributes?.host,
     [types_1.OTEL_ATTRIBUTES.serverPort]: clientAttributes?.port?.toString(),
     [types_1.OTEL_ATTRIBUTES.dbClientConnectionPoolName]: clientAttributes?.clientId,
     [types_1.OTEL_ATTRIBUTES.redisClientCscResult]: ctx.result
    });
   });
   this.#sub(tracing_1.CHANNELS.CACHE_EVICTION, ctx => {
    const clientAttributes = resolveClientAttributes(ctx.clientId);
    this.#instruments.redisClientCscEvictions.add(ctx.count ?? 1, {
     ...this.#options.attributes,
     [types_1.OTEL_ATTRIBUTES.serverAddress]: clientAttributes?.host,
     [types_1.OTEL_ATTRIBUTES.serverPort]: clientAttributes?.port?.toString(),
     [types_1.OTEL_ATTRIBUTES.dbClientConnectionPoolName]: clientAttributes?.clientId,
     [types_1.OTEL_ATTRIBUTES.redisClientCscReason]: ctx.reason
    });
   });
  }
  #subscribePubSub() {
   this.#sub(tracing_1.CHANNELS.PUBSUB, ctx => {
    const clientAttributes = resolveClientAttributes(ctx.clientId);
    this.#instruments.redisClientPubsubMessages.add(1, {
     ...this.#options.attributes,
     ...(0, utils_1.parseClientAttributes)(clientAttributes),
     [types_1.OTEL_ATTRIBUTES.redisClientPubSubMessageDirection]: ctx.direction,
     [types_1.OTEL_ATTRIBUTES.redisClientPubSubSharded]: ctx.sharded ?? false,
     ...ctx.channel != null && !this.#options.hidePubSubChannelNames ? {
      [types_1.OTEL_ATTRIBUTES.redisClientPubSubChannel]: ctx.channel.toString()
     } : {}
    });
   });
  }
  #subscribeCommandReply(enabledGroups) {
   const hasPubSub = enabledGroups.includes(types_1.METRIC_GROUP.PUBSUB);
   const hasStreaming = enabledGroups.includes(types_1.METRIC_GROUP.STREAMING);
   this.#sub(tracing_1.CHANNELS.COMMAND_REPLY, ctx => {
    const commandName = ctx.args[0]?.toString().toUpperCase();
    if (hasPubSub && (commandName === "PUBLISH" || commandName === "SPUBLISH")) {
     const clientAttributes = resolveClientAttributes(ctx.clientId);
     this.#instruments.redisClientPubsubMessages.add(1, {
      ...this.#options.attributes,
      ...(0, utils_1.parseClientAttributes)(clientAttributes),
      [types_1.OTEL_ATTRIBUTES.redisClientPubSubMessageDirection]: "out",
      [types_1.OTEL_ATTRIBUTES.redisClientPubSubSharded]: commandName === "SPUBLISH",
      ...ctx.args[1] != null && !this.#options.hidePubSubChannelNames ? {
       [types_1.OTEL_ATTRIBUTES.redisClientPubSubChannel]: ctx.args[1].toString()
      } : {}
     });
     return;
    }
    if (hasStreaming && (commandName === "XREAD" || commandName === "XREADGROUP")) {
     const reply = ctx.reply;
     if (!reply || !Array.isArray(reply) || reply.length === 0) return;
     const now = Date.now();
     const clientAttributes = resolveClientAttributes(ctx.clientId);
     const isXReadGroup = commandName === "XREADGROUP" && ctx.args[1]?.toString().toUpperCase() === "GROUP";
     const consumerGroup = isXReadGroup ? ctx.args[2]?.toString() : undefined;
     for (const streamData of reply) {
      if (!streamData || typeof streamData !== "object") continue;
      const {name: stream, messages: messages} = streamData;
      if (!messages || !Array.isArray(messages) || messages.length === 0) continue;
      const streamAttributes = {
       ...this.#options.attributes,
       ...(0, utils_1.parseClientAttributes)(clientAttributes),
       ...!this.#options.hideStreamNames ? {
        [types_1.OTEL_ATTRIBUTES.redisClientStreamName]: stream
       } : {},
       ...consumerGroup !== undefined ? {
        [types_1.OTEL_ATTRIBUTES.redisClientConsumerGroup]: consumerGroup
       } : {}
      };
      for (const message of messages) {
       if (!message?.id) continue;
       const [tsPart] = message.id.split("-");
       const messageTimestamp = Number.parseInt(tsPart, 10);
       if (!Number.isFinite(messageTimestamp)) continue;
       this.#instruments.redisClientStreamLag.record((now - messageTimestamp) / 1e3, streamAttributes);
      }
     }
    }
   });
  }
 }
 class OTelMetrics {
  static #instance;
  static #initialized=false;
  commandMetrics;
  #channelSubscribers;
  #instruments;
  #options;
  constructor(api, config) {
   this.#options = this.parseOptions(config);
   if (!this.#options.enabled) {
    this.commandMetrics = {
     destroy() {}
    };
    this.#channelSubscribers = {
     destroy() {}
    };
    this.#instruments = undefined;
    return;
   }
   const meter = this.#getMeter(api, this.#options);
   this.#instruments = this.registerInstruments(meter, this.#options);
   if (this.#options.enabledMetricGroups.includes(types_1.METRIC_GROUP.COMMAND)) {
    this.commandMetrics = new OTelCommandMetrics(this.#options, this.#instruments);
   } else {
    this.commandMetrics = {
     destroy() {}
    };
   }
   this.#channelSubscribers = new OTelChannelSubscribers(this.#options, this.#instruments, this.#options.enabledMetricGroups);
  }
  static init({api: api, config: config}) {
   if (OTelMetrics.#initialized) {
    throw new errors_1.OpenTelemetryError("OTelMetrics already initialized");
   }
   const instance = new OTelMetrics(api, config);
   OTelMetrics.#instance = instance;
   OTelMetrics.#initialized = true;
  }
  static reset() {
   if (!OTelMetrics.#initialized) return;
   OTelMetrics.#instance.commandMetrics.destroy();
   OTelMetrics.#instance.#channelSubscribers.destroy();
   OTelMetrics.#initialized = false;
  }
  static isInitialized() {
   return OTelMetrics.#initialized;
  }
  static get instance() {
   return OTelMetrics.#instance;
  }
  #getMeter(api, options) {
   if (options.meterProvider) {
    return options.meterProvider.getMeter(types_1.INSTRUMENTATION_SCOPE_NAME);
   }
   return api.metrics.getMeter(types_1.INSTRUMENTATION_SCOPE_NAME);
  }
  parseOptions(config) {
   return {
    enabled: !!config?.metrics?.enabled,
    attributes: {
     ...types_1.DEFAULT_OTEL_ATTRIBUTES
    },
    meterProvider: config?.metrics?.meterProvider,
    includeCommands: (config?.metrics?.includeCommands ?? []).reduce((acc, c) => {
     acc[c.toUpperCase()] = true;
     return acc;
    }, {}),
    hasIncludeCommands: !!config?.metrics?.includeCommands?.length,
    excludeCommands: (config?.metrics?.excludeCommands ?? []).reduce((acc, c) => {
     acc[c.toUpperCase()] = true;
     return acc;
    }, {}),
    hasExcludeCommands: !!config?.metrics?.excludeCommands?.length,
    enabledMetricGroups: config?.metrics?.enabledMetricGroups ?? types_1.DEFAULT_METRIC_GROUPS,
    hidePubSubChannelNames: config?.metrics?.hidePubSubChannelNames ?? false,
    hideStreamNames: config?.metrics?.hideStreamNames ?? false,
    bucketsOperationDuration: config?.metrics?.bucketsOperationDuration ?? types_1.DEFAULT_HISTOGRAM_BUCKETS.OPERATION_DURATION,
    bucketsConnectionCreateTime: config?.metrics?.bucketsConnectionCreateTime ?? types_1.DEFAULT_HISTOGRAM_BUCKETS.CONNECTION_CREATE_TIME,
    bucketsConnectionWaitTime: config?.metrics?.bucketsConnectionWaitTime ?? types_1.DEFAULT_HISTOGRAM_BUCKETS.CONNECTION_WAIT_TIME,
    bucketsStreamProcessingDuration: config?.metrics?.bucketsStreamProcessingDuration ?? types_1.DEFAULT_HISTOGRAM_BUCKETS.STREAM_LAG
   };
  }
  createHistogram(meter, instrumentConfig) {
   return meter.createHistogram(instrumentConfig.name, {
    unit: instrumentConfig.unit,
    description: instrumentConfig.description,
    ...instrumentConfig?.histogramBoundaries?.length ? {
     advice: {
      explicitBucketBoundaries: instrumentConfig.histogramBoundaries
     }
    } : {}
   });
  }
  createCounter(meter, instrumentConfig) {
   return meter.createCounter(instrumentConfig.name, {
    unit: instrumentConfig.unit,
    description: instrumentConfig.description
   });
  }
  createUpDownCounter(meter, instrumentConfig) {
   return meter.createUpDownCounter(instrumentConfig.name, {
    unit: instrumentConfig.unit,
    description: instrumentConfig.description
   });
  }
  createObservableGaugeWithCallback(meter, instrumentConfig, options, callback) {
   const gauge = meter.createObservableGauge(instrumentConfig.name, {
    unit: instrumentConfig.unit,
    description: instrumentConfig.description
   });
   if (options.enabledMetricGroups.includes(instrumentConfig.metricGroup)) {
    meter.addBatchObservableCallback(observableResult => callback(observableResult, options), [ gauge ]);
   }
   return gauge;
  }
  registerInstruments(meter, options) {
   return {
    dbClientOperationDuration: this.createHistogram(meter, {
     name: types_1.METRIC_NAMES.dbClientOperationDuration,
     unit: "s",
     description: "Duration of a Redis client operation (includes retries)",
     metricGroup: types_1.METRIC_GROUP.COMMAND,
     histogramBoundaries: options.bucketsOperationDuration
    }),
    redisClientConnectionCount: this.createObservableGaugeWithCallback(meter, {
     name: types_1.METRIC_NAMES.redisClientConnectionCount,
     unit: "{connection}",
     description: "Current number of active connections",
     metricGroup: types_1.METRIC_GROUP.CONNECTION_BASIC
    }, options, (observableResult, opts) => {
     for (const handle of client_registry_1.ClientRegistry.instance.getAll()) {
      if (handle.isConnected()) {
       observableResult.observe(this.#instruments.redisClientConnectionCount, 1, {
        ...opts.attributes,
        ...(0, utils_1.parseClientAttributes)(handle.getAttributes())
       });
      }
     }
    }),
    dbClientConnectionCreateTime: this.createHistogram(meter, {
     name: types_1.METRIC_NAMES.dbClientConnectionCreateTime,
     unit: "s",
     description: "Time taken to create a new connection to the Redis server",
     metricGroup: types_1.METRIC_GROUP.CONNECTION_BASIC,
     histogramBoundaries: options.bucketsConnectionCreateTime
    }),
    redisClientConnectionRelaxedTimeout: this.createUpDownCounter(meter, {
     name: types_1.METRIC_NAMES.redisClientConnectionRelaxedTimeout,
     unit: "{relaxation}",
     description: `How many times the connection timeout has been increased/decreased (after a server maintenance notification).\n           Counts up for relaxed timeout, counts down for unrelaxed timeout`,
     metricGroup: types_1.METRIC_GROUP.CONNECTION_BASIC
    }),
    redisClientConnectionHandoff: this.createCounter(meter, {
     name: types_1.METRIC_NAMES.redisClientConnectionHandoff,
     unit: "{handoff}",
     description: "Connections that have been handed off to another node (e.g after a MOVING notification)",
     metricGroup: types_1.METRIC_GROUP.CONNECTION_BASIC
    }),
    dbClientConnectionWaitTime: this.createHistogram(meter, {
     name: types_1.METRIC_NAMES.dbClientConnectionWaitTime,
     unit: "s",
     description: "Time spent waiting for an available connection from the pool",
     metricGroup: types_1.METRIC_GROUP.CONNECTION_ADVANCED,
     histogramBoundaries: options.bucketsConnectionWaitTime
    }),
    redisClientConnectionClosed: this.createCounter(meter, {
     name: types_1.METRIC_NAMES.redisClientConnectionClosed,
     unit: "{connection}",
     description: "Total number of closed connections",
     metricGroup: types_1.METRIC_GROUP.CONNECTION_ADVANCED
    }),
    redisClientErrors: this.createCounter(meter, {
     name: types_1.METRIC_NAMES.redisClientErrors,
     unit: "{error}",
     description: "A counter of all errors (both returned and handled internally)",
     metricGroup: types_1.METRIC_GROUP.RESILIENCY
    }),
    redisClientMaintenanceNotifications: this.createCounter(meter, {
     name: types_1.METRIC_NAMES.redisClientMaintenanceNotifications,
     unit: "{notification}",
     description: "Number of maintenance notifications received",
     metricGroup: types_1.METRIC_GROUP.RESILIENCY
    }),
    redisClientPubsubMessages: this.createCounter(meter, {
     name: types_1.METRIC_NAMES.redisClientPubsubMessages,
     unit: "{message}",
     description: "Number of pub/sub messages processed",
     metricGroup: types_1.METRIC_GROUP.PUBSUB
    }),
    redisClientStreamLag: this.createHistogram(meter, {
     name: types_1.METRIC_NAMES.redisClientStreamLag,
     unit: "s",
     description: "End-to-end lag per message",
     metricGroup: types_1.METRIC_GROUP.STREAMING,
     histogramBoundaries: options.bucketsStreamProcessingDuration
    }),
    redisClientCscRequests: this.createCounter(meter, {
     name: types_1.METRIC_NAMES.redisClientCscRequests,
     unit: "{request}",
     description: "Number of client-side cache requests (hits and misses)",
     metricGroup: types_1.METRIC_GROUP.CLIENT_SIDE_CACHING
    }),
    redisClientCscItems: this.createObservableGaugeWithCallback(meter, {
     name: types_1.METRIC_NAMES.redisClientCscItems,
     unit: "{item}",
     description: "Current number of items in the client-side cache",
     metricGroup: types_1.METRIC_GROUP.CLIENT_SIDE_CACHING
    }, options, (observableResult, opts) => {
     for (const handle of client_registry_1.ClientRegistry.instance.getAll()) {
      observableResult.observe(this.#instruments.redisClientCscItems, handle.getCacheItemCount(), {
       ...opts.attributes,
       ...(0, utils_1.parseClientAttributes)(handle.getAttributes())
      });
     }
    }),
    redisClientCscEvictions: this.createCounter(meter, {
     name: types_1.METRIC_NAMES.redisClientCscEvictions,
     unit: "{eviction}",
     description: "Number of items evicted from the client-side cache",
     metricGroup: types_1.METRIC_GROUP.CLIENT_SIDE_CACHING
    })
   };
  }
 }
 metrics.OTelMetrics = OTelMetrics;
 return metrics;
}

const api = null;

const api$1 = Object.freeze(Object.defineProperty({
 __proto__: null,
 default: api
}, Symbol.toStringTag, {
 value: "Module"
}));

const require$$3 = _commonjsHelpers.getAugmentedNamespace(api$1);

var hasRequiredOpentelemetry;

function requireOpentelemetry() {
 if (hasRequiredOpentelemetry) return opentelemetry;
 hasRequiredOpentelemetry = 1;
 (function(exports) {
  Object.defineProperty(exports, "__esModule", {
   value: true
  });
  exports.ClientRegistry = exports.OTelMetrics = exports.CSC_EVICTION_REASON = exports.CSC_RESULT = exports.CONNECTION_CLOSE_REASON = exports.OTEL_ATTRIBUTES = exports.OpenTelemetry = void 0;
  const errors_1 = requireErrors();
  const client_registry_1 = requireClientRegistry();
  const metrics_1 = requireMetrics();
  class OpenTelemetry {
   static _instance=null;
   constructor() {}
   static init(config) {
    if (OpenTelemetry._instance) {
     throw new errors_1.OpenTelemetryError("OpenTelemetry already initialized");
    }
    const api = (() => {
     try {
      return require$$3;
     } catch {
      throw new errors_1.OpenTelemetryError("@opentelemetry/api not found");
     }
    })();
    OpenTelemetry._instance = new OpenTelemetry;
    client_registry_1.ClientRegistry.init();
    metrics_1.OTelMetrics.init({
     api: api,
     config: config
    });
   }
  }
  exports.OpenTelemetry = OpenTelemetry;
  var types_1 = requireTypes();
  Object.defineProperty(exports, "OTEL_ATTRIBUTES", {
   enumerable: true,
   get: function() {
    return types_1.OTEL_ATTRIBUTES;
   }
  });
  Object.defineProperty(exports, "CONNECTION_CLOSE_REASON", {
   enumerable: true,
   get: function() {
    return types_1.CONNECTION_CLOSE_REASON;
   }
  });
  Object.defineProperty(exports, "CSC_RESULT", {
   enumerable: true,
   get: function() {
    return types_1.CSC_RESULT;
   }
  });
  Object.defineProperty(exports, "CSC_EVICTION_REASON", {
   enumerable: true,
   get: function() {
    return types_1.CSC_EVICTION_REASON;
   }
  });
  var metrics_2 = requireMetrics();
  Object.defineProperty(exports, "OTelMetrics", {
   enumerable: true,
   get: function() {
    return metrics_2.OTelMetrics;
   }
  });
  var client_registry_2 = requireClientRegistry();
  Object.defineProperty(exports, "ClientRegistry", {
   enumerable: true,
   get: function() {
    return client_registry_2.ClientRegistry;
   }
  });
 })(opentelemetry);
 return opentelemetry;
}

var hasRequiredClient;

function requireClient() {
 if (hasRequiredClient) return client;
 hasRequiredClient = 1;
 var __createBinding = client && client.__createBinding || (Object.create ? function(o, m, k, k2) {
  if (k2 === undefined) k2 = k;
  var desc = Object.getOwnPropertyDescriptor(m, k);
  if (!desc || ("get" in desc ? !m.__esModule : desc.writable || desc.configurable)) {
   desc = {
    enumerable: true,
    get: function() {
     return m[k];
    }
   };
  }
  Object.defineProperty(o, k2, desc);
 } : function(o, m, k, k2) {
  if (k2 === undefined) k2 = k;
  o[k2] = m[k];
 });
 var __setModuleDefault = client && client.__setModuleDefault || (Object.create ? function(o, v) {
  Object.defineProperty(o, "default", {
   enumerable: true,
   value: v
  });
 } : function(o, v) {
  o["default"] = v;
 });
 var __importStar = client && client.__importStar || function(mod) {
  if (mod && mod.__esModule) return mod;
  var result = {};
  if (mod != null) for (var k in mod) if (k !== "default" && Object.prototype.hasOwnProperty.call(mod, k)) __createBinding(result, mod, k);
  __setModuleDefault(result, mod);
  return result;
 };
 var __importDefault = client && client.__importDefault || function(mod) {
  return mod && mod.__esModule ? mod : {
   default: mod
  };
 };
 var _a;
 Object.defineProperty(client, "__esModule", {
  value: true
 });
 const commands_1 = __importDefault(requireCommands$1());
 const socket_1 = __importDefault(requireSocket());
 const authx_1 = requireAuthx();
 const commands_queue_1 = __importDefault(requireCommandsQueue());
 const node_events_1 = require$$0$5;
 const commander_1 = requireCommander();
 const command_metadata_1 = requireCommandMetadata();
 const errors_1 = requireErrors();
 const node_url_1 = require$$1$1;
 const pub_sub_1 = requirePubSub();
 const types_1 = requireTypes$2();
 const multi_command_1 = __importDefault(requireMultiCommand$1());
 const HELLO_1 = __importDefault(requireHELLO());
 const legacy_mode_1 = requireLegacyMode();
 const pool_1 = requirePool();
 const generic_transformers_1 = requireGenericTransformers();
 const cache_1 = requireCache();
 const parser_1 = requireParser();
 const single_entry_cache_1 = __importDefault(requireSingleEntryCache());
 const package_json_1 = require$$19;
 const enterprise_maintenance_manager_1 = __importStar(requireEnterpriseMaintenanceManager());
 const opentelemetry_1 = requireOpentelemetry();
 const identity_1 = requireIdentity();
 const tracing_1 = requireTracing();
 const defaults_1 = requireDefaults();
 const registry_1 = requireRegistry();
 const HIMPORT_DISCARD_1 = __importDefault(requireHIMPORT_DISCARD());
 const HIMPORT_DISCARDALL_1 = __importDefault(requireHIMPORT_DISCARDALL());
 const HIMPORT_PREPARE_1 = __importDefault(requireHIMPORT_PREPARE());
 const HIMPORT_SET_1 = __importDefault(requireHIMPORT_SET());
 const ASKING_1 = requireASKING();
 const noop = () => {};
 const HIMPORT_SESSION_SUBCOMMANDS = new Set([ "PREPARE", "DISCARD", "DISCARDALL" ]);
 function assertNoHimportSessionCommands(commands) {
  for (const {args: args} of commands) {
   if (String(args[0]).toUpperCase() !== "HIMPORT") continue;
   if (HIMPORT_SESSION_SUBCOMMANDS.has(String(args[1]).toUpperCase())) {
    throw new Error("HIMPORT PREPARE/DISCARD/DISCARDALL are not supported inside MULTI/pipeline; call them on the client before the transaction");
   }
  }
 }
 function isPreEnqueueError(err) {
  return err instanceof errors_1.ClientClosedError || err instanceof errors_1.ClientOfflineError || err instanceof errors_1.AbortError || err instanceof Error && err.message === "The queue is full";
 }
 class RedisClient extends node_events_1.EventEmitter {
  static #createCommand(command, resp) {
   const transformReply = (0, commander_1.getTransformReply)(command, resp);
   return async function(...args) {
    const parser = new parser_1.BasicCommandParser(this._self._keyPrefix);
    command.parseCommand(parser, ...args);
    return this._self._executeCommand(command, parser, this._commandOptions, transformReply);
   };
  }
  static #createModuleCommand(command, resp) {
   const transformReply = (0, commander_1.getTransformReply)(command, resp);
   return async function(...args) {
    const parser = new parser_1.BasicCommandParser(this._self._keyPrefix);
    command.parseCommand(parser, ...args);
    return this._self._executeCommand(command, parser, this._self._commandOptions, transformReply);
   };
  }
  static #createFunctionCommand(name, fn, resp) {
   const prefix = (0, commander_1.functionArgumentsPrefix)(name, fn);
   const transformReply = (0, commander_1.getTransformReply)(fn, resp);
   return async function(...args) {
    const parser = new parser_1.BasicCommandParser(this._self._keyPrefix);
    parser.push(...prefix);
    fn.parseCommand(parser, ...args);
    return this._self._executeCommand(fn, parser, this._self._commandOptions, transformReply);
   };
  }
  static #createScriptCommand(script, resp) {
   const prefix = (0, commander_1.scriptArgumentsPrefix)(script);
   const transformReply = (0, commander_1.getTransformReply)(script, resp);
   return async function(...args) {
    const parser = new parser_1.BasicCommandParser(this._self._keyPrefix);
    parser.push(...prefix);
    script.parseCommand(parser, ...args);
    return this._executeScript(script, parser, this._commandOptions, transformReply);
   };
  }
  static #SingleEntryCache=new single_entry_cache_1.default;
  static factory(config) {
   let Client = _a.#SingleEntryCache.get(config);
   if (!Client) {
    Client = (0, commander_1.attachConfig)({
     BaseClass: _a,
     commands: commands_1.default,
     createCommand: _a.#createCommand,
     createModuleCommand: _a.#createModuleCommand,
     createFunctionCommand: _a.#createFunctionCommand,
     createScriptCommand: _a.#createScriptCommand,
     config: config
    });
    Client.prototype.Multi = multi_command_1.default.extend(config);
    _a.#SingleEntryCache.set(config, Client);
   }
   return options => Object.create(new Client(options));
  }
  static create(options) {
   return _a.factory(options)(options);
  }
  static parseOptions(options) {
   if (options?.url) {
    const parsed = _a.parseURL(options.url);
    if (options.socket) {
     if (options.socket.tls !== undefined && options.socket.tls !== parsed.socket.tls) {
      throw new TypeError(`tls socket option is set to ${options.socket.tls} which is mismatch with protocol or the URL ${options.url} passed`);
     }
     parsed.socket = Object.assign(options.socket, parsed.socket);
    }
    Object.assign(options, parsed);
   }
   return options;
  }
  static parseURL(url) {
   if (url.startsWith("unix:")) {
    return _a.#parseUnixURL(url);
   }
   const {hostname: hostname, port: port, protocol: protocol, username: username, password: password, pathname: pathname} = new node_url_1.URL(url), parsed = {
    socket: {
     host: hostname.replace(/^\[([0-9a-f:]+)\]$/, "$1"),
     tls: false
    }
   };
   if (protocol !== "redis:" && protocol !== "rediss:") {
    throw new TypeError(`Protocol - ${protocol} - is not a valid Redis protocol. Expected redis: or rediss:`);
   }
   parsed.socket.tls = protocol === "rediss:";
   if (port) {
    parsed.socket.port = Number(port);
   }
   if (username) {
    parsed.username = decodeURIComponent(username);
   }
   if (password) {
    parsed.password = decodeURIComponent(password);
   }
   if (username || password) {
    parsed.credentialsProvider = {
     type: "async-credentials-provider",
     credentials: async () => ({
      username: username ? decodeURIComponent(username) : undefined,
      password: password ? decodeURIComponent(password) : undefined
     })
    };
   }
   if (pathname.length > 1) {
    const database = Number(pathname.substring(1));
    if (isNaN(database)) {
     throw new TypeError("Invalid pathname");
    }
    parsed.database = database;
   }
   return parsed;
  }
  static #parseUnixURL(url) {
   const match = /^unix:\/\/(?:([^:@/]*)(?::([^@/]*))?@)?(\/[^?#]*)(?:\?([^#]*))?(?:#.*)?$/.exec(url);
   if (!match || match[3] === "/") {
    throw new TypeError("Invalid unix URL");
   }
   const [, username, password, rawPath, rawQuery] = match, parsed = {
    socket: {
     path: decodeURIComponent(rawPath),
     tls: false
    }
   };
   if (username) {
    parsed.username = decodeURIComponent(username);
   }
   if (password) {
    parsed.password = decodeURIComponent(password);
   }
   if (username || password) {
    parsed.credentialsProvider = {
     type: "async-credentials-provider",
     credentials: async () => ({
      username: username ? decodeURIComponent(username) : undefined,
      password: password ? decodeURIComponent(password) : undefined
     })
    };
   }
   if (rawQuery) {
    const db = new URLSearchParams(rawQuery).get("db");
    if (db !== null) {
     const database = Number(db);
     if (isNaN(database)) {
      throw new TypeError("Invalid db query parameter");
     }
     parsed.database = database;
    }
   }
   return parsed;
  }
  #options;
  #socket;
  #queue;
  #selectedDB=0;
  #monitorCallback;
  _self=this;
  _commandOptions;
  #dirtyWatch;
  #watchEpoch;
  #clientSideCache;
  #himportRegistry;
  #preparedFieldsets=new registry_1.PreparedFieldsets;
  #credentialsSubscription=null;
  #paused=false;
  #clientIdentity;
  #registered=false;
  get clientSideCache() {
   return this._self.#clientSideCache;
  }
  get options() {
   return this._self.#options;
  }
  get _keyPrefix() {
   return this._self.#options.keyPrefix;
  }
  get _clientId() {
   return this._self.#clientIdentity.id;
  }
  _setIdentity(role, parentId) {
   this._self.#clientIdentity.role = role;
   if (parentId) {
    this._self.#clientIdentity.parentId = parentId;
   }
  }
  #createMetricsHandle() {
   return {
    identity: this._self.#clientIdentity,
    getAttributes: () => ({
     host: this._self.#socket.host,
     port: this._self.#socket.port,
     db: this._self.#selectedDB,
     clientId: this._self.#clientIdentity.id,
     parentId: this._self.#clientIdentity.parentId,
     isPubSub: this._self.#queue.isPubSubActive
    }),
    getPendingRequests: () => this._self.#queue.pendingCount,
    getCacheItemCount: () => this._self.#clientSideCache?.size() ?? 0,
    isConnected: () => this._self.#socket.isReady
   };
  }
  #registerForMetrics() {
   if (this.#registered) {
    return;
   }
   opentelemetry_1.ClientRegistry.instance.register(this.#createMetricsHandle());
   this.#registered = true;
  }
  #unregisterFromMetrics() {
   if (!this.#registered) return;
   opentelemetry_1.ClientRegistry.instance.unregister(this.#clientIdentity.id);
   this.#registered = false;
  }
  get isOpen() {
   return this._self.#socket.isOpen;
  }
  get isReady() {
   return this._self.#socket.isReady;
  }
  get isPubSubActive() {
   return this._self.#queue.isPubSubActive;
  }
  get socketEpoch() {
   return this._self.#socket.socketEpoch;
  }
  get isWatching() {
   return this._self.#watchEpoch !== undefined;
  }
  get isDirtyWatch() {
   return this._self.#dirtyWatch !== undefined;
  }
  setDirtyWatch(msg) {
   this._self.#dirtyWatch = msg;
  }
  constructor(options) {
   super();
   this.#validateOptions(options);
   this.#options = this.#initiateOptions(options);
   const socketOpts = this.#options.socket;
   this.#clientIdentity = {
    id: (0, identity_1.generateClientId)(socketOpts?.host, socketOpts?.port, this.#selectedDB),
    role: identity_1.ClientRole.STANDALONE
   };
   this.#queue = this.#initiateQueue(this.#clientIdentity.id);
   this.#socket = this.#initiateSocket(this.#clientIdentity.id);
   this.#himportRegistry = this.#options.himportRegistry ?? new registry_1.FieldsetRegistry;
   this.#registerForMetrics();
   if (this.#options.maintNotifications !== "disabled") {
    new enterprise_maintenance_manager_1.default(this.#queue, this, this.#options);
   }
   if (this.#options.clientSideCache) {
    if (this.#options.clientSideCache instanceof cache_1.ClientSideCacheProvider) {
     this.#clientSideCache = this.#options.clientSideCache;
    } else {
     const cscConfig = this.#options.clientSideCache;
     this.#clientSideCache = new cache_1.BasicClientSideCache(cscConfig);
    }
    this.#queue.addPushHandler(push => {
     if (push[0].toString() !== "invalidate") return false;
     if (push[1] !== null) {
      for (const key of push[1]) {
       this.#clientSideCache?.invalidate(key);
      }
     } else {
      this.#clientSideCache?.invalidate(null);
     }
     return true;
    });
   } else if (options?.emitInvalidate) {
    this.#queue.addPushHandler(push => {
     if (push[0].toString() !== "invalidate") return false;
     if (push[1] !== null) {
      for (const key of push[1]) {
       this.emit("invalidate", key);
      }
     } else {
      this.emit("invalidate", null);
     }
     return true;
    });
   }
  }
  #validateOptions(options) {
   const resp = options?.RESP ?? types_1.DEFAULT_RESP;
   if (options?.clientSideCache && resp !== 3) {
    throw new Error("Client Side Caching is only supported with RESP3");
   }
   if (options?.emitInvalidate && resp !== 3) {
    throw new Error("emitInvalidate is only supported with RESP3");
   }
   if (options?.clientSideCache && options?.emitInvalidate) {
    throw new Error("emitInvalidate is not supported (or necessary) when clientSideCache is enabled");
   }
   if (options?.maintNotifications && options?.maintNotifications !== "disabled" && resp !== 3) {
    throw new Error("Graceful Maintenance is only supported with RESP3");
   }
  }
  #initiateOptions(options = {}) {
   if (!options.credentialsProvider && (options.username || options.password)) {
    options.credentialsProvider = {
     type: "async-credentials-provider",
     credentials: async () => ({
      username: options.username,
      password: options.password
     })
    };
   }
   if (options.database) {
    this._self.#selectedDB = options.database;
   }
   this._commandOptions = {
    timeout: defaults_1.DEFAULT_COMMAND_TIMEOUT,
    ...options.commandOptions
   };
   if (options.maintNotifications !== "disabled") {
    enterprise_maintenance_manager_1.default.setupDefaultMaintOptions(options);
   }
   if (options.url) {
    const parsedOptions = _a.parseOptions(options);
    if (parsedOptions?.database) {
     this._self.#selectedDB = parsedOptions.database;
    }
    return parsedOptions;
   }
   return options;
  }
  #initiateQueue(clientId) {
   return new commands_queue_1.default(this.#options.RESP ?? types_1.DEFAULT_RESP, this.#options.commandsQueueMaxLength, (channel, listeners) => this.emit("sharded-channel-moved", channel, listeners), clientId);
  }
  reAuthenticate=async credentials => {
   if (!(this.isPubSubActive && (this.#options.RESP ?? types_1.DEFAULT_RESP) === 2)) {
    await this.sendCommand((0, generic_transformers_1.parseArgs)(commands_1.default.AUTH, {
     username: credentials.username,
     password: credentials.password ?? ""
    }));
   }
  };
  #subscribeForStreamingCredentials(cp) {
   return cp.subscribe({
    onNext: credentials => {
     this.reAuthenticate(credentials).catch(error => {
      const errorMessage = error instanceof Error ? error.message : String(error);
      cp.onReAuthenticationError(new authx_1.CredentialsError(errorMessage));
     });
    },
    onError: e => {
     const errorMessage = `Error from streaming credentials provider: ${e.message}`;
     cp.onReAuthenticationError(new authx_1.UnableToObtainNewCredentialsError(errorMessage));
    }
   });
  }
  async #handshake(chainId, asap) {
   const promises = [];
   const commandsWithErrorHandlers = await this.#getHandshakeCommands();
   if (asap) commandsWithErrorHandlers.reverse();
   for (const {cmd: cmd, errorHandler: errorHandler} of commandsWithErrorHandlers) {
    promises.push(this.#queue.addCommand(cmd, {
     chainId: chainId,
     asap: asap
    }).catch(errorHandler));
   }
   return promises;
  }
  async #getHandshakeCommands() {
   const commands = [];
   const cp = this.#options.credentialsProvider;
   const resp = this.#options.RESP ?? types_1.DEFAULT_RESP;
   if (resp !== 2) {
    const hello = {};
    if (cp && cp.type === "async-credentials-provider") {
     const credentials = await cp.credentials();
     if (credentials.password) {
      hello.AUTH = {
       username: credentials.username ?? "default",
       password: credentials.password
      };
     }
    }
    if (cp && cp.type === "streaming-credentials-provider") {
     const [credentials, disposable] = await this.#subscribeForStreamingCredentials(cp);
     this.#credentialsSubscription = disposable;
     if (credentials.password) {
      hello.AUTH = {
       username: credentials.username ?? "default",
       password: credentials.password
      };
     }
    }
    if (this.#options.name) {
     hello.SETNAME = this.#options.name;
    }
    commands.push({
     cmd: (0, generic_transformers_1.parseArgs)(HELLO_1.default, resp, hello)
    });
   } else {
    if (cp && cp.type === "async-credentials-provider") {
     const credentials = await cp.credentials();
     if (credentials.username || credentials.password) {
      commands.push({
       cmd: (0, generic_transformers_1.parseArgs)(commands_1.default.AUTH, {
        username: credentials.username,
        password: credentials.password ?? ""
       })
      });
     }
    }
    if (cp && cp.type === "streaming-credentials-provider") {
     const [credentials, disposable] = await this.#subscribeForStreamingCredentials(cp);
     this.#credentialsSubscription = disposable;
     if (credentials.username || credentials.password) {
      commands.push({
       cmd: (0, generic_transformers_1.parseArgs)(commands_1.default.AUTH, {
        username: credentials.username,
        password: credentials.password ?? ""
       })
      });
     }
    }
    if (this.#options.name) {
     commands.push({
      cmd: (0, generic_transformers_1.parseArgs)(commands_1.default.CLIENT_SETNAME, this.#options.name)
     });
    }
   }
   if (this.#selectedDB !== 0) {
    commands.push({
     cmd: [ "SELECT", this.#selectedDB.toString() ]
    });
   }
   if (this.#options.readonly) {
    commands.push({
     cmd: (0, generic_transformers_1.parseArgs)(commands_1.default.READONLY)
    });
   }
   if (!this.#options.disableClientInfo) {
    commands.push({
     cmd: [ "CLIENT", "SETINFO", "LIB-VER", package_json_1.version ],
     errorHandler: () => {}
    });
    commands.push({
     cmd: [ "CLIENT", "SETINFO", "LIB-NAME", this.#options.clientInfoTag ? `node-redis(${this.#options.clientInfoTag})` : "node-redis" ],
     errorHandler: () => {}
    });
   }
   if (this.#clientSideCache) {
    commands.push({
     cmd: this.#clientSideCache.trackingOn()
    });
   }
   if (this.#options?.emitInvalidate) {
    commands.push({
     cmd: [ "CLIENT", "TRACKING", "ON" ]
    });
   }
   const maintenanceHandshakeCmd = await enterprise_maintenance_manager_1.default.getHandshakeCommand(this.#options, this._clientId);
   if (maintenanceHandshakeCmd) {
    commands.push(maintenanceHandshakeCmd);
   }
   return commands;
  }
  #attachListeners(socket) {
   socket.on("data", chunk => {
    try {
     this.#queue.decoder.write(chunk);
    } catch (err) {
     this.#queue.resetDecoder();
     this.emit("error", err);
    }
   }).on("error", err => {
    this.emit("error", err);
    this.#clientSideCache?.onError();
    this.#preparedFieldsets.clear();
    if (this.#socket.isOpen && !this.#options.disableOfflineQueue) {
     this.#queue.flushWaitingForReply(err);
    } else {
     this.#queue.flushAll(err);
    }
   }).on("connect", () => this.emit("connect")).on("ready", () => {
    this.emit("ready");
    this.#setPingTimer();
    this.#maybeScheduleWrite();
   }).on("reconnecting", () => this.emit("reconnecting")).on("terminated", cause => this.emit("terminated", cause)).on("drain", () => this.#maybeScheduleWrite()).on("end", () => this.emit("end"));
  }
  #initiateSocket(clientId) {
   const socketInitiator = async () => {
    const promises = [], chainId = Symbol("Socket Initiator");
    const resubscribePromise = this.#queue.resubscribe(chainId);
    resubscribePromise?.catch(error => {
     if (error.message && error.message.startsWith("MOVED")) {
      this.emit("__MOVED", this._self.#queue.removeAllPubSubListeners());
     }
    });
    if (resubscribePromise) {
     promises.push(resubscribePromise);
    }
    if (this.#monitorCallback) {
     promises.push(this.#queue.monitor(this.#monitorCallback, {
      typeMapping: this._commandOptions?.typeMapping,
      chainId: chainId,
      asap: true
     }));
    }
    promises.push(...await this.#handshake(chainId, true));
    if (promises.length) {
     this.#write();
     return Promise.all(promises);
    }
   };
   const socket = new socket_1.default(socketInitiator, clientId, this.#options.socket);
   this.#attachListeners(socket);
   return socket;
  }
  #pingTimer;
  #setPingTimer() {
   if (!this.#options.pingInterval || !this.#socket.isReady) return;
   clearTimeout(this.#pingTimer);
   this.#pingTimer = setTimeout(() => {
    if (!this.#socket.isReady) return;
    this.sendCommand([ "PING" ]).then(reply => this.emit("ping-interval", reply)).catch(err => this.emit("error", err)).finally(() => this.#setPingTimer());
   }, this.#options.pingInterval);
  }
  withCommandOptions(options) {
   const proxy = Object.create(this._self);
   proxy._commandOptions = {
    ...this._commandOptions,
    ...options
   };
   return proxy;
  }
  _commandOptionsProxy(key, value) {
   const proxy = Object.create(this._self);
   proxy._commandOptions = {
    ...this._commandOptions,
    [key]: value
   };
   return proxy;
  }
  withTypeMapping(typeMapping) {
   return this._commandOptionsProxy("typeMapping", typeMapping);
  }
  withAbortSignal(abortSignal) {
   return this._commandOptionsProxy("abortSignal", abortSignal);
  }
  asap() {
   return this._commandOptionsProxy("asap", true);
  }
  legacy() {
   return new legacy_mode_1.RedisLegacyClient(this);
  }
  createPool(options) {
   return pool_1.RedisClientPool.create(this._self.#options, options);
  }
  duplicate(overrides) {
   return new (Object.getPrototypeOf(this).constructor)({
    ...this._self.#options,
    himportRegistry: this._self.#himportRegistry,
    commandOptions: this._commandOptions,
    ...overrides
   });
  }
  async connect() {
   await (0, tracing_1.trace)(tracing_1.CHANNELS.TRACE_CONNECT, () => this._self.#socket.connect(), () => ({
    ...this._self.#socketTraceContext(),
    clientId: this._self._clientId
   }));
   return this;
  }
  _ejectSocket() {
   const socket = this._self.#socket;
   this._self.#socket = null;
   socket.removeAllListeners();
   return socket;
  }
  _insertSocket(socket) {
   if (this._self.#socket) {
    this._self._ejectSocket().destroy();
   }
   this._self.#preparedFieldsets.clear();
   this._self.#socket = socket;
   this._self.#attachListeners(this._self.#socket);
  }
  _maintenanceUpdate(update) {
   this._self.#socket.setMaintenanceTimeout(update.relaxedSocketTimeout);
   this._self.#queue.setMaintenanceCommandTimeout(update.relaxedCommandTimeout);
  }
  _pause() {
   this._self.#paused = true;
  }
  _unpause() {
   this._self.#paused = false;
   this._self.#maybeScheduleWrite();
  }
  _handleSmigrated(smigratedEvent) {
   this._self.emit(enterprise_maintenance_manager_1.SMIGRATED_EVENT, smigratedEvent);
  }
  _getQueue() {
   return this._self.#queue;
  }
  async _executeCommand(command, parser, commandOptions, transformReply) {
   if (command === HIMPORT_SET_1.default || command === HIMPORT_PREPARE_1.default || command === HIMPORT_DISCARD_1.default || command === HIMPORT_DISCARDALL_1.default) {
    return this._self.#executeHimport(this, command, parser, commandOptions, transformReply);
   }
   const csc = this._self.#clientSideCache;
   const fn = () => this.sendCommand(parser.redisArgs, commandOptions);
   if (csc) {
    const defaultTypeMapping = this._self.#options.commandOptions === commandOptions || this._self.#options.commandOptions?.typeMapping === commandOptions?.typeMapping;
    const cacheable = (0, command_metadata_1.isCacheable)(command_metadata_1.defaultCommandMetadata.lookup(parser.commandIdentifier), command.CACHEABLE);
    if (cacheable && defaultTypeMapping) {
     return await csc.handleCache(this._self, parser, fn, transformReply, commandOptions?.typeMapping);
    }
   }
   const reply = await fn();
   const finalReply = transformReply ? transformReply(reply, parser.preserve, commandOptions?.typeMapping) : reply;
   (0, tracing_1.publish)(tracing_1.CHANNELS.COMMAND_REPLY, () => ({
    args: (0, tracing_1.sanitizeArgs)(parser.redisArgs),
    reply: finalReply,
    clientId: this._self._clientId
   }));
   return finalReply;
  }
  async #executeHimport(client, command, parser, commandOptions, transformReply, retried = false) {
   const registry = this.#himportRegistry;
   const prepared = this.#preparedFieldsets;
   const args = parser.redisArgs;
   const effectiveAsap = commandOptions?.asap ?? client._commandOptions?.asap;
   const effectiveChainId = commandOptions?.chainId ?? client._commandOptions?.chainId;
   const injectOpts = {
    asap: effectiveAsap,
    chainId: effectiveChainId
   };
   const prelude = [];
   if (prepared.syncedDiscardCount < registry.discardCount) {
    const countAtInjection = registry.discardCount;
    const pending = registry.diff(prepared.names());
    const collapseToDiscardAll = pending.size > 0 && pending.size === prepared.size;
    const rollbackVersions = new Map;
    for (const name of pending) {
     rollbackVersions.set(name, prepared.get(name));
     prepared.delete(name);
    }
    prepared.syncedDiscardCount = countAtInjection;
    const rollback = names => {
     for (const name of names) {
      const version = rollbackVersions.get(name);
      if (version !== undefined && prepared.get(name) === undefined) {
       prepared.set(name, version);
      }
     }
     prepared.syncedDiscardCount = Math.min(prepared.syncedDiscardCount, countAtInjection - 1);
    };
    if (collapseToDiscardAll) {
     prelude.push({
      args: [ "HIMPORT", "DISCARDALL" ],
      rollback: () => rollback(pending)
     });
    } else {
     for (const name of pending) {
      prelude.push({
       args: [ "HIMPORT", "DISCARD", name ],
       rollback: () => rollback([ name ])
      });
     }
    }
   }
   let userPrepare;
   let registryReply;
   let setName;
   let userDiscard;
   if (command === HIMPORT_PREPARE_1.default) {
    const name = String(args[2]);
    const priorFields = registry.get(name)?.fields;
    registry.set(name, args.slice(3));
    const version = registry.get(name).version;
    userPrepare = {
     name: name,
     version: version,
     priorFields: priorFields
    };
    prepared.set(name, version);
   } else if (command === HIMPORT_SET_1.default) {
    const name = String(args[3]);
    setName = name;
    const entry = registry.get(name);
    if (entry !== undefined) {
     const sessionVersion = prepared.get(name);
     if (sessionVersion === undefined || sessionVersion < entry.version) {
      prepared.set(name, entry.version);
      prelude.push({
       args: [ "HIMPORT", "PREPARE", name, ...entry.fields ],
       rollback: () => {
        if (prepared.get(name) === entry.version) prepared.delete(name);
       },
       gateMain: true
      });
     }
    }
   } else if (command === HIMPORT_DISCARD_1.default) {
    const name = String(args[2]);
    const sessionVersion = prepared.get(name);
    const priorFields = registry.get(name)?.fields;
    if (registry.discard(name)) {
     registryReply = 1;
     userDiscard = {
      restore: sessionVersion === undefined ? new Map : new Map([ [ name, sessionVersion ] ]),
      removed: new Map([ [ name, priorFields ] ]),
      countAfter: registry.discardCount
     };
    } else {
     registryReply = 0;
    }
    prepared.delete(name);
   } else {
    const restore = new Map(prepared.entries());
    const removed = registry.snapshot();
    registryReply = registry.discardAll();
    if (registryReply > 0) {
     userDiscard = {
      restore: restore,
      removed: removed,
      countAfter: registry.discardCount
     };
    }
    prepared.clear();
   }
   if (command === HIMPORT_SET_1.default && commandOptions?.askRedirect && prelude.length > 0) {
    prelude.push({
     args: [ ASKING_1.ASKING_CMD ],
     rollback: () => {}
    });
   }
   const send = () => client.sendCommand(parser.redisArgs, commandOptions);
   let mainGate;
   const enqueue = injection => {
    const promise = client.sendCommand(injection.args, injectOpts);
    promise.catch(injection.rollback);
    if (injection.gateMain) mainGate = promise;
   };
   let mainPromise;
   if (effectiveAsap) {
    mainPromise = send();
    for (let i = prelude.length - 1; i >= 0; i--) {
     enqueue(prelude[i]);
    }
   } else {
    for (const injection of prelude) {
     enqueue(injection);
    }
    mainPromise = send();
   }
   let reply;
   try {
    reply = await mainPromise;
   } catch (err) {
    if (command === HIMPORT_PREPARE_1.default && userPrepare !== undefined) {
     const {name: name, version: version, priorFields: priorFields} = userPrepare;
     if (prepared.get(name) === version) prepared.delete(name);
     if (registry.get(name)?.version === version) {
      if (priorFields !== undefined) {
       registry.set(name, priorFields);
      } else {
       registry.discard(name);
      }
     }
    } else if (command === HIMPORT_SET_1.default && setName !== undefined && !retried && err?.message?.includes?.("no such fieldset") && registry.get(setName) !== undefined) {
     prepared.delete(setName);
     return this.#executeHimport(client, command, parser, commandOptions, transformReply, true);
    } else if (userDiscard !== undefined) {
     if (isPreEnqueueError(err)) {
      for (const [name, fields] of userDiscard.removed) {
       if (registry.get(name) === undefined) registry.set(name, fields);
      }
     }
     for (const [name, version] of userDiscard.restore) {
      if (prepared.get(name) === undefined) prepared.set(name, version);
     }
     prepared.syncedDiscardCount = Math.min(prepared.syncedDiscardCount, userDiscard.countAfter - 1);
    }
    throw err;
   }
   if (mainGate !== undefined) {
    try {
     await mainGate;
    } catch (prepareErr) {
     if (setName !== undefined) prepared.delete(setName);
     throw prepareErr;
    }
   }
   const finalReply = registryReply !== undefined ? registryReply : transformReply ? transformReply(reply, parser.preserve, commandOptions?.typeMapping) : reply;
   (0, tracing_1.publish)(tracing_1.CHANNELS.COMMAND_REPLY, () => ({
    args: (0, tracing_1.sanitizeArgs)(parser.redisArgs),
    reply: finalReply,
    clientId: this._clientId
   }));
   return finalReply;
  }
  async _executeScript(script, parser, options, transformReply) {
   const args = parser.redisArgs;
   let reply;
   try {
    reply = await this.sendCommand(args, options);
   } catch (err) {
    if (!err?.message?.startsWith?.("NOSCRIPT")) throw err;
    args[0] = "EVAL";
    args[1] = script.SCRIPT;
    reply = await this.sendCommand(args, options);
   }
   return transformReply ? transformReply(reply, parser.preserve, options?.typeMapping) : reply;
  }
  sendCommand(args, options) {
   return (0, tracing_1.trace)(tracing_1.CHANNELS.TRACE_COMMAND, () => {
    if (!this._self.#socket.isOpen) {
     return Promise.reject(new errors_1.ClientClosedError);
    } else if (!this._self.#socket.isReady && this._self.#options.disableOfflineQueue) {
     return Promise.reject(new errors_1.ClientOfflineError);
    }
    const opts = {
     ...this._commandOptions,
     ...options
    };
    const promise = this._self.#queue.addCommand(args, opts);
    this._self.#scheduleWrite();
    return promise;
   }, () => this._self.#commandTraceContext(args));
  }
  #commandTraceContext(args) {
   return {
    command: String(args[0]).toUpperCase(),
    args: (0, tracing_1.sanitizeArgs)(args),
    database: this.#selectedDB,
    clientId: this._clientId,
    ...this.#socketTraceContext()
   };
  }
  #socketTraceContext() {
   const socketOptions = this.#options.socket;
   if (socketOptions && "path" in socketOptions) {
    return {
     serverAddress: socketOptions.path,
     serverPort: undefined
    };
   }
   return {
    serverAddress: socketOptions?.host ?? "localhost",
    serverPort: socketOptions?.port ?? 6379
   };
  }
  async SELECT(db) {
   await this.sendCommand([ "SELECT", db.toString() ]);
   this._self.#selectedDB = db;
  }
  select=this.SELECT;
  #pubSubCommand(promise) {
   if (promise === undefined) return Promise.resolve();
   this.#scheduleWrite();
   return promise;
  }
  SUBSCRIBE(channels, listener, bufferMode) {
   return this._self.#pubSubCommand(this._self.#queue.subscribe(pub_sub_1.PUBSUB_TYPE.CHANNELS, channels, listener, bufferMode));
  }
  subscribe=this.SUBSCRIBE;
  UNSUBSCRIBE(channels, listener, bufferMode) {
   return this._self.#pubSubCommand(this._self.#queue.unsubscribe(pub_sub_1.PUBSUB_TYPE.CHANNELS, channels, listener, bufferMode));
  }
  unsubscribe=this.UNSUBSCRIBE;
  PSUBSCRIBE(patterns, listener, bufferMode) {
   return this._self.#pubSubCommand(this._self.#queue.subscribe(pub_sub_1.PUBSUB_TYPE.PATTERNS, patterns, listener, bufferMode));
  }
  pSubscribe=this.PSUBSCRIBE;
  PUNSUBSCRIBE(patterns, listener, bufferMode) {
   return this._self.#pubSubCommand(this._self.#queue.unsubscribe(pub_sub_1.PUBSUB_TYPE.PATTERNS, patterns, listener, bufferMode));
  }
  pUnsubscribe=this.PUNSUBSCRIBE;
  SSUBSCRIBE(channels, listener, bufferMode) {
   return this._self.#pubSubCommand(this._self.#queue.subscribe(pub_sub_1.PUBSUB_TYPE.SHARDED, channels, listener, bufferMode));
  }
  sSubscribe=this.SSUBSCRIBE;
  SUNSUBSCRIBE(channels, listener, bufferMode) {
   return this._self.#pubSubCommand(this._self.#queue.unsubscribe(pub_sub_1.PUBSUB_TYPE.SHARDED, channels, listener, bufferMode));
  }
  sUnsubscribe=this.SUNSUBSCRIBE;
  async WATCH(key) {
   const reply = await this._self.sendCommand([ "WATCH", ...(0, parser_1.prefixKeys)(this._self._keyPrefix, key) ]);
   this._self.#watchEpoch ??= this._self.socketEpoch;
   return reply;
  }
  watch=this.WATCH;
  async UNWATCH() {
   const reply = await this._self.sendCommand([ "UNWATCH" ]);
   this._self.#watchEpoch = undefined;
   return reply;
  }
  unwatch=this.UNWATCH;
  getPubSubListeners(type) {
   return this._self.#queue.getPubSubListeners(type);
  }
  extendPubSubChannelListeners(type, channel, listeners) {
   return this._self.#pubSubCommand(this._self.#queue.extendPubSubChannelListeners(type, channel, listeners));
  }
  extendPubSubListeners(type, listeners) {
   return this._self.#pubSubCommand(this._self.#queue.extendPubSubListeners(type, listeners));
  }
  #write() {
   if (this.#paused) {
    return;
   }
   this.#socket.write(this.#queue.commandsToWrite());
  }
  #scheduledWrite;
  #scheduleWrite() {
   if (!this.#socket.isReady || this.#scheduledWrite) return;
   this.#scheduledWrite = setImmediate(() => {
    this.#write();
    this.#scheduledWrite = undefined;
   });
  }
  #maybeScheduleWrite() {
   if (!this.#queue.isWaitingToWrite()) return;
   this.#scheduleWrite();
  }
  async _executePipeline(commands, selectedDB, slotNumber) {
   assertNoHimportSessionCommands(commands);
   if (!this._self.#socket.isOpen) {
    return Promise.reject(new errors_1.ClientClosedError);
   }
   const batchSize = commands.length;
   return (0, tracing_1.trace)(tracing_1.CHANNELS.TRACE_BATCH, async () => {
    const chainId = Symbol("Pipeline Chain");
    const promise = Promise.all(commands.map(({args: args}) => {
     const traced = (0, tracing_1.trace)(tracing_1.CHANNELS.TRACE_COMMAND, () => this._self.#queue.addCommand(args, {
      chainId: chainId,
      typeMapping: this._commandOptions?.typeMapping,
      slotNumber: slotNumber
     }), () => ({
      ...this._self.#commandTraceContext(args),
      batchMode: "PIPELINE",
      batchSize: batchSize
     }));
     traced.catch(noop);
     return traced;
    }));
    this._self.#scheduleWrite();
    const result = await promise;
    if (selectedDB !== undefined) {
     this._self.#selectedDB = selectedDB;
    }
    return result;
   }, () => ({
    batchMode: "PIPELINE",
    batchSize: batchSize,
    database: this._self.#selectedDB,
    clientId: this._self._clientId,
    ...this._self.#socketTraceContext()
   }));
  }
  async _executeMulti(commands, selectedDB, slotNumber, chainId = Symbol("MULTI Chain")) {
   assertNoHimportSessionCommands(commands);
   const dirtyWatch = this._self.#dirtyWatch;
   this._self.#dirtyWatch = undefined;
   const watchEpoch = this._self.#watchEpoch;
   this._self.#watchEpoch = undefined;
   if (!this._self.#socket.isOpen) {
    throw new errors_1.ClientClosedError;
   }
   if (dirtyWatch) {
    throw new errors_1.WatchError(dirtyWatch);
   }
   if (watchEpoch && watchEpoch !== this._self.socketEpoch) {
    throw new errors_1.WatchError("Client reconnected after WATCH");
   }
   const batchSize = commands.length;
   return (0, tracing_1.trace)(tracing_1.CHANNELS.TRACE_BATCH, async () => {
    const typeMapping = this._commandOptions?.typeMapping;
    const promises = [ this._self.#queue.addCommand([ "MULTI" ], {
     chainId: chainId,
     slotNumber: slotNumber
    }) ];
    for (const {args: args} of commands) {
     promises.push(this._self.#queue.addCommand(args, {
      chainId: chainId,
      typeMapping: typeMapping,
      slotNumber: slotNumber
     }));
    }
    promises.push(this._self.#queue.addCommand([ "EXEC" ], {
     chainId: chainId,
     slotNumber: slotNumber
    }));
    this._self.#scheduleWrite();
    const results = await Promise.all(promises), execResult = results[results.length - 1];
    if (execResult === null) {
     throw new errors_1.WatchError;
    }
    if (selectedDB !== undefined) {
     this._self.#selectedDB = selectedDB;
    }
    return execResult;
   }, () => ({
    batchMode: "MULTI",
    batchSize: batchSize,
    database: this._self.#selectedDB,
    clientId: this._self._clientId,
    ...this._self.#socketTraceContext()
   }));
  }
  MULTI() {
   return new this.Multi(this._executeMulti.bind(this), this._executePipeline.bind(this), this._commandOptions?.typeMapping, this._self._keyPrefix);
  }
  multi=this.MULTI;
  async* scanIterator(options) {
   let cursor = options?.cursor ?? "0";
   do {
    const reply = await this.scan(cursor, options);
    cursor = reply.cursor;
    yield reply.keys;
   } while (cursor.toString() !== "0");
  }
  async* hScanIterator(key, options) {
   let cursor = options?.cursor ?? "0";
   do {
    const reply = await this.hScan(key, cursor, options);
    cursor = reply.cursor;
    yield reply.entries;
   } while (cursor.toString() !== "0");
  }
  async* hScanValuesIterator(key, options) {
   let cursor = options?.cursor ?? "0";
   do {
    const reply = await this.hScan(key, cursor, options);
    cursor = reply.cursor;
    yield reply.entries.map(entry => entry.value);
   } while (cursor.toString() !== "0");
  }
  async* hScanNoValuesIterator(key, options) {
   let cursor = options?.cursor ?? "0";
   do {
    const reply = await this.hScanNoValues(key, cursor, options);
    cursor = reply.cursor;
    yield reply.fields;
   } while (cursor.toString() !== "0");
  }
  async* sScanIterator(key, options) {
   let cursor = options?.cursor ?? "0";
   do {
    const reply = await this.sScan(key, cursor, options);
    cursor = reply.cursor;
    yield reply.members;
   } while (cursor.toString() !== "0");
  }
  async* zScanIterator(key, options) {
   let cursor = options?.cursor ?? "0";
   do {
    const reply = await this.zScan(key, cursor, options);
    cursor = reply.cursor;
    yield reply.members;
   } while (cursor.toString() !== "0");
  }
  async MONITOR(callback) {
   const promise = this._self.#queue.monitor(callback, {
    typeMapping: this._commandOptions?.typeMapping
   });
   this._self.#scheduleWrite();
   await promise;
   this._self.#monitorCallback = callback;
  }
  monitor=this.MONITOR;
  async reset() {
   this._self.#preparedFieldsets.clear();
   const chainId = Symbol("Reset Chain"), promises = [ this._self.#queue.reset(chainId) ], selectedDB = this._self.#options?.database ?? 0;
   this._self.#credentialsSubscription?.dispose();
   this._self.#credentialsSubscription = null;
   promises.push(...await this._self.#handshake(chainId, false));
   this._self.#scheduleWrite();
   await Promise.all(promises);
   this._self.#selectedDB = selectedDB;
   this._self.#monitorCallback = undefined;
   this._self.#dirtyWatch = undefined;
   this._self.#watchEpoch = undefined;
  }
  resetIfDirty() {
   let shouldReset = false;
   if (this._self.#selectedDB !== (this._self.#options?.database ?? 0)) {
    console.warn("Returning a client with a different selected DB");
    shouldReset = true;
   }
   if (this._self.#monitorCallback) {
    console.warn("Returning a client with active MONITOR");
    shouldReset = true;
   }
   if (this._self.#queue.isPubSubActive) {
    console.warn("Returning a client with active PubSub");
    shouldReset = true;
   }
   if (this._self.#dirtyWatch || this._self.#watchEpoch) {
    console.warn("Returning a client with active WATCH");
    shouldReset = true;
   }
   if (shouldReset) {
    return this.reset();
   }
  }
  QUIT() {
   this._self.#credentialsSubscription?.dispose();
   this._self.#credentialsSubscription = null;
   return this._self.#socket.quit(async () => {
    clearTimeout(this._self.#pingTimer);
    const quitPromise = this._self.#queue.addCommand([ "QUIT" ]);
    this._self.#scheduleWrite();
    this._self.#unregisterFromMetrics();
    return quitPromise;
   });
  }
  quit=this.QUIT;
  disconnect() {
   return Promise.resolve(this.destroy());
  }
  close() {
   return new Promise(resolve => {
    clearTimeout(this._self.#pingTimer);
    this._self.#socket.close();
    if (this._self.#socket.socketEpoch > 0) {
     this._self.#clientSideCache?.onClose();
    }
    this._self.#credentialsSubscription?.dispose();
    this._self.#credentialsSubscription = null;
    if (this._self.#queue.isEmpty()) {
     this._self.#unregisterFromMetrics();
     this._self.#socket.destroySocket();
     return resolve();
    }
    const onEnd = () => {
     this._self.#socket.off("data", maybeClose);
     this._self.#unregisterFromMetrics();
     resolve();
    };
    const maybeClose = () => {
     if (!this._self.#queue.isEmpty()) return;
     this._self.#socket.off("data", maybeClose);
     this._self.#socket.off("end", onEnd);
     this._self.#unregisterFromMetrics();
     this._self.#socket.destroySocket();
     resolve();
    };
    this._self.#socket.on("data", maybeClose);
    this._self.#socket.once("end", onEnd);
   });
  }
  destroy() {
   clearTimeout(this._self.#pingTimer);
   this._self.#queue.flushAll(new errors_1.DisconnectsClientError);
   this._self.#socket.destroy();
   if (this._self.#socket.socketEpoch > 0) {
    this._self.#clientSideCache?.onClose();
   }
   this._self.#unregisterFromMetrics();
   this._self.#credentialsSubscription?.dispose();
   this._self.#credentialsSubscription = null;
  }
  ref() {
   this._self.#socket.ref();
  }
  unref() {
   this._self.#socket.unref();
  }
 }
 _a = RedisClient;
 client.default = RedisClient;
 return client;
}

var cluster = {};

var clusterSlots = {};

var clusterReconnectionTracker = {};

var hasRequiredClusterReconnectionTracker;

function requireClusterReconnectionTracker() {
 if (hasRequiredClusterReconnectionTracker) return clusterReconnectionTracker;
 hasRequiredClusterReconnectionTracker = 1;
 var _a;
 Object.defineProperty(clusterReconnectionTracker, "__esModule", {
  value: true
 });
 class ClusterReconnectionTracker {
  static #DEFAULT_TOPOLOGY_REFRESH_ON_RECONNECTION_ATTEMPT=5e3;
  #strategy;
  #reconnectingClients=new Map;
  #firstReconnectionAt;
  #validate(strategy) {
   if (strategy === undefined || strategy === false || typeof strategy === "function" || typeof strategy === "number" && Number.isInteger(strategy) && strategy >= 0) {
    return;
   }
   throw new TypeError("topologyRefreshOnReconnectionAttempt must be undefined, false, a non-negative integer, or a function");
  }
  constructor(strategy) {
   this.#validate(strategy);
   this.#strategy = strategy;
  }
  get reconnectingAddresses() {
   return new Set(this.#reconnectingClients.values());
  }
  get firstReconnectionAt() {
   return this.#firstReconnectionAt;
  }
  onReconnectionAttempt(clientId, address, now = Date.now()) {
   if (this.#strategy === false || this.#strategy === 0) {
    return false;
   }
   this.#reconnectingClients.set(clientId, address);
   this.#firstReconnectionAt ??= now;
   const delay = this.#getDelay(this.#firstReconnectionAt);
   if (delay === undefined || now - this.#firstReconnectionAt < delay) {
    return false;
   }
   this.#firstReconnectionAt = now;
   return true;
  }
  removeClient(clientId) {
   if (!this.#reconnectingClients.delete(clientId)) return;
   this.#clearTimestampIfClean();
  }
  clear() {
   this.#reconnectingClients.clear();
   this.#firstReconnectionAt = undefined;
  }
  #getDelay(firstReconnectionAt) {
   if (this.#strategy === undefined) {
    return _a.#DEFAULT_TOPOLOGY_REFRESH_ON_RECONNECTION_ATTEMPT;
   }
   if (this.#strategy === false) {
    return;
   }
   if (typeof this.#strategy === "number") {
    return this.#strategy;
   }
   const delay = this.#strategy(firstReconnectionAt);
   if (delay === false || delay === undefined || delay === 0) return;
   if (!Number.isInteger(delay) || delay < 0) {
    throw new TypeError(`topologyRefreshOnReconnectionAttempt should return \`false | undefined | number\`, got ${delay} instead`);
   }
   return delay;
  }
  #clearTimestampIfClean() {
   if (this.#reconnectingClients.size === 0) {
    this.#firstReconnectionAt = undefined;
   }
  }
 }
 _a = ClusterReconnectionTracker;
 clusterReconnectionTracker.default = ClusterReconnectionTracker;
 return clusterReconnectionTracker;
}

var hasRequiredClusterSlots;

function requireClusterSlots() {
 if (hasRequiredClusterSlots) return clusterSlots;
 hasRequiredClusterSlots = 1;
 (function(exports) {
  var __importDefault = clusterSlots && clusterSlots.__importDefault || function(mod) {
   return mod && mod.__esModule ? mod : {
    default: mod
   };
  };
  var _a;
  Object.defineProperty(exports, "__esModule", {
   value: true
  });
  exports.splitInFlightChainTail = exports.groupCommandsByDestination = exports.RESUBSCRIBE_LISTENERS_EVENT = void 0;
  const errors_1 = requireErrors();
  const client_1 = __importDefault(requireClient());
  const pub_sub_1 = requirePubSub();
  const types_1 = requireTypes$2();
  const calculate_slot_1 = __importDefault(requireCalculateSlot());
  const cache_1 = requireCache();
  const enterprise_maintenance_manager_1 = requireEnterpriseMaintenanceManager();
  const identity_1 = requireIdentity();
  const cluster_reconnection_tracker_1 = __importDefault(requireClusterReconnectionTracker());
  const registry_1 = requireRegistry();
  exports.RESUBSCRIBE_LISTENERS_EVENT = "__resubscribeListeners";
  const DEFAULT_CURSOR_MAX_IDLE_MS = 3e5;
  function groupCommandsByDestination(commands, slots, fallback) {
   const byDestination = new Map;
   const unrouted = [];
   for (const command of commands) {
    const destination = command.slotNumber === undefined ? fallback : slots[command.slotNumber]?.master ?? fallback;
    if (!destination) {
     unrouted.push(command);
     continue;
    }
    const group = byDestination.get(destination);
    if (group) {
     group.push(command);
    } else {
     byDestination.set(destination, [ command ]);
    }
   }
   return {
    byDestination: byDestination,
    unrouted: unrouted
   };
  }
  exports.groupCommandsByDestination = groupCommandsByDestination;
  function splitInFlightChainTail(commands, chainInExecution) {
   const inFlightChainTail = chainInExecution === undefined ? [] : commands.filter(command => command.chainId === chainInExecution);
   const relocatable = inFlightChainTail.length === 0 ? commands : commands.filter(command => command.chainId !== chainInExecution);
   return {
    inFlightChainTail: inFlightChainTail,
    relocatable: relocatable
   };
  }
  exports.splitInFlightChainTail = splitInFlightChainTail;
  class RedisClusterSlots {
   static #SLOTS=16384;
   #options;
   #clientFactory;
   #emit;
   #clusterClientId;
   #reconnectionTracker;
   slots=new Array(_a.#SLOTS);
   masters=new Array;
   replicas=new Array;
   nodeByAddress=new Map;
   pubSubNode;
   clientSideCache;
   #himportRegistry;
   get himportRegistry() {
    return this.#himportRegistry;
   }
   smigratedSeqIdsSeen=new Set;
   cursorBindings=new Map;
   scanCursors=new Map;
   #cursorTokenSeq=0;
   #topologyRefreshPromise;
   #isOpen=false;
   get isOpen() {
    return this.#isOpen;
   }
   #isReady=false;
   get isReady() {
    return this.#isReady;
   }
   #validateOptions(options) {
    if (options?.clientSideCache && (options?.RESP ?? types_1.DEFAULT_RESP) !== 3) {
     throw new Error("Client Side Caching is only supported with RESP3");
    }
   }
   constructor(options, emit, clusterClientId) {
    this.#validateOptions(options);
    this.#options = options;
    this.#himportRegistry = options.himportRegistry ?? new registry_1.FieldsetRegistry;
    this.#clusterClientId = clusterClientId;
    this.#reconnectionTracker = new cluster_reconnection_tracker_1.default(options.topologyRefreshOnReconnectionAttemptStrategy);
    if (options?.clientSideCache) {
     if (options.clientSideCache instanceof cache_1.PooledClientSideCacheProvider) {
      this.clientSideCache = options.clientSideCache;
     } else {
      this.clientSideCache = new cache_1.BasicPooledClientSideCache(options.clientSideCache);
     }
    }
    this.#clientFactory = client_1.default.factory(this.#options);
    this.#emit = emit;
   }
   async connect() {
    if (this.#isOpen) {
     throw new Error("Cluster already open");
    }
    this.#isOpen = true;
    this.#isReady = false;
    try {
     await this.#discoverWithRootNodes();
     if (this.#isOpen) {
      this.#isReady = true;
      this.#emit("connect");
     }
    } catch (err) {
     this.#isOpen = false;
     this.#isReady = false;
     throw err;
    }
   }
   async #discoverWithRootNodes() {
    const start = Math.floor(Math.random() * this.#options.rootNodes.length);
    for (let i = start; i < this.#options.rootNodes.length; i++) {
     if (!this.#isOpen) throw new Error("Cluster closed");
     if (await this.#discover(this.#options.rootNodes[i])) {
      return;
     }
    }
    for (let i = 0; i < start; i++) {
     if (!this.#isOpen) throw new Error("Cluster closed");
     if (await this.#discover(this.#options.rootNodes[i])) {
      return;
     }
    }
    throw new errors_1.RootNodesUnavailableError;
   }
   #resetSlots() {
    this.slots = new Array(_a.#SLOTS);
    this.masters = [];
    this.replicas = [];
    this._randomNodeIterator = undefined;
   }
   async #discover(rootNode) {
    this.clientSideCache?.clear();
    this.clientSideCache?.disable();
    try {
     const addressesInUse = new Set, promises = [], eagerConnect = this.#options.minimizeConnections !== true;
     const shards = await this.#getShards(rootNode);
     this.#resetSlots();
     for (const {from: from, to: to, master: master, replicas: replicas} of shards) {
      const shard = {
       master: this.#initiateSlotNode(master, false, eagerConnect, addressesInUse, promises)
      };
      if (this.#options.useReplicas) {
       shard.replicas = replicas.map(replica => this.#initiateSlotNode(replica, true, eagerConnect, addressesInUse, promises));
      }
      for (let i = from; i <= to; i++) {
       this.slots[i] = shard;
      }
     }
     if (this.pubSubNode && !addressesInUse.has(this.pubSubNode.address)) {
      const channelsListeners = this.pubSubNode.client.getPubSubListeners(pub_sub_1.PUBSUB_TYPE.CHANNELS), patternsListeners = this.pubSubNode.client.getPubSubListeners(pub_sub_1.PUBSUB_TYPE.PATTERNS);
      this.#reconnectionTracker.removeClient(this.pubSubNode.client._clientId);
      this.pubSubNode.client.destroy();
      if (channelsListeners.size || patternsListeners.size) {
       promises.push(this.#initiatePubSubClient({
        [pub_sub_1.PUBSUB_TYPE.CHANNELS]: channelsListeners,
        [pub_sub_1.PUBSUB_TYPE.PATTERNS]: patternsListeners
       }));
      }
     }
     for (const [address, node] of this.nodeByAddress.entries()) {
      if (addressesInUse.has(address)) continue;
      const {pubSub: pubSub} = node;
      if (pubSub) {
       const listeners = pubSub.client._getQueue().removeAllPubSubListeners();
       if (listeners.CHANNELS.size || listeners.PATTERNS.size || listeners.SHARDED.size) {
        this.#emit(exports.RESUBSCRIBE_LISTENERS_EVENT, listeners);
       }
      }
      if (node.client) {
       this.#reconnectionTracker.removeClient(node.client._clientId);
       node.client.destroy();
       node.client = undefined;
      }
      if (pubSub) {
       this.#reconnectionTracker.removeClient(pubSub.client._clientId);
       pubSub.client.destroy();
       node.pubSub = undefined;
      }
      this.nodeByAddress.delete(address);
     }
     await Promise.all(promises);
     this.clientSideCache?.enable();
     return true;
    } catch (err) {
     this.#emit("error", err);
     return false;
    }
   }
   #handleSmigrated=async event => {
    (0, enterprise_maintenance_manager_1.dbgMaintenance)(`[CSlots]: handle smigrated`, JSON.stringify(event, null, 2));
    if (this.smigratedSeqIdsSeen.has(event.seqId)) {
     (0, enterprise_maintenance_manager_1.dbgMaintenance)(`[CSlots]: sequence id ${event.seqId} already seen, abort`);
     return;
    }
    this.smigratedSeqIdsSeen.add(event.seqId);
    for (const entry of event.entries) {
     const sourceAddress = `${entry.source.host}:${entry.source.port}`;
     const sourceNode = this.nodeByAddress.get(sourceAddress);
     (0, enterprise_maintenance_manager_1.dbgMaintenance)(`[CSlots]: Looking for sourceAddress=${sourceAddress}. Available addresses in nodeByAddress: ${Array.from(this.nodeByAddress.keys()).join(", ")}`);
     if (!sourceNode) {
      (0, enterprise_maintenance_manager_1.dbgMaintenance)(`[CSlots]: address ${sourceAddress} not in 'nodeByAddress', skipping this entry`);
      continue;
     }
     if (sourceNode.client === undefined) {
      (0, enterprise_maintenance_manager_1.dbgMaintenance)(`[CSlots]: Node for ${sourceAddress} does not have a client, skipping this entry`);
      continue;
     }
     const allMovingSlots = new Set;
     const pausedDestNodes = new Set;
     try {
      sourceNode.client?._pause();
      if ("pubSub" in sourceNode) {
       sourceNode.pubSub?.client._pause();
      }
      let lastDestNode;
      for (const {addr: {host: host, port: port}, slots: slots} of entry.destinations) {
       const destinationAddress = `${host}:${port}`;
       let destMasterNode = this.nodeByAddress.get(destinationAddress);
       (0, enterprise_maintenance_manager_1.dbgMaintenance)(`[CSlots]: Looking for destAddress=${destinationAddress}. Found in nodeByAddress: ${destMasterNode ? "YES" : "NO"}`);
       let destShard;
       if (!destMasterNode) {
        const promises = [];
        destMasterNode = this.#initiateSlotNode({
         host: host,
         port: port,
         id: `smigrated-${host}:${port}`
        }, false, true, new Set, promises);
        await Promise.all([ ...promises, this.#initiateShardedPubSubClient(destMasterNode) ]);
        destMasterNode.client?._pause();
        destMasterNode.pubSub?.client._pause();
        pausedDestNodes.add(destMasterNode);
        destShard = {
         master: destMasterNode
        };
       } else {
        const allMasters = [ ...new Set(this.slots) ].map(s => `${s.master.host}:${s.master.port}`);
        (0, enterprise_maintenance_manager_1.dbgMaintenance)(`[CSlots]: Searching for shard with host=${host}, port=${port}. Available masters in slots: ${allMasters.join(", ")}`);
        const existingShard = this.slots.find(shard => shard.master.host === host && shard.master.port === port);
        if (!existingShard) {
         (0, enterprise_maintenance_manager_1.dbgMaintenance)("Could not find shard");
         throw new Error("Could not find shard");
        }
        destShard = existingShard;
        destMasterNode.client?._pause();
        destMasterNode.pubSub?.client._pause();
        pausedDestNodes.add(destMasterNode);
       }
       lastDestNode = destMasterNode;
       const destinationSlots = new Set;
       for (const slot of slots) {
        if (typeof slot === "number") {
         this.slots[slot] = destShard;
         destinationSlots.add(slot);
         allMovingSlots.add(slot);
        } else {
         for (let s = slot[0]; s <= slot[1]; s++) {
          this.slots[s] = destShard;
          destinationSlots.add(s);
          allMovingSlots.add(s);
         }
        }
       }
       (0, enterprise_maintenance_manager_1.dbgMaintenance)(`[CSlots]: Updated slots to point to destination ${destMasterNode.address}. Sample slots: ${Array.from(slots).slice(0, 5).join(", ")}${slots.length > 5 ? "..." : ""}`);
       const commandsForDestination = sourceNode.client._getQueue().extractCommandsForSlots(destinationSlots);
       if (commandsForDestination.length > 0) {
        if (destMasterNode.client) {
         destMasterNode.client._getQueue().prependCommandsToWrite(commandsForDestination);
         (0, enterprise_maintenance_manager_1.dbgMaintenance)(`[CSlots]: Extracted ${commandsForDestination.length} commands for ${destinationSlots.size} slots, prepended to ${destMasterNode.address}`);
        } else {
         sourceNode.client._getQueue().rejectCommands(commandsForDestination, new errors_1.DisconnectsClientError);
         (0, enterprise_maintenance_manager_1.dbgMaintenance)(`[CSlots]: Rejected ${commandsForDestination.length} commands for ${destinationSlots.size} slots because ${destMasterNode.address} has no client`);
        }
       }
       destMasterNode.client?._unpause();
       destMasterNode.pubSub?.client._unpause();
       pausedDestNodes.delete(destMasterNode);
      }
      (0, enterprise_maintenance_manager_1.dbgMaintenance)(`[CSlots]: Total ${allMovingSlots.size} slots moved from ${sourceAddress}. Sample: ${Array.from(allMovingSlots).slice(0, 10).join(", ")}${allMovingSlots.size > 10 ? "..." : ""}`);
      const INFLIGHT_TIMEOUT_MS = 5e3;
      const inflightPromises = [];
      const inflightOptions = {
       timeoutMs: INFLIGHT_TIMEOUT_MS,
       flushOnTimeout: true
      };
      inflightPromises.push(sourceNode.client._getQueue().waitForInflightCommandsToComplete(inflightOptions));
      if ("pubSub" in sourceNode && sourceNode.pubSub !== undefined) {
       inflightPromises.push(sourceNode.pubSub.client._getQueue().waitForInflightCommandsToComplete(inflightOptions));
      }
      if (this.pubSubNode?.address === sourceAddress) {
       inflightPromises.push(this.pubSubNode.client._getQueue().waitForInflightCommandsToComplete(inflightOptions));
      }
      await Promise.all(inflightPromises);
      const sourceStillHasSlots = this.slots.find(slot => slot.master.address === sourceAddress) !== undefined;
      if (sourceStillHasSlots) {
       if ("pubSub" in sourceNode) {
        const listeners = sourceNode.pubSub?.client._getQueue().removeShardedPubSubListenersForSlots(allMovingSlots);
        this.#emit(exports.RESUBSCRIBE_LISTENERS_EVENT, listeners);
       }
       sourceNode.client?._unpause();
       if ("pubSub" in sourceNode) {
        sourceNode.pubSub?.client._unpause();
       }
      } else {
       const remainingCommands = sourceNode.client._getQueue().extractAllCommands();
       if (remainingCommands.length > 0) {
        const chainInExecution = sourceNode.client._getQueue().chainInExecution;
        const {inFlightChainTail: inFlightChainTail, relocatable: relocatable} = splitInFlightChainTail(remainingCommands, chainInExecution);
        if (inFlightChainTail.length > 0) {
         sourceNode.client._getQueue().rejectCommands(inFlightChainTail, new errors_1.DisconnectsClientError);
         (0, enterprise_maintenance_manager_1.dbgMaintenance)(`[CSlots]: Rejected ${inFlightChainTail.length} commands from a chain already partially sent to the server, can't be safely relocated`);
        }
        if (relocatable.length > 0) {
         const {byDestination: commandsByDestination, unrouted: unrouted} = groupCommandsByDestination(relocatable, this.slots, lastDestNode);
         if (unrouted.length > 0) {
          sourceNode.client._getQueue().rejectCommands(unrouted, new errors_1.DisconnectsClientError);
          (0, enterprise_maintenance_manager_1.dbgMaintenance)(`[CSlots]: Rejected ${unrouted.length} commands with no resolvable slot owner and no fallback destination`);
         }
         for (const [destNode, commands] of commandsByDestination) {
          if (destNode.client) {
           destNode.client._getQueue().prependCommandsToWrite(commands);
           destNode.client._unpause();
           (0, enterprise_maintenance_manager_1.dbgMaintenance)(`[CSlots]: Moved ${commands.length} remaining commands to ${destNode.address}`);
          } else {
           sourceNode.client._getQueue().rejectCommands(commands, new errors_1.DisconnectsClientError);
           (0, enterprise_maintenance_manager_1.dbgMaintenance)(`[CSlots]: Rejected ${commands.length} remaining commands because ${destNode.address} has no client`);
          }
         }
        }
       }
       if ("pubSub" in sourceNode) {
        const listeners = sourceNode.pubSub?.client._getQueue().removeAllPubSubListeners();
        this.#emit(exports.RESUBSCRIBE_LISTENERS_EVENT, listeners);
       }
       this.masters = this.masters.filter(master => master.address !== sourceAddress);
       this.replicas = this.replicas.filter(replica => replica.address !== sourceAddress);
       this.nodeByAddress.delete(sourceAddress);
       if (this.pubSubNode?.address === sourceAddress) {
        const channelsListeners = this.pubSubNode.client.getPubSubListeners(pub_sub_1.PUBSUB_TYPE.CHANNELS), patternsListeners = this.pubSubNode.client.getPubSubListeners(pub_sub_1.PUBSUB_TYPE.PATTERNS);
        const oldPubSubClient = this.pubSubNode.client;
        if (channelsListeners.size || patternsListeners.size) {
         await this.#initiatePubSubClient({
          [pub_sub_1.PUBSUB_TYPE.CHANNELS]: channelsListeners,
          [pub_sub_1.PUBSUB_TYPE.PATTERNS]: patternsListeners
         });
        } else {
         this.pubSubNode = undefined;
        }
        this.#reconnectionTracker.removeClient(oldPubSubClient._clientId);
        oldPubSubClient.destroy();
       }
       this.#reconnectionTracker.removeClient(sourceNode.client?._clientId);
       sourceNode.client.destroy();
       if ("pubSub" in sourceNode && sourceNode.pubSub) {
        this.#reconnectionTracker.removeClient(sourceNode.pubSub.client._clientId);
        sourceNode.pubSub.client.destroy();
       }
      }
     } catch (err) {
      (0, enterprise_maintenance_manager_1.dbgMaintenance)(`[CSlots]: Error during SMIGRATED handling for source ${sourceAddress}: ${err}`);
      sourceNode.client?._unpause();
      if ("pubSub" in sourceNode) {
       sourceNode.pubSub?.client._unpause();
      }
      for (const node of pausedDestNodes) {
       node.client?._unpause();
       node.pubSub?.client._unpause();
      }
      this.#emit("error", err);
     }
    }
   };
   async #getShards(rootNode) {
    const options = this.#clientOptionsDefaults(rootNode);
    options.socket ??= {};
    options.socket.reconnectStrategy = false;
    options.RESP = this.#options.RESP;
    options.commandOptions = undefined;
    options.maintNotifications = "disabled";
    const client = await this.#clientFactory(options).on("error", err => this.#emit("error", err)).connect();
    try {
     return await client.clusterSlots();
    } finally {
     client.destroy();
    }
   }
   #getNodeAddress(address) {
    switch (typeof this.#options.nodeAddressMap) {
    case "object":
     return this.#options.nodeAddressMap[address];

    case "function":
     return this.#options.nodeAddressMap(address);
    }
   }
   #nodeClientOptions(node) {
    return {
     socket: this.#getNodeAddress(node.address) ?? {
      host: node.host,
      port: node.port
     }
    };
   }
   #clientOptionsDefaults(options) {
    if (!this.#options.defaults) return options;
    let socket;
    if (this.#options.defaults.socket) {
     socket = {
      ...this.#options.defaults.socket,
      ...options?.socket
     };
    } else {
     socket = options?.socket;
    }
    return {
     ...this.#options.defaults,
     ...options,
     socket: socket
    };
   }
   #initiateSlotNode(shard, readonly, eagerConnent, addressesInUse, promises) {
    const address = `${shard.host}:${shard.port}`;
    let node = this.nodeByAddress.get(address);
    if (!node) {
     node = {
      ...shard,
      address: address,
      readonly: readonly,
      client: undefined,
      connectPromise: undefined
     };
     if (eagerConnent) {
      promises.push(this.#createNodeClient(node));
     }
     this.nodeByAddress.set(address, node);
    }
    if (!addressesInUse.has(address)) {
     addressesInUse.add(address);
     (readonly ? this.replicas : this.masters).push(node);
    }
    return node;
   }
   #createClient(node, readonly = node.readonly) {
    const socket = this.#getNodeAddress(node.address) ?? {
     host: node.host,
     port: node.port
    };
    const clientInfo = Object.freeze({
     host: socket.host,
     port: socket.port
    });
    const address = node.address;
    const emit = this.#emit;
    let wasReady = false;
    const client = this.#clientFactory(this.#clientOptionsDefaults({
     clientSideCache: this.clientSideCache,
     himportRegistry: this.#himportRegistry,
     RESP: this.#options.RESP,
     socket: socket,
     readonly: readonly
    }));
    client._setIdentity(identity_1.ClientRole.CLUSTER_NODE, this.#clusterClientId);
    client.on("error", error => emit("node-error", error, clientInfo)).on("reconnecting", () => {
     emit("node-reconnecting", clientInfo);
     if (!wasReady) return;
     this.#onNodeReconnectionAttempt(client._clientId, address);
    }).on("ready", () => {
     wasReady = true;
     this.#reconnectionTracker.removeClient(client._clientId);
    }).on("ready", () => emit("node-ready", clientInfo)).on("connect", () => emit("node-connect", clientInfo)).once("end", () => {
     this.#reconnectionTracker.removeClient(client._clientId);
     emit("node-disconnect", clientInfo);
    }).on(enterprise_maintenance_manager_1.SMIGRATED_EVENT, this.#handleSmigrated).on("__MOVED", async allPubSubListeners => {
     await this.rediscover(client);
     this.#emit(exports.RESUBSCRIBE_LISTENERS_EVENT, allPubSubListeners);
    });
    return client;
   }
   #createNodeClient(node, readonly) {
    const client = node.client = this.#createClient(node, readonly);
    return node.connectPromise = client.connect().catch(err => {
     if (node.client === client) node.client = undefined;
     client.destroy();
     throw err;
    }).finally(() => node.connectPromise = undefined);
   }
   nodeClient(node) {
    if (node.connectPromise) return node.connectPromise;
    if (node.client) return Promise.resolve(node.client);
    return this.#createNodeClient(node);
   }
   #runningRediscoverPromise;
   async rediscover(startWith, excludedAddresses) {
    this.#runningRediscoverPromise ??= this.#rediscover(startWith, excludedAddresses).finally(() => {
     this.#runningRediscoverPromise = undefined;
    });
    return this.#runningRediscoverPromise;
   }
   async #rediscover(startWith, excludedAddresses) {
    if (startWith && await this.#discover(startWith.options)) return;
    if (await this.#discoverWithKnownNodes(excludedAddresses)) return;
    return this.#discoverWithRootNodes();
   }
   async #discoverWithKnownNodes(excludedAddresses) {
    const candidates = [];
    const deferredCandidates = [];
    const seen = new Set;
    for (const nodes of [ this.masters, this.replicas ]) {
     for (const node of nodes) {
      if (excludedAddresses?.has(node.address) || seen.has(node.address)) continue;
      seen.add(node.address);
      if (node.client?.isReady) {
       candidates.push(node);
      } else {
       deferredCandidates.push(node);
      }
     }
    }
    return await this.#discoverWithKnownNodeCandidates(candidates) || await this.#discoverWithKnownNodeCandidates(deferredCandidates);
   }
   async #discoverWithKnownNodeCandidates(candidates) {
    if (!candidates.length) {
     return false;
    }
    const start = Math.floor(Math.random() * candidates.length);
    for (let i = 0; i < candidates.length; i++) {
     if (!this.#isOpen) {
      continue;
     }
     const candidate = candidates[(start + i) % candidates.length];
     if (await this.#discover(this.#nodeClientOptions(candidate))) {
      return true;
     }
    }
    return false;
   }
   #onNodeReconnectionAttempt(clientId, address) {
    let shouldRefresh;
    try {
     shouldRefresh = this.#reconnectionTracker.onReconnectionAttempt(clientId, address);
    } catch (err) {
     this.#emit("error", err);
     return;
    }
    if (shouldRefresh) {
     this.#scheduleTopologyRefresh(this.#reconnectionTracker.reconnectingAddresses);
    }
   }
   #scheduleTopologyRefresh(excludedAddresses) {
    if (!this.#isOpen || this.#topologyRefreshPromise) return;
    this.#topologyRefreshPromise = this.rediscover(undefined, new Set(excludedAddresses)).catch(err => this.#emit("error", err)).finally(() => {
     this.#topologyRefreshPromise = undefined;
    });
   }
   quit() {
    return this.#destroy(client => client.quit());
   }
   disconnect() {
    return this.#destroy(client => client.disconnect());
   }
   close() {
    return this.#destroy(client => client.close());
   }
   destroy() {
    this.#isOpen = false;
    this.#isReady = false;
    for (const client of this.#clients()) {
     client.destroy();
    }
    if (this.pubSubNode) {
     this.pubSubNode.client.destroy();
     this.pubSubNode = undefined;
    }
    this.#resetSlots();
    this.nodeByAddress.clear();
    this.#reconnectionTracker.clear();
    this.#emit("disconnect");
   }
   * #clients() {
    for (const master of this.masters) {
     if (master.client) {
      yield master.client;
     }
     if (master.pubSub) {
      yield master.pubSub.client;
     }
    }
    for (const replica of this.replicas) {
     if (replica.client) {
      yield replica.client;
     }
    }
   }
   async #destroy(fn) {
    this.#isOpen = false;
    this.#isReady = false;
    const promises = [];
    for (const client of this.#clients()) {
     promises.push(fn(client));
    }
    if (this.pubSubNode) {
     promises.push(fn(this.pubSubNode.client));
     this.pubSubNode = undefined;
    }
    this.#resetSlots();
    this.nodeByAddress.clear();
    this.#reconnectionTracker.clear();
    await Promise.allSettled(promises);
    this.#emit("disconnect");
   }
   #assertReady() {
    if (!this.#isOpen) {
     throw new errors_1.ClientClosedError;
    }
    if (!this.#isReady) {
     throw new errors_1.ClientOfflineError;
    }
   }
   getAllNodes() {
    this.#assertReady();
    return [ ...this.masters, ...this.replicas ];
   }
   getAllMasterNodes() {
    this.#assertReady();
    return this.masters;
   }
   async getClientAndSlotNumber(firstKey, isReadonly) {
    this.#assertReady();
    if (!firstKey) {
     return {
      client: await this.nodeClient(this.getRandomNode())
     };
    }
    const slotNumber = (0, calculate_slot_1.default)(firstKey);
    if (!isReadonly) {
     return {
      client: await this.nodeClient(this.slots[slotNumber].master),
      slotNumber: slotNumber
     };
    }
    return {
     client: await this.nodeClient(this.getSlotRandomNode(slotNumber)),
     slotNumber: slotNumber
    };
   }
   getClientForKey(key, isReadonly) {
    this.#assertReady();
    const slotNumber = (0, calculate_slot_1.default)(key);
    if (isReadonly) {
     return this.nodeClient(this.getSlotRandomNode(slotNumber));
    }
    return this.nodeClient(this.slots[slotNumber].master);
   }
   * #iterateAllNodes() {
    if (this.masters.length + this.replicas.length === 0) return;
    let i = Math.floor(Math.random() * (this.masters.length + this.replicas.length));
    if (i < this.masters.length) {
     do {
      yield this.masters[i];
     } while (++i < this.masters.length);
     for (const replica of this.replicas) {
      yield replica;
     }
    } else {
     i -= this.masters.length;
     do {
      yield this.replicas[i];
     } while (++i < this.replicas.length);
    }
    while (true) {
     for (const master of this.masters) {
      yield master;
     }
     for (const replica of this.replicas) {
      yield replica;
     }
    }
   }
   _randomNodeIterator;
   getRandomNode() {
    this.#assertReady();
    this._randomNodeIterator ??= this.#iterateAllNodes();
    return this._randomNodeIterator.next().value;
   }
   * #slotNodesIterator(slot) {
    let i = Math.floor(Math.random() * (1 + slot.replicas.length));
    if (i < slot.replicas.length) {
     do {
      yield slot.replicas[i];
     } while (++i < slot.replicas.length);
    }
    while (true) {
     yield slot.master;
     for (const replica of slot.replicas) {
      yield replica;
     }
    }
   }
   getSlotRandomNode(slotNumber) {
    const slot = this.slots[slotNumber];
    if (!slot.replicas?.length) {
     return slot.master;
    }
    slot.nodesIterator ??= this.#slotNodesIterator(slot);
    return slot.nodesIterator.next().value;
   }
   getMasterByAddress(address) {
    const master = this.nodeByAddress.get(address);
    if (!master) return;
    return this.nodeClient(master);
   }
   nodeAddressByClient(client) {
    for (const [address, node] of this.nodeByAddress) {
     if (node.client === client) return address;
    }
    return undefined;
   }
   #sweepStaleCursors(now) {
    for (const [key, binding] of this.cursorBindings) {
     const ttl = binding.maxIdleMs ?? DEFAULT_CURSOR_MAX_IDLE_MS;
     if (now - binding.createdAt > ttl) {
      this.cursorBindings.delete(key);
     }
    }
   }
   bindCursor(token, binding) {
    const now = Date.now();
    this.#sweepStaleCursors(now);
    this.cursorBindings.set(token, {
     ...binding,
     createdAt: now
    });
   }
   lookupCursor(token) {
    return this.cursorBindings.get(token);
   }
   evictCursor(token) {
    this.cursorBindings.delete(token);
   }
   mintCursorToken() {
    return String(++this.#cursorTokenSeq);
   }
   #sweepStaleScanCursors(now) {
    for (const [token, entry] of this.scanCursors) {
     if (now - entry.createdAt > DEFAULT_CURSOR_MAX_IDLE_MS) {
      this.scanCursors.delete(token);
     }
    }
   }
   bindScanCursor(token, address, cursor, visited, label) {
    const now = Date.now();
    this.#sweepStaleScanCursors(now);
    this.scanCursors.set(token, {
     address: address,
     cursor: cursor,
     visited: visited,
     createdAt: now,
     label: label
    });
   }
   lookupScanCursor(token) {
    return this.scanCursors.get(token);
   }
   evictScanCursor(token) {
    this.scanCursors.delete(token);
   }
   nextScanTarget(visited) {
    return this.masters.find(master => !visited.has(master.address))?.address;
   }
   getPubSubClient() {
    this.#assertReady();
    if (!this.pubSubNode) return this.#initiatePubSubClient();
    return this.pubSubNode.connectPromise ?? Promise.resolve(this.pubSubNode.client);
   }
   async #initiatePubSubClient(toResubscribe) {
    const index = Math.floor(Math.random() * (this.masters.length + this.replicas.length)), node = index < this.masters.length ? this.masters[index] : this.replicas[index - this.masters.length], client = this.#createClient(node, false);
    this.pubSubNode = {
     address: node.address,
     client: client,
     connectPromise: client.connect().then(async client => {
      if (toResubscribe) {
       await Promise.all([ client.extendPubSubListeners(pub_sub_1.PUBSUB_TYPE.CHANNELS, toResubscribe[pub_sub_1.PUBSUB_TYPE.CHANNELS]), client.extendPubSubListeners(pub_sub_1.PUBSUB_TYPE.PATTERNS, toResubscribe[pub_sub_1.PUBSUB_TYPE.PATTERNS]) ]);
      }
      this.pubSubNode.connectPromise = undefined;
      return client;
     }).catch(err => {
      this.pubSubNode = undefined;
      throw err;
     })
    };
    return this.pubSubNode.connectPromise;
   }
   async executeUnsubscribeCommand(unsubscribe) {
    const client = await this.getPubSubClient();
    await unsubscribe(client);
    if (!client.isPubSubActive) {
     this.#reconnectionTracker.removeClient(client._clientId);
     client.destroy();
     this.pubSubNode = undefined;
    }
   }
   getShardedPubSubClient(channel) {
    this.#assertReady();
    const {master: master} = this.slots[(0, calculate_slot_1.default)(channel)];
    if (!master.pubSub) return this.#initiateShardedPubSubClient(master);
    return master.pubSub.connectPromise ?? Promise.resolve(master.pubSub.client);
   }
   async #initiateShardedPubSubClient(master) {
    const client = this.#createClient(master, false);
    client.on("sharded-channel-moved", async (channel, listeners) => {
     try {
      await this.rediscover(client);
      const redirectTo = await this.getShardedPubSubClient(channel);
      await redirectTo.extendPubSubChannelListeners(pub_sub_1.PUBSUB_TYPE.SHARDED, channel, listeners);
     } catch (err) {
      this.#emit("sharded-channel-moved-error", err, channel, listeners);
     }
    });
    master.pubSub = {
     client: client,
     connectPromise: client.connect().then(client => {
      master.pubSub.connectPromise = undefined;
      return client;
     }).catch(err => {
      master.pubSub = undefined;
      throw err;
     })
    };
    return master.pubSub.connectPromise;
   }
   async executeShardedUnsubscribeCommand(channel, unsubscribe) {
    const {master: master} = this.slots[(0, calculate_slot_1.default)(channel)];
    if (!master.pubSub) return;
    const client = master.pubSub.connectPromise ? await master.pubSub.connectPromise : master.pubSub.client;
    await unsubscribe(client);
    if (!client.isPubSubActive) {
     this.#reconnectionTracker.removeClient(client._clientId);
     client.destroy();
     master.pubSub = undefined;
    }
   }
  }
  _a = RedisClusterSlots;
  exports.default = RedisClusterSlots;
 })(clusterSlots);
 return clusterSlots;
}

var multiCommand = {};

var hasRequiredMultiCommand;

function requireMultiCommand() {
 if (hasRequiredMultiCommand) return multiCommand;
 hasRequiredMultiCommand = 1;
 var __importDefault = multiCommand && multiCommand.__importDefault || function(mod) {
  return mod && mod.__esModule ? mod : {
   default: mod
  };
 };
 Object.defineProperty(multiCommand, "__esModule", {
  value: true
 });
 const commands_1 = requireCommands$1();
 const multi_command_1 = __importDefault(requireMultiCommand$2());
 const commander_1 = requireCommander();
 const parser_1 = requireParser();
 const command_metadata_1 = requireCommandMetadata();
 class RedisClusterMultiCommand {
  static #createCommand(command, resp) {
   const transformReply = (0, commander_1.getTransformReply)(command, resp);
   let replicaSafe;
   return function(...args) {
    const parser = new parser_1.BasicCommandParser(this.#keyPrefix);
    command.parseCommand(parser, ...args);
    const redisArgs = parser.redisArgs;
    redisArgs.preserve = parser.preserve;
    const firstKey = parser.firstKey;
    replicaSafe ??= (0, command_metadata_1.isReplicaSafe)(command_metadata_1.defaultCommandMetadata.lookup(parser.commandIdentifier), command.IS_READ_ONLY);
    return this.addCommand(firstKey, replicaSafe, redisArgs, transformReply);
   };
  }
  static #createModuleCommand(command, resp) {
   const transformReply = (0, commander_1.getTransformReply)(command, resp);
   let replicaSafe;
   return function(...args) {
    const parser = new parser_1.BasicCommandParser(this._self.#keyPrefix);
    command.parseCommand(parser, ...args);
    const redisArgs = parser.redisArgs;
    redisArgs.preserve = parser.preserve;
    const firstKey = parser.firstKey;
    replicaSafe ??= (0, command_metadata_1.isReplicaSafe)(command_metadata_1.defaultCommandMetadata.lookup(parser.commandIdentifier), command.IS_READ_ONLY);
    return this._self.addCommand(firstKey, replicaSafe, redisArgs, transformReply);
   };
  }
  static #createFunctionCommand(name, fn, resp) {
   const prefix = (0, commander_1.functionArgumentsPrefix)(name, fn);
   const transformReply = (0, commander_1.getTransformReply)(fn, resp);
   return function(...args) {
    const parser = new parser_1.BasicCommandParser(this._self.#keyPrefix);
    parser.push(...prefix);
    fn.parseCommand(parser, ...args);
    const redisArgs = parser.redisArgs;
    redisArgs.preserve = parser.preserve;
    const firstKey = parser.firstKey;
    return this._self.addCommand(firstKey, fn.IS_READ_ONLY, redisArgs, transformReply);
   };
  }
  static #createScriptCommand(script, resp) {
   const transformReply = (0, commander_1.getTransformReply)(script, resp);
   return function(...args) {
    const parser = new parser_1.BasicCommandParser(this.#keyPrefix);
    script.parseCommand(parser, ...args);
    const scriptArgs = parser.redisArgs;
    scriptArgs.preserve = parser.preserve;
    const firstKey = parser.firstKey;
    return this.#addScript(firstKey, script.IS_READ_ONLY, script, scriptArgs, transformReply);
   };
  }
  static extend(config) {
   return (0, commander_1.attachConfig)({
    BaseClass: RedisClusterMultiCommand,
    commands: commands_1.NON_STICKY_COMMANDS,
    createCommand: RedisClusterMultiCommand.#createCommand,
    createModuleCommand: RedisClusterMultiCommand.#createModuleCommand,
    createFunctionCommand: RedisClusterMultiCommand.#createFunctionCommand,
    createScriptCommand: RedisClusterMultiCommand.#createScriptCommand,
    config: config
   });
  }
  #multi;
  #executeMulti;
  #executePipeline;
  #firstKey;
  #isReadonly=true;
  #keyPrefix;
  constructor(executeMulti, executePipeline, routing, typeMapping, keyPrefix) {
   this.#multi = new multi_command_1.default(typeMapping);
   this.#executeMulti = executeMulti;
   this.#executePipeline = executePipeline;
   this.#firstKey = routing === undefined ? undefined : (0, parser_1.prefixKey)(keyPrefix, routing);
   this.#keyPrefix = keyPrefix;
  }
  #setState(firstKey, isReadonly) {
   this.#firstKey ??= firstKey;
   this.#isReadonly &&= isReadonly;
  }
  addCommand(firstKey, isReadonly, args, transformReply) {
   this.#setState(firstKey, isReadonly);
   this.#multi.addCommand(args, transformReply);
   return this;
  }
  #addScript(firstKey, isReadonly, script, args, transformReply) {
   this.#setState(firstKey, isReadonly);
   this.#multi.addScript(script, args, transformReply);
   return this;
  }
  async exec(execAsPipeline = false) {
   if (execAsPipeline) return this.execAsPipeline();
   return this.#multi.transformReplies(await this.#executeMulti(this.#firstKey, this.#isReadonly, this.#multi.queue));
  }
  EXEC=this.exec;
  execTyped(execAsPipeline = false) {
   return this.exec(execAsPipeline);
  }
  async execAsPipeline() {
   if (this.#multi.queue.length === 0) return [];
   return this.#multi.transformReplies(await this.#executePipeline(this.#firstKey, this.#isReadonly, this.#multi.queue));
  }
  execAsPipelineTyped() {
   return this.execAsPipeline();
  }
  sendCommand(args, options) {
   const redisArgs = args.slice();
   this.addCommand(options?.firstKey, options?.isReadonly, redisArgs);
   return this;
  }
 }
 multiCommand.default = RedisClusterMultiCommand;
 return multiCommand;
}

var dispatch = {};

var multiShardSplitter = {};

var hasRequiredMultiShardSplitter;

function requireMultiShardSplitter() {
 if (hasRequiredMultiShardSplitter) return multiShardSplitter;
 hasRequiredMultiShardSplitter = 1;
 var __importDefault = multiShardSplitter && multiShardSplitter.__importDefault || function(mod) {
  return mod && mod.__esModule ? mod : {
   default: mod
  };
 };
 Object.defineProperty(multiShardSplitter, "__esModule", {
  value: true
 });
 multiShardSplitter.splitMultiShardCommand = void 0;
 const calculate_slot_1 = __importDefault(requireCalculateSlot());
 function splitMultiShardCommand(args, keySpecs) {
  const label = args.length > 0 ? args[0].toString() : "<empty>";
  if (!keySpecs || keySpecs.length === 0) {
   throw new Error(`Cannot split ${label}: command has no key specification`);
  }
  if (keySpecs.length > 1) {
   throw new Error(`Cannot split ${label}: multiple key specifications are not supported`);
  }
  const {beginSearch: beginSearch, findKeys: findKeys} = keySpecs[0];
  if (beginSearch.type !== "index") {
   throw new Error(`Cannot split ${label}: unsupported begin_search type '${beginSearch.type}'`);
  }
  const start = beginSearch.index;
  let keyRegionStart;
  let keyRegionEnd;
  let keyStep;
  let keyNumIdx;
  switch (findKeys.type) {
  case "range":
   {
    if (findKeys.lastKey !== -1 || findKeys.limit !== 0) {
     throw new Error(`Cannot split ${label}: unsupported find_keys range (lastkey ${findKeys.lastKey}, limit ${findKeys.limit})`);
    }
    keyStep = findKeys.keyStep;
    keyRegionStart = start;
    keyRegionEnd = args.length;
    break;
   }

  case "keynum":
   {
    keyStep = findKeys.keyStep;
    keyNumIdx = start + findKeys.keyNumIdx;
    keyRegionStart = start + findKeys.firstKey;
    if (keyNumIdx >= keyRegionStart) {
     throw new Error(`Cannot split ${label}: numkeys argument inside the key region`);
    }
    const numKeys = parsePositiveInteger(args[keyNumIdx]);
    if (numKeys === undefined) {
     throw new Error(`Cannot split ${label}: malformed numkeys argument '${args[keyNumIdx]}'`);
    }
    keyRegionEnd = keyRegionStart + numKeys * keyStep;
    break;
   }

  default:
   throw new Error(`Cannot split ${label}: unsupported find_keys type '${findKeys.type}'`);
  }
  if (keyStep < 1) {
   throw new Error(`Cannot split ${label}: invalid keystep ${keyStep}`);
  }
  if (keyRegionStart < 1 || keyRegionEnd > args.length) {
   throw new Error(`Cannot split ${label}: key region overruns the arguments`);
  }
  const regionLength = keyRegionEnd - keyRegionStart;
  if (regionLength <= 0 || regionLength % keyStep !== 0) {
   throw new Error(`Cannot split ${label}: key region does not align with keystep ${keyStep}`);
  }
  const groupCount = regionLength / keyStep;
  const slotGroups = new Map;
  for (let group = 0; group < groupCount; group++) {
   const slot = (0, calculate_slot_1.default)(args[keyRegionStart + group * keyStep]);
   const groups = slotGroups.get(slot);
   if (groups) {
    groups.push(group);
   } else {
    slotGroups.set(slot, [ group ]);
   }
  }
  const subCommands = new Map;
  if (slotGroups.size === 1) {
   const [[slot, groupIndices]] = slotGroups;
   const keyPositions = groupIndices.map(group => keyRegionStart + group * keyStep);
   subCommands.set(slot, {
    args: [ ...args ],
    groupIndices: groupIndices,
    keyPositions: keyPositions
   });
   return subCommands;
  }
  const suffix = args.slice(keyRegionEnd);
  for (const [slot, groupIndices] of slotGroups) {
   const subArgs = args.slice(0, keyRegionStart);
   if (keyNumIdx !== undefined) {
    subArgs[keyNumIdx] = groupIndices.length.toString();
   }
   const keyPositions = [];
   groupIndices.forEach((group, j) => {
    keyPositions.push(keyRegionStart + j * keyStep);
    const groupStart = keyRegionStart + group * keyStep;
    for (let i = 0; i < keyStep; i++) {
     subArgs.push(args[groupStart + i]);
    }
   });
   subArgs.push(...suffix);
   subCommands.set(slot, {
    args: subArgs,
    groupIndices: groupIndices,
    keyPositions: keyPositions
   });
  }
  return subCommands;
 }
 multiShardSplitter.splitMultiShardCommand = splitMultiShardCommand;
 function parsePositiveInteger(arg) {
  if (arg === undefined) return undefined;
  const value = Number(arg.toString());
  return Number.isInteger(value) && value > 0 ? value : undefined;
 }
 return multiShardSplitter;
}

var genericAggregators = {};

var hasRequiredGenericAggregators;

function requireGenericAggregators() {
 if (hasRequiredGenericAggregators) return genericAggregators;
 hasRequiredGenericAggregators = 1;
 Object.defineProperty(genericAggregators, "__esModule", {
  value: true
 });
 genericAggregators.aggregateMerge = genericAggregators.aggregateSum = genericAggregators.aggregateMax = genericAggregators.aggregateMin = genericAggregators.aggregateLogicalOr = genericAggregators.aggregateLogicalAnd = void 0;
 const aggregateLogicalAnd = replies => {
  if (replies.length === 0) return [];
  if (!replies.every(reply => Array.isArray(reply) && reply.every(value => typeof value === "number"))) {
   throw new Error("All replies must be array of numbers for logical AND aggregation");
  }
  const result = Array(replies[0].length).fill(1);
  for (const reply of replies) {
   for (let i = 0; i < reply.length; i++) {
    result[i] = result[i] && reply[i] ? 1 : 0;
   }
  }
  return result;
 };
 genericAggregators.aggregateLogicalAnd = aggregateLogicalAnd;
 const aggregateLogicalOr = replies => {
  if (replies.length === 0) return [];
  if (!replies.every(reply => Array.isArray(reply) && reply.every(value => typeof value === "number"))) {
   throw new Error("All replies must be array of numbers for logical OR aggregation");
  }
  const result = Array(replies[0].length).fill(0);
  for (const reply of replies) {
   for (let i = 0; i < reply.length; i++) {
    result[i] = result[i] || reply[i] ? 1 : 0;
   }
  }
  return result;
 };
 genericAggregators.aggregateLogicalOr = aggregateLogicalOr;
 const aggregateElementwise = (replies, reduce, label) => {
  const length = replies[0].length;
  if (!replies.every(reply => Array.isArray(reply) && reply.length === length && reply.every(value => typeof value === "number"))) {
   throw new Error(`All replies must be number arrays of equal length for ${label} aggregation`);
  }
  const result = replies[0].slice();
  for (let r = 1; r < replies.length; r++) {
   const reply = replies[r];
   for (let i = 0; i < length; i++) {
    result[i] = reduce(result[i], reply[i]);
   }
  }
  return result;
 };
 const aggregateMin = replies => {
  if (replies.length === 0) return 0;
  if (Array.isArray(replies[0])) {
   return aggregateElementwise(replies, Math.min, "min");
  }
  if (!replies.every(reply => typeof reply === "number")) {
   throw new Error("All replies must be numbers for min aggregation");
  }
  return Math.min(...replies);
 };
 genericAggregators.aggregateMin = aggregateMin;
 const aggregateMax = replies => {
  if (replies.length === 0) return 0;
  if (Array.isArray(replies[0])) {
   return aggregateElementwise(replies, Math.max, "max");
  }
  if (!replies.every(reply => typeof reply === "number")) {
   throw new Error("All replies must be numbers for max aggregation");
  }
  return Math.max(...replies);
 };
 genericAggregators.aggregateMax = aggregateMax;
 const aggregateSum = replies => {
  if (replies.length === 0) return 0;
  if (!replies.every(reply => typeof reply === "number")) {
   throw new Error("All replies must be numbers for sum aggregation");
  }
  return replies.reduce((acc, reply) => acc + reply, 0);
 };
 genericAggregators.aggregateSum = aggregateSum;
 const aggregateMerge = replies => {
  if (replies.length === 0) return undefined;
  const firstReply = replies[0];
  if (Array.isArray(firstReply)) {
   const set = new Set;
   for (const reply of replies) {
    for (const item of reply) {
     set.add(item);
    }
   }
   return Array.from(set);
  }
  if (firstReply instanceof Map) {
   const map = new Map;
   for (const reply of replies) {
    for (const [key, value] of reply) {
     map.set(key, value);
    }
   }
   return map;
  }
  if (typeof firstReply === "object" && firstReply !== null) {
   const merged = {};
   for (const reply of replies) {
    Object.assign(merged, reply);
   }
   return merged;
  }
  throw new Error("Unsupported reply type for merge aggregation");
 };
 genericAggregators.aggregateMerge = aggregateMerge;
 return genericAggregators;
}

var ftCursor = {};

var hasRequiredFtCursor;

function requireFtCursor() {
 if (hasRequiredFtCursor) return ftCursor;
 hasRequiredFtCursor = 1;
 Object.defineProperty(ftCursor, "__esModule", {
  value: true
 });
 ftCursor.finalizeFtCursor = ftCursor.routeFtCursor = ftCursor.extractCursorValue = ftCursor.upperCommand = ftCursor.argToString = void 0;
 const parser_1 = requireParser();
 function argToString(arg) {
  return typeof arg === "string" ? arg : arg.toString();
 }
 ftCursor.argToString = argToString;
 function upperCommand(parser) {
  return parser.commandIdentifier.command.toUpperCase();
 }
 ftCursor.upperCommand = upperCommand;
 function extractCursorValue(reply) {
  if (reply == null) return undefined;
  if (reply instanceof Map) {
   return reply.has("cursor") ? asCursorValue(reply.get("cursor")) : undefined;
  }
  if (Array.isArray(reply)) {
   return asCursorValue(reply[1]);
  }
  if (typeof reply === "object" && "cursor" in reply) {
   return asCursorValue(reply.cursor);
  }
  return undefined;
 }
 ftCursor.extractCursorValue = extractCursorValue;
 function asCursorValue(value) {
  if (typeof value === "number" || typeof value === "string") return value;
  return undefined;
 }
 function isExhausted(cursor) {
  return cursor === 0 || cursor === "0";
 }
 function maxIdleFromAggregateArgs(redisArgs) {
  for (let i = 0; i < redisArgs.length - 1; i++) {
   if (argToString(redisArgs[i]).toUpperCase() === "MAXIDLE") {
    const n = Number(argToString(redisArgs[i + 1]));
    return Number.isNaN(n) || n <= 0 ? undefined : n;
   }
  }
  return undefined;
 }
 const routeFtCursor = async (slots, parser) => {
  const {redisArgs: redisArgs} = parser;
  if (redisArgs.length < 4) {
   return [ {
    client: await slots.nodeClient(slots.getRandomNode())
   } ];
  }
  const token = argToString(redisArgs[3]);
  const binding = slots.lookupCursor(token);
  if (binding) {
   const client = await slots.getMasterByAddress(binding.address);
   if (client) return [ {
    client: client,
    parser: withCursorArg(parser, binding.cursorId)
   } ];
   throw new Error(`FT.CURSOR: the node serving cursor ${token} on index "${argToString(redisArgs[2])}" ` + `has left the cluster.`);
  }
  throw new Error(`FT.CURSOR: unknown cursor ${token} on index "${argToString(redisArgs[2])}". ` + `Cluster cursors are minted per client instance and expire when idle \u2014 ` + `the cursor was not created by this client, has already been exhausted, ` + `or has expired.`);
 };
 ftCursor.routeFtCursor = routeFtCursor;
 function withCursorArg(parser, cursorId) {
  const sub = new parser_1.BasicCommandParser;
  const {redisArgs: redisArgs} = parser;
  for (let i = 0; i < redisArgs.length; i++) {
   sub.push(i === 3 ? cursorId : redisArgs[i]);
  }
  return sub;
 }
 function finalizeFtCursor(slots, parser, plan, reply) {
  const cmd = upperCommand(parser);
  if (cmd !== "FT.AGGREGATE" && cmd !== "FT.CURSOR") return reply;
  if (plan.length !== 1) return reply;
  const {redisArgs: redisArgs} = parser;
  if (cmd === "FT.AGGREGATE") {
   const cursor = extractCursorValue(reply);
   if (cursor === undefined || isExhausted(cursor)) return reply;
   const client = plan[0].client;
   if (!client) return reply;
   const address = slots.nodeAddressByClient(client);
   if (!address) return reply;
   const token = slots.mintCursorToken();
   slots.bindCursor(token, {
    address: address,
    cursorId: argToString(cursor),
    maxIdleMs: maxIdleFromAggregateArgs(redisArgs)
   });
   return withReplyCursor(reply, token, cursor);
  }
  const {subcommand: subcommand} = parser.commandIdentifier;
  const sub = subcommand === undefined ? undefined : subcommand.toUpperCase();
  const token = argToString(redisArgs[3]);
  if (sub === "DEL") {
   slots.evictCursor(token);
   return reply;
  }
  if (sub === "READ") {
   const binding = slots.lookupCursor(token);
   if (!binding) return reply;
   const next = extractCursorValue(reply);
   if (next === undefined || isExhausted(next)) {
    slots.evictCursor(token);
    return reply;
   }
   slots.bindCursor(token, {
    address: binding.address,
    cursorId: argToString(next),
    maxIdleMs: binding.maxIdleMs
   });
   return withReplyCursor(reply, token, next);
  }
  return reply;
 }
 ftCursor.finalizeFtCursor = finalizeFtCursor;
 function withReplyCursor(reply, token, original) {
  const cursor = typeof original === "number" ? Number(token) : token;
  if (reply instanceof Map) {
   const copy = new Map(reply);
   copy.set("cursor", cursor);
   return copy;
  }
  if (Array.isArray(reply)) {
   const copy = reply.slice();
   copy[1] = cursor;
   return copy;
  }
  return {
   ...reply,
   cursor: cursor
  };
 }
 return ftCursor;
}

var scanCursor = {};

var hasRequiredScanCursor;

function requireScanCursor() {
 if (hasRequiredScanCursor) return scanCursor;
 hasRequiredScanCursor = 1;
 Object.defineProperty(scanCursor, "__esModule", {
  value: true
 });
 scanCursor.finalizeScanCursor = scanCursor.routeScan = void 0;
 const parser_1 = requireParser();
 const ft_cursor_1 = requireFtCursor();
 const SCAN_CURSOR_ARG_INDEX = new Map([ [ "SCAN", 1 ], [ "BLESS SCAN", 2 ] ]);
 function resolveScanCommand(parser) {
  const command = (0, ft_cursor_1.upperCommand)(parser);
  const {subcommand: subcommand} = parser.commandIdentifier;
  if (subcommand !== undefined) {
   const label = `${command} ${subcommand.toUpperCase()}`;
   const cursorIndex = SCAN_CURSOR_ARG_INDEX.get(label);
   if (cursorIndex !== undefined) return {
    label: label,
    cursorIndex: cursorIndex
   };
  }
  const cursorIndex = SCAN_CURSOR_ARG_INDEX.get(command);
  return cursorIndex === undefined ? undefined : {
   label: command,
   cursorIndex: cursorIndex
  };
 }
 const routeScan = async (slots, parser) => {
  const resolved = resolveScanCommand(parser);
  if (!resolved) return [ {
   client: await slots.nodeClient(slots.getRandomNode())
  } ];
  const {label: label, cursorIndex: cursorIndex} = resolved;
  if (parser.redisArgs.length <= cursorIndex) {
   return [ {
    client: await slots.nodeClient(slots.getRandomNode())
   } ];
  }
  const cursorArg = (0, ft_cursor_1.argToString)(parser.redisArgs[cursorIndex]);
  if (cursorArg === "0") {
   const address = slots.nextScanTarget(EMPTY_VISITED);
   if (!address) throw new Error(`${label}: no master nodes available`);
   return [ {
    client: await pinnedMaster(slots, address, label)
   } ];
  }
  const entry = slots.lookupScanCursor(cursorArg);
  if (!entry || entry.label !== label) {
   throw new Error(`${label}: unknown cursor "${cursorArg}". Cluster-wide ${label} cursors are ` + `minted per client instance and expire when idle \u2014 restart the scan from 0.`);
  }
  return [ {
   client: await pinnedMaster(slots, entry.address, label),
   parser: withCursor(parser, cursorIndex, entry.cursor)
  } ];
 };
 scanCursor.routeScan = routeScan;
 const EMPTY_VISITED = new Set;
 async function pinnedMaster(slots, address, label) {
  const client = await slots.getMasterByAddress(address);
  if (!client) {
   throw new Error(`${label}: node ${address} serving this cursor has left the cluster \u2014 ` + `restart the scan from 0.`);
  }
  return client;
 }
 function withCursor(parser, cursorIndex, cursor) {
  const sub = new parser_1.BasicCommandParser;
  const {redisArgs: redisArgs} = parser;
  for (let i = 0; i < redisArgs.length; i++) {
   sub.push(i === cursorIndex ? cursor : redisArgs[i]);
  }
  return sub;
 }
 function finalizeScanCursor(slots, parser, plan, reply) {
  const resolved = resolveScanCommand(parser);
  if (!resolved) return reply;
  const {label: label, cursorIndex: cursorIndex} = resolved;
  if (plan.length !== 1 || !plan[0].client) return reply;
  const serverCursor = extractScanCursor(reply);
  if (serverCursor === undefined) return reply;
  const address = slots.nodeAddressByClient(plan[0].client);
  if (!address) return reply;
  const callerCursor = (0, ft_cursor_1.argToString)(parser.redisArgs[cursorIndex]);
  const chain = callerCursor === "0" ? undefined : slots.lookupScanCursor(callerCursor);
  const visited = chain?.label === label ? chain.visited : new Set;
  if ((0, ft_cursor_1.argToString)(serverCursor) !== "0") {
   const token = callerCursor === "0" ? slots.mintCursorToken() : callerCursor;
   slots.bindScanCursor(token, address, (0, ft_cursor_1.argToString)(serverCursor), visited, label);
   return withReplyCursor(reply, token, serverCursor);
  }
  visited.add(address);
  const next = slots.nextScanTarget(visited);
  if (!next) {
   if (callerCursor !== "0") slots.evictScanCursor(callerCursor);
   return reply;
  }
  const token = callerCursor === "0" ? slots.mintCursorToken() : callerCursor;
  slots.bindScanCursor(token, next, "0", visited, label);
  return withReplyCursor(reply, token, serverCursor);
 }
 scanCursor.finalizeScanCursor = finalizeScanCursor;
 function extractScanCursor(reply) {
  if (reply == null) return undefined;
  if (Array.isArray(reply)) {
   return isCursorValue(reply[0]) ? reply[0] : undefined;
  }
  if (typeof reply === "object" && "cursor" in reply) {
   const cursor = reply.cursor;
   return isCursorValue(cursor) ? cursor : undefined;
  }
  return undefined;
 }
 function isCursorValue(value) {
  return typeof value === "string" || value instanceof Buffer;
 }
 function withReplyCursor(reply, token, original) {
  const cursor = original instanceof Buffer ? Buffer.from(token) : token;
  if (Array.isArray(reply)) {
   const copy = reply.slice();
   copy[0] = cursor;
   return copy;
  }
  return {
   ...reply,
   cursor: cursor
  };
 }
 return scanCursor;
}

var hasRequiredDispatch;

function requireDispatch() {
 if (hasRequiredDispatch) return dispatch;
 hasRequiredDispatch = 1;
 (function(exports) {
  Object.defineProperty(exports, "__esModule", {
   value: true
  });
  exports.RESPONSE_REDUCERS = exports.REQUEST_ROUTERS = exports.remapAggregateReply = exports.NUMERIC_AGG_POLICIES = exports.reduceDefaultKeyed = exports.reduceDefaultKeyless = exports.reduceSpecial = exports.SPECIAL_RESPONSE_REDUCERS = exports.reduceRandomKey = exports.reduceSum = exports.reduceMax = exports.reduceMin = exports.reduceLogicalOr = exports.reduceLogicalAnd = exports.reduceAllSucceeded = exports.reduceOneSucceeded = exports.routeSpecial = exports.SPECIAL_REQUEST_ROUTERS = exports.routeDefaultKeyed = exports.routeDefaultKeyless = exports.routeMultiShard = exports.routeAllShards = exports.routeAllNodes = void 0;
  const parser_1 = requireParser();
  const decoder_1 = requireDecoder();
  const multi_shard_splitter_1 = requireMultiShardSplitter();
  const generic_aggregators_1 = requireGenericAggregators();
  const policies_constants_1 = requirePoliciesConstants();
  const ft_cursor_1 = requireFtCursor();
  const scan_cursor_1 = requireScanCursor();
  const routeAllNodes = async slots => slots.getAllNodes().map(node => ({
   getClient: () => slots.nodeClient(node)
  }));
  exports.routeAllNodes = routeAllNodes;
  const routeAllShards = async slots => slots.getAllMasterNodes().map(node => ({
   getClient: () => slots.nodeClient(node)
  }));
  exports.routeAllShards = routeAllShards;
  const routeMultiShard = async (_slots, parser, _isReadonly, keySpecs) => {
   const subCommands = (0, multi_shard_splitter_1.splitMultiShardCommand)(parser.redisArgs, keySpecs);
   return Array.from(subCommands.values(), sub => ({
    parser: buildSubParser(sub),
    groupIndices: sub.groupIndices
   }));
  };
  exports.routeMultiShard = routeMultiShard;
  function buildSubParser(sub) {
   const parser = new parser_1.BasicCommandParser;
   const keyPositions = new Set(sub.keyPositions);
   for (let i = 0; i < sub.args.length; i++) {
    const arg = sub.args[i];
    if (keyPositions.has(i)) {
     parser.pushKey(arg);
    } else {
     parser.push(arg);
    }
   }
   return parser;
  }
  const routeDefaultKeyless = async slots => [ {
   client: await slots.nodeClient(slots.getRandomNode())
  } ];
  exports.routeDefaultKeyless = routeDefaultKeyless;
  const routeDefaultKeyed = async (slots, parser, isReadonly) => [ {
   client: (await slots.getClientAndSlotNumber(parser.firstKey, isReadonly)).client
  } ];
  exports.routeDefaultKeyed = routeDefaultKeyed;
  function specialKey(parser) {
   const {subcommand: subcommand} = parser.commandIdentifier;
   const c = (0, ft_cursor_1.upperCommand)(parser);
   return subcommand ? `${c} ${subcommand.toUpperCase()}` : c;
  }
  exports.SPECIAL_REQUEST_ROUTERS = {
   "FT.CURSOR READ": ft_cursor_1.routeFtCursor,
   "FT.CURSOR DEL": ft_cursor_1.routeFtCursor,
   "BLESS SCAN": scan_cursor_1.routeScan,
   SCAN: scan_cursor_1.routeScan
  };
  const routeSpecial = async (slots, parser, isReadonly, keySpecs) => {
   const handler = exports.SPECIAL_REQUEST_ROUTERS[specialKey(parser)] ?? exports.SPECIAL_REQUEST_ROUTERS[parser.commandIdentifier.command.toUpperCase()];
   if (handler) return handler(slots, parser, isReadonly, keySpecs);
   console.warn(`node-redis: no cluster routing implemented for the "special" request policy of ` + `"${specialKey(parser)}"; routing to a single node. The reply may be incomplete.`);
   return [ {
    client: await slots.nodeClient(slots.getRandomNode())
   } ];
  };
  exports.routeSpecial = routeSpecial;
  const reduceOneSucceeded = async promises => {
   try {
    return await Promise.any(promises);
   } catch (err) {
    if (err instanceof AggregateError && err.errors.length > 0) throw err.errors[0];
    throw err;
   }
  };
  exports.reduceOneSucceeded = reduceOneSucceeded;
  const reduceAllSucceeded = async promises => {
   const responses = await Promise.all(promises);
   return responses[0];
  };
  exports.reduceAllSucceeded = reduceAllSucceeded;
  const reduceWith = aggregate => async promises => aggregate(await Promise.all(promises));
  exports.reduceLogicalAnd = reduceWith(generic_aggregators_1.aggregateLogicalAnd);
  exports.reduceLogicalOr = reduceWith(generic_aggregators_1.aggregateLogicalOr);
  exports.reduceMin = reduceWith(generic_aggregators_1.aggregateMin);
  exports.reduceMax = reduceWith(generic_aggregators_1.aggregateMax);
  exports.reduceSum = reduceWith(generic_aggregators_1.aggregateSum);
  const reduceRandomKey = async promises => {
   const responses = await Promise.all(promises);
   const keys = responses.filter(reply => reply != null);
   if (keys.length === 0) return responses[0];
   return keys[Math.floor(Math.random() * keys.length)];
  };
  exports.reduceRandomKey = reduceRandomKey;
  exports.SPECIAL_RESPONSE_REDUCERS = {
   RANDOMKEY: exports.reduceRandomKey
  };
  const reduceSpecial = async (promises, parser) => {
   const reducer = exports.SPECIAL_RESPONSE_REDUCERS[specialKey(parser)] ?? exports.SPECIAL_RESPONSE_REDUCERS[parser.commandIdentifier.command.toUpperCase()];
   if (reducer) return reducer(promises, parser);
   if (promises.length > 1) {
    console.warn(`node-redis: no cluster aggregation implemented for the "special" response policy of ` + `"${specialKey(parser)}"; merging replies from ${promises.length} nodes. The result shape may be wrong.`);
   }
   return (0, exports.reduceDefaultKeyless)(promises);
  };
  exports.reduceSpecial = reduceSpecial;
  const reduceDefaultKeyless = async promises => {
   const responses = await Promise.all(promises);
   if (responses.length === 1) return responses[0];
   return (0, generic_aggregators_1.aggregateMerge)(responses);
  };
  exports.reduceDefaultKeyless = reduceDefaultKeyless;
  const reduceDefaultKeyed = async (promises, _parser, positionHints) => {
   const responses = await Promise.all(promises);
   if (!positionHints?.some(hint => hint !== undefined)) {
    return responses[0];
   }
   const result = [];
   responses.forEach((reply, p) => {
    const indices = positionHints[p];
    if (!indices) {
     throw new Error("default-keyed reducer: split reply missing position hints");
    }
    const elements = reply;
    indices.forEach((groupIndex, i) => {
     result[groupIndex] = elements[i];
    });
   });
   return result;
  };
  exports.reduceDefaultKeyed = reduceDefaultKeyed;
  exports.NUMERIC_AGG_POLICIES = new Set([ policies_constants_1.RESPONSE_POLICIES_WITH_DEFAULTS.AGG_SUM, policies_constants_1.RESPONSE_POLICIES_WITH_DEFAULTS.AGG_MIN, policies_constants_1.RESPONSE_POLICIES_WITH_DEFAULTS.AGG_MAX, policies_constants_1.RESPONSE_POLICIES_WITH_DEFAULTS.AGG_LOGICAL_AND, policies_constants_1.RESPONSE_POLICIES_WITH_DEFAULTS.AGG_LOGICAL_OR ]);
  function remapAggregateReply(reply, typeMapping) {
   const map = typeMapping?.[decoder_1.RESP_TYPES.NUMBER];
   if (!map || map === Number) return reply;
   const apply = map;
   return Array.isArray(reply) ? reply.map(value => apply(value)) : apply(reply);
  }
  exports.remapAggregateReply = remapAggregateReply;
  exports.REQUEST_ROUTERS = {
   [policies_constants_1.REQUEST_POLICIES_WITH_DEFAULTS.ALL_NODES]: exports.routeAllNodes,
   [policies_constants_1.REQUEST_POLICIES_WITH_DEFAULTS.ALL_SHARDS]: exports.routeAllShards,
   [policies_constants_1.REQUEST_POLICIES_WITH_DEFAULTS.MULTI_SHARD]: exports.routeMultiShard,
   [policies_constants_1.REQUEST_POLICIES_WITH_DEFAULTS.SPECIAL]: exports.routeSpecial,
   [policies_constants_1.REQUEST_POLICIES_WITH_DEFAULTS.DEFAULT_KEYLESS]: exports.routeDefaultKeyless,
   [policies_constants_1.REQUEST_POLICIES_WITH_DEFAULTS.DEFAULT_KEYED]: exports.routeDefaultKeyed
  };
  exports.RESPONSE_REDUCERS = {
   [policies_constants_1.RESPONSE_POLICIES_WITH_DEFAULTS.ONE_SUCCEEDED]: exports.reduceOneSucceeded,
   [policies_constants_1.RESPONSE_POLICIES_WITH_DEFAULTS.ALL_SUCCEEDED]: exports.reduceAllSucceeded,
   [policies_constants_1.RESPONSE_POLICIES_WITH_DEFAULTS.AGG_LOGICAL_AND]: exports.reduceLogicalAnd,
   [policies_constants_1.RESPONSE_POLICIES_WITH_DEFAULTS.AGG_LOGICAL_OR]: exports.reduceLogicalOr,
   [policies_constants_1.RESPONSE_POLICIES_WITH_DEFAULTS.AGG_MIN]: exports.reduceMin,
   [policies_constants_1.RESPONSE_POLICIES_WITH_DEFAULTS.AGG_MAX]: exports.reduceMax,
   [policies_constants_1.RESPONSE_POLICIES_WITH_DEFAULTS.AGG_SUM]: exports.reduceSum,
   [policies_constants_1.RESPONSE_POLICIES_WITH_DEFAULTS.SPECIAL]: exports.reduceSpecial,
   [policies_constants_1.RESPONSE_POLICIES_WITH_DEFAULTS.DEFAULT_KEYLESS]: exports.reduceDefaultKeyless,
   [policies_constants_1.RESPONSE_POLICIES_WITH_DEFAULTS.DEFAULT_KEYED]: exports.reduceDefaultKeyed
  };
 })(dispatch);
 return dispatch;
}

var hasRequiredCluster;

function requireCluster() {
 if (hasRequiredCluster) return cluster;
 hasRequiredCluster = 1;
 var __createBinding = cluster && cluster.__createBinding || (Object.create ? function(o, m, k, k2) {
  if (k2 === undefined) k2 = k;
  var desc = Object.getOwnPropertyDescriptor(m, k);
  if (!desc || ("get" in desc ? !m.__esModule : desc.writable || desc.configurable)) {
   desc = {
    enumerable: true,
    get: function() {
     return m[k];
    }
   };
  }
  Object.defineProperty(o, k2, desc);
 } : function(o, m, k, k2) {
  if (k2 === undefined) k2 = k;
  o[k2] = m[k];
 });
 var __setModuleDefault = cluster && cluster.__setModuleDefault || (Object.create ? function(o, v) {
  Object.defineProperty(o, "default", {
   enumerable: true,
   value: v
  });
 } : function(o, v) {
  o["default"] = v;
 });
 var __importStar = cluster && cluster.__importStar || function(mod) {
  if (mod && mod.__esModule) return mod;
  var result = {};
  if (mod != null) for (var k in mod) if (k !== "default" && Object.prototype.hasOwnProperty.call(mod, k)) __createBinding(result, mod, k);
  __setModuleDefault(result, mod);
  return result;
 };
 var __importDefault = cluster && cluster.__importDefault || function(mod) {
  return mod && mod.__esModule ? mod : {
   default: mod
  };
 };
 Object.defineProperty(cluster, "__esModule", {
  value: true
 });
 const commands_1 = requireCommands$1();
 const node_events_1 = require$$0$5;
 const commander_1 = requireCommander();
 const cluster_slots_1 = __importStar(requireClusterSlots());
 const multi_command_1 = __importDefault(requireMultiCommand());
 const errors_1 = requireErrors();
 const parser_1 = requireParser();
 const ASKING_1 = requireASKING();
 const single_entry_cache_1 = __importDefault(requireSingleEntryCache());
 const tracing_1 = requireTracing();
 const identity_1 = requireIdentity();
 const defaults_1 = requireDefaults();
 const command_metadata_1 = requireCommandMetadata();
 const dispatch_1 = requireDispatch();
 const calculate_slot_1 = __importDefault(requireCalculateSlot());
 const ft_cursor_1 = requireFtCursor();
 const scan_cursor_1 = requireScanCursor();
 class RedisCluster extends node_events_1.EventEmitter {
  static #createCommand(command, resp) {
   const transformReply = (0, commander_1.getTransformReply)(command, resp);
   return async function(...args) {
    const parser = new parser_1.BasicCommandParser(this._self._keyPrefix);
    command.parseCommand(parser, ...args);
    return this._self._executeWithPolicies(parser, command.IS_READ_ONLY, this._commandOptions, p => (client, opts) => client._executeCommand(command, p, opts, transformReply));
   };
  }
  static #createModuleCommand(command, resp) {
   const transformReply = (0, commander_1.getTransformReply)(command, resp);
   return async function(...args) {
    const parser = new parser_1.BasicCommandParser(this._self._keyPrefix);
    command.parseCommand(parser, ...args);
    return this._self._executeWithPolicies(parser, command.IS_READ_ONLY, this._self._commandOptions, p => (client, opts) => client._executeCommand(command, p, opts, transformReply));
   };
  }
  static #createFunctionCommand(name, fn, resp) {
   const prefix = (0, commander_1.functionArgumentsPrefix)(name, fn);
   const transformReply = (0, commander_1.getTransformReply)(fn, resp);
   return async function(...args) {
    const parser = new parser_1.BasicCommandParser(this._self._keyPrefix);
    parser.push(...prefix);
    fn.parseCommand(parser, ...args);
    return this._self._executeWithPolicies(parser, fn.IS_READ_ONLY, this._self._commandOptions, p => (client, opts) => client._executeCommand(fn, p, opts, transformReply));
   };
  }
  static #createScriptCommand(script, resp) {
   const prefix = (0, commander_1.scriptArgumentsPrefix)(script);
   const transformReply = (0, commander_1.getTransformReply)(script, resp);
   return async function(...args) {
    const parser = new parser_1.BasicCommandParser(this._self._keyPrefix);
    parser.push(...prefix);
    script.parseCommand(parser, ...args);
    return this._self._executeWithPolicies(parser, script.IS_READ_ONLY, this._commandOptions, p => (client, opts) => client._executeScript(script, p, opts, transformReply));
   };
  }
  static #SingleEntryCache=new single_entry_cache_1.default;
  static factory(config) {
   let Cluster = RedisCluster.#SingleEntryCache.get(config);
   if (!Cluster) {
    Cluster = (0, commander_1.attachConfig)({
     BaseClass: RedisCluster,
     commands: commands_1.NON_STICKY_COMMANDS,
     createCommand: RedisCluster.#createCommand,
     createModuleCommand: RedisCluster.#createModuleCommand,
     createFunctionCommand: RedisCluster.#createFunctionCommand,
     createScriptCommand: RedisCluster.#createScriptCommand,
     config: config
    });
    Cluster.prototype.Multi = multi_command_1.default.extend(config);
    RedisCluster.#SingleEntryCache.set(config, Cluster);
   }
   return options => Object.create(new Cluster(options));
  }
  static create(options) {
   return RedisCluster.factory(options)(options);
  }
  _options;
  _slots;
  #identity;
  _self=this;
  _commandOptions;
  _policyResolver;
  get slots() {
   return this._self._slots.slots;
  }
  get clientSideCache() {
   return this._self._slots.clientSideCache;
  }
  get _keyPrefix() {
   return this._self._options.keyPrefix;
  }
  get masters() {
   return this._self._slots.masters;
  }
  get replicas() {
   return this._self._slots.replicas;
  }
  get nodeByAddress() {
   return this._self._slots.nodeByAddress;
  }
  get pubSubNode() {
   return this._self._slots.pubSubNode;
  }
  get isOpen() {
   return this._self._slots.isOpen;
  }
  get isReady() {
   return this._self._slots.isReady;
  }
  get identity() {
   return this._self.#identity;
  }
  constructor(options) {
   super();
   this.#identity = {
    id: (0, identity_1.generateClusterClientId)(options.rootNodes),
    role: identity_1.ClientRole.CLUSTER
   };
   this._options = options;
   this._slots = new cluster_slots_1.default(options, this.emit.bind(this), this.#identity.id);
   this.on(cluster_slots_1.RESUBSCRIBE_LISTENERS_EVENT, this.resubscribeAllPubSubListeners.bind(this));
   this._commandOptions = {
    timeout: defaults_1.DEFAULT_COMMAND_TIMEOUT,
    ...options?.commandOptions
   };
   this._policyResolver = command_metadata_1.defaultCommandMetadata;
  }
  duplicate(overrides) {
   return new (Object.getPrototypeOf(this).constructor)({
    ...this._self._options,
    himportRegistry: this._self._slots.himportRegistry,
    commandOptions: this._commandOptions,
    ...overrides
   });
  }
  async connect() {
   await this._self._slots.connect();
   return this;
  }
  withCommandOptions(options) {
   const proxy = Object.create(this);
   proxy._commandOptions = options;
   return proxy;
  }
  _commandOptionsProxy(key, value) {
   const proxy = Object.create(this);
   proxy._commandOptions = {
    ...this._commandOptions,
    [key]: value
   };
   return proxy;
  }
  withTypeMapping(typeMapping) {
   return this._commandOptionsProxy("typeMapping", typeMapping);
  }
  _handleAsk(fn) {
   return async (client, options) => {
    const chainId = Symbol("asking chain");
    const opts = options ? {
     ...options
    } : {};
    opts.chainId = chainId;
    opts.askRedirect = true;
    const ret = await Promise.all([ client.sendCommand([ ASKING_1.ASKING_CMD ], {
     chainId: chainId
    }), fn(client, opts) ]);
    return ret[1];
   };
  }
  async _executeWithPolicies(parser, isReadonly, options, makeFn) {
   const policyResult = this._policyResolver.resolvePolicy(parser.commandIdentifier);
   const policy = policyResult.ok ? policyResult.value : (0, command_metadata_1.defaultCommandPolicies)(parser.keys.length === 0);
   const readonly = (0, command_metadata_1.isReplicaSafe)(policy, isReadonly);
   const requestPolicy = policy.request;
   const responsePolicy = policy.response;
   if (requestPolicy === command_metadata_1.REQUEST_POLICIES_WITH_DEFAULTS.DEFAULT_KEYED && responsePolicy === command_metadata_1.RESPONSE_POLICIES_WITH_DEFAULTS.DEFAULT_KEYED) {
    return this._execute(parser, readonly, options, makeFn(parser));
   }
   const router = dispatch_1.REQUEST_ROUTERS[requestPolicy];
   if (!router) {
    throw new Error(`Unknown request policy ${requestPolicy}`);
   }
   const reducer = dispatch_1.RESPONSE_REDUCERS[responsePolicy];
   if (!reducer) {
    throw new Error(`Unknown response policy ${responsePolicy}`);
   }
   const plan = await router(this._slots, parser, readonly, policy.keySpecs);
   if (plan.length === 0) {
    throw new Error(`Request policy ${requestPolicy} produced no target nodes`);
   }
   const numericAgg = dispatch_1.NUMERIC_AGG_POLICIES.has(responsePolicy);
   const requestedMapping = options?.typeMapping;
   const execOptions = numericAgg && requestedMapping ? {
    ...options,
    typeMapping: undefined
   } : options;
   const served = {};
   const responsePromises = plan.map(async entry => {
    const entryParser = entry.parser ?? parser;
    const client = entry.client ?? (entry.getClient ? await entry.getClient() : undefined);
    return this._execute(entryParser, readonly, execOptions, makeFn(entryParser), client, plan.length === 1 ? served : undefined);
   });
   const positionHints = plan.map(entry => entry.groupIndices);
   let reply = await reducer(responsePromises, parser, positionHints);
   if (numericAgg) {
    reply = (0, dispatch_1.remapAggregateReply)(reply, requestedMapping);
   }
   const servedClient = served.client;
   const hookPlan = servedClient && servedClient !== plan[0].client ? [ {
    ...plan[0],
    client: servedClient
   } ] : plan;
   try {
    reply = (0, ft_cursor_1.finalizeFtCursor)(this._slots, parser, hookPlan, reply);
   } catch {}
   try {
    reply = (0, scan_cursor_1.finalizeScanCursor)(this._slots, parser, hookPlan, reply);
   } catch {}
   return reply;
  }
  async _execute(parser, isReadonly, options, fn, pinnedClient, served) {
   const maxCommandRedirections = this._options.maxCommandRedirections ?? 16;
   let client;
   let slotNumber;
   if (pinnedClient) {
    client = pinnedClient;
    slotNumber = parser.firstKey === undefined ? undefined : (0, calculate_slot_1.default)(parser.firstKey);
   } else {
    ({client: client, slotNumber: slotNumber} = await this._slots.getClientAndSlotNumber(parser.firstKey, isReadonly));
   }
   let i = 0;
   let myFn = fn;
   while (true) {
    try {
     if (served) served.client = client;
     const opts = {
      ...options,
      slotNumber: slotNumber
     };
     return await myFn(client, opts);
    } catch (_err) {
     const err = _err;
     myFn = fn;
     if (!(err instanceof Error)) {
      throw err;
     }
     const isRedirect = err.message.startsWith("ASK") || err.message.startsWith("MOVED");
     if (++i > maxCommandRedirections) {
      (0, tracing_1.publish)(tracing_1.CHANNELS.ERROR, () => ({
       error: err,
       origin: "cluster",
       internal: false,
       clientId: client._clientId,
       retryCount: i
      }));
      if (isRedirect) {
       throw new errors_1.MaxCommandRedirectionsError(err);
      }
      throw err;
     }
     if (err.message.startsWith("ASK")) {
      (0, tracing_1.publish)(tracing_1.CHANNELS.ERROR, () => ({
       error: err,
       origin: "cluster",
       internal: true,
       clientId: client._clientId,
       retryCount: i
      }));
      const address = err.message.substring(err.message.lastIndexOf(" ") + 1);
      let redirectTo = await this._slots.getMasterByAddress(address);
      if (!redirectTo) {
       await this._slots.rediscover(client);
       redirectTo = await this._slots.getMasterByAddress(address);
      }
      if (!redirectTo) {
       throw new Error(`Cannot find node ${address}`);
      }
      client = redirectTo;
      myFn = this._handleAsk(fn);
      continue;
     }
     if (err.message.startsWith("MOVED")) {
      (0, tracing_1.publish)(tracing_1.CHANNELS.ERROR, () => ({
       error: err,
       origin: "cluster",
       internal: true,
       clientId: client._clientId,
       retryCount: i
      }));
      await this._slots.rediscover(client);
      client = (await this._slots.getClientAndSlotNumber(parser.firstKey, isReadonly)).client;
      continue;
     }
     throw err;
    }
   }
  }
  async sendCommand(firstKey, isReadonly, args, options) {
   const opts = {
    ...this._commandOptions,
    ...options
   };
   const parser = new parser_1.BasicCommandParser;
   args.forEach(arg => parser.push(arg));
   if (firstKey !== undefined) parser.markRoutingKey(firstKey);
   return this._self._executeWithPolicies(parser, isReadonly, opts, p => (client, opts) => client.sendCommand(p.redisArgs, opts));
  }
  MULTI(routing) {
   return new this.Multi(async (firstKey, isReadonly, commands) => {
    const parser = new parser_1.BasicCommandParser;
    if (firstKey !== undefined) parser.markRoutingKey(firstKey);
    return this._self._execute(parser, isReadonly, undefined, (client, options) => client._executeMulti(commands, undefined, options?.slotNumber, options?.chainId));
   }, async (firstKey, isReadonly, commands) => {
    const {client: client, slotNumber: slotNumber} = await this._self._slots.getClientAndSlotNumber(firstKey, isReadonly);
    return client._executePipeline(commands, undefined, slotNumber);
   }, routing, this._commandOptions?.typeMapping, this._self._keyPrefix);
  }
  multi=this.MULTI;
  async SUBSCRIBE(channels, listener, bufferMode) {
   return (await this._self._slots.getPubSubClient()).SUBSCRIBE(channels, listener, bufferMode);
  }
  subscribe=this.SUBSCRIBE;
  async UNSUBSCRIBE(channels, listener, bufferMode) {
   return this._self._slots.executeUnsubscribeCommand(client => client.UNSUBSCRIBE(channels, listener, bufferMode));
  }
  unsubscribe=this.UNSUBSCRIBE;
  async PSUBSCRIBE(patterns, listener, bufferMode) {
   return (await this._self._slots.getPubSubClient()).PSUBSCRIBE(patterns, listener, bufferMode);
  }
  pSubscribe=this.PSUBSCRIBE;
  async PUNSUBSCRIBE(patterns, listener, bufferMode) {
   return this._self._slots.executeUnsubscribeCommand(client => client.PUNSUBSCRIBE(patterns, listener, bufferMode));
  }
  pUnsubscribe=this.PUNSUBSCRIBE;
  async SSUBSCRIBE(channels, listener, bufferMode) {
   const maxCommandRedirections = this._self._options.maxCommandRedirections ?? 16, firstChannel = Array.isArray(channels) ? channels[0] : channels;
   let client = await this._self._slots.getShardedPubSubClient(firstChannel);
   for (let i = 0; ;i++) {
    try {
     return await client.SSUBSCRIBE(channels, listener, bufferMode);
    } catch (err) {
     if (!(err instanceof errors_1.ErrorReply)) {
      throw err;
     }
     const isRedirect = err.message.startsWith("MOVED");
     if (++i > maxCommandRedirections) {
      if (isRedirect) {
       throw new errors_1.MaxCommandRedirectionsError(err);
      }
      throw err;
     }
     if (isRedirect) {
      await this._self._slots.rediscover(client);
      client = await this._self._slots.getShardedPubSubClient(firstChannel);
      continue;
     }
     throw err;
    }
   }
  }
  sSubscribe=this.SSUBSCRIBE;
  SUNSUBSCRIBE(channels, listener, bufferMode) {
   return this._self._slots.executeShardedUnsubscribeCommand(Array.isArray(channels) ? channels[0] : channels, client => client.SUNSUBSCRIBE(channels, listener, bufferMode));
  }
  resubscribeAllPubSubListeners(allListeners) {
   if (allListeners.CHANNELS) {
    for (const [channel, listeners] of allListeners.CHANNELS) {
     listeners.buffers.forEach(bufListener => {
      this.subscribe(channel, bufListener, true);
     });
     listeners.strings.forEach(strListener => {
      this.subscribe(channel, strListener);
     });
    }
   }
   if (allListeners.PATTERNS) {
    for (const [channel, listeners] of allListeners.PATTERNS) {
     listeners.buffers.forEach(bufListener => {
      this.pSubscribe(channel, bufListener, true);
     });
     listeners.strings.forEach(strListener => {
      this.pSubscribe(channel, strListener);
     });
    }
   }
   if (allListeners.SHARDED) {
    for (const [channel, listeners] of allListeners.SHARDED) {
     listeners.buffers.forEach(bufListener => {
      this.sSubscribe(channel, bufListener, true);
     });
     listeners.strings.forEach(strListener => {
      this.sSubscribe(channel, strListener);
     });
    }
   }
  }
  sUnsubscribe=this.SUNSUBSCRIBE;
  quit() {
   return this._self._slots.quit();
  }
  disconnect() {
   return this._self._slots.disconnect();
  }
  close() {
   this._self._slots.clientSideCache?.onPoolClose();
   return this._self._slots.close();
  }
  destroy() {
   this._self._slots.clientSideCache?.onPoolClose();
   return this._self._slots.destroy();
  }
  nodeClient(node) {
   return this._self._slots.nodeClient(node);
  }
  getRandomNode() {
   return this._self._slots.getRandomNode();
  }
  getSlotRandomNode(slot) {
   return this._self._slots.getSlotRandomNode(slot);
  }
  getNodeClientForKey(key, isReadonly) {
   return this._self._slots.getClientForKey(key, isReadonly);
  }
  getMasters() {
   return this.masters;
  }
  getSlotMaster(slot) {
   return this.slots[slot].master;
  }
 }
 cluster.default = RedisCluster;
 return cluster;
}

var sentinel = {};

var utils = {};

var hasRequiredUtils;

function requireUtils() {
 if (hasRequiredUtils) return utils;
 hasRequiredUtils = 1;
 Object.defineProperty(utils, "__esModule", {
  value: true
 });
 utils.getMappedNode = utils.createScriptCommand = utils.createModuleCommand = utils.createFunctionCommand = utils.createCommand = utils.clientSocketToNode = utils.mergeSentinelNodes = utils.createNodeList = utils.parseNode = void 0;
 const parser_1 = requireParser();
 const commander_1 = requireCommander();
 const command_metadata_1 = requireCommandMetadata();
 function parseNode(node) {
  if (node.flags.includes("s_down") || node.flags.includes("disconnected") || node.flags.includes("failover_in_progress")) {
   return undefined;
  }
  return {
   host: node.ip,
   port: Number(node.port)
  };
 }
 utils.parseNode = parseNode;
 function createNodeList(nodes) {
  const nodeList = [];
  for (const nodeData of nodes) {
   const node = parseNode(nodeData);
   if (node === undefined) {
    continue;
   }
   nodeList.push(node);
  }
  return nodeList;
 }
 utils.createNodeList = createNodeList;
 function mergeSentinelNodes(seedNodes, discoveredNodes) {
  const seen = new Set;
  const merged = [];
  for (const node of [ ...seedNodes, ...discoveredNodes ]) {
   const key = `${node.host}:${node.port}`;
   if (!seen.has(key)) {
    merged.push({
     host: node.host,
     port: node.port
    });
    seen.add(key);
   }
  }
  return merged;
 }
 utils.mergeSentinelNodes = mergeSentinelNodes;
 function clientSocketToNode(socket) {
  const s = socket;
  return {
   host: s.host,
   port: s.port
  };
 }
 utils.clientSocketToNode = clientSocketToNode;
 function createCommand(command, resp) {
  const transformReply = (0, commander_1.getTransformReply)(command, resp);
  let replicaSafe;
  return async function(...args) {
   const parser = new parser_1.BasicCommandParser(this._self._keyPrefix);
   command.parseCommand(parser, ...args);
   replicaSafe ??= (0, command_metadata_1.isReplicaSafe)(command_metadata_1.defaultCommandMetadata.lookup(parser.commandIdentifier), command.IS_READ_ONLY);
   return this._self._execute(replicaSafe, client => client._executeCommand(command, parser, this.commandOptions, transformReply));
  };
 }
 utils.createCommand = createCommand;
 function createFunctionCommand(name, fn, resp) {
  const prefix = (0, commander_1.functionArgumentsPrefix)(name, fn);
  const transformReply = (0, commander_1.getTransformReply)(fn, resp);
  return async function(...args) {
   const parser = new parser_1.BasicCommandParser(this._self._keyPrefix);
   parser.push(...prefix);
   fn.parseCommand(parser, ...args);
   return this._self._execute(fn.IS_READ_ONLY, client => client._executeCommand(fn, parser, this._self.commandOptions, transformReply));
  };
 }
 utils.createFunctionCommand = createFunctionCommand;
 function createModuleCommand(command, resp) {
  const transformReply = (0, commander_1.getTransformReply)(command, resp);
  let replicaSafe;
  return async function(...args) {
   const parser = new parser_1.BasicCommandParser(this._self._keyPrefix);
   command.parseCommand(parser, ...args);
   replicaSafe ??= (0, command_metadata_1.isReplicaSafe)(command_metadata_1.defaultCommandMetadata.lookup(parser.commandIdentifier), command.IS_READ_ONLY);
   return this._self._execute(replicaSafe, client => client._executeCommand(command, parser, this._self.commandOptions, transformReply));
  };
 }
 utils.createModuleCommand = createModuleCommand;
 function createScriptCommand(script, resp) {
  const prefix = (0, commander_1.scriptArgumentsPrefix)(script);
  const transformReply = (0, commander_1.getTransformReply)(script, resp);
  return async function(...args) {
   const parser = new parser_1.BasicCommandParser(this._self._keyPrefix);
   parser.push(...prefix);
   script.parseCommand(parser, ...args);
   return this._self._execute(script.IS_READ_ONLY, client => client._executeScript(script, parser, this.commandOptions, transformReply));
  };
 }
 utils.createScriptCommand = createScriptCommand;
 function getMappedNode(host, port, nodeAddressMap) {
  if (nodeAddressMap === undefined) {
   return {
    host: host,
    port: port
   };
  }
  const address = `${host}:${port}`;
  switch (typeof nodeAddressMap) {
  case "object":
   return nodeAddressMap[address] ?? {
    host: host,
    port: port
   };

  case "function":
   return nodeAddressMap(address) ?? {
    host: host,
    port: port
   };
  }
 }
 utils.getMappedNode = getMappedNode;
 return utils;
}

var multiCommands = {};

var hasRequiredMultiCommands;

function requireMultiCommands() {
 if (hasRequiredMultiCommands) return multiCommands;
 hasRequiredMultiCommands = 1;
 var __importDefault = multiCommands && multiCommands.__importDefault || function(mod) {
  return mod && mod.__esModule ? mod : {
   default: mod
  };
 };
 Object.defineProperty(multiCommands, "__esModule", {
  value: true
 });
 const commands_1 = requireCommands$1();
 const multi_command_1 = __importDefault(requireMultiCommand$2());
 const commander_1 = requireCommander();
 const parser_1 = requireParser();
 const command_metadata_1 = requireCommandMetadata();
 class RedisSentinelMultiCommand {
  static _createCommand(command, resp) {
   const transformReply = (0, commander_1.getTransformReply)(command, resp);
   let replicaSafe;
   return function(...args) {
    const parser = new parser_1.BasicCommandParser(this.#sentinel._keyPrefix);
    command.parseCommand(parser, ...args);
    const redisArgs = parser.redisArgs;
    redisArgs.preserve = parser.preserve;
    replicaSafe ??= (0, command_metadata_1.isReplicaSafe)(command_metadata_1.defaultCommandMetadata.lookup(parser.commandIdentifier), command.IS_READ_ONLY);
    return this.addCommand(replicaSafe, redisArgs, transformReply);
   };
  }
  static _createModuleCommand(command, resp) {
   const transformReply = (0, commander_1.getTransformReply)(command, resp);
   let replicaSafe;
   return function(...args) {
    const parser = new parser_1.BasicCommandParser(this._self.#sentinel._keyPrefix);
    command.parseCommand(parser, ...args);
    const redisArgs = parser.redisArgs;
    redisArgs.preserve = parser.preserve;
    replicaSafe ??= (0, command_metadata_1.isReplicaSafe)(command_metadata_1.defaultCommandMetadata.lookup(parser.commandIdentifier), command.IS_READ_ONLY);
    return this._self.addCommand(replicaSafe, redisArgs, transformReply);
   };
  }
  static _createFunctionCommand(name, fn, resp) {
   const prefix = (0, commander_1.functionArgumentsPrefix)(name, fn);
   const transformReply = (0, commander_1.getTransformReply)(fn, resp);
   return function(...args) {
    const parser = new parser_1.BasicCommandParser(this._self.#sentinel._keyPrefix);
    parser.push(...prefix);
    fn.parseCommand(parser, ...args);
    const redisArgs = parser.redisArgs;
    redisArgs.preserve = parser.preserve;
    return this._self.addCommand(fn.IS_READ_ONLY, redisArgs, transformReply);
   };
  }
  static _createScriptCommand(script, resp) {
   const transformReply = (0, commander_1.getTransformReply)(script, resp);
   return function(...args) {
    const parser = new parser_1.BasicCommandParser(this.#sentinel._keyPrefix);
    script.parseCommand(parser, ...args);
    const scriptArgs = parser.redisArgs;
    scriptArgs.preserve = parser.preserve;
    return this.#addScript(script.IS_READ_ONLY, script, scriptArgs, transformReply);
   };
  }
  static extend(config) {
   return (0, commander_1.attachConfig)({
    BaseClass: RedisSentinelMultiCommand,
    commands: commands_1.NON_STICKY_COMMANDS,
    createCommand: RedisSentinelMultiCommand._createCommand,
    createModuleCommand: RedisSentinelMultiCommand._createModuleCommand,
    createFunctionCommand: RedisSentinelMultiCommand._createFunctionCommand,
    createScriptCommand: RedisSentinelMultiCommand._createScriptCommand,
    config: config
   });
  }
  #multi=new multi_command_1.default;
  #sentinel;
  #isReadonly=true;
  constructor(sentinel, typeMapping) {
   this.#multi = new multi_command_1.default(typeMapping);
   this.#sentinel = sentinel;
  }
  #setState(isReadonly) {
   this.#isReadonly &&= isReadonly;
  }
  addCommand(isReadonly, args, transformReply) {
   this.#setState(isReadonly);
   this.#multi.addCommand(args, transformReply);
   return this;
  }
  #addScript(isReadonly, script, args, transformReply) {
   this.#setState(isReadonly);
   this.#multi.addScript(script, args, transformReply);
   return this;
  }
  async exec(execAsPipeline = false) {
   if (execAsPipeline) return this.execAsPipeline();
   return this.#multi.transformReplies(await this.#sentinel._executeMulti(this.#isReadonly, this.#multi.queue));
  }
  EXEC=this.exec;
  execTyped(execAsPipeline = false) {
   return this.exec(execAsPipeline);
  }
  async execAsPipeline() {
   if (this.#multi.queue.length === 0) return [];
   return this.#multi.transformReplies(await this.#sentinel._executePipeline(this.#isReadonly, this.#multi.queue));
  }
  execAsPipelineTyped() {
   return this.execAsPipeline();
  }
  sendCommand(args, options) {
   const redisArgs = args.slice();
   this.addCommand(options?.isReadonly, redisArgs);
   return this;
  }
 }
 multiCommands.default = RedisSentinelMultiCommand;
 return multiCommands;
}

var pubSubProxy = {};

var hasRequiredPubSubProxy;

function requirePubSubProxy() {
 if (hasRequiredPubSubProxy) return pubSubProxy;
 hasRequiredPubSubProxy = 1;
 var __importDefault = pubSubProxy && pubSubProxy.__importDefault || function(mod) {
  return mod && mod.__esModule ? mod : {
   default: mod
  };
 };
 Object.defineProperty(pubSubProxy, "__esModule", {
  value: true
 });
 pubSubProxy.PubSubProxy = void 0;
 const node_events_1 = __importDefault(require$$0$5);
 const pub_sub_1 = requirePubSub();
 const client_1 = __importDefault(requireClient());
 class PubSubProxy extends node_events_1.default {
  #clientOptions;
  #onError;
  #node;
  #state;
  #subscriptions;
  constructor(clientOptions, onError) {
   super();
   this.#clientOptions = clientOptions;
   this.#onError = onError;
  }
  #createClient() {
   if (this.#node === undefined) {
    throw new Error("pubSubProxy: didn't define node to do pubsub against");
   }
   return new client_1.default({
    ...this.#clientOptions,
    socket: {
     ...this.#clientOptions.socket,
     host: this.#node.host,
     port: this.#node.port
    }
   });
  }
  async #initiatePubSubClient(withSubscriptions = false) {
   const client = this.#createClient().on("error", this.#onError);
   const connectPromise = client.connect().then(async client => {
    if (this.#state?.client !== client) {
     client.destroy();
     return this.#state?.connectPromise;
    }
    if (withSubscriptions && this.#subscriptions) {
     await Promise.all([ client.extendPubSubListeners(pub_sub_1.PUBSUB_TYPE.CHANNELS, this.#subscriptions[pub_sub_1.PUBSUB_TYPE.CHANNELS]), client.extendPubSubListeners(pub_sub_1.PUBSUB_TYPE.PATTERNS, this.#subscriptions[pub_sub_1.PUBSUB_TYPE.PATTERNS]), client.extendPubSubListeners(pub_sub_1.PUBSUB_TYPE.SHARDED, this.#subscriptions[pub_sub_1.PUBSUB_TYPE.SHARDED]) ]);
    }
    if (this.#state.client !== client) {
     client.destroy();
     return this.#state?.connectPromise;
    }
    this.#state.connectPromise = undefined;
    return client;
   }).catch(err => {
    this.#state = undefined;
    throw err;
   });
   this.#state = {
    client: client,
    connectPromise: connectPromise
   };
   return connectPromise;
  }
  #getPubSubClient() {
   if (!this.#state) return this.#initiatePubSubClient();
   return this.#state.connectPromise ?? this.#state.client;
  }
  async changeNode(node) {
   this.#node = node;
   if (!this.#state) return;
   if (this.#state.connectPromise === undefined) {
    this.#subscriptions = {
     [pub_sub_1.PUBSUB_TYPE.CHANNELS]: this.#state.client.getPubSubListeners(pub_sub_1.PUBSUB_TYPE.CHANNELS),
     [pub_sub_1.PUBSUB_TYPE.PATTERNS]: this.#state.client.getPubSubListeners(pub_sub_1.PUBSUB_TYPE.PATTERNS),
     [pub_sub_1.PUBSUB_TYPE.SHARDED]: this.#state.client.getPubSubListeners(pub_sub_1.PUBSUB_TYPE.SHARDED)
    };
    this.#state.client.destroy();
   }
   await this.#initiatePubSubClient(true);
  }
  #executeCommand(fn) {
   const client = this.#getPubSubClient();
   if (client instanceof client_1.default) {
    return fn(client);
   }
   return client.then(client => {
    if (client === undefined) return;
    return fn(client);
   }).catch(err => {
    if (this.#state?.client.isPubSubActive) {
     this.#state.client.destroy();
     this.#state = undefined;
    }
    throw err;
   });
  }
  subscribe(channels, listener, bufferMode) {
   return this.#executeCommand(client => client.SUBSCRIBE(channels, listener, bufferMode));
  }
  #unsubscribe(fn) {
   return this.#executeCommand(async client => {
    const reply = await fn(client);
    if (!client.isPubSubActive) {
     client.destroy();
     this.#state = undefined;
    }
    return reply;
   });
  }
  async unsubscribe(channels, listener, bufferMode) {
   return this.#unsubscribe(client => client.UNSUBSCRIBE(channels, listener, bufferMode));
  }
  async pSubscribe(patterns, listener, bufferMode) {
   return this.#executeCommand(client => client.PSUBSCRIBE(patterns, listener, bufferMode));
  }
  async pUnsubscribe(patterns, listener, bufferMode) {
   return this.#unsubscribe(client => client.PUNSUBSCRIBE(patterns, listener, bufferMode));
  }
  sSubscribe(channels, listener, bufferMode) {
   return this.#executeCommand(client => client.SSUBSCRIBE(channels, listener, bufferMode));
  }
  async sUnsubscribe(channels, listener, bufferMode) {
   return this.#unsubscribe(client => client.SUNSUBSCRIBE(channels, listener, bufferMode));
  }
  destroy() {
   this.#subscriptions = undefined;
   if (this.#state === undefined) return;
   if (!this.#state.connectPromise) {
    this.#state.client.destroy();
   }
   this.#state = undefined;
  }
 }
 pubSubProxy.PubSubProxy = PubSubProxy;
 return pubSubProxy;
}

var module$1 = {};

var commands = {};

var SENTINEL_MASTER = {};

var hasRequiredSENTINEL_MASTER;

function requireSENTINEL_MASTER() {
 if (hasRequiredSENTINEL_MASTER) return SENTINEL_MASTER;
 hasRequiredSENTINEL_MASTER = 1;
 Object.defineProperty(SENTINEL_MASTER, "__esModule", {
  value: true
 });
 const generic_transformers_1 = requireGenericTransformers();
 SENTINEL_MASTER.default = {
  parseCommand(parser, dbname) {
   parser.push("SENTINEL", "MASTER", dbname);
  },
  transformReply: {
   2: generic_transformers_1.transformTuplesReply,
   3: undefined
  }
 };
 return SENTINEL_MASTER;
}

var SENTINEL_MONITOR = {};

var hasRequiredSENTINEL_MONITOR;

function requireSENTINEL_MONITOR() {
 if (hasRequiredSENTINEL_MONITOR) return SENTINEL_MONITOR;
 hasRequiredSENTINEL_MONITOR = 1;
 Object.defineProperty(SENTINEL_MONITOR, "__esModule", {
  value: true
 });
 SENTINEL_MONITOR.default = {
  parseCommand(parser, dbname, host, port, quorum) {
   parser.push("SENTINEL", "MONITOR", dbname, host, port, quorum);
  },
  transformReply: undefined
 };
 return SENTINEL_MONITOR;
}

var SENTINEL_REPLICAS = {};

var hasRequiredSENTINEL_REPLICAS;

function requireSENTINEL_REPLICAS() {
 if (hasRequiredSENTINEL_REPLICAS) return SENTINEL_REPLICAS;
 hasRequiredSENTINEL_REPLICAS = 1;
 Object.defineProperty(SENTINEL_REPLICAS, "__esModule", {
  value: true
 });
 const generic_transformers_1 = requireGenericTransformers();
 SENTINEL_REPLICAS.default = {
  parseCommand(parser, dbname) {
   parser.push("SENTINEL", "REPLICAS", dbname);
  },
  transformReply: {
   2: (reply, preserve, typeMapping) => {
    const inferred = reply;
    const initial = [];
    return inferred.reduce((sentinels, x) => {
     sentinels.push((0, generic_transformers_1.transformTuplesReply)(x, undefined, typeMapping));
     return sentinels;
    }, initial);
   },
   3: undefined
  }
 };
 return SENTINEL_REPLICAS;
}

var SENTINEL_SENTINELS = {};

var hasRequiredSENTINEL_SENTINELS;

function requireSENTINEL_SENTINELS() {
 if (hasRequiredSENTINEL_SENTINELS) return SENTINEL_SENTINELS;
 hasRequiredSENTINEL_SENTINELS = 1;
 Object.defineProperty(SENTINEL_SENTINELS, "__esModule", {
  value: true
 });
 const generic_transformers_1 = requireGenericTransformers();
 SENTINEL_SENTINELS.default = {
  parseCommand(parser, dbname) {
   parser.push("SENTINEL", "SENTINELS", dbname);
  },
  transformReply: {
   2: (reply, preserve, typeMapping) => {
    const inferred = reply;
    const initial = [];
    return inferred.reduce((sentinels, x) => {
     sentinels.push((0, generic_transformers_1.transformTuplesReply)(x, undefined, typeMapping));
     return sentinels;
    }, initial);
   },
   3: undefined
  }
 };
 return SENTINEL_SENTINELS;
}

var SENTINEL_SET = {};

var hasRequiredSENTINEL_SET;

function requireSENTINEL_SET() {
 if (hasRequiredSENTINEL_SET) return SENTINEL_SET;
 hasRequiredSENTINEL_SET = 1;
 Object.defineProperty(SENTINEL_SET, "__esModule", {
  value: true
 });
 SENTINEL_SET.default = {
  parseCommand(parser, dbname, options) {
   parser.push("SENTINEL", "SET", dbname);
   for (const option of options) {
    parser.push(option.option, option.value);
   }
  },
  transformReply: undefined
 };
 return SENTINEL_SET;
}

var hasRequiredCommands;

function requireCommands() {
 if (hasRequiredCommands) return commands;
 hasRequiredCommands = 1;
 var __importDefault = commands && commands.__importDefault || function(mod) {
  return mod && mod.__esModule ? mod : {
   default: mod
  };
 };
 Object.defineProperty(commands, "__esModule", {
  value: true
 });
 const SENTINEL_MASTER_1 = __importDefault(requireSENTINEL_MASTER());
 const SENTINEL_MONITOR_1 = __importDefault(requireSENTINEL_MONITOR());
 const SENTINEL_REPLICAS_1 = __importDefault(requireSENTINEL_REPLICAS());
 const SENTINEL_SENTINELS_1 = __importDefault(requireSENTINEL_SENTINELS());
 const SENTINEL_SET_1 = __importDefault(requireSENTINEL_SET());
 commands.default = {
  SENTINEL_SENTINELS: SENTINEL_SENTINELS_1.default,
  sentinelSentinels: SENTINEL_SENTINELS_1.default,
  SENTINEL_MASTER: SENTINEL_MASTER_1.default,
  sentinelMaster: SENTINEL_MASTER_1.default,
  SENTINEL_REPLICAS: SENTINEL_REPLICAS_1.default,
  sentinelReplicas: SENTINEL_REPLICAS_1.default,
  SENTINEL_MONITOR: SENTINEL_MONITOR_1.default,
  sentinelMonitor: SENTINEL_MONITOR_1.default,
  SENTINEL_SET: SENTINEL_SET_1.default,
  sentinelSet: SENTINEL_SET_1.default
 };
 return commands;
}

var hasRequiredModule;

function requireModule() {
 if (hasRequiredModule) return module$1;
 hasRequiredModule = 1;
 var __importDefault = module$1 && module$1.__importDefault || function(mod) {
  return mod && mod.__esModule ? mod : {
   default: mod
  };
 };
 Object.defineProperty(module$1, "__esModule", {
  value: true
 });
 const commands_1 = __importDefault(requireCommands());
 module$1.default = {
  sentinel: commands_1.default
 };
 return module$1;
}

var waitQueue = {};

var hasRequiredWaitQueue;

function requireWaitQueue() {
 if (hasRequiredWaitQueue) return waitQueue;
 hasRequiredWaitQueue = 1;
 Object.defineProperty(waitQueue, "__esModule", {
  value: true
 });
 waitQueue.WaitQueue = void 0;
 const linked_list_1 = requireLinkedList();
 class WaitQueue {
  #list=new linked_list_1.SinglyLinkedList;
  #queue=new linked_list_1.SinglyLinkedList;
  push(value) {
   const resolve = this.#queue.shift();
   if (resolve !== undefined) {
    resolve(value);
    return;
   }
   this.#list.push(value);
  }
  shift() {
   return this.#list.shift();
  }
  wait() {
   return new Promise(resolve => this.#queue.push(resolve));
  }
 }
 waitQueue.WaitQueue = WaitQueue;
 return waitQueue;
}

var hasRequiredSentinel;

function requireSentinel() {
 if (hasRequiredSentinel) return sentinel;
 hasRequiredSentinel = 1;
 var __importDefault = sentinel && sentinel.__importDefault || function(mod) {
  return mod && mod.__esModule ? mod : {
   default: mod
  };
 };
 Object.defineProperty(sentinel, "__esModule", {
  value: true
 });
 sentinel.RedisSentinelFactory = sentinel.RedisSentinelInternal = sentinel.RedisSentinelClient = void 0;
 const node_events_1 = require$$0$5;
 const types_1 = requireTypes$2();
 const errors_1 = requireErrors();
 const client_1 = __importDefault(requireClient());
 const commander_1 = requireCommander();
 const commands_1 = requireCommands$1();
 const utils_1 = requireUtils();
 const multi_commands_1 = __importDefault(requireMultiCommands());
 const pub_sub_proxy_1 = requirePubSubProxy();
 const promises_1 = require$$3$1;
 const module_1 = __importDefault(requireModule());
 const parser_1 = requireParser();
 const wait_queue_1 = requireWaitQueue();
 const cache_1 = requireCache();
 const identity_1 = requireIdentity();
 const registry_1 = requireRegistry();
 const defaults_1 = requireDefaults();
 class RedisSentinelClient {
  #clientInfo;
  #internal;
  _self;
  get isOpen() {
   return this._self.#internal.isOpen;
  }
  get isReady() {
   return this._self.#internal.isReady;
  }
  get commandOptions() {
   return this._commandOptions !== undefined ? {
    ...this._self.#commandOptions,
    ...this._commandOptions
   } : this._self.#commandOptions;
  }
  get _keyPrefix() {
   return this._self.#internal.keyPrefix;
  }
  #commandOptions;
  _commandOptions;
  constructor(internal, clientInfo, commandOptions) {
   this._self = this;
   this.#internal = internal;
   this.#clientInfo = clientInfo;
   this.#commandOptions = commandOptions;
  }
  static factory(config) {
   const SentinelClient = (0, commander_1.attachConfig)({
    BaseClass: RedisSentinelClient,
    commands: commands_1.NON_STICKY_COMMANDS,
    createCommand: utils_1.createCommand,
    createModuleCommand: utils_1.createModuleCommand,
    createFunctionCommand: utils_1.createFunctionCommand,
    createScriptCommand: utils_1.createScriptCommand,
    config: config
   });
   SentinelClient.prototype.Multi = multi_commands_1.default.extend(config);
   return (internal, clientInfo, commandOptions) => Object.create(new SentinelClient(internal, clientInfo, commandOptions));
  }
  static create(options, internal, clientInfo, commandOptions) {
   return RedisSentinelClient.factory(options)(internal, clientInfo, commandOptions);
  }
  withCommandOptions(options) {
   const proxy = Object.create(this);
   proxy._commandOptions = options;
   return proxy;
  }
  _commandOptionsProxy(key, value) {
   const proxy = Object.create(this);
   proxy._commandOptions = {
    ...this.commandOptions,
    [key]: value
   };
   return proxy;
  }
  withTypeMapping(typeMapping) {
   return this._commandOptionsProxy("typeMapping", typeMapping);
  }
  async _execute(isReadonly, fn) {
   if (this._self.#clientInfo === undefined) {
    throw new Error("Attempted execution on released RedisSentinelClient lease");
   }
   return await this._self.#internal.execute(fn, this._self.#clientInfo);
  }
  async sendCommand(isReadonly, args, options) {
   const mergedOptions = {
    ...this.commandOptions,
    ...options
   };
   return this._execute(isReadonly, client => client.sendCommand(args, mergedOptions));
  }
  async _executePipeline(isReadonly, commands) {
   return this._execute(isReadonly, client => client._executePipeline(commands));
  }
  async _executeMulti(isReadonly, commands) {
   return this._execute(isReadonly, client => client._executeMulti(commands));
  }
  MULTI() {
   return new this.Multi(this);
  }
  multi=this.MULTI;
  WATCH(key) {
   if (this._self.#clientInfo === undefined) {
    throw new Error("Attempted execution on released RedisSentinelClient lease");
   }
   const watchKeys = (0, parser_1.prefixKeys)(this._self._keyPrefix, key);
   return this._execute(false, client => client.watch(watchKeys));
  }
  watch=this.WATCH;
  UNWATCH() {
   if (this._self.#clientInfo === undefined) {
    throw new Error("Attempted execution on released RedisSentinelClient lease");
   }
   return this._execute(false, client => client.unwatch());
  }
  unwatch=this.UNWATCH;
  release() {
   if (this._self.#clientInfo === undefined) {
    throw new Error("RedisSentinelClient lease already released");
   }
   const result = this._self.#internal.releaseClientLease(this._self.#clientInfo);
   this._self.#clientInfo = undefined;
   return result;
  }
 }
 sentinel.RedisSentinelClient = RedisSentinelClient;
 class RedisSentinel extends node_events_1.EventEmitter {
  _self;
  #internal;
  #options;
  #identity;
  get isOpen() {
   return this._self.#internal.isOpen;
  }
  get isReady() {
   return this._self.#internal.isReady;
  }
  get commandOptions() {
   return this._commandOptions !== undefined ? {
    ...this._self.#commandOptions,
    ...this._commandOptions
   } : this._self.#commandOptions;
  }
  get identity() {
   return this._self.#identity;
  }
  #commandOptions;
  _commandOptions;
  #trace=() => {};
  #reservedClientInfo;
  #masterClientCount=0;
  #masterClientInfo;
  get clientSideCache() {
   return this._self.#internal.clientSideCache;
  }
  get _keyPrefix() {
   return this._self.#options.keyPrefix;
  }
  constructor(options) {
   super();
   this._self = this;
   const firstSentinel = options.sentinelRootNodes[0];
   this.#identity = {
    id: (0, identity_1.generateClientId)(firstSentinel?.host, firstSentinel?.port, undefined),
    role: identity_1.ClientRole.SENTINEL
   };
   this.#options = options;
   this.#commandOptions = {
    timeout: defaults_1.DEFAULT_COMMAND_TIMEOUT,
    ...options.commandOptions
   };
   this.#internal = new RedisSentinelInternal(options, this.#identity.id);
   this.#internal.on("error", err => this.emit("error", err));
   this.#internal.on("connect", () => this.emit("connect")).on("ready", () => this.emit("ready")).on("reconnecting", () => this.emit("reconnecting")).on("end", () => this.emit("end"));
   this.#internal.on("topology-change", event => {
    if (!this.emit("topology-change", event)) {
     this._self.#trace(`RedisSentinel: re-emit for topology-change for ${event.type} event returned false`);
    }
   });
  }
  static factory(config) {
   const Sentinel = (0, commander_1.attachConfig)({
    BaseClass: RedisSentinel,
    commands: commands_1.NON_STICKY_COMMANDS,
    createCommand: utils_1.createCommand,
    createModuleCommand: utils_1.createModuleCommand,
    createFunctionCommand: utils_1.createFunctionCommand,
    createScriptCommand: utils_1.createScriptCommand,
    config: config
   });
   Sentinel.prototype.Multi = multi_commands_1.default.extend(config);
   return options => Object.create(new Sentinel(options));
  }
  static create(options) {
   return RedisSentinel.factory(options)(options);
  }
  withCommandOptions(options) {
   const proxy = Object.create(this);
   proxy._commandOptions = options;
   return proxy;
  }
  _commandOptionsProxy(key, value) {
   const proxy = Object.create(this);
   proxy._commandOptions = {
    ...this.commandOptions,
    [key]: value
   };
   return proxy;
  }
  withTypeMapping(typeMapping) {
   return this._commandOptionsProxy("typeMapping", typeMapping);
  }
  duplicate(overrides) {
   return new (Object.getPrototypeOf(this).constructor)({
    ...this._self.#options,
    commandOptions: this.commandOptions,
    ...overrides
   });
  }
  async connect() {
   await this._self.#internal.connect();
   if (this._self.#options.reserveClient) {
    this._self.#reservedClientInfo = await this._self.#internal.getClientLease();
   }
   return this;
  }
  async _execute(isReadonly, fn) {
   let clientInfo;
   if (!isReadonly || !this._self.#internal.useReplicas) {
    if (this._self.#reservedClientInfo) {
     clientInfo = this._self.#reservedClientInfo;
    } else {
     this._self.#masterClientInfo ??= await this._self.#internal.getClientLease();
     clientInfo = this._self.#masterClientInfo;
     this._self.#masterClientCount++;
    }
   }
   try {
    return await this._self.#internal.execute(fn, clientInfo);
   } finally {
    if (clientInfo !== undefined && clientInfo === this._self.#masterClientInfo && --this._self.#masterClientCount === 0) {
     const promise = this._self.#internal.releaseClientLease(clientInfo);
     this._self.#masterClientInfo = undefined;
     if (promise) await promise;
    }
   }
  }
  async use(fn) {
   const clientInfo = await this._self.#internal.getClientLease();
   try {
    return await fn(RedisSentinelClient.create(this._self.#options, this._self.#internal, clientInfo, this.commandOptions));
   } finally {
    const promise = this._self.#internal.releaseClientLease(clientInfo);
    if (promise) await promise;
   }
  }
  async sendCommand(isReadonly, args, options) {
   const mergedOptions = {
    ...this.commandOptions,
    ...options
   };
   return this._execute(isReadonly, client => client.sendCommand(args, mergedOptions));
  }
  async _executePipeline(isReadonly, commands) {
   return this._execute(isReadonly, client => client._executePipeline(commands));
  }
  async _executeMulti(isReadonly, commands) {
   return this._execute(isReadonly, client => client._executeMulti(commands));
  }
  MULTI() {
   return new this.Multi(this);
  }
  multi=this.MULTI;
  async close() {
   try {
    await this._self.#internal.close();
   } finally {
    this._self.#releaseReservedLease();
   }
  }
  async destroy() {
   try {
    await this._self.#internal.destroy();
   } finally {
    this._self.#releaseReservedLease();
   }
  }
  #releaseReservedLease() {
   if (this.#reservedClientInfo) {
    this.#internal.releaseClientLease(this.#reservedClientInfo);
    this.#reservedClientInfo = undefined;
   }
  }
  async SUBSCRIBE(channels, listener, bufferMode) {
   return this._self.#internal.subscribe(channels, listener, bufferMode);
  }
  subscribe=this.SUBSCRIBE;
  async UNSUBSCRIBE(channels, listener, bufferMode) {
   return this._self.#internal.unsubscribe(channels, listener, bufferMode);
  }
  unsubscribe=this.UNSUBSCRIBE;
  async PSUBSCRIBE(patterns, listener, bufferMode) {
   return this._self.#internal.pSubscribe(patterns, listener, bufferMode);
  }
  pSubscribe=this.PSUBSCRIBE;
  async PUNSUBSCRIBE(patterns, listener, bufferMode) {
   return this._self.#internal.pUnsubscribe(patterns, listener, bufferMode);
  }
  pUnsubscribe=this.PUNSUBSCRIBE;
  async SSUBSCRIBE(channels, listener, bufferMode) {
   return this._self.#internal.sSubscribe(channels, listener, bufferMode);
  }
  sSubscribe=this.SSUBSCRIBE;
  async SUNSUBSCRIBE(channels, listener, bufferMode) {
   return this._self.#internal.sUnsubscribe(channels, listener, bufferMode);
  }
  sUnsubscribe=this.SUNSUBSCRIBE;
  async acquire() {
   const clientInfo = await this._self.#internal.getClientLease();
   return RedisSentinelClient.create(this._self.#options, this._self.#internal, clientInfo, this.commandOptions);
  }
  getSentinelNode() {
   return this._self.#internal.getSentinelNode();
  }
  getMasterNode() {
   return this._self.#internal.getMasterNode();
  }
  getReplicaNodes() {
   return this._self.#internal.getReplicaNodes();
  }
  setTracer(tracer) {
   if (tracer) {
    this._self.#trace = msg => {
     tracer.push(msg);
    };
   } else {
    this._self.#trace = () => {};
   }
   this._self.#internal.setTracer(tracer);
  }
  async* scanIterator(options) {
   let cursor = options?.cursor ?? "0";
   let masterChanged = false;
   const handleTopologyChange = event => {
    if (event.type === "MASTER_CHANGE") {
     masterChanged = true;
    }
   };
   this.on("topology-change", handleTopologyChange);
   try {
    do {
     if (masterChanged) throw new errors_1.ScanIteratorInterruptedError;
     let reply;
     try {
      reply = await this._execute(false, client => {
       if (masterChanged) throw new errors_1.ScanIteratorInterruptedError;
       return client.scan(cursor, options);
      });
     } catch (err) {
      if (err instanceof errors_1.ScanIteratorInterruptedError) throw err;
      if (masterChanged) throw new errors_1.ScanIteratorInterruptedError(err);
      throw err;
     }
     cursor = reply.cursor;
     yield reply.keys;
    } while (cursor.toString() !== "0");
   } finally {
    this.removeListener("topology-change", handleTopologyChange);
   }
  }
 }
 sentinel.default = RedisSentinel;
 class RedisSentinelInternal extends node_events_1.EventEmitter {
  #isOpen=false;
  get isOpen() {
   return this.#isOpen;
  }
  #isReady=false;
  get isReady() {
   return this.#isReady;
  }
  #setOpen(value) {
   if (this.#isOpen === value) return;
   this.#isOpen = value;
   this.emit(value ? "connect" : "end");
  }
  #setReady(value) {
   if (this.#isReady === value) return;
   if (value && this.#destroy) return;
   this.#isReady = value;
   try {
    if (value) {
     this.emit("ready");
    } else if (this.#isOpen && !this.#destroy) {
     this.emit("reconnecting");
    }
   } catch (err) {
    queueMicrotask(() => this.emit("error", err));
   }
  }
  #name;
  #sentinelClientId;
  #nodeClientOptions;
  #sentinelClientOptions;
  #nodeAddressMap;
  #scanInterval;
  #passthroughClientErrorEvents;
  #RESP;
  #keyPrefix;
  get keyPrefix() {
   return this.#keyPrefix;
  }
  #anotherReset=false;
  #sentinelSeedNodes;
  #sentinelRootNodes;
  #sentinelClient;
  #masterClients=[];
  #masterClientQueue;
  #masterPoolSize;
  #replicaClients=[];
  #replicaClientsIdx=0;
  #replicaPoolSize;
  get useReplicas() {
   return this.#replicaPoolSize > 0;
  }
  #connectPromise;
  #teardownPromise;
  #teardownKind;
  #escalateToDestroy;
  #maxCommandRediscovers;
  #pubSubProxy;
  #scanTimer;
  #destroy=false;
  #trace=() => {};
  #clientSideCache;
  get clientSideCache() {
   return this.#clientSideCache;
  }
  #validateOptions(options) {
   if (options?.clientSideCache && (options?.RESP ?? types_1.DEFAULT_RESP) !== 3) {
    throw new Error("Client Side Caching is only supported with RESP3");
   }
  }
  constructor(options, sentinelClientId) {
   super();
   this.#validateOptions(options);
   this.#name = options.name;
   this.#sentinelClientId = sentinelClientId;
   this.#RESP = options.RESP;
   this.#keyPrefix = options.keyPrefix;
   this.#sentinelSeedNodes = Array.from(options.sentinelRootNodes);
   this.#sentinelRootNodes = Array.from(this.#sentinelSeedNodes);
   this.#maxCommandRediscovers = options.maxCommandRediscovers ?? 16;
   this.#masterPoolSize = options.masterPoolSize ?? 1;
   this.#replicaPoolSize = options.replicaPoolSize ?? 0;
   this.#nodeAddressMap = options.nodeAddressMap;
   this.#scanInterval = options.scanInterval ?? 0;
   this.#passthroughClientErrorEvents = options.passthroughClientErrorEvents ?? false;
   this.#nodeClientOptions = options.nodeClientOptions ? {
    ...options.nodeClientOptions
   } : {};
   if (this.#nodeClientOptions.url !== undefined) {
    throw new Error("invalid nodeClientOptions for Sentinel");
   }
   this.#nodeClientOptions.himportRegistry = new registry_1.FieldsetRegistry;
   if (options.clientSideCache) {
    if (options.clientSideCache instanceof cache_1.PooledClientSideCacheProvider) {
     this.#clientSideCache = this.#nodeClientOptions.clientSideCache = options.clientSideCache;
    } else {
     const cscConfig = options.clientSideCache;
     this.#clientSideCache = this.#nodeClientOptions.clientSideCache = new cache_1.BasicPooledClientSideCache(cscConfig);
    }
   }
   this.#sentinelClientOptions = options.sentinelClientOptions ? Object.assign({}, options.sentinelClientOptions) : {};
   this.#sentinelClientOptions.modules = module_1.default;
   if (this.#sentinelClientOptions.url !== undefined) {
    throw new Error("invalid sentinelClientOptions for Sentinel");
   }
   this.#masterClientQueue = new wait_queue_1.WaitQueue;
   for (let i = 0; i < this.#masterPoolSize; i++) {
    this.#masterClientQueue.push(i);
   }
   this.#pubSubProxy = new pub_sub_proxy_1.PubSubProxy(this.#nodeClientOptions, err => this.emit("error", err));
  }
  #createClient(node, clientOptions, reconnectStrategy) {
   const socket = (0, utils_1.getMappedNode)(node.host, node.port, this.#nodeAddressMap);
   const client = client_1.default.create({
    RESP: this.#RESP,
    ...clientOptions,
    socket: {
     ...clientOptions.socket,
     host: socket.host,
     port: socket.port,
     ...reconnectStrategy !== undefined && {
      reconnectStrategy: reconnectStrategy
     }
    }
   });
   client._setIdentity(identity_1.ClientRole.SENTINEL_CLIENT, this.#sentinelClientId);
   return client;
  }
  #connectOrFail(client) {
   return new Promise((resolve, reject) => {
    const onError = err => reject(err);
    client.once("error", onError);
    client.connect().then(resolve, reject).finally(() => client.off("error", onError));
   });
  }
  getClientLease() {
   const id = this.#masterClientQueue.shift();
   if (id !== undefined) {
    return Promise.resolve({
     id: id
    });
   }
   return this.#masterClientQueue.wait().then(id => ({
    id: id
   }));
  }
  releaseClientLease(clientInfo) {
   const client = this.#masterClients[clientInfo.id];
   if (client !== undefined) {
    const dirtyPromise = client.resetIfDirty();
    if (dirtyPromise) {
     return dirtyPromise.then(() => this.#masterClientQueue.push(clientInfo.id));
    }
   }
   this.#masterClientQueue.push(clientInfo.id);
  }
  async connect() {
   if (this.#isOpen) {
    throw new Error("already attempting to open");
   }
   const connectPromise = this.#connect();
   try {
    this.#connectPromise = connectPromise;
    this.#setOpen(true);
    await connectPromise;
   } catch (err) {
    await this.destroy();
    throw err;
   } finally {
    if (this.#connectPromise === connectPromise) {
     this.#connectPromise = undefined;
    }
    if (this.#isReady && this.#scanInterval > 0) {
     this.#scanTimer = setInterval(this.#resetInBackground.bind(this), this.#scanInterval);
    }
   }
  }
  async #connect() {
   let count = 0;
   while (true) {
    this.#trace("starting connect loop");
    if (this.#destroy) {
     this.#trace("in #connect and want to destroy");
     return;
    }
    try {
     this.#anotherReset = false;
     await this.transform(this.analyze(await this.observe()));
     if (this.#anotherReset) {
      this.#trace("#connect: anotherReset is true, so continuing");
      continue;
     }
     this.#setReady(true);
     this.#trace("#connect: returning");
     return;
    } catch (e) {
     const err = e;
     this.#trace(`#connect: exception ${err.message}`);
     if (++count > this.#maxCommandRediscovers) {
      throw e;
     }
     await (0, promises_1.setTimeout)(1e3);
    } finally {
     this.#trace("finished connect");
    }
   }
  }
  async execute(fn, clientInfo) {
   let iter = 0;
   while (true) {
    if (this.#connectPromise !== undefined) {
     await this.#connectPromise;
    }
    const client = this.#getClient(clientInfo);
    if (!client.isReady) {
     await this.#reset();
     continue;
    }
    const sockOpts = client.options?.socket;
    this.#trace("attemping to send command to " + sockOpts?.host + ":" + sockOpts?.port);
    try {
     return await fn(client);
    } catch (err) {
     if (++iter > this.#maxCommandRediscovers || !(err instanceof Error)) {
      throw err;
     }
     if (clientInfo !== undefined && (err.message.startsWith("READONLY") || !client.isReady)) {
      await this.#reset();
      continue;
     }
     throw err;
    }
   }
  }
  async #createPubSub(client) {
   await client.pSubscribe([ "switch-master", "[-+]sdown", "+slave", "+sentinel", "[-+]odown", "+slave-reconf-done" ], (message, channel) => {
    this.#handlePubSubControlChannel(channel, message);
   }, true);
   return client;
  }
  #handlePubSubControlChannel(channel, _message) {
   this.#trace("pubsub control channel message on " + channel);
   this.#resetInBackground();
  }
  #getClient(clientInfo) {
   if (clientInfo !== undefined) {
    return this.#masterClients[clientInfo.id];
   }
   if (this.#replicaClientsIdx >= this.#replicaClients.length) {
    this.#replicaClientsIdx = 0;
   }
   if (this.#replicaClients.length == 0) {
    throw new Error("no replicas available for read");
   }
   return this.#replicaClients[this.#replicaClientsIdx++];
  }
  async #reset() {
   if (this.#destroy == true) {
    return;
   }
   if (this.#connectPromise !== undefined) {
    this.#anotherReset = true;
    return await this.#connectPromise;
   }
   if (this.#isOpen == false) {
    return;
   }
   const connectPromise = this.#connect();
   try {
    this.#connectPromise = connectPromise;
    return await connectPromise;
   } finally {
    this.#trace("finished reconfgure");
    if (this.#connectPromise === connectPromise) {
     this.#connectPromise = undefined;
    }
   }
  }
  #resetInBackground() {
   void this.#reset().catch(err => this.emit("error", err));
  }
  #sentinelNodeListKey(nodes) {
   return nodes.map(node => `${node.host}:${node.port}`).sort().join("|");
  }
  #restoreSentinelRootNodesIfEmpty() {
   if (this.#sentinelRootNodes.length !== 0) {
    return;
   }
   this.#trace("restoring sentinel roots from seed nodes");
   this.#sentinelRootNodes = Array.from(this.#sentinelSeedNodes);
  }
  #handleSentinelFailure(node) {
   const found = this.#sentinelRootNodes.findIndex(rootNode => rootNode.host === node.host && rootNode.port === node.port);
   if (found !== -1) {
    this.#sentinelRootNodes.splice(found, 1);
   }
   this.#restoreSentinelRootNodesIfEmpty();
   this.#resetInBackground();
  }
  async close() {
   return this.#teardown("close");
  }
  async destroy() {
   return this.#teardown("destroy");
  }
  #teardown(kind) {
   if (this.#teardownPromise === undefined) {
    const teardown = (kind === "destroy" ? this.#doDestroy() : this.#doClose()).finally(() => {
     if (this.#teardownPromise === teardown) {
      this.#teardownPromise = undefined;
      this.#teardownKind = undefined;
     }
    });
    if (this.#teardownPromise === undefined) {
     this.#teardownKind = kind;
     this.#teardownPromise = teardown;
    }
    return teardown;
   }
   if (kind === "destroy" && this.#teardownKind === "close") {
    this.#teardownKind = "destroy";
    this.#escalateToDestroy?.();
   }
   return this.#teardownPromise;
  }
  async #doClose() {
   this.#destroy = true;
   if (this.#connectPromise != undefined) {
    await this.#connectPromise.catch(() => undefined);
   }
   this.#setReady(false);
   this.#clientSideCache?.onPoolClose();
   if (this.#scanTimer) {
    clearInterval(this.#scanTimer);
    this.#scanTimer = undefined;
   }
   const clients = [];
   const gracefulClosePromises = [];
   if (this.#sentinelClient !== undefined) {
    if (this.#sentinelClient.isOpen) {
     clients.push(this.#sentinelClient);
     gracefulClosePromises.push(this.#sentinelClient.close());
    }
    this.#sentinelClient = undefined;
   }
   for (const client of this.#masterClients) {
    if (client.isOpen) {
     clients.push(client);
     gracefulClosePromises.push(client.close());
    }
   }
   this.#masterClients = [];
   for (const client of this.#replicaClients) {
    if (client.isOpen) {
     clients.push(client);
     gracefulClosePromises.push(client.close());
    }
   }
   this.#replicaClients = [];
   await new Promise(resolve => {
    let settled = false;
    const forceDestroy = () => {
     if (settled) return;
     settled = true;
     this.#escalateToDestroy = undefined;
     for (const client of clients) {
      try {
       client.destroy();
      } catch {}
     }
     resolve();
    };
    if (this.#teardownKind === "destroy") {
     forceDestroy();
     return;
    }
    this.#escalateToDestroy = forceDestroy;
    Promise.allSettled(gracefulClosePromises).then(() => {
     if (settled) return;
     settled = true;
     this.#escalateToDestroy = undefined;
     resolve();
    });
   });
   this.#pubSubProxy.destroy();
   this.#destroy = false;
   this.#teardownPromise = undefined;
   this.#teardownKind = undefined;
   this.#setOpen(false);
  }
  async #doDestroy() {
   this.#destroy = true;
   if (this.#connectPromise != undefined) {
    await this.#connectPromise.catch(() => undefined);
   }
   this.#setReady(false);
   this.#clientSideCache?.onPoolClose();
   if (this.#scanTimer) {
    clearInterval(this.#scanTimer);
    this.#scanTimer = undefined;
   }
   if (this.#sentinelClient !== undefined) {
    if (this.#sentinelClient.isOpen) {
     this.#sentinelClient.destroy();
    }
    this.#sentinelClient = undefined;
   }
   for (const client of this.#masterClients) {
    if (client.isOpen) {
     client.destroy();
    }
   }
   this.#masterClients = [];
   for (const client of this.#replicaClients) {
    if (client.isOpen) {
     client.destroy();
    }
   }
   this.#replicaClients = [];
   this.#pubSubProxy.destroy();
   this.#destroy = false;
   this.#teardownPromise = undefined;
   this.#teardownKind = undefined;
   this.#setOpen(false);
  }
  async subscribe(channels, listener, bufferMode) {
   return this.#pubSubProxy.subscribe(channels, listener, bufferMode);
  }
  async unsubscribe(channels, listener, bufferMode) {
   return this.#pubSubProxy.unsubscribe(channels, listener, bufferMode);
  }
  async pSubscribe(patterns, listener, bufferMode) {
   return this.#pubSubProxy.pSubscribe(patterns, listener, bufferMode);
  }
  async pUnsubscribe(patterns, listener, bufferMode) {
   return this.#pubSubProxy.pUnsubscribe(patterns, listener, bufferMode);
  }
  async sSubscribe(channels, listener, bufferMode) {
   return this.#pubSubProxy.sSubscribe(channels, listener, bufferMode);
  }
  async sUnsubscribe(channels, listener, bufferMode) {
   return this.#pubSubProxy.sUnsubscribe(channels, listener, bufferMode);
  }
  async observe() {
   this.#restoreSentinelRootNodesIfEmpty();
   for (const node of this.#sentinelRootNodes) {
    let client;
    try {
     this.#trace(`observe: trying to connect to sentinel: ${node.host}:${node.port}`);
     client = this.#createClient(node, this.#sentinelClientOptions, false);
     client.on("error", err => this.emit("error", `obseve client error: ${err}`));
     await client.connect();
     this.#trace(`observe: connected to sentinel`);
     const [sentinelData, masterData, replicaData] = await Promise.all([ client.sentinel.sentinelSentinels(this.#name), client.sentinel.sentinelMaster(this.#name), client.sentinel.sentinelReplicas(this.#name) ]);
     this.#trace("observe: got all sentinel data");
     const ret = {
      sentinelConnected: node,
      sentinelData: sentinelData,
      masterData: masterData,
      replicaData: replicaData,
      currentMaster: this.getMasterNode(),
      currentReplicas: this.getReplicaNodes(),
      currentSentinel: this.getSentinelNode(),
      replicaPoolSize: this.#replicaPoolSize,
      useReplicas: this.useReplicas
     };
     return ret;
    } catch (err) {
     this.#trace(`observe: error ${err}`);
     this.emit("error", err);
    } finally {
     if (client !== undefined && client.isOpen) {
      this.#trace(`observe: destroying sentinel client`);
      client.destroy();
     }
    }
   }
   this.#trace(`observe: none of the sentinels are available`);
   throw new Error("None of the sentinels are available");
  }
  analyze(observed) {
   let master = (0, utils_1.parseNode)(observed.masterData);
   if (master === undefined) {
    this.#trace(`analyze: no valid master node because ${observed.masterData.flags}`);
    throw new Error("no valid master node");
   }
   if (master.host === observed.currentMaster?.host && master.port === observed.currentMaster?.port) {
    this.#trace(`analyze: master node hasn't changed from ${observed.currentMaster?.host}:${observed.currentMaster?.port}`);
    master = undefined;
   } else {
    this.#trace(`analyze: master node has changed to ${master.host}:${master.port} from ${observed.currentMaster?.host}:${observed.currentMaster?.port}`);
   }
   let sentinel = observed.sentinelConnected;
   if (sentinel.host === observed.currentSentinel?.host && sentinel.port === observed.currentSentinel.port) {
    this.#trace(`analyze: sentinel node hasn't changed`);
    sentinel = undefined;
   } else {
    this.#trace(`analyze: sentinel node has changed to ${sentinel.host}:${sentinel.port}`);
   }
   const replicasToClose = [];
   const replicasToOpen = new Map;
   const desiredSet = new Set;
   const seen = new Set;
   if (observed.useReplicas) {
    const replicaList = (0, utils_1.createNodeList)(observed.replicaData);
    for (const node of replicaList) {
     desiredSet.add(JSON.stringify(node));
    }
    for (const [node, value] of observed.currentReplicas) {
     if (!desiredSet.has(JSON.stringify(node))) {
      replicasToClose.push(node);
      this.#trace(`analyze: adding ${node.host}:${node.port} to replicsToClose`);
     } else {
      seen.add(JSON.stringify(node));
      if (value != observed.replicaPoolSize) {
       replicasToOpen.set(node, observed.replicaPoolSize - value);
       this.#trace(`analyze: adding ${node.host}:${node.port} to replicsToOpen`);
      }
     }
    }
    for (const node of replicaList) {
     if (!seen.has(JSON.stringify(node))) {
      replicasToOpen.set(node, observed.replicaPoolSize);
      this.#trace(`analyze: adding ${node.host}:${node.port} to replicsToOpen`);
     }
    }
   }
   const ret = {
    sentinelList: [ observed.sentinelConnected ].concat((0, utils_1.createNodeList)(observed.sentinelData)),
    epoch: Number(observed.masterData["config-epoch"]),
    sentinelToOpen: sentinel,
    masterToOpen: master,
    replicasToClose: replicasToClose,
    replicasToOpen: replicasToOpen
   };
   return ret;
  }
  async transform(analyzed) {
   this.#trace("transform: enter");
   const promises = [];
   if (analyzed.sentinelToOpen) {
    this.#trace(`transform: opening a new sentinel`);
    if (this.#sentinelClient !== undefined && this.#sentinelClient.isOpen) {
     this.#trace(`transform: destroying old sentinel as open`);
     this.#sentinelClient.destroy();
     this.#sentinelClient = undefined;
    } else {
     this.#trace(`transform: not destroying old sentinel as not open`);
    }
    this.#trace(`transform: creating new sentinel to ${analyzed.sentinelToOpen.host}:${analyzed.sentinelToOpen.port}`);
    const node = analyzed.sentinelToOpen;
    const client = this.#createClient(analyzed.sentinelToOpen, this.#sentinelClientOptions, false);
    client.on("error", err => {
     if (this.#passthroughClientErrorEvents) {
      this.emit("error", new Error(`Sentinel Client (${node.host}:${node.port}): ${err.message}`, {
       cause: err
      }));
     }
     const event = {
      type: "SENTINEL",
      node: (0, utils_1.clientSocketToNode)(client.options.socket),
      error: err
     };
     this.emit("client-error", event);
     this.#handleSentinelFailure(node);
    });
    this.#sentinelClient = client;
    this.#trace(`transform: adding sentinel client connect() to promise list`);
    const promise = this.#sentinelClient.connect().then(client => this.#createPubSub(client));
    promises.push(promise);
    this.#trace(`created sentinel client to ${analyzed.sentinelToOpen.host}:${analyzed.sentinelToOpen.port}`);
    const event = {
     type: "SENTINEL_CHANGE",
     node: analyzed.sentinelToOpen
    };
    this.#trace(`transform: emiting topology-change event for sentinel_change`);
    if (!this.emit("topology-change", event)) {
     this.#trace(`transform: emit for topology-change for sentinel_change returned false`);
    }
   }
   if (analyzed.masterToOpen) {
    this.#trace(`transform: opening a new master`);
    this.#setReady(false);
    const masterPromises = [];
    const masterWatches = [];
    this.#trace(`transform: destroying old masters if open`);
    for (const client of this.#masterClients) {
     masterWatches.push(client.isWatching || client.isDirtyWatch);
     if (client.isOpen) {
      client.destroy();
     }
    }
    this.#masterClients = [];
    this.#trace(`transform: creating all master clients and adding connect promises`);
    for (let i = 0; i < this.#masterPoolSize; i++) {
     const node = analyzed.masterToOpen;
     const client = this.#createClient(analyzed.masterToOpen, this.#nodeClientOptions);
     client.on("error", err => {
      if (this.#passthroughClientErrorEvents) {
       this.emit("error", new Error(`Master Client (${node.host}:${node.port}): ${err.message}`, {
        cause: err
       }));
      }
      const event = {
       type: "MASTER",
       node: (0, utils_1.clientSocketToNode)(client.options.socket),
       error: err
      };
      this.emit("client-error", event);
     });
     if (masterWatches[i]) {
      client.setDirtyWatch("sentinel config changed in middle of a WATCH Transaction");
     }
     this.#masterClients.push(client);
     masterPromises.push(this.#connectOrFail(client));
     this.#trace(`created master client to ${analyzed.masterToOpen.host}:${analyzed.masterToOpen.port}`);
    }
    this.#trace(`transform: adding promise to change #pubSubProxy node`);
    const mappedPubSubNode = (0, utils_1.getMappedNode)(analyzed.masterToOpen.host, analyzed.masterToOpen.port, this.#nodeAddressMap);
    masterPromises.push(this.#pubSubProxy.changeNode(mappedPubSubNode));
    promises.push(...masterPromises);
    const event = {
     type: "MASTER_CHANGE",
     node: analyzed.masterToOpen
    };
    this.#trace(`transform: emiting topology-change event for master_change`);
    if (!this.emit("topology-change", event)) {
     this.#trace(`transform: emit for topology-change for master_change returned false`);
    }
   }
   const replicaCloseSet = new Set;
   for (const node of analyzed.replicasToClose) {
    const str = JSON.stringify(node);
    replicaCloseSet.add(str);
   }
   const newClientList = [];
   const removedSet = new Set;
   for (const replica of this.#replicaClients) {
    const node = (0, utils_1.clientSocketToNode)(replica.options.socket);
    const str = JSON.stringify(node);
    if (replicaCloseSet.has(str) || !replica.isOpen) {
     if (replica.isOpen) {
      const sockOpts = replica.options?.socket;
      this.#trace(`destroying replica client to ${sockOpts?.host}:${sockOpts?.port}`);
      replica.destroy();
     }
     if (!removedSet.has(str)) {
      const event = {
       type: "REPLICA_REMOVE",
       node: node
      };
      this.emit("topology-change", event);
      removedSet.add(str);
     }
    } else {
     newClientList.push(replica);
    }
   }
   this.#replicaClients = newClientList;
   if (analyzed.replicasToOpen.size != 0) {
    for (const [node, size] of analyzed.replicasToOpen) {
     for (let i = 0; i < size; i++) {
      const client = this.#createClient(node, this.#nodeClientOptions);
      client.on("error", err => {
       if (this.#passthroughClientErrorEvents) {
        this.emit("error", new Error(`Replica Client (${node.host}:${node.port}): ${err.message}`, {
         cause: err
        }));
       }
       const event = {
        type: "REPLICA",
        node: (0, utils_1.clientSocketToNode)(client.options.socket),
        error: err
       };
       this.emit("client-error", event);
      });
      this.#replicaClients.push(client);
      promises.push(this.#connectOrFail(client));
      this.#trace(`created replica client to ${node.host}:${node.port}`);
     }
     const event = {
      type: "REPLICA_ADD",
      node: node
     };
     this.emit("topology-change", event);
    }
   }
   const mergedSentinelList = (0, utils_1.mergeSentinelNodes)(this.#sentinelSeedNodes, analyzed.sentinelList);
   if (this.#sentinelNodeListKey(mergedSentinelList) !== this.#sentinelNodeListKey(this.#sentinelRootNodes)) {
    this.#sentinelRootNodes = mergedSentinelList;
    const event = {
     type: "SENTINE_LIST_CHANGE",
     size: mergedSentinelList.length
    };
    this.emit("topology-change", event);
   }
   await Promise.all(promises);
   this.#trace("transform: exit");
  }
  getMasterNode() {
   if (this.#masterClients.length == 0) {
    return undefined;
   }
   for (const master of this.#masterClients) {
    if (master.isReady) {
     return (0, utils_1.clientSocketToNode)(master.options.socket);
    }
   }
   return undefined;
  }
  getSentinelNode() {
   if (this.#sentinelClient === undefined) {
    return undefined;
   }
   return (0, utils_1.clientSocketToNode)(this.#sentinelClient.options.socket);
  }
  getReplicaNodes() {
   const ret = new Map;
   const initialMap = new Map;
   for (const replica of this.#replicaClients) {
    const node = (0, utils_1.clientSocketToNode)(replica.options.socket);
    const hash = JSON.stringify(node);
    if (replica.isReady) {
     initialMap.set(hash, (initialMap.get(hash) ?? 0) + 1);
    } else {
     if (!initialMap.has(hash)) {
      initialMap.set(hash, 0);
     }
    }
   }
   for (const [key, value] of initialMap) {
    ret.set(JSON.parse(key), value);
   }
   return ret;
  }
  setTracer(tracer) {
   if (tracer) {
    this.#trace = msg => {
     tracer.push(msg);
    };
   } else {
    this.#trace = () => {};
   }
  }
 }
 sentinel.RedisSentinelInternal = RedisSentinelInternal;
 class RedisSentinelFactory extends node_events_1.EventEmitter {
  options;
  #sentinelRootNodes;
  #replicaIdx=-1;
  constructor(options) {
   super();
   this.options = options;
   this.#sentinelRootNodes = options.sentinelRootNodes;
  }
  async updateSentinelRootNodes() {
   for (const node of this.#sentinelRootNodes) {
    const client = client_1.default.create({
     ...this.options.sentinelClientOptions,
     socket: {
      ...this.options.sentinelClientOptions?.socket,
      host: node.host,
      port: node.port,
      reconnectStrategy: false
     },
     modules: module_1.default
    }).on("error", err => this.emit(`updateSentinelRootNodes: ${err}`));
    try {
     await client.connect();
    } catch {
     if (client.isOpen) {
      client.destroy();
     }
     continue;
    }
    try {
     const sentinelData = await client.sentinel.sentinelSentinels(this.options.name);
     this.#sentinelRootNodes = [ node ].concat((0, utils_1.createNodeList)(sentinelData));
     return;
    } finally {
     client.destroy();
    }
   }
   throw new Error("Couldn't connect to any sentinel node");
  }
  async getMasterNode() {
   let connected = false;
   for (const node of this.#sentinelRootNodes) {
    const client = client_1.default.create({
     ...this.options.sentinelClientOptions,
     socket: {
      ...this.options.sentinelClientOptions?.socket,
      host: node.host,
      port: node.port,
      reconnectStrategy: false
     },
     modules: module_1.default
    }).on("error", err => this.emit(`getMasterNode: ${err}`));
    try {
     await client.connect();
    } catch {
     if (client.isOpen) {
      client.destroy();
     }
     continue;
    }
    connected = true;
    try {
     const masterData = await client.sentinel.sentinelMaster(this.options.name);
     const master = (0, utils_1.parseNode)(masterData);
     if (master === undefined) {
      continue;
     }
     return master;
    } finally {
     client.destroy();
    }
   }
   if (connected) {
    throw new Error("Master Node Not Enumerated");
   }
   throw new Error("couldn't connect to any sentinels");
  }
  async getMasterClient() {
   const master = await this.getMasterNode();
   const socket = (0, utils_1.getMappedNode)(master.host, master.port, this.options.nodeAddressMap);
   return client_1.default.create({
    ...this.options.nodeClientOptions,
    socket: {
     ...this.options.nodeClientOptions?.socket,
     host: socket.host,
     port: socket.port
    }
   });
  }
  async getReplicaNodes() {
   let connected = false;
   for (const node of this.#sentinelRootNodes) {
    const client = client_1.default.create({
     ...this.options.sentinelClientOptions,
     socket: {
      ...this.options.sentinelClientOptions?.socket,
      host: node.host,
      port: node.port,
      reconnectStrategy: false
     },
     modules: module_1.default
    }).on("error", err => this.emit(`getReplicaNodes: ${err}`));
    try {
     await client.connect();
    } catch {
     if (client.isOpen) {
      client.destroy();
     }
     continue;
    }
    connected = true;
    try {
     const replicaData = await client.sentinel.sentinelReplicas(this.options.name);
     const replicas = (0, utils_1.createNodeList)(replicaData);
     if (replicas.length == 0) {
      continue;
     }
     return replicas;
    } finally {
     client.destroy();
    }
   }
   if (connected) {
    throw new Error("No Replicas Nodes Enumerated");
   }
   throw new Error("couldn't connect to any sentinels");
  }
  async getReplicaClient() {
   const replicas = await this.getReplicaNodes();
   if (replicas.length == 0) {
    throw new Error("no available replicas");
   }
   this.#replicaIdx++;
   if (this.#replicaIdx >= replicas.length) {
    this.#replicaIdx = 0;
   }
   const replica = replicas[this.#replicaIdx];
   const socket = (0, utils_1.getMappedNode)(replica.host, replica.port, this.options.nodeAddressMap);
   return client_1.default.create({
    ...this.options.nodeClientOptions,
    socket: {
     ...this.options.nodeClientOptions?.socket,
     host: socket.host,
     port: socket.port
    }
   });
  }
 }
 sentinel.RedisSentinelFactory = RedisSentinelFactory;
 return sentinel;
}

var hasRequiredDist;

function requireDist() {
 if (hasRequiredDist) return dist;
 hasRequiredDist = 1;
 (function(exports) {
  var __createBinding = dist && dist.__createBinding || (Object.create ? function(o, m, k, k2) {
   if (k2 === undefined) k2 = k;
   var desc = Object.getOwnPropertyDescriptor(m, k);
   if (!desc || ("get" in desc ? !m.__esModule : desc.writable || desc.configurable)) {
    desc = {
     enumerable: true,
     get: function() {
      return m[k];
     }
    };
   }
   Object.defineProperty(o, k2, desc);
  } : function(o, m, k, k2) {
   if (k2 === undefined) k2 = k;
   o[k2] = m[k];
  });
  var __exportStar = dist && dist.__exportStar || function(m, exports) {
   for (var p in m) if (p !== "default" && !Object.prototype.hasOwnProperty.call(exports, p)) __createBinding(exports, m, p);
  };
  var __importDefault = dist && dist.__importDefault || function(mod) {
   return mod && mod.__esModule ? mod : {
    default: mod
   };
  };
  Object.defineProperty(exports, "__esModule", {
   value: true
  });
  exports.CHANNELS = exports.OpenTelemetry = exports.BasicPooledClientSideCache = exports.BasicClientSideCache = exports.AR_OPERATIONS = exports.AR_PREDICATE_COMBINATORS = exports.AR_PREDICATE_TYPES = exports.REDIS_FLUSH_MODES = exports.COMMAND_LIST_FILTER_BY = exports.CLUSTER_SLOT_STATES = exports.FAILOVER_MODES = exports.CLIENT_UNBLOCK_MODES = exports.CLIENT_KILL_FILTERS = exports.GEO_REPLY_WITH = exports.createSentinel = exports.RedisSentinelClient = exports.RedisSentinel = exports.createCluster = exports.RedisCluster = exports.createClientPool = exports.RedisClientPool = exports.createClient = exports.RedisClient = exports.digest = exports.defineScript = exports.VerbatimString = exports.RESP_TYPES = exports.DEFAULT_RESP = void 0;
  var types_1 = requireTypes$2();
  Object.defineProperty(exports, "DEFAULT_RESP", {
   enumerable: true,
   get: function() {
    return types_1.DEFAULT_RESP;
   }
  });
  var decoder_1 = requireDecoder();
  Object.defineProperty(exports, "RESP_TYPES", {
   enumerable: true,
   get: function() {
    return decoder_1.RESP_TYPES;
   }
  });
  var verbatim_string_1 = requireVerbatimString();
  Object.defineProperty(exports, "VerbatimString", {
   enumerable: true,
   get: function() {
    return verbatim_string_1.VerbatimString;
   }
  });
  var lua_script_1 = requireLuaScript();
  Object.defineProperty(exports, "defineScript", {
   enumerable: true,
   get: function() {
    return lua_script_1.defineScript;
   }
  });
  var digest_1 = requireDigest();
  Object.defineProperty(exports, "digest", {
   enumerable: true,
   get: function() {
    return digest_1.digest;
   }
  });
  __exportStar(requireErrors(), exports);
  const client_1 = __importDefault(requireClient());
  exports.RedisClient = client_1.default;
  exports.createClient = client_1.default.create;
  const pool_1 = requirePool();
  Object.defineProperty(exports, "RedisClientPool", {
   enumerable: true,
   get: function() {
    return pool_1.RedisClientPool;
   }
  });
  exports.createClientPool = pool_1.RedisClientPool.create;
  const cluster_1 = __importDefault(requireCluster());
  exports.RedisCluster = cluster_1.default;
  exports.createCluster = cluster_1.default.create;
  const sentinel_1 = __importDefault(requireSentinel());
  exports.RedisSentinel = sentinel_1.default;
  var sentinel_2 = requireSentinel();
  Object.defineProperty(exports, "RedisSentinelClient", {
   enumerable: true,
   get: function() {
    return sentinel_2.RedisSentinelClient;
   }
  });
  exports.createSentinel = sentinel_1.default.create;
  var GEOSEARCH_WITH_1 = requireGEOSEARCH_WITH();
  Object.defineProperty(exports, "GEO_REPLY_WITH", {
   enumerable: true,
   get: function() {
    return GEOSEARCH_WITH_1.GEO_REPLY_WITH;
   }
  });
  var commands_1 = requireCommands$1();
  Object.defineProperty(exports, "CLIENT_KILL_FILTERS", {
   enumerable: true,
   get: function() {
    return commands_1.CLIENT_KILL_FILTERS;
   }
  });
  Object.defineProperty(exports, "CLIENT_UNBLOCK_MODES", {
   enumerable: true,
   get: function() {
    return commands_1.CLIENT_UNBLOCK_MODES;
   }
  });
  Object.defineProperty(exports, "FAILOVER_MODES", {
   enumerable: true,
   get: function() {
    return commands_1.FAILOVER_MODES;
   }
  });
  Object.defineProperty(exports, "CLUSTER_SLOT_STATES", {
   enumerable: true,
   get: function() {
    return commands_1.CLUSTER_SLOT_STATES;
   }
  });
  Object.defineProperty(exports, "COMMAND_LIST_FILTER_BY", {
   enumerable: true,
   get: function() {
    return commands_1.COMMAND_LIST_FILTER_BY;
   }
  });
  Object.defineProperty(exports, "REDIS_FLUSH_MODES", {
   enumerable: true,
   get: function() {
    return commands_1.REDIS_FLUSH_MODES;
   }
  });
  Object.defineProperty(exports, "AR_PREDICATE_TYPES", {
   enumerable: true,
   get: function() {
    return commands_1.AR_PREDICATE_TYPES;
   }
  });
  Object.defineProperty(exports, "AR_PREDICATE_COMBINATORS", {
   enumerable: true,
   get: function() {
    return commands_1.AR_PREDICATE_COMBINATORS;
   }
  });
  Object.defineProperty(exports, "AR_OPERATIONS", {
   enumerable: true,
   get: function() {
    return commands_1.AR_OPERATIONS;
   }
  });
  var cache_1 = requireCache();
  Object.defineProperty(exports, "BasicClientSideCache", {
   enumerable: true,
   get: function() {
    return cache_1.BasicClientSideCache;
   }
  });
  Object.defineProperty(exports, "BasicPooledClientSideCache", {
   enumerable: true,
   get: function() {
    return cache_1.BasicPooledClientSideCache;
   }
  });
  var opentelemetry_1 = requireOpentelemetry();
  Object.defineProperty(exports, "OpenTelemetry", {
   enumerable: true,
   get: function() {
    return opentelemetry_1.OpenTelemetry;
   }
  });
  var tracing_1 = requireTracing();
  Object.defineProperty(exports, "CHANNELS", {
   enumerable: true,
   get: function() {
    return tracing_1.CHANNELS;
   }
  });
 })(dist);
 return dist;
}

var distExports = requireDist();

const PREFIX = "lockstep:";

function nameOf(key) {
 return PREFIX + key;
}

function keyOfName(name) {
 return name.startsWith(PREFIX) ? name.slice(PREFIX.length) : null;
}

const SCRIPT = `\nlocal found = redis.call('HMGET', KEYS[1], 'r', 'v')\nlocal revision = found[1]\nif not revision and redis.call('EXISTS', KEYS[1]) == 1 then\n  return redis.error_reply('WRONGTYPE this hash was not written by lockstep')\nend\nif (revision or '') ~= ARGV[1] then\n  if revision then return {0, revision, found[2]} end\n  return {0}\nend\nredis.call('PUBLISH', KEYS[1], '')\nif ARGV[3] then\n  redis.call('HSET', KEYS[1], 'r', ARGV[2], 'v', ARGV[3])\nelse\n  redis.call('DEL', KEYS[1])\nend\nreturn {1}\n`;

const SCRIPT_SHA1 = require$$0.createHash("sha1").update(SCRIPT).digest("hex");

const NEEDED_ACL = "~lockstep:* &lockstep:* +eval +evalsha +hmget +hset +del +exists +publish +subscribe +unsubscribe +scan +cluster|slots";

function parseRedirection(thrown) {
 if (!(thrown instanceof distExports.ErrorReply)) return null;
 const [, kind, host = "", port] = /^(MOVED|ASK) \d+ (.*):(\d+)$/.exec(thrown.message) ?? [];
 if (kind === undefined) return null;
 return {
  host: host.replace(/^\[(.*)\]$/, "$1"),
  port: Number(port),
  isAsking: kind === "ASK"
 };
}

function isScriptMissing(thrown) {
 return thrown instanceof distExports.ErrorReply && thrown.message.startsWith("NOSCRIPT");
}

function isWrongServer(thrown) {
 return thrown instanceof distExports.ErrorReply && /\b(READONLY|MASTERDOWN|LOADING)\b/.test(thrown.message);
}

function translateReply(thrown, about) {
 if (!(thrown instanceof distExports.ErrorReply)) return null;
 const reply = about.redact(thrown.message);
 const message = `${about.what}: ${reply}`;
 const cause = new Error(reply);
 if (/\b(WRONGPASS|NOAUTH)\b|invalid password|AUTH <password> called/i.test(reply)) {
  return new core.AuthError(message, {
   hint: "put the right user and password into the URL: redis://USER:PASSWORD@HOST",
   cause: cause
  });
 }
 if (/\bNOPERM\b|no permissions|the user executing the script can't|ACL failure/i.test(reply)) {
  return new core.AuthError(message, {
   hint: `the user needs: ${NEEDED_ACL}`,
   cause: cause
  });
 }
 if (/\bWRONGTYPE\b/.test(reply)) {
  return new core.CorruptRecordError(`${message}; it was left untouched`, {
   hint: "something else uses names that begin with lockstep:",
   cause: cause
  });
 }
 if (/\b(OOM|MISCONF|NOREPLICAS)\b/.test(reply)) {
  return new core.UnavailableError(message, {
   hint: "the server takes no writes: see to its memory, disk or replicas",
   cause: cause
  });
 }
 if (/\b(LOADING|BUSY|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|READONLY|MOVED|ASK)\b|max number of clients/i.test(reply)) {
  return new core.UnavailableError(message, {
   hint: "the server is not, or not yet, the one to write to",
   cause: cause
  });
 }
 return new core.UnsupportedError(message, {
  hint: "lockstep needs Redis 5 or later with scripting, and a database number that exists",
  cause: cause
 });
}

const MAX_REDIRECTIONS = 8;

const MAX_KNOWN = 1024;

function createRedisNodes(address, options) {
 const openOne = (place, withDatabase) => openClient(address, {
  place: place,
  withDatabase: withDatabase,
  ...options
 });
 const home = () => connection.createConnection(onLost => openHome({
  address: address,
  onLost: onLost,
  openOne: openOne
 }));
 const main = home();
 const listener = home();
 const nodes = new Map;
 const known = new Map;
 let lastPlace = address.hosts[0];
 const nodeAt = place => {
  const id = `${place.host} ${place.port}`;
  const node = nodes.get(id) ?? connection.createConnection(onLost => {
   const opening = openOne(place, false);
   void opening.ready.then(({lost: lost}) => lost.then(onLost), onLost);
   return opening;
  });
  nodes.set(id, node);
  return node;
 };
 return {
  listener: listener,
  async run(name, signal, action) {
   let node = nodes.get(known.get(name) ?? "") ?? main;
   let isAsking = false;
   for (let step = 0; step < MAX_REDIRECTIONS; step += 1) {
    const asked = node;
    try {
     return await asked.use(signal, client => {
      if (!isAsking) return action(client, {
       isAsking: false
      });
      client.sendCommand([ "ASKING" ]).catch(() => undefined);
      return action(client, {
       isAsking: true
      });
     });
    } catch (error) {
     const redirection = parseRedirection(error);
     if (!redirection) {
      known.delete(name);
      if (isWrongServer(error)) asked.renew();
      throw error;
     }
     lastPlace = {
      host: redirection.host || lastPlace.host,
      port: redirection.port
     };
     node = nodeAt(lastPlace);
     isAsking = redirection.isAsking;
     if (known.size >= MAX_KNOWN) known.clear();
     if (!isAsking) known.set(name, `${lastPlace.host} ${lastPlace.port}`);
    }
   }
   throw new core.UnavailableError(`${address.shown} sends ${name} from node to node`);
  },
  async runOnAll(signal, action) {
   const slots = await main.use(signal, client => client.sendCommand([ "CLUSTER", "SLOTS" ]).catch(error => {
    if (/cluster support disabled|unknown command/i.test(error.message)) return null;
    throw error;
   }));
   if (!Array.isArray(slots)) return [ await main.use(signal, action) ];
   const places = new Map;
   for (const slot of slots) {
    const [host, port] = slot[2];
    places.set(`${host} ${port}`, {
     host: host || lastPlace.host,
     port: port
    });
   }
   return Promise.all([ ...places.values() ].map(place => nodeAt(place).use(signal, action)));
  },
  close() {
   for (const each of [ main, listener, ...nodes.values() ]) each.close();
  }
 };
}

function openHome(settings) {
 const {address: address, onLost: onLost, openOne: openOne} = settings;
 const opened = [];
 let isDestroyed = false;
 const open = (place, withDatabase) => {
  if (isDestroyed) throw new core.UnavailableError(`${address.shown} was closed`);
  const opening = openOne(place, withDatabase);
  opened.push(opening);
  return opening;
 };
 const firstThatAnswers = async ask => {
  let failure;
  for (const place of address.hosts) {
   try {
    return await ask(place);
   } catch (error) {
    failure ??= error;
   }
  }
  throw failure;
 };
 const connect = async () => {
  const {sentinel: sentinel} = address.parameters;
  if (sentinel === undefined) return firstThatAnswers(place => open(place, true).ready);
  const primary = await firstThatAnswers(async place => {
   const opening = open(place, false);
   try {
    const client = await opening.ready;
    const found = await client.sendCommand([ "SENTINEL", "GET-MASTER-ADDR-BY-NAME", sentinel ]);
    if (Array.isArray(found)) return {
     host: String(found[0]),
     port: Number(found[1])
    };
   } finally {
    opening.destroy();
   }
   throw new core.UnsupportedError(`the sentinel ${place.host}:${place.port} knows no primary called ${sentinel}`, {
    hint: "write the name that `sentinel monitor` gives it: redis://HOST:26379/0?sentinel=NAME"
   });
  });
  return open(primary, true).ready;
 };
 const ready = connect();
 void ready.then(({lost: lost}) => lost.then(onLost), onLost);
 return {
  ready: ready,
  destroy() {
   isDestroyed = true;
   for (const opening of opened) opening.destroy();
  }
 };
}

function openClient(address, options) {
 const {place: place, withDatabase: withDatabase, connectTimeoutMs: connectTimeoutMs} = options;
 let destroy = () => {
  isDestroyed = true;
 };
 let isDestroyed = false;
 const ending = new AbortController;
 const connect = async () => {
  const tls = address.isTls ? {
   tls: true,
   ...await tlsFiles.readTlsFiles(address)
  } : {};
  if (isDestroyed) throw new core.UnavailableError(`${address.shown} was closed`);
  const client = distExports.createClient({
   RESP: 2,
   socket: {
    ...tls,
    host: place.host,
    port: place.port,
    connectTimeout: connectTimeoutMs,
    keepAliveInitialDelay: 5e3,
    reconnectStrategy: false,
    signal: ending.signal
   },
   ...address.user === null ? {} : {
    username: address.user
   },
   ...address.password === null ? {} : {
    password: address.password
   },
   ...withDatabase && address.path !== "" ? {
    database: Number(address.path)
   } : {},
   disableOfflineQueue: true,
   disableClientInfo: true,
   commandOptions: {
    timeout: 0
   }
  });
  const lost = new Promise(resolve => {
   client.on("error", () => {
    if (!client.isOpen) resolve();
   });
  });
  destroy = () => {
   client.destroy();
   ending.abort();
  };
  await client.connect();
  return {
   sendCommand: args => client.sendCommand(args),
   subscribe: (channel, hear) => client.subscribe(channel, hear),
   unsubscribe: (channel, hear) => client.unsubscribe(channel, hear),
   lost: lost
  };
 };
 return {
  ready: connect(),
  destroy: () => destroy()
 };
}

const NONCE = /^[0-9a-f-]{36}$/;

const SCAN_COUNT = "1000";

function openRedisStore({url: url, ...settings}) {
 const parsed = core.parseServerUrl(url);
 core.invariant(parsed.ok, "a Redis store is opened by a parsed address");
 const address = parsed.value;
 const nodes = createRedisNodes(address, {
  connectTimeoutMs: settings.timeoutMs ?? engine.ENGINE_TIMEOUT_MS
 });
 const hide = core.createRedactor(address.password === null ? [] : [ address.password ]);
 const redact = text => core.plain(hide(text));
 const engine$1 = {
  url: address.shown,
  redact: redact,
  translate: (thrown, what) => translateReply(thrown, {
   what: what,
   redact: redact
  }),
  async read(key, {signal: signal}) {
   const name = nameOf(key);
   const found = await nodes.run(name, signal, client => client.sendCommand([ "HMGET", name, "r", "v" ]));
   const [revision, value] = found;
   return revision === null ? null : entryOf(revision, value);
  },
  async write({key: key, expect: expect, value: value}, call) {
   if (expect !== null && !NONCE.test(expect)) return {
    ok: false
   };
   const name = nameOf(key);
   const revision = core.createNonce();
   const args = [ "1", name, expect ?? "", revision, ...value === null ? [] : [ value ] ];
   const reply = await nodes.run(name, call.signal, async (client, {isAsking: isAsking}) => {
    call.sending();
    if (isAsking) return client.sendCommand([ "EVAL", SCRIPT, ...args ]);
    try {
     return await client.sendCommand([ "EVALSHA", SCRIPT_SHA1, ...args ]);
    } catch (error) {
     if (!isScriptMissing(error)) throw error;
     call.sending();
     return client.sendCommand([ "EVAL", SCRIPT, ...args ]);
    }
   });
   const [isOk, foundRevision, foundValue] = reply;
   if (isOk === 1) return {
    ok: true,
    revision: revision
   };
   return {
    ok: false,
    current: foundRevision === undefined ? null : entryOf(foundRevision, foundValue ?? "")
   };
  },
  async list(border, {signal: signal}) {
   const found = await nodes.runOnAll(signal, client => scan(client, `${nameOf(border)}*`));
   const keys = found.flat().map(keyOfName);
   return [ ...new Set(keys.filter(key => key !== null && core.isUnderPrefix(key, border))) ];
  },
  async subscribe(key, onChange, signal) {
   const channel = nameOf(key);
   const client = await nodes.listener.use(signal, async listening => {
    await listening.subscribe(channel, onChange);
    return listening;
   });
   return {
    lost: client.lost,
    end({isSuspect: isSuspect}) {
     if (isSuspect) nodes.listener.renew(); else client.unsubscribe(channel, onChange).catch(() => undefined);
    }
   };
  },
  async close() {
   nodes.close();
  }
 };
 return engine.createEngineStore(engine$1, settings);
}

function entryOf(revision, value) {
 return Object.freeze({
  value: value ?? "",
  revision: revision
 });
}

async function scan(client, pattern) {
 const names = [];
 let cursor = "0";
 do {
  const reply = await client.sendCommand([ "SCAN", cursor, "MATCH", pattern, "COUNT", SCAN_COUNT ]);
  const [next, found] = reply;
  names.push(...found);
  cursor = next;
 } while (cursor !== "0");
 return names;
}

exports.openRedisStore = openRedisStore;
