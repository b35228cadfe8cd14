-- Decide the ticks of a batch of entries, once: write their dispositions, their runs and their next due time and, where
-- the broker is this server, push their messages. All of it happens, or for an entry that changed meanwhile, nothing.
--
-- KEYS  1 the schedule (zset)   2 the ledger of all (hash)   3 unclaimed (zset)   4 outbox (zset)
--       and one entry's hash for each entry of the batch, in its order
-- ARGV  1 our prefix   2 the prefix of queues   3 now, ms   4 '1' to push the messages, '0' to leave them to the outbox
--       5 when an unclaimed message is published again, ms
--       then of each entry, in order:
--         key, name, score as read, tick as read, new score, new tick, new meta, parked ('1' or ''), ticks expected,
--         overlap, max_active,
--         number of ranges left out, of each: disposition, count, JSON of the range
--         number of runs, of each: run id, scheduled at in ms, job, queue, max_attempts, call as JSON, message
-- Result, of each entry: 'decided'; 'stale': another beat or an edit was first; 'gone': it was deleted, and what was
--   left of it is too; 'overlap RUN_ID': as many runs are active as may be, so none was started
--
-- Guarded by compare-and-set on the entry's score and last tick, so that a beat that slept, or was a second one, changes
-- nothing; a second call with the same arguments finds its own work and answers 'stale'.
local own, queues, now_ms, push, republish_at = ARGV[1], ARGV[2], ARGV[3], ARGV[4] == '1', ARGV[5]
local at = 5
local function take()
  at = at + 1
  return ARGV[at]
end
local totals = {}
local function count(name, what, n)
  redis.call('HINCRBY', own .. 'ledger:' .. name, what, n)
  totals[what] = (totals[what] or 0) + n
end

local function leave_out(name, disposition, n, range)
  local list = own .. 'ticks:' .. name
  redis.call('LPUSH', list, range)
  redis.call('LTRIM', list, 0, 199)
  count(name, disposition, n)
end

local function create_run(name, run_id, scheduled, job, queue, max_attempts, call, message)
  local run = own .. 'run:' .. run_id
  if redis.call('EXISTS', run) == 1 then return end
  redis.call('HSET', run, 'e', name, 'j', job, 'at', scheduled, 's', 'queued', 'a', 1, 'm', max_attempts,
    'q', queue, 'qa', now_ms, 'c', call)
  redis.call('ZADD', own .. 'runs:' .. name, now_ms, run_id)
  redis.call('PERSIST', own .. 'runs:' .. name)
  redis.call('SADD', own .. 'active:' .. name, run_id)
  if push then
    redis.call('LPUSH', queues .. queue, message)
    redis.call('ZADD', KEYS[3], republish_at, run_id)
  else
    redis.call('ZADD', KEYS[4], now_ms, run_id)
  end
end

-- An active run for which another one must wait, or false. What is on no record any more is active no longer.
local function overlapping(active, max_active)
  if redis.call('SCARD', active) < max_active then return false end
  local alive, one = 0, false
  for _, run_id in ipairs(redis.call('SMEMBERS', active)) do
    if redis.call('EXISTS', own .. 'run:' .. run_id) == 1 then
      alive, one = alive + 1, run_id
    else
      redis.call('SREM', active, run_id)
    end
  end
  return alive >= max_active and one
end

local results = {}
while at < #ARGV do
  local key, name, score, tick = take(), take(), take(), take()
  local new_score, new_tick, meta, parked, expected = take(), take(), take(), take(), tonumber(take())
  local overlap, max_active = take(), tonumber(take())
  local is_hash = redis.call('TYPE', key).ok == 'hash'
  local exists = is_hash and redis.call('HEXISTS', key, 'definition') == 1
  local fresh = exists and redis.call('ZSCORE', KEYS[1], key) == score
    and (redis.call('HGET', key, 'tick') or '') == tick
  local result = fresh and 'decided' or 'stale'
  if not exists then
    redis.call('ZREM', KEYS[1], key)
    if is_hash then redis.call('DEL', key) end
    redis.call('DEL', own .. 'ledger:' .. name, own .. 'ticks:' .. name)
    result = 'gone'
  end
  for _ = 1, tonumber(take()) do
    local disposition, n, range = take(), tonumber(take()), take()
    if fresh then leave_out(name, disposition, n, range) end
  end
  for _ = 1, tonumber(take()) do
    local run_id, scheduled, job, queue, max_attempts, call, message =
      take(), take(), take(), take(), take(), take(), take()
    if fresh then
      local running = overlap == 'skip' and overlapping(own .. 'active:' .. name, max_active)
      if running then
        leave_out(name, 'skipped_overlap', 1, cjson.encode({
          disposition = 'skipped_overlap', first = tonumber(scheduled), last = tonumber(scheduled), count = 1,
          reason = 'run ' .. running .. ' is not finished', decided = tonumber(now_ms)}))
        result = 'overlap ' .. running
      else
        create_run(name, run_id, scheduled, job, queue, max_attempts, call, message)
        count(name, 'dispatched', 1)
      end
    end
  end
  if fresh then
    if expected > 0 then count(name, 'expected', expected) end
    redis.call('ZADD', KEYS[1], new_score, key)
    redis.call('HSET', key, 'tick', new_tick)
    if meta ~= '' then redis.call('HSET', key, 'meta', meta) end
    if parked == '1' then redis.call('HSET', key, 'parked', 1) else redis.call('HDEL', key, 'parked') end
  end
  results[#results + 1] = result
end
for what, n in pairs(totals) do redis.call('HINCRBY', KEYS[2], what, n) end
return results
