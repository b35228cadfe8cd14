-- How far the catching up of some entries has come. Writes nothing.
--
-- KEYS  of each entry: its hash, its active runs (set)
-- ARGV  1 our prefix
-- Result, of each entry: since when ticks of it wait for their turn, ms or ''; how many of its runs are active now, those
--   that are on no record any more left out
local answers = {}
for i = 1, #KEYS, 2 do
  local since = redis.pcall('HGET', KEYS[i], 'behind')
  local alive = 0
  for _, run_id in ipairs(redis.call('SMEMBERS', KEYS[i + 1])) do
    alive = alive + redis.call('EXISTS', ARGV[1] .. 'run:' .. run_id)
  end
  answers[#answers + 1] = type(since) == 'string' and since or ''
  answers[#answers + 1] = alive
end
return answers
