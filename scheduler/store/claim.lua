-- Take the right to one attempt of a run. The message only rang; this decides.
--
-- KEYS  1 the run (hash)   2 leases   3 unclaimed   4 outbox   5 deadlines (zsets)
-- ARGV  1 run id   2 attempt   3 worker   4 length of the lease, ms   5 a token that is new for every message taken
--       6 our prefix
-- Result: {'claimed', now in ms, the run's fields as field, value, …} or {'refused', why, 'early', 'expired', 'limited' or
--   ''}; early: the attempt before this one is still under way; expired: it is too late for the first start, and the run
--   has ended; limited, with a moment in ms: its entry's rate limit lets it start then, and it is published again
--   The same call again (its answer was lost on the way) is answered the same; a second message has another token.
-- include: ending
-- include: overdue
local clock = redis.call('TIME')
local now_ms = clock[1] * 1000 + math.floor(clock[2] / 1000)
local run = redis.call('HMGET', KEYS[1], 's', 'a', 'w', 'k', 'd', 'p', 'fs', 'rl', 'rs', 'e')
if not run[1] then return {'refused', 'no such run', ''} end
if run[2] ~= ARGV[2] then
  local under_way = run[2] + 1 == tonumber(ARGV[2]) and (run[1] == 'running' or run[1] == 'retrying')
  return {'refused', 'attempt ' .. run[2] .. ' is the one in force', under_way and 'early' or ''}
end
if run[1] == 'running' and run[4] == ARGV[5] then return {'claimed', now_ms, redis.call('HGETALL', KEYS[1])} end
if run[1] ~= 'queued' then
  if run[1] == 'running' then return {'refused', 'running on ' .. (run[3] or '?'), ''} end
  return {'refused', 'already ' .. run[1], ''}
end
local deadline, progress, started_before = run[5], run[6], run[7]
local late = deadline and expired(ARGV[6], ARGV[1], now_ms)
if late then return {'refused', late, 'expired'} end
-- The rate limit gives each attempt a moment of its own, `rs`, the next after those given out before (`f` says when one is
-- free). One that comes after its moment may still be too close to the last start, `l`; a tenth of the gap is forgiven.
local gap = tonumber(run[8] or '')
if gap then
  local key = ARGV[6] .. 'rate:' .. run[10]
  local known = redis.call('HMGET', key, 'f', 'l')
  local free, last = tonumber(known[1] or '') or now_ms, tonumber(known[2] or '') or now_ms - gap
  local turn = tonumber(run[9] or '')
  if not turn then
    turn = math.max(now_ms, free)
    free = turn + gap
  end
  local wait = math.max(turn, last + gap) - now_ms
  local limited = wait > gap / 10
  if limited then
    turn = now_ms + wait
    free = math.max(free, turn + gap)
  else
    last = now_ms
  end
  redis.call('HSET', key, 'f', string.format('%.0f', free), 'l', string.format('%.0f', last))
  redis.call('PEXPIRE', key, string.format('%.0f', math.max(free - now_ms, gap) + 1000))
  if limited then
    redis.call('ZADD', KEYS[4], turn, ARGV[1])
    redis.call('ZREM', KEYS[3], ARGV[1])
    redis.call('HSET', KEYS[1], 'rs', string.format('%.0f', turn), 'y', 'waits for its turn by rate_limit')
    return {'refused', 'waits for its turn by rate_limit', 'limited', turn}
  end
  redis.call('HDEL', KEYS[1], 'rs', 'y')
end
redis.call('HSET', KEYS[1], 's', 'running', 'w', ARGV[3], 'k', ARGV[5], 'sa', now_ms, 'fs', started_before or now_ms)
-- How far the attempt before had come is no news any more.
if progress then redis.call('HDEL', KEYS[1], 'p') end
redis.call('ZADD', KEYS[2], now_ms + ARGV[4], ARGV[1])
redis.call('ZREM', KEYS[3], ARGV[1])
redis.call('ZREM', KEYS[4], ARGV[1])
-- Only the first start has a deadline.
if deadline then
  redis.call('HDEL', KEYS[1], 'd')
  redis.call('ZREM', KEYS[5], ARGV[1])
end
return {'claimed', now_ms, redis.call('HGETALL', KEYS[1])}
