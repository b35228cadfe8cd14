-- End an attempt: the run ends with it, or waits for its next one.
--
-- KEYS  1 the run (hash)   2 its attempts (list)   3 its log (stream)   4 the entry's runs (zset)   5 its active runs (set)
--       6 leases   7 retries   8 unclaimed   9 outbox (zsets)
-- ARGV  1 run id   2 attempt   3 worker, or '' for a beat that ends a lease that ran out
--       4 the new state   5 error or ''   6 traceback or ''   7 reason or ''   8 result as JSON or ''
--       9 wait before the next attempt, ms (for 'retrying')   10 keep_runs   11 keep_for, ms   12 our prefix
-- Result: {'finished', now in ms, retry at in ms or 0} or {'fenced', state, attempt}: the run was given away, and what
--   this attempt came to does not count. The same call again is answered the same.
local clock = redis.call('TIME')
local now_ms = clock[1] * 1000 + math.floor(clock[2] / 1000)
local id, attempt, worker, state = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local run = redis.call('HMGET', KEYS[1], 's', 'a', 'w', 'sa')
local held = run[1] == 'running' and run[2] == attempt and run[3] == worker
if worker == '' then
  local lease = redis.call('ZSCORE', KEYS[6], id)
  held = run[1] == 'running' and run[2] == attempt and lease and tonumber(lease) <= now_ms
end
if not held then
  if run[1] ~= 'running' then redis.call('ZREM', KEYS[6], id) end
  if run[1] == state and run[2] == attempt and run[3] == worker then
    return {'finished', tonumber(redis.call('HGET', KEYS[1], 'fa')), tonumber(redis.call('HGET', KEYS[1], 'ra') or 0)}
  end
  return {'fenced', run[1] or 'gone', run[2] or '0'}
end

local retry_at = 0
if state == 'retrying' then retry_at = now_ms + ARGV[9] end
if state ~= 'succeeded' or tonumber(attempt) > 1 then
  redis.call('RPUSH', KEYS[2], cjson.encode({
    n = tonumber(attempt), o = state, w = run[3], sa = tonumber(run[4]), fa = now_ms,
    e = ARGV[5] ~= '' and ARGV[5] or nil, tb = ARGV[6] ~= '' and ARGV[6] or nil,
    ra = retry_at > 0 and retry_at or nil}))
end
redis.call('ZREM', KEYS[6], id)
redis.call('HDEL', KEYS[1], 'k')
redis.call('HSET', KEYS[1], 's', state, 'fa', now_ms)
local function keep(field, value)
  if value ~= '' then redis.call('HSET', KEYS[1], field, value) else redis.call('HDEL', KEYS[1], field) end
end
keep('er', ARGV[5])
keep('y', ARGV[7])
keep('r', ARGV[8])
if state == 'retrying' then
  redis.call('HSET', KEYS[1], 'ra', retry_at)
  redis.call('ZADD', KEYS[7], retry_at, id)
  return {'finished', now_ms, retry_at}
end

redis.call('SREM', KEYS[5], id)
redis.call('ZREM', KEYS[8], id)
redis.call('ZREM', KEYS[9], id)
if state == 'succeeded' then redis.call('HDEL', KEYS[1], 'c') end
if redis.call('HGET', KEYS[1], 'fs') == run[4] then redis.call('HDEL', KEYS[1], 'fs') end
for i = 1, 3 do redis.call('PEXPIRE', KEYS[i], ARGV[11]) end
-- The list of an entry's runs lives as long as the last of them, and while one is active for ever.
if redis.call('EXISTS', KEYS[5]) == 0 then redis.call('PEXPIRE', KEYS[4], ARGV[11]) end
-- History by count: the oldest that have ended go, a few at a time; what has not ended stays.
local surplus = redis.call('ZCARD', KEYS[4]) - ARGV[10]
if surplus > 0 then
  for _, old in ipairs(redis.call('ZRANGE', KEYS[4], 0, math.min(surplus, 20) - 1)) do
    if redis.call('SISMEMBER', KEYS[5], old) == 0 then
      redis.call('DEL', ARGV[12] .. 'run:' .. old, ARGV[12] .. 'attempts:' .. old, ARGV[12] .. 'log:' .. old)
      redis.call('ZREM', KEYS[4], old)
    end
  end
end
-- History by age: each record expires by itself, so long after its end; the list follows.
for _, old in ipairs(redis.call('ZRANGEBYSCORE', KEYS[4], '-inf', now_ms - ARGV[11], 'LIMIT', 0, 20)) do
  if redis.call('EXISTS', ARGV[12] .. 'run:' .. old) == 0 then redis.call('ZREM', KEYS[4], old) end
end
return {'finished', now_ms, 0}
