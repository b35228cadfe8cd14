-- Decide the ticks of a batch of entries, once: write their dispositions, their runs and their next due time and, where
-- the broker is this server, push their messages. All of it happens, or for an entry that changed meanwhile, nothing.
--
-- KEYS  1 the schedule (zset)   2 the ledger of all (hash)   3 unclaimed   4 outbox   5 deadlines (zsets)
--       and one entry's hash for each entry of the batch, in its order
-- ARGV  1 the batch, as JSON:
--         own: our prefix   queues: the prefix of queues   now: ms   republish_at: when an unclaimed message is published
--         again, ms   push: true to push the messages, false to leave them to the outbox
--       then of each entry, in order, two JSON objects (store/decision.py; times in ms are texts, Lua would round them):
--       the form of its runs, made once per entry
--         job, queue, max_attempts, call (JSON as text), overlap, max_active
--         message: text, name of a field of the run, text, …: what a worker reads, with holes
--       the decision
--         name, score: as read   tick: as read   next: new score   last: new tick
--         expected: number of ticks   meta: new text   parked: take it out of the schedule   unpark: it was taken out
--         left_out: of each range: disposition, count, range (JSON as text)   runs: of each run: id, at, by: when it must have
--           started (ms)   max_runs: as many runs the entry may have   behind, caught_up: since when ticks wait for their
--           turn (ms), or that none does any more
-- Result, of each entry: 'decided'; 'stale': another beat or an edit was first; 'gone': it was deleted, and what was
--   left of it is too; 'over': it has had all its runs before; or a JSON object
--         overlapping: run id → the reason why it was not started: as many runs are active as may be
--         ended: how many runs the entry has had, where these were all that it may have
--         trouble: keys of this entry alone can't be written; it was taken out of the schedule
--
-- Guarded by compare-and-set on the entry's score and last tick, so that a beat that slept, or was a second one, changes
-- nothing; a second call with the same arguments finds its own work and answers 'stale'.
-- What all entries write to is written once per batch, at the end: a call costs much, an argument little.
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

-- The text of a message: at the odd places what is always the same, at the even ones the field of the run to put in.
local function filled(pieces, run)
  local parts = {}
  for i, piece in ipairs(pieces) do parts[i] = i % 2 == 1 and piece or run[piece] end
  return table.concat(parts)
end

local function create_run(name, form, run)
  local record = own .. 'run:' .. run.id
  if redis.call('EXISTS', record) == 1 then return end
  redis.call('HSET', record, 'e', name, 'j', form.job, 'at', run.at, 's', 'queued', 'a', '1', 'm', form.max_attempts,
    'q', form.queue, 'qa', now_ms, 'c', form.call)
  redis.call('ZADD', own .. 'runs:' .. name, now_ms, run.id)
  redis.call('PERSIST', own .. 'runs:' .. name)
  redis.call('SADD', own .. 'active:' .. name, run.id)
  if run.by then
    redis.call('HSET', record, 'd', run.by)
    deadlines[#deadlines + 1], deadlines[#deadlines + 2] = run.by, run.id
  end
  published[#published + 1] = run.id
  if batch.push then
    local queue = messages[form.queue]
    if not queue then
      queue = {ids = {}}
      messages[form.queue] = queue
    end
    queue[#queue + 1] = filled(form.message, run)
    queue.ids[#queue] = run.id
  end
end

-- An active run for which another one must wait, or false. What is on no record any more is active no longer.
local function overlapping(active, max_active)
  if redis.call('SCARD', active) < max_active then return false end
  local alive, one = 0, false
  for _, run_id in ipairs(redis.call('SMEMBERS', active)) do
    if redis.call('EXISTS', own .. 'run:' .. run_id) == 1 then
      alive, one = alive + 1, run_id
    else
      redis.call('SREM', active, run_id)
    end
  end
  return alive >= max_active and one
end

-- Create the runs of one decision; those that must not start are in the answer, each with the reason. `before` is the
-- tick before the first, as text.
local function start(name, form, runs, before)
  local answer
  for _, run in ipairs(runs) do
    local running = form.overlap == 'skip' and overlapping(own .. 'active:' .. name, form.max_active)
    if running then
      local reason = 'run ' .. running .. ' is not finished'
      leave_out(name, 'skipped_overlap', 1, cjson.encode({
        disposition = 'skipped_overlap', first = tonumber(run.at), last = tonumber(run.at), count = 1,
        reason = reason, decided = tonumber(now_ms)}), before)
      answer = answer or {}
      answer[run.id] = reason
    else
      create_run(name, form, run)
      count(name, 'dispatched', 1)
    end
    before = run.at
  end
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
local function schedule(key, next_score, decision)
  if decision.meta then
    redis.call('HSET', key, 'tick', decision.last, 'meta', decision.meta)
  else
    redis.call('HSET', key, 'tick', decision.last)
  end
  if decision.parked then redis.call('HSET', key, 'parked', '1') end
  if decision.unpark and not decision.parked then redis.call('HDEL', key, 'parked') end
  if decision.behind then redis.call('HSET', key, 'behind', decision.behind) end
  if decision.caught_up then redis.call('HDEL', key, 'behind') end
  new_scores[#new_scores + 1] = next_score
  new_scores[#new_scores + 1] = key
end

local function decide(key, score, form, decision)
  local found = redis.pcall('HMGET', key, 'tick', 'definition')
  local name = decision.name
  if found.err then
    -- Not a hash: what somebody else keeps under that name stays.
    redis.call('ZREM', KEYS[1], key)
    redis.call('DEL', own .. 'ledger:' .. name, own .. 'ticks:' .. name)
    return 'gone'
  end
  if not found[2] then return forget(key, name) end
  if score ~= decision.score or (found[1] or '') ~= decision.tick then return 'stale' end
  local left = runs_left(name, decision)
  if left and left <= 0 then
    -- It has had all its runs, and was given another schedule since: there are no ticks any more to decide.
    schedule(key, '-1', decision)
    return 'over'
  end
  for i, some in ipairs(decision.left_out or {}) do
    leave_out(name, some.disposition, some.count, some.range, i == 1 and decision.joins and decision.tick or '')
  end
  local waiting
  if decision.runs then
    waiting = start(name, form, decision.runs, decision.left_out and '' or decision.tick)
  end
  if decision.expected then count(name, 'expected', decision.expected) end
  left = runs_left(name, decision)
  local ended = left and left <= 0
  schedule(key, ended and '-1' or decision.next, decision)
  if not waiting and not ended then return 'decided' end
  return cjson.encode({overlapping = waiting, ended = ended and decision.max_runs or nil})
end

local results = {}
for i = 1, #KEYS - first + 1 do
  local key = KEYS[first + i - 1]
  local well, answer = pcall(function()
    return decide(key, scores[i], cjson.decode(ARGV[2 * i]), cjson.decode(ARGV[2 * i + 1]))
  end)
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
