-- How long the newest runs of entries took.
--
-- KEYS  the runs of each entry (zsets)
-- ARGV  1 our prefix   2 how many of the newest runs of each entry to look at
-- Result, of each entry: a list of whole milliseconds, one for each of those runs that succeeded or failed. Reads only.
local found = {}
for i = 1, #KEYS do
  local took = {}
  for _, id in ipairs(redis.call('ZREVRANGE', KEYS[i], 0, ARGV[2] - 1)) do
    local run = redis.call('HMGET', ARGV[1] .. 'run:' .. id, 's', 'sa', 'fa')
    if (run[1] == 'succeeded' or run[1] == 'failed') and run[2] and run[3] then
      took[#took + 1] = math.max(0, run[3] - run[2])
    end
  end
  found[i] = took
end
return found
