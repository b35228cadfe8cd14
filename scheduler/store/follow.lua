-- A run has ended on which another entry follows: note it, and once all have ended that it waits for, create its run.
--
-- KEYS  1 what has ended of those that it waits for (hash: entry → run id)   2 the run that follows (hash)
-- ARGV  1 our prefix   2 the entry that follows   3 the entry that ended, and 4 its run   5 how many it waits for
--       6 id of the run that follows   7 scheduled at, ms   8 the rules of its entry's runs, JSON: see commit.lua
--       9 its call, JSON   10 it must start by, ms, or ''   11 a disposition to give it instead of a run, or ''   12 why
--       13 how long the note is kept, ms
-- Result: {'waits', how many are missing}, {'created'}, {'left out', disposition, why}, or {'decided'}: it was before.
--   A second call changes nothing.
-- include: lanes
-- include: record
local clock = redis.call('TIME')
local now_ms = clock[1] * 1000 + math.floor(clock[2] / 1000)
local own, name, id, scheduled = ARGV[1], ARGV[2], ARGV[6], ARGV[7]
if redis.call('HEXISTS', KEYS[1], '') == 1 or redis.call('EXISTS', KEYS[2]) == 1 then return {'decided'} end
redis.call('HSET', KEYS[1], ARGV[3], ARGV[4])
redis.call('PEXPIRE', KEYS[1], ARGV[13])
local missing = ARGV[5] - redis.call('HLEN', KEYS[1])
if missing > 0 then return {'waits', missing} end

local rules, parents = cjson.decode(ARGV[8]), redis.call('HVALS', KEYS[1])
-- In the order of their ids, and last the one that ended last.
table.sort(parents, function(a, b) return a ~= b and (b == ARGV[4] or (a ~= ARGV[4] and a < b)) end)
redis.call('HSET', KEYS[1], '', now_ms)
local function count(what)
  redis.call('HINCRBY', own .. 'ledger:' .. name, what, 1)
  redis.call('HINCRBY', own .. 'ledger', what, 1)
end
local lane = lane_of(name, rules.group)
local disposition, why = ARGV[11], ARGV[12]
local places = disposition == '' and rules.overlap == 'skip' and full(own, lane, rules.most)
if places then disposition, why = 'skipped_overlap', 'run ' .. places[1].id .. ' is not finished' end
count('expected')
if disposition ~= '' then
  count(disposition)
  redis.call('LPUSH', own .. 'ticks:' .. name, cjson.encode({
    disposition = disposition, first = tonumber(scheduled), last = tonumber(scheduled), count = 1, reason = why,
    decided = now_ms}))
  redis.call('LTRIM', own .. 'ticks:' .. name, 0, 199)
  return {'left out', disposition, why}
end
count('dispatched')
recorded(own, id, name, rules, ARGV[9], scheduled, now_ms, ARGV[10] ~= '' and ARGV[10] or nil, nil,
  {'t', 'after', 'pa', table.concat(parents, ',')})
redis.call('ZADD', own .. 'outbox', now_ms, id)
for _, parent in ipairs(parents) do
  local run = own .. 'run:' .. parent
  local before = redis.call('HMGET', run, 's', 'ch')
  if before[1] then redis.call('HSET', run, 'ch', (before[2] and before[2] .. ',' or '') .. id) end
end
return {'created'}
