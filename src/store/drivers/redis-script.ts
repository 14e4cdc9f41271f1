/**
 * What the Redis driver keeps and says: one hash per key with its revision `r` and value `v`, one script that compares and
 * sets it, one channel per key of the same name. The script touches one key only, so it runs on a Cluster too.
 * The revision is the writer's own nonce rather than a counter: it stays fresh after a deletion, and after a failover that
 * forgot acknowledged writes (a counter would be given twice there, to two different values).
 * Invariant: the last command of the script is its only write, so an error reply means that nothing was applied.
 */
import { createHash } from 'node:crypto';

const PREFIX = 'lockstep:';

/** The name of a key's hash and of its channel. */
export function nameOf(key: string): string {
  return PREFIX + key;
}

/** The inverse of {@link nameOf}; null for a foreign name. */
export function keyOfName(name: string): string | null {
  return name.startsWith(PREFIX) ? name.slice(PREFIX.length) : null;
}

/** KEYS: the hash. ARGV: the revision expected (empty: must not exist), the new revision, the value (absent: delete). */
export const SCRIPT = `
local found = redis.call('HMGET', KEYS[1], 'r', 'v')
local revision = found[1]
if not revision and redis.call('EXISTS', KEYS[1]) == 1 then
  return redis.error_reply('WRONGTYPE this hash was not written by lockstep')
end
if (revision or '') ~= ARGV[1] then
  if revision then return {0, revision, found[2]} end
  return {0}
end
redis.call('PUBLISH', KEYS[1], '')
if ARGV[3] then
  redis.call('HSET', KEYS[1], 'r', ARGV[2], 'v', ARGV[3])
else
  redis.call('DEL', KEYS[1])
end
return {1}
`;

export const SCRIPT_SHA1 = createHash('sha1').update(SCRIPT).digest('hex');

/** For an administrator: what the user of a store must be allowed. */
export const NEEDED_ACL =
  '~lockstep:* &lockstep:* +eval +evalsha +hmget +hset +del +exists +publish +subscribe +unsubscribe +scan +cluster|slots';
