"use strict";

const HEALTH_STATUSES = [ "passing", "warning", "unknown", "critical" ];

exports.HEALTH_STATUSES = HEALTH_STATUSES;
