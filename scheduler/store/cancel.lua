-- Stop a run: one that does not run ends at once, one that runs is asked to, and its worker sees to it.
--
-- KEYS  1 the run (hash)   2 cancels (zset)
-- ARGV  1 run id   2 who asks   3 why, or ''   4 our prefix
-- Result: {answer, state, attempt}. The answer: 'cancelled' now; 'asked': it runs, and ends before long; 'over': it had
--   ended before; 'gone': there is no such run. Whoever asked first stays on record.
-- include: ending
local clock = redis.call('TIME')
local now_ms = clock[1] * 1000 + math.floor(clock[2] / 1000)
local answer = stopped(ARGV[4], ARGV[1], ARGV[2], ARGV[3], now_ms)
local run = redis.call('HMGET', KEYS[1], 's', 'a')
return {answer, run[1] or '', tonumber(run[2] or 0)}
