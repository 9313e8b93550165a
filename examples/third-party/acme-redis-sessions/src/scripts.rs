//! Scripts, which Redis runs as one step.

/// Writes to a session whose version is `ARGV[2]`, empty for one that there is not. Returns 0 if it has another.
///
/// `KEYS`: the session, its transcript, the names of all sessions, all open turns, the last version.
/// `ARGV`: name, version, facts, what to do with the open turn (`keep`, `close` or its JSON), whether to empty the
/// transcript (`1`), new entries.
pub(crate) const WRITE: &str = r"
if (redis.call('HGET', KEYS[1], 'version') or '') ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[1], 'version', redis.call('INCR', KEYS[5]), 'info', ARGV[3])
redis.call('SADD', KEYS[3], ARGV[1])
if ARGV[4] == 'close' then
    redis.call('HDEL', KEYS[4], ARGV[1])
elseif ARGV[4] ~= 'keep' then
    redis.call('HSET', KEYS[4], ARGV[1], ARGV[4])
end
if ARGV[5] == '1' then redis.call('DEL', KEYS[2]) end
for i = 6, #ARGV do redis.call('RPUSH', KEYS[2], ARGV[i]) end
return 1
";

/// Deletes a session, and says whether there was one. `KEYS` are those of [`WRITE`]; `ARGV`: name.
pub(crate) const DELETE: &str = r"
redis.call('DEL', KEYS[2])
redis.call('HDEL', KEYS[4], ARGV[1])
redis.call('SREM', KEYS[3], ARGV[1])
return redis.call('DEL', KEYS[1])
";
