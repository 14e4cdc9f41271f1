"use strict";

const COUNT_NAMES = [ "listed", "matched", "eligible", "deleted", "gone", "changed", "protected", "young", "unknownAge", "kept", "forbidden", "busy", "failed", "deferred" ];

exports.COUNT_NAMES = COUNT_NAMES;
