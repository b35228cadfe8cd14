-- Put a plan in force: write the entries that it adds and changes, delete those that it removes.
--
-- KEYS  1 the schedules in force (hash)   2 schedule (zset)   3 the ledger of all entries (hash)
--       4 … the entries to write, then those that are changed or removed, then of each that withdraws ticks its ledger
--       and its ticks, then what to delete
-- ARGV  1 digest, 2 revision, 3 applied at in ms, 4 by, as they were read; '' for none
--       5 digest, 6 revision, 7 applied at in ms, 8 by, 9 environment, as they will be
--       10 meta of an entry that never ran   11 how many ranges of ticks are kept of an entry
--       12 how many are written, 13 how many are changed or removed, 14 how many withdraw ticks
--       15 … of each that is written: definition, onbeat, its tick, its score, and what to do with those two:
--         'anew'    its ticks are counted from there on
--         'sooner'  the score is set where it comes before the one that is there
--         'keep'    they stay
--       … of each that is changed or removed, as it was read: definition, onbeat, tick; '' for none
--       … of each that withdraws ticks: their range as JSON, their disposition, how many
-- Result: 1 done, 0 something has come in between since it was read, and nothing was written.
-- A second call with the same arguments changes nothing.
local writes, reads, withdrawals = tonumber(ARGV[12]), tonumber(ARGV[13]), tonumber(ARGV[14])

local function is_as_read(key, fields, at)
  local found = redis.call('HMGET', key, unpack(fields))
  for i = 1, #fields do
    if (found[i] or '') ~= ARGV[at + i] then return false end
  end
  return true
end

if not is_as_read(KEYS[1], { 'digest', 'revision', 'applied_at', 'by' }, 0) then return 0 end
for i = 1, reads do
  local at = 14 + 5 * writes + 3 * (i - 1)
  if not is_as_read(KEYS[3 + writes + i], { 'definition', 'onbeat', 'tick' }, at) then return 0 end
end

local scores = {}
for i = 1, writes do
  local key, at = KEYS[3 + i], 10 + 5 * i
  local anew = ARGV[at + 4] == 'anew'
  if anew and redis.call('EXISTS', key) == 0 then
    redis.call('HSET', key, 'definition', ARGV[at], 'onbeat', ARGV[at + 1], 'tick', ARGV[at + 2], 'meta', ARGV[10])
  else
    redis.call('HSET', key, 'definition', ARGV[at], 'onbeat', ARGV[at + 1])
    redis.call('HSETNX', key, 'meta', ARGV[10])
    if anew then
      redis.call('HSET', key, 'tick', ARGV[at + 2])
      redis.call('HDEL', key, 'parked', 'behind')
    end
  end
  if anew then
    scores[#scores + 1] = ARGV[at + 3]
    scores[#scores + 1] = key
  elseif ARGV[at + 4] == 'sooner' then
    redis.call('ZADD', KEYS[2], 'LT', ARGV[at + 3], key)
  end
end
for i = 1, #scores, 1000 do
  redis.call('ZADD', KEYS[2], unpack(scores, i, math.min(i + 999, #scores)))
end
for i = 1, withdrawals do
  local ledger, ticks = KEYS[2 + writes + reads + 2 * i], KEYS[3 + writes + reads + 2 * i]
  local at = 12 + 5 * writes + 3 * reads + 3 * i
  redis.call('LPUSH', ticks, ARGV[at])
  redis.call('LTRIM', ticks, 0, ARGV[11] - 1)
  for _, key in ipairs({ ledger, KEYS[3] }) do
    redis.call('HINCRBY', key, 'expected', ARGV[at + 2])
    redis.call('HINCRBY', key, ARGV[at + 1], ARGV[at + 2])
  end
end
for i = 4 + writes + reads + 2 * withdrawals, #KEYS do
  redis.call('ZREM', KEYS[2], KEYS[i])
  redis.call('DEL', KEYS[i])
end
redis.call('HSET', KEYS[1], 'digest', ARGV[5], 'revision', ARGV[6], 'applied_at', ARGV[7], 'by', ARGV[8], 'env', ARGV[9])
return 1
