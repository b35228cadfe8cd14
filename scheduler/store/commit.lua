-- Decide the ticks of a batch of entries, once: write their dispositions, their runs and their next due time and, where
-- the broker is this server, push their messages. All of it happens, or for an entry that changed meanwhile, nothing.
--
-- KEYS  1 the schedule (zset)   2 the ledger of all (hash)   3 unclaimed   4 outbox   5 deadlines (zsets)
--       and one entry's hash for each entry of the batch, in its order
-- ARGV  1 the batch, as JSON; times in ms are texts, for Lua would round them:
--         own: our prefix   entries: the prefix of entries   queues: the prefix of queues   now: ms
--         republish_at: when an unclaimed message is published again, ms
--         push: true to push the messages, false to leave them to the outbox
--         meta: RedBeat's `meta` up to how often the entry has run
--         and, each a list with one value for every entry:
--         score, tick: as they were read   next: new score   last: new tick   ran: how often it has run, for its meta, or 0
--         rules: the place of its rules in the second argument, or 0   run, at: of the one run that it gets: its id, and
--         its scheduled time, ms; '' where there is none, or several
--         more: what is said of few: of each such entry {its place, {
--           expected: number of ticks   left_out: of each range: disposition, count, range (JSON as text)   joins: the first
--           of these goes on where the last tick was   parked: take it out of the schedule   unpark: it was taken out
--           runs: where it gets one that must have started by a time, or several: of each id, at, by (ms) or nothing
--           max_runs: as many runs the entry may have   behind, caught_up: since when ticks wait for their turn (ms), or
--           that none does any more}}
--         An entry without more has one tick, which becomes a run.
--       2 the rules by which runs are made, as a JSON list; many entries share one
--         job, queue, max_attempts, overlap, most: active at once, 0 for any number, group or nothing
--         list: where the messages go, if not to the queue's own   gap: ms between two starts, or nothing
--         message: of what a worker reads, the pieces before the run's id (four times) and its scheduled time
--       and two for each entry, in their order: the call of its runs, JSON; the piece of its messages after all holes
-- Result, of each entry: 'decided'; 'stale': another beat or an edit was first; 'gone': it was deleted, and what was
--   left of it is too; 'over': it has had all its runs before; or a JSON object
--         overlapping: run id → the reason why it was not started: as many runs are active as may be
--         ended: how many runs the entry has had, where these were all that it may have
--         waits: run id → the run for whose end it waits
--         replaced: of each run that gives way: id, answer (see cancel.lua), job, at (ms), attempt, why
--         trouble: keys of this entry alone can't be written; it was taken out of the schedule
--
-- Guarded by compare-and-set on the entry's score and last tick, so that a beat that slept, or was a second one, changes
-- nothing; a second call with the same arguments finds its own work and answers 'stale'.
-- What all entries write to is written once per batch, at the end: a call costs much, an argument little.
-- include: ending
-- include: record
local batch, rules_of = cjson.decode(ARGV[1]), cjson.decode(ARGV[2])
local own, now_ms = batch.own, batch.now
local first = 6
-- A key of all entries that is of the wrong type must stop the call before its first write.
redis.call('HLEN', KEYS[2])
redis.call('ZCARD', KEYS[3])
redis.call('ZCARD', KEYS[4])
redis.call('ZCARD', KEYS[5])
redis.call('SCARD', own .. 'departed')

-- One command for many pairs of arguments; Lua's stack takes no more than 8,000 at once.
local function in_chunks(call, command, key, args)
  for from = 1, #args, 4000 do
    local answer = call(command, key, unpack(args, from, math.min(from + 3999, #args)))
    if type(answer) == 'table' and answer.err then return answer.err end
  end
end

local scores = {}
for from = first, #KEYS, 4000 do
  for _, score in ipairs(redis.call('ZMSCORE', KEYS[1], unpack(KEYS, from, math.min(from + 3999, #KEYS)))) do
    scores[#scores + 1] = score
  end
end

local totals, new_scores, published, messages = {}, {}, {}, {}
local function count(name, what, n)
  redis.call('HINCRBY', own .. 'ledger:' .. name, what, n)
  totals[what] = (totals[what] or 0) + n
end

-- Keep a range of ticks. One that goes on where the newest on record ends, for the same reason, makes that one longer:
-- `before` is the tick before its first, as text.
local function leave_out(name, disposition, n, range, before)
  local list = own .. 'ticks:' .. name
  local newest = redis.call('LINDEX', list, 0)
  local old, new = newest and cjson.decode(newest) or {}, nil
  if old.disposition == disposition and not old.scattered and string.format('%.0f', old.last) == before then
    new = cjson.decode(range)
  end
  if new and not new.scattered and new.reason == old.reason then
    new.first, new.count = old.first, old.count + new.count
    redis.call('LSET', list, 0, cjson.encode(new))
  else
    redis.call('LPUSH', list, range)
    redis.call('LTRIM', list, 0, 199)
  end
  count(name, disposition, n)
end

local function message_of(rules, id, at, rest)
  local piece = rules.message
  return piece[1] .. id .. piece[2] .. id .. piece[3] .. id .. piece[4] .. id .. piece[5] .. at .. rest
end

-- Create a run. With `behind` it waits for the end of that one, and is published then. `rest`: of its message.
local function create_run(name, rules, call, rest, id, at, by, behind)
  if not recorded(own, id, name, rules, call, at, now_ms, by, behind) then return end
  if behind then
    local lane = lane_of(name, rules.group)
    redis.call('HSET', own .. 'waiting:' .. lane, name, cjson.encode({
      id = id, most = rules.most, since = tonumber(now_ms), message = batch.push and message_of(rules, id, at, rest) or nil,
      queue = batch.queues .. (rules.list or rules.queue), again = batch.republish_at - now_ms}))
    redis.call('ZADD', own .. 'waiting', now_ms, lane)
    return
  end
  published[#published + 1] = id
  if batch.push then
    local list = rules.list or rules.queue
    local queue = messages[list]
    if not queue then
      queue = {ids = {}}
      messages[list] = queue
    end
    queue[#queue + 1] = message_of(rules, id, at, rest)
    queue.ids[#queue] = id
  end
end

-- The run that waits of this entry, or nil.
local function waiting_of(name, lane)
  local text = redis.call('HGET', own .. 'waiting:' .. lane, name)
  return text and cjson.decode(text).id
end

-- Have older runs of the entry give way to this one: the one that waits, and as many as take the places that it needs.
local function make_room(name, lane, rules, run, places, replaced)
  local why = 'replaced by run ' .. run.id
  local function stop(id)
    local about = redis.call('HMGET', own .. 'run:' .. id, 'j', 'at', 'a')
    local answer = stopped(own, id, 'overlap', why, tonumber(now_ms))
    if answer == 'cancelled' or answer == 'asked' then
      replaced[#replaced + 1] = {
        id = id, answer = answer, job = about[1], at = about[2], attempt = tonumber(about[3]), why = why}
    end
  end
  local waits = waiting_of(name, lane)
  if waits then stop(waits) end
  local needed = #places - rules.most + 1
  for _, place in ipairs(places) do
    if place.asked then needed = needed - 1 end
  end
  for _, place in ipairs(places) do
    if needed > 0 and place.entry == name and not place.asked then
      stop(place.id)
      needed = needed - 1
    end
  end
end

-- Create the runs of one decision. Those that must not start are in the answer, each with the reason, and so is what
-- waits, and what gives way. `before` is the tick before the first, as text.
local function start(name, rules, call, rest, runs, before)
  local overlapping, waits, replaced = {}, {}, {}
  local lane = lane_of(name, rules.group)
  local may_wait = rules.overlap == 'queue' or rules.overlap == 'replace'
  local function left_out(run, reason)
    leave_out(name, 'skipped_overlap', 1, cjson.encode({
      disposition = 'skipped_overlap', first = tonumber(run.at), last = tonumber(run.at), count = 1,
      reason = reason, decided = tonumber(now_ms)}), before)
    overlapping[run.id] = reason
  end
  for _, run in ipairs(runs) do
    local places = full(own, lane, rules.most)
    if may_wait and not places and waiting_of(name, lane) then
      release(own, lane, tonumber(now_ms))
      places = full(own, lane, rules.most)
    end
    if places and rules.overlap == 'replace' then
      make_room(name, lane, rules, run, places, replaced)
      places = full(own, lane, rules.most)
    end
    local behind = places and places[1].id
    local other = places and may_wait and waiting_of(name, lane)
    if other then
      left_out(run, 'run ' .. other .. ' waits already, for the end of run ' .. behind)
    elseif places and not may_wait then
      left_out(run, 'run ' .. behind .. ' is not finished')
    else
      create_run(name, rules, call, rest, run.id, run.at, run.by, behind)
      if behind then waits[run.id] = behind end
      count(name, 'dispatched', 1)
    end
    before = run.at
  end
  local answer = {}
  if next(overlapping) then answer.overlapping = overlapping end
  if next(waits) then answer.waits = waits end
  if next(replaced) then answer.replaced = replaced end
  return answer
end

-- How many more runs the entry may have; nil for no limit.
local function runs_left(name, decision)
  if not decision.max_runs then return nil end
  return decision.max_runs - tonumber(redis.call('HGET', own .. 'ledger:' .. name, 'dispatched') or 0)
end

local function forget(key, name)
  redis.call('ZREM', KEYS[1], key)
  redis.call('DEL', key, own .. 'ledger:' .. name, own .. 'ticks:' .. name)
  return 'gone'
end

-- Note the last tick, how often the entry has run, where a run of it begins now, and its new score.
local function advance(key, last, ran, score)
  if ran > 0 then
    redis.call('HSET', key, 'tick', last, 'meta', batch.meta .. ran .. '}')
  else
    redis.call('HSET', key, 'tick', last)
  end
  new_scores[#new_scores + 1], new_scores[#new_scores + 2] = score, key
end

-- Note how far the entry is, and when to look at it again.
local function schedule(key, ended, decision)
  advance(key, decision.last, decision.ran, ended and '-1' or decision.next)
  if decision.parked then redis.call('HSET', key, 'parked', '1') end
  if decision.unpark and not decision.parked then redis.call('HDEL', key, 'parked') end
  if decision.caught_up or ended then
    redis.call('HDEL', key, 'behind')
  elseif decision.behind then
    redis.call('HSET', key, 'behind', decision.behind)
  end
end

local function decide(key, name, score, decision, call, rest)
  local tick = redis.pcall('HGET', key, 'tick')
  if type(tick) == 'table' then
    -- Not a hash: what somebody else keeps under that name stays.
    redis.call('ZREM', KEYS[1], key)
    redis.call('DEL', own .. 'ledger:' .. name, own .. 'ticks:' .. name)
    return 'gone'
  end
  -- RedBeat's API deletes the whole hash; a stock beat may write a `meta` after that.
  if not tick and redis.call('HEXISTS', key, 'definition') == 0 then return forget(key, name) end
  if score ~= decision.score or (tick or '') ~= decision.tick then return 'stale' end
  -- Of another program, which may take it away without a word: Entries.apply looks after what is left then.
  if not tick then redis.call('SADD', own .. 'departed', name) end
  local left = runs_left(name, decision)
  if left and left <= 0 then
    -- It has had all its runs, and was given another schedule since: there are no ticks any more to decide.
    schedule(key, true, decision)
    return 'over'
  end
  for i, some in ipairs(decision.left_out or {}) do
    leave_out(name, some.disposition, some.count, some.range, i == 1 and decision.joins and decision.tick or '')
  end
  local answer = {}
  if decision.runs then
    answer = start(name, rules_of[decision.rules], call, rest, decision.runs, decision.left_out and '' or decision.tick)
  end
  if decision.expected then count(name, 'expected', decision.expected) end
  left = runs_left(name, decision)
  local ended = left and left <= 0
  schedule(key, ended, decision)
  if ended then answer.ended = decision.max_runs end
  return next(answer) and cjson.encode(answer) or 'decided'
end

-- The decision of the entry at this place, in one piece.
local function decision_at(i, more)
  local decision = more or {expected = 1}
  for _, field in ipairs({'score', 'tick', 'next', 'last', 'ran', 'rules'}) do decision[field] = batch[field][i] end
  if batch.run[i] ~= '' then decision.runs = {{id = batch.run[i], at = batch.at[i]}} end
  return decision
end

-- The usual case of `decide`, without its detours: one tick becomes one run. Returns nil, and has written nothing, where
-- anything is out of the ordinary.
local read_score, read_tick, run_id, run_at = batch.score, batch.tick, batch.run, batch.at
local function decide_plainly(i, key, name, call, rest)
  if scores[i] ~= read_score[i] or redis.pcall('HGET', key, 'tick') ~= read_tick[i] then return nil end
  local rules = rules_of[batch.rules[i]]
  if rules.overlap ~= 'skip' and rules.overlap ~= 'allow' then return nil end
  if full(own, lane_of(name, rules.group), rules.most) then return nil end
  create_run(name, rules, call, rest, run_id[i], run_at[i])
  count(name, 'dispatched', 1)
  count(name, 'expected', 1)
  advance(key, batch.last[i], batch.ran[i], batch.next[i])
  return 'decided'
end

local said = {}
for _, each in ipairs(batch.more) do said[each[1]] = each[2] end

local function decide_at(i, key)
  local name, call, rest, more = string.sub(key, #batch.entries + 1), ARGV[2 * i + 1], ARGV[2 * i + 2], said[i]
  return not more and decide_plainly(i, key, name, call, rest)
    or decide(key, name, scores[i], decision_at(i, more), call, rest)
end

local results = {}
for i = 1, #KEYS - first + 1 do
  local key = KEYS[first + i - 1]
  local well, answer = pcall(decide_at, i, key)
  if not well then
    new_scores[#new_scores + 1] = '-1'
    new_scores[#new_scores + 1] = key
    redis.pcall('HSET', key, 'parked', '1')
    answer = cjson.encode({trouble = type(answer) == 'table' and answer.err or tostring(answer)})
  end
  results[i] = answer
end

local left = batch.push and {} or published
for queue, texts in pairs(messages) do
  if in_chunks(redis.pcall, 'LPUSH', batch.queues .. queue, texts) then
    -- Its key is no list: nothing was pushed, and the outbox keeps the runs until somebody mends that.
    for _, id in ipairs(texts.ids) do left[#left + 1] = id end
  end
end
local function scored(ids, at)
  local args = {}
  for i, id in ipairs(ids) do args[2 * i - 1], args[2 * i] = at, id end
  return args
end
in_chunks(redis.call, 'ZADD', KEYS[4], scored(left, now_ms))
if batch.push then in_chunks(redis.call, 'ZADD', KEYS[3], scored(published, batch.republish_at)) end
in_chunks(redis.call, 'ZADD', KEYS[1], new_scores)
for what, n in pairs(totals) do redis.call('HINCRBY', KEYS[2], what, n) end
return results
