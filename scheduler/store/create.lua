-- Create a run that a person asked for, or one that an application sent without a record.
--
-- KEYS  1 the run (hash)   2 outbox (zset)
-- ARGV  1 run id   2 entry or ''   3 job   4 trigger   5 scheduled at, ms   6 queue   7 max_attempts   8 call as JSON
--       9 publish at, ms; '' for now; 'never': its message is under way already
--       10 it must start by, ms, or ''   11 the entry's group, or ''   12 our prefix
--       13 ms between two starts of its entry's runs, or ''
-- Result: 1 created, 0 it was there. A second call changes nothing.
-- include: record
local clock = redis.call('TIME')
local now_ms = clock[1] * 1000 + math.floor(clock[2] / 1000)
local id, own = ARGV[1], ARGV[12]
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
local function given(text) return text ~= '' and text or nil end
local rules = {job = ARGV[3], queue = ARGV[6], max_attempts = ARGV[7], group = given(ARGV[11]), gap = given(ARGV[13])}
recorded(own, id, ARGV[2], rules, ARGV[8], ARGV[5], now_ms, given(ARGV[10]), nil, {'t', ARGV[4]})
if ARGV[9] ~= 'never' then redis.call('ZADD', KEYS[2], ARGV[9] == '' and now_ms or ARGV[9], id) end
return 1
