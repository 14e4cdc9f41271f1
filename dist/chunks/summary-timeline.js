"use strict";

const MAX_LABEL = 44;

const TAGS = {
 normal: "active, ",
 done: "done, ",
 trouble: "crit, "
};

function renderTimeline(sections) {
 const drawn = sections.filter(section => section.bars.length > 0);
 if (drawn.length === 0) return "";
 const endMs = Math.max(...drawn.flatMap(section => section.bars.map(bar => bar.endMs)));
 return [ "```mermaid", "gantt", "  dateFormat HH:mm:ss.SSS", `  axisFormat ${axisFormat(endMs)}`, "  todayMarker off", ...drawn.flatMap(({title: title, bars: bars}) => [ `  section ${title}`, ...bars.map(bar => `  ${renderBar(bar, endMs)}`) ]), "```" ].join("\n");
}

function renderBar({word: word, name: name, startMs: startMs, endMs: endMs, kind: kind}, lastMs) {
 const shownEndMs = Math.max(endMs, startMs + Math.max(1, lastMs / 200));
 return `${word} ${cleanLabel(name)} :${TAGS[kind]}${timeOf(startMs)}, ${timeOf(shownEndMs)}`;
}

function cleanLabel(text) {
 const cut = text.length > MAX_LABEL ? `${text.slice(0, MAX_LABEL - 1)}\u2026` : text;
 return cut.replace(/[^\p{L}\p{N} ._/,\u2026-]/gu, "\xb7");
}

function timeOf(ms) {
 const whole = Math.max(0, Math.round(ms));
 const pad = (value, digits) => String(value).padStart(digits, "0");
 const seconds = Math.floor(whole / 1e3);
 const [h, m, s] = [ Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60 ];
 return `${pad(Math.min(h, 23), 2)}:${pad(m, 2)}:${pad(s, 2)}.${pad(whole % 1e3, 3)}`;
}

function axisFormat(endMs) {
 if (endMs < 1e4) return "%S.%L";
 return endMs < 36e5 ? "%M:%S" : "%H:%M";
}

exports.renderTimeline = renderTimeline;
