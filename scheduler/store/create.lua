-- Create a run that a person asked for, or one that an application sent without a record.
--
-- KEYS  1 the run (hash)   2 the entry's runs (zset)   3 its active runs (set)   4 outbox   5 deadlines (zsets)
-- ARGV  1 run id   2 entry or ''   3 job   4 trigger   5 scheduled at, ms   6 queue   7 max_attempts   8 call as JSON
--       9 publish at, ms; '' for now; 'never': its message is under way already
--       10 it must start by, ms, or ''   11 the entry's group, or ''   12 our prefix
--       13 ms between two starts of its entry's runs, or ''
-- Result: 1 created, 0 it was there. A second call changes nothing.
local clock = redis.call('TIME')
local now_ms = clock[1] * 1000 + math.floor(clock[2] / 1000)
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
redis.call('HSET', KEYS[1], 'e', ARGV[2], 'j', ARGV[3], 't', ARGV[4], 'at', ARGV[5], 's', 'queued', 'a', 1,
  'm', ARGV[7], 'q', ARGV[6], 'qa', now_ms, 'c', ARGV[8])
redis.call('ZADD', KEYS[2], now_ms, ARGV[1])
redis.call('PERSIST', KEYS[2])
redis.call('SADD', KEYS[3], ARGV[1])
if ARGV[10] ~= '' then
  redis.call('HSET', KEYS[1], 'd', ARGV[10])
  redis.call('ZADD', KEYS[5], ARGV[10], ARGV[1])
end
if ARGV[13] ~= '' then redis.call('HSET', KEYS[1], 'rl', ARGV[13]) end
if ARGV[11] ~= '' then
  redis.call('HSET', KEYS[1], 'g', ARGV[11])
  redis.call('SADD', ARGV[12] .. 'group:' .. ARGV[11], ARGV[1])
end
if ARGV[9] ~= 'never' then redis.call('ZADD', KEYS[4], ARGV[9] == '' and now_ms or ARGV[9], ARGV[1]) end
return 1
