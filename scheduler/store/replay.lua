-- Give runs that have ended badly another attempt: failed, expired and cancelled ones. Those that wait for their next
-- attempt have it now.
--
-- KEYS  1 outbox (zset)   2 deadlines (zset)
-- ARGV  1 our prefix   then the ids of the runs
-- Result: of each run {answer, state, attempt}. The answer: 'queued' now; 'due': its next attempt, of this number, is due
--   now; 'active': it is queued or runs, a call before this one was first, say; 'well': it succeeded or was skipped;
--   'gone': there is no such run.
local own = ARGV[1]
local clock = redis.call('TIME')
local now_ms = clock[1] * 1000 + math.floor(clock[2] / 1000)
local ended_badly = {failed = true, expired = true, cancelled = true}
local active = {queued = true, running = true}

local function replayed(id)
  local run = own .. 'run:' .. id
  local was = redis.call('HMGET', run, 's', 'a', 'm', 'sa', 'fs', 'e', 'g', 'c')
  local state, attempt = was[1], tonumber(was[2] or 0)
  if not state then return {'gone', '', 0} end
  if active[state] then return {'active', state, attempt} end
  if state == 'retrying' then
    redis.call('HSET', run, 'ra', now_ms)
    redis.call('ZADD', own .. 'retries', now_ms, id)
    return {'due', state, attempt + 1}
  end
  if not ended_badly[state] or not was[8] then return {'well', state, attempt} end
  -- An attempt that never started is the one to come; an old message of it may start it just as well.
  if was[4] then attempt = attempt + 1 end
  if was[4] and not was[5] then redis.call('HSET', run, 'fs', was[4]) end
  redis.call('HDEL', run, 'fa', 'er', 'y', 'r', 'w', 'sa', 'd')
  redis.call('HSET', run, 's', 'queued', 'a', attempt, 'm', math.max(attempt, tonumber(was[3] or 1)), 'qa', now_ms)
  local name = was[6] or ''
  for _, key in ipairs({run, own .. 'attempts:' .. id, own .. 'log:' .. id, own .. 'runs:' .. name}) do
    redis.call('PERSIST', key)
  end
  redis.call('ZADD', own .. 'runs:' .. name, now_ms, id)
  redis.call('SADD', own .. 'active:' .. name, id)
  if was[7] then redis.call('SADD', own .. 'group:' .. was[7], id) end
  redis.call('ZREM', KEYS[2], id)
  redis.call('ZADD', KEYS[1], now_ms, id)
  return {'queued', 'queued', attempt}
end

local results = {}
for i = 2, #ARGV do results[i - 1] = replayed(ARGV[i]) end
return results
