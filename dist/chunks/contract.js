const HEALTH_STATUSES = [ "passing", "warning", "unknown", "critical" ];

export { HEALTH_STATUSES as H };
