"use strict";

const MAX_SUMMARY_BYTES = 9e5;

function renderMarkdownTable(head, rows, right = []) {
 const line = cells => `| ${cells.join(" | ")} |`;
 const rule = head.map((_, column) => right.includes(column) ? "---:" : "---");
 return [ line(head), line(rule), ...rows.map(line) ].join("\n");
}

function renderDetails(title, body) {
 return `<details><summary>${title}</summary>\n\n${body}\n\n</details>`;
}

function joinParts(parts) {
 return `${parts.filter(part => part !== "").join("\n\n")}\n`;
}

function fitSummary(markdown) {
 if (Buffer.byteLength(markdown) <= MAX_SUMMARY_BYTES) return markdown;
 const head = Buffer.from(markdown).subarray(0, MAX_SUMMARY_BYTES).toString("utf8");
 const cut = head.slice(0, head.lastIndexOf("\n"));
 const isInFence = (cut.match(/^```/gm) ?? []).length % 2 === 1;
 return `${cut}${isInFence ? "\n```" : ""}\n\nThis summary was cut; the output \`result-file\` names a file with all of it.\n`;
}

exports.fitSummary = fitSummary;

exports.joinParts = joinParts;

exports.renderDetails = renderDetails;

exports.renderMarkdownTable = renderMarkdownTable;
