"use strict";

Object.defineProperty(exports, Symbol.toStringTag, {
 value: "Module"
});

const core = require("./core.js");

const unknownName = require("./unknown-name.js");

[ "common", ...core.COMMAND_NAMES, "action", "hook" ];

function describeDefault(spec) {
 if (spec.defaultText !== undefined) return spec.defaultText;
 if (spec.actionDefault !== undefined) return `\`${spec.actionDefault}\``;
 if (spec.required) return "required";
 const value = spec.default;
 if (value === undefined || Array.isArray(value) && value.length === 0) return "none";
 if (typeof value === "boolean") return value ? "on" : "off";
 return `\`${String(value)}\``;
}

function describeOption(spec) {
 const parts = [ spec.description ];
 if (spec.choices) parts.push(`One of ${spec.choices.map(choice => `\`${choice}\``).join(", ")}.`);
 if (spec.min !== undefined && spec.max !== undefined) parts.push(`From ${spec.min} to ${spec.max}.`); else if (spec.max !== undefined) parts.push(`At most ${spec.max}.`); else if (typeof spec.min === "number") parts.push(`At least ${spec.min}.`);
 if (spec.type === "list") parts.push("Repeat it, or separate by commas or newlines.");
 if (spec.type === "lines") parts.push("Repeat it, or separate by newlines.");
 return parts.join(" ");
}

function describeValue(spec) {
 if (spec.type === "boolean") return "";
 if (spec.placeholder !== undefined) return spec.placeholder;
 if (spec.choices) return spec.choices.join("|");
 return spec.type === "duration" ? "DURATION" : spec.type === "integer" ? "N" : "TEXT";
}

const HELP_COLUMNS = 96;

const LABEL_COLUMNS = 30;

const EXAMPLES = {
 reap: [ [ "lockstep reap --provider heroku --match 'ci-.*' --older-than 12h", "a plan; nothing is deleted" ], [ "lockstep reap --provider heroku --match 'ci-.*' --older-than 12h --protect 'ci-keep-*' --apply", "delete them" ], [ "lockstep reap --provider heroku --match 'ci-.*' --limit 100 --headroom 5 --when-busy wait --apply", "make room for five more apps" ], [ "lockstep reap --provider directory --root ./apps --match 'tmp-.*' --older-than 1h", "sub-folders instead of apps" ] ],
 gate: [ [ "lockstep gate prod --member eu --members eu,us,ap --schema 42 --migrate 'npm run migrate'", "one of the three migrates, all go on together" ], [ "lockstep gate prod --member eu --members eu,us,ap --schema 42 --ready https://eu.example.com/v", "nobody goes on before each app serves schema 42" ], [ "lockstep gate prod --mode wait-for --members eu,us,ap --schema 42", "in a later job: wait for those that announced themselves" ] ],
 check: [ [ "lockstep check set db passing --ttl 5m", "publish" ], [ "lockstep check wait db --timeout 10m", "go on once it passes" ], [ "lockstep check alias api-ready --of check:db --of https://staging.example.com/health -- npm test", "mirror both beside the tests" ] ],
 lock: [ [ "lockstep lock staging-db -- npm run migrate", "wait for the lock, run, give it back" ], [ "lockstep lock nightly --when-busy skip -- ./nightly.sh", "if nobody else does it already" ], [ "lockstep lock browsers --permits 3 --order fifo --timeout 10m -- npm test", "at most three at once" ] ],
 assert: [ [ "lockstep assert staging-db", "inside the command, right before something that cannot be undone" ] ],
 unlock: [ [ "lockstep unlock staging-db --force", "the old holder's token is refused from now on" ] ],
 gc: [ [ "lockstep gc --json", "what was removed, and what was kept and why" ] ],
 status: [ [ "lockstep status", "everything in the store" ], [ "lockstep status reap --json", "the sweeps, for a program" ] ],
 doctor: [ [ "lockstep doctor", "what works here, and what to do about the rest" ], [ "lockstep doctor --store github:octo/demo --jobs 256", "the bill of a matrix against GitHub's limits" ] ],
 demo: [ [ "lockstep demo", "eight jobs, one sweep" ], [ "lockstep demo --jobs 16 --fault kill", "the sweeping job is killed, another one takes over" ] ]
};

function renderHelp(command) {
 return command === null ? renderOverview() : renderCommandHelp(command);
}

function renderOverview() {
 const commands = core.COMMAND_NAMES.filter(name => core.commandSpec(name).hosts.includes("cli"));
 return join([ [ "Usage: lockstep COMMAND [options]", "", "Parallel CI jobs coordinate through a shared store." ], [ "Commands", ...commands.flatMap(name => entry(name, core.commandSpec(name).summary)) ], [ "Options", ...entry("COMMAND --help", "The options of a command."), ...entry("-V, --version", "Show the version.") ], [ SPELLING_NOTE ] ]);
}

function renderCommandHelp(command) {
 const spec = core.commandSpec(command);
 const options = core.optionsOf(command).filter(each => core.isFrom(each, "flag"));
 const words = options.filter(each => core.isPositional(command, each.name));
 const flags = options.filter(each => !core.isPositional(command, each.name));
 const own = flags.filter(each => each.commands !== "all");
 const common = flags.filter(each => each.commands === "all");
 const usage = [ "Usage: lockstep", command, ...words.map(each => each.required ? each.name.toUpperCase() : `[${each.name.toUpperCase()}]`), "[options]", ...spec.takesCommand ? [ "-- COMMAND\u2026" ] : [] ];
 const group = (title, rows) => rows.length === 0 ? [] : [ title, ...rows.flatMap(each => entry(labelOf(each, command), textOf(each))) ];
 return join([ [ usage.join(" "), "", ...wrap(sentence(spec.summary), HELP_COLUMNS) ], group("Words", words), group("Options", own), group("Options of every command", common), [ "Examples", ...EXAMPLES[command].flatMap(([line, says]) => [ `  # ${says}`, `  ${line}` ]) ], [ SPELLING_NOTE ] ]);
}

const SPELLING_NOTE = wrap("Durations need a unit: 90s, 15m, 12h, 7d. Each option is also a LOCKSTEP_* variable (--older-than is LOCKSTEP_OLDER_THAN) and an entry of lockstep.config.json, unless it makes sense for one call only.", HELP_COLUMNS).join("\n");

function labelOf(spec, command) {
 if (core.isPositional(command, spec.name)) return spec.name.toUpperCase();
 const short = spec.short === undefined ? "" : `-${spec.short}, `;
 const value = describeValue(spec);
 return `${short}--${core.kebabCase(spec.name)} ${value}`.trim();
}

function textOf(spec) {
 const fallback = describeDefault(spec);
 const isQuiet = fallback === "off" || fallback === "none";
 return `${describeOption(spec)}${isQuiet ? "" : ` [${fallback}]`}`.replaceAll("`", "");
}

function entry(label, text) {
 const lines = wrap(text, HELP_COLUMNS - LABEL_COLUMNS);
 const left = `  ${label}`;
 const indent = " ".repeat(LABEL_COLUMNS);
 if (left.length > LABEL_COLUMNS - 2) return [ left, ...lines.map(line => indent + line) ];
 return lines.map((line, index) => (index === 0 ? left.padEnd(LABEL_COLUMNS) : indent) + line);
}

function wrap(text, columns) {
 const lines = [];
 let line = "";
 for (const word of text.split(" ")) {
  if (line !== "" && line.length + 1 + word.length > columns) {
   lines.push(line);
   line = word;
  } else line = line === "" ? word : `${line} ${word}`;
 }
 return [ ...lines, line ];
}

function sentence(text) {
 return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}

function join(groups) {
 return `${groups.filter(group => group.length > 0).map(group => group.join("\n")).join("\n\n")}\n`;
}

function answerWithoutCommand(parsed, process) {
 if (parsed.version) {
  process.stdout.write(`${core.VERSION}\n`);
  return 0;
 }
 if (parsed.unknownCommand !== null) {
  throw new core.ConfigError([ unknownName.describeUnknownCommand(parsed.unknownCommand, "cli") ]);
 }
 process.stdout.write(`${renderHelp(parsed.command)}\n`);
 return parsed.command !== null || parsed.help ? 0 : 2;
}

exports.answerWithoutCommand = answerWithoutCommand;
