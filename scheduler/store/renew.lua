-- Keep the leases of the runs that a worker executes.
--
-- KEYS  1 leases (zset)
-- ARGV  1 our prefix   2 worker   3 length of the lease, ms   then of each run: id, attempt
-- Result: the ids of the runs that this worker does not hold any more
local clock = redis.call('TIME')
local now_ms = clock[1] * 1000 + math.floor(clock[2] / 1000)
local lost = {}
for i = 4, #ARGV, 2 do
  local run = redis.call('HMGET', ARGV[1] .. 'run:' .. ARGV[i], 's', 'a', 'w')
  if run[1] == 'running' and run[2] == ARGV[i + 1] and run[3] == ARGV[2] then
    redis.call('ZADD', KEYS[1], now_ms + ARGV[3], ARGV[i])
  else
    lost[#lost + 1] = ARGV[i]
  end
end
return lost
