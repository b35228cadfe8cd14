-- What is there to do now? One round trip for a whole turn of the beat. Writes nothing.
--
-- KEYS  1 the schedule (zset)   2 paused (hash)   3 outbox   4 retries   5 leases   6 unclaimed   7 announcements (list)
--       8 deadlines   9 waiting   10 ended (zsets)   11 beats (hash)
-- ARGV  1 the most entries to return
--       2 '' for a beat that is alone; or of each slot (home.py) '1' where this beat is its home, else '0'
--       3 how long the others' entries are left to them, ms
-- Result
--   1 now, ms, by the server's clock
--   2 of each entry that is due: key, score, definition, meta, onbeat, tick, parked, one after the other; '' for no field
--   3 the score of the next entry that is not due, or ''
--   4 where an entry is due, the pauses in force, as field, value, …
--   5 how many are waiting now: {outbox, retries, leases, unclaimed, announcements, deadlines, lanes, ended}
--   6 how many beats are known, if an entry is due, else -1
-- Due means: its score, in seconds, is not after now. A score below 0 is parked.
local PAGE, MOST_READ, ONE = 2000, 20000, string.byte('1')
local clock = redis.call('TIME')
local now_ms = clock[1] * 1000 + math.floor(clock[2] / 1000)
local now_s = string.format('%.3f', now_ms / 1000)

-- Of the entries that are due: our own first, then those of others that are overdue, each the longest first, as key, score,
-- …; and when the first of those that are left to the others becomes anyone's, in seconds, or nil. A key that is looked at
-- costs half a microsecond: no number is read from text, and no score but of those that are taken.
local function ours_and_overdue()
  local sha1hex, sub, byte, homes = redis.sha1hex, string.sub, string.byte, ARGV[2]
  local most, overdue = tonumber(ARGV[1]), redis.call('ZCOUNT', KEYS[1], 0, (now_ms - ARGV[3]) / 1000)
  local taken, late, left, read, page = {}, {}, nil, 0, nil
  repeat
    page = redis.call('ZRANGEBYSCORE', KEYS[1], 0, now_s, 'LIMIT', read, PAGE)
    for i = 1, #page do
      if byte(homes, tonumber(sub(sha1hex(page[i]), 1, 3), 16) + 1) == ONE then
        taken[#taken + 1] = page[i]
      elseif read + i <= overdue then
        late[#late + 1] = page[i]
      else
        left = left or page[i]
      end
    end
    read = read + PAGE
  until #taken >= most or #page < PAGE or read >= MOST_READ
  local left_at = left and redis.call('ZSCORE', KEYS[1], left) + ARGV[3] / 1000
  -- Some of ours may stand behind so many of the others: they are looked for as soon as those are fewer.
  if #page == PAGE and #taken < most then left_at = now_ms / 1000 + 0.05 end
  for i = 1, most - #taken do taken[#taken + 1] = late[i] end
  local rows = {}
  for from = 1, math.min(most, #taken), PAGE do
    local to = math.min(from + PAGE - 1, most, #taken)
    for i, score in ipairs(redis.call('ZMSCORE', KEYS[1], unpack(taken, from, to))) do
      rows[#rows + 1], rows[#rows + 2] = taken[from + i - 1], score
    end
  end
  return rows, left_at
end

-- The first entry says whether any is due: most turns find none, and each command counts.
local first = redis.call('ZRANGEBYSCORE', KEYS[1], 0, '+inf', 'WITHSCORES', 'LIMIT', 0, 1)
local next_at = first[2] or ''
local due, pauses, n, beats = {}, {}, 0, -1
if first[2] and tonumber(first[2]) <= tonumber(now_s) then
  local rows, left_at
  if ARGV[2] == '' then
    rows = redis.call('ZRANGEBYSCORE', KEYS[1], 0, now_s, 'WITHSCORES', 'LIMIT', 0, ARGV[1])
  else
    rows, left_at = ours_and_overdue()
  end
  for i = 1, #rows, 2 do
    -- A key that is no hash has no fields: the commit takes it out of the schedule.
    local found = redis.pcall('HMGET', rows[i], 'definition', 'meta', 'onbeat', 'tick', 'parked')
    if found.err then found = {} end
    due[n + 1], due[n + 2] = rows[i], rows[i + 1]
    for field = 1, 5 do due[n + 2 + field] = found[field] or '' end
    n = n + 7
  end
  next_at = redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. now_s, '+inf', 'WITHSCORES', 'LIMIT', 0, 1)[2] or ''
  if left_at and (next_at == '' or left_at < tonumber(next_at)) then next_at = string.format('%.3f', left_at) end
  beats = redis.call('HLEN', KEYS[11])
  pauses = redis.call('HGETALL', KEYS[2])
end

local waiting = {0, 0, 0, 0, 0, 0, 0, 0}
if redis.call('EXISTS', unpack(KEYS, 3, 10)) > 0 then
  waiting = {
    redis.call('ZCOUNT', KEYS[3], '-inf', now_ms),
    redis.call('ZCOUNT', KEYS[4], '-inf', now_ms),
    redis.call('ZCOUNT', KEYS[5], '-inf', now_ms),
    redis.call('ZCOUNT', KEYS[6], '-inf', now_ms),
    redis.call('LLEN', KEYS[7]),
    redis.call('ZCOUNT', KEYS[8], '-inf', now_ms),
    redis.call('ZCOUNT', KEYS[9], '-inf', now_ms),
    redis.call('ZCOUNT', KEYS[10], '-inf', now_ms),
  }
  -- What is to be published later, a retry or a deadline that comes before the next entry decides when the beat looks again.
  for _, place in ipairs({KEYS[3], KEYS[4], KEYS[8], KEYS[10]}) do
    local soonest = redis.call('ZRANGEBYSCORE', place, '(' .. now_ms, '+inf', 'WITHSCORES', 'LIMIT', 0, 1)
    if soonest[2] and (next_at == '' or soonest[2] / 1000 < tonumber(next_at)) then
      next_at = string.format('%.3f', soonest[2] / 1000)
    end
  end
  -- While runs wait for the end of another a beat looks often: the end may leave them to the outbox.
  if redis.call('EXISTS', KEYS[9]) == 1 and (next_at == '' or tonumber(next_at) > now_ms / 1000 + 0.2) then
    next_at = string.format('%.3f', now_ms / 1000 + 0.2)
  end
end
return {now_ms, due, next_at, pauses, waiting, beats}
