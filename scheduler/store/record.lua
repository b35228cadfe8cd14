-- A new run's record, however the run came to be. No script of its own: the scripts that create runs include it, and
-- KEYS, ARGV and Result are theirs.
--
-- recorded(own, id, entry, rules, call, at, now_ms, by, behind, more): puts the run `id` on record as queued, in the lists
--   of its entry, and takes its place in its group. Returns false where it was on record already: then nothing changes.
--   `rules` {job, queue, max_attempts, group and gap or nil}: see commit.lua. `call`: JSON. `at`: scheduled, ms.
--   `by`: it must have started then, ms, or nil. `behind`: the run for whose end it waits, so that it takes no place, or
--   nil. `more`: further fields of its record, each with its value after it, or nil.
local NO_MORE = {}

local function recorded(own, id, entry, rules, call, at, now_ms, by, behind, more)
  local runs = own .. 'runs:' .. entry
  if redis.call('ZADD', runs, 'NX', now_ms, id) == 0 then return false end
  if by or behind or rules.group or rules.gap then
    more = more or {}
    for field, value in pairs({d = by, y = behind and 'waits for the end of run ' .. behind, g = rules.group, rl = rules.gap}) do
      if value then more[#more + 1], more[#more + 2] = field, value end
    end
  end
  redis.call('HSET', own .. 'run:' .. id, 'e', entry, 'j', rules.job, 'at', at, 's', 'queued', 'a', '1',
    'm', rules.max_attempts, 'q', rules.queue, 'qa', now_ms, 'c', call, unpack(more or NO_MORE))
  redis.call('PERSIST', runs)
  redis.call('SADD', own .. 'active:' .. entry, id)
  if rules.group and not behind then redis.call('SADD', own .. 'group:' .. rules.group, id) end
  if by then redis.call('ZADD', own .. 'deadlines', by, id) end
  return true
end
