-- The mark of each entry as the file had it when it was applied: equal where the file says the same now.
--
-- KEYS  the entries (hashes)
-- ARGV  none
-- Result: for each the mark that its field `onbeat` begins with, or '' where it has none. Changes nothing.
local marks = {}
for i, key in ipairs(KEYS) do
  local own = redis.pcall('HGET', key, 'onbeat')
  marks[i] = type(own) == 'string' and string.match(own, '^{"mark": "(%x+)"') or ''
end
return marks
