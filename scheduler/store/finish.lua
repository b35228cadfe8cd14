-- End an attempt: the run ends with it, or waits for its next one.
--
-- KEYS  1 the run (hash)   2 its attempts (list)   3 its log (stream)   4 the entry's runs (zset)   5 its active runs (set)
--       6 leases   7 retries   8 unclaimed   9 outbox (zsets)
-- ARGV  1 run id   2 attempt   3 worker, or '' for a beat that ends a lease that ran out
--       4 the new state   5 error or ''   6 traceback or ''   7 reason or ''   8 result as JSON or ''
--       9 wait before the next attempt, ms (for 'retrying')   10 keep_runs   11 keep_for, ms   12 our prefix
-- Result: {'finished', now in ms, retry at in ms or 0, state, by, why, 1 if others may follow on it} or {'fenced', state,
--   attempt}: the run was given away, and what this attempt came to does not count. An attempt that failed after somebody asked to cancel the run
--   ends it as 'cancelled': by whom and why is told. The same call again is answered the same.
-- include: ending
local clock = redis.call('TIME')
local now_ms = clock[1] * 1000 + math.floor(clock[2] / 1000)
local id, attempt, worker, state, own = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[12]
local run = redis.call('HMGET', KEYS[1], 's', 'a', 'w', 'sa', 'er')
local held = run[1] == 'running' and run[2] == attempt and run[3] == worker
if worker == '' then
  local lease = redis.call('ZSCORE', KEYS[6], id)
  held = run[1] == 'running' and run[2] == attempt and lease and tonumber(lease) <= now_ms
end
if not held then
  if run[1] ~= 'running' then redis.call('ZREM', KEYS[6], id) end
  local cancelled = run[1] == 'cancelled' and (state == 'failed' or state == 'retrying')
  if (run[1] == state or cancelled) and run[2] == attempt and run[3] == worker then
    local at = redis.call('HMGET', KEYS[1], 'fa', 'ra', 'y')
    return {'finished', tonumber(at[1]), tonumber(at[2] or 0), run[1], '', at[3] or ''}
  end
  return {'fenced', run[1] or 'gone', run[2] or '0'}
end

local reason, error_text, by, why = ARGV[7], ARGV[5], nil, ''
if state == 'failed' or state == 'retrying' then
  by, why = cancelled_by(KEYS[1])
  why = why or ''  -- nil in the result would end it there
  if by then state, reason, error_text = 'cancelled', reason_of(by, why), '' end
end
local retry_at = 0
if state == 'retrying' then retry_at = now_ms + ARGV[9] end
if state ~= 'succeeded' or tonumber(attempt) > 1 then
  redis.call('RPUSH', KEYS[2], cjson.encode({
    n = tonumber(attempt), o = state, w = run[3], sa = tonumber(run[4]), fa = now_ms,
    e = ARGV[5] ~= '' and ARGV[5] or nil, tb = ARGV[6] ~= '' and ARGV[6] or nil,
    ra = retry_at > 0 and retry_at or nil}))
end
local function keep(field, value)
  if value ~= '' then redis.call('HSET', KEYS[1], field, value) else redis.call('HDEL', KEYS[1], field) end
end
if run[5] or error_text ~= '' then keep('er', error_text) end
if ARGV[8] ~= '' then keep('r', ARGV[8]) end
if state == 'retrying' then
  keep('y', reason)
  redis.call('ZREM', KEYS[6], id)
  redis.call('HDEL', KEYS[1], 'k')
  redis.call('HSET', KEYS[1], 's', state, 'fa', now_ms, 'ra', retry_at)
  redis.call('ZADD', KEYS[7], retry_at, id)
  return {'finished', now_ms, retry_at, state, '', ''}
end
ended(own, id, state, reason, now_ms, {tonumber(ARGV[10]), tonumber(ARGV[11])})
return {'finished', now_ms, 0, state, by or '', why or '', redis.call('ZSCORE', own .. 'ended', id) and 1 or 0}
