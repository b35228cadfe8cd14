-- Keep lines that a run wrote: the first of them and the last, with a gap between where there are too many.
--
-- KEYS  1 the run (hash)   2 its log (stream)
-- ARGV  1 most lines of the beginning   2 most bytes of it   3 most lines of the end   4 most bytes of it
--       5 lifetime, ms   6 a token of this call
--       7 how many of the lines come before a gap   8 how many were left out in that gap   then the lines, each a JSON object
-- Result: how many lines the log has now; 0 where the run is on record no more.
--
-- The run's field `lg` says where the log stands: n lines written in all, b bytes in the part that grows, c lines in the
-- beginning and h the position of its last one, once it is full; t the token of the last call: the same call again adds
-- nothing.
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
local most_lines, most_bytes = tonumber(ARGV[3]), tonumber(ARGV[4])
local at = cjson.decode(redis.call('HGET', KEYS[1], 'lg') or '{"n":0,"b":0}')
if at.t == ARGV[6] then return redis.call('XLEN', KEYS[2]) end
at.t = ARGV[6]

local function begin_the_end()
  if at.h then return end
  local newest = redis.call('XREVRANGE', KEYS[2], '+', '-', 'COUNT', 1)[1]
  at.h, at.c, at.b = newest and newest[1] or '0-0', redis.call('XLEN', KEYS[2]), 0
end
local before = tonumber(ARGV[7])
for i = 9, #ARGV do
  local line = ARGV[i]
  if i - 9 == before and tonumber(ARGV[8]) > 0 then begin_the_end() end
  if not at.h and (redis.call('XLEN', KEYS[2]) >= tonumber(ARGV[1]) or at.b + #line > tonumber(ARGV[2])) then
    begin_the_end()
  end
  redis.call('XADD', KEYS[2], '*', 'l', line)
  at.b = at.b + #line
end
at.n = at.n + #ARGV - 8 + tonumber(ARGV[8])

-- The end is a window: its oldest lines go.
if at.h then
  local surplus = redis.call('XLEN', KEYS[2]) - at.c - most_lines
  while surplus > 0 or at.b > most_bytes do
    local oldest = redis.call('XRANGE', KEYS[2], '(' .. at.h, '+', 'COUNT', math.max(1, math.min(surplus, 100)))
    if #oldest == 0 then break end
    for _, each in ipairs(oldest) do
      redis.call('XDEL', KEYS[2], each[1])
      at.b = at.b - #each[2][2]
    end
    surplus = surplus - #oldest
  end
end
redis.call('HSET', KEYS[1], 'lg', cjson.encode(at))
redis.call('PEXPIRE', KEYS[2], ARGV[5])
return redis.call('XLEN', KEYS[2])
