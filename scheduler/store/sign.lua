-- Sign in: this process is alive. Those that gave no sign for an hour are forgotten.
--
-- KEYS  1 beats or workers (hash)
-- ARGV  1 id   2 what it is, JSON object as text   3 forget those not seen for so long, ms
-- Result: the ids of all that are known, with their JSON, as field, value, …
local clock = redis.call('TIME')
local now_ms = clock[1] * 1000 + math.floor(clock[2] / 1000)
redis.call('HSET', KEYS[1], ARGV[1], string.format('{"seen":%d,"is":%s}', now_ms, ARGV[2]))
redis.call('PEXPIRE', KEYS[1], ARGV[3])
local all, known = redis.call('HGETALL', KEYS[1]), {}
for i = 1, #all, 2 do
  local seen = tonumber(string.match(all[i + 1], '^{"seen":(%d+)') or 0)
  if seen < now_ms - ARGV[3] then
    redis.call('HDEL', KEYS[1], all[i])
  else
    known[#known + 1], known[#known + 2] = all[i], all[i + 1]
  end
end
return known
