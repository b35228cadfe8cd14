-- End the runs that nobody started by their deadline, whether a worker, a queue or a broker was missing.
--
-- KEYS  1 deadlines (zset)
-- ARGV  1 our prefix   2 the most runs to end
-- Result: their ids. A run that was started, or has ended otherwise, is taken off the list and left alone.
-- include: ending
-- include: overdue
local clock = redis.call('TIME')
local now_ms = clock[1] * 1000 + math.floor(clock[2] / 1000)
local ended_ids = {}
for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now_ms, 'LIMIT', 0, ARGV[2])) do
  if expired(ARGV[1], id, now_ms) then ended_ids[#ended_ids + 1] = id end
  redis.call('ZREM', KEYS[1], id)
end
return ended_ids
