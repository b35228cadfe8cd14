-- Stop a run: one that does not run ends at once, one that runs is asked to, and its worker sees to it.
--
-- KEYS  1 the run (hash)   2 cancels (zset)
-- ARGV  1 run id   2 who asks   3 why, or ''   4 our prefix
-- Result: {answer, state, attempt}. The answer: 'cancelled' now; 'asked': it runs, and ends before long; 'over': it had
--   ended before; 'gone': there is no such run. Whoever asked first stays on record.
-- include: ending
local clock = redis.call('TIME')
local now_ms = clock[1] * 1000 + math.floor(clock[2] / 1000)
local run = redis.call('HMGET', KEYS[1], 's', 'a')
local state, attempt = run[1], run[2]
if not state then return {'gone', '', 0} end
if state == 'running' then
  if redis.call('HSETNX', KEYS[1], 'xb', ARGV[2]) == 1 then redis.call('HSET', KEYS[1], 'x', ARGV[3]) end
  redis.call('ZADD', KEYS[2], 'NX', now_ms, ARGV[1])
  return {'asked', state, tonumber(attempt)}
end
if state ~= 'queued' and state ~= 'retrying' then return {'over', state, tonumber(attempt)} end
-- The attempt that it waits for never started; what its record says of a start is of the one before.
if state == 'queued' then redis.call('HDEL', KEYS[1], 'sa', 'w') end
redis.call('HDEL', KEYS[1], 'er')
ended(ARGV[4], ARGV[1], 'cancelled', reason_of(ARGV[2], ARGV[3]), now_ms, nil)
return {'cancelled', 'cancelled', tonumber(attempt)}
