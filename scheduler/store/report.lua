-- Keep what a job says of itself while it runs: its checkpoint, or how far it is.
--
-- KEYS  1 the run (hash)
-- ARGV  1 attempt   2 worker   3 'cp' for a checkpoint, JSON, or 'p' for its progress: a JSON object   4 the text
-- Result: 'kept'; 'asked': kept, and somebody wants the run stopped; 'fenced': the run was given away, nothing was kept.
local run = redis.call('HMGET', KEYS[1], 's', 'a', 'w', 'xb')
if run[1] ~= 'running' or run[2] ~= ARGV[1] or run[3] ~= ARGV[2] then return 'fenced' end
local text = ARGV[4]
if ARGV[3] == 'p' then
  local clock = redis.call('TIME')
  local at = string.format('{"at":%.0f', clock[1] * 1000 + math.floor(clock[2] / 1000))
  text = at .. (text == '{}' and '}' or ',' .. string.sub(text, 2))
end
redis.call('HSET', KEYS[1], ARGV[3], text)
return run[4] and 'asked' or 'kept'
