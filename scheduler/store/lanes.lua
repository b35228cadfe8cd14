-- Lanes: what limits how many runs are active at once. No script of its own: others include it, and KEYS, ARGV and
-- Result are theirs.
--
-- A lane is `active:ENTRY` or, for entries that share a limit, `group:NAME`: under our prefix the set of its active runs.
-- The hash `waiting:LANE` has, by entry, the one run that waits for a place: JSON of
--   id, most: its limit, since: ms, and where the broker is this server message, queue and again: ms until it is sent again
-- A run that waits is on record as queued and in its entry's `active:` set, for it has not ended, but takes no place.
-- The zset `waiting` has the lanes in which some run waits, by when a beat looks after them, ms.
local function lane_of(name, group)
  return group and group ~= '' and 'group:' .. group or 'active:' .. name
end

-- The runs that take the lane's places, oldest first, each {id, since, entry, asked: somebody wants it stopped}. What is on
-- no record any more takes none.
local function places_of(own, lane)
  local waits, found = {}, {}
  for _, text in ipairs(redis.call('HVALS', own .. 'waiting:' .. lane)) do waits[cjson.decode(text).id] = true end
  for _, id in ipairs(redis.call('SMEMBERS', own .. lane)) do
    if not waits[id] then
      local run = redis.call('HMGET', own .. 'run:' .. id, 's', 'qa', 'e', 'xb')
      if run[1] == 'queued' or run[1] == 'running' or run[1] == 'retrying' then
        found[#found + 1] = {id = id, since = tonumber(run[2]), entry = run[3], asked = run[4]}
      else
        redis.call('SREM', own .. lane, id)
      end
    end
  end
  table.sort(found, function(a, b) return a.since < b.since or (a.since == b.since and a.id < b.id) end)
  return found
end

-- The runs of a lane that is full for one more run whose limit is `most`, or nil. A limit of 0 is none.
local function full(own, lane, most)
  if most == 0 or redis.call('SCARD', own .. lane) < most then return nil end
  local places = places_of(own, lane)
  return #places >= most and places or nil
end

-- Publish the runs that wait in the lane and have a place now, the one that waits longest first.
local function release(own, lane, now_ms)
  local waiting = own .. 'waiting:' .. lane
  local rows, found = redis.call('HGETALL', waiting), {}
  if #rows == 0 then return end
  for i = 1, #rows, 2 do
    local each = cjson.decode(rows[i + 1])
    each.entry = rows[i]
    found[#found + 1] = each
  end
  table.sort(found, function(a, b) return a.since < b.since or (a.since == b.since and a.id < b.id) end)
  local left = #found
  for _, each in ipairs(found) do
    local run = own .. 'run:' .. each.id
    local queued = redis.call('HGET', run, 's') == 'queued'
    local places = queued and full(own, lane, each.most)
    if places then
      redis.call('HSET', run, 'y', 'waits for the end of run ' .. places[1].id)
    else
      redis.call('HDEL', waiting, each.entry)
      left = left - 1
    end
    if queued and not places then
      redis.call('SADD', own .. lane, each.id)
      redis.call('HDEL', run, 'y')
      -- A key that is no list must not keep the run before from its end: then a beat publishes this one, or says why not.
      local pushed = each.message and redis.pcall('LPUSH', each.queue, each.message)
      if pushed and not (type(pushed) == 'table' and pushed.err) then
        redis.call('ZADD', own .. 'unclaimed', now_ms + each.again, each.id)
      else
        redis.call('ZADD', own .. 'outbox', now_ms, each.id)
      end
    end
  end
  if left > 0 then
    redis.call('ZADD', own .. 'waiting', now_ms + 1000, lane)
  else
    redis.call('ZREM', own .. 'waiting', lane)
  end
end
