-- Take messages that are of no use any more out of a queue: their runs have ended before a worker took them, and may even
-- be off the record by now (a run is on record before its message is sent).
--
-- KEYS  the queue's lists, one for each priority
-- ARGV  1 our prefix   2 how many messages of each list to look at, from the oldest on
-- Result: how many were taken out. A message whose run may start yet, and one that is not ours, is left alone.
local over = { succeeded = true, failed = true, skipped = true, expired = true, cancelled = true }

local function is_of_no_use(text)
  local read, message = pcall(cjson.decode, text)
  if not read or type(message) ~= 'table' or type(message.headers) ~= 'table' then return false end
  if type(message.headers.onbeat) ~= 'table' or type(message.headers.id) ~= 'string' then return false end
  local state = redis.call('HGET', ARGV[1] .. 'run:' .. message.headers.id, 's')
  return not state or over[state] == true
end

local taken = 0
for _, key in ipairs(KEYS) do
  for _, text in ipairs(redis.call('LRANGE', key, -tonumber(ARGV[2]), -1)) do
    -- Found at once: it is looked for from the end where it is.
    if is_of_no_use(text) then taken = taken + redis.call('LREM', key, -1, text) end
  end
end
return taken
