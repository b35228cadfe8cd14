-- Take hold of runs whose messages this process is about to send to another broker, so that no two send the same one.
--
-- KEYS  1 outbox   2 retries   3 unclaimed (zsets)
-- ARGV  1 for how long, ms   then the ids of the runs
-- Result, of each run: the number of the key in which it was due and its score there; or 0 and '': it is due in none, for
--   another process has hold of it, or it has moved on.
-- Held means that its score is put off. Who ends in between thereby lets go of it, and a beat finds it when that time is over.
local clock = redis.call('TIME')
local now_ms = clock[1] * 1000 + math.floor(clock[2] / 1000)
local results = {}
for i = 2, #ARGV do
  local place, was = 0, ''
  for number, key in ipairs(KEYS) do
    local score = redis.call('ZSCORE', key, ARGV[i])
    if score and tonumber(score) <= now_ms then
      redis.call('ZADD', key, now_ms + ARGV[1], ARGV[i])
      place, was = number, score
      break
    end
  end
  results[#results + 1], results[#results + 2] = place, was
end
return results
