import { c as closest } from "./fastest-levenshtein.js";

import { O as OPTIONS, aA as isFor, ax as isFrom, ay as isPositional, s as kebabCase, aB as topOptions, aC as sectionNames, aD as sectionOptions, aE as environmentName, aw as optionsOf, x as COMMAND_NAMES, av as commandSpec, p as plain } from "./core.js";

function describeUnknownName(unknown, command) {
 const {spelling: spelling, section: section} = unknown;
 const message = ownerMessage(unknown, command) ?? nearestMessage(unknown, section ?? command);
 return {
  option: spelling,
  message: message
 };
}

function describeUnknownCommand(text, host) {
 const commands = COMMAND_NAMES.filter(name => commandSpec(name).hosts.includes(host));
 const nearest = closest(text.toLowerCase().slice(0, 60), commands);
 return {
  option: `"${plain(text, 60)}"`,
  message: `is not a command; did you mean ${nearest}? There are: ${commands.join(", ")}`
 };
}

function ownerMessage(unknown, command) {
 const {source: source, section: section} = unknown;
 const reader = section ?? command;
 const rows = OPTIONS.filter(spec => normalize(spec.name) === normalize(unknown.name));
 const own = rows.find(spec => isFor(spec, reader));
 const others = rows.filter(spec => spec.commands !== "all" && isFrom(spec, source));
 const owners = [ ...new Set(others.flatMap(spec => spec.commands)) ];
 const isTop = (source === "hook" || source === "file") && section === null;
 if (isTop && owners.length > 0) return `belongs inside the section ${owners.join(" or ")}`;
 if (own && isFrom(own, source)) {
  if (source === "flag" && isPositional(reader, own.name)) {
   return `is written without a flag: lockstep ${reader} ${own.name.toUpperCase()}`;
  }
  return undefined;
 }
 if (own) return `is not ${PLACES[source]}; it exists only as ${placesOf(own)}`;
 return owners.length > 0 ? `belongs to ${owners.join(", ")}, not to ${reader}` : undefined;
}

function nearestMessage(unknown, reader) {
 const candidates = new Map(candidatesOf(unknown, reader).map(name => [ normalize(name), name ]));
 const nearest = closest(normalize(unknown.name).slice(0, 60), [ ...candidates.keys() ]);
 return `there is no such option; did you mean ${candidates.get(nearest)}?`;
}

function candidatesOf({source: source, section: section}, reader) {
 switch (source) {
 case "flag":
  return optionsOf(reader).filter(spec => isFrom(spec, "flag") && !isPositional(reader, spec.name)).map(spec => `--${kebabCase(spec.name)}`);

 case "input":
  return optionsOf(reader).filter(spec => isFrom(spec, "input")).map(spec => kebabCase(spec.name));

 case "env":
  return OPTIONS.filter(spec => isFrom(spec, "env")).map(spec => environmentName(spec.name));

 case "hook":
 case "file":
  return section === null ? [ ...topOptions(source).map(spec => spec.name), ...sectionNames(source) ] : sectionOptions(source, section).map(spec => spec.name);
 }
}

function normalize(name) {
 const bare = name.replace(/^-+/, "").replace(/^LOCKSTEP_/, "");
 const isUpper = bare === bare.toUpperCase();
 return (isUpper ? bare.toLowerCase() : kebabCase(bare)).replaceAll("_", "-").replace(/^-/, "");
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

export { describeUnknownCommand, describeUnknownName };
