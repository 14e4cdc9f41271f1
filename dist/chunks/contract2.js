const COUNT_NAMES = [ "listed", "matched", "eligible", "deleted", "gone", "changed", "protected", "young", "unknownAge", "kept", "forbidden", "busy", "failed", "deferred" ];

export { COUNT_NAMES as C };
