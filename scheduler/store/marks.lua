-- A mark of what the file said of each entry when it was applied: equal where it says the same now.
--
-- KEYS  the entries (hashes)
-- ARGV  none
-- Result: for each the SHA-1 of its field `onbeat`, or '' where it has none. Changes nothing.
local marks = {}
for i, key in ipairs(KEYS) do
  local own = redis.pcall('HGET', key, 'onbeat')
  marks[i] = type(own) == 'string' and redis.sha1hex(own) or ''
end
return marks
