-- A run that was not started in time. No script of its own: the scripts that look at it include it after `ending`, and
-- KEYS, ARGV and Result are theirs.
--
-- expired(own, id, now_ms): ends the run `id` as expired where it waits for its first start and the moment by which that
--   had to be has come; the reason on its record, or nil where it goes on. `own` is our prefix.
local function expired(own, id, now_ms)
  local run = redis.call('HMGET', own .. 'run:' .. id, 's', 'd', 'at')
  if run[1] ~= 'queued' or not run[2] or now_ms < tonumber(run[2]) then return nil end
  local why = string.format('not started within its start_deadline of %.14gs', (run[2] - run[3]) / 1000)
  ended(own, id, 'expired', why, now_ms, nil)
  return why
end
