-- Keep lines that a run wrote.
--
-- KEYS  1 the run's log (stream)
-- ARGV  1 the most lines to keep   2 lifetime, ms   then the lines, each a JSON object
-- Result: how many lines the log has now
for i = 3, #ARGV do redis.call('XADD', KEYS[1], 'MAXLEN', ARGV[1], '*', 'l', ARGV[i]) end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return redis.call('XLEN', KEYS[1])
