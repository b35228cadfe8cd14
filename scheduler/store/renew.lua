-- Keep the leases of the runs that a worker executes.
--
-- KEYS  1 leases (zset)
-- ARGV  1 our prefix   2 worker   3 length of the lease, ms   then of each run: id, attempt
-- Result: the ids of the runs that were given away. One that is about to be claimed, by the child that has its message
--   in hand, is neither renewed nor lost: no record yet, still queued, or still in the attempt before. Nor is one that
--   its job has just ended: its child waits for other work by now, and a signal would hit that.
local clock = redis.call('TIME')
local now_ms = clock[1] * 1000 + math.floor(clock[2] / 1000)
local lost = {}

-- Where its lease ran out a beat wrote the end, and the job may go on: as 'worker lost', or if it was to be, as cancelled.
local function ended_here(run)
  return run[1] ~= 'running' and run[1] ~= 'cancelled' and run[3] == ARGV[2] and run[4] ~= 'worker lost'
end

for i = 4, #ARGV, 2 do
  local run = redis.call('HMGET', ARGV[1] .. 'run:' .. ARGV[i], 's', 'a', 'w', 'y')
  local attempt = tonumber(ARGV[i + 1])
  local in_force = tonumber(run[2] or 0)
  if run[1] == 'running' and in_force == attempt and run[3] == ARGV[2] then
    redis.call('ZADD', KEYS[1], now_ms + ARGV[3], ARGV[i])
  elseif in_force > attempt or (in_force == attempt and run[1] ~= 'queued' and not ended_here(run)) then
    lost[#lost + 1] = ARGV[i]
  end
end
return lost
