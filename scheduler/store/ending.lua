-- The end of a run for good, however it came to it. No script of its own: the scripts that end runs include it, and
-- KEYS, ARGV and Result are theirs.
--
-- ended(own, id, state, why, now_ms, limits): ends the run `id`, wherever it waits. `own` is our prefix, `why` the reason
--   on its record, or ''. `limits`: {keep_runs, keep_for in ms}, or nil for those that its call says.
-- stopped(own, id, by, why, now_ms): cancels the run where it waits, asks for it where it runs; see cancel.lua.
-- cancelled_by(run): who asked to cancel the run with this key, and why, as they stand on its record; nil if nobody did.
-- include: lanes
local function cancelled_by(run)
  local asked = redis.call('HMGET', run, 'xb', 'x')
  if not asked[1] then return nil end
  return asked[1], asked[2] or ''
end

local function reason_of(by, why)
  return 'by ' .. by .. (why ~= '' and ': ' .. why or '')
end

local function limits_of(run)
  local call = redis.call('HGET', run, 'c')
  local rules = call and cjson.decode(call) or {}
  return {rules.keep_runs or 100, math.floor((rules.keep_for or 2592000) * 1000)}
end

local function ended(own, id, state, why, now_ms, limits)
  local run, attempts, log = own .. 'run:' .. id, own .. 'attempts:' .. id, own .. 'log:' .. id
  limits = limits or limits_of(run)
  local fields = redis.call('HMGET', run, 'e', 'sa', 'fs', 'g', 's', 'xb')
  local name, group = fields[1] or '', fields[4]
  local runs, active = own .. 'runs:' .. name, own .. 'active:' .. name
  -- Others may follow on it: whoever ended it sees to that within two seconds, or a beat does. What all entries share comes
  -- first: a key of the wrong type stops the call while the run is still as it was.
  if redis.call('HEXISTS', own .. 'followers', name) == 1 then redis.call('ZADD', own .. 'ended', now_ms + 2000, id) end
  redis.call('ZREM', own .. 'leases', id)
  local over = {'k', 'ra', 'x', 'xb', 'd'}
  -- What another attempt would need.
  if state == 'succeeded' then over = {'k', 'ra', 'x', 'xb', 'd', 'c', 'cp', 'p'} end
  if why == '' then over[#over + 1] = 'y' end
  if fields[3] and fields[3] == fields[2] then over[#over + 1] = 'fs' end
  redis.call('HDEL', run, unpack(over))
  if why == '' then
    redis.call('HSET', run, 's', state, 'fa', now_ms)
  else
    redis.call('HSET', run, 's', state, 'fa', now_ms, 'y', why)
  end
  -- A long call has made the server keep the record as a table, at twice the size; what is left is short.
  if state == 'succeeded' and redis.call('OBJECT', 'ENCODING', run) == 'hashtable' then
    local kept = redis.call('HGETALL', run)
    redis.call('DEL', run)
    redis.call('HSET', run, unpack(kept))
  end
  redis.call('SREM', active, id)
  if fields[6] then redis.call('ZREM', own .. 'cancels', id) end
  if fields[5] ~= 'running' then
    -- A claim has taken a running one out of these.
    for _, place in ipairs({'retries', 'unclaimed', 'outbox', 'deadlines'}) do redis.call('ZREM', own .. place, id) end
  end
  if group then redis.call('SREM', own .. 'group:' .. group, id) end
  -- A place is free: whoever waits for it gets it now. Also in the lane of the entry itself, from before it had a group.
  release(own, 'active:' .. name, now_ms)
  if group then release(own, 'group:' .. group, now_ms) end
  for _, key in ipairs({run, attempts, log}) do redis.call('PEXPIRE', key, limits[2]) end
  -- The list of an entry's runs lives as long as the last of them, and while one is active for ever.
  if redis.call('EXISTS', active) == 0 then redis.call('PEXPIRE', runs, limits[2]) end
  -- History by count: the oldest that have ended go, a few at a time; what has not ended stays.
  local surplus = redis.call('ZCARD', runs) - limits[1]
  if surplus > 0 then
    for _, old in ipairs(redis.call('ZRANGE', runs, 0, math.min(surplus, 20) - 1)) do
      if redis.call('SISMEMBER', active, old) == 0 then
        redis.call('DEL', own .. 'run:' .. old, own .. 'attempts:' .. old, own .. 'log:' .. old)
        redis.call('ZREM', runs, old)
      end
    end
  end
  -- History by age: each record expires by itself, so long after its end; the list follows.
  for _, old in ipairs(redis.call('ZRANGEBYSCORE', runs, '-inf', now_ms - limits[2], 'LIMIT', 0, 20)) do
    if redis.call('EXISTS', own .. 'run:' .. old) == 0 then redis.call('ZREM', runs, old) end
  end
end

local function stopped(own, id, by, why, now_ms)
  local run = own .. 'run:' .. id
  local state = redis.call('HGET', run, 's')
  if not state then return 'gone' end
  if state == 'running' then
    if redis.call('HSETNX', run, 'xb', by) == 1 then redis.call('HSET', run, 'x', why) end
    redis.call('ZADD', own .. 'cancels', 'NX', now_ms, id)
    return 'asked'
  end
  if state ~= 'queued' and state ~= 'retrying' then return 'over' end
  -- The attempt that it waits for never started; what its record says of a start is of the one before.
  if state == 'queued' then redis.call('HDEL', run, 'sa', 'w') end
  redis.call('HDEL', run, 'er')
  ended(own, id, 'cancelled', reason_of(by, why), now_ms, nil)
  return 'cancelled'
end
