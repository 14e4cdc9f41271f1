"use strict";

Object.defineProperty(exports, Symbol.toStringTag, {
 value: "Module"
});

const fastestLevenshtein = require("./fastest-levenshtein.js");

const core = require("./core.js");

function describeUnknownName(unknown, command) {
 const {spelling: spelling, section: section} = unknown;
 const message = ownerMessage(unknown, command) ?? nearestMessage(unknown, section ?? command);
 return {
  option: spelling,
  message: message
 };
}

function describeUnknownCommand(text, host) {
 const commands = core.COMMAND_NAMES.filter(name => core.commandSpec(name).hosts.includes(host));
 const nearest = fastestLevenshtein.closest(text.toLowerCase().slice(0, 60), commands);
 return {
  option: `"${core.plain(text, 60)}"`,
  message: `is not a command; did you mean ${nearest}? There are: ${commands.join(", ")}`
 };
}

function ownerMessage(unknown, command) {
 const {source: source, section: section} = unknown;
 const reader = section ?? command;
 const rows = core.OPTIONS.filter(spec => normalize(spec.name) === normalize(unknown.name));
 const own = rows.find(spec => core.isFor(spec, reader));
 const others = rows.filter(spec => spec.commands !== "all" && core.isFrom(spec, source));
 const owners = [ ...new Set(others.flatMap(spec => spec.commands)) ];
 const isTop = (source === "hook" || source === "file") && section === null;
 if (isTop && owners.length > 0) return `belongs inside the section ${owners.join(" or ")}`;
 if (own && core.isFrom(own, source)) {
  if (source === "flag" && core.isPositional(reader, own.name)) {
   return `is written without a flag: lockstep ${reader} ${own.name.toUpperCase()}`;
  }
  return undefined;
 }
 if (own) return `is not ${PLACES[source]}; it exists only as ${placesOf(own)}`;
 return owners.length > 0 ? `belongs to ${owners.join(", ")}, not to ${reader}` : undefined;
}

function nearestMessage(unknown, reader) {
 const candidates = new Map(candidatesOf(unknown, reader).map(name => [ normalize(name), name ]));
 const nearest = fastestLevenshtein.closest(normalize(unknown.name).slice(0, 60), [ ...candidates.keys() ]);
 return `there is no such option; did you mean ${candidates.get(nearest)}?`;
}

function candidatesOf({source: source, section: section}, reader) {
 switch (source) {
 case "flag":
  return core.optionsOf(reader).filter(spec => core.isFrom(spec, "flag") && !core.isPositional(reader, spec.name)).map(spec => `--${core.kebabCase(spec.name)}`);

 case "input":
  return core.optionsOf(reader).filter(spec => core.isFrom(spec, "input")).map(spec => core.kebabCase(spec.name));

 case "env":
  return core.OPTIONS.filter(spec => core.isFrom(spec, "env")).map(spec => core.environmentName(spec.name));

 case "hook":
 case "file":
  return section === null ? [ ...core.topOptions(source).map(spec => spec.name), ...core.sectionNames(source) ] : core.sectionOptions(source, section).map(spec => spec.name);
 }
}

function normalize(name) {
 const bare = name.replace(/^-+/, "").replace(/^LOCKSTEP_/, "");
 const isUpper = bare === bare.toUpperCase();
 return (isUpper ? bare.toLowerCase() : core.kebabCase(bare)).replaceAll("_", "-").replace(/^-/, "");
}

const PLACES = {
 flag: "a flag",
 input: "an input of the Action",
 hook: "a hook option",
 env: "an environment variable",
 file: "an option of the config file"
};

function placesOf(spec) {
 return (spec.sources ?? []).map(source => PLACES[source]).join(", ");
}

exports.describeUnknownCommand = describeUnknownCommand;

exports.describeUnknownName = describeUnknownName;
