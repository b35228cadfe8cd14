-- How far the catching up of some entries has come.
--
-- KEYS  the entries' hashes
-- ARGV  1 our prefix   then of each entry, in their order: its name, its lane
-- Result, of each entry: since when ticks of it wait for their turn, ms or ''; how many runs are active now where its next
--   one would be, the one that waits for their end counted too; how many of its ticks became runs
-- include: lanes
local answers = {}
for i, key in ipairs(KEYS) do
  local name, lane = ARGV[2 * i], ARGV[2 * i + 1]
  local since = redis.pcall('HGET', key, 'behind')
  answers[#answers + 1] = type(since) == 'string' and since or ''
  answers[#answers + 1] = #places_of(ARGV[1], lane) + redis.call('HEXISTS', ARGV[1] .. 'waiting:' .. lane, name)
  local had = redis.pcall('HGET', ARGV[1] .. 'ledger:' .. name, 'dispatched')
  answers[#answers + 1] = type(had) == 'string' and tonumber(had) or 0
end
return answers
