-- Keep lines that a run wrote.
--
-- KEYS  1 the run's log (stream)
-- ARGV  1 the most lines to keep   2 lifetime, ms   3 a token of this call   then the lines, each a JSON object
-- Result: how many lines the log has now. The last line of a call bears its token: the same call again adds nothing.
local last = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1]
if not (last and last[2][4] == ARGV[3]) then
  for i = 4, #ARGV - 1 do redis.call('XADD', KEYS[1], 'MAXLEN', ARGV[1], '*', 'l', ARGV[i]) end
  redis.call('XADD', KEYS[1], 'MAXLEN', ARGV[1], '*', 'l', ARGV[#ARGV], 't', ARGV[3])
end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return redis.call('XLEN', KEYS[1])
