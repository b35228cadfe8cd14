-- Decide the ticks of a batch of entries, once: write their dispositions, their runs and their next due time and, where
-- the broker is this server, push their messages. All of it happens, or for an entry that changed meanwhile, nothing.
--
-- KEYS  1 the schedule (zset)   2 the ledger of all (hash)   3 unclaimed   4 outbox   5 deadlines (zsets)
--       and one entry's hash for each entry of the batch, in its order
-- ARGV  1 the batch, as JSON:
--         own: our prefix   queues: the prefix of queues   now: ms   republish_at: when an unclaimed message is published
--         again, ms   push: true to push the messages, false to leave them to the outbox
--         message: text, name of a field, text, …: what a worker reads, with holes for fields of the run and of its form
--         meta: RedBeat's `meta` up to how often the entry has run
--         decisions: of each entry, in the order of the keys (store/decision.py; times in ms are texts, Lua would round them)
--           name, score: as read   tick: as read   next: new score   last: new tick
--           expected: number of ticks   ran: how often it has run, for its meta   parked: take it out of the schedule
--           unpark: it was taken out
--           left_out: of each range: disposition, count, range (JSON as text)   runs: of each run: id, at, by: when it must
--             have started (ms)   max_runs: as many runs the entry may have   behind, caught_up: since when ticks wait for
--             their turn (ms), or that none does any more
--       and one for each entry, in their order: the form of its runs, as JSON that is made once per entry
--         job, queue, max_attempts, call (JSON as text), overlap, most: active at once, 0 for any number, group or nothing
--         list: where its messages go, if not to the queue's own   gap: ms between two starts, or nothing
--         message: what stands in the other holes, each as JSON text
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
local batch = cjson.decode(ARGV[1])
local own, now_ms = batch.own, batch.now
local first = 6
-- A key of all entries that is of the wrong type must stop the call before its first write.
redis.call('HLEN', KEYS[2])
redis.call('ZCARD', KEYS[3])
redis.call('ZCARD', KEYS[4])
redis.call('ZCARD', KEYS[5])

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

local totals, new_scores, published, deadlines, messages = {}, {}, {}, {}, {}
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

-- The text of a message: at the odd places what is the same in all, at the even ones the field to put in.
local pieces, parts = batch.message, {}
for i = 1, #pieces, 2 do parts[i] = pieces[i] end
local function filled(form, run)
  for i = 2, #pieces, 2 do parts[i] = run[pieces[i]] or form.message[pieces[i]] end
  return table.concat(parts)
end

-- Create a run. With `behind` it waits for the end of that one, and is published then.
local function create_run(name, form, run, behind)
  local record = own .. 'run:' .. run.id
  if redis.call('ZADD', own .. 'runs:' .. name, 'NX', now_ms, run.id) == 0 then return end -- it is on record already
  local lane = lane_of(name, form.group)
  redis.call('HSET', record, 'e', name, 'j', form.job, 'at', run.at, 's', 'queued', 'a', '1', 'm', form.max_attempts,
    'q', form.queue, 'qa', now_ms, 'c', form.call)
  redis.call('PERSIST', own .. 'runs:' .. name)
  redis.call('SADD', own .. 'active:' .. name, run.id)
  if run.by then
    redis.call('HSET', record, 'd', run.by)
    deadlines[#deadlines + 1], deadlines[#deadlines + 2] = run.by, run.id
  end
  if form.group then redis.call('HSET', record, 'g', form.group) end
  if form.gap then redis.call('HSET', record, 'rl', form.gap) end
  if behind then
    redis.call('HSET', record, 'y', 'waits for the end of run ' .. behind)
    redis.call('HSET', own .. 'waiting:' .. lane, name, cjson.encode({
      id = run.id, most = form.most, since = tonumber(now_ms), message = batch.push and filled(form, run) or nil,
      queue = batch.queues .. (form.list or form.queue), again = batch.republish_at - now_ms}))
    redis.call('ZADD', own .. 'waiting', now_ms, lane)
    return
  end
  if form.group then redis.call('SADD', own .. lane, run.id) end
  published[#published + 1] = run.id
  if batch.push then
    local list = form.list or form.queue
    local queue = messages[list]
    if not queue then
      queue = {ids = {}}
      messages[list] = queue
    end
    queue[#queue + 1] = filled(form, run)
    queue.ids[#queue] = run.id
  end
end

-- The run that waits of this entry, or nil.
local function waiting_of(name, lane)
  local text = redis.call('HGET', own .. 'waiting:' .. lane, name)
  return text and cjson.decode(text).id
end

-- Have older runs of the entry give way to this one: the one that waits, and as many as take the places that it needs.
local function make_room(name, lane, form, run, places, replaced)
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
  local needed = #places - form.most + 1
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
local function start(name, form, runs, before)
  local overlapping, waits, replaced = {}, {}, {}
  local lane = lane_of(name, form.group)
  local may_wait = form.overlap == 'queue' or form.overlap == 'replace'
  local function left_out(run, reason)
    leave_out(name, 'skipped_overlap', 1, cjson.encode({
      disposition = 'skipped_overlap', first = tonumber(run.at), last = tonumber(run.at), count = 1,
      reason = reason, decided = tonumber(now_ms)}), before)
    overlapping[run.id] = reason
  end
  for _, run in ipairs(runs) do
    local places = full(own, lane, form.most)
    if may_wait and not places and waiting_of(name, lane) then
      release(own, lane, tonumber(now_ms))
      places = full(own, lane, form.most)
    end
    if places and form.overlap == 'replace' then
      make_room(name, lane, form, run, places, replaced)
      places = full(own, lane, form.most)
    end
    local behind = places and places[1].id
    local other = places and may_wait and waiting_of(name, lane)
    if other then
      left_out(run, 'run ' .. other .. ' waits already, for the end of run ' .. behind)
    elseif places and not may_wait then
      left_out(run, 'run ' .. behind .. ' is not finished')
    else
      create_run(name, form, run, behind)
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

-- Note how far the entry is, and when to look at it again.
local function schedule(key, ended, decision)
  if decision.ran then
    redis.call('HSET', key, 'tick', decision.last, 'meta', batch.meta .. decision.ran .. '}')
  else
    redis.call('HSET', key, 'tick', decision.last)
  end
  if decision.parked then redis.call('HSET', key, 'parked', '1') end
  if decision.unpark and not decision.parked then redis.call('HDEL', key, 'parked') end
  if decision.caught_up or ended then
    redis.call('HDEL', key, 'behind')
  elseif decision.behind then
    redis.call('HSET', key, 'behind', decision.behind)
  end
  new_scores[#new_scores + 1] = ended and '-1' or decision.next
  new_scores[#new_scores + 1] = key
end

local function decide(key, score, form, decision)
  local name = decision.name
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
    answer = start(name, cjson.decode(form), decision.runs, decision.left_out and '' or decision.tick)
  end
  if decision.expected then count(name, 'expected', decision.expected) end
  left = runs_left(name, decision)
  local ended = left and left <= 0
  schedule(key, ended, decision)
  if ended then answer.ended = decision.max_runs end
  return next(answer) and cjson.encode(answer) or 'decided'
end

local results = {}
for i = 1, #KEYS - first + 1 do
  local key = KEYS[first + i - 1]
  local well, answer = pcall(decide, key, scores[i], ARGV[i + 1], batch.decisions[i])
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
in_chunks(redis.call, 'ZADD', KEYS[5], deadlines)
in_chunks(redis.call, 'ZADD', KEYS[1], new_scores)
for what, n in pairs(totals) do redis.call('HINCRBY', KEYS[2], what, n) end
return results
