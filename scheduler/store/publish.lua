-- Move runs on to be claimed: from the outbox, when a retry is due, when nobody claimed, when a worker hands one back.
--
-- KEYS  1 outbox   2 retries   3 unclaimed   4 leases (zsets)
-- ARGV  1 our prefix   2 the prefix of queues   3 wait before it is published again, ms
--       4 'push' the messages here, 'outbox' to leave them to the outbox, or 'sent': they are in another broker now
--       then of each run: id, state as read, attempt as read, worker as read or '', new attempt, queue, message
-- Result, of each run: 1 moved, 0 it has changed meanwhile (it was claimed, or cancelled, say): left alone. A queued run's message is
--   pushed only while the run waits for that, so that two beats, or a call whose answer was lost, push it once.
-- include: ending
local own, queues, way = ARGV[1], ARGV[2], ARGV[4]
local clock = redis.call('TIME')
local now_ms = clock[1] * 1000 + math.floor(clock[2] / 1000)
local again = now_ms + ARGV[3]
local function waits(id)
  return redis.call('ZSCORE', KEYS[1], id) or tonumber(redis.call('ZSCORE', KEYS[3], id) or now_ms + 1) <= now_ms
end

local results = {}
for i = 5, #ARGV, 7 do
  local id, state, attempt, worker = ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3]
  local new_attempt, queue, message = ARGV[i + 4], ARGV[i + 5], ARGV[i + 6]
  local run = own .. 'run:' .. id
  local now = redis.call('HMGET', run, 's', 'a', 'w', 'sa')
  local same = now[1] == state and now[2] == attempt and (now[3] or '') == worker
    and (way ~= 'push' or state ~= 'queued' or waits(id))
  if same and state == 'running' and cancelled_by(run) then
    -- Somebody asked to cancel it between our two reads: it is not handed to another worker.
    ended(own, id, 'cancelled', reason_of(cancelled_by(run)), now_ms, nil)
    same = false
  elseif same then
    redis.call('HSET', run, 's', 'queued', 'a', new_attempt)
    redis.call('HDEL', run, 'w', 'ra')
    if state == 'running' then
      redis.call('RPUSH', own .. 'attempts:' .. id, cjson.encode({
        n = tonumber(attempt), o = 'interrupted', w = worker, sa = tonumber(now[4]), fa = now_ms}))
      redis.call('HDEL', run, 'sa')
    end
    redis.call('ZREM', KEYS[2], id)
    redis.call('ZREM', KEYS[4], id)
    if way == 'outbox' then
      redis.call('ZREM', KEYS[3], id)
      redis.call('ZADD', KEYS[1], now_ms, id)
    else
      redis.call('ZREM', KEYS[1], id)
      redis.call('ZADD', KEYS[3], again, id)
      if way == 'push' then redis.call('LPUSH', queues .. queue, message) end
    end
  elseif now[1] ~= 'queued' then
    redis.call('ZREM', KEYS[1], id)
    redis.call('ZREM', KEYS[3], id)
  end
  results[#results + 1] = same and 1 or 0
end
return results
