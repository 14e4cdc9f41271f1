"use strict";

const os = require("os");

const crypto = require("crypto");

const fs = require("fs");

require("path");

function _interopNamespaceDefault(e) {
 return Object.create(e, {
  default: {
   value: e
  }
 });
}

const os__namespace = _interopNamespaceDefault(os);

const crypto__namespace = _interopNamespaceDefault(crypto);

const fs__namespace = _interopNamespaceDefault(fs);

function toCommandValue(input) {
 if (input === null || input === undefined) {
  return "";
 } else if (typeof input === "string" || input instanceof String) {
  return input;
 }
 return JSON.stringify(input);
}

function toCommandProperties(annotationProperties) {
 if (!Object.keys(annotationProperties).length) {
  return {};
 }
 return {
  title: annotationProperties.title,
  file: annotationProperties.file,
  line: annotationProperties.startLine,
  endLine: annotationProperties.endLine,
  col: annotationProperties.startColumn,
  endColumn: annotationProperties.endColumn
 };
}

function issueCommand(command, properties, message) {
 const cmd = new Command(command, properties, message);
 process.stdout.write(cmd.toString() + os__namespace.EOL);
}

function issue(name, message = "") {
 issueCommand(name, {}, message);
}

const CMD_STRING = "::";

class Command {
 constructor(command, properties, message) {
  if (!command) {
   command = "missing.command";
  }
  this.command = command;
  this.properties = properties;
  this.message = message;
 }
 toString() {
  let cmdStr = CMD_STRING + this.command;
  if (this.properties && Object.keys(this.properties).length > 0) {
   cmdStr += " ";
   let first = true;
   for (const key in this.properties) {
    if (this.properties.hasOwnProperty(key)) {
     const val = this.properties[key];
     if (val) {
      if (first) {
       first = false;
      } else {
       cmdStr += ",";
      }
      cmdStr += `${key}=${escapeProperty(val)}`;
     }
    }
   }
  }
  cmdStr += `${CMD_STRING}${escapeData(this.message)}`;
  return cmdStr;
 }
}

function escapeData(s) {
 return toCommandValue(s).replace(/%/g, "%25").replace(/\r/g, "%0D").replace(/\n/g, "%0A");
}

function escapeProperty(s) {
 return toCommandValue(s).replace(/%/g, "%25").replace(/\r/g, "%0D").replace(/\n/g, "%0A").replace(/:/g, "%3A").replace(/,/g, "%2C");
}

function issueFileCommand(command, message) {
 const filePath = process.env[`GITHUB_${command}`];
 if (!filePath) {
  throw new Error(`Unable to find environment variable for file command ${command}`);
 }
 if (!fs__namespace.existsSync(filePath)) {
  throw new Error(`Missing file at path: ${filePath}`);
 }
 fs__namespace.appendFileSync(filePath, `${toCommandValue(message)}${os__namespace.EOL}`, {
  encoding: "utf8"
 });
}

function prepareKeyValueMessage(key, value) {
 const delimiter = `ghadelimiter_${crypto__namespace.randomUUID()}`;
 const convertedValue = toCommandValue(value);
 if (key.includes(delimiter)) {
  throw new Error(`Unexpected input: name should not contain the delimiter "${delimiter}"`);
 }
 if (convertedValue.includes(delimiter)) {
  throw new Error(`Unexpected input: value should not contain the delimiter "${delimiter}"`);
 }
 return `${key}<<${delimiter}${os__namespace.EOL}${convertedValue}${os__namespace.EOL}${delimiter}`;
}

undefined && undefined.__awaiter || function(thisArg, _arguments, P, generator) {
 function adopt(value) {
  return value instanceof P ? value : new P(function(resolve) {
   resolve(value);
  });
 }
 return new (P || (P = Promise))(function(resolve, reject) {
  function fulfilled(value) {
   try {
    step(generator.next(value));
   } catch (e) {
    reject(e);
   }
  }
  function rejected(value) {
   try {
    step(generator["throw"](value));
   } catch (e) {
    reject(e);
   }
  }
  function step(result) {
   result.done ? resolve(result.value) : adopt(result.value).then(fulfilled, rejected);
  }
  step((generator = generator.apply(thisArg, _arguments || [])).next());
 });
};

var ExitCode;

(function(ExitCode) {
 ExitCode[ExitCode["Success"] = 0] = "Success";
 ExitCode[ExitCode["Failure"] = 1] = "Failure";
})(ExitCode || (ExitCode = {}));

function exportVariable(name, val) {
 const convertedVal = toCommandValue(val);
 process.env[name] = convertedVal;
 const filePath = process.env["GITHUB_ENV"] || "";
 if (filePath) {
  return issueFileCommand("ENV", prepareKeyValueMessage(name, val));
 }
 issueCommand("set-env", {
  name: name
 }, convertedVal);
}

function setSecret(secret) {
 issueCommand("add-mask", {}, secret);
}

function setOutput(name, value) {
 const filePath = process.env["GITHUB_OUTPUT"] || "";
 if (filePath) {
  return issueFileCommand("OUTPUT", prepareKeyValueMessage(name, value));
 }
 process.stdout.write(os__namespace.EOL);
 issueCommand("set-output", {
  name: name
 }, toCommandValue(value));
}

function isDebug() {
 return process.env["RUNNER_DEBUG"] === "1";
}

function debug(message) {
 issueCommand("debug", {}, message);
}

function error(message, properties = {}) {
 issueCommand("error", toCommandProperties(properties), message instanceof Error ? message.toString() : message);
}

function warning(message, properties = {}) {
 issueCommand("warning", toCommandProperties(properties), message instanceof Error ? message.toString() : message);
}

function notice(message, properties = {}) {
 issueCommand("notice", toCommandProperties(properties), message instanceof Error ? message.toString() : message);
}

function info(message) {
 process.stdout.write(message + os__namespace.EOL);
}

function startGroup(name) {
 issue("group", name);
}

function endGroup() {
 issue("endgroup");
}

function saveState(name, value) {
 const filePath = process.env["GITHUB_STATE"] || "";
 if (filePath) {
  return issueFileCommand("STATE", prepareKeyValueMessage(name, value));
 }
 issueCommand("save-state", {
  name: name
 }, toCommandValue(value));
}

exports.debug = debug;

exports.endGroup = endGroup;

exports.error = error;

exports.exportVariable = exportVariable;

exports.info = info;

exports.isDebug = isDebug;

exports.notice = notice;

exports.saveState = saveState;

exports.setOutput = setOutput;

exports.setSecret = setSecret;

exports.startGroup = startGroup;

exports.warning = warning;
