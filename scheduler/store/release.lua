-- Let runs go that wait for another one's end and have a place by now: where the run before them vanished, or where the
-- end of it was put on record by a script that could not see them.
--
-- KEYS  1 waiting (zset)
-- ARGV  1 our prefix   2 the most lanes to look after
-- Result: how many lanes were looked after. Those in which some run still waits come again in a second.
-- include: lanes
local clock = redis.call('TIME')
local now_ms = clock[1] * 1000 + math.floor(clock[2] / 1000)
local due = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now_ms, 'LIMIT', 0, ARGV[2])
for _, lane in ipairs(due) do
  redis.call('ZREM', KEYS[1], lane)
  release(ARGV[1], lane, now_ms)
end
return #due
